/* SPDX-License-Identifier: Apache-2.0 */
/* A lane's ring and arena, against a model that is simple enough to be right; deaths and successors
 * between any two calls. (Between any two instructions: test_steps.c.) */
#include "base/run.h"
#include "channel/control.h"

#include "channel/claims.h"
#include "channel/lane.h"
#include "support/scale.h"

#include <string.h>

static sn__lane_end open_lane(const sn__stream *stream, uint32_t lane, uint64_t arena_bytes)
{
    sn__lane_end end;
    must(sn__lane_open(stream, lane, &end) == SN_OK && end.arena_bytes == 0);
    end.arena_bytes = arena_bytes;
    return end;
}

static void publish(sn__lane_end *end, uint64_t ticket, uint64_t offset, uint64_t bytes)
{
    sn__slot slot = { .ticket = ticket, .offset = offset, .bytes = bytes, .sample_ns = ticket * 3 };
    ck_assert_int_eq(sn__lane_publish(end, &slot), SN_OK);
}

/* -- Ring -------------------------------------------------------------------------------------- */

START_TEST(lane_ring_wraps_and_keeps_order)
{
    control made = control_make(2, 1, 1 + (uint32_t)_i);
    sn__lane_end end = open_lane(&made.stream, 1, 0);
    dice rolls = dice_make(1);
    uint64_t next = 0, taken = 0;
    sn__slot slot;
    must(!end.has_published);
    for (int step = 0; step < 2000; step++) {
        if (dice_below(&rolls, 2) == 0 && next - taken < made.stream.slots) {
            uint32_t before = atomic_load(&made.stream.header->published.word);
            slot = (sn__slot){ .ticket = next * 7, .segment = 5, .offset = next, .bytes = ~next };
            must(sn__lane_publish(&end, &slot) == SN_OK);
            must(atomic_load(&made.stream.header->published.word) == before + 2);
            must(end.has_published && end.published == next * 7);
            next++;
        } else if (next > taken) {
            memset(&slot, 0xEE, sizeof slot);
            must(sn__lane_peek_parent(&made.stream, 1, &slot));
            must(slot.ticket == taken * 7 && slot.segment == 5 && slot.offset == taken &&
                 slot.bytes == ~taken && slot.block == SN__BLOCK_NONE && slot.blocks == 0);
            sn__lane_pop_parent(&made.stream, 1);
            taken++;
        } else {
            must(!sn__lane_peek_parent(&made.stream, 1, &slot));
        }
        must(!sn__lane_peek_parent(&made.stream, 0, &slot)); /* the other lane has nothing */
    }
    ck_assert_uint_gt(taken, 4 * made.stream.slots);
    control_free(&made);
}
END_TEST

START_TEST(lane_ring_that_is_full_refuses_and_stays_as_it_was)
{
    control made = control_make(1, 1, 6);
    sn__lane_end end = open_lane(&made.stream, 0, 0);
    sn__slot slot = { .segment = 1 };
    ck_assert_uint_eq(made.stream.slots, 8);
    for (; slot.ticket < 8; slot.ticket++)
        ck_assert_int_eq(sn__lane_publish(&end, &slot), SN_OK);
    sn__lane_end before = end;
    uint64_t tail = atomic_load(&end.shared->tail);
    ck_assert_int_eq(sn__lane_publish(&end, &slot), SN_E_INTERNAL);
    ck_assert_str_eq(sn_error_detail(), "lane 0: 8 descriptors are not taken");
    ck_assert_uint_eq(atomic_load(&end.shared->tail), tail);
    ck_assert(end.tail == before.tail && end.blocks == before.blocks && end.published == 7);
    sn__lane_pop_parent(&made.stream, 0);
    ck_assert_int_eq(sn__lane_publish(&end, &slot), SN_OK);
    for (uint64_t ticket = 1; ticket <= 8; ticket++) {
        ck_assert(sn__lane_peek_parent(&made.stream, 0, &slot) && slot.ticket == ticket);
        sn__lane_pop_parent(&made.stream, 0);
    }
    control_free(&made);
}
END_TEST

