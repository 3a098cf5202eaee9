/* SPDX-License-Identifier: Apache-2.0 */
/* Predictions for every node with all neighbours, layer by layer.
 *
 * A full neighbourhood of several hops is most of the graph, for each batch again. So each layer is
 * computed for all nodes before the next one begins: a one-hop plan with fanout -1 delivers the
 * nodes in order, and hidden states lie in the evaluator's memory (nodes * hidden * 4 bytes, twice
 * from three layers on).
 * Threads: one at a time. */
#ifndef EXAMPLES_TRAIN_EVALUATE_H
#define EXAMPLES_TRAIN_EVALUATE_H

#include "sage.h"
#include "task.h"
#include "train.h"

struct evaluator {
    const struct task *task; /* BORROWED, like the others */
    const struct sage *model;
    const struct train_options *options;
    sn_sampler *first, *later; /* for layer 0 (with features), for the others */
    int64_t batches;
    struct floats hidden[2];       /* [nodes, hidden]: the outputs of even and odd layers */
    struct floats x, mean, logits; /* of one batch */
    int64_t *sources;              /* of one batch: the global ids of its edges' rows */
    int64_t sources_capacity;
    int32_t *predicted; /* [nodes]: the result */
};

/* False: an error (reported). */
bool evaluator_init(struct evaluator *evaluator, const struct task *task, const struct sage *model,
                    const struct train_options *options);
void evaluator_deinit(struct evaluator *evaluator);
/* Fills evaluator->predicted. TRAIN_DONE, TRAIN_FAILED (reported) or TRAIN_STOPPED. */
int evaluator_run(struct evaluator *evaluator);

#endif
