/* SPDX-License-Identifier: Apache-2.0 */
/* seine bench sample: edges sampled and relabelled per second, in turn with random cache lines per
 * second; with --threads also by several threads on one batch, in turn with one; with edge ids, with
 * replacement, by weight and so on in turn with none of these; and with --beside on the same graph in another shape. It does not
 * represent waiting for data, or features. */
#include "bench/recast.h"
#include "bench/rows.h"
#include "bench/subject.h"
#include "tools/seine/progress_bar.h"
#include "tools/seine/report.h"
#include "tools/seine/seconds.h"

#include <stdio.h>
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

/* What is measured in turn with the plan as it is given, by one thread. */
typedef struct beside {
    cursor from;
    const char *name, *limit_name; /* of its row */
    int32_t threads;
    bool is_limit; /* the given plan's rate is the row's, this one its limit */
    double *rates; /* [runs] */
} beside;

enum { MOST_BESIDE = 3 };

typedef struct bench {
    const bench_args *args;
    cursor given;
    double *edges, *batches, *limits; /* [runs] */
    double *pair[2];                  /* [runs], scratch: rows sort what they are made of */
    beside besides[MOST_BESIDE];
    int num_besides;
    recast other;
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
    int code = measure_slice(&self->given, batches, &one);
    if (code != CODE_DONE)
        return code;
    self->edges[run] = edge_rate(&one);
    self->batches[run] = (double)one.batches / one.seconds;
    for (int i = 0; i < self->num_besides; i++) {
        code = measure_slice(&self->besides[i].from, batches, &one);
        if (code != CODE_DONE)
            return code;
        self->besides[i].rates[run] = edge_rate(&one);
    }
    sn_status st = sn_probe_run(probe, SN_PROBE_LINES_FREE, 0, 1, &self->limits[run]);
    return st == SN_OK ? CODE_DONE : report_library(st);
}

static int measure(bench *self, sn_probe *probe)
{
    work warm = { 0 };
    int64_t runs = self->args->runs;
    int code = sample_some(&self->given, WARM_SECONDS, 0, &warm);
    int64_t batches =
        code == CODE_DONE ? (int64_t)((double)warm.batches * RUN_SECONDS / warm.seconds) + 1 : 0;
    for (int i = 0; i < self->num_besides && code == CODE_DONE; i++) {
        work other;
        code = sample_some(&self->besides[i].from, WARM_SECONDS, 0, &other);
    }
    for (int64_t run = 0; run < runs && code == CODE_DONE; run++) {
        code = measure_run(self, probe, run, batches);
        if (code == CODE_DONE &&
            !bar_progress(NULL, "sampling and random lines", (uint64_t)run + 1, (uint64_t)runs))
            code = report_interrupted();
    }
    return code;
}

static void print_one(const bench *self, const char *name, const double *values,
                      const double *limits, bench_row row)
{
    size_t bytes = (size_t)self->args->runs * sizeof *values;
    memcpy(self->pair[0], values, bytes);
    if (limits != NULL)
        memcpy(self->pair[1], limits, bytes);
    bench_row all =
        row_of_pairs(self->pair[0], limits != NULL ? self->pair[1] : NULL, self->args->runs);
    all.bench = "sample";
    all.name = name;
    all.unit = row.unit;
    all.limit_name = row.limit_name;
    all.pages = row.pages;
    all.threads = row.threads;
    print_row(&all, self->args->json);
}

static void print_results(const bench *self, const sn_probe *probe)
{
    print_one(self, "edges", self->edges, self->limits,
              (bench_row){ .unit = "M edges/s",
                           .limit_name = "random lines, free",
                           .pages = sn_probe_pages(probe),
                           .threads = 1 });
    print_one(self, "batches", self->batches, NULL,
              (bench_row){ .unit = "batches/s", .threads = 1 });
    for (int i = 0; i < self->num_besides; i++) {
        const beside *by = &self->besides[i];
        print_one(self, by->name, by->is_limit ? self->edges : by->rates,
                  by->is_limit ? by->rates : self->edges,
                  (bench_row){
                      .unit = "M edges/s", .limit_name = by->limit_name, .threads = by->threads });
    }
}

/* -- What is measured in turn ------------------------------------------------------------------ */

/* Adds one more; `how` has its name, limit and threads. */
static int add_beside(bench *self, const plan_args *args, const subject *on, beside how)
{
    beside *to = &self->besides[self->num_besides];
    double *rates = to->rates;
    int code = cursor_open(args, on, &how.from);
    if (code != CODE_DONE)
        return code;
    *to = how;
    to->rates = rates;
    self->num_besides++;
    return CODE_DONE;
}

