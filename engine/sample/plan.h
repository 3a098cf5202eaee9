/* SPDX-License-Identifier: Apache-2.0 */
/* A plan from inside: the options, resolved, and the list of tensors that each of its batches has.
 *
 * Invariant  P1  After creation only the reference count and the cached hash change. */
#ifndef SN_ENGINE_SAMPLE_PLAN_H
#define SN_ENGINE_SAMPLE_PLAN_H

#include "base/random.h"
#include "kernels/ops.h"
#include "seine/plan.h"

#include <stdatomic.h>

/* In the order of docs/sampling.md, sections 4, 6.4 and 11. */
typedef enum sn__tensor_kind {
    SN__NODE,
    SN__ROW,
    SN__COL,
    SN__EDGE,
    SN__X,
    SN__EDGE_ATTR,
    SN__Y,
    SN__BATCH,
    SN__NUM_SAMPLED_NODES,
    SN__NUM_SAMPLED_EDGES,
    SN__EDGE_LABEL_INDEX,
    SN__EDGE_LABEL,
    SN__SRC_INDEX,
    SN__DST_POS_INDEX,
    SN__DST_NEG_INDEX,
    SN__MAPPING,
    SN__TREE,
    SN__NEG_MASK,
    SN__NUM_NEG_DROPPED,
    SN__NUM_KINDS
} sn__tensor_kind;

/* What there is one tensor of. */
typedef enum sn__per { SN__PER_NODE_TYPE, SN__PER_EDGE_TYPE, SN__PER_LINKS } sn__per;

/* One tensor of every batch. */
typedef struct sn__tensor_spec {
    sn__tensor_kind kind;
    sn__per per;
    int32_t type; /* node or edge type; of links, theirs */
    char *name;
    const sn_tensor *source; /* rows come from here: x, edge_attr, y; else NULL */
    sn_tensor like;          /* type and shape, with 1 for the length that batches decide */
    int32_t vary;            /* the dimension of that length */
} sn__tensor_spec;

/* Lengths of one batch, for one tensor. */
typedef struct sn__lengths {
    size_t of_type;          /* nodes or edges of its type */
    size_t seeds;            /* distinct ones of its node type */
    size_t inputs;           /* seeds, duplicates too */
    size_t pairs, negatives; /* of links; of negatives those that are left */
} sn__lengths;

/* One edge type as the plan reads it. */
typedef struct sn__plan_edge {
    sn__rows rows;
    int32_t from_type; /* whose rows are read: T */
    int32_t to_type;   /* where neighbours are: U */
    const char *name;  /* of the dataset, for errors */
    uint8_t removed;   /* SN__REMOVE_... */
} sn__plan_edge;

/* Which edges of a type are left out of batches: those of the pairs, those from destination to source. */
enum { SN__REMOVE_PAIRS = 1, SN__REMOVE_BACK = 2 };

/* Pairs as seeds: docs/sampling.md, section 6. */
typedef struct sn__plan_links {
    bool on;           /* else the seeds are nodes and the rest is 0 */
    bool all;          /* every edge: the input holds positions in the rows, by edge id */
    int32_t edge_type; /* rows of the plan's direction; the ends are those of the dataset: */
    int32_t src_type, dst_type;
    sn_neg_mode neg;
    double amount;   /* negatives per pair */
    size_t per_pair; /* the same, of triplets; else 0 */
    int32_t tries;
    bool non_strict, by_degree, remove;
    sn_tensor labels;    /* [num_input]; bits 0: none */
    void *labels_memory; /* the same, if it is the plan's own */
    bool shift;          /* labels are delivered plus 1 */
} sn__plan_links;

/* Which edges a seed may see: docs/sampling.md, section 9. */
typedef struct sn__plan_temporal {
    bool on; /* else the rest is 0 */
    bool nodes, last;
    int64_t window;
    const int64_t *seed_times;    /* [num_input]; NULL: `default_times` */
    int64_t *memory;              /* the same, if it is the plan's own */
    const int64_t *default_times; /* BORROWED from the dataset: by seed, of links by their places */
} sn__plan_temporal;

struct sn_plan {
    atomic_int references;
    sn_dataset *dataset;

    const int64_t *input;  /* [num_input], of given links [2][num_input]; NULL: the identity */
    int64_t *input_memory; /* the same, if it is the plan's own */
    int64_t num_input;     /* seeds or links */
    int32_t input_type;
    int64_t batch_size, num_batches;
    bool shuffle, drop_last;
    uint64_t seed;

    int32_t hops;
    int64_t *fanout; /* [edge type][hop] */
    sn_edge_dir dir; /* OUT or IN */
    bool replace, with_edge, features;
    bool weighted, disjoint, labor, layer_dependent;
    int tree_shift; /* disjoint: a node in a tree is tree << tree_shift | id; else 0 */
    sn__plan_temporal temporal;
    sn_label_mode labels;
    sn_dtype index_dtype;

    int64_t rank, world, limit; /* limit: positions s of the epoch are below it */
    sn_uneven uneven;           /* SHORT, PAD or DROP */

