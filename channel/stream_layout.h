/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that the parent and the workers of one loader agree on (native endian, 64-bit): the control
 * segment. docs/internals/stream.md tells the story; docs/models/stream.pml is the checked model.
 *
 *        0  header      magic, version, layout word, sizes; written once, then read-only
 *      256  run         meaning of tickets                          written by the parent alone
 *      384  position    next ticket that the consumer takes         written by the parent alone
 *      512  opened      event: tickets were opened, or the end      lanes sleep here
 *      640  published   event: a lane has published                 the consumer sleeps here
 *      768  totals      statistics of the consumer                  written by the parent alone
 *     1024  entry[window rounded up to 16]   claim table
 *           worker[workers]                  sn__worker_block
 *           lane[lanes]                      sn__lane_block, its slots behind it
 *
 * Invariants  C1  A ticket is claimed by one lane at most.   C2  Claims of a lane rise.
 *             C3  A claimed ticket is below position + window.
 *             C4  A lane has at most one claimed ticket neither published nor below run.base.
 *             L1  Tickets in a lane's ring rise; tail - head is in [0, slots].
 *             L2  Slots [head, tail) are the consumer's, the others the lane's.
 *             L3  Everything that a published descriptor names is mapped in the parent.
 *             B1  Blocks [first, first + n) of an arena are in use or waiting to be reclaimed; the
 *                 count of blocks published is in the last published descriptor.
 * Edges       O1 open     entry.store(release)        -> C1 claim  entry.compare_exchange(acquire)
 *             C2 claim    compare_exchange(release)   -> T1 take   entry.load(acquire)
 *             W1 publish  tail.store(release)         -> R1 take   tail.load(acquire)
 *             W2 take     head.store(release)         -> R2 lane   head.load(acquire)
 *             G1 give     block.free.store(release)   -> G2 lane   block.free.load(acquire)
 *             P1 pass     position.store(release)     -> P2 scan   position.load(acquire)
 *             S1 run      sequence even.store(release), last  -> S2 read  sequence.load(acquire), first
 *             S3 fields   store(release), behind the odd sequence  -> S4 read  field.load(acquire):
 *                         who has a new field finds the sequence changed when it looks again
 *             W3 ready    magic.store(release), last  -> R3 attach magic.load(acquire)
 *             events: ipc/sync/event.h
 * Crash       A worker may stop between any two instructions. C2 and W1 are one store each, so a ticket
 *             is a lane's or nobody's, and a batch is published whole or not at all. What the lane had
 *             reserved is behind the blocks of its last published descriptor. Nothing needs repair.
 *             The parent's death ends the workers. */
#ifndef SN_CHANNEL_STREAM_LAYOUT_H
#define SN_CHANNEL_STREAM_LAYOUT_H

#include "ipc/sync/event.h"
#include "seine/stats.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>

#define SN__STREAM_MAGIC UINT64_C(0x314d52545345534e) /* "NSESTRM1" */

enum {
    SN__STREAM_VERSION = 1,
    SN__ARENA_BLOCKS =
        64, /* batches of one lane that may be unreleased before the next one spills */
    /* Published and not taken: a lane claims nothing more until one is taken. At least 2: one may be of
     * a run that was abandoned, for which nobody asks. */
    SN__LANE_AHEAD = 2,
    SN__WORDS_BYTES = 160, /* what a worker or the supervisor says, cut */
    SN__LINE = 128         /* between writers: two cache lines, which prefetchers take together */
};

/* An entry: ticket << 16 | owner. */
enum { SN__OWNER_CLOSED = 0, SN__OWNER_OPEN = 1, SN__OWNER_LANE = 2 /* + lane */ };
enum { SN__OWNER_BITS = 16 };

static inline uint64_t sn__entry_make(uint64_t ticket, uint32_t owner)
{
    return ticket << SN__OWNER_BITS | owner;
}
static inline uint64_t sn__entry_ticket(uint64_t entry)
{
    return entry >> SN__OWNER_BITS;
}
static inline uint32_t sn__entry_owner(uint64_t entry)
{
    return (uint32_t)(entry & ((UINT64_C(1) << SN__OWNER_BITS) - 1));
}

/* What a ticket means. Read under `sequence`: odd while it is being written. */
typedef struct sn__run_block {
    alignas(SN__LINE) _Atomic uint64_t sequence;
    _Atomic uint64_t base; /* first ticket; those below mean nothing */
    _Atomic uint64_t count;
    _Atomic uint64_t epoch;
    _Atomic int64_t first_step;
} sn__run_block;

#define SN__BLOCK_NONE UINT64_MAX

