/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes: what they find, how they end, and that none is left, whoever else reaps. */
#include "ipc/proc/process.h"

#include "base/clock.h"
#include "base/run.h"
#include "data/support/folder.h"
#include "ipc/faults.h"
#include "ipc/shm/pass.h"
#include "support/leftovers.h"
#include "support/scale.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MS = 1000000 };

static int ends[2], files_before;

static int64_t soon(void)
{
    return sn__now_ns() + (int64_t)60e9;
}

static void make_pair(void)
{
    files_before = count_open_files();
    ck_ok(sn__pass_pair(ends));
}

static void check_nothing_left(void)
{
    close(ends[0]);
    close(ends[1]);
    ck_assert_int_eq(count_open_files(), files_before);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* no child, alive or dead */
    ck_assert_int_eq(errno, ECHILD);
}

static sn_status start(const char *mode, const char *operand, sn__process *out)
{
    char program[] = "ipc_child", words[2][32];
    char *argv[] = { program, words[0], operand != NULL ? words[1] : NULL, NULL };
    snprintf(words[0], sizeof words[0], "%s", mode);
    snprintf(words[1], sizeof words[1], "%s", operand != NULL ? operand : "");
    return sn__process_spawn(&(sn__spawn){ IPC_CHILD, argv, ends[1], environ }, out);
}

/* What the child said. */
static const char *hear(int socket)
{
    static char text[512];
    sn__incoming in = { .bytes = text, .capacity = sizeof text };
    sn_status status = sn__pass_receive(socket, &in, soon());
    return status == SN_OK ? text : sn_status_name(status);
}

static const char *reap(sn__process *process)
{
    static char text[SN__EXIT_BYTES];
    sn__exit end = { .known = false };
    ck_ok(sn__process_reap(process, soon(), &end));
    ck_assert_int_eq(process->pidfd, -1);
    return sn__exit_text(&end, text);
}

/* -- What a child finds ------------------------------------------------------------------------ */

static const char found[] = "fds 0 1 2 3; unblocked 0, not default 0; input 0; word";

START_TEST(child_finds_its_four_descriptors_and_blocked_signals)
{
    int standard[2];
    char printed[16] = "";
    sn__process process = SN__PROCESS_NONE;
    int open_ones[20]; /* would be inherited */
    for (int i = 0; i < 20; i++)
        open_ones[i] = open("/dev/null", O_RDONLY);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    setenv("SEINE_TEST_WORD", "word", 1);
    ck_assert_int_eq(pipe(standard), 0);
    int error = dup(2);
    dup2(standard[1], 2);
    sn_status status = start("report", NULL, &process);
    dup2(error, 2);
    ck_ok(status);
    ck_assert_int_eq(fcntl(process.pidfd, F_GETFD), FD_CLOEXEC);
    ck_assert_str_eq(hear(ends[0]), found);
    ck_assert_str_eq(reap(&process), "exited with code 0");
    ck_assert_int_eq(read(standard[0], printed, sizeof printed - 1), 8);
    ck_assert_str_eq(printed, "out err ");
    for (int i = 0; i < 20; i++)
        close(open_ones[i]);
    close(standard[0]);
    close(standard[1]);
    close(error);
    check_nothing_left();
}
END_TEST

/* In a process of its own, since the test engine has files open too. */
static bool finds_all(void)
{
    sn__process process;
    setenv("SEINE_TEST_WORD", "word", 1);
    return start("report", NULL, &process) == SN_OK && strcmp(hear(ends[0]), found) == 0 &&
           strcmp(reap(&process), "exited with code 0") == 0;
}

static void expect_success(pid_t host)
{
    int status = -1;
    ck_assert_int_eq(waitpid(host, &status, 0), host);
    ck_assert_int_eq(status, 0);
    check_nothing_left();
}

/* Whatever number the control socket has, also one of those that are replaced. */
START_TEST(child_finds_its_control_socket_wherever_it_was)
{
    static const int numbers[] = { 0, 1, 3, 4, 200 };
    pid_t host = fork();
    if (host == 0) {
        int number = numbers[_i], free_one = fcntl(ends[0], F_DUPFD_CLOEXEC, 300);
        ends[0] = free_one;
        ends[1] = dup2(ends[1], number);
        dup2(open("/dev/null", O_WRONLY), 2); /* the child prints something */
        _exit(free_one >= 300 && ends[1] == number && finds_all() ? 0 : 1);
    }
    expect_success(host);
}
END_TEST

