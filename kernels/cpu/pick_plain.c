/* SPDX-License-Identifier: Apache-2.0 */
/* Neighbours of a block of rows, uniformly: docs/sampling.md, section 3.1. Rows of a time: section 9.
 *
 * Invariants  I1  every position lies in [0, degree) of a span that row_spans has checked, so no
 *                 read leaves the arrays, whatever a file contains.
 *             I2  draws depend on key, node and draw number alone. */
#include "base/mem.h"
#include "base/random.h"
#include "kernels/cpu/pick_inside.h"

#include <string.h>

/* Above this fanout "was it picked?" asks a set instead of all earlier picks; below, scanning is
 * faster. A power of two. */
enum { SCAN_LIMIT = 64 };

/* What is taken of one row. */
typedef struct span {
    int64_t node, degree, count;
    uint32_t tree;
} span;

void sn__row_block_deinit(sn__row_block *block)
{
    sn__mem_free(block->tiles);
    sn__mem_free(block->neighbours);
    *block = (sn__row_block){ 0 };
}

static bool has_row(const sn__rows *rows, int64_t node)
{
    return (uint64_t)node < (uint64_t)rows->rows;
}

void sn__cpu_prefetch_rows(const sn__rows *rows, const sn__row_block *block)
{
    for (size_t i = 0; i < block->count; i++)
        if (has_row(rows, block->nodes[i]))
            sn__prefetch(rows->indptr + block->nodes[i]);
}

static bool is_bad_row(const sn__rows *rows, int64_t start, int64_t end)
{
    return (start < 0) | (end < start) | (end > rows->edges);
}

/* The first of the block. */
static sn_status report_bad_row(const sn__rows *rows, const sn__row_block *block)
{
    int64_t start, end;
    size_t i = 0;
    do {
        start = block->start[i];
        end = (int64_t)((uint64_t)start + (uint64_t)block->degree[i]);
    } while (!is_bad_row(rows, start, end) && ++i < block->count);
    return sn__fail(SN_E_CORRUPT, "row of node %lld is [%lld, %lld) of %lld edges",
                    (long long)block->nodes[i], (long long)start, (long long)end,
                    (long long)rows->edges);
}

/* How many of the times are at most `time`. */
static int64_t count_until(const int64_t *times, int64_t count, int64_t time)
{
    int64_t low = 0;
    while (low < count) {
        int64_t middle = low + (count - low) / 2;
        if (times[middle] <= time)
            low = middle + 1;
        else
            count = middle;
    }
    return low;
}

/* Leaves of the row the edges that are not too late and not too old. */
static void narrow(const sn__rows *rows, const sn__pick_rule *rule, sn__row_block *block, size_t i)
{
    const int64_t *times = rows->times + block->start[i];
    int64_t until = block->until[i], oldest;
    int64_t count = count_until(times, block->degree[i], until);
    int64_t before = 0;
    if (rule->window > 0 && !__builtin_sub_overflow(until, rule->window, &oldest))
        before = count_until(times, count, oldest);
    block->start[i] += before;
    block->degree[i] = count - before;
}

/* At most so many are picked of a row. */
static int64_t most_picks(const sn__pick_rule *rule, int64_t degree)
{
    if (degree == 0 || sn__takes_all(rule, degree))
        return degree;
    if (rule->pick == SN__PICK_LABOR && rule->fanout > 0)
        return 0; /* draw finds room for them */
    return rule->fanout;
}

