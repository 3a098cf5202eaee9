/* SPDX-License-Identifier: Apache-2.0 */
/* Flags of a loader that more than one command's table has; `at` is the offset of their value. */
#ifndef TOOLS_SEINE_LOADER_ARGS_H
#define TOOLS_SEINE_LOADER_ARGS_H

#include "seine/seine.h"
#include "tools/seine/args.h"

#define LOAD_ARG(at)                                                                               \
    {                                                                                              \
        .name = "--load",                                                                          \
        .text = "map the dataset's files or read them into memory (default SEINE_LOAD, else map)", \
        .kind = ARG_CHOICE, .offset = at, .choices = "map|memory"                                  \
    }
#define WORKERS_ARG(at)                                                                            \
    {                                                                                              \
        .name = "--workers", .value = "W", .text = "processes that make the batches; 0: this one", \
        .kind = ARG_INT, .offset = at, .fallback = "0", .least = 0, .most = SN_MAX_WORKERS         \
    }
#define CONCURRENCY_ARG(at)                                                                    \
    {                                                                                          \
        .name = "--concurrency", .value = "C", .text = "batches under way in each worker",     \
        .kind = ARG_INT, .offset = at, .fallback = "1", .least = 1, .most = SN_MAX_CONCURRENCY \
    }

#endif
