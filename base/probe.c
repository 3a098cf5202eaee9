/* SPDX-License-Identifier: Apache-2.0 */
/* Memory probes: how fast this machine reads random cache lines and random rows and copies.
 *
 * The work of a run is fixed and split over the threads, so a run is shorter with more of them.
 * Threads meet at a barrier; the time is that from the first start to the last end, so that neither
 * their creation nor their joining counts.
 *
 * lines   64-byte lines of an array far larger than the caches, in random order. "branch": each
 *         decides an unpredictable branch and the line AHEAD positions on is prefetched; "free":
 *         summed, no branch, no prefetch: the core's own look-ahead.
 * rows    copied from random places into a buffer that is used again in every run; the row AHEAD
 *         positions on is prefetched line by line. Payload bytes count.
 * copy    memcpy of the whole array; bytes read plus bytes written count. */
#include "base/probe.h"

#include "base/cgroup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/option.h"
#include "base/options_struct.h"
#include "base/random.h"
#include "base/status.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { FIRST_OPTIONS = sizeof(sn_limits_options) }; /* of version 0.1: what the oldest caller has */
enum { LINE = 64, AHEAD = 16, MAX_ROW = 1 << 20, MAX_THREADS = 1024 };
enum { INTO_SECOND = 2 }; /* cache: more rows are under way to there than to the first */
static const size_t MIB = 1 << 20;
/* Work of a run, most of it for arrays of 1 GiB: long enough to time, small enough to repeat. */
static const size_t MOST_READS = (size_t)1 << 23, MOST_BUFFER = (size_t)128 << 20;
static const size_t DEFAULT_BYTES = (size_t)1 << 30, LEAST_BYTES = (size_t)64 << 20;
static const size_t MOST_BYTES = (size_t)1 << 37; /* line numbers are 32-bit */

struct sn_probe {
    uint8_t *from, *to; /* [bytes] each */
    size_t bytes;
    size_t reads;     /* lines of a run, and the most rows */
    size_t buffer;    /* the part of `to` that rows are gathered into, payload of a run */
    uint32_t *lines;  /* [reads + AHEAD] line numbers, random */
    uint64_t *starts; /* [reads + AHEAD] offsets of rows of `row_bytes`, made from `lines` */
    size_t row_bytes; /* of `starts`; 0: none yet */
    char pages[8];
    atomic_uint_least64_t sink; /* results go here, so that no work is left out */
};

/* -- Arrays ------------------------------------------------------------------------------------ */

static size_t reads_of(size_t bytes)
{
    return bytes / (2 * LINE) < MOST_READS ? bytes / (2 * LINE) : MOST_READS;
}

/* What a probe holds: two arrays and the two lists. */
static size_t needed(size_t bytes)
{
    return 2 * bytes + (reads_of(bytes) + AHEAD) * (sizeof(uint32_t) + sizeof(uint64_t));
}

static sn_status settle_bytes(uint64_t asked, uint64_t *out)
{
    sn__memory memory = sn__memory_granted("");
    uint64_t least = memory.available < memory.headroom ? memory.available : memory.headroom;
    uint64_t bytes = asked != 0 ? asked : DEFAULT_BYTES;
    if (bytes < LEAST_BYTES || bytes > MOST_BYTES)
        return sn__fail(SN_E_INVALID, "limits: arrays of %llu bytes: %zu to %zu are possible",
                        (unsigned long long)bytes, LEAST_BYTES, MOST_BYTES);
    while (asked == 0 && bytes > LEAST_BYTES && needed(bytes) > least / 4 * 3)
        bytes /= 2;
    if (needed(bytes) > least) {
        char group[32] = "no limit";
        if (memory.headroom != UINT64_MAX)
            snprintf(group, sizeof group, "%llu MiB", (unsigned long long)(memory.headroom / MIB));
        return sn__fail(SN_E_NOMEM,
                        "limits: %zu MiB are needed; MemAvailable: %llu MiB, control group: %s",
                        needed(bytes) / MIB, (unsigned long long)(memory.available / MIB), group);
    }
    *out = bytes / (2 * MIB) * (2 * MIB);
    return SN_OK;
}

sn_status sn__limits_settle(const sn_limits_options *options, sn_limits_options *out)
{
    sn_limits_options settled = { .struct_size = sizeof settled };
    if (options != NULL)
        SN_TRY(
            sn__options_read(&settled, sizeof settled, options, FIRST_OPTIONS, "limits options"));
    if (settled.runs < 0 || settled.runs > 1000)
        return sn__fail(SN_E_INVALID, "limits: %d runs: 1 to 1000 are possible", settled.runs);
    if (settled.max_threads < 0 || settled.max_threads > MAX_THREADS)
        return sn__fail(SN_E_INVALID, "limits: %d threads: 1 to %d are possible",
                        settled.max_threads, MAX_THREADS);
    settled.runs = settled.runs != 0 ? settled.runs : 9;
    settled.max_threads = settled.max_threads != 0 ? settled.max_threads : sn__cores_granted();
    SN_TRY(settle_bytes(settled.bytes, &settled.bytes));
    *out = settled;
    return SN_OK;
}

