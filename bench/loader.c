/* SPDX-License-Identifier: Apache-2.0 */
/* seine bench loader: batches per second of worker processes, in turn with the same batches made in
 * this process; who waited, what spilled, page faults; and the memory of all processes.
 *
 * Each run begins anew, so that nothing was made ahead, and ends when its batches are taken, so that
 * the workers are idle while this process works. The consumer does nothing with the batches: it
 * waits, as no trainer would. Faults include those of pages of the dataset that a process touches
 * for the first time.
 *
 * With features, what the workers deliver is also held against what the limits allow them together: the
 * time of the batch without features in this process, divided by how much faster random lines come with
 * as many threads as there are workers, and the bytes of the features at the rate of row copies by these.
 *
 * The budget of a worker beside the dataset is that of docs/caveats.md ("Memory of a worker"). */
#include "bench/processes.h"
#include "bench/rows.h"
#include "bench/subject.h"
#include "tools/seine/progress_bar.h"
#include "tools/seine/report.h"
#include "tools/seine/seconds.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const double RUN_SECONDS = 0.25, WARM_SECONDS = 1, MIB = 1 << 20, HUGE_PAGE = 1 << 21;
enum { LEAST_BATCHES = 16, MOST_IN_ARRAY = 1 << 27 }; /* the latter: nodes of a type */

/* -- One run ----------------------------------------------------------------------------------- */

typedef struct work {
    int64_t batches;
    int64_t largest; /* nodes and edges of the largest batch */
    int64_t nodes, bytes;
    double seconds;
    /* When the first batch was there: the workers' wait for this run is counted by then. */
    double first_seconds;
    sn_loader_stats first;
} work;

static int take_one(sn_batch *batch, work *to, double start)
{
    sn_batch_info info = sn_batch_get_info(batch);
    int64_t size = info.num_nodes + info.num_edges;
    to->largest = size > to->largest ? size : to->largest;
    to->batches++;
    to->nodes += info.num_nodes;
    for (int32_t i = 0; i < info.tensors; i++)
        to->bytes += sn_tensor_bytes(sn_batch_tensor(batch, i, NULL));
    sn_batch_release(batch);
    to->seconds = seconds_now() - start;
    return report_signal != 0 ? report_interrupted() : CODE_DONE;
}

static int run_here(cursor *from, int64_t batches, double seconds, work *out)
{
    double start = seconds_now();
    *out = (work){ 0 };
    while (out->batches < batches || out->seconds < seconds) {
        sn_batch *batch;
        int code = cursor_next(from, &batch);
        if (code == CODE_DONE)
            code = take_one(batch, out, start);
        if (code != CODE_DONE)
            return code;
    }
    return CODE_DONE;
}

/* Whole epochs, and of the last one what is left of `batches`. */
static int run_loader(sn_loader *loader, const stream *from, uint64_t *epoch, int64_t batches,
                      work *out)
{
    int64_t steps = from->end - from->first, left = batches;
    double start = seconds_now();
    *out = (work){ 0 };
    while (left > 0) {
        int64_t count = left < steps ? left : steps;
        int64_t stop = left < steps ? from->start + count * from->world : from->stop;
        sn_status st = sn_loader_begin_at(loader, (*epoch)++, from->start, stop);
        if (st != SN_OK)
            return report_library(st);
        for (int64_t i = 0; i < count; i++) {
            sn_batch *batch;
            int code = loader_take(loader, &batch);
            if (code == CODE_DONE && batch == NULL)
                code = report_failure("bench: the epoch ended after %lld of %lld batches",
                                      (long long)i, (long long)count);
            if (code == CODE_DONE)
                code = take_one(batch, out, start);
            if (code != CODE_DONE)
                return code;
            if (out->batches == 1) {
                out->first_seconds = out->seconds;
                sn_loader_get_stats(loader, &out->first);
            }
        }
        left -= count;
    }
    return CODE_DONE;
}

/* -- All runs ---------------------------------------------------------------------------------- */

enum column {
    WORKERS,
    WORKERS_AGAIN,
    HERE,
    ALLOWED,
    WAITED,
    IDLE,
    SPILLS,
    FAULTS_HERE,
    FAULTS_THERE,
    COLUMNS
};

typedef struct bench {
    const bench_args *args;
    const subject *on;
    cursor from, bare; /* with features: the same without them */
    sn_probe *probe;   /* with features; else NULL */
    sn_loader *loader;
    uint64_t epoch;
    double *columns[COLUMNS]; /* [runs] each */
    int64_t per_run, largest;
    double memory;
} bench;

