/* SPDX-License-Identifier: Apache-2.0 */
/* seine bench gather: bytes of features per second, in turn with copies of random rows of the same
 * size; both by as many threads.
 *
 * The gather has no entry of its own in the library's interface: it is what batches with features
 * take longer than the same batches without. Where that is under the noise the result says so.
 *
 * The second row holds the time of a batch with features against what it would be if rows came at their
 * limit: the time of the batch without, and its bytes at the rate of the copies. */
#include "bench/rows.h"
#include "bench/subject.h"
#include "tools/seine/progress_bar.h"
#include "tools/seine/report.h"
#include "tools/seine/seconds.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double RUN_SECONDS = 0.1, WARM_SECONDS = 0.3;

typedef struct work {
    int64_t batches, rows, bytes;
    double seconds;
} work;

static bool is_feature(const char *name)
{
    const char *dot = strrchr(name, '.'), *last = dot != NULL ? dot + 1 : name;
    return strcmp(last, "x") == 0 || strcmp(last, "edge_attr") == 0;
}

static void count_payload(const sn_batch *batch, work *to)
{
    const char *name;
    int32_t tensors = sn_batch_get_info(batch).tensors;
    for (int32_t i = 0; i < tensors; i++) {
        const sn_tensor *tensor = sn_batch_tensor(batch, i, &name);
        if (!is_feature(name))
            continue;
        to->rows += tensor->shape[0];
        to->bytes += sn_tensor_bytes(tensor);
    }
}

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
        done.batches++;
        count_payload(batch, &done);
        sn_batch_release(batch);
        done.seconds = seconds_now() - start;
        if (report_signal != 0)
            return report_interrupted();
    }
    *out = done;
    return CODE_DONE;
}

typedef struct series {
    double *rates, *limits;     /* [runs], GB/s */
    double *times, *bounds;     /* [runs], milliseconds of a batch */
    int64_t row_bytes, unclear; /* runs in which the difference was not positive */
    int32_t threads;
} series;

static int measure_pair(cursor *plain, cursor *full, sn_probe *probe, int64_t batches, series *to,
                        int64_t run)
{
    work without = { 0 }, with = { 0 };
    int code = sample_some(plain, 0, batches, &without);
    if (code == CODE_DONE)
        code = sample_some(full, 0, batches, &with);
    if (code != CODE_DONE)
        return code;
    double took = with.seconds - without.seconds;
    to->unclear += took <= 0;
    to->rates[run] = (double)with.bytes / (took > 1e-9 ? took : 1e-9) / 1e9;
    sn_status st =
        sn_probe_run(probe, SN_PROBE_ROW_GATHER, to->row_bytes, to->threads, &to->limits[run]);
    if (st != SN_OK)
        return report_library(st);
    double copies = (double)with.bytes / 1e9 / to->limits[run];
    to->times[run] = 1e3 * with.seconds / (double)with.batches;
    to->bounds[run] = 1e3 * (without.seconds + copies) / (double)with.batches;
    return CODE_DONE;
}

static int measure(const bench_args *args, cursor *plain, cursor *full, sn_probe *probe, series *to)
{
    work warm = { 0 }, same = { 0 };
    int code = sample_some(full, WARM_SECONDS, 0, &warm);
    if (code == CODE_DONE) /* both cursors stay at the same batch */
        code = sample_some(plain, 0, warm.batches, &same);
    if (code != CODE_DONE)
        return code;
    if (warm.bytes == 0)
        return report_failure("bench gather: the batches have no features");
    to->row_bytes = warm.bytes / warm.rows;
    int64_t per_run = (int64_t)((double)warm.batches * RUN_SECONDS / warm.seconds) + 1;
    for (int64_t run = 0; run < args->runs; run++) {
        code = measure_pair(plain, full, probe, per_run, to, run);
        if (code != CODE_DONE)
            return code;
        if (!bar_progress(NULL, "gather and row copies", (uint64_t)run + 1, (uint64_t)args->runs))
            return report_interrupted();
    }
    return CODE_DONE;
}

static void print_results(const bench_args *args, const sn_probe *probe, series *of)
{
    char name[64], limit_name[64];
    bench_row row = row_of_pairs(of->rates, of->limits, args->runs);
    snprintf(name, sizeof name, "gather %lld B", (long long)of->row_bytes);
    snprintf(limit_name, sizeof limit_name, "row gather %lld B", (long long)of->row_bytes);
    row.bench = "gather";
    row.name = name;
    row.unit = "GB/s";
    row.limit_name = limit_name;
    row.pages = sn_probe_pages(probe);
    row.threads = of->threads;
    if (of->unclear * 4 > args->runs) {
        fprintf(stderr, "under the noise: in %lld of %lld runs features took no measurable time\n",
                (long long)of->unclear, (long long)args->runs);
        row.median = row.p10 = row.p90 = row.share = row.share_p10 = row.share_p90 = NAN;
    }
    print_row(&row, args->json);
    row = row_of_pairs(of->times, of->bounds, args->runs);
    row.bench = "gather";
    row.name = "sample + gather";
    row.unit = "ms a batch";
    row.limit_name = "sampling + bytes / row gather";
    row.pages = sn_probe_pages(probe);
    row.threads = of->threads;
    print_row(&row, args->json);
}

static int run_with_cursors(const bench_args *args, const subject *on, cursor *plain, cursor *full)
{
    sn_probe *probe = NULL;
    size_t runs = (size_t)args->runs;
    double *values = calloc(4 * runs, sizeof *values);
    if (values == NULL)
        return report_failure("bench: out of memory");
    series of = { .rates = values,
                  .limits = values + runs,
                  .times = values + 2 * runs,
                  .bounds = values + 3 * runs,
                  .threads = (int32_t)args->plan.threads };
    int code = probe_open(args, on, &probe);
    if (code == CODE_DONE)
        code = measure(args, plain, full, probe, &of);
    bar_clear();
    if (code == CODE_DONE)
        print_results(args, probe, &of);
    sn_probe_release(probe);
    free(values);
    return code;
}

static int run_on(const bench_args *args, const subject *on)
{
    cursor plain, full;
    plan_args with = args->plan, without = args->plan;
    with.features = true;
    without.features = false;
    int code = cursor_open(&without, on, &plain);
    if (code != CODE_DONE)
        return code;
    code = cursor_open(&with, on, &full);
    if (code == CODE_DONE) {
        code = run_with_cursors(args, on, &plain, &full);
        cursor_close(&full);
    }
    cursor_close(&plain);
    return code;
}

int bench_gather(const bench_args *args)
{
    subject on;
    int code = subject_open(args, args->feat_dim, &on);
    if (code != CODE_DONE)
        return code;
    code = run_on(args, &on);
    subject_close(&on);
    return code;
}
