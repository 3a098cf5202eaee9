/* SPDX-License-Identifier: Apache-2.0 */
/* Batches from worker processes: the consumer's end. Takes tickets in order from whichever lane has
 * claimed them, and makes batches of what lies there, in place.
 *
 * What a slot or a message says was written by another process, so it is checked before it is used;
 * what cannot be ends the run with SN_E_CORRUPT.
 *
 * Threads: begin and next by one thread at a time (source.h); the supervisor beside it. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/spin.h"
#include "channel/claims.h"
#include "channel/message.h"
#include "engine/produce/source.h"
#include "engine/produce/stats.h"
#include "engine/produce/supervisor.h"

#include <string.h>

enum {
    WINDOW_PER_LANE = SN__LANE_AHEAD + 1, /* and one under way */
    LEAST_WINDOW = 4
};

typedef struct sn__producer {
    sn__source source; /* first: the handle */
    sn_plan *plan;     /* a reference */
    uint64_t plan_hash;
    sn__hold *hold; /* a reference */
    sn__supervisor *supervisor;
    sn__batch_pool *pool;
    uint64_t ticket, end; /* of the run: what is taken next, and where it ends */
    atomic_bool interrupted;
} sn__producer;

static sn__totals *totals_of(const sn__producer *self)
{
    return &self->hold->stream.header->totals;
}

/* -- Runs -------------------------------------------------------------------------------------- */

/* A descriptor that nobody wants: its memory is free again. */
static void drop(sn__producer *self, uint32_t lane, const sn__slot *slot)
{
    sn__hold_drop(self->hold, lane, slot);
    sn__lane_pop_parent(&self->hold->stream, lane);
}

/* What lanes have published of the runs before `base`. */
static void drop_published(sn__producer *self, uint64_t base)
{
    sn__slot slot;
    for (uint32_t lane = 0; lane < self->hold->stream.lanes; lane++)
        while (sn__lane_peek_parent(&self->hold->stream, lane, &slot) && slot.ticket < base)
            drop(self, lane, &slot);
}

static bool is_interrupted(const sn__producer *self)
{
    return atomic_load_explicit(&self->interrupted, memory_order_acquire);
}

static sn_status begin(sn__source *source, const sn__run *run)
{
    sn__producer *self = (sn__producer *)source;
    if (is_interrupted(self))
        return SN_E_CLOSED;
    uint64_t base = sn__claim_close_parent(&self->hold->stream);
    drop_published(self, base);
    sn__supervisor_begin(self->supervisor);
    sn__stream_run next = { .base = base,
                            .count = (uint64_t)run->count,
                            .epoch = run->epoch,
                            .first_step = run->first_step };
    self->ticket = base;
    self->end = base + next.count;
    sn__claim_open_parent(&self->hold->stream, &next);
    return SN_OK;
}

/* -- One batch --------------------------------------------------------------------------------- */

/* The message, held against the plan: the same tensors, in memory that is there. */
static sn_status check_message(const sn__producer *self, const uint8_t *message,
                               const sn__message_header *header, sn_tensor *tensors)
{
    const sn_plan *plan = self->plan;
    if (header->plan != self->plan_hash || header->tensors != (uint32_t)plan->num_tensors ||
        header->seed != plan->seed)
        return sn__fail(SN_E_CORRUPT,
                        "message of plan %016llx with %u tensors, expected %016llx, %d",
                        (unsigned long long)header->plan, header->tensors,
                        (unsigned long long)self->plan_hash, plan->num_tensors);
    for (uint32_t i = 0; i < header->tensors; i++) {
        SN_TRY(sn__message_tensor_at(message, header, i, &tensors[i], NULL));
        SN_TRY(sn__batch_check_tensor(plan, (int32_t)i, &tensors[i]));
    }
    return SN_OK;
}

static sn_status fill_batch(const sn__producer *self, const sn__slot *slot, const uint8_t *message,
                            sn_batch *batch)
{
    sn__message_header header;
    SN_TRY(sn__message_read(message, (size_t)slot->bytes, &header));
    SN_TRY(check_message(self, message, &header, batch->tensors));
    batch->info.epoch = header.epoch;
    batch->info.batch = header.batch;
    batch->info.flags = header.flags;
    batch->info.num_nodes = header.num_nodes;
    batch->info.num_edges = header.num_edges;
    return SN_OK;
}

