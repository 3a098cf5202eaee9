/* SPDX-License-Identifier: Apache-2.0 */
/* The whole stream, with a switch or a death between any two accesses to what is shared: the code itself,
 * compiled so that a scheduler is asked before each of them (stepped.c). docs/models/stream.pml covers the
 * protocol without bounds; here it is the code that is held to it, near to the plain order.
 *
 * Actor 0 consumes two runs, the first of which it may abandon; the others are lanes, each the only one of
 * its worker. Deaths of lanes are followed by a signal and a successor. */
#include "base/run.h"
#include "channel/control.h"
#include "channel/scheduler.h"

#include "channel/claims.h"
#include "channel/lane.h"
#include "support/scale.h"

#include <stdio.h>
#include <string.h>

enum { LANES = 3, PIECES = SN__ARENA_BLOCKS + 2, RUNS = 2, MOST_TICKETS = 128, HALF = 1 };

static struct {
    uint32_t lanes, window;
    uint64_t count[RUNS], taken_at_most[RUNS]; /* of each run, before it is abandoned */
    bool asleep;                               /* it is abandoned when it would sleep */
    uint64_t pieces;                           /* of an arena, of 64 bytes */
    bool aged; /* lanes have published all blocks that there can be; the consumer holds them */
} config;

/* -- The world --------------------------------------------------------------------------------- */

typedef struct held {
    uint32_t lane;
    uint64_t block, offset, bytes, meaning;
} held;

static control made;
static uint64_t arenas[LANES][PIECES]; /* one word for 64 bytes */
static uint32_t claimed_by[MOST_TICKETS];
static uint64_t claimed_after[LANES]; /* what a lane claims next is not below */
static held holding[LANES * SN__ARENA_BLOCKS + MOST_TICKETS];
static size_t num_held;

static uint64_t meaning_of(uint64_t epoch, int64_t step)
{
    return epoch << 32 | (uint64_t)(step + 2);
}

/* Batches of different sizes, so that arenas wrap where they do not end. */
static uint64_t bytes_of(uint64_t ticket)
{
    return ticket % 3 == 1 ? 128 : 64;
}

static void check_held(const held *of)
{
    if (of->block == SN__BLOCK_NONE)
        return;
    for (uint64_t piece = of->offset / 64; piece < (of->offset + of->bytes) / 64; piece++)
        must_hold(arenas[of->lane][piece] == of->meaning);
}

static void age(uint32_t lane)
{
    sn__lane_end end;
    must_hold(sn__lane_open(&made.stream, lane, &end) == SN_OK);
    end.arena_bytes = config.pieces * 64;
    for (uint64_t number = 0; number < SN__ARENA_BLOCKS; number++) {
        sn__slot slot = { .bytes = 64 };
        must_hold(sn__lane_reserve(&end, slot.bytes, &slot.offset));
        must_hold(sn__lane_publish(&end, &slot) == SN_OK);
        sn__lane_pop_parent(&made.stream, lane);
        holding[num_held++] = (held){ lane, number, slot.offset, slot.bytes, 0 };
    }
    atomic_store(&made.stream.header->position, 1); /* they were all of ticket 0 */
}

static void begin(void)
{
    if (made.base == NULL)
        made = control_make(config.lanes, 1, config.window);
    memset(made.base, 0, made.bytes);
    sn__stream_init(made.base, &(sn__stream_shape){ config.lanes, 1, config.window }, &made.stream);
    memset(arenas, 0, sizeof arenas);
    memset(claimed_by, 0, sizeof claimed_by);
    memset(claimed_after, 0, sizeof claimed_after);
    num_held = 0;
    if (config.aged)
        for (uint32_t lane = 0; lane < config.lanes; lane++)
            age(lane);
}

/* -- Lanes ------------------------------------------------------------------------------------- */

static bool claim(uint32_t lane, uint64_t *ticket)
{
    if (sn__lane_is_ahead(&made.stream, lane) || !sn__claim_take_lane(&made.stream, lane, ticket))
        return false;
    uint64_t position = atomic_load(&made.stream.header->position);
    must_hold(*ticket < MOST_TICKETS && claimed_by[*ticket] == 0);             /* C1 */
    must_hold(*ticket >= claimed_after[lane]);                                 /* C2 */
    must_hold(*ticket >= position && *ticket < position + made.stream.window); /* C3 */
    claimed_by[*ticket] = lane + 1;
    claimed_after[lane] = *ticket + 1;
    return true;
}

static void write_payload(uint32_t lane, const sn__slot *slot, uint64_t meaning)
{
    for (uint64_t piece = slot->offset / 64; piece < (slot->offset + slot->bytes) / 64; piece++)
        arenas[lane][piece] = meaning;
}

