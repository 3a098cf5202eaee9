/* SPDX-License-Identifier: Apache-2.0 */
/* Content hashes: XXH3-128 for files and fingerprints. (Digests of batches:
 * engine/sample/digest.c.) */
#ifndef SN_BASE_HASH_H
#define SN_BASE_HASH_H

#include "base/status.h"

enum { SN__HASH_HEX = 33 }; /* 32 digits and a NUL */

void sn__hash_hex(const void *data, size_t bytes, char out[SN__HASH_HEX]);

/* The same in pieces. Every begin needs an end, also after an error (`out` is then of no use). */
typedef struct sn__hash {
    void *state;
} sn__hash;

SN_NODISCARD sn_status sn__hash_begin(sn__hash *hash);
void sn__hash_add(sn__hash *hash, const void *data, size_t bytes);
void sn__hash_end(sn__hash *hash, char out[SN__HASH_HEX]);

#endif
