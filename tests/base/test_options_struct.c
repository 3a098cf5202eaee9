/* SPDX-License-Identifier: Apache-2.0 */
#include "base/options_struct.h"

#include <check.h>
#include <string.h>

/* Three versions of one struct. */
typedef struct first {
    uint32_t struct_size, a;
} first;
typedef struct second {
    uint32_t struct_size, a, b;
} second;
typedef struct third {
    uint32_t struct_size, a, b, c;
} third;

START_TEST(options_struct_of_an_older_caller_gets_zeros)
{
    struct {
        first options;
        uint32_t foreign; /* behind the caller's struct: never read */
    } caller = { { sizeof(first), 7 }, 99 };
    second known = { 1, 1, 1 };
    ck_assert_int_eq(
        sn__options_read(&known, sizeof known, &caller.options, sizeof(first), "options"), SN_OK);
    ck_assert_uint_eq(known.a, 7);
    ck_assert_uint_eq(known.b, 0);
}
END_TEST

START_TEST(options_struct_of_the_same_version_is_copied)
{
    second caller = { sizeof caller, 7, 8 }, known = { 0 };
    ck_assert_int_eq(sn__options_read(&known, sizeof known, &caller, sizeof(first), "options"),
                     SN_OK);
    ck_assert_mem_eq(&known, &caller, sizeof known);
}
END_TEST

START_TEST(options_struct_of_a_newer_caller_is_taken_if_the_rest_is_zero)
{
    third caller = { sizeof caller, 7, 8, 0 };
    second known = { 0 };
    ck_assert_int_eq(sn__options_read(&known, sizeof known, &caller, sizeof(first), "options"),
                     SN_OK);
    ck_assert_uint_eq(known.b, 8);
    caller.c = 0x100;
    known.b = 3;
    ck_assert_int_eq(sn__options_read(&known, sizeof known, &caller, sizeof(first), "some options"),
                     SN_E_INVALID);
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "some options: an option at byte 13"));
    ck_assert_uint_eq(known.b, 3);
}
END_TEST

START_TEST(options_struct_without_its_size_is_refused)
{
    second caller = { 0, 7, 8 }, known = { 0 };
    ck_assert_int_eq(sn__options_read(&known, sizeof known, &caller, sizeof(first), "options"),
                     SN_E_INVALID);
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "struct_size 0, at least 8"));
    caller.struct_size = 7;
    ck_assert_int_eq(sn__options_read(&known, sizeof known, &caller, sizeof(first), "options"),
                     SN_E_INVALID);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("options_struct");
    TCase *tests = tcase_create("options_struct");
    tcase_add_test(tests, options_struct_of_an_older_caller_gets_zeros);
    tcase_add_test(tests, options_struct_of_the_same_version_is_copied);
    tcase_add_test(tests, options_struct_of_a_newer_caller_is_taken_if_the_rest_is_zero);
    tcase_add_test(tests, options_struct_without_its_size_is_refused);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
