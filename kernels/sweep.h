/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over [0, count) in blocks, by a few threads, with progress and cancel.
 *
 * Thread t works on the t-th of `threads` contiguous slices, in ascending order, so whatever a body
 * does with positions does not depend on timing. The error of the lowest position wins, always: a
 * failing thread stops only the threads above it. */
#ifndef SN_KERNELS_SWEEP_H
#define SN_KERNELS_SWEEP_H

#include "base/progress.h"
#include "base/status.h"

/* One block; `thread` in [0, threads). */
typedef sn_status (*sn__sweep_body)(void *context, int32_t thread, int64_t begin, int64_t end);

/* How long work is reported, over one or more sweeps: `stage` runs from 0 to `total`. */
typedef struct sn__stage {
    sn__progress *progress; /* may be NULL */
    const char *name;
    uint64_t done, total;
} sn__stage;

typedef struct sn__sweep {
    int64_t count;
    int64_t block; /* at least 1 */
    int32_t threads;
    sn__sweep_body body;
    void *context;
    sn__stage *stage; /* may be NULL; `done` grows by count * weight */
    uint64_t weight;  /* of one position; 0: 1 */
} sn__sweep;

/* The slice of thread t. */
void sn__sweep_slice(int64_t count, int32_t threads, int32_t t, int64_t *begin, int64_t *end);
/* Fails as the bodies do, and SN_E_CANCELLED. */
SN_NODISCARD sn_status sn__sweep_slices(const sn__sweep *sweep);
/* The same with blocks handed out in ascending order to whoever is free: for bodies whose work
 * differs and whose result does not depend on the thread. */
SN_NODISCARD sn_status sn__sweep_claims(const sn__sweep *sweep);

#endif
