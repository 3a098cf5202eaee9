/* SPDX-License-Identifier: Apache-2.0 */
/* A loader: the batches of a plan, in order, each exactly once, made ahead by worker processes.
 *
 *     sn_node_loader_create(plan, SN_LOADER_OPTIONS(.workers = 2), &loader);
 *     for (uint64_t epoch = 0; epoch < 10; epoch++) {
 *         sn_loader_begin(loader, epoch);
 *         while (sn_loader_next(loader, SN_WAIT_DEFAULT, &batch) == SN_OK) {
 *             ...
 *             sn_batch_release(batch);
 *         }
 *     }
 *     sn_loader_release(loader);
 *
 * Workers are processes of the program seine-worker. They share the dataset with this process and
 * write batches into shared memory, where the consumer reads them: nothing is copied. A worker that
 * dies is replaced and its batch is computed again, equal to the bit. Without workers the batches are
 * computed in the calling thread of sn_loader_next.
 *
 * Threads: any, also several at once; each batch goes to one of them. Batches may be released in any
 * order, from any thread, also after the loader; memory that they lie in lives as long as they do.
 * Fork: in a child of fork() every call answers SN_E_INVALID; release does nothing there.
 * Signals: none is handled, and workers ignore those of the terminal. docs/caveats.md says what
 * exit(), dlclose and a SIGCHLD handler of yours do. */
#ifndef SEINE_LOADER_H
#define SEINE_LOADER_H

#include "seine/batch.h"
#include "seine/plan.h"
#include "seine/sampler.h"
#include "seine/stats.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sn_loader sn_loader;

enum {
    SN_MAX_WORKERS = 256,
    SN_MAX_CONCURRENCY = 32,
    SN_LOADER_STATE_BYTES = 64 /* what sn_loader_state_save writes at most */
};
#define SN_WAIT_DEFAULT ((int64_t)-1) /* the loader's timeout_ns */

typedef struct sn_loader_options {
    uint32_t struct_size; /* filled by the macro */
    int32_t workers;      /* processes; 0: compute in the calling thread */
    int32_t concurrency;  /* batches under way per worker, each with a thread of its own; 0: 1 */
    int32_t threads;      /* threads that share a batch (sn_sampler_set_threads); 0: 1 */
    /* Shared memory for batches, over all lanes; 0: at least two batches per lane, from the plan's
     * bound and the first batches, within an eighth of the memory granted. What does not fit spills. */
    uint64_t channel_bytes;
    int64_t timeout_ns;      /* longest wait of a call for a batch; 0: 10 minutes */
    int64_t stall_ns;        /* a worker without progress this long is killed; 0: 60 s */
    const char *worker_path; /* NULL: SEINE_WORKER, else beside the library */
    /* [num_devices] round robin over workers; -1: CPU, the only one in this version; NULL: all CPU. */
    const int32_t *devices;
    int32_t num_devices;
    bool pin_memory; /* lanes as pinned memory; without CUDA a warning and SN_STATS_NOT_PINNED */
    bool no_bind;    /* leave the workers' cores to the scheduler; else SEINE_BIND */
} sn_loader_options;
#define SN_LOADER_OPTIONS(...) \
    (&(sn_loader_options){ .struct_size = sizeof(sn_loader_options), __VA_ARGS__ })

/* Starts the workers and waits until all are ready. Keeps a reference to the plan. `options` may be
 * NULL: no workers. *out is NEW. Fails: SN_E_INVALID, SN_E_NOT_FOUND (seine-worker), SN_E_VERSION (it
 * is of another build), SN_E_PEER_DIED (it could not start: its words), SN_E_NOMEM, SN_E_SYSTEM. */
SN_NODISCARD SN_API sn_status sn_node_loader_create(sn_plan *plan, const sn_loader_options *options,
                                                    sn_loader **out);
/* The same for a plan of links (sn_plan_options.links); each of the three refuses the others' plans. */
SN_NODISCARD SN_API sn_status sn_link_loader_create(sn_plan *plan, const sn_loader_options *options,
                                                    sn_loader **out);
/* The same for a plan of induced subgraphs (sn_plan_options.subgraph). A batch has node [n], ascending, row
 * and col [m], every edge among these nodes, and mapping [seeds], the place of each seed in node. */
SN_NODISCARD SN_API sn_status sn_subgraph_loader_create(sn_plan *plan,
                                                        const sn_loader_options *options,
                                                        sn_loader **out);
/* Stops the workers and waits until they are gone (at most a second: then they are killed). Calls
 * under way and later ones answer SN_E_CLOSED. Any thread, any time, more than once. Batches that are
 * held stay valid. */
SN_API void sn_loader_shutdown(sn_loader *loader);
/* Shuts down and frees the handle; no other call may be under way. NULL is fine. */
SN_API void sn_loader_release(sn_loader *loader);

/* Begins `epoch` at this rank's first step; what is left of the epoch before is dropped. Comes before
 * threads that wait for a batch. Results: SN_E_CLOSED, SN_E_TIMEOUT (a call of another thread took
 * the loader's timeout). Workers that had failed are started again; if they cannot be, next tells. */
SN_NODISCARD SN_API sn_status sn_loader_begin(sn_loader *loader, uint64_t epoch);
/* The same from the first step whose position in the epoch is `start` or later, up to but not
 * including `end` (-1: the epoch's end): sn_plan_first_step. Fails also: SN_E_RANGE. */
SN_NODISCARD SN_API sn_status sn_loader_begin_at(sn_loader *loader, uint64_t epoch, int64_t start,
                                                 int64_t end);
/* The next batch. *out is NEW. timeout_ns: how long to wait, 0 not at all, SN_WAIT_DEFAULT.
 * Results: SN_E_END (the epoch is over, or none was begun), SN_E_AGAIN (timeout 0), SN_E_TIMEOUT,
 * SN_E_CLOSED. Fails: SN_E_PEER_DIED ("worker N: ..." names batch, signal and last words),
 * SN_E_CORRUPT, SN_E_NOMEM, SN_E_SYSTEM: the epoch then ends with that error until the next begin. */
SN_NODISCARD SN_API sn_status sn_loader_next(sn_loader *loader, int64_t timeout_ns, sn_batch **out);

/* Where the loader stands: epoch and next position, in at most SN_LOADER_STATE_BYTES bytes, with
 * what identifies dataset, plan and seed. *bytes is set. Batches that were handed out count as
 * consumed. Ranks that took equally many save the same state.
 * Fails: SN_E_INVALID (`capacity` is too small, or no epoch was begun). */
SN_NODISCARD SN_API sn_status sn_loader_state_save(sn_loader *loader, void *state, size_t capacity,
                                                   size_t *bytes);
/* Begins where the saved loader stood, also with other workers, ranks or machine. Fails: SN_E_FORMAT
 * (no state), SN_E_VERSION, SN_E_CORRUPT (damaged), SN_E_INVALID (of another dataset, plan or seed:
 * which), and as sn_loader_begin. */
SN_NODISCARD SN_API sn_status sn_loader_state_restore(sn_loader *loader, const void *state,
                                                      size_t bytes);

/* Statistics since creation. */
SN_API void sn_loader_get_stats(const sn_loader *loader, sn_loader_stats *out);

#ifdef __cplusplus
}
#endif
#endif
