/* SPDX-License-Identifier: Apache-2.0 */
/* COO to canonical rows, held against a model that sorts: many shapes, threads, scratch sizes. */
#include "base/mem.h"
#include "base/random.h"
#include "kernels/coo_to_csr.h"
#include "support/scale.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* -- Inputs and the model ---------------------------------------------------------------------- */

/* A state that moves: tests are sequences of draws. */
static uint64_t state;

static uint64_t draw(uint64_t n)
{
    state += 0x9E3779B97F4A7C15u;
    return sn__mix64(state) % n; /* the bias does not matter here */
}

typedef struct graph {
    int64_t num_src, num_dst, count;
    int64_t *src, *dst;
} graph;

typedef enum order { AS_DRAWN, BY_SRC, BY_DST, BY_SRC_ONLY } stream_order;

static int compare_two(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

typedef struct triple {
    int64_t row, col, id;
} triple;

static int compare_triples(const void *one, const void *two)
{
    const triple *a = one, *b = two;
    int by_row = compare_two(a->row, b->row), by_col = compare_two(a->col, b->col);
    return by_row != 0 ? by_row : by_col != 0 ? by_col : compare_two(a->id, b->id);
}

static void *get(size_t count, size_t size)
{
    void *block;
    ck_assert_int_eq(sn__mem_zalloc(count, size, "test", &block), SN_OK);
    return block;
}

static triple *sorted_triples(const graph *g, sn__coo_by by)
{
    triple *all = get((size_t)g->count, sizeof *all);
    for (int64_t i = 0; i < g->count; i++)
        all[i] = by == SN__BY_SRC ? (triple){ g->src[i], g->dst[i], i }
                                  : (triple){ g->dst[i], g->src[i], i };
    qsort(all, (size_t)g->count, sizeof *all, compare_triples);
    return all;
}

/* Ids are drawn from a few so that there are parallel edges and self loops, and isolated nodes. */
static graph make_graph(int64_t num_src, int64_t num_dst, int64_t count, stream_order order)
{
    graph g = { num_src, num_dst, count, get((size_t)count, 8), get((size_t)count, 8) };
    uint64_t spread = draw(3);
    for (int64_t i = 0; i < count; i++) {
        uint64_t few = (uint64_t)num_src / (1 + 4 * spread) + 1;
        g.src[i] = (int64_t)(draw(4) == 0 ? draw(few) : draw((uint64_t)num_src)) % num_src;
        g.dst[i] = draw(8) == 0 && g.src[i] < num_dst ? g.src[i] : (int64_t)draw((uint64_t)num_dst);
        if (i > 0 && draw(6) == 0) {
            uint64_t earlier = draw((uint64_t)i);
            g.src[i] = g.src[earlier];
            g.dst[i] = g.dst[earlier];
        }
    }
    if (order == BY_SRC_ONLY) {
        triple *all = sorted_triples(&g, SN__BY_SRC);
        for (int64_t i = 0; i < count; i++)
            g.src[i] = all[i].row; /* destinations stay as drawn */
        sn__mem_free(all);
    } else if (order != AS_DRAWN) {
        triple *all = sorted_triples(&g, order == BY_SRC ? SN__BY_SRC : SN__BY_DST);
        for (int64_t i = 0; i < count; i++) {
            g.src[i] = order == BY_SRC ? all[i].row : all[i].col;
            g.dst[i] = order == BY_SRC ? all[i].col : all[i].row;
        }
        sn__mem_free(all);
    }
    return g;
}

static void free_graph(graph *g)
{
    sn__mem_free(g->src);
    sn__mem_free(g->dst);
}

static sn_status read_graph(void *context, int64_t first, int32_t count, int64_t *src, int64_t *dst)
{
    const graph *g = context;
    if (count < 1 || count > SN__EDGE_BLOCK || first < 0 || first + count > g->count)
        ck_abort_msg("asked for %d edges at %d of %d", count, (int)first, (int)g->count);
    memcpy(src, g->src + first, (size_t)count * sizeof *src);
    memcpy(dst, g->dst + first, (size_t)count * sizeof *dst);
    return SN_OK;
}

static sn__edge_source source_of(graph *g)
{
    return (sn__edge_source){ .count = g->count, .context = g, .read = read_graph };
}

/* -- Comparing --------------------------------------------------------------------------------- */

static int64_t index_at(const void *indices, sn_dtype dtype, int64_t i)
{
    return dtype.bits == 32 ? ((const int32_t *)indices)[i] : ((const int64_t *)indices)[i];
}

static void check_layout(sn__coo *coo, graph *g, sn__coo_by by)
{
    sn__coo_layout layout = sn__coo_layout_of(coo, by);
    int64_t rows = by == SN__BY_SRC ? g->num_src : g->num_dst;
    int64_t cols = by == SN__BY_SRC ? g->num_dst : g->num_src;
    ck_assert_int_eq(layout.rows, rows);
    ck_assert_int_eq(layout.index.bits, cols <= INT32_MAX ? 32 : 64);
    /* Exact sizes: a sanitizer sees what is written beyond. */
    int64_t *indptr = get((size_t)rows + 1, 8);
    void *indices = get((size_t)g->count, layout.index.bits / 8);
    int64_t *edge_ids = layout.implicit_ids ? NULL : get((size_t)g->count, 8);
    memset(indptr, 0xee, ((size_t)rows + 1) * 8);
    ck_assert_int_eq(sn__coo_rows(coo, by, indptr, indices, edge_ids), SN_OK);

    /* Asserts write to a pipe each time: one for all elements. */
    triple *all = sorted_triples(g, by);
    bool implicit = true, equal = true;
    int64_t at = 0;
    for (int64_t r = 0; r < rows; r++) {
        equal &= indptr[r] == at;
        for (; at < g->count && all[at].row == r; at++) {
            equal &= index_at(indices, layout.index, at) == all[at].col;
            equal &= edge_ids == NULL || edge_ids[at] == all[at].id;
            implicit &= all[at].id == at;
        }
    }
    ck_assert_msg(equal, "by %d, %d nodes, %d edges", by, (int)rows, (int)g->count);
    ck_assert_int_eq(indptr[rows], g->count);
    ck_assert_int_eq(layout.implicit_ids, implicit);
    sn__mem_free(all);
    sn__mem_free(edge_ids);
    sn__mem_free(indices);
    sn__mem_free(indptr);
}

static void check_duplicates(sn__coo *coo, const graph *g)
{
    size_t words = (size_t)(g->count + 63) / 64;
    uint64_t *bitmap = get(words, 8);
    ck_assert_int_eq(sn__coo_duplicates(coo, bitmap), SN_OK);
    triple *all = sorted_triples(g, SN__BY_SRC);
    bool equal = true;
    for (int64_t i = 0; i < g->count; i++) {
        bool twin = i > 0 && all[i].row == all[i - 1].row && all[i].col == all[i - 1].col;
        equal &= (bitmap[all[i].id / 64] >> (all[i].id % 64) & 1) == twin;
    }
    ck_assert(equal);
    sn__mem_free(all);
    sn__mem_free(bitmap);
}

static void check_graph(graph *g, int32_t threads, size_t scratch)
{
    sn__edge_source source = source_of(g);
    sn__coo_options options = { g->num_src, g->num_dst, threads, scratch, NULL };
    sn__coo *coo;
    ck_assert_int_eq(sn__coo_begin(&source, &options, &coo), SN_OK);
    check_layout(coo, g, SN__BY_SRC);
    if (g->num_dst <= 1 << 20) /* else the rows alone would be too many */
        check_layout(coo, g, SN__BY_DST);
    check_duplicates(coo, g);
    sn__coo_end(coo);
}

/* -- Cases ------------------------------------------------------------------------------------- */

START_TEST(coo_of_small_random_graphs_equals_the_sorting_model)
{
    state = sn_test_seed() ^ 11;
    for (int64_t i = 0; i < sn_test_scale(600); i++) {
        graph g = make_graph(1 + (int64_t)draw(40), 1 + (int64_t)draw(40), (int64_t)draw(200),
                             (stream_order)draw(4));
        check_graph(&g, 1 + (int32_t)draw(3), draw(2) * 64);
        free_graph(&g);
    }
}
END_TEST

/* Several cells, buckets and rounds, with every number of threads. */
START_TEST(coo_in_many_buckets_and_rounds_equals_the_sorting_model)
{
    static const int64_t nodes[] = { 1, 50, 3000, 200000 };
    static const size_t scratch[] = { 1, 300000, 1200000, 0 };
    state = sn_test_seed() ^ 12;
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) {
            graph g = make_graph(nodes[i], nodes[(i + j) % 4], 80000 + (int64_t)draw(1000),
                                 (stream_order)((i + j) % 4));
            check_graph(&g, 1 + j, scratch[(2 * i + j) % 4]);
            free_graph(&g);
        }
}
END_TEST

