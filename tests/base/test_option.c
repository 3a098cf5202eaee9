/* SPDX-License-Identifier: Apache-2.0 */
/* Each case runs in a process of its own, so each reads the environment anew. */
#include "base/run.h"

#include "base/cgroup.h"
#include "base/option.h"
#include "base/parallel.h"
#include "base/status.h"

#include <limits.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const variables[SN__OPTION_COUNT] = {
    "SEINE_LOG",  "SEINE_LOAD",   "SEINE_THREADS", "SEINE_HUGE_PAGES", "SEINE_PROGRESS",
    "SEINE_BIND", "SEINE_WORKER", "SEINE_ISA",     "SEINE_LABEL_MAP",
};

static void clean_environment(void)
{
    for (int i = 0; i < SN__OPTION_COUNT; i++)
        unsetenv(variables[i]);
}

static const struct {
    sn__option option;
    const char *given;
    int64_t value; /* -1: bad */
} values[] = {
    { SN__OPTION_LOG, "error", 0 },
    { SN__OPTION_LOG, "trace", 4 },
    { SN__OPTION_LOG, "", -1 },
    { SN__OPTION_LOG, "Warn", -1 },
    { SN__OPTION_LOG, "warn ", -1 },
    { SN__OPTION_LOG, "2", -1 },
    { SN__OPTION_LOAD, "map", 0 },
    { SN__OPTION_LOAD, "memory", 1 },
    { SN__OPTION_LOAD, "shm", -1 },
    { SN__OPTION_LOAD, "map,memory", -1 },
    { SN__OPTION_THREADS, "auto", 0 },
    { SN__OPTION_THREADS, "1", 1 },
    { SN__OPTION_THREADS, "1024", 1024 },
    { SN__OPTION_THREADS, "0", -1 },
    { SN__OPTION_THREADS, "1025", -1 },
    { SN__OPTION_THREADS, "-1", -1 },
    { SN__OPTION_THREADS, "+3", -1 },
    { SN__OPTION_THREADS, "3x", -1 },
    { SN__OPTION_THREADS, "0x3", -1 },
    { SN__OPTION_THREADS, " 3", -1 },
    { SN__OPTION_THREADS, "", -1 },
    { SN__OPTION_THREADS, "3.0", -1 },
    { SN__OPTION_THREADS, "99999999999999999999999999", -1 },
    { SN__OPTION_HUGE_PAGES, "never", 1 },
    { SN__OPTION_HUGE_PAGES, "always", -1 },
    { SN__OPTION_PROGRESS, "always", 1 },
    { SN__OPTION_PROGRESS, "never", 2 },
    { SN__OPTION_PROGRESS, "yes", -1 },
    { SN__OPTION_BIND, "auto", 0 },
    { SN__OPTION_BIND, "never", 1 },
    { SN__OPTION_BIND, "/never", -1 },
    { SN__OPTION_WORKER, "auto", 0 },
    { SN__OPTION_WORKER, "/", 1 },
    { SN__OPTION_WORKER, "/opt/a b/seine-worker", 1 },
    { SN__OPTION_WORKER, "", -1 },
    { SN__OPTION_WORKER, "bin/seine-worker", -1 },
    { SN__OPTION_WORKER, "./seine-worker", -1 },
    { SN__OPTION_ISA, "auto", 0 },
    { SN__OPTION_ISA, "plain", 1 },
    { SN__OPTION_ISA, "avx512", 4 },
    { SN__OPTION_ISA, "AVX2", -1 },
    { SN__OPTION_ISA, "avx512,avx2", -1 },
    { SN__OPTION_ISA, "", -1 },
    { SN__OPTION_LABEL_MAP, "auto", 0 },
    { SN__OPTION_LABEL_MAP, "array", 1 },
    { SN__OPTION_LABEL_MAP, "table", 2 },
    { SN__OPTION_LABEL_MAP, "hash", -1 },
};

