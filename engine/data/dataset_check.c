/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the arrays of a dataset fit its types: dtypes, shapes against counts, which arrays must
 * come together, both ends of indptr. Reads two numbers of each indptr and no other content, so its
 * time does not depend on the size of the data.
 * Threads: any. */
#include "base/mem.h"
#include "base/tensor.h"
#include "engine/data/inside.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

typedef struct check {
    const sn_dataset *dataset;
    sn_status bad;
} check;

static sn_status fault(const check *c, const sn__array_ref *ref, const char *format, ...)
    SN_PRINTF(3, 4);
static sn_status fault(const check *c, const sn__array_ref *ref, const char *format, ...)
{
    char where[SN__WHERE], text[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return sn__fail(c->bad, "%s: %s", sn__array_where(c->dataset, ref, where), text);
}

static bool is_index(sn_dtype dtype)
{
    return dtype.code == SN_INT && (dtype.bits == 32 || dtype.bits == 64);
}

static sn_status want_vector(const check *c, const sn__array_ref *ref, bool ok, const char *types)
{
    const sn_tensor *view = &ref->array->view;
    char shape[SN__SHAPE_TEXT];
    if (!ok)
        return fault(c, ref, "is %s, expected %s", sn_dtype_name(view->dtype), types);
    if (view->ndim != 1)
        return fault(c, ref, "has shape %s, expected one dimension",
                     sn__shape_text(view->ndim, view->shape, shape));
    return SN_OK;
}

static sn_status want_rows(const check *c, const sn__array_ref *ref, int64_t count)
{
    const sn_tensor *view = &ref->array->view;
    char shape[SN__SHAPE_TEXT];
    if (view->ndim < 1 || view->shape[0] != count)
        return fault(c, ref, "has shape %s, expected %" PRId64 " rows",
                     sn__shape_text(view->ndim, view->shape, shape), count);
    return SN_OK;
}

static sn_status check_node_array(const check *c, const sn__array_ref *ref)
{
    const sn_tensor *view = &ref->array->view;
    int64_t count = c->dataset->nodes[ref->type].count;
    switch (ref->role) {
    case SN__NODE_X:
    case SN__NODE_Y:
        return want_rows(c, ref, count);
    case SN__NODE_TIMES:
        SN_TRY(
            want_vector(c, ref, sn__dtype_equal(view->dtype, (sn_dtype){ SN_INT, 64 }), "int64"));
        return want_rows(c, ref, count);
    default:
        SN_TRY(want_vector(c, ref, is_index(view->dtype), "int32 or int64"));
        if (view->shape[0] > count)
            return fault(c, ref, "%" PRId64 " ids of %" PRId64 " nodes", view->shape[0], count);
        return SN_OK;
    }
}

/* Rows may be fewer than nodes: those behind have no edges. */
static sn_status check_indptr(const check *c, const sn__array_ref *ref)
{
    const sn__edge_type *type = &c->dataset->edges[ref->type];
    const sn_tensor *view = &ref->array->view;
    int32_t end = ref->role == SN__CSR_INDPTR ? type->src_type : type->dst_type;
    int64_t nodes = c->dataset->nodes[end].count;
    SN_TRY(want_vector(c, ref, sn__dtype_equal(view->dtype, (sn_dtype){ SN_INT, 64 }), "int64"));
    int64_t entries = view->shape[0];
    if (entries < 1 || entries - 1 > nodes)
        return fault(c, ref, "%" PRId64 " entries for %" PRId64 " nodes, expected 1 to %" PRId64,
                     entries, nodes, nodes + 1);
    const int64_t *indptr = view->data;
    if (indptr[0] != 0)
        return fault(c, ref, "begins with %" PRId64 ", not 0", indptr[0]);
    if (indptr[entries - 1] != type->count)
        return fault(c, ref, "ends with %" PRId64 ", not the number of edges %" PRId64,
                     indptr[entries - 1], type->count);
    return SN_OK;
}

static sn_status check_table(const check *c, const sn__array_ref *ref)
{
    const sn_tensor *view = &ref->array->view;
    int table = (ref->role - SN__CSR_TABLES) % SN__NUM_TABLES;
    if (table == SN__TABLE_TIMES || table == SN__TABLE_NODE_TIMES)
        return want_vector(c, ref, sn__dtype_equal(view->dtype, (sn_dtype){ SN_INT, 64 }), "int64");
    bool ok = sn__dtype_equal(view->dtype, (sn_dtype){ SN_UINT, 32 });
    if (table != SN__TABLE_SUMS)
        return want_vector(c, ref, ok, "uint32");
    if (!ok || view->ndim != 2 || view->shape[1] != 2)
        return fault(c, ref, "is %s of %d dimensions, expected pairs of uint32",
                     sn_dtype_name(view->dtype), view->ndim);
    return SN_OK;
}

static sn_status check_edge_array(const check *c, const sn__array_ref *ref)
{
    const sn_tensor *view = &ref->array->view;
    int64_t count = c->dataset->edges[ref->type].count;
    bool int64 = sn__dtype_equal(view->dtype, (sn_dtype){ SN_INT, 64 });
    switch (ref->role) {
    case SN__CSR_INDPTR:
    case SN__CSC_INDPTR:
        return check_indptr(c, ref);
    case SN__CSR_INDICES:
    case SN__CSC_INDICES:
        SN_TRY(want_vector(c, ref, is_index(view->dtype), "int32 or int64"));
        break;
    case SN__CSR_EDGE_IDS:
    case SN__CSC_EDGE_IDS:
    case SN__EDGE_TIMES:
        SN_TRY(want_vector(c, ref, int64, "int64"));
        break;
    case SN__EDGE_WEIGHTS:
        SN_TRY(want_vector(c, ref, sn__dtype_equal(view->dtype, (sn_dtype){ SN_FLOAT, 32 }),
                           "float32"));
        break;
    case SN__EDGE_X:
        break;
    default:
        SN_TRY(check_table(c, ref));
        break;
    }
    return want_rows(c, ref, count);
}

/* Which arrays stand or fall together. `first` is SN__CSR_INDPTR or SN__CSC_INDPTR. */
static sn_status check_layout(const check *c, const sn__edge_type *type, int first, bool *has)
{
    bool indptr = sn__stored_present(&type->arrays[first]);
    bool indices = sn__stored_present(&type->arrays[first + 1]);
    bool edge_ids = sn__stored_present(&type->arrays[first + 2]);
    if (indptr != indices || (edge_ids && !indptr)) {
        const char *path = c->dataset->path != NULL ? c->dataset->path : "dataset";
        return sn__fail(c->bad, "%s: edge type '%.250s' has %s without %s", path, type->name,
                        sn__edge_roles[indptr    ? first
                                       : indices ? first + 1
                                                 : first + 2],
                        sn__edge_roles[indptr ? first + 1 : first]);
    }
    *has = indptr;
    return SN_OK;
}

static sn_status check_layouts(const check *c)
{
    const char *path = c->dataset->path != NULL ? c->dataset->path : "dataset";
    for (size_t i = 0; i < c->dataset->num_edges; i++) {
        bool csr = false, csc = false;
        SN_TRY(check_layout(c, &c->dataset->edges[i], SN__CSR_INDPTR, &csr));
        SN_TRY(check_layout(c, &c->dataset->edges[i], SN__CSC_INDPTR, &csc));
        if (!csr && !csc)
            return sn__fail(c->bad, "%s: edge type '%.250s' has neither csr nor csc", path,
                            c->dataset->edges[i].name);
    }
    return SN_OK;
}

static sn_status check_refs(const check *c, const sn__array_ref *refs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (refs[i].of == SN__OF_NODES)
            SN_TRY(check_node_array(c, &refs[i]));
        else if (refs[i].of == SN__OF_EDGES)
            SN_TRY(check_edge_array(c, &refs[i]));
        else if (refs[i].array->view.ndim < 1)
            return fault(c, &refs[i], "has no dimension");
    }
    return SN_OK;
}

sn_status sn__dataset_check(const sn_dataset *dataset, sn_status bad)
{
    check c = { .dataset = dataset, .bad = bad };
    const char *path = dataset->path != NULL ? dataset->path : "dataset";
    if (dataset->num_nodes == 0 || dataset->num_edges == 0)
        return sn__fail(bad, "%s: has no %s type", path, dataset->num_nodes == 0 ? "node" : "edge");
    SN_TRY(check_layouts(&c));
    sn__array_ref *refs;
    size_t count;
    SN_TRY(sn__dataset_arrays(dataset, &refs, &count));
    sn_status st = check_refs(&c, refs, count);
    sn__mem_free(refs);
    return st;
}
