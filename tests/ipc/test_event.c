/* SPDX-License-Identifier: Apache-2.0 */
/* Events: no signal is lost between threads and processes, and the dead leave nothing that matters.
 * Every wait has a deadline that is far beyond what it may take: to reach it is to have lost a signal. */
#include "ipc/sync/event.h"

#include "base/clock.h"
#include "base/run.h"
#include "base/spin.h"
#include "data/support/folder.h"
#include "support/leftovers.h"
#include "support/scale.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MS = 1000000, LANES = 3, WINDOW = 4 };

static int64_t soon(void)
{
    return sn__now_ns() + (int64_t)30e9;
}

/* Memory that children of fork() share. */
static void *shared(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(memory, MAP_FAILED);
    return memory;
}

/* Waits until *value is at least `want`; false if a signal was lost. */
static bool wait_until(sn__event *event, _Atomic uint64_t *value, uint64_t want)
{
    for (;;) {
        uint32_t seen = sn__event_prepare(event);
        if (atomic_load_explicit(value, memory_order_acquire) >= want)
            return true;
        if (sn__event_wait(event, seen, soon()) != SN_OK)
            return false;
    }
}

static void advance(sn__event *event, _Atomic uint64_t *value, uint64_t to)
{
    atomic_store_explicit(value, to, memory_order_release);
    sn__event_signal(event);
}

/* -- One caller -------------------------------------------------------------------------------- */

START_TEST(wait_ends_at_its_deadline)
{
    sn__event event = { 0 };
    uint32_t seen = sn__event_prepare(&event);
    int64_t begin = sn__now_ns();
    ck_assert_int_eq(sn__event_wait(&event, seen, 0), SN_E_AGAIN);
    ck_assert_int_eq(sn__event_wait(&event, seen, -1), SN_E_TIMEOUT);
    ck_assert_int_eq(sn__event_wait(&event, seen, 1), SN_E_TIMEOUT);
    ck_assert_int_eq(sn__event_wait(&event, seen, begin + 30 * MS), SN_E_TIMEOUT);
    ck_assert_int_ge(sn__now_ns() - begin, 30 * MS);
}
END_TEST

START_TEST(wait_after_a_signal_does_not_sleep)
{
    sn__event event = { 0 };
    uint32_t seen = sn__event_prepare(&event);
    ck_assert_uint_eq(sn__event_prepare(&event), seen);
    sn__event_signal(&event);
    ck_assert_uint_eq(event.word & 1, 0); /* the mark is gone: the next signal is cheap */
    ck_ok(sn__event_wait(&event, seen, INT64_MAX));
    ck_assert_uint_ne(sn__event_prepare(&event), seen);
    ck_assert_uint_eq(event.word & 1, 1);
}
END_TEST

/* The count of signals runs over without harm. */
START_TEST(wait_near_the_end_of_the_count_works)
{
    sn__event event = { UINT32_MAX - 1 };
    uint32_t seen = sn__event_prepare(&event);
    ck_assert_uint_eq(seen, UINT32_MAX);
    sn__event_signal(&event);
    ck_assert_uint_eq(event.word, 0);
    ck_ok(sn__event_wait(&event, seen, INT64_MAX));
}
END_TEST

START_TEST(wait_on_what_is_no_memory_fails)
{
    sn__event *event = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(event, MAP_FAILED);
    ck_fails(sn__event_wait(event, 1, soon()), SN_E_SYSTEM, "event");
    munmap(event, 4096);
}
END_TEST

static void ignore(int signal)
{
    (void)signal;
}

static void *interrupt(void *argument)
{
    const pthread_t *waiter = argument;
    for (int i = 0; i < 5; i++) {
        usleep(10000);
        pthread_kill(*waiter, SIGUSR1);
    }
    return NULL;
}

START_TEST(wait_that_is_interrupted_ends_for_no_reason)
{
    sn__event event = { 0 };
    pthread_t thread, self = pthread_self();
    struct sigaction action = { .sa_handler = ignore };
    sigaction(SIGUSR1, &action, NULL);
    ck_assert_int_eq(pthread_create(&thread, NULL, interrupt, &self), 0);
    ck_ok(sn__event_wait(&event, sn__event_prepare(&event), soon()));
    pthread_join(thread, NULL);
}
END_TEST

/* -- Threads ----------------------------------------------------------------------------------- */

typedef struct table {
    sn__event there, back;
    _Atomic uint64_t ball, answer;
    uint64_t payload; /* written before the ball or the answer, by whoever's turn it is */
    uint64_t rounds;
} table;

static bool serve(table *game)
{
    for (uint64_t i = 1; i <= game->rounds; i++) {
        game->payload = 2 * i;
        advance(&game->there, &game->ball, i);
        if (!wait_until(&game->back, &game->answer, i) || game->payload != 2 * i + 1)
            return false;
    }
    return true;
}

