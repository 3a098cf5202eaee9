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

typedef struct node_state {
    id_list nodes;     /* distinct nodes; the local id is the position */
    int64_t *local_id; /* per global id; -1: not in the list */
    id_list per_hop;   /* section 3.3 */
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
    int64_t dropped;
} link_state;

typedef struct sampler {
    const ref_graph *graph;
    const ref_plan *plan;
    uint64_t epoch, g;
    id_list inputs; /* places in the input, in the order of the batch */
    node_state *nodes;
    edge_state *edges;
    link_state links;
} sampler;

/* Zeroed, never NULL: an empty array still has an address, so that absent and empty differ. */
void *ref_zeroed(int64_t count, size_t size);
void ref_list_push(id_list *list, int64_t id);

/* Sorts the row of v, which the rows only group. */
const neighbour *ref_row_of(const rows *r, int64_t v, int64_t *degree);

int ref_node_type_of(const ref_graph *graph, const char *name);

/* The local id of a node, appended to its list if it is new. */
int64_t ref_visit(node_state *state, int64_t v);

char *ref_join(const char *a, const char *b, const char *c, const char *d, const char *e);

/* The plain name in a homogeneous graph, else `type.name`. */
char *ref_full_name(const sampler *s, const char *type, const char *name);

/* Appends a tensor of n zeroed rows with the type and the trailing shape of `like`. */
ref_tensor *ref_add_tensor(ref_batch *batch, char *name, const ref_array *like, int64_t n);

/* Sections 6.1 and 6.2: the pairs and the negatives, and the beginnings of the lists of nodes. */
void ref_links_visit(sampler *s);

/* Section 6.3, when all hops are done. */
void ref_links_remove(sampler *s);

/* Section 6.4. */
void ref_links_deliver(const sampler *s, ref_batch *batch);

void ref_links_clear(sampler *s);

#endif
