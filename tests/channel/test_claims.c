/* SPDX-License-Identifier: Apache-2.0 */
/* The claim table: what each call does in each state of an entry, and what holds over random orders of
 * calls. (Orders of single instructions: test_steps.c; threads: test_claim_threads.c.) */
#include "base/run.h"
#include "channel/control.h"

#include "channel/claims.h"
#include "support/scale.h"

enum { LANES = 3 };

static uint64_t entry(const control *made, uint64_t ticket)
{
    return atomic_load(&made->stream.entries[ticket % made->stream.window]);
}
static void set_entry(const control *made, uint64_t ticket, uint32_t owner)
{
    atomic_store(&made->stream.entries[ticket % made->stream.window],
                 sn__entry_make(ticket, owner));
}
static uint64_t position(const control *made)
{
    return atomic_load(&made->stream.header->position);
}
static uint32_t opened(const control *made)
{
    return atomic_load(&made->stream.header->opened.word);
}

/* -- One entry --------------------------------------------------------------------------------- */

/* Position 10, window 1: the entry is all that there is. */
typedef struct state {
    uint64_t ticket;
    uint32_t owner;
    bool claimed;      /* by a lane that looks for a ticket */
    bool closes_as_is; /* closing leaves the base */
    bool has_owner;    /* ticket 10, for the consumer */
} state;

static const state states[] = {
    { 9, SN__OWNER_CLOSED, false, true, false },     /* the window has not come to it */
    { 9, SN__OWNER_OPEN, false, true, false },       /* the same, */
    { 10, SN__OWNER_CLOSED, false, true, false },    /* beyond the run */
    { 10, SN__OWNER_OPEN, true, true, false },       /* */
    { 10, SN__OWNER_LANE, false, false, true },      /* by lane 0 */
    { 10, SN__OWNER_LANE + 2, false, false, true },  /* by lane 2 */
    { 10, SN__OWNER_LANE + 3, false, false, false }, /* by a lane that there is not */
    { 10, 0xffff, false, false, false },             /* the same */
    { 11, SN__OWNER_OPEN, false, true, false },      /* passed, and open again */
    { 11, SN__OWNER_CLOSED, false, true, false },    /* passed */
    { 1 << 20, SN__OWNER_OPEN, false, true, false }, /* long ago */
};
enum { STATES = sizeof states / sizeof *states };

static control with_entry(const state *from)
{
    control made = control_make(LANES, 1, 1);
    atomic_store(&made.stream.header->position, 10);
    set_entry(&made, from->ticket, from->owner);
    return made;
}

START_TEST(claim_takes_an_entry_if_it_is_open_and_in_the_window)
{
    const state *from = &states[_i];
    for (uint32_t lane = 0; lane < LANES; lane++) {
        control made = with_entry(from);
        uint64_t ticket = 99, before = entry(&made, 0);
        ck_assert_int_eq(sn__claim_take_lane(&made.stream, lane, &ticket), from->claimed);
        ck_assert_uint_eq(ticket, from->claimed ? 10 : 99);
        ck_assert_uint_eq(entry(&made, 0),
                          from->claimed ? sn__entry_make(10, SN__OWNER_LANE + lane) : before);
        ck_assert_uint_eq(position(&made), 10);
        control_free(&made);
    }
}
END_TEST

START_TEST(close_takes_back_what_is_open_and_leaves_the_rest)
{
    const state *from = &states[_i];
    control made = with_entry(from);
    uint64_t before = entry(&made, 0);
    ck_assert_uint_eq(sn__claim_close_parent(&made.stream), from->closes_as_is ? 10 : 11);
    ck_assert_uint_eq(entry(&made, 0),
                      from->claimed ? sn__entry_make(10, SN__OWNER_CLOSED) : before);
    ck_assert_uint_eq(position(&made), 10);
    control_free(&made);
}
END_TEST

START_TEST(owner_of_an_entry_is_a_lane_that_has_claimed_that_ticket)
{
    const state *from = &states[_i];
    control made = with_entry(from);
    uint32_t lane = 99;
    ck_assert_int_eq(sn__claim_owner_parent(&made.stream, 10, &lane), from->has_owner);
    ck_assert_uint_eq(lane, from->has_owner ? from->owner - SN__OWNER_LANE : 99);
    ck_assert_int_eq(sn__claim_is_open(&made.stream), from->owner == SN__OWNER_OPEN);
    control_free(&made);
}
END_TEST

