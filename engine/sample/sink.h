/* SPDX-License-Identifier: Apache-2.0 */
/* Where a batch is written, and who watches while it is made.
 *
 * Sampling comes before memory: only a complete topology tells the size. So whoever computes a
 * batch asks a sink for memory in the middle, and writes every tensor there once: a pool of this
 * process (sampler.c), or a lane that another process reads.
 * Threads: the calls come from the thread that computes. */
#ifndef SN_ENGINE_SAMPLE_SINK_H
#define SN_ENGINE_SAMPLE_SINK_H

#include "base/status.h"
#include "seine/batch.h"
#include "seine/stats.h"

#include <stdatomic.h>

typedef struct sn__sink {
    void *context;
    /* Memory for a payload of `bytes`, 64-byte aligned, into *payload. `info` is complete;
     * tensors[i].data is an offset into the payload. Both are BORROWED. An error ends the batch and
     * is passed on; after SN_OK the memory is the sink's to take back, also if the batch then
     * fails. */
    sn_status (*reserve)(void *context, const sn_batch_info *info, const sn_tensor *tensors,
                         size_t bytes, uint8_t **payload);
    /* SN_STEP_SAMPLED before `reserve`, RESERVED behind it, GATHER when all tensors but the last
     * are written, WRITTEN at the end. NULL: nobody watches. */
    void (*step)(void *context, sn_step step);
    /* Rises while work goes on, in steps that take milliseconds, not seconds. Written by the
     * computing thread alone. NULL: nobody watches. */
    _Atomic uint64_t *progress;
} sn__sink;

/* Relaxed: a watcher compares two values of it and concludes nothing about other memory. */
static inline void sn__progress_bump(_Atomic uint64_t *progress)
{
    if (progress != NULL)
        atomic_store_explicit(progress, atomic_load_explicit(progress, memory_order_relaxed) + 1,
                              memory_order_relaxed);
}

static inline void sn__sink_step(const sn__sink *sink, sn_step step)
{
    if (sink->step != NULL)
        sink->step(sink->context, step);
}

#endif
