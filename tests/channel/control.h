/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of the channel share: a control segment in memory of exactly its size, so that a
 * sanitizer sees an access behind it, and random numbers from the seed of the run.
 * Threads: any, each with dice of its own. */
#ifndef SN_TESTS_CHANNEL_CONTROL_H
#define SN_TESTS_CHANNEL_CONTROL_H

#include "channel/stream.h"

#include <check.h>

/* ck_assert for what is done so often that its notes to the runner would take all the time. */
#define must(condition)                                        \
    do {                                                       \
        if (!(condition))                                      \
            ck_abort_msg("line %d: %s", __LINE__, #condition); \
    } while (0)

typedef struct control {
    sn__stream stream;
    void *base;
    size_t bytes;
} control;

/* Laid out and without a run. A failure ends the test. */
control control_make(uint32_t workers, uint32_t concurrency, uint32_t window);
void control_free(control *made);

/* Abandons what is under way and begins a run of `count` tickets, as a consumer does: what the lanes
 * have published below the new base is dropped, its blocks given back. Returns the base. */
uint64_t control_begin(const sn__stream *stream, uint64_t count, uint64_t epoch);

typedef struct dice {
    uint64_t state;
} dice;

/* Numbers of the run's seed and `stream`, which differs between users. */
dice dice_make(uint64_t stream);
uint64_t dice_roll(dice *from);
/* Below `n`, at least 1. */
uint64_t dice_below(dice *from, uint64_t n);

#endif
