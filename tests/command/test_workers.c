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
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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

/* Until the process runs the command: before that, signals meet the handlers of the tests. */
static void await_command(pid_t pid)
{
    char link[64], target[512];
    ssize_t length;
    snprintf(link, sizeof link, "/proc/%d/exe", (int)pid);
    do {
        nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
        length = readlink(link, target, sizeof target);
        ck_assert_int_ge(length, 0);
    } while (length < 6 || strncmp(target + length - 6, "/seine", 6) != 0);
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
    { "bench loader --dataset @random --features --size 64 --runs 10000 --json", SIGINT },
    { "bench channel --runs 10000 --json", SIGTERM },
    { "bench channel --runs 10000 --json", SIGKILL },
};
enum { ENDLESS = sizeof endless / sizeof endless[0] };

START_TEST(command_with_workers_that_is_ended_leaves_nobody)
{
    static const long after_ms[] = { 1, 20, 150, 500 };
    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    for (int i = 0; i < 4; i++) {
        start_options options = { 0 };
        pid_t pid = start_line(endless[_i].line, &options);
        await_command(pid);
        nanosleep(&(struct timespec){ .tv_nsec = after_ms[i] * 1000000 }, NULL);
        kill(pid, endless[_i].number);
        outcome of = finish(pid);
        ck_assert_msg(of.code == 128 + endless[_i].number, "%s: exit code %d, %s", endless[_i].line,
                      of.code, of.err);
        if (endless[_i].number != SIGKILL &&
            after_ms[i] >= 500) /* before, there may be no handler yet */
            ck_assert_ptr_nonnull(strstr(of.err, "interrupted"));
        outcome_free(&of);
        expect_nobody_left(endless[_i].line);
    }
}
END_TEST

/* -- Watching ---------------------------------------------------------------------------------- */

/* The one object that `top PID --json` prints. New. */
static json_t *top_of(pid_t pid)
{
    char line[64];
    snprintf(line, sizeof line, "top %d --json", (int)pid);
    char *text = printed(line);
    json_t *root = parsed(text);
    free(text);
    return root;
}

static void check_shares(json_t *root)
{
    static const char *const paths[] = { "consumer_waits", "workers_wait", "workers/0/idle",
                                         "workers/1/sampling", "workers/1/gathering" };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        double share = json_real_value(json_at(root, paths[i]));
        ck_assert_msg(share >= 0 && share <= 1, "%s: %g", paths[i], share);
    }
}

START_TEST(top_shows_the_loader_of_another_process_and_the_last_words_of_its_dead)
{
    start_options options = { 0 };
    pid_t pid = start_line(
        "sample @random --epochs 1000000000 --format none --workers 2 --concurrency 2", &options);
    nanosleep(&(struct timespec){ .tv_nsec = 700000000 }, NULL);
    json_t *root = top_of(pid);
    ck_assert_int_eq(json_int_at(root, "pid"), pid);
    ck_assert_int_eq(json_int_at(root, "restarts"), 0);
    ck_assert_int_gt(json_int_at(root, "batches"), 0);
    ck_assert_double_gt(json_real_value(json_at(root, "batches_per_s")), 0);
    ck_assert_uint_eq(json_array_size(json_at(root, "workers")), 2);
    ck_assert_ptr_nonnull(strstr("consumer workers nobody", json_text_at(root, "who_waits")));
    ck_assert_str_eq(json_text_at(root, "workers/1/words"), "");
    check_shares(root);
    pid_t worker = (pid_t)json_int_at(root, "workers/1/pid");
    json_decref(root);

    ck_assert_int_eq(kill(worker, SIGKILL), 0);
    nanosleep(&(struct timespec){ .tv_nsec = 700000000 }, NULL);
    root = top_of(pid);
    ck_assert_int_eq(json_int_at(root, "restarts"), 1);
    ck_assert_int_eq(json_int_at(root, "workers/1/restarts"), 1);
    ck_assert_int_ne(json_int_at(root, "workers/1/pid"), worker);
    ck_assert_ptr_nonnull(strstr(json_text_at(root, "workers/1/words"), "SIGKILL"));
    ck_assert_uint_eq(json_object_size(json_at(root, "deaths")), 1);
    json_decref(root);

    char line[64], number[32];
    snprintf(number, sizeof number, "%d ", (int)pid);
    char *text = printed("top");
    ck_assert_ptr_nonnull(strstr(text, number));
    ck_assert_ptr_nonnull(strstr(text, "before: "));
    free(text);
    ck_assert_int_eq(kill(pid, SIGINT), 0);
    outcome of = finish(pid);
    ck_assert_int_eq(of.code, 130);
    outcome_free(&of);
    snprintf(line, sizeof line, "top %d", (int)pid);
    expect_failure(run_line(line, NULL), 1, "no process", line);
}
END_TEST

