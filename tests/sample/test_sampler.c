/* SPDX-License-Identifier: Apache-2.0 */
/* Samplers and batches: content on the ring, life of the memory, DLPack, errors that leave the
 * handle usable, label maps that wrap. */
#include "small.h"

#include "engine/sample/batch.h"
#include "engine/sample/topology.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t all[] = { -1, -1 };

static sn_plan *plan_of(sn_dataset *dataset, const sn_plan_options *options)
{
    sn_plan *plan;
    sn_status status = sn_plan_create(dataset, options, &plan);
    ck_assert_msg(status == SN_OK, "%s", sn_error_detail());
    sn_dataset_release(dataset); /* the plan keeps it */
    return plan;
}

static sn_sampler *sampler_of(sn_plan *plan)
{
    sn_sampler *sampler;
    ck_assert_int_eq(sn_sampler_create(plan, &sampler), SN_OK);
    sn_plan_release(plan); /* the sampler keeps it */
    return sampler;
}

static sn_batch *sample(sn_sampler *sampler, uint64_t epoch, int64_t g)
{
    sn_batch *batch;
    sn_status status = sn_sampler_sample(sampler, epoch, g, &batch);
    ck_assert_msg(status == SN_OK, "%s", sn_error_detail());
    return batch;
}

static sn_sampler *full_ring(void)
{
    return sampler_of(
        plan_of(small_ring(),
                SN_PLAN_OPTIONS(.batch_size = 4, .seed = 3, .hops = 2, .fanout = all,
                                .with_edge = true, .features = true, .labels = SN_LABELS_ALL)));
}

START_TEST(batch_of_the_ring_is_what_the_ring_says)
{
    sn_sampler *sampler = full_ring();
    sn_batch *batch = sample(sampler, 5, 2); /* seeds 8 .. 11 */
    const int64_t *node = sn_batch_find(batch, "node")->data,
                  *row = sn_batch_find(batch, "row")->data;
    const int64_t *col = sn_batch_find(batch, "col")->data,
                  *edge = sn_batch_find(batch, "edge")->data;
    const float *x = sn_batch_find(batch, "x")->data;
    const float *edge_x = sn_batch_find(batch, "edge_attr")->data;
    const int32_t *y = sn_batch_find(batch, "y")->data;
    const int64_t *hops = sn_batch_find(batch, "num_sampled_nodes")->data;
    int64_t nodes = sn_batch_find(batch, "node")->shape[0],
            edges = sn_batch_find(batch, "row")->shape[0];
    sn_batch_info info = sn_batch_get_info(batch);

    ck_assert_uint_eq(info.seed, 3);
    ck_assert_uint_eq(info.epoch, 5);
    ck_assert_uint_eq(info.batch, 2);
    ck_assert_uint_eq(info.flags, 0);
    ck_assert_int_eq(info.num_nodes, nodes);
    ck_assert_int_eq(info.num_edges, edges);
    ck_assert_int_eq(nodes, 8); /* 8 .. 11, then 12 13, then 14 15 */
    ck_assert_int_eq(hops[0], 4);
    ck_assert_int_eq(hops[1], 2);
    ck_assert_int_eq(hops[2], 2);
    for (int64_t i = 0; i < nodes; i++) {
        ck_assert_int_eq(node[i], 8 + i);
        ck_assert_int_eq(y[i], node[i]);
        for (int j = 0; j < RING_FEATURES; j++)
            ck_assert_float_eq(x[i * RING_FEATURES + j], (float)node[i]);
    }
    ck_assert_int_eq(edges, 12);
    for (int64_t i = 0; i < edges; i++) {
        ck_assert_int_eq(node[col[i]], edge[i] / 2); /* col is the node sampled for */
        ck_assert_int_eq(node[row[i]], (edge[i] / 2 + 1 + edge[i] % 2) % RING_NODES);
        ck_assert_float_eq(edge_x[i], (float)edge[i]);
    }
    sn_batch_release(batch);
    sn_sampler_release(sampler);
}
END_TEST

