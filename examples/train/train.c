/* SPDX-License-Identifier: Apache-2.0 */
/* The example from the outside in: open a dataset, find the task in it, train the baselines if
 * asked, train GraphSAGE, print. Read on in fit.c (how batches are drawn and used), then sage.c
 * (the model). */
#include "train.h"

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>

#include "fit.h"
#include "report.h"
#include "sage.h"

enum { DEFAULT_LAYERS = 2, DEFAULT_BATCH = 512, DEFAULT_EPOCHS = 12, DEFAULT_HIDDEN = 128 };
enum { MORE_EPOCHS = 10 }; /* of the features-only baseline */
static const int64_t default_fanout[DEFAULT_LAYERS] = { 15, 10 };

static int64_t or_default(int64_t value, int64_t otherwise)
{
    return value != 0 ? value : otherwise;
}

static bool in_range(const char *name, int64_t value, int64_t top)
{
    return (value >= 1 && value <= top) ||
           report_error("%s %lld is not in 1 to %lld", name, (long long)value, (long long)top);
}

/* Defaults filled in and ranges checked; fanouts, seeds and the direction are checked by
 * sn_plan_create. */
static bool settle(const struct train_options *asked, struct train_options *out)
{
    *out = *asked;
    if (asked->fanout == NULL || asked->layers == 0) {
        out->fanout = default_fanout;
        out->layers = DEFAULT_LAYERS;
    }
    out->batch_size = or_default(asked->batch_size, DEFAULT_BATCH);
    out->epochs = or_default(asked->epochs, DEFAULT_EPOCHS);
    out->hidden = or_default(asked->hidden, DEFAULT_HIDDEN);
    return in_range("--fanout: number of layers", out->layers, SAGE_MAX_LAYERS) &&
           in_range("--batch-size", out->batch_size, INT32_MAX) &&
           in_range("--epochs", out->epochs, INT32_MAX) &&
           in_range("--hidden", out->hidden, TASK_MAX_CLASSES);
}

static void print_setting(const struct train_options *options, const struct task *task)
{
    if (options->json)
        return;
    printf("%s: %lld nodes, %lld edges, %d features, %d classes; %lld nodes to train on, %lld for "
           "validation, %lld for testing\n",
           task->name, (long long)task->nodes, (long long)task->edges, task->features,
           task->classes, (long long)task->train.count, (long long)task->val.count,
           (long long)task->test.count);
    printf("GraphSAGE: fanout ");
    for (int32_t l = 0; l < options->layers; l++)
        printf("%s%lld", l > 0 ? "," : "", (long long)options->fanout[l]);
    printf(", hidden %lld, batch %lld, epochs %lld, seed %llu, workers %d\n",
           (long long)options->hidden, (long long)options->batch_size, (long long)options->epochs,
           (unsigned long long)options->seed, options->workers);
    fflush(stdout);
}

/* What a baseline scores, after how many epochs (0: it has none). */
static void print_baseline(bool json, const char *name, int64_t epochs, double accuracy)
{
    char after[32] = "";

    if (epochs > 0)
        snprintf(after, sizeof(after), json ? ",\"epochs\":%lld" : ", %lld epochs",
                 (long long)epochs);
    if (json)
        printf("{\"baseline\":\"%s\"%s,\"test_accuracy\":%.6f}\n", name, after, accuracy);
    else
        printf("%s%s: test accuracy %.4f\n", epochs > 0 ? "features only" : "most frequent class",
               after, accuracy);
    fflush(stdout);
}

static void print_majority(const struct train_options *options, const struct task *task)
{
    int32_t majority = task_majority(task);
    int64_t right = 0;

    for (int64_t i = 0; i < task->test.count; i++)
        right += task->labels[task->test.ids[i]] == majority;
    print_baseline(options->json, "majority", 0, (double)right / (double)task->test.count);
}

/* The best epoch so far, and when to print it. */
struct features_only {
    bool json;
    int64_t epochs; /* of GraphSAGE */
    struct fit_epoch best;
};

