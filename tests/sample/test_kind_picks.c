/* SPDX-License-Identifier: Apache-2.0 */
/* What weights, times, trees and LABOR promise of the picks: docs/sampling.md, sections 7 to 10, on graphs made by
 * hand and on random ones. Frequencies are held against bounds that hold with all but certainty, and a seed
 * decides them. */
#include "hand.h"
#include "support/scale.h"

#include <check.h>
#include <math.h>
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

static const int64_t one[] = { 1 }, two[] = { 2 }, all[] = { -1 };

/* -- Weights ----------------------------------------------------------------------------------- */

enum { NODES = 60, MOST_EDGES = 3000 };

/* A random graph; about half of the edges, and all of some nodes, have no weight. */
typedef struct weighed {
    int64_t edges, src[MOST_EDGES], dst[MOST_EDGES];
    float weights[MOST_EDGES];
    int64_t times[MOST_EDGES];
} weighed;

static sn_dataset *draw_weighed(weighed *g, bool times, uint64_t *state)
{
    static const float some[] = { 0, 0, -0.0f, 1, 0.25f, 3, 1e-30f, 1e30f };
    int some_of = 4 + (int)(noise(state) % 5);
    g->edges = 0;
    for (int64_t v = 0; v < NODES; v++) {
        int64_t degree = (int64_t)(noise(state) % (v % 7 == 0 ? 50 : 9));
        for (int64_t i = 0; i < degree && g->edges < MOST_EDGES; i++) {
            g->src[g->edges] = v;
            g->dst[g->edges] = (int64_t)(noise(state) % NODES);
            g->times[g->edges] = (int64_t)(noise(state) % 20);
            g->weights[g->edges++] = v % 5 == 2 ? 0 : some[noise(state) % (uint64_t)some_of];
        }
    }
    return hand_dataset(&(hand){ .nodes = NODES,
                                 .edges = g->edges,
                                 .src = g->src,
                                 .dst = g->dst,
                                 .weights = g->weights,
                                 .times = times ? g->times : NULL });
}

/* Positions of a node's edges in `edges` that have weight. */
static int64_t with_weight(const weighed *g, const sn_adjacency *rows, int64_t v, int64_t *ids)
{
    int64_t count = 0;
    for (int64_t at = rows->indptr[v]; at < rows->indptr[v + 1]; at++) {
        int64_t id = rows->edge_ids != NULL ? rows->edge_ids[at] : at;
        if (g->weights[id] > 0)
            ids[count++] = id;
    }
    return count;
}

/* One hop from all nodes: what each node's row gave. */
static void check_rows(const weighed *g, sn_dataset *dataset, const sn_plan_options *options,
                       const sn_batch *batch)
{
    sn_edge_info info;
    int64_t picks, at = 0;
    ck_assert_int_eq(sn_dataset_edge_type(dataset, 0, &info), SN_OK);
    const sn_adjacency *rows = options->dir == SN_DIR_IN ? &info.csc : &info.csr;
    const int64_t *node = hand_of(batch, "node", NULL), *col = hand_of(batch, "col", NULL),
                  *row = hand_of(batch, "row", NULL), *edge = hand_of(batch, "edge", &picks);
    int64_t fanout = options->fanout[0], none = 0, elsewhere = 0, twice = 0, wrong = 0;
    for (int64_t seed = 0; seed < NODES; seed++) { /* an assertion is a system call: they wait */
        int64_t ids[MOST_EDGES], begin = at, there = with_weight(g, rows, node[seed], ids);
        for (; at < picks && col[at] == seed; at++) {
            int64_t from = options->dir == SN_DIR_IN ? node[row[at]] : node[seed],
                    to = options->dir == SN_DIR_IN ? node[seed] : node[row[at]];
            none += !(g->weights[edge[at]] > 0);
            elsewhere += g->src[edge[at]] != from || g->dst[edge[at]] != to;
            for (int64_t i = begin; i < at && !options->replace; i++)
                twice += edge[i] == edge[at];
        }
        bool whole = fanout == -1 || (!options->replace && there <= fanout);
        wrong += at - begin != (whole || there == 0 ? there : fanout);
        for (int64_t i = 0; whole && i < there && begin + i < picks; i++) /* in the row's order */
            wrong += edge[begin + i] != ids[i];
    }
    ck_assert_int_eq(at, picks);
    ck_assert_msg(none + elsewhere + twice + wrong == 0,
                  "%lld edges without weight, %lld of other rows, %lld twice, %lld wrong rows",
                  (long long)none, (long long)elsewhere, (long long)twice, (long long)wrong);
}

