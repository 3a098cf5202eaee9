/* SPDX-License-Identifier: Apache-2.0 */
/* All commands, and what several of them share. */
#ifndef TOOLS_SEINE_COMMANDS_H
#define TOOLS_SEINE_COMMANDS_H

#include "tools/seine/args.h"

extern const command command_gen, command_import, command_inspect, command_sample, command_train,
    command_bench_limits, command_bench_sample, command_bench_gather, command_bench_channel,
    command_bench_loader, command_bench_import, command_bench_open, command_top, command_doctor;

/* Opens the dataset at `path` and prints one line of what it holds. Returns the exit code. */
int print_dataset_line(const char *path);

#endif
