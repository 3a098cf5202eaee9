/* SPDX-License-Identifier: Apache-2.0 */
/* Imports of random manifests against a model that does what docs/formats.md says, the slow way. */
#include "data/support/folder.h"
#include "import/make.h"
#include "support/scale.h"

#include <stdio.h>
#include <string.h>

enum { MOST_TYPES = 4, MOST_EDGES = 400, DIM = 3 };

typedef struct model_node {
    char name[16];
    int64_t count;
    bool has_x, has_y, has_times, has_split;
    int64_t first; /* row of the x and y files where this type begins */
} model_node;

typedef struct model_edge {
    int src, dst;
    char rel[16];
    bool undirected, deduplicate, has_weights, has_times, has_x;
    int64_t base, count;
    int64_t base_src[MOST_EDGES], base_dst[MOST_EDGES];
    int64_t edge_src[2 * MOST_EDGES], edge_dst[2 * MOST_EDGES], origin[2 * MOST_EDGES];
} model_edge;

static struct {
    int num_nodes, num_edges;
    model_node nodes[MOST_TYPES];
    model_edge edges[MOST_TYPES];
} model;

/* Values are functions of their place, so that any mix-up shows. */
static int weight_of(int64_t i)
{
    return (int)(i * 7 % 100);
}

static int64_t time_of(int64_t i)
{
    return 100 - i * 3;
}

static int value_of(int64_t i, int64_t j)
{
    return (int)(i * 5 + j) % 1000 - 500;
}

/* -- Writing the manifest ---------------------------------------------------------------------- */

static void save_ids(const char *path, const int64_t *src, const int64_t *dst, int64_t n)
{
    int64_t wide[2 * MOST_EDGES];
    int32_t narrow[2 * MOST_EDGES];
    for (int64_t i = 0; i < n; i++) {
        narrow[i] = (int32_t)(wide[i] = src[i]);
        narrow[n + i] = (int32_t)(wide[n + i] = dst[i]);
    }
    if (draw_below(2) == 0)
        save_array(path, "int32", 2, n, narrow);
    else
        save_array(path, "int64", 2, n, wide);
}

/* Cuts the base edges into files, some of them empty. */
static json_t *save_files(int index, const model_edge *e)
{
    json_t *files = json_array();
    int64_t at = 0;
    for (int f = 0; at < e->base || draw_below(3) == 0; f++) {
        char name[32];
        int64_t n = draw_below(4) == 0 ? 0 : 1 + draw_below(e->base - at + 1);
        n = n < e->base - at ? n : e->base - at;
        snprintf(name, sizeof name, "e%d_%d.npy", index, f);
        save_ids(in_folder("%s", name), e->base_src + at, e->base_dst + at, n);
        json_array_append_new(files, json_string(name));
        at += n;
    }
    return files;
}

static void save_weights(const char *path, int64_t n)
{
    float f[MOST_EDGES];
    double d[MOST_EDGES];
    uint8_t u[MOST_EDGES];
    for (int64_t i = 0; i < n; i++) {
        u[i] = (uint8_t)weight_of(i);
        f[i] = (float)weight_of(i);
        d[i] = weight_of(i);
    }
    int kind = (int)draw_below(3);
    save_array(path,
               kind == 0   ? "float32"
               : kind == 1 ? "float64"
                           : "uint8",
               n, -1,
               kind == 0   ? (void *)f
               : kind == 1 ? (void *)d
                           : (void *)u);
}

static void save_times(const char *path, int64_t n)
{
    int64_t wide[MOST_EDGES];
    int16_t narrow[MOST_EDGES];
    for (int64_t i = 0; i < n; i++)
        narrow[i] = (int16_t)(wide[i] = time_of(i));
    if (draw_below(2) == 0)
        save_array(path, "int64", n, -1, wide);
    else
        save_array(path, "int16", n, -1, narrow);
}

static void save_values(const char *path, int64_t n)
{
    int16_t x[MOST_EDGES * DIM];
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < DIM; j++)
            x[i * DIM + j] = (int16_t)value_of(i, j);
    save_array(path, "int16", n, DIM, x);
}