static void fill(uint8_t *block, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 8) {
        uint64_t word = sn__mix64(i);
        memcpy(block + i, &word, sizeof word);
    }
}

sn_status sn_probe_create(const sn_limits_options *options, bool huge, sn_probe **out)
{
    sn_limits_options settled;
    sn_probe *probe;
    SN_TRY(sn__limits_settle(options, &settled));
    SN_TRY(sn__mem_zalloc(1, sizeof *probe, "probe", &probe));
    probe->bytes = settled.bytes;
    probe->reads = reads_of(probe->bytes);
    probe->buffer = probe->bytes / 8 < MOST_BUFFER ? probe->bytes / 8 : MOST_BUFFER;

    size_t count = probe->reads + AHEAD;
    sn_status st = sn__mem_pages(probe->bytes, "limits: array", &probe->from);
    if (st == SN_OK)
        st = sn__mem_pages(probe->bytes, "limits: array", &probe->to);
    if (st == SN_OK)
        st = sn__mem_pages(count * sizeof *probe->lines, "limits: lines", &probe->lines);
    if (st == SN_OK)
        st = sn__mem_pages(count * sizeof *probe->starts, "limits: rows", &probe->starts);
    if (st != SN_OK) {
        sn_probe_release(probe);
        return st;
    }
    /* Only a wish; what came of it is read back. */
    int advice = huge && sn__option_value_or_default(SN__OPTION_HUGE_PAGES) == 0 ? MADV_HUGEPAGE
                                                                                 : MADV_NOHUGEPAGE;
    (void)madvise(probe->from, probe->bytes, advice);
    (void)madvise(probe->to, probe->bytes, advice);
    fill(probe->from, probe->bytes);
    fill(probe->to, probe->bytes);
    for (size_t i = 0; i < count; i++)
        probe->lines[i] = (uint32_t)(sn__mix64(i * 77) % (probe->bytes / LINE));
    sn__pages_obtained(probe->from, probe->bytes, probe->pages);
    *out = probe;
    return SN_OK;
}

void sn_probe_release(sn_probe *probe)
{
    if (probe == NULL)
        return;
    sn__mem_pages_free(probe->from, probe->bytes);
    sn__mem_pages_free(probe->to, probe->bytes);
    sn__mem_pages_free(probe->lines, (probe->reads + AHEAD) * sizeof *probe->lines);
    sn__mem_pages_free(probe->starts, (probe->reads + AHEAD) * sizeof *probe->starts);
    sn__mem_free(probe);
}

sn__probe_arrays sn__probe_inside(sn_probe *probe)
{
    return (sn__probe_arrays){ .from = probe->from,
                               .to = probe->to,
                               .bytes = probe->bytes,
                               .reads = probe->reads,
                               .buffer = probe->buffer };
}

const char *sn_probe_pages(const sn_probe *probe)
{
    return probe->pages;
}

/* -- Work of one thread: the part [first, last) ------------------------------------------------ */

static uint64_t line_word(const sn_probe *probe, size_t i)
{
    uint64_t word;
    memcpy(&word, probe->from + (size_t)probe->lines[i] * LINE, sizeof word);
    return word;
}

static void lines_branch(sn_probe *probe, size_t first, size_t last)
{
    uint64_t odd = 0, even = 1;
    for (size_t i = first; i < last; i++) {
        __builtin_prefetch(probe->from + (size_t)probe->lines[i + AHEAD] * LINE);
        uint64_t word = line_word(probe, i);
        if (word & 1) { /* the empty asm keeps the compiler from making a select of it */
            odd += word;
            __asm__ volatile("" : "+r"(odd));
        } else {
            even ^= word;
            __asm__ volatile("" : "+r"(even));
        }
    }
    atomic_fetch_add(&probe->sink, odd + even);
}

static void lines_free(sn_probe *probe, size_t first, size_t last)
{
    uint64_t sum = 0;
    for (size_t i = first; i < last; i++)
        sum += line_word(probe, i);
    atomic_fetch_add(&probe->sink, sum);
}

static void row_gather(sn_probe *probe, size_t first, size_t last)
{
    size_t row = probe->row_bytes;
    for (size_t i = first; i < last; i++) {
        const uint8_t *next = probe->from + probe->starts[i + AHEAD];
        for (size_t byte = 0; byte < row; byte += LINE)
            __builtin_prefetch(next + byte, 0, INTO_SECOND);
        memcpy(probe->to + i * row, probe->from + probe->starts[i], row);
    }
}

