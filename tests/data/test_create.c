/* SPDX-License-Identifier: Apache-2.0 */
/* Datasets from the caller's arrays. */
#include "data/support/faults.h"
#include "data/support/folder.h"
#include "data/support/sample.h"
#include "engine/data/dataset.h"
#include "support/scale.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const sn_keep keeps[] = { SN_KEEP_COPY, SN_KEEP_BORROW, SN_KEEP_TAKE };

static const char *fingerprint_of(const sn_dataset *dataset)
{
    const char *fingerprint;
    ck_ok(sn_dataset_fingerprint(dataset, &fingerprint));
    return fingerprint;
}

START_TEST(dataset_from_memory_equals_the_directory_of_the_same_arrays)
{
    sample s = sample_make();
    sample_spec spec;
    sn_dataset *memory;
    sn_node_info node;
    s.links[0] = NULL; /* a spec has none */
    ck_ok(sample_write(&s, in_folder("ds")));
    sn_dataset *directory = sample_open(in_folder("ds"), SN_LOAD_MAP);
    sample_specify(&s, keeps[_i], &spec);
    ck_ok(sn_dataset_create(&spec.spec, &memory));
    ck_ok(sn_dataset_verify(memory, NULL, NULL));
    ck_ok(sn_dataset_node_type(memory, 0, &node));
    ck_assert_int_eq(node.x->data == (void *)s.x, keeps[_i] != SN_KEEP_COPY);
    ck_assert_mem_eq(node.x->data, s.x, sizeof s.x);
    ck_assert_ptr_null(sn_dataset_meta(memory));

    ck_assert_str_eq(fingerprint_of(memory), fingerprint_of(directory));
    ck_assert_ptr_eq(fingerprint_of(memory), fingerprint_of(memory)); /* computed once */
    sn_dataset_release(directory);
    ck_assert_int_eq(sample_released, 0);
    sn_dataset_release(memory);
    ck_assert_int_eq(sample_released, keeps[_i] == SN_KEEP_TAKE ? 17 : 0);
}
END_TEST

/* A homogeneous graph of 4 nodes: 0>1 0>2 3>0 0>1 3>3 2>0. */
typedef struct small {
    int64_t edges[2][6];
    int64_t indptr[5], ids[6];
    int32_t indices[6];
} small;

static small small_make(void)
{
    return (small){ .edges = { { 0, 0, 3, 0, 3, 2 }, { 1, 2, 0, 1, 3, 0 } },
                    .indptr = { 0, 3, 3, 4, 6 },
                    .ids = { 0, 3, 1, 5, 2, 4 },
                    .indices = { 1, 1, 2, 0, 0, 3 } };
}

static sn_source source(void *data, uint8_t bits, int64_t rows, int64_t columns)
{
    return (sn_source){ .tensor = { data,
                                    { SN_INT, bits },
                                    columns > 0 ? 2 : 1,
                                    { rows, columns > 0 ? columns : 1, 1, 1 } } };
}

static sn_status create(const sn_node_spec *node, const sn_edge_spec *edge, sn_dataset **out)
{
    return sn_dataset_create(SN_DATASET_SPEC(.num_node_types = 1, .node_types = node,
                                             .num_edge_types = 1, .edge_types = edge),
                             out);
}

START_TEST(dataset_from_an_edge_list_has_both_layouts)
{
    static const int64_t csc_indptr[] = { 0, 2, 4, 5, 6 }, csc_ids[] = { 5, 2, 0, 3, 1, 4 };
    static const int32_t csc_indices[] = { 2, 3, 0, 0, 0, 3 };
    small g = small_make();
    sn_node_spec node = { .count = 4 };
    sn_edge_spec edge = { .edge_index = source(g.edges, 64, 2, 6) };
    sn_dataset *dataset;
    sn_edge_info info;
    ck_ok(create(&node, &edge, &dataset));
    ck_assert(sn_dataset_is_homogeneous(dataset));
    ck_ok(sn_dataset_edge_type(dataset, 0, &info));
    ck_assert_str_eq(info.name, "node__to__node");
    ck_assert_int_eq(info.count, 6);
    ck_assert_int_eq(info.csr.rows, 4);
    ck_assert_str_eq(sn_dtype_name(info.csr.indices.dtype), "int32");
    ck_assert_mem_eq(info.csr.indptr, g.indptr, sizeof g.indptr);
    ck_assert_mem_eq(info.csr.indices.data, g.indices, sizeof g.indices);
    ck_assert_mem_eq(info.csr.edge_ids, g.ids, sizeof g.ids);
    ck_assert_mem_eq(info.csc.indptr, csc_indptr, sizeof csc_indptr);
    ck_assert_mem_eq(info.csc.indices.data, csc_indices, sizeof csc_indices);
    ck_assert_mem_eq(info.csc.edge_ids, csc_ids, sizeof csc_ids);
    ck_ok(sn_dataset_verify(dataset, NULL, NULL));
    sn_dataset_release(dataset);
}
END_TEST

