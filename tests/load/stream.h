/* SPDX-License-Identifier: Apache-2.0 */
/* The table of loaders that have to behave alike, and the streams they have to deliver. */
#ifndef SEINE_TESTS_LOAD_STREAM_H
#define SEINE_TESTS_LOAD_STREAM_H

#include "seine/seine.h"

typedef struct load_config {
    int32_t workers, concurrency;
    uint64_t channel_bytes;
} load_config;

enum { LOAD_CONFIGS = 7 };
extern const load_config load_configs[LOAD_CONFIGS];

enum { LOAD_PLANS = 10 };
/* Plan `index`: homogeneous and typed, both directions, edge ids, features, hops of all kinds,
 * nodes, links and subgraphs.
 * `share`: rank, world and uneven of it, NULL: alone. */
sn_plan *load_plan(int index, const sn_plan_options *share);
/* A loader of configuration `index`. */
sn_loader *load_create(int index, sn_plan *plan);

/* Takes the next batch, which must be step `step` of `epoch` by the digest of `sampler`. */
void load_expect_step(sn_loader *loader, sn_sampler *sampler, uint64_t epoch, int64_t step);
/* The steps from `first` up to `end`, then the end of the stream. */
void load_expect_steps(sn_loader *loader, sn_sampler *sampler, uint64_t epoch, int64_t first,
                       int64_t end);
sn_sampler *load_sampler(sn_plan *plan);

#endif
