/* SPDX-License-Identifier: Apache-2.0 */
/* seine bench channel: what it takes to hand a batch from a worker to this process, beside the bare
 * hand-over of a word between two processes.
 *
 * A batch here is empty: one seed, no hop, no features. In a round, one step is begun and its batch
 * taken: the word that there is work goes to the worker, and the batch comes back. Half of a round is
 * a hand-over, and it includes beginning the step and making the batch.
 *
 *     awake     rounds without a pause: both sides still look for the other's word
 *     asleep    a pause before each round, so that the worker sleeps on its futex
 *     stream    batches are made ahead while others are taken
 *
 * What making the batch takes is measured in this process, and left out in one of the rows. */
#include "bench/rows.h"
#include "bench/twin.h"
#include "tools/seine/bench_args.h"
#include "tools/seine/progress_bar.h"
#include "tools/seine/report.h"
#include "tools/seine/seconds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NODES = 1 << 13, ROUNDS = 2000, SLEEPS = 200, PAUSE_NS = 100000 };

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

enum column { AWAKE, ASLEEP, BARE, STREAM, SPIN, FUTEX, COLUMNS };

typedef struct series {
    double *columns[COLUMNS]; /* [runs], microseconds */
} series;

/* Half a round; a pause of `pause_ns` before each. */
static int take_rounds(sn_loader *loader, int64_t rounds, long pause_ns, double *out)
{
    const struct timespec pause = { .tv_nsec = pause_ns };
    double took = 0, sum = 0;
    for (int64_t i = 0; i < rounds; i++) {
        if (pause_ns > 0)
            nanosleep(&pause, NULL);
        int code = take_batches(loader, i, 1, &took);
        if (code != CODE_DONE)
            return code;
        sum += took;
    }
    *out = sum / (double)rounds / 2 * 1e6;
    return CODE_DONE;
}

/* Microseconds that a batch takes in this process. */
static int make_batches(sn_sampler *sampler, double *out)
{
    double start = seconds_now();
    for (int64_t i = 0; i < ROUNDS; i++) {
        sn_batch *batch;
        sn_status st = sn_sampler_sample_step(sampler, 0, i, &batch);
        if (st != SN_OK)
            return report_library(st);
        sn_batch_release(batch);
    }
    *out = (seconds_now() - start) / ROUNDS * 1e6;
    return CODE_DONE;
}

typedef struct parties {
    sn_sampler *sampler;
    sn_loader *loader;
    twin *other;
} parties;

static int measure_one(const parties *with, int64_t run, series *to)
{
    double streaming = 0, making = 0;
    double *const *at = to->columns;
    int code = take_rounds(with->loader, ROUNDS, 0, &at[AWAKE][run]);
    at[SPIN][run] = twin_hand_over(with->other, false, 20 * ROUNDS);
    if (code == CODE_DONE)
        code = make_batches(with->sampler, &making);
    if (code == CODE_DONE)
        code = take_rounds(with->loader, SLEEPS, PAUSE_NS, &at[ASLEEP][run]);
    at[FUTEX][run] = twin_hand_over(with->other, true, SLEEPS);
    if (code == CODE_DONE)
        code = take_batches(with->loader, 0, NODES, &streaming);
    if (code != CODE_DONE)
        return code;
    at[BARE][run] = at[AWAKE][run] - making / 2;
    at[STREAM][run] = streaming / NODES * 1e6;
    if (at[FUTEX][run] < 0 || at[SPIN][run] < 0)
        return report_failure("bench: the other process of the bare hand-over does not answer");
    return CODE_DONE;
}

static int measure(const bench_channel_args *args, const parties *with, series *to)
{
    int code = measure_one(with, 0, to); /* once for nothing: memory, caches */
    for (int64_t run = 0; run < args->runs && code == CODE_DONE; run++) {
        code = measure_one(with, run, to);
        if (code == CODE_DONE && !bar_progress(NULL, "batches and bare hand-overs",
                                               (uint64_t)run + 1, (uint64_t)args->runs))
            code = report_interrupted();
    }
    return code;
}

static int print_pairs(const bench_channel_args *args, const series *of)
{
    static const struct {
        const char *name, *limit_name;
        enum column values, limits;
    } rows[] = { { "hand-over, awake", "bare spin", AWAKE, SPIN },
                 { "awake, less the making", "bare spin", BARE, SPIN },
                 { "hand-over, asleep", "bare futex", ASLEEP, FUTEX },
                 { "stream of empty batches", "bare spin", STREAM, SPIN } };
    size_t bytes = (size_t)args->runs * sizeof(double);
    double *limits = malloc(bytes); /* a row sorts them */
    if (limits == NULL)
        return report_failure("bench: out of memory");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        memcpy(limits, of->columns[rows[i].limits], bytes);
        bench_row row = row_of_pairs(of->columns[rows[i].values], limits, args->runs);
        row.bench = "channel";
        row.name = rows[i].name;
        row.unit = "us";
        row.limit_name = rows[i].limit_name;
        row.threads = 1;
        print_row(&row, args->json);
    }
    free(limits);
    return CODE_DONE;
}

static int run_with(const bench_channel_args *args, twin *other, double *values)
{
    series of;
    sn_plan *plan;
    parties with = { .other = other };
    for (int i = 0; i < COLUMNS; i++)
        of.columns[i] = values + i * args->runs;
    sn_status st = make_plan(&plan);
    if (st != SN_OK)
        return report_library(st);
    st = sn_node_loader_create(plan, SN_LOADER_OPTIONS(.workers = 1), &with.loader);
    if (st == SN_OK)
        st = sn_sampler_create(plan, &with.sampler);
    sn_plan_release(plan);
    int code = st == SN_OK ? measure(args, &with, &of) : report_library(st);
    sn_sampler_release(with.sampler);
    sn_loader_release(with.loader);
    bar_clear();
    return code == CODE_DONE ? print_pairs(args, &of) : code;
}

int bench_channel(const bench_channel_args *args)
{
    int code = CODE_FAILED;
    double *values = calloc(COLUMNS * (size_t)args->runs, sizeof *values);
    twin *other = twin_start();
    if (values == NULL || other == NULL)
        report_failure("bench: a second process: %s", strerror(errno));
    else
        code = run_with(args, other, values);
    twin_stop(other);
    free(values);
    return code;
}
