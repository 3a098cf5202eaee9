/* SPDX-License-Identifier: Apache-2.0 */
/* What the fault tests share: plans, the batches that a loader over them must deliver, orders for
 * stop_worker, and a look at workers from inside.
 *
 * As fixture of every case: tcase_add_checked_fixture(cases, rig_set_up, rig_tear_down), which is also
 * support/leftovers.h.
 * Threads: one, but where something else is said. */
#ifndef SEINE_TESTS_PRODUCE_RIG_H
#define SEINE_TESTS_PRODUCE_RIG_H

#include "base/run.h"
#include "channel/claims.h"
#include "seine/seine.h"
#include "support/leftovers.h"
#include "support/scale.h"

#define MS INT64_C(1000000)

void rig_set_up(void);
void rig_tear_down(void);
/* rig_set_up, run_cases: for main. `seconds`: of each case, on a slow machine. */
int rig_run(const char *name, TCase *cases, double seconds);

void rig_require(sn_status status);
void rig_sleep_ms(int64_t ms);
/* Splitmix64; any thread with a state of its own. */
uint64_t rig_random(uint64_t *state);

/* -- Plans ------------------------------------------------------------------------------------- */

typedef enum rig_kind {
    RIG_HOMOGENEOUS, /* 4 hops worth of small batches, shuffled */
    RIG_TYPED,       /* three edge types, features of one node type, edge ids */
    RIG_WIDE,        /* batches above 64 KiB */
    RIG_KINDS
} rig_kind;
/* *out is NEW: about 90 steps an epoch. */
sn_plan *rig_plan(rig_kind kind);
sn_plan *rig_plan_over(sn_dataset *dataset, rig_kind kind);
/* TAKEN by nobody: the homogeneous graph as a dataset; `nodes` 0: as many as the plans have. */
sn_dataset *rig_dataset(rig_kind kind);

enum { RIG_EPOCHS = 4 };
/* Digests of the batches of the first epochs, computed without a loader. */
typedef struct rig_stream {
    sn_plan *plan;
    int64_t steps;
    uint64_t *digests; /* [RIG_EPOCHS][steps] */
} rig_stream;
/* TAKES the plan. */
rig_stream rig_stream_of(sn_plan *plan);
void rig_stream_free(rig_stream *stream);
/* `batch` is step `step` of `epoch`, to the bit. Any thread. */
void rig_expect(const rig_stream *stream, const sn_batch *batch, uint64_t epoch, int64_t step);
/* Takes and expects steps first ... end - 1. */
void rig_take(sn_loader *loader, const rig_stream *stream, uint64_t epoch, int64_t first,
              int64_t end);
/* Begins the epoch and takes all of it, up to SN_E_END. */
void rig_take_epoch(sn_loader *loader, const rig_stream *stream, uint64_t epoch);

/* -- Loaders ----------------------------------------------------------------------------------- */

const char *rig_worker_path(void);
/* `options` for tests: what is not said is stop_worker, a stall time of 20 s, a timeout of 60 s, and
 * workers that are not bound. */
sn_loader_options rig_options(const sn_loader_options *options);
/* A loader of rig_options. */
sn_loader *rig_loader(sn_plan *plan, const sn_loader_options *options);
sn_loader_stats rig_stats(const sn_loader *loader);
/* Waits until the loader has seen `count` deaths; fails after 20 s. */
void rig_wait_restarts(const sn_loader *loader, uint64_t count);

/* -- Orders for stop_worker -------------------------------------------------------------------- */

typedef struct rig_order {
    const char *at, *act;
    int64_t nth; /* ticket nth - 1 alone; 0: any */
    int64_t every, below, one_of, ms;
    bool once; /* at each ticket */
} rig_order;
/* For workers that start from now on; replaces the order before. */
#define RIG_ORDER(...) rig_order_set(&(rig_order){ __VA_ARGS__ })
void rig_order_set(const rig_order *order);
void rig_order_clear(void);
/* Of an order with `once`: how often it was followed; since rig_order_set. */
int64_t rig_order_followed(void);
/* When it was followed at `ticket` (base/clock.h); 0: it was not. */
int64_t rig_order_time(uint64_t ticket);

/* -- Workers from inside ----------------------------------------------------------------------- */

/* The control segment of a loader of this process. */
typedef struct rig_view {
    void *base;
    size_t bytes;
    sn__stream stream;
} rig_view;
/* Of the only loader there is. */
rig_view rig_view_open(void);
void rig_view_close(rig_view *view);
int rig_worker_pid(const rig_view *view, uint32_t worker); /* 0: not running */
/* Sends a signal to the worker; false: it is not running. Never hits a stranger. Any thread. */
bool rig_signal(const rig_view *view, uint32_t worker, int signal);
/* Stops it, and waits until it stands. */
void rig_stop(const rig_view *view, uint32_t worker);
/* Sends a signal to a child of this process; false: it is not running. Any thread. */
bool rig_signal_process(int pid, int signal);

#endif
