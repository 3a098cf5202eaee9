/* SPDX-License-Identifier: Apache-2.0 */
/* Breaking one file in every way, and asking the command to read it. */
#ifndef SN_TESTS_COMMAND_BROKEN_H
#define SN_TESTS_COMMAND_BROKEN_H

#include "command/drive.h"

/* What is tried: a call that reads `file`. */
typedef struct reading {
    const char *const *call; /* arguments; what it makes is called "made" */
    const char *file;        /* the file that is broken */
    const char *name;        /* what an error names; NULL: the file's last part */
} reading;

/* The call must fail, name the file, and leave the workspace as it was; `how` is for messages. */
void expect_refused(const reading *of, const char *how);
/* The same after the file got these contents. */
void refuse_contents(const reading *of, const void *data, size_t bytes, const char *how);
/* Faults that any file can have: missing, empty, a folder, other kinds of files, not readable. */
void refuse_foreign(const reading *of);

#endif
