/* SPDX-License-Identifier: Apache-2.0 */
/* What picking by lanes has in common on all instruction sets. */
#include "kernels/cpu/pick_lanes.h"

#include "base/mem.h"
#include "base/random.h"

sn_status sn__row_block_tiles(sn__row_block *block)
{
    if (block->tiles != NULL)
        return SN_OK;
    return sn__mem_zalloc((size_t)SN__BLOCK_ROWS * SN__MOST_LANE_PICKS, sizeof *block->tiles,
                          "positions of a block", &block->tiles);
}

void sn__pick_redraw(const sn__redraw *of, const uint32_t n[SN__LANES], uint32_t draws[SN__LANES])
{
    for (uint32_t bits = of->bits; bits != 0; bits &= bits - 1) {
        size_t lane = (size_t)__builtin_ctz(bits);
        sn__draws from;
        sn__draws_begin(&from, of->key, (uint64_t)of->block->nodes[of->row + lane],
                        of->block->trees[of->row + lane],
                        (uint64_t)of->block->degree[of->row + lane]);
        draws[lane] = (uint32_t)sn__draw(&from, of->i, n[lane]);
    }
}

sn_status sn__pick_check(const sn__rows *rows, const sn__row_block *block, uint64_t greatest)
{
    if (block->picks == 0 || greatest < (uint64_t)rows->neighbours)
        return SN_OK;
    return sn__fail(SN_E_CORRUPT, "neighbour id %lld of %lld nodes", (long long)greatest,
                    (long long)rows->neighbours);
}