static int measure_loader(bench *self, int64_t run)
{
    sn_loader_stats after;
    work done;
    uint64_t here = faults_here(), there = faults_of_children();
    int code = run_loader(self->loader, &self->from.from, &self->epoch, self->per_run, &done);
    if (code != CODE_DONE)
        return code;
    sn_loader_get_stats(self->loader, &after);
    const sn_loader_stats *first = &done.first;
    double batches = (double)done.batches, ns = (done.seconds - done.first_seconds) * 1e9;
    self->columns[WORKERS][run] = self->columns[WORKERS_AGAIN][run] = batches / done.seconds;
    self->columns[WAITED][run] = 100 * (double)(after.wait_ns - first->wait_ns) / ns;
    self->columns[IDLE][run] =
        100 * (double)(after.idle_ns - first->idle_ns) / ns / (after.lanes > 0 ? after.lanes : 1);
    self->columns[SPILLS][run] = (double)(after.spills - first->spills) / batches;
    self->columns[FAULTS_HERE][run] = (double)(faults_here() - here) / batches;
    self->columns[FAULTS_THERE][run] = (double)(faults_of_children() - there) / batches;
    self->largest = done.largest > self->largest ? done.largest : self->largest;
    return CODE_DONE;
}

/* What the limits allow, beside a run of `with` features. */
static int measure_allowed(bench *self, const work *with, double *out)
{
    int32_t threads = (int32_t)self->args->plan.workers;
    double one = 0, all = 0, rows = 0;
    work bare;
    int code = run_here(&self->bare, with->batches, 0, &bare);
    if (code != CODE_DONE)
        return code;
    int64_t bytes = with->bytes - bare.bytes;
    if (bytes < with->nodes) /* of another kind of features than those of nodes */
        return report_failure("bench loader: the batches have no features");
    sn_status st = sn_probe_run(self->probe, SN_PROBE_LINES_FREE, 0, 1, &one);
    if (st == SN_OK)
        st = sn_probe_run(self->probe, SN_PROBE_LINES_FREE, 0, threads, &all);
    if (st == SN_OK)
        st = sn_probe_run(self->probe, SN_PROBE_ROW_GATHER, bytes / with->nodes, threads, &rows);
    if (st != SN_OK)
        return report_library(st);
    *out = (double)with->batches / (bare.seconds * one / all + (double)bytes / 1e9 / rows);
    return CODE_DONE;
}

static int measure(bench *self)
{
    work done;
    int64_t runs = self->args->runs;
    int code = run_here(&self->from, LEAST_BATCHES, WARM_SECONDS, &done);
    if (code != CODE_DONE)
        return code;
    self->per_run = (int64_t)((double)done.batches * RUN_SECONDS / done.seconds) + LEAST_BATCHES;
    for (double start = seconds_now(); seconds_now() - start < WARM_SECONDS;) {
        code = run_loader(self->loader, &self->from.from, &self->epoch, self->per_run, &done);
        if (code != CODE_DONE)
            return code;
    }
    for (int64_t run = 0; run < runs; run++) {
        code = measure_loader(self, run);
        if (code == CODE_DONE)
            code = run_here(&self->from, self->per_run, 0, &done);
        if (code != CODE_DONE)
            return code;
        self->columns[HERE][run] = (double)done.batches / done.seconds;
        if (self->probe != NULL)
            code = measure_allowed(self, &done, &self->columns[ALLOWED][run]);
        if (code != CODE_DONE)
            return code;
        if (!bar_progress(NULL, "workers and this process", (uint64_t)run + 1, (uint64_t)runs))
            return report_interrupted();
    }
    return CODE_DONE;
}

/* -- Memory ------------------------------------------------------------------------------------ */

/* Of one worker. */
static double budget_bytes(const bench *self)
{
    double nodes = 0, tables = 0, lanes = (double)self->args->plan.concurrency;
    for (int32_t i = 0; i < sn_dataset_num_node_types(self->on->dataset); i++) {
        sn_node_info info;
        if (sn_dataset_node_type(self->on->dataset, i, &info) != SN_OK)
            continue;
        if (info.count <= MOST_IN_ARRAY)
            nodes += (double)info.count;
        else
            tables = 64 * (double)self->largest;
    }
    double labels = ceil(4 * nodes / HUGE_PAGE) * HUGE_PAGE;
    return 4 * MIB + lanes * (labels + tables + 24 * (double)self->largest);
}

