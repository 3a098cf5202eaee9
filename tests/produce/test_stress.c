/* SPDX-License-Identifier: Apache-2.0 */
/* Loaders as a careless program uses them: many short ones, several at once over one dataset, from
 * several threads, ended at any moment, their workers killed, their batches kept. */
#include "produce/rig.h"

#include "base/clock.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { AT_ONCE = 3, CONSUMERS = 3, MOST_STEPS = 128, KEPT = 16 };

/* In threads: a failure ends the case. */
static void start(pthread_t *thread, void *(*what)(void *), void *argument)
{
    ck_assert_int_eq(pthread_create(thread, NULL, what, argument), 0);
}

static void pause_at_random(uint64_t *random, uint64_t most_ms)
{
    struct timespec pause = { .tv_nsec = (long)(rig_random(random) % (most_ms * 1000000)) };
    nanosleep(&pause, NULL);
}

/* Of one rank, steps are batches. */
static void expect_any(const rig_stream *stream, const sn_batch *batch)
{
    sn_batch_info info = sn_batch_get_info(batch);
    ck_assert_uint_lt(info.batch, (uint64_t)stream->steps);
    rig_expect(stream, batch, info.epoch, (int64_t)info.batch);
}

/* -- Short lives ------------------------------------------------------------------------------- */

typedef struct life {
    const rig_stream *stream;
    sn_loader *loader;
    uint64_t random;
    int64_t rounds;
} life;

typedef struct user {
    pthread_t thread;
    const rig_stream *stream;
    sn_loader *loader;
    uint64_t random;
} user;

/* Takes batches, and begins epochs, until the loader is closed. */
static void *use(void *argument)
{
    user self = *(user *)argument;
    sn_batch *batch;
    for (;;) {
        sn_status status =
            sn_loader_next(self.loader, (int64_t)(rig_random(&self.random) % 3) * MS, &batch);
        if (status == SN_OK) {
            expect_any(self.stream, batch);
            sn_batch_release(batch);
        } else if (status == SN_E_END || rig_random(&self.random) % 40 == 0) {
            status = sn_loader_begin(self.loader, rig_random(&self.random) % RIG_EPOCHS);
            ck_assert_msg(status == SN_OK || status == SN_E_CLOSED, "%s: %s",
                          sn_status_name(status), sn_error_detail());
        }
        if (status == SN_E_CLOSED)
            return NULL;
        ck_assert_msg(status == SN_OK || status == SN_E_TIMEOUT || status == SN_E_AGAIN ||
                          status == SN_E_END,
                      "%s: %s", sn_status_name(status), sn_error_detail());
    }
}

static void *shut_down(void *loader)
{
    sn_loader_shutdown(loader);
    return NULL;
}

static void live_once(life *self)
{
    user users[CONSUMERS];
    pthread_t closers[2];
    uint64_t count = rig_random(&self->random) % (CONSUMERS + 1);
    self->loader = rig_loader(
        self->stream->plan,
        SN_LOADER_OPTIONS(.workers = (int32_t)(rig_random(&self->random) % 3),
                          .concurrency = 1 + (int32_t)(rig_random(&self->random) % 2),
                          .channel_bytes = rig_random(&self->random) % 2 == 0 ? 0 : 65536));
    for (uint64_t i = 0; i < count; i++) {
        users[i] = (user){ .stream = self->stream,
                           .loader = self->loader,
                           .random = rig_random(&self->random) };
        start(&users[i].thread, use, &users[i]);
    }
    pause_at_random(&self->random, 30);
    for (int i = 0; i < 2; i++)
        start(&closers[i], shut_down, self->loader);
    if (rig_random(&self->random) % 2 == 0)
        sn_loader_shutdown(self->loader);
    for (int i = 0; i < 2; i++)
        pthread_join(closers[i], NULL);
    for (uint64_t i = 0; i < count; i++)
        pthread_join(users[i].thread, NULL);
    sn_loader_release(self->loader);
}

static void *live(void *argument)
{
    life *self = argument;
    for (int64_t i = 0; i < self->rounds; i++)
        live_once(self);
    return NULL;
}

START_TEST(loaders_may_be_short_lived_and_several_at_once)
{
    pthread_t threads[AT_ONCE];
    life lives[AT_ONCE];
    rig_stream streams[2] = { rig_stream_of(rig_plan(RIG_TYPED)),
                              rig_stream_of(rig_plan(RIG_WIDE)) };
    for (int i = 0; i < AT_ONCE; i++) {
        lives[i] = (life){ .stream = &streams[i % 2],
                           .random = sn_test_seed() * 97 + (uint64_t)i,
                           .rounds = sn_test_scale(60) };
        start(&threads[i], live, &lives[i]);
    }
    for (int i = 0; i < AT_ONCE; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 2; i++)
        rig_stream_free(&streams[i]);
}
END_TEST

/* -- One stream, many takers ------------------------------------------------------------------- */

typedef struct taker {
    pthread_t thread;
    const rig_stream *stream;
    sn_loader *loader;
    uint64_t epoch, random;
    int64_t last; /* step */
    atomic_int *seen;
    sn_batch *kept[KEPT]; /* released by another thread */
} taker;

