/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor of a loader's workers: one thread that starts them, gives them memory, sees them die,
 * and replaces them.
 *
 *     DOWN ---spawn---> STARTING ---READY---> RUNNING
 *      ^                   |                     |
 *      +------- death (pidfd), or killed --------+
 *
 * A death is followed by a new spawn at once, unless the loader stops or the run has failed:
 *   - a batch at which a lane's worker died three times in a row ends the run, there: batches before it
 *     are delivered, unless one more worker dies;
 *   - so does a worker that died ten times in a row before it claimed anything;
 *   - so does a worker that says it cannot work (FAILED).
 * A failed run leaves its workers down until the next one begins.
 *
 * Invariants  V1  Only this thread spawns, reaps, and uses the control sockets.
 *             V2  `failure` is written once per run, under `lock`, before `failed` is stored.
 *             V3  After each death `published` is signalled: the dead may have published without.
 * Threads: one of its own; the calls below come from the consumer. It lives as long as its workers:
 * they ask to die with it. */
#ifndef SN_ENGINE_PRODUCE_SUPERVISOR_H
#define SN_ENGINE_PRODUCE_SUPERVISOR_H

#include "engine/produce/hold.h"
#include "seine/loader.h"

typedef struct sn__supervisor sn__supervisor;

typedef struct sn__supervisor_config {
    sn_plan *plan;  /* BORROWED */
    sn__hold *hold; /* BORROWED */
    const sn_loader_options *options;
} sn__supervisor_config;

/* Starts the thread and all workers, and waits until they are ready. *out is NEW. Fails: as
 * sn_node_loader_create; nothing is left then. */
SN_NODISCARD sn_status sn__supervisor_create(const sn__supervisor_config *config,
                                             sn__supervisor **out);
/* Stops the workers: asks them, after a second kills them; all are reaped on return. NULL is fine. */
void sn__supervisor_release(sn__supervisor *supervisor);
/* Whether the run has failed, at `ticket` or before: the error, with its text as detail; else SN_OK.
 * Never blocks for long. */
sn_status sn__supervisor_failure(sn__supervisor *supervisor, uint64_t ticket);
/* Ends the run with the last error of the calling thread, as worker `worker`'s; -1: nobody's. The
 * first failure of a run stays. */
void sn__supervisor_fail(sn__supervisor *supervisor, sn_status status, int32_t worker);
/* A new run begins: failures are forgotten, workers that are down are started again. */
void sn__supervisor_begin(sn__supervisor *supervisor);

#endif
