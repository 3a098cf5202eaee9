/* SPDX-License-Identifier: Apache-2.0 */
/* Turns of threads over a source that waits, fails and ends as it is told.
 * Linked with --wrap=sn__collocated_create: every loader without workers is over that source. */
#include "base/clock.h"
#include "base/run.h"
#include "engine/load/loader.h"
#include "load/stream.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const int64_t MS = 1000000;

static struct told {
    sn__source source;
    sn_batch *batch;    /* what it delivers, again and again */
    sn_status create;   /* what its creation answers */
    sn_status fail;     /* what next answers once, with a detail */
    sn_status at_begin; /* the same of begin */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int ready; /* batches that next may deliver */
    bool interrupted;
    int inside;       /* threads in begin or next: at most one */
    int64_t deadline; /* of the last next */
    sn__run run;
    char calls[64]; /* b: begin entered, n: next entered, i: interrupt, r: released */
} told = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void note(char call)
{
    size_t length = strlen(told.calls);
    ck_assert_uint_lt(length + 1, sizeof told.calls);
    told.calls[length] = call;
}

static sn_status told_begin(sn__source *source, const sn__run *run)
{
    ck_assert_ptr_eq(source, &told.source);
    pthread_mutex_lock(&told.lock);
    ck_assert_int_eq(told.inside, 0);
    note('b');
    told.run = *run;
    sn_status status = told.interrupted ? SN_E_CLOSED : told.at_begin;
    told.at_begin = SN_OK;
    pthread_mutex_unlock(&told.lock);
    if (status == SN_E_NOMEM)
        return sn__fail(status, "begin: no memory");
    return status;
}

static sn_status told_next(sn__source *source, int64_t deadline_ns, sn_batch **out)
{
    ck_assert_ptr_eq(source, &told.source);
    pthread_mutex_lock(&told.lock);
    ck_assert_int_eq(told.inside, 0);
    told.inside = 1;
    note('n');
    told.deadline = deadline_ns;
    pthread_cond_broadcast(&told.changed);
    sn_status status = SN_OK;
    while (told.ready == 0 && told.fail == SN_OK && !told.interrupted && status == SN_OK) {
        status = deadline_ns == 0 ? SN_E_AGAIN : SN_OK;
        if (deadline_ns != 0 && sn__now_ns() >= deadline_ns)
            status = SN_E_TIMEOUT;
        struct timespec soon;
        clock_gettime(CLOCK_REALTIME, &soon);
        soon.tv_nsec += (long)MS;
        soon.tv_sec += soon.tv_nsec / 1000000000;
        soon.tv_nsec %= 1000000000;
        if (status == SN_OK)
            pthread_cond_timedwait(&told.changed, &told.lock, &soon);
    }
    if (told.interrupted)
        status = SN_E_CLOSED;
    else if (told.fail != SN_OK)
        status = sn__fail(told.fail, "worker 1: killed");
    else if (status == SN_OK)
        told.ready--;
    told.fail = SN_OK;
    if (status == SN_OK)
        *out = sn_batch_retain(told.batch);
    told.inside = 0;
    pthread_mutex_unlock(&told.lock);
    return status;
}

static void told_interrupt(sn__source *source)
{
    ck_assert_ptr_eq(source, &told.source);
    pthread_mutex_lock(&told.lock);
    note('i');
    told.interrupted = true;
    pthread_cond_broadcast(&told.changed);
    pthread_mutex_unlock(&told.lock);
}

static void told_stats(const sn__source *source, sn_loader_stats *out)
{
    ck_assert_ptr_eq(source, &told.source);
    *out = (sn_loader_stats){ .batches = 77 };
}

static void told_release(sn__source *source)
{
    ck_assert_ptr_eq(source, &told.source);
    usleep(20000); /* workers take their time */
    pthread_mutex_lock(&told.lock);
    note('r');
    pthread_mutex_unlock(&told.lock);
}

sn_status __wrap_sn__collocated_create(sn_plan *plan, const sn_loader_options *options,
                                       sn__source **out);
