/* SPDX-License-Identifier: Apache-2.0 */
/* Random cases through loaders with one to four workers, against the reference sampler. */
#include "bridge.h"
#include "random_case.h"
#include "support/scale.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>

enum { CASES = 5000, PARTS = 20, MOST_BATCHES = 4, MOST_WORKERS = 4 };

static sn_loader *loader_of(const random_case *c, sn_plan *plan, int32_t workers, int64_t number)
{
    sn_loader *loader;
    const sn_loader_options *options =
        SN_LOADER_OPTIONS(.workers = workers, .concurrency = 1 + (int32_t)(number % 3 == 0),
                          .threads = sn_test_threads());
    sn_status status = c->plan.links      ? sn_link_loader_create(plan, options, &loader)
                       : c->plan.subgraph ? sn_subgraph_loader_create(plan, options, &loader)
                                          : sn_node_loader_create(plan, options, &loader);
    ck_assert_msg(status == SN_OK, "case %" PRId64 ": %s", number, sn_error_detail());
    return loader;
}

/* Batches of this rank's epoch, in order. Returns how many were compared. */
static int64_t compare_case(const random_case *c, int64_t number)
{
    sn_dataset *dataset = bridge_dataset(&c->graph, BRIDGE_COO);
    sn_plan *plan = bridge_plan(dataset, &c->graph, &c->plan, SN_INDEX_INT64);
    sn_loader *loader = loader_of(c, plan, 1 + (int32_t)(number % MOST_WORKERS), number);
    int64_t steps = sn_plan_num_steps(plan), compared = 0;
    ck_assert_int_eq(sn_loader_begin(loader, c->epoch), SN_OK);
    for (; compared < steps && compared < MOST_BATCHES; compared++) {
        sn_batch *batch;
        sn_status status = sn_loader_next(loader, SN_WAIT_DEFAULT, &batch);
        ck_assert_msg(status == SN_OK, "case %" PRId64 ": %s", number, sn_error_detail());
        ref_batch *expected =
            ref_sample(&c->graph, &c->plan, c->epoch, sn_batch_get_info(batch).batch);
        bridge_compare(batch, expected);
        ref_batch_free(expected);
        sn_batch_release(batch);
    }
    sn_loader_release(loader);
    sn_plan_release(plan);
    sn_dataset_release(dataset);
    bridge_forget();
    return compared;
}

START_TEST(random_batches_of_workers_equal_the_reference)
{
    int64_t cases = sn_test_scale(CASES), compared = 0;
    for (int64_t number = _i; number < cases; number += PARTS) {
        random_case c;
        random_case_init(&c, sn_test_seed() ^ 0x776f726b, (uint64_t)number);
        compared += compare_case(&c, number);
        random_case_deinit(&c);
    }
    ck_assert_int_gt(compared, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("workers");
    TCase *cases = tcase_create("workers");
    tcase_set_timeout(cases, 300);
    tcase_add_loop_test(cases, random_batches_of_workers_equal_the_reference, 0, PARTS);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    printf("%" PRId64 " random cases of seed %" PRIu64 ", 1 to %d workers\n", sn_test_scale(CASES),
           sn_test_seed(), MOST_WORKERS);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
