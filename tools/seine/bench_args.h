/* SPDX-License-Identifier: Apache-2.0 */
/* Values of the flags of seine bench, and its entries, which are in bench/ (built with
 * SEINE_BENCH). */
#ifndef TOOLS_SEINE_BENCH_ARGS_H
#define TOOLS_SEINE_BENCH_ARGS_H

#include "tools/seine/plan_args.h"

typedef struct bench_args {
    plan_args plan; /* first: see plan_args.h */
    const char *dataset;
    int64_t scale, feat_dim, runs;
    int64_t mebibytes; /* of the limit's arrays; ARG_NOT_GIVEN: as sn_probe_create chooses */
    int beside;        /* position in BESIDE_CHOICES; -1: nothing */
    bool json;
} bench_args;

#define BESIDE_CHOICES "small-pages|typed"
enum { BESIDE_SMALL_PAGES, BESIDE_TYPED };

typedef struct bench_limits_args {
    int64_t threads, runs, mebibytes; /* ARG_NOT_GIVEN: as sn_limits_measure chooses */
    bool json;
} bench_limits_args;

typedef struct bench_channel_args {
    int64_t runs;
    bool json;
} bench_channel_args;

typedef struct bench_import_args {
    const char *edges; /* NULL: made */
    int64_t scale, degree, threads, runs;
    bool json;
} bench_import_args;

typedef struct bench_open_args {
    const char *dataset; /* NULL: made */
    int64_t scale, runs;
    bool json;
} bench_open_args;

/* Return the exit code of the command. */
int bench_limits(const bench_limits_args *args);
int bench_sample(const bench_args *args);
int bench_gather(const bench_args *args);
int bench_channel(const bench_channel_args *args);
int bench_loader(const bench_args *args);
int bench_import(const bench_import_args *args);
int bench_open(const bench_open_args *args);

#endif
