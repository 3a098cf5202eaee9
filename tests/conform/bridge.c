/* SPDX-License-Identifier: Apache-2.0 */
#include "bridge.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BORROWED = 256 };

static void *borrowed[MOST_BORROWED];
static int num_borrowed;

static void *lend(size_t count, size_t size)
{
    ck_assert_int_lt(num_borrowed, MOST_BORROWED);
    void *block = calloc(count > 0 ? count : 1, size);
    ck_assert_ptr_nonnull(block);
    borrowed[num_borrowed++] = block;
    return block;
}

void bridge_forget(void)
{
    while (num_borrowed > 0)
        free(borrowed[--num_borrowed]);
}

static sn_tensor vector(const void *data, int bits, int64_t count)
{
    sn_tensor tensor = { .dtype = { SN_INT, (uint8_t)bits },
                         .ndim = 1,
                         .shape = { count, 1, 1, 1 } };
    memcpy(&tensor.data, &data, sizeof data); /* the library reads it only */
    return tensor;
}

/* An array of one dimension that may be absent. */
static sn_source optional(const void *data, sn_dtype dtype, int64_t count)
{
    sn_source source = { 0 };
    if (data == NULL)
        return source;
    source.tensor = vector(data, 64, count);
    source.tensor.dtype = dtype;
    return source;
}

static sn_source source_of(const ref_array *array)
{
    sn_source source = { 0 };
    if (array->data == NULL)
        return source;
    sn_tensor *tensor = &source.tensor;
    memcpy(&tensor->data, &array->data, sizeof tensor->data);
    tensor->dtype = (sn_dtype){ (uint8_t)array->code, (uint8_t)array->bits };
    tensor->ndim = array->ndim;
    for (int d = 0; d < SN_MAX_DIMS; d++)
        tensor->shape[d] = d < array->ndim ? array->shape[d] : 1;
    return source;
}

/* -- Rows by the slow way ---------------------------------------------------------------------- */

typedef struct entry {
    int64_t row, column, id;
} entry;

static int by_row(const void *left, const void *right)
{
    const entry *a = left, *b = right;
    if (a->row != b->row)
        return a->row < b->row ? -1 : 1;
    if (a->column != b->column)
        return a->column < b->column ? -1 : 1;
    return (a->id > b->id) - (a->id < b->id);
}

static void rows_of(const int64_t *row, const int64_t *column, int64_t count, int64_t rows,
                    bool wide, sn_source out[3])
{
    entry *entries = calloc((size_t)count + 1, sizeof *entries);
    ck_assert_ptr_nonnull(entries);
    for (int64_t i = 0; i < count; i++)
        entries[i] = (entry){ row[i], column[i], i };
    qsort(entries, (size_t)count, sizeof *entries, by_row);

    int64_t *indptr = lend((size_t)rows + 1, sizeof *indptr),
            *ids = lend((size_t)count, sizeof *ids);
    int64_t *wides = lend((size_t)count, sizeof *wides);
    int32_t *narrows = lend((size_t)count, sizeof *narrows);
    for (int64_t i = 0; i < count; i++) {
        indptr[entries[i].row + 1]++;
        wides[i] = entries[i].column;
        narrows[i] = (int32_t)entries[i].column;
        ids[i] = entries[i].id;
    }
    for (int64_t r = 0; r < rows; r++)
        indptr[r + 1] += indptr[r];
    free(entries);
    sn_keep keep = wide ? SN_KEEP_BORROW : SN_KEEP_COPY;
    out[0] = (sn_source){ .tensor = vector(indptr, 64, rows + 1), .keep = keep };
    out[1] = (sn_source){ .tensor = wide ? vector(wides, 64, count) : vector(narrows, 32, count),
                          .keep = keep };
    out[2] = (sn_source){ .tensor = vector(ids, 64, count), .keep = keep };
}

static int64_t nodes_of(const ref_graph *graph, const char *type)
{
    for (int t = 0; t < graph->num_node_types; t++)
        if (strcmp(graph->node_types[t].name, type) == 0)
            return graph->node_types[t].count;
    ck_abort_msg("no node type %s", type);
    return 0;
}

