/* SPDX-License-Identifier: Apache-2.0 */
/* Relational GraphSAGE of two layers, ReLU and dropout between them. As in examples/train/sage.c a layer is
 * computed for the nodes that the next one reads, which are the first ones of the batch.
 * Threads: one at a time. */
#ifndef EXAMPLES_RELATIONAL_MODEL_H
#define EXAMPLES_RELATIONAL_MODEL_H

#include "relation.h"

enum { LAYERS = 2 };

struct model_shape {
    int32_t relations, features, hidden, classes;
    float dropout; /* rate, in training */
};

/* What the model reads of a batch: the nodes within h hops of the seeds are the first nodes_within[h], the
 * edges of relation r that lead to those within h - 1 hops the first edges_within[r][h]. */
struct model_input {
    const float *x; /* [nodes, features] */
    int32_t relations;
    const int64_t *row[MAX_RELATIONS], *col[MAX_RELATIONS];
    int64_t nodes_within[LAYERS + 1];                /* [0]: the seeds */
    int64_t edges_within[MAX_RELATIONS][LAYERS + 1]; /* [0]: none */
};

struct model {
    struct model_shape shape;
    struct relational_layer layers[LAYERS];
    int64_t count;              /* numbers in all weights */
    float *weights, *gradients; /* flat, for the optimiser */
    struct floats out[LAYERS], d_hidden;
};

/* Random weights from `seed`. False: no memory (reported). */
bool model_init(struct model *model, const struct model_shape *shape, uint64_t seed);
void model_deinit(struct model *model);

/* The edges of each relation that lead to nodes within hops - 1 hops, to edges [MAX_RELATIONS]. */
void model_edges(const struct model_input *input, int32_t hops, struct edges *edges);
/* Returns the logits of the seeds, [nodes_within[0], classes], in the model's memory; NULL: no memory
 * (reported). `random` is for dropout. */
float *model_forward(struct model *model, const struct model_input *input,
                     struct random_stream *random);
/* Writes the gradients of all weights; `d_logits` as model_forward's result. False: no memory. */
bool model_backward(struct model *model, const struct model_input *input, const float *d_logits);

#endif
