/* SPDX-License-Identifier: Apache-2.0 */
/* Each op of the table by itself: what it gives, and what it refuses. Arrays are as short as they
 * may be, so that a sanitizer sees every read beyond. */
#include "kernels/ops.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 0 -> 1 2 3 4;  1 -> none;  2 -> 0;  and node 3 has no row at all. */
static const int64_t indptr[] = { 0, 4, 4, 5 };
static const int32_t narrow[] = { 1, 2, 3, 4, 0 };
static const int64_t wide[] = { 1, 2, 3, 4, 0 };
static const int64_t edge_ids[] = { 40, 41, 42, 43, 7 };

static sn__rows small_rows(void)
{
    return (
        sn__rows){ .indptr = indptr, .indices = narrow, .rows = 3, .edges = 5, .neighbours = 5 };
}

static void expect_detail(const char *part)
{
    ck_assert_msg(strstr(sn_error_detail(), part) != NULL, "'%s' lacks '%s'", sn_error_detail(),
                  part);
}

START_TEST(row_spans_give_start_degree_and_count)
{
    static const int64_t nodes[] = { 0, 1, 2, 3, 0, INT64_MAX };
    const sn__kernel_ops *ops = sn__kernels_cpu();
    sn__rows rows = small_rows();
    sn__span spans[6];
    size_t total = 99;
    ck_assert_uint_eq(ops->abi, SN__KERNEL_ABI);

    sn__pick_rule rule = { .fanout = 3 };
    ck_assert_int_eq(ops->row_spans(&rows, nodes, 6, &rule, spans, &total), SN_OK);
    ck_assert_uint_eq(total, 3 + 0 + 1 + 0 + 3 + 0);
    ck_assert_int_eq(spans[0].start, 0);
    ck_assert_int_eq(spans[0].degree, 4);
    ck_assert_int_eq(spans[0].count, 3);
    ck_assert_int_eq(spans[2].start, 4);
    ck_assert_int_eq(spans[2].degree, 1);
    ck_assert_int_eq(spans[2].count, 1);
    ck_assert_int_eq(spans[3].degree, 0);

    rule.replace = true; /* draws also where the degree is smaller, but not from nothing */
    ck_assert_int_eq(ops->row_spans(&rows, nodes, 6, &rule, spans, &total), SN_OK);
    ck_assert_uint_eq(total, 3 + 0 + 3 + 0 + 3 + 0);
    rule.fanout = -1;
    ck_assert_int_eq(ops->row_spans(&rows, nodes, 6, &rule, spans, &total), SN_OK);
    ck_assert_uint_eq(total, 4 + 0 + 1 + 0 + 4 + 0);
    rule.fanout = 4; /* exactly the degree */
    rule.replace = false;
    ck_assert_int_eq(ops->row_spans(&rows, nodes, 1, &rule, spans, &total), SN_OK);
    ck_assert_int_eq(spans[0].count, 4);
    ck_assert_int_eq(ops->row_spans(&rows, nodes, 0, &rule, spans, &total), SN_OK);
    ck_assert_uint_eq(total, 0);
}
END_TEST

START_TEST(row_spans_of_damaged_pointers_are_refused)
{
    static const int64_t bad[][2] = { { -1, 2 }, { 3, 2 }, { 0, 6 } };
    static const int64_t node = 0;
    sn__pick_rule rule = { .fanout = 2 };
    for (int i = 0; i < 3; i++) {
        sn__rows rows = small_rows();
        rows.indptr = bad[i];
        rows.rows = 1;
        sn__span span;
        size_t total = 77;
        ck_assert_int_eq(sn__kernels_cpu()->row_spans(&rows, &node, 1, &rule, &span, &total),
                         SN_E_CORRUPT);
        expect_detail("row of node 0");
        ck_assert_uint_eq(total, 77);
    }
}
END_TEST

