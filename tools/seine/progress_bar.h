/* SPDX-License-Identifier: Apache-2.0 */
/* The progress bar on stderr: stage, bar, percent, rate, time left.
 *
 * Drawn if stderr is a terminal or SEINE_PROGRESS=always, never with SEINE_PROGRESS=never.
 * Threads: one bar, the main thread. */
#ifndef TOOLS_SEINE_PROGRESS_BAR_H
#define TOOLS_SEINE_PROGRESS_BAR_H

#include "seine/options.h"

/* An sn_progress; the context is unused. Draws, and returns false once a signal came. */
bool bar_progress(void *context, const char *stage, uint64_t done, uint64_t total);
/* Whether a bar would be drawn. */
bool bar_wanted(void);
/* Wipes the bar, before anything else is printed and at the end. */
void bar_clear(void);

#endif
