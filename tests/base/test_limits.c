/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of a machine cannot be foretold; that they are there, of the right kind and in a sane
 * order can. */
#include "base/run.h"

#include "base/cgroup.h"
#include "base/clock.h"
#include "base/probe.h"
#include "base/status.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static bool threads_refused;
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument)
{
    return threads_refused ? EAGAIN : __real_pthread_create(thread, attributes, start, argument);
}

enum { SMALL = 64 << 20 };

static bool is_enough_memory(void)
{
    sn__memory memory = sn__memory_granted("");
    uint64_t least = memory.available < memory.headroom ? memory.available : memory.headroom;
    return least > (uint64_t)600 << 20;
}

typedef struct seen {
    uint64_t done, total;
    int calls, stop_at;
} seen;

static bool watch(void *context, const char *stage, uint64_t done, uint64_t total)
{
    seen *to = context;
    to->calls++;
    ck_assert_ptr_nonnull(stage);
    ck_assert_uint_le(done, total);
    ck_assert_uint_ge(done, to->done);
    to->done = done;
    to->total = total;
    return to->calls != to->stop_at;
}

static const sn_limit *find(const sn_limit *limits, int32_t count, const char *name,
                            int32_t threads)
{
    for (int32_t i = 0; i < count; i++)
        if (strcmp(limits[i].name, name) == 0 && limits[i].threads == threads)
            return &limits[i];
    ck_abort_msg("no limit %s with %d threads", name, threads);
    return NULL;
}

START_TEST(limits_of_this_machine_are_complete_and_positive)
{
    static const struct {
        const char *name, *unit;
    } wanted[] = {
        { "random lines, branch", "M lines/s" },
        { "random lines, free", "M lines/s" },
        { "row gather 64 B", "GB/s" },
        { "row gather 128 B", "GB/s" },
        { "row gather 256 B", "GB/s" },
        { "row gather 400 B", "GB/s" },
        { "row gather 1024 B", "GB/s" },
        { "row gather 4096 B", "GB/s" },
        { "copy", "GB/s" },
    };
    if (!is_enough_memory())
        return;
    sn_limit *limits = NULL;
    int32_t count = 0;
    seen progress = { 0 };
    ck_assert_int_eq(
        sn_limits_measure(SN_LIMITS_OPTIONS(.bytes = SMALL, .runs = 1, .max_threads = 2,
                                            .progress = watch, .progress_context = &progress),
                          &limits, &count),
        SN_OK);
    ck_assert_uint_eq(progress.done, progress.total);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        for (int32_t threads = 1; threads <= 2; threads++)
            ck_assert_str_eq(find(limits, count, wanted[i].name, threads)->unit, wanted[i].unit);
    ck_assert_str_eq(find(limits, count, "page fault", 1)->unit, "us");
    if (sn__affinity_cores() >= 2) {
        const sn_limit *awake = find(limits, count, "hand-over, awake", 2);
        ck_assert_double_gt(awake->median, 0.01); /* light crosses the chip in less */
        ck_assert_double_gt(find(limits, count, "hand-over, asleep", 2)->median, 0.2);
    }
    for (int32_t i = 0; i < count; i++) {
        ck_assert(isfinite(limits[i].high) && limits[i].low > 0);
        ck_assert_double_le(limits[i].low, limits[i].median);
        ck_assert_double_le(limits[i].median, limits[i].high);
        ck_assert_int_eq(limits[i].runs, 1);
        ck_assert_uint_ge(strlen(limits[i].pages), 2);
    }
    ck_assert_str_eq(limits[0].pages, sysconf(_SC_PAGESIZE) == 4096 ? "4k" : limits[0].pages);
    sn_limits_free(limits);
    sn_limits_free(NULL);
}
END_TEST

START_TEST(limits_that_the_caller_stops_are_cancelled)
{
    if (!is_enough_memory())
        return;
    seen progress = { .stop_at = 2 };
    sn_limit *limits = NULL;
    int32_t count = -1;
    ck_assert_int_eq(
        sn_limits_measure(SN_LIMITS_OPTIONS(.bytes = SMALL, .max_threads = 1, .progress = watch,
                                            .progress_context = &progress),
                          &limits, &count),
        SN_E_CANCELLED);
    ck_assert_int_eq(progress.calls, 2);
    ck_assert_ptr_null(limits);
    ck_assert_int_eq(count, -1);
}
END_TEST