sn_status sn__cpu_row_spans(const sn__rows *rows, const sn__pick_rule *rule, sn__row_block *block)
{
    size_t sum = 0;
    bool bad = false;
    for (size_t i = 0; i < block->count; i++) {
        int64_t start = 0, end = 0;
        if (has_row(rows, block->nodes[i])) {
            start = rows->indptr[block->nodes[i]];
            end = rows->indptr[block->nodes[i] + 1];
        }
        bad |= is_bad_row(rows, start, end);
        block->begin[i] = block->start[i] = start;
        block->whole[i] = block->degree[i] = (int64_t)((uint64_t)end - (uint64_t)start);
    }
    if (bad)
        return report_bad_row(rows, block);
    for (size_t i = 0; i < block->count; i++) {
        if (rows->times != NULL)
            narrow(rows, rule, block, i);
        block->picked[i] = most_picks(rule, block->degree[i]);
        sum += (size_t)block->picked[i];
    }
    for (size_t i = block->count; i < SN__BLOCK_ROWS; i++)
        block->nodes[i] = block->begin[i] = block->whole[i] = block->start[i] = block->degree[i] =
            block->picked[i] = 0;
    block->picks = sum;
    return SN_OK;
}

void sn__pick_set_deinit(sn__pick_set *set)
{
    sn__mem_free(set->slots);
    *set = (sn__pick_set){ 0 };
}

/* An empty set for `count` picks, at most half full. */
static sn_status set_reset(sn__pick_set *set, size_t count)
{
    size_t slots = 4 * SCAN_LIMIT;
    while (slots < 2 * count)
        slots *= 2;
    if (set->capacity < slots) {
        uint64_t *fresh;
        SN_TRY(sn__mem_zalloc(slots, sizeof *fresh, "picks of one row", &fresh));
        sn__mem_free(set->slots);
        set->slots = fresh;
        set->capacity = slots;
    } else {
        memset(set->slots, 0, slots * sizeof *set->slots); /* not more than this row needs */
    }
    set->in_use = slots;
    return SN_OK;
}

/* Puts a position into the set; false if it was there. */
static bool set_add(sn__pick_set *set, uint64_t position)
{
    uint64_t mask = set->in_use - 1, at = sn__mix64(position) & mask;
    for (; set->slots[at] != 0; at = (at + 1) & mask)
        if (set->slots[at] == position + 1)
            return false;
    set->slots[at] = position + 1;
    return true;
}

static bool picked_before(const int64_t *picks, size_t count, int64_t position)
{
    bool found = false;
    for (size_t i = 0; i < count; i++)
        found |= picks[i] == position; /* no early exit: the loop stays a vector loop */
    return found;
}

/* Floyd's method: `count` distinct positions of [0, degree), in the order in which they are
 * picked. */
static sn_status pick_floyd(sn__draws *draws, const span *of, sn__pick_set *set, int64_t *positions)
{
    size_t count = (size_t)of->count;
    bool use_set = count > SCAN_LIMIT;
    if (use_set)
        SN_TRY(set_reset(set, count));
    for (size_t i = 0; i < count; i++) {
        int64_t last = of->degree - of->count + (int64_t)i;
        int64_t position = (int64_t)sn__draw(draws, (uint32_t)i, (uint64_t)last + 1);
        bool taken =
            use_set ? !set_add(set, (uint64_t)position) : picked_before(positions, i, position);
        if (taken) {
            position = last; /* cannot be taken itself: no earlier draw reached it */
            if (use_set)
                (void)set_add(set, (uint64_t)position);
        }
        positions[i] = position;
    }
    return SN_OK;
}

/* Positions of one row's picks within the row. */
static sn_status pick_positions(const sn__pick_rule *rule, const span *of, sn__pick_set *set,
                                int64_t *positions)
{
    if (rule->pick == SN__PICK_LAST || sn__takes_all(rule, of->degree)) {
        for (int64_t i = 0; i < of->count; i++)
            positions[i] = of->degree - of->count + i;
        return SN_OK;
    }
    sn__draws draws;
    sn__draws_begin(&draws, rule->key, (uint64_t)of->node, of->tree, (uint64_t)of->degree);
    if (!rule->replace)
        return pick_floyd(&draws, of, set, positions);
    for (int64_t i = 0; i < of->count; i++)
        positions[i] = (int64_t)sn__draw(&draws, (uint32_t)i, (uint64_t)of->degree);
    return SN_OK;
}

