/* SPDX-License-Identifier: Apache-2.0 */
/* A dataset from the caller's arrays.
 *
 *     types      names and counts
 *     arrays     each source is checked as a tensor and put into its slot: copied, or borrowed
 *     rows       edge lists become both layouts
 *     checks     shapes, then contents
 *     tables     what weighted and temporal sampling look up
 *     take       only now are the sources marked TAKE ours; before, nothing is released
 *
 * Invariant C1: until `take` no slot has a release function, so an error leaves the caller's memory
 * the caller's.
 * Threads: any; the sorting uses threads of its own. */
#include "base/mem.h"
#include "base/option.h"
#include "base/options_struct.h"
#include "base/tensor.h"
#include "engine/data/tables.h"
#include "kernels/coo_to_csr.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool present(const sn_source *source)
{
    return source->tensor.dtype.bits != 0 || source->tensor.data != NULL;
}

/* -- Types ------------------------------------------------------------------------------------- */

static const sn_source *first_present(const sn_source *a, const sn_source *b)
{
    return present(a) ? a : b;
}

/* The number of edges, by the first array that tells it. */
static sn_status count_edges(const sn_edge_spec *spec, const char *where, int64_t *out)
{
    const sn_tensor *edges = &spec->edge_index.tensor;
    const sn_tensor *indices = &first_present(&spec->csr_indices, &spec->csc_indices)->tensor;
    bool coo = present(&spec->edge_index);
    bool rows = present(&spec->csr_indptr) || present(&spec->csr_indices) ||
                present(&spec->csr_edge_ids) || present(&spec->csc_indptr) ||
                present(&spec->csc_indices) || present(&spec->csc_edge_ids);
    if (coo && rows)
        return sn__fail(SN_E_INVALID, "%s: edge_index and csr or csc at once", where);
    if (coo && (edges->ndim != 2 || edges->shape[0] != 2))
        return sn__fail(SN_E_INVALID, "%s: edge_index is not [2, E]", where);
    if (!coo && indices->ndim != 1)
        return sn__fail(SN_E_INVALID, "%s: no edges: neither edge_index nor indices of csr or csc",
                        where);
    *out = coo ? edges->shape[1] : indices->shape[0];
    return SN_OK;
}

static sn_status add_edge_type(sn_dataset *dataset, const sn_edge_spec *spec, int32_t index)
{
    char where[64];
    int64_t count = 0;
    const char *src = spec->src, *rel = spec->rel, *dst = spec->dst;
    (void)snprintf(where, sizeof where, "edge type %" PRId32, index);
    if (src == NULL && rel == NULL && dst == NULL) {
        src = dst = "node";
        rel = "to";
    }
    if (src == NULL || rel == NULL || dst == NULL)
        return sn__fail(SN_E_INVALID, "%s: src, rel and dst: all or none", where);
    SN_TRY(count_edges(spec, where, &count));
    return sn__dataset_add_edge_type(dataset, where, src, rel, dst, count);
}

static sn_status add_types(sn_dataset *dataset, const sn_dataset_spec *spec)
{
    char where[64];
    for (int32_t i = 0; i < spec->num_node_types; i++) {
        const sn_node_spec *type = &spec->node_types[i];
        (void)snprintf(where, sizeof where, "node type %" PRId32, i);
        SN_TRY(sn__dataset_add_node_type(dataset, where, type->name != NULL ? type->name : "node",
                                         type->count));
    }
    for (int32_t i = 0; i < spec->num_edge_types; i++)
        SN_TRY(add_edge_type(dataset, &spec->edge_types[i], i));
    return SN_OK;
}

/* -- Arrays ------------------------------------------------------------------------------------ */

static sn_status check_source(const sn_source *source, const char *where)
{
    SN_TRY(sn__tensor_check(&source->tensor, where));
    if (source->keep != SN_KEEP_COPY && source->keep != SN_KEEP_BORROW &&
        source->keep != SN_KEEP_TAKE)
        return sn__fail(SN_E_INVALID, "%s: keep %d", where, (int)source->keep);
    if (source->keep == SN_KEEP_TAKE && source->release == NULL)
        return sn__fail(SN_E_INVALID, "%s: to take, but without a release function", where);
    size_t align = sn__dtype_align(source->tensor.dtype);
    if (source->keep != SN_KEEP_COPY && (uintptr_t)source->tensor.data % align != 0)
        return sn__fail(SN_E_INVALID, "%s: data at an address that is no multiple of %zu", where,
                        align);
    return SN_OK;
}

static sn_status put_pages(sn__stored *slot, const sn_tensor *like, const char *what)
{
    size_t bytes = (size_t)sn_tensor_bytes(like);
    SN_TRY(sn__mem_pages(bytes, what, &slot->pages));
    slot->page_bytes = bytes;
    slot->view = sn__tensor_make(slot->pages, like->dtype, like->ndim, like->shape);
    return SN_OK;
}

