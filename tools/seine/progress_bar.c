/* SPDX-License-Identifier: Apache-2.0 */
/* State: the stage that is drawn and when it began, since rates and times left are those of a
 * stage. */
#include "tools/seine/progress_bar.h"

#include "tools/seine/args.h"
#include "tools/seine/report.h"
#include "tools/seine/seconds.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { MOST_CELLS = 40, LEAST_CELLS = 8, OTHERS = 40 /* columns beside stage and bar, at most */ };

static struct {
    bool shown;
    char stage[64];
    double began, drawn; /* seconds */
    uint64_t first;      /* `done` when the stage began */
} bar;

bool bar_wanted(void)
{
    if (args_option_is("progress", "always"))
        return true;
    return !args_option_is("progress", "never") && isatty(STDERR_FILENO) == 1;
}

static int columns(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

/* 12.3 M, in at most 7 characters. */
static void print_rate(double rate, char *out, size_t bytes)
{
    static const char units[] = " kMGT";
    int unit = 0;
    while (rate >= 1000 && unit < 4) {
        rate /= 1000;
        unit++;
    }
    snprintf(out, bytes, "%.*f %c", rate < 10 ? 2 : rate < 100 ? 1 : 0, rate, units[unit]);
}

static void print_left(double left, char *out, size_t bytes)
{
    if (left < 0 || left > 359999)
        snprintf(out, bytes, "--:--");
    else if (left >= 3600)
        snprintf(out, bytes, "%d:%02d:%02d", (int)left / 3600, (int)left / 60 % 60, (int)left % 60);
    else
        snprintf(out, bytes, "%d:%02d", (int)left / 60, (int)left % 60);
}

static void draw(uint64_t done, uint64_t total, double now)
{
    char cells[MOST_CELLS + 1], rate_text[32], left_text[32];
    double took = now - bar.began, rate = 0;
    if (took > 0 && done > bar.first)
        rate = (double)(done - bar.first) / took;
    print_rate(rate, rate_text, sizeof rate_text);
    if (total == 0) {
        fprintf(stderr, "\r%s: %llu  %s/s\033[K", bar.stage, (unsigned long long)done, rate_text);
        return;
    }
    double share = (double)done / (double)total;
    share = share > 1 ? 1 : share;
    int width = columns() - OTHERS - (int)strlen(bar.stage);
    if (width < LEAST_CELLS) {
        fprintf(stderr, "\r%.20s %3d %%\033[K", bar.stage, (int)(share * 100));
        return;
    }
    width = width > MOST_CELLS ? MOST_CELLS : width;
    memset(cells, '.', sizeof cells);
    memset(cells, '#', (size_t)(share * width));
    cells[width] = '\0';
    print_left(rate > 0 ? (double)(total - (done < total ? done : total)) / rate : -1, left_text,
               sizeof left_text);
    fprintf(stderr, "\r%s [%s] %3d %%  %s/s  ETA %s\033[K", bar.stage, cells, (int)(share * 100),
            rate_text, left_text);
}

bool bar_progress(void *context, const char *stage, uint64_t done, uint64_t total)
{
    (void)context;
    if (report_signal != 0)
        return false;
    if (!bar_wanted())
        return true;
    double now = seconds_now();
    if (!bar.shown || strncmp(bar.stage, stage, sizeof bar.stage - 1) != 0) {
        snprintf(bar.stage, sizeof bar.stage, "%s", stage);
        bar.began = now;
        bar.first = done;
        bar.drawn = 0;
    }
    if (now - bar.drawn >= 0.05 || done == total) {
        draw(done, total, now);
        bar.drawn = now;
        bar.shown = true;
    }
    return true;
}

void bar_clear(void)
{
    if (bar.shown)
        fputs("\r\033[K", stderr);
    bar.shown = false;
}
