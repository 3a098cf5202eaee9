/* SPDX-License-Identifier: Apache-2.0 */
/* Each op of the table by itself: what it gives, and what it refuses. Arrays are as short as they
 * may be, so that a sanitizer sees every read beyond. */
#include "base/random.h"
#include "kernels/ops.h"
#include "support/scale.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

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

/* Case i runs with instruction set i; NULL, with a line, where that is not there. */
static const sn__kernel_ops *ops_of(int isa)
{
    const sn__kernel_ops *ops = sn__kernels_of((sn__isa)isa);
    if (ops == NULL)
        printf("instruction set %d is not there\n", isa);
    return ops;
}

static void block_set(sn__row_block *block, const int64_t *nodes, size_t count)
{
    *block = (sn__row_block){ .count = count };
    memcpy(block->nodes, nodes, count * sizeof *nodes);
}

static void block_reserve(sn__row_block *block)
{
    block->capacity = block->picks + SN__SLACK;
    block->neighbours = calloc(block->capacity, sizeof *block->neighbours);
    ck_assert_ptr_nonnull(block->neighbours);
}

START_TEST(row_spans_give_start_degree_and_count)
{
    static const int64_t nodes[] = { 0, 1, 2, 3, 0, INT64_MAX };
    const sn__kernel_ops *ops = sn__kernels_cpu();
    sn__rows rows = small_rows();
    sn__row_block block;
    ck_assert_uint_eq(ops->abi, SN__KERNEL_ABI);

    block_set(&block, nodes, 6);
    memset(block.start, 0x55, sizeof block.start);
    sn__pick_rule rule = { .fanout = 3 };
    ops->prefetch_rows(&rows, &block); /* of nodes without a row too */
    ck_assert_int_eq(ops->row_spans(&rows, &rule, &block), SN_OK);
    ck_assert_uint_eq(block.picks, 3 + 0 + 1 + 0 + 3 + 0);
    ck_assert_int_eq(block.start[0], 0);
    ck_assert_int_eq(block.degree[0], 4);
    ck_assert_int_eq(block.picked[0], 3);
    ck_assert_int_eq(block.start[2], 4);
    ck_assert_int_eq(block.degree[2], 1);
    ck_assert_int_eq(block.picked[2], 1);
    ck_assert_int_eq(block.degree[3], 0);
    for (int i = 6; i < SN__BLOCK_ROWS; i++)
        ck_assert(block.start[i] == 0 && block.degree[i] == 0 && block.picked[i] == 0);

    rule.replace = true; /* draws also where the degree is smaller, but not from nothing */
    ck_assert_int_eq(ops->row_spans(&rows, &rule, &block), SN_OK);
    ck_assert_uint_eq(block.picks, 3 + 0 + 3 + 0 + 3 + 0);
    rule.fanout = -1;
    ck_assert_int_eq(ops->row_spans(&rows, &rule, &block), SN_OK);
    ck_assert_uint_eq(block.picks, 4 + 0 + 1 + 0 + 4 + 0);
    rule.fanout = 4; /* exactly the degree */
    rule.replace = false;
    block.count = 1;
    ck_assert_int_eq(ops->row_spans(&rows, &rule, &block), SN_OK);
    ck_assert_int_eq(block.picked[0], 4);
    block.count = 0;
    ck_assert_int_eq(ops->row_spans(&rows, &rule, &block), SN_OK);
    ck_assert_uint_eq(block.picks, 0);
}
END_TEST

START_TEST(row_spans_of_damaged_pointers_are_refused)
{
    static const int64_t bad[][2] = {
        { -1, 2 }, { 3, 2 }, { 0, 6 }, { INT64_MAX, 1 }, { INT64_MIN, INT64_MAX }
    };
    static const int64_t nodes[] = { 7, 0 };
    sn__pick_rule rule = { .fanout = 2 };
    for (int i = 0; i < 5; i++) {
        sn__rows rows = small_rows();
        rows.indptr = bad[i];
        rows.rows = 1;
        sn__row_block block;
        char said[80];
        block_set(&block, nodes, 2);
        ck_assert_int_eq(sn__kernels_cpu()->row_spans(&rows, &rule, &block), SN_E_CORRUPT);
        snprintf(said, sizeof said, "row of node 0 is [%lld, %lld) of 5 edges",
                 (long long)bad[i][0], (long long)bad[i][1]);
        expect_detail(said);
    }
}
END_TEST

