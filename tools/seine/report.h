/* SPDX-License-Identifier: Apache-2.0 */
/* How the command ends: exit codes, the one line on stderr, interruption, and what became of the
 * output.
 *
 * A failure prints exactly one line, "seine: <what>: <why>". The function that finds the failure
 * prints it and returns the exit code; callers pass the code on and print nothing.
 * Threads: the main thread; the signal handler only stores a number. */
#ifndef TOOLS_SEINE_REPORT_H
#define TOOLS_SEINE_REPORT_H

#include "seine/status.h"

#include <signal.h>

enum { CODE_DONE = 0, CODE_FAILED = 1, CODE_USAGE = 2, CODE_SIGNAL = 128 };

/* Prints the line. Return CODE_FAILED and CODE_USAGE. */
int report_failure(const char *format, ...) SN_PRINTF(1, 2);
int report_usage(const char *format, ...) SN_PRINTF(1, 2);
/* "seine CMD: FLAG: not in this version"; `flag` NULL: the command itself. Returns CODE_USAGE. */
int report_later(const char *command, const char *flag);
/* The line of a failed library call, or of an interruption that it noticed. Returns the code. */
int report_library(sn_status status);

/* SIGINT, SIGTERM and SIGHUP (unless ignored) are noted once; the second one ends the process.
 * Broken pipes become write errors. Also makes sure that descriptors 0 to 2 are not taken by other
 * files. */
void report_install(void);
/* The signal that came, or 0. */
extern volatile sig_atomic_t report_signal;
/* Prints the line of the interruption and returns 128 + signal. */
int report_interrupted(void);

/* Whether everything written to stdout so far went through. If not, prints the line (once) and
 * returns CODE_FAILED, or the code of the signal that broke the write off. `flush` also writes out
 * what is buffered. */
int report_output(bool flush);
/* Before the end of the process: what is still buffered for stdout after an interruption is dropped
 * if it cannot be written at once, so that a reader that is stuck does not hold the exit. */
void report_leave(void);

#endif