START_TEST(worker_that_is_stopped_is_replaced_after_its_stall)
{
    start_options options = { 0 };
    pid_t pid = start_line(
        "sample @random --epochs 1000000000 --format none --workers 2 --stall 0.4", &options);
    nanosleep(&(struct timespec){ .tv_nsec = 700000000 }, NULL);
    json_t *root = top_of(pid);
    pid_t worker = (pid_t)json_int_at(root, "workers/0/pid");
    json_decref(root);
    ck_assert_int_eq(kill(worker, SIGSTOP), 0);
    int64_t restarts = 0;
    for (double start = seconds(); restarts == 0 && seconds() - start < 20;) {
        root = top_of(pid);
        restarts = json_int_at(root, "workers/0/restarts");
        if (restarts > 0)
            ck_assert_str_ne(json_text_at(root, "workers/0/words"), "");
        json_decref(root);
    }
    ck_assert_int_ge(restarts, 1);
    ck_assert_int_eq(kill(pid, SIGINT), 0);
    outcome of = finish(pid);
    ck_assert_int_eq(of.code, 130);
    outcome_free(&of);
}
END_TEST

START_TEST(top_without_loaders_says_so)
{
    char line[32];
    snprintf(line, sizeof line, "top %d", (int)getpid());
    char *text = printed(line);
    ck_assert_str_eq(text, "no loader with workers is running\n");
    free(text);
    snprintf(line, sizeof line, "top --json -- %d", (int)getpid());
    text = printed(line);
    ck_assert_str_eq(text, "");
    free(text);
}
END_TEST

/* -- Benchmarks -------------------------------------------------------------------------------- */

static const struct {
    const char *line, *bench;
    int rows;
} benches[] = {
    { "bench loader --dataset @random --features --fanout 3,3 --batch-size 100 --runs 2 --json "
      "--workers 2 --concurrency 2 --size 64",
      "loader", 9 },
    { "bench loader --scale 8 --runs 1 --json --workers 1 --shard 1/3 --batch-size 10", "loader",
      8 },
    { "bench channel --runs 2 --json", "channel", 4 },
    { "bench import --scale 8 --degree 4 --runs 2 --threads 2 --json", "import", 6 },
    { "bench open --dataset @random --runs 2 --json", "open", 1 },
};
enum { BENCHES = sizeof benches / sizeof benches[0] };

START_TEST(bench_with_workers_prints_rows)
{
    char *save = NULL;
    outcome of = run_line(benches[_i].line, NULL);
    ck_assert_msg(of.code == 0, "%s: %s", benches[_i].line, of.err);
    int rows = 0;
    for (char *at = strtok_r(of.out, "\n", &save); at; at = strtok_r(NULL, "\n", &save), rows++) {
        json_t *row = parsed(at);
        ck_assert_str_eq(json_text_at(row, "bench"), benches[_i].bench);
        ck_assert_msg(json_is_number(json_at(row, "median")), "%s", at);
        bool limited = json_is_string(json_at(row, "limit_name"));
        ck_assert_msg(json_is_number(json_at(row, "share")) == limited, "%s", at);
        if (limited)
            ck_assert_msg(json_real_value(json_at(row, "share")) > 0, "%s", at);
        json_decref(row);
    }
    ck_assert_int_eq(rows, benches[_i].rows);
    outcome_free(&of);
}
END_TEST

/* A terminal's key reaches the command and its workers alike. Here the group is the case's, which
 * ignores it. */