static bool answer(table *game)
{
    for (uint64_t i = 1; i <= game->rounds; i++) {
        if (!wait_until(&game->there, &game->ball, i) || game->payload != 2 * i)
            return false;
        game->payload = 2 * i + 1;
        advance(&game->back, &game->answer, i);
    }
    return true;
}

static void *answer_in_thread(void *game)
{
    return answer(game) ? game : NULL;
}

START_TEST(two_threads_hand_a_ball_back_and_forth)
{
    table game = { .rounds = (uint64_t)sn_test_scale(100000) };
    pthread_t thread;
    void *result;
    ck_assert_int_eq(pthread_create(&thread, NULL, answer_in_thread, &game), 0);
    ck_assert(serve(&game));
    pthread_join(thread, &result);
    ck_assert_ptr_nonnull(result);
}
END_TEST

START_TEST(two_processes_hand_a_ball_back_and_forth)
{
    table *game = shared(sizeof *game);
    game->rounds = (uint64_t)sn_test_scale(100000);
    pid_t child = fork();
    if (child == 0)
        _exit(answer(game) ? 0 : 1);
    int status = -1;
    ck_assert(serve(game));
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

/* Lanes publish on one event; the consumer waits for one lane at a time, so most signals are not what
 * it waits for. Each lane waits for room on another event that all share. */
typedef struct stream {
    sn__event published, taken;
    struct lane {
        _Atomic uint64_t tail, head;
        uint64_t slots[WINDOW];
    } lanes[LANES];
    uint64_t count;
} stream;

static bool produce(stream *all, int lane)
{
    struct lane *self = &all->lanes[lane];
    for (uint64_t i = 1; i <= all->count; i++) {
        if (i > WINDOW && !wait_until(&all->taken, &self->head, i - WINDOW))
            return false;
        self->slots[i % WINDOW] = i * LANES + (uint64_t)lane;
        advance(&all->published, &self->tail, i);
    }
    return true;
}

static bool consume(stream *all)
{
    for (uint64_t i = 1; i <= all->count; i++)
        for (int lane = 0; lane < LANES; lane++) {
            struct lane *from = &all->lanes[lane];
            if (!wait_until(&all->published, &from->tail, i) ||
                from->slots[i % WINDOW] != i * LANES + (uint64_t)lane)
                return false;
            advance(&all->taken, &from->head, i);
        }
    return true;
}

static struct part {
    stream *all;
    int lane;
} parts[LANES];

static void *produce_in_thread(void *argument)
{
    struct part *part = argument;
    return produce(part->all, part->lane) ? part : NULL;
}

START_TEST(threads_that_wait_for_one_of_many_get_it)
{
    stream all = { .count = (uint64_t)sn_test_scale(60000) };
    pthread_t threads[LANES];
    for (int i = 0; i < LANES; i++) {
        parts[i] = (struct part){ &all, i };
        ck_assert_int_eq(pthread_create(&threads[i], NULL, produce_in_thread, &parts[i]), 0);
    }
    ck_assert(consume(&all));
    for (int i = 0; i < LANES; i++) {
        void *result;
        pthread_join(threads[i], &result);
        ck_assert_ptr_nonnull(result);
    }
}
END_TEST

START_TEST(processes_that_wait_for_one_of_many_get_it)
{
    stream *all = shared(sizeof *all);
    pid_t children[LANES];
    all->count = (uint64_t)sn_test_scale(60000);
    for (int i = 0; i < LANES; i++) {
        children[i] = fork();
        if (children[i] == 0)
            _exit(produce(all, i) ? 0 : 1);
    }
    ck_assert(consume(all));
    for (int i = 0; i < LANES; i++) {
        int status = -1;
        ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
        ck_assert_int_eq(status, 0);
    }
}
END_TEST

/* -- Deaths ------------------------------------------------------------------------------------ */

typedef struct sleeper {
    sn__event event;
    _Atomic uint64_t value, final; /* final: the value that ends the test, 0 = not known yet */
} sleeper;

static void *sleep_in_thread(void *argument)
{
    sleeper *self = argument;
    return wait_until(&self->event, &self->value, 1) ? self : NULL;
}

/* Waits until somebody sleeps, as far as that can be seen from outside. */
static void let_it_sleep(const sleeper *self)
{
    while ((self->event.word & 1) == 0)
        sched_yield();
    usleep(20000);
}

START_TEST(waiter_that_is_killed_costs_one_call_and_no_more)
{
    sleeper *self = shared(sizeof *self);
    pid_t child = fork();
    if (child == 0)
        _exit(sleep_in_thread(self) != NULL ? 0 : 1);
    let_it_sleep(self);
    kill(child, SIGKILL);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    ck_assert_uint_eq(self->event.word & 1, 1); /* its mark */
    sn__event_signal(&self->event);
    ck_assert_uint_eq(self->event.word & 1, 0);
    table game = { .rounds = 100, .there = self->event }; /* and works on */
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, answer_in_thread, &game), 0);
    ck_assert(serve(&game));
    pthread_join(thread, NULL);
}
END_TEST

