/* SPDX-License-Identifier: Apache-2.0 */
/* The links of one batch: its pairs, their negatives, and which edges are left out because of them.
 * docs/sampling.md, section 6.
 * Threads: one at a time. */
#ifndef SN_ENGINE_SAMPLE_LINKS_H
#define SN_ENGINE_SAMPLE_LINKS_H

#include "engine/sample/expand.h"

typedef struct sn__links {
    size_t pairs, negatives; /* negatives: those that are left */
    size_t dropped;
    /* Ends, first of the pairs, then of the negatives, and their local ids. Triplets have no sources of
     * negatives. [pairs + negatives + SN__SLACK] */
    int64_t *src, *dst;
    uint32_t *src_label, *dst_label;
    uint8_t *failed;   /* [negatives], of triplets: filled */
    uint32_t *pair_of; /* [negatives]: whose they are; NULL unless pairs have times */
    int64_t *places;   /* [pairs]: in the input */
    /* Numbers of the pairs by their ends: an open-addressing set. UINT32_MAX: free. [slots] */
    uint32_t *set;
    size_t slots;
} sn__links;

/* The edges of one type that a hop gave: behind those of the hops before. */
typedef struct sn__hop_edges {
    int32_t edge_type;
    size_t row, edge; /* the first in the list */
    size_t from;      /* local id of the first row's node */
    size_t seeds;     /* local ids below are seeds of the neighbours' type */
    const sn__node_list *from_nodes, *to_nodes;
    sn__edge_list *list;
} sn__hop_edges;

/* Room for every batch of the plan, whose seeds are links. Fails: SN_E_NOMEM. */
SN_NODISCARD sn_status sn__links_init(sn__links *links, const sn_plan *plan);
/* Links of zeros are fine. */
void sn__links_deinit(sn__links *links);
/* Pairs and negatives of a batch as node ids. Fails: SN_E_CORRUPT. */
SN_NODISCARD sn_status sn__links_draw(sn__links *links, const sn_plan *plan,
                                      const sn__kernel_ops *ops, uint64_t epoch, int64_t batch);
/* Their local ids; `nodes` are the node lists of all types. Fails: SN_E_NOMEM. */
SN_NODISCARD sn_status sn__links_label(sn__links *links, const sn_plan *plan,
                                       const sn__kernel_ops *ops, sn__node_list *nodes);
/* Leaves out the edges of the hop that the plan says: those whose ends are a pair's. Unless trees are
 * disjoint, those of other hops than the first have no pair for ends. */
void sn__links_remove(const sn__links *links, const sn_plan *plan, const sn__hop_edges *hop);

#endif
