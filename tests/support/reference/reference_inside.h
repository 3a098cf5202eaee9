/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the reference sampler share: a batch while it is made. */
#ifndef SEINE_TESTS_REFERENCE_INSIDE_H
#define SEINE_TESTS_REFERENCE_INSIDE_H

#include "reference.h"

typedef struct id_list {
    int64_t *ids;
    int64_t len, cap;
} id_list;

typedef struct neighbour {
    int64_t node, edge;
} neighbour;

/* The row of node v is entries[begin[v]] to entries[begin[v + 1] - 1]. */
typedef struct rows {
    int64_t *begin;
    neighbour *entries;
} rows;

/* An edge in the row of a node of a tree. */
typedef struct tree_edge {
    int64_t time; /* 0 if it has none */
    int64_t node, edge;
    uint64_t weight; /* q of section 7.1 */
} tree_edge;

/* The row that is picked from: with times only the eligible edges of v's row. */
typedef struct tree_row {
    int64_t tree, v;
    tree_edge *entries;
    int64_t degree;
} tree_row;

/* Lists distinct pairs (tree, node), section 8; the local id is the position. Where trees are not
 * disjoint all are tree 0. */
typedef struct node_state {
    id_list nodes, trees;
    int64_t *newest; /* per global id: the last local id that it got; -1: it has none */
    id_list older;   /* per local id: the one that the same node got before; -1: none */
    id_list seeds;   /* what `batch` holds */
    id_list per_hop; /* section 3.3 */
    int64_t frontier_begin, frontier_end;
} node_state;

typedef struct edge_state {
    int source, target; /* T, whose rows are read, and U, where the picks go */
    rows rows;
    id_list row, col, edge;
    id_list per_hop;
} edge_state;

/* Section 6. Nodes are global ids; a batch without links has all of it zero. */
typedef struct link_state {
    int src_type, dst_type;   /* S and D */
    id_list src, dst;         /* the pairs */
    id_list neg_src, neg_dst; /* the negatives that are left */
    id_list neg_marked;       /* per negative: 1 if all tries were edges */
    id_list neg_pair;         /* per negative: its pair p */
    int64_t dropped;
} link_state;

typedef struct sampler {
    const ref_graph *graph;
    const ref_plan *plan;
    uint64_t epoch, g;
    id_list inputs;     /* places in the input, in the order of the batch */
    id_list tree_times; /* per tree; empty without times */
    node_state *nodes;
    edge_state *edges;
    link_state links;
} sampler;

/* Zeroed, never NULL: an empty array still has an address, so that absent and empty differ. */
void *ref_zeroed(int64_t count, size_t size);
void ref_list_push(id_list *list, int64_t id);

/* Section 3.1. The rows only group the edges by owner; the row of v is sorted when it is read. */
rows ref_rows_build(const ref_edge_type *edges, int64_t owners, bool in_direction);
const neighbour *ref_row_of(const rows *r, int64_t v, int64_t *degree);
void ref_rows_free(rows *r);

/* Sections 3.1, 7.1 and 9: the row of (tree, v) in edge type e; its entries are malloc'd. */
tree_row ref_tree_row(const sampler *s, int e, int64_t tree, int64_t v);

/* Sections 3.1, 7.2, 9 and 10: the positions picked from it in a hop, in order, into out; returns
 * how many. out must hold max(degree, fanout) entries. */
int64_t ref_tree_pick(const sampler *s, int hop, int e, const tree_row *row, int64_t *out);

int ref_node_type_of(const ref_graph *graph, const char *name);

/* The local id of (tree, v); -1 if it is not in the list. */
int64_t ref_local_id(const node_state *state, int64_t tree, int64_t v);

/* The same, appended to the list if it is new. */
int64_t ref_visit(node_state *state, int64_t tree, int64_t v);

/* Section 8: the tree that has number i if trees are disjoint. */
int64_t ref_tree(const sampler *s, int64_t i);

char *ref_join(const char *a, const char *b, const char *c, const char *d, const char *e);

/* The plain name in a homogeneous graph, else `type.name`. */
char *ref_full_name(const sampler *s, const char *type, const char *name);

/* Appends a tensor of n zeroed rows with the type and the trailing shape of `like`. */
ref_tensor *ref_add_tensor(ref_batch *batch, char *name, const ref_array *like, int64_t n);

/* An index tensor with the first n entries of a list. */
void ref_add_index(ref_batch *batch, char *name, const id_list *list, int64_t n);

/* Sections 6.1, 6.2, 8 and 9: the pairs and the negatives, the beginnings of the lists of nodes, and
 * the times of the trees. */
void ref_links_visit(sampler *s);

/* Section 6.3, when all hops are done. */
void ref_links_remove(sampler *s);

/* Section 6.4: the tensors before `tree`, and those behind it. */
void ref_links_deliver(const sampler *s, ref_batch *batch);
void ref_links_deliver_exhausted(const sampler *s, ref_batch *batch);

void ref_links_clear(sampler *s);

/* Section 11: nodes and edges when all hops are done, and `mapping`. */
void ref_induce(sampler *s);
void ref_induced_deliver(const sampler *s, ref_batch *batch);

#endif
