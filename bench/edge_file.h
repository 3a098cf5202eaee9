/* SPDX-License-Identifier: Apache-2.0 */
/* Edges to import: a file in no order, with hubs. */
#ifndef BENCH_EDGE_FILE_H
#define BENCH_EDGE_FILE_H

#include <stdint.h>

/* Writes `count` edges over 2^scale nodes to `path`, [2, count] int64, always the same. Both ends
 * are drawn alone; a node of rank r (of n) is an end with a weight of about 1 / sqrt(r), so the
 * first has some thousand times the mean degree. Returns the exit code. */
int edge_file_make(const char *path, int64_t scale, int64_t count);

#endif
