/* SPDX-License-Identifier: Apache-2.0 */
/* Signals of all kinds around a loader that is running, and what users do about them. */
#include "base/run.h"

#include "loader_env/fixture.h"
#include "support/leftovers.h"
#include "support/scale.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS = 2, DEATHS = 4 };

static uint64_t restarts_of(const sn_loader *loader)
{
    sn_loader_stats stats;
    sn_loader_get_stats(loader, &stats);
    return stats.restarts;
}

/* -- SIGCHLD ----------------------------------------------------------------------------------- */

static atomic_int reaped;

static void reap_everything(int signal)
{
    int saved = errno;
    (void)signal;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        atomic_fetch_add(&reaped, 1);
    errno = saved;
}

static void handle_children(void)
{
    struct sigaction action = { .sa_handler = reap_everything };
    sigaction(SIGCHLD, &action, NULL);
}

static void ignore_children(void)
{
    signal(SIGCHLD, SIG_IGN);
}

static void refuse_zombies(void)
{
    struct sigaction action = { .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT };
    sigaction(SIGCHLD, &action, NULL);
}

static void *wait_for_any_child(void *over)
{
    while (!atomic_load((atomic_bool *)over)) {
        siginfo_t info;
        if (waitid(P_ALL, 0, &info, WEXITED) != 0)
            env_sleep(ENV_MS); /* none now */
    }
    return NULL;
}

static void (*const children_rules[])(void) = { handle_children, ignore_children, refuse_zombies };

/* Epochs in which workers are killed; the user does with SIGCHLD what he wants. */
static void kill_and_go_on(sn_loader *loader)
{
    for (int death = 0; death < DEATHS; death++) {
        ENV_OK(sn_loader_begin(loader, (uint64_t)(death & 1)));
        sn_batch_release(env_next(loader, &stream, (uint64_t)(death & 1), 0));
        env_workers workers = env_workers_of(getpid(), WORKERS);
        kill(workers.pids[death % WORKERS], SIGKILL);
        env_rest(loader, &stream, (uint64_t)(death & 1), 1);
        for (int64_t until = env_now() + 20 * ENV_S;
             restarts_of(loader) <= (uint64_t)death && env_now() < until;)
            env_sleep(ENV_MS);
        ck_assert_uint_eq(restarts_of(loader), (uint64_t)death + 1);
    }
}

START_TEST(workers_are_replaced_whatever_the_user_does_about_children)
{
    children_rules[_i]();
    sn_loader *loader = env_loader(plan, WORKERS);
    kill_and_go_on(loader);
    env_workers workers = env_workers_of(getpid(), WORKERS);
    sn_loader_release(loader);
    env_expect_gone(&workers, 0);
    signal(SIGCHLD, SIG_DFL); /* for the fixtures */
}
END_TEST

START_TEST(workers_are_replaced_though_another_thread_reaps_all_children)
{
    static atomic_bool over;
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_any_child, &over), 0);
    sn_loader *loader = env_loader(plan, WORKERS);
    kill_and_go_on(loader);
    sn_loader_release(loader);
    atomic_store(&over, true);
    pthread_join(thread, NULL);
}
END_TEST

/* A child of the user's is the user's: the library takes no other than its own. */
START_TEST(children_of_the_user_are_left_to_the_user)
{
    sn_loader *loader = env_loader(plan, WORKERS);
    pid_t child = fork();
    if (child == 0)
        _exit(5);
    kill_and_go_on(loader);
    sn_loader_release(loader);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(WEXITSTATUS(status), 5);
}
END_TEST

/* -- Pipes, timers, terminals ------------------------------------------------------------------- */

/* Lanes too small for any batch: the control sockets are in use all the time. */
START_TEST(death_of_a_worker_that_is_spoken_to_raises_no_sigpipe)
{
    sn_loader *loader;
    signal(SIGPIPE, SIG_DFL);
    ENV_OK(sn_node_loader_create(plan, SN_LOADER_OPTIONS(.workers = WORKERS, .channel_bytes = 1),
                                 &loader));
    for (int64_t round = 0; round < sn_test_scale(100); round++) {
        ENV_OK(sn_loader_begin(loader, 0));
        env_workers workers = env_workers_of(getpid(), WORKERS);
        env_sleep(round * 37 % 1500 * 1000);
        kill(workers.pids[round % WORKERS], SIGKILL);
        env_rest(loader, &stream, 0, 0);
    }
    sn_loader_release(loader);
}
END_TEST

static atomic_int handled, in_wrong_thread;
static _Thread_local bool is_users;
static atomic_bool ready;

static void note_thread(int signal)
{
    (void)signal;
    atomic_fetch_add(&handled, 1);
    if (!is_users)
        atomic_fetch_add(&in_wrong_thread, 1);
}

static void *be_interrupted(void *over)
{
    is_users = true;
    atomic_store(&ready, true);
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    while (!atomic_load((atomic_bool *)over))
        env_sleep(ENV_MS);
    return NULL;
}

/* Without SA_RESTART, so that every system call of ours that can be cut is cut. */
static void set_timer(int64_t microseconds)
{
    struct sigaction action = { .sa_handler = note_thread };
    struct itimerval timer = { { 0, microseconds }, { 0, microseconds } };
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
}

