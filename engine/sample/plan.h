/* SPDX-License-Identifier: Apache-2.0 */
/* A plan from inside: the options, resolved, and the list of tensors that each of its batches has.
 */
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

    int64_t *input; /* [num_input]; NULL: the identity */
    int64_t num_input;
    int32_t input_type;
    int64_t batch_size, num_batches;
    bool shuffle;
    uint64_t seed;

    int32_t hops;
    int64_t *fanout; /* [edge type][hop] */
    bool replace, with_edge, labels_of_seeds;
    sn_dtype index_dtype;

    int64_t rank, world, limit; /* limit: positions s of the epoch are below it */

    int32_t num_node_types, num_edge_types;
    int64_t *node_counts; /* [node type] */
    sn__plan_edge *edges; /* [edge type] */

    int32_t num_tensors;
    sn__tensor_spec *tensors;
};

static inline bool sn__kind_is_index(sn__tensor_kind kind)
{
    return kind != SN__X && kind != SN__EDGE_ATTR && kind != SN__Y;
}

sn_plan *sn__plan_retain(sn_plan *plan);
/* Seeds of a batch: *count of them into `out`, which has room for batch_size. */
void sn__plan_seeds(const sn_plan *plan, uint64_t epoch, int64_t batch, int64_t *out,
                    size_t *count);
/* Fills the list of tensors (engine/sample/tensors.c). */
SN_NODISCARD sn_status sn__plan_list_tensors(sn_plan *plan, const sn_plan_options *options);

#endif
