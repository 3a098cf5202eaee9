/* SPDX-License-Identifier: Apache-2.0 */
/* One lane: a ring of descriptors with one producer and one consumer, and the accounting of its
 * arena. Steps, edges and invariants: channel/stream_layout.h.
 *
 * Threads: `_lane` calls belong to the lane's thread, `_parent` calls to the one thread of the parent
 * that is at the loader; sn__lane_give_back to any thread of the parent. */
#ifndef SN_CHANNEL_LANE_H
#define SN_CHANNEL_LANE_H

#include "channel/stream.h"

/* The producing end. */
typedef struct sn__lane_end {
    const sn__stream *stream;
    uint32_t lane;
    sn__lane_block *shared;
    uint64_t arena_bytes; /* 0: there is none yet */
    uint64_t tail;        /* descriptors published */
    uint64_t blocks;      /* blocks published; the next one's number */
    bool has_published;   /* since the segment was made, by whichever worker */
    uint64_t published;   /* the ticket of the last descriptor, if has_published */
} sn__lane_end;

/* Takes up the lane where it stands: also that of a worker that died. The arena's size is set by the
 * caller once it is mapped. Fails: SN_E_CORRUPT (counts that cannot be). */
SN_NODISCARD sn_status sn__lane_open(const sn__stream *stream, uint32_t lane, sn__lane_end *out);
/* Whether the lane is as far ahead of the consumer as it may be: SN__LANE_AHEAD. Any process. */
bool sn__lane_is_ahead(const sn__stream *stream, uint32_t lane);
/* Finds `bytes` (a multiple of 64) of the arena; *offset is their place. False: they are not free now.
 * Nothing is taken before the publish: another reserve forgets this one. */
bool sn__lane_reserve(sn__lane_end *end, uint64_t bytes, uint64_t *offset);
/* Publishes. slot->segment 0: the last reserve is what it names; `block` and `blocks` are filled in
 * here. Fails: SN_E_INTERNAL (the ring is full, against C3). */
SN_NODISCARD sn_status sn__lane_publish(sn__lane_end *end, const sn__slot *slot);

/* The oldest descriptor that was not taken, copied; false: none. Of a lane whose counts cannot be it is
 * one of ticket UINT64_MAX, which comes to an end of all dropping, with status SN_E_CORRUPT. */
bool sn__lane_peek_parent(const sn__stream *stream, uint32_t lane, sn__slot *out);
/* Takes what peek gave. */
void sn__lane_pop_parent(const sn__stream *stream, uint32_t lane);
/* Gives block `block` of the arena back. SN__BLOCK_NONE (of a spilled batch, or an error) is fine. */
void sn__lane_give_back(const sn__stream *stream, uint32_t lane, uint64_t block);

#endif
