/* SPDX-License-Identifier: Apache-2.0 */
/* seine bench: the flags. What is measured is in bench/. */
#include "tools/seine/bench_args.h"
#include "tools/seine/commands.h"
#include "tools/seine/kind_args.h"
#include "tools/seine/link_args.h"
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
      .text = "that graph has 2^S nodes and 16 edges each",
      .kind = ARG_INT,
      .offset = AT(scale),
      .fallback = "20",
      .least = 4,
      .most = 30 },
    { .name = "--feat-dim",
      .value = "F",
      .text = "and F features of four bytes each, where they are needed",
      .kind = ARG_INT,
      .offset = AT(feat_dim),
      .fallback = "100",
      .least = 1,
      .most = 1 << 16 },
    { .name = "--runs",
      .value = "N",
      .text = "how often the measurement and its limit alternate",
      .kind = ARG_INT,
      .offset = AT(runs),
      .fallback = "20",
      .least = 1,
      .most = 10000 },
    { .name = "--json", .text = "print an object per row", .kind = ARG_SWITCH, .offset = AT(json) },
};
static const arg_group graph_group = ARG_GROUP("Flags", graph_args);

static const arg size_args[] = {
    { .name = "--size",
      .value = "MIB",
      .text = "mebibytes of each of the two arrays of the limit (default 1024, less if memory is "
              "short)",
      .kind = ARG_INT,
      .offset = AT(mebibytes),
      .least = 64,
      .most = 1 << 17 },
};
#undef AT
static const arg_group size_group = ARG_GROUP("Limit", size_args);

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
#    define bench_loader no_bench
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

#define AT(member) offsetof(bench_args, member)
static const arg beside_args[] = {
    { .name = "--beside",
      .text = "measure the same graph in turn: on pages of 4 KiB, or with two types of nodes and "
              "four of edges",
      .kind = ARG_CHOICE,
      .offset = AT(beside),
      .choices = BESIDE_CHOICES },
};
#undef AT
static const arg_group beside_group = ARG_GROUP("In turn", beside_args);

static const arg_group *const sample_groups[] = { &graph_group, &size_group, &beside_group,
                                                  &input_group, &link_group, &kind_group,
                                                  &plan_group,  &run_group,  NULL };
static const arg_group *const plan_groups[] = { &graph_group, &size_group, &input_group,
                                                &link_group,  &kind_group, &plan_group,
                                                &run_group,   NULL };
static const char *const plan_later[] = { PLAN_LATER, NULL };

const command command_bench_sample = {
    .name = "bench sample",
    .summary = "measures sampling against random cache lines",
    .about =
        "Samples batches of the plan and reads random cache lines without a branch, in turn. "
        "The share is that of\nedges per second, sampled and relabelled, in random lines per "
        "second: the median over the pairs.\n"
        "With --threads T another row is that of T threads on each batch, and its share that in "
        "one thread's\nrate. With --with-edge or --replace another row's share is that in the rate "
        "without either; with --beside,\nthat of the graph in the other shape in the rate of the "
        "graph as it is. With two types, node v is node v / 2 of\ntype even or odd, an edge type "
        "has half of each fan-out, and seeds are even.",
    .examples = "seine bench sample --dataset packages --input train --fanout 15,10,5 --json\n",
    .groups = sample_groups,
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
        "in the rate of the copies: the median over\nthe pairs. With --threads T, T threads do all "
        "of it.",
    .examples = "seine bench gather --load memory\n",
    .groups = plan_groups,
    .later = plan_later,
    .bytes = sizeof(bench_args),
    .run = run_gather,
};

/* -- Loader and channel ------------------------------------------------------------------------ */