START_TEST(child_of_a_process_without_standard_streams_has_them)
{
    pid_t host = fork();
    if (host == 0) {
        close(0);
        close(1);
        close(2);
        _exit(finds_all() ? 0 : 1);
    }
    expect_success(host);
}
END_TEST

/* -- How it ends ------------------------------------------------------------------------------- */

static const struct {
    const char *mode, *operand, *text;
} deaths[] = {
    { "exit", "0", "exited with code 0" },
    { "exit", "1", "exited with code 1" },
    { "exit", "255", "exited with code 255" },
    { "signal", "9", "killed by signal 9 (SIGKILL)" },
    { "signal", "15", "killed by signal 15 (SIGTERM)" },
    { "signal", "6", "killed by signal 6 (SIGABRT)" },
    { "signal", "40", "killed by signal 40" },
};

START_TEST(child_that_ends_is_told_how)
{
    sn__process process = SN__PROCESS_NONE;
    setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
    ck_ok(start(deaths[_i].mode, deaths[_i].operand, &process));
    ck_assert_str_eq(reap(&process), deaths[_i].text);
    check_nothing_left();
}
END_TEST

START_TEST(exit_is_told_in_words)
{
    static const struct {
        sn__exit end;
        const char *text;
    } table[] = {
        { { .known = false, .code = 3 }, "ended, and was reaped by others" },
        { { .known = true, .code = 3 }, "exited with code 3" },
        { { .known = true, .signal = SIGSEGV }, "killed by signal 11 (SIGSEGV)" },
        { { .known = true, .signal = SIGSEGV, .core = true },
          "killed by signal 11 (SIGSEGV), core dumped" },
        { { .known = true, .signal = 64, .core = true }, "killed by signal 64, core dumped" },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char text[SN__EXIT_BYTES];
        ck_assert_ptr_eq(sn__exit_text(&table[i].end, text), text);
        ck_assert_str_eq(text, table[i].text);
    }
    check_nothing_left();
}
END_TEST

START_TEST(child_that_lives_is_waited_for_until_the_deadline)
{
    sn__process process = SN__PROCESS_NONE;
    sn__exit end = { .code = 77 };
    ck_ok(start("sleep", NULL, &process));
    int64_t begin = sn__now_ns();
    ck_assert_int_eq(sn__process_reap(&process, 0, &end), SN_E_AGAIN);
    ck_assert_int_eq(sn__process_reap(&process, begin + 30 * MS, &end), SN_E_TIMEOUT);
    ck_assert_int_ge(sn__now_ns() - begin, 30 * MS);
    ck_assert_int_eq(end.code, 77);
    ck_ok(sn__process_kill(&process, SIGTERM)); /* which it has blocked */
    ck_assert_int_eq(sn__process_reap(&process, sn__now_ns() + 30 * MS, &end), SN_E_TIMEOUT);
    ck_fails(sn__process_kill(&process, 1000), SN_E_SYSTEM, "cannot send signal 1000");
    ck_ok(sn__process_kill(&process, SIGKILL));
    ck_assert_str_eq(reap(&process), "killed by signal 9 (SIGKILL)");
    ck_fails(sn__process_reap(&process, soon(), &end), SN_E_INVALID, "nothing to reap");
    check_nothing_left();
}
END_TEST

START_TEST(child_that_is_dead_can_be_killed)
{
    sn__process process = SN__PROCESS_NONE;
    ck_ok(start("exit", "4", &process));
    struct pollfd wanted = { .fd = process.pidfd, .events = POLLIN };
    ck_assert_int_eq(poll(&wanted, 1, 60000), 1);
    ck_ok(sn__process_kill(&process, SIGKILL));
    ck_assert_str_eq(reap(&process), "exited with code 4");
    check_nothing_left();
}
END_TEST

START_TEST(child_killed_is_heard_of_through_the_socket)
{
    sn__process process = SN__PROCESS_NONE;
    ck_ok(start("sleep", NULL, &process));
    close(ends[1]);
    ck_ok(sn__process_kill(&process, SIGKILL));
    ck_assert_str_eq(hear(ends[0]), "SN_E_CLOSED");
    ck_assert_str_eq(reap(&process), "killed by signal 9 (SIGKILL)");
    ends[1] = -1;
    check_nothing_left();
}
END_TEST

