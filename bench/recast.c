/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays lie one behind the other in one mapping, each from a page of its own on. */
#include "bench/recast.h"

#include "tools/seine/report.h"

#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, TYPES = 2, PAIRS = 4, SPLITS = 3 };

static const char *const type_names[TYPES] = { "even", "odd" };

/* What the graph is made of, in either direction. */
typedef struct graph {
    sn_node_info node;
    sn_adjacency rows;
    int64_t edges;
    bool in;
    const sn_tensor *splits[SPLITS];
} graph;

static int read_graph(sn_dataset *from, bool in, graph *out)
{
    sn_edge_info edge;
    if (!sn_dataset_is_homogeneous(from))
        return report_usage("--beside: the graph must have one type of nodes and of edges");
    if (sn_dataset_node_type(from, 0, &out->node) != SN_OK ||
        sn_dataset_edge_type(from, 0, &edge) != SN_OK)
        return report_library(SN_E_INTERNAL);
    out->rows = in ? edge.csc : edge.csr;
    if (out->rows.indptr == NULL)
        return report_failure("bench: the dataset lacks the layout of --edge-dir %s",
                              in ? "in" : "out");
    for (int64_t i = 0; i < out->rows.rows; i++)
        if (out->rows.indptr[i] < 0 || out->rows.indptr[i + 1] < out->rows.indptr[i] ||
            out->rows.indptr[i + 1] > edge.count)
            return report_failure("bench: row %lld of the dataset is damaged", (long long)i);
    out->edges = edge.count;
    out->in = in;
    out->splits[0] = out->node.train;
    out->splits[1] = out->node.val;
    out->splits[2] = out->node.test;
    return CODE_DONE;
}

/* -- Memory ------------------------------------------------------------------------------------ */

static size_t pages_of(size_t bytes)
{
    return (bytes + PAGE - 1) / PAGE * PAGE;
}

static size_t tensor_bytes(const sn_tensor *tensor)
{
    return tensor != NULL ? pages_of((size_t)tensor->shape[0] * tensor->dtype.bits / 8) : 0;
}

