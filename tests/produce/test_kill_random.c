/* SPDX-License-Identifier: Apache-2.0 */
/* Workers that are killed at random moments of a long run, by another thread, while the consumer keeps
 * batches for a while and abandons epochs: every batch comes once, in order, with its digest, and there
 * are as many restarts as kills.
 *
 * A worker that has not published with each busy lane since it was killed is killed once more at most:
 * three deaths at one batch end the run, and are meant to. */
#include "produce/rig.h"

#include "base/clock.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { MOST_HELD = 12, MOST_WORKERS = 4, MOST_LANES = 8 };

typedef struct config {
    rig_kind kind;
    int workers, concurrency;
    uint64_t channel_bytes;
    int64_t kills; /* in full */
} config;

static const config configs[] = {
    { RIG_HOMOGENEOUS, 1, 1, 0, 40 }, { RIG_HOMOGENEOUS, 2, 1, 0, 200 },
    { RIG_HOMOGENEOUS, 3, 2, 0, 80 }, { RIG_TYPED, 1, 2, 0, 40 },
    { RIG_TYPED, 4, 1, 0, 80 },       { RIG_TYPED, 2, 2, 65536, 60 },
    { RIG_WIDE, 2, 1, 65536, 80 },    { RIG_WIDE, 4, 2, 65536, 80 },
    { RIG_WIDE, 2, 2, 0, 60 },
};
enum { CONFIGS = sizeof configs / sizeof *configs };

/* -- The killer -------------------------------------------------------------------------------- */

typedef struct killer {
    pthread_t thread;
    rig_view view;
    uint64_t random;
    int64_t kills; /* to be done */
    atomic_llong done;
    atomic_bool stopping;
    int pids[MOST_WORKERS]; /* that were seen last */
    bool is_dead[MOST_WORKERS];
    int without_progress[MOST_WORKERS];
    uint64_t tails[MOST_LANES]; /* when that process was seen first */
} killer;

static bool has_gone_on(const killer *self, uint32_t worker)
{
    const sn__stream *stream = &self->view.stream;
    uint32_t first = worker * stream->concurrency;
    for (uint32_t lane = first; lane < first + stream->concurrency; lane++) {
        const sn__lane_block *shared = sn__stream_lane(stream, lane);
        if (atomic_load(&shared->tail) == self->tails[lane])
            return false;
    }
    return true;
}

static void note_tails(killer *self, uint32_t worker)
{
    const sn__stream *stream = &self->view.stream;
    uint32_t first = worker * stream->concurrency;
    for (uint32_t lane = first; lane < first + stream->concurrency; lane++)
        self->tails[lane] = atomic_load(&sn__stream_lane(stream, lane)->tail);
}

/* Each process once. */
static void kill_one(killer *self)
{
    uint32_t worker = (uint32_t)(rig_random(&self->random) % self->view.stream.workers);
    int pid = rig_worker_pid(&self->view, worker);
    if (pid == 0)
        return;
    if (pid != self->pids[worker]) { /* the one before is gone, and publishes no more */
        note_tails(self, worker);
        self->pids[worker] = pid;
        self->is_dead[worker] = false;
    }
    int streak = has_gone_on(self, worker) ? 0 : self->without_progress[worker] + 1;
    if (self->is_dead[worker] || streak > 1 || !rig_signal_process(pid, SIGKILL))
        return;
    self->is_dead[worker] = true;
    self->without_progress[worker] = streak;
    atomic_fetch_add(&self->done, 1);
}

static void *run_killer(void *argument)
{
    killer *self = argument;
    while (!atomic_load(&self->stopping) && atomic_load(&self->done) < self->kills) {
        struct timespec pause = { .tv_nsec = (long)(rig_random(&self->random) % 12000000) };
        nanosleep(&pause, NULL);
        kill_one(self);
    }
    return NULL;
}

/* -- The consumer ------------------------------------------------------------------------------ */

typedef struct held {
    sn_batch *batch;
    uint64_t epoch;
    int64_t step;
} held;

static void let_go(const rig_stream *stream, held *of)
{
    if (of->batch == NULL)
        return;
    rig_expect(stream, of->batch, of->epoch, of->step); /* nobody has written into it */
    sn_batch_release(of->batch);
    *of = (held){ 0 };
}