/* What the word is like when a signaller died between its addition and its wake-up. */
START_TEST(signaller_that_dies_before_it_wakes_is_made_up_for_by_the_next)
{
    sleeper self = { .value = 0 };
    pthread_t thread;
    void *result;
    ck_assert_int_eq(pthread_create(&thread, NULL, sleep_in_thread, &self), 0);
    let_it_sleep(&self);
    self.value = 1;
    atomic_fetch_add(&self.event.word, 2);
    usleep(50000);
    int64_t begin = sn__now_ns();
    sn__event_signal(&self.event);
    pthread_join(thread, &result);
    ck_assert_ptr_nonnull(result);
    ck_assert_int_lt(sn__now_ns() - begin, (int64_t)20e9); /* not by its deadline */
}
END_TEST

/* A child signals as fast as it can and is killed somewhere; the parent, who sees the death, signals
 * once. However the child died, the waiter sees what it had stored. */
START_TEST(signaller_killed_anywhere_and_a_signal_of_who_sees_it_lose_nothing)
{
    for (int round = 0; round < sn_test_scale(200); round++) {
        sleeper *self = shared(sizeof *self);
        pid_t child = fork();
        if (child == 0)
            for (uint64_t i = 1;; i++)
                advance(&self->event, &self->value, i);
        pid_t waiter = fork();
        if (waiter == 0) {
            uint64_t last = 0;
            while (self->final == 0 || last < self->final)
                if (!wait_until(&self->event, &self->value, ++last))
                    _exit(1);
            _exit(0);
        }
        usleep((useconds_t)(round * 37 % 1000));
        kill(child, SIGKILL);
        ck_assert_int_eq(waitpid(child, NULL, 0), child);
        self->final = self->value + 1;
        advance(&self->event, &self->value, self->value + 1);
        int status = -1;
        ck_assert_int_eq(waitpid(waiter, &status, 0), waiter);
        ck_assert_int_eq(status, 0);
        munmap(self, sizeof *self);
    }
}
END_TEST

/* -- Spinning ---------------------------------------------------------------------------------- */

START_TEST(spin_lasts_for_its_limit)
{
    int64_t limit = sn__spin_limit_ns(), longest = 0, shortest = INT64_MAX;
    ck_assert_int_ge(limit, 0);
    ck_assert_int_le(limit, 50000);
    for (int i = 0; i < 100; i++) {
        int64_t begin = sn__now_ns();
        sn__spin spin = sn__spin_begin();
        int64_t turns = 0;
        while (sn__spin_more(&spin))
            turns++;
        int64_t took = sn__now_ns() - begin;
        ck_assert(limit == 0 ? turns == 0 : took >= limit);
        longest = took > longest ? took : longest;
        shortest = took < shortest ? took : shortest;
    }
    printf("spins of %lld to %lld ns\n", (long long)shortest, (long long)longest);
    ck_assert_int_lt(shortest, 2 * limit + 1000000);
}
END_TEST

START_TEST(spin_on_one_core_sleeps_at_once)
{
    cpu_set_t all, one;
    size_t core = 0;
    ck_assert_int_eq(sched_getaffinity(0, sizeof all, &all), 0);
    while (!CPU_ISSET(core, &all))
        core++;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
    ck_assert_int_eq(sn__spin_limit_ns(), 0);
    sn__spin spin = sn__spin_begin();
    ck_assert(!sn__spin_more(&spin));
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("event");
    tcase_set_timeout(cases, 110);
    tcase_add_checked_fixture(cases, leftovers_before, leftovers_after);
    tcase_add_test(cases, wait_ends_at_its_deadline);
    tcase_add_test(cases, wait_after_a_signal_does_not_sleep);
    tcase_add_test(cases, wait_near_the_end_of_the_count_works);
    tcase_add_test(cases, wait_on_what_is_no_memory_fails);
    tcase_add_test(cases, wait_that_is_interrupted_ends_for_no_reason);
    tcase_add_test(cases, two_threads_hand_a_ball_back_and_forth);
    tcase_add_test(cases, two_processes_hand_a_ball_back_and_forth);
    tcase_add_test(cases, threads_that_wait_for_one_of_many_get_it);
    tcase_add_test(cases, processes_that_wait_for_one_of_many_get_it);
    tcase_add_test(cases, waiter_that_is_killed_costs_one_call_and_no_more);
    tcase_add_test(cases, signaller_that_dies_before_it_wakes_is_made_up_for_by_the_next);
    tcase_add_test(cases, signaller_killed_anywhere_and_a_signal_of_who_sees_it_lose_nothing);
    tcase_add_test(cases, spin_lasts_for_its_limit);
    tcase_add_test(cases, spin_on_one_core_sleeps_at_once);
    return run_cases("event", cases);
}