static json_t *node_json(const model_node *node)
{
    json_t *type = json_pack("{s:I}", "count", (json_int_t)node->count);
    json_t *rows =
        json_pack("[II]", (json_int_t)node->first, (json_int_t)(node->first + node->count));
    if (node->has_x)
        json_object_set_new(type, "x",
                            json_pack("{s:s, s:O, s:s, s:f}", "file", "x.npy", "rows", rows,
                                      "convert", "float16", "scale", 0.5));
    if (node->has_y)
        json_object_set_new(type, "y", json_pack("{s:s, s:O}", "file", "y.npy", "rows", rows));
    if (node->has_times)
        json_object_set_new(type, "times", json_pack("{s:s, s:O}", "file", "y.npy", "rows", rows));
    json_decref(rows);
    if (node->has_split)
        json_object_set_new(type, "splits",
                            json_pack("{s:s, s:s}", "train", "train.npy", "test", "none.npy"));
    return type;
}

static json_t *edge_json(int index, const model_edge *e)
{
    json_t *type = json_pack("{s:[sss], s:o}", "type", model.nodes[e->src].name, e->rel,
                             model.nodes[e->dst].name, "files", save_files(index, e));
    if (e->undirected || draw_below(2) == 0)
        json_object_set_new(type, "undirected", json_boolean(e->undirected));
    if (e->deduplicate || draw_below(2) == 0)
        json_object_set_new(type, "deduplicate", json_boolean(e->deduplicate));
    if (e->has_weights) {
        save_weights(in_folder("w%d.npy", index), e->base);
        json_object_set_new(type, "weights", json_sprintf("w%d.npy", index));
    }
    if (e->has_times) {
        save_times(in_folder("t%d.npy", index), e->base);
        json_object_set_new(type, "times",
                            json_pack("{s:o}", "file", json_sprintf("t%d.npy", index)));
    }
    if (e->has_x) {
        save_values(in_folder("x%d.npy", index), e->base);
        json_object_set_new(
            type, "x",
            json_pack("{s:o, s:s}", "file", json_sprintf("x%d.npy", index), "convert", "int32"));
    }
    return type;
}

static void save_manifest(void)
{
    int64_t total = 0;
    json_t *nodes = json_object(), *edges = json_array();
    for (int i = 0; i < model.num_nodes; i++) {
        total += model.nodes[i].count;
        json_object_set_new(nodes, model.nodes[i].name, node_json(&model.nodes[i]));
    }
    for (int i = 0; i < model.num_edges; i++)
        json_array_append_new(edges, edge_json(i, &model.edges[i]));
    int64_t y[MOST_TYPES * 64];
    for (int64_t i = 0; i < total; i++)
        y[i] = i * 11;
    save_array(in_folder("y.npy"), "int64", total, -1, y);
    save_values(in_folder("x.npy"), total);
    save_array(in_folder("train.npy"), "uint8", 1, -1, "\0");
    save_array(in_folder("none.npy"), "int64", 0, -1, "");
    save_json(in_folder("m.json"),
              json_pack("{s:s, s:o, s:o, s:i}", "format", "seine-import-1", "node_types", nodes,
                        "edge_types", edges, "unlabelled", -7));
}

/* -- The model --------------------------------------------------------------------------------- */

static bool seen_before(const model_edge *e, int64_t src, int64_t dst)
{
    for (int64_t i = 0; i < e->count; i++)
        if (e->edge_src[i] == src && e->edge_dst[i] == dst)
            return true;
    return false;
}

static void settle(model_edge *e)
{
    e->count = 0;
    for (int64_t k = 0; k < (e->undirected ? 2 : 1) * e->base; k++) {
        int64_t i = k % e->base;
        int64_t src = k < e->base ? e->base_src[i] : e->base_dst[i];
        int64_t dst = k < e->base ? e->base_dst[i] : e->base_src[i];
        if (e->deduplicate && seen_before(e, src, dst))
            continue;
        e->edge_src[e->count] = src;
        e->edge_dst[e->count] = dst;
        e->origin[e->count++] = i;
    }
}

