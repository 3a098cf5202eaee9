/* SPDX-License-Identifier: Apache-2.0 */
/* A lane's ring and arena.
 *
 * The arena is a ring of bytes cut into blocks, in the order in which they were published:
 *
 *     blocks      first ... blocks - 1            in use, or free and waiting for those before them
 *     bytes       [offset(first), end(blocks - 1))  in use, wrapping round at the arena's end
 *
 * A block never wraps. The lane alone allocates and reclaims; the parent alone marks blocks free. All
 * that a successor needs is in shared memory: `first_block`, the blocks, and the count of published
 * blocks in the last descriptor. A block that was reserved and not published has left no trace. */
#include "channel/lane.h"

static uint64_t load_relaxed(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

/* -- The lane ---------------------------------------------------------------------------------- */

sn_status sn__lane_open(const sn__stream *stream, uint32_t lane, sn__lane_end *out)
{
    sn__lane_end end = { .stream = stream, .lane = lane, .shared = sn__stream_lane(stream, lane) };
    end.tail = load_relaxed(&end.shared->tail); /* our own, or that of a process that is gone */
    uint64_t head = atomic_load_explicit(&end.shared->head, memory_order_acquire); /* R2 */
    if (end.tail > 0) {
        const sn__slot *last = sn__stream_slot(stream, lane, end.tail - 1);
        end.blocks = last->blocks;
        end.has_published = true;
        end.published = last->ticket;
    }
    uint64_t first = load_relaxed(&end.shared->first_block);
    if (end.tail - head > stream->slots || first > end.blocks ||
        end.blocks - first > SN__ARENA_BLOCKS)
        return sn__fail(SN_E_CORRUPT, "lane %u: %llu published, %llu taken, blocks %llu to %llu",
                        lane, (unsigned long long)end.tail, (unsigned long long)head,
                        (unsigned long long)first, (unsigned long long)end.blocks);
    *out = end;
    return SN_OK;
}

bool sn__lane_is_ahead(const sn__stream *stream, uint32_t lane)
{
    const sn__lane_block *shared = sn__stream_lane(stream, lane);
    uint64_t head = atomic_load_explicit(&shared->head, memory_order_acquire); /* R2 */
    return load_relaxed(&shared->tail) - head >= SN__LANE_AHEAD;
}

static sn__block *block_at(const sn__lane_end *end, uint64_t number)
{
    return &end->shared->blocks[number % SN__ARENA_BLOCKS];
}

/* Blocks that were given back, from the front. Returns the first one that was not. */
static uint64_t reclaim(sn__lane_end *end)
{
    uint64_t first = load_relaxed(&end->shared->first_block);
    while (first < end->blocks &&
           atomic_load_explicit(&block_at(end, first)->free, memory_order_acquire) != 0) /* G2 */
        first++;
    /* Before any of their numbers is used again: a successor must not find a new block behind it. What
     * this thread has done when it is killed, it has done in the order of its instructions, so only the
     * compiler has to be told: a release store would let what follows go before it. */
    atomic_store_explicit(&end->shared->first_block, first, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
    return first;
}

/* Where `bytes` are free behind the last block, or at the arena's begin; false: nowhere. A worker before
 * this one may have died of stray writes: what its blocks say leads nowhere outside the arena. */
static bool find_place(const sn__lane_end *end, uint64_t first, uint64_t bytes, uint64_t *offset)
{
    uint64_t begin = 0, limit = end->arena_bytes;
    if (end->blocks > first) {
        const sn__block *last = block_at(end, end->blocks - 1);
        uint64_t front = block_at(end, first)->offset;
        if (front > limit || last->offset > limit || last->bytes > limit - last->offset)
            return false;
        begin = last->offset + last->bytes;
        bool wrapped = last->offset < front;
        if (wrapped) {
            limit = front;
        } else if (bytes > limit - begin) { /* the rest of the arena stays empty this time round */
            begin = 0;
            limit = front;
        }
    }
    if (begin > limit || bytes > limit - begin)
        return false;
    *offset = begin;
    return true;
}

bool sn__lane_reserve(sn__lane_end *end, uint64_t bytes, uint64_t *offset)
{
    uint64_t first = reclaim(end), begin;
    if (end->blocks - first >= SN__ARENA_BLOCKS || !find_place(end, first, bytes, &begin))
        return false;
    sn__block *block = block_at(end, end->blocks);
    block->offset = begin;
    block->bytes = bytes;
    atomic_store_explicit(&block->free, 0, memory_order_relaxed); /* ours until W1 */
    *offset = begin;
    return true;
}

sn_status sn__lane_publish(sn__lane_end *end, const sn__slot *slot)
{
    uint64_t head = atomic_load_explicit(&end->shared->head, memory_order_acquire); /* R2 */
    if (end->tail - head >= end->stream->slots)
        return sn__fail(SN_E_INTERNAL, "lane %u: %u descriptors are not taken", end->lane,
                        end->stream->slots);
    sn__slot *to = sn__stream_slot(end->stream, end->lane, end->tail);
    *to = *slot;
    to->block = SN__BLOCK_NONE;
    if (slot->status == SN_OK && slot->segment == 0)
        to->block = end->blocks++;
    to->blocks = end->blocks;
    end->tail++;
    end->has_published = true;
    end->published = slot->ticket;
    atomic_store_explicit(&end->shared->tail, end->tail, memory_order_release); /* W1 */
    sn__event_signal(&end->stream->header->published);
    return SN_OK;
}

/* -- The parent -------------------------------------------------------------------------------- */

bool sn__lane_peek_parent(const sn__stream *stream, uint32_t lane, sn__slot *out)
{
    const sn__lane_block *shared = sn__stream_lane(stream, lane);
    uint64_t head = load_relaxed(&shared->head);                                       /* our own */
    uint64_t count = atomic_load_explicit(&shared->tail, memory_order_acquire) - head; /* R1 */
    if (count == 0)
        return false;
    if (count > stream->slots) /* else who drops what it finds would do so for ever */
        *out = (sn__slot){ .ticket = UINT64_MAX, .status = SN_E_CORRUPT };
    else
        *out = *sn__stream_slot(stream, lane, head);
    return true;
}

void sn__lane_pop_parent(const sn__stream *stream, uint32_t lane)
{
    sn__lane_block *shared = sn__stream_lane(stream, lane);
    atomic_store_explicit(&shared->head, load_relaxed(&shared->head) + 1,
                          memory_order_release); /* W2 */
}

void sn__lane_give_back(const sn__stream *stream, uint32_t lane, uint64_t block)
{
    if (block == SN__BLOCK_NONE) /* or the next block would be free before it is published */
        return;
    atomic_store_explicit(&sn__stream_lane(stream, lane)->blocks[block % SN__ARENA_BLOCKS].free, 1,
                          memory_order_release); /* G1 */
}