/* Enough for either shape: typed rows have one more bound for each pair of types. */
static int get_memory(const graph *of, recast_how how, recast *out)
{
    size_t width = of->rows.indices.dtype.bits / 8u;
    size_t bounds = ((size_t)of->rows.rows + 2) * sizeof(int64_t);
    out->bytes = 2 * bounds + (size_t)of->edges * (width + sizeof(int64_t)) + 32 * (size_t)PAGE;
    for (int i = 0; i < SPLITS; i++)
        out->bytes += tensor_bytes(of->splits[i]);
    void *memory =
        mmap(NULL, out->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return report_failure("bench: cannot map %zu bytes", out->bytes);
    (void)madvise(memory, out->bytes, how == RECAST_TYPED ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    out->memory = memory;
    return CODE_DONE;
}

/* The next array; `at` moves. */
static void *take_array(uint8_t **at, size_t bytes)
{
    void *array = *at;
    *at += pages_of(bytes);
    return array;
}

static sn_source source_of(void *data, sn_dtype dtype, int64_t count)
{
    return (sn_source){
        .tensor = { .data = data, .dtype = dtype, .ndim = 1, .shape = { count, 1, 1, 1 } },
        .keep = SN_KEEP_BORROW
    };
}

static const sn_dtype int64_dtype = { SN_INT, 64 };

static void set_rows(sn_edge_spec *to, const graph *of, sn_source indptr, sn_source indices,
                     sn_source edge_ids)
{
    *(of->in ? &to->csc_indptr : &to->csr_indptr) = indptr;
    *(of->in ? &to->csc_indices : &to->csr_indices) = indices;
    *(of->in ? &to->csc_edge_ids : &to->csr_edge_ids) = edge_ids;
}

static void set_split(sn_node_spec *to, int which, sn_source split)
{
    *(which == 0 ? &to->train : which == 1 ? &to->val : &to->test) = split;
}

/* -- Small pages ------------------------------------------------------------------------------- */

static sn_source copy_array(uint8_t **at, const void *from, sn_dtype dtype, int64_t count)
{
    size_t bytes = (size_t)count * dtype.bits / 8;
    void *to = take_array(at, bytes);
    memcpy(to, from, bytes);
    return source_of(to, dtype, count);
}

static sn_status create_small(const graph *of, recast *out)
{
    uint8_t *at = out->memory;
    const sn_adjacency *rows = &of->rows;
    sn_node_spec node = { .count = of->node.count };
    sn_edge_spec edge = { 0 };
    sn_source edge_ids = { 0 };
    sn_source indptr = copy_array(&at, rows->indptr, int64_dtype, rows->rows + 1);
    sn_source indices = copy_array(&at, rows->indices.data, rows->indices.dtype, of->edges);
    if (rows->edge_ids != NULL)
        edge_ids = copy_array(&at, rows->edge_ids, int64_dtype, of->edges);
    set_rows(&edge, of, indptr, indices, edge_ids);
    for (int i = 0; i < SPLITS; i++)
        if (of->splits[i] != NULL)
            set_split(&node, i,
                      copy_array(&at, of->splits[i]->data, of->splits[i]->dtype,
                                 of->splits[i]->shape[0]));
    return sn_dataset_create(SN_DATASET_SPEC(.num_node_types = 1, .node_types = &node,
                                             .num_edge_types = 1, .edge_types = &edge),
                             &out->dataset);
}

/* -- Types ------------------------------------------------------------------------------------- */

static int64_t id_at(const sn_tensor *ids, int64_t i)
{
    return ids->dtype.bits == 64 ? ((const int64_t *)ids->data)[i]
                                 : ((const int32_t *)ids->data)[i];
}

static void put_id(void *ids, sn_dtype dtype, int64_t i, int64_t id)
{
    if (dtype.bits == 64)
        ((int64_t *)ids)[i] = id;
    else
        ((int32_t *)ids)[i] = (int32_t)id;
}

/* Nodes of a type among the first `count`. */
static int64_t count_of(int64_t count, int type)
{
    return (count + 1 - type) / TYPES;
}

/* Edges from rows of one type to columns of another. */
static void fill_pair(const graph *of, int from, int to, uint8_t **at, sn_edge_spec *edge)
{
    const sn_adjacency *rows = &of->rows;
    sn_dtype dtype = rows->indices.dtype;
    int64_t count = count_of(rows->rows, from), edges = 0;
    int64_t *indptr = take_array(at, ((size_t)count + 1) * sizeof *indptr);
    void *indices = *at; /* its end is known only behind the loop */
    for (int64_t row = 0; row < count; row++) {
        int64_t original = row * TYPES + from;
        for (int64_t i = rows->indptr[original]; i < rows->indptr[original + 1]; i++) {
            int64_t neighbour = id_at(&rows->indices, i);
            if (neighbour % TYPES == to)
                put_id(indices, dtype, edges++, neighbour / TYPES);
        }
        indptr[row + 1] = edges;
    }
    (void)take_array(at, (size_t)edges * dtype.bits / 8);
    *edge = (sn_edge_spec){ .src = type_names[of->in ? to : from],
                            .rel = "to",
                            .dst = type_names[of->in ? from : to] };
    set_rows(edge, of, source_of(indptr, int64_dtype, count + 1), source_of(indices, dtype, edges),
             (sn_source){ 0 });
}

static sn_source even_ids(const sn_tensor *split, uint8_t **at)
{
    int64_t count = 0;
    void *ids = take_array(at, tensor_bytes(split));
    for (int64_t i = 0; i < split->shape[0]; i++)
        if (id_at(split, i) % TYPES == 0)
            put_id(ids, split->dtype, count++, id_at(split, i) / TYPES);
    return source_of(ids, split->dtype, count);
}

static sn_status create_typed(const graph *of, recast *out)
{
    uint8_t *at = out->memory;
    sn_node_spec nodes[TYPES] = { 0 };
    sn_edge_spec edges[PAIRS];
    for (int type = 0; type < TYPES; type++) {
        nodes[type].name = type_names[type];
        nodes[type].count = count_of(of->node.count, type);
    }
    for (int i = 0; i < SPLITS; i++)
        if (of->splits[i] != NULL)
            set_split(&nodes[0], i, even_ids(of->splits[i], &at));
    for (int pair = 0; pair < PAIRS; pair++)
        fill_pair(of, pair / TYPES, pair % TYPES, &at, &edges[pair]);
    return sn_dataset_create(SN_DATASET_SPEC(.num_node_types = TYPES, .node_types = nodes,
                                             .num_edge_types = PAIRS, .edge_types = edges),
                             &out->dataset);
}

/* -- Both -------------------------------------------------------------------------------------- */

int recast_open(sn_dataset *from, bool in, recast_how how, recast *out)
{
    graph of = { 0 };
    recast made = { 0 };
    int code = read_graph(from, in, &of);
    if (code == CODE_DONE)
        code = get_memory(&of, how, &made);
    if (code != CODE_DONE)
        return code;
    sn_status st = how == RECAST_TYPED ? create_typed(&of, &made) : create_small(&of, &made);
    if (st != SN_OK) {
        recast_close(&made);
        return report_library(st);
    }
    *out = made;
    return CODE_DONE;
}

void recast_close(recast *self)
{
    sn_dataset_release(self->dataset);
    if (self->memory != NULL)
        (void)munmap(self->memory, self->bytes);
    *self = (recast){ 0 };
}
