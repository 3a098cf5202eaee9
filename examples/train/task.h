/* SPDX-License-Identifier: Apache-2.0 */
/* A classification task, as found in a dataset: which nodes have which class, and which are for
 * what. Everything that training relies on later is checked here. */
#ifndef EXAMPLES_TRAIN_TASK_H
#define EXAMPLES_TRAIN_TASK_H

#include "seine/seine.h"

/* Labels above this are taken for something else than classes. */
enum { TASK_MAX_CLASSES = 65536 };

/* The labelled nodes of a split. */
struct task_split {
    int64_t *ids;
    int64_t count;
};

struct task {
    sn_dataset *dataset;  /* BORROWED */
    const char *name;     /* of the dataset, for messages; BORROWED */
    int64_t nodes, edges; /* nodes of that type; edges of all types */
    int32_t features;     /* numbers per node */
    int32_t classes;      /* the greatest label + 1 */
    int32_t *labels;      /* [nodes]; -1: none */
    struct task_split train, val, test;
};

/* Of the one node type of a homogeneous dataset. False: it does not hold such a task (reported). */
bool task_init(struct task *task, sn_dataset *dataset, const char *name);
/* The same of one node type among any. */
bool task_init_typed(struct task *task, sn_dataset *dataset, int32_t node_type, const char *name);
void task_deinit(struct task *task);

/* Labels of a tensor of the dataset or of a batch; its "unlabelled" becomes -1. */
void task_read_labels(const struct task *task, const sn_tensor *y, int32_t *out);
/* The class with most nodes in the train split, the smallest of equal ones. */
int32_t task_majority(const struct task *task);
/* The share of a split's nodes whose predicted class (indexed by node id) is right. */
double task_accuracy(const struct task *task, const struct task_split *split,
                     const int32_t *predicted);

#endif
