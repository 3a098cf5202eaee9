/* SPDX-License-Identifier: Apache-2.0 */
/* The bodies of shuffle, draw and take by lanes, once per instruction set: docs/sampling.md,
 * sections 2.1 and 3.1, with sixteen positions or rows in the lanes of a vector. SHUFFLE, DRAW and TAKE are
 * the functions' names. Of the lanes they ask
 *
 *     lanes_set load store        a number in all lanes; sixteen numbers
 *     lanes_gather                sixteen numbers from anywhere in an array
 *     lanes_split                 the low and the high words of sixteen numbers of 64 bits
 *     lanes_add sub min xor3 mul  as they say; min unsigned, mul with the high and the low word
 *     lanes_less or_equal and none bits select   masks of lanes; less is unsigned
 *
 * No branch depends on the data:
 *
 *     draw   Philox, bounded draws, Floyd's comparisons; positions into tiles [pick][row]; their
 *            columns are prefetched while the next tile is computed
 *     take   columns, packed in row order: each row writes `fanout` of them and the next one begins
 *            behind those that count; label map entries are prefetched as the columns come
 *
 * Invariants  I1  every position lies in the span of its row, or is that of an edge that exists:
 *                 no read leaves the arrays, whatever a file contains.
 *             I2  draws depend on key, node and draw number alone. */
#include "base/random.h"
#include "kernels/cpu/pick_inside.h"

#define ALWAYS static inline __attribute__((always_inline))

/* -- Words ------------------------------------------------------------------------------------- */

typedef struct philox_key {
    uint32_t low, high;
} philox_key;

/* Ten rounds of Philox4x32 on sixteen counters: sn__philox. */
ALWAYS void philox_lanes(philox_key key, lanes c[4])
{
    const lanes m0 = lanes_set(SN__PHILOX_M0), m1 = lanes_set(SN__PHILOX_M1);
    for (int round = 0; round < SN__PHILOX_ROUNDS; round++) {
        lanes high0, low0, high1, low1;
        lanes_mul(c[0], m0, &high0, &low0);
        lanes_mul(c[2], m1, &high1, &low1);
        c[0] = lanes_xor3(high1, c[1], lanes_set(key.low));
        c[1] = low1;
        c[2] = lanes_xor3(high0, c[3], lanes_set(key.high));
        c[3] = low0;
        key.low += SN__PHILOX_W0;
        key.high += SN__PHILOX_W1;
    }
}

/* -- Shuffle ----------------------------------------------------------------------------------- */

/* x moved by one round: on [0, m), by a word of Philox on (z, round, 0, 0). */
ALWAYS lanes feistel_lanes(philox_key key, uint32_t round, lanes x, lanes z, lanes m)
{
    lanes c[4] = { z, lanes_set(round), lanes_set(0), lanes_set(0) }, move, unused;
    philox_lanes(key, c);
    lanes_mul(c[0], m, &move, &unused);
    x = lanes_add(x, move);
    return lanes_select(lanes_less(x, m), x, lanes_sub(x, m));
}

/* The network of base/random.c on sixteen positions from `first` on. Its halves are below 2^31. */
ALWAYS void shuffle_lanes(const sn__shuffle *shuffle, uint64_t first, uint64_t out[SN__LANES])
{
    const philox_key key = { (uint32_t)shuffle->key, (uint32_t)(shuffle->key >> 32) };
    const lanes a = lanes_set((uint32_t)shuffle->a), b = lanes_set((uint32_t)shuffle->b);
    uint32_t lefts[SN__LANES], rights[SN__LANES];
    uint64_t left = first / shuffle->b, right = first % shuffle->b;
    for (int k = 0; k < SN__LANES; k++) {
        lefts[k] = (uint32_t)left;
        rights[k] = (uint32_t)right++;
        left += right == shuffle->b;
        right = right == shuffle->b ? 0 : right;
    }
    lanes l = lanes_load(lefts), r = lanes_load(rights);
    for (uint32_t round = 0; round < 8; round += 2) {
        l = feistel_lanes(key, round, l, r, a);
        r = feistel_lanes(key, round + 1, r, l, b);
    }
    lanes_store(lefts, l);
    lanes_store(rights, r);
    for (int k = 0; k < SN__LANES; k++)
        out[k] = lefts[k] * shuffle->b + rights[k];
}

void SHUFFLE(const sn__shuffle *shuffle, uint64_t first, size_t count, int64_t *out)
{
    SN_ASSERT(first <= shuffle->n && count <= shuffle->n - first);
    for (size_t done = 0; done < count; done += SN__LANES) {
        uint64_t at[SN__LANES];
        size_t some = count - done < SN__LANES ? count - done : SN__LANES;
        shuffle_lanes(shuffle, first + done, at);
        for (size_t k = 0; k < some; k++)
            out[done + k] = (int64_t)sn__shuffle_walk(shuffle, at[k]);
    }
}