static void serve(sn__lane_end *end, uint64_t ticket)
{
    sn__stream_run run = sn__claim_run(&made.stream);
    sn__slot slot = { .ticket = ticket, .bytes = bytes_of(ticket) };
    if (ticket < run.base)
        return;
    must_hold(claimed_by[ticket] == end->lane + 1);
    must_hold(ticket - run.base < run.count);
    uint64_t meaning = meaning_of(run.epoch, run.first_step + (int64_t)(ticket - run.base));
    if (sn__lane_reserve(end, slot.bytes, &slot.offset)) {
        for (size_t i = 0; i < num_held; i++) /* nothing that the consumer reads */
            must_hold(holding[i].lane != end->lane || holding[i].block == SN__BLOCK_NONE ||
                      slot.offset + slot.bytes <= holding[i].offset ||
                      holding[i].offset + holding[i].bytes <= slot.offset);
        write_payload(end->lane, &slot, HALF);
        scheduler_step();
        write_payload(end->lane, &slot, meaning);
    } else {
        slot.segment = 1;
        slot.offset = meaning;
    }
    must_hold(sn__lane_publish(end, &slot) == SN_OK);
}

static void live_as_lane(uint32_t lane)
{
    sn__event *opened = &made.stream.header->opened;
    sn__lane_end end;
    uint64_t ticket;
    must_hold(sn__lane_open(&made.stream, lane, &end) == SN_OK);
    end.arena_bytes = config.pieces * 64;
    if (sn__claim_left_lane(&made.stream, lane, end.has_published, end.published, &ticket))
        serve(&end, ticket);
    for (;;) {
        while (!claim(lane, &ticket)) {
            uint32_t seen = sn__event_prepare(opened);
            if (claim(lane, &ticket))
                break;
            must_hold(sn__event_wait(opened, seen, INT64_MAX) == SN_OK);
        }
        serve(&end, ticket);
    }
}

/* -- The consumer ------------------------------------------------------------------------------ */

static void give_back(size_t i)
{
    check_held(&holding[i]);
    sn__lane_give_back(&made.stream, holding[i].lane, holding[i].block);
    memmove(&holding[i], &holding[i + 1], (--num_held - i) * sizeof *holding);
}

static void drop_oldest(uint32_t lane, const sn__slot *slot)
{
    sn__lane_give_back(&made.stream, lane, slot->block);
    sn__lane_pop_parent(&made.stream, lane);
}

static uint64_t begin_run(uint64_t epoch, uint64_t count)
{
    sn__slot slot;
    uint64_t base = sn__claim_close_parent(&made.stream);
    for (uint32_t lane = 0; lane < config.lanes; lane++)
        while (sn__lane_peek_parent(&made.stream, lane, &slot) && slot.ticket < base)
            drop_oldest(lane, &slot);
    sn__stream_run run = { base, count, epoch, 10 };
    sn__claim_open_parent(&made.stream, &run);
    return base;
}

static void take(uint32_t lane, const sn__slot *slot, uint64_t meaning, uint64_t end)
{
    held *got = &holding[num_held++];
    *got = (held){ lane, slot->block, slot->offset, slot->bytes, meaning };
    must_hold((slot->segment == 0) == (slot->block != SN__BLOCK_NONE));
    must_hold(slot->segment == 0 || slot->offset == meaning);
    check_held(got);
    sn__lane_pop_parent(&made.stream, lane);
    sn__claim_pass_parent(&made.stream, slot->ticket, end);
    if (num_held > 2) /* out of order, and the oldest late */
        give_back(slot->ticket % 4 == 0 || config.aged ? 0 : 1);
}

static bool look(uint64_t ticket, uint64_t meaning, uint64_t end)
{
    uint32_t lane;
    sn__slot slot;
    if (!sn__claim_owner_parent(&made.stream, ticket, &lane))
        return false;
    while (sn__lane_peek_parent(&made.stream, lane, &slot)) {
        must_hold(slot.ticket <= ticket); /* L1 */
        if (slot.ticket == ticket) {
            take(lane, &slot, meaning, end);
            return true;
        }
        drop_oldest(lane, &slot);
    }
    return false;
}

static void consume(void)
{
    sn__event *published = &made.stream.header->published;
    for (uint64_t run = 0; run < RUNS; run++) {
        uint64_t base = begin_run(run, config.count[run]), i = 0;
        while (i < config.count[run]) {
            uint64_t meaning = meaning_of(run, 10 + (int64_t)i), end = base + config.count[run];
            bool enough = i == config.taken_at_most[run];
            if (enough && !config.asleep)
                break;
            uint32_t seen = sn__event_prepare(published);
            if (look(base + i, meaning, end))
                i++;
            else if (enough)
                break;
            else
                must_hold(sn__event_wait(published, seen, INT64_MAX) == SN_OK);
        }
    }
}

/* -- Rules ------------------------------------------------------------------------------------- */

static void act(uint32_t actor)
{
    if (actor == 0)
        consume();
    else
        live_as_lane(actor - 1);
}

/* What the supervisor does. */
static void bury(uint32_t actor)
{
    (void)actor;
    sn__event_signal(&made.stream.header->published);
}

