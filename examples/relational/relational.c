/* SPDX-License-Identifier: Apache-2.0 */
/* Node classification in a typed graph: what kind of relation leads to a neighbour matters.
 *
 *     relational_sage DIR [--epochs N] [--workers W] [--hidden H] [--seed S]
 *
 * DIR is a dataset with one node type that has features, labels and splits, and with relations among the nodes
 * of that type. Types without features are left out.
 *
 * Two layers of relational GraphSAGE: a weight matrix for each relation and direction, and one for the node
 * itself. In this order:
 *
 *     graph.c       a dataset made of another one's arrays, with each relation in both directions; the
 *                   tensors of a typed batch, "package.x", "package__depends__package.row"
 *     relation.c    a layer; model.c two of them
 *     below         the plan, the loader, training, and an evaluation of one layer after the other with all
 *                   neighbours (see examples/train/evaluate.h)
 *
 * Prints a line per epoch, and at the end the accuracy on the test split at the epoch with the best accuracy on
 * the validation split, and after the last. */
#include <cblas.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "examples/train/adam.h"
#include "examples/train/report.h"
#include "examples/train/task.h"
#include "graph.h"

enum { BATCH_SIZE = 512, EVALUATION_BATCH = 4096 };
static const int64_t fanout[LAYERS] = { 15, 10 }, all_neighbours = -1;
static const float learning_rate = 0.003F, dropout = 0.3F;

struct arguments {
    const char *dataset;
    int64_t epochs, workers, hidden, seed;
};

struct trainer {
    struct arguments arguments;
    struct graph graph;
    struct task task;
    sn_loader *loader;
    int64_t steps;
    struct model model;
    struct adam adam;
    struct random_stream random; /* of the dropout */
    int32_t labels[BATCH_SIZE];
    struct floats x; /* of a batch, where it cannot be read in the batch itself */
    /* The evaluation: one hop from all nodes, with features for layer 0 and without for layer 1. */
    sn_sampler *samplers[LAYERS];
    struct floats hidden, logits; /* [nodes, hidden]; of a batch */
    int32_t *predicted;           /* [nodes] */
};

/* -- Training ---------------------------------------------------------------------------------- */

static bool open_loader(struct trainer *trainer)
{
    sn_plan *plan = NULL;
    sn_tensor seeds = {
        trainer->task.train.ids, { SN_INT, 64 }, 1, { trainer->task.train.count, 1, 1, 1 }
    };
    bool done =
        sn_plan_create(trainer->graph.dataset,
                       SN_PLAN_OPTIONS(.input = &seeds, .batch_size = BATCH_SIZE, .shuffle = true,
                                       .seed = (uint64_t)trainer->arguments.seed, .hops = LAYERS,
                                       .fanout = fanout, .features = true,
                                       .labels = SN_LABELS_SEEDS),
                       &plan) == SN_OK &&
        sn_node_loader_create(plan,
                              SN_LOADER_OPTIONS(.workers = (int32_t)trainer->arguments.workers),
                              &trainer->loader) == SN_OK;
    if (done)
        trainer->steps = sn_plan_num_steps(plan);
    sn_plan_release(plan); /* the loader has it now */
    return done || report_library_error();
}

/* One step of gradient descent. Adds the batch's losses to *loss and their number to *count. */
static bool train_batch(struct trainer *trainer, const sn_batch *batch, double *loss,
                        int64_t *count)
{
    struct model_input input;
    int64_t labelled;
    if (!graph_read(&trainer->graph, batch, &trainer->x, &input))
        return false;
    task_read_labels(&trainer->task, graph_find(&trainer->graph, batch, "y"), trainer->labels);
    float *logits = model_forward(&trainer->model, &input, &trainer->random);
    if (logits == NULL)
        return false;
    *loss += cross_entropy(logits, input.nodes_within[0], trainer->task.classes, trainer->labels,
                           &labelled); /* the logits are now their gradient */
    *count += labelled;
    if (!isfinite(*loss))
        return report_error("the loss is %g", *loss);
    if (!model_backward(&trainer->model, &input, logits))
        return false;
    adam_step(&trainer->adam, trainer->model.weights, trainer->model.gradients);
    return true;
}

