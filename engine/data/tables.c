/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of rows (tables.h): each row for itself, so any number of threads gives the same bytes. */
#include "engine/data/tables.h"

#include "base/mem.h"
#include "kernels/sweep.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SWEEP_ROWS = 1024, SMALL_ROW = 24, TABLES_OF_GROUP = 3, GROUPS = 3 };

/* -- One row ----------------------------------------------------------------------------------- */

typedef struct dated {
    int64_t time;
    uint32_t place;
} dated;

static bool is_later(const dated *a, const dated *b)
{
    return a->time > b->time || (a->time == b->time && a->place > b->place);
}

static int by_time(const void *a, const void *b)
{
    return is_later(a, b) ? 1 : -1; /* none is equal to another */
}

/* Most rows are short, and many are in order already. */
static void sort_row(dated *row, size_t count)
{
    size_t sorted = 1;
    while (sorted < count && is_later(&row[sorted], &row[sorted - 1]))
        sorted++;
    if (sorted < count && count > SMALL_ROW) {
        qsort(row, count, sizeof *row, by_time);
        return;
    }
    for (; sorted < count; sorted++) {
        dated moved = row[sorted];
        size_t at = sorted;
        for (; at > 0 && is_later(&row[at - 1], &moved); at--)
            row[at] = row[at - 1];
        row[at] = moved;
    }
}

/* The tables of one order of the rows, and what they are made of. */
typedef struct group {
    const sn_dataset *dataset;
    size_t type;
    int roles[TABLES_OF_GROUP]; /* order, times, sums; -1: there is none */
    const int64_t *indptr;
    int64_t rows;
    const sn_tensor *indices;
    const int64_t *edge_ids;   /* NULL: the positions */
    const float *weights;      /* by edge id; NULL: none */
    const int64_t *edge_times; /* by edge id, or */
    const int64_t *node_times; /* by neighbour */
    void *tables[TABLES_OF_GROUP];
    struct scratch *scratch; /* [threads] */
    sn_status bad;           /* of tables that differ */
} group;

/* A row as it should be. */
typedef struct scratch {
    dated *row;
    uint32_t *order, *sums; /* sums: [count], of rows in their own order [count][2] */
    int64_t *times;
    size_t row_capacity, order_capacity, sums_capacity, times_capacity;
} scratch;

static int64_t edge_of(const group *g, int64_t position)
{
    return g->edge_ids != NULL ? g->edge_ids[position] : position;
}

static int64_t neighbour_of(const group *g, int64_t position)
{
    return g->indices->dtype.bits == 32 ? ((const int32_t *)g->indices->data)[position]
                                        : ((const int64_t *)g->indices->data)[position];
}

static int64_t time_of(const group *g, int64_t position)
{
    return g->edge_times != NULL ? g->edge_times[edge_of(g, position)]
                                 : g->node_times[neighbour_of(g, position)];
}

static void make_order(const group *g, int64_t start, size_t count, scratch *to)
{
    for (size_t i = 0; i < count; i++)
        to->row[i] = (dated){ time_of(g, start + (int64_t)i), (uint32_t)i };
    sort_row(to->row, count);
    for (size_t i = 0; i < count; i++) {
        to->order[i] = to->row[i].place;
        to->times[i] = to->row[i].time;
    }
}

/* docs/sampling.md, section 7.1, to the letter: every rounding counts. */
static void make_sums(const group *g, int64_t start, size_t count, bool ordered, scratch *to)
{
    const size_t every = ordered ? 1 : 2;
    double sum = 0, before = 0, range = (double)(UINT32_MAX - (uint32_t)count);
    uint32_t positive = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)g->weights[edge_of(g, start + (int64_t)(ordered ? to->order[i] : i))];
    for (size_t i = 0; i < count; i++) {
        float weight = g->weights[edge_of(g, start + (int64_t)(ordered ? to->order[i] : i))];
        before += (double)weight;
        positive += weight > 0;
        to->sums[i * every] = sum > 0 ? positive + (uint32_t)floor(before / sum * range) : 0;
        if (!ordered)
            to->sums[i * every + 1] = (uint32_t)neighbour_of(g, start + (int64_t)i);
    }
}

