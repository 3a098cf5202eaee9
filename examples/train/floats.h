/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that grows to the largest batch and stays: after the first epoch training allocates
 * nothing. */
#ifndef EXAMPLES_TRAIN_FLOATS_H
#define EXAMPLES_TRAIN_FLOATS_H

#include "seine/seine.h"

struct floats {
    float *data; /* 64-byte aligned */
    size_t capacity;
};

/* Room for rows * columns; the content is lost when it grows. False: no memory (reported). */
bool floats_reserve(struct floats *floats, int64_t rows, int64_t columns);
void floats_free(struct floats *floats);

#endif
