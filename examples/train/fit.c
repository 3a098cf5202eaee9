/* SPDX-License-Identifier: Apache-2.0 */
/* The training loop. This is where Seine is used as a trainer uses it:
 *
 *     sn_plan_create         which seeds (the train split), how many per batch, which neighbours,
 *                            and what a batch carries: the features of its nodes, the labels of
 *                            its seeds
 *     sn_node_loader_create  with so many workers, which make the batches ahead; or none
 *     sn_loader_begin        once per epoch
 *     sn_loader_next         for each batch of it
 *     sn_batch_release       when the batch's tensors are no longer read
 *
 * A batch depends on (dataset, plan, seed, epoch, batch number) alone, so the number of workers
 * changes nothing about what is trained on. Everything else here is the model's business. */
#include "fit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "adam.h"
#include "batch.h"
#include "evaluate.h"
#include "report.h"

static const float learning_rate = 0.003F, dropout = 0.3F;

struct trainer {
    const struct fit_spec *spec;
    sn_plan *plan;
    sn_loader *loader;
    struct sage model;
    struct adam adam;
    struct evaluator evaluator;
    struct random_stream random; /* of the dropout */
    struct floats x;             /* features of the batch, if they had to be converted */
    int32_t *labels;             /* of the batch's seeds */
};

static bool open_plan(struct trainer *trainer)
{
    const struct task *task = trainer->spec->task;
    const struct train_options *options = trainer->spec->options;
    sn_tensor seeds = { .data = task->train.ids,
                        .dtype = { SN_INT, 64 },
                        .ndim = 1,
                        .shape = { task->train.count, 1, 1, 1 } };

    if (sn_plan_create(task->dataset,
                       SN_PLAN_OPTIONS(.input = &seeds, .batch_size = options->batch_size,
                                       .shuffle = true, .seed = options->seed,
                                       .hops = trainer->spec->neighbours ? options->layers : 0,
                                       .fanout = options->fanout, .dir = options->dir,
                                       .features = true, .labels = SN_LABELS_SEEDS),
                       &trainer->plan) != SN_OK ||
        sn_node_loader_create(
            trainer->plan,
            SN_LOADER_OPTIONS(.workers = options->workers, .concurrency = options->concurrency),
            &trainer->loader) != SN_OK)
        return report_library_error();
    trainer->labels = malloc((size_t)options->batch_size * sizeof(int32_t));
    return trainer->labels != NULL ||
           report_error("out of memory: labels of %lld seeds", (long long)options->batch_size);
}

static bool trainer_init(struct trainer *trainer, const struct fit_spec *spec)
{
    const struct train_options *options = spec->options;
    struct sage_shape shape = { .layers = options->layers,
                                .features = spec->task->features,
                                .hidden = (int32_t)options->hidden,
                                .classes = spec->task->classes,
                                .neighbours = spec->neighbours,
                                .dropout = dropout };

    *trainer = (struct trainer){ .spec = spec, .random = random_open(options->seed, 1) };
    return open_plan(trainer) && sage_init(&trainer->model, &shape, options->seed) &&
           adam_init(&trainer->adam, trainer->model.count, learning_rate) &&
           evaluator_init(&trainer->evaluator, spec->task, &trainer->model, options);
}

static void trainer_deinit(struct trainer *trainer)
{
    evaluator_deinit(&trainer->evaluator);
    adam_deinit(&trainer->adam);
    sage_deinit(&trainer->model);
    sn_loader_release(trainer->loader);
    sn_plan_release(trainer->plan);
    floats_free(&trainer->x);
    free(trainer->labels);
}

/* One step of gradient descent. Adds the batch's losses to *loss and their number to *count. */
static bool train_batch(struct trainer *trainer, const sn_batch *batch, double *loss,
                        int64_t *count)
{
    struct sage *model = &trainer->model;
    struct sage_input input;
    int64_t labelled;

    if (!batch_read(batch, &trainer->x, &input))
        return false;
    task_read_labels(trainer->spec->task, sn_batch_find(batch, "y"), trainer->labels);
    float *logits = sage_forward(model, &input, &trainer->random);
    if (logits == NULL)
        return false;
    double sum = cross_entropy(logits, input.nodes_within[0], model->shape.classes, trainer->labels,
                               &labelled); /* the logits are now their gradient */
    if (!isfinite(sum))
        return report_error("epoch %llu, batch %llu: the loss is %g",
                            (unsigned long long)sn_batch_get_info(batch).epoch + 1,
                            (unsigned long long)sn_batch_get_info(batch).batch, sum);
    if (!sage_backward(model, &input, logits))
        return false;
    adam_step(&trainer->adam, model->weights, model->gradients);
    *loss += sum;
    *count += labelled;
    return true;
}

