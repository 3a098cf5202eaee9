/* SPDX-License-Identifier: Apache-2.0 */
/* The stream of batches as a model for spin: claims, lanes, arenas, spill segments, events, deaths.
 * It goes with docs/internals/stream.md; steps and invariants have the names of that page and of
 * channel/stream_layout.h. tests/models/stream.py runs it over configurations, and over mistakes
 * that are planted in it and must be found.
 *
 *     stream.pml    configuration, shared memory, events, start
 *     memory.pml    arenas and spill segments
 *     lane.pml      a lane of a worker
 *     parent.pml    the supervisor, the consumer
 *
 * Modelled    One access to shared memory is one step. Between any two steps of a worker it may
 *             die, DEATHS times in all, its successors too. One consumer takes RUNS runs of COUNT
 *             tickets; all but the last may be abandoned at any point. The parent gives batches
 *             back in any order, at any time; or it never does.
 * Checked     No state in which nobody can go on, but the end: all batches of the last run were
 *             taken and every lane sleeps. A batch that is taken is the wanted one: the right
 *             step of the right epoch, complete. C1 to C4 and L1 to L3, asserted where they could
 *             break. A ring never holds more than AHEAD descriptors. Nobody writes to memory that
 *             the consumer holds or has yet to take. A death loses no block. And, in some
 *             configurations, that no state comes back: then every schedule ends, and there is no
 *             livelock either.
 * Left out    Weak memory: a step is seen by all at once; channel/stream_layout.h names the edges
 *             that make up for it. Deadlines: a wait ends by a signal alone, so that a lost one
 *             shows. Bytes: a batch is one block. Errors, refused memory and the limits on
 *             deaths: they end a run, and an ended run is an abandoned one. Several threads that
 *             consume: the parent lets in one at a time. Stop and shutdown.
 *
 * One step stands for several accesses where no other process could tell:
 *   - a load, and the compare-and-swap that follows if the load found what it needs;
 *   - what the parent does under the mutex of its spill segments;
 *   - a lane's loads of what it alone stores: its tail, last descriptor and first block;
 *   - the consumer's loads of what stays as it is: a claimed entry, a published descriptor.
 * With FINE 0 also what MERGED joins: accesses between which the others could do nothing that
 * matters and that they could not as well do before or after all of them. FINE 1 takes them one
 * by one.
 *
 * Two things make states equal that behave alike, so that more can be searched. Counts that rise
 * for ever are kept as differences, and a ring begins at its head. And when a new run has been
 * opened, its tickets are counted from FIRST again (forget_old_run). */

/* -- Configuration ----------------------------------------------------------------------------- */

#ifndef WORKERS
#define WORKERS 2 /* at most 3 */
#endif
#ifndef CONCURRENCY
#define CONCURRENCY 1 /* lanes of a worker, which die together: 1 or 2 */
#endif
#ifndef WINDOW
#define WINDOW 2
#endif
#ifndef AHEAD
#define AHEAD 2 /* SN__LANE_AHEAD */
#endif
#ifndef RUNS
#define RUNS 2
#endif
#ifndef COUNT
#define COUNT 2 /* tickets of a run */
#endif
#ifndef DEATHS
#define DEATHS 1 /* in all, at most */
#endif
#ifndef BLOCKS
#define BLOCKS 0 /* of an arena; 0: where batches lie is not modelled */
#endif
#ifndef SEGMENTS
#define SEGMENTS 1 /* of a lane, for spills; to need more is an error of the configuration */
#endif
#ifndef FINE
#define FINE 0
#endif

/* Mistakes that can be planted. */
#define PUBLISH_BEFORE_WRITTEN 1
#define SLEEP_WITHOUT_LOOK 2
#define MARK_CLEARED_BEFORE_WAKE 3
#define NO_SIGNAL_AFTER_DEATH 4
#define SIGNAL_BEFORE_OPEN 5
#define CLAIM_IN_TWO_STEPS 6
#define SCAN_SKIPS_NOT_OPEN 7
#define SUCCESSOR_FORGETS_CLAIM 8
#define SUCCESSOR_REPEATS_PUBLISHED 9
#define SUCCESSOR_FORGETS_BLOCKS 10
#define SUCCESSOR_KEEPS_RESERVED 11
#define FIRST_AFTER_REUSE 12
#define RECLAIM_HELD 13
#define NO_CLOSE 14
#define BASE_IS_POSITION 15
#define OPEN_BEFORE_RUN 16
#define NO_DROP 17
#define DEAD_SEGMENT_REUSED 18
#define DEAD_SEGMENT_UNMAPPED 19
#define POP_BEFORE_LEND 20
#define NEVER_SLEEP 21
#define ONE_AHEAD 22 /* with AHEAD 1 */
#ifndef MISTAKE
#define MISTAKE 0
#endif

