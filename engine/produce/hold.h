/* SPDX-License-Identifier: Apache-2.0 */
/* The shared memory of one loader, in the parent: the control segment, an arena per lane, and spill
 * segments. Counted by the producer and by every batch that lies in it, so that batches may outlive
 * the loader.
 *
 * Spill segments    GIVEN   a lane writes a batch there, or will
 *                   LENT    a batch of the consumer lies there
 *                   IDLE    nobody uses it; kept for the worker that has it mapped
 * An orphan's worker is gone: it is unmapped when it would become idle.
 *
 * Threads: the supervisor makes segments, the consumer lends, any thread gives back; `lock` guards the
 * spill segments. An arena is mapped before its lane hears of it, and stays (L3). */
#ifndef SN_ENGINE_PRODUCE_HOLD_H
#define SN_ENGINE_PRODUCE_HOLD_H

#include "channel/lane.h"
#include "engine/sample/batch.h"
#include "ipc/shm/segment.h"

typedef enum sn__spill_state {
    SN__SPILL_NONE,
    SN__SPILL_GIVEN,
    SN__SPILL_LENT,
    SN__SPILL_IDLE
} sn__spill_state;

typedef struct sn__spill {
    sn__segment segment;
    sn__spill_state state;
    uint32_t lane;
    bool orphan;
} sn__spill;

typedef struct sn__hold {
    sn__lender lender; /* first: batches give back through it */
    atomic_int references;
    sn__segment control;
    sn__stream stream;
    sn__segment *arenas;           /* [lanes]; base NULL: not asked for yet */
    _Atomic uint64_t *arena_bytes; /* [lanes]; stored (release) when the arena is mapped */
    pthread_mutex_t lock;
    sn__spill *spills; /* segment id - 1 */
    size_t num_spills, spill_capacity;
} sn__hold;

/* With one reference. *out is NEW. Fails: SN_E_NOMEM, SN_E_SYSTEM. */
SN_NODISCARD sn_status sn__hold_create(const sn__stream_shape *shape, sn__hold **out);
sn__hold *sn__hold_retain(sn__hold *hold);
void sn__hold_release(sn__hold *hold);
/* No worker is there, and none will come: batches that are still held need no descriptors. */
void sn__hold_close_fds(sn__hold *hold);

/* -- Supervisor -------------------------------------------------------------------------------- */

/* Makes the arena of `lane`. Fails: SN_E_NOMEM (with the figures), SN_E_SYSTEM. */
SN_NODISCARD sn_status sn__hold_make_arena(sn__hold *hold, uint32_t lane, uint64_t bytes);
/* A spill segment for `lane` of at least `bytes`: an idle one (*fd is -1: the worker has it), or a new
 * one (*fd is BORROWED until sn__hold_sent). Its id is *segment, its size *bytes. Fails: SN_E_NOMEM,
 * SN_E_SYSTEM. */
SN_NODISCARD sn_status sn__hold_take_spill(sn__hold *hold, uint32_t lane, uint64_t *bytes,
                                           uint32_t *segment, int *fd);
/* The worker has been sent the descriptor: closes it. */
void sn__hold_sent(sn__hold *hold, uint32_t segment);
/* One idle segment of `lane` too many, unmapped here; 0: none. The lane is to be told. */
uint32_t sn__hold_drop_spill(sn__hold *hold, uint32_t lane);
/* The worker of `lane` is gone, and with it its mappings. */
void sn__hold_forget_lane(sn__hold *hold, uint32_t lane);

/* -- Consumer ---------------------------------------------------------------------------------- */

/* Where the message that `slot` of `lane` names lies. It is LENT from now on, until sn__hold_give.
 * Fails: SN_E_CORRUPT (what the slot says cannot be). */
SN_NODISCARD sn_status sn__hold_lend(sn__hold *hold, uint32_t lane, const sn__slot *slot,
                                     const uint8_t **message);
/* Gives back what was lent. Any thread. */
void sn__hold_give(sn__hold *hold, uint32_t lane, uint32_t segment, uint64_t block);
/* Gives back what `slot` of `lane` names, which nobody wants. What it cannot name stays as it is: where a
 * batch of the consumer lies, for one. */
void sn__hold_drop(sn__hold *hold, uint32_t lane, const sn__slot *slot);

#endif
