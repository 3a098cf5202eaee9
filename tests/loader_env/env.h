/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of loaders in unkind surroundings share: a graph, its expected digests, processes.
 *
 * Everything here ends the test with a message if it does not work; in a process of env_start it ends
 * that process, with a line on stderr. */
#ifndef SEINE_TESTS_LOADER_ENV_ENV_H
#define SEINE_TESTS_LOADER_ENV_ENV_H

#include "seine/seine.h"

#include <stdbool.h>
#include <sys/types.h>

#define ENV_MS INT64_C(1000000)
#define ENV_S  INT64_C(1000000000)

/* Like ck_assert_msg, also in a process that env_start has made. */
void env_check(bool holds, const char *what, const char *file, int line);
#define ENV_CHECK(holds) env_check(holds, #holds, __FILE__, __LINE__)
#define ENV_OK(call)     ENV_CHECK((call) == SN_OK)

/* -- Streams ----------------------------------------------------------------------------------- */

typedef struct env_graph {
    int64_t nodes, degree, feat_dim;
    sn_load load;
} env_graph;

/* A new folder, which env_clean removes. BORROWED. */
const char *env_folder(void);
/* An R-MAT graph in a folder of its own. */
sn_dataset *env_dataset(const env_graph *graph);
void env_clean(void);
/* Of the first one. BORROWED. */
const char *env_dataset_path(void);
/* Two hops of `fanout` each, shuffled, with features. */
sn_plan *env_plan(sn_dataset *dataset, int64_t batch_size, int64_t fanout);
/* The plan that most cases use: some 24 batches of some 30 KB. */
sn_plan *env_small_plan(void);

enum { ENV_EPOCHS = 2 };
typedef struct env_stream {
    int64_t steps;
    uint64_t *digests; /* [ENV_EPOCHS][steps] */
} env_stream;
/* What a sampler of this process makes. */
env_stream env_expect(sn_plan *plan);
void env_stream_free(env_stream *stream);

/* Workers of a loader; concurrency 1. */
sn_loader *env_loader(sn_plan *plan, int32_t workers);
/* The next batch, which is step `step`. */
sn_batch *env_next(sn_loader *loader, const env_stream *stream, uint64_t epoch, int64_t step);
/* Steps `from` to the end, then SN_E_END. */
void env_rest(sn_loader *loader, const env_stream *stream, uint64_t epoch, int64_t from);
/* Begins `epoch` and takes all of it. */
void env_epoch(sn_loader *loader, const env_stream *stream, uint64_t epoch);

/* -- Processes --------------------------------------------------------------------------------- */

/* A process that runs `body(context)` and ends with _exit(0), or 1 if a check fails. */
pid_t env_start(void (*body)(void *context), void *context);
/* From now on this process, which ends with what it holds, is not told of it. */
void env_may_leak(void);
/* Waits for it; its exit code, or 128 + the signal. Kills it and fails after a minute. */
int env_finish(pid_t pid);
/* Both. */
int env_run(void (*body)(void *context), void *context);

enum { ENV_MOST_WORKERS = 64 };
typedef struct env_workers {
    int count;
    pid_t pids[ENV_MOST_WORKERS];
} env_workers;
/* The workers of all loaders of process `owner`, as they can be seen from outside; waits until there
 * are `count`. */
env_workers env_workers_of(pid_t owner, int count);
/* Fails if one of them lives in `within_ns`. A zombie is dead; those of this process are reaped. */
void env_expect_gone(const env_workers *workers, int64_t within_ns);
bool env_is_alive(pid_t pid);
/* Neither dead nor stopped. */
bool env_is_running(pid_t pid);
/* SIGSTOP, and waits until each thread has stopped: on a busy machine some go on for a while. */
void env_stop(const env_workers *workers);

/* Pipes that say "now": a byte. */
void env_tell(int fd);
void env_await(int fd);

void env_sleep(int64_t ns);
int64_t env_now(void);
/* Mappings of this process whose name holds `name`. */
int env_count_mappings(const char *name);
/* Whether `address` lies in such a mapping. */
bool env_is_mapped_as(const void *address, const char *name);

#endif
