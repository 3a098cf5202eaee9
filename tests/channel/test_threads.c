/* SPDX-License-Identifier: Apache-2.0 */
/* The whole stream in one process and one mapping: lanes that compute, die and are succeeded, a consumer
 * that abandons runs, threads that give batches back in any order. Validates, stresses, and prints how
 * long a batch takes from publish to take. Under ThreadSanitizer every byte that a lane writes and another
 * thread reads, and the other way round, shows whether the labelled edges hold.
 *
 * Deaths are between steps of a lane here; test_steps.c has those between single accesses. */
#include "base/run.h"
#include "channel/control.h"

#include "base/clock.h"
#include "base/random.h"
#include "channel/claims.h"
#include "channel/lane.h"
#include "support/scale.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 3, GIVERS = 2, MOST_HELD = 200, MOST_BYTES = 4096 };
#define PATIENCE_NS INT64_C(60000000000) /* then something is stuck */

typedef struct held {
    uint32_t lane;
    uint64_t block, bytes, key;
    const uint64_t *words;
} held;

typedef struct stage {
    control made;
    uint32_t lanes;
    uint64_t arena_bytes, deaths_of; /* a lane dies at one of so many steps; 0: never */
    uint8_t *arenas[LANES];
    atomic_bool over;
    _Atomic uint64_t deaths, spills, batches;
    pthread_mutex_t lock; /* of what the consumer holds */
    held holding[MOST_HELD];
    size_t num_held, hold_at_most; /* and of the ring alone: batches */
    bool no_more;                  /* batches to give back */
} stage;

typedef struct lane_life {
    stage *on;
    uint32_t lane;
    dice rolls;
} lane_life;

/* What a batch is, as one number: its bytes follow from it. */
static uint64_t key_of(uint64_t ticket, uint64_t epoch, int64_t step)
{
    return sn__mix64(ticket << 32 ^ epoch << 16 ^ (uint64_t)step);
}

static uint64_t bytes_of(uint64_t key)
{
    return 64 * (1 + key % (key % 7 == 0 ? MOST_BYTES / 64 : 8));
}

/* -- Lanes ------------------------------------------------------------------------------------- */

static bool dies(lane_life *self)
{
    return self->on->deaths_of > 0 && dice_below(&self->rolls, self->on->deaths_of) == 0;
}

/* False: the lane has died. */
static bool serve(lane_life *self, sn__lane_end *end, uint64_t ticket)
{
    stage *on = self->on;
    sn__stream_run run = sn__claim_run(&on->made.stream);
    sn__slot slot = { .ticket = ticket };
    if (dies(self)) /* claimed */
        return false;
    if (ticket < run.base)
        return true;
    must(ticket - run.base < run.count);
    uint64_t key = key_of(ticket, run.epoch, run.first_step + (int64_t)(ticket - run.base));
    slot.bytes = bytes_of(key);
    slot.segment = !sn__lane_reserve(end, slot.bytes, &slot.offset);
    if (dies(self)) /* reserved */
        return false;
    if (slot.segment != 0) {
        slot.offset = key;
        atomic_fetch_add_explicit(&on->spills, 1, memory_order_relaxed);
    } else {
        uint64_t *words = (uint64_t *)(void *)(on->arenas[self->lane] + slot.offset);
        uint64_t count = slot.bytes / sizeof *words;
        uint64_t until = dies(self) ? count / 2 : count; /* in the gather */
        for (uint64_t i = 0; i < until; i++)
            words[i] = key + i;
        if (until < count)
            return false;
    }
    if (dies(self)) /* written */
        return false;
    slot.sample_ns = (uint64_t)sn__now_ns();
    must(sn__lane_publish(end, &slot) == SN_OK);
    atomic_fetch_add_explicit(&on->batches, 1, memory_order_relaxed);
    return !dies(self);
}

static bool claim(const sn__lane_end *end, uint64_t *ticket)
{
    return !sn__lane_is_ahead(end->stream, end->lane) &&
           sn__claim_take_lane(end->stream, end->lane, ticket);
}

static void *live(void *argument)
{
    lane_life *self = argument;
    stage *on = self->on;
    sn__event *opened = &on->made.stream.header->opened;
    sn__lane_end end;
    uint64_t ticket;
    must(sn__lane_open(&on->made.stream, self->lane, &end) == SN_OK);
    end.arena_bytes = on->arena_bytes;
    if (sn__claim_left_lane(&on->made.stream, self->lane, end.has_published, end.published,
                            &ticket) &&
        !serve(self, &end, ticket))
        return NULL;
    while (!atomic_load_explicit(&on->over, memory_order_relaxed)) {
        uint32_t seen = sn__event_prepare(opened);
        if (atomic_load_explicit(&on->over, memory_order_relaxed))
            break;
        if (!claim(&end, &ticket))
            must(sn__event_wait(opened, seen, sn__now_ns() + PATIENCE_NS) == SN_OK);
        else if (!serve(self, &end, ticket))
            break;
    }
    return NULL;
}

