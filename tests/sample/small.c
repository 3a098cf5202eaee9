/* SPDX-License-Identifier: Apache-2.0 */
#include "small.h"

#include <check.h>
#include <stddef.h>

static sn_source of(void *data, uint8_t code, uint8_t bits, int64_t rows, int64_t columns)
{
    return (sn_source){ .tensor = { data,
                                    { code, bits },
                                    columns > 0 ? 2 : 1,
                                    { rows, columns > 0 ? columns : 1, 1, 1 } } };
}

static sn_dataset *create(const sn_node_spec *nodes, int32_t num_nodes, const sn_edge_spec *edges,
                          int32_t num_edges)
{
    sn_dataset *dataset;
    sn_status status =
        sn_dataset_create(SN_DATASET_SPEC(.num_node_types = num_nodes, .node_types = nodes,
                                          .num_edge_types = num_edges, .edge_types = edges),
                          &dataset);
    ck_assert_msg(status == SN_OK, "%s", sn_error_detail());
    return dataset;
}

static void fill_pairs(int64_t pairs[2][RING_EDGES], int64_t first)
{
    for (int64_t e = 0; e < RING_EDGES; e++) {
        pairs[0][e] = e / 2;
        pairs[1][e] = (e / 2 + first + e % 2) % RING_NODES;
    }
}

sn_dataset *small_ring(void)
{
    static int64_t pairs[2][RING_EDGES];
    static float x[RING_NODES][RING_FEATURES], edge_x[RING_EDGES][1];
    static int32_t y[RING_NODES];
    fill_pairs(pairs, 1);
    for (int v = 0; v < RING_NODES; v++) {
        y[v] = v;
        for (int j = 0; j < RING_FEATURES; j++)
            x[v][j] = (float)v;
    }
    for (int e = 0; e < RING_EDGES; e++)
        edge_x[e][0] = (float)e;
    sn_node_spec node = { .count = RING_NODES,
                          .x = of(x, SN_FLOAT, 32, RING_NODES, RING_FEATURES),
                          .y = of(y, SN_INT, 32, RING_NODES, 0) };
    sn_edge_spec edge = { .edge_index = of(pairs, SN_INT, 64, 2, RING_EDGES),
                          .x = of(edge_x, SN_FLOAT, 32, RING_EDGES, 1) };
    return create(&node, 1, &edge, 1);
}

sn_dataset *small_ring_half(bool csc)
{
    static int64_t indptr[RING_NODES + 1];
    static int32_t indices[RING_EDGES];
    for (int v = 0; v < RING_NODES; v++) {
        int a = csc ? (v + RING_NODES - 2) % RING_NODES : (v + 1) % RING_NODES;
        int b = (a + 1) % RING_NODES;
        indptr[v + 1] = 2 * (v + 1);
        indices[2 * v] = a < b ? a : b;
        indices[2 * v + 1] = a < b ? b : a;
    }
    sn_node_spec node = { .count = RING_NODES };
    sn_edge_spec edge = { 0 };
    sn_source rows = of(indptr, SN_INT, 64, RING_NODES + 1, 0);
    sn_source columns = of(indices, SN_INT, 32, RING_EDGES, 0);
    *(csc ? &edge.csc_indptr : &edge.csr_indptr) = rows;
    *(csc ? &edge.csc_indices : &edge.csr_indices) = columns;
    return create(&node, 1, &edge, 1);
}

sn_dataset *small_typed(void)
{
    static int64_t u2i[2][RING_EDGES], i2i[2][RING_EDGES];
    fill_pairs(u2i, 1);
    fill_pairs(i2i, 2);
    sn_node_spec nodes[] = { { .name = "user", .count = RING_NODES },
                             { .name = "item", .count = RING_NODES } };
    sn_edge_spec edges[] = {
        { .src = "user",
          .rel = "u2i",
          .dst = "item",
          .edge_index = of(u2i, SN_INT, 64, 2, RING_EDGES) },
        { .src = "item",
          .rel = "i2i",
          .dst = "item",
          .edge_index = of(i2i, SN_INT, 64, 2, RING_EDGES) },
    };
    return create(nodes, 2, edges, 2);
}
