/* SPDX-License-Identifier: Apache-2.0 */
/* How much a test does, and with which random numbers.
 *
 * SEINE_TEST_SCALE is a percentage: 100 (the default) runs the counts that are written in the
 * tests, tools/test.sh lowers it to keep its time and prints it. SEINE_TEST_SEED is any 64-bit
 * number; tools/test.sh derives it from the commit and prints it, so that a failure can be run
 * again. A bad value ends the test program with a message: a run that silently tested something
 * else would be worse.
 * Threads: any. */
#ifndef SEINE_TESTS_SUPPORT_SCALE_H
#define SEINE_TESTS_SUPPORT_SCALE_H

#include <stdint.h>

/* `full` scaled, rounded up: at least 1 for a `full` of at least 1; 0 stays 0. */
int64_t sn_test_scale(int64_t full);
/* The seed of this run (default 1). A test mixes its own number in: sn_test_seed() ^ 17. */
uint64_t sn_test_seed(void);
/* Threads that share a batch, where a test leaves them open: SEINE_TEST_THREADS (default 1). */
int32_t sn_test_threads(void);

#endif