sn_status __wrap_sn__collocated_create(sn_plan *plan, const sn_loader_options *options,
                                       sn__source **out)
{
    static const sn__source_ops ops = { told_begin, told_next, told_interrupt, told_stats,
                                        told_release };
    (void)plan;
    ck_assert_int_eq(options->concurrency, 1); /* complete */
    ck_assert_int_eq(options->threads, 1);
    ck_assert_int_eq(options->stall_ns, 60000 * MS);
    if (told.create != SN_OK)
        return sn__fail(told.create, "told so");
    told.source.ops = &ops;
    *out = &told.source;
    return SN_OK;
}

static void set_ready(int ready, sn_status fail)
{
    pthread_mutex_lock(&told.lock);
    told.ready = ready;
    told.fail = fail;
    pthread_cond_broadcast(&told.changed);
    pthread_mutex_unlock(&told.lock);
}

static void wait_inside(void)
{
    pthread_mutex_lock(&told.lock);
    while (told.inside == 0)
        pthread_cond_wait(&told.changed, &told.lock);
    pthread_mutex_unlock(&told.lock);
}

/* -- The loader and its threads ---------------------------------------------------------------- */

static sn_plan *plan;
static sn_loader *loader;

static void set_up(void)
{
    plan = load_plan(5, NULL); /* 40 batches */
    sn_sampler *sampler = load_sampler(plan);
    ck_assert_int_eq(sn_sampler_sample(sampler, 0, 0, &told.batch), SN_OK);
    sn_sampler_release(sampler);
    ck_assert_int_eq(sn_node_loader_create(plan, NULL, &loader), SN_OK);
    ck_assert_int_eq(sn_loader_begin(loader, 0), SN_OK);
}

static void tear_down(void)
{
    sn_loader_release(loader);
    sn_batch_release(told.batch);
    sn_plan_release(plan);
}

typedef struct call {
    pthread_t thread;
    sn_status status;
    char detail[64];
    atomic_bool done;
} call;

static void *call_next(void *argument)
{
    call *self = argument;
    sn_batch *batch;
    self->status = sn_loader_next(loader, SN_WAIT_DEFAULT, &batch);
    if (self->status == SN_OK)
        sn_batch_release(batch);
    (void)snprintf(self->detail, sizeof self->detail, "%s", sn_error_detail());
    atomic_store(&self->done, true);
    return NULL;
}

static void *call_begin(void *argument)
{
    call *self = argument;
    self->status = sn_loader_begin(loader, 5);
    atomic_store(&self->done, true);
    return NULL;
}

static void *call_shutdown(void *argument)
{
    call *self = argument;
    sn_loader_shutdown(loader);
    ck_assert_ptr_nonnull(strchr(told.calls, 'r')); /* gone when it returns, in each thread */
    atomic_store(&self->done, true);
    return NULL;
}

static void start(call *self, void *(*what)(void *))
{
    *self = (call){ 0 };
    ck_assert_int_eq(pthread_create(&self->thread, NULL, what, self), 0);
}

static void finish(call *self)
{
    pthread_join(self->thread, NULL);
}

static void wait_for_beginners(int count)
{
    int found;
    do {
        pthread_mutex_lock(&loader->lock);
        found = loader->beginners;
        pthread_mutex_unlock(&loader->lock);
        usleep(1000);
    } while (found != count);
}

START_TEST(next_while_another_thread_waits_keeps_its_own_deadline)
{
    call first;
    sn_batch *batch;
    start(&first, call_next);
    wait_inside();
    ck_assert_int_eq(sn_loader_next(loader, 0, &batch), SN_E_AGAIN);
    int64_t before = sn__now_ns();
    ck_assert_int_eq(sn_loader_next(loader, 20 * MS, &batch), SN_E_TIMEOUT);
    int64_t took = sn__now_ns() - before;
    ck_assert_int_ge(took, 20 * MS);
    ck_assert_int_lt(took, 10000 * MS);
    ck_assert(!atomic_load(&first.done));
    set_ready(2, SN_OK);
    finish(&first);
    ck_assert_int_eq(first.status, SN_OK);
    ck_assert_int_eq(sn_loader_next(loader, 0, &batch), SN_OK);
    sn_batch_release(batch);
    ck_assert_int_eq(sn_loader_next(loader, 0, &batch), SN_E_AGAIN);
}
END_TEST

