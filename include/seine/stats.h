/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics of loaders: kept in shared memory, readable by their owner and from outside.
 * Threads: any. */
#ifndef SEINE_STATS_H
#define SEINE_STATS_H

#include "seine/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Steps of a batch in a worker, in their order: docs/internals/stream.md. */
typedef enum sn_step {
    SN_STEP_IDLE = 0, /* waits for a ticket: the consumer is behind */
    SN_STEP_CLAIMED = 1,
    SN_STEP_SAMPLED = 2,
    SN_STEP_RESERVED = 3,
    SN_STEP_GATHER = 4,
    SN_STEP_WRITTEN = 5,
    SN_STEP_PUBLISHED = 6,
    SN_NUM_STEPS = 7
} sn_step;
/* "gather"; "?" for a number that is no step. BORROWED, never freed. */
SN_API const char *sn_step_name(sn_step step);

enum {
    SN_STATS_NOT_PINNED = 1, /* pin_memory was asked for and is not there */
    SN_STATS_FAILED = 2,     /* the epoch ended with an error */
    SN_STATS_WAITING = 4     /* the consumer waits for a batch now */
};

typedef struct sn_loader_stats {
    uint32_t flags; /* SN_STATS_... */
    int32_t workers, lanes;
    uint64_t epoch, position, end; /* of the run: next step, and where it ends */
    uint64_t batches, bytes;       /* delivered */
    uint64_t waits, wait_ns;       /* of the consumer for batches */
    uint64_t idle_ns;              /* of all lanes for the consumer */
    uint64_t sample_ns, gather_ns; /* of all lanes; without workers all is in sample_ns */
    uint64_t spills, spill_bytes;  /* batches that did not lie in their lane */
    uint64_t restarts;             /* of workers */
    uint64_t deaths[SN_NUM_STEPS]; /* by the step that a lane of the dead worker was in */
    uint64_t lane_bytes;           /* shared memory of all lanes */
    uint64_t segment_bytes;        /* of spill segments now */
} sn_loader_stats;

typedef struct sn_worker_stats {
    int64_t pid; /* 0: not running */
    uint64_t batches, restarts;
    sn_step step;    /* of its lane that is furthest from idle */
    uint64_t ticket; /* of that lane */
    uint64_t idle_ns, sample_ns, gather_ns;
    char words[160]; /* how its predecessor died: signal, step, batch; "" if none did */
} sn_worker_stats;

/* -- From outside ------------------------------------------------------------------------------ */

/* Loaders of running processes of this host that this user may look at. */
typedef struct sn_watch sn_watch;

/* Those of process `pid`; 0: of all processes. An empty list is no error. *out is NEW. Fails:
 * SN_E_NOT_FOUND (no such process), SN_E_NOMEM, SN_E_SYSTEM. */
SN_NODISCARD SN_API sn_status sn_watch_open(int64_t pid, sn_watch **out);
/* NULL is fine. */
SN_API void sn_watch_close(sn_watch *watch);
SN_API int32_t sn_watch_count(const sn_watch *watch);
/* Statistics of loader `index` now; its process in *pid. Fails: SN_E_RANGE; SN_E_CLOSED (the process
 * is gone); SN_E_VERSION (a loader of another version of the library). */
SN_NODISCARD SN_API sn_status sn_watch_loader(const sn_watch *watch, int32_t index, int64_t *pid,
                                              sn_loader_stats *out);
/* Of worker `worker` of that loader. Fails: SN_E_RANGE. */
SN_NODISCARD SN_API sn_status sn_watch_worker(const sn_watch *watch, int32_t index, int32_t worker,
                                              sn_worker_stats *out);

#ifdef __cplusplus
}
#endif
#endif
