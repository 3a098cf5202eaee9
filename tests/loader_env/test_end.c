/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that end, and threads and libraries that go, while loaders are alive. Each is a process of
 * its own, seen from the test. */
#include "base/run.h"

#include "loader_env/fixture.h"
#include "support/leftovers.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int ends[2]; /* from the user's program */

/* Whoever the program has left comes here. */
static void expect_no_orphan(void)
{
    int64_t deadline = env_now() + 5 * ENV_S;
    pid_t got;
    while ((got = waitpid(-1, NULL, WNOHANG)) >= 0 || errno != ECHILD)
        if (got == 0) {
            ENV_CHECK(env_now() < deadline);
            env_sleep(ENV_MS);
        }
}

static void begin(void)
{
    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); /* orphans come here, to be reaped */
    env_begin();
    ck_assert_int_eq(pipe(ends), 0);
}

static void end(void)
{
    close(ends[0]);
    close(ends[1]);
    env_end();
}

/* -- A user with two loaders, one of them in the middle of an epoch ---------------------------- */

enum { WORKERS = 2 + 1 };

static sn_loader *busy, *idle;
static sn_batch *held;

static void open_loaders(void)
{
    env_may_leak();
    busy = env_loader(plan, 2);
    idle = env_loader(plan, 1);
    ENV_OK(sn_loader_begin(busy, 0));
    held = env_next(busy, &stream, 0, 0);
}

/* The test looks at the workers before they go. */
static void be_looked_at(void)
{
    env_tell(ends[1]);
    env_sleep(200 * ENV_MS);
}

static void *take_for_ever(void *unused)
{
    for (uint64_t epoch = 1;; epoch++) {
        sn_batch *batch;
        ENV_OK(sn_loader_begin(busy, epoch));
        while (sn_loader_next(busy, SN_WAIT_DEFAULT, &batch) == SN_OK)
            sn_batch_release(batch);
    }
    return unused;
}

static void *wait_for_a_batch(void *unused)
{
    sn_batch *batch;
    ENV_OK(sn_loader_begin_at(idle, 0, 0, 1));
    ENV_OK(sn_loader_next(idle, SN_WAIT_DEFAULT, &batch));
    env_sleep(60 * ENV_S); /* holds it */
    return unused;
}

static void *exit_here(void *unused)
{
    be_looked_at();
    exit(7);
    return unused;
}

static pthread_t start(void *(*body)(void *))
{
    pthread_t thread;
    ENV_CHECK(pthread_create(&thread, NULL, body, NULL) == 0);
    return thread;
}

/* -- Ways to end ------------------------------------------------------------------------------- */

static void exit_from_main(void *unused)
{
    (void)unused;
    open_loaders();
    be_looked_at();
    exit(7);
}

static void exit_from_main_while_others_take(void *unused)
{
    (void)unused;
    open_loaders();
    (void)start(take_for_ever);
    (void)start(wait_for_a_batch);
    be_looked_at();
    exit(7);
}

static void exit_from_another_thread(void *unused)
{
    (void)unused;
    open_loaders();
    (void)start(exit_here);
    (void)take_for_ever(NULL);
}

static void exit_from_two_threads_that_take(void *unused)
{
    (void)unused;
    open_loaders();
    (void)start(take_for_ever);
    be_looked_at();
    exit(7);
}

static void release_in_the_end(void)
{
    sn_batch_release(held);
    sn_loader_release(busy);
    sn_loader_release(idle);
}

static void release_in_atexit(void *unused)
{
    (void)unused;
    ENV_CHECK(atexit(release_in_the_end) == 0);
    open_loaders();
    be_looked_at();
    exit(7);
}

static void leave_at_once(void *unused)
{
    (void)unused;
    open_loaders();
    (void)start(take_for_ever);
    be_looked_at();
    _exit(7);
}

static void exit_quickly(void *unused)
{
    (void)unused;
    open_loaders();
    be_looked_at();
    quick_exit(7);
}

static void give_up(void *unused)
{
    (void)unused;
    open_loaders();
    be_looked_at();
    signal(SIGABRT, SIG_DFL);
    abort();
}

static void be_killed(void *unused)
{
    (void)unused;
    open_loaders();
    (void)start(take_for_ever);
    be_looked_at();
    raise(SIGKILL);
}

static void execute_another(void *unused)
{
    (void)unused;
    open_loaders();
    be_looked_at();
    execl("/bin/sh", "sh", "-c", "exit 7", (char *)NULL);
}

/* The thread that made the loaders goes, and so does the first one; another takes what comes. */
static void *go_on_alone(void *unused)
{
    env_sleep(100 * ENV_MS); /* the first one is gone */
    env_rest(busy, &stream, 0, 1);
    env_epoch(busy, &stream, 1);
    sn_batch_release(held);
    sn_loader_release(busy);
    sn_loader_release(idle);
    _exit(7); /* what the first thread had on its stack looks leaked */
    return unused;
}

static void *open_and_go(void *unused)
{
    open_loaders();
    return unused;
}

static void outlive_the_first_thread(void *unused)
{
    pthread_join(start(open_and_go), NULL);
    be_looked_at();
    (void)start(go_on_alone);
    pthread_exit(unused);
}

