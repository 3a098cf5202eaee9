/* SPDX-License-Identifier: Apache-2.0 */
/* Sections 3.1, 7, 9 and 10 of docs/sampling.md: rows, and what is picked from them. */
#include "reference_inside.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { PURPOSE_UNIFORM = 2, PURPOSE_WEIGHTED = 4, PURPOSE_LABOR = 5 };

/* ---- 3.1 rows -------------------------------------------------------------------------------- */

static int compare_neighbours(const void *pa, const void *pb)
{
    const neighbour *a = pa;
    const neighbour *b = pb;
    if (a->node != b->node) {
        return a->node < b->node ? -1 : 1;
    }
    return a->edge < b->edge ? -1 : a->edge > b->edge;
}

rows ref_rows_build(const ref_edge_type *edges, int64_t owners, bool in_direction)
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

void ref_rows_free(rows *r)
{
    free(r->begin);
    free(r->entries);
}

/* ---- 9 times --------------------------------------------------------------------------------- */

static bool has_times(const sampler *s, int e)
{
    switch (s->plan->times) {
    case REF_TIMES_NODES:
        return s->graph->node_types[s->edges[e].target].times != NULL;
    case REF_TIMES_EDGES:
        return s->graph->edge_types[e].times != NULL;
    default:
        return false;
    }
}

static int64_t time_of(const sampler *s, int e, const neighbour *n)
{
    if (!has_times(s, e)) {
        return 0;
    }
    if (s->plan->times == REF_TIMES_NODES) {
        return s->graph->node_types[s->edges[e].target].times[n->node];
    }
    return s->graph->edge_types[e].times[n->edge];
}

/* tau - time is below 2^64 where it is not negative. */
static bool is_eligible(int64_t time, int64_t tau, int64_t window)
{
    if (time > tau) {
        return false;
    }
    return window == 0 || (uint64_t)tau - (uint64_t)time < (uint64_t)window;
}

static void keep_eligible(tree_row *row, int64_t tau, int64_t window)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < row->degree; i++) {
        if (is_eligible(row->entries[i].time, tau, window)) {
            row->entries[kept++] = row->entries[i];
        }
    }
    row->degree = kept;
}

/* Where no edge has a time this is the order of section 3.1. */
static int compare_by_time(const void *pa, const void *pb)
{
    const tree_edge *a = pa;
    const tree_edge *b = pb;
    if (a->time != b->time) {
        return a->time < b->time ? -1 : 1;
    }
    if (a->node != b->node) {
        return a->node < b->node ? -1 : 1;
    }
    return a->edge < b->edge ? -1 : a->edge > b->edge;
}

/* ---- 7.1 weights as integers ----------------------------------------------------------------- */

/* The row is whole and in its order. A cast to an integer is the floor: nothing is negative. */
static void weigh(tree_row *row, const float *weights)
{
    assert(row->degree <= (int64_t)1 << 31);
    double sum = 0;
    for (int64_t i = 0; i < row->degree; i++) {
        sum += (double)weights[row->entries[i].edge];
    }
    if (sum == 0) {
        return; /* all weights are 0, as the entries are made */
    }
    double scale = (double)(((int64_t)1 << 32) - 1 - row->degree);
    double prefix = 0;
    uint64_t above_zero = 0;
    uint64_t before = 0;
    for (int64_t i = 0; i < row->degree; i++) {
        float w = weights[row->entries[i].edge];
        prefix += (double)w;
        above_zero += w > 0;
        double quotient = prefix / sum;
        double product = quotient * scale;
        uint64_t c = above_zero + (uint64_t)product;
        row->entries[i].weight = c - before;
        before = c;
    }
}

/* ---- the row of a node of a tree ------------------------------------------------------------- */

