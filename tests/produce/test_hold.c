/* SPDX-License-Identifier: Apache-2.0 */
/* The parent's segments under what a worker may have written: whatever a descriptor names, the memory of
 * a batch that is held stays. */
#include "base/run.h"
#include "engine/produce/hold.h"
#include "support/leftovers.h"

#include <string.h>

static sn__hold *make_hold(void)
{
    sn__stream_shape shape = { 2, 1, 4 };
    sn__hold *hold;
    ck_assert_int_eq(sn__hold_create(&shape, &hold), SN_OK);
    return hold;
}

static uint32_t take_spill(sn__hold *hold, uint32_t lane)
{
    uint64_t bytes = 4096;
    uint32_t segment;
    int fd;
    ck_assert_int_eq(sn__hold_take_spill(hold, lane, &bytes, &segment, &fd), SN_OK);
    ck_assert_uint_ge(bytes, 4096);
    return segment;
}

static sn__spill_state state_of(const sn__hold *hold, uint32_t segment)
{
    return hold->spills[segment - 1].state;
}

START_TEST(hold_drop_gives_back_what_the_lane_has_been_given)
{
    sn__hold *hold = make_hold();
    sn__slot slot = { .segment = take_spill(hold, 1), .block = SN__BLOCK_NONE };
    sn__hold_drop(hold, 1, &slot);
    ck_assert_int_eq(state_of(hold, slot.segment), SN__SPILL_IDLE);
    ck_assert_uint_eq(take_spill(hold, 1), slot.segment); /* used again */
    sn__hold_release(hold);
}
END_TEST

/* A stray descriptor, of whatever lane, does not pull the memory from under a batch. */
START_TEST(hold_drop_leaves_what_a_batch_lies_in)
{
    sn__hold *hold = make_hold();
    sn__slot slot = { .segment = take_spill(hold, 0), .bytes = 4096, .block = SN__BLOCK_NONE };
    const uint8_t *message;
    sn__hold_drop(hold, 1, &slot); /* of the other lane */
    ck_assert_int_eq(state_of(hold, slot.segment), SN__SPILL_GIVEN);
    sn__slot failed = slot;
    failed.status = SN_E_NOMEM; /* names nothing */
    sn__hold_drop(hold, 0, &failed);
    ck_assert_int_eq(state_of(hold, slot.segment), SN__SPILL_GIVEN);
    ck_assert_int_eq(sn__hold_lend(hold, 0, &slot, &message), SN_OK);
    for (uint32_t lane = 0; lane < 2; lane++)
        sn__hold_drop(hold, lane, &slot);
    ck_assert_int_eq(state_of(hold, slot.segment), SN__SPILL_LENT);
    sn__hold_forget_lane(hold, 0); /* the worker is gone: unmapped as soon as it is given back */
    sn__hold_drop(hold, 0, &slot);
    ck_assert_int_eq(state_of(hold, slot.segment), SN__SPILL_LENT);
    ck_assert_uint_eq(message[4095], 0); /* still there */
    sn__hold_give(hold, 0, slot.segment, slot.block);
    ck_assert_int_eq(state_of(hold, slot.segment), SN__SPILL_NONE);
    sn__hold_give(hold, 0, slot.segment, slot.block); /* nothing */
    slot.segment = UINT32_MAX;
    sn__hold_drop(hold, 0, &slot);
    sn__hold_give(hold, 0, slot.segment, slot.block);
    ck_assert_int_eq(sn__hold_lend(hold, 0, &slot, &message), SN_E_CORRUPT);
    sn__hold_release(hold);
}
END_TEST

START_TEST(hold_of_a_dead_lane_keeps_what_its_ring_names)
{
    sn__hold *hold = make_hold();
    sn__lane_end end;
    sn__slot slot = { .segment = take_spill(hold, 0), .bytes = 4096 };
    uint32_t other = take_spill(hold, 0);
    const uint8_t *message;
    ck_assert_int_eq(sn__lane_open(&hold->stream, 0, &end), SN_OK);
    ck_assert_int_eq(sn__lane_publish(&end, &slot), SN_OK);
    sn__hold_forget_lane(hold, 0);
    ck_assert_int_eq(state_of(hold, slot.segment), SN__SPILL_GIVEN);
    ck_assert_int_eq(state_of(hold, other), SN__SPILL_NONE);
    ck_assert_int_eq(sn__hold_lend(hold, 0, &slot, &message), SN_OK);
    sn__hold_give(hold, 0, slot.segment, SN__BLOCK_NONE);
    ck_assert_int_eq(state_of(hold, slot.segment), SN__SPILL_NONE);
    sn__hold_release(hold);
}
END_TEST

/* 2^64 descriptors are not looked at one by one, with the lock that every batch needs. */
START_TEST(hold_of_a_dead_lane_whose_counts_cannot_be_comes_to_an_end)
{
    sn__hold *hold = make_hold();
    sn__lane_block *shared = sn__stream_lane(&hold->stream, 0);
    uint32_t segment = take_spill(hold, 0);
    atomic_store(&shared->head, 7);
    atomic_store(&shared->tail, 6);
    sn__hold_forget_lane(hold, 0);
    ck_assert_int_eq(state_of(hold, segment), SN__SPILL_NONE);
    sn__hold_release(hold);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("hold");
    tcase_add_checked_fixture(cases, leftovers_before, leftovers_after);
    tcase_add_test(cases, hold_drop_gives_back_what_the_lane_has_been_given);
    tcase_add_test(cases, hold_drop_leaves_what_a_batch_lies_in);
    tcase_add_test(cases, hold_of_a_dead_lane_keeps_what_its_ring_names);
    tcase_add_test(cases, hold_of_a_dead_lane_whose_counts_cannot_be_comes_to_an_end);
    return run_cases("hold", cases);
}
