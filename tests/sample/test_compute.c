/* SPDX-License-Identifier: Apache-2.0 */
/* Computing into memory of a sink: what it is told, in which order, and what an error leaves. */
#include "small.h"

#include "base/status.h"
#include "engine/sample/batch.h"
#include "engine/sample/compute.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 1 << 20, UNTOUCHED = 0xEE, MOST_STEPS = 16 };
static const int64_t all[] = { -1, -1 };

/* A sink that writes down what it sees. */
typedef struct witness {
    _Alignas(64) uint8_t memory[ROOM];
    sn_batch_info info;
    sn_tensor tensors[32];
    size_t bytes;
    int reserved;
    sn_status answer; /* of reserve */
    sn_step steps[MOST_STEPS];
    uint64_t progress_at[MOST_STEPS];
    int num_steps;
    bool last_was_written; /* at SN_STEP_GATHER */
    _Atomic uint64_t progress;
} witness;

static witness *seen;

static sn_status reserve(void *context, const sn_batch_info *info, const sn_tensor *tensors,
                         size_t bytes, uint8_t **payload)
{
    witness *w = context;
    ck_assert_int_eq(w->num_steps, 1); /* SAMPLED came before */
    ck_assert_uint_le(bytes, sizeof w->memory);
    w->reserved++;
    w->info = *info;
    w->bytes = bytes;
    memcpy(w->tensors, tensors, (size_t)info->tensors * sizeof *tensors);
    if (w->answer != SN_OK)
        return sn__fail(w->answer, "no room for %zu bytes", bytes);
    *payload = w->memory;
    return SN_OK;
}

static void watch(void *context, sn_step step)
{
    witness *w = context;
    ck_assert_int_lt(w->num_steps, MOST_STEPS);
    w->progress_at[w->num_steps] = atomic_load(&w->progress);
    w->steps[w->num_steps++] = step;
    if (step == SN_STEP_GATHER) {
        const sn_tensor *last = &w->tensors[w->info.tensors - 1];
        const uint8_t *at = w->memory + (uintptr_t)last->data;
        for (int64_t i = 0; i < sn_tensor_bytes(last); i++)
            w->last_was_written = w->last_was_written || at[i] != UNTOUCHED;
    }
}

static sn__sink sink_of(witness *w)
{
    w->num_steps = w->reserved = 0;
    w->last_was_written = false;
    memset(w->memory, UNTOUCHED, sizeof w->memory);
    return (sn__sink){ .context = w, .reserve = reserve, .step = watch, .progress = &w->progress };
}

static sn_plan *ring_plan(const sn_plan_options *options)
{
    sn_plan *plan;
    sn_dataset *ring = small_ring();
    ck_assert_msg(sn_plan_create(ring, options, &plan) == SN_OK, "%s", sn_error_detail());
    sn_dataset_release(ring);
    return plan;
}

static sn_plan *full_plan(void)
{
    return ring_plan(SN_PLAN_OPTIONS(.batch_size = 4, .seed = 3, .hops = 2, .fanout = all,
                                     .with_edge = true, .features = true, .labels = SN_LABELS_ALL));
}

static void setup(void)
{
    seen = calloc(1, sizeof *seen);
    ck_assert_ptr_nonnull(seen);
}

static void teardown(void)
{
    free(seen);
}

START_TEST(sink_is_told_the_steps_in_their_order)
{
    static const sn_step order[] = { SN_STEP_SAMPLED, SN_STEP_RESERVED, SN_STEP_GATHER,
                                     SN_STEP_WRITTEN };
    sn_plan *plan = full_plan();
    sn__compute *compute;
    ck_assert_int_eq(sn__compute_create(plan, &compute), SN_OK);
    for (int64_t g = 0; g < sn_plan_num_batches(plan); g++) {
        sn__sink sink = sink_of(seen);
        sn_batch_info info;
        ck_assert_int_eq(sn__compute_batch(compute, 7, g, &sink, &info), SN_OK);
        ck_assert_int_eq(seen->reserved, 1);
        ck_assert_int_eq(seen->num_steps, 4);
        ck_assert_mem_eq(seen->steps, order, sizeof order);
        ck_assert(!seen->last_was_written);
        ck_assert_mem_eq(&info, &seen->info, sizeof info);
    }
    sn__compute_release(compute);
    sn_plan_release(plan);
}
END_TEST

