/* SPDX-License-Identifier: Apache-2.0 */
/* Plans: what is refused, by which words; defaults; steps of ranks. */
#include "small.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static sn_dataset *ring;

static void setup(void)
{
    ring = small_ring();
}

static void teardown(void)
{
    sn_dataset_release(ring);
}

static void refuse(sn_dataset *dataset, const sn_plan_options *options, sn_status status,
                   const char *part)
{
    sn_plan *plan = (sn_plan *)&ring; /* set on success only */
    ck_assert_int_eq(sn_plan_create(dataset, options, &plan), status);
    ck_assert_msg(strstr(sn_error_detail(), part) != NULL, "'%s' lacks '%s'", sn_error_detail(),
                  part);
    ck_assert_ptr_eq(plan, (sn_plan *)&ring);
}

static sn_plan *make(const sn_plan_options *options)
{
    sn_plan *plan;
    sn_status status = sn_plan_create(ring, options, &plan);
    ck_assert_msg(status == SN_OK, "%s", sn_error_detail());
    return plan;
}

static const int64_t two[] = { 2, 2 };

START_TEST(plan_with_wrong_numbers_is_refused)
{
    static const int64_t low[] = { 2, -2 }, high[] = { SN_MAX_FANOUT + 1, 1 };
    refuse(ring, SN_PLAN_OPTIONS(.input_type = 1), SN_E_RANGE, "input_type 1 of 1");
    refuse(ring, SN_PLAN_OPTIONS(.input_type = -1), SN_E_RANGE, "input_type -1");
    refuse(ring, SN_PLAN_OPTIONS(.batch_size = -5), SN_E_INVALID, "batch_size -5");
    refuse(ring, SN_PLAN_OPTIONS(.hops = -1), SN_E_INVALID, "-1 hops");
    refuse(ring, SN_PLAN_OPTIONS(.hops = 65, .fanout = two), SN_E_INVALID, "65 hops");
    refuse(ring, SN_PLAN_OPTIONS(.hops = 1), SN_E_INVALID, "without fanout");
    refuse(ring, SN_PLAN_OPTIONS(.hops = 2, .fanout = low), SN_E_INVALID, "fanout -2 at hop 1");
    refuse(ring, SN_PLAN_OPTIONS(.hops = 2, .fanout = high), SN_E_INVALID,
           "fanout 16777216 at hop 0");
    refuse(ring, SN_PLAN_OPTIONS(.rank = 2, .world = 2), SN_E_INVALID, "rank 2 of 2");
    refuse(ring, SN_PLAN_OPTIONS(.rank = -1, .world = 2), SN_E_INVALID, "rank -1 of 2");
    refuse(ring, SN_PLAN_OPTIONS(.world = -3), SN_E_INVALID, "of -3");
    refuse(ring, SN_PLAN_OPTIONS(.dir = (sn_edge_dir)3), SN_E_INVALID, "dir 3");
    refuse(ring, SN_PLAN_OPTIONS(.uneven = (sn_uneven)4), SN_E_INVALID, "uneven 4");
    refuse(ring, SN_PLAN_OPTIONS(.labels = (sn_label_mode)3), SN_E_INVALID, "labels 3");
    refuse(ring, SN_PLAN_OPTIONS(.index = (sn_index_type)3), SN_E_INVALID, "index 3");
    refuse(ring, NULL, SN_E_INVALID, "needed");
    refuse(NULL, SN_PLAN_OPTIONS(.hops = 0), SN_E_INVALID, "needed");
    sn_plan_options old = { .struct_size = 8 };
    refuse(ring, &old, SN_E_INVALID, "struct_size 8, at least 104");
}
END_TEST

