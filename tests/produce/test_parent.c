/* SPDX-License-Identifier: Apache-2.0 */
/* The loader's process is killed: its workers are gone within a second, whatever they are at and whoever
 * has copies of its descriptors. Each case kills a child that has a loader.
 *
 * sn__pass_send is wrapped: a process may end in the moment before its worker is told anything. */
#include "produce/rig.h"

#include "base/clock.h"
#include "engine/produce/control.h"
#include "ipc/shm/pass.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define WITHIN_NS (1000 * MS)
#define LATE_NS   (4000 * MS) /* on a machine that has much else to do */

/* What the child tells, in memory that it shares with the test. */
typedef struct told {
    atomic_int ready, heir;
} told;

static told *shared;
static bool dies_before_hello;

static void *stay(void *unused)
{
    for (;;)
        pause();
    return unused;
}

/* A child of the child, which has all its descriptors and lives on. */
static void leave_an_heir(void)
{
    pid_t heir = fork();
    if (heir == 0)
        stay(NULL);
    atomic_store(&shared->heir, heir);
}

sn_status __real_sn__pass_send(int socket, const sn__outgoing *message, int64_t deadline_ns);
sn_status __wrap_sn__pass_send(int socket, const sn__outgoing *message, int64_t deadline_ns);
sn_status __wrap_sn__pass_send(int socket, const sn__outgoing *message, int64_t deadline_ns)
{
    if (dies_before_hello && ((const sn__control *)message->bytes)->kind == SN__CONTROL_HELLO) {
        leave_an_heir();
        rig_sleep_ms(200); /* the worker waits to be told */
        (void)kill(getpid(), SIGKILL);
    }
    return __real_sn__pass_send(socket, message, deadline_ns);
}

/* -- The child --------------------------------------------------------------------------------- */

typedef enum scene {
    IDLE,     /* all batches that may be ahead are there */
    BUSY,     /* a consumer takes them */
    WIDE,     /* the same, with a spill segment for each */
    STOPPED,  /* the workers are stopped */
    LOOPING,  /* they loop in a batch */
    STARTING, /* they have been told, and are not ready */
    DYING,    /* they are killed and replaced time and again */
    SHUTTING, /* the loader is being shut down, and one does not listen */
    UNTOLD,   /* they have not been told whose they are */
    SCENES
} scene;

static sn_loader *loader;

static void *consume(void *plan)
{
    sn_batch *batch;
    for (uint64_t epoch = 0; sn_loader_begin(loader, epoch) == SN_OK; epoch++)
        while (sn_loader_next(loader, SN_WAIT_DEFAULT, &batch) == SN_OK)
            sn_batch_release(batch);
    return plan;
}

static void *shut_down(void *unused)
{
    sn_loader_shutdown(loader);
    return unused;
}

static void *kill_workers(void *view)
{
    for (uint32_t i = 0;; i++) {
        (void)rig_signal(view, i % 2, SIGKILL);
        rig_sleep_ms(30);
    }
    return NULL;
}

static void begin_thread(void *(*what)(void *), void *argument)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, what, argument), 0);
}

static void order_for(scene of)
{
    dies_before_hello = of == UNTOLD;
    if (of == LOOPING)
        RIG_ORDER(.at = "gather", .act = "loop", .nth = 20);
    if (of == STARTING)
        RIG_ORDER(.at = "lanes", .act = "sleep", .ms = 60000);
}

static void *create(void *plan)
{
    loader = rig_loader(
        plan, SN_LOADER_OPTIONS(.workers = 2, .concurrency = 2, .channel_bytes = 4 * 65536));
    return NULL;
}

static void live(scene of, bool has_heir)
{
    static rig_view view;
    sn_plan *plan = rig_plan(of == WIDE ? RIG_WIDE : RIG_HOMOGENEOUS);
    order_for(of);
    if (of == STARTING || of == UNTOLD) {
        begin_thread(create, plan);
        rig_sleep_ms(300);
    } else {
        create(plan);
        view = rig_view_open();
        rig_require(sn_loader_begin(loader, 0));
    }
    if (of == STOPPED || of == SHUTTING)
        rig_stop(&view, 0);
    if (of == STOPPED)
        rig_stop(&view, 1);
    if (of == BUSY || of == WIDE || of == LOOPING || of == DYING)
        begin_thread(consume, NULL);
    if (of == DYING)
        begin_thread(kill_workers, &view);
    if (of == SHUTTING)
        begin_thread(shut_down, NULL);
    if (has_heir && of != UNTOLD)
        leave_an_heir();
    rig_sleep_ms(150);
    atomic_store(&shared->ready, 1);
    stay(NULL);
}

/* -- The test ---------------------------------------------------------------------------------- */

static void share(void)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(shared, MAP_FAILED);
    leftovers_accept();
}

/* Kills the child when it is ready; it may have gone before. */
static void end_child(pid_t child)
{
    int ended;
    for (int i = 0; i < 4000 && atomic_load(&shared->ready) == 0; i++) {
        if (waitpid(child, &ended, WNOHANG) == child)
            return;
        rig_sleep_ms(5);
    }
    ck_assert_int_eq(atomic_load(&shared->ready), 1);
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, &ended, 0), child);
}

/* All of them but the heir. */
static void expect_workers_gone(const char *what)
{
    int64_t began = sn__now_ns(), gone_ns;
    int heirs = atomic_load(&shared->heir) != 0;
    while (leftovers_count_processes() > heirs && sn__now_ns() - began < LATE_NS)
        rig_sleep_ms(2);
    gone_ns = sn__now_ns() - began;
    printf("%s: gone after %.1f ms\n", what, (double)gone_ns / 1e6);
    ck_assert_int_le(leftovers_count_processes(), heirs);
    ck_assert_int_lt(gone_ns, LATE_NS);
    if (gone_ns > WITHIN_NS)
        printf("%s: later than it should be\n", what);
    if (heirs)
        ck_assert_int_eq(kill(atomic_load(&shared->heir), SIGKILL), 0);
}

static void kill_parent(scene of, bool has_heir)
{
    static const char *const names[SCENES] = { "idle",    "busy",          "wide",
                                               "stopped", "looping",       "starting",
                                               "dying",   "shutting down", "untold" };
    share();
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        live(of, has_heir);
    end_child(child);
    expect_workers_gone(names[of]);
}

START_TEST(workers_are_gone_when_their_process_is_killed)
{
    kill_parent((scene)_i, false);
}
END_TEST

START_TEST(workers_are_gone_though_another_process_has_their_sockets)
{
    kill_parent((scene)_i, true);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("parent");
    tcase_add_loop_test(cases, workers_are_gone_when_their_process_is_killed, 0, SCENES);
    tcase_add_loop_test(cases, workers_are_gone_though_another_process_has_their_sockets, 0,
                        SCENES);
    return rig_run("parent", cases, 60);
}