/* A worker's seat: one life after the other in the same lane. */
static void *seat(void *argument)
{
    lane_life *self = argument;
    pthread_t life;
    for (;;) {
        must(pthread_create(&life, NULL, live, self) == 0);
        must(pthread_join(life, NULL) == 0);
        if (atomic_load_explicit(&self->on->over, memory_order_relaxed))
            return NULL;
        atomic_fetch_add_explicit(&self->on->deaths, 1, memory_order_relaxed);
        sn__event_signal(&self->on->made.stream.header->published);
    }
}

/* -- The parent -------------------------------------------------------------------------------- */

static void check_words(const held *of)
{
    for (uint64_t i = 0; i < of->bytes / sizeof *of->words; i++)
        must(of->words[i] == of->key + i);
}

static void give_back(stage *on, const held *of)
{
    if (of->block != SN__BLOCK_NONE)
        check_words(of);
    sn__lane_give_back(&on->made.stream, of->lane, of->block);
}

/* Gives back one of those that are held, whichever; false: there was none too many. */
static bool give_back_one(stage *on, dice *rolls, size_t keep)
{
    held one;
    pthread_mutex_lock(&on->lock);
    bool found = on->num_held > keep;
    if (found) {
        size_t i = (size_t)dice_below(rolls, on->num_held);
        one = on->holding[i];
        on->holding[i] = on->holding[--on->num_held];
    }
    pthread_mutex_unlock(&on->lock);
    if (found)
        give_back(on, &one);
    return found;
}

static void *give_back_all(void *argument)
{
    lane_life *self = argument;
    for (;;) {
        pthread_mutex_lock(&self->on->lock);
        bool last = self->on->no_more;
        pthread_mutex_unlock(&self->on->lock);
        size_t keep = last ? 0 : (size_t)dice_below(&self->rolls, self->on->hold_at_most);
        if (give_back_one(self->on, &self->rolls, keep))
            continue;
        if (last)
            return NULL;
        sched_yield();
    }
}

static void hold(stage *on, dice *rolls, const held *of)
{
    if (of->block != SN__BLOCK_NONE)
        check_words(of);
    while (give_back_one(on, rolls, on->hold_at_most - 1))
        ;
    pthread_mutex_lock(&on->lock);
    on->holding[on->num_held++] = *of;
    pthread_mutex_unlock(&on->lock);
}

static void drop(const sn__stream *stream, uint32_t lane, const sn__slot *slot)
{
    sn__lane_give_back(stream, lane, slot->block);
    sn__lane_pop_parent(stream, lane);
}

/* The descriptor of `ticket`, copied, if it is there. */
static bool find(const sn__stream *stream, uint64_t ticket, uint32_t *lane, sn__slot *slot)
{
    if (!sn__claim_owner_parent(stream, ticket, lane))
        return false;
    while (sn__lane_peek_parent(stream, *lane, slot)) {
        must(slot->ticket <= ticket); /* L1 */
        if (slot->ticket == ticket)
            return true;
        drop(stream, *lane, slot);
    }
    return false;
}

/* Sleeps for it; false: `abandon`, and it was not there. Returns how long it has waited in the ring. */
static bool take(stage *on, const sn__stream_run *run, uint64_t ticket, bool abandon, held *out,
                 int64_t *waited_ns)
{
    const sn__stream *stream = &on->made.stream;
    sn__slot slot;
    uint32_t lane;
    int64_t until = sn__now_ns() + PATIENCE_NS;
    for (;;) {
        uint32_t seen = sn__event_prepare(&stream->header->published);
        if (find(stream, ticket, &lane, &slot))
            break;
        if (abandon)
            return false;
        must(sn__event_wait(&stream->header->published, seen, until) == SN_OK);
    }
    *waited_ns = sn__now_ns() - (int64_t)slot.sample_ns;
    uint64_t key = key_of(ticket, run->epoch, run->first_step + (int64_t)(ticket - run->base));
    must(slot.bytes == bytes_of(key));
    must((slot.segment == 0) == (slot.block != SN__BLOCK_NONE));
    must(slot.segment == 0 || slot.offset == key);
    *out = (held){ lane, slot.block, slot.bytes, key, NULL };
    if (slot.segment == 0)
        out->words = (const uint64_t *)(void *)(on->arenas[lane] + slot.offset);
    sn__lane_pop_parent(stream, lane);
    sn__claim_pass_parent(stream, ticket, run->base + run->count);
    return true;
}

