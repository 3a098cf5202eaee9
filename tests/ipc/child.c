/* SPDX-License-Identifier: Apache-2.0 */
/* A program to be started by the tests of processes.
 *
 *     ipc_child report        says over the control socket how it finds itself
 *     ipc_child exit N        ends so
 *     ipc_child signal N      is killed so
 *     ipc_child sleep         waits for ever, with all signals blocked as it was given them
 *     ipc_child family PID    says that it dies with process PID, and waits for ever
 */
#include "ipc/proc/process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is instrumented catches these for itself. */
static bool is_caught_by_sanitizers(int signal)
{
    return signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL ||
           signal == SIGABRT;
}

static int count_signals(bool blocked)
{
    sigset_t mask;
    int count = 0;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    for (int signal = 1; signal <= SIGRTMAX; signal++) {
        struct sigaction action;
        if (signal == SIGKILL || signal == SIGSTOP || (signal > 31 && signal < SIGRTMIN))
            continue;
        if (blocked)
            count += sigismember(&mask, signal) != 1;
        else
            count += !is_caught_by_sanitizers(signal) && sigaction(signal, NULL, &action) == 0 &&
                     action.sa_handler != SIG_DFL;
    }
    return count;
}

static int report(void)
{
    char text[512] = "fds";
    char byte;
    for (int fd = 0; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            snprintf(text + strlen(text), sizeof text - strlen(text), " %d", fd);
    snprintf(text + strlen(text), sizeof text - strlen(text),
             "; unblocked %d, not default %d; input %d; %s", count_signals(true),
             count_signals(false), (int)read(0, &byte, 1),
             getenv("SEINE_TEST_WORD") != NULL ? getenv("SEINE_TEST_WORD") : "");
    if (write(1, "out ", 4) != 4 || write(2, "err ", 4) != 4)
        return 3;
    size_t bytes = strlen(text) + 1;
    return write(SN__PROCESS_CONTROL_FD, text, bytes) == (ssize_t)bytes ? 0 : 4;
}

static int die_by(int signal)
{
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, signal);
    raise(signal);
    sigprocmask(SIG_UNBLOCK, &one, NULL);
    return 5;
}

static int wait_with(pid_t parent)
{
    const char *word = sn__process_die_with_parent(parent) == SN_OK ? "mine" : "not mine";
    if (write(SN__PROCESS_CONTROL_FD, word, strlen(word) + 1) < 0)
        return 6;
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    int number = argc > 2 ? atoi(argv[2]) : 0;
    if (strcmp(mode, "report") == 0)
        return report();
    if (strcmp(mode, "exit") == 0)
        return number;
    if (strcmp(mode, "signal") == 0)
        return die_by(number);
    if (strcmp(mode, "family") == 0)
        return wait_with(number);
    for (;;)
        pause();
}