static inline const void *column_at(const sn__rows *rows, int64_t at)
{
    return (const char *)rows->indices +
           (size_t)at * (rows->wide ? sizeof(int64_t) : sizeof(int32_t));
}

static sn_status find_place(const sn__rows *rows, const sn__row_block *block, size_t i,
                            int64_t *position)
{
    int64_t place = rows->order[block->start[i] + *position];
    if (place >= block->whole[i])
        return sn__fail(SN_E_CORRUPT, "row of node %lld, of %lld edges, has one at place %lld",
                        (long long)block->nodes[i], (long long)block->whole[i], (long long)place);
    *position = block->begin[i] + place;
    return SN_OK;
}

sn_status sn__pick_place(const sn__rows *rows, const sn__row_block *block, size_t i, int64_t count,
                         int64_t *positions)
{
    for (int64_t j = 0; j < count; j++) {
        if (rows->order != NULL)
            SN_TRY(find_place(rows, block, i, &positions[j]));
        else
            positions[j] += block->start[i];
        sn__prefetch_at(rows->indices,
                        (uint64_t)positions[j] * (rows->wide ? sizeof(int64_t) : sizeof(int32_t)));
    }
    return SN_OK;
}

static sn_status draw_uniform(const sn__rows *rows, const sn__pick_rule *rule, sn__row_block *block,
                              sn__pick_set *set)
{
    int64_t *at = block->neighbours; /* positions: take replaces them */
    for (size_t i = 0; i < block->count; i++) {
        span of = { block->nodes[i], block->degree[i], block->picked[i], block->trees[i] };
        SN_TRY(pick_positions(rule, &of, set, at));
        SN_TRY(sn__pick_place(rows, block, i, of.count, at));
        at += of.count;
    }
    return SN_OK;
}

sn_status sn__cpu_draw(const sn__rows *rows, const sn__pick_rule *rule, sn__row_block *block,
                       sn__pick_set *set)
{
    if (rule->pick == SN__PICK_WEIGHTED)
        return sn__draw_weighted(rows, rule, block, set);
    if (rule->pick == SN__PICK_LABOR)
        return sn__draw_labor(rows, rule, block);
    return draw_uniform(rows, rule, block, set);
}

void sn__cpu_prefetch_labels(const sn__label_map *map, const int64_t *nodes, size_t count)
{
    if (map->slots != NULL)
        sn__prefetch_slots(map, nodes, count);
    else
        for (size_t i = 0; i < count; i++)
            sn__prefetch_at(map->entries, (uint64_t)nodes[i] * sizeof *map->entries);
}

sn_status sn__cpu_take(const sn__rows *rows, const sn__pick_rule *rule, sn__row_block *block,
                       int64_t *edge_ids)
{
    (void)rule;
    const sn__label_map *map = &block->map;
    int64_t *neighbours = block->neighbours;
    if (edge_ids != NULL)
        for (size_t i = 0; i < block->picks; i++)
            edge_ids[i] = rows->edge_ids != NULL ? rows->edge_ids[neighbours[i]] : neighbours[i];
    uint64_t greatest = 0; /* as unsigned: a negative id is greater than every count */
    for (size_t i = 0; i < block->picks; i++) {
        const void *column = column_at(rows, neighbours[i]);
        neighbours[i] = rows->wide ? *(const int64_t *)column : *(const int32_t *)column;
        greatest = (uint64_t)neighbours[i] > greatest ? (uint64_t)neighbours[i] : greatest;
        if (map->entries != NULL)
            sn__prefetch_at(map->entries, (uint64_t)neighbours[i] * sizeof *map->entries);
    }
    if (map->slots != NULL)
        sn__prefetch_slots(map, neighbours, block->picks);
    return sn__pick_check(rows, block, greatest);
}
