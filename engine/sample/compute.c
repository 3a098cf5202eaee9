/* SPDX-License-Identifier: Apache-2.0 */
/* One batch: topology, layout, memory from the sink, delivery. */
#include "engine/sample/compute.h"

#include "base/mem.h"
#include "engine/sample/deliver.h"

struct sn__compute {
    const sn_plan *plan;
    const sn__kernel_ops *ops;
    sn__topology topology;
    sn_tensor *layout; /* [tensors] of the batch under way */
};

sn_status sn__compute_create(const sn_plan *plan, sn__compute **out)
{
    sn__compute *compute;
    SN_TRY(sn__mem_zalloc(1, sizeof *compute, "sampler", &compute));
    compute->plan = plan;
    compute->ops = sn__kernels_cpu();
    sn_status status = sn__mem_zalloc((size_t)plan->num_tensors, sizeof *compute->layout,
                                      "batch layout", &compute->layout);
    if (status == SN_OK)
        status = sn__topology_init(&compute->topology, plan);
    if (status != SN_OK) {
        sn__mem_free(compute->layout);
        sn__mem_free(compute);
        return status;
    }
    *out = compute;
    return SN_OK;
}

sn_status sn__compute_set_threads(sn__compute *compute, int32_t threads)
{
    return sn__topology_set_threads(&compute->topology, threads);
}

void sn__compute_release(sn__compute *compute)
{
    if (compute == NULL)
        return;
    sn__topology_deinit(&compute->topology);
    sn__mem_free(compute->layout);
    sn__mem_free(compute);
}

static void count_all(const sn__topology *t, sn_batch_info *info)
{
    for (int32_t i = 0; i < t->plan->num_node_types; i++)
        info->num_nodes += (int64_t)t->nodes[i].count;
    for (int32_t e = 0; e < t->plan->num_edge_types; e++)
        info->num_edges += (int64_t)t->edges[e].count;
}

/* `info` says which batch, and gets the rest. */
static sn_status compute_into(sn__compute *compute, const sn__sink *sink, sn_batch_info *info)
{
    sn__topology *topology = &compute->topology;
    uint8_t *payload = NULL;
    size_t bytes;
    topology->progress = sink->progress;
    SN_TRY(sn__topology_sample(topology, compute->ops, info->epoch, (int64_t)info->batch));
    SN_TRY(sn__deliver_layout(topology, compute->layout, &bytes));
    count_all(topology, info);
    sn__sink_step(sink, SN_STEP_SAMPLED);

    SN_TRY(sink->reserve(sink->context, info, compute->layout, bytes, &payload));
    sn__sink_step(sink, SN_STEP_RESERVED);

    SN_TRY(sn__deliver_write(topology, compute->ops, sink, payload, compute->layout));
    sn__sink_step(sink, SN_STEP_WRITTEN);
    return SN_OK;
}

static sn_status compute_one(sn__compute *compute, sn_batch_info info, const sn__sink *sink,
                             sn_batch_info *out)
{
    info.seed = compute->plan->seed;
    info.tensors = compute->plan->num_tensors;
    SN_TRY(compute_into(compute, sink, &info));
    *out = info;
    return SN_OK;
}

sn_status sn__compute_batch(sn__compute *compute, uint64_t epoch, int64_t batch,
                            const sn__sink *sink, sn_batch_info *out)
{
    int64_t batches = compute->plan->num_batches;
    if (batch < 0 || batch >= batches)
        return sn__fail(SN_E_RANGE, "sampler: batch %lld of %lld", (long long)batch,
                        (long long)batches);
    return compute_one(compute, (sn_batch_info){ .epoch = epoch, .batch = (uint64_t)batch }, sink,
                       out);
}

sn_status sn__compute_step(sn__compute *compute, uint64_t epoch, int64_t step, const sn__sink *sink,
                           sn_batch_info *out)
{
    int64_t batch;
    bool padded;
    SN_TRY(sn_plan_step(compute->plan, step, &batch, &padded));
    return compute_one(compute,
                       (sn_batch_info){ .epoch = epoch,
                                        .batch = (uint64_t)batch,
                                        .flags = padded ? SN_BATCH_PADDED : 0 },
                       sink, out);
}
