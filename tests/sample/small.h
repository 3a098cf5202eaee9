/* SPDX-License-Identifier: Apache-2.0 */
/* Small datasets by formula. */
#ifndef SEINE_TESTS_SAMPLE_SMALL_H
#define SEINE_TESTS_SAMPLE_SMALL_H

#include "seine/seine.h"

enum { RING_NODES = 40, RING_EDGES = 80, RING_FEATURES = 4 };

/* v -> v+1 (edge 2v) and v -> v+2 (edge 2v+1) modulo 40; x[v] = v, edge x = edge id, y[v] = v
 * (int32). */
sn_dataset *small_ring(void);
/* One layout of the ring only. */
sn_dataset *small_ring_half(bool csc);
/* user v -u2i-> item v+1, v+2 and item v -i2i-> item v+2, v+3 modulo 40; no features. */
sn_dataset *small_typed(void);

#endif