/* Edges that are sorted by source have implicit ids, given or not, and the fingerprint does not
 * tell. */
START_TEST(fingerprint_does_not_depend_on_how_the_edges_were_given)
{
    static int64_t sorted[2][4] = { { 0, 0, 1, 2 }, { 1, 2, 0, 2 } };
    static int64_t indptr[] = { 0, 2, 3, 4 }, ids[] = { 0, 1, 2, 3 };
    static int32_t indices[] = { 1, 2, 0, 2 };
    static int64_t csc_indptr[] = { 0, 1, 2, 4 }, csc_ids[] = { 2, 0, 1, 3 };
    static int32_t csc_indices[] = { 1, 0, 0, 2 };
    sn_node_spec node = { .count = 3 };
    sn_edge_spec edges[3] = {
        { .edge_index = source(sorted, 64, 2, 4) },
        { .csr_indptr = source(indptr, 64, 4, 0),
          .csr_indices = source(indices, 32, 4, 0),
          .csc_indptr = source(csc_indptr, 64, 4, 0),
          .csc_indices = source(csc_indices, 32, 4, 0),
          .csc_edge_ids = source(csc_ids, 64, 4, 0) },
    };
    char first[64] = "";
    edges[2] = edges[1];
    edges[2].csr_edge_ids = source(ids, 64, 4, 0);
    for (int i = 0; i < 3; i++) {
        sn_dataset *dataset;
        ck_ok(create(&node, &edges[i], &dataset));
        if (i == 0)
            snprintf(first, sizeof first, "%s", fingerprint_of(dataset));
        ck_assert_str_eq(fingerprint_of(dataset), first);
        sn_dataset_release(dataset);
    }
}
END_TEST

START_TEST(dataset_without_edges_or_nodes_is_fine)
{
    static int64_t indptr[] = { 0 };
    sn_node_spec node = { .count = 0 };
    sn_edge_spec edge = { .edge_index = source(indptr, 64, 2, 0) };
    edge.edge_index.tensor.ndim = 2;
    edge.edge_index.tensor.shape[1] = 0;
    sn_dataset *dataset;
    sn_edge_info info;
    for (node.count = 0; node.count < 3; node.count++) {
        ck_ok(create(&node, &edge, &dataset));
        ck_ok(sn_dataset_edge_type(dataset, 0, &info));
        ck_assert_int_eq(info.count, 0);
        ck_assert_int_eq(info.csr.rows, node.count);
        ck_ok(sn_dataset_verify(dataset, NULL, NULL));
        sn_dataset_release(dataset);
    }
    /* Rows fewer than nodes: those behind have no edges. */
    edge = (sn_edge_spec){ .csr_indptr = source(indptr, 64, 1, 0),
                           .csr_indices = source(indptr, 64, 0, 0) };
    ck_ok(create(&node, &edge, &dataset));
    ck_ok(sn_dataset_edge_type(dataset, 0, &info));
    ck_assert_int_eq(info.csr.rows, 0);
    ck_ok(sn_dataset_verify(dataset, NULL, NULL));
    sn_dataset_release(dataset);
}
END_TEST