/* -- Draws of rows ----------------------------------------------------------------------------- */

/* Sixteen rows from row `at` of the block. */
typedef struct tile {
    const sn__row_block *block;
    uint64_t key;
    size_t at;
    lanes node_low, node_high, tree, degree;
    lane_mask drawn; /* rows that are not taken whole */
} tile;

/* Words of draws 0 .. k - 1. */
ALWAYS void draw_words(const tile *of, const int k, lanes *words)
{
    philox_key key = { (uint32_t)of->key, (uint32_t)(of->key >> 32) };
    for (int block = 0; block < (k + 3) / 4; block++) {
        lanes c[4] = { of->node_low, of->node_high, lanes_set((uint32_t)block), of->tree };
        philox_lanes(key, c);
        for (int i = 0; i < 4; i++)
            words[4 * block + i] = c[i];
    }
}

/* Draw i, uniform below n, of a word: multiply-high; words that may have to be rejected are rare. */
ALWAYS lanes bound_draw(const tile *of, uint32_t i, lanes word, lanes n)
{
    lanes high, low;
    lanes_mul(word, n, &high, &low);
    uint32_t bad = lanes_bits(lanes_and(of->drawn, lanes_less(low, n)));
    if (__builtin_expect(bad != 0, 0)) {
        uint32_t draws[SN__LANES], below[SN__LANES];
        lanes_store(draws, high);
        lanes_store(below, n);
        sn__redraw what = { of->key, of->block, of->at, i, bad };
        sn__pick_redraw(&what, below, draws);
        high = lanes_load(draws);
    }
    return high;
}

/* Positions within the rows: independent draws. */
ALWAYS void draw_again(const tile *of, const int k, lanes *picks)
{
    draw_words(of, k, picks);
    for (int i = 0; i < k; i++)
        picks[i] = bound_draw(of, (uint32_t)i, picks[i], of->degree);
}

/* Positions within the rows: Floyd's method. Pick i is drawn from the first degree - k + i + 1; if it was
 * picked before, the last of these is taken, which nobody can have picked. */
ALWAYS void draw_distinct(const tile *of, const int k, lanes *picks)
{
    const lanes least = lanes_sub(of->degree, lanes_set((uint32_t)k));
    draw_words(of, k, picks);
    for (int i = 0; i < k; i++) {
        lanes last = lanes_add(least, lanes_set((uint32_t)i));
        lanes pick = bound_draw(of, (uint32_t)i, picks[i], lanes_add(last, lanes_set(1)));
        lane_mask taken = lanes_none();
        for (int j = 0; j < i; j++)
            taken = lanes_or_equal(taken, pick, picks[j]);
        picks[i] = lanes_select(taken, last, pick);
    }
}

ALWAYS void prefetch_columns(const sn__rows *rows, const int k, const uint32_t *at)
{
    size_t width = rows->wide ? sizeof(int64_t) : sizeof(int32_t);
    for (int x = 0; x < k * SN__LANES; x++)
        sn__prefetch_at(rows->indices, at[x] * width);
}

/* Positions of all picks of sixteen rows; those beyond a row's count name some edge. */
ALWAYS void draw_tile(const sn__rows *rows, const sn__pick_rule *rule, const sn__row_block *block,
                      size_t at, const int k)
{
    const lanes last_edge = lanes_set((uint32_t)(rows->edges - 1));
    lanes picks[SN__MOST_LANE_PICKS + 3], start, picked, unused;
    tile of = { .block = block, .key = rule->key, .at = at };
    lanes_split(block->nodes + at, &of.node_low, &of.node_high);
    of.tree = lanes_load(block->trees + at);
    lanes_split(block->degree + at, &of.degree, &unused);
    lanes_split(block->start + at, &start, &unused);
    lanes_split(block->picked + at, &picked, &unused);
    of.drawn = rule->replace ? lanes_less(lanes_set(0), picked)
                             : lanes_less(lanes_set((uint32_t)k), of.degree);

    bool any = lanes_bits(of.drawn) != 0;
    if (any && rule->replace)
        draw_again(&of, k, picks);
    else if (any)
        draw_distinct(&of, k, picks);
    const lanes some = lanes_min(start, last_edge);
    uint32_t *to = block->tiles + at * (size_t)k;
    for (int i = 0; i < k; i++) {
        lanes number = lanes_set((uint32_t)i);
        lanes edge = lanes_select(lanes_less(number, picked), lanes_add(start, number), some);
        if (any)
            edge = lanes_select(of.drawn, lanes_add(start, picks[i]), edge);
        lanes_store(to + i * SN__LANES, edge);
    }
    prefetch_columns(rows, k, to);
}

ALWAYS void draw_block(const sn__rows *rows, const sn__pick_rule *rule, const sn__row_block *block,
                       const int k)
{
    for (size_t at = 0; at < block->count; at += SN__LANES)
        draw_tile(rows, rule, block, at, k);
}

