/* SPDX-License-Identifier: Apache-2.0 */
/* seine sample: the batches of a plan, as digests, as JSON, or only counted. */
#include "tools/seine/commands.h"
#include "tools/seine/json_out.h"
#include "tools/seine/plan_args.h"
#include "tools/seine/progress_bar.h"
#include "tools/seine/report.h"
#include "tools/seine/seconds.h"

#include <inttypes.h>
#include <unistd.h>

typedef struct sample_args {
    plan_args plan; /* first: see plan_args.h */
    int format;
} sample_args;
enum { FORMAT_DIGEST, FORMAT_JSON, FORMAT_NONE };

static const arg output_args[] = {
    { .name = "--format",
      .text = "a line per batch with its digest, or with all of it as JSON, or nothing",
      .kind = ARG_CHOICE,
      .offset = offsetof(sample_args, format),
      .fallback = "digest",
      .choices = "digest|json|none" },
};
static const arg_group output_group = ARG_GROUP("Output", output_args);

typedef struct totals {
    int64_t batches, nodes, edges;
} totals;

static void print_json(const sn_batch *batch, const sn_batch_info *info)
{
    char digest[17];
    json_out out = { .to = stdout };
    snprintf(digest, sizeof digest, "%016" PRIx64, sn_batch_digest(batch));
    jout_open(&out, '{');
    jout_key(&out, "epoch");
    jout_uint(&out, info->epoch);
    jout_key(&out, "batch");
    jout_uint(&out, info->batch);
    jout_key(&out, "digest");
    jout_text(&out, digest);
    jout_key(&out, "tensors");
    jout_open(&out, '{');
    for (int32_t i = 0; i < info->tensors; i++) {
        const char *name;
        const sn_tensor *tensor = sn_batch_tensor(batch, i, &name);
        jout_key(&out, name);
        jout_tensor(&out, tensor);
    }
    jout_close(&out, '{');
    jout_close(&out, '{');
    jout_line(&out);
}

static void print_batch(const sn_batch *batch, int format, totals *sum)
{
    sn_batch_info info = sn_batch_get_info(batch);
    sum->batches++;
    sum->nodes += info.num_nodes;
    sum->edges += info.num_edges;
    if (format == FORMAT_JSON)
        print_json(batch, &info);
    else if (format == FORMAT_DIGEST)
        printf("%" PRIu64 " %" PRIu64 " %016" PRIx64 " %" PRId64 " %" PRId64 "\n", info.epoch,
               info.batch, sn_batch_digest(batch), info.num_nodes, info.num_edges);
}

static int sample_epoch(const sample_args *args, const stream *from, sn_loader *loader,
                        uint64_t epoch, totals *sum, uint64_t total)
{
    bool may_draw = args->format == FORMAT_NONE || isatty(STDOUT_FILENO) != 1;
    sn_batch *batch;
    sn_status st = sn_loader_begin_at(loader, epoch, from->start, from->stop);
    if (st != SN_OK)
        return report_library(st);
    for (;;) {
        int code = loader_take(loader, &batch);
        if (code != CODE_DONE || batch == NULL)
            return code;
        print_batch(batch, args->format, sum);
        code = report_output(false);
        sn_batch_release(batch);
        if (code != CODE_DONE)
            return code;
        if (report_signal != 0)
            return report_interrupted();
        if (may_draw)
            (void)bar_progress(NULL, "batches", (uint64_t)sum->batches, total);
    }
}

static int sample_epochs(const sample_args *args, const stream *from, sn_loader *loader,
                         totals *sum)
{
    uint64_t epochs = (uint64_t)args->plan.epochs, steps = 0;
    int code = CODE_DONE;
    if (from->end > from->first)
        steps = (uint64_t)(from->end - from->first);
    for (uint64_t i = 0; i < epochs && code == CODE_DONE; i++)
        code =
            sample_epoch(args, from, loader, (uint64_t)args->plan.epoch + i, sum, steps * epochs);
    return code;
}

static int sample_stream(const sample_args *args, const stream *from)
{
    sn_loader *loader;
    sn_loader_stats stats;
    totals sum = { 0 };
    int code = loader_open(&args->plan, from->plan, &loader);
    if (code != CODE_DONE)
        return code;
    double start = seconds_now();
    code = sample_epochs(args, from, loader, &sum);
    double took = seconds_now() - start;
    sn_loader_get_stats(loader, &stats);
    sn_loader_release(loader);
    if (code == CODE_DONE)
        code = report_output(true);
    if (code != CODE_DONE)
        return code;
    bar_clear();
    fprintf(stderr,
            "total batches=%" PRId64 " nodes=%" PRId64 " edges=%" PRId64
            " seconds=%.3f restarts=%" PRIu64 " spills=%" PRIu64 "\n",
            sum.batches, sum.nodes, sum.edges, took, stats.restarts, stats.spills);
    return CODE_DONE;
}

static int run(const void *values, const char *operand)
{
    const sample_args *args = values;
    sn_dataset *dataset;
    stream from;
    int code = plan_args_check(&args->plan, "sample");
    if (code == CODE_DONE)
        code = dataset_load(operand, args->plan.load, &dataset);
    if (code != CODE_DONE)
        return code;
    code = stream_open(&args->plan, dataset, &from);
    if (code == CODE_DONE) {
        code = sample_stream(args, &from);
        stream_close(&from);
    }
    sn_dataset_release(dataset);
    return code;
}

static const arg_group *const groups[] = { &input_group, &link_group,   &kind_group, &plan_group,
                                           &run_group,   &output_group, NULL };
static const char *const later[] = { PLAN_LATER, NULL };

const command command_sample = {
    .name = "sample",
    .operand = "DIR",
    .summary = "samples the batches of a plan",
    .about =
        "Samples mini-batches of the dataset DIR. What a batch holds depends on the dataset, the "
        "plan, the seed, the\nepoch and the batch number alone: the same digests come out with "
        "mapped files and in memory, from any\nstart batch, with any number of workers, and over "
        "any number of ranks.\n\n"
        "--format digest prints a line per batch: epoch, batch, digest, nodes, edges. --format "
        "json "
        "prints an object\nper batch: epoch, batch, digest, and tensors by name, matrices as "
        "arrays "
        "of rows. At the end a line of\ntotals goes to standard error: also how many workers died "
        "and were replaced, and how many batches did\nnot fit --channel-size.\n\n"
        "In a typed graph, names of tensors begin with the type: paper.node, "
        "author__writes__paper.row.",
    .examples = "seine sample packages --input train --fanout 15,10 --batch-size 512 --shuffle\n"
                "seine sample papers --input train --input-type paper "
                "--fanout 'author__writes__paper=10,5;other=5,5'\n",
    .groups = groups,
    .later = later,
    .bytes = sizeof(sample_args),
    .run = run,
};