/* -- Results ----------------------------------------------------------------------------------- */

static void print_column(const bench *self, const char *name, const char *unit, enum column column,
                         enum column limit, const char *limit_name)
{
    bench_row row = row_of_pairs(self->columns[column],
                                 limit != COLUMNS ? self->columns[limit] : NULL, self->args->runs);
    row.bench = "loader";
    row.name = name;
    row.unit = unit;
    row.limit_name = limit_name;
    row.threads = (int32_t)self->args->plan.workers;
    print_row(&row, self->args->json);
}

static void print_memory(const bench *self)
{
    double workers = (double)self->args->plan.workers, value = self->memory / MIB;
    double limit =
        (folder_bytes(self->args->dataset != NULL ? self->args->dataset : self->on->folder) +
         workers * budget_bytes(self)) /
        MIB;
    double share = value / limit;
    bench_row row = { .bench = "loader",
                      .name = "memory of all",
                      .unit = "MiB",
                      .median = value,
                      .p10 = value,
                      .p90 = value,
                      .runs = 1,
                      .limit = limit,
                      .share = share,
                      .share_p10 = share,
                      .share_p90 = share,
                      .limit_name = "dataset + workers x budget",
                      .threads = (int32_t)workers };
    if (self->memory >= 0)
        print_row(&row, self->args->json);
}

static void print_results(const bench *self)
{
    double *copy = malloc((size_t)self->args->runs * sizeof *copy);
    for (int64_t i = 0; copy != NULL && i < self->args->runs; i++)
        copy[i] = self->columns[HERE][i];
    print_column(self, "batches", "batches/s", WORKERS, HERE, "in this process");
    if (copy != NULL) {
        bench_row row = row_of_pairs(copy, NULL, self->args->runs);
        row.bench = "loader";
        row.name = "batches, in this process";
        row.unit = "batches/s";
        row.threads = 1;
        print_row(&row, self->args->json);
    }
    free(copy);
    if (self->args->plan.features)
        print_column(self, "batches, of the limits", "batches/s", WORKERS_AGAIN, ALLOWED,
                     "sampling and rows, all threads");
    print_column(self, "consumer waits", "%", WAITED, COLUMNS, NULL);
    print_column(self, "workers wait", "%", IDLE, COLUMNS, NULL);
    print_column(self, "spills", "per batch", SPILLS, COLUMNS, NULL);
    print_column(self, "page faults here", "per batch", FAULTS_HERE, COLUMNS, NULL);
    print_column(self, "page faults of workers", "per batch", FAULTS_THERE, COLUMNS, NULL);
    print_memory(self);
}

static int open_limits(bench *self)
{
    plan_args without = self->args->plan;
    without.features = false;
    int code = cursor_open(&without, self->on, &self->bare);
    if (code == CODE_DONE)
        code = probe_open(self->args, self->on, &self->probe);
    return code;
}

static void close_limits(bench *self)
{
    sn_probe_release(self->probe);
    if (self->bare.sampler != NULL)
        cursor_close(&self->bare);
}

static int run_with_columns(bench *self)
{
    int code = cursor_open(&self->args->plan, self->on, &self->from);
    if (code != CODE_DONE)
        return code;
    if (self->args->plan.features)
        code = open_limits(self);
    if (code == CODE_DONE)
        code = loader_open(&self->args->plan, self->from.from.plan, &self->loader);
    if (code == CODE_DONE)
        code = measure(self);
    cursor_close(
        &self->from); /* what follows is the memory of the workers, and of who takes from them */
    close_limits(self);
    if (code == CODE_DONE)
        self->memory = memory_of_all();
    sn_loader_release(self->loader);
    bar_clear();
    if (code == CODE_DONE)
        print_results(self);
    return code;
}

static int run_on(const bench_args *args, const subject *on)
{
    bench self = { .args = args, .on = on };
    double *values = calloc(COLUMNS * (size_t)args->runs, sizeof *values);
    if (values == NULL)
        return report_failure("bench: out of memory");
    for (int i = 0; i < COLUMNS; i++)
        self.columns[i] = values + i * args->runs;
    int code = run_with_columns(&self);
    free(values);
    return code;
}

int bench_loader(const bench_args *args)
{
    subject on;
    int code = subject_open(args, args->feat_dim, &on);
    if (code != CODE_DONE)
        return code;
    code = run_on(args, &on);
    subject_close(&on);
    return code;
}