START_TEST(batch_of_a_typed_graph_is_delivered_under_reversed_names)
{
    sn_sampler *sampler =
        sampler_of(plan_of(small_typed(), SN_PLAN_OPTIONS(.batch_size = 4, .hops = 2, .fanout = all,
                                                          .with_edge = true)));
    sn_batch *batch = sample(sampler, 0, 0);
    ck_assert_ptr_nonnull(sn_batch_find(batch, "item__rev_u2i__user.row"));
    ck_assert_ptr_nonnull(sn_batch_find(batch, "item__i2i__item.edge"));
    ck_assert_ptr_nonnull(sn_batch_find(batch, "user.batch"));
    ck_assert_ptr_null(sn_batch_find(batch, "item.batch"));
    ck_assert_ptr_null(sn_batch_find(batch, "node"));
    ck_assert_ptr_null(sn_batch_tensor(batch, -1, NULL));
    ck_assert_ptr_null(sn_batch_tensor(batch, sn_batch_get_info(batch).tensors, NULL));
    ck_assert_ptr_nonnull(sn_batch_tensor(batch, 0, NULL));
    sn_batch_release(batch);
    sn_sampler_release(sampler);
}
END_TEST

START_TEST(sampler_asked_for_a_batch_that_is_none_stays_usable)
{
    sn_sampler *sampler = full_ring();
    sn_batch *none = (sn_batch *)&sampler;
    ck_assert_int_eq(sn_sampler_sample(sampler, 0, 10, &none), SN_E_RANGE);
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "batch 10 of 10"));
    ck_assert_int_eq(sn_sampler_sample(sampler, 0, -1, &none), SN_E_RANGE);
    ck_assert_int_eq(sn_sampler_sample_step(sampler, 0, 10, &none), SN_E_RANGE);
    ck_assert_ptr_eq(none, (sn_batch *)&sampler);
    sn_batch_release(sample(sampler, 0, 9));
    sn_sampler_release(sampler);
    sn_sampler_release(NULL);
    ck_assert_int_eq(sn_sampler_create(NULL, &sampler), SN_E_INVALID);
}
END_TEST

START_TEST(sampler_steps_of_a_padding_rank_are_marked)
{
    sn_sampler *sampler =
        sampler_of(plan_of(small_ring(), SN_PLAN_OPTIONS(.batch_size = 14, .rank = 1, .world = 2,
                                                         .uneven = SN_UNEVEN_PAD)));
    sn_batch *batch, *plain;
    ck_assert_int_eq(sn_sampler_sample_step(sampler, 0, 0, &batch), SN_OK);
    ck_assert_uint_eq(sn_batch_get_info(batch).flags, 0);
    ck_assert_uint_eq(sn_batch_get_info(batch).batch, 1);
    sn_batch_release(batch);
    ck_assert_int_eq(sn_sampler_sample_step(sampler, 0, 1, &batch), SN_OK);
    ck_assert_uint_eq(sn_batch_get_info(batch).flags, SN_BATCH_PADDED);
    ck_assert_uint_eq(sn_batch_get_info(batch).batch, 0);
    plain = sample(sampler, 0, 0);
    ck_assert_uint_eq(sn_batch_get_info(plain).flags, 0); /* a mark does not stay in the memory */
    ck_assert_uint_eq(sn_batch_digest(plain), sn_batch_digest(batch));
    sn_batch_release(plain);
    sn_batch_release(batch);
    sn_sampler_release(sampler);
}
END_TEST

START_TEST(batches_that_are_held_are_not_touched)
{
    enum { HELD = 10 };
    sn_sampler *sampler = full_ring();
    sn_batch *held[HELD];
    uint64_t digests[HELD];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < HELD; i++) {
            held[i] = sample(sampler, (uint64_t)round, i);
            digests[i] = sn_batch_digest(held[i]);
        }
        for (int i = 0; i < HELD; i++)
            ck_assert_uint_eq(sn_batch_digest(held[i]), digests[i]);
        for (int i = 0; i < HELD; i++) /* some twice, in another order */
            sn_batch_release(sn_batch_retain(held[(i * 7) % HELD]));
        for (int i = 0; i < HELD; i++)
            sn_batch_release(held[(i * 3) % HELD]);
    }
    sn_batch *last = sample(sampler, 0, 1);
    sn_sampler_release(sampler); /* before its batch */
    ck_assert_int_eq(((const int64_t *)sn_batch_find(last, "node")->data)[0], 4);
    sn_batch_release(last);
    sn_batch_release(NULL);
    ck_assert_ptr_null(sn_batch_retain(NULL));
}
END_TEST

