/* SPDX-License-Identifier: Apache-2.0 */
/* Section 6 of docs/sampling.md, also where its trees are disjoint (8) and have times (9): pairs for
 * seeds, negatives, removed links and their tensors. */
#include "reference_inside.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { PURPOSE_NEGATIVE = 3, DEFAULT_TRIES = 5, CODE_INT = 0, CODE_UINT = 1, CODE_FLOAT = 2 };

typedef struct pair {
    int64_t src, dst;
} pair;

static const ref_edge_type *link_edges(const sampler *s)
{
    return &s->graph->edge_types[s->plan->link_type];
}

/* ---- 6.1 negatives --------------------------------------------------------------------------- */

/* The edge at a position when all rows are laid one after the other by ascending node. */
static pair edge_at(const sampler *s, int64_t position)
{
    const rows *r = &s->edges[s->plan->link_type].rows;
    int64_t owner = 0;
    while (position >= r->begin[owner + 1]) {
        owner++;
    }
    int64_t degree;
    const neighbour *row = ref_row_of(r, owner, &degree);
    int64_t other = row[position - r->begin[owner]].node;
    return s->plan->in_direction ? (pair){ other, owner } : (pair){ owner, other };
}

/* end(i, U) of negative (p, w), with U = S for a source and U = D for a destination. */
static int64_t draw_end(const sampler *s, int64_t p, int64_t w, uint32_t i, bool source)
{
    assert(w <= (int64_t)UINT32_MAX);
    const ref_plan *plan = s->plan;
    uint64_t key =
        ref_phase_key(plan->seed, s->epoch, s->g, PURPOSE_NEGATIVE, 0, (uint64_t)plan->link_type);
    if (plan->neg_by_degree) {
        uint64_t num_edges = (uint64_t)link_edges(s)->count;
        uint64_t r = ref_draw(key, (uint64_t)p, (uint32_t)w, i, num_edges, num_edges);
        pair edge = edge_at(s, (int64_t)r);
        return source ? edge.src : edge.dst;
    }
    int type = source ? s->links.src_type : s->links.dst_type;
    uint64_t count = (uint64_t)s->graph->node_types[type].count;
    return (int64_t)ref_draw(key, (uint64_t)p, (uint32_t)w, i, count, count);
}

/* Try t of negative (p, w). */
static pair draw_try(const sampler *s, int64_t p, int64_t w, int t)
{
    pair negative;
    if (s->plan->neg == REF_NEG_TRIPLET) {
        negative.src = s->links.src.ids[p];
    } else {
        negative.src = draw_end(s, p, w, 2 * (uint32_t)t, true);
    }
    negative.dst = draw_end(s, p, w, 2 * (uint32_t)t + 1, false);
    return negative;
}

static bool is_edge(const sampler *s, pair wanted)
{
    const ref_edge_type *edges = link_edges(s);
    for (int64_t i = 0; i < edges->count; i++) {
        if (edges->from[i] == wanted.src && edges->to[i] == wanted.dst) {
            return true;
        }
    }
    return false;
}

/* Negative (p, w); *exhausted: all tries were edges, and this is the one after them. */
static pair draw_negative(const sampler *s, int64_t p, int64_t w, bool *exhausted)
{
    int tries = s->plan->neg_tries > 0 ? s->plan->neg_tries : DEFAULT_TRIES;
    *exhausted = false;
    if (s->plan->neg_non_strict) {
        return draw_try(s, p, w, 0);
    }
    for (int t = 0; t < tries; t++) {
        pair negative = draw_try(s, p, w, t);
        if (!is_edge(s, negative)) {
            return negative;
        }
    }
    *exhausted = true;
    return draw_try(s, p, w, tries);
}

static void add_negative(sampler *s, int64_t p, int64_t w)
{
    bool exhausted;
    pair negative = draw_negative(s, p, w, &exhausted);
    if (exhausted && s->plan->neg == REF_NEG_BINARY) {
        s->links.dropped++;
        return;
    }
    ref_list_push(&s->links.neg_src, negative.src);
    ref_list_push(&s->links.neg_dst, negative.dst);
    ref_list_push(&s->links.neg_marked, exhausted);
    ref_list_push(&s->links.neg_pair, p);
}

/* Mode binary: how many negatives the batch asks for. */
static int64_t num_wanted(int64_t num_pairs, double amount)
{
    double product = (double)num_pairs * amount;
    int64_t whole = (int64_t)product;
    return (double)whole < product ? whole + 1 : whole;
}