#define AT(member) offsetof(bench_args, member)
static const arg workers_args[] = {
    { .name = "--load",
      .text = "map the dataset's files or read them into memory (default SEINE_LOAD, else map)",
      .kind = ARG_CHOICE,
      .offset = AT(plan.load),
      .choices = "map|memory" },
    { .name = "--workers",
      .value = "W",
      .text = "processes that make the batches",
      .kind = ARG_INT,
      .offset = AT(plan.workers),
      .fallback = "2",
      .least = 1,
      .most = SN_MAX_WORKERS },
    { .name = "--concurrency",
      .value = "C",
      .text = "batches under way in each worker",
      .kind = ARG_INT,
      .offset = AT(plan.concurrency),
      .fallback = "1",
      .least = 1,
      .most = SN_MAX_CONCURRENCY },
    { .name = "--threads",
      .value = "T",
      .text = "threads that share a batch",
      .kind = ARG_INT,
      .offset = AT(plan.threads),
      .fallback = "1",
      .least = 1,
      .most = SN_MAX_THREADS },
    { .name = "--channel-size",
      .value = "0|64MB",
      .text = "shared memory for batches; 0: from the plan and the memory there is",
      .kind = ARG_SIZE,
      .offset = AT(plan.channel_bytes),
      .fallback = "0" },
};
#undef AT
static const arg_group workers_group = ARG_GROUP("Run", workers_args);

static int run_loader(const void *values, const char *operand)
{
    const bench_args *args = values;
    (void)operand;
    int code = link_args_check(&args->plan);
    if (code == CODE_DONE)
        code = kind_args_check(&args->plan);
    return code == CODE_DONE ? bench_loader(args) : code;
}

static const arg_group *const loader_groups[] = { &graph_group,   &size_group, &input_group,
                                                  &link_group,    &kind_group, &plan_group,
                                                  &workers_group, NULL };
static const char *const loader_later[] = { PLAN_LATER, "--device", "--stall", NULL };

const command command_bench_loader = {
    .name = "bench loader",
    .summary = "measures batches of worker processes against one process",
    .about =
        "Takes batches that worker processes make, and makes the same batches in this process, in "
        "turn. The share is\nthat of the workers' batches per second in those of this process: the "
        "median over the pairs. Also says how much\nof the time the consumer waited for batches "
        "and "
        "the workers for the consumer, how many batches did not fit the\nchannel, and how many "
        "page "
        "faults a batch took.\n\n"
        "With --features the workers are also held against what the limits of as many threads "
        "allow: "
        "sampling that is as\nmuch faster as random lines come faster, and the bytes of the "
        "features "
        "at the rate of random rows.\n\n"
        "The memory is the sum of the proportional set sizes of all processes, without the lanes. "
        "Its limit is the dataset\nand, per worker, 4 MiB and for each batch under way 4 bytes "
        "per "
        "node of the graph and 24 bytes per node and edge\nof the largest batch.",
    .examples = "seine bench loader --workers 2 --features --fanout 15,10,5 --json\n",
    .groups = loader_groups,
    .later = loader_later,
    .bytes = sizeof(bench_args),
    .run = run_loader,
};

#define AT(member) offsetof(bench_channel_args, member)
static const arg channel_args[] = {
    { .name = "--runs",
      .value = "N",
      .text = "how often batches and bare hand-overs alternate",
      .kind = ARG_INT,
      .offset = AT(runs),
      .fallback = "20",
      .least = 1,
      .most = 10000 },
    { .name = "--json", .text = "print an object per row", .kind = ARG_SWITCH, .offset = AT(json) },
};
#undef AT
static const arg_group channel_group = ARG_GROUP("Flags", channel_args);

static int run_channel(const void *values, const char *operand)
{
    (void)operand;
#ifdef SEINE_HAVE_BENCH
    return bench_channel(values);
#else
    (void)values;
    return report_failure(NO_BENCH);
#endif
}

static const arg_group *const channel_groups[] = { &channel_group, NULL };
static const char *const channel_later[] = { "--workers", "--threads", "--device", "--dataset",
                                             NULL };

const command command_bench_channel = {
    .name = "bench channel",
    .summary = "measures the hand-over of a batch against that of a word",
    .about =
        "Hands empty batches from a worker to this process, in turn with a word that goes back and "
        "forth between two\nprocesses: one at a time while both are awake, one at a time when the "
        "worker sleeps on a futex, and as a stream.\nThe shares are times in those of the bare "
        "word, "
        "so 1 is the best there could be. They include beginning the step\nand making the batch; "
        "one "
        "row leaves out what the making takes in this process.",
    .examples = "seine bench channel --json\n",
    .groups = channel_groups,
    .later = channel_later,
    .bytes = sizeof(bench_channel_args),
    .run = run_channel,
};

/* -- Import and open --------------------------------------------------------------------------- */

