/* SPDX-License-Identifier: Apache-2.0 */
/* Layer-wise evaluation. The plan's input is all nodes without shuffle: batch b has the seeds b *
 * BATCH, b * BATCH + 1, ..., so a batch's results are consecutive rows of the layer's output. */
#include "evaluate.h"

#include <limits.h>
#include <stdlib.h>

#include "batch.h"
#include "report.h"

enum { BATCH = 4096 };

/* A sampler over all nodes with all neighbours of one hop; without neighbours the nodes alone. The
 * plan may be released: the sampler keeps it. */
static bool open_sampler(const struct evaluator *evaluator, bool features, sn_sampler **out)
{
    static const int64_t all = -1;
    sn_plan *plan = NULL;
    sn_status status = sn_plan_create(
        evaluator->task->dataset,
        SN_PLAN_OPTIONS(.batch_size = BATCH, .hops = evaluator->model->shape.neighbours ? 1 : 0,
                        .fanout = &all, .dir = evaluator->options->dir, .features = features),
        &plan);

    if (status == SN_OK)
        status = sn_sampler_create(plan, out);
    sn_plan_release(plan);
    return status == SN_OK || report_library_error();
}

bool evaluator_init(struct evaluator *evaluator, const struct task *task, const struct sage *model,
                    const struct train_options *options)
{
    *evaluator = (struct evaluator){ .task = task, .model = model, .options = options };
    evaluator->batches = (task->nodes + BATCH - 1) / BATCH;
    evaluator->predicted = malloc((size_t)task->nodes * sizeof(int32_t));
    if (evaluator->predicted == NULL)
        report_error("out of memory: predictions for %lld nodes", (long long)task->nodes);
    else if (open_sampler(evaluator, true, &evaluator->first) &&
             open_sampler(evaluator, false, &evaluator->later))
        return true;
    evaluator_deinit(evaluator);
    return false;
}

void evaluator_deinit(struct evaluator *evaluator)
{
    sn_sampler_release(evaluator->first);
    sn_sampler_release(evaluator->later);
    floats_free(&evaluator->hidden[0]);
    floats_free(&evaluator->hidden[1]);
    floats_free(&evaluator->x);
    floats_free(&evaluator->mean);
    floats_free(&evaluator->logits);
    free(evaluator->sources);
    free(evaluator->predicted);
    *evaluator = (struct evaluator){ 0 };
}

/* In a batch, row is a local id; hidden states are indexed by global ids. */
static bool global_sources(struct evaluator *evaluator, const sn_batch *batch,
                           const struct edges *edges)
{
    const int64_t *node = sn_batch_find(batch, "node")->data;

    if (edges->count > evaluator->sources_capacity) {
        size_t room = (size_t)edges->count + (size_t)edges->count / 4;
        free(evaluator->sources);
        evaluator->sources_capacity = 0;
        evaluator->sources = malloc(room * sizeof(int64_t));
        if (evaluator->sources == NULL)
            return report_error("out of memory: %lld edges of a batch", (long long)edges->count);
        evaluator->sources_capacity = (int64_t)room;
    }
    for (int64_t e = 0; e < edges->count; e++)
        evaluator->sources[e] = node[edges->row[e]];
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

/* Layer l for one batch, whose seeds are the nodes from `first` on. */
static bool evaluate_batch(struct evaluator *evaluator, int32_t l, int64_t first, sn_batch *batch)
{
    const struct layer *layer = &evaluator->model->layers[l];
    bool last = l == evaluator->model->shape.layers - 1;
    struct sage_input input;

    if (!batch_read(batch, &evaluator->x, &input))
        return false;
    int64_t rows = input.nodes_within[0];
    struct edges edges = { input.row, input.col, input.edges_within[input.hops] };
    const float *inputs = l == 0 ? input.x : evaluator->hidden[(l - 1) % 2].data;
    const float *self = l == 0 ? input.x : inputs + first * layer->in;
    if (l > 0) {
        if (!global_sources(evaluator, batch, &edges))
            return false;
        edges.row = evaluator->sources;
    }
    if (!floats_reserve(&evaluator->mean, rows, layer->in) ||
        !floats_reserve(&evaluator->logits, rows, layer->out))
        return false;
    float *out = last ? evaluator->logits.data : evaluator->hidden[l % 2].data + first * layer->out;
    if (evaluator->model->shape.neighbours)
        mean_forward(&edges, inputs, layer->in, rows, evaluator->mean.data);
    layer_forward(layer, self, evaluator->mean.data, rows, out);
    if (!last)
        relu_dropout(out, rows * layer->out, 0, NULL);
    for (int64_t i = 0; last && i < rows; i++)
        evaluator->predicted[first + i] = greatest(out + i * layer->out, layer->out);
    return true;
}

static int evaluate_layer(struct evaluator *evaluator, int32_t l)
{
    const struct sage_shape *shape = &evaluator->model->shape;
    sn_sampler *sampler = l == 0 ? evaluator->first : evaluator->later;

    if (l < shape->layers - 1 &&
        !floats_reserve(&evaluator->hidden[l % 2], evaluator->task->nodes, shape->hidden))
        return TRAIN_FAILED;
    for (int64_t b = 0; b < evaluator->batches; b++) {
        sn_batch *batch = NULL;

        if (evaluator->options->stop != NULL && *evaluator->options->stop != 0)
            return TRAIN_STOPPED;
        if (sn_sampler_sample(sampler, 0, b, &batch) != SN_OK)
            return report_library_error(), TRAIN_FAILED;
        bool done = evaluate_batch(evaluator, l, b * BATCH, batch);
        sn_batch_release(batch);
        if (!done)
            return TRAIN_FAILED;
        if (evaluator->options->progress)
            report_bar("evaluation", l * evaluator->batches + b + 1,
                       shape->layers * evaluator->batches);
    }
    return TRAIN_DONE;
}

int evaluator_run(struct evaluator *evaluator)
{
    int code = TRAIN_DONE;

    for (int32_t l = 0; code == TRAIN_DONE && l < evaluator->model->shape.layers; l++)
        code = evaluate_layer(evaluator, l);
    return code;
}