START_TEST(lane_with_so_many_descriptors_is_ahead_until_one_is_taken)
{
    control made = control_make(2, 1, 6);
    sn__lane_end end = open_lane(&made.stream, 1, 0);
    sn__slot slot = { .segment = 1 };
    for (; slot.ticket < 3; slot.ticket++) {
        ck_assert_int_eq(sn__lane_is_ahead(&made.stream, 1), slot.ticket >= SN__LANE_AHEAD);
        ck_assert(!sn__lane_is_ahead(&made.stream, 0));
        ck_assert_int_eq(sn__lane_publish(&end, &slot), SN_OK);
    }
    sn__lane_pop_parent(&made.stream, 1);
    ck_assert(sn__lane_is_ahead(&made.stream, 1));
    sn__lane_pop_parent(&made.stream, 1);
    ck_assert(!sn__lane_is_ahead(&made.stream, 1));
    control_free(&made);
}
END_TEST

/* -- Arena ------------------------------------------------------------------------------------- */

enum { MOST = 2 * SN__ARENA_BLOCKS, ARENA = 64 * 100 };

/* The blocks that were published and not reclaimed, oldest first. */
typedef struct model {
    struct {
        uint64_t number, offset, bytes;
        bool given;
    } blocks[MOST];
    size_t count;
    uint64_t published; /* blocks, ever */
} model;

static void model_reclaim(model *m)
{
    size_t gone = 0;
    while (gone < m->count && m->blocks[gone].given)
        gone++;
    m->count -= gone;
    memmove(m->blocks, m->blocks + gone, m->count * sizeof *m->blocks);
}

/* Where a ring of bytes must place the next block. */
static bool model_reserve(model *m, uint64_t bytes, uint64_t *offset)
{
    model_reclaim(m);
    if (m->count == SN__ARENA_BLOCKS)
        return false;
    if (m->count == 0) {
        *offset = 0;
        return bytes <= ARENA;
    }
    uint64_t front = m->blocks[0].offset;
    uint64_t last = m->blocks[m->count - 1].offset, end = last + m->blocks[m->count - 1].bytes;
    if (last >= front && end + bytes <= ARENA)
        *offset = end;
    else if (last >= front && bytes <= front)
        *offset = 0;
    else if (last < front && end + bytes <= front)
        *offset = end;
    else
        return false;
    return true;
}

static uint8_t memory[ARENA];

static void model_add(model *m, uint64_t offset, uint64_t bytes)
{
    for (size_t i = 0; i < m->count; i++) /* what the consumer may still read is not overlapped */
        must(m->blocks[i].given || offset + bytes <= m->blocks[i].offset ||
             m->blocks[i].offset + m->blocks[i].bytes <= offset);
    must(offset + bytes <= ARENA);
    memset(memory + offset, (int)(m->published & 0xff), bytes);
    m->blocks[m->count].number = m->published++;
    m->blocks[m->count].offset = offset;
    m->blocks[m->count].bytes = bytes;
    m->blocks[m->count++].given = false;
}

static void give_back_some(const sn__stream *stream, model *m, dice *rolls, uint64_t of)
{
    for (size_t i = 0; i < m->count; i++) {
        if (m->blocks[i].given || dice_below(rolls, of) != 0)
            continue;
        for (uint64_t byte = 0; byte < m->blocks[i].bytes; byte += 64)
            if (memory[m->blocks[i].offset + byte] != (uint8_t)m->blocks[i].number)
                ck_abort_msg("block %llu was written to", (unsigned long long)m->blocks[i].number);
        sn__lane_give_back(stream, 0, m->blocks[i].number);
        m->blocks[i].given = true;
    }
}

/* Publishes a batch of `bytes` as lanes do: in the arena, else elsewhere; sometimes as an error. */
static void publish_batch(const sn__stream *stream, sn__lane_end *end, model *m, dice *rolls,
                          uint64_t bytes)
{
    uint64_t offset = 77, expected;
    bool fits = model_reserve(m, bytes, &expected);
    must(sn__lane_reserve(end, bytes, &offset) == fits);
    must(offset == (fits ? expected : 77));
    if (dice_below(rolls, 8) == 0) { /* dies here; or makes less of it, and forgets the first */
        if (dice_below(rolls, 2) == 0)
            *end = open_lane(stream, 0, ARENA);
        bytes = (bytes + 64) / 128 * 64 + 64;
        fits = model_reserve(m, bytes, &expected);
        must(sn__lane_reserve(end, bytes, &offset) == fits);
        must(!fits || offset == expected);
    }
    sn__slot slot = { .ticket = end->published + 1,
                      .segment = !fits,
                      .offset = offset,
                      .bytes = bytes,
                      .status = dice_below(rolls, 20) == 0 ? SN_E_NOMEM : SN_OK };
    bool in_arena = fits && slot.status == SN_OK;
    must(sn__lane_publish(end, &slot) == SN_OK);
    must(sn__lane_peek_parent(stream, 0, &slot));
    sn__lane_pop_parent(stream, 0);
    must(slot.block == (in_arena ? m->published : SN__BLOCK_NONE));
    if (in_arena)
        model_add(m, offset, bytes);
    else /* to give back what is none does nothing */
        sn__lane_give_back(stream, 0, slot.block);
    must(slot.blocks == m->published);
}

