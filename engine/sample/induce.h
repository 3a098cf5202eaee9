/* SPDX-License-Identifier: Apache-2.0 */
/* Induced subgraphs: what becomes of the nodes that the hops have reached. docs/sampling.md, section 11.
 *
 * Nodes are sorted and labelled anew, by their places; then the whole rows of all of them are read, in that
 * order, and of their edges those are kept whose neighbour has a label. The work is that of these rows, however
 * large the graph is.
 * Threads: one at a time. */
#ifndef SN_ENGINE_SAMPLE_INDUCE_H
#define SN_ENGINE_SAMPLE_INDUCE_H

#include "engine/sample/expand.h"

enum {
    SN__PIECES_UNDER_WAY = 4, /* one in each stage */
    /* Edges of a piece: longer rows are cut. A cache line each is on its way for the labels of two pieces. */
    SN__PIECE_EDGES = 1024
};

/* Parts of rows that pass the row ops together. */
typedef struct sn__induce_piece {
    sn__row_block block;          /* a part in the place of each row */
    uint32_t row[SN__BLOCK_ROWS]; /* whose part it is: the node's place in its list */
    int64_t *edge;                /* [SN__PIECE_EDGES + SN__SLACK]; NULL: without edge ids */
} sn__induce_piece;

typedef struct sn__induce {
    int64_t *seeds; /* the distinct ones, in order of first occurrence */
    size_t inputs;  /* seeds of the batch, duplicates too */

    /* Scratch. */
    int64_t *sorted;
    size_t sorted_capacity;
    uint32_t *labels;          /* [SN__PIECE_EDGES + SN__SLACK] */
    sn__row_block rows, ahead; /* whole rows: those that are cut, and those that come next */
    sn__induce_piece pieces[SN__PIECES_UNDER_WAY];
} sn__induce;

/* Room for every batch of the plan, which is of subgraphs. Fails: SN_E_NOMEM; deinit is called all the same. */
SN_NODISCARD sn_status sn__induce_init(sn__induce *self, const sn_plan *plan);
/* Zeros are fine. */
void sn__induce_deinit(sn__induce *self);
/* Keeps the distinct seeds, which the list of their type begins with until it is sorted; the batch has `inputs`. */
void sn__induce_keep_seeds(sn__induce *self, const sn__node_list *list, size_t distinct,
                           size_t inputs);
/* Puts a list in ascending order; labels are the new places. Fails: SN_E_NOMEM; the list is as before then. */
SN_NODISCARD sn_status sn__induce_sort(sn__induce *self, const sn__kernel_ops *ops,
                                       sn__node_list *list);
/* All edges of a type among the nodes of e->from and e->to, both sorted, in the place of what e->out held; its rows
 * are the nodes of e->from. The rule and the frontier in `e` do not matter. Fails: SN_E_NOMEM, SN_E_CORRUPT. */
SN_NODISCARD sn_status sn__induce_edges(sn__induce *self, const sn__expansion *e);

#endif