START_TEST(edges_without_weight_are_never_picked)
{
    static const int64_t fanouts[] = { -1, 1, 2, 5, 15, 16, 17, 40, 70 };
    static weighed g;
    uint64_t state = sn_test_seed() ^ 0x77656967;
    for (int64_t round = sn_test_scale(20); round > 0; round--) {
        sn_dataset *dataset = draw_weighed(&g, false, &state);
        for (int way = 0; way < 4 * 9; way++) {
            const sn_plan_options *options =
                SN_PLAN_OPTIONS(.batch_size = NODES, .hops = 1, .fanout = &fanouts[way / 4],
                                .weighted = true, .replace = way % 2 == 1, .with_edge = true,
                                .dir = way / 2 % 2 == 0 ? SN_DIR_OUT : SN_DIR_IN,
                                .seed = noise(&state));
            sn_sampler *sampler = hand_sampler(dataset, options);
            for (uint64_t epoch = 0; epoch < 10; epoch++) {
                sn_batch *batch = hand_batch(sampler, epoch, 0);
                check_rows(&g, dataset, options, batch);
                sn_batch_release(batch);
            }
            sn_sampler_release(sampler);
        }
        sn_dataset_release(dataset);
    }
}
END_TEST

/* The same where the rows are in the order of time, and only some of each counts. */
START_TEST(edges_without_weight_or_too_late_are_never_picked)
{
    static const int64_t fanouts[] = { -1, 1, 3, 15, 40 };
    static weighed g;
    uint64_t state = sn_test_seed() ^ 0x74696d65;
    int64_t until[NODES];
    const sn_tensor times = hand_ids(until, NODES);
    for (int64_t round = sn_test_scale(60); round > 0; round--) {
        sn_dataset *dataset = draw_weighed(&g, true, &state);
        for (int i = 0; i < NODES; i++)
            until[i] = (int64_t)(noise(&state) % 24) - 2;
        for (int way = 0; way < 2 * 5; way++) {
            int64_t window = (int64_t)(noise(&state) % 12), picks;
            sn_batch *batch = hand_sample(
                dataset,
                SN_PLAN_OPTIONS(.batch_size = NODES, .hops = 1, .fanout = &fanouts[way / 2],
                                .weighted = true, .replace = way % 2 == 1, .with_edge = true,
                                .disjoint = true,
                                .temporal =
                                    SN_TEMPORAL_OPTIONS(.window = window, .seed_times = &times)));
            const int64_t *edge = hand_of(batch, "edge", &picks),
                          *col = hand_of(batch, "col", NULL), *tree = hand_of(batch, "tree", NULL);
            int64_t counted[NODES] = { 0 }, there[NODES] = { 0 }, wrong = 0;
            for (int64_t i = 0; i < picks; i++) {
                int64_t tau = until[tree[col[i]]], time = g.times[edge[i]];
                wrong += !(g.weights[edge[i]] > 0) || time > tau;
                wrong += window > 0 && time <= tau - window;
                counted[g.src[edge[i]]]++;
            }
            for (int64_t e = 0; e < g.edges; e++)
                there[g.src[e]] += g.weights[e] > 0 && g.times[e] <= until[g.src[e]] &&
                                   (window == 0 || g.times[e] > until[g.src[e]] - window);
            for (int v = 0; v < NODES; v++) {
                int64_t k = fanouts[way / 2];
                bool whole = k == -1 || (way % 2 == 0 && there[v] <= k);
                wrong += counted[v] != (whole || there[v] == 0 ? there[v] : k);
            }
            ck_assert_int_eq(wrong, 0);
            sn_batch_release(batch);
        }
        sn_dataset_release(dataset);
    }
}
END_TEST

enum { STARS = 500, ARMS = 3, STAR_NODES = STARS * (1 + ARMS), STAR_EDGES = STARS * ARMS };

/* Centres 0 to STARS - 1, each with edges of the weights 3, 1 and `third`, in this order of rows and of time. */
static sn_dataset *stars(float third)
{
    static int64_t src[STAR_EDGES], dst[STAR_EDGES], times[STAR_EDGES];
    static float weights[STAR_EDGES];
    for (int64_t e = 0; e < STAR_EDGES; e++) {
        src[e] = e / ARMS;
        dst[e] = STARS + e;
        times[e] = e % ARMS;
        weights[e] = e % ARMS == 0 ? 3 : e % ARMS == 1 ? 1 : third;
    }
    return hand_dataset(&(hand){ STAR_NODES, STAR_EDGES, src, dst, weights, times, NULL });
}

