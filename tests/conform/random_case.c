/* SPDX-License-Identifier: Apache-2.0 */
#include "random_case.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_NODE_TYPES = 3, MOST_EDGE_TYPES = 5, MOST_HOPS = 6 };

/* SplitMix64: any generator will do here, as long as it is not the library's. */
static uint64_t state;

static uint64_t next(void)
{
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static int64_t below(int64_t n)
{
    return (int64_t)(next() % (uint64_t)n);
}

static bool one_in(int64_t n)
{
    return below(n) == 0;
}

static void *own(random_case *c, int64_t count, size_t size)
{
    void *block = calloc(count > 0 ? (size_t)count : 1, size);
    if (block == NULL || c->num_owned == (int)(sizeof c->owned / sizeof c->owned[0]))
        abort();
    c->owned[c->num_owned++] = block;
    return block;
}

/* Random bytes of a random type: they are moved, never interpreted. */
static ref_array random_rows(random_case *c, int64_t rows, bool labels)
{
    static const struct {
        int code, bits;
    } types[] = { { 0, 64 }, { 0, 8 }, { 2, 32 }, { 2, 16 }, { 1, 8 }, { 0, 32 }, { 2, 64 } };
    size_t type = (size_t)below(labels ? 2 : 7);
    ref_array array = { .code = types[type].code, .bits = types[type].bits, .ndim = 1 };
    array.shape[0] = rows;
    int64_t bytes = rows * array.bits / 8;
    if (!labels && !one_in(4)) {
        array.ndim = one_in(4) ? 3 : 2;
        for (int d = 1; d < array.ndim; d++) {
            array.shape[d] = 1 + below(9);
            bytes *= array.shape[d];
        }
    }
    uint8_t *data = own(c, bytes, 1);
    for (int64_t i = 0; i < bytes; i++)
        data[i] = (uint8_t)next();
    array.data = data;
    return array;
}

static void random_edges(random_case *c, ref_edge_type *edge, int64_t sources, int64_t targets)
{
    int64_t count = sources == 0 || targets == 0 || one_in(12) ? 0 : below(4 * sources + 8);
    int64_t *from = own(c, count, sizeof *from), *to = own(c, count, sizeof *to);
    /* Some graphs use a part of their ids only, some have a hub, some repeat pairs. */
    int64_t few_sources = one_in(3) ? 1 + below(sources > 0 ? sources : 1) : sources;
    int64_t few_targets = one_in(3) ? 1 + below(targets > 0 ? targets : 1) : targets;
    bool hub = one_in(4);
    for (int64_t i = 0; i < count; i++) {
        from[i] = hub && one_in(2) ? few_sources / 2 : below(few_sources);
        to[i] = below(few_targets);
        if (i > 0 && one_in(8)) {
            from[i] = from[i - 1];
            to[i] = to[i - 1];
        }
    }
    edge->count = count;
    edge->from = from;
    edge->to = to;
}

/* Few values, so that some are equal; some graphs have the ends of the range. */
static int64_t *random_times(random_case *c, int64_t count)
{
    int64_t *times = own(c, count, sizeof *times);
    int64_t range = one_in(3) ? 4 : 1000;
    bool ends = one_in(6);
    for (int64_t i = 0; i < count; i++) {
        times[i] = below(range) - range / 4;
        if (ends && one_in(4))
            times[i] = one_in(2) ? INT64_MAX - below(2) : INT64_MIN + below(2);
    }
    return times;
}

/* With zeros, or very different ones, or all equal. */
static float *random_weights(random_case *c, int64_t count)
{
    static const float steep[] = { 1e-30f, 1e-6f, 1, 1e6f, 3e38f };
    float *weights = own(c, count, sizeof *weights);
    int kind = (int)below(4);
    bool zeros = one_in(2);
    for (int64_t i = 0; i < count; i++) {
        weights[i] = kind == 0 ? 1 : kind == 1 ? steep[below(5)] : (float)(1 + below(1000)) / 100;
        if (zeros && one_in(3))
            weights[i] = 0;
    }
    return weights;
}

static void random_graph(random_case *c)
{
    static const char *const names[MOST_NODE_TYPES] = { "paper", "author", "a_b" };
    static const char *const relations[MOST_EDGE_TYPES] = { "cites", "writes", "rev_writes", "has",
                                                            "to" };
    bool typed = one_in(2), weighted = one_in(2);
    int node_types = typed ? 1 + (int)below(MOST_NODE_TYPES) : 1;
    int edge_types = typed ? 1 + (int)below(MOST_EDGE_TYPES) : 1;
    ref_node_type *nodes = own(c, node_types, sizeof *nodes);
    ref_edge_type *edges = own(c, edge_types, sizeof *edges);
    for (int t = 0; t < node_types; t++) {
        int64_t count = one_in(10) ? below(3) : 1 + below(40);
        nodes[t] = (ref_node_type){ .name = names[t], .count = count };
        if (!one_in(4))
            nodes[t].x = random_rows(c, count, false);
        if (!one_in(4))
            nodes[t].y = random_rows(c, count, true);
        if (one_in(2))
            nodes[t].times = random_times(c, count);
    }
    for (int e = 0; e < edge_types; e++) {
        int src = (int)below(node_types), dst = (int)below(node_types);
        edges[e] = (ref_edge_type){ .src = names[src], .rel = relations[e], .dst = names[dst] };
        random_edges(c, &edges[e], nodes[src].count, nodes[dst].count);
        if (!one_in(3))
            edges[e].x = random_rows(c, edges[e].count, false);
        if (one_in(2))
            edges[e].times = random_times(c, edges[e].count);
        if (weighted)
            edges[e].weights = random_weights(c, edges[e].count);
    }
    c->graph = (ref_graph){ node_types, nodes, edge_types, edges };
}

static int64_t random_fanout(void)
{
    switch (below(8)) {
    case 0:
        return -1;
    case 1:
        return 0;
    case 2:
        return 60 + below(200); /* above the limit at which picks are kept in a set */
    default:
        return 1 + below(6);
    }
}

static void random_nodes(random_case *c)
{
    ref_plan *plan = &c->plan;
    plan->seed_type = (int)below(c->graph.num_node_types);
    int64_t nodes = c->graph.node_types[plan->seed_type].count;
    plan->num_input = nodes == 0 || one_in(15) ? 0 : 1 + below(2 * nodes);
    int64_t *input = own(c, plan->num_input, sizeof *input);
    for (int64_t i = 0; i < plan->num_input; i++)
        input[i] = below(nodes); /* duplicates happen */
    plan->input = input;
}

/* -- Links ------------------------------------------------------------------------------------- */

static int64_t nodes_of(const ref_graph *graph, const char *type)
{
    for (int t = 0; t < graph->num_node_types; t++)
        if (strcmp(graph->node_types[t].name, type) == 0)
            return graph->node_types[t].count;
    abort();
}

/* Half of them edges, half of them any two nodes. */
static void random_pairs(random_case *c, const ref_edge_type *edge)
{
    ref_plan *plan = &c->plan;
    int64_t sources = nodes_of(&c->graph, edge->src), targets = nodes_of(&c->graph, edge->dst);
    plan->num_input = sources == 0 || targets == 0 || one_in(15) ? 0 : 1 + below(60);
    int64_t *src = own(c, plan->num_input, sizeof *src),
            *dst = own(c, plan->num_input, sizeof *dst);
    for (int64_t i = 0; i < plan->num_input; i++) {
        int64_t e = edge->count > 0 ? below(edge->count) : 0;
        bool real = edge->count > 0 && one_in(2);
        src[i] = real ? edge->from[e] : below(sources);
        dst[i] = real ? edge->to[e] : below(targets);
    }
    plan->link_src = src;
    plan->link_dst = dst;
}

/* Of one of the four types that are taken; from 0, from 1, or with negative ones. */
static void random_link_labels(random_case *c)
{
    int64_t n = c->plan.num_input, first = below(3) - 1;
    int kind = (int)below(4), bits = kind % 2 == 0 ? 32 : 64;
    void *data = own(c, n, 8);
    for (int64_t i = 0; i < n; i++) {
        int64_t label = first + below(4);
        if (kind == 0)
            ((int32_t *)data)[i] = (int32_t)label;
        else if (kind == 1)
            ((int64_t *)data)[i] = label;
        else if (kind == 2)
            ((float *)data)[i] = (float)label * 1.5f;
        else
            ((double *)data)[i] = (double)label / 3;
    }
    c->plan.link_labels = (ref_array){
        .data = data, .code = kind < 2 ? 0 : 2, .bits = bits, .ndim = 1, .shape = { n, 0, 0, 0 }
    };
}

static void random_links(random_case *c)
{
    static const double amounts[] = { 0.1, 0.5, 1, 1.3, 3 };
    ref_plan *plan = &c->plan;
    plan->links = true;
    plan->link_type = (int)below(c->graph.num_edge_types);
    const ref_edge_type *edge = &c->graph.edge_types[plan->link_type];
    if (one_in(3)) { /* all edges, by edge id */
        plan->link_src = edge->from;
        plan->link_dst = edge->to;
        plan->num_input = edge->count;
    } else {
        random_pairs(c, edge);
    }
    plan->neg = (int)below(3);
    if (plan->neg != REF_NEG_TRIPLET && one_in(2))
        random_link_labels(c);
    if (plan->neg != REF_NEG_NONE) {
        plan->neg_amount = plan->neg == REF_NEG_BINARY ? amounts[below(5)] : 1 + (double)below(4);
        plan->neg_tries = 1 + (int)below(one_in(8) ? 40 : 6);
        plan->neg_non_strict = one_in(3);
        plan->neg_by_degree = edge->count > 0 && one_in(3);
    }
    plan->remove_links = one_in(2);
}

/* -- Kinds ------------------------------------------------------------------------------------- */

/* Whether an edge type has such times, in the plan's direction. */
static bool has_times(const random_case *c, int times)
{
    for (int e = 0; e < c->graph.num_edge_types; e++) {
        const ref_edge_type *edge = &c->graph.edge_types[e];
        const char *end = c->plan.in_direction ? edge->src : edge->dst;
        if (times == REF_TIMES_EDGES && edge->times != NULL)
            return true;
        for (int t = 0; times == REF_TIMES_NODES && t < c->graph.num_node_types; t++)
            if (strcmp(c->graph.node_types[t].name, end) == 0 &&
                c->graph.node_types[t].times != NULL)
                return true;
    }
    return false;
}

/* Whether seeds have times of their own. */
static bool has_seed_times(const random_case *c)
{
    const ref_plan *plan = &c->plan;
    if (!plan->links)
        return c->graph.node_types[plan->seed_type].times != NULL;
    const ref_edge_type *edge = &c->graph.edge_types[plan->link_type];
    return plan->link_src == edge->from && edge->times != NULL;
}

static void random_temporal(random_case *c)
{
    ref_plan *plan = &c->plan;
    int times = one_in(2) ? REF_TIMES_EDGES : REF_TIMES_NODES;
    if (!has_times(c, times))
        return;
    plan->times = times;
    plan->window = one_in(2) ? 0 : 1 + below(one_in(2) ? 400 : 5);
    plan->last = !plan->weighted && !plan->replace && one_in(2);
    if (!has_seed_times(c) || one_in(2))
        plan->seed_times = random_times(c, plan->num_input);
}

static void random_kind(random_case *c)
{
    ref_plan *plan = &c->plan;
    plan->weighted = c->graph.edge_types[0].weights != NULL && !one_in(3);
    plan->disjoint = one_in(2);
    if (plan->disjoint && !one_in(5))
        random_temporal(c);
    if (!plan->weighted && !plan->disjoint && !plan->replace && one_in(2))
        plan->labor = one_in(2) ? REF_LABOR : REF_LABOR_LAYERS;
    plan->subgraph = !plan->links && !plan->disjoint && one_in(3);
}

static void random_plan(random_case *c)
{
    ref_plan *plan = &c->plan;
    if (one_in(2))
        random_links(c);
    else
        random_nodes(c);
    plan->batch_size = 1 + below(one_in(3) ? 100 : 12);
    plan->shuffle = one_in(2);
    plan->drop_last = one_in(3);
    plan->seed = one_in(4) ? (uint64_t)below(3) : next();
    plan->hops = one_in(10) ? MOST_HOPS : (int)below(4);
    int64_t *fanout = own(c, (int64_t)c->graph.num_edge_types * plan->hops, sizeof *fanout);
    for (int i = 0; i < c->graph.num_edge_types * plan->hops; i++)
        fanout[i] = random_fanout();
    plan->fanout = fanout;
    plan->in_direction = one_in(2);
    plan->replace = one_in(3);
    plan->with_edge = !one_in(3);
    plan->features = !one_in(3);
    plan->labels = (int)below(3);
    plan->world = 1 + below(one_in(2) ? 4 : 1);
    plan->rank = below(plan->world);
    plan->uneven = (int)below(3);
    if (!one_in(4))
        random_kind(c);
    c->epoch = one_in(3) ? next() : (uint64_t)below(4);
}

void random_case_init(random_case *c, uint64_t seed, uint64_t number)
{
    *c = (random_case){ 0 };
    state = seed * 0x9E3779B97F4A7C15u + number;
    (void)next();
    random_graph(c);
    random_plan(c);
}

void random_case_deinit(random_case *c)
{
    for (int i = 0; i < c->num_owned; i++)
        free(c->owned[i]);
    *c = (random_case){ 0 };
}

void random_case_print(uint64_t seed, int64_t count)
{
    static const char *const names[] = { "links",           "weighted", "disjoint",
                                         "temporal",        "latest",   "LABOR",
                                         "layer-dependent", "replace",  "subgraph" };
    int64_t found[9] = { 0 };
    for (int64_t i = 0; i < count; i++) {
        random_case c;
        random_case_init(&c, seed, (uint64_t)i);
        const ref_plan *p = &c.plan;
        const bool is[9] = { p->links,
                             p->weighted,
                             p->disjoint,
                             p->times != REF_TIMES_NONE,
                             p->last,
                             p->labor != REF_LABOR_NONE,
                             p->labor == REF_LABOR_LAYERS,
                             p->replace,
                             p->subgraph };
        for (int k = 0; k < 9; k++)
            found[k] += is[k];
        random_case_deinit(&c);
    }
    printf("%" PRId64 " random cases of seed %" PRIu64 ":", count, seed);
    for (int k = 0; k < 9; k++)
        printf("%s %" PRId64 " %s", k > 0 ? "," : "", found[k], names[k]);
    printf("\n");
}