/* Every tensor lies where reserve was told, and is what the sampler gives. */
static void compare(const witness *w, const sn_batch *expected)
{
    size_t end = 0;
    sn_batch_info info = sn_batch_get_info(expected);
    ck_assert_mem_eq(&w->info, &info, sizeof info);
    for (int32_t i = 0; i < info.tensors; i++) {
        const sn_tensor *is = &w->tensors[i], *want = sn_batch_tensor(expected, i, NULL);
        size_t at = (uintptr_t)is->data, bytes = (size_t)sn_tensor_bytes(is);
        ck_assert_uint_eq(at % 64, 0);
        ck_assert_uint_ge(at, end);
        end = at + bytes;
        ck_assert_uint_le(end, w->bytes);
        ck_assert_int_eq(is->ndim, want->ndim);
        ck_assert_mem_eq(is->shape, want->shape, sizeof is->shape);
        ck_assert(bytes == 0 || memcmp(w->memory + at, want->data, bytes) == 0);
    }
    for (size_t at = w->bytes; at < w->bytes + 64; at++)
        ck_assert_uint_eq(w->memory[at], UNTOUCHED);
}

START_TEST(sink_gets_what_the_sampler_gives)
{
    sn_plan *plan = ring_plan(SN_PLAN_OPTIONS(.batch_size = 3, .seed = 5, .shuffle = true,
                                              .hops = 2, .fanout = all, .with_edge = true,
                                              .features = true, .labels = SN_LABELS_SEEDS,
                                              .rank = 3, .world = 4, .uneven = SN_UNEVEN_PAD));
    sn__compute *compute;
    sn_sampler *sampler;
    int padded = 0;
    ck_assert_int_eq(sn__compute_create(plan, &compute), SN_OK);
    ck_assert_int_eq(sn_sampler_create(plan, &sampler), SN_OK);
    for (int64_t step = 0; step < sn_plan_num_steps(plan); step++) {
        sn__sink sink = sink_of(seen);
        sn_batch_info info;
        sn_batch *expected;
        sink.step = NULL;
        seen->num_steps = 1;
        sink.progress = NULL;
        ck_assert_int_eq(sn__compute_step(compute, 2, step, &sink, &info), SN_OK);
        ck_assert_int_eq(sn_sampler_sample_step(sampler, 2, step, &expected), SN_OK);
        compare(seen, expected);
        padded += (info.flags & SN_BATCH_PADDED) != 0;
        sn_batch_release(expected);
    }
    ck_assert_int_gt(padded, 0);
    sn_sampler_release(sampler);
    sn__compute_release(compute);
    sn_plan_release(plan);
}
END_TEST

START_TEST(sink_that_refuses_ends_the_batch_and_nothing_else)
{
    static const sn_status answers[] = { SN_E_NOMEM, SN_E_CLOSED, SN_E_PEER_DIED };
    sn_plan *plan = full_plan();
    sn__compute *compute;
    ck_assert_int_eq(sn__compute_create(plan, &compute), SN_OK);
    for (int64_t g = 0; g < 6; g++) {
        sn__sink sink = sink_of(seen);
        sn_batch_info info = { .seed = 99 };
        seen->answer = answers[g % 3];
        ck_assert_int_eq(sn__compute_batch(compute, 0, g, &sink, &info), answers[g % 3]);
        ck_assert_uint_eq(info.seed, 99); /* as it was */
        ck_assert_int_eq(seen->num_steps, 1);
        sink = sink_of(seen);
        seen->answer = SN_OK;
        ck_assert_int_eq(sn__compute_batch(compute, 0, g, &sink, &info), SN_OK);
        ck_assert_int_eq(seen->num_steps, 4);
    }
    sn__compute_release(compute);
    sn_plan_release(plan);
}
END_TEST

START_TEST(compute_asked_for_a_batch_that_is_none_asks_for_no_memory)
{
    sn_plan *plan = full_plan();
    sn__compute *compute;
    sn__sink sink = sink_of(seen);
    sn_batch_info info;
    ck_assert_int_eq(sn__compute_create(plan, &compute), SN_OK);
    ck_assert_int_eq(sn__compute_batch(compute, 0, 10, &sink, &info), SN_E_RANGE);
    ck_assert_int_eq(sn__compute_batch(compute, 0, -1, &sink, &info), SN_E_RANGE);
    ck_assert_int_eq(sn__compute_step(compute, 0, 10, &sink, &info), SN_E_RANGE);
    ck_assert_int_eq(seen->reserved, 0);
    ck_assert_int_eq(seen->num_steps, 0);
    sn__compute_release(compute);
    sn__compute_release(NULL);
    sn_plan_release(plan);
}
END_TEST