/* Two rows, the second one first, by all ways of picking all there is. */
static void pick_all(const sn__kernel_ops *ops, sn__rows *rows, int64_t fanout, int64_t *neighbours,
                     int64_t *ids, sn_status expected)
{
    static const int64_t nodes[] = { 2, 0 };
    sn__pick_rule rule = { .fanout = fanout };
    sn__pick_set set = { 0 };
    sn__row_block block;
    uint32_t entries[5] = { 0 };
    int64_t own_ids[5 + SN__SLACK];
    block_set(&block, nodes, 2);
    block.map = (sn__label_map){ .entries = entries, .size = 5, .base = 1 };
    ck_assert_int_eq(ops->row_spans(rows, &rule, &block), SN_OK);
    ck_assert_uint_eq(block.picks, 5);
    block_reserve(&block);
    ck_assert_int_eq(ops->draw(rows, &rule, &block, &set), SN_OK);
    ck_assert_int_eq(ops->take(rows, &rule, &block, ids != NULL ? own_ids : NULL), expected);
    memcpy(neighbours, block.neighbours, 5 * sizeof *neighbours);
    if (ids != NULL)
        memcpy(ids, own_ids, 5 * sizeof *ids);
    sn__pick_set_deinit(&set);
    sn__row_block_deinit(&block);
    ck_assert_ptr_null(block.neighbours);
}

static const int64_t whole[] = { -1, 4, 5, 10, 64, 65 }; /* fanouts */
enum { WHOLE = sizeof whole / sizeof *whole };

START_TEST(picks_are_in_the_order_of_the_nodes)
{
    static const int64_t want[] = { 0, 1, 2, 3, 4 }, want_ids[] = { 7, 40, 41, 42, 43 };
    static const int64_t positions[] = { 4, 0, 1, 2, 3 };
    const sn__kernel_ops *ops = ops_of(_i);
    for (int form = 0; ops != NULL && form < 2 * WHOLE; form++) {
        int64_t neighbours[5], ids[5], fanout = whole[form / 2];
        sn__rows rows = small_rows();
        rows.wide = form % 2 == 1;
        rows.indices = rows.wide ? (const void *)wide : narrow;
        pick_all(ops, &rows, fanout, neighbours, ids, SN_OK);
        ck_assert_mem_eq(neighbours, want, sizeof want);
        ck_assert_mem_eq(ids, positions, sizeof positions); /* implicit: the positions */
        rows.edge_ids = edge_ids;
        pick_all(ops, &rows, fanout, neighbours, ids, SN_OK);
        ck_assert_mem_eq(ids, want_ids, sizeof want_ids);
        pick_all(ops, &rows, fanout, neighbours, NULL, SN_OK);
    }
}
END_TEST

START_TEST(foreign_neighbour_is_refused)
{
    static const int32_t negative[] = { 1, 2, -3, 4, 0 };
    const sn__kernel_ops *ops = ops_of(_i);
    for (int form = 0; ops != NULL && form < WHOLE; form++) {
        int64_t neighbours[5];
        sn__rows rows = small_rows();
        rows.neighbours = 4; /* the greatest allowed is 3 */
        pick_all(ops, &rows, whole[form], neighbours, NULL, SN_E_CORRUPT);
        expect_detail("neighbour id 4 of 4");
        rows = small_rows();
        rows.indices = negative;
        pick_all(ops, &rows, whole[form], neighbours, NULL, SN_E_CORRUPT);
        expect_detail("neighbour id -3");
    }
}
END_TEST

/* The set and the scan are two ways to the same picks: at the limit between them nothing may
 * change. */