START_TEST(limits_with_wrong_options_fail_naming_them)
{
    static const struct {
        sn_limits_options options;
        sn_status status;
        const char *word;
    } table[] = {
        { { .struct_size = sizeof(sn_limits_options), .bytes = SMALL - 1 },
          SN_E_INVALID,
          "67108863" },
        { { .struct_size = sizeof(sn_limits_options), .bytes = UINT64_MAX },
          SN_E_INVALID,
          "bytes" },
        { { .struct_size = sizeof(sn_limits_options), .runs = -1 }, SN_E_INVALID, "-1 runs" },
        { { .struct_size = sizeof(sn_limits_options), .max_threads = 5000 },
          SN_E_INVALID,
          "5000 threads" },
        { { .struct_size = 3 }, SN_E_INVALID, "struct_size 3" },
    };
    sn_limit *limits = NULL;
    int32_t count = 0;
    ck_assert_int_eq(sn_limits_measure(&table[_i].options, &limits, &count), table[_i].status);
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), table[_i].word));
    ck_assert_ptr_null(limits);
}
END_TEST

START_TEST(limits_beyond_memory_fail_with_both_figures)
{
    sn__memory memory = sn__memory_granted("");
    if (memory.available >= (uint64_t)1 << 38)
        return; /* such a machine could do it */
    sn_limit *limits = NULL;
    int32_t count = 0;
    ck_assert_int_eq(
        sn_limits_measure(SN_LIMITS_OPTIONS(.bytes = (uint64_t)1 << 37), &limits, &count),
        SN_E_NOMEM);
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "262240 MiB are needed"));
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "MemAvailable"));
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "control group"));
}
END_TEST

/* The offset whose word this is: sn__mix64 backwards. */
static uint64_t unmix(uint64_t z)
{
    z = (z ^ (z >> 31) ^ (z >> 62)) * 0x319642B2D24D8EC3u;
    z = (z ^ (z >> 27) ^ (z >> 54)) * 0x96DE1B173F119089u;
    return z ^ (z >> 30) ^ (z >> 60);
}

static uint64_t word_at(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* A rate is an amount over a time that fits into the time that the call took. */
static double run_within(sn_probe *probe, sn_probe_kind kind, int64_t row, int32_t threads,
                         double amount)
{
    double rate = -1;
    int64_t start = sn__now_ns();
    sigset_t before, after;
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
    ck_assert_int_eq(sn_probe_run(probe, kind, row, threads, &rate), SN_OK);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
    for (int signal = 1; signal < NSIG; signal++) /* the caller's signals stay the caller's */
        ck_assert_int_eq(sigismember(&before, signal), sigismember(&after, signal));
    double took = (double)(sn__now_ns() - start) * 1e-9;
    ck_assert(rate > 0 && isfinite(rate));
    ck_assert_msg(amount / rate <= took, "%g at %g took %g s", amount, rate, took);
    return amount / rate / took;
}

/* And on a machine that is not too busy it is the most of that time: else it is the rate of
 * something smaller. */
static void expect_most(sn_probe *probe, sn_probe_kind kind, int32_t threads, double amount)
{
    double best = 0;
    for (int i = 0; i < 50 && best < 0.5; i++)
        best = fmax(best, run_within(probe, kind, 0, threads, amount));
    ck_assert_double_ge(best, 0.5);
}

START_TEST(probe_of_each_kind_gives_a_rate_of_what_it_did)
{
    static const int64_t rows[] = { 8, 64, 288, 400, 4096 };
    sn_probe *probe = NULL;
    if (!is_enough_memory())
        return;
    ck_assert_int_eq(sn_probe_create(SN_LIMITS_OPTIONS(.bytes = SMALL), false, &probe), SN_OK);
    sn__probe_arrays inside = sn__probe_inside(probe);
    ck_assert_uint_eq(inside.bytes, SMALL);
    for (int32_t threads = 1; threads <= 3; threads++) {
        expect_most(probe, SN_PROBE_LINES_BRANCH, threads, (double)inside.reads / 1e6);
        expect_most(probe, SN_PROBE_LINES_FREE, threads, (double)inside.reads / 1e6);
        memset(inside.to, 0, inside.bytes);
        expect_most(probe, SN_PROBE_COPY, threads, 2e-9 * (double)inside.bytes);
        ck_assert_int_eq(memcmp(inside.from, inside.to, inside.bytes), 0);
    }
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        size_t row = (size_t)rows[k], count = inside.buffer / row, distinct = 0;
        count = count < inside.reads ? count : inside.reads;
        memset(inside.to, 0, inside.bytes);
        run_within(probe, SN_PROBE_ROW_GATHER, rows[k], 1 + (int32_t)k % 3,
                   1e-9 * (double)(count * row));
        for (size_t i = 0; i < count; i++) {
            const uint8_t *at = inside.to + i * row;
            uint64_t from = unmix(word_at(at));
            distinct += i > 0 && word_at(at) != word_at(at - row);
            if (from % row != 0 || from >= inside.bytes || memcmp(at, inside.from + from, row) != 0)
                ck_abort_msg("row %zu of %zu bytes is no row", i, row);
        }
        ck_assert_uint_gt(distinct, count / 2);
        ck_assert_uint_eq(word_at(inside.to + (count * row + 7) / 8 * 8), 0); /* and not more */
    }
    sn_probe_release(probe);
}
END_TEST