static void add_negatives(sampler *s)
{
    const ref_plan *plan = s->plan;
    int64_t num_pairs = s->links.src.len;
    if (plan->neg == REF_NEG_BINARY) {
        int64_t wanted = num_wanted(num_pairs, plan->neg_amount);
        for (int64_t j = 0; j < wanted; j++) {
            add_negative(s, j % num_pairs, j / num_pairs);
        }
    }
    if (plan->neg == REF_NEG_TRIPLET) {
        for (int64_t p = 0; p < num_pairs; p++) {
            for (int64_t w = 0; w < (int64_t)plan->neg_amount; w++) {
                add_negative(s, p, w);
            }
        }
    }
}

/* ---- 6.2, 8 and 9 seeds ---------------------------------------------------------------------- */

/* The numbers of the first trees of the ends of pairs and negatives; those of the sources of pairs
 * begin with 0. Triplets have no trees for sources of negatives. */
static int64_t first_dst_tree(const sampler *s)
{
    return s->links.src.len;
}

static int64_t first_neg_src_tree(const sampler *s)
{
    return 2 * s->links.src.len;
}

static int64_t first_neg_dst_tree(const sampler *s)
{
    int64_t sources = s->plan->neg == REF_NEG_BINARY ? s->links.neg_src.len : 0;
    return first_neg_src_tree(s) + sources;
}

static void visit_all(sampler *s, int type, const id_list *list, int64_t first_tree)
{
    for (int64_t i = 0; i < list->len; i++) {
        (void)ref_visit(&s->nodes[type], ref_tree(s, first_tree + i), list->ids[i]);
    }
}

/* Where no times are given, the links are all edges of e. */
static int64_t time_of_pair(const sampler *s, int64_t p)
{
    const int64_t *times = s->plan->seed_times ? s->plan->seed_times : link_edges(s)->times;
    return times[s->inputs.ids[p]];
}

static void time_pairs(sampler *s)
{
    for (int64_t p = 0; p < s->links.src.len; p++) {
        ref_list_push(&s->tree_times, time_of_pair(s, p));
    }
}

static void time_negatives(sampler *s)
{
    for (int64_t j = 0; j < s->links.neg_pair.len; j++) {
        ref_list_push(&s->tree_times, time_of_pair(s, s->links.neg_pair.ids[j]));
    }
}

/* In the order of the trees. */
static void time_trees(sampler *s)
{
    time_pairs(s);
    time_pairs(s);
    if (s->plan->neg == REF_NEG_BINARY) {
        time_negatives(s);
    }
    time_negatives(s);
}

/* One order serves both cases: if S and D differ, each has a list of its own. */
void ref_links_visit(sampler *s)
{
    link_state *links = &s->links;
    links->src_type = ref_node_type_of(s->graph, link_edges(s)->src);
    links->dst_type = ref_node_type_of(s->graph, link_edges(s)->dst);
    for (int64_t p = 0; p < s->inputs.len; p++) {
        ref_list_push(&links->src, s->plan->link_src[s->inputs.ids[p]]);
        ref_list_push(&links->dst, s->plan->link_dst[s->inputs.ids[p]]);
    }
    add_negatives(s);
    visit_all(s, links->src_type, &links->src, 0);
    visit_all(s, links->dst_type, &links->dst, first_dst_tree(s));
    if (s->plan->neg == REF_NEG_BINARY) {
        visit_all(s, links->src_type, &links->neg_src, first_neg_src_tree(s));
    }
    visit_all(s, links->dst_type, &links->neg_dst, first_neg_dst_tree(s));
    if (s->plan->times != REF_TIMES_NONE) {
        time_trees(s);
    }
}

/* ---- 6.3 removed links ----------------------------------------------------------------------- */

/* Whether `other` is the relation `rel` turned around. */
static bool is_reversed(const char *rel, const char *other)
{
    if (strncmp(rel, "rev_", 4) == 0 && rel[4] != '\0') {
        return strcmp(other, rel + 4) == 0;
    }
    return strncmp(other, "rev_", 4) == 0 && strcmp(other + 4, rel) == 0;
}

/* Whether edge type t is in R. */
static bool leads_back(const sampler *s, int t)
{
    const ref_edge_type *e = link_edges(s);
    const ref_edge_type *type = &s->graph->edge_types[t];
    if (strcmp(type->src, e->dst) != 0 || strcmp(type->dst, e->src) != 0) {
        return false;
    }
    return t == s->plan->link_type || is_reversed(e->rel, type->rel);
}