START_TEST(open_and_pass_put_the_next_ticket_in_place)
{
    const state *from = &states[_i];
    for (uint64_t end = 10; end <= 12; end++) {
        control made = with_entry(from);
        uint32_t before = opened(&made);
        sn__stream_run run = { .base = 10, .count = end - 10, .epoch = 4, .first_step = -3 };
        sn__claim_open_parent(&made.stream, &run);
        ck_assert_uint_eq(entry(&made, 0),
                          sn__entry_make(10, end > 10 ? SN__OWNER_OPEN : SN__OWNER_CLOSED));
        ck_assert_uint_eq(opened(&made), before + 2); /* also of a run without tickets */
        sn__stream_run read = sn__claim_run(&made.stream);
        ck_assert(read.base == 10 && read.count == end - 10 && read.epoch == 4 &&
                  read.first_step == -3);
        before = opened(&made);
        sn__claim_pass_parent(&made.stream, 10, end);
        ck_assert_uint_eq(entry(&made, 0),
                          sn__entry_make(11, end > 11 ? SN__OWNER_OPEN : SN__OWNER_CLOSED));
        ck_assert_uint_eq(position(&made), 11);
        ck_assert_uint_eq(opened(&made), before + 2); /* at the end for lanes that are ahead */
        control_free(&made);
    }
}
END_TEST

/* -- The scan ---------------------------------------------------------------------------------- */

/* A lane that overtook a ticket which opens a moment later would claim it after a higher one (C2). */
START_TEST(claim_stops_at_a_ticket_that_is_not_open_yet)
{
    static const uint32_t not_open[] = { SN__OWNER_CLOSED, SN__OWNER_OPEN };
    for (int i = 0; i < 2; i++) {
        control made = control_make(LANES, 1, 4);
        uint64_t ticket = 99;
        atomic_store(&made.stream.header->position, 8);
        set_entry(&made, 8, SN__OWNER_LANE + 1);
        set_entry(&made, i == 0 ? 9 : 5, not_open[i]); /* closed; or still of a round before */
        set_entry(&made, 10, SN__OWNER_OPEN);
        set_entry(&made, 11, SN__OWNER_OPEN);
        ck_assert(!sn__claim_take_lane(&made.stream, 0, &ticket));
        ck_assert_uint_eq(ticket, 99);
        set_entry(&made, 9, SN__OWNER_OPEN);
        ck_assert(sn__claim_take_lane(&made.stream, 0, &ticket) && ticket == 9);
        control_free(&made);
    }
}
END_TEST

/* A lane may have read the position long ago. */
START_TEST(claim_goes_on_over_what_is_claimed_or_passed)
{
    control made = control_make(LANES, 1, 4);
    uint64_t ticket = 99;
    atomic_store(&made.stream.header->position, 8);
    set_entry(&made, 12, SN__OWNER_OPEN); /* 8 was passed: above this window, not to be taken */
    set_entry(&made, 13, SN__OWNER_CLOSED);
    set_entry(&made, 10, SN__OWNER_LANE);
    set_entry(&made, 11, SN__OWNER_OPEN);
    ck_assert(sn__claim_take_lane(&made.stream, 0, &ticket) && ticket == 11);
    ck_assert(!sn__claim_take_lane(&made.stream, 0, &ticket));
    ck_assert_uint_eq(entry(&made, 12), sn__entry_make(12, SN__OWNER_OPEN));
    control_free(&made);
}
END_TEST

