/* SPDX-License-Identifier: Apache-2.0 */
/* A graph whose labels only the neighbours know.
 *
 * Every node has a colour, which its features show (one-hot, with noise), and a label drawn apart
 * from it. Of a node's eight out-edges seven in eight lead to nodes coloured as its label. So
 * features say nothing of the label, out-neighbours nearly all, and in-neighbours (whose labels,
 * not colours, follow) nothing. One node in twenty is unlabelled, also within the splits. */
#ifndef TESTS_TRAIN_PLANTED_H
#define TESTS_TRAIN_PLANTED_H

#include "seine/seine.h"

enum {
    PLANTED_NODES = 5000, /* more than one batch of the evaluation */
    PLANTED_DEGREE = 8,
    PLANTED_EDGES = PLANTED_NODES * PLANTED_DEGREE,
    PLANTED_CLASSES = 4,
    PLANTED_TRAIN = 2500,
    PLANTED_VAL = 1000,
    PLANTED_TEST = 1500
};

struct planted {
    float x[PLANTED_NODES * PLANTED_CLASSES];
    int64_t y[PLANTED_NODES];
    int64_t edges[2][PLANTED_EDGES];
    int64_t splits[PLANTED_NODES]; /* train, then val, then test */
    /* For sn_dataset_create, pointing into the above: BORROWED by it. */
    sn_node_spec node;
    sn_edge_spec edge;
};

/* NEW: free() it. Ends the test if there is no memory. */
struct planted *planted_make(uint64_t seed);
/* NEW. Ends the test with the detail if it fails. */
sn_dataset *planted_dataset(const struct planted *planted);
/* Writes .npy files and a manifest into `directory` and imports them into `directory`/dataset. */
void planted_import(const struct planted *planted, const char *directory);

#endif