/* Sizes from small to the whole arena; the consumer keeps few or many; lanes die at any time. */
START_TEST(lane_arena_is_accounted_as_a_ring_of_bytes)
{
    control made = control_make(1, 1, 2);
    sn__lane_end end = open_lane(&made.stream, 0, ARENA);
    dice rolls = dice_make(100 + (uint64_t)_i);
    model m = { .count = 0 };
    uint64_t largest = (const uint64_t[]){ 1, 3, 20, 60, 101 }[_i % 5];
    uint64_t patience = 1 + (uint64_t)_i / 5 * 3;
    int64_t batches = sn_test_scale(20000);
    for (int64_t i = 0; i < batches; i++) {
        publish_batch(&made.stream, &end, &m, &rolls, 64 * (1 + dice_below(&rolls, largest)));
        if (dice_below(&rolls, patience) == 0)
            give_back_some(&made.stream, &m, &rolls, 1 + dice_below(&rolls, 4));
        if (dice_below(&rolls, 16) == 0)
            end = open_lane(&made.stream, 0, ARENA);
        must(end.blocks == m.published);
    }
    give_back_some(&made.stream, &m, &rolls, 1);
    uint64_t offset = 1;
    must(sn__lane_reserve(&end, ARENA, &offset)); /* all space has come back */
    must(offset == 0);
    control_free(&made);
}
END_TEST

START_TEST(lane_arena_holds_so_many_blocks_and_no_more)
{
    control made = control_make(1, 1, 2);
    sn__lane_end end = open_lane(&made.stream, 0, UINT64_C(1) << 40);
    uint64_t offset;
    for (uint64_t i = 0; i < SN__ARENA_BLOCKS; i++) {
        ck_assert(sn__lane_reserve(&end, 64, &offset));
        publish(&end, i, offset, 64);
        sn__lane_pop_parent(&made.stream, 0);
    }
    offset = 5;
    ck_assert(!sn__lane_reserve(&end, 64, &offset));
    ck_assert_uint_eq(offset, 5);
    for (uint64_t i = SN__ARENA_BLOCKS - 1; i > 0; i--) { /* those behind the first wait for it */
        sn__lane_give_back(&made.stream, 0, i);
        ck_assert(!sn__lane_reserve(&end, 64, &offset));
    }
    sn__lane_give_back(&made.stream, 0, 0);
    ck_assert(sn__lane_reserve(&end, 64, &offset));
    ck_assert_uint_eq(offset, 0);
    control_free(&made);
}
END_TEST

START_TEST(lane_without_an_arena_reserves_nothing)
{
    control made = control_make(1, 1, 2);
    sn__lane_end end = open_lane(&made.stream, 0, 0);
    uint64_t offset = 5;
    ck_assert(!sn__lane_reserve(&end, 64, &offset));
    ck_assert_uint_eq(offset, 5);
    end.arena_bytes = 128;
    ck_assert(!sn__lane_reserve(&end, 192, &offset));
    ck_assert(!sn__lane_reserve(&end, UINT64_MAX - 63, &offset));
    ck_assert(sn__lane_reserve(&end, 128, &offset));
    ck_assert_uint_eq(offset, 0);
    control_free(&made);
}
END_TEST

/* -- Successors -------------------------------------------------------------------------------- */

