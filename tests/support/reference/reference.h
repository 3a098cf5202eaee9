/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reference sampler: a second implementation of docs/sampling.md, written from that page alone.
 * It shares no code with the library and prefers the obvious form over the fast one, so that a
 * difference between the two points at a mistake in one of them or a gap in the page. Section
 * numbers in the comments are those of the page.
 *
 * Input is trusted: ids are in range, fanouts are -1 or below 2^24, delivered names are distinct,
 * and no plan is given that the page refuses. Running out of memory aborts.
 */
#ifndef SEINE_TESTS_REFERENCE_H
#define SEINE_TESTS_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes with a shape, C order; data NULL means absent. code and bits are those of DLPack. */
typedef struct ref_array {
    const void *data;
    int code;
    int bits;
    int ndim;
    int64_t shape[4];
} ref_array;

typedef struct ref_node_type {
    const char *name;
    int64_t count;
    ref_array x, y;
    const int64_t *times; /* section 9, by node id; NULL: none */
} ref_node_type;

/* Edge i goes from[i] -> to[i]; its edge id is i. */
typedef struct ref_edge_type {
    const char *src, *rel, *dst;
    int64_t count;
    const int64_t *from, *to;
    ref_array x;
    const float *weights; /* section 7, by edge id; NULL: none */
    const int64_t *times; /* section 9, by edge id; NULL: none */
} ref_edge_type;

typedef struct ref_graph {
    int num_node_types;
    const ref_node_type *node_types;
    int num_edge_types;
    const ref_edge_type *edge_types;
} ref_graph;

enum { REF_LABELS_NONE = 0, REF_LABELS_ALL = 1, REF_LABELS_SEEDS = 2 };
enum { REF_UNEVEN_SHORT = 0, REF_UNEVEN_PAD = 1, REF_UNEVEN_DROP = 2 };
enum { REF_NEG_NONE = 0, REF_NEG_BINARY = 1, REF_NEG_TRIPLET = 2 };
enum { REF_LABOR_NONE = 0, REF_LABOR = 1, REF_LABOR_LAYERS = 2 };
enum { REF_TIMES_NONE = 0, REF_TIMES_NODES = 1, REF_TIMES_EDGES = 2 };

typedef struct ref_plan {
    int seed_type; /* index of the node type of the seeds */
    const int64_t *input;
    int64_t num_input;
    int64_t batch_size;
    bool shuffle, drop_last;
    uint64_t seed;
    int hops;
    const int64_t *fanout; /* [edge type][hop], row-major */
    bool in_direction, replace, with_edge, features;
    int labels;
    int64_t rank, world;
    int uneven;
    int64_t start;
    /*
     * Section 6. With links, num_input is N, and input and seed_type are not used. Pair i is
     * link_src[i], link_dst[i]; for all edges of e these are the ends of the edge with id i.
     */
    bool links;
    int link_type; /* index of the edge type e */
    const int64_t *link_src, *link_dst;
    ref_array link_labels; /* [num_input]; data NULL: none */
    int neg;
    double neg_amount; /* a, or A with triplets */
    int neg_tries;     /* T; 0: the default of 5 */
    bool neg_non_strict, neg_by_degree, remove_links;
    /* Sections 7 to 11. */
    bool weighted, disjoint, subgraph;
    int labor;
    int times;
    bool last;
    int64_t window; /* W; 0: none */
    /* [num_input]; NULL: the default of section 9, where links are all edges of e by id */
    const int64_t *seed_times;
} ref_plan;

/* Index tensors are always int64. */
typedef struct ref_tensor {
    char *name;
    int code, bits, ndim;
    int64_t shape[4];
    void *data; /* never NULL, also when bytes is 0 */
    size_t bytes;
} ref_tensor;

typedef struct ref_batch {
    uint64_t epoch, g;
    int num_tensors;
    ref_tensor *tensors;
} ref_batch;

/* Section 2: G, the number of batches of one epoch over all ranks. */
int64_t ref_num_batches(const ref_plan *plan);

/*
 * Section 2: the number of batches that plan->rank consumes in one epoch, and which. The arrays are
 * malloc'd, also when the number is 0; either pointer may be NULL.
 */
int64_t ref_rank_batches(const ref_plan *plan, int64_t **g_out, bool **padded_out);

/* Sections 3, 4 and 6 to 11: batch g, 0 <= g < ref_num_batches(plan). Rank, world and start do not
 * matter. */
ref_batch *ref_sample(const ref_graph *graph, const ref_plan *plan, uint64_t epoch, uint64_t g);
void ref_batch_free(ref_batch *batch);

/* The tensor of that full name, or NULL. */
const ref_tensor *ref_find(const ref_batch *batch, const char *name);

/* Section 4.1. */
uint64_t ref_digest(const ref_batch *batch);

/* The primitives of sections 1 and 2.1. */
void ref_philox(uint64_t key, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3, uint32_t out[4]);
uint64_t ref_phase_key(uint64_t seed, uint64_t epoch, uint64_t g, uint64_t purpose, uint64_t hop,
                       uint64_t etype);
uint32_t ref_word32(uint64_t key, uint64_t v, uint32_t tree, uint32_t i);
uint64_t ref_draw(uint64_t key, uint64_t v, uint32_t tree, uint32_t i, uint64_t n, uint64_t degree);

/* The same draw; *rejected gets the number of words thrown away before the accepted one. */
uint64_t ref_draw_counted(uint64_t key, uint64_t v, uint32_t tree, uint32_t i, uint64_t n,
                          uint64_t degree, int *rejected);

uint64_t ref_perm(uint64_t seed, uint64_t epoch, uint64_t n, uint64_t i);

/* Section 3.1: the positions picked from a row of degree d with tree 0, in order, into out; returns
 * how many. out must hold max(d, k) entries. */
int64_t ref_pick(uint64_t key, uint64_t v, int64_t d, int64_t k, bool replace, int64_t *out);

/* Section 3.4: the printed name of an edge type as delivered, malloc'd. */
char *ref_delivered_name(const ref_edge_type *edge_type, bool in_direction);

#endif
