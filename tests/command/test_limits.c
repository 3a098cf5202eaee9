/* SPDX-License-Identifier: Apache-2.0 */
/* The command where something stops it in the middle: a signal while its output waits, an output
 * that takes nothing more, a disk, a table of files or a memory that is full. Whatever it was,
 * it says so in one line, its exit code is the one of the contract, and nothing half-written is
 * left. */
#include "base/run.h"

#include "command/small.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* -- Signals ----------------------------------------------------------------------------------- */

/* One line, which says that a signal came. A bar and notes may stand before it. Frees. */
static void expect_interrupted(outcome of, int number, const char *what)
{
    const char *last = strstr(of.err, "seine: ");
    ck_assert_msg(of.code == 128 + number, "%s: exit code %d: %s", what, of.code, of.err);
    ck_assert_msg(last != NULL && count_lines(last) == 1 && strstr(last, "interrupted") != NULL,
                  "%s: not one line: %s", what, of.err);
    outcome_free(&of);
}

static const struct {
    const char *line;
    int number;
} long_calls[] = {
    { "sample @ring --epochs 2000000000 --format digest", SIGINT },
    { "sample @ring --epochs 2000000000 --format json", SIGINT },
    { "sample @ring --epochs 2000000000 --format none", SIGINT },
    { "sample @ring --epochs 2000000000 --format digest", SIGTERM },
    { "sample @ring --epochs 2000000000 --format digest", SIGHUP },
    { "train @ring --epochs 2000000000 --json", SIGINT },
    { "train @ring --epochs 2000000000 --baselines --json", SIGTERM },
    { "bench sample --scale 12 --runs 10000 --size 64", SIGINT },
    { "bench import --scale 12 --runs 10000", SIGTERM },
    { "bench open --scale 4 --runs 10000", SIGINT },
};
enum { LONG_CALLS = sizeof long_calls / sizeof long_calls[0] };

/* Nobody reads what they print, so the signal comes while they wait in the middle of a write. */
START_TEST(call_that_waits_for_its_reader_can_be_interrupted)
{
    start_options options = { .to = OUTPUT_STUCK,
                              .environment = ENVIRONMENT("SEINE_PROGRESS=always") };
    pid_t pid = start_line(long_calls[_i].line, &options);
    await_stderr();
    nanosleep(&(struct timespec){ .tv_nsec = 200000000 }, NULL); /* the pipe is full by now */
    ck_assert_int_eq(kill(pid, long_calls[_i].number), 0);
    expect_interrupted(finish(pid), long_calls[_i].number, long_calls[_i].line);
}
END_TEST

/* -- Outputs that take nothing more ------------------------------------------------------------ */

static void expect_unprinted(outcome of, const char *what)
{
    expect_failure(of, 1, "standard output", what);
}

/* Beside those of test_ends.c: calls that print more than once, or after long work. */
START_TEST(output_that_is_full_is_told_by_calls_that_work_long)
{
    static const char *const lines[] = {
        "inspect @ring --json --verify",
        "sample @ring --fanout 2,2 --batch-size 1 --epochs 300",
        "sample @ring --fanout 2,2 --batch-size 1 --epochs 300 --format json",
        "train @ring --epochs 2",
        "train @ring --epochs 2 --baselines --json",
        "bench sample --dataset @ring --runs 1 --size 64",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        expect_unprinted(run_line(lines[i], &(start_options){ .to = OUTPUT_FULL }), lines[i]);
        expect_unprinted(run_line(lines[i], &(start_options){ .to = OUTPUT_CLOSED }), lines[i]);
    }
}
END_TEST

/* The dataset is made; only the line about it cannot be printed. */
START_TEST(import_whose_output_is_full_has_written)
{
    put_sources();
    expect_unprinted(
        run_line("import --manifest ring.json --out out", &(start_options){ .to = OUTPUT_FULL }),
        "import");
    free(printed("inspect out --verify"));
}
END_TEST

/* -- Limits of the system ---------------------------------------------------------------------- */

static void expect_unchanged(const char *before, const char *what)
{
    ck_assert_msg(strcmp(listing("."), before) == 0, "%s: leaves %s", what, listing("."));
}

/* Files of the dataset cannot be written to their ends, as on a full disk. */
START_TEST(disk_that_is_full_leaves_nothing)
{
    static const char *const lines[] = {
        "import --manifest ring.json --out out", "import --manifest typed.json --out out",
        "gen rmat --nodes 2000 --degree 5 --feat-dim 4 --out out",
        "gen rmat --nodes 2000 --degree 5 --undirected --layout csc --out out"
    };
    static const long limits[] = { 200, 500, 2000 }; /* a META.json is longer than each */
    char before[4096];
    put_sources();
    snprintf(before, sizeof before, "%s", listing("."));
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        start_options options = { .file_limit = limits[i], .to = OUTPUT_CLOSED };
        expect_named(run_line(lines[_i], &options), 1, "File too large", lines[_i]);
        expect_unchanged(before, lines[_i]);
    }
}
END_TEST

