/* SPDX-License-Identifier: Apache-2.0 */
/* What a loader takes batches from: the calling thread itself (collocated.c) or worker processes
 * (producer.c). The loader checks its caller, holds the turns of its threads and keeps errors; a
 * source delivers the batches of one run after the other, in order.
 *
 * Threads: `next` and `begin` are called by one thread at a time; `interrupt` and `stats` by any, at
 * any time before `release`; `release` by one thread, when no other call is under way. */
#ifndef SN_ENGINE_PRODUCE_SOURCE_H
#define SN_ENGINE_PRODUCE_SOURCE_H

#include "base/status.h"
#include "seine/loader.h"

/* Steps first_step ... first_step + count - 1 of this rank's `epoch`. */
typedef struct sn__run {
    uint64_t epoch;
    int64_t first_step, count;
} sn__run;

typedef struct sn__source sn__source;

typedef struct sn__source_ops {
    /* Begins a run; drops what is left of the one before. Results: SN_E_CLOSED. */
    sn_status (*begin)(sn__source *source, const sn__run *run);
    /* The next batch of the run. *out is NEW. `deadline_ns` is absolute (base/clock.h); 0: do not
     * wait. Results: SN_E_END (count batches were delivered, or no run was begun), SN_E_AGAIN
     * (deadline 0), SN_E_TIMEOUT, SN_E_CLOSED; else as sn_loader_next. */
    sn_status (*next)(sn__source *source, int64_t deadline_ns, sn_batch **out);
    /* From now on next and begin answer SN_E_CLOSED, also one that waits now. */
    void (*interrupt)(sn__source *source);
    void (*stats)(const sn__source *source, sn_loader_stats *out);
    /* Stops the workers, waits until they are gone, frees. Batches that are held stay valid. */
    void (*release)(sn__source *source);
} sn__source_ops;

struct sn__source {
    const sn__source_ops *ops;
};

/* `options` are checked and complete: concurrency, threads, timeout_ns and stall_ns hold values, not
 * zeros. Both keep a reference to the plan; pointers in `options` are BORROWED for the call. *out is
 * NEW (ops->release). Fail as sn_node_loader_create. */
SN_NODISCARD sn_status sn__collocated_create(sn_plan *plan, const sn_loader_options *options,
                                             sn__source **out);
SN_NODISCARD sn_status sn__producer_create(sn_plan *plan, const sn_loader_options *options,
                                           sn__source **out);

#endif
