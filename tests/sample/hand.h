/* SPDX-License-Identifier: Apache-2.0 */
/* Small graphs given edge by edge, and batches of them. */
#ifndef SEINE_TESTS_SAMPLE_HAND_H
#define SEINE_TESTS_SAMPLE_HAND_H

#include "seine/seine.h"

/* One node type and one edge type; arrays of the caller. */
typedef struct hand {
    int64_t nodes, edges;
    const int64_t *src, *dst;
    const float *weights;      /* [edges]; NULL: none */
    const int64_t *times;      /* [edges]; NULL: none */
    const int64_t *node_times; /* [nodes]; NULL: none */
} hand;
sn_dataset *hand_dataset(const hand *of);

/* int64 [count]. */
sn_tensor hand_ids(const int64_t *ids, int64_t count);
/* Released by the caller; what fails ends the test. */
sn_sampler *hand_sampler(sn_dataset *dataset, const sn_plan_options *options);
sn_batch *hand_batch(sn_sampler *sampler, uint64_t epoch, int64_t number);
/* Batch 0 of epoch 0. */
sn_batch *hand_sample(sn_dataset *dataset, const sn_plan_options *options);

/* An index tensor of int64 that is there. */
const int64_t *hand_of(const sn_batch *batch, const char *name, int64_t *count);
void hand_expect(const sn_batch *batch, const char *name, const int64_t *wanted, int64_t count);
#define HAND_EXPECT(batch, name, ...)                          \
    hand_expect(batch, name, (const int64_t[]){ __VA_ARGS__ }, \
                (int64_t)(sizeof((const int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)))

/* A sum of `count` independent numbers in [0, 1] is further than this from what is expected with probability
 * below 1e-9 (Hoeffding's inequality). */
double hand_most_off(int64_t count);

#endif
