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
    uint8_t *failed; /* [negatives], of triplets: filled */
    int64_t *places; /* [pairs]: in the input */
    /* The pairs by local ids, source first: an open-addressing set. UINT64_MAX: free. [slots] */
    uint64_t *set;
    size_t slots;
} sn__links;

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
/* Leaves out the edges of `edge_type` that the plan says, all of hop 0; those of other hops have no pair
 * for ends. `seeds`: how many nodes of the neighbours' type are seeds. */
void sn__links_remove(const sn__links *links, const sn_plan *plan, int32_t edge_type, size_t seeds,
                      sn__edge_list *edges);

#endif
