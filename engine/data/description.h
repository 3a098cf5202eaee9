/* SPDX-License-Identifier: Apache-2.0 */
/* Types and arrays of a dataset as JSON: the members that META.json and the description of an image
 * have in common. Where an array lies differs: a reader and a writer of its entry say it. */
#ifndef SN_ENGINE_DATA_DESCRIPTION_H
#define SN_ENGINE_DATA_DESCRIPTION_H

#include "engine/data/inside.h"

enum { SN__DESCRIPTION_WHERE = 1200 }; /* path and member */

typedef struct sn__array_reader {
    /* Puts the array of `entry` into its empty slot; `said` has the type and shape that the entry
     * tells. `where` begins the error. */
    sn_status (*read)(void *context, const json_t *entry, const char *where, const sn_tensor *said,
                      sn__stored *array);
    void *context;
} sn__array_reader;

/* The entry of an array, NEW, or NULL: out of memory. */
typedef json_t *(*sn__array_writer)(const sn__stored *array);

/* Reads types, arrays, links and `unlabelled` into an empty dataset; contents are not looked at
 * (sn__dataset_check). Fails: SN_E_FORMAT, SN_E_NOMEM, and as the reader. */
SN_NODISCARD sn_status sn__description_read(sn_dataset *dataset, const json_t *root,
                                            const char *path, const sn__array_reader *reader);
/* Adds them to `root`. false: out of memory. */
bool sn__description_write(const sn_dataset *dataset, json_t *root, sn__array_writer writer);

/* Adds `dtype` and `shape` to an entry. false: out of memory. */
bool sn__description_put_view(json_t *entry, const sn_tensor *view);
/* Sets a member; TAKES the value. A value that could not be allocated is NULL, and setting NULL
 * fails, so one result tells of all. */
static inline bool sn__description_put(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0;
}
/* 32 hexadecimal digits. Fails: SN_E_FORMAT. */
SN_NODISCARD sn_status sn__description_check_hash(const char *hash, const char *key,
                                                  const char *where);

#endif
