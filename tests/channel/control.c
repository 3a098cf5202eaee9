/* SPDX-License-Identifier: Apache-2.0 */
/* Control segments for tests, and random numbers. */
#include "channel/control.h"

#include "base/random.h"
#include "channel/claims.h"
#include "channel/lane.h"
#include "support/scale.h"

#include <stdlib.h>
#include <string.h>

control control_make(uint32_t workers, uint32_t concurrency, uint32_t window)
{
    sn__stream_shape shape = { workers, concurrency, window };
    control made = { .bytes = sn__stream_bytes(&shape) };
    ck_assert_int_eq(posix_memalign(&made.base, 4096, made.bytes), 0);
    memset(made.base, 0, made.bytes);
    sn__stream_init(made.base, &shape, &made.stream);
    return made;
}

void control_free(control *made)
{
    free(made->base);
    made->base = NULL;
}

uint64_t control_begin(const sn__stream *stream, uint64_t count, uint64_t epoch)
{
    sn__slot slot;
    uint64_t base = sn__claim_close_parent(stream);
    for (uint32_t lane = 0; lane < stream->lanes; lane++)
        while (sn__lane_peek_parent(stream, lane, &slot) && slot.ticket < base) {
            if (slot.status == SN_OK && slot.segment == 0)
                sn__lane_give_back(stream, lane, slot.block);
            sn__lane_pop_parent(stream, lane);
        }
    sn__claim_open_parent(stream,
                          &(sn__stream_run){ .base = base, .count = count, .epoch = epoch });
    return base;
}

dice dice_make(uint64_t stream)
{
    return (dice){ sn__mix64(sn_test_seed() ^ sn__mix64(stream + 1)) };
}

uint64_t dice_roll(dice *from)
{
    from->state += UINT64_C(0x9E3779B97F4A7C15);
    return sn__mix64(from->state);
}

uint64_t dice_below(dice *from, uint64_t n)
{
    return dice_roll(from) % n;
}
