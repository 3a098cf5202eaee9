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

/* In the order of docs/sampling.md, section 4. */
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
    SN__NUM_KINDS
} sn__tensor_kind;

/* One tensor of every batch. */
typedef struct sn__tensor_spec {
    sn__tensor_kind kind;
    int32_t type; /* node or edge type, by kind */
    char *name;
    const sn_tensor *source; /* rows come from here: x, edge_attr, y; else NULL */
} sn__tensor_spec;

/* One edge type as the plan reads it. */
typedef struct sn__plan_edge {
    sn__rows rows;
    int32_t from_type; /* whose rows are read: T */
    int32_t to_type;   /* where neighbours are: U */
    const char *name;  /* of the dataset, for errors */
} sn__plan_edge;

struct sn_plan {
    atomic_int references;
    sn_dataset *dataset;

    const int64_t *input;  /* [num_input]; NULL: the identity */
    int64_t *input_memory; /* the same, if it is the plan's own */
    int64_t num_input;
    int32_t input_type;
    int64_t batch_size, num_batches;
    bool shuffle, drop_last;
    uint64_t seed;

    int32_t hops;
    int64_t *fanout; /* [edge type][hop] */
    sn_edge_dir dir; /* OUT or IN */
    bool replace, with_edge, features;
    sn_label_mode labels;
    sn_dtype index_dtype;

    int64_t rank, world, limit; /* limit: positions s of the epoch are below it */
    sn_uneven uneven;           /* SHORT, PAD or DROP */

    int32_t num_node_types, num_edge_types;
    int64_t *node_counts; /* [node type] */
    sn__plan_edge *edges; /* [edge type] */

    int32_t num_tensors;
    sn__tensor_spec *tensors;
    uint64_t bound_bytes;
    _Atomic uint64_t hash; /* 0: not computed yet */
};

static inline bool sn__kind_is_index(sn__tensor_kind kind)
{
    return kind != SN__X && kind != SN__EDGE_ATTR && kind != SN__Y;
}

/* Kinds of which there is one per edge type; of the others, one per node type. */
static inline bool sn__kind_is_edges(sn__tensor_kind kind)
{
    return kind == SN__ROW || kind == SN__COL || kind == SN__EDGE || kind == SN__EDGE_ATTR ||
           kind == SN__NUM_SAMPLED_EDGES;
}

/* sn_plan_create with options that are complete. `borrow`: the seeds, int64, are not copied and
 * must outlive the plan. */
SN_NODISCARD sn_status sn__plan_make(sn_dataset *dataset, const sn_plan_options *options,
                                     bool borrow, sn_plan **out);
sn_plan *sn__plan_retain(sn_plan *plan);
/* Seeds of a batch: *count of them into `out`, which has room for batch_size. */
void sn__plan_seeds(const sn_plan *plan, const sn__kernel_ops *ops, uint64_t epoch, int64_t batch,
                    int64_t *out, size_t *count);
/* Fills the list of tensors (engine/sample/tensors.c). */
SN_NODISCARD sn_status sn__plan_list_tensors(sn_plan *plan);
/* First dimension of a tensor in a batch with `of_type` nodes or edges of its type and `seeds`
 * distinct seeds. */
size_t sn__tensor_rows(const sn_plan *plan, const sn__tensor_spec *spec, size_t of_type,
                       size_t seeds);

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
