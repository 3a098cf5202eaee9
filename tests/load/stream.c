/* SPDX-License-Identifier: Apache-2.0 */
#include "load/stream.h"

#include "engine/sample/plan.h"
#include "sample/small.h"

#include <check.h>

const load_config load_configs[LOAD_CONFIGS] = {
    { 0, 1, 0 }, { 1, 1, 0 }, { 1, 2, 0 },    { 2, 1, 0 },
    { 2, 2, 0 }, { 4, 1, 0 }, { 2, 1, 8192 }, /* little memory: batches spill */
};

sn_plan *load_plan(int index, const sn_plan_options *share)
{
    static const int64_t two[] = { 3, -1 }, typed[] = { 1, 2, 2, 1 };
    static float labels[RING_EDGES];
    const sn_tensor edge_labels = { labels, { SN_FLOAT, 32 }, 1, { RING_EDGES, 1, 1, 1 } };
    const sn_link_options binary = *SN_LINK_OPTIONS(.labels = &edge_labels, .neg = SN_NEG_BINARY,
                                                    .amount = 1.5),
                          triplet = *SN_LINK_OPTIONS(.edge_type = 1, .neg = SN_NEG_TRIPLET,
                                                     .remove = true);
    sn_plan_options table[LOAD_PLANS] = {
        { .batch_size = 3, .shuffle = true, .hops = 2, .fanout = two, .features = true },
        { .batch_size = 4, .hops = 2, .fanout = two, .dir = SN_DIR_IN, .with_edge = true },
        { .batch_size = 7,
          .shuffle = true,
          .hops = 1,
          .fanout = two,
          .with_edge = true,
          .features = true,
          .labels = SN_LABELS_ALL },
        { .batch_size = 5, .hops = 2, .fanout = typed, .per_edge_type = true, .shuffle = true },
        { .batch_size = 6, .hops = 2, .fanout = two, .dir = SN_DIR_IN, .input_type = 1 },
        { .batch_size = 1, .hops = 0, .replace = true },
        { .batch_size = 9, .hops = 1, .fanout = two, .shuffle = true, .links = &binary },
        { .batch_size = 7, .hops = 2, .fanout = typed, .per_edge_type = true, .links = &triplet },
        { .batch_size = 6,
          .shuffle = true,
          .hops = 1,
          .fanout = two,
          .with_edge = true,
          .features = true,
          .labels = SN_LABELS_SEEDS,
          .subgraph = true },
        { .batch_size = 9, .hops = 2, .fanout = typed, .per_edge_type = true, .subgraph = true },
    };
    sn_plan_options options = table[index];
    sn_dataset *dataset =
        index == 3 || index == 4 || index == 7 || index == 9 ? small_typed() : small_ring();
    sn_plan *plan;
    options.struct_size = sizeof options;
    options.seed = 11;
    if (share != NULL) {
        options.rank = share->rank;
        options.world = share->world;
        options.uneven = share->uneven;
    }
    sn_status status = sn_plan_create(dataset, &options, &plan);
    ck_assert_msg(status == SN_OK, "%s", sn_error_detail());
    sn_dataset_release(dataset);
    return plan;
}

sn_loader *load_create(int index, sn_plan *plan)
{
    const load_config *config = &load_configs[index];
    sn_loader *loader;
    sn_status (*create)(sn_plan *, const sn_loader_options *, sn_loader **) =
        plan->links.on   ? sn_link_loader_create
        : plan->subgraph ? sn_subgraph_loader_create
                         : sn_node_loader_create;
    sn_status status =
        create(plan,
               SN_LOADER_OPTIONS(.workers = config->workers, .concurrency = config->concurrency,
                                 .channel_bytes = config->channel_bytes),
               &loader);
    ck_assert_msg(status == SN_OK, "%s", sn_error_detail());
    return loader;
}

sn_sampler *load_sampler(sn_plan *plan)
{
    sn_sampler *sampler;
    ck_assert_int_eq(sn_sampler_create(plan, &sampler), SN_OK);
    return sampler;
}

void load_expect_step(sn_loader *loader, sn_sampler *sampler, uint64_t epoch, int64_t step)
{
    sn_batch *got, *wanted;
    sn_status status = sn_loader_next(loader, SN_WAIT_DEFAULT, &got);
    ck_assert_msg(status == SN_OK, "step %lld: %s: %s", (long long)step, sn_status_name(status),
                  sn_error_detail());
    ck_assert_int_eq(sn_sampler_sample_step(sampler, epoch, step, &wanted), SN_OK);
    sn_batch_info got_info = sn_batch_get_info(got), wanted_info = sn_batch_get_info(wanted);
    ck_assert_uint_eq(got_info.epoch, epoch);
    ck_assert_uint_eq(got_info.batch, wanted_info.batch);
    ck_assert_uint_eq(got_info.seed, wanted_info.seed);
    ck_assert_uint_eq(got_info.flags, wanted_info.flags);
    ck_assert_int_eq(got_info.num_nodes, wanted_info.num_nodes);
    ck_assert_int_eq(got_info.num_edges, wanted_info.num_edges);
    ck_assert_uint_eq(sn_batch_digest(got), sn_batch_digest(wanted));
    sn_batch_release(got);
    sn_batch_release(wanted);
}

void load_expect_steps(sn_loader *loader, sn_sampler *sampler, uint64_t epoch, int64_t first,
                       int64_t end)
{
    sn_batch *batch;
    for (int64_t step = first; step < end; step++)
        load_expect_step(loader, sampler, epoch, step);
    ck_assert_int_eq(sn_loader_next(loader, SN_WAIT_DEFAULT, &batch), SN_E_END);
    ck_assert_int_eq(sn_loader_next(loader, 0, &batch), SN_E_END);
}
