/* SPDX-License-Identifier: Apache-2.0 */
/* Weights, times, trees and LABOR in a plan: what is refused, with the reason; and that batches of each kind are
 * the same with any number of workers and threads. What is picked: test_kind_picks.c; to the bit:
 * tests/conform/test_reference.c. */
#include "data/support/folder.h"
#include "data/support/sample.h"
#include "hand.h"
#include "import/make.h"
#include "small.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const int64_t two[] = { 2, 2 };

/* -- What does not go together ----------------------------------------------------------------- */

/* Four nodes in a ring, each edge twice. */
static const int64_t src[] = { 0, 1, 2, 3, 0, 1, 2, 3 }, dst[] = { 1, 2, 3, 0, 1, 2, 3, 0 },
                     edge_times[] = { 1, 2, 3, 4, 5, 6, 7, 8 }, node_times[] = { 10, 20, 30, 40 };
static const float weights[] = { 1, 2, 3, 4, 5, 6, 7, 8 };

static sn_dataset *dataset_with(bool weight, bool of_edges, bool of_nodes)
{
    return hand_dataset(&(hand){ .nodes = 4,
                                 .edges = 8,
                                 .src = src,
                                 .dst = dst,
                                 .weights = weight ? weights : NULL,
                                 .times = of_edges ? edge_times : NULL,
                                 .node_times = of_nodes ? node_times : NULL });
}

static void refuse_of(sn_dataset *dataset, const sn_plan_options *options, sn_status status,
                      const char *text)
{
    sn_plan *plan = (sn_plan *)&plan; /* set on success only */
    ck_fails(sn_plan_create(dataset, options, &plan), status, text);
    ck_assert_ptr_eq(plan, (sn_plan *)&plan);
}

static void accept_of(sn_dataset *dataset, const sn_plan_options *options)
{
    sn_plan *plan;
    ck_ok(sn_plan_create(dataset, options, &plan));
    sn_plan_release(plan);
}

#define HOP        .hops = 1, .fanout = two
#define TIMES(...) .disjoint = true, .temporal = SN_TEMPORAL_OPTIONS(__VA_ARGS__)

START_TEST(kinds_that_do_not_go_together_are_refused)
{
    sn_dataset *all = dataset_with(true, true, true);
    const sn_temporal_options *any = SN_TEMPORAL_OPTIONS(.window = 0);
    refuse_of(all, SN_PLAN_OPTIONS(HOP, .layer_dependent = true), SN_E_INVALID,
              "plan: layer_dependent without labor: it says how LABOR draws");
    refuse_of(all, SN_PLAN_OPTIONS(HOP, .labor = true, .replace = true), SN_E_INVALID,
              "plan: labor and replace: LABOR takes each neighbour at most once");
    refuse_of(all, SN_PLAN_OPTIONS(HOP, .labor = true, .weighted = true), SN_E_INVALID,
              "plan: labor and weighted: LABOR here is the uniform one");
    refuse_of(all, SN_PLAN_OPTIONS(HOP, .labor = true, .disjoint = true), SN_E_INVALID,
              "plan: labor and disjoint: trees that share no node cannot agree on neighbours");
    refuse_of(all, SN_PLAN_OPTIONS(HOP, .labor = true, .temporal = any), SN_E_INVALID,
              "plan: labor and disjoint");
    refuse_of(all, SN_PLAN_OPTIONS(HOP, .subgraph = true, .disjoint = true), SN_E_INVALID,
              "plan: subgraph and disjoint: a subgraph has the edges among all of its nodes, "
              "whatever their trees");
    refuse_of(all, SN_PLAN_OPTIONS(HOP, .temporal = any), SN_E_INVALID,
              "plan: temporal without disjoint: a node that two seeds share would have two times");
    refuse_of(all, SN_PLAN_OPTIONS(HOP, .subgraph = true, .temporal = any), SN_E_INVALID,
              "plan: temporal without disjoint");
    sn_dataset_release(all);
}
END_TEST