START_TEST(lane_successor_goes_on_where_the_dead_one_stood)
{
    control made = control_make(2, 1, 4);
    uint32_t lane = 1;
    uint64_t ticket, offset;
    sn__slot slot;
    sn__claim_open_parent(&made.stream, &(sn__stream_run){ .count = 100 });
    sn__lane_end end = open_lane(&made.stream, lane, 640);
    ck_assert(!sn__claim_left_lane(&made.stream, lane, end.has_published, end.published, &ticket));

    ck_assert(sn__claim_take_lane(&made.stream, lane, &ticket) && ticket == 0);
    for (int death = 0; death < 3;
         death++) { /* claimed; reserved; died again before anything else */
        end = open_lane(&made.stream, lane, 640);
        ticket = 99;
        ck_assert(
            sn__claim_left_lane(&made.stream, lane, end.has_published, end.published, &ticket));
        ck_assert_uint_eq(ticket, 0);
        ck_assert(sn__lane_reserve(&end, 320, &offset));
        ck_assert_uint_eq(offset, 0);
    }
    publish(&end, 0, offset, 320);
    end = open_lane(&made.stream, lane, 640); /* died behind the publish */
    ck_assert(end.has_published && end.published == 0 && end.tail == 1 && end.blocks == 1);
    ticket = 99;
    ck_assert(!sn__claim_left_lane(&made.stream, lane, end.has_published, end.published, &ticket));
    ck_assert_uint_eq(ticket, 99); /* written on success only */

    ck_assert(sn__claim_take_lane(&made.stream, lane, &ticket) && ticket == 1);
    ck_assert(sn__lane_reserve(&end, 320, &offset));
    ck_assert_uint_eq(offset, 320);
    publish(&end, 1, offset, 320);
    ck_assert(sn__lane_peek_parent(&made.stream, lane, &slot));
    ck_assert(slot.ticket == 0 && slot.block == 0 && slot.blocks == 1);
    sn__lane_pop_parent(&made.stream, lane);
    ck_assert(sn__lane_peek_parent(&made.stream, lane, &slot));
    ck_assert(slot.ticket == 1 && slot.block == 1 && slot.blocks == 2);
    sn__lane_pop_parent(&made.stream, lane);
    end = open_lane(&made.stream, lane, 640); /* the ring is empty, what was published is known */
    ck_assert(end.has_published && end.published == 1 && end.blocks == 2);
    ck_assert(!sn__lane_reserve(&end, 64, &offset));
    sn__lane_give_back(&made.stream, lane, 0);
    ck_assert(sn__lane_reserve(&end, 64, &offset));
    control_free(&made);
}
END_TEST

START_TEST(lane_successor_of_an_abandoned_ticket_has_nothing_left)
{
    control made = control_make(1, 1, 2);
    uint64_t ticket;
    control_begin(&made.stream, 10, 1);
    ck_assert(sn__claim_take_lane(&made.stream, 0, &ticket) && ticket == 0);
    ck_assert(sn__claim_left_lane(&made.stream, 0, false, 0, &ticket));
    ck_assert_uint_eq(sn__claim_close_parent(&made.stream), 2);
    /* Closed, not begun: it may do it, the consumer will drop it. */
    ck_assert(sn__claim_left_lane(&made.stream, 0, false, 0, &ticket));
    ck_assert_uint_eq(control_begin(&made.stream, 10, 2), 2);
    ticket = 99;
    ck_assert(!sn__claim_left_lane(&made.stream, 0, false, 0, &ticket));
    /* As in the middle of the opening: the entry is there, the base is above it. */
    atomic_store(&made.stream.entries[0], sn__entry_make(0, SN__OWNER_LANE));
    ck_assert(!sn__claim_left_lane(&made.stream, 0, false, 0, &ticket));
    ck_assert_uint_eq(ticket, 99);
    control_free(&made);
}
END_TEST

/* -- Stray writes ------------------------------------------------------------------------------ */

START_TEST(lane_whose_counts_cannot_be_is_not_opened)
{
    static const struct {
        uint64_t tail, head, first, blocks;
    } wrong[] = {
        { 9, 0, 0, 0 },
        { 0, 1, 0, 0 },
        { 4, 5, 0, 0 },
        { UINT64_MAX, 1, 0, 0 },
        { 0, 0, 1, 0 },
        { 3, 3, 4, 3 },
        { 70, 70, 0, SN__ARENA_BLOCKS + 1 },
        { 3, 3, 0, UINT64_MAX },
        { 3, 3, UINT64_MAX, 2 },
    };
    control made = control_make(1, 1, 6);
    sn__lane_block *shared = sn__stream_lane(&made.stream, 0);
    sn__lane_end end = { .lane = 55 };
    atomic_store(&shared->tail, wrong[_i].tail);
    atomic_store(&shared->head, wrong[_i].head);
    atomic_store(&shared->first_block, wrong[_i].first);
    sn__stream_slot(&made.stream, 0, wrong[_i].tail - 1)->blocks = wrong[_i].blocks;
    ck_assert_int_eq(sn__lane_open(&made.stream, 0, &end), SN_E_CORRUPT);
    ck_assert_uint_eq(end.lane, 55);
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "lane 0: "));
    control_free(&made);
}
END_TEST

