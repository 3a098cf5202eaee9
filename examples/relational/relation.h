/* SPDX-License-Identifier: Apache-2.0 */
/* A layer of relational GraphSAGE,
 *
 *     out = self * W_self + bias + sum over the relations r of mean_r * W_r
 *
 * with mean_r the mean over the neighbours by relation r, zero where there are none (R-GCN, Schlichtkrull
 * et al., "Modeling relational data with graph convolutional networks", ESWC 2018, with one full matrix
 * for each relation).
 * Threads: one at a time. */
#ifndef EXAMPLES_RELATIONAL_RELATION_H
#define EXAMPLES_RELATIONAL_RELATION_H

#include "examples/train/floats.h"
#include "examples/train/layer.h"
#include "examples/train/mean.h"

enum { MAX_RELATIONS = 64 };

/* The neighbours by one relation, of the nodes that have any: most nodes have none by most relations, and
 * are left out. */
struct relation_means {
    struct edges edges;     /* col is a row of `mean` */
    const int64_t *targets; /* [count] whose means: ascending */
    int64_t count;
    float *mean; /* [count, in] */
};

struct relational_layer {
    int32_t relations;
    struct layer self;          /* W_self and the bias */
    float *weights, *gradients; /* [relations, in, out], BORROWED from the model */
    /* Of the batch at hand: what forward leaves for backward, and room for one relation's part. */
    struct relation_means means[MAX_RELATIONS];
    struct floats mean, part, d_mean;
    int64_t *ids;
    size_t ids_capacity;
};

/* How many numbers a layer's weights are. */
int64_t relational_count(int32_t relations, int32_t in, int32_t out);
/* Points the layer into the flat arrays and draws the weights, uniform in +-1/sqrt(in). */
void relational_init(struct relational_layer *layer, int32_t relations, int32_t in, int32_t out,
                     float *weights, float *gradients, struct random_stream *random);
void relational_deinit(struct relational_layer *layer);

/* x is [.., in], and its first `rows` are the nodes that are wanted: out is [rows, out]. edges [relations]:
 * rows of x to rows of out. False: no memory (reported). */
bool relational_forward(struct relational_layer *layer, const struct edges *edges, const float *x,
                        int64_t rows, float *out);
/* Writes the gradients of the weights from that of the output, d_out; and that of the input to d_x (as x),
 * which is zero before, or NULL. False: no memory (reported). */
bool relational_backward(struct relational_layer *layer, const float *x, int64_t rows,
                         const float *d_out, float *d_x);

#endif