/* Whether some pair of the batch is src, dst. */
static bool is_pair(const sampler *s, int64_t src, int64_t dst)
{
    for (int64_t p = 0; p < s->links.src.len; p++) {
        if (s->links.src.ids[p] == src && s->links.dst.ids[p] == dst) {
            return true;
        }
    }
    return false;
}

static bool is_removed(const sampler *s, int t, int64_t edge)
{
    int64_t from = s->graph->edge_types[t].from[edge];
    int64_t to = s->graph->edge_types[t].to[edge];
    if (t == s->plan->link_type && is_pair(s, from, to)) {
        return true;
    }
    return leads_back(s, t) && is_pair(s, to, from);
}

static void remove_from(const sampler *s, int t)
{
    edge_state *edges = &s->edges[t];
    int64_t kept = 0;
    int64_t begin = 0;
    for (int64_t hop = 0; hop < edges->per_hop.len; hop++) {
        int64_t end = begin + edges->per_hop.ids[hop];
        for (int64_t i = begin; i < end; i++) {
            if (is_removed(s, t, edges->edge.ids[i])) {
                edges->per_hop.ids[hop]--;
                continue;
            }
            edges->row.ids[kept] = edges->row.ids[i];
            edges->col.ids[kept] = edges->col.ids[i];
            edges->edge.ids[kept] = edges->edge.ids[i];
            kept++;
        }
        begin = end;
    }
    edges->row.len = kept;
    edges->col.len = kept;
    edges->edge.len = kept;
}

void ref_links_remove(sampler *s)
{
    for (int t = 0; t < s->graph->num_edge_types; t++) {
        remove_from(s, t);
    }
}

/* ---- 6.4 tensors ----------------------------------------------------------------------------- */

static char *link_name(const sampler *s, const char *name)
{
    const ref_edge_type *e = link_edges(s);
    char *type = ref_join(e->src, "__", e->rel, "__", e->dst);
    char *full = ref_full_name(s, type, name);
    free(type);
    return full;
}

/* Writes the local ids of a list of nodes of type t; returns the place behind them. */
static int64_t *put_local(const sampler *s, int64_t *to, int t, const id_list *list,
                          int64_t first_tree)
{
    for (int64_t i = 0; i < list->len; i++) {
        *to++ = ref_local_id(&s->nodes[t], ref_tree(s, first_tree + i), list->ids[i]);
    }
    return to;
}

static void add_label_index(const sampler *s, ref_batch *batch)
{
    const link_state *links = &s->links;
    int64_t width = links->src.len + links->neg_src.len;
    ref_array like = { .code = CODE_INT, .bits = 64, .ndim = 2, .shape = { 2, width } };
    ref_tensor *tensor = ref_add_tensor(batch, link_name(s, "edge_label_index"), &like, 2);
    int64_t *to = tensor->data;
    to = put_local(s, to, links->src_type, &links->src, 0);
    to = put_local(s, to, links->src_type, &links->neg_src, first_neg_src_tree(s));
    to = put_local(s, to, links->dst_type, &links->dst, first_dst_tree(s));
    (void)put_local(s, to, links->dst_type, &links->neg_dst, first_neg_dst_tree(s));
}

/* A label as a number: every float32 and int32 is a binary64, and of an int64 the sign is right. */
static double label_value(const ref_array *labels, int64_t i)
{
    if (labels->code == CODE_FLOAT) {
        return labels->bits == 32 ? (double)((const float *)labels->data)[i]
                                  : ((const double *)labels->data)[i];
    }
    return labels->bits == 32 ? (double)((const int32_t *)labels->data)[i]
                              : (double)((const int64_t *)labels->data)[i];
}

/* Whether the smallest label of all N is 0; what is not a number is passed over. */
static bool smallest_is_zero(const ref_plan *plan)
{
    bool zero = false;
    for (int64_t i = 0; i < plan->num_input; i++) {
        double label = label_value(&plan->link_labels, i);
        if (label < 0) {
            return false;
        }
        zero = zero || label == 0;
    }
    return zero;
}

/* Integers wrap; a float is rounded to its own type. */
static void add_one(void *label, int code, int bits)
{
    if (code == CODE_FLOAT && bits == 32) {
        *(float *)label += 1.0F;
    } else if (code == CODE_FLOAT) {
        *(double *)label += 1.0;
    } else if (bits == 32) {
        *(uint32_t *)label += 1;
    } else {
        *(uint64_t *)label += 1;
    }
}

