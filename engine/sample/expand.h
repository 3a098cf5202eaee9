/* SPDX-License-Identifier: Apache-2.0 */
/* One edge type in one hop: its frontier in blocks of rows, each of which passes the stages find, draw,
 * take and label.
 *
 * The first three depend on node ids alone, so blocks may pass them in any order and on any thread. They
 * are labelled in order, by one thread: labels count first occurrences.
 * Threads: blocks in different stages belong to whoever moves them; lists belong to the labelling
 * thread. */
#ifndef SN_ENGINE_SAMPLE_EXPAND_H
#define SN_ENGINE_SAMPLE_EXPAND_H

#include "engine/sample/plan.h"

/* Edges of one edge type, hop by hop: the neighbour's local id, and the edge id if the plan asks for
 * it. The nodes that were sampled for follow from how many were picked of each: in a hop they are the
 * frontier, in order. */
typedef struct sn__edge_list {
    uint32_t *row;
    uint32_t *picks; /* [rows] */
    int64_t *edge;
    size_t count, rows;
    size_t labelled; /* edges whose neighbour has its local id; the others are under way */
    size_t row_capacity, picks_capacity, edge_capacity;
} sn__edge_list;

typedef struct sn__expansion {
    const sn__kernel_ops *ops;
    const sn__plan_edge *edge;
    sn__pick_rule rule;
    sn__node_list *from, *to;
    sn__edge_list *out;
    size_t begin, end; /* of the frontier in from->ids */
    bool with_edge;
    int tree_shift;             /* ids are nodes in trees: sn__plan_node_in_tree; 0: nodes */
    const int64_t *tree_times;  /* [trees]; NULL: time does not count */
    _Atomic uint64_t *progress; /* bumped per labelled block; NULL: nobody watches */
} sn__expansion;

static inline size_t sn__expansion_blocks(const sn__expansion *e)
{
    return (e->end - e->begin + SN__BLOCK_ROWS - 1) / SN__BLOCK_ROWS;
}

/* Nodes of block `number`. */
void sn__expand_find(const sn__expansion *e, size_t number, sn__row_block *block);
/* Fails: SN_E_CORRUPT, SN_E_NOMEM. */
SN_NODISCARD sn_status sn__expand_draw(const sn__expansion *e, sn__row_block *block,
                                       sn__pick_set *set);
/* `edge`: [picks + SN__SLACK], if the plan asks for edge ids. Fails: SN_E_CORRUPT. */
SN_NODISCARD sn_status sn__expand_take(const sn__expansion *e, sn__row_block *block, int64_t *edge);
/* Counts the picks of a block that is being taken; the list has room. */
void sn__expand_append(const sn__expansion *e, const sn__row_block *block);
/* Local ids of the oldest block that was appended and not labelled. Fails: SN_E_NOMEM. */
SN_NODISCARD sn_status sn__expand_label(const sn__expansion *e, sn__row_block *block);

/* Room for `more` nodes; at most one in two of them is written in vain, none is zeroed. */
SN_NODISCARD sn_status sn__node_list_reserve(sn__node_list *list, size_t more);
/* Room for `more` edges of `rows` rows. */
SN_NODISCARD sn_status sn__edge_list_reserve(sn__edge_list *list, size_t rows, size_t more,
                                             bool with_edge);
SN_NODISCARD sn_status sn__block_reserve(sn__row_block *block, size_t picks);

#endif
