/* SPDX-License-Identifier: Apache-2.0 */
/* The claim table. One compare-and-swap makes a ticket a lane's, and nothing undoes it.
 *
 * An entry serves tickets t, t + window, t + 2 window, ...:
 *
 *     (t, CLOSED) --open--> (t, OPEN) --claim--> (t, lane) --pass--> (t + window, OPEN or CLOSED)
 *          ^                    |
 *          +-------close--------+
 *
 * The parent alone opens, closes and passes; lanes alone claim. Tickets in entries only rise, so a
 * compare-and-swap never meets an old value again. */
#include "channel/claims.h"

#include <sched.h>

static _Atomic uint64_t *entry_of(const sn__stream *stream, uint64_t ticket)
{
    return &stream->entries[ticket % stream->window];
}

/* -- Lane -------------------------------------------------------------------------------------- */

/* What an entry says of ticket t. Only CLAIMED lets a lane look further: a ticket that opens behind its
 * back must not be overtaken by a higher one of the same lane (C2), since the consumer takes from a
 * lane in order. */
typedef enum entry_state { NOT_OPEN, MINE, CLAIMED } entry_state;

static entry_state try_claim(const sn__stream *stream, uint32_t lane, uint64_t t)
{
    _Atomic uint64_t *entry = entry_of(stream, t);
    uint64_t seen = atomic_load_explicit(entry, memory_order_acquire); /* O1 */
    if (seen == sn__entry_make(t, SN__OWNER_OPEN) &&
        atomic_compare_exchange_strong_explicit(entry, &seen,
                                                sn__entry_make(t, SN__OWNER_LANE + lane),
                                                memory_order_acq_rel, /* C1, C2 */
                                                memory_order_acquire))
        return MINE;
    uint64_t ticket = sn__entry_ticket(seen);
    return ticket > t || (ticket == t && sn__entry_owner(seen) >= SN__OWNER_LANE) ? CLAIMED
                                                                                  : NOT_OPEN;
}

bool sn__claim_take_lane(const sn__stream *stream, uint32_t lane, uint64_t *ticket)
{
    uint64_t t = atomic_load_explicit(&stream->header->position, memory_order_acquire); /* P2 */
    entry_state state = CLAIMED;
    for (uint64_t end = t + stream->window; t < end && state == CLAIMED; t++)
        state = try_claim(stream, lane, t);
    if (state == MINE)
        *ticket = t - 1;
    return state == MINE;
}

bool sn__claim_left_lane(const sn__stream *stream, uint32_t lane, bool has_published,
                         uint64_t published, uint64_t *ticket)
{
    bool found = false;
    uint64_t highest = 0;
    for (uint32_t i = 0; i < stream->window; i++) {
        uint64_t entry = atomic_load_explicit(&stream->entries[i], memory_order_acquire); /* O1 */
        uint64_t t = sn__entry_ticket(entry);
        if (sn__entry_owner(entry) != SN__OWNER_LANE + lane || (has_published && t <= published))
            continue;
        if (t >= highest) /* C4: the others are below the base */
            highest = t;
        found = true;
    }
    if (!found || highest < sn__claim_run(stream).base)
        return false;
    *ticket = highest;
    return true;
}

bool sn__claim_is_open(const sn__stream *stream)
{
    for (uint32_t i = 0; i < stream->window; i++)
        if (sn__entry_owner(atomic_load_explicit(&stream->entries[i], memory_order_relaxed)) ==
            SN__OWNER_OPEN)
            return true;
    return false;
}

bool sn__claim_try_run(const sn__stream *stream, sn__stream_run *out)
{
    const sn__run_block *block = &stream->header->run;
    sn__stream_run run;
    uint64_t before = atomic_load_explicit(&block->sequence, memory_order_acquire); /* S2 */
    run.base = atomic_load_explicit(&block->base, memory_order_acquire);            /* S4 */
    run.count = atomic_load_explicit(&block->count, memory_order_acquire);
    run.epoch = atomic_load_explicit(&block->epoch, memory_order_acquire);
    run.first_step = atomic_load_explicit(&block->first_step, memory_order_acquire);
    uint64_t after = atomic_load_explicit(&block->sequence, memory_order_relaxed);
    if (before != after || before % 2 != 0)
        return false;
    *out = run;
    return true;
}

