/* SPDX-License-Identifier: Apache-2.0 */
/* A worker process from inside: one thread at the control socket, one per lane. */
#ifndef SN_ENGINE_PRODUCE_WORKER_H
#define SN_ENGINE_PRODUCE_WORKER_H

#include "channel/claims.h"
#include "channel/lane.h"
#include "engine/produce/control.h"
#include "engine/sample/compute.h"
#include "ipc/shm/segment.h"

#include <pthread.h>

/* What the parent answers to a NEED. The descriptor is -1 when the worker has the segment. */
typedef struct sn__answer {
    sn__control message;
    int fd;
} sn__answer;

typedef struct sn__worker_spill {
    uint32_t id;
    sn__segment segment;
} sn__worker_spill;

typedef struct sn__worker sn__worker;

typedef struct sn__worker_lane {
    sn__worker *worker;
    uint32_t lane; /* of all lanes of the loader */
    sn__lane_end end;
    sn__lane_block *shared;
    sn__compute *compute;
    sn__segment arena;
    sn__worker_spill *spills;
    size_t num_spills, spill_capacity;
    uint32_t spare; /* a spill segment that was given and not published; 0: none */
    pthread_t thread;
    uint64_t left;        /* the ticket that the worker before has left here */
    atomic_bool has_left; /* and that is not made yet */

    /* The mailbox: filled by the control thread, emptied by the lane. */
    pthread_mutex_t lock;
    pthread_cond_t filled;
    bool has_answer;
    sn__answer answer;

    /* The batch under way. */
    sn__slot slot;
    uint8_t *message;
    int64_t since_ns; /* when it came to the present step */
} sn__worker_lane;

struct sn__worker {
    int socket;
    uint32_t index, threads; /* the latter: that share a batch */
    sn__segment control, plan_pack;
    sn__stream stream;
    sn_dataset *dataset;
    sn_plan *plan;
    uint64_t plan_hash;
    const char **names; /* [tensors of the plan], for messages */
    size_t names_bytes;
    sn__worker_lane *lanes; /* [concurrency] */
    uint32_t started;       /* threads */
    atomic_bool stopping;
};

/* Called by lanes at each step, for tests that stop a worker there. NULL but in their programs. */
extern void (*sn__worker_hook)(uint32_t lane, sn_step step, uint64_t ticket);

/* -- One lane (worker_lane.c) ------------------------------------------------------------------ */

/* `lane` is zeroed but for worker and lane. Fails: SN_E_NOMEM, SN_E_CORRUPT. */
SN_NODISCARD sn_status sn__worker_lane_init(sn__worker_lane *lane);
void sn__worker_lane_deinit(sn__worker_lane *lane);
/* Computes batches until the worker stops. */
void sn__worker_lane_run(sn__worker_lane *lane);
/* Takes a segment that the parent gives. TAKES the descriptor. Fails as sn__segment_attach. */
SN_NODISCARD sn_status sn__worker_lane_take(sn__worker_lane *lane, const sn__answer *answer);

/* -- Its memory (worker_memory.c) -------------------------------------------------------------- */

/* Finds `bytes` for the message of the batch under way: in the arena, or in a spill segment that the
 * parent is asked for. Fills slot.segment, slot.offset and message. Results: SN_E_CLOSED (the worker
 * stops). Fails: SN_E_NOMEM and others, as the parent says. */
SN_NODISCARD sn_status sn__worker_lane_place(sn__worker_lane *lane, uint64_t bytes,
                                             uint64_t whole_batch_bytes);

#endif