static void give_edges(const ref_graph *graph, const ref_edge_type *edge, bridge_form form,
                       sn_edge_spec *spec)
{
    if (form == BRIDGE_COO) {
        int64_t *pairs = lend(2 * (size_t)edge->count, sizeof *pairs);
        if (edge->count > 0) {
            memcpy(pairs, edge->from, (size_t)edge->count * sizeof *pairs);
            memcpy(pairs + edge->count, edge->to, (size_t)edge->count * sizeof *pairs);
        }
        spec->edge_index.tensor = vector(pairs, 64, 2);
        spec->edge_index.tensor.ndim = 2;
        spec->edge_index.tensor.shape[1] = edge->count;
        return;
    }
    sn_source csr[3], csc[3];
    bool wide = form == BRIDGE_ROWS_WIDE;
    rows_of(edge->from, edge->to, edge->count, nodes_of(graph, edge->src), wide, csr);
    rows_of(edge->to, edge->from, edge->count, nodes_of(graph, edge->dst), wide, csc);
    spec->csr_indptr = csr[0], spec->csr_indices = csr[1], spec->csr_edge_ids = csr[2];
    spec->csc_indptr = csc[0], spec->csc_indices = csc[1], spec->csc_edge_ids = csc[2];
}

sn_dataset *bridge_dataset(const ref_graph *graph, bridge_form form)
{
    sn_node_spec *nodes = calloc((size_t)graph->num_node_types, sizeof *nodes);
    sn_edge_spec *edges = calloc((size_t)graph->num_edge_types + 1, sizeof *edges);
    ck_assert(nodes != NULL && edges != NULL);
    for (int t = 0; t < graph->num_node_types; t++) {
        const ref_node_type *type = &graph->node_types[t];
        nodes[t] =
            (sn_node_spec){ .name = type->name,
                            .count = type->count,
                            .x = source_of(&type->x),
                            .y = source_of(&type->y),
                            .times = optional(type->times, (sn_dtype){ SN_INT, 64 }, type->count) };
    }
    for (int e = 0; e < graph->num_edge_types; e++) {
        const ref_edge_type *type = &graph->edge_types[e];
        edges[e] = (sn_edge_spec){
            .src = type->src,
            .rel = type->rel,
            .dst = type->dst,
            .x = source_of(&type->x),
            .weights = optional(type->weights, (sn_dtype){ SN_FLOAT, 32 }, type->count),
            .times = optional(type->times, (sn_dtype){ SN_INT, 64 }, type->count),
        };
        give_edges(graph, type, form, &edges[e]);
    }
    sn_dataset *dataset;
    sn_status status = sn_dataset_create(
        SN_DATASET_SPEC(.num_node_types = graph->num_node_types, .node_types = nodes,
                        .num_edge_types = graph->num_edge_types, .edge_types = edges),
        &dataset);
    ck_assert_msg(status == SN_OK, "dataset: %s", sn_error_detail());
    free(nodes);
    free(edges);
    return dataset;
}

/* The pairs of a plan; `pairs` and `labels` are their tensors. */
static sn_link_options links_of(const ref_graph *graph, const ref_plan *plan, sn_tensor *pairs,
                                sn_tensor *labels)
{
    static const sn_neg_mode modes[] = { SN_NEG_NONE, SN_NEG_BINARY, SN_NEG_TRIPLET };
    bool all = plan->link_src == graph->edge_types[plan->link_type].from;
    size_t count = (size_t)plan->num_input;
    int64_t *both = lend(2 * count, sizeof *both);
    if (count > 0) {
        memcpy(both, plan->link_src, count * sizeof *both);
        memcpy(both + count, plan->link_dst, count * sizeof *both);
    }
    *pairs = vector(both, 64, 2);
    pairs->ndim = 2;
    pairs->shape[1] = plan->num_input;
    *labels = source_of(&plan->link_labels).tensor;
    return *SN_LINK_OPTIONS(.edge_type = plan->link_type, .pairs = all ? NULL : pairs,
                            .labels = plan->link_labels.data != NULL ? labels : NULL,
                            .neg = modes[plan->neg], .amount = plan->neg_amount,
                            .tries = plan->neg_tries, .non_strict = plan->neg_non_strict,
                            .by_degree = plan->neg_by_degree, .remove = plan->remove_links);
}

