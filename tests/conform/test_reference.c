/* SPDX-License-Identifier: Apache-2.0 */
/* The engine against the reference sampler, to the bit. */
#include "bridge.h"
#include "golden.h"
#include "random_case.h"
#include "support/scale.h"

#include "base/random.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { CASES = 5000, PARTS = 20, MOST_BATCHES = 6 };

/* -- Primitives -------------------------------------------------------------------------------- */

static uint64_t noise(uint64_t *state)
{
    return sn__mix64(*state += 0x9E3779B97F4A7C15u);
}

START_TEST(random_numbers_equal_the_reference)
{
    uint64_t state = sn_test_seed();
    for (int64_t i = 0; i < sn_test_scale(20000); i++) {
        uint64_t a[6];
        for (int j = 0; j < 6; j++)
            a[j] = noise(&state) >> (noise(&state) % 64);
        uint64_t key = sn__phase_key(a[0], a[1], a[2], a[3], a[4], a[5]);
        ck_assert_uint_eq(key, ref_phase_key(a[0], a[1], a[2], a[3], a[4], a[5]));

        uint64_t degree = 1 + (noise(&state) >> (noise(&state) % 63 + 1));
        uint64_t n = 1 + noise(&state) % degree;
        uint32_t tree = (uint32_t)noise(&state), number = (uint32_t)noise(&state) >> 8;
        sn__draws draws;
        sn__draws_begin(&draws, key, a[0], tree, degree);
        for (uint32_t j = 0; j < 5; j++) /* the kept block must never be taken for another */
            ck_assert_uint_eq(sn__draw(&draws, (number + j) % (1u << 24), n),
                              ref_draw(key, a[0], tree, (number + j) % (1u << 24), n, degree));
    }
}
END_TEST

/* n just above half of the words' range rejects almost half of them, several in a row. */
START_TEST(rejected_draws_equal_the_reference)
{
    static const uint64_t numbers[] = { 0x80000001u,  0xC0000001u,         0x55555556u,
                                        0x100000000u, 0x8000000000000001u, 0x4000000000000000u };
    for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++)
        for (uint64_t node = 0; node < 200; node++) {
            uint64_t degree = numbers[k];
            sn__draws draws;
            sn__draws_begin(&draws, 77, node, 0, degree);
            for (uint32_t i = 0; i < 12; i++)
                ck_assert_uint_eq(sn__draw(&draws, i, numbers[k]),
                                  ref_draw(77, node, 0, i, numbers[k], degree));
        }
}
END_TEST

START_TEST(shuffle_equals_the_reference)
{
    static const uint64_t counts[] = { 1,
                                       2,
                                       5,
                                       63,
                                       64,
                                       65,
                                       4095,
                                       4096,
                                       4097,
                                       65537,
                                       1000003,
                                       (uint64_t)1 << 40,
                                       ((uint64_t)1 << 62) - 1 };
    uint64_t state = sn_test_seed();
    for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
        sn__shuffle shuffle = sn__shuffle_make(k, 3, counts[k]);
        for (int i = 0; i < 40; i++) {
            uint64_t at = noise(&state) % counts[k];
            ck_assert_uint_eq(sn__shuffle_at(&shuffle, at), ref_perm(k, 3, counts[k], at));
        }
    }
}
END_TEST

/* -- Golden values ----------------------------------------------------------------------------- */

static char *golden_file(void)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/conform/golden.txt", getenv("SEINE_SOURCE"));
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "cannot open %s", path);
    char *text = calloc(1, 1 << 20);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_gt(fread(text, 1, (1 << 20) - 1, file), 10000);
    fclose(file);
    return text;
}

static char *golden_of(golden_digest *digest)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *file = open_memstream(&text, &bytes);
    ck_assert_ptr_nonnull(file);
    golden_print(file, digest);
    ck_assert_int_eq(fclose(file), 0);
    return text;
}

static uint64_t engine_digest(const ref_graph *graph, const ref_plan *plan, uint64_t epoch,
                              uint64_t g)
{
    sn_dataset *dataset = bridge_dataset(graph, BRIDGE_COO);
    sn_plan *made = bridge_plan(dataset, graph, plan, SN_INDEX_INT64);
    sn_sampler *sampler;
    sn_batch *batch;
    ck_assert_int_eq(sn_sampler_create(made, &sampler), SN_OK);
    ck_assert_int_eq(sn_sampler_sample(sampler, epoch, (int64_t)g, &batch), SN_OK);
    uint64_t digest = sn_batch_digest(batch);
    /* In an order that nobody would choose: a batch outlives everything that it came from. */
    sn_dataset_release(dataset);
    sn_plan_release(made);
    sn_sampler_release(sampler);
    ck_assert_uint_eq(sn_batch_digest(batch), digest);
    sn_batch_release(batch);
    bridge_forget();
    return digest;
}