/* More than 2^18 edges, the piece between two looks at progress. */
START_TEST(coo_of_a_long_stream_in_order_is_copied_with_implicit_ids)
{
    state = sn_test_seed() ^ 13;
    graph g = make_graph(70000, 300, 550000, BY_SRC);
    check_graph(&g, 2, 0);
    free_graph(&g);
    g = make_graph(300, 70000, 800000, BY_DST);
    check_graph(&g, 3, 0);
    free_graph(&g);
}
END_TEST

START_TEST(coo_with_ids_beyond_32_bits_has_wide_columns)
{
    state = sn_test_seed() ^ 14;
    for (int threads = 1; threads <= 3; threads++) {
        graph g = make_graph(500, ((int64_t)1 << 40) + 3, 90000, AS_DRAWN);
        g.dst[7] = g.num_dst - 1;
        check_graph(&g, threads, threads == 2 ? 500000 : 0);
        free_graph(&g);
        g = make_graph(100, (int64_t)INT32_MAX + 1, 900, AS_DRAWN); /* small ids, wide columns */
        g.dst[7] = INT32_MAX;
        check_graph(&g, threads, 0);
        free_graph(&g);
    }
}
END_TEST

START_TEST(coo_without_edges_or_nodes_gives_empty_rows)
{
    graph none = { 0, 0, 0, NULL, NULL }, rows = { 5, 0, 0, NULL, NULL };
    none.src = none.dst = rows.src = rows.dst = get(0, 8);
    check_graph(&none, 2, 0);
    check_graph(&rows, 3, 0);
    sn__mem_free(none.src);
}
END_TEST

