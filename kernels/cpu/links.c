/* SPDX-License-Identifier: Apache-2.0 */
/* Links: the ends of edges, and negatives. docs/sampling.md, section 6.1.
 *
 * A group of links moves side by side, step by step, so that what one waits for comes while the others
 * compute.
 *
 * Invariants  L1  A search in row pointers ends within them, whatever they hold; a row is read only if its
 *                 span lies in the array. */
#include "base/random.h"
#include "kernels/cpu/prefetch.h"
#include "kernels/ops.h"

#include <stdbool.h>

enum { TOGETHER = 64 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline int64_t neighbour_at(const sn__rows *rows, int64_t position)
{
    return rows->wide ? ((const int64_t *)rows->indices)[position]
                      : ((const int32_t *)rows->indices)[position];
}

static inline const void *place_of(const sn__rows *rows, int64_t position)
{
    return (const uint8_t *)rows->indices + (size_t)position * (rows->wide ? 8 : 4);
}

/* -- Ends of edges ----------------------------------------------------------------------------- */

/* The last row that begins at or before the position. All searches have equally many steps. */
static void find_owners(const sn__rows *rows, const int64_t *positions, size_t count, int64_t *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = 0;
    for (int64_t left = rows->rows; left > 1; left -= left / 2) {
        int64_t half = left / 2;
        for (size_t i = 0; i < count; i++)
            out[i] += rows->indptr[out[i] + half] <= positions[i] ? half : 0;
    }
}

static sn_status read_neighbours(const sn__rows *rows, const int64_t *positions, size_t count,
                                 int64_t *out)
{
    for (size_t i = 0; i < count; i++)
        sn__prefetch(place_of(rows, positions[i]));
    for (size_t i = 0; i < count; i++) {
        out[i] = neighbour_at(rows, positions[i]);
        if ((uint64_t)out[i] >= (uint64_t)rows->neighbours)
            return sn__fail(SN_E_CORRUPT, "edge at position %lld has neighbour %lld of %lld",
                            (long long)positions[i], (long long)out[i],
                            (long long)rows->neighbours);
    }
    return SN_OK;
}

sn_status sn__cpu_edge_ends(const sn__rows *rows, const int64_t *positions, size_t count,
                            int64_t *owners, int64_t *neighbours)
{
    for (size_t at = 0; at < count; at += TOGETHER) {
        size_t n = least(count - at, TOGETHER);
        if (owners != NULL)
            find_owners(rows, positions + at, n, owners + at);
        if (neighbours != NULL)
            SN_TRY(read_neighbours(rows, positions + at, n, neighbours + at));
    }
    return SN_OK;
}

/* -- Negatives --------------------------------------------------------------------------------- */

/* Negatives without an answer yet. */
typedef struct group {
    size_t count;
    size_t number[TOGETHER];
    int64_t src[TOGETHER], dst[TOGETHER];
    int64_t begin[TOGETHER], end[TOGETHER]; /* the row that would hold the edge */
} group;

/* One end of each negative: draw number `draw`, on [0, n). */
static void draw_numbers(const sn__neg_rule *rule, const group *g, uint32_t draw, int64_t n,
                         int64_t *out)
{
    for (size_t i = 0; i < g->count; i++) {
        size_t number = g->number[i];
        size_t pair = rule->per_pair > 0 ? number / rule->per_pair : number % rule->pairs;
        size_t which = rule->per_pair > 0 ? number % rule->per_pair : number / rule->pairs;
        sn__draws draws;
        sn__draws_begin(&draws, rule->key, pair, (uint32_t)which, (uint64_t)n);
        out[i] = (int64_t)sn__draw(&draws, draw, (uint64_t)n);
    }
}

/* `of_rows`: that end whose rows they are. */
static sn_status draw_end(const sn__rows *rows, const sn__neg_rule *rule, const group *g,
                          uint32_t draw, bool of_rows, int64_t nodes, int64_t *out)
{
    int64_t positions[TOGETHER];
    if (!rule->by_degree) {
        draw_numbers(rule, g, draw, nodes, out);
        return SN_OK;
    }
    draw_numbers(rule, g, draw, rows->edges, positions);
    return sn__cpu_edge_ends(rows, positions, g->count, of_rows ? out : NULL, of_rows ? NULL : out);
}

static sn_status draw_try(const sn__rows *rows, const sn__neg_rule *rule,
                          const int64_t *pair_sources, uint32_t try, group *g)
{
    SN_TRY(draw_end(rows, rule, g, 2 * try + 1, rule->in, rule->destinations, g->dst));
    if (rule->per_pair == 0)
        return draw_end(rows, rule, g, 2 * try, !rule->in, rule->sources, g->src);
    for (size_t i = 0; i < g->count; i++)
        g->src[i] = pair_sources[g->number[i] / rule->per_pair];
    return SN_OK;
}

/* The rows that would hold the edges; those of nodes without one are empty. */
static sn_status find_rows(const sn__rows *rows, const int64_t *owners, group *g)
{
    for (size_t i = 0; i < g->count; i++)
        if (owners[i] < rows->rows)
            sn__prefetch(rows->indptr + owners[i]);
    for (size_t i = 0; i < g->count; i++) {
        g->begin[i] = g->end[i] = 0;
        if (owners[i] >= rows->rows)
            continue;
        int64_t begin = rows->indptr[owners[i]], end = rows->indptr[owners[i] + 1];
        if (begin < 0 || end < begin || end > rows->edges)
            return sn__fail(SN_E_CORRUPT, "row of node %lld is [%lld, %lld) of %lld edges",
                            (long long)owners[i], (long long)begin, (long long)end,
                            (long long)rows->edges);
        g->begin[i] = begin, g->end[i] = end;
        if (begin < end)
            sn__prefetch(place_of(rows, begin + (end - begin) / 2));
    }
    return SN_OK;
}

/* Whether an ascending row holds the neighbour. */
static bool row_has(const sn__rows *rows, int64_t begin, int64_t end, int64_t neighbour)
{
    while (begin < end) {
        int64_t middle = begin + (end - begin) / 2, is = neighbour_at(rows, middle);
        if (is == neighbour)
            return true;
        if (is < neighbour)
            begin = middle + 1;
        else
            end = middle;
    }
    return false;
}

/* Writes what is no edge to `src` and `dst`, and keeps the rest. `test` false: nothing is one. */
static sn_status settle(const sn__rows *rows, const sn__neg_rule *rule, bool test, group *g,
                        int64_t *src, int64_t *dst)
{
    const int64_t *owners = rule->in ? g->dst : g->src, *others = rule->in ? g->src : g->dst;
    size_t kept = 0;
    if (test)
        SN_TRY(find_rows(rows, owners, g));
    for (size_t i = 0; i < g->count; i++) {
        if (test && row_has(rows, g->begin[i], g->end[i], others[i])) {
            g->number[kept++] = g->number[i];
            continue;
        }
        dst[g->number[i]] = g->dst[i];
        if (rule->per_pair == 0)
            src[g->number[i]] = g->src[i];
    }
    g->count = kept;
    return SN_OK;
}

sn_status sn__cpu_negatives(const sn__rows *rows, const sn__neg_rule *rule,
                            const int64_t *pair_sources, size_t count, int64_t *src, int64_t *dst,
                            uint8_t *failed)
{
    for (size_t at = 0; at < count; at += TOGETHER) {
        group g = { .count = least(count - at, TOGETHER) };
        for (size_t i = 0; i < g.count; i++) {
            g.number[i] = at + i;
            failed[at + i] = 0;
        }
        for (uint32_t try = 0; try < rule->tries && g.count > 0; try++) {
            SN_TRY(draw_try(rows, rule, pair_sources, try, &g));
            SN_TRY(settle(rows, rule, true, &g, src, dst));
        }
        if (g.count == 0)
            continue;
        for (size_t i = 0; i < g.count; i++)
            failed[g.number[i]] = rule->tries > 0;
        SN_TRY(draw_try(rows, rule, pair_sources, rule->tries, &g)); /* not tested */
        SN_TRY(settle(rows, rule, false, &g, src, dst));
    }
    return SN_OK;
}
