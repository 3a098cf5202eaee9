/* SPDX-License-Identifier: Apache-2.0 */
/* Links: what is refused, and what negatives promise. That batches are those of docs/sampling.md:
 * tests/conform/test_reference.c. */
#include "small.h"
#include "support/scale.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static sn_dataset *ring, *typed;

static void setup(void)
{
    ring = small_ring();
    typed = small_typed();
}

static void teardown(void)
{
    sn_dataset_release(ring);
    sn_dataset_release(typed);
}

static uint64_t noise(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static const int64_t two[] = { 2, 2 };

static sn_plan *make(sn_dataset *dataset, const sn_link_options *links, sn_edge_dir dir)
{
    sn_plan *plan;
    sn_status status = sn_plan_create(
        dataset,
        SN_PLAN_OPTIONS(.batch_size = 16, .hops = 1, .fanout = two, .dir = dir, .links = links),
        &plan);
    ck_assert_msg(status == SN_OK, "%s", sn_error_detail());
    return plan;
}

/* -- What is refused --------------------------------------------------------------------------- */

static void refuse(sn_dataset *dataset, const sn_link_options *links, sn_status status,
                   const char *part)
{
    sn_plan *plan = (sn_plan *)&ring; /* set on success only */
    ck_assert_int_eq(sn_plan_create(dataset, SN_PLAN_OPTIONS(.links = links), &plan), status);
    ck_assert_msg(strstr(sn_error_detail(), part) != NULL, "'%s' lacks '%s'", sn_error_detail(),
                  part);
    ck_assert_ptr_eq(plan, (sn_plan *)&ring);
}

static sn_tensor pairs_of(int64_t *ids, int64_t count)
{
    return (sn_tensor){ ids, { SN_INT, 64 }, 2, { 2, count, 1, 1 } };
}

START_TEST(links_with_wrong_numbers_are_refused)
{
    refuse(ring, SN_LINK_OPTIONS(.edge_type = 1), SN_E_RANGE, "edge_type 1 of 1");
    refuse(ring, SN_LINK_OPTIONS(.edge_type = -1), SN_E_RANGE, "edge_type -1");
    refuse(ring, SN_LINK_OPTIONS(.neg = (sn_neg_mode)3), SN_E_INVALID, "neg 3");
    refuse(ring, SN_LINK_OPTIONS(.neg = SN_NEG_BINARY, .amount = -1), SN_E_INVALID, "-1 negatives");
    refuse(ring, SN_LINK_OPTIONS(.neg = SN_NEG_BINARY, .amount = (double)NAN), SN_E_INVALID,
           "negatives per pair");
    refuse(ring, SN_LINK_OPTIONS(.neg = SN_NEG_BINARY, .amount = (double)INFINITY), SN_E_INVALID,
           "inf negatives");
    refuse(ring, SN_LINK_OPTIONS(.neg = SN_NEG_BINARY, .amount = 0x1p30), SN_E_INVALID,
           "at most 1073741824");
    refuse(ring, SN_LINK_OPTIONS(.neg = SN_NEG_TRIPLET, .amount = 1.5), SN_E_INVALID,
           "whole number of negatives, not 1.5");
    refuse(ring, SN_LINK_OPTIONS(.neg = SN_NEG_BINARY, .tries = -1), SN_E_INVALID, "-1 tries");
    refuse(ring, SN_LINK_OPTIONS(.neg = SN_NEG_BINARY, .tries = SN_MAX_NEG_TRIES + 1), SN_E_INVALID,
           "65537 tries");
    refuse(ring, SN_LINK_OPTIONS(.tries = 1), SN_E_INVALID, "no mode");
    refuse(ring, SN_LINK_OPTIONS(.amount = 1), SN_E_INVALID, "no mode");
    refuse(ring, SN_LINK_OPTIONS(.non_strict = true), SN_E_INVALID, "no mode");
    refuse(ring, SN_LINK_OPTIONS(.by_degree = true), SN_E_INVALID, "no mode");
    refuse(ring, &(sn_link_options){ .struct_size = 4 }, SN_E_INVALID, "link options");
}
END_TEST

START_TEST(links_beside_node_seeds_are_refused)
{
    int64_t id = 1;
    sn_tensor input = { &id, { SN_INT, 64 }, 1, { 1, 1, 1, 1 } };
    sn_plan *plan;
    const sn_link_options *links = SN_LINK_OPTIONS(.edge_type = 0);
    ck_assert_int_eq(sn_plan_create(ring, SN_PLAN_OPTIONS(.links = links, .input = &input), &plan),
                     SN_E_INVALID);
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "both nodes"));
    ck_assert_int_eq(sn_plan_create(typed, SN_PLAN_OPTIONS(.links = links, .input_type = 1), &plan),
                     SN_E_INVALID);
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "both nodes"));
}
END_TEST

