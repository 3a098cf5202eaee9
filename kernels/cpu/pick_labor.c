/* SPDX-License-Identifier: Apache-2.0 */
/* LABOR: docs/sampling.md, section 10. Rows agree on their neighbours since each neighbour has one random
 * word in a hop. */
#include "base/mem.h"
#include "base/random.h"
#include "kernels/cpu/pick_inside.h"

static inline int64_t column(const sn__rows *rows, int64_t at)
{
    return rows->wide ? ((const int64_t *)rows->indices)[at] : ((const int32_t *)rows->indices)[at];
}

static uint32_t word_of(uint64_t key, int64_t node)
{
    const uint32_t counter[4] = { (uint32_t)node, (uint32_t)((uint64_t)node >> 32), 0, 0 };
    uint32_t words[4];
    sn__philox(key, counter, words);
    return words[0];
}

/* Words below it are picked: the least number for which word * degree < fanout * 2^32 does not hold. */
static uint64_t threshold(int64_t fanout, int64_t degree)
{
    uint64_t expected = (uint64_t)fanout << 32;
    return expected / (uint64_t)degree + (expected % (uint64_t)degree != 0);
}

/* Positions among the row's edges; there is room for all. Returns how many. */
static int64_t pick_row(const sn__rows *rows, const sn__pick_rule *rule, int64_t start,
                        int64_t degree, int64_t *out)
{
    int64_t count = 0;
    if (sn__takes_all(rule, degree)) {
        for (; count < degree; count++)
            out[count] = count;
        return count;
    }
    const uint64_t below = threshold(rule->fanout, degree);
    for (int64_t i = 0; i < degree; i++) {
        out[count] = i;
        count += word_of(rule->key, column(rows, start + i)) < below;
    }
    return count;
}

sn_status sn__draw_labor(const sn__rows *rows, const sn__pick_rule *rule, sn__row_block *block)
{
    size_t picks = 0;
    for (size_t i = 0; i < block->count; i++)
        if (rule->fanout != 0 && block->degree[i] > 0)
            sn__prefetch_at(rows->indices, (uint64_t)block->start[i] * (rows->wide ? 8 : 4));
    for (size_t i = 0; i < block->count; i++) {
        size_t degree = rule->fanout != 0 ? (size_t)block->degree[i] : 0, need;
        if (!sn__add_size(picks + SN__SLACK + 1, degree, &need))
            return sn__fail(SN_E_NOMEM, "neighbours of a block overflow");
        SN_TRY(sn__mem_grow(&block->neighbours, &block->capacity, need, sizeof *block->neighbours,
                            "neighbours of a block"));
        int64_t *at = block->neighbours + picks;
        block->picked[i] = pick_row(rows, rule, block->start[i], (int64_t)degree, at);
        SN_TRY(sn__pick_place(rows, block, i, block->picked[i], at));
        picks += (size_t)block->picked[i];
    }
    block->picks = picks;
    return SN_OK;
}
