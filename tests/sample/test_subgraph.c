/* SPDX-License-Identifier: Apache-2.0 */
/* Induced subgraphs: docs/sampling.md, section 11, on graphs made by hand, and on random ones against all
 * their edges. The nodes are those that the same plan reaches without the option. */
#include "engine/sample/plan.h"
#include "engine/sample/team.h"
#include "seine/seine.h"
#include "support/scale.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t noise(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* -- Graphs ------------------------------------------------------------------------------------ */

enum { TYPES = 2, EDGE_TYPES = 3, MOST_NODES = 300, MOST_EDGES = 8000 };

typedef struct edge_set {
    int32_t src, dst; /* node types */
    int64_t count;
    int64_t ends[2 * MOST_EDGES]; /* sources, then destinations */
} edge_set;

/* One node type and one edge type, or a, b and a__r__b, b__s__a, a__t__a. */
typedef struct graph {
    bool typed;
    int64_t nodes[TYPES];
    int32_t y[TYPES][MOST_NODES];
    edge_set edges[EDGE_TYPES];
} graph;

static const char *const type_names[] = { "a", "b" }, *const relations[] = { "r", "s", "t" };
static const int32_t ends_of[][2] = { { 0, 1 }, { 1, 0 }, { 0, 0 } };
static const char *const delivered[2][EDGE_TYPES] = { { "b__rev_r__a", "a__rev_s__b", "a__t__a" },
                                                      { "a__r__b", "b__s__a", "a__t__a" } };

static sn_tensor vector_of(void *data, uint8_t bits, int64_t count)
{
    return (sn_tensor){ data, { SN_INT, bits }, 1, { count, 1, 1, 1 } };
}

static sn_dataset *dataset_of(graph *g)
{
    sn_node_spec nodes[TYPES] = { 0 };
    sn_edge_spec edges[EDGE_TYPES] = { 0 };
    int32_t types = g->typed ? TYPES : 1, edge_types = g->typed ? EDGE_TYPES : 1;
    for (int32_t t = 0; t < types; t++) {
        nodes[t].name = g->typed ? type_names[t] : NULL;
        nodes[t].count = g->nodes[t];
        nodes[t].y.tensor = vector_of(g->y[t], 32, g->nodes[t]);
        for (int32_t v = 0; v < g->nodes[t]; v++)
            g->y[t][v] = 1000 * t + v;
    }
    for (int32_t e = 0; e < edge_types; e++) {
        if (g->typed) {
            edges[e].src = type_names[g->edges[e].src];
            edges[e].rel = relations[e];
            edges[e].dst = type_names[g->edges[e].dst];
        }
        edges[e].edge_index.tensor =
            (sn_tensor){ g->edges[e].ends, { SN_INT, 64 }, 2, { 2, g->edges[e].count, 1, 1 } };
    }
    sn_dataset *dataset;
    sn_status status =
        sn_dataset_create(SN_DATASET_SPEC(.num_node_types = types, .node_types = nodes,
                                          .num_edge_types = edge_types, .edge_types = edges),
                          &dataset);
    ck_assert_msg(status == SN_OK, "%s", sn_error_detail());
    return dataset;
}

static void set_edges(graph *g, int32_t type, const int64_t (*pairs)[2], int64_t count)
{
    edge_set *of = &g->edges[type];
    of->src = g->typed ? ends_of[type][0] : 0;
    of->dst = g->typed ? ends_of[type][1] : 0;
    of->count = count;
    for (int64_t i = 0; i < count; i++) {
        of->ends[i] = pairs[i][0];
        of->ends[count + i] = pairs[i][1];
    }
}

/* -- Batches ----------------------------------------------------------------------------------- */

static sn_batch *sample(sn_dataset *dataset, const sn_plan_options *options, int32_t threads,
                        int64_t number)
{
    sn_plan *plan;
    sn_sampler *sampler;
    sn_batch *batch;
    sn_status status = sn_plan_create(dataset, options, &plan);
    ck_assert_msg(status == SN_OK, "%s", sn_error_detail());
    ck_assert_int_eq(sn_sampler_create(plan, &sampler), SN_OK);
    ck_assert_int_eq(sn_sampler_set_threads(sampler, threads), SN_OK);
    for (int i = 0; i < 2; i++) { /* the second one in memory that has held another */
        status = sn_sampler_sample(sampler, 1, i == 0 ? 0 : number, &batch);
        ck_assert_msg(status == SN_OK, "%s", sn_error_detail());
        if (i == 0)
            sn_batch_release(batch);
    }
    sn_sampler_release(sampler);
    sn_plan_release(plan);
    return batch;
}

