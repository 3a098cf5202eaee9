/* SPDX-License-Identifier: Apache-2.0 */
/* A plan: which seeds, in which batches, sampled how. Immutable and counted.
 *
 * The content of a batch is a pure function of (dataset, plan, seed, epoch, batch number), to the
 * bit: docs/sampling.md.
 * Threads: any, after creation. */
#ifndef SEINE_PLAN_H
#define SEINE_PLAN_H

#include "seine/dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sn_plan sn_plan;

enum { SN_MAX_HOPS = 64, SN_MAX_FANOUT = (1 << 24) - 1 };

/* What ranks do when their number does not divide the number of batches. */
typedef enum sn_uneven {
    SN_UNEVEN_DEFAULT = 0, /* short */
    SN_UNEVEN_SHORT = 1,   /* every batch exactly once over all ranks */
    SN_UNEVEN_PAD = 2,     /* every rank the same number: batches from the start again, marked */
    SN_UNEVEN_DROP = 3     /* every rank the same number: the last ones left out */
} sn_uneven;

typedef enum sn_label_mode {
    SN_LABELS_NONE = 0,
    SN_LABELS_ALL = 1,  /* y of every node of every type that has labels */
    SN_LABELS_SEEDS = 2 /* y of the distinct seeds */
} sn_label_mode;

typedef enum sn_index_type {
    SN_INDEX_DEFAULT = 0, /* int64 */
    SN_INDEX_INT64 = 1,
    SN_INDEX_INT32 = 2 /* refused if an id of the dataset does not fit */
} sn_index_type;

/* Negative links, in addition to the pairs of a batch (docs/sampling.md, section 6.1). BINARY: links
 * of two drawn nodes, told apart by edge_label. TRIPLET: drawn destinations for the source of each
 * pair. */
typedef enum sn_neg_mode { SN_NEG_NONE = 0, SN_NEG_BINARY = 1, SN_NEG_TRIPLET = 2 } sn_neg_mode;

enum { SN_MAX_NEG_TRIES = 1 << 16 };

/* Pairs of nodes as seeds: link prediction. A pair runs from the source to the destination of the edge
 * type, whatever the plan's direction, and need not be an edge. */
typedef struct sn_link_options {
    uint32_t struct_size; /* filled by the macro */
    int32_t edge_type;
    const sn_tensor *pairs;  /* [2, N] int32 or int64, sources first; NULL: all edges, by id */
    const sn_tensor *labels; /* [N] int32, int64, float32 or float64; NULL: none */
    sn_neg_mode neg;
    double amount; /* negatives per pair; 0: 1. Triplet: a whole number */
    int32_t tries; /* that a negative has not to be an edge, 1 to SN_MAX_NEG_TRIES; 0: 5 */
    /* Negatives may be edges. Else creation reads the rows of the edge type once, to see that they ascend. */
    bool non_strict;
    bool by_degree; /* draws ends in proportion to their degree; default: uniformly */
    bool remove;    /* leaves the batch's pairs, and edges that lead back, out of its edges */
} sn_link_options;
#define SN_LINK_OPTIONS(...) \
    (&(sn_link_options){ .struct_size = sizeof(sn_link_options), __VA_ARGS__ })

/* Whose times decide which edges a seed may see. DEFAULT: those of edges, if an edge type has them, else
 * those of nodes. */
typedef enum sn_times {
    SN_TIMES_DEFAULT = 0,
    SN_TIMES_EDGES = 1,
    SN_TIMES_NODES = 2 /* an edge has the time of its neighbour */
} sn_times;

/* Which of the edges that are not too late: as the fanout's other options say, or the latest ones. */
typedef enum sn_temporal_pick { SN_TEMPORAL_UNIFORM = 0, SN_TEMPORAL_LAST = 1 } sn_temporal_pick;

/* Temporal sampling: a seed sees edges with time <= its own, with a window only those with
 * time > its own - window (docs/sampling.md, section 9). Edge types without times are sampled whole. */