START_TEST(picks_around_the_scan_limit_are_distinct)
{
    enum { DEGREE = 3000, MOST = 2900 };
    static int32_t columns[DEGREE];
    static uint32_t entries[DEGREE];
    const sn__kernel_ops *ops = ops_of(_i);
    for (int i = 0; i < DEGREE; i++)
        columns[i] = DEGREE - 1 - i;
    const int64_t bounds[] = { 0, DEGREE }, node = 0;
    sn__rows rows = {
        .indptr = bounds, .indices = columns, .rows = 1, .edges = DEGREE, .neighbours = DEGREE
    };
    sn__pick_set set = { 0 };
    static const int64_t fanouts[] = { 63, 64, 65, 130, MOST, 66, 1 };
    for (size_t k = 0; ops != NULL && k < sizeof fanouts / sizeof fanouts[0]; k++) {
        sn__pick_rule rule = { .key = k, .fanout = fanouts[k] };
        sn__row_block block;
        bool seen[DEGREE] = { false };
        block_set(&block, &node, 1);
        block.map = (sn__label_map){ .entries = entries, .size = DEGREE, .base = 1 };
        ck_assert_int_eq(ops->row_spans(&rows, &rule, &block), SN_OK);
        ck_assert_uint_eq(block.picks, (size_t)fanouts[k]);
        block_reserve(&block);
        ck_assert_int_eq(ops->draw(&rows, &rule, &block, &set), SN_OK);
        ck_assert_int_eq(ops->take(&rows, &rule, &block, NULL), SN_OK);
        for (size_t i = 0; i < block.picks; i++) {
            ck_assert(!seen[block.neighbours[i]]);
            seen[block.neighbours[i]] = true;
        }
        sn__row_block_deinit(&block);
    }
    sn__pick_set_deinit(&set);
    ck_assert_ptr_null(set.slots);
    ck_assert_uint_eq(set.capacity, 0);
}
END_TEST

/* -- Every instruction set against plain code -------------------------------------------------- */

enum { ROWS = 200, COLUMNS = 5000 };

typedef struct random_rows {
    int64_t indptr[ROWS + 1], edge_ids[COLUMNS], wide[COLUMNS];
    int32_t narrow[COLUMNS];
    uint64_t state;
} random_rows;

static uint64_t noise(random_rows *self)
{
    return sn__mix64(self->state += 0x9E3779B97F4A7C15u);
}

/* Degrees of all sizes: none, a few, many. */
static sn__rows random_rows_make(random_rows *self)
{
    int64_t edges = 0;
    for (int r = 0; r < ROWS; r++) {
        int64_t most = noise(self) % 4 == 0 ? 100 : 20,
                degree = (int64_t)(noise(self) % (uint64_t)most);
        self->indptr[r] = edges;
        edges = edges + degree <= COLUMNS ? edges + degree : COLUMNS;
    }
    self->indptr[ROWS] = edges;
    for (int i = 0; i < COLUMNS; i++) {
        self->narrow[i] = (int32_t)(noise(self) % ROWS);
        self->wide[i] = self->narrow[i];
        self->edge_ids[i] = (int64_t)(noise(self) >> 1);
    }
    bool is_wide = noise(self) % 2 == 0;
    return (sn__rows){ .indptr = self->indptr,
                       .indices = is_wide ? (const void *)self->wide : self->narrow,
                       .edge_ids = noise(self) % 2 == 0 ? self->edge_ids : NULL,
                       .rows = ROWS,
                       .edges = edges,
                       .neighbours = ROWS,
                       .wide = is_wide };
}