/* Tensor `name` of a type; in homogeneous graphs `prefix` is NULL. */
static const sn_tensor *find(const sn_batch *batch, const char *prefix, const char *name)
{
    char full[64];
    snprintf(full, sizeof full, "%s%s%s", prefix != NULL ? prefix : "", prefix != NULL ? "." : "",
             name);
    const sn_tensor *tensor = sn_batch_find(batch, full);
    ck_assert_msg(tensor != NULL, "no %s", full);
    return tensor;
}

static void expect_ids(const sn_batch *batch, const char *prefix, const char *name,
                       const int64_t *wanted, int64_t count)
{
    const sn_tensor *tensor = find(batch, prefix, name);
    ck_assert_int_eq(sn_tensor_count(tensor), count);
    for (int64_t i = 0; i < count; i++)
        ck_assert_msg(((const int64_t *)tensor->data)[i] == wanted[i], "%s[%lld] is %lld, not %lld",
                      name, (long long)i, (long long)((const int64_t *)tensor->data)[i],
                      (long long)wanted[i]);
}
#define EXPECT(batch, prefix, name, ...)                              \
    expect_ids(batch, prefix, name, (const int64_t[]){ __VA_ARGS__ }, \
               (int64_t)(sizeof((const int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)))

static void expect_names(const sn_batch *batch, const char *wanted)
{
    char names[256] = "";
    const char *name;
    for (int32_t i = 0; sn_batch_tensor(batch, i, &name) != NULL; i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i > 0 ? " " : "",
                 name);
    ck_assert_str_eq(names, wanted);
}

/* -- By hand ----------------------------------------------------------------------------------- */

/* Two parallel edges 2 -> 5, self loops at 5 (twice) and 7; node 6 is alone. */
static const int64_t some_edges[][2] = { { 2, 5 }, { 5, 7 }, { 5, 5 }, { 7, 2 }, { 2, 5 }, { 7, 7 },
                                         { 0, 2 }, { 2, 3 }, { 3, 7 }, { 5, 5 }, { 1, 0 } };
static const int64_t one[] = { 1, 1 }, all[] = { -1 }, none[] = { 0 };

static sn_dataset *small_graph(void)
{
    static graph g;
    g = (graph){ .nodes = { 8 } };
    set_edges(&g, 0, some_edges, 11);
    return dataset_of(&g);
}

START_TEST(subgraph_without_hops_has_the_edges_among_its_seeds)
{
    int64_t ids[] = { 7, 2, 7, 6, 5, 2 };
    sn_tensor input = vector_of(ids, 64, 6);
    sn_dataset *dataset = small_graph();
    sn_batch *batch = sample(dataset,
                             SN_PLAN_OPTIONS(.input = &input, .with_edge = true, .subgraph = true,
                                             .labels = SN_LABELS_SEEDS),
                             1, 0);
    expect_names(batch, "node row col edge y batch mapping");
    EXPECT(batch, NULL, "node", 2, 5, 6, 7);
    EXPECT(batch, NULL, "row", 1, 1, 1, 1, 3, 0, 3);
    EXPECT(batch, NULL, "col", 0, 0, 1, 1, 1, 3, 3);
    EXPECT(batch, NULL, "edge", 0, 4, 2, 9, 1, 3, 5);
    EXPECT(batch, NULL, "batch", 7, 2, 6, 5);
    EXPECT(batch, NULL, "mapping", 3, 0, 3, 2, 1, 0);
    ck_assert_mem_eq(find(batch, NULL, "y")->data, ((int32_t[]){ 7, 2, 6, 5 }), 16);
    sn_batch_info info = sn_batch_get_info(batch);
    ck_assert_int_eq(info.num_nodes, 4);
    ck_assert_int_eq(info.num_edges, 7);
    sn_batch_release(batch);

    batch = sample(dataset,
                   SN_PLAN_OPTIONS(.input = &input, .with_edge = true, .subgraph = true,
                                   .dir = SN_DIR_IN, .labels = SN_LABELS_ALL),
                   1, 0);
    EXPECT(batch, NULL, "node", 2, 5, 6, 7);
    EXPECT(batch, NULL, "row", 3, 0, 0, 1, 1, 1, 3);
    EXPECT(batch, NULL, "col", 0, 1, 1, 1, 1, 3, 3);
    EXPECT(batch, NULL, "edge", 3, 0, 4, 2, 9, 1, 5);
    ck_assert_mem_eq(find(batch, NULL, "y")->data, ((int32_t[]){ 2, 5, 6, 7 }), 16);
    sn_batch_release(batch);
    sn_dataset_release(dataset);
}
END_TEST

START_TEST(subgraph_of_hops_has_all_edges_whatever_the_fanout)
{
    int64_t ids[] = { 1, 6 };
    sn_tensor input = vector_of(ids, 64, 2);
    sn_dataset *dataset = small_graph();
    /* 1 -> 0 -> 2, each with one neighbour. */
    sn_batch *batch =
        sample(dataset,
               SN_PLAN_OPTIONS(.input = &input, .hops = 2, .fanout = one, .subgraph = true), 1, 0);
    expect_names(batch, "node row col batch mapping");
    EXPECT(batch, NULL, "node", 0, 1, 2, 6);
    EXPECT(batch, NULL, "row", 2, 0);
    EXPECT(batch, NULL, "col", 0, 1);
    EXPECT(batch, NULL, "batch", 1, 6);
    EXPECT(batch, NULL, "mapping", 1, 3);
    sn_batch_release(batch);

    ids[0] = 2;
    batch = sample(dataset,
                   SN_PLAN_OPTIONS(.input = &input, .hops = 1, .fanout = all, .subgraph = true,
                                   .with_edge = true),
                   1, 0);
    EXPECT(batch, NULL, "node", 2, 3, 5, 6);
    EXPECT(batch, NULL, "edge", 7, 0, 4, 2, 9);
    EXPECT(batch, NULL, "row", 1, 2, 2, 2, 2);
    EXPECT(batch, NULL, "col", 0, 0, 0, 2, 2);
    sn_batch_release(batch);

    ids[0] = 6; /* alone, and its own hop is of no use */
    batch = sample(dataset,
                   SN_PLAN_OPTIONS(.input = &input, .hops = 1, .fanout = none, .subgraph = true,
                                   .with_edge = true),
                   1, 0);
    EXPECT(batch, NULL, "node", 6);
    EXPECT(batch, NULL, "mapping", 0, 0);
    expect_ids(batch, NULL, "row", NULL, 0);
    expect_ids(batch, NULL, "edge", NULL, 0);
    sn_batch_release(batch);
    sn_dataset_release(dataset);
}
END_TEST

START_TEST(subgraph_of_a_typed_graph_has_edges_of_all_types)
{
    static const int64_t a_to_b[][2] = { { 0, 3 }, { 2, 1 }, { 2, 3 }, { 1, 0 } },
                         b_to_a[][2] = { { 3, 2 }, { 1, 2 }, { 1, 1 } },
                         a_to_a[][2] = { { 2, 0 }, { 0, 0 }, { 1, 2 } };
    static const int64_t fanout[] = { -1, 0, 0 };
    static graph g = { .typed = true, .nodes = { 3, 4 } };
    int64_t ids[] = { 2, 0, 2 };
    sn_tensor input = vector_of(ids, 64, 3);
    set_edges(&g, 0, a_to_b, 4);
    set_edges(&g, 1, b_to_a, 3);
    set_edges(&g, 2, a_to_a, 3);
    sn_dataset *dataset = dataset_of(&g);
    sn_batch *batch =
        sample(dataset,
               SN_PLAN_OPTIONS(.input = &input, .hops = 1, .fanout = fanout, .per_edge_type = true,
                               .with_edge = true, .labels = SN_LABELS_SEEDS, .subgraph = true),
               1, 0);
    expect_names(batch, "a.node b.node b__rev_r__a.row a__rev_s__b.row a__t__a.row b__rev_r__a.col "
                        "a__rev_s__b.col a__t__a.col b__rev_r__a.edge a__rev_s__b.edge "
                        "a__t__a.edge a.y a.batch a.mapping");
    EXPECT(batch, "a", "node", 0, 2);
    EXPECT(batch, "b", "node", 1, 3);
    EXPECT(batch, "a", "batch", 2, 0);
    EXPECT(batch, "a", "mapping", 1, 0, 1);
    EXPECT(batch, "b__rev_r__a", "row", 1, 0, 1);
    EXPECT(batch, "b__rev_r__a", "col", 0, 1, 1);
    EXPECT(batch, "b__rev_r__a", "edge", 0, 1, 2);
    EXPECT(batch, "a__rev_s__b", "row", 1, 1);
    EXPECT(batch, "a__rev_s__b", "col", 0, 1);
    EXPECT(batch, "a__rev_s__b", "edge", 1, 0);
    EXPECT(batch, "a__t__a", "row", 0, 0);
    EXPECT(batch, "a__t__a", "col", 0, 1);
    EXPECT(batch, "a__t__a", "edge", 1, 0);
    ck_assert_mem_eq(find(batch, "a", "y")->data, ((int32_t[]){ 2, 0 }), 8);
    sn_batch_release(batch);
    sn_dataset_release(dataset);
}
END_TEST

/* -- Against all edges ------------------------------------------------------------------------- */

typedef struct listed {
    int64_t from, neighbour, id;
} listed;

static int compare_listed(const void *a, const void *b)
{
    const listed *x = a, *y = b;
    int64_t difference = x->from != y->from             ? x->from - y->from
                         : x->neighbour != y->neighbour ? x->neighbour - y->neighbour
                                                        : x->id - y->id;
    return difference < 0 ? -1 : difference > 0;
}

static int compare_ids(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* A set of nodes: place + 1 of each. */
typedef int64_t places[MOST_NODES];

/* The nodes of a type, which are those of `plain`, ascending. */
static void check_nodes(const sn_batch *batch, const sn_batch *plain, const char *prefix,
                        places out)
{
    const sn_tensor *reached = find(plain, prefix, "node");
    int64_t sorted[MOST_NODES], count = sn_tensor_count(reached);
    memcpy(sorted, reached->data, (size_t)count * sizeof *sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, compare_ids);
    expect_ids(batch, prefix, "node", sorted, count);
    memset(out, 0, sizeof(places));
    for (int64_t i = 0; i < count; i++)
        out[sorted[i]] = i + 1;
}

static void check_edges(const graph *g, const sn_batch *batch, int32_t type, bool in, places *of)
{
    static listed list[MOST_EDGES];
    static int64_t row[MOST_EDGES], col[MOST_EDGES], edge[MOST_EDGES];
    const edge_set *e = &g->edges[type];
    const int64_t *src = e->ends, *dst = e->ends + e->count;
    int64_t kept = 0;
    for (int64_t i = 0; i < e->count; i++)
        list[i] = (listed){ in ? dst[i] : src[i], in ? src[i] : dst[i], i };
    qsort(list, (size_t)e->count, sizeof *list, compare_listed);
    for (int64_t i = 0; i < e->count; i++) {
        int64_t from = of[in ? e->dst : e->src][list[i].from];
        int64_t to = of[in ? e->src : e->dst][list[i].neighbour];
        if (from == 0 || to == 0)
            continue;
        row[kept] = to - 1;
        col[kept] = from - 1;
        edge[kept++] = list[i].id;
    }
    const char *prefix = g->typed ? delivered[in][type] : NULL;
    expect_ids(batch, prefix, "row", row, kept);
    expect_ids(batch, prefix, "col", col, kept);
    expect_ids(batch, prefix, "edge", edge, kept);
}

static void expect_equal(const sn_batch *a, const sn_batch *b, const char *prefix, const char *name)
{
    const sn_tensor *x = find(a, prefix, name), *y = find(b, prefix, name);
    ck_assert_int_eq(sn_tensor_bytes(x), sn_tensor_bytes(y));
    ck_assert_mem_eq(x->data, y->data, (size_t)sn_tensor_bytes(x));
}

static void check_batch(graph *g, sn_dataset *dataset, const sn_plan_options *options,
                        int64_t number)
{
    sn_plan_options without = *options, narrow = *options;
    bool in = options->dir == SN_DIR_IN;
    places of[TYPES];
    without.subgraph = false;
    narrow.index = SN_INDEX_INT32;
    sn_batch *batch = sample(dataset, options, 1, number),
             *plain = sample(dataset, &without, 1, number),
             *small = sample(dataset, &narrow, 3, number);
    for (int32_t t = 0; t < (g->typed ? TYPES : 1); t++)
        check_nodes(batch, plain, g->typed ? type_names[t] : NULL, of[t]);
    for (int32_t e = 0; e < (g->typed ? EDGE_TYPES : 1); e++)
        check_edges(g, batch, e, in, of);

    const char *prefix = g->typed ? type_names[options->input_type] : NULL;
    const int64_t *input = options->input->data;
    int64_t first = number * options->batch_size, left = options->input->shape[0] - first;
    int64_t count = left < options->batch_size ? left : options->batch_size;
    int64_t mapping[64];
    for (int64_t i = 0; i < count; i++)
        mapping[i] = of[options->input_type][input[first + i]] - 1;
    expect_ids(batch, prefix, "mapping", mapping, count);
    expect_equal(batch, plain, prefix, "batch");
    if (options->labels == SN_LABELS_SEEDS)
        expect_equal(batch, plain, prefix, "y");
    ck_assert_uint_eq(sn_batch_digest(batch), sn_batch_digest(small));
    sn_batch_release(batch);
    sn_batch_release(plain);
    sn_batch_release(small);
}

static int64_t below(uint64_t *state, int64_t n)
{
    return (int64_t)(noise(state) % (uint64_t)n);
}

/* Some have hubs, whose rows are longer than a piece. */
static void draw_graph(graph *g, uint64_t *state)
{
    memset(g, 0, sizeof *g);
    g->typed = noise(state) % 2 == 0;
    for (int32_t t = 0; t < TYPES; t++)
        g->nodes[t] = 1 + below(state, noise(state) % 2 == 0 ? 12 : MOST_NODES);
    for (int32_t e = 0; e < (g->typed ? EDGE_TYPES : 1); e++) {
        edge_set *of = &g->edges[e];
        of->src = g->typed ? ends_of[e][0] : 0;
        of->dst = g->typed ? ends_of[e][1] : 0;
        of->count = below(state, noise(state) % 4 == 0 ? MOST_EDGES : 1000);
        bool hub = noise(state) % 3 == 0;
        for (int64_t i = 0; i < of->count; i++) {
            bool at_hub = hub && noise(state) % 4 != 0;
            of->ends[i] = at_hub ? 0 : below(state, g->nodes[of->src]);
            of->ends[of->count + i] = below(state, g->nodes[of->dst]);
        }
    }
}

START_TEST(subgraphs_equal_all_edges_among_the_nodes)
{
    static graph g;
    uint64_t state = sn_test_seed() ^ 0x737562;
    sn__team_least_blocks = 1;
    for (int64_t round = sn_test_scale(100); round > 0; round--) {
        int64_t ids[64], fanout[3];
        draw_graph(&g, &state);
        sn_dataset *dataset = dataset_of(&g);
        for (int way = 0; way < 4; way++) {
            int32_t type = g.typed ? (int32_t)(noise(&state) % 2) : 0;
            int64_t count = 1 + below(&state, 64), size = 1 + below(&state, 64);
            for (int64_t i = 0; i < count; i++)
                ids[i] = below(&state, g.nodes[type]);
            for (int h = 0; h < 3; h++)
                fanout[h] = below(&state, 6) - 1;
            sn_tensor input = vector_of(ids, 64, count);
            check_batch(&g, dataset,
                        SN_PLAN_OPTIONS(.input_type = type, .input = &input, .batch_size = size,
                                        .hops = (int32_t)(noise(&state) % 4), .fanout = fanout,
                                        .dir = way % 2 == 0 ? SN_DIR_OUT : SN_DIR_IN,
                                        .replace = noise(&state) % 4 == 0, .with_edge = true,
                                        .labels = SN_LABELS_SEEDS, .seed = noise(&state),
                                        .subgraph = true),
                        below(&state, (count + size - 1) / size));
        }
        sn_dataset_release(dataset);
    }
}
END_TEST

/* -- What is refused --------------------------------------------------------------------------- */

START_TEST(subgraph_of_links_is_refused)
{
    sn_dataset *dataset = small_graph();
    const sn_link_options *links = SN_LINK_OPTIONS(.edge_type = 0);
    sn_plan *plan = (sn_plan *)&dataset; /* set on success only */
    ck_assert_int_eq(
        sn_plan_create(dataset, SN_PLAN_OPTIONS(.links = links, .subgraph = true), &plan),
        SN_E_INVALID);
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "plan: subgraph and links"));
    ck_assert_ptr_eq(plan, (sn_plan *)&dataset);
    sn_dataset_release(dataset);
}
END_TEST

