/* SPDX-License-Identifier: Apache-2.0 */
/* Calling a caller's progress function: throttled, from one thread. */
#ifndef SN_BASE_PROGRESS_H
#define SN_BASE_PROGRESS_H

#include "seine/options.h"

typedef struct sn__progress {
    sn_progress call; /* NULL: nobody asked */
    void *context;
    int64_t next_ns; /* not before */
} sn__progress;

/* Reports at most 20 times a second (always when done == total). Fails: SN_E_CANCELLED. */
SN_NODISCARD sn_status sn__progress_tick(sn__progress *progress, const char *stage, uint64_t done,
                                         uint64_t total);

#endif