START_TEST(plan_with_wrong_seeds_is_refused)
{
    int64_t ids[] = { 0, 39, 40 };
    int32_t small[] = { 3, -1 };
    sn_tensor input = { ids, { SN_INT, 64 }, 1, { 3, 1, 1, 1 } };
    refuse(ring, SN_PLAN_OPTIONS(.input = &input), SN_E_RANGE, "seed 40 at position 2");
    input = (sn_tensor){ small, { SN_INT, 32 }, 1, { 2, 1, 1, 1 } };
    refuse(ring, SN_PLAN_OPTIONS(.input = &input), SN_E_RANGE, "seed -1 at position 1");
    input.dtype = (sn_dtype){ SN_FLOAT, 32 };
    refuse(ring, SN_PLAN_OPTIONS(.input = &input), SN_E_INVALID, "float32");
    input.dtype = (sn_dtype){ SN_INT, 16 };
    refuse(ring, SN_PLAN_OPTIONS(.input = &input), SN_E_INVALID, "int16");
    input = (sn_tensor){ ids, { SN_INT, 64 }, 2, { 1, 3, 1, 1 } };
    refuse(ring, SN_PLAN_OPTIONS(.input = &input), SN_E_INVALID, "2 dimensions");
    input = (sn_tensor){ NULL, { SN_INT, 64 }, 1, { 3, 1, 1, 1 } };
    refuse(ring, SN_PLAN_OPTIONS(.input = &input), SN_E_INVALID, "input: no data for 24 bytes");
}
END_TEST

START_TEST(plan_against_the_layout_of_the_dataset_is_refused)
{
    sn_dataset *csr = small_ring_half(false), *csc = small_ring_half(true);
    refuse(csr, SN_PLAN_OPTIONS(.dir = SN_DIR_IN), SN_E_UNSUPPORTED, "no CSC");
    refuse(csc, SN_PLAN_OPTIONS(.dir = SN_DIR_DEFAULT), SN_E_UNSUPPORTED, "no CSR");
    sn_plan *plan;
    ck_assert_int_eq(sn_plan_create(csc, SN_PLAN_OPTIONS(.dir = SN_DIR_IN), &plan), SN_OK);
    sn_plan_release(plan);
    sn_dataset_release(csr);
    sn_dataset_release(csc);
}
END_TEST

START_TEST(plan_with_colliding_delivered_names_is_refused)
{
    int64_t none[2];
    sn_node_spec nodes[] = { { .name = "a", .count = 1 }, { .name = "b", .count = 1 } };
    sn_edge_spec edges[] = { { .src = "a", .rel = "x", .dst = "b" },
                             { .src = "a", .rel = "rev_rev_x", .dst = "b" } };
    for (int e = 0; e < 2; e++)
        edges[e].edge_index.tensor = (sn_tensor){ none, { SN_INT, 64 }, 2, { 2, 0, 1, 1 } };
    sn_dataset *dataset;
    ck_assert_int_eq(sn_dataset_create(SN_DATASET_SPEC(.num_node_types = 2, .node_types = nodes,
                                                       .num_edge_types = 2, .edge_types = edges),
                                       &dataset),
                     SN_OK);
    refuse(dataset, SN_PLAN_OPTIONS(.hops = 0), SN_E_INVALID, "b__rev_x__a");
    sn_plan *plan;
    ck_assert_int_eq(sn_plan_create(dataset, SN_PLAN_OPTIONS(.dir = SN_DIR_IN), &plan), SN_OK);
    sn_plan_release(plan);
    sn_dataset_release(dataset);
}
END_TEST

START_TEST(plan_defaults_are_all_nodes_in_batches_of_1024)
{
    sn_plan *plan = make(SN_PLAN_OPTIONS(.hops = 2, .fanout = two));
    int64_t batch;
    bool padded = true;
    ck_assert_int_eq(sn_plan_num_batches(plan), 1);
    ck_assert_int_eq(sn_plan_num_steps(plan), 1);
    ck_assert_int_eq(sn_plan_step(plan, 0, &batch, &padded), SN_OK);
    ck_assert_int_eq(batch, 0);
    ck_assert(!padded);
    ck_assert_int_eq(sn_plan_step(plan, 1, &batch, &padded), SN_E_RANGE);
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "step 1 of 1"));
    ck_assert_int_eq(sn_plan_step(plan, -1, &batch, NULL), SN_E_RANGE);
    sn_plan_release(plan);
    sn_plan_release(NULL);
}
END_TEST