static void draw_bar(const struct trainer *trainer, int64_t epoch, int64_t done, int64_t steps)
{
    const struct train_options *options = trainer->spec->options;
    char text[80];

    if (!options->progress)
        return;
    snprintf(text, sizeof(text), "%s epoch %lld/%lld",
             trainer->spec->neighbours ? "GraphSAGE" : "features only", (long long)epoch,
             (long long)options->epochs);
    report_bar(text, done, steps);
}

static bool stopped(const struct trainer *trainer)
{
    const volatile sig_atomic_t *stop = trainer->spec->options->stop;
    return stop != NULL && *stop != 0;
}

/* The next batch, or NULL at the end of the epoch. Waits in slices, to see a stop. */
static int next_batch(struct trainer *trainer, sn_batch **batch)
{
    enum { SLICE_NS = 100000000 };
    sn_status status = SN_E_TIMEOUT;

    *batch = NULL;
    while (status == SN_E_TIMEOUT) {
        if (stopped(trainer))
            return TRAIN_STOPPED;
        status = sn_loader_next(trainer->loader, SLICE_NS, batch);
    }
    if (status == SN_OK || status == SN_E_END)
        return TRAIN_DONE;
    report_library_error();
    return TRAIN_FAILED;
}

static int train_epoch(struct trainer *trainer, struct fit_epoch *epoch)
{
    int64_t steps = sn_plan_num_steps(trainer->plan), count = 0;
    double loss = 0;

    for (;;) {
        sn_batch *batch;
        double asked = report_seconds();
        int code = next_batch(trainer, &batch);
        double got = report_seconds();

        epoch->wait_s += got - asked;
        if (code != TRAIN_DONE)
            return code;
        if (batch == NULL)
            break;
        bool done = train_batch(trainer, batch, &loss, &count);
        sn_batch_release(batch);
        if (!done)
            return TRAIN_FAILED;
        epoch->train_s += report_seconds() - got;
        draw_bar(trainer, epoch->epoch, ++epoch->batches, steps);
    }
    epoch->loss = loss / (double)count;
    return TRAIN_DONE;
}

static int evaluate_epoch(struct trainer *trainer, struct fit_epoch *epoch)
{
    const struct task *task = trainer->spec->task;
    const int32_t *predicted = trainer->evaluator.predicted;
    double began = report_seconds();
    int code = evaluator_run(&trainer->evaluator);

    if (code != TRAIN_DONE)
        return code;
    epoch->val_accuracy = task_accuracy(task, &task->val, predicted);
    epoch->test_accuracy = task_accuracy(task, &task->test, predicted);
    epoch->eval_s = report_seconds() - began;
    return TRAIN_DONE;
}

static void add_epoch(struct fit_result *result, const struct fit_epoch *epoch)
{
    if (epoch->epoch == 1 || epoch->val_accuracy > result->best.val_accuracy)
        result->best = *epoch;
    result->wait_s += epoch->wait_s;
    result->train_s += epoch->train_s;
    result->eval_s += epoch->eval_s;
}

/* Begins the epoch, if there is one more: its batches are made while the one before is evaluated. */
static int begin_epoch(struct trainer *trainer, int64_t epoch)
{
    if (epoch > trainer->spec->options->epochs ||
        sn_loader_begin(trainer->loader, (uint64_t)(epoch - 1)) == SN_OK)
        return TRAIN_DONE;
    report_library_error();
    return TRAIN_FAILED;
}

int fit(const struct fit_spec *spec, struct fit_result *out)
{
    struct trainer trainer;
    struct fit_result result = { 0 };
    int code = trainer_init(&trainer, spec) ? TRAIN_DONE : TRAIN_FAILED;

    if (code == TRAIN_DONE)
        code = begin_epoch(&trainer, 1);
    for (int64_t e = 1; code == TRAIN_DONE && e <= spec->options->epochs; e++) {
        struct fit_epoch epoch = { .epoch = e };

        code = train_epoch(&trainer, &epoch);
        if (code == TRAIN_DONE)
            code = begin_epoch(&trainer, e + 1);
        if (code == TRAIN_DONE)
            code = evaluate_epoch(&trainer, &epoch);
        if (code != TRAIN_DONE)
            break;
        add_epoch(&result, &epoch);
        report_clear();
        if (spec->each_epoch != NULL)
            spec->each_epoch(spec->context, &epoch);
    }
    report_clear();
    if (code == TRAIN_DONE)
        *out = result;
    trainer_deinit(&trainer);
    return code;
}