/* Rows are zeroed, so negatives have 0. */
static void add_given_labels(const sampler *s, ref_batch *batch)
{
    const ref_plan *plan = s->plan;
    const ref_array *labels = &plan->link_labels;
    assert(labels->ndim == 1);
    bool shift = plan->neg == REF_NEG_BINARY && smallest_is_zero(plan);
    int64_t n = s->links.src.len + s->links.neg_src.len;
    size_t width = (size_t)labels->bits / 8;
    ref_tensor *tensor = ref_add_tensor(batch, link_name(s, "edge_label"), labels, n);
    for (int64_t p = 0; p < s->inputs.len; p++) {
        char *to = (char *)tensor->data + (size_t)p * width;
        memcpy(to, (const char *)labels->data + (size_t)s->inputs.ids[p] * width, width);
        if (shift) {
            add_one(to, labels->code, labels->bits);
        }
    }
}

static void add_plain_labels(const sampler *s, ref_batch *batch)
{
    ref_array like = { .code = CODE_FLOAT, .bits = 32, .ndim = 1 };
    int64_t n = s->links.src.len + s->links.neg_src.len;
    ref_tensor *tensor = ref_add_tensor(batch, link_name(s, "edge_label"), &like, n);
    float *labels = tensor->data;
    for (int64_t p = 0; p < s->links.src.len; p++) {
        labels[p] = 1.0F;
    }
}

static void add_triplets(const sampler *s, ref_batch *batch)
{
    const link_state *links = &s->links;
    int64_t amount = (int64_t)s->plan->neg_amount;
    int64_t num_pairs = links->src.len;
    ref_array like = { .code = CODE_INT, .bits = 64, .ndim = 1 };
    ref_tensor *sources = ref_add_tensor(batch, link_name(s, "src_index"), &like, num_pairs);
    (void)put_local(s, sources->data, links->src_type, &links->src, 0);
    ref_tensor *ends = ref_add_tensor(batch, link_name(s, "dst_pos_index"), &like, num_pairs);
    (void)put_local(s, ends->data, links->dst_type, &links->dst, first_dst_tree(s));
    if (amount > 1) {
        like.ndim = 2;
        like.shape[1] = amount;
    }
    ref_tensor *negatives = ref_add_tensor(batch, link_name(s, "dst_neg_index"), &like, num_pairs);
    (void)put_local(s, negatives->data, links->dst_type, &links->neg_dst, first_neg_dst_tree(s));
}

static void add_mask(const sampler *s, ref_batch *batch)
{
    const id_list *marked = &s->links.neg_marked;
    ref_array like = { .code = CODE_UINT, .bits = 8, .ndim = 1 };
    if (s->plan->neg_amount > 1) {
        like.ndim = 2;
        like.shape[1] = (int64_t)s->plan->neg_amount;
    }
    ref_tensor *mask = ref_add_tensor(batch, link_name(s, "neg_mask"), &like, s->links.src.len);
    for (int64_t i = 0; i < marked->len; i++) {
        ((uint8_t *)mask->data)[i] = (uint8_t)marked->ids[i];
    }
}

void ref_links_deliver(const sampler *s, ref_batch *batch)
{
    const ref_plan *plan = s->plan;
    if (plan->neg == REF_NEG_TRIPLET) {
        assert(!plan->link_labels.data);
        add_triplets(s, batch);
        return;
    }
    add_label_index(s, batch);
    if (plan->link_labels.data) {
        add_given_labels(s, batch);
    } else if (plan->neg == REF_NEG_BINARY) {
        add_plain_labels(s, batch);
    }
}

void ref_links_deliver_exhausted(const sampler *s, ref_batch *batch)
{
    if (s->plan->neg == REF_NEG_TRIPLET) {
        add_mask(s, batch);
    }
    if (s->plan->neg == REF_NEG_BINARY) {
        ref_array like = { .code = CODE_INT, .bits = 64, .ndim = 1 };
        ref_tensor *tensor = ref_add_tensor(batch, link_name(s, "num_neg_dropped"), &like, 1);
        *(int64_t *)tensor->data = s->links.dropped;
    }
}

void ref_links_clear(sampler *s)
{
    link_state *links = &s->links;
    free(links->src.ids);
    free(links->dst.ids);
    free(links->neg_src.ids);
    free(links->neg_dst.ids);
    free(links->neg_marked.ids);
    free(links->neg_pair.ids);
}