static void draw_edge_type(int index, bool typed)
{
    model_edge *e = &model.edges[index];
    memset(e, 0, sizeof *e);
    e->src = (int)draw_below(model.num_nodes);
    e->dst = typed ? (int)draw_below(model.num_nodes) : e->src;
    snprintf(e->rel, sizeof e->rel, "r%d", index);
    e->undirected = e->src == e->dst && draw_below(2) == 0;
    e->deduplicate = draw_below(2) == 0;
    e->has_weights = draw_below(2) == 0;
    e->has_times = draw_below(2) == 0;
    e->has_x = draw_below(2) == 0;
    bool possible = model.nodes[e->src].count > 0 && model.nodes[e->dst].count > 0;
    e->base = possible ? draw_below(draw_below(4) == 0 ? MOST_EDGES : 30) : 0;
    for (int64_t i = 0; i < e->base; i++) {
        e->base_src[i] = draw_below(1 + draw_below(model.nodes[e->src].count));
        e->base_dst[i] = draw_below(1 + draw_below(model.nodes[e->dst].count));
    }
    settle(e);
}

static void draw_model(void)
{
    int64_t total = 0;
    model.num_nodes = 1 + (int)draw_below(3);
    model.num_edges = 1 + (int)draw_below(MOST_TYPES);
    for (int i = 0; i < model.num_nodes; i++) {
        model_node *node = &model.nodes[i];
        snprintf(node->name, sizeof node->name, "t%d", (int)draw_below(3) + 3 * i);
        node->count = draw_below(5) == 0 ? 0 : 1 + draw_below(50);
        node->first = total;
        total += node->count;
        node->has_x = draw_below(2) == 0;
        node->has_y = draw_below(2) == 0;
        node->has_times = draw_below(2) == 0;
        node->has_split = node->count > 0 && draw_below(2) == 0;
    }
    for (int i = 0; i < model.num_edges; i++)
        draw_edge_type(i, true);
}

/* -- Comparing --------------------------------------------------------------------------------- */

static void check_rows(const sn_adjacency *rows, int64_t nodes, int64_t count, const int64_t *row,
                       const int64_t *col)
{
    ck_assert_int_eq(rows->rows, nodes);
    ck_assert_int_eq(rows->indices.shape[0], count);
    ck_assert_int_eq(rows->indptr[nodes], count);
    char *seen = calloc(1, (size_t)count + 1);
    for (int64_t r = 0; r < nodes; r++)
        for (int64_t i = rows->indptr[r]; i < rows->indptr[r + 1]; i++) {
            int64_t id = rows->edge_ids != NULL ? rows->edge_ids[i] : i;
            int64_t before = i == 0 || rows->edge_ids == NULL ? i - 1 : rows->edge_ids[i - 1];
            const int32_t *indices = rows->indices.data;
            bool ok = id >= 0 && id < count && !seen[id] && row[id] == r && col[id] == indices[i];
            if (ok && i > rows->indptr[r])
                ok = indices[i - 1] < indices[i] || (indices[i - 1] == indices[i] && before < id);
            if (!ok)
                ck_abort_msg("row %d, place %d", (int)r, (int)i);
            seen[id] = 1;
        }
    free(seen);
}

static void check_edge_arrays(const model_edge *e, const sn_edge_info *info)
{
    ck_assert_int_eq(info->weights != NULL, e->has_weights);
    ck_assert_int_eq(info->times != NULL, e->has_times);
    ck_assert_int_eq(info->x != NULL, e->has_x);
    bool ok = true;
    for (int64_t k = 0; k < e->count; k++) {
        int64_t i = e->origin[k];
        if (e->has_weights)
            ok &= ((const float *)info->weights->data)[k] == (float)weight_of(i);
        if (e->has_times)
            ok &= ((const int64_t *)info->times->data)[k] == time_of(i);
        for (int64_t j = 0; j < DIM && e->has_x; j++)
            ok &= ((const int32_t *)info->x->data)[k * DIM + j] == value_of(i, j);
    }
    ck_assert(ok);
    if (e->has_x)
        ck_assert_str_eq(sn_dtype_name(info->x->dtype), "int32");
}

