/* SPDX-License-Identifier: Apache-2.0 */
/* Commands and their flags. One table per command drives parsing, --help and the manual's pages, so
 * that none of them can tell something else. */
#ifndef TOOLS_SEINE_ARGS_H
#define TOOLS_SEINE_ARGS_H

#include "seine/types.h"

typedef enum arg_kind {
    ARG_SWITCH, /* bool: given or not */
    ARG_TEXT,   /* const char *, not empty; BORROWED from argv */
    ARG_CHOICE, /* int: the position in `choices`; -1: not given and no fallback */
    ARG_INT,    /* int64_t in [least, most]; ARG_NOT_GIVEN: not given and no fallback */
    ARG_SEED,   /* uint64_t, any */
    ARG_SIZE,   /* uint64_t bytes: 0, or a number with K, M or G (KB, MB, GB), powers of 2 */
    ARG_SECONDS /* int64_t nanoseconds, of a decimal number above 0; 0: not given */
} arg_kind;

typedef struct arg {
    const char *name;  /* "--batch-size" */
    const char *value; /* what stands for the value in texts: "B"; NULL for a switch and a choice */
    const char *text;  /* what it does, one sentence without a full stop */
    arg_kind kind;
    size_t offset;        /* of its value in the command's struct */
    const char *fallback; /* the default, parsed like a given value; NULL: none */
    const char *choices;  /* "out|in" */
    int64_t least, most;
} arg;

#define ARG_NOT_GIVEN INT64_MIN

typedef struct arg_group {
    const char *title; /* "Input" */
    const arg *args;
    int count;
} arg_group;
#define ARG_GROUP(heading, table)                                                        \
    {                                                                                    \
        .title = heading, .args = table, .count = (int)(sizeof(table) / sizeof *(table)) \
    }

typedef struct command {
    const char *name;               /* "sample", "gen rmat" */
    const char *operand;            /* the one word that is no flag: "DIR", or "[PID]" where it may
                                       be left out; NULL: none */
    const char *summary;            /* after "seine NAME: ", one line */
    const char *about;              /* paragraphs for the manual, separated by blank lines */
    const char *examples;           /* shell lines for the manual, each ended by a newline */
    const arg_group *const *groups; /* NULL at the end */
    const char *const *later;       /* flags of later versions, NULL at the end; or NULL */
    size_t bytes;                   /* of the struct with its values */
    int (*run)(const void *values, const char *operand); /* returns the exit code */
} command;

/* Reads argv into `values` (zeroed before): flags as `--flag value` or `--flag=value`, each at most
 * once, in any order with the operand; "--" ends them. Returns CODE_DONE, CODE_USAGE (the line is
 * printed), or ARGS_HELP where --help came first. */
enum { ARGS_HELP = -1 };
int args_parse(const command *self, int argc, char **argv, void *values, const char **operand);

/* Whether all of `text` is a decimal number in [least, most]; a minus sign only if least is
 * negative. */
bool args_int(const char *text, int64_t least, int64_t most, int64_t *out);
bool args_seed(const char *text, uint64_t *out);
/* "64MB", "1.5g", "0". */
bool args_size(const char *text, uint64_t *out);
/* "0.5" seconds as nanoseconds. */
bool args_seconds(const char *text, int64_t *out);
/* Numbers separated by commas, at least one and at most `room`. */
bool args_int_list(const char *text, int64_t least, int64_t most, int64_t *out, int room,
                   int *count);

/* Whether an option of the library (by environment or default) has this value in force. */
bool args_option_is(const char *name, const char *value);

/* What --help prints. */
void args_help(const command *self);
/* The page of section 1, as roff. `commands` are all of one page (seine-bench has several). */
void args_manual(const char *page, const char *summary, const command *const *commands, int count);
/* Sections that every page has. */
void args_environment(void);
void args_exit_status(void);

#endif
