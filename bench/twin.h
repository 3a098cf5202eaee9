/* SPDX-License-Identifier: Apache-2.0 */
/* A bare hand-over between two processes, and nothing else: a word in shared memory goes to another
 * process and an answer comes back. What a channel of batches is held against. */
#ifndef BENCH_TWIN_H
#define BENCH_TWIN_H

#include <stdbool.h>
#include <stdint.h>

typedef struct twin twin;

/* Forks, so it comes before anything that starts threads. NULL: errno says why. */
twin *twin_start(void);
/* Ends the other process. NULL is fine. */
void twin_stop(twin *self);
/* Mean microseconds from one process to the other, over `rounds` there and back; both spin, or both
 * sleep on a futex. Negative: the other process did not answer for 10 s. */
double twin_hand_over(twin *self, bool asleep, int64_t rounds);

#endif