static void check_node(const sn_dataset *dataset, int index)
{
    sn_node_info info;
    const model_node *node = &model.nodes[index];
    ck_ok(sn_dataset_node_type(dataset, index, &info));
    ck_assert_str_eq(info.name, node->name);
    ck_assert_int_eq(info.count, node->count);
    ck_assert_int_eq(info.x != NULL, node->has_x);
    ck_assert_int_eq(info.y != NULL, node->has_y);
    ck_assert_int_eq(info.times != NULL, node->has_times);
    ck_assert_int_eq(info.train != NULL, node->has_split);
    bool ok = true;
    for (int64_t i = 0; i < node->count; i++) {
        if (node->has_y)
            ok &= ((const int64_t *)info.y->data)[i] == (node->first + i) * 11;
        if (node->has_times)
            ok &= ((const int64_t *)info.times->data)[i] == (node->first + i) * 11;
    }
    if (node->has_x) {
        ck_assert_str_eq(sn_dtype_name(info.x->dtype), "float16");
        ck_assert_int_eq(info.x->shape[1], DIM);
    }
    if (node->has_x &&
        node->count > 0) { /* float16 is checked bit by bit elsewhere; here the place */
        uint16_t half = ((const uint16_t *)info.x->data)[0];
        int first = value_of(node->first, 0);
        ck_assert_int_eq(half >> 15, first < 0);
    }
    if (node->has_split) {
        ck_assert_int_eq(info.train->shape[0], 1);
        ck_assert_int_eq(info.test->shape[0], 0);
        ck_assert_ptr_null(info.val);
    }
    ck_assert(ok);
}

static void check_dataset(const char *path, sn_layout layout)
{
    sn_dataset *dataset = open_verified(path);
    ck_assert_int_eq(sn_dataset_num_node_types(dataset), model.num_nodes);
    ck_assert_int_eq(sn_dataset_num_edge_types(dataset), model.num_edges);
    ck_assert_int_eq(sn_dataset_unlabelled(dataset), -7);
    for (int i = 0; i < model.num_nodes; i++)
        check_node(dataset, i);
    for (int i = 0; i < model.num_edges; i++) {
        sn_edge_info info;
        const model_edge *e = &model.edges[i];
        ck_ok(sn_dataset_edge_type(dataset, i, &info));
        ck_assert_str_eq(info.rel, e->rel);
        ck_assert_int_eq(info.src_type, e->src);
        ck_assert_int_eq(info.dst_type, e->dst);
        ck_assert_int_eq(info.count, e->count);
        ck_assert_int_eq(info.csr.indptr != NULL, layout != SN_LAYOUT_CSC);
        ck_assert_int_eq(info.csc.indptr != NULL, layout != SN_LAYOUT_CSR);
        if (info.csr.indptr != NULL)
            check_rows(&info.csr, model.nodes[e->src].count, e->count, e->edge_src, e->edge_dst);
        if (info.csc.indptr != NULL)
            check_rows(&info.csc, model.nodes[e->dst].count, e->count, e->edge_dst, e->edge_src);
        check_edge_arrays(e, &info);
    }
    sn_dataset_release(dataset);
}

/* -- Cases ------------------------------------------------------------------------------------- */

START_TEST(import_of_random_manifests_equals_the_model)
{
    draw_from(41);
    int64_t rounds = sn_test_scale(150);
    for (int64_t i = 0; i < rounds; i++) {
        draw_model();
        save_manifest();
        sn_layout layout = (sn_layout)draw_below(4);
        int32_t threads = 1 + (int32_t)draw_below(3);
        ck_ok(sn_import_manifest(in_folder("m.json"), in_folder("out"),
                                 SN_IMPORT_OPTIONS(.threads = threads, .layout = layout)));
        check_dataset(in_folder("out"), layout);
        if (i % 10 == 0) { /* the number of threads leaves no trace */
            ck_ok(sn_import_manifest(
                in_folder("m.json"), in_folder("again"),
                SN_IMPORT_OPTIONS(.threads = threads % 3 + 1, .layout = layout)));
            check_same_dir(in_folder("out"), in_folder("again"));
        }
        remove_tree(in_folder("out"));
        remove_tree(in_folder("again"));
    }
}
END_TEST

/* -- Ends exchanged ---------------------------------------------------------------------------- */

static int compare_ids(const void *a, const void *b)
{
    const int64_t *one = a, *two = b;
    return (*one > *two) - (*one < *two);
}