START_TEST(links_with_wrong_pairs_are_refused)
{
    int64_t good[] = { 0, 5, 39, 1, 2, 39 }, low[] = { 0, 5, -1, 1, 2, 3 },
            high[] = { 0, 5, 7, 1, 40, 3 };
    sn_tensor pairs = pairs_of(good, 3), bad = pairs_of(low, 3);
    refuse(ring, SN_LINK_OPTIONS(.pairs = &bad), SN_E_RANGE, "pair 2 has source -1");
    bad = pairs_of(high, 3);
    refuse(ring, SN_LINK_OPTIONS(.pairs = &bad), SN_E_RANGE, "pair 1 has destination 40");
    bad = pairs;
    bad.dtype.code = SN_FLOAT;
    refuse(ring, SN_LINK_OPTIONS(.pairs = &bad), SN_E_INVALID, "float64");
    bad = pairs;
    bad.ndim = 1;
    refuse(ring, SN_LINK_OPTIONS(.pairs = &bad), SN_E_INVALID, "not (2, N)");
    bad = pairs;
    bad.shape[0] = 3;
    refuse(ring, SN_LINK_OPTIONS(.pairs = &bad), SN_E_INVALID, "(3, 3)");
    bad = pairs;
    bad.data = NULL;
    refuse(ring, SN_LINK_OPTIONS(.pairs = &bad), SN_E_INVALID, "links: pairs");
    bad = pairs;
    bad.shape[1] = INT64_MAX / 2;
    refuse(ring, SN_LINK_OPTIONS(.pairs = &bad), SN_E_INVALID, "links: pairs");
}
END_TEST

START_TEST(links_with_wrong_labels_are_refused)
{
    int64_t ids[] = { 0, 5, 1, 2 };
    int32_t labels[] = { 0, INT32_MAX };
    float strange[] = { 1, NAN };
    sn_tensor pairs = pairs_of(ids, 2), given = { labels, { SN_INT, 32 }, 1, { 2, 1, 1, 1 } };
    refuse(ring, SN_LINK_OPTIONS(.pairs = &pairs, .labels = &given, .neg = SN_NEG_BINARY),
           SN_E_INVALID, "largest int32");
    refuse(ring, SN_LINK_OPTIONS(.pairs = &pairs, .labels = &given, .neg = SN_NEG_TRIPLET),
           SN_E_INVALID, "triplets");
    refuse(ring, SN_LINK_OPTIONS(.labels = &given), SN_E_INVALID,
           "2 labels of 1 dimensions for 80");
    given = (sn_tensor){ strange, { SN_FLOAT, 32 }, 1, { 2, 1, 1, 1 } };
    refuse(ring, SN_LINK_OPTIONS(.pairs = &pairs, .labels = &given), SN_E_INVALID, "NaN");
    given.dtype.bits = 16;
    refuse(ring, SN_LINK_OPTIONS(.pairs = &pairs, .labels = &given), SN_E_INVALID, "float16");
    given.dtype.bits = 32;
    given.data = NULL;
    refuse(ring, SN_LINK_OPTIONS(.pairs = &pairs, .labels = &given), SN_E_INVALID, "links: labels");
    given.data = strange;
    given.ndim = 2;
    refuse(ring, SN_LINK_OPTIONS(.pairs = &pairs, .labels = &given), SN_E_INVALID, "2 dimensions");
}
END_TEST

START_TEST(links_by_degree_need_edges)
{
    int64_t none[2] = { 0, 0 };
    sn_node_spec node = { .count = 3 };
    sn_edge_spec edge = { .edge_index = { .tensor = pairs_of(none, 0) } };
    sn_dataset *bare;
    ck_assert_int_eq(sn_dataset_create(SN_DATASET_SPEC(.num_node_types = 1, .node_types = &node,
                                                       .num_edge_types = 1, .edge_types = &edge),
                                       &bare),
                     SN_OK);
    refuse(bare, SN_LINK_OPTIONS(.neg = SN_NEG_BINARY, .by_degree = true), SN_E_INVALID,
           "no edges to draw");
    sn_dataset_release(bare);
}
END_TEST

/* -- Negatives --------------------------------------------------------------------------------- */

enum { MOST_NODES = 24 };

/* A small graph with a known part of all edges, in no order. */
typedef struct dense {
    int64_t nodes, edges;
    int64_t index[2 * MOST_NODES * MOST_NODES];
    bool has[MOST_NODES][MOST_NODES];
} dense;

