/* SPDX-License-Identifier: Apache-2.0 */
/* The list of limits: which probes run, with which pages and how many threads, and what is
 * reported.
 *
 * All kinds of one setting are run in turn, `runs` times over, so that what disturbs the machine
 * for a while disturbs all of them alike. */
#include "seine/limits.h"

#include "base/cgroup.h"
#include "base/mem.h"
#include "base/option.h"
#include "base/probe.h"
#include "base/progress.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct kind {
    const char *name, *unit;
    sn_probe_kind kind;
    int64_t row_bytes;
} kinds[] = {
    { "random lines, branch", "M lines/s", SN_PROBE_LINES_BRANCH, 0 },
    { "random lines, free", "M lines/s", SN_PROBE_LINES_FREE, 0 },
    { "row gather 64 B", "GB/s", SN_PROBE_ROW_GATHER, 64 },
    { "row gather 128 B", "GB/s", SN_PROBE_ROW_GATHER, 128 },
    { "row gather 256 B", "GB/s", SN_PROBE_ROW_GATHER, 256 },
    { "row gather 400 B", "GB/s", SN_PROBE_ROW_GATHER, 400 },
    { "row gather 1024 B", "GB/s", SN_PROBE_ROW_GATHER, 1024 },
    { "row gather 4096 B", "GB/s", SN_PROBE_ROW_GATHER, 4096 },
    { "copy", "GB/s", SN_PROBE_COPY, 0 },
};
enum { KINDS = sizeof kinds / sizeof kinds[0], OTHERS = 4, MAX_STEPS = 12, MAX_RUNS = 1000 };

typedef struct measuring {
    sn_limits_options options;
    sn__progress progress;
    uint64_t done, total;                 /* runs, of one kind each */
    int32_t steps[MAX_STEPS], step_count; /* thread counts */
    sn_limit *limits;                     /* room for all that can come */
    int32_t count;
    double *values; /* [KINDS][runs] */
} measuring;

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of sorted values, interpolated. */
static double quantile(const double *sorted, int32_t count, double q)
{
    double at = q * (count - 1), below = floor(at);
    int32_t i = (int32_t)below, next = i + 1 < count ? i + 1 : i;
    return sorted[i] + (at - below) * (sorted[next] - sorted[i]);
}

static void add_limit(measuring *self, const char *name, const char *unit, const char *pages,
                      int32_t threads, double *values)
{
    int32_t runs = self->options.runs;
    sn_limit *limit = &self->limits[self->count++];
    qsort(values, (size_t)runs, sizeof *values, by_value);
    snprintf(limit->name, sizeof limit->name, "%s", name);
    snprintf(limit->unit, sizeof limit->unit, "%s", unit);
    snprintf(limit->pages, sizeof limit->pages, "%s", pages);
    limit->threads = threads;
    limit->runs = runs;
    limit->median = quantile(values, runs, 0.5);
    limit->low = quantile(values, runs, 0.1);
    limit->high = quantile(values, runs, 0.9);
}

/* After each run. */
static sn_status advance(measuring *self, const char *stage)
{
    self->done++;
    return sn__progress_tick(&self->progress, stage, self->done, self->total);
}

static sn_status measure_step(measuring *self, sn_probe *probe, int32_t threads)
{
    int32_t runs = self->options.runs;
    char stage[64];
    snprintf(stage, sizeof stage, "%s pages, %d thread%s", sn_probe_pages(probe), threads,
             threads == 1 ? "" : "s");
    for (int32_t run = 0; run < runs; run++)
        for (int32_t k = 0; k < KINDS; k++) {
            SN_TRY(sn_probe_run(probe, kinds[k].kind, kinds[k].row_bytes, threads,
                                &self->values[k * runs + run]));
            SN_TRY(advance(self, stage));
        }
    for (int32_t k = 0; k < KINDS; k++)
        add_limit(self, kinds[k].name, kinds[k].unit, sn_probe_pages(probe), threads,
                  &self->values[k * runs]);
    return SN_OK;
}

/* With one kind of pages. Huge pages that did not come would only repeat the first figures. */
static sn_status measure_pages(measuring *self, bool huge)
{
    sn_probe *probe;
    int32_t runs = self->options.runs;
    SN_TRY(sn_probe_create(&self->options, huge, &probe));
    sn_status st = SN_OK;
    bool nothing_new = huge && strcmp(sn_probe_pages(probe), self->limits[0].pages) == 0;
    for (int32_t i = 0; i < self->step_count && st == SN_OK && !nothing_new; i++)
        st = measure_step(self, probe, self->steps[i]);
    sn_probe_release(probe);
    if (st != SN_OK)
        return st;
    if (nothing_new) {
        self->total = self->done + 2 * (uint64_t)runs;
        return SN_OK;
    }

    char pages[8];
    for (int32_t run = 0; run < runs; run++) {
        SN_TRY(sn__fault_run(huge, pages, &self->values[run]));
        SN_TRY(advance(self, "page faults"));
    }
    add_limit(self, "page fault", "us", pages, 1, self->values);
    return SN_OK;
}

/* Two threads on one core would measure the scheduler. */
static sn_status measure_handover(measuring *self)
{
    static const struct {
        const char *name;
        sn_status (*run)(double *out);
    } both[] = { { "hand-over, awake", sn__handover_awake_run },
                 { "hand-over, asleep", sn__handover_asleep_run } };
    if (sn__affinity_cores() < 2)
        return SN_OK;
    for (int k = 0; k < 2; k++) {
        for (int32_t run = 0; run < self->options.runs; run++) {
            SN_TRY(both[k].run(&self->values[run]));
            SN_TRY(advance(self, both[k].name));
        }
        add_limit(self, both[k].name, "us", self->limits[0].pages, 2, self->values);
    }
    return SN_OK;
}

/* 1, 2, 4, ... and the greatest. */
static void choose_steps(measuring *self)
{
    int32_t most = self->options.max_threads;
    for (int32_t threads = 1; threads < most; threads *= 2)
        self->steps[self->step_count++] = threads;
    self->steps[self->step_count++] = most;
}

static sn_status measure(measuring *self)
{
    bool may_be_huge = sn__option_value_or_default(SN__OPTION_HUGE_PAGES) == 0;
    uint64_t per_pages = (uint64_t)(KINDS * self->step_count + 1);
    self->total = ((may_be_huge ? 2 : 1) * per_pages + 2) * (uint64_t)self->options.runs;
    SN_TRY(measure_pages(self, false));
    if (may_be_huge)
        SN_TRY(measure_pages(self, true));
    return measure_handover(self);
}

sn_status sn_limits_measure(const sn_limits_options *options, sn_limit **out, int32_t *count)
{
    measuring self = { .done = 0 };
    SN_TRY(sn_options_check());
    SN_TRY(sn__limits_settle(options, &self.options));
    self.progress =
        (sn__progress){ .call = self.options.progress, .context = self.options.progress_context };
    choose_steps(&self);

    size_t most = (size_t)(2 * (KINDS * self.step_count + 1) + OTHERS);
    SN_TRY(sn__mem_zalloc(most, sizeof *self.limits, "limits", &self.limits));
    sn_status st = sn__mem_zalloc((size_t)(KINDS * self.options.runs), sizeof *self.values,
                                  "limits: runs", &self.values);
    if (st == SN_OK) {
        st = measure(&self);
        sn__mem_free(self.values);
    }
    if (st != SN_OK) {
        sn__mem_free(self.limits);
        return st;
    }
    *out = self.limits;
    *count = self.count;
    return SN_OK;
}

void sn_limits_free(sn_limit *limits)
{
    sn__mem_free(limits);
}
