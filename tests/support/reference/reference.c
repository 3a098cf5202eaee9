/* SPDX-License-Identifier: Apache-2.0 */
/* Sections 3, 4 and 8 of docs/sampling.md: a batch and its digest. */
#include "reference_inside.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

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

/* ---- 3.2 and 8 hops and local ids ------------------------------------------------------------ */

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
        s->nodes[t].newest = ref_zeroed(count, sizeof(int64_t));
        for (int64_t v = 0; v < count; v++) {
            s->nodes[t].newest[v] = -1;
        }
    }
    s->edges = ref_zeroed(graph->num_edge_types, sizeof(*s->edges));
    for (int e = 0; e < graph->num_edge_types; e++) {
        const ref_edge_type *type = &graph->edge_types[e];
        edge_state *edges = &s->edges[e];
        edges->source = ref_node_type_of(graph, in ? type->dst : type->src);
        edges->target = ref_node_type_of(graph, in ? type->src : type->dst);
        edges->rows = ref_rows_build(type, graph->node_types[edges->source].count, in);
    }
}

static void sampler_clear(sampler *s)
{
    for (int t = 0; t < s->graph->num_node_types; t++) {
        free(s->nodes[t].nodes.ids);
        free(s->nodes[t].trees.ids);
        free(s->nodes[t].newest);
        free(s->nodes[t].older.ids);
        free(s->nodes[t].seeds.ids);
        free(s->nodes[t].per_hop.ids);
    }
    for (int e = 0; e < s->graph->num_edge_types; e++) {
        edge_state *edges = &s->edges[e];
        ref_rows_free(&edges->rows);
        free(edges->row.ids);
        free(edges->col.ids);
        free(edges->edge.ids);
        free(edges->per_hop.ids);
    }
    free(s->nodes);
    free(s->edges);
    free(s->inputs.ids);
    free(s->tree_times.ids);
    ref_links_clear(s);
}

int64_t ref_tree(const sampler *s, int64_t i)
{
    return s->plan->disjoint ? i : 0;
}

int64_t ref_local_id(const node_state *state, int64_t tree, int64_t v)
{
    int64_t id = state->newest[v];
    while (id >= 0 && state->trees.ids[id] != tree) {
        id = state->older.ids[id];
    }
    return id;
}

