/* SPDX-License-Identifier: Apache-2.0 */
#include "base/run.h"

#include "base/status.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

START_TEST(detail_before_any_failure_is_empty)
{
    ck_assert_str_eq(sn_error_detail(), "");
}
END_TEST

START_TEST(fail_with_a_format_stores_the_text_and_returns_the_status)
{
    ck_assert_int_eq(sn__fail(SN_E_RANGE, "seed %d of %s", 7, "train"), SN_E_RANGE);
    ck_assert_str_eq(sn_error_detail(), "seed 7 of train");
}
END_TEST

START_TEST(fail_with_its_own_old_detail_as_an_argument_keeps_both)
{
    (void)sn__fail(SN_E_RANGE, "row 3");
    (void)sn__fail(SN_E_CORRUPT, "edges.npy: %s", sn_error_detail());
    ck_assert_str_eq(sn_error_detail(), "edges.npy: row 3");
}
END_TEST

START_TEST(fail_with_control_characters_stays_one_line)
{
    (void)sn__fail(SN_E_SYSTEM, "%s", "a\nb\tc\x7f");
    ck_assert_str_eq(sn_error_detail(), "a?b?c?");
}
END_TEST

START_TEST(fail_with_a_text_longer_than_the_buffer_is_cut_and_terminated)
{
    char text[5000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    (void)sn__fail(SN_E_INVALID, "%s", text);
    size_t length = strlen(sn_error_detail());
    ck_assert_uint_ge(length, 500);
    ck_assert_uint_lt(length, sizeof text - 1);
    ck_assert_int_eq(strncmp(sn_error_detail(), text, length), 0);
}
END_TEST

START_TEST(fail_errno_with_enomem_is_out_of_memory_else_a_system_error)
{
    errno = ENOMEM;
    ck_assert_int_eq(sn__fail_errno("map %s", "x.npy"), SN_E_NOMEM);
    ck_assert_str_eq(sn_error_detail(), "map x.npy: Cannot allocate memory");
    errno = ENOENT;
    ck_assert_int_eq(sn__fail_errno("open %s", "x.npy"), SN_E_SYSTEM);
    ck_assert_str_eq(sn_error_detail(), "open x.npy: No such file or directory");
}
END_TEST

START_TEST(context_after_a_failure_is_put_before_it)
{
    (void)sn__fail(SN_E_FORMAT, "no magic");
    sn_error_context("%s.npy", "edges");
    sn_error_context("import");
    ck_assert_str_eq(sn_error_detail(), "import: edges.npy: no magic");
}
END_TEST

static sn_status give_range_error(void)
{
    return sn__fail(SN_E_RANGE, "passed on");
}

static sn_status try_twice(int *reached)
{
    SN_TRY(SN_OK);
    *reached = 1;
    SN_TRY(give_range_error());
    *reached = 2;
    return SN_OK;
}

START_TEST(try_with_an_error_returns_it_at_once)
{
    int reached = 0;
    ck_assert_int_eq(try_twice(&reached), SN_E_RANGE);
    ck_assert_int_eq(reached, 1);
    ck_assert_str_eq(sn_error_detail(), "passed on");
}
END_TEST

static void *fail_elsewhere(void *out)
{
    *(bool *)out = strcmp(sn_error_detail(), "") == 0;
    (void)sn__fail(SN_E_RANGE, "other thread");
    return NULL;
}

START_TEST(detail_of_another_thread_is_its_own)
{
    pthread_t thread;
    bool was_empty = false;
    (void)sn__fail(SN_E_RANGE, "this thread");
    ck_assert_int_eq(pthread_create(&thread, NULL, fail_elsewhere, &was_empty), 0);
    pthread_join(thread, NULL);
    ck_assert(was_empty);
    ck_assert_str_eq(sn_error_detail(), "this thread");
}
END_TEST

START_TEST(names_of_all_statuses_and_of_none_are_given)
{
#define CHECK_STATUS(code, value, words)           \
    ck_assert_int_eq(code, value);                 \
    ck_assert_str_eq(sn_status_name(code), #code); \
    ck_assert_str_eq(sn_status_text(code), words);
    SN_STATUS_LIST(CHECK_STATUS)
    ck_assert_str_eq(sn_status_name((sn_status)-77), "SN_E_?");
    ck_assert_str_eq(sn_status_text((sn_status)-77), "unknown status");
}
END_TEST

START_TEST(version_as_number_and_text_are_those_of_the_header)
{
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", SN_VERSION_MAJOR, SN_VERSION_MINOR, SN_VERSION_PATCH);
    ck_assert_str_eq(sn_version_string(), text);
    ck_assert_uint_eq(sn_version(),
                      SN_VERSION_MAJOR * 65536 + SN_VERSION_MINOR * 256 + SN_VERSION_PATCH);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("status");
    tcase_add_test(cases, detail_before_any_failure_is_empty);
    tcase_add_test(cases, fail_with_a_format_stores_the_text_and_returns_the_status);
    tcase_add_test(cases, fail_with_its_own_old_detail_as_an_argument_keeps_both);
    tcase_add_test(cases, fail_with_control_characters_stays_one_line);
    tcase_add_test(cases, fail_with_a_text_longer_than_the_buffer_is_cut_and_terminated);
    tcase_add_test(cases, fail_errno_with_enomem_is_out_of_memory_else_a_system_error);
    tcase_add_test(cases, context_after_a_failure_is_put_before_it);
    tcase_add_test(cases, try_with_an_error_returns_it_at_once);
    tcase_add_test(cases, detail_of_another_thread_is_its_own);
    tcase_add_test(cases, names_of_all_statuses_and_of_none_are_given);
    tcase_add_test(cases, version_as_number_and_text_are_those_of_the_header);
    return run_cases("status", cases);
}