/* `ref` names an empty slot. */
static sn_status put_source(const sn_dataset *dataset, const sn_source *source,
                            const sn__array_ref *ref)
{
    char where[SN__WHERE];
    if (!present(source))
        return SN_OK;
    sn__array_where(dataset, ref, where);
    SN_TRY(check_source(source, where));
    sn__stored *slot = ref->array;
    const sn_tensor *from = &source->tensor;
    if (source->keep != SN_KEEP_COPY) {
        slot->view = sn__tensor_make(from->data, from->dtype, from->ndim, from->shape);
        return SN_OK;
    }
    SN_TRY(put_pages(slot, from, where));
    if (slot->page_bytes > 0)
        memcpy(slot->pages, from->data, slot->page_bytes);
    return SN_OK;
}

/* The sources of a type in the order of their roles. */
static void node_sources(const sn_node_spec *spec, const sn_source *out[SN__NODE_ROLES])
{
    out[SN__NODE_X] = &spec->x;
    out[SN__NODE_Y] = &spec->y;
    out[SN__NODE_TIMES] = &spec->times;
    out[SN__NODE_TRAIN] = &spec->train;
    out[SN__NODE_VAL] = &spec->val;
    out[SN__NODE_TEST] = &spec->test;
}

static void edge_sources(const sn_edge_spec *spec, const sn_source *out[SN__EDGE_SOURCES])
{
    out[SN__CSR_INDPTR] = &spec->csr_indptr;
    out[SN__CSR_INDICES] = &spec->csr_indices;
    out[SN__CSR_EDGE_IDS] = &spec->csr_edge_ids;
    out[SN__CSC_INDPTR] = &spec->csc_indptr;
    out[SN__CSC_INDICES] = &spec->csc_indices;
    out[SN__CSC_EDGE_IDS] = &spec->csc_edge_ids;
    out[SN__EDGE_X] = &spec->x;
    out[SN__EDGE_WEIGHTS] = &spec->weights;
    out[SN__EDGE_TIMES] = &spec->times;
}

static sn_status put_sources(const sn_dataset *dataset, const sn_dataset_spec *spec)
{
    const sn_source *sources[SN__EDGE_SOURCES];
    for (size_t i = 0; i < dataset->num_nodes; i++) {
        node_sources(&spec->node_types[i], sources);
        for (int role = 0; role < SN__NODE_ROLES; role++) {
            sn__array_ref ref = { .array = &dataset->nodes[i].arrays[role],
                                  .of = SN__OF_NODES,
                                  .type = i,
                                  .role = role };
            SN_TRY(put_source(dataset, sources[role], &ref));
        }
    }
    for (size_t i = 0; i < dataset->num_edges; i++) {
        edge_sources(&spec->edge_types[i], sources);
        for (int role = 0; role < SN__EDGE_SOURCES; role++) {
            sn__array_ref ref = { .array = &dataset->edges[i].arrays[role],
                                  .of = SN__OF_EDGES,
                                  .type = i,
                                  .role = role };
            SN_TRY(put_source(dataset, sources[role], &ref));
        }
    }
    return SN_OK;
}

/* -- Rows from an edge list -------------------------------------------------------------------- */

static sn_status build_layout(sn__coo *coo, sn__coo_by by, sn__edge_type *type)
{
    static const sn_dtype int64 = { SN_INT, 64 };
    sn__coo_layout layout = sn__coo_layout_of(coo, by);
    sn__stored *slots = &type->arrays[by == SN__BY_SRC ? SN__CSR_INDPTR : SN__CSC_INDPTR];
    sn_tensor indptr = sn__tensor_make(NULL, int64, 1, &(int64_t){ layout.rows + 1 });
    sn_tensor indices = sn__tensor_make(NULL, layout.index, 1, &type->count);
    sn_tensor edge_ids = sn__tensor_make(NULL, int64, 1, &type->count);
    SN_TRY(put_pages(&slots[0], &indptr, "indptr"));
    SN_TRY(put_pages(&slots[1], &indices, "indices"));
    if (!layout.implicit_ids)
        SN_TRY(put_pages(&slots[2], &edge_ids, "edge ids"));
    return sn__coo_rows(coo, by, slots[0].pages, slots[1].pages, slots[2].pages);
}

