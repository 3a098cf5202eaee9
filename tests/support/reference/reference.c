/* SPDX-License-Identifier: Apache-2.0 */
/* Sections 3 and 4 of docs/sampling.md: a batch and its digest. */
#include "reference_inside.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

enum { PURPOSE_UNIFORM = 2 };

/* ---- memory ---------------------------------------------------------------------------------- */

void *ref_zeroed(int64_t count, size_t size)
{
    assert(count >= 0);
    void *p = calloc(count > 0 ? (size_t)count : 1, size);
    if (!p) {
        abort();
    }
    return p;
}

void ref_list_push(id_list *list, int64_t id)
{
    if (list->len == list->cap) {
        list->cap = list->cap > 0 ? 2 * list->cap : 64;
        list->ids = realloc(list->ids, (size_t)list->cap * sizeof(int64_t));
        if (!list->ids) {
            abort();
        }
    }
    list->ids[list->len++] = id;
}

/* ---- 3.1 rows and picks ---------------------------------------------------------------------- */

static int compare_neighbours(const void *pa, const void *pb)
{
    const neighbour *a = pa;
    const neighbour *b = pb;
    if (a->node != b->node) {
        return a->node < b->node ? -1 : 1;
    }
    return a->edge < b->edge ? -1 : a->edge > b->edge;
}

/* Only groups the edges by owner. Few rows are read, so ref_row_of sorts what is read. */
static rows rows_build(const ref_edge_type *edges, int64_t owners, bool in_direction)
{
    const int64_t *owner = in_direction ? edges->to : edges->from;
    const int64_t *other = in_direction ? edges->from : edges->to;
    rows r = { ref_zeroed(owners + 1, sizeof(int64_t)),
               ref_zeroed(edges->count, sizeof(neighbour)) };
    for (int64_t e = 0; e < edges->count; e++) {
        r.begin[owner[e] + 1]++;
    }
    for (int64_t v = 0; v < owners; v++) {
        r.begin[v + 1] += r.begin[v];
    }
    int64_t *next = ref_zeroed(owners, sizeof(int64_t));
    memcpy(next, r.begin, (size_t)owners * sizeof(int64_t));
    for (int64_t e = 0; e < edges->count; e++) {
        r.entries[next[owner[e]]++] = (neighbour){ other[e], e };
    }
    free(next);
    return r;
}

const neighbour *ref_row_of(const rows *r, int64_t v, int64_t *degree)
{
    neighbour *row = r->entries + r->begin[v];
    *degree = r->begin[v + 1] - r->begin[v];
    qsort(row, (size_t)*degree, sizeof(*row), compare_neighbours);
    return row;
}

static void rows_free(rows *r)
{
    free(r->begin);
    free(r->entries);
}

/* Floyd's method. Looks for an earlier pick one by one: quadratic in k, and plainly right. */
static void pick_floyd(uint64_t key, uint64_t v, int64_t d, int64_t k, int64_t *out)
{
    for (int64_t i = 0; i < k; i++) {
        int64_t j = d - k + i;
        int64_t t = (int64_t)ref_draw(key, v, 0, (uint32_t)i, (uint64_t)j + 1, (uint64_t)d);
        out[i] = t;
        for (int64_t p = 0; p < i; p++) {
            if (out[p] == t) {
                out[i] = j;
            }
        }
    }
}

int64_t ref_pick(uint64_t key, uint64_t v, int64_t d, int64_t k, bool replace, int64_t *out)
{
    if (k == 0 || d == 0) {
        return 0;
    }
    if (k == -1 || (!replace && d <= k)) {
        for (int64_t p = 0; p < d; p++) {
            out[p] = p;
        }
        return d;
    }
    if (!replace) {
        pick_floyd(key, v, d, k, out);
        return k;
    }
    for (int64_t i = 0; i < k; i++) {
        out[i] = (int64_t)ref_draw(key, v, 0, (uint32_t)i, (uint64_t)d, (uint64_t)d);
    }
    return k;
}

/* ---- 3.2 hops and local ids ------------------------------------------------------------------ */

int ref_node_type_of(const ref_graph *graph, const char *name)
{
    for (int t = 0; t < graph->num_node_types; t++) {
        if (strcmp(graph->node_types[t].name, name) == 0) {
            return t;
        }
    }
    abort(); /* an edge type names a node type that does not exist */
}