/* Half of the fan-outs, rounded up: nodes have edges of two types. NULL: out of memory. */
static char *half_fanouts(const char *fanout)
{
    size_t room = strlen(fanout) + 1, used = 0; /* no half is longer */
    char *halves = calloc(1, room);
    for (const char *at = fanout; halves != NULL && *at != '\0';) {
        char *end;
        long long whole = strtoll(at, &end, 10);
        used += (size_t)snprintf(halves + used, room - used, "%lld%s",
                                 whole > 0 ? (whole + 1) / 2 : whole, *end == ',' ? "," : "");
        at = *end == ',' ? end + 1 : end + strlen(end);
    }
    return halves;
}

/* What the graph in two types has too. */
static bool is_kept(const char *input)
{
    static const char *const kept[] = { "all", "train", "val", "test" };
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (strcmp(input, kept[i]) == 0)
            return true;
    return false;
}

static int add_typed(bench *self, plan_args args, const subject *on)
{
    if (args.links != NULL || (args.input != NULL && !is_kept(args.input)))
        return report_usage("--beside typed: --input is all, train, val or test");
    if (args.fanout[strspn(args.fanout, "0123456789-,")] != '\0')
        return report_usage("--beside typed: --fanout is one list of numbers");
    char *halves = half_fanouts(args.fanout);
    if (halves == NULL)
        return report_failure("bench: out of memory");
    args.fanout = halves;
    args.input_type = "even";
    int code = add_beside(
        self, &args, on,
        (beside){ .name = "typed", .limit_name = "one type of nodes and of edges", .threads = 1 });
    free(halves);
    return code;
}

static int add_recast(bench *self, const plan_args *args, const subject *on)
{
    bool typed = self->args->beside == BESIDE_TYPED;
    int code = recast_open(on->dataset, args->edge_dir != 0,
                           typed ? RECAST_TYPED : RECAST_SMALL_PAGES, &self->other);
    if (code != CODE_DONE)
        return code;
    subject other = { .dataset = self->other.dataset };
    if (typed)
        return add_typed(self, *args, &other);
    return add_beside(
        self, args, &other,
        (beside){ .name = "small pages", .limit_name = "pages as they are", .threads = 1 });
}

static int open_cursors(bench *self, const subject *on)
{
    plan_args alone = self->args->plan, plain = self->args->plan;
    alone.threads = plain.threads = 1;
    plain.with_edge = plain.replace = false;
    plain.weighted = plain.disjoint = plain.labor = plain.layer_dependent = false;
    plain.temporal = -1;
    int code = cursor_open(&alone, on, &self->given);
    if (code == CODE_DONE && self->args->plan.threads > 1)
        code = add_beside(self, &self->args->plan, on,
                          (beside){ .name = "shared",
                                    .limit_name = "one thread",
                                    .threads = (int32_t)self->args->plan.threads });
    if (code == CODE_DONE &&
        (alone.with_edge || alone.replace || alone.weighted || alone.disjoint || alone.labor))
        code = add_beside(self, &plain, on,
                          (beside){ .name = "beside plain",
                                    .limit_name = "uniform, without any option",
                                    .threads = 1,
                                    .is_limit = true });
    if (code == CODE_DONE && self->args->beside >= 0)
        code = add_recast(self, &alone, on);
    return code;
}

static void close_cursors(bench *self)
{
    for (int i = 0; i < self->num_besides; i++)
        cursor_close(&self->besides[i].from);
    recast_close(&self->other);
    cursor_close(&self->given);
}

static int run_on(const bench_args *args, const subject *on)
{
    sn_probe *probe = NULL;
    size_t runs = (size_t)args->runs;
    double *values = calloc((5 + MOST_BESIDE) * runs, sizeof *values);
    if (values == NULL)
        return report_failure("bench: out of memory");
    bench self = { .args = args,
                   .edges = values,
                   .batches = values + runs,
                   .limits = values + 2 * runs,
                   .pair = { values + 3 * runs, values + 4 * runs } };
    for (size_t i = 0; i < MOST_BESIDE; i++)
        self.besides[i].rates = values + (5 + i) * runs;
    int code = open_cursors(&self, on);
    if (code == CODE_DONE)
        code = probe_open(args, on, &probe);
    if (code == CODE_DONE)
        code = measure(&self, probe);
    bar_clear();
    if (code == CODE_DONE)
        print_results(&self, probe);
    sn_probe_release(probe);
    close_cursors(&self);
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
