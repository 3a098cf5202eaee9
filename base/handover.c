/* SPDX-License-Identifier: Apache-2.0 */
/* Probes of what the system costs: handing a word to another thread, and the first touch of a page.
 *
 * awake    two threads pass one word back and forth, both spinning; half of a round trip.
 * asleep   one thread sleeps on a futex; from the store of the waker to the sleeper having run on.
 *          The waker pauses first, so that the sleeper's core is idle, as that of a consumer would
 *          be.
 * fault    fresh anonymous pages, one byte written to each. */
#include "base/clock.h"
#include "base/probe.h"
#include "base/status.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ROUNDS = 20000, WAKES = 300, PAUSE_NS = 50000 };
static const size_t FAULT_BYTES = (size_t)64 << 20, HUGE_BYTES = (size_t)2 << 20;

/* -- Two threads ------------------------------------------------------------------------------- */

typedef struct pair {
    alignas(128) atomic_uint word;
    alignas(128) atomic_uint answer;
    int64_t stored_ns;     /* written before the word */
    double took_us[WAKES]; /* written by the sleeper */
} pair;

static sn_status with_partner(void *(*partner)(void *), void (*self)(pair *), pair *shared)
{
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&thread, NULL, partner, shared);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        errno = error;
        return sn__fail_errno("limits: second thread");
    }
    self(shared);
    pthread_join(thread, NULL);
    return SN_OK;
}

/* Waits for `value`; yields now and then in case both threads share a core. */
static void spin_for(atomic_uint *word, unsigned value)
{
    for (int spins = 1; atomic_load_explicit(word, memory_order_acquire) != value; spins++)
        if (spins % 100000 == 0)
            sched_yield();
}

static void *answer_all(void *argument)
{
    pair *shared = argument;
    for (unsigned i = 1; i <= ROUNDS; i++) {
        spin_for(&shared->word, i);
        atomic_store_explicit(&shared->answer, i, memory_order_release);
    }
    return NULL;
}

static void ask_all(pair *shared)
{
    int64_t start = 0;
    for (unsigned i = 1; i <= ROUNDS; i++) {
        if (i == ROUNDS / 10) /* the partner has started by now */
            start = sn__now_ns();
        atomic_store_explicit(&shared->word, i, memory_order_release);
        spin_for(&shared->answer, i);
    }
    shared->took_us[0] = (double)(sn__now_ns() - start) / (ROUNDS - ROUNDS / 10 + 1) / 2e3;
}

sn_status sn__handover_awake_run(double *out)
{
    pair shared = { .word = 0 };
    SN_TRY(with_partner(answer_all, ask_all, &shared));
    *out = shared.took_us[0];
    return SN_OK;
}

static void *sleep_all(void *argument)
{
    pair *shared = argument;
    for (unsigned i = 1; i <= WAKES; i++) {
        while (atomic_load_explicit(&shared->word, memory_order_acquire) != i)
            syscall(SYS_futex, &shared->word, FUTEX_WAIT_PRIVATE, i - 1, NULL, NULL, 0);
        shared->took_us[i - 1] = (double)(sn__now_ns() - shared->stored_ns) * 1e-3;
        atomic_store_explicit(&shared->answer, i, memory_order_release);
    }
    return NULL;
}

static void wake_all(pair *shared)
{
    for (unsigned i = 1; i <= WAKES; i++) {
        int64_t until = sn__now_ns() + PAUSE_NS;
        while (sn__now_ns() < until)
            ;
        shared->stored_ns = sn__now_ns();
        atomic_store_explicit(&shared->word, i, memory_order_release);
        syscall(SYS_futex, &shared->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
        spin_for(&shared->answer, i);
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

sn_status sn__handover_asleep_run(double *out)
{
    pair shared = { .word = 0 };
    SN_TRY(with_partner(sleep_all, wake_all, &shared));
    qsort(shared.took_us, WAKES, sizeof shared.took_us[0], by_value);
    *out = shared.took_us[WAKES / 2];
    return SN_OK;
}

/* -- Pages ------------------------------------------------------------------------------------- */

void sn__pages_obtained(const void *block, size_t bytes, char out[8])
{
    char line[512];
    unsigned long first, last, kilobytes;
    uintptr_t begin = (uintptr_t)block, end = begin + bytes;
    double covered = 0, huge = 0;
    bool inside = false;
    FILE *file = fopen("/proc/self/smaps", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "%lx-%lx ", &first, &last) == 2) {
            inside = first < end && last > begin;
            covered += inside ? (double)(last - first) : 0;
        } else if (inside && sscanf(line, "AnonHugePages: %lu kB", &kilobytes) == 1) {
            huge += 1024.0 * (double)kilobytes;
        }
    }
    if (file != NULL)
        fclose(file);
    if (covered <= 0)
        snprintf(out, 8, "?");
    else if (huge >= 0.95 * covered)
        snprintf(out, 8, "huge");
    else if (huge > 0.05 * covered)
        snprintf(out, 8, "mixed");
    else
        snprintf(out, 8, "%dk", (int)(sysconf(_SC_PAGESIZE) / 1024) % 10000);
}

sn_status sn__fault_run(bool huge, char pages[8], double *out)
{
    size_t mapped = FAULT_BYTES + HUGE_BYTES;
    uint8_t *base = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        return sn__fail_errno("limits: map %zu bytes", mapped);
    uint8_t *block = base + (HUGE_BYTES - (uintptr_t)base % HUGE_BYTES) % HUGE_BYTES;
    (void)madvise(block, FAULT_BYTES, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);

    size_t step = (size_t)sysconf(_SC_PAGESIZE);
    int64_t start = sn__now_ns();
    for (size_t at = 0; at < FAULT_BYTES; at += step)
        ((volatile uint8_t *)block)[at] = 1;
    double took_us = (double)(sn__now_ns() - start) * 1e-3;

    sn__pages_obtained(block, FAULT_BYTES, pages);
    bool got_huge = strcmp(pages, "huge") == 0;
    *out = took_us / (double)(FAULT_BYTES / (got_huge ? HUGE_BYTES : step));
    munmap(base, mapped);
    return SN_OK;
}
