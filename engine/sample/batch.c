/* SPDX-License-Identifier: Apache-2.0 */
/* Batches: pooled blocks, counted, readable from any thread. */
#include "engine/sample/batch.h"

#include "base/mem.h"
#include "base/process.h"
#include "base/tensor.h"

#include <string.h>

struct sn__batch_pool {
    atomic_int references; /* the owner's and one per living batch */
    pid_t process;         /* that made it */
    int keeps;
    pthread_mutex_t lock;
    sn_batch *free; /* linked by next_free */
    int free_count;
};

static void free_block(sn_batch *batch)
{
    sn__mem_pages_free(batch, batch->block_bytes);
}

sn_status sn__batch_pool_create(int keeps, sn__batch_pool **out)
{
    sn__batch_pool *pool;
    SN_TRY(sn__mem_zalloc(1, sizeof *pool, "batch pool", &pool));
    atomic_init(&pool->references, 1);
    pool->process = sn__process_id();
    pool->keeps = keeps;
    pthread_mutex_init(&pool->lock, NULL);
    *out = pool;
    return SN_OK;
}

void sn__batch_pool_release(sn__batch_pool *pool)
{
    if (pool == NULL || atomic_fetch_sub_explicit(&pool->references, 1, memory_order_acq_rel) > 1)
        return;
    while (pool->free != NULL) {
        sn_batch *batch = pool->free;
        pool->free = batch->next_free;
        free_block(batch);
    }
    pthread_mutex_destroy(&pool->lock);
    sn__mem_free(pool);
}

/* The first free block that is large enough, or NULL. */
static sn_batch *pop_free(sn__batch_pool *pool, size_t bytes)
{
    pthread_mutex_lock(&pool->lock);
    sn_batch **link = &pool->free, *found = NULL;
    while (*link != NULL && (*link)->block_bytes < bytes)
        link = &(*link)->next_free;
    if (*link != NULL) {
        found = *link;
        *link = found->next_free;
        pool->free_count--;
    }
    pthread_mutex_unlock(&pool->lock);
    return found;
}

/* Keeps the block, or the larger ones of those there are; what is given up is freed. */
static void push_free(sn__batch_pool *pool, sn_batch *batch)
{
    pthread_mutex_lock(&pool->lock);
    batch->next_free = pool->free;
    pool->free = batch;
    sn_batch *dropped = NULL;
    if (++pool->free_count > pool->keeps) {
        sn_batch **smallest = &pool->free;
        for (sn_batch **link = &pool->free; *link != NULL; link = &(*link)->next_free)
            if ((*link)->block_bytes < (*smallest)->block_bytes)
                smallest = link;
        dropped = *smallest;
        *smallest = dropped->next_free;
        pool->free_count--;
    }
    pthread_mutex_unlock(&pool->lock);
    if (dropped != NULL)
        free_block(dropped);
}

sn_status sn__batch_pool_take(sn__batch_pool *pool, sn_plan *plan, size_t payload, sn_batch **out)
{
    size_t head = sn__align_up(sizeof(sn_batch) + (size_t)plan->num_tensors * sizeof(sn_tensor));
    size_t bytes, roomy;
    if (!sn__add_size(head, payload, &bytes) || !sn__add_size(bytes, bytes / 4, &roomy))
        return sn__fail(SN_E_NOMEM, "batch: %zu bytes overflow", payload);
    sn_batch *batch = pop_free(pool, bytes);
    if (batch == NULL) {
        SN_TRY(sn__mem_pages(roomy, "batch", &batch)); /* the next batch may be somewhat larger */
        batch->block_bytes = roomy;
    }
    atomic_init(&batch->references, 1);
    batch->plan = sn__plan_retain(plan);
    batch->pool = pool;
    atomic_fetch_add_explicit(&pool->references, 1, memory_order_relaxed);
    batch->next_free = NULL;
    batch->loan = (sn__loan){ 0 };
    batch->info = (sn_batch_info){ .seed = plan->seed, .tensors = plan->num_tensors };
    batch->tensors = (sn_tensor *)(batch + 1);
    batch->payload = (uint8_t *)batch + head;
    *out = batch;
    return SN_OK;
}

sn_status sn__batch_pool_borrow(sn__batch_pool *pool, sn_plan *plan, const sn__loan *loan,
                                sn_batch **out)
{
    SN_TRY(sn__batch_pool_take(pool, plan, 0, out));
    (*out)->loan = *loan;
    (*out)->payload = NULL;
    return SN_OK;
}

sn_batch *sn_batch_retain(sn_batch *batch)
{
    if (batch != NULL)
        atomic_fetch_add_explicit(&batch->references, 1, memory_order_relaxed);
    return batch;
}

void sn_batch_release(sn_batch *batch)
{
    if (batch == NULL || atomic_fetch_sub_explicit(&batch->references, 1, memory_order_acq_rel) > 1)
        return;
    sn__batch_pool *pool = batch->pool;
    if (pool->process != sn__process_id())
        return; /* a child of fork(): the memory is its parent's, and locks may be held for ever */
    sn__loan loan = batch->loan; /* the block may be another thread's batch once it is free */
    sn_plan_release(batch->plan);
    push_free(pool, batch);
    sn__batch_pool_release(pool);
    if (loan.lender != NULL)
        loan.lender->give_back(loan.lender, loan.what, loan.where);
}

sn_batch_info sn_batch_get_info(const sn_batch *batch)
{
    return batch->info;
}

const sn_tensor *sn_batch_tensor(const sn_batch *batch, int32_t index, const char **name)
{
    if (index < 0 || index >= batch->info.tensors)
        return NULL;
    if (name != NULL)
        *name = batch->plan->tensors[index].name;
    return &batch->tensors[index];
}

const sn_tensor *sn_batch_find(const sn_batch *batch, const char *name)
{
    for (int32_t i = 0; i < batch->info.tensors; i++)
        if (strcmp(batch->plan->tensors[i].name, name) == 0)
            return &batch->tensors[i];
    return NULL;
}

sn_status sn__batch_check_tensor(const sn_plan *plan, int32_t index, const sn_tensor *view)
{
    char is[SN__SHAPE_TEXT], should[SN__SHAPE_TEXT];
    size_t bytes;
    if (index < 0 || index >= plan->num_tensors)
        return sn__fail(SN_E_CORRUPT, "batch: tensor %d of %d", index, plan->num_tensors);
    const sn__tensor_spec *spec = &plan->tensors[index];
    int64_t fixed = sn__tensor_fixed_length(plan, spec);
    sn_tensor like = spec->like;
    like.shape[spec->vary] = fixed < 0 ? view->shape[spec->vary] : fixed;
    if (sn__dtype_equal(view->dtype, like.dtype) && view->ndim == like.ndim &&
        memcmp(view->shape, like.shape, sizeof like.shape) == 0 &&
        sn__shape_bytes(like.dtype, like.ndim, like.shape, &bytes))
        return SN_OK;
    int32_t ndim = view->ndim < 0 || view->ndim > SN_MAX_DIMS ? 0 : view->ndim; /* to print */
    return sn__fail(SN_E_CORRUPT, "batch: tensor %s is %s %s of %d dimensions, expected %s %s",
                    spec->name, sn_dtype_name(view->dtype), sn__shape_text(ndim, view->shape, is),
                    view->ndim, sn_dtype_name(like.dtype),
                    sn__shape_text(like.ndim, like.shape, should));
}