START_TEST(next_hands_its_deadline_to_the_source)
{
    sn_batch *batch;
    set_ready(9, SN_OK);
    for (int i = 0; i < 3; i++) {
        static const int64_t waits[] = { 0, 5000000000, SN_WAIT_DEFAULT };
        int64_t before = sn__now_ns();
        ck_assert_int_eq(sn_loader_next(loader, waits[i], &batch), SN_OK);
        sn_batch_release(batch);
        int64_t wait = i == 2 ? 600000 * MS : waits[i];
        if (wait == 0)
            ck_assert_int_eq(told.deadline, 0);
        else
            ck_assert_int_ge(told.deadline, before + wait);
        ck_assert_int_le(told.deadline, sn__now_ns() + wait);
    }
    ck_assert_int_eq(sn_loader_next(loader, INT64_MAX, &batch), SN_OK);
    sn_batch_release(batch);
    ck_assert_int_eq(told.deadline, INT64_MAX);
}
END_TEST

START_TEST(begin_comes_before_threads_that_take)
{
    call first, begins, second;
    start(&first, call_next);
    wait_inside();
    start(&second, call_next);
    start(&begins, call_begin);
    wait_for_beginners(1);
    usleep(20000); /* the second taker waits too */
    set_ready(2, SN_OK);
    finish(&first);
    finish(&begins);
    finish(&second);
    ck_assert_int_eq(first.status, SN_OK);
    ck_assert_int_eq(begins.status, SN_OK);
    ck_assert_int_eq(second.status, SN_OK);
    ck_assert_str_eq(told.calls, "bnbn");
    ck_assert_uint_eq(told.run.epoch, 5);
}
END_TEST

START_TEST(begin_that_gets_no_turn_ends_with_the_timeout_of_the_loader)
{
    call first, second;
    start(&first, call_next);
    wait_inside();
    loader->timeout_ns = 30 * MS; /* of calls from now on */
    ck_assert_int_eq(sn_loader_begin(loader, 1), SN_E_TIMEOUT);
    set_ready(1, SN_OK);
    finish(&first);
    ck_assert_int_eq(first.status, SN_OK);
    loader->timeout_ns = 600000 * MS;
    start(&second, call_next); /* not held up by the one that gave up */
    wait_inside();
    set_ready(1, SN_OK);
    finish(&second);
    ck_assert_int_eq(second.status, SN_OK);
}
END_TEST

START_TEST(error_of_the_source_ends_the_epoch_for_every_thread)
{
    call other;
    sn_batch *batch;
    sn_loader_stats stats;
    set_ready(0, SN_E_PEER_DIED);
    ck_assert_int_eq(sn_loader_next(loader, SN_WAIT_DEFAULT, &batch), SN_E_PEER_DIED);
    ck_assert_str_eq(sn_error_detail(), "worker 1: killed");
    set_ready(9, SN_OK);
    for (int i = 0; i < 2; i++) {
        start(&other, call_next);
        finish(&other);
        ck_assert_int_eq(other.status, SN_E_PEER_DIED);
        ck_assert_str_eq(other.detail, "worker 1: killed");
    }
    ck_assert_str_eq(told.calls, "bn"); /* the source was not asked again */
    sn_loader_get_stats(loader, &stats);
    ck_assert_uint_eq(stats.flags, SN_STATS_FAILED);
    ck_assert_int_eq(sn_loader_begin(loader, 1), SN_OK);
    sn_loader_get_stats(loader, &stats);
    ck_assert_uint_eq(stats.flags, 0);
    ck_assert_int_eq(sn_loader_next(loader, SN_WAIT_DEFAULT, &batch), SN_OK);
    sn_batch_release(batch);
}
END_TEST

