/* SPDX-License-Identifier: Apache-2.0 */
/* How the command ends: interrupted, with an output that takes nothing, and what it draws until
 * then. */
#include "base/run.h"

#include "command/drive.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static void pause_ms(long milliseconds)
{
    nanosleep(&(struct timespec){ .tv_sec = milliseconds / 1000,
                                  .tv_nsec = milliseconds % 1000 * 1000000 },
              NULL);
}

/* Waits until the folder has another name than before. */
static void wait_for_change(const char *folder, const char *before)
{
    for (int i = 0; i < 30000; i++) {
        if (strcmp(listing(folder), before) != 0)
            return;
        pause_ms(1);
    }
    ck_abort_msg("nothing was begun in %s", folder);
}

static void expect_interrupted(outcome of, int signal, const char *name)
{
    ck_assert_msg(of.code == 128 + signal, "exit code %d: %s", of.code, of.err);
    const char *line = strstr(of.err, "seine: ");
    ck_assert_msg(line != NULL && count_lines(line) == 1 && strstr(line, name) != NULL, "%s",
                  of.err);
    outcome_free(&of);
}

/* Long calls that make a folder; each is interrupted at its begin and a while later. */
START_TEST(gen_that_is_interrupted_leaves_nothing)
{
    static const long later_ms[] = { 0, 30, 200, 700 };
    char before[4096];
    snprintf(before, sizeof before, "%s", listing("."));
    start_options options = { 0 };
    pid_t pid = start(ARGUMENTS("gen", "rmat", "--scale", "22", "--degree", "16", "--feat-dim",
                                "16", "--out", "g"),
                      &options);
    wait_for_change(".", before);
    pause_ms(later_ms[_i]);
    ck_assert_int_eq(kill(pid, SIGINT), 0);
    expect_interrupted(finish(pid), SIGINT, "SIGINT");
    ck_assert_str_eq(listing("."), before);
}
END_TEST

START_TEST(import_that_is_interrupted_leaves_the_old_dataset)
{
    enum { EDGES = 6000000 };
    int32_t *edges = malloc(2 * sizeof *edges * EDGES);
    ck_assert_ptr_nonnull(edges);
    for (uint32_t i = 0; i < 2 * EDGES; i++)
        edges[i] = (int32_t)(i * 2654435761u >> 12);
    put_npy("e.npy", "<i4", "(2, 6000000)", edges, 2 * sizeof *edges * EDGES);
    free(edges);
    expect_done(SEINE("gen", "rmat", "--scale", "4", "--degree", "2", "--out", "g"));
    outcome old = SEINE("inspect", "g", "--json");

    start_options options = { 0 };
    pid_t pid = start(ARGUMENTS("import", "--edges", "e.npy", "--out", "g"), &options);
    wait_for_change(".", "e.npy g");
    pause_ms(20);
    kill(pid, SIGTERM);
    expect_interrupted(finish(pid), SIGTERM, "SIGTERM");
    ck_assert_str_eq(listing("."), "e.npy g");
    outcome now = SEINE("inspect", "g", "--json");
    ck_assert_str_eq(now.out, old.out);
    outcome_free(&now);
    outcome_free(&old);
}
END_TEST

START_TEST(sample_that_is_interrupted_ends_at_once)
{
    expect_done(SEINE("gen", "rmat", "--scale", "8", "--degree", "4", "--out", "g"));
    start_options options = { 0 };
    pid_t pid =
        start(ARGUMENTS("sample", "g", "--epochs", "1000000000", "--format", "none"), &options);
    pause_ms(200);
    kill(pid, SIGINT);
    expect_interrupted(finish(pid), SIGINT, "SIGINT");
}
END_TEST

START_TEST(bench_that_is_interrupted_removes_its_graph)
{
    char here[4096], setting[4200];
    ck_assert_ptr_nonnull(getcwd(here, sizeof here));
    snprintf(setting, sizeof setting, "TMPDIR=%s", here);
    start_options options = { .environment = ENVIRONMENT(setting) };
    pid_t pid = start(
        ARGUMENTS("bench", "gather", "--scale", "18", "--runs", "10000", "--size", "64"), &options);
    wait_for_change(".", "");
    pause_ms(_i == 0 ? 0 : 6000); /* while the graph is made, while it is measured */
    kill(pid, SIGINT);
    expect_interrupted(finish(pid), SIGINT, "SIGINT");
    ck_assert_str_eq(listing("."), "");
}
END_TEST

START_TEST(bench_limits_that_is_interrupted_ends_soon)
{
    start_options options = { 0 };
    pid_t pid = start(ARGUMENTS("bench", "limits", "--runs", "1000", "--size", "64"), &options);
    pause_ms(1500);
    kill(pid, SIGINT);
    expect_interrupted(finish(pid), SIGINT, "SIGINT");
}
END_TEST

