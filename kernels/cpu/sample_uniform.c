/* SPDX-License-Identifier: Apache-2.0 */
/* Uniform neighbours of a block of rows: docs/sampling.md, section 3.1.
 *
 * In stages over the block, so that the cache misses of its rows overlap: row pointers are
 * prefetched, then spans are read; positions are drawn and their columns prefetched; then the
 * columns are read.
 * Invariants  I1  every position lies in [0, degree) of a span that row_spans has checked, so no
 *                 read leaves the arrays, whatever a file contains.
 *             I2  draws depend on key, node and draw number alone. */
#include "base/mem.h"
#include "base/random.h"
#include "kernels/ops.h"

#include <string.h>

/* Above this fanout "was it picked?" asks a set instead of all earlier picks; below, scanning is
 * faster. A power of two. */
enum { SCAN_LIMIT = 64 };

/* Whether a row is taken whole, without draws. */
static inline bool takes_all(const sn__pick_rule *rule, int64_t degree)
{
    return rule->fanout == -1 || (!rule->replace && degree <= rule->fanout);
}

sn_status sn__cpu_row_spans(const sn__rows *rows, const int64_t *nodes, size_t count,
                            const sn__pick_rule *rule, sn__span *spans, size_t *total)
{
    SN_ASSERT(count <= SN__BLOCK_ROWS);
    for (size_t i = 0; i < count; i++)
        if ((uint64_t)nodes[i] < (uint64_t)rows->rows)
            __builtin_prefetch(rows->indptr + nodes[i]);

    size_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t node = nodes[i], start = 0, end = 0;
        if ((uint64_t)node < (uint64_t)rows->rows) {
            start = rows->indptr[node];
            end = rows->indptr[node + 1];
        }
        if (start < 0 || end < start || end > rows->edges)
            return sn__fail(SN_E_CORRUPT, "row of node %lld is [%lld, %lld) of %lld edges",
                            (long long)node, (long long)start, (long long)end,
                            (long long)rows->edges);
        int64_t degree = end - start;
        int64_t picks = degree == 0 || takes_all(rule, degree) ? degree : rule->fanout;
        spans[i] = (sn__span){ start, degree, picks };
        sum += (size_t)picks;
    }
    *total = sum;
    return SN_OK;
}

void sn__pick_scratch_deinit(sn__pick_scratch *scratch)
{
    sn__mem_free(scratch->slots);
    *scratch = (sn__pick_scratch){ 0 };
}

/* An empty set for `count` picks, at most half full. */
static sn_status scratch_reset(sn__pick_scratch *scratch, size_t count)
{
    size_t slots = 4 * SCAN_LIMIT;
    while (slots < 2 * count)
        slots *= 2;
    if (scratch->capacity < slots) {
        uint64_t *fresh;
        SN_TRY(sn__mem_zalloc(slots, sizeof *fresh, "picks of one row", &fresh));
        sn__mem_free(scratch->slots);
        scratch->slots = fresh;
        scratch->capacity = slots;
    } else {
        memset(scratch->slots, 0,
               slots * sizeof *scratch->slots); /* not more than this row needs */
    }
    scratch->in_use = slots;
    return SN_OK;
}

/* Puts a position into the set; false if it was there. */
static bool scratch_add(sn__pick_scratch *scratch, uint64_t position)
{
    uint64_t mask = scratch->in_use - 1, at = sn__mix64(position) & mask;
    for (; scratch->slots[at] != 0; at = (at + 1) & mask)
        if (scratch->slots[at] == position + 1)
            return false;
    scratch->slots[at] = position + 1;
    return true;
}

static bool picked_before(const int64_t *picks, size_t count, int64_t position)
{
    bool found = false;
    for (size_t i = 0; i < count; i++)
        found |= picks[i] == position; /* no early exit: the loop stays a vector loop */
    return found;
}

/* Floyd's method: span->count distinct positions of [0, degree), in the order in which they are
 * picked. */
static sn_status pick_floyd(sn__draws *draws, const sn__span *span, sn__pick_scratch *scratch,
                            int64_t *positions)
{
    size_t count = (size_t)span->count;
    bool use_set = count > SCAN_LIMIT;
    if (use_set)
        SN_TRY(scratch_reset(scratch, count));
    for (size_t i = 0; i < count; i++) {
        int64_t last = span->degree - span->count + (int64_t)i;
        int64_t position = (int64_t)sn__draw(draws, (uint32_t)i, (uint64_t)last + 1);
        bool taken = use_set ? !scratch_add(scratch, (uint64_t)position)
                             : picked_before(positions, i, position);
        if (taken) {
            position = last; /* cannot be taken itself: no earlier draw reached it */
            if (use_set)
                (void)scratch_add(scratch, (uint64_t)position);
        }
        positions[i] = position;
    }
    return SN_OK;
}

/* Positions of one row's picks within the row. */
static sn_status pick_positions(const sn__pick_rule *rule, const sn__span *span, int64_t node,
                                sn__pick_scratch *scratch, int64_t *positions)
{
    if (takes_all(rule, span->degree)) {
        for (int64_t i = 0; i < span->count; i++)
            positions[i] = i;
        return SN_OK;
    }
    sn__draws draws;
    sn__draws_begin(&draws, rule->key, (uint64_t)node, 0, (uint64_t)span->degree);
    if (!rule->replace)
        return pick_floyd(&draws, span, scratch, positions);
    for (int64_t i = 0; i < span->count; i++)
        positions[i] = (int64_t)sn__draw(&draws, (uint32_t)i, (uint64_t)span->degree);
    return SN_OK;
}

static inline int64_t column(const sn__rows *rows, int64_t at)
{
    return rows->wide ? ((const int64_t *)rows->indices)[at] : ((const int32_t *)rows->indices)[at];
}

static inline void prefetch_column(const sn__rows *rows, int64_t at)
{
    size_t width = rows->wide ? sizeof(int64_t) : sizeof(int32_t);
    __builtin_prefetch((const char *)rows->indices + (size_t)at * width);
}

sn_status sn__cpu_pick_uniform(const sn__rows *rows, const int64_t *nodes, size_t count,
                               const sn__pick_rule *rule, const sn__span *spans,
                               sn__pick_scratch *scratch, int64_t *neighbours, int64_t *edge_ids)
{
    int64_t *at = neighbours; /* positions first, replaced by the neighbours below */
    for (size_t i = 0; i < count; i++) {
        SN_TRY(pick_positions(rule, &spans[i], nodes[i], scratch, at));
        for (int64_t j = 0; j < spans[i].count; j++) {
            at[j] += spans[i].start;
            prefetch_column(rows, at[j]);
        }
        at += spans[i].count;
    }

    size_t total = (size_t)(at - neighbours);
    if (edge_ids != NULL)
        for (size_t i = 0; i < total; i++)
            edge_ids[i] = rows->edge_ids != NULL ? rows->edge_ids[neighbours[i]] : neighbours[i];
    uint64_t greatest = 0; /* as unsigned: a negative id is greater than every count */
    for (size_t i = 0; i < total; i++) {
        neighbours[i] = column(rows, neighbours[i]);
        greatest = (uint64_t)neighbours[i] > greatest ? (uint64_t)neighbours[i] : greatest;
    }
    if (total > 0 && greatest >= (uint64_t)rows->neighbours)
        return sn__fail(SN_E_CORRUPT, "neighbour id %lld of %lld nodes", (long long)greatest,
                        (long long)rows->neighbours);
    return SN_OK;
}
