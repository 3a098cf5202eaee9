/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a typed dataset that is trained on: the node type that has features and labels, and its
 * relations to itself, each in both directions. */
#ifndef EXAMPLES_RELATIONAL_GRAPH_H
#define EXAMPLES_RELATIONAL_GRAPH_H

#include "model.h"

struct graph {
    sn_dataset *stored; /* of the directory; `dataset` borrows its arrays */
    sn_dataset *dataset;
    const char *type;                     /* of the nodes; BORROWED, as the names below */
    const char *relations[MAX_RELATIONS]; /* "package__depends__package" */
    int32_t count;                        /* of relations, both directions counted */
};

/* False: an error (reported). */
bool graph_open(struct graph *graph, const char *directory);
void graph_close(struct graph *graph);

/* Points `input` into a batch of the graph: BORROWED until its release. Features of another type than
 * float32 are converted into `converted`; a batch without features leaves x NULL. False: no memory
 * (reported). */
bool graph_read(const struct graph *graph, const sn_batch *batch, struct floats *converted,
                struct model_input *input);
/* A tensor of the batch that belongs to the nodes. */
const sn_tensor *graph_find(const struct graph *graph, const sn_batch *batch, const char *name);

#endif