START_TEST(signals_of_the_user_come_to_threads_of_the_user_and_cut_no_call)
{
    static atomic_bool over;
    pthread_t thread;
    is_users = true;
    ck_assert_int_eq(pthread_create(&thread, NULL, be_interrupted, &over), 0);
    while (!atomic_load(&ready))
        env_sleep(ENV_MS);
    set_timer(200);
    sn_loader *loader = env_loader(plan, WORKERS);
    for (int64_t i = sn_test_scale(40); i > 0; i--)
        env_epoch(loader, &stream, (uint64_t)(i & 1));
    env_workers workers = env_workers_of(getpid(), WORKERS);
    env_stop(&workers); /* a wait that is long for certain */
    sn_batch *batch;
    ENV_OK(sn_loader_begin(loader, 0));
    int64_t began = env_now();
    sn_status status = SN_OK;
    for (int taken = 0; taken < stream.steps && status == SN_OK; taken++) {
        status = sn_loader_next(loader, 100 * ENV_MS, &batch);
        if (status == SN_OK) /* one that was published before the run, or claimed just then */
            sn_batch_release(batch);
    }
    ck_assert_int_eq(status, SN_E_TIMEOUT);
    ck_assert_int_ge(env_now() - began, 100 * ENV_MS);
    sn_loader_release(loader); /* they are stopped: killed after a second */
    atomic_store(&over, true);
    pthread_join(thread, NULL);
    setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
    ck_assert_int_gt(atomic_load(&handled), 10);
    ck_assert_int_eq(atomic_load(&in_wrong_thread), 0);
}
END_TEST

/* A user who blocks everything, and one who ignores everything, have workers that end all the same. */
START_TEST(workers_end_whatever_mask_the_user_has)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (_i == 1)
        for (int number = 1; number < SIGRTMIN; number++)
            signal(number, SIG_IGN);
    sn_loader *loader = env_loader(plan, WORKERS);
    env_epoch(loader, &stream, 0);
    env_workers workers = env_workers_of(getpid(), WORKERS);
    sn_loader_release(loader);
    env_expect_gone(&workers, 0);
    for (int number = 1; number < SIGRTMIN; number++)
        signal(number, SIG_DFL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}
END_TEST

/* The terminal's keys reach the whole group; what they mean is for the user's program to say. */
START_TEST(workers_live_on_when_the_user_handles_signals_of_the_terminal)
{
    static const int keys[] = { SIGINT, SIGQUIT, SIGHUP };
    struct sigaction action = { .sa_handler = note_thread };
    is_users = true;
    sn_loader *loader = env_loader(plan, WORKERS);
    ENV_OK(sn_loader_begin(loader, 0));
    for (int i = 0; i < 3; i++) {
        sigaction(keys[i], &action, NULL);
        kill(0, keys[i]); /* each case of libcheck leads a group */
    }
    env_rest(loader, &stream, 0, 0);
    ck_assert_int_eq(atomic_load(&handled), 3);
    ck_assert_uint_eq(restarts_of(loader), 0);
    sn_loader_release(loader);
}
END_TEST

/* -- Stopped for long --------------------------------------------------------------------------- */

#define STALL_NS (400 * ENV_MS)

static int ends[2];

/* A program whose workers have to make progress, and do so slowly. */
static void stream_slowly(void *unused)
{
    sn_loader *loader;
    sn_batch *batch;
    (void)unused;
    setenv("SEINE_TEST_WORKER", "slow", 1);
    ENV_OK(sn_node_loader_create(plan,
                                 SN_LOADER_OPTIONS(.workers = WORKERS, .stall_ns = STALL_NS,
                                                   .worker_path = "./seine_env_worker"),
                                 &loader));
    ENV_OK(sn_loader_begin(loader, 0));
    env_tell(ends[1]);
    for (int64_t until = env_now() + 5 * ENV_S; env_now() < until;) {
        sn_status status = sn_loader_next(loader, SN_WAIT_DEFAULT, &batch);
        ENV_CHECK(status == SN_OK || status == SN_E_END);
        if (status == SN_OK)
            sn_batch_release(batch);
        else
            ENV_OK(sn_loader_begin(loader, 0));
    }
    ENV_CHECK(restarts_of(loader) == 0);
    sn_loader_release(loader);
}

/* Under a debugger, or put aside by the user, nobody is dead: neither when the program alone is
 * stopped nor with its workers. */
START_TEST(program_that_is_stopped_for_longer_than_the_stall_time_loses_no_worker)
{
    ck_assert_int_eq(pipe(ends), 0);
    pid_t user = env_start(stream_slowly, NULL);
    env_await(ends[0]);
    env_workers workers = env_workers_of(user, WORKERS);
    for (int round = 0; round < 4; round++) {
        env_sleep(110 * ENV_MS);
        for (int w = 0; w < WORKERS && round > 0; w++)
            kill(workers.pids[w], SIGSTOP);
        kill(user, SIGSTOP);
        env_sleep(STALL_NS + 200 * ENV_MS);
        kill(user, SIGCONT);
        env_sleep(20 * ENV_MS); /* they are continued one after the other */
        for (int w = 0; w < WORKERS && round > 0; w++)
            kill(workers.pids[w], SIGCONT);
    }
    ck_assert_int_eq(env_finish(user), 0);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("signals");
    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, leftovers_before, leftovers_after);
    tcase_add_checked_fixture(cases, env_begin, env_end);
    tcase_add_loop_test(cases, workers_are_replaced_whatever_the_user_does_about_children, 0, 3);
    tcase_add_test(cases, workers_are_replaced_though_another_thread_reaps_all_children);
    tcase_add_test(cases, children_of_the_user_are_left_to_the_user);
    tcase_add_test(cases, death_of_a_worker_that_is_spoken_to_raises_no_sigpipe);
    tcase_add_test(cases, signals_of_the_user_come_to_threads_of_the_user_and_cut_no_call);
    tcase_add_loop_test(cases, workers_end_whatever_mask_the_user_has, 0, 2);
    tcase_add_test(cases, workers_live_on_when_the_user_handles_signals_of_the_terminal);
    tcase_add_test(cases, program_that_is_stopped_for_longer_than_the_stall_time_loses_no_worker);
    return run_cases("signals", cases);
}
