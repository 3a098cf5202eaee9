/* SPDX-License-Identifier: Apache-2.0 */
/* What the plain ways of picking have in common: uniform, weighted, LABOR. */
#ifndef SN_KERNELS_CPU_PICK_INSIDE_H
#define SN_KERNELS_CPU_PICK_INSIDE_H

#include "kernels/cpu/pick_lanes.h"

/* Whether a row is taken whole, without draws. */
static inline bool sn__takes_all(const sn__pick_rule *rule, int64_t degree)
{
    return rule->fanout == -1 || (!rule->replace && degree <= rule->fanout);
}

/* Positions among those of row i that count become positions of edges, whose columns are prefetched. Fails:
 * SN_E_CORRUPT. */
SN_NODISCARD sn_status sn__pick_place(const sn__rows *rows, const sn__row_block *block, size_t i,
                                      int64_t count, int64_t *positions);

/* As sn__cpu_draw, by weight. A row may give fewer picks than row_spans said. */
SN_NODISCARD sn_status sn__draw_weighted(const sn__rows *rows, const sn__pick_rule *rule,
                                         sn__row_block *block, sn__pick_set *set);
/* Picks of row i, of which row_spans expects some, as positions among its edges; picked[i] becomes how many
 * there are. */
SN_NODISCARD sn_status sn__weighted_row(const sn__rows *rows, const sn__pick_rule *rule,
                                        sn__row_block *block, size_t i, sn__pick_set *set,
                                        int64_t *out);
/* Whether row i, in its own order, is certain to need draws, and the sum of its weights. */
bool sn__weighted_is_drawn(const sn__rows *rows, const sn__pick_rule *rule,
                           const sn__row_block *block, size_t i, uint32_t *total);
/* Up to so many picks of a row are tried for: twice as often. */
enum { SN__WEIGHTED_TRIES = 64 };
/* The rest of row i, of whose picks, at most SN__WEIGHTED_TRIES, `picked` are there after all tries. */
SN_NODISCARD sn_status sn__weighted_finish(const sn__rows *rows, const sn__pick_rule *rule,
                                           const sn__row_block *block, size_t i, size_t picked,
                                           uint32_t *out);
/* The first of `count` places, at least one, whose sum is above `at`, or the last. Sums are [count][2]. */
size_t sn__weighted_find(const uint32_t *sums, size_t count, uint32_t at);
/* The same by LABOR. A row may give more picks than row_spans said; the block grows. */
SN_NODISCARD sn_status sn__draw_labor(const sn__rows *rows, const sn__pick_rule *rule,
                                      sn__row_block *block);

#endif