START_TEST(batch_memory_is_reused_in_a_steady_stream)
{
    sn_sampler *sampler = full_ring();
    sn_batch *first = sample(sampler, 0, 0);
    sn_batch_release(first);
    for (int64_t g = 0; g < 10; g++) {
        sn_batch *batch = sample(sampler, 1, g);
        ck_assert_ptr_eq(batch, first); /* the same block again */
        sn_batch_release(batch);
    }
    sn_sampler_release(sampler);
}
END_TEST

static void *release_elsewhere(void *tensor)
{
    DLManagedTensorVersioned *managed = tensor;
    managed->deleter(managed);
    return NULL;
}

START_TEST(dlpack_export_keeps_the_batch_until_its_deleter)
{
    sn_sampler *sampler = full_ring();
    sn_batch *batch = sample(sampler, 0, 1);
    DLManagedTensorVersioned *x, *none = (DLManagedTensorVersioned *)&sampler;
    DLManagedTensor *legacy;
    ck_assert_int_eq(sn_batch_to_dlpack(batch, "x", &x), SN_OK);
    ck_assert_int_eq(sn_batch_to_dlpack_legacy(batch, "row", &legacy), SN_OK);
    ck_assert_int_eq(sn_batch_to_dlpack(batch, "nothing", &none), SN_E_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "nothing"));
    ck_assert_ptr_eq(none, (DLManagedTensorVersioned *)&sampler);
    ck_assert_int_eq(sn_batch_to_dlpack_legacy(batch, "nothing", &legacy), SN_E_NOT_FOUND);
    sn_batch_release(batch);
    sn_sampler_release(sampler);

    const DLTensor *t = &x->dl_tensor;
    ck_assert_uint_eq(x->version.major, 1);
    ck_assert_uint_eq(x->flags, 1);
    ck_assert_int_eq(t->device.device_type, 1);
    ck_assert_int_eq(t->ndim, 2);
    ck_assert_int_eq(t->shape[0], 8);
    ck_assert_int_eq(t->shape[1], RING_FEATURES);
    ck_assert_int_eq(t->strides[0], RING_FEATURES);
    ck_assert_int_eq(t->strides[1], 1);
    ck_assert_uint_eq(t->dtype.code, SN_FLOAT);
    ck_assert_uint_eq(t->dtype.bits, 32);
    ck_assert_uint_eq(t->dtype.lanes, 1);
    ck_assert_uint_eq(t->byte_offset, 0);
    ck_assert_float_eq(((const float *)t->data)[RING_FEATURES], 5.0f);
    ck_assert_int_eq(legacy->dl_tensor.ndim, 1);
    ck_assert_int_eq(legacy->dl_tensor.strides[0], 1);
    ck_assert_uint_eq(legacy->dl_tensor.dtype.bits, 64);

    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, release_elsewhere, x), 0);
    pthread_join(thread, NULL);
    ck_assert_int_eq(((const int64_t *)legacy->dl_tensor.data)[0], 1);
    legacy->deleter(legacy);
}
END_TEST

/* The base of a label map rises with every batch; near its limit the map is cleared, and a batch
 * before and behind that is the same. */
