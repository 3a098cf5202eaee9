/* SPDX-License-Identifier: Apache-2.0 */
/* Imports of plain .npy files; what the options of an import accept; progress and cancel. */
#include "data/support/folder.h"
#include "import/make.h"

#include <stdio.h>
#include <string.h>

static const int32_t edges[] = { 0, 2, 2, 4, 1, 0, 2, 4 };
static const float weights[] = { 1, 2, 3, 4 },
                   features[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
static const int64_t times[] = { 40, 30, 20, 10 };

static void save_edges(void)
{
    save_array(in_folder("e.npy"), "int32", 2, 4, edges);
}

static sn_edge_info import_edges(const sn_import_files *files, sn_dataset **dataset)
{
    sn_edge_info info;
    ck_ok(sn_import_edges(files, in_folder("out"), SN_IMPORT_OPTIONS(.threads = 2)));
    *dataset = open_verified(in_folder("out"));
    ck_ok(sn_dataset_edge_type(*dataset, 0, &info));
    ck_assert_str_eq(info.name, "node__to__node");
    return info;
}

static int64_t nodes_of(const sn_dataset *dataset)
{
    sn_node_info info;
    ck_ok(sn_dataset_node_type(dataset, 0, &info));
    ck_assert_str_eq(info.name, "node");
    return info.count;
}

START_TEST(edges_alone_have_as_many_nodes_as_their_greatest_id_says)
{
    sn_dataset *dataset;
    save_edges();
    sn_edge_info info = import_edges(SN_IMPORT_FILES(.edges = in_folder("e.npy")), &dataset);
    ck_assert(sn_dataset_is_homogeneous(dataset));
    ck_assert_int_eq(nodes_of(dataset), 5);
    ck_assert_int_eq(info.count, 4);
    ck_assert_ptr_null(info.csr.edge_ids);    /* in order by source already, */
    ck_assert_ptr_nonnull(info.csc.edge_ids); /* not by destination */
    sn_dataset_release(dataset);

    save_array(in_folder("none.npy"), "int64", 2, 0, "");
    info = import_edges(SN_IMPORT_FILES(.edges = in_folder("none.npy")), &dataset);
    ck_assert_int_eq(nodes_of(dataset), 0);
    ck_assert_int_eq(info.count, 0);
    sn_dataset_release(dataset);
}
END_TEST

START_TEST(edges_with_a_number_of_nodes_keep_isolated_ones)
{
    sn_dataset *dataset;
    save_edges();
    (void)import_edges(SN_IMPORT_FILES(.edges = in_folder("e.npy"), .num_nodes = 9), &dataset);
    ck_assert_int_eq(nodes_of(dataset), 9);
    sn_dataset_release(dataset);

    save_array(in_folder("x.npy"), "float32", 6, 2, features);
    (void)import_edges(
        SN_IMPORT_FILES(.edges = in_folder("e.npy"), .node_feat = in_folder("x.npy")), &dataset);
    ck_assert_int_eq(nodes_of(dataset), 6);
    sn_dataset_release(dataset);

    save_array(in_folder("y.npy"), "int64", 7, -1,
               "zerozerozerozerozerozerozerozerozerozerozerozerozerozero");
    (void)import_edges(SN_IMPORT_FILES(.edges = in_folder("e.npy"), .labels = in_folder("y.npy")),
                       &dataset);
    ck_assert_int_eq(nodes_of(dataset), 7);
    sn_dataset_release(dataset);
}
END_TEST

START_TEST(edges_with_everything_undirected_repeat_their_attributes)
{
    sn_dataset *dataset;
    save_edges();
    save_array(in_folder("w.npy"), "float32", 4, -1, weights);
    save_array(in_folder("t.npy"), "int64", 4, -1, times);
    save_array(in_folder("f.npy"), "float32", 4, 3, features);
    save_array(in_folder("nt.npy"), "int32", 5, -1, "aaaabbbbccccddddeeee");
    sn_edge_info info =
        import_edges(SN_IMPORT_FILES(.edges = in_folder("e.npy"), .weights = in_folder("w.npy"),
                                     .times = in_folder("t.npy"), .edge_feat = in_folder("f.npy"),
                                     .node_times = in_folder("nt.npy"), .undirected = true),
                     &dataset);
    ck_assert_int_eq(info.count, 8);
    for (int64_t i = 0; i < 8; i++) {
        ck_assert(((const float *)info.weights->data)[i] == weights[i % 4]);
        ck_assert_int_eq(((const int64_t *)info.times->data)[i], times[i % 4]);
        for (int64_t j = 0; j < 3; j++)
            ck_assert(((const float *)info.x->data)[i * 3 + j] == features[i % 4 * 3 + j]);
    }
    /* Row 2: to 0 (edge 1), to itself (edges 2 and its reverse 6). Row 0: to 1, and back to 2. */
    const int32_t *to = info.csr.indices.data;
    ck_assert_int_eq(info.csr.indptr[3] - info.csr.indptr[2], 3);
    int64_t at = info.csr.indptr[2];
    ck_assert(to[at] == 0 && to[at + 1] == 2 && to[at + 2] == 2);
    ck_assert(info.csr.edge_ids[at] == 1 && info.csr.edge_ids[at + 1] == 2);
    ck_assert_int_eq(info.csr.edge_ids[at + 2], 6);
    ck_assert_int_eq(info.csr.edge_ids[1], 5);
    sn_dataset_release(dataset);
}
END_TEST

START_TEST(edges_with_a_fault_are_refused_by_file)
{
    save_edges();
    save_array(in_folder("x.npy"), "float32", 4, 3, features);
    const char *e = in_folder("e.npy"), *out = in_folder("out");
    ck_fails(sn_import_edges(SN_IMPORT_FILES(.edges = e, .num_nodes = 4), out, NULL), SN_E_RANGE,
             "e.npy: row 0, column 3: source 4 is outside [0, 4)");
    ck_fails(
        sn_import_edges(SN_IMPORT_FILES(.edges = e, .node_feat = in_folder("x.npy")), out, NULL),
        SN_E_RANGE, "e.npy: row 0, column 3");
    ck_fails(
        sn_import_edges(SN_IMPORT_FILES(.edges = e, .labels = in_folder("x.npy"), .num_nodes = 5),
                        out, NULL),
        SN_E_FORMAT, "x.npy: y of node type 'node': 4 rows, expected 5");
    ck_fails(sn_import_edges(SN_IMPORT_FILES(.edges = in_folder("gone.npy")), out, NULL),
             SN_E_SYSTEM, "gone.npy");
    ck_fails(
        sn_import_edges(SN_IMPORT_FILES(.edges = e, .node_times = in_folder("x.npy")), out, NULL),
        SN_E_FORMAT, "x.npy: times of node type 'node'");
    int64_t bad[] = { 0, 1, -3, 1 };
    save_array(in_folder("bad.npy"), "int64", 2, 2, bad);
    ck_fails(sn_import_edges(SN_IMPORT_FILES(.edges = in_folder("bad.npy")), out, NULL), SN_E_RANGE,
             "bad.npy: row 1, column 0: destination -3 is negative");
    bad[2] = INT64_MAX - 1;
    save_array(in_folder("bad.npy"), "int64", 2, 2, bad);
    ck_fails(sn_import_edges(SN_IMPORT_FILES(.edges = in_folder("bad.npy")), out, NULL), SN_E_RANGE,
             "bad.npy: greatest id 9223372036854775806");
    ck_assert_ptr_null(strstr(list_dir(in_folder(".")), "out"));
}
END_TEST

START_TEST(calls_with_bad_arguments_are_refused)
{
    save_edges();
    const char *e = in_folder("e.npy"), *out = in_folder("out");
    ck_fails(sn_import_edges(NULL, out, NULL), SN_E_INVALID, "no files");
    ck_fails(sn_import_edges(SN_IMPORT_FILES(.edges = e), NULL, NULL), SN_E_INVALID, "no output");
    ck_fails(sn_import_edges(SN_IMPORT_FILES(.num_nodes = 3), out, NULL), SN_E_INVALID, "no edges");
    ck_fails(sn_import_edges(SN_IMPORT_FILES(.edges = e, .num_nodes = -1), out, NULL), SN_E_INVALID,
             "num_nodes -1");
    ck_fails(sn_import_edges(SN_IMPORT_FILES(.edges = e, .num_nodes = (int64_t)1 << 62), out, NULL),
             SN_E_INVALID, "num_nodes 4611686018427387904");
    ck_fails(sn_import_edges(&(sn_import_files){ .edges = e }, out, NULL), SN_E_INVALID,
             "struct_size 0");
    ck_fails(
        sn_import_edges(SN_IMPORT_FILES(.edges = e), out, &(sn_import_options){ .struct_size = 1 }),
        SN_E_INVALID, "struct_size 1");
    ck_fails(sn_import_edges(SN_IMPORT_FILES(.edges = e), out,
                             SN_IMPORT_OPTIONS(.layout = (sn_layout)4)),
             SN_E_INVALID, "layout 4");
    ck_fails(sn_import_edges(SN_IMPORT_FILES(.edges = e), out, SN_IMPORT_OPTIONS(.threads = -2)),
             SN_E_INVALID, "threads");
    ck_fails(sn_import_manifest(NULL, out, NULL), SN_E_INVALID, "no manifest");
    ck_fails(sn_import_manifest(in_folder("m.json"), NULL, NULL), SN_E_INVALID, "no output");
    ck_assert_ptr_null(strstr(list_dir(in_folder(".")), "out"));
}
END_TEST

/* -- Progress and cancel ----------------------------------------------------------------------- */

typedef struct watch_calls {
    int calls, cancel_at; /* -1: never */
    char stages[2048];
} watch_calls;

static bool on_progress(void *context, const char *stage, uint64_t done, uint64_t total)
{
    watch_calls *w = context;
    if (total > 0 && done > total)
        ck_abort_msg("%s: %llu of %llu", stage, (unsigned long long)done,
                     (unsigned long long)total);
    size_t used = strlen(w->stages), last = strlen(stage);
    if (used < last + 1 || strncmp(w->stages + used - last - 1, stage, last) != 0)
        snprintf(w->stages + used, sizeof w->stages - used, "%s;", stage);
    return w->calls++ != w->cancel_at;
}

static const char everything[] =
    "{\"format\": \"seine-import-1\", \"node_types\": {\"a\": {\"count\": 1000, \"x\": \"x.npy\","
    " \"splits\": {\"train\": \"s.npy\"}}}, \"edge_types\": [{\"type\": [\"a\", \"r\", \"a\"], "
    "\"files\":"
    " [\"e.npy\"], \"undirected\": true, \"deduplicate\": true, \"weights\": \"w.npy\"}]}";

static void save_everything(void)
{
    enum { N = 1000, E = 30000 };
    static int32_t ids[2 * E];
    static float values[E], x[N * 4];
    draw_from(51);
    for (int i = 0; i < 2 * E; i++)
        ids[i] = (int32_t)draw_below(N);
    save_array(in_folder("e.npy"), "int32", 2, E, ids);
    save_array(in_folder("w.npy"), "float32", E, -1, values);
    save_array(in_folder("x.npy"), "float32", N, 4, x);
    save_array(in_folder("s.npy"), "int32", 0, -1, "");
    put_text(in_folder("m.json"), everything);
}

static sn_status import_watched(watch_calls *w)
{
    return sn_import_manifest(in_folder("m.json"), in_folder("out"),
                              SN_IMPORT_OPTIONS(.threads = 2, .shuffle_ends = true,
                                                .progress = on_progress, .progress_context = w));
}

START_TEST(import_cancelled_at_any_call_leaves_nothing)
{
    save_everything();
    watch_calls all = { .cancel_at = -1 };
    ck_ok(import_watched(&all));
    ck_assert_str_eq(
        all.stages,
        "x of node type 'a';shuffle ends;read edges;find duplicates;read edges;build CSR;"
        "build CSC;weights of edge type 'a__r__a';tables;hash;");
    remove_tree(in_folder("out"));
    int files = count_open_files(), call = 0;
    char before[4096];
    snprintf(before, sizeof before, "%s", list_dir(in_folder(".")));
    for (;; call++) {
        watch_calls one = { .cancel_at = call };
        sn_status status = import_watched(&one);
        if (status == SN_OK)
            break; /* as many calls as there are */
        ck_assert_int_eq(status, SN_E_CANCELLED);
        ck_assert_int_eq(one.calls, call + 1);
        ck_assert_str_eq(list_dir(in_folder(".")), before);
        ck_assert_int_eq(count_open_files(), files);
    }
    ck_assert_int_ge(call, 9); /* each stage reports its end at least */
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("edges");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, edges_alone_have_as_many_nodes_as_their_greatest_id_says);
    tcase_add_test(cases, edges_with_a_number_of_nodes_keep_isolated_ones);
    tcase_add_test(cases, edges_with_everything_undirected_repeat_their_attributes);
    tcase_add_test(cases, edges_with_a_fault_are_refused_by_file);
    tcase_add_test(cases, calls_with_bad_arguments_are_refused);
    tcase_add_test(cases, import_cancelled_at_any_call_leaves_nothing);
    return run_in_folder("imports of edges", cases);
}