START_TEST(coo_with_an_id_outside_names_the_first_edge_and_the_value)
{
    static const struct {
        int64_t at, src, dst;
        const char *detail;
    } cases[] = {
        { 500000, 10, 3, "edge 500000: source 10 is outside [0, 10)" },
        { 0, -1, 3, "edge 0: source -1 is outside [0, 10)" },
        { 599999, 3, 20, "edge 599999: destination 20 is outside [0, 20)" },
        { 300000, 3, INT64_MIN, "edge 300000: destination -9223372036854775808 is outside" },
        { 300000, INT64_MAX, -5, "edge 300000: source 9223372036854775807 is outside" },
    };
    state = 5;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int32_t threads = 1; threads <= 3; threads++) {
            graph g = make_graph(10, 20, 600000, AS_DRAWN);
            g.src[cases[i].at] = cases[i].src;
            g.dst[cases[i].at] = cases[i].dst;
            if (i != 2) /* a later fault in the slice of another thread does not win */
                g.src[599999] = 77;
            sn__edge_source source = source_of(&g);
            sn__coo_options options = { 10, 20, threads, 0, NULL };
            sn__coo *coo = NULL;
            ck_assert_int_eq(sn__coo_begin(&source, &options, &coo), SN_E_RANGE);
            ck_assert_ptr_nonnull(strstr(sn_error_detail(), cases[i].detail));
            ck_assert_ptr_null(coo);
            free_graph(&g);
        }
}
END_TEST