START_TEST(label_that_means_none_is_the_one_given)
{
    small g = small_make();
    sn_node_spec node = { .count = 4 };
    sn_edge_spec edge = { .edge_index = source(g.edges, 64, 2, 6) };
    sn_dataset *dataset;
    ck_ok(create(&node, &edge, &dataset));
    ck_assert_int_eq(sn_dataset_unlabelled(dataset), -1);
    sn_dataset_release(dataset);
    ck_ok(sn_dataset_create(SN_DATASET_SPEC(.num_node_types = 1, .node_types = &node,
                                            .num_edge_types = 1, .edge_types = &edge,
                                            .unlabelled = &(int64_t){ 255 }),
                            &dataset));
    ck_assert_int_eq(sn_dataset_unlabelled(dataset), 255);
    sn_dataset_release(dataset);
}
END_TEST

static int edges_released;
static void release_edges(void *context)
{
    ck_assert_ptr_eq(context, &edges_released);
    edges_released++;
}

START_TEST(edge_list_that_is_taken_is_released_once_the_rows_are_made)
{
    small g = small_make();
    sn_node_spec node = { .count = 4 };
    sn_edge_spec edge = { .edge_index = source(g.edges, 64, 2, 6) };
    sn_dataset *dataset = NULL;
    edge.edge_index.keep = SN_KEEP_TAKE;
    edge.edge_index.release = release_edges;
    edge.edge_index.context = &edges_released;
    g.edges[1][5] = 4;
    ck_fails(create(&node, &edge, &dataset), SN_E_RANGE, "node__to__node");
    ck_assert_int_eq(edges_released, 0); /* still the caller's */
    g.edges[1][5] = 0;
    ck_ok(create(&node, &edge, &dataset));
    ck_assert_int_eq(edges_released, 1);
    memset(&g, 0x77, sizeof g);
    ck_ok(sn_dataset_verify(dataset, NULL, NULL));
    sn_dataset_release(dataset);
    ck_assert_int_eq(edges_released, 1);
}
END_TEST

/* -- What is refused -- */

/* One fault: what is spoilt, and what the error is. Sources are kept as TAKE, and not one is
 * released. */
typedef void (*spoil)(sample *s, sample_spec *spec);
#define FAULT(name, code)                       \
    static void name(sample *s, sample_spec *p) \
    {                                           \
        (void)s;                                \
        (void)p;                                \
        code;                                   \
    }