static sn__stream_run begin(const sn__stream *stream, uint64_t count, uint64_t epoch)
{
    uint64_t base = control_begin(stream, count, epoch);
    return (sn__stream_run){ .base = base, .count = count, .epoch = epoch };
}

/* -- A stage ----------------------------------------------------------------------------------- */

typedef struct cast {
    pthread_t seats[LANES], givers[GIVERS];
    lane_life lives[LANES + GIVERS];
} cast;

static void set_up(stage *on, cast *all, uint32_t window)
{
    on->made = control_make(on->lanes, 1, window);
    must(pthread_mutex_init(&on->lock, NULL) == 0);
    for (uint32_t i = 0; i < LANES + GIVERS; i++)
        all->lives[i] = (lane_life){ on, i, dice_make(900 + i) };
    for (uint32_t i = 0; i < GIVERS; i++)
        must(pthread_create(&all->givers[i], NULL, give_back_all, &all->lives[LANES + i]) == 0);
    for (uint32_t i = 0; i < on->lanes; i++) {
        void *arena;
        must(posix_memalign(&arena, 64, on->arena_bytes + 64) == 0);
        on->arenas[i] = arena;
        must(pthread_create(&all->seats[i], NULL, seat, &all->lives[i]) == 0);
    }
}

/* Stops all; then all of each arena is free. */
static void tear_down(stage *on, cast *all)
{
    sn__slot slot;
    atomic_store(&on->over, true);
    sn__event_signal(&on->made.stream.header->opened);
    for (uint32_t i = 0; i < on->lanes; i++)
        must(pthread_join(all->seats[i], NULL) == 0);
    pthread_mutex_lock(&on->lock);
    on->no_more = true;
    pthread_mutex_unlock(&on->lock);
    for (uint32_t i = 0; i < GIVERS; i++)
        must(pthread_join(all->givers[i], NULL) == 0);
    for (uint32_t i = 0; i < on->lanes; i++) {
        sn__lane_end end;
        uint64_t offset;
        while (sn__lane_peek_parent(&on->made.stream, i, &slot))
            drop(&on->made.stream, i, &slot);
        must(sn__lane_open(&on->made.stream, i, &end) == SN_OK);
        end.arena_bytes = on->arena_bytes;
        must(sn__lane_reserve(&end, on->arena_bytes, &offset) && offset == 0);
        free(on->arenas[i]);
    }
    pthread_mutex_destroy(&on->lock);
    control_free(&on->made);
}

/* -- Cases ------------------------------------------------------------------------------------- */

static const struct {
    uint32_t lanes, window;
    uint64_t arena_bytes, deaths_of, hold_at_most;
    uint64_t abandon_of; /* a run is abandoned at one of so many tickets; 0: never */
} stages[] = {
    { 1, 4, 16384, 0, 1, 0 },         /* a lane as the loader makes it */
    { 3, 9, 16384, 0, 4, 0 },         /* several */
    { 2, 1, 8192, 0, 4, 50 },         /* a window that lets one work at a time */
    { 3, 9, 8192, 100, 20, 0 },       /* deaths */
    { 3, 9, 16384, 60, 100, 60 },     /* all of it, with a consumer that holds much */
    { 3, 30, 4096, 30, 4, 10 },       /* small arenas, hasty */
    { 2, 6, 1 << 20, 500, 150, 200 }, /* more blocks held than there can be */
    { 1, 4, 0, 20, 4, 20 },           /* no arena */
};
enum { STAGES = sizeof stages / sizeof *stages };