/* With usual fanouts as constants, so that their loops unroll. */
#define WITH_FANOUT(fanout, call)        \
    do {                                 \
        switch (fanout) {                \
        case 5: {                        \
            enum { K = 5 };              \
            call;                        \
            break;                       \
        }                                \
        case 10: {                       \
            enum { K = 10 };             \
            call;                        \
            break;                       \
        }                                \
        case 15: {                       \
            enum { K = 15 };             \
            call;                        \
            break;                       \
        }                                \
        default: {                       \
            const int K = (int)(fanout); \
            call;                        \
        }                                \
        }                                \
    } while (0)

#include "kernels/cpu/weighted_template.h"

sn_status DRAW(const sn__rows *rows, const sn__pick_rule *rule, sn__row_block *block,
               sn__pick_set *set)
{
    if (!sn__fits_lanes(rows, rule))
        return sn__cpu_draw(rows, rule, block, set);
    SN_TRY(sn__row_block_tiles(block));
    if (rule->pick == SN__PICK_WEIGHTED)
        return draw_weighted_block(rows, rule, block, set, (int)rule->fanout);
    WITH_FANOUT(rule->fanout, draw_block(rows, rule, block, K));
    return SN_OK;
}

/* -- Columns ----------------------------------------------------------------------------------- */

ALWAYS const uint32_t *row_of_tile(const sn__row_block *block, size_t row, const int k)
{
    return block->tiles + row / SN__LANES * SN__LANES * (size_t)k + row % SN__LANES;
}

/* Those of weighted rows, from beside their sums. */
ALWAYS void take_beside(const sn__rows *rows, const sn__row_block *block, const int k)
{
    const sn__label_map *map = &block->map;
    int64_t *to = block->neighbours;
    for (size_t row = 0; row < block->count; row++) {
        const uint32_t *at = row_of_tile(block, row, k);
        for (int i = 0; i < k; i++) {
            to[i] = rows->sums[2 * (size_t)at[i * SN__LANES] + 1];
            if (map->entries != NULL)
                sn__prefetch_at(map->entries, (uint64_t)to[i] * sizeof *map->entries);
        }
        to += block->picked[row];
    }
}

/* `array`: entries of neighbours are prefetched. */
ALWAYS void take_columns(const sn__rows *rows, const sn__row_block *block, const int k,
                         const bool wide, const bool array)
{
    const sn__label_map *map = &block->map;
    int64_t *to = block->neighbours;
    for (size_t row = 0; row < block->count; row++) {
        const uint32_t *at = row_of_tile(block, row, k);
        for (int i = 0; i < k; i++) {
            int64_t column = wide ? ((const int64_t *)rows->indices)[at[i * SN__LANES]]
                                  : ((const int32_t *)rows->indices)[at[i * SN__LANES]];
            to[i] = column;
            if (array)
                sn__prefetch_at(map->entries, (uint64_t)column * sizeof *map->entries);
        }
        to += block->picked[row];
    }
}

ALWAYS void take_edge_ids(const sn__rows *rows, const sn__row_block *block, int64_t *to,
                          const int k)
{
    const int64_t *ids = rows->edge_ids;
    for (size_t row = 0; row < block->count; row++) {
        const uint32_t *at = row_of_tile(block, row, k);
        if (ids != NULL)
            for (int i = 0; i < k; i++)
                to[i] = ids[at[i * SN__LANES]];
        else
            for (int i = 0; i < k; i++)
                to[i] = at[i * SN__LANES];
        to += block->picked[row];
    }
}

static uint64_t greatest_of(const int64_t *ids, size_t count)
{
    uint64_t greatest = 0; /* as unsigned: a negative id is greater than every count */
    for (size_t i = 0; i < count; i++)
        greatest = (uint64_t)ids[i] > greatest ? (uint64_t)ids[i] : greatest;
    return greatest;
}

sn_status TAKE(const sn__rows *rows, const sn__pick_rule *rule, sn__row_block *block,
               int64_t *edge_ids)
{
    if (!sn__fits_lanes(rows, rule))
        return sn__cpu_take(rows, rule, block, edge_ids);
    if (edge_ids != NULL)
        WITH_FANOUT(rule->fanout, take_edge_ids(rows, block, edge_ids, K));
    const bool array = block->map.entries != NULL;
    if (rule->pick == SN__PICK_WEIGHTED && !rows->wide)
        take_beside(rows, block, (int)rule->fanout);
    else if (rows->wide)
        take_columns(rows, block, (int)rule->fanout, true, array);
    else if (array)
        WITH_FANOUT(rule->fanout, take_columns(rows, block, K, false, true));
    else
        WITH_FANOUT(rule->fanout, take_columns(rows, block, K, false, false));
    if (block->map.slots != NULL)
        sn__prefetch_slots(&block->map, block->neighbours, block->picks);
    return sn__pick_check(rows, block, greatest_of(block->neighbours, block->picks));
}
