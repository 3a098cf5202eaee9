/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's thread: waits for workers to speak or die, and for the consumer to want something. */
#include "engine/produce/supervisor_inside.h"

#include "base/clock.h"
#include "base/mem.h"
#include "channel/claims.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define STOP_NS          INT64_C(1000000000)        /* for workers to end by themselves */
#define KILLED_NS        (INT64_C(10) * 1000000000) /* for the system to end those that were killed */
#define LONGEST_WAIT_NS  INT64_C(1000000000)
#define SHORTEST_WAIT_NS INT64_C(5000000)
#define CREATE_NS        (INT64_C(600) * 1000000000) /* above all that the thread allows a start to take */

enum { EVENTS = 32 };

/* -- Failures ---------------------------------------------------------------------------------- */

typedef struct failure {
    sn_status status;
    uint64_t generation, from;
    char text[SN__CONTROL_TEXT + 200];
} failure;

static void set_failure(sn__supervisor *s, const failure *of)
{
    sn__stream_header *header = s->hold->stream.header;
    pthread_mutex_lock(&s->lock);
    if (of->generation == s->generation &&
        atomic_load_explicit(&s->failed, memory_order_relaxed) == SN_OK) {
        _Static_assert(sizeof s->failure == sizeof of->text, "the text fits");
        memcpy(s->failure, of->text, sizeof s->failure);
        s->failure_from = of->from;
        atomic_fetch_or_explicit(&header->totals.flags, SN_STATS_FAILED, memory_order_relaxed);
        atomic_store_explicit(&s->failed, (int)of->status, memory_order_release); /* V2 */
        pthread_cond_broadcast(&s->changed);
    }
    pthread_mutex_unlock(&s->lock);
    sn__event_signal(&header->published);
}

void sn__supervisor_fail_text(sn__supervisor *s, sn_status status, uint64_t from,
                              const char *format, ...)
{
    failure of = { .status = status, .generation = s->seen, .from = from };
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(of.text, sizeof of.text, format, arguments);
    va_end(arguments);
    set_failure(s, &of);
}

void sn__supervisor_fail_at_once(sn__supervisor *s)
{
    pthread_mutex_lock(&s->lock);
    s->failure_from = 0; /* set with each failure */
    pthread_mutex_unlock(&s->lock);
}

void sn__supervisor_fail(sn__supervisor *s, sn_status status, int32_t worker)
{
    failure of = { .status = status,
                   .generation = s->generation }; /* the consumer alone changes it */
    if (worker >= 0)
        snprintf(of.text, sizeof of.text, "worker %d: %s", worker, sn_error_detail());
    else
        snprintf(of.text, sizeof of.text, "%s", sn_error_detail());
    set_failure(s, &of);
}

sn_status sn__supervisor_failure(sn__supervisor *s, uint64_t ticket)
{
    char text[sizeof s->failure];
    sn_status status = (sn_status)atomic_load_explicit(&s->failed, memory_order_acquire);
    if (status == SN_OK)
        return SN_OK;
    pthread_mutex_lock(&s->lock);
    bool is_later = s->failure_from > ticket;
    memcpy(text, s->failure, sizeof text);
    pthread_mutex_unlock(&s->lock);
    return is_later ? SN_OK : sn__fail(status, "%s", text);
}

static void wake(const sn__supervisor *s)
{
    uint64_t one = 1;
    ssize_t written;
    do
        written = write(s->wake, &one, sizeof one);
    while (written < 0 && errno == EINTR);
}

void sn__supervisor_begin(sn__supervisor *s)
{
    pthread_mutex_lock(&s->lock);
    s->generation++;
    bool failed = atomic_exchange_explicit(&s->failed, SN_OK, memory_order_acq_rel) != SN_OK;
    atomic_fetch_and_explicit(&s->hold->stream.header->totals.flags, ~(uint32_t)SN_STATS_FAILED,
                              memory_order_relaxed);
    pthread_mutex_unlock(&s->lock);
    if (!failed)
        return;
    atomic_store_explicit(&s->restart, true, memory_order_release);
    wake(s);
}

