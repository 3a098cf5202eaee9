/* SPDX-License-Identifier: Apache-2.0 */
#include "base/run.h"

#include "base/parallel.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

static int refuse_from = 1 << 30, created; /* pthread_create fails from this call on */
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument)
{
    if (created++ >= refuse_from)
        return EAGAIN;
    return __real_pthread_create(thread, attributes, start, argument);
}

enum { MOST = 64 };

typedef struct record {
    atomic_int runs[MOST];
    pthread_t thread[MOST];
    int32_t threads[MOST];
    bool interrupts_blocked[MOST];
    int64_t failing; /* bit set: part i fails */
} record;

static sn_status note(void *context, int32_t index, int32_t threads)
{
    record *to = context;
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    atomic_fetch_add(&to->runs[index], 1);
    to->thread[index] = pthread_self();
    to->threads[index] = threads;
    to->interrupts_blocked[index] = sigismember(&mask, SIGINT) == 1;
    if (to->failing >> index & 1)
        return sn__fail(index % 2 == 0 ? SN_E_RANGE : SN_E_CORRUPT, "part %d is bad", index);
    return SN_OK;
}

START_TEST(parallel_with_n_threads_runs_each_part_once)
{
    static const int32_t counts[] = { 1, 2, 3, 17, MOST };
    int32_t threads = counts[_i];
    record got = { 0 };
    ck_assert_int_eq(sn__parallel(threads, note, &got), SN_OK);
    for (int32_t i = 0; i < threads; i++) {
        ck_assert_int_eq(atomic_load(&got.runs[i]), 1);
        ck_assert_int_eq(got.threads[i], threads);
        ck_assert_int_eq(pthread_equal(got.thread[i], pthread_self()) != 0, i == 0);
        ck_assert_int_eq(got.interrupts_blocked[i], i != 0);
    }
    for (int32_t i = threads; i < MOST; i++)
        ck_assert_int_eq(atomic_load(&got.runs[i]), 0);
}
END_TEST

START_TEST(parallel_with_errors_returns_the_first_with_its_detail)
{
    static const struct {
        int64_t failing;
        sn_status status;
        const char *detail;
    } table[] = {
        { 1 << 0, SN_E_RANGE, "part 0 is bad" },
        { 1 << 3, SN_E_CORRUPT, "part 3 is bad" },
        { 1 << 7 | 1 << 4, SN_E_RANGE, "part 4 is bad" },
        { 1 << 0 | 1 << 5, SN_E_RANGE, "part 0 is bad" },
    };
    record got = { .failing = table[_i].failing };
    ck_assert_int_eq(sn__parallel(8, note, &got), table[_i].status);
    ck_assert_str_eq(sn_error_detail(), table[_i].detail);
    for (int32_t i = 0; i < 8; i++)
        ck_assert_int_eq(atomic_load(&got.runs[i]), 1);
}
END_TEST

START_TEST(parallel_without_threads_to_start_runs_the_parts_itself)
{
    record got = { .failing = 1 << 6 };
    refuse_from = 3;
    ck_assert_int_eq(sn__parallel(8, note, &got), SN_E_RANGE);
    ck_assert_str_eq(sn_error_detail(), "part 6 is bad");
    ck_assert_int_eq(created, 7);
    for (int32_t i = 0; i < 8; i++) {
        ck_assert_int_eq(atomic_load(&got.runs[i]), 1);
        ck_assert_int_eq(pthread_equal(got.thread[i], pthread_self()) != 0, i == 0 || i > 3);
    }
}
END_TEST

START_TEST(parallel_afterwards_leaves_the_signal_mask_as_it_was)
{
    sigset_t before, after;
    record got = { 0 };
    sigemptyset(&before);
    sigaddset(&before, SIGUSR1);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    ck_assert_int_eq(sn__parallel(4, note, &got), SN_OK);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    ck_assert_int_eq(sigismember(&after, SIGUSR1), 1);
    ck_assert_int_eq(sigismember(&after, SIGINT), 0);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("parallel");
    tcase_add_loop_test(cases, parallel_with_n_threads_runs_each_part_once, 0, 5);
    tcase_add_loop_test(cases, parallel_with_errors_returns_the_first_with_its_detail, 0, 4);
    tcase_add_test(cases, parallel_without_threads_to_start_runs_the_parts_itself);
    tcase_add_test(cases, parallel_afterwards_leaves_the_signal_mask_as_it_was);
    return run_cases("parallel", cases);
}
