/* SPDX-License-Identifier: Apache-2.0 */
/* The sampler in this process: topology, then memory, then delivery. */
#include "seine/sampler.h"

#include "base/mem.h"
#include "engine/sample/batch.h"
#include "engine/sample/deliver.h"

#include <string.h>

struct sn_sampler {
    sn_plan *plan; /* a reference */
    sn__batch_pool *pool;
    const sn__kernel_ops *ops;
    sn__topology topology;
    sn_tensor *layout; /* [tensors] of the batch under way */
};

sn_status sn_sampler_create(sn_plan *plan, sn_sampler **out)
{
    if (plan == NULL || out == NULL)
        return sn__fail(SN_E_INVALID, "sampler: plan and out are needed");
    sn_sampler *sampler;
    SN_TRY(sn__mem_zalloc(1, sizeof *sampler, "sampler", &sampler));
    sampler->ops = sn__kernels_cpu();
    sampler->plan = sn__plan_retain(plan);
    sn_status status = sn__mem_zalloc((size_t)plan->num_tensors, sizeof *sampler->layout,
                                      "batch layout", &sampler->layout);
    if (status == SN_OK)
        status = sn__batch_pool_create(&sampler->pool);
    if (status == SN_OK)
        status = sn__topology_init(&sampler->topology, plan);
    if (status != SN_OK) {
        sn_sampler_release(sampler);
        return status;
    }
    *out = sampler;
    return SN_OK;
}

void sn_sampler_release(sn_sampler *sampler)
{
    if (sampler == NULL)
        return;
    if (sampler->topology.plan != NULL)
        sn__topology_deinit(&sampler->topology);
    sn__batch_pool_release(sampler->pool);
    sn__mem_free(sampler->layout);
    sn_plan_release(sampler->plan);
    sn__mem_free(sampler);
}

static void count_all(const sn__topology *t, sn_batch_info *info)
{
    for (int32_t i = 0; i < t->plan->num_node_types; i++)
        info->num_nodes += (int64_t)t->nodes[i].count;
    for (int32_t e = 0; e < t->plan->num_edge_types; e++)
        info->num_edges += (int64_t)t->edges[e].count;
}

sn_status sn_sampler_sample(sn_sampler *sampler, uint64_t epoch, int64_t batch, sn_batch **out)
{
    int64_t batches = sampler->plan->num_batches;
    if (batch < 0 || batch >= batches)
        return sn__fail(SN_E_RANGE, "sampler: batch %lld of %lld", (long long)batch,
                        (long long)batches);

    sn_batch *made;
    size_t bytes;
    SN_TRY(sn__topology_sample(&sampler->topology, sampler->ops, epoch, batch));
    SN_TRY(sn__deliver_layout(&sampler->topology, sampler->layout, &bytes));
    SN_TRY(sn__batch_pool_take(sampler->pool, sampler->plan, bytes, &made));
    memcpy(made->tensors, sampler->layout, (size_t)made->info.tensors * sizeof *made->tensors);
    sn_status status =
        sn__deliver_write(&sampler->topology, sampler->ops, made->payload, made->tensors);
    if (status != SN_OK) {
        sn_batch_release(made);
        return status;
    }
    made->info.epoch = epoch;
    made->info.batch = (uint64_t)batch;
    count_all(&sampler->topology, &made->info);
    *out = made;
    return SN_OK;
}

sn_status sn_sampler_sample_step(sn_sampler *sampler, uint64_t epoch, int64_t step, sn_batch **out)
{
    int64_t batch;
    bool padded;
    sn_batch *made = NULL;
    SN_TRY(sn_plan_step(sampler->plan, step, &batch, &padded));
    SN_TRY(sn_sampler_sample(sampler, epoch, batch, &made));
    if (padded)
        made->info.flags |= SN_BATCH_PADDED;
    *out = made;
    return SN_OK;
}
