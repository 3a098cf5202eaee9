/* SPDX-License-Identifier: Apache-2.0 */
/* Neighbours by weight: docs/sampling.md, section 7.2.
 *
 * A row's weights are integers, given by their sums, and a draw falls into the range of an edge. Without
 * replacement a range that was met is passed over, as long as that is likely to end; then the ranges of what was
 * picked are closed: a draw from what is left moves up behind those before it. Few picks are kept sorted, and a
 * draw walks along them; of many, a tree of sums (Fenwick, "A new data structure for cumulative frequency
 * tables", 1994) is built for the row.
 *
 * Invariants  W1  Positions lie in the row whatever the sums hold: every search ends within it. */
#include "base/mem.h"
#include "base/random.h"
#include "kernels/cpu/pick_inside.h"

#include <string.h>

/* Edges of a row that count, and their weights: q of edge i is its sum less that of edge i - 1. */
typedef struct weights {
    const uint32_t *sums;
    size_t every;         /* words from one sum to the next */
    uint32_t base, total; /* sum before the first, and of all */
    size_t count;
} weights;

static inline size_t every_of(const sn__rows *rows)
{
    return rows->order != NULL ? 1 : 2;
}

static inline uint32_t sum_until(const weights *w, size_t end)
{
    return (end > 0 ? w->sums[(end - 1) * w->every] : w->base) - w->base;
}

static inline uint32_t weight_at(const weights *w, size_t i)
{
    return w->sums[i * w->every] - (i > 0 ? w->sums[(i - 1) * w->every] : w->base);
}

/* The edge into whose range `at`, below the total, falls. All searches of a row have equally many steps. */
static inline size_t find(const weights *w, uint32_t at)
{
    size_t before = 0; /* edges that end at or before it */
    for (size_t left = w->count; left > 1; left -= left / 2) {
        size_t half = left / 2;
        before += w->sums[(before + half - 1) * w->every] - w->base <= at ? half : 0;
    }
    return before;
}

size_t sn__weighted_find(const uint32_t *sums, size_t count, uint32_t at)
{
    return find(&(weights){ .sums = sums, .every = 2, .count = count }, at);
}

/* -- Without replacement ----------------------------------------------------------------------- */

static sn_status ended(size_t count)
{
    return sn__fail(SN_E_CORRUPT, "sums of weights end before %zu picks", count);
}

static bool is_among(const int64_t *picks, size_t count, int64_t place)
{
    bool found = false;
    for (size_t i = 0; i < count; i++)
        found |= picks[i] == place; /* no early exit: the loop stays a vector loop */
    return found;
}

/* Tries until there are `count` picks, or no more tries. Returns how many picks there are. */
static size_t try_some(const weights *w, sn__draws *draws, uint32_t tries, size_t count,
                       int64_t *out)
{
    size_t picked = 0;
    for (uint32_t i = 0; i < tries && picked < count; i++) {
        int64_t place = (int64_t)find(w, (uint32_t)sn__draw(draws, i, w->total));
        out[picked] = place;
        picked += !is_among(out, picked, place);
    }
    return picked;
}

/* Ranges of what was picked, ascending. */
typedef struct closed {
    uint32_t *begin, *weight;
    size_t count;
    uint32_t left; /* weight of what was not */
} closed;

static void close_range(const weights *w, closed *of, size_t edge)
{
    uint32_t begin = sum_until(w, edge), weight = weight_at(w, edge);
    size_t place = of->count++;
    for (; place > 0 && of->begin[place - 1] > begin; place--) {
        of->begin[place] = of->begin[place - 1];
        of->weight[place] = of->weight[place - 1];
    }
    of->begin[place] = begin;
    of->weight[place] = weight;
    of->left -= weight < of->left ? weight : of->left;
}

/* Picks number `picked` to count - 1, if there are any, by draws from `from` on. */
static sn_status pick_few(const weights *w, sn__draws *draws, uint32_t from, closed *of,
                          size_t picked, size_t count, int64_t *out)
{
    for (size_t i = 0; i < picked; i++)
        close_range(w, of, (size_t)out[i]);
    for (size_t i = picked; i < count; i++) {
        if (of->left == 0)
            return ended(count);
        uint32_t at = (uint32_t)sn__draw(draws, from + (uint32_t)(i - picked), of->left);
        for (size_t place = 0; place < i && at >= of->begin[place]; place++)
            at += of->weight[place];
        out[i] = (int64_t)find(w, at);
        close_range(w, of, (size_t)out[i]);
    }
    return SN_OK;
}