START_TEST(label_map_near_its_limit_is_cleared)
{
    sn_plan *plan =
        plan_of(small_ring(), SN_PLAN_OPTIONS(.batch_size = 4, .hops = 2, .fanout = all));
    sn__topology topology;
    ck_assert_int_eq(sn__topology_init(&topology, plan), SN_OK);
    for (uint32_t step = 0; step < 20; step++) {
        if (step == 10)
            topology.nodes[0].map.base =
                SN__LABEL_LIMIT - 9; /* this batch still fits, the next does not */
        uint32_t base = topology.nodes[0].map.base;
        ck_assert_int_eq(sn__topology_sample(&topology, sn__kernels_cpu(), 0, 2), SN_OK);
        ck_assert_uint_eq(topology.nodes[0].count, 8);
        ck_assert_int_eq(topology.nodes[0].ids[7], 15);
        if (step == 11)
            ck_assert_uint_eq(topology.nodes[0].map.base, 1);
        else if (step != 0)
            ck_assert_uint_eq(topology.nodes[0].map.base, base + 8);
    }
    sn__topology_deinit(&topology);
    sn_plan_release(plan);
}
END_TEST

/* A dataset of the caller's memory that changes under the library's feet is damaged data, not a
 * crash. */
START_TEST(sampler_of_damaged_rows_reports_the_edge_type)
{
    int64_t indptr[] = { 0, 2, 3 };
    int32_t indices[] = { 0, 1, 0 };
    int64_t edge_ids[] = { 2, 1, 0 };
    float x[3] = { 0 };
    sn_node_spec node = { .count = 2 };
    sn_edge_spec edge = {
        .csr_indptr = { { indptr, { SN_INT, 64 }, 1, { 3, 1, 1, 1 } }, .keep = SN_KEEP_BORROW },
        .csr_indices = { { indices, { SN_INT, 32 }, 1, { 3, 1, 1, 1 } }, .keep = SN_KEEP_BORROW },
        .csr_edge_ids = { { edge_ids, { SN_INT, 64 }, 1, { 3, 1, 1, 1 } }, .keep = SN_KEEP_BORROW },
        .x = { { x, { SN_FLOAT, 32 }, 1, { 3, 1, 1, 1 } }, .keep = SN_KEEP_BORROW },
    };
    sn_dataset *dataset;
    sn_status status = sn_dataset_create(SN_DATASET_SPEC(.num_node_types = 1, .node_types = &node,
                                                         .num_edge_types = 1, .edge_types = &edge),
                                         &dataset);
    ck_assert_msg(status == SN_OK, "%s", sn_error_detail());
    sn_sampler *sampler = sampler_of(plan_of(
        dataset, SN_PLAN_OPTIONS(.hops = 1, .fanout = all, .with_edge = true, .features = true)));
    sn_batch *batch;
    indices[1] = 2;
    ck_assert_int_eq(sn_sampler_sample(sampler, 0, 0, &batch), SN_E_CORRUPT);
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "node__to__node: neighbour id 2 of 2"));
    indices[1] = 1;
    indptr[1] = 9;
    ck_assert_int_eq(sn_sampler_sample(sampler, 0, 0, &batch), SN_E_CORRUPT);
    indptr[1] = 2;
    edge_ids[1] = 3;
    ck_assert_int_eq(sn_sampler_sample(sampler, 0, 0, &batch), SN_E_CORRUPT);
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "tensor edge_attr: id 3 of 3 rows"));
    edge_ids[1] = 1;
    sn_batch_release(sample(sampler, 0, 0)); /* and works again */
    sn_sampler_release(sampler);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sampler");
    TCase *tests = tcase_create("sampler");
    tcase_add_test(tests, batch_of_the_ring_is_what_the_ring_says);
    tcase_add_test(tests, batch_of_a_typed_graph_is_delivered_under_reversed_names);
    tcase_add_test(tests, sampler_asked_for_a_batch_that_is_none_stays_usable);
    tcase_add_test(tests, sampler_steps_of_a_padding_rank_are_marked);
    tcase_add_test(tests, batches_that_are_held_are_not_touched);
    tcase_add_test(tests, batch_memory_is_reused_in_a_steady_stream);
    tcase_add_test(tests, dlpack_export_keeps_the_batch_until_its_deleter);
    tcase_add_test(tests, label_map_near_its_limit_is_cleared);
    tcase_add_test(tests, sampler_of_damaged_rows_reports_the_edge_type);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
