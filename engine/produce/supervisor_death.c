/* SPDX-License-Identifier: Apache-2.0 */
/* Deaths of workers, and what follows. */
#include "base/cgroup.h"
#include "base/clock.h"
#include "base/log.h"
#include "engine/produce/supervisor_inside.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REAP_NS      INT64_C(1000000000)        /* a pidfd that is readable is reaped at once */
#define START_NS     (INT64_C(10) * 1000000000) /* least time that a worker has to get ready */
#define CLOSED_NS    INT64_C(1000000000)        /* from the end of its socket to its own */
#define OVERSLEPT_NS INT64_C(50000000) /* beyond half a stall: longer than the thread ever sleeps */

enum { CAUSE_BYTES = 160, WHERE_BYTES = 120 };

void sn__seat_kill(sn__worker_seat *seat, const char *why)
{
    if (seat->killed_for == NULL)
        seat->killed_for = why;
    if (sn__process_kill(&seat->process, SIGKILL) != SN_OK)
        sn__log(SN_LOG_WARN, "worker of process %d: %s", (int)seat->process.pid, sn_error_detail());
}

/* -- Words ------------------------------------------------------------------------------------- */

static void describe_cause(const sn__worker_seat *seat, const sn__exit *end, char out[CAUSE_BYTES])
{
    char text[SN__EXIT_BYTES];
    int64_t kills = sn__oom_kills("");
    bool for_memory = end->known && end->signal == SIGKILL && seat->killed_for == NULL &&
                      seat->oom_kills >= 0 && kills > seat->oom_kills;
    if (seat->killed_for != NULL &&
        (!end->known || end->signal == SIGKILL)) /* else it was faster */
        snprintf(out, CAUSE_BYTES, "was killed: %s", seat->killed_for);
    else
        snprintf(out, CAUSE_BYTES, "%s%s", sn__exit_text(end, text),
                 for_memory ? ", out of memory: by the kernel, for want of memory" : "");
}

/* "in gather of batch 17 of epoch 0"; of the dead worker's lane that was furthest from idle. */
static void describe_place(const sn__supervisor *s, sn_step step, uint64_t ticket,
                           char out[WHERE_BYTES])
{
    sn__stream_run run = sn__claim_run(&s->hold->stream);
    int64_t batch;
    if (step == SN_STEP_IDLE || ticket < run.base || ticket - run.base >= run.count ||
        sn_plan_step(s->plan, run.first_step + (int64_t)(ticket - run.base), &batch, NULL) != SN_OK)
        snprintf(out, WHERE_BYTES, "%s", step == SN_STEP_IDLE ? "while idle" : sn_step_name(step));
    else
        snprintf(out, WHERE_BYTES, "in %s of batch %lld of epoch %llu", sn_step_name(step),
                 (long long)batch, (unsigned long long)run.epoch);
}

/* For `seine top`: how the worker's predecessor ended. */
static void keep_words(sn__worker_block *block, const char *words)
{
    atomic_fetch_add_explicit(&block->sequence, 1, memory_order_relaxed); /* odd */
    atomic_thread_fence(memory_order_release);
    snprintf(block->words, sizeof block->words, "%.*s", SN__WORDS_BYTES - 1, words);
    atomic_fetch_add_explicit(&block->sequence, 1, memory_order_release); /* even */
}

/* -- Consequences ------------------------------------------------------------------------------ */

typedef struct death {
    uint32_t worker;
    char cause[CAUSE_BYTES], where[WHERE_BYTES];
    sn_step step;
} death;

/* The step of the lane that was furthest from idle, and its ticket. */
static void find_step(const sn__supervisor *s, death *of, uint64_t *ticket)
{
    const sn__stream *stream = &s->hold->stream;
    *ticket = 0;
    for (uint32_t i = 0; i < stream->concurrency; i++) {
        sn__lane_block *lane = sn__stream_lane(stream, of->worker * stream->concurrency + i);
        uint32_t step = atomic_load_explicit(&lane->step, memory_order_relaxed);
        if (step < SN_NUM_STEPS && (sn_step)step > of->step) {
            of->step = (sn_step)step;
            *ticket = atomic_load_explicit(&lane->ticket, memory_order_relaxed);
        }
    }
}