START_TEST(compute_of_damaged_edge_ids_stops_behind_the_reservation)
{
    int64_t indptr[] = { 0, 2, 3 }, edge_ids[] = { 2, 1, 0 };
    int32_t indices[] = { 0, 1, 0 };
    float x[3] = { 0 };
    sn_node_spec node = { .count = 2 };
    sn_edge_spec edge = {
        .csr_indptr = { { indptr, { SN_INT, 64 }, 1, { 3, 1, 1, 1 } }, .keep = SN_KEEP_BORROW },
        .csr_indices = { { indices, { SN_INT, 32 }, 1, { 3, 1, 1, 1 } }, .keep = SN_KEEP_BORROW },
        .csr_edge_ids = { { edge_ids, { SN_INT, 64 }, 1, { 3, 1, 1, 1 } }, .keep = SN_KEEP_BORROW },
        .x = { { x, { SN_FLOAT, 32 }, 1, { 3, 1, 1, 1 } }, .keep = SN_KEEP_BORROW },
    };
    sn_dataset *dataset;
    sn_plan *plan;
    sn__compute *compute;
    sn_batch_info info;
    ck_assert_int_eq(sn_dataset_create(SN_DATASET_SPEC(.num_node_types = 1, .node_types = &node,
                                                       .num_edge_types = 1, .edge_types = &edge),
                                       &dataset),
                     SN_OK);
    ck_assert_int_eq(sn_plan_create(dataset,
                                    SN_PLAN_OPTIONS(.hops = 1, .fanout = all, .with_edge = true,
                                                    .features = true),
                                    &plan),
                     SN_OK);
    ck_assert_int_eq(sn__compute_create(plan, &compute), SN_OK);
    edge_ids[1] = 3;
    sn__sink sink = sink_of(seen);
    ck_assert_int_eq(sn__compute_batch(compute, 0, 0, &sink, &info), SN_E_CORRUPT);
    ck_assert_int_eq(seen->reserved, 1);
    ck_assert_int_eq(seen->steps[seen->num_steps - 1], SN_STEP_RESERVED);
    edge_ids[1] = 1;
    sink = sink_of(seen);
    ck_assert_int_eq(sn__compute_batch(compute, 0, 0, &sink, &info), SN_OK);
    sn__compute_release(compute);
    sn_plan_release(plan);
    sn_dataset_release(dataset);
}
END_TEST

/* 20000 rows are gathered in pieces, and a block of rows is sampled at a time: no single wait is
 * long enough to look like a stall. */
START_TEST(progress_rises_in_small_steps)
{
    enum { NODES = 20000 };
    static float x[NODES];
    static int64_t pairs[2][NODES];
    for (int64_t v = 0; v < NODES; v++) {
        pairs[0][v] = v;
        pairs[1][v] = (v + 1) % NODES;
    }
    sn_node_spec node = { .count = NODES,
                          .x = { .tensor = { x, { SN_FLOAT, 32 }, 1, { NODES, 1, 1, 1 } } } };
    sn_edge_spec edge = { .edge_index = {
                              .tensor = { pairs, { SN_INT, 64 }, 2, { 2, NODES, 1, 1 } } } };
    sn_dataset *dataset;
    sn_plan *plan;
    sn__compute *compute;
    sn_batch_info info;
    ck_assert_int_eq(sn_dataset_create(SN_DATASET_SPEC(.num_node_types = 1, .node_types = &node,
                                                       .num_edge_types = 1, .edge_types = &edge),
                                       &dataset),
                     SN_OK);
    ck_assert_int_eq(sn_plan_create(dataset,
                                    SN_PLAN_OPTIONS(.batch_size = NODES, .hops = 1, .fanout = all,
                                                    .features = true),
                                    &plan),
                     SN_OK);
    ck_assert_int_eq(sn__compute_create(plan, &compute), SN_OK);
    sn__sink sink = sink_of(seen);
    ck_assert_int_eq(sn__compute_batch(compute, 0, 0, &sink, &info), SN_OK);
    ck_assert_uint_ge(seen->progress_at[0], NODES / SN__BLOCK_ROWS);
    ck_assert_uint_eq(seen->progress_at[1], seen->progress_at[0]);
    /* One per tensor but the last, and five pieces of x. */
    ck_assert_uint_ge(seen->progress_at[2] - seen->progress_at[1], (uint64_t)info.tensors - 1 + 4);
    ck_assert_uint_gt(seen->progress_at[3], seen->progress_at[2]);
    sn__compute_release(compute);
    sn_plan_release(plan);
    sn_dataset_release(dataset);
}
END_TEST

START_TEST(steps_have_names)
{
    static const char *const names[SN_NUM_STEPS] = { "idle",   "claimed", "sampled",  "reserved",
                                                     "gather", "written", "published" };
    for (int step = 0; step < SN_NUM_STEPS; step++)
        ck_assert_str_eq(sn_step_name((sn_step)step), names[step]);
    ck_assert_str_eq(sn_step_name((sn_step)SN_NUM_STEPS), "?");
    ck_assert_str_eq(sn_step_name((sn_step)-1), "?");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("compute");
    TCase *tests = tcase_create("compute");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, sink_is_told_the_steps_in_their_order);
    tcase_add_test(tests, sink_gets_what_the_sampler_gives);
    tcase_add_test(tests, sink_that_refuses_ends_the_batch_and_nothing_else);
    tcase_add_test(tests, compute_asked_for_a_batch_that_is_none_asks_for_no_memory);
    tcase_add_test(tests, compute_of_damaged_edge_ids_stops_behind_the_reservation);
    tcase_add_test(tests, progress_rises_in_small_steps);
    tcase_add_test(tests, steps_have_names);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
