/* SPDX-License-Identifier: Apache-2.0 */
/* seine train: the flags of the example trainer, examples/train. */
#include "seine/seine.h"
#include "tools/seine/commands.h"
#include "tools/seine/loader_args.h"
#include "tools/seine/progress_bar.h"
#include "tools/seine/report.h"

#ifdef SEINE_HAVE_TRAIN
#    include "examples/train/train.h"
#endif

#include <string.h>

enum { MOST_LAYERS = 8 };

typedef struct train_args {
    const char *fanout, *device;
    int64_t batch_size, epochs, hidden, threads, workers, concurrency;
    uint64_t seed;
    int edge_dir, load;
    bool baselines, json;
} train_args;
#define AT(member) offsetof(train_args, member)

static const arg model_args[] = {
    { .name = "--fanout",
      .value = "F",
      .text = "neighbours per layer, -1 for all; as many layers as numbers",
      .kind = ARG_TEXT,
      .offset = AT(fanout),
      .fallback = "15,10" },
    { .name = "--batch-size",
      .value = "B",
      .text = "seeds per batch",
      .kind = ARG_INT,
      .offset = AT(batch_size),
      .fallback = "512",
      .least = 1,
      .most = INT32_MAX },
    { .name = "--epochs",
      .value = "N",
      .text = "passes over the train split",
      .kind = ARG_INT,
      .offset = AT(epochs),
      .fallback = "12",
      .least = 1,
      .most = INT32_MAX },
    { .name = "--hidden",
      .value = "H",
      .text = "units of every layer but the last",
      .kind = ARG_INT,
      .offset = AT(hidden),
      .fallback = "128",
      .least = 1,
      .most = 1 << 16 },
    { .name = "--seed",
      .value = "S",
      .text = "seed of sampling, initial weights and dropout",
      .kind = ARG_SEED,
      .offset = AT(seed),
      .fallback = "0" },
    { .name = "--edge-dir",
      .text = "average the features along the edges or against them",
      .kind = ARG_CHOICE,
      .offset = AT(edge_dir),
      .fallback = "out",
      .choices = "out|in" },
};
static const arg_group model_group = ARG_GROUP("Model", model_args);

static const arg train_run_args[] = {
    { .name = "--baselines",
      .text = "first the most frequent class, and the same network without the graph",
      .kind = ARG_SWITCH,
      .offset = AT(baselines) },
    { .name = "--json",
      .text = "an object per epoch and a last one with the result",
      .kind = ARG_SWITCH,
      .offset = AT(json) },
    LOAD_ARG(AT(load)),
    { .name = "--threads",
      .value = "T",
      .text = "threads of the matrix products (default OPENBLAS_NUM_THREADS, else 1)",
      .kind = ARG_INT,
      .offset = AT(threads),
      .least = 1,
      .most = 1024 },
    WORKERS_ARG(AT(workers)),
    CONCURRENCY_ARG(AT(concurrency)),
    { .name = "--device",
      .value = "cpu",
      .text = "where the model is trained",
      .kind = ARG_TEXT,
      .offset = AT(device),
      .fallback = "cpu" },
};
static const arg_group train_run_group = ARG_GROUP("Run", train_run_args);

static int run(const void *values, const char *operand)
{
    const train_args *args = values;
    int64_t fanout[MOST_LAYERS];
    int layers;
    if (strncmp(args->device, "cuda", 4) == 0)
        return report_later("train", "--device");
    if (strcmp(args->device, "cpu") != 0)
        return report_usage("--device: '%s' is not cpu", args->device);
    if (!args_int_list(args->fanout, -1, SN_MAX_FANOUT, fanout, MOST_LAYERS, &layers))
        return report_usage("--fanout: '%s' is not a list of up to %d numbers from -1 to %d",
                            args->fanout, MOST_LAYERS, SN_MAX_FANOUT);
#ifdef SEINE_HAVE_TRAIN
    static const sn_load load[] = { SN_LOAD_DEFAULT, SN_LOAD_MAP, SN_LOAD_MEMORY };
    struct train_options options = { .dataset = operand,
                                     .fanout = fanout,
                                     .layers = layers,
                                     .batch_size = args->batch_size,
                                     .epochs = args->epochs,
                                     .hidden = args->hidden,
                                     .seed = args->seed,
                                     .dir = args->edge_dir == 0 ? SN_DIR_OUT : SN_DIR_IN,
                                     .load = load[args->load + 1],
                                     .workers = (int32_t)args->workers,
                                     .concurrency = (int32_t)args->concurrency,
                                     .json = args->json,
                                     .baselines = args->baselines,
                                     .progress = bar_wanted(),
                                     .stop = &report_signal };
    if (args->threads != ARG_NOT_GIVEN)
        options.threads = (int32_t)args->threads;
    int code = train_run(&options);
    return code == TRAIN_STOPPED && report_signal != 0 ? CODE_SIGNAL + report_signal : code;
#else
    return report_failure("train: %s: this build has no trainer, OpenBLAS was not found", operand);
#endif
}

static const arg_group *const groups[] = { &model_group, &train_run_group, NULL };
static const char *const later[] = { "--connect", "--secret", NULL };

const command command_train = {
    .name = "train",
    .operand = "DIR",
    .summary = "trains GraphSAGE on a dataset",
    .about = "Trains GraphSAGE with mean aggregation and cross entropy on the node features and "
             "labels of the dataset DIR,\nin mini-batches, and evaluates with all neighbours. "
             "Nodes without a label are skipped. A line per epoch says\nloss, validation accuracy, "
             "batches per second, seconds waiting for batches and seconds training; the last\n"
             "line says the test accuracy at the best validation epoch.\n\n"
             "Its source, in examples/train, is written to be read.",
    .examples = "seine train packages --epochs 12 --seed 1 --workers 2 --baselines\n",
    .groups = groups,
    .later = later,
    .bytes = sizeof(train_args),
    .run = run,
};
