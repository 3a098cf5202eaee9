/* SPDX-License-Identifier: Apache-2.0 */
/* The flags for links as seeds. */
#ifndef TOOLS_SEINE_LINK_ARGS_H
#define TOOLS_SEINE_LINK_ARGS_H

#include "tools/seine/plan_args.h"

/* What the options point to. */
typedef struct link_input {
    sn_link_options options;
    sn_array *pairs, *labels; /* NULL: not from a file */
} link_input;

/* Reads the flags for links, which are given (args->links). `out` is zeroed; link_input_close frees it
 * in any case. Returns the exit code. */
int link_input_open(const plan_args *args, const sn_dataset *dataset, link_input *out);
void link_input_close(link_input *self);
/* Flags for links without --links, and flags for nodes with it, are wrong usage. */
int link_args_check(const plan_args *args);

#endif