/* Whatever the stream becomes after the survey, nothing is written outside the arrays. */
START_TEST(coo_whose_stream_changes_is_refused_as_changed)
{
    state = sn_test_seed() ^ 15;
    for (int i = 0; i < 60; i++) {
        graph g = make_graph(5000, 40, 60000, (stream_order)(i % 4));
        int64_t *indptr = get(5001, 8), *edge_ids = get(60000, 8);
        int32_t *indices = get(60000, 4);
        sn__edge_source source = source_of(&g);
        sn__coo_options options = { 5000, 40, 1 + i % 2, 200000, NULL };
        sn__coo *coo;
        ck_assert_int_eq(sn__coo_begin(&source, &options, &coo), SN_OK);
        bool implicit = sn__coo_layout_of(coo, SN__BY_SRC).implicit_ids;
        uint64_t first = draw(30000);
        int64_t to = i % 3 == 0 ? 5000 : i % 3 == 1 ? -1 : g.src[first] < 2500 ? 4999 : 0;
        for (int64_t e = (int64_t)first; e < g.count && e < (int64_t)first + 20000; e++)
            g.src[e] = to;
        sn_status status =
            sn__coo_rows(coo, SN__BY_SRC, indptr, indices, implicit ? NULL : edge_ids);
        ck_assert_int_eq(status, SN_E_CORRUPT);
        ck_assert_str_eq(sn_error_detail(), "edges changed while they were read");
        sn__coo_end(coo);
        sn__mem_free(indptr);
        sn__mem_free(indices);
        sn__mem_free(edge_ids);
        free_graph(&g);
    }
}
END_TEST

typedef struct failing_graph {
    graph *g;
    int64_t at; /* reading this edge fails */
} failing_graph;

static sn_status read_failing(void *context, int64_t first, int32_t count, int64_t *src,
                              int64_t *dst)
{
    const failing_graph *f = context;
    if (first <= f->at && f->at < first + count)
        return sn__fail(SN_E_SYSTEM, "disk gone at %d", (int)f->at);
    return read_graph(f->g, first, count, src, dst);
}

START_TEST(coo_whose_source_fails_passes_the_error_on)
{
    state = 3;
    graph g = make_graph(1000, 1000, 50000, AS_DRAWN);
    failing_graph f = { &g, 49000 };
    sn__edge_source source = { .count = g.count, .context = &f, .read = read_failing };
    sn__coo_options options = { 1000, 1000, 2, 0, NULL };
    sn__coo *coo;
    ck_assert_int_eq(sn__coo_begin(&source, &options, &coo), SN_E_SYSTEM);
    ck_assert_str_eq(sn_error_detail(), "disk gone at 49000");

    f.at = -1;
    ck_assert_int_eq(sn__coo_begin(&source, &options, &coo), SN_OK);
    f.at = 10;
    int64_t *indptr = get(1001, 8), *edge_ids = get(50000, 8);
    int32_t *indices = get(50000, 4);
    ck_assert_int_eq(sn__coo_rows(coo, SN__BY_DST, indptr, indices, edge_ids), SN_E_SYSTEM);
    ck_assert_str_eq(sn_error_detail(), "disk gone at 10");
    sn__coo_end(coo);
    sn__mem_free(indptr);
    sn__mem_free(indices);
    sn__mem_free(edge_ids);
    free_graph(&g);
}
END_TEST

/* -- Progress ---------------------------------------------------------------------------------- */

typedef struct watch {
    int calls, cancel_at; /* the call that cancels; -1: none */
    char stages[512];
    uint64_t done, total;
} watch;

static bool on_progress(void *context, const char *stage, uint64_t done, uint64_t total)
{
    watch *w = context;
    ck_assert_uint_le(done, total);
    if (strstr(w->stages, stage) == NULL) {
        strcat(w->stages, stage);
        strcat(w->stages, ";");
        w->done = 0;
    }
    ck_assert_uint_ge(done, w->done);
    w->done = done;
    w->total = total;
    return w->calls++ != w->cancel_at;
}