START_TEST(option_with_its_variable_set_has_that_value_or_an_error)
{
    clean_environment();
    sn__option option = values[_i].option;
    setenv(variables[option], values[_i].given, 1);
    int64_t value = 77;
    sn_status status = sn__option_value(option, &value);
    sn_option_info info;
    ck_assert_int_eq(sn_option_get((int32_t)option, &info), SN_OK);
    if (values[_i].value >= 0) {
        ck_assert_int_eq(status, SN_OK);
        ck_assert_int_eq(value, values[_i].value);
        ck_assert(info.from_env);
        ck_assert_str_eq(info.value, values[_i].given);
        ck_assert_int_eq(sn_options_check(), SN_OK);
        return;
    }
    ck_assert_int_eq(status, SN_E_INVALID);
    ck_assert_int_eq(value, 77);
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), variables[option]));
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), info.choices));
    if (strlen(values[_i].given) < 20)
        ck_assert_ptr_nonnull(strstr(sn_error_detail(), values[_i].given));
    ck_assert(!info.from_env);
    ck_assert_str_eq(info.value, info.default_value);
    ck_assert_int_eq(sn_options_check(), SN_E_INVALID);
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), variables[option]));
}
END_TEST

START_TEST(options_without_variables_have_their_defaults)
{
    clean_environment();
    static const int64_t defaults[SN__OPTION_COUNT] = { 1 };
    for (int i = 0; i < SN__OPTION_COUNT; i++) {
        int64_t value = -1;
        ck_assert_int_eq(sn__option_value((sn__option)i, &value), SN_OK);
        ck_assert_int_eq(value, defaults[i]);
        ck_assert_int_eq(sn__option_value_or_default((sn__option)i), defaults[i]);
    }
    ck_assert_int_eq(sn_options_check(), SN_OK);
}
END_TEST

START_TEST(option_info_names_the_variable_after_the_option)
{
    sn_option_info info;
    ck_assert_int_eq(sn_option_count(), SN__OPTION_COUNT);
    for (int32_t i = 0; i < sn_option_count(); i++) {
        ck_assert_int_eq(sn_option_get(i, &info), SN_OK);
        ck_assert_str_eq(info.env, variables[i]);
        ck_assert_int_eq(strncmp(info.env, "SEINE_", 6), 0);
        ck_assert_uint_eq(strlen(info.env + 6), strlen(info.name));
        ck_assert_int_eq(strcasecmp(info.env + 6, info.name), 0);
        ck_assert_uint_gt(strlen(info.text), 10);
        ck_assert_ptr_nonnull(strstr(info.choices, info.default_value));
    }
    ck_assert_int_eq(sn_option_get(-1, &info), SN_E_RANGE);
    ck_assert_int_eq(sn_option_get(SN__OPTION_COUNT, &info), SN_E_RANGE);
}
END_TEST

START_TEST(option_that_is_a_path_is_kept_whole_and_only_if_it_fits)
{
    clean_environment();
    char given[PATH_MAX + 1];
    memset(given, 'w', sizeof given);
    given[0] = '/';
    given[_i == 1 ? PATH_MAX : PATH_MAX - 1] = '\0';
    setenv("SEINE_WORKER", _i == 2 ? "auto" : given, 1);
    const char *path = "untouched";
    sn_status status = sn__option_path(SN__OPTION_WORKER, &path);
    unsetenv("SEINE_WORKER");
    if (_i == 1) {
        ck_assert_int_eq(status, SN_E_INVALID);
        ck_assert_str_eq(path, "untouched");
        ck_assert_ptr_nonnull(strstr(sn_error_detail(), "SEINE_WORKER: \"/www"));
        return;
    }
    ck_assert_int_eq(status, SN_OK);
    if (_i == 2) {
        ck_assert_ptr_null(path);
    } else {
        sn_option_info info;
        ck_assert_str_eq(path, given);
        ck_assert_int_eq(sn_option_get(SN__OPTION_WORKER, &info), SN_OK);
        ck_assert_str_eq(info.value, given);
    }
    ck_assert_int_eq(sn__option_path(SN__OPTION_THREADS, &path), SN_OK);
    ck_assert_ptr_null(path);
}
END_TEST

