/* SPDX-License-Identifier: Apache-2.0 */
/* Scale and seed of a test run. Every case runs in a process of its own, so the environment is
 * free. */
#include "support/scale.h"

#include <check.h>
#include <stdlib.h>

START_TEST(scale_without_variable_is_the_full_count)
{
    unsetenv("SEINE_TEST_SCALE");
    ck_assert_int_eq(sn_test_scale(2000), 2000);
    ck_assert_int_eq(sn_test_scale(0), 0);
}
END_TEST

START_TEST(scale_of_a_percentage_rounds_up_and_stays_above_zero)
{
    setenv("SEINE_TEST_SCALE", "5", 1);
    ck_assert_int_eq(sn_test_scale(2000), 100);
    ck_assert_int_eq(sn_test_scale(30), 2);
    ck_assert_int_eq(sn_test_scale(1), 1);
    ck_assert_int_eq(sn_test_scale(0), 0);
    setenv("SEINE_TEST_SCALE", "250", 1);
    ck_assert_int_eq(sn_test_scale(5), 13);
    ck_assert_int_eq(sn_test_scale(1000000000000000000), 2500000000000000000);
}
END_TEST

START_TEST(seed_is_read_whole)
{
    unsetenv("SEINE_TEST_SEED");
    ck_assert_uint_eq(sn_test_seed(), 1);
    setenv("SEINE_TEST_SEED", "18446744073709551615", 1);
    ck_assert_uint_eq(sn_test_seed(), UINT64_MAX);
}
END_TEST

static const char *const bad[] = { "0", "-5", "10001", "5 %", "five", " 5", "1e3" };

START_TEST(scale_of_a_bad_value_ends_the_program)
{
    setenv("SEINE_TEST_SCALE", bad[_i], 1);
    (void)sn_test_scale(100); /* exits with 99 */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scale");
    TCase *cases = tcase_create("scale");
    tcase_add_test(cases, scale_without_variable_is_the_full_count);
    tcase_add_test(cases, scale_of_a_percentage_rounds_up_and_stays_above_zero);
    tcase_add_test(cases, seed_is_read_whole);
    tcase_add_loop_exit_test(cases, scale_of_a_bad_value_ends_the_program, 99, 0,
                             (int)(sizeof bad / sizeof bad[0]));
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