FAULT(no_size, p->spec.struct_size = 0)
FAULT(no_nodes, p->spec.num_node_types = 0)
FAULT(null_nodes, p->spec.node_types = NULL)
FAULT(no_edges, p->spec.num_edge_types = -1)
FAULT(null_edges, p->spec.edge_types = NULL)
FAULT(bad_name, p->nodes[0].name = "a__b")
FAULT(same_name, p->nodes[1].name = "paper")
FAULT(negative_count, p->nodes[1].count = -1)
FAULT(huge_count, p->nodes[1].count = INT64_MAX)
FAULT(half_type, p->edges[0].rel = NULL)
FAULT(unknown_end, p->edges[1].src = "writer")
FAULT(same_edge, p->edges[1].src = "paper"; p->edges[1].rel = "cites")
FAULT(coo_and_csr, p->edges[0].edge_index = p->edges[0].csr_indices)
FAULT(no_indices, p->edges[1].csr_indices = (sn_source){ 0 })
FAULT(no_indptr, p->edges[1].csr_indptr = (sn_source){ 0 })
FAULT(ids_alone, p->edges[0].csc_indptr = p->edges[0].csc_indices = (sn_source){ 0 })
FAULT(x_rows, p->nodes[0].x.tensor.shape[0] = 4)
FAULT(x_scalar, p->nodes[0].x.tensor.ndim = 0)
FAULT(y_rows, p->nodes[0].y.tensor.shape[0] = 6)
FAULT(times_type, p->nodes[0].times.tensor.dtype.code = SN_FLOAT)
FAULT(times_rows, p->nodes[0].times.tensor.shape[0] = 3)
FAULT(times_dims, p->nodes[0].times.tensor.ndim = 2)
FAULT(train_type, p->nodes[0].train.tensor.dtype.code = SN_FLOAT)
FAULT(train_dims, p->nodes[0].train.tensor.ndim = 2)
FAULT(train_long, p->nodes[0].train = p->edges[0].csr_edge_ids)
FAULT(unknown_type, p->nodes[0].x.tensor.dtype.bits = 7)
FAULT(null_data, p->nodes[0].x.tensor.data = NULL)
FAULT(overflow, p->nodes[0].x.tensor.shape[1] = INT64_MAX)
FAULT(bad_keep, p->nodes[0].x.keep = (sn_keep)3)
FAULT(no_release, p->nodes[0].x.release = NULL)
FAULT(unaligned, p->nodes[0].train.tensor.data = (char *)s->train + 4)
FAULT(indptr_type, p->edges[0].csr_indptr.tensor.dtype.code = SN_UINT)
FAULT(indptr_long, p->edges[1].csr_indptr.tensor = p->edges[0].csr_indptr.tensor)
FAULT(indptr_empty, p->edges[1].csr_indptr.tensor.shape[0] = 0)
FAULT(indptr_begin, s->csr_indptr[0] = 1)
FAULT(indptr_end, s->csr_indptr[5] = 5)
FAULT(indptr_falls, s->csr_indptr[2] = 2)
FAULT(indptr_leaves, s->csr_indptr[1] = 7)
FAULT(indptr_negative, s->csc_indptr[1] = -1)
FAULT(index_type, p->edges[0].csr_indices.tensor.dtype.code = SN_UINT)
FAULT(index_count, p->edges[0].csr_indices.tensor.shape[0] = 5)
FAULT(index_high, s->csr_indices[4] = 5)
FAULT(index_negative, s->csr_indices[4] = -1)
FAULT(source_high, s->csc_indices[1] = 5)
FAULT(order, s->csr_indices[1] = 2; s->csr_indices[2] = 1)
FAULT(id_order, s->csr_ids[0] = 3; s->csr_ids[1] = 0)
FAULT(id_high, s->csr_ids[5] = 6)
FAULT(id_negative, s->csr_ids[3] = -1)
FAULT(id_twice, s->csr_ids[3] = 4)
FAULT(id_count, p->edges[0].csr_edge_ids.tensor.shape[0] = 5)
FAULT(id_type, p->edges[0].csr_edge_ids.tensor.dtype.bits = 32)
FAULT(other_edges, s->csc_indices[2] = 1; s->csc_indices[3] = 2)
FAULT(other_ids, s->csc_ids[5] = 2; s->csc_ids[1] = 4)
FAULT(edge_x_rows, p->edges[0].x.tensor.shape[0] = 5)
FAULT(weight_type, p->edges[0].weights.tensor.dtype.code = SN_INT)
FAULT(weight_rows, p->edges[0].weights.tensor.shape[0] = 5)
FAULT(weight_negative, s->weights[3] = -0.5f)
FAULT(weight_nan, s->weights[3] = NAN)
FAULT(weight_infinite, s->weights[3] = INFINITY)
FAULT(edge_times_type, p->edges[0].times.tensor.dtype.code = SN_UINT)
FAULT(split_high, s->test[0] = 5)
FAULT(split_negative, s->train[1] = -1)
FAULT(split_twice, s->train[1] = 4)
FAULT(split_overlap, s->val[0] = 4)

