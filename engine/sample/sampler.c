/* SPDX-License-Identifier: Apache-2.0 */
/* The sampler in this process: batches are computed into blocks of a pool. */
#include "seine/sampler.h"

#include "base/mem.h"
#include "engine/sample/batch.h"
#include "engine/sample/compute.h"

struct sn_sampler {
    sn_plan *plan; /* a reference */
    sn__batch_pool *pool;
    sn__compute *compute;
    sn_batch *made; /* the batch under way, once it has memory */
};

sn_status sn_sampler_create(sn_plan *plan, sn_sampler **out)
{
    if (plan == NULL || out == NULL)
        return sn__fail(SN_E_INVALID, "sampler: plan and out are needed");
    sn_sampler *sampler;
    SN_TRY(sn__mem_zalloc(1, sizeof *sampler, "sampler", &sampler));
    sampler->plan = sn__plan_retain(plan);
    sn_status status = sn__batch_pool_create(SN__POOL_FEW, &sampler->pool);
    if (status == SN_OK)
        status = sn__compute_create(plan, &sampler->compute);
    if (status != SN_OK) {
        sn_sampler_release(sampler);
        return status;
    }
    *out = sampler;
    return SN_OK;
}

sn_status sn_sampler_set_threads(sn_sampler *sampler, int32_t threads)
{
    if (sampler == NULL)
        return sn__fail(SN_E_INVALID, "sampler: it is needed");
    if (threads < 1 || threads > SN_MAX_THREADS)
        return sn__fail(SN_E_RANGE, "sampler: threads %d: 1 to %d", threads, SN_MAX_THREADS);
    return sn__compute_set_threads(sampler->compute, threads);
}

void sn_sampler_release(sn_sampler *sampler)
{
    if (sampler == NULL)
        return;
    sn__compute_release(sampler->compute);
    sn__batch_pool_release(sampler->pool);
    sn_plan_release(sampler->plan);
    sn__mem_free(sampler);
}

/* The sink's memory: a block of the pool. */
static sn_status reserve(void *context, const sn_batch_info *info, const sn_tensor *tensors,
                         size_t bytes, uint8_t **payload)
{
    sn_sampler *sampler = context;
    sn_batch *batch;
    SN_TRY(sn__batch_pool_take(sampler->pool, sampler->plan, bytes, &batch));
    batch->info = *info;
    for (int32_t i = 0; i < info->tensors; i++) {
        batch->tensors[i] = tensors[i];
        batch->tensors[i].data = batch->payload + (uintptr_t)tensors[i].data;
    }
    sampler->made = batch;
    *payload = batch->payload;
    return SN_OK;
}

static sn_status hand_out(sn_sampler *sampler, sn_status status, sn_batch **out)
{
    sn_batch *made = sampler->made;
    sampler->made = NULL;
    if (status == SN_OK)
        *out = made;
    else
        sn_batch_release(made);
    return status;
}

sn_status sn_sampler_sample(sn_sampler *sampler, uint64_t epoch, int64_t batch, sn_batch **out)
{
    sn__sink sink = { .context = sampler, .reserve = reserve };
    sn_batch_info info;
    sn_status status = sn__compute_batch(sampler->compute, epoch, batch, &sink, &info);
    return hand_out(sampler, status, out);
}

sn_status sn_sampler_sample_step(sn_sampler *sampler, uint64_t epoch, int64_t step, sn_batch **out)
{
    sn__sink sink = { .context = sampler, .reserve = reserve };
    sn_batch_info info;
    sn_status status = sn__compute_step(sampler->compute, epoch, step, &sink, &info);
    return hand_out(sampler, status, out);
}