/* However many descriptors a lane claims to have published, a consumer that drops comes to an end. */
START_TEST(lane_whose_counts_cannot_be_is_corrupt_for_the_consumer)
{
    control made = control_make(1, 1, 6);
    sn__lane_block *shared = sn__stream_lane(&made.stream, 0);
    static const uint64_t tails[] = { 4, 14, UINT64_MAX, 0, UINT64_C(1) << 63 };
    atomic_store(&shared->head, 5);
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        sn__slot slot = { 0 };
        atomic_store(&shared->tail, tails[i]);
        ck_assert(sn__lane_peek_parent(&made.stream, 0, &slot));
        ck_assert_uint_eq(slot.ticket, UINT64_MAX);
        ck_assert_int_eq(slot.status, SN_E_CORRUPT);
    }
    atomic_store(&shared->tail, 13);
    sn__slot slot = { 0 };
    ck_assert(sn__lane_peek_parent(&made.stream, 0, &slot));
    ck_assert_int_eq(slot.status, SN_OK);
    control_free(&made);
}
END_TEST

static uint64_t stray_number(dice *rolls)
{
    static const uint64_t numbers[] = {
        0, 64, ARENA - 64, ARENA, ARENA + 64, UINT64_MAX, UINT64_MAX - 63, UINT64_C(1) << 63
    };
    return dice_below(rolls, 4) == 0 ? dice_roll(rolls) : numbers[dice_below(rolls, 8)];
}

START_TEST(lane_with_stray_blocks_reserves_nothing_outside_the_arena)
{
    control made = control_make(1, 1, 70);
    dice rolls = dice_make(3);
    uint64_t offset, got = 0;
    for (int64_t i = sn_test_scale(50000); i > 0; i--) {
        sn__lane_end end = open_lane(&made.stream, 0, ARENA);
        end.blocks = 1 + dice_below(&rolls, SN__ARENA_BLOCKS);
        atomic_store(&end.shared->first_block, dice_below(&rolls, end.blocks));
        for (size_t b = 0; b < SN__ARENA_BLOCKS; b++) {
            end.shared->blocks[b].offset = stray_number(&rolls);
            end.shared->blocks[b].bytes = stray_number(&rolls);
            atomic_store(&end.shared->blocks[b].free, (uint32_t)dice_below(&rolls, 3) * 7);
        }
        uint64_t bytes = dice_below(&rolls, 2) == 0 ? stray_number(&rolls) : 640;
        if (sn__lane_reserve(&end, bytes, &offset)) {
            must(offset <= ARENA);
            must(bytes <= ARENA - offset);
            got++;
        }
        atomic_store(&end.shared->first_block, 0);
    }
    ck_assert_uint_gt(got, 0);
    control_free(&made);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("lane");
    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, lane_ring_wraps_and_keeps_order, 0, 5);
    tcase_add_test(cases, lane_ring_that_is_full_refuses_and_stays_as_it_was);
    tcase_add_test(cases, lane_with_so_many_descriptors_is_ahead_until_one_is_taken);
    tcase_add_loop_test(cases, lane_arena_is_accounted_as_a_ring_of_bytes, 0, 20);
    tcase_add_test(cases, lane_arena_holds_so_many_blocks_and_no_more);
    tcase_add_test(cases, lane_without_an_arena_reserves_nothing);
    tcase_add_test(cases, lane_successor_goes_on_where_the_dead_one_stood);
    tcase_add_test(cases, lane_successor_of_an_abandoned_ticket_has_nothing_left);
    tcase_add_loop_test(cases, lane_whose_counts_cannot_be_is_not_opened, 0, 9);
    tcase_add_test(cases, lane_whose_counts_cannot_be_is_corrupt_for_the_consumer);
    tcase_add_test(cases, lane_with_stray_blocks_reserves_nothing_outside_the_arena);
    return run_cases("lane", cases);
}