static sn_dataset *draw_dense(dense *g, uint64_t *state)
{
    int64_t src[MOST_NODES * MOST_NODES], dst[MOST_NODES * MOST_NODES];
    uint64_t percent = noise(state) % 4 == 0 ? 100 : 30 + noise(state) % 70;
    memset(g, 0, sizeof *g);
    g->nodes = 2 + (int64_t)(noise(state) % (MOST_NODES - 1));
    for (int64_t v = 0; v < g->nodes; v++)
        for (int64_t u = 0; u < g->nodes; u++)
            if (noise(state) % 100 < percent) {
                g->has[v][u] = true;
                src[g->edges] = v;
                dst[g->edges++] = u;
            }
    for (int64_t i = g->edges - 1; i > 0; i--) { /* shuffled */
        int64_t j = (int64_t)(noise(state) % (uint64_t)(i + 1)), s = src[i], d = dst[i];
        src[i] = src[j], dst[i] = dst[j];
        src[j] = s, dst[j] = d;
    }
    memcpy(g->index, src, (size_t)g->edges * sizeof *src);
    memcpy(g->index + g->edges, dst, (size_t)g->edges * sizeof *dst);
    sn_node_spec node = { .count = g->nodes };
    sn_edge_spec edge = { .edge_index = { .tensor = pairs_of(g->index, g->edges) } };
    sn_dataset *dataset;
    sn_status status = sn_dataset_create(SN_DATASET_SPEC(.num_node_types = 1, .node_types = &node,
                                                         .num_edge_types = 1, .edge_types = &edge),
                                         &dataset);
    ck_assert_msg(status == SN_OK, "%s", sn_error_detail());
    return dataset;
}

static const int64_t *ids_of(const sn_batch *batch, const char *name)
{
    const sn_tensor *tensor = sn_batch_find(batch, name);
    ck_assert_msg(tensor != NULL, "no %s", name);
    return tensor->data;
}

static void check_binary(const sn_batch *batch, const dense *g, int64_t pairs, double amount)
{
    const int64_t *node = ids_of(batch, "node"), *ends = ids_of(batch, "edge_label_index");
    const float *label = sn_batch_find(batch, "edge_label")->data;
    int64_t all = sn_batch_find(batch, "edge_label_index")->shape[1];
    int64_t dropped = *ids_of(batch, "num_neg_dropped");
    ck_assert_int_eq(all - pairs + dropped, (int64_t)ceil((double)pairs * amount));
    if (g->edges == g->nodes * g->nodes)
        ck_assert_int_eq(all, pairs); /* there are none */
    for (int64_t i = 0; i < all; i++) {
        ck_assert(label[i] == (i < pairs ? 1.0f : 0.0f));
        ck_assert(g->has[node[ends[i]]][node[ends[all + i]]] == (i < pairs));
    }
}

static void check_triplets(const sn_batch *batch, const dense *g, int64_t pairs, int64_t amount)
{
    const int64_t *node = ids_of(batch, "node"), *src = ids_of(batch, "src_index"),
                  *pos = ids_of(batch, "dst_pos_index"), *neg = ids_of(batch, "dst_neg_index");
    const uint8_t *mask = sn_batch_find(batch, "neg_mask")->data;
    ck_assert_int_eq(sn_tensor_count(sn_batch_find(batch, "dst_neg_index")), pairs * amount);
    for (int64_t p = 0; p < pairs; p++) {
        int64_t s = node[src[p]], degree = 0;
        ck_assert(g->has[s][node[pos[p]]]);
        for (int64_t u = 0; u < g->nodes; u++)
            degree += g->has[s][u];
        for (int64_t i = p * amount; i < (p + 1) * amount; i++)
            ck_assert(mask[i] == 1 || (mask[i] == 0 && !g->has[s][node[neg[i]]]));
        for (int64_t i = p * amount; i < (p + 1) * amount && degree == g->nodes; i++)
            ck_assert_int_eq(mask[i], 1);
    }
}

