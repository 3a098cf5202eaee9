/* SPDX-License-Identifier: Apache-2.0 */
/* One GraphSAGE layer, out = self * W_self + mean * W_mean + bias, and what stands between layers:
 * ReLU, dropout, cross entropy. All matrices are dense and in C order; a weight is [in, out].
 * Nothing here knows of graphs or batches.
 * Threads: OpenBLAS uses its own inside a product. */
#ifndef EXAMPLES_TRAIN_LAYER_H
#define EXAMPLES_TRAIN_LAYER_H

#include "random.h"

struct layer {
    int32_t in, out;
    /* Weights and their gradients, BORROWED from the model's two flat arrays. Without neighbours (a
     * plain linear layer) w_mean and d_w_mean are NULL. */
    float *w_self, *w_mean, *bias;
    float *d_w_self, *d_w_mean, *d_bias;
};

/* How many numbers a layer's weights are. */
int64_t layer_count(int32_t in, int32_t out, int neighbours);
/* Points the layer into the flat arrays, both layer_count long. */
void layer_place(struct layer *layer, int neighbours, float *weights, float *gradients);
/* Uniform in +-1/sqrt(in): what PyTorch's Linear does. */
void layer_init(struct layer *layer, struct random_stream *random);

/* self and mean are [rows, in], out is [rows, out]. */
void layer_forward(const struct layer *layer, const float *self, const float *mean, int64_t rows,
                   float *out);
/* Writes the gradients of the weights from that of the output, d_out [rows, out]. */
void layer_backward_weights(const struct layer *layer, const float *self, const float *mean,
                            int64_t rows, const float *d_out);
/* Writes the gradients of the inputs, d_self and d_mean [rows, in]. */
void layer_backward_inputs(const struct layer *layer, int64_t rows, const float *d_out,
                           float *d_self, float *d_mean);

/* In place: max(0, z), then with probability `rate` zero and else scaled by 1 / (1 - rate).
 * `random` NULL: no dropout. NaN stays NaN. */
void relu_dropout(float *z, int64_t count, float rate, struct random_stream *random);
/* In place on d: the gradient of the above; `h` is what it left (positive where the gradient
 * passes). */
void relu_dropout_backward(float *d, const float *h, int64_t count, float rate);

/* Sum of -log softmax(logits[i])[labels[i]] over the rows whose label is not negative; their number
 * goes to *labelled. The logits are replaced by the gradient of the mean. */
double cross_entropy(float *logits, int64_t rows, int32_t classes, const int32_t *labels,
                     int64_t *labelled);

#endif
