/* SPDX-License-Identifier: Apache-2.0 */
/* draw and take for small fanouts and fewer than 2^32 edges, and the shuffle, sixteen rows or positions
 * at once: three functions per instruction set, all with the results of sn__cpu_draw, sn__cpu_take
 * and sn__shuffle_range. */
#ifndef SN_KERNELS_CPU_PICK_LANES_H
#define SN_KERNELS_CPU_PICK_LANES_H

#include "kernels/cpu/prefetch.h"
#include "kernels/ops.h"

enum {
    SN__LANES = 16,
    SN__MOST_LANE_PICKS = 64 /* a row: the comparisons of Floyd's method grow with its square */
};

sn_status sn__draw_avx512(const sn__rows *rows, const sn__pick_rule *rule, sn__row_block *block,
                          sn__pick_set *set);
sn_status sn__draw_avx2(const sn__rows *rows, const sn__pick_rule *rule, sn__row_block *block,
                        sn__pick_set *set);
sn_status sn__draw_neon(const sn__rows *rows, const sn__pick_rule *rule, sn__row_block *block,
                        sn__pick_set *set);
void sn__shuffle_avx512(const sn__shuffle *shuffle, uint64_t first, size_t count, int64_t *out);
void sn__shuffle_avx2(const sn__shuffle *shuffle, uint64_t first, size_t count, int64_t *out);
void sn__shuffle_neon(const sn__shuffle *shuffle, uint64_t first, size_t count, int64_t *out);
sn_status sn__take_avx512(const sn__rows *rows, const sn__pick_rule *rule, sn__row_block *block,
                          int64_t *edge_ids);
sn_status sn__take_avx2(const sn__rows *rows, const sn__pick_rule *rule, sn__row_block *block,
                        int64_t *edge_ids);
sn_status sn__take_neon(const sn__rows *rows, const sn__pick_rule *rule, sn__row_block *block,
                        int64_t *edge_ids);

/* Whether these functions can serve; else the plain ones do. */
static inline bool sn__fits_lanes(const sn__rows *rows, const sn__pick_rule *rule)
{
    bool known = rule->pick == SN__PICK_UNIFORM ||
                 (rule->pick == SN__PICK_WEIGHTED && rows->edges >= SN__LANES &&
                  rows->edges <= INT32_MAX); /* the place of a sum has 32 bits */
    return known && rows->order == NULL && rule->fanout >= 1 &&
           rule->fanout <= SN__MOST_LANE_PICKS && rows->edges >= 1 && rows->edges <= UINT32_MAX;
}

/* Their places in a label table are needed soon. */
static inline void sn__prefetch_slots(const sn__label_map *map, const int64_t *nodes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sn__prefetch(&map->slots[sn__label_home(map, nodes[i])]);
}

/* Memory for the positions. Fails: SN_E_NOMEM. */
SN_NODISCARD sn_status sn__row_block_tiles(sn__row_block *block);
/* What words may have to be rejected for: draw `i`, below `n`, of lanes `bits` of the tile at `row`. */
typedef struct sn__redraw {
    uint64_t key;
    const sn__row_block *block;
    size_t row;
    uint32_t i, bits;
} sn__redraw;
void sn__pick_redraw(const sn__redraw *of, const uint32_t n[SN__LANES], uint32_t draws[SN__LANES]);
/* SN_E_CORRUPT if one of the block's neighbours is none. */
SN_NODISCARD sn_status sn__pick_check(const sn__rows *rows, const sn__row_block *block,
                                      uint64_t greatest);

#endif