/* -- A host that reaps ------------------------------------------------------------------------- */

static void reap_all(int signal)
{
    (void)signal;
    int error = errno;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    errno = error;
}

static void reap_first(bool by_handler)
{
    struct sigaction action = { .sa_handler = by_handler ? reap_all : SIG_IGN };
    ck_assert_int_eq(sigaction(SIGCHLD, &action, NULL), 0);
}

START_TEST(child_that_the_host_reaps_has_an_unknown_end)
{
    sn__process process = SN__PROCESS_NONE;
    sn__exit end = { .known = true };
    reap_first(_i == 0);
    ck_ok(start("sleep", NULL, &process));
    ck_assert_int_eq(sn__process_reap(&process, 0, &end), SN_E_AGAIN);
    ck_ok(sn__process_kill(&process, SIGKILL));
    ck_ok(sn__process_reap(&process, soon(), &end));
    ck_assert(!end.known);
    ck_assert_int_eq(process.pidfd, -1);
    signal(SIGCHLD, SIG_DFL);
    check_nothing_left();
}
END_TEST

/* It may be reaped before there is a pidfd: then the start says that it died. */
START_TEST(child_that_ends_at_once_and_is_reaped_by_the_host_is_never_lost)
{
    int missed = 0;
    reap_first(_i == 0);
    for (int i = 0; i < sn_test_scale(200); i++) {
        sn__process process = SN__PROCESS_NONE;
        sn_status status = start("exit", "0", &process);
        if (status == SN_OK) {
            sn__exit end;
            ck_ok(sn__process_reap(&process, soon(), &end));
        } else {
            ck_assert_int_eq(status, SN_E_PEER_DIED);
            check_detail("reaped by others", __FILE__, __LINE__);
            ck_assert_int_eq(process.pidfd, -1);
            missed++;
        }
    }
    printf("%d of %d starts found the child reaped\n", missed, (int)sn_test_scale(200));
    signal(SIGCHLD, SIG_DFL);
    check_nothing_left();
}
END_TEST

/* -- Starts that fail -------------------------------------------------------------------------- */

START_TEST(program_that_cannot_be_executed_is_named)
{
    static const struct {
        const char *path;
        sn_status status;
    } table[] = {
        { "/nowhere/seine-worker", SN_E_NOT_FOUND }, /* no folder */
        { "no-such-program", SN_E_NOT_FOUND },
        { "", SN_E_NOT_FOUND },
        { "/", SN_E_NOT_FOUND },
        { "/dev/null", SN_E_NOT_FOUND },
        { "/dev/null/x", SN_E_NOT_FOUND },
        { "empty-program", SN_E_SYSTEM }, /* may be executed, and is no program */
        { "locked-program", SN_E_NOT_FOUND },
    };
    sn__process process = { .pid = 5, .pidfd = -9 };
    char program[] = "x", *argv[] = { program, NULL };
    const char *path = table[_i].path;
    put_text(in_folder("empty-program"), "");
    ck_assert_int_eq(chmod(in_folder("empty-program"), 0700), 0);
    put_text(in_folder("locked-program"), "#!/bin/sh\n");
    if (_i >= 6)
        path = in_folder("%s", path);
    ck_assert_int_eq(sn__process_spawn(&(sn__spawn){ path, argv, ends[1], environ }, &process),
                     table[_i].status);
    check_detail(path, __FILE__, __LINE__);
    ck_assert_int_eq(process.pidfd, -9);
    check_nothing_left();
}
END_TEST

