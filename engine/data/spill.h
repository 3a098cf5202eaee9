/* SPDX-License-Identifier: Apache-2.0 */
/* A nameless temporary file on the disk that the dataset goes to, mapped: for what must not count
 * as memory. Gone with the process, however that ends. */
#ifndef SN_ENGINE_DATA_SPILL_H
#define SN_ENGINE_DATA_SPILL_H

#include "engine/data/writer.h"

typedef struct sn__spill {
    uint8_t *data; /* NULL: none */
    size_t bytes;
    int fd; /* valid if data is not NULL */
} sn__spill;

/* Its blocks are reserved: no space is an error here, not a signal later. Fails: SN_E_SYSTEM. */
SN_NODISCARD sn_status sn__spill_make(const sn__writer *writer, size_t bytes, sn__spill *out);
/* Without the mapping: no page faults, no resident pages. Any thread. Fails: SN_E_SYSTEM. */
SN_NODISCARD sn_status sn__spill_write(const sn__spill *spill, size_t offset, const void *data,
                                       size_t bytes);
SN_NODISCARD sn_status sn__spill_read(const sn__spill *spill, size_t offset, void *data,
                                      size_t bytes);
/* Pages of [offset, offset + bytes) need not stay in memory; their contents stay. */
void sn__spill_forget(const sn__spill *spill, size_t offset, size_t bytes);
void sn__spill_free(sn__spill *spill);

#endif
