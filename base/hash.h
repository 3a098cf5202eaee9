/* SPDX-License-Identifier: Apache-2.0 */
/* Content hashes: XXH3-128 for files and fingerprints. (Digests of batches: engine/sample/digest.c.) */
#ifndef SN_BASE_HASH_H
#define SN_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

enum { SN__HASH_HEX = 33 }; /* 32 digits and a NUL */

void sn__hash_hex(const void *data, size_t bytes, char out[SN__HASH_HEX]);

#endif