START_TEST(error_of_a_begin_stays_until_the_next_begin)
{
    sn_batch *batch;
    told.at_begin = SN_E_NOMEM;
    ck_assert_int_eq(sn_loader_begin(loader, 1), SN_E_NOMEM);
    (void)sn__fail(SN_E_INVALID, "something else");
    ck_assert_int_eq(sn_loader_next(loader, 0, &batch), SN_E_NOMEM);
    ck_assert_str_eq(sn_error_detail(), "begin: no memory");
    ck_assert_int_eq(sn_loader_begin(loader, 1), SN_OK);
    ck_assert_int_eq(sn_loader_next(loader, 0, &batch), SN_E_AGAIN);
    ck_assert_int_eq(sn_loader_next(loader, MS, &batch), SN_E_TIMEOUT);
    set_ready(1, SN_OK); /* neither of these was an error */
    ck_assert_int_eq(sn_loader_next(loader, 0, &batch), SN_OK);
    sn_batch_release(batch);
}
END_TEST

START_TEST(source_is_not_asked_beyond_the_run)
{
    sn_batch *batch;
    ck_assert_int_eq(sn_loader_begin_at(loader, 0, 10, 12), SN_OK);
    ck_assert_int_eq(told.run.first_step, 10);
    ck_assert_int_eq(told.run.count, 2);
    set_ready(9, SN_OK);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(sn_loader_next(loader, 0, &batch), SN_OK);
        sn_batch_release(batch);
    }
    ck_assert_int_eq(sn_loader_next(loader, 0, &batch), SN_E_END);
    ck_assert_int_eq(told.ready, 7);
}
END_TEST

START_TEST(shutdown_brings_every_waiting_thread_home)
{
    call first, second, begins, shutdowns[2];
    sn_loader_stats stats;
    start(&first, call_next);
    wait_inside();
    start(&second, call_next);
    start(&begins, call_begin);
    wait_for_beginners(1);
    for (int i = 0; i < 2; i++)
        start(&shutdowns[i], call_shutdown);
    for (int i = 0; i < 2; i++)
        finish(&shutdowns[i]);
    finish(&first);
    finish(&second);
    finish(&begins);
    ck_assert_int_eq(first.status, SN_E_CLOSED);
    ck_assert_int_eq(second.status, SN_E_CLOSED);
    ck_assert_int_eq(begins.status, SN_E_CLOSED);
    ck_assert_str_eq(told.calls, "bnir"); /* released once */
    sn_loader_get_stats(loader, &stats);
    ck_assert_uint_eq(stats.batches, 77); /* as they were at the end */
}
END_TEST

START_TEST(loader_whose_source_cannot_be_made_is_not_made)
{
    sn_loader *none = NULL;
    told.create = SN_E_NOMEM;
    ck_assert_int_eq(sn_node_loader_create(plan, NULL, &none), SN_E_NOMEM);
    ck_assert_str_eq(sn_error_detail(), "told so");
    ck_assert_ptr_null(none);
    told.create = SN_OK;
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("loader turns");
    tcase_set_timeout(cases, 60);
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, next_while_another_thread_waits_keeps_its_own_deadline);
    tcase_add_test(cases, next_hands_its_deadline_to_the_source);
    tcase_add_test(cases, begin_comes_before_threads_that_take);
    tcase_add_test(cases, begin_that_gets_no_turn_ends_with_the_timeout_of_the_loader);
    tcase_add_test(cases, error_of_the_source_ends_the_epoch_for_every_thread);
    tcase_add_test(cases, error_of_a_begin_stays_until_the_next_begin);
    tcase_add_test(cases, source_is_not_asked_beyond_the_run);
    tcase_add_test(cases, shutdown_brings_every_waiting_thread_home);
    tcase_add_test(cases, loader_whose_source_cannot_be_made_is_not_made);
    return run_cases("loader turns", cases);
}