static void sampler_init(sampler *s)
{
    const ref_graph *graph = s->graph;
    bool in = s->plan->in_direction;
    s->nodes = ref_zeroed(graph->num_node_types, sizeof(*s->nodes));
    for (int t = 0; t < graph->num_node_types; t++) {
        int64_t count = graph->node_types[t].count;
        s->nodes[t].local_id = ref_zeroed(count, sizeof(int64_t));
        for (int64_t v = 0; v < count; v++) {
            s->nodes[t].local_id[v] = -1;
        }
    }
    s->edges = ref_zeroed(graph->num_edge_types, sizeof(*s->edges));
    for (int e = 0; e < graph->num_edge_types; e++) {
        const ref_edge_type *type = &graph->edge_types[e];
        edge_state *edges = &s->edges[e];
        edges->source = ref_node_type_of(graph, in ? type->dst : type->src);
        edges->target = ref_node_type_of(graph, in ? type->src : type->dst);
        edges->rows = rows_build(type, graph->node_types[edges->source].count, in);
    }
}

static void sampler_clear(sampler *s)
{
    for (int t = 0; t < s->graph->num_node_types; t++) {
        free(s->nodes[t].nodes.ids);
        free(s->nodes[t].local_id);
        free(s->nodes[t].per_hop.ids);
    }
    for (int e = 0; e < s->graph->num_edge_types; e++) {
        edge_state *edges = &s->edges[e];
        rows_free(&edges->rows);
        free(edges->row.ids);
        free(edges->col.ids);
        free(edges->edge.ids);
        free(edges->per_hop.ids);
    }
    free(s->nodes);
    free(s->edges);
    free(s->inputs.ids);
    ref_links_clear(s);
}

int64_t ref_visit(node_state *state, int64_t v)
{
    if (state->local_id[v] < 0) {
        state->local_id[v] = state->nodes.len;
        ref_list_push(&state->nodes, v);
    }
    return state->local_id[v];
}

/* What was appended since the last call becomes the frontier, and is counted. */
static void advance_frontiers(sampler *s)
{
    for (int t = 0; t < s->graph->num_node_types; t++) {
        node_state *state = &s->nodes[t];
        state->frontier_begin = state->frontier_end;
        state->frontier_end = state->nodes.len;
        ref_list_push(&state->per_hop, state->frontier_end - state->frontier_begin);
    }
}

/* The places in the input of the seeds of the batch, in order. */
static void find_inputs(sampler *s)
{
    const ref_plan *plan = s->plan;
    int64_t begin = (int64_t)s->g * plan->batch_size;
    for (int64_t i = begin; i < begin + plan->batch_size && i < plan->num_input; i++) {
        int64_t at = i;
        if (plan->shuffle) {
            at = (int64_t)ref_perm(plan->seed, s->epoch, (uint64_t)plan->num_input, (uint64_t)i);
        }
        ref_list_push(&s->inputs, at);
    }
}

static void visit_seeds(sampler *s)
{
    find_inputs(s);
    if (s->plan->links) {
        ref_links_visit(s);
    } else {
        for (int64_t i = 0; i < s->inputs.len; i++) {
            ref_visit(&s->nodes[s->plan->seed_type], s->plan->input[s->inputs.ids[i]]);
        }
    }
    advance_frontiers(s);
}

static void expand(sampler *s, int hop, int e)
{
    const ref_plan *plan = s->plan;
    edge_state *edges = &s->edges[e];
    node_state *from = &s->nodes[edges->source];
    int64_t k = plan->fanout[e * plan->hops + hop];
    uint64_t key =
        ref_phase_key(plan->seed, s->epoch, s->g, PURPOSE_UNIFORM, (uint64_t)hop, (uint64_t)e);
    int64_t before = edges->row.len;
    for (int64_t f = from->frontier_begin; f < from->frontier_end; f++) {
        int64_t v = from->nodes.ids[f];
        int64_t degree;
        const neighbour *row = ref_row_of(&edges->rows, v, &degree);
        int64_t *picks = ref_zeroed(degree > k ? degree : k, sizeof(*picks));
        int64_t n = ref_pick(key, (uint64_t)v, degree, k, plan->replace, picks);
        for (int64_t p = 0; p < n; p++) {
            const neighbour *pick = &row[picks[p]];
            ref_list_push(&edges->row, ref_visit(&s->nodes[edges->target], pick->node));
            ref_list_push(&edges->col, f);
            ref_list_push(&edges->edge, pick->edge);
        }
        free(picks);
    }
    ref_list_push(&edges->per_hop, edges->row.len - before);
}

/* ---- 3.4 names of delivered edge types ------------------------------------------------------- */

char *ref_join(const char *a, const char *b, const char *c, const char *d, const char *e)
{
    size_t size = strlen(a) + strlen(b) + strlen(c) + strlen(d) + strlen(e) + 1;
    char *text = ref_zeroed((int64_t)size, 1);
    (void)snprintf(text, size, "%s%s%s%s%s", a, b, c, d, e);
    return text;
}