START_TEST(temporal_options_that_are_wrong_are_refused)
{
    sn_dataset *all = dataset_with(true, true, true);
    const sn_temporal_options short_one = { .struct_size = 4 };
    refuse_of(all, SN_PLAN_OPTIONS(HOP, TIMES(.times = (sn_times)3)), SN_E_INVALID,
              "plan: times 3 are no times");
    refuse_of(all, SN_PLAN_OPTIONS(HOP, TIMES(.times = (sn_times)-1)), SN_E_INVALID,
              "plan: times -1 are no times");
    refuse_of(all, SN_PLAN_OPTIONS(HOP, TIMES(.pick = (sn_temporal_pick)2)), SN_E_INVALID,
              "plan: temporal pick 2 is none");
    refuse_of(all, SN_PLAN_OPTIONS(HOP, TIMES(.window = -1)), SN_E_INVALID, "plan: window -1");
    refuse_of(all, SN_PLAN_OPTIONS(HOP, TIMES(.window = INT64_MIN)), SN_E_INVALID,
              "plan: window -9223372036854775808");
    refuse_of(all, SN_PLAN_OPTIONS(HOP, .weighted = true, TIMES(.pick = SN_TEMPORAL_LAST)),
              SN_E_INVALID, "plan: weighted and the latest edges: nothing is drawn there");
    refuse_of(all, SN_PLAN_OPTIONS(HOP, .replace = true, TIMES(.pick = SN_TEMPORAL_LAST)),
              SN_E_INVALID, "plan: replace and the latest edges: nothing is drawn there");
    refuse_of(all, SN_PLAN_OPTIONS(HOP, .disjoint = true, .temporal = &short_one), SN_E_INVALID,
              "temporal options");
    sn_dataset_release(all);
}
END_TEST

START_TEST(seed_times_that_are_wrong_are_refused)
{
    sn_dataset *all = dataset_with(false, true, true);
    int64_t of[] = { 1, 2, 3, 4, 5 };
    sn_tensor times = hand_ids(of, 5);
    refuse_of(all, SN_PLAN_OPTIONS(HOP, TIMES(.seed_times = &times)), SN_E_INVALID,
              "plan: 5 seed_times of 1 dimensions for 4 seeds");
    times.shape[0] = 4;
    times.ndim = 2;
    refuse_of(all, SN_PLAN_OPTIONS(HOP, TIMES(.seed_times = &times)), SN_E_INVALID,
              "plan: 4 seed_times of 2 dimensions for 4 seeds");
    times.ndim = 1;
    accept_of(all, SN_PLAN_OPTIONS(HOP, TIMES(.seed_times = &times)));
    times.data = NULL;
    refuse_of(all, SN_PLAN_OPTIONS(HOP, TIMES(.seed_times = &times)), SN_E_INVALID,
              "plan: seed_times");
    times = (sn_tensor){ of, { SN_INT, 32 }, 1, { 4, 1, 1, 1 } };
    refuse_of(all, SN_PLAN_OPTIONS(HOP, TIMES(.seed_times = &times)), SN_E_INVALID,
              "plan: seed_times are int32, not int64");
    times.dtype = (sn_dtype){ SN_UINT, 64 };
    refuse_of(all, SN_PLAN_OPTIONS(HOP, TIMES(.seed_times = &times)), SN_E_INVALID,
              "plan: seed_times are uint64, not int64");
    times = hand_ids(of, 5);
    refuse_of(
        all,
        SN_PLAN_OPTIONS(HOP, .links = SN_LINK_OPTIONS(.edge_type = 0), TIMES(.seed_times = &times)),
        SN_E_INVALID, "plan: 5 seed_times of 1 dimensions for 8 links");
    sn_dataset_release(all);
}
END_TEST