/* One batch, or why there is none. */
typedef struct sn__slot {
    uint64_t ticket;
    uint32_t segment; /* 0: the lane's arena; else a spill segment */
    int32_t status;   /* not SN_OK: the lane's `words` say why */
    uint64_t offset;  /* of the message in the segment */
    uint64_t bytes;   /* of the message */
    uint64_t block;   /* in the arena: its number; else SN__BLOCK_NONE */
    uint64_t blocks;  /* blocks of the arena published so far, this one included */
    uint64_t sample_ns, gather_ns;
} sn__slot;

/* A piece of the arena. Number n lies in block[n % SN__ARENA_BLOCKS]. */
typedef struct sn__block {
    uint64_t offset, bytes;
    _Atomic uint32_t free; /* G1, G2: written by the parent when the batch is given back */
    uint32_t unused;
} sn__block;

typedef struct sn__lane_block {
    alignas(SN__LINE) _Atomic uint64_t tail; /* W1 */
    _Atomic uint64_t first_block;            /* first block not reclaimed yet; the lane's alone */
    alignas(SN__LINE) _Atomic uint64_t head; /* W2 */
    alignas(SN__LINE) _Atomic uint64_t progress; /* rises while the lane works */
    _Atomic uint32_t step;                       /* sn_step */
    uint32_t unused;
    _Atomic uint64_t ticket; /* at which that is, if not idle */
    _Atomic uint64_t batches, spills, spill_bytes;
    _Atomic uint64_t idle_ns, sample_ns, gather_ns;
    char words[SN__WORDS_BYTES]; /* of the last error; read behind W1 */
    alignas(SN__LINE) sn__block blocks[SN__ARENA_BLOCKS];
} sn__lane_block;

typedef struct sn__worker_block {
    alignas(SN__LINE) _Atomic int64_t pid; /* written by the parent: 0 not running */
    _Atomic uint64_t restarts;
    _Atomic uint64_t claims;   /* by this incarnation; written by its lanes */
    _Atomic uint32_t sequence; /* of `words`: odd while it is being written */
    char words[SN__WORDS_BYTES];
} sn__worker_block;

typedef struct sn__totals {
    alignas(SN__LINE) _Atomic uint32_t flags; /* SN_STATS_... */
    _Atomic uint64_t batches, bytes, waits, wait_ns, restarts;
    _Atomic uint64_t lane_bytes, segment_bytes;
    _Atomic uint64_t deaths[SN_NUM_STEPS];
} sn__totals;

typedef struct sn__stream_header {
    alignas(SN__LINE) _Atomic uint64_t magic; /* W3: zero until all is laid out */
    uint32_t version, header_bytes;
    uint64_t layout;                              /* sn__stream_layout_word */
    uint64_t bytes;                               /* of the segment */
    uint32_t window, workers, concurrency, slots; /* slots: a power of two above window + 1 */
    uint64_t entries_at, workers_at, lanes_at, lane_stride;
    int64_t owner_pid;
    alignas(256) sn__run_block run;
    alignas(SN__LINE) _Atomic uint64_t position; /* P1 */
    alignas(SN__LINE) sn__event opened;
    alignas(SN__LINE) sn__event published;
    alignas(256) sn__totals totals;
} sn__stream_header;

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2,
               "a lock-based atomic is not shared between processes");
_Static_assert(offsetof(sn__stream_header, run) == 256 &&
                   offsetof(sn__stream_header, position) == 384 &&
                   offsetof(sn__stream_header, opened) == 512 &&
                   offsetof(sn__stream_header, published) == 640 &&
                   offsetof(sn__stream_header, totals) == 768 && sizeof(sn__stream_header) == 1024,
               "layout changed: raise SN__STREAM_VERSION");

/* Sizes and offsets as one word, so that two builds that differ refuse each other. */
static inline uint64_t sn__stream_layout_word(void)
{
    const uint64_t sizes[] = { SN__STREAM_VERSION,
                               sizeof(sn__stream_header),
                               sizeof(sn__run_block),
                               sizeof(sn__lane_block),
                               offsetof(sn__lane_block, head),
                               offsetof(sn__lane_block, progress),
                               offsetof(sn__lane_block, blocks),
                               sizeof(sn__worker_block),
                               sizeof(sn__totals),
                               sizeof(sn__slot),
                               sizeof(sn__block),
                               sizeof(sn__event) };
    uint64_t word = UINT64_C(0xcbf29ce484222325); /* FNV-1a over the words */
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        word = (word ^ sizes[i]) * UINT64_C(0x100000001b3);
    return word;
}

#endif
