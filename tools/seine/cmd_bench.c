/* SPDX-License-Identifier: Apache-2.0 */
/* seine bench: the flags. What is measured is in bench/. */
#include "tools/seine/bench_args.h"
#include "tools/seine/commands.h"
#include "tools/seine/report.h"

#define NO_BENCH "bench: this build has no benchmarks (SEINE_BENCH=OFF)"

/* -- Limits ------------------------------------------------------------------------------------ */

#define AT(member) offsetof(bench_limits_args, member)
static const arg limits_args[] = {
    { .name = "--threads",
      .value = "T",
      .text = "most threads (default the cores granted)",
      .kind = ARG_INT,
      .offset = AT(threads),
      .least = 1,
      .most = 1024 },
    { .name = "--runs",
      .value = "N",
      .text = "runs of each measurement",
      .kind = ARG_INT,
      .offset = AT(runs),
      .fallback = "9",
      .least = 1,
      .most = 1000 },
    { .name = "--size",
      .value = "MIB",
      .text = "mebibytes of each of the two arrays (default 1024, less if memory is short)",
      .kind = ARG_INT,
      .offset = AT(mebibytes),
      .least = 64,
      .most = 1 << 17 },
    { .name = "--json", .text = "print an object per row", .kind = ARG_SWITCH, .offset = AT(json) },
};
#undef AT
static const arg_group limits_group = ARG_GROUP("Flags", limits_args);

static int run_limits(const void *values, const char *operand)
{
    (void)operand;
#ifdef SEINE_HAVE_BENCH
    return bench_limits(values);
#else
    (void)values;
    return report_failure(NO_BENCH);
#endif
}

static const arg_group *const limits_groups[] = { &limits_group, NULL };
static const char *const limits_later[] = { "--workers", "--dataset", "--device", NULL };

const command command_bench_limits = {
    .name = "bench limits",
    .summary = "measures the limits of this machine's memory",
    .about =
        "Measures what bounds everything else: random cache lines read with a branch on each "
        "and without, random\nrows copied into a buffer that is used again, copies, page faults, "
        "and the hand-over of a word to another\nthread that spins or sleeps. With 4 KiB pages "
        "and with huge pages where the system grants them, and with\none to all threads.",
    .examples = "seine bench limits --json\n",
    .groups = limits_groups,
    .later = limits_later,
    .bytes = sizeof(bench_limits_args),
    .run = run_limits,
};

/* -- Sample and gather ------------------------------------------------------------------------- */

#define AT(member) offsetof(bench_args, member)
static const arg graph_args[] = {
    { .name = "--dataset",
      .value = "DIR",
      .text = "the graph; without, an R-MAT graph is made in a temporary directory",
      .kind = ARG_TEXT,
      .offset = AT(dataset) },
    { .name = "--scale",
      .value = "S",
      .text = "that graph has 2^S nodes, 16 edges each, and 100 features for gather",
      .kind = ARG_INT,
      .offset = AT(scale),
      .fallback = "20",
      .least = 4,
      .most = 30 },
    { .name = "--runs",
      .value = "N",
      .text = "how often the measurement and its limit alternate",
      .kind = ARG_INT,
      .offset = AT(runs),
      .fallback = "20",
      .least = 1,
      .most = 10000 },
    { .name = "--size",
      .value = "MIB",
      .text = "mebibytes of each of the two arrays of the limit (default 1024, less if memory is "
              "short)",
      .kind = ARG_INT,
      .offset = AT(mebibytes),
      .least = 64,
      .most = 1 << 17 },
    { .name = "--json", .text = "print an object per row", .kind = ARG_SWITCH, .offset = AT(json) },
};
#undef AT
static const arg_group graph_group = ARG_GROUP("Flags", graph_args);

static int run_plan(const void *values, int (*measure)(const bench_args *args))
{
    const bench_args *args = values;
    int code = plan_args_check(&args->plan, "bench");
    if (code == CODE_DONE && args->plan.workers > 0)
        return report_usage("--workers: this measures one process, seine bench loader has workers");
    return code == CODE_DONE ? measure(args) : code;
}

#ifndef SEINE_HAVE_BENCH
static int no_bench(const bench_args *args)
{
    (void)args;
    return report_failure(NO_BENCH);
}
#    define bench_sample no_bench
#    define bench_gather no_bench
#endif

static int run_sample(const void *values, const char *operand)
{
    (void)operand;
    return run_plan(values, bench_sample);
}

static int run_gather(const void *values, const char *operand)
{
    (void)operand;
    return run_plan(values, bench_gather);
}

static const arg_group *const plan_groups[] = { &graph_group, &input_group, &plan_group, &run_group,
                                                NULL };
static const char *const plan_later[] = { PLAN_LATER, NULL };

const command command_bench_sample = {
    .name = "bench sample",
    .summary = "measures sampling against random cache lines",
    .about = "Samples batches of the plan and reads random cache lines without a branch, in turn. "
             "The share is that of\nedges per second, sampled and relabelled, in random lines per "
             "second: the median over the pairs.",
    .examples = "seine bench sample --dataset packages --input train --fanout 15,10,5 --json\n",
    .groups = plan_groups,
    .later = plan_later,
    .bytes = sizeof(bench_args),
    .run = run_sample,
};

const command command_bench_gather = {
    .name = "bench gather",
    .summary = "measures the gather of features against random row copies",
    .about =
        "Makes the same batches without features and with them, and copies random rows of the "
        "same size, in turn.\nThe gather is the difference of the first two; its share is that "
        "in the rate of the copies: the median over\nthe pairs.",
    .examples = "seine bench gather --load memory\n",
    .groups = plan_groups,
    .later = plan_later,
    .bytes = sizeof(bench_args),
    .run = run_gather,
};
