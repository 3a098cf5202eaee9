/* SPDX-License-Identifier: Apache-2.0 */
/* Random small graphs and plans, awkward on purpose: isolated nodes, self loops, parallel edges,
 * empty graphs, duplicate seeds, more hops than nodes; homogeneous and typed. A case is a function
 * of its number and the seed of the run. */
#ifndef SEINE_TESTS_CONFORM_RANDOM_CASE_H
#define SEINE_TESTS_CONFORM_RANDOM_CASE_H

#include "reference.h"

typedef struct random_case {
    ref_graph graph;
    ref_plan plan;
    uint64_t epoch;
    void *owned[64];
    int num_owned;
} random_case;

void random_case_init(random_case *c, uint64_t seed, uint64_t number);
void random_case_deinit(random_case *c);
/* How many of the first `count` cases are of which kind, as a line. */
void random_case_print(uint64_t seed, int64_t count);

#endif
