/* SPDX-License-Identifier: Apache-2.0 */
#include "hand.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

sn_tensor hand_ids(const int64_t *ids, int64_t count)
{
    return (sn_tensor){ (void *)(uintptr_t)ids, { SN_INT, 64 }, 1, { count, 1, 1, 1 } };
}

static sn_source times_of(const int64_t *times, int64_t count)
{
    return times != NULL ? (sn_source){ .tensor = hand_ids(times, count) } : (sn_source){ 0 };
}

sn_dataset *hand_dataset(const hand *of)
{
    size_t bytes = (size_t)of->edges * sizeof(int64_t);
    int64_t *ends = malloc(2 * bytes + 1);
    ck_assert_ptr_nonnull(ends);
    if (of->edges > 0) {
        memcpy(ends, of->src, bytes);
        memcpy(ends + of->edges, of->dst, bytes);
    }
    sn_node_spec node = { .count = of->nodes, .times = times_of(of->node_times, of->nodes) };
    sn_edge_spec edge = { .edge_index.tensor = { ends, { SN_INT, 64 }, 2, { 2, of->edges, 1, 1 } },
                          .times = times_of(of->times, of->edges) };
    if (of->weights != NULL)
        edge.weights.tensor = (sn_tensor){
            (void *)(uintptr_t)of->weights, { SN_FLOAT, 32 }, 1, { of->edges, 1, 1, 1 }
        };
    sn_dataset *dataset;
    sn_status status = sn_dataset_create(SN_DATASET_SPEC(.num_node_types = 1, .node_types = &node,
                                                         .num_edge_types = 1, .edge_types = &edge),
                                         &dataset);
    ck_assert_msg(status == SN_OK, "%s", sn_error_detail());
    free(ends);
    return dataset;
}

sn_sampler *hand_sampler(sn_dataset *dataset, const sn_plan_options *options)
{
    sn_plan *plan;
    sn_sampler *sampler;
    sn_status status = sn_plan_create(dataset, options, &plan);
    ck_assert_msg(status == SN_OK, "%s", sn_error_detail());
    ck_assert_int_eq(sn_sampler_create(plan, &sampler), SN_OK);
    sn_plan_release(plan);
    return sampler;
}

sn_batch *hand_batch(sn_sampler *sampler, uint64_t epoch, int64_t number)
{
    sn_batch *batch;
    sn_status status = sn_sampler_sample(sampler, epoch, number, &batch);
    ck_assert_msg(status == SN_OK, "%s", sn_error_detail());
    return batch;
}

sn_batch *hand_sample(sn_dataset *dataset, const sn_plan_options *options)
{
    sn_sampler *sampler = hand_sampler(dataset, options);
    sn_batch *batch = hand_batch(sampler, 0, 0);
    sn_sampler_release(sampler);
    return batch;
}

const int64_t *hand_of(const sn_batch *batch, const char *name, int64_t *count)
{
    const sn_tensor *tensor = sn_batch_find(batch, name);
    ck_assert_msg(tensor != NULL, "no %s", name);
    ck_assert_int_eq(tensor->dtype.bits, 64);
    if (count != NULL)
        *count = sn_tensor_count(tensor);
    return tensor->data;
}

void hand_expect(const sn_batch *batch, const char *name, const int64_t *wanted, int64_t count)
{
    int64_t there;
    const int64_t *ids = hand_of(batch, name, &there);
    ck_assert_msg(there == count, "%s has %lld numbers, not %lld", name, (long long)there,
                  (long long)count);
    for (int64_t i = 0; i < count; i++)
        ck_assert_msg(ids[i] == wanted[i], "%s[%lld] is %lld, not %lld", name, (long long)i,
                      (long long)ids[i], (long long)wanted[i]);
}

double hand_most_off(int64_t count)
{
    return sqrt((double)count * log(2 / 1e-9) / 2);
}
