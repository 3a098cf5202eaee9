/* SPDX-License-Identifier: Apache-2.0 */
/* What sampling finds before any of it is delivered: nodes, edges and counts of one batch, in
 * scratch memory that is reused from batch to batch. Its size is known only when it is complete, so
 * it is copied once, into the memory that the consumer reads (engine/sample/deliver.h).
 * Threads: one at a time; it may have helpers of its own. */
#ifndef SN_ENGINE_SAMPLE_TOPOLOGY_H
#define SN_ENGINE_SAMPLE_TOPOLOGY_H

#include "engine/sample/expand.h"
#include "engine/sample/induce.h"
#include "engine/sample/links.h"
#include "engine/sample/team.h"

enum { SN__BLOCKS_UNDER_WAY = 4 }; /* one in each stage */

typedef struct sn__topology {
    const sn_plan *plan;
    sn__node_list *nodes;       /* [node type] */
    sn__edge_list *edges;       /* [edge type] */
    int64_t *num_sampled_nodes; /* [node type][hops + 1] */
    int64_t *num_sampled_edges; /* [edge type][hops] */
    sn__links links;            /* of plans of links */
    /* Of disjoint plans. While a batch is sampled, ids in node lists are nodes in trees; then the trees are
     * here, and the ids are those of nodes. */
    struct sn__trees {
        uint32_t *of; /* [nodes] */
        size_t capacity;
    } * trees;           /* [node type]; NULL: not disjoint */
    int64_t *tree_times; /* [trees]; NULL: not temporal */
    sn__induce induce;   /* of plans of subgraphs */

    _Atomic uint64_t *progress; /* bumped per block of rows; NULL: nobody watches */

    /* Scratch. */
    int64_t *seeds;   /* [batch size]; NULL for links */
    uint32_t *labels; /* of the seeds: delivered with subgraphs alone */
    size_t label_capacity;
    size_t *frontier_begin, *frontier_end; /* [node type]: this hop's frontier in the node list */
    sn__row_block blocks[SN__BLOCKS_UNDER_WAY];
    sn__pick_set set;
    sn__team *team; /* NULL: one thread */
} sn__topology;

/* The plan is BORROWED and must outlive the topology. Fails: SN_E_NOMEM. */
SN_NODISCARD sn_status sn__topology_init(sn__topology *topology, const sn_plan *plan);
/* Threads that share a batch, the caller's among them; 1 after init. Fails: SN_E_NOMEM. */
SN_NODISCARD sn_status sn__topology_set_threads(sn__topology *topology, int32_t threads);
void sn__topology_deinit(sn__topology *topology);
/* Computes one batch; `batch` is in range. Fails: SN_E_NOMEM, SN_E_CORRUPT; usable again
 * afterwards. */
SN_NODISCARD sn_status sn__topology_sample(sn__topology *topology, const sn__kernel_ops *ops,
                                           uint64_t epoch, int64_t batch);

#endif