static void copy(sn_probe *probe, size_t first, size_t last)
{
    memcpy(probe->to + first * LINE, probe->from + first * LINE, (last - first) * LINE);
}

/* Offsets for rows of this size; outside the measured time. */
static void make_starts(sn_probe *probe, size_t row, size_t count)
{
    if (probe->row_bytes == row)
        return;
    size_t rows = probe->bytes / row;
    for (size_t i = 0; i < count + AHEAD; i++)
        probe->starts[i] = probe->lines[i] % rows * row;
    probe->row_bytes = row;
}

/* -- A run over threads ------------------------------------------------------------------------ */

typedef struct run {
    sn_probe *probe;
    void (*work)(sn_probe *probe, size_t first, size_t last);
    size_t items;
    int32_t threads;
    atomic_int waiting;                    /* threads at the barrier */
    atomic_bool abandoned;                 /* not all could be started */
    atomic_int_least64_t start_ns, end_ns; /* least and greatest */
    atomic_int next;                       /* thread numbers */
} run;

static void keep_least(atomic_int_least64_t *to, int64_t value)
{
    int_least64_t seen = atomic_load(to);
    while (value < seen && !atomic_compare_exchange_weak(to, &seen, value))
        ;
}

static void keep_greatest(atomic_int_least64_t *to, int64_t value)
{
    int_least64_t seen = atomic_load(to);
    while (value > seen && !atomic_compare_exchange_weak(to, &seen, value))
        ;
}

/* Spins, since waking would cost more than a short run lasts; yields where cores are fewer than
 * threads. */
static void meet(run *self)
{
    atomic_fetch_add(&self->waiting, 1);
    for (int spins = 0; atomic_load(&self->waiting) < self->threads; spins++) {
        if (atomic_load(&self->abandoned))
            return;
        if (spins > 1000)
            sched_yield();
    }
}

static void *run_part(void *argument)
{
    run *self = argument;
    size_t index = (size_t)atomic_fetch_add(&self->next, 1), threads = (size_t)self->threads;
    meet(self);
    if (atomic_load(&self->abandoned))
        return NULL;
    keep_least(&self->start_ns, sn__now_ns());
    self->work(self->probe, self->items * index / threads, self->items * (index + 1) / threads);
    keep_greatest(&self->end_ns, sn__now_ns());
    return NULL;
}

/* Seconds from the first start to the last end. */
static sn_status timed(run *self, double *out)
{
    pthread_t *others = NULL;
    int32_t started = 0;
    int error = 0;
    sigset_t all, before;
    SN_TRY(sn__mem_zalloc((size_t)self->threads, sizeof *others, "threads", &others));
    atomic_store(&self->start_ns, INT64_MAX);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (started < self->threads - 1 && error == 0) {
        error = pthread_create(&others[started], NULL, run_part, self);
        started += error == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0)
        atomic_store(&self->abandoned, true);
    else
        run_part(self);
    for (int32_t i = 0; i < started; i++)
        pthread_join(others[i], NULL);
    sn__mem_free(others);
    if (error != 0) {
        errno = error;
        return sn__fail_errno("limits: thread %d of %d", started + 2, self->threads);
    }
    *out = (double)(atomic_load(&self->end_ns) - atomic_load(&self->start_ns)) * 1e-9;
    return SN_OK;
}

sn_status sn_probe_run(sn_probe *probe, sn_probe_kind kind, int64_t row_bytes, int32_t threads,
                       double *out)
{
    run self = { .probe = probe, .threads = threads, .items = probe->reads };
    double amount = (double)probe->reads / 1e6, seconds = 0;
    if (threads < 1 || threads > MAX_THREADS)
        return sn__fail(SN_E_INVALID, "probe: %d threads: 1 to %d are possible", threads,
                        MAX_THREADS);
    switch (kind) {
    case SN_PROBE_LINES_BRANCH:
        self.work = lines_branch;
        break;
    case SN_PROBE_LINES_FREE:
        self.work = lines_free;
        break;
    case SN_PROBE_ROW_GATHER: {
        if (row_bytes < 1 || row_bytes > MAX_ROW)
            return sn__fail(SN_E_INVALID, "probe: rows of %lld bytes: 1 to %d are possible",
                            (long long)row_bytes, MAX_ROW);
        size_t row = (size_t)row_bytes, rows = probe->buffer / row;
        self.items = rows < probe->reads ? rows : probe->reads;
        make_starts(probe, row, self.items);
        self.work = row_gather;
        amount = (double)(self.items * row) / 1e9;
        break;
    }
    case SN_PROBE_COPY:
        self.work = copy;
        self.items = probe->bytes / LINE;
        amount = 2.0 * (double)probe->bytes / 1e9;
        break;
    default:
        return sn__fail(SN_E_INVALID, "probe: there is no kind %d", (int)kind);
    }
    SN_TRY(timed(&self, &seconds));
    *out = amount / seconds;
    return SN_OK;
}