static sn_step step_of(const sn__supervisor *s, uint32_t lane)
{
    const sn__lane_block *shared = sn__stream_lane(&s->hold->stream, lane);
    uint32_t step = atomic_load_explicit(&shared->step, memory_order_relaxed);
    return step < SN_NUM_STEPS ? (sn_step)step : SN_STEP_IDLE;
}

/* Counts deaths in a row at the ticket that the lane has left. A lane that had not come to it is no
 * suspect. Returns whether it has some. */
static bool count_suspect(sn__supervisor *s, uint32_t lane)
{
    sn__lane_watch *watch = &s->watches[lane];
    sn__lane_end end;
    uint64_t ticket;
    if (step_of(s, lane) == SN_STEP_IDLE)
        return false;
    if (sn__lane_open(&s->hold->stream, lane, &end) != SN_OK ||
        !sn__claim_left_lane(&s->hold->stream, lane, end.has_published, end.published, &ticket)) {
        watch->deaths = 0;
        return false;
    }
    watch->deaths = watch->suspect == ticket ? watch->deaths + 1 : 1;
    watch->suspect = ticket;
    return true;
}

static void judge(sn__supervisor *s, const death *of)
{
    sn__worker_seat *seat = &s->seats[of->worker];
    const sn__stream *stream = &s->hold->stream;
    const sn__worker_block *block = sn__stream_worker(stream, of->worker);
    sn__lane_watch *worst = NULL;
    sn_step step = SN_STEP_IDLE;
    for (uint32_t i = 0; i < stream->concurrency; i++) {
        uint32_t lane = of->worker * stream->concurrency + i;
        if (count_suspect(s, lane) && s->watches[lane].deaths >= SN__MOST_DEATHS_AT &&
            (worst == NULL || s->watches[lane].suspect < worst->suspect)) {
            worst = &s->watches[lane];
            step = step_of(s, lane);
        }
    }
    bool early = atomic_load_explicit(&block->claims, memory_order_relaxed) == 0;
    seat->early_deaths = early ? seat->early_deaths + 1 : 0;
    if (seat->said_status != SN_OK)
        return; /* it has told itself */
    if (worst != NULL) {
        char at[WHERE_BYTES];
        describe_place(s, step, worst->suspect, at);
        worst->deaths = 0;
        sn__supervisor_fail_text(s, SN_E_PEER_DIED, worst->suspect,
                                 "worker %u: died three times in a row %s: %s", of->worker, at,
                                 of->cause);
    } else if (seat->early_deaths >= SN__MOST_EARLY_DEATHS) {
        sn__supervisor_fail_text(s, SN_E_PEER_DIED, 0,
                                 "worker %u: cannot start: died %d times in a row before its first "
                                 "batch: %s",
                                 of->worker, seat->early_deaths, of->cause);
    }
}

static void set_idle(const sn__supervisor *s, uint32_t worker)
{
    const sn__stream *stream = &s->hold->stream;
    for (uint32_t i = 0; i < stream->concurrency; i++) {
        sn__lane_block *lane = sn__stream_lane(stream, worker * stream->concurrency + i);
        atomic_store_explicit(&lane->step, SN_STEP_IDLE, memory_order_relaxed);
    }
}

static void count_death(const sn__supervisor *s, const death *of)
{
    sn__totals *totals = &s->hold->stream.header->totals;
    sn__worker_block *block = sn__stream_worker(&s->hold->stream, of->worker);
    atomic_fetch_add_explicit(&totals->deaths[of->step], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&totals->restarts, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&block->restarts, 1, memory_order_relaxed);
}