static void *take(void *argument)
{
    taker *self = argument;
    sn_batch *batch;
    sn_status status;
    while ((status = sn_loader_next(self->loader, SN_WAIT_DEFAULT, &batch)) == SN_OK) {
        int64_t step = (int64_t)sn_batch_get_info(batch).batch;
        rig_expect(self->stream, batch, self->epoch, step);
        ck_assert_int_gt(step, self->last); /* in order, of what comes to this thread */
        self->last = step;
        atomic_fetch_add(&self->seen[step], 1);
        sn_batch **place = &self->kept[rig_random(&self->random) % KEPT];
        sn_batch_release(*place);
        *place = batch;
    }
    ck_assert_int_eq(status, SN_E_END);
    return NULL;
}

static void take_epoch(sn_loader *loader, const rig_stream *stream, uint64_t epoch)
{
    static atomic_int seen[MOST_STEPS];
    taker takers[CONSUMERS] = { 0 };
    ck_assert_int_le(stream->steps, MOST_STEPS);
    rig_require(sn_loader_begin(loader, epoch));
    for (int i = 0; i < CONSUMERS; i++) {
        takers[i] = (taker){ .stream = stream,
                             .loader = loader,
                             .epoch = epoch,
                             .last = -1,
                             .random = (uint64_t)i,
                             .seen = seen };
        start(&takers[i].thread, take, &takers[i]);
    }
    for (int i = 0; i < CONSUMERS; i++)
        pthread_join(takers[i].thread, NULL);
    for (int64_t step = 0; step < stream->steps; step++)
        ck_assert_int_eq(atomic_exchange(&seen[step], 0), 1);
    for (int i = 0; i < CONSUMERS * KEPT; i++)
        sn_batch_release(takers[i / KEPT].kept[i % KEPT]);
}

typedef struct killer {
    pthread_t thread;
    rig_view view;
    atomic_bool stopping;
} killer;

/* Seldom enough that nobody dies three times at one batch. */
static void *kill_now_and_then(void *argument)
{
    killer *self = argument;
    for (uint32_t i = 0; !atomic_load(&self->stopping); i++) {
        (void)rig_signal(&self->view, i % self->view.stream.workers, SIGKILL);
        rig_sleep_ms(100);
    }
    return NULL;
}

START_TEST(each_batch_goes_to_one_of_several_threads)
{
    rig_stream stream = rig_stream_of(rig_plan((rig_kind)(_i % RIG_KINDS)));
    sn_loader *loader =
        rig_loader(stream.plan, SN_LOADER_OPTIONS(.workers = 3, .concurrency = 1 + _i % 2));
    killer hand = { .view = rig_view_open() };
    if (_i >= RIG_KINDS)
        start(&hand.thread, kill_now_and_then, &hand);
    for (int64_t i = 0; i < sn_test_scale(20); i++)
        take_epoch(loader, &stream, (uint64_t)i % RIG_EPOCHS);
    atomic_store(&hand.stopping, true);
    if (_i >= RIG_KINDS)
        pthread_join(hand.thread, NULL);
    rig_view_close(&hand.view);
    sn_loader_release(loader);
    rig_stream_free(&stream);
}
END_TEST

/* -- Batches that outlive their loader --------------------------------------------------------- */

static void *release_all(void *batches)
{
    for (int i = 0; i < KEPT; i++)
        sn_batch_release(((sn_batch **)batches)[i]);
    return NULL;
}

/* In its lanes, in spill segments, and in those of workers that are gone. */
START_TEST(batches_outlive_their_loader_and_go_in_any_thread)
{
    for (int64_t round = 0; round < sn_test_scale(10); round++) {
        pthread_t threads[2];
        sn_batch *batches[2 * KEPT];
        rig_stream stream = rig_stream_of(rig_plan((rig_kind)(round % RIG_KINDS)));
        sn_loader *loader = rig_loader(stream.plan, SN_LOADER_OPTIONS(.workers = 2));
        rig_view view = rig_view_open();
        rig_require(sn_loader_begin(loader, 1));
        for (int64_t i = 0; i < 2 * KEPT; i++) {
            rig_require(sn_loader_next(loader, SN_WAIT_DEFAULT, &batches[i]));
            if (i % 10 == 9)
                (void)rig_signal(&view, (uint32_t)(i / 10 % 2), SIGKILL);
        }
        rig_view_close(&view);
        sn_loader_release(loader);
        for (int64_t i = 0; i < 2 * KEPT; i++)
            rig_expect(&stream, batches[i], 1, i);
        for (int i = 0; i < 2; i++)
            start(&threads[i], release_all, &batches[i * KEPT]);
        for (int i = 0; i < 2; i++)
            pthread_join(threads[i], NULL);
        rig_stream_free(&stream);
    }
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("stress");
    tcase_add_test(cases, loaders_may_be_short_lived_and_several_at_once);
    tcase_add_loop_test(cases, each_batch_goes_to_one_of_several_threads, 0, 2 * RIG_KINDS);
    tcase_add_test(cases, batches_outlive_their_loader_and_go_in_any_thread);
    return rig_run("stress", cases, 200);
}
