/* SPDX-License-Identifier: Apache-2.0 */
/* The training loop: batches from the library, steps of Adam, an evaluation after each epoch. */
#ifndef EXAMPLES_TRAIN_FIT_H
#define EXAMPLES_TRAIN_FIT_H

#include "task.h"
#include "train.h"

struct fit_epoch {
    int64_t epoch, batches; /* the epoch counts from 1 */
    double loss;            /* mean over the epoch's train nodes, in training mode */
    double val_accuracy, test_accuracy;
    double wait_s;  /* waiting for batches; without workers, making them */
    double train_s; /* forward, backward and update */
    double eval_s;
};

struct fit_result {
    struct fit_epoch best;          /* the first epoch of greatest validation accuracy */
    double wait_s, train_s, eval_s; /* of all epochs */
};

struct fit_spec {
    const struct task *task;
    const struct train_options *options; /* with defaults filled in */
    bool neighbours;                     /* false: a multi-layer perceptron of the same shape */
    void (*each_epoch)(void *context, const struct fit_epoch *epoch); /* may be NULL */
    void *context;
};

/* TRAIN_DONE, TRAIN_FAILED (reported) or TRAIN_STOPPED; *out is written when done. */
int fit(const struct fit_spec *spec, struct fit_result *out);

#endif