START_TEST(seeds_without_times_are_refused)
{
    static int64_t ids[] = { 0, 1, 1, 2 };
    const sn_tensor pairs = { ids, { SN_INT, 64 }, 2, { 2, 2, 1, 1 } };
    const sn_link_options *given = SN_LINK_OPTIONS(.pairs = &pairs),
                          *all = SN_LINK_OPTIONS(.tries = 0);
    sn_dataset *both = dataset_with(false, true, true), *edges = dataset_with(false, true, false),
               *nodes = dataset_with(false, false, true), *none = dataset_with(true, false, false);
    refuse_of(edges, SN_PLAN_OPTIONS(HOP, TIMES(.window = 1)), SN_E_INVALID,
              "plan: temporal needs seed_times: nodes of type node have none");
    refuse_of(both, SN_PLAN_OPTIONS(HOP, .links = given, TIMES(.window = 1)), SN_E_INVALID,
              "plan: temporal needs seed_times: pairs have no times of their own");
    refuse_of(nodes, SN_PLAN_OPTIONS(HOP, .links = all, TIMES(.window = 1)), SN_E_INVALID,
              "plan: temporal needs seed_times: the links' edges have no times");
    refuse_of(none, SN_PLAN_OPTIONS(HOP, TIMES(.window = 1)), SN_E_UNSUPPORTED,
              "plan: temporal, and no edge type has times");
    refuse_of(nodes, SN_PLAN_OPTIONS(HOP, TIMES(.times = SN_TIMES_EDGES)), SN_E_UNSUPPORTED,
              "plan: temporal, and no edge type has times of its edges");
    refuse_of(edges, SN_PLAN_OPTIONS(HOP, TIMES(.times = SN_TIMES_NODES)), SN_E_UNSUPPORTED,
              "plan: temporal, and no edge type has times of its neighbours");
    accept_of(both, SN_PLAN_OPTIONS(HOP, TIMES(.window = 1)));
    accept_of(nodes, SN_PLAN_OPTIONS(HOP, TIMES(.window = 1)));
    accept_of(edges, SN_PLAN_OPTIONS(HOP, .links = all, TIMES(.window = 1)));
    sn_dataset *const made[] = { both, edges, nodes, none };
    for (int i = 0; i < 4; i++)
        sn_dataset_release(made[i]);
}
END_TEST

START_TEST(weighted_without_weights_is_refused)
{
    sn_dataset *ring = small_ring();
    refuse_of(ring, SN_PLAN_OPTIONS(HOP, .weighted = true), SN_E_UNSUPPORTED,
              "plan: weighted, and edge type node__to__node has no weights");
    sn_dataset_release(ring);
}
END_TEST

/* A name has 62 bits for tree and node. */
START_TEST(disjoint_trees_of_more_nodes_than_have_names_are_refused)
{
    static int64_t start[] = { 0 };
    sn_node_spec node = { .count = (int64_t)1 << 51 };
    sn_edge_spec edge = { .csr_indptr.tensor = hand_ids(start, 1),
                          .csr_indices.tensor = hand_ids(NULL, 0) };
    sn_dataset *wide;
    ck_ok(sn_dataset_create(SN_DATASET_SPEC(.num_node_types = 1, .node_types = &node,
                                            .num_edge_types = 1, .edge_types = &edge),
                            &wide));
    refuse_of(wide, SN_PLAN_OPTIONS(.batch_size = 1024, .disjoint = true), SN_E_UNSUPPORTED,
              "plan: batches of 1024 seeds, disjoint, of a graph of 2251799813685248 nodes");
    accept_of(wide, SN_PLAN_OPTIONS(.batch_size = 512, .disjoint = true));
    sn_dataset_release(wide);
}
END_TEST

/* -- Directories without tables ---------------------------------------------------------------- */

/* As one that was written before there were tables. */
START_TEST(directory_without_tables_is_to_be_imported_again)
{
    sample s = sample_make();
    ck_ok(sample_write(&s, in_folder("ds")));
    sn_dataset *old = sample_open(in_folder("ds"), _i == 0 ? SN_LOAD_MAP : SN_LOAD_MEMORY);
    refuse_of(old, SN_PLAN_OPTIONS(HOP, TIMES(.times = SN_TIMES_EDGES)), SN_E_UNSUPPORTED,
              "edge type paper__cites__paper: the dataset has times, but not the tables of them "
              "that sampling needs: import it again");
    refuse_of(old, SN_PLAN_OPTIONS(HOP, TIMES(.times = SN_TIMES_NODES)), SN_E_UNSUPPORTED,
              "import it again");
    refuse_of(old, SN_PLAN_OPTIONS(HOP, .weighted = true), SN_E_UNSUPPORTED,
              "edge type paper__cites__paper: the dataset has weights, but not the tables of "
              "them that sampling needs: import it again");
    accept_of(old, SN_PLAN_OPTIONS(HOP, .disjoint = true));
    accept_of(old, SN_PLAN_OPTIONS(HOP, .labor = true));
    sn_dataset_release(old);
}
END_TEST

/* Leaves entry `name` out of the META.json of folder "ds", whose fingerprint does not count it. */
static void forget_array(const char *name)
{
    size_t bytes;
    char quoted[64], *text = get_file(in_folder("ds/META.json"), &bytes);
    snprintf(quoted, sizeof quoted, "\"%s\": {", name);
    char *from = strstr(text, quoted);
    ck_assert_msg(from != NULL, "no %s", name);
    char *end = strchr(from, '}') + 1;
    if (*end == ',') /* else it is the last, and the comma is before it */
        end++;
    else
        while (*from != ',')
            from--;
    memmove(from, end, strlen(end) + 1);
    put_text(in_folder("ds/META.json"), text);
    free(text);
}

