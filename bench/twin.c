/* SPDX-License-Identifier: Apache-2.0 */
/* Two processes and two words. `ask` rises with each round, `answer` follows it. Between
 * measurements the other process sleeps, so that it takes no time from what is measured. Each has a
 * core of its own where there are two: on one core a futex hand-over is a switch of contexts, which
 * takes a few microseconds, and across two it is the wake-up of an idle core. */
#include "bench/twin.h"

#include "tools/seine/seconds.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SLEEP = 0, SPIN = 1, END = 2 };

typedef struct page {
    alignas(128) _Atomic uint32_t mode;
    alignas(128) _Atomic uint32_t ask;    /* written by this process alone */
    alignas(128) _Atomic uint32_t answer; /* by the other */
} page;

struct twin {
    page *shared;
    pid_t other;
};

/* Binds this process to the first core that it may run on, or to the last. */
static void take_core(bool last)
{
    cpu_set_t all, one;
    size_t core = CPU_SETSIZE;
    if (sched_getaffinity(0, sizeof all, &all) != 0 || CPU_COUNT(&all) < 2)
        return;
    for (size_t i = 0; i < CPU_SETSIZE && (last || core == CPU_SETSIZE); i++)
        if (CPU_ISSET(i, &all))
            core = i;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    (void)sched_setaffinity(0, sizeof one, &one);
}

static void sleep_on(_Atomic uint32_t *word, uint32_t seen)
{
    struct timespec most = { .tv_nsec = 100000000 };
    (void)syscall(SYS_futex, word, FUTEX_WAIT, seen, &most, NULL, 0);
}

static void wake(_Atomic uint32_t *word)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* Until *word is no longer `seen`, at most 10 s; false: it still is. */
static bool await(page *shared, _Atomic uint32_t *word, uint32_t seen)
{
    double start = 0;
    /* Acquire: with the release of the store in the other process. */
    for (uint32_t tries = 1; atomic_load_explicit(word, memory_order_acquire) == seen; tries++) {
        if (atomic_load_explicit(&shared->mode, memory_order_relaxed) != SPIN) {
            sleep_on(word, seen);
            if (tries < 100) /* wakes without a reason are rare */
                continue;
        } else if (tries % 100000 != 0) {
            continue;
        }
        sched_yield(); /* both may have one core */
        start = start > 0 ? start : seconds_now();
        if (seconds_now() - start > 10)
            return false;
    }
    return true;
}

static _Noreturn void answer_all(page *shared, pid_t parent)
{
    uint32_t seen = 0;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_IGN); /* the parent ends it */
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    take_core(true);
    while (getppid() == parent) {
        if (!await(shared, &shared->ask, seen))
            continue;
        uint32_t mode = atomic_load_explicit(&shared->mode, memory_order_relaxed);
        seen = atomic_load_explicit(&shared->ask, memory_order_relaxed);
        if (mode == END)
            break;
        atomic_store_explicit(&shared->answer, seen, memory_order_release); /* await */
        if (mode == SLEEP)
            wake(&shared->answer);
    }
    _exit(0);
}

twin *twin_start(void)
{
    twin *self = malloc(sizeof *self);
    pid_t parent = getpid();
    if (self == NULL)
        return NULL;
    self->shared =
        mmap(NULL, sizeof *self->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    self->other = self->shared != MAP_FAILED ? fork() : -1;
    if (self->other == 0)
        answer_all(self->shared, parent);
    if (self->other > 0)
        return self;
    if (self->shared != MAP_FAILED)
        munmap(self->shared, sizeof *self->shared);
    free(self);
    return NULL;
}

static bool exchange(page *shared, bool wakes)
{
    uint32_t before = atomic_load_explicit(&shared->answer, memory_order_relaxed);
    atomic_store_explicit(&shared->ask, before + 1, memory_order_release); /* await */
    if (wakes)
        wake(&shared->ask);
    return await(shared, &shared->answer, before);
}

double twin_hand_over(twin *self, bool asleep, int64_t rounds)
{
    page *shared = self->shared;
    cpu_set_t before;
    bool bound = sched_getaffinity(0, sizeof before, &before) == 0;
    if (bound)
        take_core(false);
    atomic_store_explicit(&shared->mode, asleep ? SLEEP : SPIN, memory_order_relaxed);
    bool answered = exchange(shared, true); /* now it waits in the way that is measured */
    double start = seconds_now();
    for (int64_t i = 0; i < rounds && answered; i++)
        answered = exchange(shared, asleep);
    double took = seconds_now() - start;
    atomic_store_explicit(&shared->mode, SLEEP, memory_order_relaxed);
    if (bound)
        (void)sched_setaffinity(0, sizeof before, &before);
    return answered ? took / (double)rounds / 2 * 1e6 : -1;
}

void twin_stop(twin *self)
{
    if (self == NULL)
        return;
    atomic_store_explicit(&self->shared->mode, END, memory_order_relaxed);
    atomic_fetch_add_explicit(&self->shared->ask, 1, memory_order_release); /* await */
    wake(&self->shared->ask);
    while (waitpid(self->other, NULL, 0) < 0 && errno == EINTR)
        ;
    munmap(self->shared, sizeof *self->shared);
    free(self);
}
