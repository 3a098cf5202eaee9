/* SPDX-License-Identifier: Apache-2.0 */
/* A loader from inside.
 *
 * `lock` guards everything below it. The source is used without the lock by the one thread that has
 * the turn (`busy`); interrupt and stats, which never wait, are called under the lock. */
#ifndef SN_ENGINE_LOAD_LOADER_H
#define SN_ENGINE_LOAD_LOADER_H

#include "engine/produce/source.h"
#include "engine/sample/plan.h"

#include <pthread.h>
#include <sys/types.h>

enum { SN__LOADER_DETAIL_BYTES = 1024 };

struct sn_loader {
    pid_t owner;   /* the process that made it; in a child of fork() nothing of it works */
    sn_plan *plan; /* a reference */
    int64_t timeout_ns;
    uint32_t flags; /* SN_STATS_NOT_PINNED */

    pthread_mutex_t lock;
    pthread_cond_t changed; /* of CLOCK_MONOTONIC: the turn is free, a call may go on */
    sn__source *source;     /* NULL: shut down */
    bool busy;              /* a thread has the turn */
    int beginners;          /* threads that wait to begin: they come before those that take */
    bool closed;
    sn_loader_stats last; /* of the source that is gone */

    bool begun;
    int64_t start, end; /* positions in the epoch: what was asked for; end -1: the epoch's end */
    sn__run run;
    int64_t taken;    /* batches of the run handed out */
    sn_status failed; /* ends the run: every next answers it, with `detail` */
    char detail[SN__LOADER_DETAIL_BYTES];
};

/* Checks every option and fills in the defaults. `from` may be NULL. Fails: SN_E_INVALID,
 * SN_E_UNSUPPORTED, naming the option and its value. */
SN_NODISCARD sn_status sn__loader_options(const sn_loader_options *from, sn_loader_options *out);
/* SN_E_INVALID without a loader or in a process that did not make it. */
SN_NODISCARD sn_status sn__loader_check(const sn_loader *loader);
/* Positions of an epoch over all ranks, padding and what is dropped counted. */
int64_t sn__loader_positions(const sn_plan *plan);

#endif