static bool train_epoch(struct trainer *trainer, int64_t epoch, double *loss)
{
    char text[48];
    int64_t count = 0;
    sn_batch *batch;
    *loss = 0;
    snprintf(text, sizeof(text), "epoch %lld/%lld", (long long)epoch + 1,
             (long long)trainer->arguments.epochs);
    if (sn_loader_begin(trainer->loader, (uint64_t)epoch) != SN_OK)
        return report_library_error();
    for (int64_t step = 0; step < trainer->steps; step++) {
        if (sn_loader_next(trainer->loader, SN_WAIT_DEFAULT, &batch) != SN_OK)
            return report_library_error();
        bool done = train_batch(trainer, batch, loss, &count);
        sn_batch_release(batch);
        if (!done)
            return false;
        if (isatty(STDERR_FILENO))
            report_bar(text, step + 1, trainer->steps);
    }
    *loss /= (double)count;
    return true;
}

/* -- Evaluation -------------------------------------------------------------------------------- */

static bool open_samplers(struct trainer *trainer)
{
    for (int32_t l = 0; l < LAYERS; l++) {
        sn_plan *plan = NULL;
        bool done = sn_plan_create(trainer->graph.dataset,
                                   SN_PLAN_OPTIONS(.batch_size = EVALUATION_BATCH, .hops = 1,
                                                   .fanout = &all_neighbours, .features = l == 0),
                                   &plan) == SN_OK &&
                    sn_sampler_create(plan, &trainer->samplers[l]) == SN_OK;
        sn_plan_release(plan);
        if (!done)
            return report_library_error();
    }
    trainer->predicted = malloc((size_t)trainer->task.nodes * sizeof(int32_t));
    if (trainer->predicted == NULL)
        return report_error("out of memory: predictions for %lld nodes",
                            (long long)trainer->task.nodes);
    return floats_reserve(&trainer->hidden, trainer->task.nodes, trainer->arguments.hidden) &&
           floats_reserve(&trainer->logits, EVALUATION_BATCH, trainer->task.classes);
}

/* The hidden states of a batch's nodes. */
static bool read_hidden(struct trainer *trainer, const sn_batch *batch, struct model_input *input)
{
    const sn_tensor *node = graph_find(&trainer->graph, batch, "node");
    const int64_t *id = node->data, width = trainer->arguments.hidden;
    if (!floats_reserve(&trainer->x, node->shape[0], width))
        return false;
    for (int64_t i = 0; i < node->shape[0]; i++)
        memcpy(trainer->x.data + i * width, trainer->hidden.data + id[i] * width,
               (size_t)width * sizeof(float));
    input->x = trainer->x.data;
    return true;
}

static int32_t greatest(const float *row, int32_t count)
{
    int32_t best = 0;
    for (int32_t j = 1; j < count; j++)
        if (row[j] > row[best])
            best = j;
    return best;
}

/* Layer l for a batch whose seeds are the nodes from `first` on. */
static bool evaluate_batch(struct trainer *trainer, int32_t l, int64_t first, const sn_batch *batch)
{
    struct relational_layer *layer = &trainer->model.layers[l];
    int32_t width = layer->self.out;
    struct edges edges[MAX_RELATIONS];
    struct model_input input;
    if (!graph_read(&trainer->graph, batch, &trainer->x, &input) ||
        (l > 0 && !read_hidden(trainer, batch, &input)))
        return false;
    int64_t rows = input.nodes_within[0];
    float *out = l == 0 ? trainer->hidden.data + first * width : trainer->logits.data;
    model_edges(&input, 1, edges);
    if (!relational_forward(layer, edges, input.x, rows, out))
        return false;
    if (l == 0)
        relu_dropout(out, rows * width, 0, NULL);
    for (int64_t i = 0; l > 0 && i < rows; i++)
        trainer->predicted[first + i] = greatest(out + i * width, width);
    return true;
}

/* Accuracies on the validation and test splits. */
static bool evaluate(struct trainer *trainer, double *val, double *test)
{
    const struct task *task = &trainer->task;
    for (int32_t l = 0; l < LAYERS; l++)
        for (int64_t first = 0; first < task->nodes; first += EVALUATION_BATCH) {
            sn_batch *batch;
            if (sn_sampler_sample(trainer->samplers[l], 0, first / EVALUATION_BATCH, &batch) !=
                SN_OK)
                return report_library_error();
            bool done = evaluate_batch(trainer, l, first, batch);
            sn_batch_release(batch);
            if (!done)
                return false;
        }
    *val = task_accuracy(task, &task->val, trainer->predicted);
    *test = task_accuracy(task, &task->test, trainer->predicted);
    return true;
}

