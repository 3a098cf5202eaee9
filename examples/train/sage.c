/* SPDX-License-Identifier: Apache-2.0 */
/* The model over a sampled batch.
 *
 * Of L layers the last is wanted at the seeds only, the one before at the seeds and their
 * neighbours, and so on: layer l is computed for the nodes within L-1-l hops, from the outputs of
 * layer l-1 for the nodes within L-l hops. Because local ids are in order of hops, both are
 * prefixes: nothing is copied or indexed, and a layer's own rows ("self") are simply the first rows
 * of its input.
 *
 *     batch        hop 0 | hop 1     | hop 2                 (2 layers)
 *     x            ##############################            input of layer 0
 *     out[0]       ##################                        output of layer 0, input of layer 1
 *     out[1]       #######                                   logits of the seeds
 *
 * Without neighbours every layer has the seeds' rows. */
#include "sage.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

static int32_t layer_in(const struct sage_shape *shape, int32_t l)
{
    return l == 0 ? shape->features : shape->hidden;
}

static int32_t layer_out(const struct sage_shape *shape, int32_t l)
{
    return l == shape->layers - 1 ? shape->classes : shape->hidden;
}

bool sage_init(struct sage *sage, const struct sage_shape *shape, uint64_t seed)
{
    *sage = (struct sage){ .shape = *shape };
    for (int32_t l = 0; l < shape->layers; l++) {
        sage->layers[l] = (struct layer){ .in = layer_in(shape, l), .out = layer_out(shape, l) };
        sage->count += layer_count(sage->layers[l].in, sage->layers[l].out, shape->neighbours);
    }
    sage->weights = calloc((size_t)sage->count, sizeof(float));
    sage->gradients = calloc((size_t)sage->count, sizeof(float));
    if (sage->weights == NULL || sage->gradients == NULL) {
        int64_t count = sage->count;
        sage_deinit(sage);
        return report_error("out of memory: a model of %lld weights", (long long)count);
    }
    struct random_stream random = random_open(seed, 0);
    int64_t offset = 0;
    for (int32_t l = 0; l < shape->layers; l++) {
        struct layer *layer = &sage->layers[l];
        layer_place(layer, shape->neighbours, sage->weights + offset, sage->gradients + offset);
        layer_init(layer, &random);
        offset += layer_count(layer->in, layer->out, shape->neighbours);
    }
    return true;
}

void sage_deinit(struct sage *sage)
{
    for (int32_t l = 0; l < SAGE_MAX_LAYERS; l++) {
        floats_free(&sage->mean[l]);
        floats_free(&sage->out[l]);
    }
    floats_free(&sage->d_out[0]);
    floats_free(&sage->d_out[1]);
    floats_free(&sage->d_mean);
    free(sage->weights);
    free(sage->gradients);
    *sage = (struct sage){ 0 };
}

/* How far from the seeds the outputs of layer l are wanted. */
static int32_t reach(const struct sage *sage, int32_t l)
{
    return sage->shape.neighbours ? sage->shape.layers - 1 - l : 0;
}

static struct edges edges_of(const struct sage_input *input, int32_t hops)
{
    return (struct edges){ input->row, input->col, input->edges_within[hops] };
}

static const float *input_of(const struct sage *sage, const struct sage_input *input, int32_t l)
{
    return l == 0 ? input->x : sage->out[l - 1].data;
}

float *sage_forward(struct sage *sage, const struct sage_input *input, struct random_stream *random)
{
    int32_t last = sage->shape.layers - 1;

    if (input->nodes_within[input->hops] > INT_MAX) {
        report_error("a batch of %lld nodes is more than OpenBLAS counts",
                     (long long)input->nodes_within[input->hops]);
        return NULL;
    }
    for (int32_t l = 0; l <= last; l++) {
        const struct layer *layer = &sage->layers[l];
        const float *self = input_of(sage, input, l);
        int64_t rows = input->nodes_within[reach(sage, l)];

        if (!floats_reserve(&sage->out[l], rows, layer->out))
            return NULL;
        if (sage->shape.neighbours) {
            struct edges edges = edges_of(input, reach(sage, l) + 1);
            if (!floats_reserve(&sage->mean[l], rows, layer->in))
                return NULL;
            mean_forward(&edges, self, layer->in, rows, sage->mean[l].data);
        }
        layer_forward(layer, self, sage->mean[l].data, rows, sage->out[l].data);
        if (l < last)
            relu_dropout(sage->out[l].data, rows * layer->out, sage->shape.dropout, random);
    }
    return sage->out[last].data;
}

/* The gradient of layer l's input, to *d_in: of its own rows directly, of all its rows through the
 * mean. */
static bool backward_input(struct sage *sage, const struct sage_input *input, int32_t l,
                           const float *d_out, struct floats *d_in)
{
    const struct layer *layer = &sage->layers[l];
    int64_t rows = input->nodes_within[reach(sage, l)];
    int64_t in_rows = input->nodes_within[reach(sage, l - 1)];

    if (!floats_reserve(d_in, in_rows, layer->in) ||
        !floats_reserve(&sage->d_mean, rows, layer->in))
        return false;
    layer_backward_inputs(layer, rows, d_out, d_in->data, sage->d_mean.data);
    memset(d_in->data + rows * layer->in, 0,
           (size_t)((in_rows - rows) * layer->in) * sizeof(float));
    if (sage->shape.neighbours) {
        struct edges edges = edges_of(input, reach(sage, l) + 1);
        mean_backward(&edges, sage->d_mean.data, layer->in, d_in->data);
    }
    return true;
}

bool sage_backward(struct sage *sage, const struct sage_input *input, const float *d_logits)
{
    const float *d_out = d_logits;

    for (int32_t l = sage->shape.layers - 1; l >= 0; l--) {
        const struct layer *layer = &sage->layers[l];
        int64_t rows = input->nodes_within[reach(sage, l)];

        layer_backward_weights(layer, input_of(sage, input, l), sage->mean[l].data, rows, d_out);
        if (l == 0)
            break; /* nobody asks for the gradient of x */
        struct floats *d_in = &sage->d_out[l % 2];
        if (!backward_input(sage, input, l, d_out, d_in))
            return false;
        int64_t in_rows = input->nodes_within[reach(sage, l - 1)];
        relu_dropout_backward(d_in->data, sage->out[l - 1].data, in_rows * layer->in,
                              sage->shape.dropout);
        d_out = d_in->data;
    }
    return true;
}