static const struct {
    spoil spoil;
    sn_status status;
    const char *detail;
} faults[] = {
    { no_size, SN_E_INVALID, "dataset spec: struct_size 0" },
    { no_nodes, SN_E_INVALID, "dataset spec: 0 node types" },
    { null_nodes, SN_E_INVALID, "dataset spec: 2 node types" },
    { no_edges, SN_E_INVALID, "dataset spec: -1 edge types" },
    { null_edges, SN_E_INVALID, "dataset spec: 2 edge types" },
    { bad_name, SN_E_INVALID, "node type 0: type name 'a__b' contains '__'" },
    { same_name, SN_E_INVALID, "node type 1: node type 'paper' is there twice" },
    { negative_count, SN_E_INVALID, "node type 1: count -1" },
    { huge_count, SN_E_INVALID, "node type 1: count 9223372036854775807" },
    { half_type, SN_E_INVALID, "edge type 0: src, rel and dst: all or none" },
    { unknown_end, SN_E_INVALID, "edge type 1: no node type is named 'writer'" },
    { same_edge, SN_E_INVALID, "edge type 1: edge type 'paper__cites__paper' is there twice" },
    { coo_and_csr, SN_E_INVALID, "edge type 0: edge_index and csr or csc at once" },
    { no_indices, SN_E_INVALID, "edge type 1: no edges" },
    { no_indptr, SN_E_INVALID, "'author__writes__paper' has csr.indices without csr.indptr" },
    { ids_alone, SN_E_INVALID, "'paper__cites__paper' has csc.edge_ids without csc.indptr" },
    { x_rows, SN_E_INVALID, "x of node type 'paper': has shape (4, 2), expected 5 rows" },
    { x_scalar, SN_E_INVALID, "x of node type 'paper': has shape (), expected 5 rows" },
    { y_rows, SN_E_INVALID, "y of node type 'paper': has shape (6,), expected 5 rows" },
    { times_type, SN_E_INVALID, "times of node type 'paper': is float64, expected int64" },
    { times_rows, SN_E_INVALID, "times of node type 'paper': has shape (3,), expected 5 rows" },
    { times_dims, SN_E_INVALID, "times of node type 'paper': has shape (5, 1), expected one" },
    { train_type, SN_E_INVALID, "train of node type 'paper': is float64, expected int32 or int64" },
    { train_dims, SN_E_INVALID, "train of node type 'paper': has shape (2, 1), expected one" },
    { train_long, SN_E_INVALID, "train of node type 'paper': 6 ids of 5 nodes" },
    { unknown_type, SN_E_INVALID, "x of node type 'paper': no type has code 2 and 7 bits" },
    { null_data, SN_E_INVALID, "x of node type 'paper': no data for 40 bytes" },
    { overflow, SN_E_INVALID, "x of node type 'paper': impossible shape (5, 9223372036854775807)" },
    { bad_keep, SN_E_INVALID, "x of node type 'paper': keep 3" },
    { no_release, SN_E_INVALID, "x of node type 'paper': to take, but without a release function" },
    { unaligned, SN_E_INVALID, "train of node type 'paper': data at an address that is no mult" },
    { indptr_type, SN_E_INVALID, "csr.indptr of edge type 'paper__cites__paper': is uint64" },
    { indptr_long, SN_E_INVALID, "6 entries for 3 nodes, expected 1 to 4" },
    { indptr_empty, SN_E_INVALID, "0 entries for 3 nodes, expected 1 to 4" },
    { indptr_begin, SN_E_INVALID, "csr.indptr of edge type 'paper__cites__paper': begins with 1" },
    { indptr_end, SN_E_INVALID, "ends with 5, not the number of edges 6" },
    { indptr_falls, SN_E_INVALID,
      "csr.indptr of edge type 'paper__cites__paper': row 1 runs from 3 to 2" },
    { indptr_leaves, SN_E_INVALID, "row 0 runs from 0 to 7 of 6" },
    { indptr_negative, SN_E_INVALID,
      "csc.indptr of edge type 'paper__cites__paper': row 0 runs from 0 to -1" },
    { index_type, SN_E_INVALID, "csr.indices of edge type 'paper__cites__paper': is uint32" },
    { index_count, SN_E_INVALID, "ends with 6, not the number of edges 5" },
    { index_high, SN_E_RANGE,
      "csr.indices of edge type 'paper__cites__paper': position 4 has node 5, there are 5" },
    { index_negative, SN_E_RANGE, "position 4 has node -1, there are 5" },
    { source_high, SN_E_RANGE,
      "csc.indices of edge type 'paper__cites__paper': position 1 has node 5" },
    { order, SN_E_INVALID,
      "csr.indices of edge type 'paper__cites__paper': row 0 is not in order at position 2" },
    { id_order, SN_E_INVALID, "row 0 is not in order at position 1" },
    { id_high, SN_E_RANGE,
      "csr.edge_ids of edge type 'paper__cites__paper': position 5 has edge 6, there are 6" },
    { id_negative, SN_E_RANGE, "position 3 has edge -1" },
    { id_twice, SN_E_INVALID, "position 5 has edge 4, which is there before" },
    { id_count, SN_E_INVALID,
      "csr.edge_ids of edge type 'paper__cites__paper': has shape (5,), expected 6 rows" },
    { id_type, SN_E_INVALID, "csr.edge_ids of edge type 'paper__cites__paper': is int32" },
    { other_edges, SN_E_INVALID,
      "csc.indices of edge type 'paper__cites__paper': edge 0 is 1 -> 1, in csr 0 -> 1" },
    { other_ids, SN_E_INVALID, "edge 4 is 3 -> 0, in csr 4 -> 4" },
    { edge_x_rows, SN_E_INVALID,
      "x of edge type 'paper__cites__paper': has shape (5, 1), expected 6" },
    { weight_type, SN_E_INVALID, "weights of edge type 'paper__cites__paper': is int32, expected" },
    { weight_rows, SN_E_INVALID, "weights of edge type 'paper__cites__paper': has shape (5,)" },
    { weight_negative, SN_E_RANGE,
      "weights of edge type 'paper__cites__paper': edge 3 has weight -0.5" },
    { weight_nan, SN_E_RANGE, "edge 3 has weight " },
    { weight_infinite, SN_E_RANGE, "edge 3 has weight inf" },
    { edge_times_type, SN_E_INVALID, "times of edge type 'paper__cites__paper': is uint64" },
    { split_high, SN_E_RANGE, "test of node type 'paper': position 0 has node 5, there are 5" },
    { split_negative, SN_E_RANGE, "train of node type 'paper': position 1 has node -1" },
    { split_twice, SN_E_INVALID,
      "train of node type 'paper': position 1 has node 4, which is there" },
    { split_overlap, SN_E_INVALID,
      "val of node type 'paper': position 0 has node 4, which is there" },
};

