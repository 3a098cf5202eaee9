/* SPDX-License-Identifier: Apache-2.0 */
/* Every flag of every command, as the contract says it: the tables that tests cross with bad
 * values and that --help is held against. */
#ifndef SN_TESTS_COMMAND_CONTRACT_H
#define SN_TESTS_COMMAND_CONTRACT_H

#include <stdint.h>

typedef enum flag_kind {
    FLAG_SWITCH,
    FLAG_INT,
    FLAG_SEED,
    FLAG_CHOICE,
    FLAG_TEXT,
    FLAG_SIZE,
    FLAG_SECONDS
} flag_kind;

typedef struct flag {
    const char *name;
    flag_kind kind;
    const char *good;    /* a value that is right; of a choice all of them, "out|in" */
    int64_t least, most; /* of a number */
} flag;

typedef struct flagged {
    const char *name; /* "gen rmat" */
    const char
        *line; /* a command that is right but for the flag that is added; each flag that is in
                       * it is taken out before it is tested */
    const flag *flags;
    int count;
    const char *const *later; /* flags of later versions, NULL at the end */
} flagged;

enum { FLAGGED = 14 };
extern const flagged all_flagged[FLAGGED];

#endif