void sn__seat_bury(sn__supervisor *s, uint32_t worker)
{
    const sn__stream *stream = &s->hold->stream;
    sn__worker_seat *seat = &s->seats[worker];
    death of = { .worker = worker };
    char words[CAUSE_BYTES + WHERE_BYTES];
    sn__exit end = { 0 };
    uint64_t ticket;

    sn__seat_listen(s, worker); /* its last words */
    if (sn__process_reap(&seat->process, sn__now_ns() + REAP_NS, &end) != SN_OK)
        return; /* not dead: the next look will tell */
    if (seat->socket >= 0)
        close(seat->socket);
    seat->socket = -1;
    seat->state = SN__DOWN;
    atomic_store_explicit(&sn__stream_worker(stream, worker)->pid, 0, memory_order_relaxed);
    for (uint32_t i = 0; i < stream->concurrency; i++)
        sn__hold_forget_lane(s->hold, worker * stream->concurrency + i);
    if (!atomic_load_explicit(&s->stopping, memory_order_relaxed)) {
        find_step(s, &of, &ticket);
        describe_cause(seat, &end, of.cause);
        describe_place(s, of.step, ticket, of.where);
        snprintf(words, sizeof words, "%s %s", of.cause, of.where);
        keep_words(sn__stream_worker(stream, worker), words);
        sn__log(SN_LOG_INFO, "worker %u: %s", worker, words);
        count_death(s, &of);
        sn__supervisor_fail_at_once(s); /* unless it is this death that ends the run */
        judge(s, &of);
        set_idle(s, worker);
    }
    sn__event_signal(&stream->header->published); /* V3 */
}

/* -- Stalls ------------------------------------------------------------------------------------ */

/* A lane that could work and does not: it holds a ticket, or one is open, and nothing moves. */
static bool is_stalled(sn__supervisor *s, uint32_t lane, bool open, int64_t now)
{
    sn__lane_watch *watch = &s->watches[lane];
    const sn__lane_block *shared = sn__stream_lane(&s->hold->stream, lane);
    uint64_t progress = atomic_load_explicit(&shared->progress, memory_order_relaxed);
    uint32_t step = atomic_load_explicit(&shared->step, memory_order_relaxed);
    bool has_work = step != SN_STEP_IDLE || (open && !sn__lane_is_ahead(&s->hold->stream, lane));
    if (progress != watch->progress || !has_work) {
        watch->progress = progress;
        watch->since_ns = now;
    }
    return now - watch->since_ns > s->stall_ns;
}

static void check_running(sn__supervisor *s, uint32_t worker, bool open, int64_t now)
{
    uint32_t lanes = s->hold->stream.concurrency;
    for (uint32_t i = 0; i < lanes; i++)
        if (is_stalled(s, worker * lanes + i, open, now))
            sn__seat_kill(&s->seats[worker], "it made no progress for the stall time");
}

static void check_starting(sn__supervisor *s, uint32_t worker, int64_t now)
{
    sn__worker_seat *seat = &s->seats[worker];
    int64_t limit = s->stall_ns > START_NS ? s->stall_ns : START_NS;
    if (now - seat->started_ns <= limit)
        return;
    sn__seat_kill(seat, "it did not get ready");
    if (!seat->was_ready) /* nobody has seen it work: do not try for minutes */
        sn__supervisor_fail_text(s, SN_E_PEER_DIED, 0, "worker %u: %s was not ready within %lld s",
                                 worker, s->path, (long long)(limit / 1000000000));
}

/* Under a debugger, or put aside by its user, this process stands still, and so may the workers; and while
 * memory is made, lanes wait for it: nobody is judged by that time. */
static void forgive_sleep(sn__supervisor *s, int64_t now)
{
    int64_t slept = now - s->checked_ns;
    s->checked_ns = now;
    if (slept <= s->stall_ns / 2 + OVERSLEPT_NS)
        return;
    for (uint32_t lane = 0; lane < s->hold->stream.lanes; lane++)
        s->watches[lane].since_ns = now;
    for (uint32_t w = 0; w < s->hold->stream.workers; w++) {
        s->seats[w].started_ns = now;
        s->seats[w].closed_ns = s->seats[w].closed_ns != 0 ? now : 0;
    }
}

void sn__supervisor_check_stalls(sn__supervisor *s)
{
    int64_t now = sn__now_ns();
    forgive_sleep(s, now);
    bool failed = atomic_load_explicit(&s->failed, memory_order_acquire) != SN_OK;
    bool open = !failed && sn__claim_is_open(&s->hold->stream);
    for (uint32_t w = 0; w < s->hold->stream.workers; w++) {
        sn__worker_seat *seat = &s->seats[w];
        if (seat->state == SN__DOWN)
            continue;
        if (seat->closed_ns != 0 && now - seat->closed_ns > CLOSED_NS)
            sn__seat_kill(seat, "it closed its socket");
        else if (seat->state == SN__STARTING)
            check_starting(s, w, now);
        else
            check_running(s, w, open, now);
    }
}