/* -- The thread -------------------------------------------------------------------------------- */

static bool has_failed(const sn__supervisor *s)
{
    return atomic_load_explicit(&s->failed, memory_order_acquire) != SN_OK;
}

static void note_generation(sn__supervisor *s)
{
    pthread_mutex_lock(&s->lock);
    s->seen = s->generation;
    pthread_mutex_unlock(&s->lock);
}

/* Starts who is down; returns how long the thread may sleep. */
static int64_t start_down(sn__supervisor *s)
{
    int64_t now = sn__now_ns(), sleep_ns = s->stall_ns / 4;
    for (uint32_t w = 0; w < s->hold->stream.workers && !has_failed(s); w++) {
        sn__worker_seat *seat = &s->seats[w];
        if (seat->state == SN__DOWN && seat->retry_ns <= now)
            sn__seat_start(s, w);
        if (seat->state == SN__DOWN && seat->retry_ns - now < sleep_ns)
            sleep_ns = seat->retry_ns - now;
    }
    if (sleep_ns < SHORTEST_WAIT_NS)
        return SHORTEST_WAIT_NS;
    return sleep_ns < LONGEST_WAIT_NS ? sleep_ns : LONGEST_WAIT_NS;
}

static void handle(sn__supervisor *s, uint64_t key)
{
    uint64_t count;
    uint32_t worker = (uint32_t)(key >> 2);
    switch (key & 3) {
    case SN__WATCH_WAKE:
        if (read(s->wake, &count, sizeof count) < 0)
            return; /* nothing in it: woken before */
        return;
    case SN__WATCH_PROCESS:
        if (s->seats[worker].state != SN__DOWN)
            sn__seat_bury(s, worker);
        return;
    default:
        if (s->seats[worker].state != SN__DOWN)
            sn__seat_listen(s, worker);
    }
}

/* Deaths come last: what the dead have said is heard before, and a seat is not reused in between. */
static void wait_for_events(sn__supervisor *s, int64_t sleep_ns)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(s->epoll, events, EVENTS, (int)((sleep_ns + 999999) / 1000000));
    int error = count < 0 && errno != EINTR ? errno : 0;
    note_generation(s);
    if (error != 0) { /* the host has closed what was not its own: nothing works any more */
        sn__supervisor_fail_text(s, SN_E_SYSTEM, 0, "loader: its descriptors are gone: %s",
                                 strerror(error));
        nanosleep(&(struct timespec){ .tv_nsec = SHORTEST_WAIT_NS }, NULL);
    }
    for (int i = 0; i < count; i++)
        if ((events[i].data.u64 & 3) != SN__WATCH_PROCESS)
            handle(s, events[i].data.u64);
    for (int i = 0; i < count; i++)
        if ((events[i].data.u64 & 3) == SN__WATCH_PROCESS)
            handle(s, events[i].data.u64);
}

static void forget_failures(sn__supervisor *s)
{
    if (!atomic_exchange_explicit(&s->restart, false, memory_order_acq_rel))
        return;
    for (uint32_t w = 0; w < s->hold->stream.workers; w++) {
        s->seats[w].early_deaths = 0;
        s->seats[w].retry_ns = 0;
    }
}

static bool all_down(const sn__supervisor *s)
{
    for (uint32_t w = 0; w < s->hold->stream.workers; w++)
        if (s->seats[w].state != SN__DOWN)
            return false;
    return true;
}

static void wait_all_down(sn__supervisor *s, int64_t deadline_ns)
{
    while (!all_down(s) && sn__now_ns() < deadline_ns)
        wait_for_events(s, deadline_ns - sn__now_ns() < LONGEST_WAIT_NS ? SHORTEST_WAIT_NS
                                                                        : LONGEST_WAIT_NS);
}