static const struct {
    enum fault function;
    int n, error;
    sn_status status;
} faults[] = {
    { FAULT_posix_spawn_file_actions_init, 1, ENOMEM, SN_E_NOMEM },
    { FAULT_posix_spawnattr_init, 1, ENOMEM, SN_E_NOMEM },
    { FAULT_posix_spawn_file_actions_adddup2, 1, ENOMEM, SN_E_NOMEM },
    { FAULT_posix_spawn_file_actions_adddup2, 2, ENOMEM, SN_E_NOMEM },
    { FAULT_posix_spawn_file_actions_addopen, 1, ENOMEM, SN_E_NOMEM },
    { FAULT_posix_spawn_file_actions_addclosefrom_np, 1, ENOMEM, SN_E_NOMEM },
    { FAULT_posix_spawnattr_setsigmask, 1, EINVAL, SN_E_SYSTEM },
    { FAULT_posix_spawnattr_setsigdefault, 1, EINVAL, SN_E_SYSTEM },
    { FAULT_posix_spawnattr_setflags, 1, EINVAL, SN_E_SYSTEM },
    { FAULT_posix_spawn, 1, EAGAIN, SN_E_SYSTEM },
    { FAULT_posix_spawn, 1, ENOMEM, SN_E_NOMEM },
    { FAULT_posix_spawn, 1, ENOENT, SN_E_NOT_FOUND },
    { FAULT_posix_spawn, 1, EACCES, SN_E_NOT_FOUND },
    { FAULT_pidfd_open, 1, EMFILE, SN_E_SYSTEM },
    { FAULT_pidfd_open, 1, ENOMEM, SN_E_NOMEM },
};

START_TEST(start_when_a_call_fails_leaves_no_process)
{
    sn__process process = { .pid = 5, .pidfd = -9 };
    fault_arm(faults[_i].function, faults[_i].n, 0, faults[_i].error);
    sn_status status = start("sleep", NULL, &process);
    ck_assert_int_eq(fault_disarm(), 1);
    ck_assert_msg(status == faults[_i].status, "%s %d: %s", fault_name(faults[_i].function),
                  faults[_i].error, sn_error_detail());
    check_detail(IPC_CHILD, __FILE__, __LINE__);
    ck_assert_int_eq(process.pid, 5);
    ck_assert_int_eq(process.pidfd, -9);
    check_nothing_left();
}
END_TEST

START_TEST(start_without_a_free_descriptor_leaves_no_process)
{
    struct rlimit before, few;
    sn__process process = SN__PROCESS_NONE;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    int lowest = dup(0);
    close(lowest);
    few = (struct rlimit){ .rlim_cur = (rlim_t)lowest, .rlim_max = before.rlim_max };
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    sn_status status = start("sleep", NULL, &process);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    ck_assert_int_eq(status, SN_E_SYSTEM);
    check_detail("cannot watch process", __FILE__, __LINE__);
    check_nothing_left();
}
END_TEST

/* Its number belongs to somebody else by then: nobody is killed. */
START_TEST(start_whose_child_is_not_ours_kills_nobody)
{
    sn__process process = SN__PROCESS_NONE;
    fault_arm(_i == 0 ? FAULT_waitid : FAULT_pidfd_open, 1, 0, _i == 0 ? ECHILD : ESRCH);
    ck_fails(start("exit", "7", &process), SN_E_PEER_DIED, "reaped by others");
    ck_assert_int_eq(fault_disarm(), 1);
    int status = -1;
    ck_assert_int_gt(waitpid(-1, &status, 0), 0);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    check_nothing_left();
}
END_TEST

/* -- Reaping that fails ------------------------------------------------------------------------ */

START_TEST(reaping_that_is_interrupted_goes_on)
{
    sn__process process = SN__PROCESS_NONE;
    ck_ok(start("exit", "3", &process));
    fault_arm(FAULT_waitid, 1, 2, _i == 0 ? EINTR : 0); /* 0: a debugger has not let go of it */
    ck_assert_str_eq(reap(&process), "exited with code 3");
    ck_assert_int_eq(fault_disarm(), 3);
    check_nothing_left();
}
END_TEST

START_TEST(reaping_that_fails_can_be_tried_again)
{
    sn__process process = SN__PROCESS_NONE;
    sn__exit end;
    ck_ok(start("exit", "3", &process));
    fault_arm(_i == 0 ? FAULT_waitid : FAULT_ppoll, 1, 0, EINVAL);
    ck_fails(sn__process_reap(&process, soon(), &end), SN_E_SYSTEM, "cannot");
    struct pollfd wanted = { .fd = process.pidfd, .events = POLLIN };
    ck_assert_int_eq(poll(&wanted, 1, 60000), 1);
    fault_arm(FAULT_waitid, 1, 1 << 20, 0);
    ck_assert_int_eq(sn__process_reap(&process, sn__now_ns() + 20 * MS, &end), SN_E_TIMEOUT);
    fault_disarm();
    ck_assert_str_eq(reap(&process), "exited with code 3");
    check_nothing_left();
}
END_TEST

