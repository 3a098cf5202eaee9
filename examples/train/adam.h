/* SPDX-License-Identifier: Apache-2.0 */
/* Adam (Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015) over one flat
 * array. */
#ifndef EXAMPLES_TRAIN_ADAM_H
#define EXAMPLES_TRAIN_ADAM_H

#include <stdbool.h>
#include <stdint.h>

struct adam {
    int64_t count, steps;
    float rate;           /* learning rate */
    float *mean, *square; /* running means of the gradient and of its square */
};

/* False: no memory (reported). */
bool adam_init(struct adam *adam, int64_t count, float rate);
void adam_deinit(struct adam *adam);
void adam_step(struct adam *adam, float *weights, const float *gradients);

#endif