static void stop_all(sn__supervisor *s)
{
    for (uint32_t w = 0; w < s->hold->stream.workers; w++)
        if (s->seats[w].state != SN__DOWN)
            sn__seat_send_stop(&s->seats[w]);
    wait_all_down(s, sn__now_ns() + STOP_NS);
    for (uint32_t w = 0; w < s->hold->stream.workers; w++)
        if (s->seats[w].state != SN__DOWN)
            sn__seat_kill(&s->seats[w], "the loader ends");
    wait_all_down(s, sn__now_ns() + KILLED_NS);
}

static void *run(void *argument)
{
    sn__supervisor *s = argument;
    s->checked_ns = sn__now_ns();
    while (!atomic_load_explicit(&s->stopping, memory_order_acquire)) {
        forget_failures(s);
        int64_t sleep_ns = start_down(s);
        wait_for_events(s, sleep_ns);
        sn__supervisor_check_stalls(s);
    }
    stop_all(s);
    return NULL;
}

/* -- Life -------------------------------------------------------------------------------------- */

static sn_status init(sn__supervisor *s, const sn__supervisor_config *config)
{
    const sn__stream *stream = &config->hold->stream;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    SN_TRY(sn__mem_zalloc(stream->workers, sizeof *s->seats, "workers", &s->seats));
    SN_TRY(sn__mem_zalloc(stream->lanes, sizeof *s->watches, "lanes", &s->watches));
    for (uint32_t w = 0; w < stream->workers; w++)
        s->seats[w].socket = s->seats[w].process.pidfd = -1;
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = { .events = EPOLLIN, .data.u64 = SN__WATCH_WAKE };
    if (s->epoll < 0 || s->wake < 0 || epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->wake, &event) != 0)
        return sn__fail_errno("descriptors of the supervisor");
    return sn__supervisor_prepare(s, config->options);
}

static void deinit(sn__supervisor *s)
{
    sn__supervisor_unprepare(s);
    if (s->wake >= 0)
        close(s->wake);
    if (s->epoll >= 0)
        close(s->epoll);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    sn__mem_free(s->watches);
    sn__mem_free(s->seats);
    sn__mem_free(s);
}

/* Signals are the host's: none comes to the thread. */
static sn_status start_thread(sn__supervisor *s)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&s->thread, NULL, run, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0)
        return sn__fail(SN_E_SYSTEM, "supervisor thread: %s", strerror(error));
    return SN_OK;
}

static sn_status wait_ready(sn__supervisor *s)
{
    int64_t deadline_ns = sn__now_ns() + CREATE_NS;
    struct timespec until = { .tv_sec = deadline_ns / 1000000000,
                              .tv_nsec = deadline_ns % 1000000000 };
    bool in_time = true;
    pthread_mutex_lock(&s->lock);
    while (s->ready < s->hold->stream.workers && !has_failed(s) && in_time)
        in_time = pthread_cond_timedwait(&s->changed, &s->lock, &until) == 0;
    pthread_mutex_unlock(&s->lock);
    SN_TRY(sn__supervisor_failure(s, UINT64_MAX));
    return in_time ? SN_OK : SN_E_TIMEOUT;
}

sn_status sn__supervisor_create(const sn__supervisor_config *config, sn__supervisor **out)
{
    sn__supervisor *s;
    SN_TRY(sn__mem_zalloc(1, sizeof *s, "supervisor", &s));
    s->plan = config->plan;
    s->hold = config->hold;
    s->channel_bytes = config->options->channel_bytes;
    s->stall_ns = config->options->stall_ns;
    s->threads = (uint32_t)config->options->threads;
    s->wake = s->epoll = -1;
    s->plan_pack = SN__SEGMENT_NONE;
    sn_status status = init(s, config);
    if (status == SN_OK)
        status = start_thread(s);
    if (status != SN_OK) {
        deinit(s);
        return status;
    }
    status = wait_ready(s);
    if (status != SN_OK) {
        sn__supervisor_release(s);
        return status;
    }
    *out = s;
    return SN_OK;
}

void sn__supervisor_release(sn__supervisor *s)
{
    if (s == NULL)
        return;
    atomic_store_explicit(&s->stopping, true, memory_order_release);
    wake(s);
    pthread_join(s->thread, NULL);
    deinit(s);
}
