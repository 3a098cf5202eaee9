/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/seine/report.h"

#include "tools/seine/progress_bar.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = 2048 };

volatile sig_atomic_t report_signal;
static bool output_failed;

/* What users give may hold anything; one failure stays one line. */
static void print_line(const char *format, va_list arguments) SN_PRINTF(1, 0);
static void print_line(const char *format, va_list arguments)
{
    char text[LINE_BYTES];
    vsnprintf(text, sizeof text, format, arguments);
    for (char *at = text; *at != '\0'; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = '?';
    bar_clear();
    fprintf(stderr, "seine: %s\n", text);
}

int report_failure(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
    return CODE_FAILED;
}

int report_usage(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
    return CODE_USAGE;
}

int report_later(const char *command, const char *flag)
{
    if (flag != NULL)
        fprintf(stderr, "seine %s: %s: not in this version\n", command, flag);
    else
        fprintf(stderr, "seine %s: not in this version\n", command);
    return CODE_USAGE;
}

int report_library(sn_status status)
{
    if (status == SN_E_CANCELLED && report_signal != 0)
        return report_interrupted();
    const char *detail = sn_error_detail();
    return report_failure("%s", detail[0] != '\0' ? detail : sn_status_text(status));
}

int report_interrupted(void)
{
    int number = report_signal;
    const char *name = number == SIGINT ? "SIGINT" : number == SIGTERM ? "SIGTERM" : "SIGHUP";
    report_failure("interrupted: %s", name);
    return CODE_SIGNAL + number;
}

static void note(int number)
{
    report_signal = number;
}

static void handle(int number, bool although_ignored)
{
    struct sigaction before, action = { .sa_handler = note, .sa_flags = (int)SA_RESETHAND };
    if (sigaction(number, NULL, &before) == 0 && before.sa_handler == SIG_IGN && !although_ignored)
        return;
    sigaction(number, &action, NULL);
}

void report_install(void)
{
    /* A dataset's file must not become "stdout" because the caller closed it: writing then fails.
     */
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)!open("/dev/null", O_RDONLY);
    signal(SIGPIPE, SIG_IGN);
    handle(SIGINT, true); /* shells start background jobs with SIGINT ignored; kill -INT is meant */
    handle(SIGTERM, true);
    handle(SIGHUP, false); /* nohup */
}

void report_leave(void)
{
    struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };
    if (report_signal != 0 && (poll(&out, 1, 0) != 1 || (out.revents & POLLOUT) == 0))
        __fpurge(stdout);
}

int report_output(bool flush)
{
    if (output_failed)
        return CODE_FAILED;
    if (!ferror(stdout) && !(flush && fflush(stdout) != 0))
        return CODE_DONE;
    output_failed = true; /* errno is that of the last write that failed: callers ask soon after */
    if (report_signal != 0)
        return report_interrupted(); /* the signal broke the write off */
    return report_failure("standard output: %s", errno != 0 ? strerror(errno) : "write error");
}
