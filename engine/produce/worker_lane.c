/* SPDX-License-Identifier: Apache-2.0 */
/* A lane: claims tickets, computes their batches in place, publishes them. Steps as in
 * docs/internals/stream.md; each is told to shared memory, so that the supervisor sees progress and
 * can say where a worker died.
 *
 *     IDLE -> CLAIMED -> SAMPLED -> RESERVED -> GATHER -> WRITTEN -> PUBLISHED -> IDLE
 *
 * Threads: one per lane. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/spin.h"
#include "channel/message.h"
#include "engine/produce/worker.h"
#include "engine/sample/batch.h"

#include <stdio.h>
#include <time.h>

#define IDLE_NS INT64_C(1000000000) /* longest sleep of a lane before it looks round again */
#define TURN_NS 500000              /* between looks whether its turn has come */

void (*sn__worker_hook)(uint32_t lane, sn_step step, uint64_t ticket);

sn_status sn__worker_lane_init(sn__worker_lane *lane)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&lane->lock, NULL);
    pthread_cond_init(&lane->filled, &monotonic);
    pthread_condattr_destroy(&monotonic);
    lane->arena = SN__SEGMENT_NONE;
    lane->shared = sn__stream_lane(&lane->worker->stream, lane->lane);
    SN_TRY(sn__lane_open(&lane->worker->stream, lane->lane, &lane->end));
    lane->has_left = sn__claim_left_lane(&lane->worker->stream, lane->lane, lane->end.has_published,
                                         lane->end.published, &lane->left);
    SN_TRY(sn__compute_create(lane->worker->plan, &lane->compute));
    return sn__compute_set_threads(lane->compute, (int32_t)lane->worker->threads);
}

void sn__worker_lane_deinit(sn__worker_lane *lane)
{
    if (lane->shared == NULL)
        return;
    sn__compute_release(lane->compute);
    sn__segment_unmap(&lane->arena);
    for (size_t i = 0; i < lane->num_spills; i++)
        sn__segment_unmap(&lane->spills[i].segment);
    sn__mem_free(lane->spills);
    pthread_cond_destroy(&lane->filled);
    pthread_mutex_destroy(&lane->lock);
}

/* -- Steps ------------------------------------------------------------------------------------- */

static void add(_Atomic uint64_t *total, int64_t ns)
{
    atomic_fetch_add_explicit(total, (uint64_t)ns, memory_order_relaxed);
}

static void set_step(void *context, sn_step step)
{
    sn__worker_lane *lane = context;
    /* A look at the clock takes as long as much of an empty batch: only where it is needed. */
    if (step == SN_STEP_SAMPLED || step == SN_STEP_RESERVED || step == SN_STEP_WRITTEN) {
        int64_t now = sn__now_ns();
        if (step == SN_STEP_SAMPLED)
            lane->slot.sample_ns = (uint64_t)(now - lane->since_ns);
        else if (step == SN_STEP_WRITTEN)
            lane->slot.gather_ns = (uint64_t)(now - lane->since_ns);
        lane->since_ns = now;
    }
    atomic_store_explicit(&lane->shared->step, (uint32_t)step, memory_order_relaxed);
    sn__progress_bump(&lane->shared->progress);
    if (sn__worker_hook != NULL)
        sn__worker_hook(lane->lane, step, lane->slot.ticket);
}

/* -- A batch ----------------------------------------------------------------------------------- */

/* What a batch of all its seeds would take, if this one, the last of an epoch, has fewer. */
static uint64_t scale_to_whole(const sn_plan *plan, uint64_t batch, uint64_t bytes)
{
    int64_t seeds = plan->num_input - (int64_t)batch * plan->batch_size;
    if (seeds >= plan->batch_size || seeds <= 0)
        return bytes;
    double whole = (double)bytes * (double)plan->batch_size / (double)seeds;
    return whole < 0x1p62 ? (uint64_t)whole : bytes;
}

/* The sink's: memory for the message, its head written, the payload to be filled. */
static sn_status reserve(void *context, const sn_batch_info *info, const sn_tensor *tensors,
                         size_t bytes, uint8_t **payload)
{
    sn__worker_lane *lane = context;
    const sn__worker *worker = lane->worker;
    sn__message_source source = { .info = info,
                                  .tensors = tensors,
                                  .names = worker->names,
                                  .names_bytes = worker->names_bytes,
                                  .plan = worker->plan_hash,
                                  .payload_bytes = bytes };
    size_t head = sn__message_payload_at(info->tensors, worker->names_bytes);
    uint64_t all = sn__align_up(head + bytes);
    SN_TRY(sn__worker_lane_place(lane, all, scale_to_whole(worker->plan, info->batch, all)));
    lane->slot.bytes = all;
    sn__message_write(&source, lane->message);
    *payload = lane->message + head;
    return SN_OK;
}

static void say(sn__worker_lane *lane, const char *words)
{
    snprintf(lane->shared->words, sizeof lane->shared->words, "%s", words); /* cut */
}

/* Computes and publishes; a batch that fails is published as its error. SN_E_CLOSED, without a word: the
 * parent is gone or wants no more, which is no error of the batch. */