START_TEST(claim_left_is_the_highest_that_was_not_published)
{
    control made = control_make(LANES, 1, 8);
    uint64_t ticket = 99;
    control_begin(&made.stream, 100, 1);
    set_entry(&made, 3, SN__OWNER_LANE + 1);
    set_entry(&made, 5, SN__OWNER_LANE + 1);
    set_entry(&made, 6, SN__OWNER_LANE + 2);
    ck_assert(!sn__claim_left_lane(&made.stream, 0, false, 0, &ticket) && ticket == 99);
    ck_assert(sn__claim_left_lane(&made.stream, 1, false, 0, &ticket) && ticket == 5);
    ck_assert(sn__claim_left_lane(&made.stream, 1, true, 3, &ticket) && ticket == 5);
    ticket = 99;
    ck_assert(!sn__claim_left_lane(&made.stream, 1, true, 5, &ticket) && ticket == 99);
    ck_assert(sn__claim_left_lane(&made.stream, 2, true, 5, &ticket) && ticket == 6);
    set_entry(&made, 0, SN__OWNER_LANE); /* ticket 0 is a ticket like any other */
    ck_assert(sn__claim_left_lane(&made.stream, 0, false, 7, &ticket) && ticket == 0);
    control_free(&made);
}
END_TEST

/* -- The run ----------------------------------------------------------------------------------- */

START_TEST(claim_run_that_is_being_written_is_not_read)
{
    control made = control_make(1, 1, 2);
    sn__stream_run run = { .base = 77 };
    sn__claim_open_parent(&made.stream, &(sn__stream_run){ .base = 2, .count = 5 });
    atomic_fetch_add(&made.stream.header->run.sequence, 1);
    ck_assert(!sn__claim_try_run(&made.stream, &run));
    ck_assert_uint_eq(run.base, 77);
    /* The parent stopped there; or a stray write did it, and the next run is whole again. */
    sn__claim_open_parent(&made.stream, &(sn__stream_run){ .base = 4, .count = 6, .epoch = 7 });
    ck_assert(sn__claim_try_run(&made.stream, &run));
    ck_assert(run.base == 4 && run.count == 6 && run.epoch == 7 && run.first_step == 0);
    control_free(&made);
}
END_TEST

START_TEST(claim_tickets_of_a_run_that_nobody_touched_serve_the_next)
{
    control made = control_make(1, 1, 3);
    uint64_t ticket;
    ck_assert_uint_eq(control_begin(&made.stream, 9, 1), 0);
    ck_assert_uint_eq(control_begin(&made.stream, 9, 2), 0);
    ck_assert(sn__claim_take_lane(&made.stream, 0, &ticket) && ticket == 0);
    sn__claim_pass_parent(&made.stream, 0, 9);
    ck_assert_uint_eq(control_begin(&made.stream, 9, 3), 1); /* taken, and none claimed beyond it */
    ck_assert(sn__claim_take_lane(&made.stream, 0, &ticket) && ticket == 1);
    ck_assert_uint_eq(control_begin(&made.stream, 2, 4), 4); /* claimed, so it keeps its meaning */
    ck_assert(sn__claim_take_lane(&made.stream, 0, &ticket) && ticket == 4);
    ck_assert(sn__claim_take_lane(&made.stream, 0, &ticket) && ticket == 5);
    ck_assert(!sn__claim_take_lane(&made.stream, 0, &ticket));
    sn__claim_pass_parent(&made.stream, 4, 6);
    sn__claim_pass_parent(&made.stream, 5, 6);
    ck_assert(!sn__claim_take_lane(&made.stream, 0, &ticket)); /* the run is at its end */
    ck_assert(!sn__claim_is_open(&made.stream));
    ck_assert_uint_eq(control_begin(&made.stream, 0, 5), 6);
    ck_assert(!sn__claim_is_open(&made.stream));
    control_free(&made);
}
END_TEST

/* Tickets are numbers of 48 bits, lanes of 16: the greatest of both meet in one word. */
START_TEST(claim_of_the_last_lane_and_a_high_ticket_is_that)
{
    control made = control_make(4094, 16, 1);
    uint64_t base = (UINT64_C(1) << 48) - 3, ticket;
    uint32_t last = made.stream.lanes - 1, lane;
    ck_assert_uint_eq(last, 65503);
    sn__claim_open_parent(&made.stream, &(sn__stream_run){ .base = base, .count = 2 });
    ck_assert(sn__claim_take_lane(&made.stream, last, &ticket) && ticket == base);
    ck_assert(sn__claim_owner_parent(&made.stream, base, &lane) && lane == last);
    ck_assert(sn__claim_left_lane(&made.stream, last, true, base - 1, &ticket) && ticket == base);
    sn__claim_pass_parent(&made.stream, base, base + 2);
    ck_assert(!sn__claim_owner_parent(&made.stream, base, &lane));
    ck_assert(sn__claim_take_lane(&made.stream, 0, &ticket) && ticket == base + 1);
    control_free(&made);
}
END_TEST

