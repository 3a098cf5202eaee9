/* SPDX-License-Identifier: Apache-2.0 */
/* A graph once more, in another shape of the same size: what differs in the measurement is the shape. */
#ifndef BENCH_RECAST_H
#define BENCH_RECAST_H

#include "seine/seine.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum recast_how {
    RECAST_SMALL_PAGES, /* the same arrays on 4 KiB pages */
    RECAST_TYPED        /* node v is node v / 2 of type even or odd; an edge type for each pair */
} recast_how;

typedef struct recast {
    sn_dataset *dataset;
    uint8_t *memory; /* of its arrays */
    size_t bytes;
} recast;

/* The graph of `from`, which has one type of nodes and of edges, with rows of the CSC layout if `in`,
 * else CSR, the splits (of type even, if typed), and nothing else. Returns the exit code; nothing is
 * left on failure. */
int recast_open(sn_dataset *from, bool in, recast_how how, recast *out);
void recast_close(recast *self);

#endif