START_TEST(output_that_takes_nothing_is_an_error)
{
    static const output outputs[] = { OUTPUT_FULL, OUTPUT_CLOSED, OUTPUT_BROKEN_PIPE };
    static const char *const reasons[] = { "No space left", "Bad file descriptor", "Broken pipe" };
    expect_done(SEINE("gen", "rmat", "--scale", "8", "--degree", "4", "--out", "g"));
    const char *const *const calls[] = {
        ARGUMENTS("sample", "g", "--fanout", "2"),
        ARGUMENTS("sample", "g", "--fanout", "2", "--format", "json", "--batch-size", "8"),
        ARGUMENTS("inspect", "g", "--json"),
        ARGUMENTS("inspect", "g"),
        ARGUMENTS("doctor"),
        ARGUMENTS("help"),
        ARGUMENTS("help", "sample"),
        ARGUMENTS("sample", "--help"),
        ARGUMENTS("--version"),
        ARGUMENTS("help", "--man", "gen"),
    };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        start_options options = { .to = outputs[_i] };
        outcome of = finish(start(calls[i], &options));
        expect_failure(of, 1, reasons[_i], calls[i][0]);
    }
    /* Where nothing is printed, nothing fails. */
    start_options options = { .to = outputs[_i] };
    expect_done(finish(start(ARGUMENTS("sample", "g", "--format", "none"), &options)));
}
END_TEST

START_TEST(output_that_ends_early_ends_the_epochs)
{
    expect_done(SEINE("gen", "rmat", "--scale", "8", "--degree", "4", "--out", "g"));
    start_options options = { .to = OUTPUT_BROKEN_PIPE };
    expect_failure(finish(start(ARGUMENTS("sample", "g", "--epochs", "1000000000"), &options)), 1,
                   "standard output", "endless epochs");
}
END_TEST

START_TEST(progress_is_drawn_only_where_it_is_wanted)
{
    static const struct {
        const char *setting;
        bool drawn;
    } table[] = { { "SEINE_PROGRESS=always", true },
                  { "SEINE_PROGRESS=auto", false }, /* stderr is a file here */
                  { "SEINE_PROGRESS=never", false } };
    for (size_t i = 0; i < 3; i++) {
        outcome of = seine(ARGUMENTS("gen", "rmat", "--scale", "12", "--degree", "8", "--out", "g"),
                           ENVIRONMENT(table[i].setting));
        ck_assert_int_eq(of.code, 0);
        ck_assert_int_eq(count_lines(of.out), 1);
        if (table[i].drawn) {
            ck_assert_ptr_nonnull(strstr(of.err, " % "));
            ck_assert_ptr_nonnull(strstr(of.err, "ETA "));
            ck_assert_ptr_nonnull(strchr(of.err, '['));
            size_t length = strlen(of.err);
            ck_assert_str_eq(of.err + length - 4, "\r\033[K"); /* wiped at the end */
        } else {
            ck_assert_str_eq(of.err, "");
        }
        outcome_free(&of);
    }
}
END_TEST

START_TEST(progress_on_a_terminal_fits_its_width_and_is_wiped)
{
    static const int widths[] = { 40, 80, 300 };
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    ck_assert_int_ge(master, 0);
    ck_assert_int_eq(grantpt(master) == 0 && unlockpt(master) == 0, 1);
    int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
    struct winsize size = { .ws_row = 24, .ws_col = (unsigned short)widths[_i] };
    ck_assert_int_eq(ioctl(terminal, TIOCSWINSZ, &size), 0);
    start_options options = { .err_fd = terminal };
    pid_t pid =
        start(ARGUMENTS("gen", "rmat", "--scale", "12", "--degree", "8", "--out", "g"), &options);
    outcome of = finish(pid);
    close(terminal);
    char text[65536];
    ssize_t bytes = 0, more;
    while ((more = read(master, text + bytes, sizeof text - 1 - (size_t)bytes)) > 0)
        bytes += more;
    text[bytes] = '\0';
    close(master);
    ck_assert_int_eq(of.code, 0);
    ck_assert_ptr_nonnull(strstr(text, _i == 0 ? " %" : "ETA "));
    ck_assert_str_eq(text + bytes - 4, "\r\033[K");
    for (char *line = strtok(text, "\r"); line != NULL; line = strtok(NULL, "\r")) {
        line[strcspn(line, "\033")] = '\0';
        ck_assert_msg((int)strlen(line) < widths[_i], "too wide: %s", line);
    }
    outcome_free(&of);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("ends");
    tcase_add_checked_fixture(cases, workspace_make, workspace_remove);
    tcase_set_timeout(cases, 300);
    tcase_add_loop_test(cases, gen_that_is_interrupted_leaves_nothing, 0, 4);
    tcase_add_test(cases, import_that_is_interrupted_leaves_the_old_dataset);
    tcase_add_loop_test(cases, sample_that_is_interrupted_ends_at_once, 0, 2);
    tcase_add_loop_test(cases, bench_that_is_interrupted_removes_its_graph, 0, 2);
    tcase_add_test(cases, bench_limits_that_is_interrupted_ends_soon);
    tcase_add_loop_test(cases, output_that_takes_nothing_is_an_error, 0, 3);
    tcase_add_test(cases, output_that_ends_early_ends_the_epochs);
    tcase_add_test(cases, progress_is_drawn_only_where_it_is_wanted);
    tcase_add_loop_test(cases, progress_on_a_terminal_fits_its_width_and_is_wiped, 0, 3);
    return run_cases("ends", cases);
}