#if FINE
#define MERGED
#else
#define MERGED atomic
#endif
#define LANES (WORKERS * CONCURRENCY)
#define WORKER(lane) ((lane) / CONCURRENCY)
#define FIRST 2 /* ticket of all; 0 is none, 1 one of a run before */

/* -- Shared memory ----------------------------------------------------------------------------- */

/* The claim table. */
#define CLOSED 0
#define OPEN 1
#define OWNED 2 /* + lane */
byte entry_ticket[WINDOW], entry_owner[WINDOW]; /* together one word */
byte position = FIRST;

/* The run. A ticket's step is ticket - base. */
byte run_sequence, run_base = FIRST, run_epoch;
#define MEANING(epoch, step) ((epoch) * 16 + (step))
#define HALF 255 /* a message that is not complete */

#define PLACES (BLOCKS + SEGMENTS) /* of messages: blocks of the arena, then spill segments */
typedef lane_block {
    /* The ring from head to tail, and of the last descriptor published what a successor reads. */
    byte in_ring; /* tail - head */
    byte ticket[AHEAD], last_ticket;
#if BLOCKS
    byte place[AHEAD], last_blocks; /* blocks: published so far */
    byte message[PLACES];
    byte first; /* block not reclaimed yet */
    bool free[BLOCKS];
    byte segment[SEGMENTS]; /* states, in the parent */
    bool need;              /* the lane asks for a spill segment */
    byte given;             /* the answer: its place */
    /* For assertions: */
    bool lent[BLOCKS];     /* the consumer holds the block */
    bool mapped[SEGMENTS]; /* the worker has the segment */
    bool settled;          /* the oldest descriptor is lent or given back; only its pop is left */
#else
    byte message[AHEAD]; /* a place for each slot */
#endif
    /* Not shared: the batch that the lane is at. */
    byte at, meaning;
};
lane_block lane[LANES];

byte deaths_left;
bool dead[WORKERS];
bool gone[LANES]; /* the lane's thread has ended with its process */

/* -- Events ------------------------------------------------------------------------------------ */

/* ipc/sync/event.h: one word, of a mark and a count of signals. Of the count that a waiter has seen
 * matters only whether it is still the same. */
#define OPENED 0
#define PUBLISHED 1
#define CONSUMER LANES /* lanes wait for OPENED, the consumer for PUBLISHED */
bool mark[2];
#define AWAY 0
#define SEEN 1  /* has prepared */
#define STALE 2 /* has prepared, and there was a signal since */
#define ASLEEP 3
byte waiter[LANES + 1];

inline event_prepare(event, me) /* V1 */
{
    mark[event] = true;
    waiter[me] = SEEN
}

inline event_wait(event, me) /* V2: compares and falls asleep in one step */
{
#if MISTAKE == NEVER_SLEEP
    waiter[me] = AWAY
#else
    waiter[me] = (waiter[me] == SEEN && mark[event] -> ASLEEP : AWAY)
#endif
}

inline event_turn(event, old, new)
{
    for (w : (event == OPENED -> 0 : CONSUMER) .. (event == OPENED -> LANES - 1 : CONSUMER)) {
        if
        :: waiter[w] == old -> waiter[w] = new
        :: else
        fi
    }
    w = 0
}

inline event_count(event) /* V3; woken: the mark was there */
{
    event_turn(event, SEEN, STALE);
    woken = mark[event];
#if MISTAKE == MARK_CLEARED_BEFORE_WAKE
    mark[event] = false
#endif
}

inline event_wake(event) /* V4: one call of the system */
{
    mark[event] = false;
    event_turn(event, ASLEEP, AWAY);
    woken = false
}

inline event_signal(event)
{
    do
    :: atomic {
           event_count(event);
           if
           :: !woken -> break
           :: else
           fi
       }
       d_step { event_wake(event) }
       break
    od
}

/* ---------------------------------------------------------------------------------------------- */

#include "memory.pml"
#include "lane.pml"
#include "parent.pml"

init
{
    byte i, j;
    atomic {
        select(deaths_left : 0 .. DEATHS);
        for (i : FIRST .. FIRST + WINDOW - 1) {
            entry_ticket[i % WINDOW] = i
        }
#if BLOCKS
        if
        :: keeps = true
        :: keeps = false
        fi;
        for (i : 0 .. LANES - 1) {
            for (j : 0 .. PLACES - 1) {
                if
                :: j < BLOCKS -> lane[i].free[j] = true
                :: else
                fi;
                run Giver(i, j)
            }
        }
#endif
        run Consumer();
        for (i : 0 .. LANES - 1) {
            run Lane(i)
        }
        for (i : 0 .. WORKERS - 1) {
            run Supervisor(i)
        }
        i = 0;
        j = 0
    }
}