/* How often each arm is among the picks number `from` to `to` of a centre, over EPOCHS epochs. */
enum { EPOCHS = 60, TRIALS = STARS * EPOCHS };
static void count_arms(sn_dataset *dataset, const sn_plan_options *options, int64_t most,
                       int64_t counts[][ARMS])
{
    sn_sampler *sampler = hand_sampler(dataset, options);
    memset(counts, 0, (size_t)most * sizeof *counts);
    for (uint64_t epoch = 0; epoch < EPOCHS; epoch++) {
        int64_t picks;
        sn_batch *batch = hand_batch(sampler, epoch, 0);
        const int64_t *edge = hand_of(batch, "edge", &picks), *col = hand_of(batch, "col", NULL);
        for (int64_t i = 0, number = 0; i < picks; i++) {
            number = i > 0 && col[i] == col[i - 1] ? number + 1 : 0;
            ck_assert_int_lt(number, most);
            counts[number][edge[i] % ARMS]++;
        }
        sn_batch_release(batch);
    }
    sn_sampler_release(sampler);
}

static void expect_near(int64_t count, int64_t trials, double probability)
{
    ck_assert_msg(fabs((double)count - (double)trials * probability) <= hand_most_off(trials),
                  "%lld of %lld, expected %g", (long long)count, (long long)trials, probability);
}

static const sn_tensor *centres(void)
{
    static int64_t ids[STARS];
    static sn_tensor of;
    for (int64_t i = 0; i < STARS; i++)
        ids[i] = i;
    of = hand_ids(ids, STARS);
    return &of;
}

/* In the rows' own order, and in that of time. */
static sn_plan_options weighted_stars(bool by_time, const int64_t *fanout, bool replace)
{
    static int64_t late[STARS];
    static sn_tensor times;
    static sn_temporal_options by;
    for (int64_t i = 0; i < STARS; i++)
        late[i] = 100;
    times = hand_ids(late, STARS);
    by = *SN_TEMPORAL_OPTIONS(.seed_times = &times);
    return *SN_PLAN_OPTIONS(.input = centres(), .batch_size = STARS, .hops = 1, .fanout = fanout,
                            .weighted = true, .replace = replace, .with_edge = true, .seed = 77,
                            .disjoint = by_time, .temporal = by_time ? &by : NULL);
}

START_TEST(picks_are_in_proportion_to_the_weights)
{
    int64_t counts[2][ARMS];
    sn_dataset *dataset = stars(0);
    for (int way = 0; way < 4; way++) {
        sn_plan_options options = weighted_stars(way / 2 == 1, one, way % 2 == 1);
        count_arms(dataset, &options, 1, counts);
        expect_near(counts[0][0], TRIALS, 0.75);
        expect_near(counts[0][1], TRIALS, 0.25);
        ck_assert_int_eq(counts[0][2], 0);
    }
    for (int by_time = 0; by_time < 2; by_time++) { /* both draws, whatever the first was */
        sn_plan_options options = weighted_stars(by_time, two, true);
        count_arms(dataset, &options, 2, counts);
        for (int i = 0; i < 2; i++) {
            expect_near(counts[i][0], TRIALS, 0.75);
            ck_assert_int_eq(counts[i][0] + counts[i][1], TRIALS);
        }
    }
    sn_dataset_release(dataset);
}
END_TEST

/* Of the weights 3, 1, 1 two, one after the other: the first in proportion to all, the second to the rest. */
START_TEST(picks_without_replacement_are_successive)
{
    int64_t counts[2][ARMS];
    sn_dataset *dataset = stars(1);
    for (int by_time = 0; by_time < 2; by_time++) {
        sn_plan_options options = weighted_stars(by_time, two, false);
        count_arms(dataset, &options, 2, counts);
        expect_near(counts[0][0] + counts[1][0], TRIALS, 0.9); /* all but 2/5 * 1/4 */
        for (int arm = 1; arm < ARMS; arm++)
            expect_near(counts[0][arm] + counts[1][arm], TRIALS, 0.55);
        ck_assert_int_eq(counts[1][0] + counts[1][1] + counts[1][2], TRIALS);
    }
    sn_dataset_release(dataset);
}
END_TEST

/* -- Times ------------------------------------------------------------------------------------- */

/* Edges 0 -> 6 - e at times 60, 50, .. 10, so that rows and times run against one another; then 0 -> 6, 0 -> 2
 * at 20, where there is one already; then 2 -> 0 at 25 and 2 -> 1 at 5. */
static const int64_t clock_src[] = { 0, 0, 0, 0, 0, 0, 0, 0, 2, 2 },
                     clock_dst[] = { 6, 5, 4, 3, 2, 1, 6, 2, 0, 1 },
                     clock_times[] = { 10, 20, 30, 40, 50, 60, 20, 20, 25, 5 },
                     clock_nodes[] = { 0, 10, 20, 30, 40, 50, 60 };