/* The same of all picks with a tree: tree[i] is the weight of the edges (i - (i & -i), i], counted from 1. */
static sn_status pick_many(const weights *w, sn__draws *draws, uint32_t *tree, size_t count,
                           int64_t *out)
{
    uint32_t left = w->total;
    size_t top = 1;
    while (top <= w->count / 2)
        top *= 2;
    for (size_t i = 1; i <= w->count; i++)
        tree[i] = weight_at(w, i - 1);
    for (size_t i = 1; i <= w->count; i++)
        if (i + (i & -i) <= w->count)
            tree[i + (i & -i)] += tree[i];
    for (size_t i = 0; i < count; i++) {
        if (left == 0)
            return ended(count);
        uint32_t at = (uint32_t)sn__draw(draws, (uint32_t)i, left);
        size_t before = 0;
        for (size_t step = top; step > 0; step /= 2)
            if (before + step <= w->count && tree[before + step] <= at) {
                before += step;
                at -= tree[before];
            }
        before = before < w->count ? before : w->count - 1;
        uint32_t weight = weight_at(w, before);
        for (size_t j = before + 1; j <= w->count; j += j & -j)
            tree[j] -= weight;
        left -= weight < left ? weight : left;
        out[i] = (int64_t)before;
    }
    return SN_OK;
}

/* Words of scratch, not zeroed. */
static sn_status scratch_of(sn__pick_set *set, size_t words, uint32_t **out)
{
    SN_TRY(sn__mem_grow(&set->slots, &set->capacity, words / 2 + 1, sizeof *set->slots,
                        "picks of one row"));
    *out = (uint32_t *)(void *)set->slots;
    return SN_OK;
}

static sn_status pick_distinct(const weights *w, sn__draws *draws, sn__pick_set *set, size_t count,
                               int64_t *out)
{
    uint32_t begin[SN__WEIGHTED_TRIES], weight[SN__WEIGHTED_TRIES], *words;
    if (count <= SN__WEIGHTED_TRIES) {
        const uint32_t tries = 2 * (uint32_t)count;
        const size_t picked = try_some(w, draws, tries, count, out);
        closed few = { begin, weight, 0, w->total };
        return pick_few(w, draws, tries, &few, picked, count, out);
    }
    if (count <= w->count / count) { /* the walks take less than the tree */
        SN_TRY(scratch_of(set, 2 * count, &words));
        closed more = { words, words + count, 0, w->total };
        return pick_few(w, draws, 0, &more, 0, count, out);
    }
    SN_TRY(scratch_of(set, w->count + 1, &words));
    return pick_many(w, draws, words, count, out);
}

/* -- Rows -------------------------------------------------------------------------------------- */

static sn_status bad_sums(const sn__row_block *block, size_t i)
{
    return sn__fail(SN_E_CORRUPT, "sums of weights of node %lld fall or are too large",
                    (long long)block->nodes[i]);
}

static sn_status weights_of(const sn__rows *rows, const sn__row_block *block, size_t i,
                            weights *out)
{
    const size_t every = every_of(rows), count = (size_t)block->degree[i];
    const uint32_t *sums = rows->sums + (size_t)block->start[i] * every;
    uint32_t base = block->start[i] > block->begin[i] ? *(sums - every) : 0;
    uint32_t last = sums[(count - 1) * every];
    if (last < base)
        return bad_sums(block, i);
    *out = (weights){ sums, every, base, last - base, count };
    return SN_OK;
}

/* How many edges of the row have no weight: what its sum leaves up to the greatest number. */
static uint64_t count_without(const sn__rows *rows, const sn__row_block *block, size_t i)
{
    size_t last = (size_t)(block->begin[i] + block->whole[i] - 1);
    uint32_t sum = rows->sums[last * every_of(rows)];
    return sum == 0 ? (uint64_t)block->whole[i] : UINT32_MAX - sum;
}

/* Positions that have weight, in order, up to `most` of them, unless `out` is NULL. Returns how many. */
static size_t with_weight(const weights *w, size_t most, int64_t *out)
{
    size_t count = 0;
    for (size_t i = 0; i < w->count && count < most; i++) {
        if (weight_at(w, i) == 0)
            continue;
        if (out != NULL)
            out[count] = (int64_t)i;
        count++;
    }
    return count;
}

