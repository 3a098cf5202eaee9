/* SPDX-License-Identifier: Apache-2.0 */
/* Claims by several threads at once: every ticket once, rising along each lane, inside the window, with
 * runs that are abandoned at any moment and read as a whole. Runs under ThreadSanitizer too. */
#include "base/run.h"
#include "channel/control.h"

#include "base/clock.h"
#include "channel/claims.h"
#include "support/scale.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 4 };
#define PATIENCE_NS INT64_C(60000000000) /* then something is stuck */

typedef struct crew crew;

typedef struct lane_thread {
    crew *of;
    uint32_t lane;
    uint64_t claims, runs; /* tickets claimed; runs read by who did not claim */
    pthread_t thread;
} lane_thread;

struct crew {
    control made;
    uint64_t tickets;         /* that there will be at most */
    _Atomic uint8_t *claimed; /* [tickets]: how often */
    atomic_bool over;
    lane_thread lanes[LANES];
};

/* The fields of a run follow from its base, so that a mixture of two shows. */
static sn__stream_run run_of(uint64_t base)
{
    return (sn__stream_run){ base, 1 + base * 7 % 50, base * 3 + 1, -(int64_t)base };
}

static void check_run(const sn__stream_run *run)
{
    sn__stream_run expected = run_of(run->base);
    must(run->count == expected.count && run->epoch == expected.epoch &&
         run->first_step == expected.first_step);
}

static void check_claim(crew *of, uint64_t ticket, uint64_t next)
{
    /* The position only rises, so that the bound still holds where it may have been passed. */
    uint64_t position = atomic_load(&of->made.stream.header->position);
    sn__stream_run run = sn__claim_run(&of->made.stream);
    must(ticket < of->tickets);
    must(ticket >= next);                                     /* C2 */
    must(ticket < position + of->made.stream.window);         /* C3 */
    must(run.base > ticket || ticket - run.base < run.count); /* its own run, or a later one */
    check_run(&run);
    must(atomic_fetch_add(&of->claimed[ticket], 1) == 0); /* C1 */
}

static void *claim_all(void *argument)
{
    lane_thread *self = argument;
    crew *of = self->of;
    sn__event *opened = &of->made.stream.header->opened;
    uint64_t ticket, next = 0;
    while (!atomic_load(&of->over)) {
        uint32_t seen = sn__event_prepare(opened);
        if (atomic_load(&of->over))
            break;
        if (!sn__claim_take_lane(&of->made.stream, self->lane, &ticket)) {
            must(sn__event_wait(opened, seen, sn__now_ns() + PATIENCE_NS) == SN_OK);
            continue;
        }
        check_claim(of, ticket, next);
        next = ticket + 1;
        self->claims++;
    }
    return NULL;
}

/* One that only looks, as `seine top` does. */
static void *read_runs(void *argument)
{
    lane_thread *self = argument;
    sn__stream_run run;
    while (!atomic_load(&self->of->over))
        if (sn__claim_try_run(&self->of->made.stream, &run)) {
            check_run(&run);
            self->runs++;
        }
    return NULL;
}

/* Waits for the claim of `ticket`, a while; false: time to do something else. */
static bool is_claimed(crew *of, uint64_t ticket, uint64_t looks)
{
    uint32_t lane;
    while (looks-- > 0) {
        if (sn__claim_owner_parent(&of->made.stream, ticket, &lane)) {
            must(lane < LANES);
            return true;
        }
        sched_yield();
    }
    return false;
}

/* Runs that are abandoned with some chance at each ticket. Returns where the last one stood. */
static uint64_t consume(crew *of, dice *rolls, uint64_t patience)
{
    int64_t until = sn__now_ns() + PATIENCE_NS;
    uint64_t position = 0;
    while (position + 2 * of->made.stream.window + 50 < of->tickets) {
        uint64_t base = sn__claim_close_parent(&of->made.stream);
        sn__stream_run run = run_of(base);
        sn__claim_open_parent(&of->made.stream, &run);
        for (position = base; position < base + run.count; position++) {
            must(sn__now_ns() < until);
            if (dice_below(rolls, patience) == 0)
                break;
            while (!is_claimed(of, position, 100))
                must(sn__now_ns() < until);
            sn__claim_pass_parent(&of->made.stream, position, base + run.count);
        }
    }
    return position;
}

START_TEST(claims_by_threads_are_once_rising_and_in_the_window)
{
    static const uint32_t windows[] = { 1, 2, 5, 32 };
    crew of = { .made = control_make(LANES, 1, windows[_i]),
                .tickets = (uint64_t)sn_test_scale(400000) };
    dice rolls = dice_make(50 + (uint64_t)_i);
    sn__stream_run first = run_of(0);
    uint64_t claims = 0;
    of.claimed = calloc(of.tickets, sizeof *of.claimed);
    must(of.claimed != NULL);
    sn__claim_open_parent(&of.made.stream, &first);
    for (uint32_t i = 0; i < LANES; i++) {
        of.lanes[i] = (lane_thread){ .of = &of, .lane = i };
        must(pthread_create(&of.lanes[i].thread, NULL, i > 0 ? claim_all : read_runs,
                            &of.lanes[i]) == 0);
    }
    (void)consume(&of, &rolls, 40);
    atomic_store(&of.over, true);
    sn__event_signal(&of.made.stream.header->opened);
    for (uint32_t i = 0; i < LANES; i++) {
        must(pthread_join(of.lanes[i].thread, NULL) == 0);
        claims += of.lanes[i].claims;
    }
    ck_assert_uint_gt(of.lanes[0].runs, 0);
    ck_assert_uint_gt(claims, 0);
    for (uint64_t t = 0; t < of.tickets; t++)
        claims -= atomic_load(&of.claimed[t]);
    ck_assert_uint_eq(claims, 0);
    free((void *)(uintptr_t)of.claimed);
    control_free(&of.made);
}
END_TEST

/* -- Attaching ---------------------------------------------------------------------------------- */

static const sn__stream_shape shape = { 2, 2, 9 };

static void *attach_early(void *base)
{
    sn__stream stream;
    sn_status status;
    while ((status = sn__stream_attach(base, sn__stream_bytes(&shape), &stream)) == SN_E_AGAIN)
        sched_yield();
    must(status == SN_OK);
    must(stream.lanes == 4 && stream.window == 9);
    for (uint64_t t = 0; t < 9; t++) /* laid out before the magic */
        must(atomic_load_explicit(&stream.entries[t], memory_order_relaxed) ==
             sn__entry_make(t, SN__OWNER_CLOSED));
    return NULL;
}

START_TEST(attach_by_another_thread_finds_nothing_or_all)
{
    for (int64_t round = sn_test_scale(2000); round > 0; round--) {
        void *base;
        pthread_t thread;
        sn__stream stream;
        must(posix_memalign(&base, 4096, sn__stream_bytes(&shape)) == 0);
        memset(base, 0, sn__stream_bytes(&shape));
        must(pthread_create(&thread, NULL, attach_early, base) == 0);
        if (round % 2 == 0)
            sched_yield();
        sn__stream_init(base, &shape, &stream);
        must(pthread_join(thread, NULL) == 0);
        free(base);
    }
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("claim_threads");
    tcase_set_timeout(cases, 120);
    tcase_add_loop_test(cases, claims_by_threads_are_once_rising_and_in_the_window, 0, 4);
    tcase_add_test(cases, attach_by_another_thread_finds_nothing_or_all);
    return run_cases("claim_threads", cases);
}