static sn_dataset *clock_graph(bool of_edges, bool of_nodes)
{
    return hand_dataset(&(hand){ 7, 10, clock_src, clock_dst, NULL, of_edges ? clock_times : NULL,
                                 of_nodes ? clock_nodes : NULL });
}

/* Edges of one tree, with node 0 its seed. */
static void expect_edges(sn_dataset *dataset, int64_t tau, const sn_temporal_options *like,
                         const int64_t *fanout, const int64_t *wanted, int64_t count)
{
    int64_t seed = 0;
    const sn_tensor input = hand_ids(&seed, 1), times = hand_ids(&tau, 1);
    sn_temporal_options options = *like;
    options.seed_times = &times;
    sn_batch *batch = hand_sample(dataset, SN_PLAN_OPTIONS(.input = &input, .hops = 1,
                                                           .fanout = fanout, .with_edge = true,
                                                           .disjoint = true, .temporal = &options));
    hand_expect(batch, "edge", wanted, count);
    sn_batch_release(batch);
}
#define EDGES(dataset, tau, like, fanout, ...)                                 \
    expect_edges(dataset, tau, like, fanout, (const int64_t[]){ __VA_ARGS__ }, \
                 (int64_t)(sizeof((const int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)))
#define NO_EDGES(dataset, tau, like, fanout) expect_edges(dataset, tau, like, fanout, NULL, 0)

START_TEST(edges_count_up_to_the_time_and_as_far_back_as_the_window)
{
    const int64_t *any = all;
    const sn_temporal_options *whole = SN_TEMPORAL_OPTIONS(.window = 0),
                              *ten = SN_TEMPORAL_OPTIONS(.window = 10),
                              *eleven = SN_TEMPORAL_OPTIONS(.window = 11),
                              *longest = SN_TEMPORAL_OPTIONS(.window = INT64_MAX);
    sn_dataset *dataset = clock_graph(true, false);
    NO_EDGES(dataset, 9, whole, any);
    EDGES(dataset, 10, whole, any, 0); /* the very time */
    /* Those of one time in the order of the row: 0 -> 2 (edge 7), 0 -> 5 (edge 1), 0 -> 6 (edge 6). */
    EDGES(dataset, 29, whole, any, 0, 7, 1, 6);
    EDGES(dataset, 1000, whole, any, 0, 7, 1, 6, 2, 3, 4, 5);
    EDGES(dataset, 30, ten, any, 2); /* 20 is ten before */
    EDGES(dataset, 30, eleven, any, 7, 1, 6, 2);
    NO_EDGES(dataset, 1000, ten, any);
    NO_EDGES(dataset, 39, SN_TEMPORAL_OPTIONS(.window = 9), any);
    EDGES(dataset, 40, SN_TEMPORAL_OPTIONS(.window = 1), any, 3);
    EDGES(dataset, INT64_MAX, whole, any, 0, 7, 1, 6, 2, 3, 4, 5);
    EDGES(dataset, INT64_MAX, longest, any, 0, 7, 1, 6, 2, 3, 4, 5); /* later than 0 */
    EDGES(dataset, 30, longest, any, 0, 7, 1, 6, 2);
    NO_EDGES(dataset, INT64_MIN, whole, any);
    NO_EDGES(dataset, INT64_MIN, longest, any);
    sn_dataset_release(dataset);
}
END_TEST

START_TEST(last_takes_the_latest_edges)
{
    static const int64_t three[] = { 3 }, nine[] = { 9 }, zero[] = { 0 };
    const sn_temporal_options *last = SN_TEMPORAL_OPTIONS(.pick = SN_TEMPORAL_LAST),
                              *late = SN_TEMPORAL_OPTIONS(.pick = SN_TEMPORAL_LAST, .window = 11);
    sn_dataset *dataset = clock_graph(true, false);
    EDGES(dataset, 59, last, two, 3, 4);
    EDGES(dataset, 60, last, two, 4, 5);
    EDGES(dataset, 30, last, three, 1, 6, 2); /* of three of one time the last of the row */
    EDGES(dataset, 10, last, three, 0);
    EDGES(dataset, 59, last, nine, 0, 7, 1, 6, 2, 3, 4);
    EDGES(dataset, 59, last, all, 0, 7, 1, 6, 2, 3, 4);
    EDGES(dataset, 30, late, nine, 7, 1, 6, 2);
    EDGES(dataset, 30, late, two, 6, 2);
    NO_EDGES(dataset, 59, last, zero);
    sn_dataset_release(dataset);
}
END_TEST

START_TEST(edges_may_have_the_times_of_their_neighbours)
{
    const sn_temporal_options *nodes = SN_TEMPORAL_OPTIONS(.times = SN_TIMES_NODES),
                              *edges = SN_TEMPORAL_OPTIONS(.times = SN_TIMES_EDGES),
                              *first = SN_TEMPORAL_OPTIONS(.window = 0),
                              *last = SN_TEMPORAL_OPTIONS(.times = SN_TIMES_NODES,
                                                          .pick = SN_TEMPORAL_LAST, .window = 21);
    sn_dataset *both = clock_graph(true, true), *of_nodes = clock_graph(false, true);
    EDGES(both, 30, nodes, all, 5, 4, 7, 3); /* neighbours 1, 2, 2, 3 */
    EDGES(both, 30, edges, all, 0, 7, 1, 6, 2);
    EDGES(both, 30, first, all, 0, 7, 1, 6, 2); /* edges, where they have times */
    EDGES(of_nodes, 30, first, all, 5, 4, 7, 3);
    EDGES(both, 60, last, two, 0, 6);
    EDGES(both, 60, last, all, 2, 1, 0, 6);
    sn_dataset_release(both);
    sn_dataset_release(of_nodes);
}
END_TEST

/* The tree's time limits all of its hops. */
START_TEST(every_hop_of_a_tree_has_the_time_of_its_seed)
{
    static const int64_t hops[] = { -1, -1 };
    int64_t seeds[] = { 0, 0, 2, 0 }, until[] = { 20, 25, 24, 9 };
    const sn_tensor input = hand_ids(seeds, 4), times = hand_ids(until, 4);
    sn_dataset *dataset = clock_graph(true, false);
    sn_batch *batch = hand_sample(
        dataset,
        SN_PLAN_OPTIONS(.input = &input, .hops = 2, .fanout = hops, .with_edge = true,
                        .disjoint = true, .temporal = SN_TEMPORAL_OPTIONS(.seed_times = &times)));
    HAND_EXPECT(batch, "batch", 0, 0, 2, 0);
    HAND_EXPECT(batch, "num_sampled_nodes", 4, 7, 2);
    HAND_EXPECT(batch, "num_sampled_edges", 9, 3);
    /* By seed: 0 until 20, 0 until 25, 2 until 24, 0 until 9; then 2 in the first two trees. */
    HAND_EXPECT(batch, "edge", 0, 7, 1, 6, 0, 7, 1, 6, 9, 9, 9, 8);
    HAND_EXPECT(batch, "node", 0, 0, 2, 0, 6, 2, 5, 6, 2, 5, 1, 1, 1);
    HAND_EXPECT(batch, "tree", 0, 1, 2, 3, 0, 0, 0, 1, 1, 1, 2, 0, 1);
    sn_batch_release(batch);
    sn_dataset_release(dataset);
}
END_TEST

START_TEST(seed_times_are_those_of_the_seed_nodes_unless_given)
{
    int64_t seeds[] = { 0, 3, 0, 2 };
    const sn_tensor input = hand_ids(seeds, 4);
    sn_dataset *dataset = clock_graph(true, true);
    sn_batch *batch = hand_sample(
        dataset, SN_PLAN_OPTIONS(.input = &input, .hops = 1, .fanout = all, .with_edge = true,
                                 .disjoint = true, .temporal = SN_TEMPORAL_OPTIONS(.window = 0)));
    HAND_EXPECT(batch, "edge", 9); /* 2 has the time 20, 0 the time 0 */
    HAND_EXPECT(batch, "tree", 0, 1, 2, 3, 3);
    sn_batch_release(batch);
    sn_dataset_release(dataset);
}
END_TEST

/* Pair p is edge p; its ends and its negatives have its time. */
START_TEST(links_that_are_all_edges_have_the_times_of_the_edges)
{
    sn_dataset *dataset = clock_graph(true, false);
    sn_sampler *sampler = hand_sampler(
        dataset, SN_PLAN_OPTIONS(.links = SN_LINK_OPTIONS(.neg = SN_NEG_TRIPLET, .amount = 2),
                                 .batch_size = 4, .hops = 1, .fanout = all, .with_edge = true,
                                 .disjoint = true, .temporal = SN_TEMPORAL_OPTIONS(.window = 0)));
    for (int64_t number = 0; number < 3; number++) {
        int64_t edges, pairs = number < 2 ? 4 : 2, found[MOST_EDGES] = { 0 };
        sn_batch *batch = hand_batch(sampler, 0, number);
        const int64_t *edge = hand_of(batch, "edge", &edges), *col = hand_of(batch, "col", NULL),
                      *tree = hand_of(batch, "tree", NULL), *node = hand_of(batch, "node", NULL);
        for (int64_t i = 0; i < edges; i++) {
            int64_t t = tree[col[i]], p = number * 4 + (t < pairs       ? t
                                                        : t < 2 * pairs ? t - pairs
                                                                        : (t - 2 * pairs) / 2);
            ck_assert_int_le(clock_times[edge[i]], clock_times[p]);
            found[t]++;
        }
        for (int64_t t = 0; t < 4 * pairs; t++) { /* and all of those are there */
            int64_t wanted = 0, p = number * 4 + (t < 2 * pairs ? t % pairs : (t - 2 * pairs) / 2);
            for (int e = 0; e < 10; e++)
                wanted += clock_src[e] == node[t] && clock_times[e] <= clock_times[p];
            ck_assert_int_eq(tree[t], t);
            ck_assert_int_eq(found[t], wanted);
        }
        sn_batch_release(batch);
    }
    sn_sampler_release(sampler);
    sn_dataset_release(dataset);
}
END_TEST

static sn_source ids_source(const int64_t *ids, int64_t count)
{
    return (sn_source){ .tensor = hand_ids(ids, count) };
}

/* a -r-> b has times, a -s-> a has none. */
START_TEST(edge_types_without_times_are_taken_whole)
{
    static const int64_t r[] = { 0, 0, 0, 2, 1, 0 }, r_times[] = { 1, 2, 3 },
                         s[] = { 0, 0, 0, 3, 2, 1 };
    static const int64_t twos[] = { 2, 2 };
    int64_t seed = 0, tau = 2;
    const sn_tensor input = hand_ids(&seed, 1), times = hand_ids(&tau, 1);
    sn_node_spec nodes[] = { { .name = "a", .count = 4 }, { .name = "b", .count = 3 } };
    sn_edge_spec edges[] = {
        { .src = "a", .rel = "r", .dst = "b", .times = ids_source(r_times, 3) },
        { .src = "a", .rel = "s", .dst = "a" }
    };
    edges[0].edge_index.tensor =
        (sn_tensor){ (void *)(uintptr_t)r, { SN_INT, 64 }, 2, { 2, 3, 1, 1 } };
    edges[1].edge_index.tensor =
        (sn_tensor){ (void *)(uintptr_t)s, { SN_INT, 64 }, 2, { 2, 3, 1, 1 } };
    sn_dataset *dataset;
    ck_assert_int_eq(sn_dataset_create(SN_DATASET_SPEC(.num_node_types = 2, .node_types = nodes,
                                                       .num_edge_types = 2, .edge_types = edges),
                                       &dataset),
                     SN_OK);
    for (int last = 0; last < 2; last++) {
        const sn_temporal_options *by =
            SN_TEMPORAL_OPTIONS(.seed_times = &times, .window = 1 + last,
                                .pick = last ? SN_TEMPORAL_LAST : SN_TEMPORAL_UNIFORM);
        sn_batch *batch = hand_sample(
            dataset, SN_PLAN_OPTIONS(.input = &input, .hops = 1, .fanout = last ? twos : all,
                                     .with_edge = true, .disjoint = true, .temporal = by));
        if (last) {
            HAND_EXPECT(batch, "b__rev_r__a.edge", 0, 1);
            HAND_EXPECT(batch, "a__s__a.edge", 1, 0); /* the last of the row 3, 2, 1 */
        } else {
            HAND_EXPECT(batch, "b__rev_r__a.edge", 1);
            HAND_EXPECT(batch, "a__s__a.edge", 2, 1, 0);
        }
        sn_batch_release(batch);
    }
    sn_dataset_release(dataset);
}
END_TEST

/* -- Trees ------------------------------------------------------------------------------------- */

START_TEST(disjoint_seeds_have_a_tree_each_and_share_no_node)
{
    static weighed g;
    uint64_t state = sn_test_seed() ^ 0x74726565;
    static const int64_t hops[] = { 3, 4, 2 };
    int64_t seeds[] = { 7, 7, 0, 14, 7, 21 };
    const sn_tensor input = hand_ids(seeds, 6);
    sn_dataset *dataset = draw_weighed(&g, false, &state);
    for (int way = 0; way < 40; way++) {
        sn_batch *batch = hand_sample(
            dataset, SN_PLAN_OPTIONS(.input = &input, .hops = 3, .fanout = hops, .with_edge = true,
                                     .disjoint = true, .dir = way % 2 == 0 ? SN_DIR_OUT : SN_DIR_IN,
                                     .replace = way / 2 % 2 == 1, .seed = (uint64_t)way));
        int64_t count, edges;
        const int64_t *node = hand_of(batch, "node", &count), *tree = hand_of(batch, "tree", NULL),
                      *row = hand_of(batch, "row", &edges), *col = hand_of(batch, "col", NULL);
        HAND_EXPECT(batch, "batch", 7, 7, 0, 14, 7, 21);
        ck_assert_int_eq(hand_of(batch, "num_sampled_nodes", NULL)[0], 6);
        for (int64_t i = 0; i < 6; i++)
            ck_assert(tree[i] == i && node[i] == seeds[i]);
        for (int64_t i = 0; i < count; i++) { /* a node is once in a tree */
            ck_assert(tree[i] >= 0 && tree[i] < 6);
            for (int64_t j = 0; j < i; j++)
                ck_assert(tree[i] != tree[j] || node[i] != node[j]);
        }
        for (int64_t i = 0; i < edges; i++)
            ck_assert_int_eq(tree[row[i]], tree[col[i]]);
        sn_batch_release(batch);
    }
    sn_dataset_release(dataset);
}
END_TEST

/* The draws of a tree are its own. */
START_TEST(trees_of_one_node_pick_differently)
{
    enum { COPIES = 50 };
    static int64_t src[20], dst[20];
    int64_t seeds[COPIES], sets[20] = { 0 }, distinct = 0;
    for (int64_t i = 0; i < 20; i++)
        dst[i] = i + 1;
    memset(seeds, 0, sizeof seeds);
    const sn_tensor input = hand_ids(seeds, COPIES);
    sn_dataset *dataset = hand_dataset(&(hand){ .nodes = 21, .edges = 20, .src = src, .dst = dst });
    sn_batch *batch =
        hand_sample(dataset, SN_PLAN_OPTIONS(.input = &input, .hops = 1, .fanout = one,
                                             .with_edge = true, .disjoint = true));
    int64_t edges;
    const int64_t *edge = hand_of(batch, "edge", &edges);
    ck_assert_int_eq(edges, COPIES);
    for (int64_t i = 0; i < edges; i++)
        distinct += sets[edge[i]]++ == 0;
    ck_assert_int_ge(distinct, 10); /* of 20, each missing with 0.95^50 */
    sn_batch_release(batch);
    sn_dataset_release(dataset);
}
END_TEST

/* -- LABOR ------------------------------------------------------------------------------------- */

enum { FRIENDS = 20, EXPECTED = 5, ROUNDS = 4000 };

/* Nodes 0 and 1 have the friends 2 .. 21, and node 0 precedes: 0 -> 1, 1 -> 0 come first in both rows. */
static sn_dataset *friends(void)
{
    static int64_t src[2 * FRIENDS], dst[2 * FRIENDS];
    for (int64_t i = 0; i < 2 * FRIENDS; i++) {
        src[i] = i / FRIENDS;
        dst[i] = 2 + i % FRIENDS;
    }
    return hand_dataset(
        &(hand){ .nodes = 2 + FRIENDS, .edges = 2 * FRIENDS, .src = src, .dst = dst });
}

START_TEST(labor_rows_of_the_same_neighbours_pick_the_same)
{
    static const int64_t fanout[] = { EXPECTED };
    int64_t seeds[] = { 0, 1 }, sum = 0;
    bool differs = false;
    const sn_tensor input = hand_ids(seeds, 2);
    sn_dataset *dataset = friends();
    sn_sampler *sampler = hand_sampler(
        dataset, SN_PLAN_OPTIONS(.input = &input, .hops = 1, .fanout = fanout, .labor = true));
    int64_t before = -1;
    for (uint64_t epoch = 0; epoch < ROUNDS; epoch++) {
        int64_t picks, nodes;
        sn_batch *batch = hand_batch(sampler, epoch, 0);
        const int64_t *row = hand_of(batch, "row", &picks), *col = hand_of(batch, "col", NULL);
        const int64_t *node = hand_of(batch, "node", &nodes);
        ck_assert_int_eq(picks % 2, 0);
        ck_assert_int_eq(nodes, 2 + picks / 2);
        for (int64_t i = 0; i < picks / 2; i++) {
            ck_assert(col[i] == 0 && col[picks / 2 + i] == 1);
            ck_assert_int_eq(row[i], row[picks / 2 + i]);
            ck_assert(i == 0 || node[row[i - 1]] < node[row[i]]);
        }
        differs |= before >= 0 && before != picks;
        before = picks;
        sum += picks / 2;
        sn_batch_release(batch);
    }
    ck_assert(differs);
    ck_assert(fabs((double)sum - ROUNDS * EXPECTED) <= hand_most_off((int64_t)ROUNDS * FRIENDS));
    sn_sampler_release(sampler);
    sn_dataset_release(dataset);
}
END_TEST

START_TEST(labor_takes_rows_that_are_no_longer_than_the_fanout_whole)
{
    static const int64_t twenty[] = { FRIENDS }, zero[] = { 0 };
    sn_dataset *dataset = friends();
    int64_t seed = 0, picks;
    const sn_tensor input = hand_ids(&seed, 1);
    const int64_t *const fanouts[] = { twenty, all, zero };
    for (int i = 0; i < 3; i++) {
        sn_batch *batch =
            hand_sample(dataset, SN_PLAN_OPTIONS(.input = &input, .hops = 1, .fanout = fanouts[i],
                                                 .labor = true));
        hand_of(batch, "row", &picks);
        ck_assert_int_eq(picks, i < 2 ? FRIENDS : 0);
        sn_batch_release(batch);
    }
    sn_dataset_release(dataset);
}
END_TEST

/* Node 0 leads to 1 and to the friends, node 1 to 2 and to the friends: rows of one length. What they pick of
 * the friends is the same in both hops, and only then. */
START_TEST(labor_hops_agree_if_they_shall)
{
    enum { EDGES_OF = 1 + FRIENDS, REPEATS = 300 };
    static const int64_t hops[] = { 7, 7 };
    static int64_t src[2 * EDGES_OF], dst[2 * EDGES_OF];
    for (int64_t i = 0; i < 2 * EDGES_OF; i++) {
        src[i] = i / EDGES_OF;
        dst[i] = i % EDGES_OF == 0 ? src[i] + 1 : 2 + i % EDGES_OF;
    }
    int64_t seed = 0;
    const sn_tensor input = hand_ids(&seed, 1);
    sn_dataset *dataset = hand_dataset(
        &(hand){ .nodes = 3 + FRIENDS, .edges = 2 * EDGES_OF, .src = src, .dst = dst });
    for (int dependent = 0; dependent < 2; dependent++) {
        sn_sampler *sampler = hand_sampler(
            dataset, SN_PLAN_OPTIONS(.input = &input, .hops = 2, .fanout = hops, .labor = true,
                                     .layer_dependent = dependent == 1));
        int64_t reached = 0, equal = 0;
        for (uint64_t epoch = 0; epoch < REPEATS; epoch++) {
            int64_t count;
            bool seen[2][3 + FRIENDS] = { { false } }, passed = false;
            sn_batch *batch = hand_batch(sampler, epoch, 0);
            const int64_t *node = hand_of(batch, "node", NULL),
                          *row = hand_of(batch, "row", &count), *col = hand_of(batch, "col", NULL);
            for (int64_t i = 0; i < count; i++) {
                passed |= node[row[i]] == 1;
                seen[node[col[i]]][node[row[i]]] = true;
            }
            reached += passed;
            equal += passed && memcmp(seen[0] + 3, seen[1] + 3, FRIENDS) == 0;
            sn_batch_release(batch);
        }
        ck_assert_int_gt(reached, REPEATS / 10);
        if (dependent)
            ck_assert_int_eq(equal, reached);
        else
            ck_assert_int_lt(equal, reached / 10);
        sn_sampler_release(sampler);
    }
    sn_dataset_release(dataset);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kind picks");
    TCase *tests = tcase_create("kind picks");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, edges_without_weight_are_never_picked);
    tcase_add_test(tests, edges_without_weight_or_too_late_are_never_picked);
    tcase_add_test(tests, picks_are_in_proportion_to_the_weights);
    tcase_add_test(tests, picks_without_replacement_are_successive);
    tcase_add_test(tests, edges_count_up_to_the_time_and_as_far_back_as_the_window);
    tcase_add_test(tests, last_takes_the_latest_edges);
    tcase_add_test(tests, edges_may_have_the_times_of_their_neighbours);
    tcase_add_test(tests, every_hop_of_a_tree_has_the_time_of_its_seed);
    tcase_add_test(tests, seed_times_are_those_of_the_seed_nodes_unless_given);
    tcase_add_test(tests, links_that_are_all_edges_have_the_times_of_the_edges);
    tcase_add_test(tests, edge_types_without_times_are_taken_whole);
    tcase_add_test(tests, disjoint_seeds_have_a_tree_each_and_share_no_node);
    tcase_add_test(tests, trees_of_one_node_pick_differently);
    tcase_add_test(tests, labor_rows_of_the_same_neighbours_pick_the_same);
    tcase_add_test(tests, labor_takes_rows_that_are_no_longer_than_the_fanout_whole);
    tcase_add_test(tests, labor_hops_agree_if_they_shall);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