char *ref_delivered_name(const ref_edge_type *type, bool in_direction)
{
    if (in_direction) {
        return ref_join(type->src, "__", type->rel, "__", type->dst);
    }
    if (strcmp(type->src, type->dst) == 0) {
        return ref_join(type->dst, "__", type->rel, "__", type->src);
    }
    if (strncmp(type->rel, "rev_", 4) == 0 && type->rel[4] != '\0') {
        return ref_join(type->dst, "__", type->rel + 4, "__", type->src);
    }
    return ref_join(type->dst, "__rev_", type->rel, "__", type->src);
}

/* ---- 4 the batch ----------------------------------------------------------------------------- */

static const ref_array index_array = { NULL, 0, 64, 1, { 0 } };

ref_tensor *ref_add_tensor(ref_batch *batch, char *name, const ref_array *like, int64_t n)
{
    assert(like->ndim >= 1 && like->ndim <= 4 && like->bits % 8 == 0);
    size_t size = (size_t)(batch->num_tensors + 1) * sizeof(ref_tensor);
    batch->tensors = realloc(batch->tensors, size);
    if (!batch->tensors) {
        abort();
    }
    ref_tensor *tensor = &batch->tensors[batch->num_tensors++];
    *tensor = (ref_tensor){ .name = name, .code = like->code, .bits = like->bits };
    tensor->ndim = like->ndim;
    tensor->shape[0] = n;
    tensor->bytes = (size_t)n * (size_t)(like->bits / 8);
    for (int d = 1; d < like->ndim; d++) {
        tensor->shape[d] = like->shape[d];
        tensor->bytes *= (size_t)like->shape[d];
    }
    tensor->data = ref_zeroed((int64_t)tensor->bytes, 1);
    return tensor;
}

char *ref_full_name(const sampler *s, const char *type, const char *name)
{
    bool plain = s->graph->num_node_types == 1 && s->graph->num_edge_types == 1;
    return plain ? ref_join(name, "", "", "", "") : ref_join(type, ".", name, "", "");
}

static char *node_name(const sampler *s, int t, const char *name)
{
    return ref_full_name(s, s->graph->node_types[t].name, name);
}

static char *edge_name(const sampler *s, int e, const char *name)
{
    char *type = ref_delivered_name(&s->graph->edge_types[e], s->plan->in_direction);
    char *full = ref_full_name(s, type, name);
    free(type);
    return full;
}

/* An index tensor with the first n entries of a list. */
static void add_index(ref_batch *batch, char *name, const id_list *list, int64_t n)
{
    ref_tensor *tensor = ref_add_tensor(batch, name, &index_array, n);
    if (n > 0) {
        memcpy(tensor->data, list->ids, (size_t)n * sizeof(int64_t));
    }
}

/* Row i of the tensor is row list[i] of the array, for the first n entries of the list. */
static void add_rows(ref_batch *batch, char *name, const ref_array *array, const id_list *list,
                     int64_t n)
{
    ref_tensor *tensor = ref_add_tensor(batch, name, array, n);
    if (n == 0) {
        return;
    }
    size_t width = tensor->bytes / (size_t)n;
    for (int64_t i = 0; i < n; i++) {
        const char *from = (const char *)array->data + (size_t)list->ids[i] * width;
        memcpy((char *)tensor->data + (size_t)i * width, from, width);
    }
}

static void deliver_edges(const sampler *s, ref_batch *batch)
{
    int types = s->graph->num_edge_types;
    for (int e = 0; e < types; e++) {
        add_index(batch, edge_name(s, e, "row"), &s->edges[e].row, s->edges[e].row.len);
    }
    for (int e = 0; e < types; e++) {
        add_index(batch, edge_name(s, e, "col"), &s->edges[e].col, s->edges[e].col.len);
    }
    for (int e = 0; e < types && s->plan->with_edge; e++) {
        add_index(batch, edge_name(s, e, "edge"), &s->edges[e].edge, s->edges[e].edge.len);
    }
}

static void deliver_features(const sampler *s, ref_batch *batch)
{
    if (!s->plan->features) {
        return;
    }
    for (int t = 0; t < s->graph->num_node_types; t++) {
        const ref_array *x = &s->graph->node_types[t].x;
        if (x->data) {
            const id_list *nodes = &s->nodes[t].nodes;
            add_rows(batch, node_name(s, t, "x"), x, nodes, nodes->len);
        }
    }
    for (int e = 0; e < s->graph->num_edge_types && s->plan->with_edge; e++) {
        const ref_array *x = &s->graph->edge_types[e].x;
        if (x->data) {
            const id_list *edges = &s->edges[e].edge;
            add_rows(batch, edge_name(s, e, "edge_attr"), x, edges, edges->len);
        }
    }
}

static bool has_seeds(const sampler *s, int t)
{
    if (s->plan->links) {
        return t == s->links.src_type || t == s->links.dst_type;
    }
    return t == s->plan->seed_type;
}