sn_plan *bridge_plan(sn_dataset *dataset, const ref_graph *graph, const ref_plan *plan,
                     sn_index_type index)
{
    static const sn_uneven uneven[] = { SN_UNEVEN_SHORT, SN_UNEVEN_PAD, SN_UNEVEN_DROP };
    static const sn_label_mode labels[] = { SN_LABELS_NONE, SN_LABELS_ALL, SN_LABELS_SEEDS };
    sn_tensor input = vector(plan->input, 64, plan->num_input), pairs, edge_labels;
    static const sn_times times[] = { SN_TIMES_DEFAULT, SN_TIMES_NODES, SN_TIMES_EDGES };
    sn_tensor seed_times = vector(plan->seed_times, 64, plan->num_input);
    const sn_temporal_options *temporal =
        SN_TEMPORAL_OPTIONS(.times = times[plan->times],
                            .pick = plan->last ? SN_TEMPORAL_LAST : SN_TEMPORAL_UNIFORM,
                            .window = plan->window,
                            .seed_times = plan->seed_times != NULL ? &seed_times : NULL);
    sn_link_options links;
    if (plan->links)
        links = links_of(graph, plan, &pairs, &edge_labels);
    sn_plan *made;
    sn_status status = sn_plan_create(
        dataset,
        SN_PLAN_OPTIONS(.input_type = plan->links ? 0 : plan->seed_type,
                        .input = plan->links ? NULL : &input, .links = plan->links ? &links : NULL,
                        .batch_size = plan->batch_size, .shuffle = plan->shuffle,
                        .drop_last = plan->drop_last, .seed = plan->seed, .hops = plan->hops,
                        .fanout = plan->fanout, .per_edge_type = graph->num_edge_types > 1,
                        .dir = plan->in_direction ? SN_DIR_IN : SN_DIR_OUT,
                        .replace = plan->replace, .with_edge = plan->with_edge,
                        .features = plan->features, .labels = labels[plan->labels], .index = index,
                        .rank = plan->rank, .world = plan->world, .uneven = uneven[plan->uneven],
                        .subgraph = plan->subgraph, .weighted = plan->weighted,
                        .disjoint = plan->disjoint,
                        .temporal = plan->times != REF_TIMES_NONE ? temporal : NULL,
                        .labor = plan->labor != REF_LABOR_NONE,
                        .layer_dependent = plan->labor == REF_LABOR_LAYERS),
        &made);
    ck_assert_msg(status == SN_OK, "plan: %s", sn_error_detail());
    return made;
}

/* -- Comparing --------------------------------------------------------------------------------- */

static void compare_values(const sn_tensor *tensor, const ref_tensor *expected)
{
    bool narrowed = expected->code == SN_INT && expected->bits == 64 && tensor->dtype.bits == 32;
    if (!narrowed) {
        ck_assert_int_eq(tensor->dtype.bits, expected->bits);
        ck_assert_int_eq(sn_tensor_bytes(tensor), (int64_t)expected->bytes);
        if (expected->bytes > 0)
            ck_assert_msg(memcmp(tensor->data, expected->data, expected->bytes) == 0,
                          "tensor %s: bytes differ", expected->name);
        return;
    }
    const int32_t *narrow = tensor->data;
    const int64_t *wide = expected->data;
    for (int64_t i = 0; i < sn_tensor_count(tensor); i++)
        ck_assert_msg(narrow[i] == wide[i], "tensor %s: [%" PRId64 "] is %" PRId32 ", not %" PRId64,
                      expected->name, i, narrow[i], wide[i]);
}

void bridge_compare(const sn_batch *batch, const ref_batch *expected)
{
    sn_batch_info info = sn_batch_get_info(batch);
    ck_assert_uint_eq(info.epoch, expected->epoch);
    ck_assert_uint_eq(info.batch, expected->g);
    ck_assert_int_eq(info.tensors, expected->num_tensors);
    for (int32_t i = 0; i < info.tensors; i++) {
        const ref_tensor *want = &expected->tensors[i];
        const char *name = NULL;
        const sn_tensor *tensor = sn_batch_tensor(batch, i, &name);
        ck_assert_ptr_nonnull(tensor);
        ck_assert_str_eq(name, want->name);
        ck_assert_ptr_eq(tensor, sn_batch_find(batch, name));
        ck_assert_int_eq(tensor->dtype.code, want->code);
        ck_assert_int_eq(tensor->ndim, want->ndim);
        for (int d = 0; d < want->ndim; d++)
            ck_assert_int_eq(tensor->shape[d], want->shape[d]);
        ck_assert_uint_eq((uintptr_t)tensor->data % 64, 0);
        compare_values(tensor, want);
    }
    ck_assert_uint_eq(sn_batch_digest(batch), ref_digest(expected));
}