static void pick_all(sn__rows *rows, int64_t *neighbours, int64_t *ids, sn_status expected)
{
    static const int64_t nodes[] = { 2, 0 };
    const sn__kernel_ops *ops = sn__kernels_cpu();
    sn__pick_rule rule = { .fanout = -1, .replace = true };
    sn__pick_scratch scratch = { 0 };
    sn__span spans[2];
    size_t total;
    ck_assert_int_eq(ops->row_spans(rows, nodes, 2, &rule, spans, &total), SN_OK);
    ck_assert_uint_eq(total, 5);
    ck_assert_int_eq(ops->pick_uniform(rows, nodes, 2, &rule, spans, &scratch, neighbours, ids),
                     expected);
    sn__pick_scratch_deinit(&scratch);
}

START_TEST(pick_uniform_takes_rows_in_the_order_of_the_nodes)
{
    static const int64_t want[] = { 0, 1, 2, 3, 4 }, want_ids[] = { 7, 40, 41, 42, 43 };
    static const int64_t positions[] = { 4, 0, 1, 2, 3 };
    for (int form = 0; form < 2; form++) {
        int64_t neighbours[5], ids[5];
        sn__rows rows = small_rows();
        rows.wide = form == 1;
        rows.indices = form == 1 ? (const void *)wide : narrow;
        pick_all(&rows, neighbours, ids, SN_OK);
        ck_assert_mem_eq(neighbours, want, sizeof want);
        ck_assert_mem_eq(ids, positions, sizeof positions); /* implicit: the positions */
        rows.edge_ids = edge_ids;
        pick_all(&rows, neighbours, ids, SN_OK);
        ck_assert_mem_eq(ids, want_ids, sizeof want_ids);
        pick_all(&rows, neighbours, NULL, SN_OK);
    }
}
END_TEST

START_TEST(pick_uniform_of_a_foreign_neighbour_is_refused)
{
    static const int32_t negative[] = { 1, 2, -3, 4, 0 };
    int64_t neighbours[5];
    sn__rows rows = small_rows();
    rows.neighbours = 4; /* the greatest allowed is 3 */
    pick_all(&rows, neighbours, NULL, SN_E_CORRUPT);
    expect_detail("neighbour id 4 of 4");
    rows = small_rows();
    rows.indices = negative;
    pick_all(&rows, neighbours, NULL, SN_E_CORRUPT);
    expect_detail("neighbour id -3");
}
END_TEST

/* The set and the scan are two ways to the same picks: at the limit between them nothing may
 * change. */
START_TEST(pick_uniform_around_the_scan_limit_is_distinct)
{
    enum { DEGREE = 3000, MOST = 2900 };
    static int32_t columns[DEGREE];
    static int64_t picks[MOST];
    for (int i = 0; i < DEGREE; i++)
        columns[i] = DEGREE - 1 - i;
    const int64_t bounds[] = { 0, DEGREE }, node = 0;
    sn__rows rows = { bounds, columns, NULL, 1, DEGREE, DEGREE, false };
    sn__pick_scratch scratch = { 0 };
    static const int64_t fanouts[] = { 63, 64, 65, 130, MOST, 66, 1 };
    for (size_t k = 0; k < sizeof fanouts / sizeof fanouts[0]; k++) {
        sn__pick_rule rule = { .key = k, .fanout = fanouts[k] };
        sn__span span;
        size_t total;
        bool seen[DEGREE] = { false };
        ck_assert_int_eq(sn__kernels_cpu()->row_spans(&rows, &node, 1, &rule, &span, &total),
                         SN_OK);
        ck_assert_uint_eq(total, (size_t)fanouts[k]);
        ck_assert_int_eq(
            sn__kernels_cpu()->pick_uniform(&rows, &node, 1, &rule, &span, &scratch, picks, NULL),
            SN_OK);
        for (size_t i = 0; i < total; i++) {
            ck_assert(!seen[picks[i]]);
            seen[picks[i]] = true;
        }
    }
    sn__pick_scratch_deinit(&scratch);
    ck_assert_ptr_null(scratch.slots);
    ck_assert_uint_eq(scratch.capacity, 0);
}
END_TEST

