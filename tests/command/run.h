/* SPDX-License-Identifier: Apache-2.0 */
/* Running the built command as its users do: arguments, environment, input, a time limit.
 *
 * The command starts in the scratch folder of the case (scratch.h), so that relative paths mean files
 * there, with a clean environment: nothing of the caller's SEINE_ variables reaches it. It is killed when
 * its time is over and when the test process dies. One thread. */
#ifndef SN_TESTS_COMMAND_RUN_H
#define SN_TESTS_COMMAND_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { RUN_MAX_ARGS = 64 };

typedef struct run_options {
    const char *const *env; /* "NAME=value" sets, "NAME" alone removes; NULL at the end; or NULL */
    const char *input;      /* what it reads on stdin; NULL: nothing */
    const char *out_path;   /* stdout goes to this file instead of `out`; "" closes it */
    int seconds;            /* the limit; 0: 60 */
    int head;               /* close the reading end of stdout after so many lines; 0: never */
} run_options;

typedef struct run_result {
    int code;   /* exit status; -1 if a signal ended it */
    int signal; /* which, or 0 */
    char *out;  /* what came on stdout and on stderr, with a NUL behind */
    char *err;
    size_t out_bytes, err_bytes;
} run_result;

/* Runs `seine` with the words of `args` (NULL at the end). Fails the case if it does not end in time.
 * `options` may be NULL. */
void run_command(const char *const *args, const run_options *options, run_result *out);
/* The same, the words written in one string with spaces between; quotes '...' keep spaces. */
void run_line(const char *line, const run_options *options, run_result *out);
void run_free(run_result *result);

/* A command that goes on while the case does something to it. */
typedef struct run_process run_process;
run_process *run_start(const char *const *args, const run_options *options);
pid_t run_pid(const run_process *process);
void run_signal(run_process *process, int number);
/* Waits, takes what it wrote, and frees the process. */
void run_finish(run_process *process, run_result *out);

/* Splits `line` into `words` (at most RUN_MAX_ARGS, then NULL); they live in `room`. */
void run_split(const char *line, char *room, size_t room_bytes, const char **words);

/* What every failure looks like: that code, nothing on stdout, one line on stderr that begins with
 * "seine: ", has no control characters, and holds each of the words of `names` ('|' between them). */
void run_check_refused(const run_result *result, int code, const char *names, const char *what);
/* Exit code 0 and nothing on stderr. */
void run_check_done(const run_result *result, const char *what);
/* Lines of `text` (an unfinished one counts). */
int run_lines(const char *text);

#endif