/* Weights are those of the whole row, so they come before the edges that are not eligible go. */
tree_row ref_tree_row(const sampler *s, int e, int64_t tree, int64_t v)
{
    int64_t degree;
    const neighbour *whole = ref_row_of(&s->edges[e].rows, v, &degree);
    tree_row row = { tree, v, ref_zeroed(degree, sizeof(tree_edge)), degree };
    for (int64_t i = 0; i < degree; i++) {
        row.entries[i] = (tree_edge){ time_of(s, e, &whole[i]), whole[i].node, whole[i].edge, 0 };
    }
    qsort(row.entries, (size_t)degree, sizeof(tree_edge), compare_by_time);
    if (s->plan->weighted) {
        weigh(&row, s->graph->edge_types[e].weights);
    }
    if (has_times(s, e)) {
        keep_eligible(&row, s->tree_times.ids[tree], s->plan->window);
    }
    return row;
}

/* ---- 3.1 uniform picks ----------------------------------------------------------------------- */

static int64_t pick_all(int64_t d, int64_t *out)
{
    for (int64_t p = 0; p < d; p++) {
        out[p] = p;
    }
    return d;
}

/* Floyd's method. Looks for an earlier pick one by one: quadratic in k, and plainly right. */
static void pick_floyd(uint64_t key, uint64_t v, uint32_t tree, int64_t d, int64_t k, int64_t *out)
{
    for (int64_t i = 0; i < k; i++) {
        int64_t j = d - k + i;
        int64_t t = (int64_t)ref_draw(key, v, tree, (uint32_t)i, (uint64_t)j + 1, (uint64_t)d);
        out[i] = t;
        for (int64_t p = 0; p < i; p++) {
            if (out[p] == t) {
                out[i] = j;
            }
        }
    }
}

static int64_t pick_uniform(uint64_t key, uint64_t v, uint32_t tree, int64_t d, int64_t k,
                            bool replace, int64_t *out)
{
    if (k == 0 || d == 0) {
        return 0;
    }
    if (k == -1 || (!replace && d <= k)) {
        return pick_all(d, out);
    }
    if (!replace) {
        pick_floyd(key, v, tree, d, k, out);
        return k;
    }
    for (int64_t i = 0; i < k; i++) {
        out[i] = (int64_t)ref_draw(key, v, tree, (uint32_t)i, (uint64_t)d, (uint64_t)d);
    }
    return k;
}

int64_t ref_pick(uint64_t key, uint64_t v, int64_t d, int64_t k, bool replace, int64_t *out)
{
    return pick_uniform(key, v, 0, d, k, replace, out);
}

/* ---- 7.2 weighted picks ---------------------------------------------------------------------- */

/* The position p with r below the sum of all weights up to p, and not below that before p. */
static int64_t position_of(const uint64_t *weights, uint64_t r)
{
    int64_t p = 0;
    while (r >= weights[p]) {
        r -= weights[p];
        p++;
    }
    return p;
}

typedef struct weighted_draws {
    uint64_t key;
    const tree_row *row;
} weighted_draws;

/* On [0, n), in the form of 32 bits. */
static uint64_t draw_weight(const weighted_draws *draws, int64_t number, uint64_t n)
{
    return ref_draw(draws->key, (uint64_t)draws->row->v, (uint32_t)draws->row->tree,
                    (uint32_t)number, n, (uint64_t)1 << 32);
}

/* Tries, of which those count that give something new; then picks from what is left. What was picked weighs
 * nothing in `left`. */
static void pick_distinct(const weighted_draws *draws, const uint64_t *weights, uint64_t sum,
                          int64_t k, uint64_t *left, int64_t *out)
{
    const int64_t tries = k <= 64 ? 2 * k : 0;
    const uint64_t all = sum;
    int64_t n = 0;
    for (int64_t number = 0; n < k; number++) {
        bool trying = number < tries;
        int64_t p =
            position_of(trying ? weights : left, draw_weight(draws, number, trying ? all : sum));
        if (left[p] == 0) {
            continue;
        }
        out[n++] = p;
        sum -= left[p];
        left[p] = 0;
    }
}