START_TEST(kill_that_fails_says_so)
{
    sn__process process = SN__PROCESS_NONE;
    ck_ok(start("exit", "3", &process));
    fault_arm(FAULT_pidfd_send_signal, 1, 0, EPERM);
    ck_fails(sn__process_kill(&process, SIGKILL), SN_E_SYSTEM, "cannot send signal 9");
    ck_assert_str_eq(reap(&process), "exited with code 3");
    check_nothing_left();
}
END_TEST

/* -- Death of the parent ----------------------------------------------------------------------- */

START_TEST(child_dies_with_its_parent)
{
    pid_t parent = fork();
    if (parent == 0) {
        sn__process process;
        char self[32];
        snprintf(self, sizeof self, "%d", (int)getpid());
        if (start("family", self, &process) != SN_OK)
            _exit(1);
        close(ends[1]);
        for (;;)
            pause();
    }
    close(ends[1]);
    ck_assert_str_eq(hear(ends[0]), "mine");
    kill(parent, SIGKILL);
    ck_assert_int_eq(waitpid(parent, NULL, 0), parent);
    ck_assert_str_eq(hear(ends[0]), "SN_E_CLOSED"); /* nobody holds the other end any more */
    ends[1] = -1;
    check_nothing_left();
}
END_TEST

START_TEST(child_whose_parent_is_gone_already_is_told)
{
    char other[32];
    sn__process process = SN__PROCESS_NONE;
    snprintf(other, sizeof other, "%d", (int)getppid());
    ck_ok(start("family", other, &process));
    ck_assert_str_eq(hear(ends[0]), "not mine");
    ck_ok(sn__process_kill(&process, SIGKILL));
    (void)reap(&process);
    ck_fails(sn__process_die_with_parent(getpid()), SN_E_PEER_DIED, "the parent is process");
    fault_arm(FAULT_prctl, 1, 0, EINVAL);
    ck_fails(sn__process_die_with_parent(getppid()), SN_E_SYSTEM, "cannot ask");
    check_nothing_left();
}
END_TEST

static void add_starts(TCase *cases)
{
    tcase_add_loop_test(cases, program_that_cannot_be_executed_is_named, 0, 8);
    tcase_add_loop_test(cases, start_when_a_call_fails_leaves_no_process, 0,
                        (int)(sizeof faults / sizeof faults[0]));
    tcase_add_test(cases, start_without_a_free_descriptor_leaves_no_process);
    tcase_add_loop_test(cases, start_whose_child_is_not_ours_kills_nobody, 0, 2);
}

int main(void)
{
    TCase *cases = tcase_create("process");
    tcase_set_timeout(cases, 90);
    tcase_add_checked_fixture(cases, leftovers_before, leftovers_after);
    tcase_add_checked_fixture(cases, make_pair, NULL);
    tcase_add_test(cases, child_finds_its_four_descriptors_and_blocked_signals);
    tcase_add_loop_test(cases, child_finds_its_control_socket_wherever_it_was, 0, 5);
    tcase_add_test(cases, child_of_a_process_without_standard_streams_has_them);
    tcase_add_loop_test(cases, child_that_ends_is_told_how, 0,
                        (int)(sizeof deaths / sizeof deaths[0]));
    tcase_add_test(cases, exit_is_told_in_words);
    tcase_add_test(cases, child_that_lives_is_waited_for_until_the_deadline);
    tcase_add_test(cases, child_that_is_dead_can_be_killed);
    tcase_add_test(cases, child_killed_is_heard_of_through_the_socket);
    tcase_add_loop_test(cases, child_that_the_host_reaps_has_an_unknown_end, 0, 2);
    tcase_add_loop_test(cases, child_that_ends_at_once_and_is_reaped_by_the_host_is_never_lost, 0,
                        2);
    add_starts(cases);
    tcase_add_loop_test(cases, reaping_that_is_interrupted_goes_on, 0, 2);
    tcase_add_loop_test(cases, reaping_that_fails_can_be_tried_again, 0, 2);
    tcase_add_test(cases, kill_that_fails_says_so);
    tcase_add_test(cases, child_dies_with_its_parent);
    tcase_add_test(cases, child_whose_parent_is_gone_already_is_told);
    return run_in_folder("process", cases);
}