/* A file may hold anything: an error, and the sampler goes on. */
START_TEST(subgraph_over_damaged_rows_is_an_error)
{
    static const int64_t falling[] = { 0, 3, 2, 5, 5, 5, 5, 5, 11 },
                         beyond[] = { 0, 1, 2, 5, 5, 5, 5, 5, 12 };
    static const int32_t strange[] = { 2, 0, 8, 5, 5, 7, 5, 5, 7, 2, 7 };
    sn_dataset *dataset = small_graph();
    sn_plan *plan;
    sn_sampler *sampler;
    sn_batch *batch;
    ck_assert_int_eq(
        sn_plan_create(dataset, SN_PLAN_OPTIONS(.subgraph = true, .with_edge = true), &plan),
        SN_OK);
    ck_assert_int_eq(sn_sampler_create(plan, &sampler), SN_OK);
    sn__rows *rows = &plan->edges[0].rows;
    const sn__rows good = *rows;
    ck_assert(!good.wide);
    for (int i = 0; i < 3; i++) {
        *rows = good;
        rows->indptr = i == 0 ? falling : i == 1 ? beyond : good.indptr;
        rows->indices = i == 2 ? strange : good.indices;
        ck_assert_int_eq(sn_sampler_sample(sampler, 0, 0, &batch), SN_E_CORRUPT);
        ck_assert_ptr_nonnull(strstr(sn_error_detail(), "edge type node__to__node"));
        *rows = good;
        ck_assert_int_eq(sn_sampler_sample(sampler, 0, 0, &batch), SN_OK);
        ck_assert_int_eq(sn_batch_get_info(batch).num_edges, 11);
        sn_batch_release(batch);
    }
    sn_sampler_release(sampler);
    sn_plan_release(plan);
    sn_dataset_release(dataset);
}
END_TEST