START_TEST(golden_values_of_the_reference_have_not_moved)
{
    char *want = golden_file(), *got = golden_of(golden_reference_digest);
    ck_assert_str_eq(got, want);
    free(want);
    free(got);
}
END_TEST

START_TEST(golden_values_of_the_engine_are_the_same)
{
    char *want = golden_file(), *got = golden_of(engine_digest);
    ck_assert_str_eq(got, want);
    free(want);
    free(got);
}
END_TEST

/* -- Random cases ------------------------------------------------------------------------------ */

static void compare_steps(const ref_plan *plan, const sn_plan *made)
{
    int64_t *want;
    bool *padded_want;
    ck_assert_int_eq(sn_plan_num_batches(made), ref_num_batches(plan));
    int64_t steps = ref_rank_batches(plan, &want, &padded_want);
    int64_t first = sn_plan_first_step(made, plan->start);
    int64_t total = sn_plan_num_steps(made);
    ck_assert_int_eq(total > first ? total - first : 0, steps);
    for (int64_t i = 0; i < steps; i++) {
        int64_t batch = -1;
        bool padded = false;
        ck_assert_int_eq(sn_plan_step(made, first + i, &batch, &padded), SN_OK);
        ck_assert_int_eq(batch, want[i]);
        ck_assert_int_eq(padded, padded_want[i]);
    }
    free(want);
    free(padded_want);
}

static void compare_case(const random_case *c, bridge_form form, sn_index_type index)
{
    sn_dataset *dataset = bridge_dataset(&c->graph, form);
    sn_plan *plan = bridge_plan(dataset, &c->graph, &c->plan, index);
    sn_sampler *sampler;
    ck_assert_int_eq(sn_sampler_create(plan, &sampler), SN_OK);
    compare_steps(&c->plan, plan);

    int64_t batches = sn_plan_num_batches(plan);
    for (int64_t i = 0; i < batches && i < MOST_BATCHES; i++) {
        /* From both ends, so that every other batch is out of order. */
        int64_t g = i % 2 == 0 ? i / 2 : batches - 1 - i / 2;
        sn_batch *batch;
        sn_status status = sn_sampler_sample(sampler, c->epoch, g, &batch);
        ck_assert_msg(status == SN_OK, "batch %" PRId64 ": %s", g, sn_error_detail());
        ref_batch *expected = ref_sample(&c->graph, &c->plan, c->epoch, (uint64_t)g);
        bridge_compare(batch, expected);
        ref_batch_free(expected);
        sn_batch_release(batch);
    }
    sn_sampler_release(sampler);
    sn_plan_release(plan);
    sn_dataset_release(dataset);
    bridge_forget();
}

START_TEST(random_batches_equal_the_reference)
{
    int64_t cases = sn_test_scale(CASES);
    for (int64_t number = _i; number < cases; number += PARTS) {
        random_case c;
        random_case_init(&c, sn_test_seed(), (uint64_t)number);
        c.plan.start = number % 3 == 0 ? number % 5 : 0;
        compare_case(&c, (bridge_form)(number / PARTS % BRIDGE_FORMS),
                     number % 2 == 0 ? SN_INDEX_INT64 : SN_INDEX_INT32);
        random_case_deinit(&c);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reference");
    TCase *primitives = tcase_create("primitives"), *cases = tcase_create("cases");
    tcase_set_timeout(primitives, 60);
    tcase_add_test(primitives, random_numbers_equal_the_reference);
    tcase_add_test(primitives, rejected_draws_equal_the_reference);
    tcase_add_test(primitives, shuffle_equals_the_reference);
    tcase_add_test(primitives, golden_values_of_the_reference_have_not_moved);
    tcase_add_test(primitives, golden_values_of_the_engine_are_the_same);
    tcase_set_timeout(cases, 120);
    tcase_add_loop_test(cases, random_batches_equal_the_reference, 0, PARTS);
    suite_add_tcase(suite, primitives);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    random_case_print(sn_test_seed(), sn_test_scale(CASES));
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
