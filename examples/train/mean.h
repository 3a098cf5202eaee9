/* SPDX-License-Identifier: Apache-2.0 */
/* The mean over neighbours, forward and backward, straight from a batch's edge lists.
 *
 * Messages flow row -> col, both local ids. A batch lists edges by ascending col, since the
 * frontier is expanded in list order: so the edges of a node are one run, and neither an index nor
 * a matrix of messages [edges, width] is made. */
#ifndef EXAMPLES_TRAIN_MEAN_H
#define EXAMPLES_TRAIN_MEAN_H

#include <stdint.h>

struct edges {
    const int64_t *row; /* [count] which row of x */
    const int64_t *col; /* [count] ascending, below the number of nodes asked for */
    int64_t count;
};

/* out[i] = mean of x[row[e]] over the edges with col[e] == i, zero if there are none; i < nodes. */
void mean_forward(const struct edges *edges, const float *x, int64_t width, int64_t nodes,
                  float *out);
/* Adds to d_x[row[e]] its share, d_mean[col[e]] / degree. */
void mean_backward(const struct edges *edges, const float *d_mean, int64_t width, float *d_x);

#endif