START_TEST(spec_with_a_fault_is_refused_by_name_and_nothing_is_taken)
{
    sample s = sample_make();
    sample_spec spec;
    sn_dataset *dataset = NULL;
    sample_specify(&s, SN_KEEP_TAKE, &spec);
    faults[_i].spoil(&s, &spec);
    ck_fails(sn_dataset_create(&spec.spec, &dataset), faults[_i].status, faults[_i].detail);
    ck_assert_ptr_null(dataset);
    ck_assert_int_eq(sample_released, 0);
}
END_TEST

START_TEST(edge_list_with_a_fault_is_refused_by_name)
{
    small g = small_make();
    sn_node_spec node = { .count = 4 };
    sn_edge_spec edge = { .edge_index = source(g.edges, 64, 2, 6) };
    sn_dataset *dataset = NULL;
    edge.edge_index.tensor.shape[0] = 3;
    ck_fails(create(&node, &edge, &dataset), SN_E_INVALID, "edge type 0: edge_index is not [2, E]");
    edge.edge_index.tensor.shape[0] = 2;
    edge.edge_index.tensor.ndim = 1;
    ck_fails(create(&node, &edge, &dataset), SN_E_INVALID, "edge type 0: edge_index is not [2, E]");
    edge.edge_index.tensor.ndim = 2;
    edge.edge_index.tensor.dtype.code = SN_FLOAT;
    ck_fails(create(&node, &edge, &dataset), SN_E_INVALID,
             "edge_index of edge type 'node__to__node': is float64, expected int32 or int64");
    edge.edge_index.tensor.dtype = (sn_dtype){ SN_INT, 16 };
    ck_fails(create(&node, &edge, &dataset), SN_E_INVALID, "is int16");
    edge.edge_index.tensor.dtype = (sn_dtype){ SN_INT, 64 };
    edge.edge_index.tensor.data = NULL;
    ck_fails(create(&node, &edge, &dataset), SN_E_INVALID,
             "edge_index of edge type 'node__to__node': no data");
    edge.edge_index.tensor.data = g.edges;
    g.edges[1][2] = 4;
    ck_fails(create(&node, &edge, &dataset), SN_E_RANGE,
             "edge_index of edge type 'node__to__node': ");
    g.edges[1][2] = -1;
    ck_fails(create(&node, &edge, &dataset), SN_E_RANGE,
             "edge_index of edge type 'node__to__node': ");
    ck_fails(sn_dataset_create(NULL, &dataset), SN_E_INVALID, "spec");
    ck_assert_ptr_null(dataset);
}
END_TEST

static const struct {
    enum fault call;
    int error;
} steps[] = { { FAULT_calloc, ENOMEM }, { FAULT_realloc, ENOMEM }, { FAULT_mmap, ENOMEM } };

