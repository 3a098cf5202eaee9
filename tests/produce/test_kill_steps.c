/* SPDX-License-Identifier: Apache-2.0 */
/* Workers that are killed at each step of a batch, and between steps: every batch comes once, in order,
 * with the digest of an undisturbed run; what the loader counts is what happened. */
#include "produce/rig.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

/* A lane is at most three batches ahead of the one that the consumer waits for, so four lanes are twelve
 * ahead. With EVERY_OF_LANES tickets between kills a batch sees two deaths of its worker at most: one
 * from a batch before it and one from a batch behind it, and is not taken for their cause. */
enum { KILLS = 20, EVERY = 4, EVERY_OF_LANES = 16, SELDOM_OF_LANES = 2, MOST_STALLS = 512 };

typedef struct point {
    const char *at;
    sn_step counted; /* the step that the death is counted at */
    rig_kind kind;
    bool seldom;    /* the first time in a worker only: segments are used again */
    bool is_behind; /* the publish */
} point;

static const point points[] = {
    { "taken", SN_STEP_IDLE, RIG_HOMOGENEOUS, false, false },
    { "claimed", SN_STEP_CLAIMED, RIG_TYPED, false, false },
    { "sampled", SN_STEP_SAMPLED, RIG_HOMOGENEOUS, false, false },
    { "needed", SN_STEP_SAMPLED, RIG_WIDE, false, false },
    { "given", SN_STEP_SAMPLED, RIG_WIDE, true, false },
    { "reserved", SN_STEP_RESERVED, RIG_WIDE, false, false },
    { "gather", SN_STEP_GATHER, RIG_TYPED, false, false },
    { "written", SN_STEP_WRITTEN, RIG_HOMOGENEOUS, false, false },
    { "unsignalled", SN_STEP_WRITTEN, RIG_HOMOGENEOUS, false, true },
    { "published", SN_STEP_PUBLISHED, RIG_TYPED, false, true },
};
enum { POINTS = sizeof points / sizeof *points };

/* -- Stalls ------------------------------------------------------------------------------------ */

typedef struct times {
    int64_t stalls[MOST_STALLS]; /* from the kill at a ticket to its batch */
    int count;
    int64_t last, normal, others; /* sum and number of the other waits */
} times;

static int by_size(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void note(times *all, uint64_t ticket)
{
    int64_t now = sn__now_ns(), killed = rig_order_time(ticket);
    if (killed != 0 && all->count < MOST_STALLS) {
        all->stalls[all->count++] = now > killed ? now - killed : 0;
    } else if (all->last != 0) {
        all->normal += now - all->last;
        all->others++;
    }
    all->last = sn__now_ns();
}

static void print_times(const point *at, int lanes, times *all, uint64_t kills)
{
    int64_t normal = all->others > 0 ? all->normal / all->others : 0;
    qsort(all->stalls, (size_t)all->count, sizeof *all->stalls, by_size);
    int64_t median = all->count > 0 ? all->stalls[all->count / 2] - normal : 0;
    int64_t most = all->count > 0 ? all->stalls[all->count - 1] - normal : 0;
    printf("%-11s %d lanes: %llu kills and restarts, stall median %.1f ms, most %.1f ms\n", at->at,
           lanes, (unsigned long long)kills, (double)median / 1e6, (double)most / 1e6);
    ck_assert_int_lt(median, 5000 * MS);
}

/* -- Cases ------------------------------------------------------------------------------------- */

/* Waits for kills behind the last publish. Returns how many there were: one for each chosen ticket,
 * but where another lane's kill may have come between a publish and the point behind it. */
static uint64_t wait_for_kills(const point *at, int64_t kills, bool one_lane)
{
    bool exact = !at->seldom && (one_lane || !at->is_behind);
    for (int i = 0; i < (exact ? 500 : 20) && rig_order_followed() < kills; i++)
        rig_sleep_ms(10);
    int64_t followed = rig_order_followed();
    if (exact)
        ck_assert_int_eq(followed, kills);
    else
        ck_assert_int_ge(followed, at->seldom ? 1 : (kills + 1) / 2);
    return (uint64_t)followed;
}

static void check_counts(const sn_loader *loader, const point *at, uint64_t kills, bool one_lane)
{
    uint64_t deaths = 0;
    rig_wait_restarts(loader, kills);
    sn_loader_stats stats = rig_stats(loader);
    for (int step = 0; step < SN_NUM_STEPS; step++) {
        deaths += stats.deaths[step];
        if (one_lane) /* else another lane may have been further */
            ck_assert_msg(stats.deaths[step] == (step == (int)at->counted ? kills : 0),
                          "%s: %llu deaths in step %s, %llu kills", at->at,
                          (unsigned long long)stats.deaths[step], sn_step_name((sn_step)step),
                          (unsigned long long)kills);
    }
    ck_assert_uint_eq(deaths, kills);
}

static void take_all(sn_loader *loader, const rig_stream *stream, uint64_t tickets, times *all)
{
    for (uint64_t ticket = 0; ticket < tickets; ticket++) {
        uint64_t epoch = ticket / (uint64_t)stream->steps % RIG_EPOCHS;
        int64_t step = (int64_t)(ticket % (uint64_t)stream->steps);
        if (step == 0)
            rig_require(sn_loader_begin(loader, epoch));
        rig_take(loader, stream, epoch, step, step + 1);
        note(all, ticket);
    }
}

static void kill_at(const point *at, int workers, int concurrency, int64_t kills)
{
    rig_stream stream = rig_stream_of(rig_plan(at->kind));
    times all = { 0 };
    int64_t every = concurrency > 1 ? EVERY_OF_LANES : EVERY;
    rig_order order = {
        .at = at->at, .act = "kill", .every = at->seldom ? 1 : every, .once = true
    };
    order.below = at->seldom && concurrency > 1 ? SELDOM_OF_LANES : kills * every;
    rig_order_set(&order);
    sn_loader *loader = rig_loader(
        stream.plan, SN_LOADER_OPTIONS(.workers = workers, .concurrency = concurrency,
                                       .channel_bytes = at->kind == RIG_WIDE ? 65536 : 0));
    take_all(loader, &stream, (uint64_t)(kills * every), &all);
    uint64_t followed = wait_for_kills(at, kills, concurrency == 1);
    check_counts(loader, at, followed, concurrency == 1);
    print_times(at, workers * concurrency, &all, followed);
    rig_take_epoch(loader, &stream, 1); /* all is well again */
    ck_assert_uint_eq(rig_stats(loader).restarts, followed);
    sn_loader_release(loader);
    rig_stream_free(&stream);
}

START_TEST(worker_that_is_killed_at_a_step_costs_no_batch)
{
    kill_at(&points[_i], 2, 1, sn_test_scale(KILLS));
}
END_TEST

START_TEST(only_worker_that_is_killed_at_a_step_costs_no_batch)
{
    kill_at(&points[_i], 1, 1, sn_test_scale(KILLS));
}
END_TEST

START_TEST(lanes_of_a_worker_that_is_killed_at_a_step_cost_no_batch)
{
    kill_at(&points[_i], 2, 2, sn_test_scale(KILLS));
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("kills at steps");
    tcase_add_loop_test(cases, worker_that_is_killed_at_a_step_costs_no_batch, 0, POINTS);
    tcase_add_loop_test(cases, only_worker_that_is_killed_at_a_step_costs_no_batch, 0, POINTS);
    tcase_add_loop_test(cases, lanes_of_a_worker_that_is_killed_at_a_step_cost_no_batch, 0, POINTS);
    return rig_run("kills at steps", cases, 120);
}
