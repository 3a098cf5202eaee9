/* SPDX-License-Identifier: Apache-2.0 */
/* seine bench sample: edges sampled and relabelled per second, in turn with random cache lines per
 * second; with --threads also by several threads on one batch, in turn with one. It does not represent
 * waiting for data, or features. */
#include "bench/rows.h"
#include "bench/subject.h"
#include "tools/seine/progress_bar.h"
#include "tools/seine/report.h"
#include "tools/seine/seconds.h"

#include <stdlib.h>
#include <string.h>

static const double RUN_SECONDS = 0.1, WARM_SECONDS = 0.3;

typedef struct work {
    int64_t batches, edges;
    double seconds;
} work;

/* Batches until `seconds` have passed, or exactly `batches` if that is not 0. */
static int sample_some(cursor *from, double seconds, int64_t batches, work *out)
{
    work done = { 0 };
    double start = seconds_now();
    while (batches != 0 ? done.batches < batches : done.seconds < seconds || done.batches < 2) {
        sn_batch *batch;
        int code = cursor_next(from, &batch);
        if (code != CODE_DONE)
            return code;
        done.edges += sn_batch_get_info(batch).num_edges;
        done.batches++;
        sn_batch_release(batch);
        done.seconds = seconds_now() - start;
        if (report_signal != 0)
            return report_interrupted();
    }
    *out = done;
    return CODE_DONE;
}

typedef struct bench {
    const bench_args *args;
    cursor alone, team;                        /* the latter with several threads, or not open */
    double *edges, *batches, *limits, *shared; /* [runs] */
} bench;

/* One slice; the first batch is not measured: what the slices between have put out of the caches comes
 * back. */
static int measure_slice(cursor *from, int64_t batches, work *out)
{
    int code = sample_some(from, 0, 1, out);
    return code == CODE_DONE ? sample_some(from, 0, batches, out) : code;
}

static double edge_rate(const work *of)
{
    return (double)of->edges / of->seconds / 1e6;
}

static int measure_run(bench *self, sn_probe *probe, int64_t run, int64_t batches)
{
    work one;
    int code = measure_slice(&self->alone, batches, &one);
    if (code != CODE_DONE)
        return code;
    self->edges[run] = edge_rate(&one);
    self->batches[run] = (double)one.batches / one.seconds;
    if (self->team.sampler != NULL) {
        code = measure_slice(&self->team, batches, &one);
        if (code != CODE_DONE)
            return code;
        self->shared[run] = edge_rate(&one);
    }
    sn_status st = sn_probe_run(probe, SN_PROBE_LINES_FREE, 0, 1, &self->limits[run]);
    return st == SN_OK ? CODE_DONE : report_library(st);
}

static int measure(bench *self, sn_probe *probe)
{
    work warm = { 0 };
    int64_t runs = self->args->runs;
    int code = sample_some(&self->alone, WARM_SECONDS, 0, &warm);
    int64_t batches =
        code == CODE_DONE ? (int64_t)((double)warm.batches * RUN_SECONDS / warm.seconds) + 1 : 0;
    for (int64_t run = 0; run < runs && code == CODE_DONE; run++) {
        code = measure_run(self, probe, run, batches);
        if (code == CODE_DONE &&
            !bar_progress(NULL, "sampling and random lines", (uint64_t)run + 1, (uint64_t)runs))
            code = report_interrupted();
    }
    return code;
}

static void print_one(const bench *self, const char *name, double *values, double *limits,
                      bench_row row)
{
    bench_row all = row_of_pairs(values, limits, self->args->runs);
    all.bench = "sample";
    all.name = name;
    all.unit = row.unit;
    all.limit_name = row.limit_name;
    all.pages = row.pages;
    all.threads = row.threads;
    print_row(&all, self->args->json);
}

/* Rows sort what they are made of, so the row of pairs with `edges` comes first. */
static int print_results(const bench *self, const sn_probe *probe)
{
    size_t bytes = (size_t)self->args->runs * sizeof *self->edges;
    double *edges = malloc(bytes);
    if (edges == NULL)
        return report_failure("bench: out of memory");
    memcpy(edges, self->edges, bytes);
    print_one(self, "edges", self->edges, self->limits,
              (bench_row){ .unit = "M edges/s",
                           .limit_name = "random lines, free",
                           .pages = sn_probe_pages(probe),
                           .threads = 1 });
    print_one(self, "batches", self->batches, NULL,
              (bench_row){ .unit = "batches/s", .threads = 1 });
    if (self->team.sampler != NULL)
        print_one(self, "shared", self->shared, edges,
                  (bench_row){ .unit = "M edges/s",
                               .limit_name = "one thread",
                               .threads = (int32_t)self->args->plan.threads });
    free(edges);
    return CODE_DONE;
}

static int open_cursors(bench *self, const subject *on)
{
    plan_args alone = self->args->plan;
    alone.threads = 1;
    int code = cursor_open(&alone, on, &self->alone);
    if (code != CODE_DONE || self->args->plan.threads == 1)
        return code;
    code = cursor_open(&self->args->plan, on, &self->team);
    if (code != CODE_DONE)
        cursor_close(&self->alone);
    return code;
}

static int run_on(const bench_args *args, const subject *on)
{
    sn_probe *probe = NULL;
    size_t runs = (size_t)args->runs;
    double *values = calloc(4 * runs, sizeof *values);
    if (values == NULL)
        return report_failure("bench: out of memory");
    bench self = { .args = args,
                   .edges = values,
                   .batches = values + runs,
                   .limits = values + 2 * runs,
                   .shared = values + 3 * runs };
    int code = open_cursors(&self, on);
    if (code == CODE_DONE) {
        code = probe_open(args, on, &probe);
        if (code == CODE_DONE)
            code = measure(&self, probe);
        bar_clear();
        if (code == CODE_DONE)
            code = print_results(&self, probe);
        sn_probe_release(probe);
        if (self.team.sampler != NULL)
            cursor_close(&self.team);
        cursor_close(&self.alone);
    }
    free(values);
    return code;
}

int bench_sample(const bench_args *args)
{
    subject on;
    int code = subject_open(args, 0, &on);
    if (code != CODE_DONE)
        return code;
    code = run_on(args, &on);
    subject_close(&on);
    return code;
}
