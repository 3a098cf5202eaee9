/* SPDX-License-Identifier: Apache-2.0 */
/* What sample and gather are measured on: a dataset, given or made, and an endless stream of its
 * plan's batches. */
#ifndef BENCH_SUBJECT_H
#define BENCH_SUBJECT_H

#include "bench/folder.h"
#include "tools/seine/bench_args.h"

typedef struct subject {
    sn_dataset *dataset;
    char folder[FOLDER_BYTES]; /* temporary, removed at the end; "": none */
    bool huge;                 /* the arrays are in memory that asks for huge pages */
} subject;

/* Opens args->dataset, or makes a graph with `feat_dim` features (and says so on stderr). Returns
 * the exit code; nothing is left on failure. */
int subject_open(const bench_args *args, int64_t feat_dim, subject *out);
void subject_close(subject *self);

/* The plan's batches over and over; epochs count on. */
typedef struct cursor {
    stream from;
    sn_sampler *sampler;
    int64_t step;
    uint64_t epoch;
} cursor;

int cursor_open(const plan_args *args, const subject *on, cursor *out);
void cursor_close(cursor *self);
/* The next batch. *out is NEW. Returns the exit code. */
int cursor_next(cursor *self, sn_batch **out);

/* The limit's probe, as --size and --load say. *out is NEW (sn_probe_release). Returns the exit
 * code. */
int probe_open(const bench_args *args, const subject *on, sn_probe **out);

#endif