static sn_status make_row(const group *g, int64_t row, scratch *to)
{
    int64_t start = g->indptr[row];
    size_t count = (size_t)(g->indptr[row + 1] - start);
    bool ordered = g->roles[0] >= 0;
    if (count > SN__TABLE_ROW_LIMIT)
        return sn__fail(SN_E_UNSUPPORTED,
                        "edge type '%.250s': row %" PRId64 " has %zu edges, with weights or times "
                        "it may have %d",
                        g->dataset->edges[g->type].name, row, count, SN__TABLE_ROW_LIMIT);
    if (ordered) {
        SN_TRY(sn__mem_grow(&to->row, &to->row_capacity, count, sizeof *to->row, "row by time"));
        SN_TRY(sn__mem_grow(&to->order, &to->order_capacity, count, sizeof *to->order, "row"));
        SN_TRY(sn__mem_grow(&to->times, &to->times_capacity, count, sizeof *to->times, "row"));
        make_order(g, start, count, to);
    }
    if (g->roles[2] >= 0) {
        SN_TRY(sn__mem_grow(&to->sums, &to->sums_capacity, 2 * count, sizeof *to->sums, "row"));
        make_sums(g, start, count, ordered, to);
    }
    return SN_OK;
}

/* -- Groups ------------------------------------------------------------------------------------ */

/* Bytes of an edge in a table. */
static size_t width_of(const group *g, int table)
{
    if (table == 2)
        return g->roles[0] >= 0 ? sizeof(uint32_t) : 2 * sizeof(uint32_t);
    return table == 1 ? sizeof(int64_t) : sizeof(uint32_t);
}

static const void *made(const scratch *of, int table)
{
    return table == 0 ? (const void *)of->order : table == 1 ? (const void *)of->times : of->sums;
}

static sn_status write_rows(void *context, int32_t thread, int64_t begin, int64_t end)
{
    const group *g = context;
    scratch *to = &g->scratch[thread];
    for (int64_t row = begin; row < end; row++) {
        size_t start = (size_t)g->indptr[row], count = (size_t)g->indptr[row + 1] - start;
        SN_TRY(make_row(g, row, to));
        for (int t = 0; t < TABLES_OF_GROUP && count > 0; t++)
            if (g->tables[t] != NULL)
                memcpy((uint8_t *)g->tables[t] + start * width_of(g, t), made(to, t),
                       count * width_of(g, t));
    }
    return SN_OK;
}

static sn_status compare_rows(void *context, int32_t thread, int64_t begin, int64_t end)
{
    const group *g = context;
    scratch *to = &g->scratch[thread];
    for (int64_t row = begin; row < end; row++) {
        size_t start = (size_t)g->indptr[row], count = (size_t)g->indptr[row + 1] - start;
        SN_TRY(make_row(g, row, to));
        for (int t = 0; t < TABLES_OF_GROUP && count > 0; t++) {
            if (g->tables[t] == NULL || memcmp((uint8_t *)g->tables[t] + start * width_of(g, t),
                                               made(to, t), count * width_of(g, t)) == 0)
                continue;
            char where[SN__WHERE];
            const sn__stored *array = &g->dataset->edges[g->type].arrays[g->roles[t]];
            sn__array_ref ref = { (sn__stored *)(uintptr_t)array, SN__OF_EDGES, g->type,
                                  g->roles[t], "" };
            return sn__fail(g->bad, "%s: row %" PRId64 " is not what its weights and times give",
                            sn__array_where(g->dataset, &ref, where), row);
        }
    }
    return SN_OK;
}

