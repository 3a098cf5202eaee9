/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the contents of the arrays are right: what dataset_check.c leaves open.
 *
 * Per layout one pass over the rows: row pointers that never fall, neighbours in range and in
 * canonical order, and a sum over all edges that does not depend on their order; a pass over the
 * edge ids, which must be a permutation. Both layouts hold the same edges if their sums agree: each
 * sum has 128 bits, and every edge adds two well mixed words of (source, destination, id). If they
 * differ, the first edge that does is searched for, slowly.
 *
 * Memory is bounded: tables over all nodes or edges are windows of at most a given size, and mapped
 * pages are given back as the passes go. Requires D2 of inside.h.
 * Threads: any. */
#include "base/mem.h"
#include "base/random.h"
#include "engine/data/tables.h"

#include <float.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    WINDOW_BYTES = 256 << 20, /* unless asked: a bit for each of 2^31 ids, nearly always one pass */
    STEP = 1 << 20            /* elements per progress report and forgotten range */
};

typedef struct content {
    const sn_dataset *dataset;
    sn__content_rule rule;
    uint64_t done, total; /* elements */
} content;

static sn_status fault(const content *c, sn_status bad, const sn__array_ref *ref,
                       const char *format, ...) SN_PRINTF(4, 5);
static sn_status fault(const content *c, sn_status bad, const sn__array_ref *ref,
                       const char *format, ...)
{
    char where[SN__WHERE], text[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return sn__fail(bad, "%s: %s", sn__array_where(c->dataset, ref, where), text);
}

static int64_t id_at(const sn_tensor *view, int64_t at)
{
    return view->dtype.bits == 32 ? ((const int32_t *)view->data)[at]
                                  : ((const int64_t *)view->data)[at];
}

/* Elements [from, to) of the array were read and are not needed soon. */
static void forget(const sn__stored *array, int64_t from, int64_t to)
{
    if (!sn__stored_present(array))
        return;
    size_t bytes = (size_t)sn_tensor_row_bytes(&array->view);
    sn__map_forget(&array->npy.map, array->npy.data_offset + (size_t)from * bytes,
                   (size_t)(to - from) * bytes);
}

static sn_status step(content *c, int64_t elements)
{
    c->done += (uint64_t)elements;
    return sn__progress_tick(c->rule.progress, "check", c->done, c->total);
}

/* -- Rows -------------------------------------------------------------------------------------- */

/* One layout: `first` is SN__CSR_INDPTR or SN__CSC_INDPTR. */
typedef struct layout {
    size_t type;
    int first;
    const sn__stored *arrays; /* indptr, indices, edge_ids */
    const int64_t *indptr;
    const int64_t *edge_ids; /* NULL: the positions */
    int64_t rows, edges, neighbours;
} layout;

static layout layout_of(const sn_dataset *dataset, size_t index, int first)
{
    const sn__edge_type *type = &dataset->edges[index];
    const sn__stored *arrays = &type->arrays[first];
    int32_t other = first == SN__CSR_INDPTR ? type->dst_type : type->src_type;
    return (layout){
        .type = index,
        .first = first,
        .arrays = arrays,
        .indptr = arrays[0].view.data,
        .edge_ids = sn__stored_present(&arrays[2]) ? arrays[2].view.data : NULL,
        .rows = arrays[0].view.shape[0] - 1,
        .edges = type->count,
        .neighbours = dataset->nodes[other].count,
    };
}

static sn__array_ref ref_of(const layout *rows, int array)
{
    sn__stored *stored = (sn__stored *)(uintptr_t)&rows->arrays[array]; /* for the message alone */
    return (sn__array_ref){
        .array = stored, .of = SN__OF_EDGES, .type = rows->type, .role = rows->first + array
    };
}

/* What all edges of a layout add up to. */
typedef struct edge_sum {
    uint64_t a, b;
} edge_sum;

static void add_edge(edge_sum *sum, const layout *rows, int64_t row, int64_t neighbour, int64_t id)
{
    bool by_source = rows->first == SN__CSR_INDPTR;
    uint64_t src = (uint64_t)(by_source ? row : neighbour);
    uint64_t dst = (uint64_t)(by_source ? neighbour : row);
    uint64_t word = sn__mix64(sn__mix64(src + 0x9E3779B97F4A7C15u) ^ dst);
    sum->a += sn__mix64(word + (uint64_t)id);
    sum->b += sn__mix64(word ^ ((uint64_t)id * 0xD1342543DE82EF95u + 1));
}

static sn_status check_row(const content *c, const layout *rows, int64_t row, edge_sum *sum)
{
    const sn_tensor *indices = &rows->arrays[1].view;
    int64_t end = rows->indptr[row + 1], last = -1, last_id = -1;
    for (int64_t at = rows->indptr[row]; at < end; at++) {
        int64_t neighbour = id_at(indices, at), id = rows->edge_ids ? rows->edge_ids[at] : at;
        bool outside = neighbour < 0 || neighbour >= rows->neighbours;
        if (outside || neighbour < last || (neighbour == last && id < last_id)) {
            sn__array_ref ref = ref_of(rows, 1);
            if (outside)
                return fault(c, c->rule.bad_range, &ref,
                             "position %" PRId64 " has node %" PRId64 ", there are %" PRId64, at,
                             neighbour, rows->neighbours);
            return fault(c, c->rule.bad_other, &ref,
                         "row %" PRId64 " is not in order at position %" PRId64, row, at);
        }
        last = neighbour;
        last_id = id;
        add_edge(sum, rows, row, neighbour, id);
    }
    return SN_OK;
}

/* Both ends of indptr are right; if it never falls, every row lies inside. */
static sn_status check_rows(content *c, const layout *rows, edge_sum *sum)
{
    int64_t behind = 0, row_behind = 0;
    sn__array_ref ref = ref_of(rows, 0);
    for (int64_t row = 0; row < rows->rows; row++) {
        int64_t begin = rows->indptr[row], end = rows->indptr[row + 1];
        if (end < begin || end > rows->edges)
            return fault(c, c->rule.bad_other, &ref,
                         "row %" PRId64 " runs from %" PRId64 " to %" PRId64 " of %" PRId64, row,
                         begin, end, rows->edges);
        SN_TRY(check_row(c, rows, row, sum));
        if (end - behind >= STEP || row - row_behind >= STEP || row == rows->rows - 1) {
            forget(&rows->arrays[0], row_behind, row + 1);
            forget(&rows->arrays[1], behind, end);
            forget(&rows->arrays[2], behind, end);
            SN_TRY(step(c, end - behind + row + 1 - row_behind));
            behind = end;
            row_behind = row + 1;
        }
    }
    return SN_OK;
}

/* -- Sets of ids ------------------------------------------------------------------------------- */

/* A bit for each number in [low, high). */
typedef struct window {
    uint64_t *bits;
    int64_t low, high, width;
} window;

static sn_status window_init(const content *c, window *w, int64_t count)
{
    int64_t most = (int64_t)c->rule.window_bytes * 8;
    w->width = count < most ? count : most;
    w->low = w->high = 0;
    return sn__mem_pages((size_t)(w->width + 63) / 64 * 8, "set of ids", &w->bits);
}

static void window_deinit(window *w)
{
    sn__mem_pages_free(w->bits, (size_t)(w->width + 63) / 64 * 8);
}

/* On to the next range of [0, count). */
static bool window_next(window *w, int64_t count)
{
    if (w->high >= count)
        return false;
    memset(w->bits, 0, (size_t)(w->width + 63) / 64 * 8);
    w->low = w->high;
    w->high = count - w->low < w->width ? count : w->low + w->width;
    return true;
}

/* Whether `id` is new; ids outside the window always are. */
static bool window_add(window *w, int64_t id)
{
    if (id < w->low || id >= w->high)
        return true;
    uint64_t bit = UINT64_C(1) << ((id - w->low) % 64), *word = &w->bits[(id - w->low) / 64];
    bool is_new = (*word & bit) == 0;
    *word |= bit;
    return is_new;
}

/* Adds all ids of an array: each in [0, count), none twice. */
static sn_status add_ids(content *c, const sn__array_ref *ref, window *w, int64_t count,
                         const char *kind, const char *twice)
{
    const sn_tensor *view = &ref->array->view;
    int64_t entries = view->shape[0];
    for (int64_t at = 0; at < entries;) {
        int64_t from = at, to = entries - at < STEP ? entries : at + STEP;
        for (; at < to; at++) {
            int64_t id = id_at(view, at);
            if (id < 0 || id >= count)
                return fault(c, c->rule.bad_range, ref,
                             "position %" PRId64 " has %s %" PRId64 ", there are %" PRId64, at,
                             kind, id, count);
            if (!window_add(w, id))
                return fault(c, c->rule.bad_other, ref,
                             "position %" PRId64 " has %s %" PRId64 ", %s", at, kind, id, twice);
        }
        forget(ref->array, from, to);
        SN_TRY(step(c, to - from));
    }
    return SN_OK;
}

/* As many ids as numbers, in range, none twice: a permutation. */
static sn_status check_edge_ids(content *c, const layout *rows)
{
    window w;
    sn__array_ref ref = ref_of(rows, 2);
    SN_TRY(window_init(c, &w, rows->edges));
    sn_status st = SN_OK;
    while (st == SN_OK && window_next(&w, rows->edges))
        st = add_ids(c, &ref, &w, rows->edges, "edge", "which is there before");
    window_deinit(&w);
    return st;
}

static sn_status check_splits(content *c, size_t index)
{
    window w;
    const sn__node_type *type = &c->dataset->nodes[index];
    if (!sn__stored_present(&type->arrays[SN__NODE_TRAIN]) &&
        !sn__stored_present(&type->arrays[SN__NODE_VAL]) &&
        !sn__stored_present(&type->arrays[SN__NODE_TEST]))
        return SN_OK;
    SN_TRY(window_init(c, &w, type->count));
    sn_status st = SN_OK;
    while (st == SN_OK && window_next(&w, type->count))
        for (int role = SN__NODE_TRAIN; role <= SN__NODE_TEST && st == SN_OK; role++) {
            sn__stored *array = (sn__stored *)(uintptr_t)&type->arrays[role];
            sn__array_ref ref = { .array = array, .of = SN__OF_NODES, .type = index, .role = role };
            if (sn__stored_present(array))
                st = add_ids(c, &ref, &w, type->count, "node",
                             "which is there before, in this split or another");
        }
    window_deinit(&w);
    return st;
}

/* -- The same edges in both layouts ------------------------------------------------------------ */

typedef struct edge_ends {
    int64_t src, dst;
} edge_ends;

/* Notes the ends of the edges with ids in [low, low + count), or finds the first that differs from
 * the note: returns its id, or -1. */
static int64_t scan_ends(const layout *rows, int64_t low, int64_t count, edge_ends *ends, bool note,
                         edge_ends *found)
{
    for (int64_t row = 0; row < rows->rows; row++)
        for (int64_t at = rows->indptr[row]; at < rows->indptr[row + 1]; at++) {
            int64_t id = rows->edge_ids ? rows->edge_ids[at] : at;
            if (id < low || id - low >= count)
                continue;
            int64_t neighbour = id_at(&rows->arrays[1].view, at);
            edge_ends is = { row, neighbour };
            if (rows->first != SN__CSR_INDPTR)
                is = (edge_ends){ neighbour, row };
            if (note) {
                ends[id - low] = is;
            } else if (ends[id - low].src != is.src || ends[id - low].dst != is.dst) {
                *found = is;
                return id;
            }
        }
    return -1;
}

/* The layouts differ: names an edge that does. */
static sn_status find_difference(const content *c, const layout *csr, const layout *csc)
{
    edge_ends *ends, found = { 0, 0 };
    int64_t width = (int64_t)(c->rule.window_bytes / sizeof *ends), id = -1;
    width = csr->edges < width ? csr->edges : width;
    SN_TRY(sn__mem_pages((size_t)width * sizeof *ends, "ends of edges", &ends));
    sn__array_ref ref = ref_of(csc, 1);
    sn_status st = fault(c, c->rule.bad_other, &ref, "holds other edges than csr");
    for (int64_t low = 0; low < csr->edges && id < 0; low += width) {
        (void)scan_ends(csr, low, width, ends, true, &found);
        id = scan_ends(csc, low, width, ends, false, &found);
        if (id >= 0)
            st = fault(c, c->rule.bad_other, &ref,
                       "edge %" PRId64 " is %" PRId64 " -> %" PRId64 ", in csr %" PRId64
                       " -> %" PRId64,
                       id, found.src, found.dst, ends[id - low].src, ends[id - low].dst);
    }
    sn__mem_pages_free(ends, (size_t)width * sizeof *ends);
    return st;
}

/* -- Edge and node types ----------------------------------------------------------------------- */

static sn_status check_weights(content *c, size_t index)
{
    sn__stored *array = &c->dataset->edges[index].arrays[SN__EDGE_WEIGHTS];
    sn__array_ref ref = {
        .array = array, .of = SN__OF_EDGES, .type = index, .role = SN__EDGE_WEIGHTS
    };
    if (!sn__stored_present(array))
        return SN_OK;
    const float *weights = array->view.data;
    int64_t entries = array->view.shape[0];
    for (int64_t at = 0; at < entries;) {
        int64_t from = at, to = entries - at < STEP ? entries : at + STEP;
        for (; at < to; at++)
            if (!(weights[at] >= 0 && weights[at] <= FLT_MAX))
                return fault(c, c->rule.bad_range, &ref,
                             "edge %" PRId64 " has weight %g, not finite and 0 or more", at,
                             (double)weights[at]);
        forget(array, from, to);
        SN_TRY(step(c, to - from));
    }
    return SN_OK;
}

static sn_status check_layouts(content *c, size_t index)
{
    static const int firsts[2] = { SN__CSR_INDPTR, SN__CSC_INDPTR };
    layout layouts[2] = { 0 };
    edge_sum sums[2] = { { 0, 0 }, { 0, 0 } };
    int found = 0;
    for (int i = 0; i < 2; i++) {
        if (!sn__stored_present(&c->dataset->edges[index].arrays[firsts[i]]))
            continue;
        layouts[found] = layout_of(c->dataset, index, firsts[i]);
        SN_TRY(check_rows(c, &layouts[found], &sums[found]));
        if (layouts[found].edge_ids != NULL)
            SN_TRY(check_edge_ids(c, &layouts[found]));
        found++;
    }
    if (found == 2 && (sums[0].a != sums[1].a || sums[0].b != sums[1].b))
        return find_difference(c, &layouts[0], &layouts[1]);
    return SN_OK;
}

/* Pairs of node ids; in a typed dataset it is the user's business of which types. */
static sn_status check_link(content *c, size_t index)
{
    sn__stored *array = &c->dataset->links[index].array;
    const sn_tensor *view = &array->view;
    sn__array_ref ref = { .array = array, .of = SN__OF_LINKS, .type = index, .role = 0 };
    if (!sn_dataset_is_homogeneous(c->dataset) || view->dtype.code != SN_INT ||
        view->dtype.bits < 32)
        return SN_OK;
    int64_t nodes = c->dataset->nodes[0].count, entries = sn_tensor_count(view);
    for (int64_t at = 0; at < entries; at++) {
        int64_t id = id_at(view, at);
        if (id < 0 || id >= nodes)
            return fault(c, c->rule.bad_range, &ref,
                         "position %" PRId64 " has node %" PRId64 ", there are %" PRId64, at, id,
                         nodes);
    }
    return SN_OK;
}

/* Elements that a pass over the array reads, over all passes; 0 for what is not read. */
static uint64_t elements_of(const content *c, const sn__array_ref *ref)
{
    int64_t entries = ref->array->view.shape[0], ids = 0;
    int64_t most = (int64_t)c->rule.window_bytes * 8;
    if (ref->of == SN__OF_LINKS || (ref->of == SN__OF_NODES && ref->role < SN__NODE_TRAIN))
        return 0;
    if (ref->of == SN__OF_NODES)
        ids = c->dataset->nodes[ref->type].count;
    else if (ref->role == SN__CSR_INDPTR || ref->role == SN__CSC_INDPTR)
        return (uint64_t)entries - 1;
    else if (ref->role == SN__CSR_EDGE_IDS || ref->role == SN__CSC_EDGE_IDS)
        ids = entries;
    else if (ref->role == SN__EDGE_X || ref->role == SN__EDGE_TIMES || ref->role >= SN__CSR_TABLES)
        return 0; /* tables count for themselves */
    return (uint64_t)entries * (uint64_t)(ids > most ? (ids + most - 1) / most : 1);
}

static sn_status count_elements(content *c)
{
    sn__array_ref *refs;
    size_t count;
    SN_TRY(sn__dataset_arrays(c->dataset, &refs, &count));
    for (size_t i = 0; i < count; i++)
        c->total += elements_of(c, &refs[i]);
    sn__mem_free(refs);
    return SN_OK;
}

sn_status sn__content_check(const sn_dataset *dataset, const sn__content_rule *rule)
{
    content c = { .dataset = dataset, .rule = *rule };
    if (c.rule.window_bytes == 0)
        c.rule.window_bytes = WINDOW_BYTES;
    SN_ASSERT(c.rule.window_bytes >= sizeof(edge_ends));
    SN_TRY(count_elements(&c));
    for (size_t i = 0; i < dataset->num_nodes; i++)
        SN_TRY(check_splits(&c, i));
    for (size_t i = 0; i < dataset->num_edges; i++) {
        if (!(rule->trust_sorted_here && dataset->edges[i].sorted_here))
            SN_TRY(check_layouts(&c, i));
        SN_TRY(check_weights(&c, i));
        SN_TRY(sn__tables_check(dataset, i, rule->bad_other, rule->progress));
    }
    for (size_t i = 0; i < dataset->num_links; i++)
        SN_TRY(check_link(&c, i));
    return SN_OK;
}