/* What fill_batch reads is in the cache of the worker's core: all its lines are on their way at once. */
static void fetch_head(const sn__producer *self, const sn__slot *slot, const uint8_t *message)
{
    enum { LINE = 64 };
    size_t bytes = sn__message_payload_at(self->plan->num_tensors, 0);
    for (size_t at = 0; at < bytes && at < slot->bytes; at += LINE)
        __builtin_prefetch(message + at);
}

/* A batch that lies where the lane wrote it. */
static sn_status lend(sn__producer *self, uint32_t lane, const sn__slot *slot, sn_batch **out)
{
    const uint8_t *message;
    sn_batch *batch;
    SN_TRY(sn__hold_lend(self->hold, lane, slot, &message));
    fetch_head(self, slot, message);
    sn__loan loan = { .lender = &self->hold->lender,
                      .what = (uint64_t)lane << 32 | slot->segment,
                      .where = slot->block };
    sn_status status = sn__batch_pool_borrow(self->pool, self->plan, &loan, &batch);
    if (status != SN_OK) {
        sn__hold_give(self->hold, lane, slot->segment, slot->block);
        return status;
    }
    (void)sn__hold_retain(self->hold); /* the loan's, which gives it back */
    status = fill_batch(self, slot, message, batch);
    if (status != SN_OK) {
        sn_batch_release(batch);
        return status;
    }
    *out = batch;
    return SN_OK;
}

/* What the lane has to say instead of a batch. */
static sn_status read_error(const sn__producer *self, uint32_t lane, const sn__slot *slot)
{
    char words[SN__WORDS_BYTES];
    memcpy(words, sn__stream_lane(&self->hold->stream, lane)->words, sizeof words);
    words[sizeof words - 1] = '\0';
    return sn__fail(slot->status < 0 ? (sn_status)slot->status : SN_E_CORRUPT, "%s", words);
}

static void count_batch(const sn__producer *self, const sn__slot *slot)
{
    sn__totals *totals = totals_of(self);
    atomic_fetch_add_explicit(&totals->batches, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&totals->bytes, slot->bytes, memory_order_relaxed);
}

/* Takes the ticket's descriptor, which is the lane's oldest. */
static sn_status take_slot(sn__producer *self, uint32_t lane, const sn__slot *slot, sn_batch **out)
{
    sn_status status =
        slot->status == SN_OK ? lend(self, lane, slot, out) : read_error(self, lane, slot);
    sn__lane_pop_parent(&self->hold->stream, lane);
    if (status != SN_OK) {
        sn__supervisor_fail(self->supervisor, status,
                            (int32_t)(lane / self->hold->stream.concurrency));
        return sn__supervisor_failure(self->supervisor, self->ticket);
    }
    count_batch(self, slot);
    sn__claim_pass_parent(&self->hold->stream, self->ticket, self->end);
    self->ticket++;
    return SN_OK;
}

/* SN_E_AGAIN: the ticket's batch is not there yet. */
static sn_status take(sn__producer *self, sn_batch **out)
{
    const sn__stream *stream = &self->hold->stream;
    uint32_t lane;
    sn__slot slot;
    if (!sn__claim_owner_parent(stream, self->ticket, &lane))
        return SN_E_AGAIN;
    while (sn__lane_peek_parent(stream, lane, &slot)) {
        if (slot.ticket == self->ticket)
            return take_slot(self, lane, &slot, out);
        if (slot.ticket > self->ticket) {
            (void)sn__fail(SN_E_CORRUPT, "batch %llu is in its lane before batch %llu",
                           (unsigned long long)slot.ticket, (unsigned long long)self->ticket);
            sn__supervisor_fail(self->supervisor, SN_E_CORRUPT,
                                (int32_t)(lane / stream->concurrency));
            return sn__supervisor_failure(self->supervisor, self->ticket);
        }
        drop(self, lane, &slot); /* of a run that was abandoned */
    }
    return SN_E_AGAIN;
}

/* -- Waiting ----------------------------------------------------------------------------------- */

/* One look: a batch, an error, or SN_E_AGAIN. A batch that is there is delivered before an error that
 * came after it. */