START_TEST(create_when_memory_is_out_takes_nothing)
{
    int failures = 0;
    small g = small_make();
    for (int n = 1;; n++) {
        sample s = sample_make();
        sample_spec spec;
        sn_dataset *dataset = NULL;
        sample_specify(&s, n % 2 ? SN_KEEP_TAKE : SN_KEEP_COPY, &spec);
        spec.edges[1] = (sn_edge_spec){ .src = "author",
                                        .rel = "writes",
                                        .dst = "paper",
                                        .edge_index = source(g.edges, 64, 2, 2) };
        sample_released = 0;
        fault_arm(steps[_i].call, n, 0, steps[_i].error);
        sn_status status = sn_dataset_create(&spec.spec, &dataset);
        int failed = fault_disarm();
        if (status == SN_OK) {
            sn_dataset_release(dataset);
        } else {
            ck_assert_int_eq(status, SN_E_NOMEM);
            ck_assert_int_eq(sample_released, 0);
            ck_assert_ptr_null(dataset);
            failures++;
        }
        if (failed == 0)
            break;
    }
    ck_assert_int_gt(failures, 0);
}
END_TEST

/* -- Random graphs against a plain model -- */

static uint64_t state;
static int64_t below(int64_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((state >> 33) % (uint64_t)n);
}

/* Every edge is where it must be: the rows are walked, and each edge is found under its id. */
static void ck_layout(const sn_adjacency *rows, bool by_source, int64_t edges[2][200],
                      int64_t count)
{
    int64_t seen = 0;
    for (int64_t row = 0; row < rows->rows; row++)
        for (int64_t at = rows->indptr[row]; at < rows->indptr[row + 1]; at++) {
            int64_t id = rows->edge_ids != NULL ? rows->edge_ids[at] : at;
            int64_t neighbour = ((const int32_t *)rows->indices.data)[at];
            ck_assert_int_eq(edges[0][id], by_source ? row : neighbour);
            ck_assert_int_eq(edges[1][id], by_source ? neighbour : row);
            seen++;
        }
    ck_assert_int_eq(seen, count);
}

START_TEST(random_edge_lists_become_rows_that_verify)
{
    state = sn_test_seed() ^ 41;
    for (int64_t round = sn_test_scale(300); round > 0; round--) {
        static int64_t edges[2][200], packed[400];
        int64_t nodes = 1 + below(20), count = below(200);
        for (int64_t e = 0; e < count; e++) {
            edges[0][e] = packed[e] = below(nodes);
            edges[1][e] = packed[count + e] = below(nodes);
        }
        sn_node_spec node = { .count = nodes };
        sn_edge_spec edge = { .edge_index = source(packed, 64, 2, count) };
        edge.edge_index.tensor.ndim = 2;
        edge.edge_index.tensor.shape[1] = count;
        sn_dataset *dataset;
        sn_edge_info info;
        ck_ok(create(&node, &edge, &dataset));
        ck_ok(sn_dataset_edge_type(dataset, 0, &info));
        ck_layout(&info.csr, true, edges, count);
        ck_layout(&info.csc, false, edges, count);
        ck_ok(sn_dataset_verify(dataset, NULL, NULL));
        sn_dataset_release(dataset);
    }
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("create");
    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, dataset_from_memory_equals_the_directory_of_the_same_arrays, 0, 3);
    tcase_add_test(cases, dataset_from_an_edge_list_has_both_layouts);
    tcase_add_test(cases, fingerprint_does_not_depend_on_how_the_edges_were_given);
    tcase_add_test(cases, dataset_without_edges_or_nodes_is_fine);
    tcase_add_test(cases, label_that_means_none_is_the_one_given);
    tcase_add_test(cases, edge_list_that_is_taken_is_released_once_the_rows_are_made);
    tcase_add_loop_test(cases, spec_with_a_fault_is_refused_by_name_and_nothing_is_taken, 0,
                        sizeof faults / sizeof faults[0]);
    tcase_add_test(cases, edge_list_with_a_fault_is_refused_by_name);
    tcase_add_loop_test(cases, create_when_memory_is_out_takes_nothing, 0,
                        sizeof steps / sizeof steps[0]);
    tcase_add_test(cases, random_edge_lists_become_rows_that_verify);
    return run_in_folder("create", cases);
}
