/* SPDX-License-Identifier: Apache-2.0 */
/* What the user sees besides results: one line per error, and the bar. Both on stderr.
 * Threads: one; there is one terminal. */
#ifndef EXAMPLES_TRAIN_REPORT_H
#define EXAMPLES_TRAIN_REPORT_H

#include "seine/seine.h"

/* What errors begin with: "seine: train" unless a program says otherwise. */
extern const char *report_name;
/* Prints "NAME: ..." and returns false, so that a failing function can return it. */
bool report_error(const char *format, ...) SN_PRINTF(1, 2);
/* The same with the detail that the library left for the call that just failed. */
bool report_library_error(void);

/* Draws "text [####....] done/total", at most 10 times a second (always at the end). */
void report_bar(const char *text, int64_t done, int64_t total);
/* Takes the bar away; printing a result or an error needs its line. */
void report_clear(void);

/* Monotonic seconds. */
double report_seconds(void);

#endif