static sn_status build_rows(sn_dataset *dataset, size_t index, const sn_source *edges)
{
    char where[SN__WHERE];
    int32_t threads;
    sn__edge_type *type = &dataset->edges[index];
    const sn_tensor *tensor = &edges->tensor;
    if (!present(edges))
        return SN_OK;
    (void)snprintf(where, sizeof where, "edge_index of edge type '%.700s'", type->name);
    SN_TRY(check_source(edges, where));
    if (tensor->dtype.code != SN_INT || tensor->dtype.bits < 32)
        return sn__fail(SN_E_INVALID, "%s: is %s, expected int32 or int64", where,
                        sn_dtype_name(tensor->dtype));
    SN_TRY(sn__threads_resolve(0, &threads));
    sn__coo_options options = { .num_src = dataset->nodes[type->src_type].count,
                                .num_dst = dataset->nodes[type->dst_type].count,
                                .threads = threads };
    sn__edge_source source = sn__edge_source_tensor(tensor);
    sn__coo *coo = NULL;
    sn_status st = sn__coo_begin(&source, &options, &coo);
    if (st == SN_OK)
        st = build_layout(coo, SN__BY_SRC, type);
    if (st == SN_OK)
        st = build_layout(coo, SN__BY_DST, type);
    sn__coo_end(coo);
    type->sorted_here = true;
    if (st != SN_OK)
        sn_error_context("%s", where);
    return st;
}

/* -- Tables ------------------------------------------------------------------------------------ */

static sn_status place_table(void *context, size_t type, int role, const sn_tensor *like,
                             void **out)
{
    const sn_dataset *dataset = context;
    sn__stored *slot = &dataset->edges[type].arrays[role];
    SN_TRY(put_pages(slot, like, sn__edge_roles[role]));
    *out = slot->pages;
    return SN_OK;
}

static sn_status build_tables(sn_dataset *dataset)
{
    sn__table_maker maker = { .place = place_table, .context = dataset };
    SN_TRY(sn__threads_resolve(0, &maker.threads));
    return sn__tables_make(dataset, &maker);
}

/* -- Ownership --------------------------------------------------------------------------------- */

static void take_source(const sn_source *source, sn__stored *slot)
{
    if (present(source) && source->keep == SN_KEEP_TAKE) {
        slot->release = source->release;
        slot->context = source->context;
    }
}

/* Cannot fail. */
static void take_sources(const sn_dataset *dataset, const sn_dataset_spec *spec)
{
    const sn_source *sources[SN__EDGE_SOURCES];
    for (size_t i = 0; i < dataset->num_nodes; i++) {
        node_sources(&spec->node_types[i], sources);
        for (int role = 0; role < SN__NODE_ROLES; role++)
            take_source(sources[role], &dataset->nodes[i].arrays[role]);
    }
    for (size_t i = 0; i < dataset->num_edges; i++) {
        edge_sources(&spec->edge_types[i], sources);
        for (int role = 0; role < SN__EDGE_SOURCES; role++)
            take_source(sources[role], &dataset->edges[i].arrays[role]);
        const sn_source *edges = &spec->edge_types[i].edge_index;
        if (present(edges) && edges->keep == SN_KEEP_TAKE)
            edges->release(edges->context); /* the rows hold all of it */
    }
}

enum { FIRST_SPEC = 40 }; /* size of sn_dataset_spec in its first version */

static sn_status check_spec(const sn_dataset_spec *spec)
{
    if (spec->num_node_types < 1 || spec->node_types == NULL)
        return sn__fail(SN_E_INVALID, "dataset spec: %" PRId32 " node types", spec->num_node_types);
    if (spec->num_edge_types < 1 || spec->edge_types == NULL)
        return sn__fail(SN_E_INVALID, "dataset spec: %" PRId32 " edge types", spec->num_edge_types);
    return SN_OK;
}

static sn_status fill(sn_dataset *dataset, const sn_dataset_spec *spec)
{
    SN_TRY(add_types(dataset, spec));
    SN_TRY(put_sources(dataset, spec));
    for (size_t i = 0; i < dataset->num_edges; i++)
        SN_TRY(build_rows(dataset, i, &spec->edge_types[i].edge_index));
    SN_TRY(sn__dataset_check(dataset, SN_E_INVALID));
    sn__content_rule rule = { .bad_range = SN_E_RANGE,
                              .bad_other = SN_E_INVALID,
                              .trust_sorted_here = true };
    SN_TRY(sn__content_check(dataset, &rule));
    SN_TRY(build_tables(dataset));
    if (spec->unlabelled != NULL)
        dataset->unlabelled = *spec->unlabelled;
    return SN_OK;
}

sn_status sn_dataset_create(const sn_dataset_spec *spec, sn_dataset **out)
{
    sn_dataset *dataset;
    sn_dataset_spec known;
    if (spec == NULL || out == NULL)
        return sn__fail(SN_E_INVALID, "dataset: spec and out are needed");
    SN_TRY(sn__options_read(&known, sizeof known, spec, FIRST_SPEC, "dataset spec"));
    SN_TRY(check_spec(&known));
    SN_TRY(sn__dataset_new(NULL, &dataset));
    sn_status st = fill(dataset, &known);
    if (st != SN_OK) {
        sn_dataset_release(dataset);
        return st == SN_E_FORMAT ? SN_E_INVALID : st; /* of a name: here it is an argument */
    }
    take_sources(dataset, &known);
    *out = dataset;
    return SN_OK;
}