static const struct missing {
    const char *array;
    bool in, weighted, nodes;
    const char *of; /* NULL: it is not needed */
} missing[] = {
    { "csr.weight_sums", false, true, false, "weights" },
    { "csr.weight_sums", true, true, false, NULL },
    { "csc.weight_sums", true, true, false, "weights" },
    { "csr.time_order", false, false, false, "times" },
    { "csr.time_order", true, false, false, NULL },
    { "csc.time_order", true, false, false, "times" },
    { "csr.time_weight_sums", false, true, false, "times" },
    { "csr.time_weight_sums", false, false, false, NULL },
    { "csr.node_time_order", false, false, true, "times" },
    { "csr.node_time_order", false, false, false, NULL },
    { "csc.node_time_weight_sums", true, true, true, "times" },
};
enum { MISSING = sizeof missing / sizeof missing[0] };

START_TEST(directory_that_lacks_one_table_is_to_be_imported_again)
{
    const struct missing *of = &missing[_i];
    char text[128];
    int64_t ends[2][8];
    memcpy(ends[0], src, sizeof src);
    memcpy(ends[1], dst, sizeof dst);
    save_array(in_folder("e.npy"), "int64", 2, 8, ends);
    save_array(in_folder("w.npy"), "float32", 8, -1, weights);
    save_array(in_folder("t.npy"), "int64", 8, -1, edge_times);
    save_array(in_folder("n.npy"), "int64", 4, -1, node_times);
    ck_ok(sn_import_edges(
        SN_IMPORT_FILES(.edges = in_folder("e.npy"), .num_nodes = 4, .weights = in_folder("w.npy"),
                        .times = in_folder("t.npy"), .node_times = in_folder("n.npy")),
        in_folder("ds"), NULL));
    const sn_temporal_options *by =
        SN_TEMPORAL_OPTIONS(.times = of->nodes ? SN_TIMES_NODES : SN_TIMES_EDGES);
    bool temporal = strstr(of->array, "time") != NULL;
    const sn_plan_options *options =
        SN_PLAN_OPTIONS(HOP, .dir = of->in ? SN_DIR_IN : SN_DIR_OUT, .weighted = of->weighted,
                        .disjoint = temporal, .temporal = temporal ? by : NULL);
    for (int round = 0; round < 2; round++) {
        sn_dataset *dataset = sample_open(in_folder("ds"), SN_LOAD_MAP);
        snprintf(text, sizeof text, "the dataset has %s, but not the tables",
                 of->of != NULL ? of->of : "");
        if (round == 1 && of->of != NULL)
            refuse_of(dataset, options, SN_E_UNSUPPORTED, text);
        else
            accept_of(dataset, options);
        sn_dataset_release(dataset);
        if (round == 0)
            forget_array(of->array);
    }
}
END_TEST

/* -- Workers and threads ----------------------------------------------------------------------- */

enum { NODES = 900, DEGREE = 14, EDGES = NODES * DEGREE, BATCHES = 5 };

static sn_dataset *large_graph(void)
{
    static int64_t from[EDGES], to[EDGES], of_edges[EDGES], of_nodes[NODES];
    static float weight[EDGES];
    for (int64_t e = 0; e < EDGES; e++) { /* most edges lead to few nodes */
        from[e] = (e * 7919) % NODES;
        to[e] = e % 3 == 0 ? (e * 31) % 40 : (e * 104729) % NODES;
        weight[e] = (float)(e % 5) / 2;
        of_edges[e] = (e * 65537) % 1000;
    }
    for (int64_t v = 0; v < NODES; v++)
        of_nodes[v] = (v * 17) % 1000;
    return hand_dataset(&(hand){ NODES, EDGES, from, to, weight, of_edges, of_nodes });
}

static const int64_t fanouts[] = { 4, 3 };
#define PLAN(...)                                                                                 \
    {                                                                                             \
        .struct_size = sizeof(sn_plan_options), .hops = 2, .fanout = fanouts,                     \
        .batch_size = NODES / BATCHES, .shuffle = true, .seed = 9, .with_edge = true, __VA_ARGS__ \
    }

