/* SPDX-License-Identifier: Apache-2.0 */
/* Errors and the bar. State: whether a bar stands on the terminal's current line, and when the next
 * may be drawn. */
#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

const char *report_name = "seine: train";
static bool bar_shown;
static double bar_next;

bool report_error(const char *format, ...)
{
    va_list arguments;

    report_clear();
    fprintf(stderr, "%s: ", report_name);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return false;
}

bool report_library_error(void)
{
    return report_error("%s", sn_error_detail());
}

void report_bar(const char *text, int64_t done, int64_t total)
{
    enum { WIDTH = 30 };
    char bar[WIDTH + 1];
    double now = report_seconds();

    if (now < bar_next && done < total)
        return;
    bar_next = now + 0.1;
    for (int i = 0; i < WIDTH; i++)
        bar[i] = (int64_t)i * total < done * WIDTH ? '#' : '.';
    bar[WIDTH] = '\0';
    fprintf(stderr, "\r%s [%s] %lld/%lld\033[K", text, bar, (long long)done, (long long)total);
    fflush(stderr);
    bar_shown = true;
}

void report_clear(void)
{
    if (!bar_shown)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    bar_shown = false;
}

double report_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}