int64_t ref_visit(node_state *state, int64_t tree, int64_t v)
{
    int64_t id = ref_local_id(state, tree, v);
    if (id < 0) {
        id = state->nodes.len;
        ref_list_push(&state->nodes, v);
        ref_list_push(&state->trees, tree);
        ref_list_push(&state->older, state->newest[v]);
        state->newest[v] = id;
    }
    return id;
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

/* Section 9: where no times are given, a seed has the time of its node. */
static void visit_nodes(sampler *s)
{
    const ref_plan *plan = s->plan;
    for (int64_t i = 0; i < s->inputs.len; i++) {
        int64_t at = s->inputs.ids[i];
        int64_t v = plan->input[at];
        (void)ref_visit(&s->nodes[plan->seed_type], ref_tree(s, i), v);
        if (plan->times != REF_TIMES_NONE) {
            const int64_t *times = s->graph->node_types[plan->seed_type].times;
            ref_list_push(&s->tree_times, plan->seed_times ? plan->seed_times[at] : times[v]);
        }
    }
}

static void visit_seeds(sampler *s)
{
    find_inputs(s);
    if (s->plan->links) {
        ref_links_visit(s);
    } else {
        visit_nodes(s);
    }
    for (int t = 0; t < s->graph->num_node_types; t++) {
        node_state *state = &s->nodes[t];
        for (int64_t i = 0; i < state->nodes.len; i++) {
            ref_list_push(&state->seeds, state->nodes.ids[i]);
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
    int64_t before = edges->row.len;
    for (int64_t f = from->frontier_begin; f < from->frontier_end; f++) {
        int64_t tree = from->trees.ids[f];
        tree_row row = ref_tree_row(s, e, tree, from->nodes.ids[f]);
        int64_t *picks = ref_zeroed(row.degree > k ? row.degree : k, sizeof(*picks));
        int64_t n = ref_tree_pick(s, hop, e, &row, picks);
        for (int64_t p = 0; p < n; p++) {
            const tree_edge *pick = &row.entries[picks[p]];
            ref_list_push(&edges->row, ref_visit(&s->nodes[edges->target], tree, pick->node));
            ref_list_push(&edges->col, f);
            ref_list_push(&edges->edge, pick->edge);
        }
        free(picks);
        free(row.entries);
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

void ref_add_index(ref_batch *batch, char *name, const id_list *list, int64_t n)
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
        ref_add_index(batch, edge_name(s, e, "row"), &s->edges[e].row, s->edges[e].row.len);
    }
    for (int e = 0; e < types; e++) {
        ref_add_index(batch, edge_name(s, e, "col"), &s->edges[e].col, s->edges[e].col.len);
    }
    for (int e = 0; e < types && s->plan->with_edge; e++) {
        ref_add_index(batch, edge_name(s, e, "edge"), &s->edges[e].edge, s->edges[e].edge.len);
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
            add_rows(batch, node_name(s, t, "y"), y, &s->nodes[t].seeds, s->nodes[t].seeds.len);
        }
    }
}

static void deliver_counts(const sampler *s, ref_batch *batch)
{
    for (int t = 0; t < s->graph->num_node_types; t++) {
        const id_list *counts = &s->nodes[t].per_hop;
        ref_add_index(batch, node_name(s, t, "num_sampled_nodes"), counts, counts->len);
    }
    for (int e = 0; e < s->graph->num_edge_types; e++) {
        const id_list *counts = &s->edges[e].per_hop;
        ref_add_index(batch, edge_name(s, e, "num_sampled_edges"), counts, counts->len);
    }
}

/* Sections 6.4, 8 and 11: what comes behind the tensors of section 4. */
static void deliver_more(const sampler *s, ref_batch *batch)
{
    if (s->plan->links) {
        ref_links_deliver(s, batch);
    }
    if (s->plan->subgraph) {
        ref_induced_deliver(s, batch);
    }
    for (int t = 0; t < s->graph->num_node_types && s->plan->disjoint; t++) {
        const id_list *trees = &s->nodes[t].trees;
        ref_add_index(batch, node_name(s, t, "tree"), trees, trees->len);
    }
    if (s->plan->links) {
        ref_links_deliver_exhausted(s, batch);
    }
}

static void deliver(const sampler *s, ref_batch *batch)
{
    const ref_graph *graph = s->graph;
    for (int t = 0; t < graph->num_node_types; t++) {
        ref_add_index(batch, node_name(s, t, "node"), &s->nodes[t].nodes, s->nodes[t].nodes.len);
    }
    deliver_edges(s, batch);
    deliver_features(s, batch);
    deliver_labels(s, batch);
    for (int t = 0; t < graph->num_node_types; t++) {
        if (has_seeds(s, t)) {
            ref_add_index(batch, node_name(s, t, "batch"), &s->nodes[t].seeds,
                          s->nodes[t].seeds.len);
        }
    }
    if (!s->plan->subgraph) {
        deliver_counts(s, batch);
    }
    deliver_more(s, batch);
}

/* The page refuses the other combinations. */
static void check_plan(const ref_plan *plan)
{
    bool timed = plan->times != REF_TIMES_NONE;
    bool labor = plan->labor != REF_LABOR_NONE;
    assert(!timed || plan->disjoint);
    assert(timed || (!plan->last && plan->window == 0));
    assert(!plan->last || (!plan->replace && !plan->weighted && !labor));
    assert(!labor || (!plan->weighted && !plan->disjoint && !plan->replace));
    assert(!plan->subgraph || (!plan->links && !plan->disjoint));
    (void)timed;
    (void)labor;
    (void)plan;
}

ref_batch *ref_sample(const ref_graph *graph, const ref_plan *plan, uint64_t epoch, uint64_t g)
{
    assert(g < (uint64_t)ref_num_batches(plan));
    check_plan(plan);
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
    if (plan->subgraph) {
        ref_induce(&s);
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