static void follow_features_only(void *context, const struct fit_epoch *epoch)
{
    struct features_only *run = context;

    if (epoch->epoch == 1 || epoch->val_accuracy > run->best.val_accuracy)
        run->best = *epoch;
    if (epoch->epoch == run->epochs || epoch->epoch == MORE_EPOCHS * run->epochs)
        print_baseline(run->json, "features", epoch->epoch, run->best.test_accuracy);
}

/* What can be had without the graph. The network without neighbours learns less per epoch, and
 * an epoch costs it a fifth of the time: so it is shown after as many epochs as GraphSAGE gets,
 * and after ten times as many, where it learns no more. */
static int run_baselines(const struct train_options *options, const struct task *task)
{
    struct features_only run = { .json = options->json, .epochs = options->epochs };
    struct train_options longer = *options;
    struct fit_spec spec = { .task = task,
                             .options = &longer,
                             .neighbours = false,
                             .each_epoch = follow_features_only,
                             .context = &run };
    struct fit_result result;

    longer.epochs = MORE_EPOCHS * options->epochs;
    print_majority(options, task);
    return fit(&spec, &result);
}

static void print_epoch(void *context, const struct fit_epoch *epoch)
{
    const struct train_options *options = context;
    double rate = (double)epoch->batches / (epoch->wait_s + epoch->train_s);

    printf(options->json
               ? "{\"epoch\":%lld,\"loss\":%.9g,\"val_accuracy\":%.6f,\"batches_per_s\":%.1f,"
                 "\"wait_s\":%.4f,\"train_s\":%.4f}\n"
               : "epoch %3lld  loss %.6f  validation accuracy %.4f  %6.1f batches/s  "
                 "waiting %.2f s  training %.2f s\n",
           (long long)epoch->epoch, epoch->loss, epoch->val_accuracy, rate, epoch->wait_s,
           epoch->train_s);
    fflush(stdout);
}

static void print_result(const struct train_options *options, const struct fit_result *result)
{
    double total = result->wait_s + result->train_s + result->eval_s;

    if (options->json) {
        printf("{\"test_accuracy\":%.6f,\"best_epoch\":%lld}\n", result->best.test_accuracy,
               (long long)result->best.epoch);
        return;
    }
    printf("GraphSAGE: test accuracy %.4f at the best validation epoch, %lld\n",
           result->best.test_accuracy, (long long)result->best.epoch);
    printf(
        "time: %.1f s = waiting for batches %.1f s (%.0f %%) + training %.1f s + evaluation %.1f "
        "s\n",
        total, result->wait_s, 100 * result->wait_s / total, result->train_s, result->eval_s);
}

static int run(const struct train_options *options, const struct task *task)
{
    struct train_options context = *options;
    struct fit_spec spec = { .task = task,
                             .options = options,
                             .neighbours = true,
                             .each_epoch = print_epoch,
                             .context = &context };
    struct fit_result result;
    int code = TRAIN_DONE;

    print_setting(options, task);
    if (options->baselines)
        code = run_baselines(options, task);
    if (code == TRAIN_DONE)
        code = fit(&spec, &result);
    if (code == TRAIN_DONE)
        print_result(options, &result);
    if (code == TRAIN_STOPPED)
        report_error("interrupted");
    return code;
}

/* One thread unless told otherwise: the products here are too small to gain much from more, and
 * with another number OpenBLAS cuts them up and rounds differently, so that losses differ in the
 * last digits. */
static void set_threads(int32_t asked)
{
    if (asked > 0)
        openblas_set_num_threads(asked);
    else if (getenv("OPENBLAS_NUM_THREADS") == NULL)
        openblas_set_num_threads(1);
}

int train_run(const struct train_options *asked)
{
    struct train_options options;
    struct task task;
    sn_dataset *dataset = NULL;
    int code = TRAIN_FAILED;

    if (!settle(asked, &options))
        return TRAIN_FAILED;
    set_threads(options.threads);
    if (sn_dataset_open(options.dataset, SN_DATASET_OPTIONS(.load = options.load), &dataset) !=
        SN_OK) {
        report_library_error();
        return TRAIN_FAILED;
    }
    if (task_init(&task, dataset, options.dataset)) {
        code = run(&options, &task);
        task_deinit(&task);
    }
    sn_dataset_release(dataset);
    return code;
}