#ifndef SEINE_HAVE_BENCH
static int no_bench_of(const void *args)
{
    (void)args;
    return report_failure(NO_BENCH);
}
#    define bench_import no_bench_of
#    define bench_open   no_bench_of
#endif

#define AT(member) offsetof(bench_import_args, member)
static const arg import_args[] = {
    { .name = "--edges",
      .value = "E.npy",
      .text = "the edges, [2, E] integers; without, some are made in a temporary directory",
      .kind = ARG_TEXT,
      .offset = AT(edges) },
    { .name = "--scale",
      .value = "S",
      .text = "those are over 2^S nodes",
      .kind = ARG_INT,
      .offset = AT(scale),
      .fallback = "20",
      .least = 4,
      .most = 30 },
    { .name = "--degree",
      .value = "D",
      .text = "and D for each",
      .kind = ARG_INT,
      .offset = AT(degree),
      .fallback = "16",
      .least = 1,
      .most = 1 << 12 },
    { .name = "--threads",
      .value = "T",
      .text = "threads of the second series (default the cores granted)",
      .kind = ARG_INT,
      .offset = AT(threads),
      .least = 1,
      .most = 64 },
    { .name = "--runs",
      .value = "N",
      .text = "how often imports and copies alternate",
      .kind = ARG_INT,
      .offset = AT(runs),
      .fallback = "20",
      .least = 1,
      .most = 10000 },
    { .name = "--json", .text = "print an object per row", .kind = ARG_SWITCH, .offset = AT(json) },
};
#undef AT
static const arg_group import_group = ARG_GROUP("Flags", import_args);

static int run_import(const void *values, const char *operand)
{
    (void)operand;
    return bench_import(values);
}

static const arg_group *const import_groups[] = { &import_group, NULL };
static const char *const import_later[] = { "--workers", "--device", "--dataset", NULL };

const command command_bench_import = {
    .name = "bench import",
    .summary = "measures the import of edges against copying their bytes",
    .about =
        "Imports a file of edges into both layouts, each time in a process of its own, in turn "
        "with "
        "reading the file\nand writing as many bytes as the dataset has; with one thread, and with "
        "all. The share is that of edges per\nsecond in what the copy allows: the median over the "
        "pairs. A second row is per second of CPU time, of all\nthreads. The memory is the most "
        "that "
        "the process had, mapped files included; its share is that in what it wrote.",
    .examples = "seine bench import --scale 21 --degree 60 --json\n",
    .groups = import_groups,
    .later = import_later,
    .bytes = sizeof(bench_import_args),
    .run = run_import,
};

#define AT(member) offsetof(bench_open_args, member)
static const arg open_args[] = {
    { .name = "--dataset",
      .value = "DIR",
      .text = "the dataset; without, an R-MAT graph is made in a temporary directory",
      .kind = ARG_TEXT,
      .offset = AT(dataset) },
    { .name = "--scale",
      .value = "S",
      .text = "that graph has 2^S nodes, 16 edges each, and 100 features",
      .kind = ARG_INT,
      .offset = AT(scale),
      .fallback = "20",
      .least = 4,
      .most = 30 },
    { .name = "--runs",
      .value = "N",
      .text = "how often large and small ones alternate",
      .kind = ARG_INT,
      .offset = AT(runs),
      .fallback = "20",
      .least = 1,
      .most = 10000 },
    { .name = "--json", .text = "print an object per row", .kind = ARG_SWITCH, .offset = AT(json) },
};
#undef AT
static const arg_group open_group = ARG_GROUP("Flags", open_args);

static int run_open(const void *values, const char *operand)
{
    (void)operand;
    return bench_open(values);
}

static const arg_group *const open_groups[] = { &open_group, NULL };
static const char *const open_later[] = { "--workers", "--device", "--threads", NULL };

const command command_bench_open = {
    .name = "bench open",
    .summary = "measures opening a dataset against opening ten small ones",
    .about =
        "Opens a dataset, its files mapped, and ten small ones one by one, in turn. The share is "
        "that of its time in\ntheirs: the median over the pairs. It does not grow with the "
        "dataset.",
    .examples = "seine bench open --dataset packages --json\n",
    .groups = open_groups,
    .later = open_later,
    .bytes = sizeof(bench_open_args),
    .run = run_open,
};