/* Group `number` of a layout. False: the layout or what it needs is not there. */
static bool describe_group(const sn_dataset *dataset, size_t type, bool csc, int number, group *out)
{
    const sn__edge_type *edge = &dataset->edges[type];
    const sn__stored *rows = &edge->arrays[csc ? SN__CSC_INDPTR : SN__CSR_INDPTR];
    const sn__stored *ends =
        &dataset->nodes[csc ? edge->src_type : edge->dst_type].arrays[SN__NODE_TIMES];
    int first = csc ? SN__CSC_TABLES : SN__CSR_TABLES;
    bool weights = sn__stored_present(&edge->arrays[SN__EDGE_WEIGHTS]);
    if (!sn__stored_present(rows))
        return false;
    *out = (group){
        .dataset = dataset,
        .type = type,
        .roles = { -1, -1, weights ? first + SN__TABLE_SUMS : -1 },
        .indptr = rows[0].view.data,
        .rows = rows[0].view.shape[0] - 1,
        .indices = &rows[1].view,
        .edge_ids = sn__stored_present(&rows[2]) ? rows[2].view.data : NULL,
        .weights = weights ? edge->arrays[SN__EDGE_WEIGHTS].view.data : NULL,
    };
    if (number == 0)
        return weights;
    const sn__stored *times = number == 1 ? &edge->arrays[SN__EDGE_TIMES] : ends;
    first += number == 1 ? SN__TABLE_TIME_ORDER : SN__TABLE_NODE_ORDER;
    if (!sn__stored_present(times))
        return false;
    *(number == 1 ? &out->edge_times : &out->node_times) = times->view.data;
    out->roles[0] = first;
    out->roles[1] = first + 1;
    out->roles[2] = weights ? first + 2 : -1;
    return true;
}

static sn_status sweep(group *g, sn__sweep_body body, int32_t threads, sn__progress *progress)
{
    sn__stage stage = { progress, "tables", 0, (uint64_t)g->rows };
    sn__sweep over = { .count = g->rows,
                       .block = SWEEP_ROWS,
                       .threads = threads,
                       .body = body,
                       .context = g,
                       .stage = &stage };
    SN_TRY(sn__mem_zalloc((size_t)threads, sizeof *g->scratch, "rows", &g->scratch));
    sn_status status = sn__sweep_claims(&over);
    for (int32_t t = 0; t < threads; t++) {
        sn__mem_free(g->scratch[t].row);
        sn__mem_free(g->scratch[t].order);
        sn__mem_free(g->scratch[t].sums);
        sn__mem_free(g->scratch[t].times);
    }
    sn__mem_free(g->scratch);
    return status;
}

static sn_status make_group(group *g, const sn__table_maker *maker)
{
    bool any = false;
    const sn__edge_type *edge = &g->dataset->edges[g->type];
    for (int t = 0; t < TABLES_OF_GROUP; t++) {
        if (g->roles[t] < 0 || sn__stored_present(&edge->arrays[g->roles[t]]))
            continue;
        bool pairs = t == 2 && g->roles[0] < 0;
        sn_tensor like = { .dtype = { t == 1 ? SN_INT : SN_UINT, t == 1 ? 64 : 32 },
                           .ndim = pairs ? 2 : 1,
                           .shape = { edge->count, pairs ? 2 : 1, 1, 1 } };
        SN_TRY(maker->place(maker->context, g->type, g->roles[t], &like, &g->tables[t]));
        any = true;
    }
    return any ? sweep(g, write_rows, maker->threads, maker->progress) : SN_OK;
}

sn_status sn__tables_make(const sn_dataset *dataset, const sn__table_maker *maker)
{
    for (size_t i = 0; i < dataset->num_edges; i++)
        for (int number = 0; number < 2 * GROUPS; number++) {
            group g;
            if (describe_group(dataset, i, number >= GROUPS, number % GROUPS, &g))
                SN_TRY(make_group(&g, maker));
        }
    return SN_OK;
}

sn_status sn__tables_check(const sn_dataset *dataset, size_t type, sn_status bad,
                           sn__progress *progress)
{
    const sn__edge_type *edge = &dataset->edges[type];
    bool expected[SN__EDGE_ROLES] = { false };
    for (int number = 0; number < 2 * GROUPS; number++) {
        group g;
        if (!describe_group(dataset, type, number >= GROUPS, number % GROUPS, &g))
            continue;
        g.bad = bad;
        bool any = false;
        for (int t = 0; t < TABLES_OF_GROUP; t++) {
            if (g.roles[t] < 0)
                continue;
            g.tables[t] = edge->arrays[g.roles[t]].view.data; /* NULL: it is not there */
            expected[g.roles[t]] = true;
            any |= g.tables[t] != NULL;
        }
        if (any)
            SN_TRY(sweep(&g, compare_rows, 1, progress));
    }
    for (int role = SN__CSR_TABLES; role < SN__EDGE_ROLES; role++)
        if (sn__stored_present(&edge->arrays[role]) && !expected[role])
            return sn__fail(bad, "edge type '%.250s' has %s and not what it is made of", edge->name,
                            sn__edge_roles[role]);
    return SN_OK;
}
