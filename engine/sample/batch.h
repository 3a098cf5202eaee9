/* SPDX-License-Identifier: Apache-2.0 */
/* A batch from inside, and where its memory comes from.
 *
 * One block of memory holds a batch: this struct, the tensor views behind it, then the payload,
 * every tensor 64-byte aligned. Blocks come from a pool and go back to it with the last reference,
 * so that a steady stream allocates nothing.
 *
 *     block   sn_batch | sn_tensor[tensors] | pad to 64 | payload
 *
 * A borrowed batch has no payload: its views lie in memory of a lender, who gets it back with the
 * last reference, from whichever thread drops that. */
#ifndef SN_ENGINE_SAMPLE_BATCH_H
#define SN_ENGINE_SAMPLE_BATCH_H

#include "engine/sample/plan.h"
#include "seine/batch.h"

#include <limits.h>
#include <pthread.h>

typedef struct sn__batch_pool sn__batch_pool;

/* Who lends memory to batches; lives until all of it was given back. */
typedef struct sn__lender {
    /* `what` and `where` are those of the loan. Once per loan, from any thread. */
    void (*give_back)(struct sn__lender *lender, uint64_t what, uint64_t where);
} sn__lender;

typedef struct sn__loan {
    sn__lender *lender;   /* NULL: the memory is the block's own */
    uint64_t what, where; /* the lender's business */
} sn__loan;

struct sn_batch {
    atomic_int references;
    sn_plan *plan;        /* a reference: names and types of the tensors */
    sn__batch_pool *pool; /* a reference */
    size_t block_bytes;
    struct sn_batch *next_free;
    sn__loan loan;
    sn_batch_info info;
    sn_tensor *tensors; /* [info.tensors], behind this struct */
    uint8_t *payload;
};

enum { SN__ALIGN = 64 };

static inline size_t sn__align_up(size_t bytes)
{
    return (bytes + SN__ALIGN - 1) / SN__ALIGN * SN__ALIGN;
}

enum {
    SN__POOL_FEW = 4,       /* for a consumer that holds a few batches while it asks for the next */
    SN__POOL_ALL = INT_MAX, /* as many as ever lived at once: small blocks */
};

/* `keeps`: free blocks that it keeps; more go back to the system. Fails: SN_E_NOMEM. *out is NEW
 * (sn__batch_pool_release); batches hold references of their own. */
SN_NODISCARD sn_status sn__batch_pool_create(int keeps, sn__batch_pool **out);
void sn__batch_pool_release(sn__batch_pool *pool);
/* A batch with room for `payload` bytes, contents undefined. *out is NEW. Any thread. Fails:
 * SN_E_NOMEM. */
SN_NODISCARD sn_status sn__batch_pool_take(sn__batch_pool *pool, sn_plan *plan, size_t payload,
                                           sn_batch **out);
/* A batch without memory of its own; the caller fills info and tensors. The loan begins with SN_OK.
 * *out is NEW. Any thread. Fails: SN_E_NOMEM. */
SN_NODISCARD sn_status sn__batch_pool_borrow(sn__batch_pool *pool, sn_plan *plan,
                                             const sn__loan *loan, sn_batch **out);
/* Whether a view that a peer wrote can be tensor `index` of the plan: type, dimensions, all lengths
 * that do not depend on the batch, and a size that does not overflow. Where it lies is not looked
 * at. Fails: SN_E_CORRUPT, naming the tensor. */
SN_NODISCARD sn_status sn__batch_check_tensor(const sn_plan *plan, int32_t index,
                                              const sn_tensor *view);

#endif