    int32_t num_node_types, num_edge_types;
    int64_t *node_counts; /* [node type] */
    sn__plan_edge *edges; /* [edge type] */
    sn__plan_links links;
    bool subgraph; /* docs/sampling.md, section 11 */

    int32_t num_tensors;
    sn__tensor_spec *tensors;
    uint64_t bound_bytes;
    _Atomic uint64_t hash; /* 0: not computed yet */
};

static inline bool sn__kind_is_index(sn__tensor_kind kind)
{
    return kind != SN__X && kind != SN__EDGE_ATTR && kind != SN__Y && kind != SN__EDGE_LABEL &&
           kind != SN__NEG_MASK;
}

static inline bool sn__plan_has_seeds(const sn_plan *plan, int32_t node_type)
{
    return plan->links.on ? node_type == plan->links.src_type || node_type == plan->links.dst_type
                          : node_type == plan->input_type;
}

/* What a node is called in the batch's lists: with disjoint trees both in one number. */
static inline int64_t sn__plan_node_in_tree(const sn_plan *plan, size_t tree, int64_t node)
{
    return plan->disjoint ? (int64_t)((uint64_t)tree << plan->tree_shift) | node : node;
}
static inline int64_t sn__plan_node_of(const sn_plan *plan, int64_t name)
{
    return plan->disjoint ? name & ((INT64_C(1) << plan->tree_shift) - 1) : name;
}

/* A plan whose seeds, int64, their times and labels of links are not copied and must outlive it. */
typedef struct sn__plan_borrow {
    const int64_t *positions; /* of all links, by edge id, */
    int64_t num_positions;    /* unless they are the ids: -1 */
} sn__plan_borrow;

/* sn_plan_create with options that are complete; `borrow` NULL: copies. */
SN_NODISCARD sn_status sn__plan_make(sn_dataset *dataset, const sn_plan_options *options,
                                     const sn__plan_borrow *borrow, sn_plan **out);
sn_plan *sn__plan_retain(sn_plan *plan);
/* Places in the input that a batch has: *count of them into `out`, which has room for batch_size. */
void sn__plan_places(const sn_plan *plan, const sn__kernel_ops *ops, uint64_t epoch, int64_t batch,
                     int64_t *out, size_t *count);
/* Places become the nodes that are there; seeds are nodes. */
void sn__plan_seeds_at(const sn_plan *plan, int64_t *places, size_t count);
static inline int64_t sn__index_at(const sn_tensor *tensor, int64_t i)
{
    return tensor->dtype.bits == 32 ? ((const int32_t *)tensor->data)[i]
                                    : ((const int64_t *)tensor->data)[i];
}

/* -- Links (engine/sample/plan_links.c) -------------------------------------------------------- */

/* Checks the options and takes pairs and labels; rows are resolved. Fails as sn_plan_create. */
SN_NODISCARD sn_status sn__plan_take_links(sn_plan *plan, const sn_link_options *options,
                                           const sn__plan_borrow *borrow);
/* Negatives that are drawn for so many pairs. */
size_t sn__plan_negatives(const sn_plan *plan, size_t pairs);

/* -- Kinds of sampling (engine/sample/plan_kinds.c) --------------------------------------------- */

/* Weights, trees, times and LABOR: checks what goes together and takes what it needs; seeds and rows are
 * resolved. Fails as sn_plan_create. */
SN_NODISCARD sn_status sn__plan_take_kinds(sn_plan *plan, const sn_plan_options *options,
                                           const sn__plan_borrow *borrow);
/* Most trees of a batch: of `pairs` or seeds. */
size_t sn__plan_trees(const sn_plan *plan, size_t seeds);

/* -- Tensors (engine/sample/tensors.c) --------------------------------------------------------- */

/* Fills the list of tensors. */
SN_NODISCARD sn_status sn__plan_list_tensors(sn_plan *plan);
/* The length that varies, in a batch of these lengths. */
size_t sn__tensor_length(const sn_plan *plan, const sn__tensor_spec *spec, const sn__lengths *of);
/* The same where the plan alone decides it; else -1. */
int64_t sn__tensor_fixed_length(const sn_plan *plan, const sn__tensor_spec *spec);

/* -- Size (engine/sample/plan_bound.c) --------------------------------------------------------- */

/* No batch's payload is larger: from batch size, fanouts and counts, without a look at the graph.
 * UINT64_MAX: too large to say. */
uint64_t sn__plan_bound_bytes(const sn_plan *plan);
/* Computes it, once. Fails: SN_E_NOMEM. */
SN_NODISCARD sn_status sn__plan_bound(sn_plan *plan);

/* -- Identity (engine/sample/plan_hash.c) ------------------------------------------------------ */

/* Two plans of equal hash give the same global stream: XXH3-64 over the dataset's fingerprint and
 * everything that decides content and order. Rank, world and uneven do not count. Computed at first
 * use, which reads the seeds, and the arrays of a dataset in memory. Any thread. Fails:
 * SN_E_NOMEM. */
SN_NODISCARD sn_status sn__plan_hash(const sn_plan *plan, uint64_t *out);
/* The same with rank, world and uneven: equal steps too. */
SN_NODISCARD sn_status sn__plan_hash_all(const sn_plan *plan, uint64_t *out);

#endif