static const sn_temporal_options by_edges = { .struct_size = sizeof by_edges,
                                              .times = SN_TIMES_EDGES },
                                 by_nodes = { .struct_size = sizeof by_nodes,
                                              .times = SN_TIMES_NODES,
                                              .window = 500 },
                                 latest = { .struct_size = sizeof latest,
                                            .pick = SN_TEMPORAL_LAST };
static const sn_link_options pairs_of_edges = { .struct_size = sizeof pairs_of_edges,
                                                .neg = SN_NEG_BINARY,
                                                .remove = true };
static const sn_plan_options kinds[] = {
    PLAN(.weighted = true),
    PLAN(.weighted = true, .replace = true, .dir = SN_DIR_IN),
    PLAN(.disjoint = true),
    PLAN(.weighted = true, .disjoint = true),
    PLAN(.disjoint = true, .temporal = &by_edges),
    PLAN(.disjoint = true, .temporal = &by_nodes, .replace = true),
    PLAN(.disjoint = true, .temporal = &latest, .dir = SN_DIR_IN),
    PLAN(.disjoint = true, .temporal = &by_edges, .weighted = true),
    PLAN(.labor = true),
    PLAN(.labor = true, .layer_dependent = true, .dir = SN_DIR_IN),
    PLAN(.subgraph = true, .labor = true),
    PLAN(.subgraph = true, .weighted = true),
    PLAN(.links = &pairs_of_edges, .weighted = true),
    PLAN(.links = &pairs_of_edges, .labor = true),
    PLAN(.links = &pairs_of_edges, .disjoint = true, .temporal = &by_nodes, .weighted = true),
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static void digests_of(sn_plan *plan, const sn_plan_options *options, int32_t workers,
                       int32_t threads, uint64_t *digests)
{
    const sn_loader_options *with = SN_LOADER_OPTIONS(.workers = workers, .threads = threads);
    sn_loader *loader;
    if (options->links != NULL)
        ck_ok(sn_link_loader_create(plan, with, &loader));
    else if (options->subgraph)
        ck_ok(sn_subgraph_loader_create(plan, with, &loader));
    else
        ck_ok(sn_node_loader_create(plan, with, &loader));
    ck_ok(sn_loader_begin(loader, 3));
    for (int i = 0; i < BATCHES; i++) {
        sn_batch *batch;
        ck_ok(sn_loader_next(loader, SN_WAIT_DEFAULT, &batch));
        ck_assert_int_gt(sn_batch_get_info(batch).num_edges, 0);
        digests[i] = sn_batch_digest(batch);
        sn_batch_release(batch);
    }
    sn_loader_release(loader);
}

START_TEST(kind_is_the_same_with_any_number_of_workers_and_threads)
{
    static const struct {
        int32_t workers, threads;
    } ways[] = { { 0, 1 }, { 1, 1 }, { 2, 1 }, { 0, 2 }, { 2, 2 } };
    uint64_t first[BATCHES], other[BATCHES];
    sn_dataset *dataset = large_graph();
    sn_plan *plan;
    ck_ok(sn_plan_create(dataset, &kinds[_i], &plan));
    digests_of(plan, &kinds[_i], 0, 1, first);
    for (size_t i = 1; i < sizeof ways / sizeof ways[0]; i++) {
        digests_of(plan, &kinds[_i], ways[i].workers, ways[i].threads, other);
        for (int b = 0; b < BATCHES; b++)
            ck_assert_msg(first[b] == other[b],
                          "batch %d of %" PRId32 " workers, %" PRId32 " threads", b,
                          ways[i].workers, ways[i].threads);
    }
    sn_plan_release(plan);
    sn_dataset_release(dataset);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("kinds");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, kinds_that_do_not_go_together_are_refused);
    tcase_add_test(tests, temporal_options_that_are_wrong_are_refused);
    tcase_add_test(tests, seed_times_that_are_wrong_are_refused);
    tcase_add_test(tests, seeds_without_times_are_refused);
    tcase_add_test(tests, weighted_without_weights_is_refused);
    tcase_add_test(tests, disjoint_trees_of_more_nodes_than_have_names_are_refused);
    tcase_add_loop_test(tests, directory_without_tables_is_to_be_imported_again, 0, 2);
    tcase_add_loop_test(tests, directory_that_lacks_one_table_is_to_be_imported_again, 0, MISSING);
    tcase_add_loop_test(tests, kind_is_the_same_with_any_number_of_workers_and_threads, 0, KINDS);
    return run_in_folder("kinds", tests);
}