/* 40 nodes in batches of 7: six batches, the last of 5. */
START_TEST(plan_shares_batches_among_ranks_by_policy)
{
    static const struct {
        sn_uneven uneven;
        int64_t steps[4]; /* of the ranks 0 .. 3 */
        int64_t last[4];  /* batch of each rank's last step */
        bool padded[4];
    } cases[] = {
        { SN_UNEVEN_DEFAULT, { 2, 2, 1, 1 }, { 4, 5, 2, 3 }, { 0 } },
        { SN_UNEVEN_SHORT, { 2, 2, 1, 1 }, { 4, 5, 2, 3 }, { 0 } },
        { SN_UNEVEN_DROP, { 1, 1, 1, 1 }, { 0, 1, 2, 3 }, { 0 } },
        { SN_UNEVEN_PAD, { 2, 2, 2, 2 }, { 4, 5, 0, 1 }, { 0, 0, true, true } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int64_t rank = 0; rank < 4; rank++) {
            sn_plan *plan = make(SN_PLAN_OPTIONS(.batch_size = 7, .rank = rank, .world = 4,
                                                 .uneven = cases[i].uneven));
            int64_t steps = sn_plan_num_steps(plan), batch;
            bool padded;
            ck_assert_int_eq(sn_plan_num_batches(plan), 6);
            ck_assert_int_eq(steps, cases[i].steps[rank]);
            ck_assert_int_eq(sn_plan_step(plan, steps - 1, &batch, &padded), SN_OK);
            ck_assert_int_eq(batch, cases[i].last[rank]);
            ck_assert_int_eq(padded, cases[i].padded[rank]);
            sn_plan_release(plan);
        }
}
END_TEST

START_TEST(plan_first_step_is_the_first_at_or_after_the_start)
{
    sn_plan *plan = make(SN_PLAN_OPTIONS(.batch_size = 4, .rank = 1, .world = 3)); /* 1, 4, 7 */
    static const int64_t want[] = { 0, 0, 1, 1, 1, 2, 2, 2, 3 };
    for (int64_t start = 0; start < 9; start++)
        ck_assert_int_eq(sn_plan_first_step(plan, start), want[start]);
    ck_assert_int_eq(sn_plan_first_step(plan, -7), 0);
    sn_plan_release(plan);
}
END_TEST

START_TEST(plan_without_seeds_or_with_fewer_than_a_dropped_batch_has_no_step)
{
    int64_t ids[1] = { 0 };
    sn_tensor none = { NULL, { SN_INT, 64 }, 1, { 0, 1, 1, 1 } }, one = none;
    one.data = ids;
    one.shape[0] = 1;
    static const sn_uneven policies[] = { SN_UNEVEN_SHORT, SN_UNEVEN_PAD, SN_UNEVEN_DROP };
    for (int i = 0; i < 3; i++) {
        sn_plan *plan = make(SN_PLAN_OPTIONS(.input = &none, .world = 2, .uneven = policies[i]));
        ck_assert_int_eq(sn_plan_num_batches(plan), 0);
        ck_assert_int_eq(sn_plan_num_steps(plan), 0);
        sn_plan_release(plan);
        plan = make(SN_PLAN_OPTIONS(.input = &one, .batch_size = 2, .drop_last = true,
                                    .uneven = policies[i]));
        ck_assert_int_eq(sn_plan_num_steps(plan), 0);
        sn_plan_release(plan);
    }
    sn_plan *plan = make(SN_PLAN_OPTIONS(.input = &one, .rank = 1, .world = 2));
    ck_assert_int_eq(sn_plan_num_steps(plan), 0); /* the only batch is rank 0's */
    sn_plan_release(plan);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plan");
    TCase *tests = tcase_create("plan");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, plan_with_wrong_numbers_is_refused);
    tcase_add_test(tests, plan_with_wrong_seeds_is_refused);
    tcase_add_test(tests, plan_against_the_layout_of_the_dataset_is_refused);
    tcase_add_test(tests, plan_with_colliding_delivered_names_is_refused);
    tcase_add_test(tests, plan_defaults_are_all_nodes_in_batches_of_1024);
    tcase_add_test(tests, plan_shares_batches_among_ranks_by_policy);
    tcase_add_test(tests, plan_first_step_is_the_first_at_or_after_the_start);
    tcase_add_test(tests, plan_without_seeds_or_with_fewer_than_a_dropped_batch_has_no_step);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