static void check_graph(uint64_t *state)
{
    static const double amounts[] = { 0.5, 1, 3 };
    dense g;
    sn_dataset *dataset = draw_dense(&g, state);
    for (int way = 0; way < 12; way++) {
        bool triplet = way % 2 == 1;
        double amount = triplet ? 1 + way % 3 : amounts[way % 3];
        sn_plan *plan = make(dataset,
                             SN_LINK_OPTIONS(.neg = triplet ? SN_NEG_TRIPLET : SN_NEG_BINARY,
                                             .amount = amount, .by_degree = way >= 8 && g.edges > 0,
                                             .tries = 1 + (int32_t)(noise(state) % 8)),
                             way / 2 % 2 == 0 ? SN_DIR_OUT : SN_DIR_IN);
        sn_sampler *sampler;
        ck_assert_int_eq(sn_sampler_create(plan, &sampler), SN_OK);
        for (int64_t b = 0; b < sn_plan_num_batches(plan); b++) {
            sn_batch *batch;
            int64_t left = g.edges - b * 16, pairs = left < 16 ? left : 16;
            ck_assert_int_eq(sn_sampler_sample(sampler, 0, b, &batch), SN_OK);
            if (triplet)
                check_triplets(batch, &g, pairs, (int64_t)amount);
            else
                check_binary(batch, &g, pairs, amount);
            sn_batch_release(batch);
        }
        sn_sampler_release(sampler);
        sn_plan_release(plan);
    }
    sn_dataset_release(dataset);
}

START_TEST(strict_negatives_are_never_edges_and_are_counted)
{
    uint64_t state = sn_test_seed() ^ 0x6e6567;
    for (int64_t i = sn_test_scale(200); i > 0; i--)
        check_graph(&state);
}
END_TEST

/* Non-strict ones are all there, and on a graph of all edges they are edges. */
START_TEST(negatives_that_need_not_be_strict_are_all_there)
{
    int64_t all[2][9];
    for (int64_t i = 0; i < 9; i++)
        all[0][i] = i / 3, all[1][i] = i % 3;
    sn_node_spec node = { .count = 3 };
    sn_edge_spec edge = { .edge_index = { .tensor = pairs_of(all[0], 9) } };
    sn_dataset *full;
    sn_batch *batch;
    sn_sampler *sampler;
    ck_assert_int_eq(sn_dataset_create(SN_DATASET_SPEC(.num_node_types = 1, .node_types = &node,
                                                       .num_edge_types = 1, .edge_types = &edge),
                                       &full),
                     SN_OK);
    sn_plan *plan = make(
        full, SN_LINK_OPTIONS(.neg = SN_NEG_BINARY, .amount = 2, .non_strict = true), SN_DIR_OUT);
    ck_assert_int_eq(sn_sampler_create(plan, &sampler), SN_OK);
    ck_assert_int_eq(sn_sampler_sample(sampler, 0, 0, &batch), SN_OK);
    ck_assert_int_eq(sn_batch_find(batch, "edge_label_index")->shape[1], 27);
    ck_assert_int_eq(*ids_of(batch, "num_neg_dropped"), 0);
    sn_batch_release(batch);
    sn_sampler_release(sampler);
    sn_plan_release(plan);
    sn_dataset_release(full);
}
END_TEST

/* Without labels and negatives a batch has its pairs and no more. */
START_TEST(links_alone_are_legal)
{
    sn_plan *plan = make(typed, SN_LINK_OPTIONS(.edge_type = 0), SN_DIR_OUT);
    sn_sampler *sampler;
    sn_batch *batch;
    ck_assert_int_eq(sn_sampler_create(plan, &sampler), SN_OK);
    ck_assert_int_eq(sn_sampler_sample(sampler, 0, 0, &batch), SN_OK);
    const int64_t *ends = ids_of(batch, "user__u2i__item.edge_label_index");
    const int64_t *user = ids_of(batch, "user.node"), *item = ids_of(batch, "item.node");
    for (int64_t i = 0; i < 16; i++) { /* edge 2v goes to v + 1, edge 2v + 1 to v + 2 */
        ck_assert_int_eq(user[ends[i]], i / 2);
        ck_assert_int_eq(item[ends[16 + i]], i / 2 + 1 + i % 2);
    }
    ck_assert_ptr_null(sn_batch_find(batch, "user__u2i__item.edge_label"));
    ck_assert_ptr_null(sn_batch_find(batch, "user__u2i__item.num_neg_dropped"));
    ck_assert_ptr_nonnull(sn_batch_find(batch, "user.batch"));
    ck_assert_ptr_nonnull(sn_batch_find(batch, "item.batch"));
    sn_batch_release(batch);
    sn_sampler_release(sampler);
    sn_plan_release(plan);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("links");
    TCase *tests = tcase_create("links");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, links_with_wrong_numbers_are_refused);
    tcase_add_test(tests, links_beside_node_seeds_are_refused);
    tcase_add_test(tests, links_with_wrong_pairs_are_refused);
    tcase_add_test(tests, links_with_wrong_labels_are_refused);
    tcase_add_test(tests, links_by_degree_need_edges);
    tcase_add_test(tests, strict_negatives_are_never_edges_and_are_counted);
    tcase_add_test(tests, negatives_that_need_not_be_strict_are_all_there);
    tcase_add_test(tests, links_alone_are_legal);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