START_TEST(option_after_its_first_use_ignores_the_environment)
{
    clean_environment();
    setenv("SEINE_THREADS", "3", 1);
    ck_assert_int_eq(sn__option_value_or_default(SN__OPTION_LOG), 1);
    setenv("SEINE_THREADS", "rubbish", 1);
    int64_t value = 0;
    ck_assert_int_eq(sn__option_value(SN__OPTION_THREADS, &value), SN_OK);
    ck_assert_int_eq(value, 3);
}
END_TEST

static sn_status read_threads(void *context, int32_t index, int32_t threads)
{
    (void)index, (void)threads;
    int64_t value = 0;
    SN_TRY(sn__option_value(SN__OPTION_THREADS, &value));
    atomic_fetch_add((atomic_int *)context, (int)value);
    return SN_OK;
}

START_TEST(option_first_used_by_many_threads_is_the_same_for_all)
{
    clean_environment();
    setenv("SEINE_THREADS", "5", 1);
    atomic_int sum = 0;
    ck_assert_int_eq(sn__parallel(32, read_threads, &sum), SN_OK);
    ck_assert_int_eq(atomic_load(&sum), 32 * 5);
}
END_TEST

START_TEST(threads_asked_for_win_over_the_variable_and_the_cores)
{
    clean_environment();
    setenv("SEINE_THREADS", "7", 1);
    int32_t threads = 0;
    ck_assert_int_eq(sn__threads_resolve(3, &threads), SN_OK);
    ck_assert_int_eq(threads, 3);
    ck_assert_int_eq(sn__threads_resolve(1024, &threads), SN_OK);
    ck_assert_int_eq(threads, 1024);
    ck_assert_int_eq(sn__threads_resolve(0, &threads), SN_OK);
    ck_assert_int_eq(threads, 7);
    ck_assert_int_eq(sn__threads_resolve(-1, &threads), SN_E_INVALID);
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "-1"));
    ck_assert_int_eq(sn__threads_resolve(1025, &threads), SN_E_INVALID);
    ck_assert_int_eq(threads, 7);
}
END_TEST

START_TEST(threads_with_a_bad_variable_fail_naming_it)
{
    clean_environment();
    setenv("SEINE_THREADS", "many", 1);
    int32_t threads = -5;
    ck_assert_int_eq(sn__threads_resolve(0, &threads), SN_E_INVALID);
    ck_assert_int_eq(threads, -5);
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "SEINE_THREADS: \"many\""));
    ck_assert_int_eq(sn__threads_resolve(2, &threads), SN_OK); /* an explicit number is obeyed */
}
END_TEST

START_TEST(cores_granted_to_a_process_on_one_core_are_one)
{
    int32_t before = sn__cores_granted();
    ck_assert_int_ge(before, 1);
    ck_assert_int_le(before, sn__affinity_cores());
    cpu_set_t all, one;
    ck_assert_int_eq(sched_getaffinity(0, sizeof all, &all), 0);
    size_t cpu = 0;
    while (!CPU_ISSET(cpu, &all))
        cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
    ck_assert_int_eq(sn__affinity_cores(), 1);
    ck_assert_int_eq(sn__cores_granted(), 1);
    clean_environment();
    int32_t threads = 0;
    ck_assert_int_eq(sn__threads_resolve(0, &threads), SN_OK);
    ck_assert_int_eq(threads, 1);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("option");
    tcase_add_loop_test(cases, option_with_its_variable_set_has_that_value_or_an_error, 0,
                        (int)(sizeof values / sizeof values[0]));
    tcase_add_test(cases, options_without_variables_have_their_defaults);
    tcase_add_test(cases, option_info_names_the_variable_after_the_option);
    tcase_add_loop_test(cases, option_that_is_a_path_is_kept_whole_and_only_if_it_fits, 0, 3);
    tcase_add_test(cases, option_after_its_first_use_ignores_the_environment);
    tcase_add_test(cases, option_first_used_by_many_threads_is_the_same_for_all);
    tcase_add_test(cases, threads_asked_for_win_over_the_variable_and_the_cores);
    tcase_add_test(cases, threads_with_a_bad_variable_fail_naming_it);
    tcase_add_test(cases, cores_granted_to_a_process_on_one_core_are_one);
    return run_cases("option", cases);
}