static sn_status build_watched(graph *g, watch *w)
{
    sn__progress progress = { .call = on_progress, .context = w };
    sn__edge_source source = source_of(g);
    sn__coo_options options = { g->num_src, g->num_dst, 2, 100000, &progress };
    sn__coo *coo = NULL;
    int64_t *indptr = get((size_t)g->num_dst + (size_t)g->num_src + 1, 8);
    int64_t *edge_ids = get((size_t)g->count, 8);
    int32_t *indices = get((size_t)g->count, 4);
    sn_status status = sn__coo_begin(&source, &options, &coo);
    for (int by = 0; by < 2 && status == SN_OK; by++)
        status = sn__coo_rows(coo, (sn__coo_by)by, indptr, indices, edge_ids);
    sn__coo_end(coo);
    sn__mem_free(indptr);
    sn__mem_free(indices);
    sn__mem_free(edge_ids);
    return status;
}

START_TEST(coo_reports_every_stage_to_its_end_and_stops_at_any_call)
{
    state = 9;
    graph g = make_graph(3000, 2000, 100000, AS_DRAWN);
    watch all = { .cancel_at = -1 };
    ck_assert_int_eq(build_watched(&g, &all), SN_OK);
    ck_assert_str_eq(all.stages, "read edges;build CSR;build CSC;");
    ck_assert_uint_eq(all.done, all.total);
    for (int call = 0; call < 3; call++) { /* the last of each stage always comes */
        watch one = { .cancel_at = call };
        ck_assert_int_eq(build_watched(&g, &one), SN_E_CANCELLED);
        ck_assert_int_eq(one.calls, call + 1); /* none after the cancel */
    }
    free_graph(&g);
}
END_TEST

START_TEST(edge_source_of_a_tensor_reads_both_widths)
{
    int32_t narrow[2][5] = { { 1, 2, 3, 4, 5 }, { 6, 7, 8, 9, -1 } };
    int64_t wide[2][5] = { { 1, 2, 3, 4, 5 }, { 6, 7, 8, 9, INT64_MIN } }, src[5], dst[5];
    sn_tensor tensor = { narrow, { SN_INT, 32 }, 2, { 2, 5, 1, 1 } };
    sn__edge_source source = sn__edge_source_tensor(&tensor);
    ck_assert_int_eq(source.count, 5);
    ck_assert_int_eq(source.read(source.context, 3, 2, src, dst), SN_OK);
    ck_assert_int_eq(src[0], 4);
    ck_assert_int_eq(dst[1], -1);
    tensor.data = wide;
    tensor.dtype.bits = 64;
    source = sn__edge_source_tensor(&tensor);
    ck_assert_int_eq(source.read(source.context, 0, 5, src, dst), SN_OK);
    ck_assert_int_eq(src[2], 3);
    ck_assert_int_eq(dst[4], INT64_MIN);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("coo_to_csr");
    TCase *tests = tcase_create("coo_to_csr");
    tcase_set_timeout(tests, 100);
    tcase_add_test(tests, coo_of_small_random_graphs_equals_the_sorting_model);
    tcase_add_test(tests, coo_in_many_buckets_and_rounds_equals_the_sorting_model);
    tcase_add_test(tests, coo_of_a_long_stream_in_order_is_copied_with_implicit_ids);
    tcase_add_test(tests, coo_with_ids_beyond_32_bits_has_wide_columns);
    tcase_add_test(tests, coo_without_edges_or_nodes_gives_empty_rows);
    tcase_add_test(tests, coo_with_an_id_outside_names_the_first_edge_and_the_value);
    tcase_add_test(tests, coo_whose_stream_changes_is_refused_as_changed);
    tcase_add_test(tests, coo_whose_source_fails_passes_the_error_on);
    tcase_add_test(tests, coo_reports_every_stage_to_its_end_and_stops_at_any_call);
    tcase_add_test(tests, edge_source_of_a_tensor_reads_both_widths);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