static void deliver_labels(const sampler *s, ref_batch *batch)
{
    for (int t = 0; t < s->graph->num_node_types; t++) {
        const ref_array *y = &s->graph->node_types[t].y;
        const id_list *nodes = &s->nodes[t].nodes;
        if (y->data && s->plan->labels == REF_LABELS_ALL) {
            add_rows(batch, node_name(s, t, "y"), y, nodes, nodes->len);
        }
        if (y->data && s->plan->labels == REF_LABELS_SEEDS && has_seeds(s, t)) {
            add_rows(batch, node_name(s, t, "y"), y, nodes, s->nodes[t].per_hop.ids[0]);
        }
    }
}

static void deliver(const sampler *s, ref_batch *batch)
{
    const ref_graph *graph = s->graph;
    for (int t = 0; t < graph->num_node_types; t++) {
        add_index(batch, node_name(s, t, "node"), &s->nodes[t].nodes, s->nodes[t].nodes.len);
    }
    deliver_edges(s, batch);
    deliver_features(s, batch);
    deliver_labels(s, batch);
    for (int t = 0; t < graph->num_node_types; t++) {
        const node_state *state = &s->nodes[t];
        if (has_seeds(s, t)) {
            add_index(batch, node_name(s, t, "batch"), &state->nodes, state->per_hop.ids[0]);
        }
    }
    for (int t = 0; t < graph->num_node_types; t++) {
        const id_list *counts = &s->nodes[t].per_hop;
        add_index(batch, node_name(s, t, "num_sampled_nodes"), counts, counts->len);
    }
    for (int e = 0; e < graph->num_edge_types; e++) {
        const id_list *counts = &s->edges[e].per_hop;
        add_index(batch, edge_name(s, e, "num_sampled_edges"), counts, counts->len);
    }
    if (s->plan->links) {
        ref_links_deliver(s, batch);
    }
}

ref_batch *ref_sample(const ref_graph *graph, const ref_plan *plan, uint64_t epoch, uint64_t g)
{
    assert(g < (uint64_t)ref_num_batches(plan));
    sampler s = { .graph = graph, .plan = plan, .epoch = epoch, .g = g };
    sampler_init(&s);
    visit_seeds(&s);
    for (int hop = 0; hop < plan->hops; hop++) {
        for (int e = 0; e < graph->num_edge_types; e++) {
            expand(&s, hop, e);
        }
        advance_frontiers(&s);
    }
    if (plan->links && plan->remove_links) {
        ref_links_remove(&s);
    }
    ref_batch *batch = ref_zeroed(1, sizeof(*batch));
    batch->epoch = epoch;
    batch->g = g;
    deliver(&s, batch);
    sampler_clear(&s);
    return batch;
}

void ref_batch_free(ref_batch *batch)
{
    if (!batch) {
        return;
    }
    for (int i = 0; i < batch->num_tensors; i++) {
        free(batch->tensors[i].name);
        free(batch->tensors[i].data);
    }
    free(batch->tensors);
    free(batch);
}

const ref_tensor *ref_find(const ref_batch *batch, const char *name)
{
    for (int i = 0; i < batch->num_tensors; i++) {
        if (strcmp(batch->tensors[i].name, name) == 0) {
            return &batch->tensors[i];
        }
    }
    return NULL;
}

/* ---- 4.1 digest ------------------------------------------------------------------------------ */

static void hash_bytes(XXH3_state_t *state, const void *bytes, size_t n)
{
    if (n > 0) {
        (void)XXH3_64bits_update(state, bytes, n);
    }
}

/* The n low bytes of a value, lowest first. */
static void hash_value(XXH3_state_t *state, uint64_t value, int n)
{
    unsigned char bytes[8];
    for (int i = 0; i < n; i++) {
        bytes[i] = (unsigned char)(value >> (8 * i) & 0xFF);
    }
    hash_bytes(state, bytes, (size_t)n);
}

/* Tensor data is hashed as it lies in memory, which is right on a little-endian machine only. */
uint64_t ref_digest(const ref_batch *batch)
{
    XXH3_state_t *state = XXH3_createState();
    if (!state) {
        abort();
    }
    (void)XXH3_64bits_reset(state);
    hash_value(state, batch->epoch, 8);
    hash_value(state, batch->g, 8);
    for (int i = 0; i < batch->num_tensors; i++) {
        const ref_tensor *tensor = &batch->tensors[i];
        hash_bytes(state, tensor->name, strlen(tensor->name) + 1);
        hash_value(state, (uint64_t)tensor->code, 1);
        hash_value(state, (uint64_t)tensor->bits, 1);
        hash_value(state, (uint64_t)tensor->ndim, 1);
        for (int d = 0; d < tensor->ndim; d++) {
            hash_value(state, (uint64_t)tensor->shape[d], 8);
        }
        hash_bytes(state, tensor->data, tensor->bytes);
    }
    uint64_t digest = XXH3_64bits_digest(state);
    (void)XXH3_freeState(state);
    return digest;
}