sn__stream_run sn__claim_run(const sn__stream *stream)
{
    sn__stream_run run;
    while (!sn__claim_try_run(stream, &run))
        (void)sched_yield(); /* the parent is in the middle of a few stores; if it dies, so do we */
    return run;
}

/* -- Parent ------------------------------------------------------------------------------------ */

uint64_t sn__claim_close_parent(const sn__stream *stream)
{
    uint64_t position = atomic_load_explicit(&stream->header->position, memory_order_relaxed);
    bool claimed = false;
    for (uint64_t t = position; t < position + stream->window; t++) {
        _Atomic uint64_t *entry = entry_of(stream, t);
        uint64_t open = sn__entry_make(t, SN__OWNER_OPEN);
        uint64_t closed = sn__entry_make(t, SN__OWNER_CLOSED);
        uint64_t is = atomic_load_explicit(entry, memory_order_acquire);
        if (is == closed) /* nobody else opens it: the lanes' copies of the line stay valid */
            continue;
        if (!atomic_compare_exchange_strong_explicit(entry, &open, closed, memory_order_acq_rel,
                                                     memory_order_acquire) &&
            sn__entry_owner(open) >= SN__OWNER_LANE)
            claimed = true;
    }
    /* A claimed ticket keeps its meaning for ever, so the next run begins above the window. */
    return claimed ? position + stream->window : position;
}

static void write_run(const sn__stream *stream, const sn__stream_run *run)
{
    sn__run_block *block = &stream->header->run;
    /* Odd, whatever a stray write has made of it. */
    uint64_t odd = atomic_load_explicit(&block->sequence, memory_order_relaxed) | 1;
    atomic_store_explicit(&block->sequence, odd, memory_order_relaxed);
    atomic_store_explicit(&block->base, run->base, memory_order_release); /* S3 */
    atomic_store_explicit(&block->count, run->count, memory_order_release);
    atomic_store_explicit(&block->epoch, run->epoch, memory_order_release);
    atomic_store_explicit(&block->first_step, run->first_step, memory_order_release);
    atomic_store_explicit(&block->sequence, odd + 1, memory_order_release); /* S1 */
}

static uint32_t opening(uint64_t ticket, uint64_t end)
{
    return ticket < end ? SN__OWNER_OPEN : SN__OWNER_CLOSED;
}

void sn__claim_open_parent(const sn__stream *stream, const sn__stream_run *run)
{
    uint64_t end = run->base + run->count;
    write_run(stream, run);
    atomic_store_explicit(&stream->header->position, run->base, memory_order_release); /* P1 */
    for (uint64_t t = run->base; t < run->base + stream->window; t++) {
        uint64_t entry = sn__entry_make(t, opening(t, end));
        if (atomic_load_explicit(entry_of(stream, t), memory_order_relaxed) != entry)
            atomic_store_explicit(entry_of(stream, t), entry, memory_order_release); /* O1 */
    }
    sn__event_signal(&stream->header->opened);
}

bool sn__claim_owner_parent(const sn__stream *stream, uint64_t ticket, uint32_t *lane)
{
    uint64_t entry = atomic_load_explicit(entry_of(stream, ticket), memory_order_acquire); /* T1 */
    uint32_t owner = sn__entry_owner(entry);
    if (sn__entry_ticket(entry) != ticket || owner < SN__OWNER_LANE ||
        owner - SN__OWNER_LANE >= stream->lanes)
        return false;
    *lane = owner - SN__OWNER_LANE;
    return true;
}

void sn__claim_pass_parent(const sn__stream *stream, uint64_t ticket, uint64_t end)
{
    uint64_t next = ticket + stream->window;
    atomic_store_explicit(&stream->header->position, ticket + 1, memory_order_release); /* P1 */
    atomic_store_explicit(entry_of(stream, ticket), sn__entry_make(next, opening(next, end)),
                          memory_order_release); /* O1 */
    sn__event_signal(&stream->header->opened);   /* also for a lane that was far enough ahead */
}
