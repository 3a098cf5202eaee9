/* SPDX-License-Identifier: Apache-2.0 */
/* Content hashes: XXH3-128 with seed 0, printed as xxh128sum prints it (high half first). */
#include "base/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <xxhash.h>

static void print(XXH128_hash_t hash, char out[SN__HASH_HEX])
{
    (void)snprintf(out, SN__HASH_HEX, "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64,
                   (uint64_t)hash.low64);
}

void sn__hash_hex(const void *data, size_t bytes, char out[SN__HASH_HEX])
{
    print(XXH3_128bits(data, bytes), out);
}

sn_status sn__hash_begin(sn__hash *hash)
{
    XXH3_state_t *state = XXH3_createState();
    if (state == NULL)
        return sn__fail(SN_E_NOMEM, "hash: cannot allocate its state");
    (void)XXH3_128bits_reset(state); /* fails for NULL alone, as does the update */
    hash->state = state;
    return SN_OK;
}

void sn__hash_add(sn__hash *hash, const void *data, size_t bytes)
{
    if (bytes > 0)
        (void)XXH3_128bits_update(hash->state, data, bytes);
}

void sn__hash_end(sn__hash *hash, char out[SN__HASH_HEX])
{
    print(XXH3_128bits_digest(hash->state), out);
    (void)XXH3_freeState(hash->state);
    hash->state = NULL;
}