/* Wherever the lanes stood: when all is given back, all of each arena is free. */
static void end(void)
{
    sn__slot slot;
    while (num_held > 0)
        give_back(num_held - 1);
    for (uint32_t lane = 0; lane < config.lanes; lane++) {
        sn__lane_end last;
        uint64_t offset;
        while (sn__lane_peek_parent(&made.stream, lane, &slot))
            drop_oldest(lane, &slot);
        must_hold(sn__lane_open(&made.stream, lane, &last) == SN_OK);
        last.arena_bytes = config.pieces * 64;
        must_hold(sn__lane_reserve(&last, last.arena_bytes, &offset) && offset == 0);
    }
}

static const struct {
    uint32_t lanes, window;
    uint64_t count[RUNS], taken;
    bool asleep;
    uint64_t pieces;
    bool aged;
} configs[] = {
    { 1, 1, { 3, 2 }, 9, false, 5, false },     { 1, 2, { 4, 4 }, 1, false, 5, false },
    { 2, 1, { 3, 2 }, 1, true, 3, false },      { 2, 2, { 3, 3 }, 9, false, 5, false },
    { 2, 2, { 4, 3 }, 0, false, 3, false },     { 2, 2, { 4, 3 }, 1, true, 5, false },
    { 2, 3, { 5, 3 }, 2, false, 4, false },     { 2, 4, { 9, 2 }, 9, false, 5, false },
    { 3, 2, { 3, 3 }, 1, true, 4, false },      { 3, 3, { 4, 2 }, 2, false, 3, false },
    { 2, 3, { 2, 5 }, 0, true, 4, false },      { 1, 3, { 9, 9 }, 5, true, 5, false },
    { 1, 2, { 5, 2 }, 9, false, PIECES, true }, { 2, 3, { 4, 4 }, 2, true, PIECES, true },
};
enum { CONFIGS = sizeof configs / sizeof *configs };

static schedules of_config(int number)
{
    config.lanes = configs[number].lanes;
    config.window = configs[number].window;
    memcpy(config.count, configs[number].count, sizeof config.count);
    config.taken_at_most[0] = configs[number].taken;
    config.taken_at_most[1] = MOST_TICKETS;
    config.asleep = configs[number].asleep;
    config.pieces = configs[number].pieces;
    config.aged = configs[number].aged;
    made.base = NULL;
    return (schedules){ .actors = 1 + config.lanes,
                        .stride = 1,
                        .begin = begin,
                        .act = act,
                        .bury = bury,
                        .end = end };
}

START_TEST(stream_with_one_switch_or_one_death_anywhere_delivers_all)
{
    schedules space = of_config(_i);
    space.departures = 1;
    uint64_t switches = scheduler_explore(&space);
    space.departures = 0;
    space.deaths = 1;
    uint64_t deaths = scheduler_explore(&space);
    ck_assert_uint_gt(switches, 20);
    ck_assert_uint_gt(deaths, 20);
}
END_TEST

/* Of all pairs, as many hundredths as the scale says. */
START_TEST(stream_with_two_of_switches_and_deaths_anywhere_delivers_all)
{
    static const uint32_t pairs[][2] = { { 2, 0 }, { 1, 1 }, { 0, 2 } };
    int64_t percent = sn_test_scale(100);
    schedules space = of_config(_i / 3);
    space.departures = pairs[_i % 3][0];
    space.deaths = pairs[_i % 3][1];
    space.stride = percent < 100 ? (uint32_t)(100 / percent) : 1;
    space.offset = (uint32_t)(sn_test_seed() % space.stride);
    uint64_t count = scheduler_explore(&space);
    if (getenv("SEINE_TEST_VERBOSE") != NULL)
        fprintf(stderr, "%d: %llu\n", _i, (unsigned long long)count);
    ck_assert_uint_gt(count, 20);
}
END_TEST

START_TEST(stream_with_many_switches_and_deaths_at_random_delivers_all)
{
    schedules space = of_config(_i);
    dice rolls = dice_make(7000 + (uint64_t)_i);
    for (uint32_t percent = 2; percent <= 50; percent *= 5) {
        space.departures = 10000;
        for (space.deaths = 0; space.deaths <= 20; space.deaths += 10)
            scheduler_wander(&space, (uint64_t)sn_test_scale(2000), percent, dice_roll(&rolls));
    }
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("steps");
    tcase_set_timeout(cases, 300);
    tcase_add_loop_test(cases, stream_with_one_switch_or_one_death_anywhere_delivers_all, 0,
                        CONFIGS);
    tcase_add_loop_test(cases, stream_with_two_of_switches_and_deaths_anywhere_delivers_all, 0,
                        3 * CONFIGS);
    tcase_add_loop_test(cases, stream_with_many_switches_and_deaths_at_random_delivers_all, 0,
                        CONFIGS);
    return run_cases("steps", cases);
}
