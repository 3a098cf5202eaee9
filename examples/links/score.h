/* SPDX-License-Identifier: Apache-2.0 */
/* Scores of pairs: dot products of encodings, their loss, and how well they tell links from others. */
#ifndef EXAMPLES_LINKS_SCORE_H
#define EXAMPLES_LINKS_SCORE_H

#include <stdint.h>

struct pairs {
    int64_t count;
    const int64_t *src, *dst; /* [count] rows of the encodings */
    const float *label;       /* [count] 1 or 0; NULL: not known */
};

/* out[i] = the dot product of rows src[i] and dst[i] of `encoded` [rows, width]. */
void score_pairs(const struct pairs *pairs, const float *encoded, int64_t width, float *out);
/* Sum of the binary cross entropy of the scores. Adds to `gradient` [rows, width] that of the mean. */
double score_loss(const struct pairs *pairs, const float *encoded, int64_t width, float *gradient);
/* The probability that a positive pair has a higher score than a negative one, half of equal ones counted
 * (Mann and Whitney). Sorts both. */
double score_auc(float *positive, int64_t of_positive, float *negative, int64_t of_negative);

#endif
