/* SPDX-License-Identifier: Apache-2.0 */
/* From a batch of the library to what the model reads. */
#ifndef EXAMPLES_TRAIN_BATCH_H
#define EXAMPLES_TRAIN_BATCH_H

#include "sage.h"

/* Points `input` into the batch: BORROWED until its release. Features of another type than float32
 * are converted into `converted`. A batch without features leaves x NULL. False: no memory
 * (reported). */
bool batch_read(const sn_batch *batch, struct floats *converted, struct sage_input *input);

#endif