START_TEST(probe_with_wrong_arguments_fails_naming_them)
{
    static const int64_t rows[] = { 1, 63, 1 << 20 };
    sn_probe *probe = NULL;
    double rate = -1, took;
    if (!is_enough_memory())
        return;
    ck_assert_int_eq(sn_probe_create(SN_LIMITS_OPTIONS(.bytes = SMALL), false, &probe), SN_OK);
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(sn_probe_run(probe, SN_PROBE_ROW_GATHER, rows[i], 1, &took), SN_OK);
    ck_assert_int_eq(sn_probe_run(probe, (sn_probe_kind)9, 0, 1, &rate), SN_E_INVALID);
    ck_assert_int_eq(sn_probe_run(probe, SN_PROBE_COPY, 0, 0, &rate), SN_E_INVALID);
    ck_assert_int_eq(sn_probe_run(probe, SN_PROBE_COPY, 0, 1025, &rate), SN_E_INVALID);
    ck_assert_int_eq(sn_probe_run(probe, SN_PROBE_ROW_GATHER, 0, 1, &rate), SN_E_INVALID);
    ck_assert_int_eq(sn_probe_run(probe, SN_PROBE_ROW_GATHER, (1 << 20) + 1, 1, &rate),
                     SN_E_INVALID);
    threads_refused = true;
    ck_assert_int_eq(sn_probe_run(probe, SN_PROBE_COPY, 0, 4, &rate), SN_E_SYSTEM);
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "thread 2 of 4"));
    ck_assert_int_eq(sn__handover_awake_run(&rate), SN_E_SYSTEM);
    ck_assert_double_eq(rate, -1);
    sn_probe_release(probe);
    sn_probe_release(NULL);
}
END_TEST

START_TEST(handover_takes_a_part_of_the_time_of_its_run)
{
    enum { ROUNDS = 20000, WAKES = 300 };
    if (sn__affinity_cores() < 2)
        return;
    double awake, asleep, fault;
    char pages[8];
    int64_t start = sn__now_ns();
    ck_assert_int_eq(sn__handover_awake_run(&awake), SN_OK);
    double took = (double)(sn__now_ns() - start) * 1e-3;
    ck_assert_double_gt(awake,
                        0.01); /* a line from another core's cache takes tens of nanoseconds */
    ck_assert_double_le(awake * 2 * ROUNDS * 0.85, took);
    start = sn__now_ns();
    ck_assert_int_eq(sn__handover_asleep_run(&asleep), SN_OK);
    took = (double)(sn__now_ns() - start) * 1e-3;
    ck_assert_double_gt(asleep, 0.2);
    ck_assert_double_le(asleep * WAKES / 2, took); /* half of them take at least the median */
    ck_assert_double_ge(took, WAKES * 50.0);       /* the pauses */
    double faults = 64.0 * (1 << 20) / (double)sysconf(_SC_PAGESIZE), share = 0;
    for (int i = 0; i < 20 && share < 0.1; i++) {
        start = sn__now_ns();
        ck_assert_int_eq(sn__fault_run(false, pages, &fault), SN_OK);
        share = fault * faults / ((double)(sn__now_ns() - start) * 1e-3);
        ck_assert_double_le(share, 1);
    }
    ck_assert_double_ge(share, 0.1);
}
END_TEST

START_TEST(pages_obtained_of_a_plain_mapping_are_the_systems)
{
    enum { BYTES = 8 << 20 };
    char pages[8], want[32];
    void *block = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(block, MAP_FAILED);
    madvise(block, BYTES, MADV_NOHUGEPAGE);
    memset(block, 1, BYTES);
    sn__pages_obtained(block, BYTES, pages);
    snprintf(want, sizeof want, "%ldk", sysconf(_SC_PAGESIZE) / 1024);
    ck_assert_str_eq(pages, want);
    munmap(block, BYTES);
    sn__pages_obtained(block, BYTES, pages);
    ck_assert_str_eq(pages, "?"); /* nothing is mapped there any more */
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("limits");
    tcase_set_timeout(cases, 100);
    tcase_add_test(cases, limits_of_this_machine_are_complete_and_positive);
    tcase_add_test(cases, limits_that_the_caller_stops_are_cancelled);
    tcase_add_loop_test(cases, limits_with_wrong_options_fail_naming_them, 0, 5);
    tcase_add_test(cases, limits_beyond_memory_fail_with_both_figures);
    tcase_add_test(cases, probe_of_each_kind_gives_a_rate_of_what_it_did);
    tcase_add_test(cases, probe_with_wrong_arguments_fails_naming_them);
    tcase_add_test(cases, handover_takes_a_part_of_the_time_of_its_run);
    tcase_add_test(cases, pages_obtained_of_a_plain_mapping_are_the_systems);
    return run_cases("limits", cases);
}
