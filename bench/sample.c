/* SPDX-License-Identifier: Apache-2.0 */
/* seine bench sample: edges sampled and relabelled per second, in turn with random cache lines per
 * second. It does not represent waiting for data, features, or more than one thread. */
#include "bench/rows.h"
#include "bench/subject.h"
#include "tools/seine/progress_bar.h"
#include "tools/seine/report.h"
#include "tools/seine/seconds.h"

#include <stdlib.h>

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

typedef struct series {
    double *edges, *batches, *limits; /* [runs] */
} series;

static int measure(const bench_args *args, cursor *from, sn_probe *probe, series *to)
{
    work warm = { 0 }, one = { 0 };
    int code = sample_some(from, WARM_SECONDS, 0, &warm);
    if (code != CODE_DONE)
        return code;
    int64_t per_run = (int64_t)((double)warm.batches * RUN_SECONDS / warm.seconds) + 1;
    for (int64_t run = 0; run < args->runs; run++) {
        code = sample_some(from, 0, per_run, &one);
        if (code != CODE_DONE)
            return code;
        to->edges[run] = (double)one.edges / one.seconds / 1e6;
        to->batches[run] = (double)one.batches / one.seconds;
        sn_status st = sn_probe_run(probe, SN_PROBE_LINES_FREE, 0, 1, &to->limits[run]);
        if (st != SN_OK)
            return report_library(st);
        if (!bar_progress(NULL, "sampling and random lines", (uint64_t)run + 1,
                          (uint64_t)args->runs))
            return report_interrupted();
    }
    return CODE_DONE;
}

static void print_results(const bench_args *args, const sn_probe *probe, series *of)
{
    bench_row row = row_of_pairs(of->edges, of->limits, args->runs);
    row.bench = "sample";
    row.name = "edges";
    row.unit = "M edges/s";
    row.limit_name = "random lines, free";
    row.pages = sn_probe_pages(probe);
    row.threads = 1;
    print_row(&row, args->json);
    row = row_of_pairs(of->batches, NULL, args->runs);
    row.bench = "sample";
    row.name = "batches";
    row.unit = "batches/s";
    row.threads = 1;
    print_row(&row, args->json);
}

static int run_on(const bench_args *args, const subject *on)
{
    cursor from;
    sn_probe *probe = NULL;
    size_t runs = (size_t)args->runs;
    double *values = calloc(3 * runs, sizeof *values);
    if (values == NULL)
        return report_failure("bench: out of memory");
    series of = { values, values + runs, values + 2 * runs };
    int code = cursor_open(&args->plan, on, &from);
    if (code == CODE_DONE) {
        code = probe_open(args, on, &probe);
        if (code == CODE_DONE)
            code = measure(args, &from, probe, &of);
        bar_clear();
        if (code == CODE_DONE)
            print_results(args, probe, &of);
        sn_probe_release(probe);
        cursor_close(&from);
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
