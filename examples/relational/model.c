/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include <stdlib.h>
#include <string.h>

#include "examples/train/report.h"

bool model_init(struct model *model, const struct model_shape *shape, uint64_t seed)
{
    const int32_t width[LAYERS + 1] = { shape->features, shape->hidden, shape->classes };
    struct random_stream random = random_open(seed, 0);

    *model = (struct model){ .shape = *shape };
    for (int32_t l = 0; l < LAYERS; l++)
        model->count += relational_count(shape->relations, width[l], width[l + 1]);
    model->weights = calloc((size_t)model->count, sizeof(float));
    model->gradients = calloc((size_t)model->count, sizeof(float));
    if (model->weights == NULL || model->gradients == NULL)
        return report_error("out of memory: a model of %lld weights", (long long)model->count);
    for (int64_t l = 0, offset = 0; l < LAYERS; l++) {
        relational_init(&model->layers[l], shape->relations, width[l], width[l + 1],
                        model->weights + offset, model->gradients + offset, &random);
        offset += relational_count(shape->relations, width[l], width[l + 1]);
    }
    return true;
}

void model_deinit(struct model *model)
{
    for (int32_t l = 0; l < LAYERS; l++) {
        relational_deinit(&model->layers[l]);
        floats_free(&model->out[l]);
    }
    floats_free(&model->d_hidden);
    free(model->weights);
    free(model->gradients);
    *model = (struct model){ 0 };
}

void model_edges(const struct model_input *input, int32_t hops, struct edges *edges)
{
    for (int32_t r = 0; r < input->relations; r++)
        edges[r] = (struct edges){ input->row[r], input->col[r], input->edges_within[r][hops] };
}

float *model_forward(struct model *model, const struct model_input *input,
                     struct random_stream *random)
{
    struct edges edges[MAX_RELATIONS];
    const float *x = input->x;

    for (int32_t l = 0; l < LAYERS; l++) {
        struct relational_layer *layer = &model->layers[l];
        int64_t rows = input->nodes_within[LAYERS - 1 - l];

        model_edges(input, LAYERS - l, edges);
        if (!floats_reserve(&model->out[l], rows, layer->self.out) ||
            !relational_forward(layer, edges, x, rows, model->out[l].data))
            return NULL;
        x = model->out[l].data;
        if (l < LAYERS - 1)
            relu_dropout(model->out[l].data, rows * layer->self.out, model->shape.dropout, random);
    }
    return model->out[LAYERS - 1].data;
}

bool model_backward(struct model *model, const struct model_input *input, const float *d_logits)
{
    int64_t hidden = input->nodes_within[1] * model->shape.hidden;

    if (!floats_reserve(&model->d_hidden, hidden, 1))
        return false;
    memset(model->d_hidden.data, 0, (size_t)hidden * sizeof(float));
    if (!relational_backward(&model->layers[1], model->out[0].data, input->nodes_within[0],
                             d_logits, model->d_hidden.data))
        return false;
    relu_dropout_backward(model->d_hidden.data, model->out[0].data, hidden, model->shape.dropout);
    /* Nobody asks for the gradient of x. */
    return relational_backward(&model->layers[0], input->x, input->nodes_within[1],
                               model->d_hidden.data, NULL);
}