/* One epoch, or the beginning of one. */
static void take_some(sn_loader *loader, const rig_stream *stream, uint64_t *random, held *kept)
{
    uint64_t epoch = rig_random(random) % RIG_EPOCHS;
    int64_t end = rig_random(random) % 3 == 0 ? (int64_t)(rig_random(random) % 60) : stream->steps;
    sn_batch *batch;
    rig_require(sn_loader_begin(loader, epoch));
    for (int64_t step = 0; step < end; step++) {
        sn_status status = sn_loader_next(loader, SN_WAIT_DEFAULT, &batch);
        ck_assert_msg(status == SN_OK, "step %lld: %s: %s", (long long)step, sn_status_name(status),
                      sn_error_detail());
        rig_expect(stream, batch, epoch, step);
        held *place = &kept[rig_random(random) % MOST_HELD];
        let_go(stream, place);
        *place = (held){ batch, epoch, step };
    }
    if (end == stream->steps)
        ck_assert_int_eq(sn_loader_next(loader, SN_WAIT_DEFAULT, &batch), SN_E_END);
}

static void print_deaths(const config *of, const sn_loader_stats *stats)
{
    printf("%d workers of %d lanes, %s: %llu restarts, %llu spills; deaths:", of->workers,
           of->concurrency,
           of->kind == RIG_TYPED  ? "typed"
           : of->kind == RIG_WIDE ? "wide"
                                  : "homogeneous",
           (unsigned long long)stats->restarts, (unsigned long long)stats->spills);
    for (int step = 0; step < SN_NUM_STEPS; step++)
        printf(" %s %llu", sn_step_name((sn_step)step), (unsigned long long)stats->deaths[step]);
    printf("\n");
}

static void check_deaths(const sn_loader *loader, const config *of, uint64_t kills)
{
    uint64_t deaths = 0;
    rig_wait_restarts(loader, kills);
    sn_loader_stats stats = rig_stats(loader);
    for (int step = 0; step < SN_NUM_STEPS; step++)
        deaths += stats.deaths[step];
    ck_assert_uint_eq(deaths, kills);
    print_deaths(of, &stats);
}

START_TEST(workers_that_are_killed_at_any_moment_cost_no_batch)
{
    const config *of = &configs[_i];
    rig_stream stream = rig_stream_of(rig_plan(of->kind));
    uint64_t random = sn_test_seed() * 31 + (uint64_t)_i;
    held kept[MOST_HELD] = { 0 };
    sn_loader *loader = rig_loader(
        stream.plan, SN_LOADER_OPTIONS(.workers = of->workers, .concurrency = of->concurrency,
                                       .channel_bytes = of->channel_bytes * (uint64_t)of->workers *
                                                        (uint64_t)of->concurrency));
    killer hand = { .view = rig_view_open(),
                    .random = random ^ 1,
                    .kills = sn_test_scale(of->kills) };
    ck_assert_int_eq(pthread_create(&hand.thread, NULL, run_killer, &hand), 0);
    while (atomic_load(&hand.done) < hand.kills)
        take_some(loader, &stream, &random, kept);
    pthread_join(hand.thread, NULL);
    rig_take_epoch(loader, &stream, 3);
    check_deaths(loader, of, (uint64_t)hand.done);
    for (int i = 0; i < MOST_HELD / 2; i++)
        let_go(&stream, &kept[i]);
    rig_view_close(&hand.view);
    sn_loader_release(loader);
    for (int i = 0; i < MOST_HELD; i++)
        let_go(&stream, &kept[i]); /* they outlive the loader */
    rig_stream_free(&stream);
}
END_TEST

/* From inside: at one of twelve of all points of all batches, once at each batch. */
START_TEST(workers_that_kill_themselves_anywhere_cost_no_batch)
{
    const config *of = &configs[_i];
    rig_stream stream = rig_stream_of(rig_plan(of->kind));
    int64_t epochs = (sn_test_scale(of->kills) + 39) / 40;
    RIG_ORDER(.at = "any", .act = "kill", .one_of = 12, .once = true,
              .below = epochs * stream.steps);
    sn_loader *loader = rig_loader(
        stream.plan, SN_LOADER_OPTIONS(.workers = of->workers, .concurrency = 1,
                                       .channel_bytes = of->channel_bytes * (uint64_t)of->workers));
    for (int64_t epoch = 0; epoch < epochs; epoch++)
        rig_take_epoch(loader, &stream, (uint64_t)epoch % RIG_EPOCHS);
    rig_sleep_ms(50); /* what is killed behind its publish */
    check_deaths(loader, of, (uint64_t)rig_order_followed());
    ck_assert_int_ge(rig_order_followed(), 1);
    sn_loader_release(loader);
    rig_stream_free(&stream);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("kills at random");
    tcase_add_loop_test(cases, workers_that_are_killed_at_any_moment_cost_no_batch, 0, CONFIGS);
    tcase_add_loop_test(cases, workers_that_kill_themselves_anywhere_cost_no_batch, 0, CONFIGS);
    return rig_run("kills at random", cases, 200);
}
