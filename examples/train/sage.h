/* SPDX-License-Identifier: Apache-2.0 */
/* GraphSAGE with mean aggregation (Hamilton, Ying, Leskovec, "Inductive representation learning on
 * large graphs", NIPS 2017): as many layers as hops are sampled, ReLU and dropout after each but
 * the last. Without neighbours it is a multi-layer perceptron of the same shape.
 * Threads: one at a time. */
#ifndef EXAMPLES_TRAIN_SAGE_H
#define EXAMPLES_TRAIN_SAGE_H

#include "floats.h"
#include "layer.h"
#include "mean.h"

enum { SAGE_MAX_LAYERS = 8 };

struct sage_shape {
    int32_t layers;
    int32_t features, hidden, classes;
    bool neighbours;
    float dropout; /* rate, in training */
};

/* What the model reads of a batch. Local ids are in order of hops, and so are the edges: the nodes
 * within h hops of the seeds are the first nodes_within[h], the edges that lead to them the first
 * edges_within[h]. */
struct sage_input {
    const float *x; /* [nodes_within[hops], features] */
    const int64_t *row, *col;
    int32_t hops;                              /* layers, or 0 without neighbours */
    int64_t nodes_within[SAGE_MAX_LAYERS + 1]; /* [0]: the seeds */
    int64_t edges_within[SAGE_MAX_LAYERS + 1]; /* [0]: none */
};

struct sage {
    struct sage_shape shape;
    struct layer layers[SAGE_MAX_LAYERS];
    int64_t count;              /* numbers in all weights */
    float *weights, *gradients; /* flat, for the optimiser */
    /* Of the batch at hand: what forward leaves for backward, and backward's own. */
    struct floats mean[SAGE_MAX_LAYERS], out[SAGE_MAX_LAYERS];
    struct floats d_out[2], d_mean;
};

/* Random weights from `seed`. False: no memory (reported). */
bool sage_init(struct sage *sage, const struct sage_shape *shape, uint64_t seed);
void sage_deinit(struct sage *sage);

/* Returns the logits of the seeds, [nodes_within[0], classes], in the model's memory; NULL: no
 * memory (reported). `random` is for dropout, NULL: none. */
float *sage_forward(struct sage *sage, const struct sage_input *input,
                    struct random_stream *random);
/* Writes the gradients of all weights; `d_logits` as sage_forward's result. False: no memory. */
bool sage_backward(struct sage *sage, const struct sage_input *input, const float *d_logits);

#endif