START_TEST(stream_of_threads_delivers_each_batch_once_in_order)
{
    static stage on; /* too large for a stack */
    cast all;
    held got;
    dice rolls = dice_make(600 + (uint64_t)_i);
    uint64_t taken = 0, abandoned = 0, wanted = (uint64_t)sn_test_scale(60000);
    int64_t waited_ns;
    on = (stage){ .lanes = stages[_i].lanes,
                  .arena_bytes = stages[_i].arena_bytes,
                  .deaths_of = stages[_i].deaths_of,
                  .hold_at_most = stages[_i].hold_at_most };
    set_up(&on, &all, stages[_i].window);
    for (uint64_t epoch = 0; taken < wanted; epoch++) {
        sn__stream_run run = begin(&on.made.stream, dice_below(&rolls, 400), epoch);
        bool abandon = false;
        for (uint64_t i = 0; i < run.count && !abandon; i++) {
            abandon = stages[_i].abandon_of > 0 && dice_below(&rolls, stages[_i].abandon_of) == 0;
            if (abandon && dice_below(&rolls, 2) == 0)
                break;
            if (take(&on, &run, run.base + i, abandon, &got, &waited_ns)) {
                hold(&on, &rolls, &got);
                taken++;
            }
        }
        abandoned += abandon;
    }
    tear_down(&on, &all);
    printf("stage %d: %llu batches, %llu made, %llu spilled, %llu runs abandoned, %llu deaths\n",
           _i, (unsigned long long)taken, (unsigned long long)on.batches,
           (unsigned long long)on.spills, (unsigned long long)abandoned,
           (unsigned long long)on.deaths);
    fflush(stdout);
    ck_assert_uint_ge(on.batches, taken);
    ck_assert_int_eq(on.deaths > 0, stages[_i].deaths_of > 0);
    ck_assert_int_eq(abandoned > 0, stages[_i].abandon_of > 0);
}
END_TEST

/* Nothing but the ring between two threads: no claim and no event orders what they do. */
static void *publish_all(void *argument)
{
    const lane_life *self = argument;
    sn__lane_end end;
    must(sn__lane_open(&self->on->made.stream, 0, &end) == SN_OK);
    for (uint64_t i = 0; i < self->on->hold_at_most; i++) {
        while (sn__lane_is_ahead(&self->on->made.stream, 0))
            sched_yield();
        sn__slot slot = { .ticket = i, .segment = 1, .offset = ~i, .bytes = 3 * i };
        must(sn__lane_publish(&end, &slot) == SN_OK);
    }
    return NULL;
}

START_TEST(ring_between_two_threads_loses_and_repeats_nothing)
{
    static stage on;
    lane_life life = { .on = &on };
    pthread_t thread;
    sn__slot slot;
    int64_t until = sn__now_ns() + PATIENCE_NS;
    on = (stage){ .made = control_make(1, 1, 1), .hold_at_most = (uint64_t)sn_test_scale(200000) };
    must(pthread_create(&thread, NULL, publish_all, &life) == 0);
    for (uint64_t i = 0; i < on.hold_at_most; i++) {
        while (!sn__lane_peek_parent(&on.made.stream, 0, &slot)) {
            must(sn__now_ns() < until);
            sched_yield();
        }
        must(slot.ticket == i && slot.offset == ~i && slot.bytes == 3 * i);
        sn__lane_pop_parent(&on.made.stream, 0);
    }
    must(pthread_join(thread, NULL) == 0);
    ck_assert(!sn__lane_peek_parent(&on.made.stream, 0, &slot));
    control_free(&on.made);
}
END_TEST

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* From before the publish to behind the look that found it. Nothing is required of the number, which
 * depends on the machine and on what else runs there. */
START_TEST(stream_of_threads_hands_over)
{
    static stage on;
    enum { MOST = 20000 };
    static int64_t waits[MOST];
    cast all;
    held got;
    dice rolls = dice_make(1);
    uint64_t count = (uint64_t)sn_test_scale(MOST);
    if (count > MOST)
        count = MOST;
    on = (stage){ .lanes = 1, .arena_bytes = 65536, .hold_at_most = 1 };
    set_up(&on, &all, 1);
    sn__stream_run run = begin(&on.made.stream, count, 0);
    for (uint64_t i = 0; i < count; i++) {
        must(take(&on, &run, i, false, &got, &waits[i]));
        hold(&on, &rolls, &got);
        ck_assert_int_ge(waits[i], 0);
    }
    tear_down(&on, &all);
    qsort(waits, count, sizeof *waits, by_size);
    printf("publish to take, one at a time: median %.1f us, p99 %.1f us, of %llu\n",
           (double)waits[count / 2] / 1e3, (double)waits[count * 99 / 100] / 1e3,
           (unsigned long long)count);
    fflush(stdout);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("threads");
    tcase_set_timeout(cases, 300);
    tcase_add_loop_test(cases, stream_of_threads_delivers_each_batch_once_in_order, 0, STAGES);
    tcase_add_test(cases, ring_between_two_threads_loses_and_repeats_nothing);
    tcase_add_test(cases, stream_of_threads_hands_over);
    return run_cases("threads", cases);
}
