/* SPDX-License-Identifier: Apache-2.0 */
/* A batch from inside, and where its memory comes from.
 *
 * One block of memory holds a batch: this struct, the tensor views behind it, then the payload,
 * every tensor 64-byte aligned. Blocks come from a pool and go back to it with the last reference,
 * so that a steady stream allocates nothing.
 *
 *     block   sn_batch | sn_tensor[tensors] | pad to 64 | payload
 */
#ifndef SN_ENGINE_SAMPLE_BATCH_H
#define SN_ENGINE_SAMPLE_BATCH_H

#include "engine/sample/plan.h"
#include "seine/batch.h"

#include <pthread.h>

typedef struct sn__batch_pool sn__batch_pool;

struct sn_batch {
    atomic_int references;
    sn_plan *plan;        /* a reference: names and types of the tensors */
    sn__batch_pool *pool; /* a reference */
    size_t block_bytes;
    struct sn_batch *next_free;
    sn_batch_info info;
    sn_tensor *tensors; /* [info.tensors], behind this struct */
    uint8_t *payload;
};

enum { SN__ALIGN = 64 };

static inline size_t sn__align_up(size_t bytes)
{
    return (bytes + SN__ALIGN - 1) / SN__ALIGN * SN__ALIGN;
}

/* Fails: SN_E_NOMEM. *out is NEW (sn__batch_pool_release); batches hold references of their own. */
SN_NODISCARD sn_status sn__batch_pool_create(sn__batch_pool **out);
void sn__batch_pool_release(sn__batch_pool *pool);
/* A batch with room for `payload` bytes, contents undefined. *out is NEW. Any thread. Fails:
 * SN_E_NOMEM. */
SN_NODISCARD sn_status sn__batch_pool_take(sn__batch_pool *pool, sn_plan *plan, size_t payload,
                                           sn_batch **out);

#endif