/* With too few open files the folder under construction cannot even be opened to be removed;
 * then the next call to the same place removes it. */
START_TEST(table_of_files_that_is_full_is_told)
{
    enum { LOADER = 127 }; /* the program itself cannot be loaded */
    static const char *const lines[] = { "import --manifest typed.json --out out",
                                         "gen rmat --nodes 100 --degree 2 --out out" };
    int refused = 0;
    put_sources();
    for (long most = 4; most < 12; most++) {
        outcome of = run_line(lines[_i], &(start_options){ .files_limit = most });
        if (of.code != 0 && of.code != LOADER) {
            ck_assert_msg(of.code == 1 && of.out[0] == '\0', "%s: exit code %d", lines[_i],
                          of.code);
            ck_assert_msg(strstr(of.err, "seine: ") && strstr(of.err, "Too many open files"),
                          "%s: %s", lines[_i], of.err);
            refused++;
        }
        outcome_free(&of);
    }
    ck_assert_int_gt(refused, 0);
    free(printed(lines[_i]));
    ck_assert_msg(strstr(listing("."), ".tmp.") == NULL, "left: %s", listing("."));
}
END_TEST

/* Edges all from 0 to 0, as a file with a hole where the data is. */
static void put_long_edges(const char *path, int64_t edges)
{
    char shape[64];
    snprintf(shape, sizeof shape, "(2, %lld)", (long long)edges);
    put_npy(path, "<i4", shape, "", 0);
    ck_assert_int_eq(truncate(path, 128 + 8 * edges), 0);
}

#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = 1 };
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer)
enum { SANITIZED = 1 };
#    else
enum { SANITIZED = 0 };
#    endif
#else
enum { SANITIZED = 0 };
#endif

/* Memory ends while the command works. (ASan itself needs more address space than any limit that
 * would say something.) */
START_TEST(memory_that_is_full_is_told)
{
    static const char *const lines[] = {
        "gen rmat --scale 24 --degree 1 --out out",
        "import --edges long.npy --undirected --out out",
        "sample @ring --fanout 16777215,16777215 --replace --format none",
        "train @ring --fanout 1,1,1 --hidden 65536 --json",
        "bench limits --size 4096 --runs 1",
    };
    if (SANITIZED)
        return;
    put_long_edges("long.npy", 100000000);
    expect_named(run_line(lines[_i], &(start_options){ .memory_limit = 500L << 20 }), 1, "",
                 lines[_i]);
    expect_unchanged("long.npy", lines[_i]);
}
END_TEST

/* -- Progress ---------------------------------------------------------------------------------- */

START_TEST(progress_is_wiped_before_an_error)
{
    put_long_edges("long.npy", 3000000);
    put_ids("y.npy", "<i8", (const int64_t[]){ 1, 2 }, 2);
    outcome of = run_line("import --edges long.npy --num-nodes 1 --times y.npy --out out",
                          &(start_options){ .environment = ENVIRONMENT("SEINE_PROGRESS=always") });
    ck_assert_int_eq(of.code, 1);
    const char *last = strstr(of.err, "seine: ");
    ck_assert_msg(last != NULL && strstr(last, "y.npy") != NULL, "no line: %s", of.err);
    ck_assert_msg(last - of.err > 4 && strncmp(last - 4, "\r\033[K", 4) == 0, "not wiped: %s",
                  of.err);
    ck_assert_int_eq(count_lines(of.err), 1);
    ck_assert_str_eq(listing("."), "long.npy y.npy");
    outcome_free(&of);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("limits");
    tcase_set_timeout(cases, 200);
    tcase_add_unchecked_fixture(cases, small_begin, small_end);
    tcase_add_checked_fixture(cases, case_begin, case_end);
    tcase_add_loop_test(cases, call_that_waits_for_its_reader_can_be_interrupted, 0, LONG_CALLS);
    tcase_add_test(cases, output_that_is_full_is_told_by_calls_that_work_long);
    tcase_add_test(cases, import_whose_output_is_full_has_written);
    tcase_add_loop_test(cases, disk_that_is_full_leaves_nothing, 0, 4);
    tcase_add_loop_test(cases, table_of_files_that_is_full_is_told, 0, 2);
    tcase_add_loop_test(cases, memory_that_is_full_is_told, 0, 5);
    tcase_add_test(cases, progress_is_wiped_before_an_error);
    return run_cases("limits", cases);
}
