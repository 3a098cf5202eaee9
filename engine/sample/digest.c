/* SPDX-License-Identifier: Apache-2.0 */
/* The digest of a batch: docs/sampling.md, section 4.1. Bytes are hashed as they lie in memory,
 * which is little-endian on every machine that Seine is built for. */
#include "base/status.h"
#include "engine/sample/batch.h"

#include <string.h>

#define XXH_INLINE_ALL /* the state's size is not part of the shared library's ABI */
#include <xxhash.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "arrays and digests are little-endian");

enum { CHUNK = 512 }; /* int32 indices are widened in pieces of this many */

static void add(XXH3_state_t *state, const void *data, size_t bytes)
{
    if (bytes > 0) /* an empty tensor may have no memory */
        (void)XXH3_64bits_update(state, data, bytes);
}

static void add_widened(XXH3_state_t *state, const int32_t *values, size_t count)
{
    int64_t wide[CHUNK];
    for (size_t at = 0; at < count; at += CHUNK) {
        size_t n = count - at < CHUNK ? count - at : CHUNK;
        for (size_t i = 0; i < n; i++)
            wide[i] = values[at + i];
        add(state, wide, n * sizeof *wide);
    }
}

static void add_tensor(XXH3_state_t *state, const sn__tensor_spec *spec, const sn_tensor *tensor)
{
    bool narrow = sn__kind_is_index(spec->kind) && tensor->dtype.bits == 32;
    uint8_t head[3] = { tensor->dtype.code, narrow ? 64 : tensor->dtype.bits,
                        (uint8_t)tensor->ndim };
    add(state, spec->name, strlen(spec->name) + 1);
    add(state, head, sizeof head);
    add(state, tensor->shape, (size_t)tensor->ndim * sizeof *tensor->shape);
    if (narrow)
        add_widened(state, tensor->data, (size_t)sn_tensor_count(tensor));
    else
        add(state, tensor->data, (size_t)sn_tensor_bytes(tensor));
}

uint64_t sn_batch_digest(const sn_batch *batch)
{
    XXH3_state_t state;
    (void)XXH3_64bits_reset(&state);
    add(&state, &batch->info.epoch, sizeof batch->info.epoch);
    add(&state, &batch->info.batch, sizeof batch->info.batch);
    for (int32_t i = 0; i < batch->info.tensors; i++)
        add_tensor(&state, &batch->plan->tensors[i], &batch->tensors[i]);
    return XXH3_64bits_digest(&state);
}