/* Of an array or a table, what is prefetched changes nothing. */
static void pick_with(const sn__kernel_ops *ops, const sn__rows *rows, const sn__pick_rule *rule,
                      sn__row_block *block, int64_t **taken_ids)
{
    static uint32_t entries[ROWS];
    static sn__label_slot slots[4];
    sn__pick_set set = { 0 };
    if (rule->key % 2 == 0)
        block->map = (sn__label_map){ .entries = entries, .size = ROWS, .base = 1 };
    else
        block->map = (sn__label_map){ .slots = slots, .bits = 2, .size = ROWS, .base = 1 };
    ck_assert_int_eq(ops->row_spans(rows, rule, block), SN_OK);
    block_reserve(block);
    *taken_ids = calloc(block->capacity, sizeof **taken_ids);
    ck_assert_ptr_nonnull(*taken_ids);
    ck_assert_int_eq(ops->draw(rows, rule, block, &set), SN_OK);
    ck_assert_int_eq(ops->take(rows, rule, block, *taken_ids), SN_OK);
    sn__pick_set_deinit(&set);
}

START_TEST(picks_are_those_of_plain_code)
{
    static random_rows random;
    const sn__kernel_ops *ops = ops_of(_i), *plain = sn__kernels_of(SN__ISA_PLAIN);
    random.state = sn_test_seed();
    for (int64_t c = 0; ops != NULL && c < sn_test_scale(4000); c++) {
        sn__rows rows = random_rows_make(&random);
        sn__pick_rule rule = { .key = noise(&random),
                               .fanout = (int64_t)(noise(&random) % 70) - 1,
                               .replace = noise(&random) % 3 == 0 };
        int64_t nodes[SN__BLOCK_ROWS], *got_ids, *want_ids;
        size_t count = noise(&random) % (SN__BLOCK_ROWS + 1);
        for (size_t i = 0; i < count; i++) /* some have no row, at any distance */
            nodes[i] = (int64_t)(noise(&random) % 30 == 0 ? noise(&random) : noise(&random) % ROWS);
        sn__row_block got, want;
        block_set(&got, nodes, count);
        block_set(&want, nodes, count);
        pick_with(ops, &rows, &rule, &got, &got_ids);
        pick_with(plain, &rows, &rule, &want, &want_ids);
        ck_assert_uint_eq(got.picks, want.picks);
        for (size_t i = 0; i < want.picks; i++)
            ck_assert_msg(got.neighbours[i] == want.neighbours[i] && got_ids[i] == want_ids[i],
                          "case %lld, fanout %lld, pick %zu", (long long)c, (long long)rule.fanout,
                          i);
        free(got_ids);
        free(want_ids);
        sn__row_block_deinit(&got);
        sn__row_block_deinit(&want);
    }
}
END_TEST

/* Degrees so large that many words are rejected; no edge is read. */
START_TEST(positions_of_giant_rows_are_those_of_plain_code)
{
    static const int64_t degrees[] = { 0xC0000001, 0x80000001, 0x55555556, 0xFFFFFFFE, 17, 0 };
    static const int64_t fanouts[] = { 1, 5, 10, 15, 16, 33, 64 };
    const sn__kernel_ops *ops = ops_of(_i);
    for (int c = 0; ops != NULL && ops != sn__kernels_of(SN__ISA_PLAIN) && c < 6 * 7 * 2; c++) {
        const int64_t bounds[] = { 1, 1 + degrees[c % 6] };
        int64_t nodes[SN__BLOCK_ROWS] = { 0 }, most = fanouts[c / 6 % 7];
        sn__rows rows = { .indptr = bounds, .rows = 1, .edges = UINT32_MAX, .neighbours = ROWS };
        sn__pick_rule rule = { .key = (uint64_t)c, .fanout = most, .replace = c >= 6 * 7 };
        sn__pick_set set = { 0 };
        sn__row_block got, want;
        block_set(&got, nodes, 40);
        ck_assert_int_eq(ops->row_spans(&rows, &rule, &got), SN_OK);
        block_reserve(&got);
        want = got;
        ck_assert_int_eq(ops->draw(&rows, &rule, &got, &set), SN_OK);
        ck_assert_int_eq(sn__cpu_draw(&rows, &rule, &want, &set), SN_OK);
        const int64_t *position = want.neighbours;
        for (int64_t row = 0; row < 40; row++)
            for (int64_t k = 0; k < want.picked[row]; k++)
                ck_assert_int_eq(got.tiles[row / 16 * 16 * most + k * 16 + row % 16], *position++);
        sn__pick_set_deinit(&set);
        sn__row_block_deinit(&got);
    }
}
END_TEST