/* -- Random orders of calls -------------------------------------------------------------------- */

typedef struct table {
    control made;
    uint64_t base, end, next; /* the run; what the consumer takes next */
    uint64_t owner_of[4096];  /* lane + 1 of each ticket, for ever */
    uint64_t last[LANES];     /* ticket + 1 that the lane has claimed */
    uint64_t claims;
} table;

static void lane_claims(table *t, uint32_t lane)
{
    uint64_t lowest = t->next, ticket;
    while (lowest < t->end && t->owner_of[lowest] != 0)
        lowest++;
    bool expected = lowest < t->end && lowest < t->next + t->made.stream.window;
    must(sn__claim_is_open(&t->made.stream) == expected);
    must(sn__claim_take_lane(&t->made.stream, lane, &ticket) == expected);
    if (!expected)
        return;
    must(ticket == lowest);           /* and so C3 */
    must(t->owner_of[ticket]++ == 0); /* C1 */
    must(t->last[lane] <= ticket);    /* C2 */
    t->owner_of[ticket] = lane + 1;
    t->last[lane] = ticket + 1;
    t->claims++;
}

static void parent_passes(table *t)
{
    uint32_t lane;
    bool claimed = t->next < t->end && t->owner_of[t->next] != 0;
    must(sn__claim_owner_parent(&t->made.stream, t->next, &lane) == claimed);
    if (!claimed)
        return;
    must(lane + 1 == t->owner_of[t->next]);
    sn__claim_pass_parent(&t->made.stream, t->next, t->end);
    t->next++;
    must(position(&t->made) == t->next);
}

static void parent_begins(table *t, uint64_t count)
{
    uint64_t base = control_begin(&t->made.stream, count, t->base);
    bool claimed = false;
    for (uint64_t i = t->next; i < t->next + t->made.stream.window; i++)
        claimed |= t->owner_of[i] != 0;
    must(base == (claimed ? t->next + t->made.stream.window : t->next));
    t->base = t->next = base;
    t->end = base + count;
}

START_TEST(claims_in_any_order_of_calls_hold_what_they_promise)
{
    uint64_t claims = 0;
    int64_t rounds = sn_test_scale(2000);
    for (int64_t round = 0; round < rounds; round++) {
        table t = { .made = control_make(LANES, 1, 1 + (uint32_t)_i) };
        dice rolls = dice_make(1000 * (uint64_t)round + (uint64_t)_i);
        for (int step = 0; step < 300; step++) {
            uint64_t roll = dice_below(&rolls, 100);
            if (roll < 55)
                lane_claims(&t, (uint32_t)dice_below(&rolls, LANES));
            else if (roll < 97)
                parent_passes(&t);
            else
                parent_begins(&t, dice_below(&rolls, 30));
        }
        claims += t.claims;
        control_free(&t.made);
    }
    ck_assert_uint_gt(claims, (uint64_t)rounds * 30);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("claims");
    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, claim_takes_an_entry_if_it_is_open_and_in_the_window, 0, STATES);
    tcase_add_loop_test(cases, close_takes_back_what_is_open_and_leaves_the_rest, 0, STATES);
    tcase_add_loop_test(cases, owner_of_an_entry_is_a_lane_that_has_claimed_that_ticket, 0, STATES);
    tcase_add_loop_test(cases, open_and_pass_put_the_next_ticket_in_place, 0, STATES);
    tcase_add_test(cases, claim_stops_at_a_ticket_that_is_not_open_yet);
    tcase_add_test(cases, claim_goes_on_over_what_is_claimed_or_passed);
    tcase_add_test(cases, claim_left_is_the_highest_that_was_not_published);
    tcase_add_test(cases, claim_run_that_is_being_written_is_not_read);
    tcase_add_test(cases, claim_tickets_of_a_run_that_nobody_touched_serve_the_next);
    tcase_add_test(cases, claim_of_the_last_lane_and_a_high_ticket_is_that);
    tcase_add_loop_test(cases, claims_in_any_order_of_calls_hold_what_they_promise, 0, 5);
    return run_cases("claims", cases);
}
