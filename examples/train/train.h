/* SPDX-License-Identifier: Apache-2.0 */
/* Training GraphSAGE on a dataset directory: the entry of the example behind `seine train`.
 *
 * Results go to stdout, the progress bar and errors ("seine: train: <why>", one line) to stderr.
 * Threads: one run at a time in a process. */
#ifndef EXAMPLES_TRAIN_TRAIN_H
#define EXAMPLES_TRAIN_TRAIN_H

#include <signal.h>

#include "seine/seine.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Zero means "the default named here" in every field. */
struct train_options {
    const char *dataset;               /* the directory */
    const int64_t *fanout;             /* one entry per layer, -1 = all neighbours; NULL: 15,10 */
    int32_t layers;                    /* entries of `fanout`, at most 8 */
    int64_t batch_size;                /* 512 */
    int64_t epochs;                    /* 12 */
    int64_t hidden;                    /* units of each layer but the last: 128 */
    uint64_t seed;                     /* of the sampling, the initial weights and the dropout */
    sn_edge_dir dir;                   /* whose neighbours: out */
    sn_load load;                      /* as in sn_dataset_options */
    int32_t workers;                   /* processes that make the batches; 0: this one */
    int32_t concurrency;               /* batches under way in each */
    int32_t threads;                   /* of OpenBLAS; OPENBLAS_NUM_THREADS, else 1 */
    bool json;                         /* JSON lines instead of text */
    bool baselines;                    /* majority class and features only, before the run */
    bool progress;                     /* draw a bar on stderr */
    const volatile sig_atomic_t *stop; /* polled between batches: not 0 ends the run; may be NULL */
};

/* Exit codes of a command, used as results throughout the example. */
enum { TRAIN_DONE = 0, TRAIN_FAILED = 1, TRAIN_STOPPED = 130 };

/* Trains and prints. On TRAIN_FAILED the one line is printed. */
int train_run(const struct train_options *options);

#ifdef __cplusplus
}
#endif
#endif