/* -- The run ----------------------------------------------------------------------------------- */

static bool open_all(struct trainer *trainer)
{
    const struct arguments *arguments = &trainer->arguments;
    uint64_t seed = (uint64_t)arguments->seed;
    if (!graph_open(&trainer->graph, arguments->dataset) ||
        !task_init_typed(&trainer->task, trainer->graph.dataset, 0, arguments->dataset))
        return false;
    struct model_shape shape = { .relations = trainer->graph.count,
                                 .features = trainer->task.features,
                                 .hidden = (int32_t)arguments->hidden,
                                 .classes = trainer->task.classes,
                                 .dropout = dropout };
    trainer->random = random_open(seed, 1);
    return open_loader(trainer) && model_init(&trainer->model, &shape, seed) &&
           adam_init(&trainer->adam, trainer->model.count, learning_rate) && open_samplers(trainer);
}

static void close_all(struct trainer *trainer)
{
    for (int32_t l = 0; l < LAYERS; l++)
        sn_sampler_release(trainer->samplers[l]);
    free(trainer->predicted);
    floats_free(&trainer->hidden);
    floats_free(&trainer->logits);
    floats_free(&trainer->x);
    adam_deinit(&trainer->adam);
    model_deinit(&trainer->model);
    sn_loader_release(trainer->loader);
    task_deinit(&trainer->task);
    graph_close(&trainer->graph);
}

static bool run(struct trainer *trainer)
{
    double loss = 0, val = 0, test = 0, best = -1, best_test = 0, start = report_seconds();
    int64_t best_epoch = 0;
    for (int64_t epoch = 1; epoch <= trainer->arguments.epochs; epoch++) {
        if (!train_epoch(trainer, epoch - 1, &loss) || !evaluate(trainer, &val, &test))
            return false;
        if (val > best) {
            best = val;
            best_test = test;
            best_epoch = epoch;
        }
        report_clear();
        printf("epoch %lld: loss %.4f, validation accuracy %.4f, %.1f s\n", (long long)epoch, loss,
               val, report_seconds() - start);
        fflush(stdout);
    }
    printf("test accuracy %.4f at the best validation epoch, %lld; %.4f after the last\n",
           best_test, (long long)best_epoch, test);
    return true;
}

static bool read_number(const char *flag, const char *text, int64_t least, int64_t *out)
{
    char *end;
    long long number = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || number < least || number > 1 << 20)
        return report_error("--%s: '%s' is not a number from %lld to %d", flag, text,
                            (long long)least, 1 << 20);
    *out = number;
    return true;
}

static bool read_arguments(int argc, char **argv, struct arguments *out)
{
    static const struct option flags[] = { { "epochs", required_argument, NULL, 0 },
                                           { "workers", required_argument, NULL, 0 },
                                           { "hidden", required_argument, NULL, 0 },
                                           { "seed", required_argument, NULL, 0 },
                                           { 0 } };
    int64_t *values[] = { &out->epochs, &out->workers, &out->hidden, &out->seed };
    const int64_t least[] = { 1, 0, 1, 0 };
    *out = (struct arguments){ .epochs = 12, .workers = 0, .hidden = 128, .seed = 0 };
    for (int which = 0, code; (code = getopt_long(argc, argv, "", flags, &which)) != -1;)
        if (code != 0 || !read_number(flags[which].name, optarg, least[which], values[which]))
            return false;
    if (optind + 1 != argc)
        return report_error("usage: relational_sage DIR [--epochs N] [--workers W] [--hidden H] "
                            "[--seed S]");
    out->dataset = argv[optind];
    return true;
}

int main(int argc, char **argv)
{
    struct trainer trainer = { 0 };
    report_name = "relational_sage";
    if (!read_arguments(argc, argv, &trainer.arguments))
        return 2;
    if (getenv("OPENBLAS_NUM_THREADS") == NULL)
        openblas_set_num_threads(1); /* another number rounds differently */
    bool done = open_all(&trainer) && run(&trainer);
    close_all(&trainer);
    return done ? 0 : 1;
}
