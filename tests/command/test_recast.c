/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs in another shape have the same edges. */
#include "base/run.h"

#include "base/random.h"
#include "bench/recast.h"
#include "support/scale.h"
#include "tools/seine/progress_bar.h"

#include <check.h>
#include <stdlib.h>

enum { NODES = 301, EDGES = 4000, SEEDS = 50 };

static int32_t ends[2 * EDGES];
static int32_t train[SEEDS];
static sn_dataset *plain;

void bar_clear(void) /* report.c wipes a bar before a message: here is none */ {}

static void ck_fine(sn_status status)
{
    ck_assert_msg(status == SN_OK, "%s: %s", sn_status_name(status), sn_error_detail());
}

static sn_source ints(int32_t *data, int32_t ndim, int64_t rows, int64_t columns)
{
    return (sn_source){ .tensor = { data, { SN_INT, 32 }, ndim, { rows, columns, 1, 1 } } };
}

static void setup(void)
{
    uint64_t state = sn_test_seed();
    for (int i = 0; i < 2 * EDGES; i++)
        ends[i] = (int32_t)(sn__mix64(++state) % NODES);
    for (int i = 0; i < SEEDS; i++)
        train[i] = i * 6 + i % 2;
    sn_node_spec node = { .count = NODES, .train = ints(train, 1, SEEDS, 1) };
    sn_edge_spec edge = { .edge_index = ints(ends, 2, 2, EDGES) };
    ck_fine(sn_dataset_create(SN_DATASET_SPEC(.num_node_types = 1, .node_types = &node,
                                              .num_edge_types = 1, .edge_types = &edge),
                              &plain));
}

static void teardown(void)
{
    sn_dataset_release(plain);
}

static sn_adjacency rows_of(sn_dataset *of, int32_t type, bool in)
{
    sn_edge_info info;
    ck_fine(sn_dataset_edge_type(of, type, &info));
    return in ? info.csc : info.csr;
}

static int64_t column(const sn_adjacency *rows, int64_t at)
{
    return rows->indices.dtype.bits == 64 ? ((const int64_t *)rows->indices.data)[at]
                                          : ((const int32_t *)rows->indices.data)[at];
}

/* Case i: out and in. */
START_TEST(typed_graph_has_the_edges_by_parity)
{
    bool in = _i == 1;
    recast made;
    int64_t edges = 0;
    ck_assert_int_eq(recast_open(plain, in, RECAST_TYPED, &made), 0);
    sn_adjacency whole = rows_of(plain, 0, in);
    ck_assert_int_eq(sn_dataset_num_node_types(made.dataset), 2);
    ck_assert_int_eq(sn_dataset_num_edge_types(made.dataset), 4);
    for (int32_t pair = 0; pair < 4; pair++) {
        int64_t from = pair / 2, to = pair % 2;
        sn_adjacency part = rows_of(made.dataset, pair, in);
        sn_edge_info info;
        ck_fine(sn_dataset_edge_type(made.dataset, pair, &info));
        ck_assert_int_eq(in ? info.dst_type : info.src_type, from);
        ck_assert_int_eq(in ? info.src_type : info.dst_type, to);
        edges += info.count;
        for (int64_t row = 0; row < part.rows; row++) {
            int64_t at = part.indptr[row], original = 2 * row + from;
            for (int64_t i = whole.indptr[original]; i < whole.indptr[original + 1]; i++)
                if (column(&whole, i) % 2 == to)
                    ck_assert_int_eq(column(&part, at++), column(&whole, i) / 2);
            ck_assert_int_eq(at, part.indptr[row + 1]);
        }
    }
    ck_assert_int_eq(edges, EDGES);
    sn_node_info even, odd;
    ck_fine(sn_dataset_node_type(made.dataset, 0, &even));
    ck_fine(sn_dataset_node_type(made.dataset, 1, &odd));
    ck_assert_int_eq(even.count, (NODES + 1) / 2);
    ck_assert_int_eq(odd.count, NODES / 2);
    ck_assert_ptr_nonnull(even.train);
    ck_assert_int_eq(even.train->shape[0], SEEDS / 2);
    for (int32_t i = 0; i < SEEDS / 2; i++)
        ck_assert_int_eq(((const int32_t *)even.train->data)[i], train[2 * i] / 2);
    ck_assert_ptr_null(odd.train);
    recast_close(&made);
    ck_assert_ptr_null(made.memory);
}
END_TEST

START_TEST(graph_on_small_pages_is_the_same)
{
    bool in = _i == 1;
    recast made;
    ck_assert_int_eq(recast_open(plain, in, RECAST_SMALL_PAGES, &made), 0);
    sn_adjacency whole = rows_of(plain, 0, in), same = rows_of(made.dataset, 0, in);
    ck_assert_ptr_ne(whole.indptr, same.indptr);
    ck_assert_mem_eq(whole.indptr, same.indptr, (NODES + 1) * sizeof *whole.indptr);
    ck_assert_uint_eq(whole.indices.dtype.bits, same.indices.dtype.bits);
    ck_assert_mem_eq(whole.indices.data, same.indices.data,
                     (size_t)sn_tensor_bytes(&whole.indices));
    ck_assert((whole.edge_ids != NULL) == (same.edge_ids != NULL));
    if (whole.edge_ids != NULL)
        ck_assert_mem_eq(whole.edge_ids, same.edge_ids, EDGES * sizeof *whole.edge_ids);
    sn_node_info node;
    ck_fine(sn_dataset_node_type(made.dataset, 0, &node));
    ck_assert_mem_eq(node.train->data, train, sizeof train);
    recast_close(&made);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("recast");
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_loop_test(cases, typed_graph_has_the_edges_by_parity, 0, 2);
    tcase_add_loop_test(cases, graph_on_small_pages_is_the_same, 0, 2);
    return run_cases("recast", cases);
}
