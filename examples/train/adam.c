/* SPDX-License-Identifier: Apache-2.0 */
/* Adam with the usual constants. Bias corrections are computed in double, once per step. */
#include "adam.h"

#include <math.h>
#include <stdlib.h>

#include "report.h"

static const float beta1 = 0.9F, beta2 = 0.999F, epsilon = 1e-8F;

bool adam_init(struct adam *adam, int64_t count, float rate)
{
    *adam = (struct adam){ .count = count, .rate = rate };
    adam->mean = calloc((size_t)count, sizeof(float));
    adam->square = calloc((size_t)count, sizeof(float));
    if (adam->mean != NULL && adam->square != NULL)
        return true;
    adam_deinit(adam);
    return report_error("out of memory: Adam for %lld weights", (long long)count);
}

void adam_deinit(struct adam *adam)
{
    free(adam->mean);
    free(adam->square);
    *adam = (struct adam){ 0 };
}

void adam_step(struct adam *adam, float *weights, const float *gradients)
{
    adam->steps++;
    float *restrict mean = adam->mean, *restrict square = adam->square;
    float rate = (float)((double)adam->rate / (1 - pow((double)beta1, (double)adam->steps)));
    float root = (float)(1 / sqrt(1 - pow((double)beta2, (double)adam->steps)));

    for (int64_t i = 0; i < adam->count; i++) {
        float g = gradients[i];
        mean[i] = beta1 * mean[i] + (1 - beta1) * g;
        square[i] = beta2 * square[i] + (1 - beta2) * g * g;
        weights[i] -= rate * mean[i] / (sqrtf(square[i]) * root + epsilon);
    }
}