START_TEST(relabel_numbers_by_first_occurrence)
{
    static const int64_t first[] = { 5, 3, 5, 9 }, second[] = { 3, 0, 9, 0, 8 };
    static const uint32_t want_first[] = { 0, 1, 0, 2 }, want_second[] = { 1, 3, 2, 3, 4 };
    uint32_t entries[10] = { 0 }, labels[5];
    int64_t ids[9];
    sn__node_list list = { .ids = ids, .capacity = 9, .map = { entries, 10, 1 } };
    const sn__kernel_ops *ops = sn__kernels_cpu();
    ops->relabel(&list, first, 4, labels);
    ck_assert_mem_eq(labels, want_first, sizeof want_first);
    ck_assert_uint_eq(list.count, 3);
    ops->relabel(&list, second, 5, labels);
    ck_assert_mem_eq(labels, want_second, sizeof want_second);
    static const int64_t want_ids[] = { 5, 3, 9, 0, 8 };
    ck_assert_uint_eq(list.count, 5);
    ck_assert_mem_eq(ids, want_ids, sizeof want_ids);

    list.map.base += 5; /* the next batch: nothing is known */
    list.count = 0;
    ops->relabel(&list, second, 5, labels);
    static const uint32_t want_again[] = { 0, 1, 2, 1, 3 };
    ck_assert_mem_eq(labels, want_again, sizeof want_again);
    ck_assert_uint_eq(list.count, 4);
}
END_TEST

START_TEST(gather_rows_of_any_width_copies_exactly)
{
    enum { ROWS = 50, COUNT = 300, WIDEST = 7000 };
    static const size_t widths[] = { 0, 1, 3, 64, 100, 400, 6399, 6401, WIDEST };
    uint8_t *source = malloc((size_t)ROWS * WIDEST), *out = malloc((size_t)COUNT * WIDEST);
    int64_t ids[COUNT];
    ck_assert(source != NULL && out != NULL);
    for (size_t i = 0; i < (size_t)ROWS * WIDEST; i++)
        source[i] = (uint8_t)(i * 31 >> 3);
    for (int64_t i = 0; i < COUNT; i++)
        ids[i] = i * 17 % ROWS;
    for (size_t k = 0; k < sizeof widths / sizeof widths[0]; k++) {
        size_t width = widths[k];
        memset(out, 0xee, (size_t)COUNT * WIDEST);
        ck_assert_int_eq(sn__kernels_cpu()->gather_rows(source, ROWS, width, ids, COUNT, out),
                         SN_OK);
        for (size_t i = 0; i < COUNT; i++)
            if (width > 0)
                ck_assert_mem_eq(out + i * width, source + (size_t)ids[i] * width, width);
        if (width < WIDEST)
            ck_assert_uint_eq(out[COUNT * width], 0xee); /* not a byte more */
    }
    free(source);
    free(out);
}
END_TEST

START_TEST(gather_rows_of_a_foreign_id_is_refused)
{
    static const int64_t beyond[] = { 0, 2 }, negative[] = { 0, -1 };
    const char source[2] = { 1, 2 };
    char out[2] = { 9, 9 };
    ck_assert_int_eq(sn__kernels_cpu()->gather_rows(source, 2, 1, beyond, 2, out), SN_E_CORRUPT);
    expect_detail("id 2 of 2 rows");
    ck_assert_int_eq(sn__kernels_cpu()->gather_rows(source, 2, 1, negative, 2, out), SN_E_CORRUPT);
    expect_detail("id -1 of 2 rows");
    ck_assert_int_eq(out[0], 9);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kernels");
    TCase *tests = tcase_create("kernels");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, row_spans_give_start_degree_and_count);
    tcase_add_test(tests, row_spans_of_damaged_pointers_are_refused);
    tcase_add_test(tests, pick_uniform_takes_rows_in_the_order_of_the_nodes);
    tcase_add_test(tests, pick_uniform_of_a_foreign_neighbour_is_refused);
    tcase_add_test(tests, pick_uniform_around_the_scan_limit_is_distinct);
    tcase_add_test(tests, relabel_numbers_by_first_occurrence);
    tcase_add_test(tests, gather_rows_of_any_width_copies_exactly);
    tcase_add_test(tests, gather_rows_of_a_foreign_id_is_refused);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