bool sn__weighted_is_drawn(const sn__rows *rows, const sn__pick_rule *rule,
                           const sn__row_block *block, size_t i, uint32_t *total)
{
    int64_t degree = block->degree[i];
    if (degree == 0 || (!rule->replace && degree <= rule->fanout))
        return false;
    *total = rows->sums[(size_t)(block->start[i] + degree - 1) * every_of(rows)];
    if (rule->replace)
        return *total > 0;
    return *total > 0 && (uint64_t)(degree - rule->fanout) > UINT32_MAX - *total;
}

sn_status sn__weighted_finish(const sn__rows *rows, const sn__pick_rule *rule,
                              const sn__row_block *block, size_t i, size_t picked, uint32_t *out)
{
    weights w = { 0 };
    sn__draws draws;
    uint32_t begin[SN__WEIGHTED_TRIES], weight[SN__WEIGHTED_TRIES];
    int64_t picks[SN__WEIGHTED_TRIES];
    const size_t count = (size_t)block->picked[i];
    SN_TRY(weights_of(rows, block, i, &w));
    for (size_t j = 0; j < picked; j++)
        picks[j] = out[j];
    sn__draws_begin(&draws, rule->key, (uint64_t)block->nodes[i], block->trees[i], w.count);
    closed few = { begin, weight, 0, w.total };
    SN_TRY(pick_few(&w, &draws, 2 * (uint32_t)count, &few, picked, count, picks));
    for (size_t j = picked; j < count; j++)
        out[j] = (uint32_t)picks[j];
    return SN_OK;
}

sn_status sn__weighted_row(const sn__rows *rows, const sn__pick_rule *rule, sn__row_block *block,
                           size_t i, sn__pick_set *set, int64_t *out)
{
    weights w = { 0 };
    size_t most = (size_t)block->picked[i];
    SN_TRY(weights_of(rows, block, i, &w));
    uint64_t without = count_without(rows, block, i);
    bool all = rule->fanout == -1;
    if (!all && !rule->replace) /* with one more than are picked there is a choice */
        all = w.count <= most ||
              (w.count - most <= without && with_weight(&w, most + 1, NULL) <= most);
    if (all || w.total == 0) {
        block->picked[i] = w.total == 0 ? 0 : (int64_t)with_weight(&w, most, out);
        return SN_OK;
    }
    sn__draws draws;
    sn__draws_begin(&draws, rule->key, (uint64_t)block->nodes[i], block->trees[i], w.count);
    if (!rule->replace)
        return pick_distinct(&w, &draws, set, most, out);
    for (size_t j = 0; j < most; j++)
        out[j] = (int64_t)find(&w, (uint32_t)sn__draw(&draws, (uint32_t)j, w.total));
    return SN_OK;
}

/* The sums that a row's draws begin with. */
static void prefetch_sums(const sn__rows *rows, const sn__row_block *block, size_t i)
{
    enum { LINE = 16, LINES = 6 };
    const size_t every = every_of(rows);
    const uint32_t *first = rows->sums + (size_t)block->start[i] * every;
    const size_t words = (size_t)block->degree[i] * every;
    sn__prefetch(first + words - 1);
    sn__prefetch(rows->sums + (size_t)(block->begin[i] + block->whole[i] - 1) * every);
    for (size_t at = 0; at < words && at < LINES * LINE; at += LINE)
        sn__prefetch(first + at);
    sn__prefetch(first + words / 2);
}

sn_status sn__draw_weighted(const sn__rows *rows, const sn__pick_rule *rule, sn__row_block *block,
                            sn__pick_set *set)
{
    int64_t *at = block->neighbours;
    for (size_t i = 0; i < block->count; i++)
        if (block->picked[i] > 0)
            prefetch_sums(rows, block, i);
    for (size_t i = 0; i < block->count; i++) {
        if (block->picked[i] == 0)
            continue;
        SN_TRY(sn__weighted_row(rows, rule, block, i, set, at));
        SN_TRY(sn__pick_place(rows, block, i, block->picked[i], at));
        at += block->picked[i];
    }
    block->picks = (size_t)(at - block->neighbours);
    return SN_OK;
}
