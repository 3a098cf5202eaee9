/* SPDX-License-Identifier: Apache-2.0 */
/* Reading JSON with errors that name file, key and what was expected (over jansson). */
#ifndef SN_BASE_JSON_H
#define SN_BASE_JSON_H

#include "base/status.h"

#include <jansson.h>

/* Parses a file: an object at the top, no duplicate keys, at most 256 MiB. Fails: SN_E_SYSTEM,
 * SN_E_FORMAT ("<path>: line 3: ..."). *out is NEW (json_decref). */
SN_NODISCARD sn_status sn__json_load(const char *path, json_t **out);
/* The same from text; `path` is for the error only. */
SN_NODISCARD sn_status sn__json_parse(const char *text, size_t bytes, const char *path,
                                      json_t **out);

/* Typed members. `where` is printed before the key ("manifest.json: node_types.paper"). A missing
 * member gives SN_OK with NULL or `absent` where the name says _opt, else SN_E_FORMAT; another type
 * always SN_E_FORMAT. Results are BORROWED. */
SN_NODISCARD sn_status sn__json_object(const json_t *object, const char *key, const char *where,
                                       json_t **out);
SN_NODISCARD sn_status sn__json_object_opt(const json_t *object, const char *key, const char *where,
                                           json_t **out);
SN_NODISCARD sn_status sn__json_array(const json_t *object, const char *key, const char *where,
                                      json_t **out);
SN_NODISCARD sn_status sn__json_array_opt(const json_t *object, const char *key, const char *where,
                                          json_t **out);
SN_NODISCARD sn_status sn__json_string(const json_t *object, const char *key, const char *where,
                                       const char **out);
SN_NODISCARD sn_status sn__json_string_opt(const json_t *object, const char *key, const char *where,
                                           const char **out);
/* Integers in [least, most]. */
SN_NODISCARD sn_status sn__json_int(const json_t *object, const char *key, const char *where,
                                    int64_t least, int64_t most, int64_t *out);
SN_NODISCARD sn_status sn__json_int_opt(const json_t *object, const char *key, const char *where,
                                        int64_t least, int64_t most, int64_t absent, int64_t *out);
SN_NODISCARD sn_status sn__json_number_opt(const json_t *object, const char *key, const char *where,
                                           double absent, double *out);
SN_NODISCARD sn_status sn__json_bool_opt(const json_t *object, const char *key, const char *where,
                                         bool absent, bool *out);

#endif