START_TEST(shuffle_is_that_of_plain_code)
{
    enum { MOST = 100 };
    static random_rows random;
    const sn__kernel_ops *ops = ops_of(_i);
    random.state = sn_test_seed();
    for (int64_t c = 0; ops != NULL && c < sn_test_scale(4000); c++) {
        int64_t got[MOST + 1], want[MOST];
        uint64_t n = noise(&random) >> (2 + noise(&random) % 62); /* of any size */
        n += n == 0;
        uint64_t first = noise(&random) % n, left = n - first;
        size_t count = noise(&random) % (left < MOST ? left + 1 : MOST + 1);
        sn__shuffle shuffle = sn__shuffle_make(noise(&random), noise(&random), n);
        if (noise(&random) % 4 == 0) { /* at the end of a row of the network's square, and of all */
            first = noise(&random) % 2 == 0 ? n - count : n / shuffle.b / 2 * shuffle.b;
            count = n - first < count ? (size_t)(n - first) : count;
        }
        got[count] = -7;
        ops->shuffle(&shuffle, first, count, got);
        ck_assert_int_eq(got[count], -7);
        for (size_t i = 0; i < count; i++) {
            sn__shuffle_range(&shuffle, first + i, 1, &want[i]);
            ck_assert_msg(got[i] == want[i], "case %lld, position %llu of %llu", (long long)c,
                          (unsigned long long)(first + i), (unsigned long long)n);
        }
    }
}
END_TEST

START_TEST(labels_are_those_of_plain_code)
{
    enum { NODES = 300, MOST = 700 };
    static random_rows random;
    const sn__kernel_ops *ops = ops_of(_i);
    random.state = sn_test_seed();
    for (int64_t c = 0; ops != NULL && c < sn_test_scale(4000); c++) {
        uint32_t entries[2][NODES] = { { 0 } }, labels[2][MOST + SN__SLACK];
        int64_t ids[MOST + SN__SLACK], lists[2][2 * (MOST + SN__SLACK)];
        sn__node_list list[2];
        uint64_t spread = 1 + noise(&random) % NODES; /* few: the same again and again */
        for (int w = 0; w < 2; w++)
            list[w] = (sn__node_list){ .ids = lists[w],
                                       .capacity = 2 * (MOST + SN__SLACK),
                                       .map = { .entries = entries[w], .size = NODES, .base = 1 } };
        for (int part = 0; part < 3; part++) {
            size_t count = noise(&random) % (MOST + 1 - 200 * (uint64_t)part);
            for (size_t i = 0; i < count + SN__SLACK; i++)
                ids[i] = (int64_t)(noise(&random) % spread);
            if (noise(&random) % 8 == 0)
                for (int w = 0; w < 2; w++) { /* the next batch */
                    list[w].map.base += (uint32_t)list[w].count;
                    list[w].count = 0;
                }
            ops->prefetch_labels(&list[0].map, ids, count); /* changes nothing */
            ops->relabel(&list[0], ids, count, labels[0]);
            sn__cpu_relabel(&list[1], ids, count, labels[1]);
            ck_assert_uint_eq(list[0].count, list[1].count);
            ck_assert_mem_eq(labels[0], labels[1], count * sizeof *labels[0]);
            ck_assert_mem_eq(lists[0], lists[1], list[0].count * sizeof *lists[0]);
            ck_assert_mem_eq(entries[0], entries[1], sizeof entries[0]);
        }
    }
}
END_TEST