START_TEST(import_with_shuffled_ends_keeps_every_degree_and_loses_the_edges)
{
    draw_from(42);
    model.num_nodes = 1;
    model.nodes[0] = (model_node){ .name = "t", .count = 40 };
    model.num_edges = 2;
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 2; i++) {
            do
                draw_edge_type(i, false);
            while (model.edges[i].base < 100);
            model.edges[i].undirected = model.edges[i].deduplicate = false;
            settle(&model.edges[i]);
        }
        save_manifest();
        ck_ok(sn_import_manifest(in_folder("m.json"), in_folder("out"),
                                 SN_IMPORT_OPTIONS(.shuffle_ends = true, .shuffle_seed = 5)));
        ck_ok(sn_import_manifest(
            in_folder("m.json"), in_folder("other"),
            SN_IMPORT_OPTIONS(.shuffle_ends = true, .shuffle_seed = 6, .threads = 1)));
        sn_dataset *dataset = open_verified(in_folder("out")),
                   *other = open_verified(in_folder("other"));
        for (int t = 0; t < 2; t++) {
            const model_edge *e = &model.edges[t];
            sn_edge_info info, info2;
            ck_ok(sn_dataset_edge_type(dataset, t, &info));
            ck_ok(sn_dataset_edge_type(other, t, &info2));
            int64_t now[MOST_EDGES], want[MOST_EDGES], moved = 0, differ = 0, second[MOST_EDGES];
            for (int64_t r = 0; r < 40; r++) /* by edge id: the sources are where they were */
                for (int64_t i = info.csr.indptr[r]; i < info.csr.indptr[r + 1]; i++) {
                    int64_t id = info.csr.edge_ids[i], id2 = info2.csr.edge_ids[i];
                    ck_assert_int_eq(e->base_src[id], r);
                    now[id] = ((const int32_t *)info.csr.indices.data)[i];
                    second[id2] = ((const int32_t *)info2.csr.indices.data)[i];
                }
            for (int64_t i = 0; i < e->base; i++) {
                moved += now[i] != e->base_dst[i];
                differ += now[i] != second[i];
                want[i] = e->base_dst[i];
            }
            ck_assert_int_gt(moved, e->base / 3);
            ck_assert_int_gt(differ, e->base / 3);
            qsort(now, (size_t)e->base, sizeof *now, compare_ids);
            qsort(want, (size_t)e->base, sizeof *want, compare_ids);
            ck_assert_mem_eq(now, want, (size_t)e->base * sizeof *now);
        }
        ck_assert_ptr_nonnull(strstr(sn_dataset_meta(dataset), "\"shuffled_ends\": \"seed 5\""));
        sn_dataset_release(dataset);
        sn_dataset_release(other);
    }
}
END_TEST

/* The exchange comes first: with both flags the result is symmetric and free of duplicates. */
START_TEST(import_with_shuffled_ends_is_still_undirected_and_without_duplicates)
{
    draw_from(43);
    model.num_nodes = 1;
    model.nodes[0] = (model_node){ .name = "t", .count = 30 };
    model.num_edges = 1;
    do
        draw_edge_type(0, false);
    while (model.edges[0].base < 50);
    model.edges[0].undirected = model.edges[0].deduplicate = true;
    save_manifest();
    ck_ok(sn_import_manifest(in_folder("m.json"), in_folder("out"),
                             SN_IMPORT_OPTIONS(.shuffle_ends = true, .threads = 2)));
    sn_dataset *dataset = open_verified(in_folder("out"));
    sn_edge_info info;
    ck_ok(sn_dataset_edge_type(dataset, 0, &info));
    const int32_t *out = info.csr.indices.data, *in = info.csc.indices.data;
    for (int64_t r = 0; r < 30; r++) {
        ck_assert_int_eq(info.csr.indptr[r], info.csc.indptr[r]);
        for (int64_t i = info.csr.indptr[r]; i < info.csr.indptr[r + 1]; i++) {
            ck_assert_int_eq(out[i], in[i]);
            if (i > info.csr.indptr[r])
                ck_assert_int_lt(out[i - 1], out[i]);
        }
    }
    sn_dataset_release(dataset);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("random");
    tcase_set_timeout(cases, 100);
    tcase_add_test(cases, import_of_random_manifests_equals_the_model);
    tcase_add_test(cases, import_with_shuffled_ends_keeps_every_degree_and_loses_the_edges);
    tcase_add_test(cases, import_with_shuffled_ends_is_still_undirected_and_without_duplicates);
    return run_in_folder("import of random manifests", cases);
}
