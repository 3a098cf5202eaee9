/* SPDX-License-Identifier: Apache-2.0 */
/* Commands with worker processes: the same results with any number of them, and nobody left behind
 * however the command ends. */
#include "base/run.h"

#include "command/small.h"
#include "command/stream.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

/* Ends the case where the library has no workers. */
static bool there_are_workers(void)
{
    outcome of = run_line("sample @ring --fanout 2 --workers 1", NULL);
    bool are = of.code == 0 || strstr(of.err, "not in this version") == NULL;
    if (!are)
        printf("skipped: %s", of.err);
    outcome_free(&of);
    return are;
}

static void begin_shared(void)
{
    small_begin();
    free(printed("gen rmat --nodes 3000 --degree 8 --feat-dim 32 --seed 3 --out random"));
}

/* -- Streams ----------------------------------------------------------------------------------- */

static const char *const plans[] = {
    "@ring --fanout 2,2 --batch-size 2 --shuffle --epochs 2 --with-edge --features --labels all",
    "@typed --input train --fanout 'other=2,1' --batch-size 2 --shuffle --epochs 2 --features",
    "@random --fanout 5,3 --batch-size 100 --shuffle --epochs 2 --features --labels seeds",
    "@random --fanout 5,3 --batch-size 100 --edge-dir in --features --shard 1/3 --uneven pad",
    "@random --fanout -1 --batch-size 1000 --start-batch 1 --batches 2 --epoch 5 --index int32",
    "@random --fanout 0 --batch-size 7 --start-batch 400 --replace",
};
enum { PLANS = sizeof plans / sizeof plans[0] };

START_TEST(stream_is_the_same_with_any_number_of_workers)
{
    static const char *const ways[] = {
        "--workers 1",
        "--workers 1 --concurrency 2",
        "--workers 2",
        "--workers 2 --concurrency 2 --load memory",
        "--workers 3 --stall 5",
        "--workers 4 --channel-size 64MB",
        "--workers 7 --concurrency 2",
    };
    if (!there_are_workers())
        return;
    stream base = stream_of(plans[_i]);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char words[512];
        if (i > 1 && !is_chosen())
            continue;
        snprintf(words, sizeof words, "%s %s", plans[_i], ways[i]);
        stream other = stream_of(words);
        stream_check_same(&base, &other, words);
        ck_assert_int_eq(other.restarts, 0);
        stream_free(&other);
    }
    stream_free(&base);
}
END_TEST

START_TEST(stream_whose_batches_do_not_fit_the_channel_is_the_same_and_spills_are_told)
{
    static const char words[] =
        "@random --fanout 10,10 --batch-size 300 --features --epochs 2 --shuffle";
    if (!there_are_workers())
        return;
    stream base = stream_of(words);
    for (int i = 0; i < 3; i++) {
        static const char *const ways[] = { "--workers 1 --channel-size 16K",
                                            "--workers 2 --channel-size 4k",
                                            "--workers 2 --concurrency 2 --channel-size 0.1M" };
        char all[256];
        snprintf(all, sizeof all, "%s %s", words, ways[i]);
        stream other = stream_of(all);
        stream_check_same(&base, &other, all);
        ck_assert_msg(other.spills > 0, "%s: no spill is told", all);
        stream_free(&other);
    }
    stream_free(&base);
}
END_TEST

START_TEST(training_is_the_same_with_any_number_of_workers)
{
    static const char *const ways[] = { "", "--workers 1", "--workers 2 --concurrency 2" };
    char *first = NULL;
    if (!there_are_workers())
        return;
    for (int i = 0; i < 3; i++) {
        char line[256], losses[512] = "", *save = NULL;
        snprintf(line, sizeof line, "train @ring --json --epochs 3 --batch-size 2 %s", ways[i]);
        char *text = printed(line);
        for (char *at = strtok_r(text, "\n", &save); at; at = strtok_r(NULL, "\n", &save)) {
            const char *loss = strstr(at, "\"loss\":");
            if (loss != NULL) {
                size_t length = strcspn(loss + 7, ",");
                snprintf(losses + strlen(losses), sizeof losses - strlen(losses), "%.*s ",
                         (int)length, loss + 7);
            }
        }
        free(text);
        ck_assert_uint_gt(strlen(losses), 10);
        if (first == NULL)
            first = strdup(losses);
        ck_assert_str_eq(losses, first);
    }
    free(first);
}
END_TEST

/* -- Ends -------------------------------------------------------------------------------------- */

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Orphans come to this process, which waits until there is none; at most a second. */
static void expect_nobody_left(const char *what)
{
    double start = seconds();
    for (;;) {
        pid_t got = waitpid(-1, NULL, WNOHANG);
        if (got < 0 && errno == ECHILD)
            return;
        ck_assert_msg(seconds() - start < 1, "%s: a process is left", what);
        if (got == 0)
            nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    }
}

static const struct {
    const char *line;
    int number;
} endless[] = {
    { "sample @random --epochs 1000000000 --format none --workers 2 --features", SIGINT },
    { "sample @random --epochs 1000000000 --format none --workers 2 --concurrency 3", SIGTERM },
    { "sample @random --epochs 1000000000 --format none --workers 3 --features", SIGKILL },
    { "train @ring --epochs 1000000 --batch-size 2 --workers 2 --json", SIGINT },
    { "train @ring --epochs 1000000 --batch-size 2 --workers 2 --concurrency 2 --json", SIGKILL },
};
enum { ENDLESS = sizeof endless / sizeof endless[0] };

START_TEST(command_with_workers_that_is_ended_leaves_nobody)
{
    static const long after_ms[] = { 5, 40, 150, 500 };
    if (!there_are_workers())
        return;
    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    for (int i = 0; i < 4; i++) {
        start_options options = { 0 };
        pid_t pid = start_line(endless[_i].line, &options);
        nanosleep(&(struct timespec){ .tv_nsec = after_ms[i] * 1000000 }, NULL);
        kill(pid, endless[_i].number);
        outcome of = finish(pid);
        ck_assert_msg(of.code == 128 + endless[_i].number, "%s: exit code %d, %s", endless[_i].line,
                      of.code, of.err);
        if (endless[_i].number != SIGKILL && after_ms[i] >= 150) /* before: no handler yet */
            ck_assert_ptr_nonnull(strstr(of.err, "interrupted"));
        outcome_free(&of);
        expect_nobody_left(endless[_i].line);
    }
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("workers");
    tcase_set_timeout(cases, 300);
    tcase_add_unchecked_fixture(cases, begin_shared, small_end);
    tcase_add_checked_fixture(cases, case_begin, case_end);
    tcase_add_loop_test(cases, stream_is_the_same_with_any_number_of_workers, 0, PLANS);
    tcase_add_test(cases,
                   stream_whose_batches_do_not_fit_the_channel_is_the_same_and_spills_are_told);
    tcase_add_test(cases, training_is_the_same_with_any_number_of_workers);
    tcase_add_loop_test(cases, command_with_workers_that_is_ended_leaves_nobody, 0, ENDLESS);
    return run_cases("workers", cases);
}