/* A map that is too large for signed indices; only its first pages are touched. */
START_TEST(labels_of_a_giant_map_are_right)
{
    const sn__kernel_ops *ops = ops_of(_i);
    const int64_t nodes = (INT64_C(1) << 31) + 5;
    int64_t ids[40 + SN__SLACK] = { nodes - 1, 0, nodes - 1 }, out[100 + SN__SLACK];
    uint32_t labels[40 + SN__SLACK];
    size_t bytes = (size_t)nodes * sizeof(uint32_t);
    if (ops == NULL)
        return;
    void *entries = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ck_assert_ptr_ne(entries, MAP_FAILED);
    sn__node_list list = { .ids = out,
                           .capacity = 100 + SN__SLACK,
                           .map = { .entries = entries, .size = nodes, .base = 1 } };
    for (int i = 3; i < 40; i++)
        ids[i] = nodes - 1 - i % 7;
    ops->prefetch_labels(&list.map, ids, 40);
    ops->relabel(&list, ids, 40, labels);
    ck_assert_uint_eq(list.count, 8);
    ck_assert_int_eq(out[0], nodes - 1);
    ck_assert_int_eq(out[1], 0);
    ck_assert_uint_eq(labels[2], 0);
    munmap(entries, bytes);
}
END_TEST

START_TEST(relabel_numbers_by_first_occurrence)
{
    static const int64_t first[] = { 5, 3, 5, 9 }, second[] = { 3, 0, 9, 0, 8 };
    static const uint32_t want_first[] = { 0, 1, 0, 2 }, want_second[] = { 1, 3, 2, 3, 4 };
    uint32_t entries[10] = { 0 }, labels[5 + SN__SLACK];
    int64_t ids[9 + SN__SLACK];
    sn__node_list list = { .ids = ids,
                           .capacity = 9 + SN__SLACK,
                           .map = { .entries = entries, .size = 10, .base = 1 } };
    const sn__kernel_ops *ops = ops_of(_i);
    if (ops == NULL)
        return;
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
    enum { SOURCE_ROWS = 50, COUNT = 300, WIDEST = 7000 };
    static const size_t widths[] = { 0, 1, 3, 64, 100, 400, 6399, 6401, WIDEST };
    uint8_t *source = malloc((size_t)SOURCE_ROWS * WIDEST), *out = malloc((size_t)COUNT * WIDEST);
    int64_t ids[COUNT];
    ck_assert(source != NULL && out != NULL);
    for (size_t i = 0; i < (size_t)SOURCE_ROWS * WIDEST; i++)
        source[i] = (uint8_t)(i * 31 >> 3);
    for (int64_t i = 0; i < COUNT; i++)
        ids[i] = i * 17 % SOURCE_ROWS;
    for (size_t k = 0; k < sizeof widths / sizeof widths[0]; k++) {
        size_t width = widths[k];
        memset(out, 0xee, (size_t)COUNT * WIDEST);
        ck_assert_int_eq(
            sn__kernels_cpu()->gather_rows(source, SOURCE_ROWS, width, ids, COUNT, out), SN_OK);
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
    tcase_add_loop_test(tests, picks_are_in_the_order_of_the_nodes, 0, SN__ISA_COUNT);
    tcase_add_loop_test(tests, foreign_neighbour_is_refused, 0, SN__ISA_COUNT);
    tcase_add_loop_test(tests, picks_around_the_scan_limit_are_distinct, 0, SN__ISA_COUNT);
    tcase_add_loop_test(tests, picks_are_those_of_plain_code, 0, SN__ISA_COUNT);
    tcase_add_loop_test(tests, positions_of_giant_rows_are_those_of_plain_code, 0, SN__ISA_COUNT);
    tcase_add_loop_test(tests, relabel_numbers_by_first_occurrence, 0, SN__ISA_COUNT);
    tcase_add_loop_test(tests, shuffle_is_that_of_plain_code, 0, SN__ISA_COUNT);
    tcase_add_loop_test(tests, labels_are_those_of_plain_code, 0, SN__ISA_COUNT);
    tcase_add_loop_test(tests, labels_of_a_giant_map_are_right, 0, SN__ISA_COUNT);
    tcase_add_test(tests, gather_rows_of_any_width_copies_exactly);
    tcase_add_test(tests, gather_rows_of_a_foreign_id_is_refused);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
