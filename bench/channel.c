/* SPDX-License-Identifier: Apache-2.0 */
/* seine bench channel: what it takes to hand a batch from a worker to this process, beside the bare
 * hand-over of a word between two processes.
 *
 * A batch here is empty: one seed, no hop, no features. In a round, one step is begun and its batch
 * taken: the word that there is work goes to the worker, which sleeps, and the batch comes back to
 * this process, which sleeps. Half of a round is a hand-over, and it includes computing the batch. In
 * the stream, batches are made ahead while others are taken. */
#include "bench/rows.h"
#include "bench/twin.h"
#include "tools/seine/bench_args.h"
#include "tools/seine/progress_bar.h"
#include "tools/seine/report.h"
#include "tools/seine/seconds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { NODES = 1 << 13, ROUNDS = 500 };

/* NODES nodes and one edge. */
static sn_status make_plan(sn_plan **out)
{
    int64_t edge[2] = { 0, 1 };
    sn_node_spec node = { .count = NODES };
    sn_edge_spec edges = { .edge_index = { .tensor = { .data = edge,
                                                       .dtype = { SN_INT, 64 },
                                                       .ndim = 2,
                                                       .shape = { 2, 1, 1, 1 } } } };
    sn_dataset *dataset;
    sn_status st = sn_dataset_create(SN_DATASET_SPEC(.num_node_types = 1, .node_types = &node,
                                                     .num_edge_types = 1, .edge_types = &edges),
                                     &dataset);
    if (st != SN_OK)
        return st;
    st = sn_plan_create(dataset, SN_PLAN_OPTIONS(.batch_size = 1), out);
    sn_dataset_release(dataset);
    return st;
}

/* `count` batches from step `start` on; *took is in seconds, from the begin to the last of them. */
static int take_batches(sn_loader *loader, int64_t start, int64_t count, double *took)
{
    double began = seconds_now();
    sn_status st = sn_loader_begin_at(loader, 0, start, start + count);
    if (st != SN_OK)
        return report_library(st);
    for (int64_t i = 0; i < count; i++) {
        sn_batch *batch;
        int code = loader_take(loader, &batch);
        if (code != CODE_DONE)
            return code;
        sn_batch_release(batch);
    }
    *took = seconds_now() - began;
    return CODE_DONE;
}

typedef struct series {
    double *rounds, *stream, *sleeping, *spinning; /* [runs], microseconds */
} series;

static int measure_one(sn_loader *loader, twin *other, int64_t run, series *to)
{
    double took = 0, sum = 0;
    int code = CODE_DONE;
    for (int64_t i = 0; i < ROUNDS && code == CODE_DONE; i++) {
        code = take_batches(loader, i, 1, &took);
        sum += took;
    }
    if (code != CODE_DONE)
        return code;
    to->rounds[run] = sum / ROUNDS / 2 * 1e6;
    to->sleeping[run] = twin_hand_over(other, true, ROUNDS);
    code = take_batches(loader, 0, NODES, &took);
    if (code != CODE_DONE)
        return code;
    to->stream[run] = took / NODES * 1e6;
    to->spinning[run] = twin_hand_over(other, false, 20 * ROUNDS);
    if (to->sleeping[run] < 0 || to->spinning[run] < 0)
        return report_failure("bench: the other process of the bare hand-over does not answer");
    return CODE_DONE;
}

static int measure(const bench_channel_args *args, sn_loader *loader, twin *other, series *to)
{
    int code = measure_one(loader, other, 0, to); /* once for nothing: memory, caches */
    for (int64_t run = 0; run < args->runs && code == CODE_DONE; run++) {
        code = measure_one(loader, other, run, to);
        if (code == CODE_DONE && !bar_progress(NULL, "batches and bare hand-overs",
                                               (uint64_t)run + 1, (uint64_t)args->runs))
            code = report_interrupted();
    }
    return code;
}

/* `limits` is sorted by the row, and so of no use for another one. */
static void print_pairs(const bench_channel_args *args, const char *name, double *values,
                        double *limits, const char *limit_name)
{
    bench_row row = row_of_pairs(values, limits, args->runs);
    row.bench = "channel";
    row.name = name;
    row.unit = "us";
    row.limit_name = limit_name;
    row.threads = 1;
    print_row(&row, args->json);
}

static int run_with(const bench_channel_args *args, twin *other, double *values)
{
    size_t runs = (size_t)args->runs;
    series of = { values, values + runs, values + 2 * runs, values + 3 * runs };
    sn_plan *plan;
    sn_loader *loader;
    sn_status st = make_plan(&plan);
    if (st != SN_OK)
        return report_library(st);
    st = sn_node_loader_create(plan, SN_LOADER_OPTIONS(.workers = 1), &loader);
    sn_plan_release(plan);
    if (st != SN_OK)
        return report_library(st);
    int code = measure(args, loader, other, &of);
    sn_loader_release(loader);
    bar_clear();
    if (code != CODE_DONE)
        return code;
    print_pairs(args, "hand-over, empty batch", of.rounds, of.sleeping, "bare futex");
    print_pairs(args, "stream of empty batches", of.stream, of.spinning, "bare spin");
    return CODE_DONE;
}

int bench_channel(const bench_channel_args *args)
{
    int code = CODE_FAILED;
    double *values = calloc(4 * (size_t)args->runs, sizeof *values);
    twin *other = twin_start();
    if (values == NULL || other == NULL)
        report_failure("bench: a second process: %s", strerror(errno));
    else
        code = run_with(args, other, values);
    twin_stop(other);
    free(values);
    return code;
}