START_TEST(command_with_workers_that_is_interrupted_at_a_terminal_ends_with_130_and_leaves_nobody)
{
    static const char *const lines[] = {
        "sample @random --epochs 1000000000 --format none --workers 2 --features",
        "sample @random --epochs 1000000000 --format none --workers 3 --channel-size 4k --features",
        "train @ring --epochs 1000000 --batch-size 2 --workers 2 --json",
    };
    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    signal(SIGINT, SIG_IGN);
    for (int i = 0; i < 4; i++) {
        bool early = i == 0; /* while it starts its workers, or before it handles signals */
        start_options options = { .environment = ENVIRONMENT("SEINE_PROGRESS=always") };
        pid_t pid = start_line(lines[_i], &options);
        if (_i < 2 && !early)
            await_stderr(); /* batches come */
        long pause_ms = _i < 2 || early ? 15 : 300;
        nanosleep(&(struct timespec){ .tv_nsec = pause_ms * 1000000 }, NULL);
        kill(0, SIGINT);
        outcome of = finish(pid);
        ck_assert_msg(of.code == 130, "%s: exit code %d, %s", lines[_i], of.code, of.err);
        ck_assert(early || _i == 2 || strstr(of.err, "interrupted") != NULL);
        ck_assert_msg(strstr(of.err, "worker ") == NULL, "a worker was hit: %s", of.err);
        outcome_free(&of);
        expect_nobody_left(lines[_i]);
    }
}
END_TEST

/* -- Where the worker is ----------------------------------------------------------------------- */

static void copy_file(const char *from, const char *to)
{
    size_t bytes;
    char *data = get_file(from, &bytes);
    put_bytes(to, data, bytes);
    free(data);
}

/* The library of the command is the copy in `folder`. */
static outcome with_library(const char *folder)
{
    char path[800];
    snprintf(path, sizeof path, "LD_LIBRARY_PATH=%s", folder);
    start_options options = { .environment = ENVIRONMENT(path, "SEINE_WORKER=auto") };
    return finish(start_line("sample @ring --fanout 2 --batches 1 --workers 1", &options));
}

static void expect_code(outcome of, int code, const char *words)
{
    ck_assert_msg(of.code == code && strstr(of.err, words) != NULL, "exit code %d: %s", of.code,
                  of.err);
    outcome_free(&of);
}

START_TEST(worker_is_found_from_the_library_as_built_and_as_installed)
{
    static const struct {
        const char *folder, *library, *worker;
    } places[] = {
        { "built", "built/lib", "built/bin" },
        { "installed", "installed/lib/triplet", "installed/bin" },
        { "flat", "flat", "flat" },
    };
    char here[256], from[512], to[512], library[600], words[700];
    ck_assert_ptr_nonnull(getcwd(here, sizeof here));
    const char *bin = getenv("SEINE_BIN");
    for (int i = 0; i < 3; i++) {
        const char *const folders[] = { places[i].folder, "installed/lib", places[i].library,
                                        places[i].worker };
        for (int f = 0; f < 4; f++)
            if (f != 1 || i == 1)
                ck_assert(mkdir(folders[f], 0777) == 0 || errno == EEXIST);
        snprintf(from, sizeof from, "%s/../lib/libseine.so.0", bin);
        snprintf(to, sizeof to, "%s/libseine.so.0", places[i].library);
        copy_file(from, to);
        snprintf(library, sizeof library, "%s/%s", here, places[i].library);
        snprintf(words, sizeof words, "seine-worker: not in ../bin, ../../bin or . of %s; set",
                 library);
        expect_code(with_library(library), 1, words);
        snprintf(from, sizeof from, "%s/seine-worker", bin);
        snprintf(to, sizeof to, "%s/seine-worker", places[i].worker);
        ck_assert_int_eq(symlink(from, to), 0);
        expect_code(with_library(library), 0, "");
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
    tcase_add_test(cases, top_shows_the_loader_of_another_process_and_the_last_words_of_its_dead);
    tcase_add_test(cases, worker_that_is_stopped_is_replaced_after_its_stall);
    tcase_add_test(cases, top_without_loaders_says_so);
    tcase_add_loop_test(cases, bench_with_workers_prints_rows, 0, BENCHES);
    tcase_add_loop_test(
        cases,
        command_with_workers_that_is_interrupted_at_a_terminal_ends_with_130_and_leaves_nobody, 0,
        3);
    tcase_add_test(cases, worker_is_found_from_the_library_as_built_and_as_installed);
    return run_cases("workers", cases);
}
