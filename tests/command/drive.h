/* SPDX-License-Identifier: Apache-2.0 */
/* Driving the real command: a workspace per test, processes with a time limit, small files.
 *
 * Everything here ends the test with a message if it does not work. */
#ifndef SN_TESTS_COMMAND_DRIVE_H
#define SN_TESTS_COMMAND_DRIVE_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* -- Workspace --------------------------------------------------------------------------------- */

/* Makes a folder below TMPDIR and goes there; for checked fixtures. */
void workspace_make(void);
void workspace_remove(void);
/* Names in a folder, sorted, separated by blanks. BORROWED until the next call. */
const char *listing(const char *folder);
/* <source tree>/<path>. BORROWED until the fourth next call. */
const char *source_path(const char *path);

void put_bytes(const char *path, const void *data, size_t bytes);
void put_text(const char *path, const char *text);
/* The whole file, NUL-terminated; freed by the caller. `bytes` may be NULL. */
char *get_file(const char *path, size_t *bytes);
/* An .npy file: `descr` as "<i8", `shape` as "(2, 5)". */
void put_npy(const char *path, const char *descr, const char *shape, const void *data,
             size_t bytes);
/* Copies a folder of files, not of folders. */
void copy_folder(const char *from, const char *to);

/* -- Processes --------------------------------------------------------------------------------- */

typedef struct outcome {
    int code;  /* exit code, or 128 + signal that ended it */
    char *out; /* what it printed, NUL-terminated; freed by outcome_free */
    char *err;
} outcome;

/* Where stdout goes instead of a file that is read back. */
typedef enum output {
    OUTPUT_FILE,
    OUTPUT_FULL,
    OUTPUT_CLOSED,
    OUTPUT_BROKEN_PIPE,
    OUTPUT_STUCK /* a pipe that nobody reads: once it is full, writing waits */
} output;

typedef struct start_options {
    const char *const *environment; /* "NAME=value", NULL at the end; added. NULL: none */
    output to;
    int err_fd;             /* stderr, where it is not 0; else a file that is read back */
    bool interrupt_ignored; /* as shells start background jobs */
    bool bound;             /* by the permissions of files, also where the tests run as root */
    long file_limit;        /* most bytes of a file that it writes; 0: any */
    long files_limit;       /* most files that it has open; 0: any */
    long memory_limit;      /* most bytes of address space; 0: any */
} start_options;

/* seine with the arguments up to a NULL. */
pid_t start(const char *const *arguments, const start_options *options);
/* Waits until it has written something to stderr (a bar, with SEINE_PROGRESS=always). */
void await_stderr(void);
/* Waits for it; kills it and ends the test after 120 s. */
outcome finish(pid_t pid);
void outcome_free(outcome *of);

#define ARGUMENTS(...)   ((const char *const[]){ __VA_ARGS__, NULL })
#define ENVIRONMENT(...) ((const char *const[]){ __VA_ARGS__, NULL })
/* Runs seine with these arguments. */
#define SEINE(...) seine(ARGUMENTS(__VA_ARGS__), NULL)
outcome seine(const char *const *arguments, const char *const *environment);

/* -- What is expected -------------------------------------------------------------------------- */

/* Whether to try one more of many wrong things: all at scale 100, else a share of them that the
 * seed chooses, the first of each case always. */
bool is_chosen(void);
/* Exit code 0; frees. */
void expect_done(outcome of);
/* Exit code 1 or 2, nothing on stdout, one line on stderr that begins with "seine: " (or "seine ")
 * and holds `name`; frees. Says `what` was tried if not. */
void expect_failure(outcome of, int code, const char *name, const char *what);
/* A `code` for expect_failure: 1 or 2. */
enum { EITHER = -1 };
/* Number of lines. */
int count_lines(const char *text);

#endif
