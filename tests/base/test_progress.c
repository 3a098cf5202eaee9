/* SPDX-License-Identifier: Apache-2.0 */
#include "base/run.h"

#include "base/clock.h"
#include "base/progress.h"
#include "base/status.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

typedef struct calls {
    int count;
    uint64_t done, total;
    char stage[64];
    int cancel_at; /* 0: never */
} calls;

static bool count_call(void *context, const char *stage, uint64_t done, uint64_t total)
{
    calls *to = context;
    to->count++;
    to->done = done;
    to->total = total;
    snprintf(to->stage, sizeof to->stage, "%s", stage);
    return to->cancel_at == 0 || to->count < to->cancel_at;
}

START_TEST(clock_read_often_never_goes_back_and_moves_with_time)
{
    int64_t start = sn__now_ns(), last = start;
    for (int i = 0; i < 1000; i++) {
        int64_t now = sn__now_ns();
        ck_assert_int_ge(now, last);
        last = now;
    }
    nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
    ck_assert_int_ge(sn__now_ns() - start, 20000000);
}
END_TEST

START_TEST(progress_ticked_often_calls_at_most_twenty_times_a_second)
{
    calls got = { 0 };
    sn__progress progress = { .call = count_call, .context = &got };
    int64_t start = sn__now_ns();
    uint64_t ticks = 0;
    while (sn__now_ns() - start < 300000000)
        ck_assert_int_eq(sn__progress_tick(&progress, "sorting", ticks++, UINT64_MAX), SN_OK);
    int64_t took = sn__now_ns() - start;
    ck_assert_int_ge(got.count, 2);
    ck_assert_int_le(got.count, 1 + took / 50000000);
    ck_assert_str_eq(got.stage, "sorting");
}
END_TEST

START_TEST(progress_at_its_end_always_calls)
{
    calls got = { 0 };
    sn__progress progress = { .call = count_call, .context = &got };
    ck_assert_int_eq(sn__progress_tick(&progress, "read", 0, 10), SN_OK);
    ck_assert_int_eq(sn__progress_tick(&progress, "read", 5, 10), SN_OK);
    ck_assert_int_eq(got.count, 1); /* the second came too soon */
    ck_assert_int_eq(sn__progress_tick(&progress, "read", 10, 10), SN_OK);
    ck_assert_int_eq(got.count, 2);
    ck_assert_uint_eq(got.done, 10);
    ck_assert_uint_eq(got.total, 10);
}
END_TEST

START_TEST(progress_that_the_caller_stops_is_cancelled)
{
    calls got = { .cancel_at = 2 };
    sn__progress progress = { .call = count_call, .context = &got };
    ck_assert_int_eq(sn__progress_tick(&progress, "read", 0, 10), SN_OK);
    ck_assert_int_eq(sn__progress_tick(&progress, "read", 10, 10), SN_E_CANCELLED);
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "read"));
}
END_TEST

START_TEST(progress_that_nobody_asked_for_does_nothing)
{
    sn__progress progress = { 0 };
    ck_assert_int_eq(sn__progress_tick(&progress, "read", 10, 10), SN_OK);
    ck_assert_int_eq(sn__progress_tick(NULL, "read", 10, 10), SN_OK);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("progress");
    tcase_add_test(cases, clock_read_often_never_goes_back_and_moves_with_time);
    tcase_add_test(cases, progress_ticked_often_calls_at_most_twenty_times_a_second);
    tcase_add_test(cases, progress_at_its_end_always_calls);
    tcase_add_test(cases, progress_that_the_caller_stops_is_cancelled);
    tcase_add_test(cases, progress_that_nobody_asked_for_does_nothing);
    return run_cases("progress", cases);
}