static sn_status make_batch(sn__worker_lane *lane, const sn__stream_run *run)
{
    sn__sink sink = {
        .context = lane, .reserve = reserve, .step = set_step, .progress = &lane->shared->progress
    };
    sn_batch_info info;
    int64_t step = run->first_step + (int64_t)(lane->slot.ticket - run->base);
    sn_status status = sn__compute_step(lane->compute, run->epoch, step, &sink, &info);
    if (status == SN_E_CLOSED)
        return status;
    if (status != SN_OK) {
        say(lane, sn_error_detail());
        lane->slot = (sn__slot){ .ticket = lane->slot.ticket, .status = (int32_t)status };
    }
    add(&lane->shared->sample_ns, (int64_t)lane->slot.sample_ns);
    add(&lane->shared->gather_ns, (int64_t)lane->slot.gather_ns);
    sn_status published = sn__lane_publish(&lane->end, &lane->slot);
    if (published != SN_OK)
        return published;
    if (lane->slot.segment != 0)
        lane->spare = 0; /* the parent's now */
    add(&lane->shared->batches, 1);
    set_step(lane, SN_STEP_PUBLISHED);
    return status;
}

/* -- Tickets ----------------------------------------------------------------------------------- */

/* Sleeps until `condition` or the worker stops; brief waits are spun. False: it stops. */
static bool wait_for(sn__worker_lane *lane, bool (*condition)(sn__worker_lane *lane))
{
    sn__event *opened = &lane->worker->stream.header->opened;
    sn__spin spin = sn__spin_begin();
    do
        if (condition(lane))
            return true;
    while (sn__spin_more(&spin));
    for (;;) {
        uint32_t seen = sn__event_prepare(opened);
        if (atomic_load_explicit(&lane->worker->stopping, memory_order_acquire))
            return false;
        if (condition(lane))
            return true;
        sn__progress_bump(&lane->shared->progress); /* it sleeps, but could work */
        if (sn__event_wait(opened, seen, sn__now_ns() + IDLE_NS) == SN_E_SYSTEM)
            return false;
    }
}

static bool has_claimed(sn__worker_lane *lane)
{
    const sn__stream *stream = &lane->worker->stream;
    return !sn__lane_is_ahead(stream, lane->lane) &&
           sn__claim_take_lane(stream, lane->lane, &lane->slot.ticket);
}

static bool has_new_run(sn__worker_lane *lane)
{
    return sn__claim_run(&lane->worker->stream).base > lane->slot.ticket;
}

static bool next_ticket(sn__worker_lane *lane)
{
    int64_t began = sn__now_ns();
    bool got = wait_for(lane, has_claimed);
    lane->since_ns = sn__now_ns();
    add(&lane->shared->idle_ns, lane->since_ns - began);
    return got;
}

/* From the claim of slot.ticket, at since_ns, to the publish. False: the lane can do no more. */
static bool serve(sn__worker_lane *lane)
{
    lane->slot = (sn__slot){ .ticket = lane->slot.ticket };
    atomic_store_explicit(&lane->shared->ticket, lane->slot.ticket, memory_order_relaxed);
    atomic_fetch_add_explicit(
        &sn__stream_worker(&lane->worker->stream, lane->worker->index)->claims, 1,
        memory_order_relaxed);
    set_step(lane, SN_STEP_CLAIMED);
    sn__stream_run run = sn__claim_run(&lane->worker->stream);
    sn_status status = SN_OK;
    if (lane->slot.ticket >= run.base) /* else its run was abandoned */
        status = make_batch(lane, &run);
    if (status == SN_E_CLOSED)
        return false;
    atomic_store_explicit(&lane->shared->step, SN_STEP_IDLE, memory_order_relaxed);
    atomic_store_explicit(&lane->has_left, false, memory_order_relaxed);
    /* An error ends the run: what this lane would say of later batches is not wanted, and `words` must
     * stay until the consumer has read them. */
    return status == SN_OK || wait_for(lane, has_new_run);
}

/* Whether no lane of this worker has a lower ticket left. */
static bool has_lowest_left(const sn__worker_lane *lane)
{
    const sn__worker *worker = lane->worker;
    for (uint32_t i = 0; i < worker->stream.concurrency; i++) {
        const sn__worker_lane *other = &worker->lanes[i];
        if (atomic_load_explicit(&other->has_left, memory_order_relaxed) &&
            other->left < lane->left)
            return false;
    }
    return true;
}

/* What the worker before has left is made one after the other, the lowest ticket first: if one of these
 * batches kills this worker too, it is known which one, and those before it are there. */
static bool serve_left(sn__worker_lane *lane)
{
    const struct timespec pause = { .tv_nsec = TURN_NS };
    while (!has_lowest_left(lane)) {
        if (atomic_load_explicit(&lane->worker->stopping, memory_order_acquire))
            return false;
        sn__progress_bump(&lane->shared->progress); /* its turn will come */
        nanosleep(&pause, NULL);
    }
    lane->slot.ticket = lane->left;
    lane->since_ns = sn__now_ns();
    return serve(lane);
}

void sn__worker_lane_run(sn__worker_lane *lane)
{
    bool going = lane->has_left ? serve_left(lane) : true;
    while (going && next_ticket(lane))
        going = serve(lane);
}
