/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors of whatever type the dataset stores, as the types that the trainer computes with. */
#ifndef EXAMPLES_TRAIN_CONVERT_H
#define EXAMPLES_TRAIN_CONVERT_H

#include "seine/seine.h"

/* Whether convert_floats / convert_integers know the type. */
bool convert_knows_floats(sn_dtype dtype);
bool convert_knows_integers(sn_dtype dtype);
/* All elements of a tensor, in order. The type must be known. */
void convert_floats(const sn_tensor *tensor, float *out);
/* Element `index` of an integer tensor. Above 2^63 - 1 gives that number. */
int64_t convert_integer(const sn_tensor *tensor, int64_t index);

#endif