/* -- Loaders ----------------------------------------------------------------------------------- */

START_TEST(subgraphs_are_the_same_with_any_number_of_workers)
{
    static graph g;
    uint64_t state = 5;
    int64_t fanout[] = { 3, 2 };
    draw_graph(&g, &state);
    sn_dataset *dataset = dataset_of(&g);
    sn_plan *plan;
    sn_sampler *sampler;
    ck_assert_int_eq(sn_plan_create(dataset,
                                    SN_PLAN_OPTIONS(.batch_size = 3, .shuffle = true, .hops = 2,
                                                    .fanout = fanout, .with_edge = true,
                                                    .labels = SN_LABELS_SEEDS, .subgraph = true),
                                    &plan),
                     SN_OK);
    ck_assert_int_eq(sn_sampler_create(plan, &sampler), SN_OK);
    for (int32_t workers = 0; workers <= 2; workers++) {
        sn_loader *loader;
        sn_batch *got, *wanted;
        sn_status status =
            sn_subgraph_loader_create(plan, SN_LOADER_OPTIONS(.workers = workers), &loader);
        ck_assert_msg(status == SN_OK, "%s", sn_error_detail());
        ck_assert_int_eq(sn_loader_begin(loader, 2), SN_OK);
        for (int64_t step = 0; step < sn_plan_num_steps(plan); step++) {
            ck_assert_int_eq(sn_loader_next(loader, SN_WAIT_DEFAULT, &got), SN_OK);
            ck_assert_int_eq(sn_sampler_sample_step(sampler, 2, step, &wanted), SN_OK);
            ck_assert_uint_eq(sn_batch_digest(got), sn_batch_digest(wanted));
            sn_batch_release(got);
            sn_batch_release(wanted);
        }
        ck_assert_int_eq(sn_loader_next(loader, SN_WAIT_DEFAULT, &got), SN_E_END);
        sn_loader_release(loader);
    }
    sn_sampler_release(sampler);
    sn_plan_release(plan);
    sn_dataset_release(dataset);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("subgraph");
    TCase *tests = tcase_create("subgraph");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, subgraph_without_hops_has_the_edges_among_its_seeds);
    tcase_add_test(tests, subgraph_of_hops_has_all_edges_whatever_the_fanout);
    tcase_add_test(tests, subgraph_of_a_typed_graph_has_edges_of_all_types);
    tcase_add_test(tests, subgraphs_equal_all_edges_among_the_nodes);
    tcase_add_test(tests, subgraph_of_links_is_refused);
    tcase_add_test(tests, subgraph_over_damaged_rows_is_an_error);
    tcase_add_test(tests, subgraphs_are_the_same_with_any_number_of_workers);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