static void pick_by_weight(uint64_t key, const tree_row *row, int64_t k, bool replace, int64_t *out)
{
    const weighted_draws draws = { key, row };
    uint64_t *weights = ref_zeroed(row->degree, sizeof(*weights));
    uint64_t *left = ref_zeroed(row->degree, sizeof(*left));
    uint64_t sum = 0;
    for (int64_t p = 0; p < row->degree; p++) {
        weights[p] = left[p] = row->entries[p].weight;
        sum += weights[p];
    }
    if (replace) {
        for (int64_t i = 0; i < k; i++) {
            out[i] = position_of(weights, draw_weight(&draws, i, sum));
        }
    } else {
        pick_distinct(&draws, weights, sum, k, left, out);
    }
    free(left);
    free(weights);
}

static int64_t pick_weighted(uint64_t key, const tree_row *row, int64_t k, bool replace,
                             int64_t *out)
{
    int64_t above_zero = 0; /* d+ */
    for (int64_t p = 0; p < row->degree; p++) {
        above_zero += row->entries[p].weight > 0;
    }
    if (k == 0 || above_zero == 0) {
        return 0;
    }
    if (k != -1 && (replace || above_zero > k)) {
        pick_by_weight(key, row, k, replace, out);
        return k;
    }
    int64_t n = 0;
    for (int64_t p = 0; p < row->degree; p++) {
        if (row->entries[p].weight > 0) {
            out[n++] = p;
        }
    }
    return n;
}

/* ---- 9 the last ------------------------------------------------------------------------------ */

static int64_t pick_last(int64_t d, int64_t k, int64_t *out)
{
    int64_t first = k == -1 || d <= k ? 0 : d - k;
    int64_t n = 0;
    for (int64_t p = first; p < d; p++) {
        out[n++] = p;
    }
    return n;
}

/* ---- 10 LABOR -------------------------------------------------------------------------------- */

static int64_t pick_labor(uint64_t key, const tree_row *row, int64_t k, int64_t *out)
{
    assert(row->degree <= (int64_t)1 << 32); /* so that the products have 64 bits */
    if (k == 0 || row->degree == 0) {
        return 0;
    }
    if (k == -1 || row->degree <= k) {
        return pick_all(row->degree, out);
    }
    int64_t n = 0;
    for (int64_t p = 0; p < row->degree; p++) {
        uint64_t word = ref_word32(key, (uint64_t)row->entries[p].node, 0, 0);
        if (word * (uint64_t)row->degree < (uint64_t)k << 32) {
            out[n++] = p;
        }
    }
    return n;
}

/* ---- what a plan picks ----------------------------------------------------------------------- */

static uint64_t key_for(const sampler *s, uint64_t purpose, int hop, int type)
{
    return ref_phase_key(s->plan->seed, s->epoch, s->g, purpose, (uint64_t)hop, (uint64_t)type);
}

int64_t ref_tree_pick(const sampler *s, int hop, int e, const tree_row *row, int64_t *out)
{
    const ref_plan *plan = s->plan;
    int64_t k = plan->fanout[e * plan->hops + hop];
    if (plan->labor != REF_LABOR_NONE) {
        int layer = plan->labor == REF_LABOR_LAYERS ? 0 : hop;
        return pick_labor(key_for(s, PURPOSE_LABOR, layer, s->edges[e].target), row, k, out);
    }
    if (plan->last) {
        return pick_last(row->degree, k, out);
    }
    if (plan->weighted) {
        return pick_weighted(key_for(s, PURPOSE_WEIGHTED, hop, e), row, k, plan->replace, out);
    }
    return pick_uniform(key_for(s, PURPOSE_UNIFORM, hop, e), (uint64_t)row->v, (uint32_t)row->tree,
                        row->degree, k, plan->replace, out);
}