static sn_status look(sn__producer *self, sn_batch **out)
{
    if (is_interrupted(self))
        return SN_E_CLOSED;
    if (self->ticket == self->end)
        return SN_E_END;
    sn_status status = take(self, out);
    if (status != SN_E_AGAIN)
        return status;
    status = sn__supervisor_failure(self->supervisor, self->ticket);
    return status != SN_OK ? status : SN_E_AGAIN;
}

static sn_status look_for_a_moment(sn__producer *self, sn_batch **out)
{
    sn__spin spin = sn__spin_begin();
    sn_status status;
    do
        status = look(self, out);
    while (status == SN_E_AGAIN && sn__spin_more(&spin));
    return status;
}

static sn_status sleep_and_look(sn__producer *self, int64_t deadline_ns, sn_batch **out)
{
    sn__event *published = &self->hold->stream.header->published;
    for (;;) {
        uint32_t seen = sn__event_prepare(published);
        sn_status status = look(self, out);
        if (status != SN_E_AGAIN)
            return status;
        status = sn__event_wait(published, seen, deadline_ns);
        if (status != SN_OK)
            return status;
    }
}

static sn_status next(sn__source *source, int64_t deadline_ns, sn_batch **out)
{
    sn__producer *self = (sn__producer *)source;
    sn__totals *totals = totals_of(self);
    sn_status status = look(self, out);
    if (status != SN_E_AGAIN || deadline_ns == 0)
        return status;
    int64_t began = sn__now_ns();
    atomic_fetch_or_explicit(&totals->flags, SN_STATS_WAITING, memory_order_relaxed);
    status = look_for_a_moment(self, out);
    if (status == SN_E_AGAIN)
        status = sleep_and_look(self, deadline_ns, out);
    atomic_fetch_and_explicit(&totals->flags, ~(uint32_t)SN_STATS_WAITING, memory_order_relaxed);
    atomic_fetch_add_explicit(&totals->waits, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&totals->wait_ns, (uint64_t)(sn__now_ns() - began),
                              memory_order_relaxed);
    return status;
}

static void interrupt(sn__source *source)
{
    sn__producer *self = (sn__producer *)source;
    atomic_store_explicit(&self->interrupted, true, memory_order_release);
    sn__event_signal(&self->hold->stream.header->published);
}

/* -- Life -------------------------------------------------------------------------------------- */

static void stats(const sn__source *source, sn_loader_stats *out)
{
    sn__stats_read(&((const sn__producer *)source)->hold->stream, out);
}

static void release(sn__source *source)
{
    sn__producer *self = (sn__producer *)source;
    sn__supervisor_release(self->supervisor);
    if (self->hold != NULL)
        sn__hold_close_fds(self->hold);
    sn__hold_release(self->hold);
    sn__batch_pool_release(self->pool);
    sn_plan_release(self->plan);
    sn__mem_free(self);
}

static sn_status init(sn__producer *self, const sn_loader_options *options)
{
    sn__stream_shape shape = { .workers = (uint32_t)options->workers,
                               .concurrency = (uint32_t)options->concurrency };
    shape.window = shape.workers * shape.concurrency * WINDOW_PER_LANE;
    if (shape.window < LEAST_WINDOW)
        shape.window = LEAST_WINDOW;
    SN_TRY(sn__plan_hash_all(self->plan, &self->plan_hash));
    SN_TRY(sn__batch_pool_create(SN__POOL_ALL, &self->pool));
    SN_TRY(sn__hold_create(&shape, &self->hold));
    sn__supervisor_config config = { self->plan, self->hold, options };
    return sn__supervisor_create(&config, &self->supervisor);
}

sn_status sn__producer_create(sn_plan *plan, const sn_loader_options *options, sn__source **out)
{
    static const sn__source_ops ops = { begin, next, interrupt, stats, release };
    sn__producer *self;
    SN_TRY(sn__mem_zalloc(1, sizeof *self, "loader", &self));
    self->source.ops = &ops;
    self->plan = sn__plan_retain(plan);
    sn_status status = init(self, options);
    if (status != SN_OK) {
        release(&self->source);
        return status;
    }
    *out = &self->source;
    return SN_OK;
}