typedef struct sn_temporal_options {
    uint32_t struct_size; /* filled by the macro */
    sn_times times;
    sn_temporal_pick pick;
    int64_t window; /* 0: none */
    /* [N] int64, one for each seed or pair, copied. NULL: the times of the seed nodes; of links that are all
     * edges those of the edges. */
    const sn_tensor *seed_times;
} sn_temporal_options;
#define SN_TEMPORAL_OPTIONS(...) \
    (&(sn_temporal_options){ .struct_size = sizeof(sn_temporal_options), __VA_ARGS__ })

typedef struct sn_plan_options {
    uint32_t struct_size; /* filled by the macro */
    /* Seeds. The ids are copied at creation. */
    int32_t input_type;     /* node type of the seeds */
    const sn_tensor *input; /* [N] int32 or int64, duplicates allowed; NULL: all of the type */
    int64_t batch_size;     /* 0: 1024 */
    bool shuffle;
    bool drop_last;
    uint64_t seed;
    /* Sampling. fanout [hops], the same for every edge type; or, with per_edge_type, [edge types *
     * hops]. -1 = all, 0 = none. hops 0 gives the seeds alone. */
    int32_t hops;
    const int64_t *fanout;
    bool per_edge_type;
    sn_edge_dir dir; /* default OUT */
    bool replace;
    /* What a batch carries. */
    bool with_edge; /* edge ids */
    bool features;  /* x, and edge_attr with with_edge */
    sn_label_mode labels;
    sn_index_type index;
    /* This rank's share of an epoch. */
    int64_t rank;  /* 0 <= rank < world */
    int64_t world; /* 0: 1 */
    sn_uneven uneven;
    /* Pairs instead of nodes as seeds, batch_size of them in a batch; all is copied at creation. input
     * and input_type stay 0. NULL: node seeds. */
    const sn_link_options *links;
    /* How neighbours are picked; default: uniformly. Datasets that were imported before there were tables of
     * weights and times lack what these need (SN_E_UNSUPPORTED). */
    bool weighted; /* in proportion to the edges' weights; every edge type has them */
    bool
        disjoint; /* a tree for each seed, which shares no node with the others; batches have `tree` */
    const sn_temporal_options *temporal; /* needs disjoint; NULL: time does not count */
    bool labor;           /* LABOR: rows of a hop agree on their neighbours (section 10) */
    bool layer_dependent; /* and hops too */
    /* Induced subgraphs: the hops decide the nodes alone, which come in ascending order, with all edges among
     * them and the place of each seed (docs/sampling.md, section 11). Not with links. */
    bool subgraph;
} sn_plan_options;
#define SN_PLAN_OPTIONS(...) \
    (&(sn_plan_options){ .struct_size = sizeof(sn_plan_options), __VA_ARGS__ })

/* Keeps a reference to the dataset. *out is NEW. Fails: SN_E_INVALID, SN_E_RANGE (a seed: which
 * position), SN_E_UNSUPPORTED (the dataset lacks the layout that the direction needs), SN_E_CORRUPT
 * (links: rows or edge ids of a directory that are damaged), SN_E_NOMEM. */
SN_NODISCARD SN_API sn_status sn_plan_create(sn_dataset *dataset, const sn_plan_options *options,
                                             sn_plan **out);
/* Drops a reference. NULL is fine. */
SN_API void sn_plan_release(sn_plan *plan);

/* Global batches of an epoch, over all ranks. */
SN_API int64_t sn_plan_num_batches(const sn_plan *plan);
/* This rank's steps of an epoch run from 0 to sn_plan_num_steps - 1; each names a global batch. */
SN_API int64_t sn_plan_num_steps(const sn_plan *plan);
/* The global batch of a step, and whether it is padding (`padded` may be NULL). Fails: SN_E_RANGE.
 */
SN_NODISCARD SN_API sn_status sn_plan_step(const sn_plan *plan, int64_t step, int64_t *batch,
                                           bool *padded);
/* The first step whose position in the epoch is `start` or later: where a resumed rank begins. */
SN_API int64_t sn_plan_first_step(const sn_plan *plan, int64_t start);

#ifdef __cplusplus
}
#endif
#endif