static const struct {
    void (*body)(void *);
    int code;
} programs[] = {
    { exit_from_main, 7 },
    { exit_from_main_while_others_take, 7 },
    { exit_from_another_thread, 7 },
    { exit_from_two_threads_that_take, 7 },
    { release_in_atexit, 7 },
    { leave_at_once, 7 },
    { exit_quickly, 7 },
    { give_up, 128 + SIGABRT },
    { be_killed, 128 + SIGKILL },
    { execute_another, 7 },
    { outlive_the_first_thread, 7 },
};

START_TEST(program_that_ends_with_living_loaders_leaves_no_worker)
{
    pid_t user = env_start(programs[_i].body, NULL);
    env_await(ends[0]);
    env_workers workers = env_workers_of(user, WORKERS);
    ck_assert_int_eq(env_finish(user), programs[_i].code);
    env_expect_gone(&workers, ENV_S);
    expect_no_orphan();
}
END_TEST

/* -- The loader that goes ---------------------------------------------------------------------- */

/* The lane sleeps before its request, and is told to stop meanwhile. */
START_TEST(loader_that_ends_while_a_lane_asks_for_memory_does_not_wait_for_it)
{
    sn_loader *loader;
    setenv("SEINE_TEST_WORKER", "late", 1);
    for (int round = 0; round < 3; round++) {
        ENV_OK(sn_node_loader_create(
            plan, SN_LOADER_OPTIONS(.workers = 1, .worker_path = "./seine_env_worker"), &loader));
        ENV_OK(sn_loader_begin(loader, 0));
        env_sleep(20 * ENV_MS);
        int64_t began = env_now();
        sn_loader_release(loader);
        ck_assert_int_lt(env_now() - began, 900 * ENV_MS); /* after a second it would be killed */
    }
}
END_TEST

/* -- The library that goes --------------------------------------------------------------------- */

typedef struct api {
    void *handle;
    sn_status (*dataset_open)(const char *, const sn_dataset_options *, sn_dataset **);
    sn_status (*plan_create)(sn_dataset *, const sn_plan_options *, sn_plan **);
    sn_status (*create)(sn_plan *, const sn_loader_options *, sn_loader **);
    sn_status (*begin)(sn_loader *, uint64_t);
    sn_status (*next)(sn_loader *, int64_t, sn_batch **);
    uint64_t (*digest)(const sn_batch *);
    void (*release_batch)(sn_batch *);
    void (*release)(sn_loader *);
} api;

static void find(const api *of, const char *name, void *out)
{
    void *symbol = dlsym(of->handle, name);
    ENV_CHECK(symbol != NULL);
    memcpy(out, &symbol, sizeof symbol);
}

static api load_library(void)
{
    char path[4096];
    api of;
    snprintf(path, sizeof path, "%s/../lib/libseine.so", getenv("SEINE_BIN"));
    of.handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    ENV_CHECK(of.handle != NULL);
    find(&of, "sn_dataset_open", &of.dataset_open);
    find(&of, "sn_plan_create", &of.plan_create);
    find(&of, "sn_node_loader_create", &of.create);
    find(&of, "sn_loader_begin", &of.begin);
    find(&of, "sn_loader_next", &of.next);
    find(&of, "sn_batch_digest", &of.digest);
    find(&of, "sn_batch_release", &of.release_batch);
    find(&of, "sn_loader_release", &of.release);
    return of;
}

static const char *dataset_path;

static void unload_the_library(void *unused)
{
    static const int64_t fanout[] = { 5, 5 };
    api of = load_library();
    sn_dataset *dataset;
    sn_plan *own;
    sn_loader *loader;
    sn_batch *batch;
    (void)unused;
    env_may_leak();
    ENV_OK(of.dataset_open(dataset_path, NULL, &dataset));
    ENV_OK(of.plan_create(dataset,
                          SN_PLAN_OPTIONS(.batch_size = 50, .shuffle = true, .seed = 5, .hops = 2,
                                          .fanout = fanout, .features = true),
                          &own));
    ENV_OK(of.create(own, SN_LOADER_OPTIONS(.workers = WORKERS), &loader));
    ENV_OK(of.begin(loader, 0));
    ENV_OK(of.next(loader, 30 * ENV_S, &batch));
    ENV_CHECK(dlclose(of.handle) == 0);
    be_looked_at(); /* the supervisor goes on in code that is still there */
    for (int64_t step = 0; step < stream.steps; step++) {
        ENV_CHECK(of.digest(batch) == stream.digests[step]);
        of.release_batch(batch);
        ENV_CHECK(of.next(loader, 30 * ENV_S, &batch) ==
                  (step + 1 < stream.steps ? SN_OK : SN_E_END));
    }
    of = load_library(); /* the same one again */
    of.release(loader);
    exit(7);
}

START_TEST(library_that_is_closed_with_a_living_loader_stays)
{
    dataset_path = env_dataset_path();
    pid_t user = env_start(unload_the_library, NULL);
    env_await(ends[0]);
    env_workers workers = env_workers_of(user, WORKERS);
    ck_assert_int_eq(env_finish(user), 7);
    env_expect_gone(&workers, ENV_S);
    expect_no_orphan();
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("end");
    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, leftovers_before, leftovers_after);
    tcase_add_checked_fixture(cases, begin, end);
    tcase_add_loop_test(cases, program_that_ends_with_living_loaders_leaves_no_worker, 0,
                        sizeof programs / sizeof *programs);
    tcase_add_test(cases, loader_that_ends_while_a_lane_asks_for_memory_does_not_wait_for_it);
    tcase_add_test(cases, library_that_is_closed_with_a_living_loader_stays);
    return run_cases("end", cases);
}
