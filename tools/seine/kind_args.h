/* SPDX-License-Identifier: Apache-2.0 */
/* The flags that say how neighbours are picked: by weight, by time, in trees, by LABOR. */
#ifndef TOOLS_SEINE_KIND_ARGS_H
#define TOOLS_SEINE_KIND_ARGS_H

#include "tools/seine/plan_args.h"

/* What the options point to. */
typedef struct kind_input {
    sn_temporal_options temporal;
    sn_array *seed_times; /* NULL: not given */
} kind_input;

/* Puts the flags into the options; `out` is zeroed, and kind_input_close frees it in any case. Returns the
 * exit code. */
int kind_input_open(const plan_args *args, kind_input *out, sn_plan_options *options);
void kind_input_close(kind_input *self);
/* Flags that need another one are wrong usage without it. */
int kind_args_check(const plan_args *args);

#endif
