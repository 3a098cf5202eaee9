/* SPDX-License-Identifier: Apache-2.0 */
#include "score.h"

#include <math.h>
#include <stdlib.h>

static float dot(const float *a, const float *b, int64_t width)
{
    float sum = 0;
    for (int64_t i = 0; i < width; i++)
        sum += a[i] * b[i];
    return sum;
}

void score_pairs(const struct pairs *pairs, const float *encoded, int64_t width, float *out)
{
    for (int64_t i = 0; i < pairs->count; i++)
        out[i] = dot(encoded + pairs->src[i] * width, encoded + pairs->dst[i] * width, width);
}

double score_loss(const struct pairs *pairs, const float *encoded, int64_t width, float *gradient)
{
    double loss = 0;
    for (int64_t i = 0; i < pairs->count; i++) {
        const float *src = encoded + pairs->src[i] * width, *dst = encoded + pairs->dst[i] * width;
        float *d_src = gradient + pairs->src[i] * width, *d_dst = gradient + pairs->dst[i] * width;
        float score = dot(src, dst, width);
        /* log(1 + exp(-|s|)) does not overflow. */
        loss +=
            fmax(score, 0) - (double)(score * pairs->label[i]) + log1p(exp(-fabs((double)score)));
        float d = (1 / (1 + expf(-score)) - pairs->label[i]) / (float)pairs->count;
        for (int64_t j = 0; j < width; j++) {
            float of_src = d * dst[j];
            d_dst[j] += d * src[j];
            d_src[j] += of_src;
        }
    }
    return loss;
}

static int ascending(const void *left, const void *right)
{
    const float *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

double score_auc(float *positive, int64_t of_positive, float *negative, int64_t of_negative)
{
    double won = 0;
    int64_t below = 0, up_to = 0; /* negatives lower than, and not higher than, the positive one */
    qsort(positive, (size_t)of_positive, sizeof *positive, ascending);
    qsort(negative, (size_t)of_negative, sizeof *negative, ascending);
    for (int64_t i = 0; i < of_positive; i++) {
        while (below < of_negative && negative[below] < positive[i])
            below++;
        while (up_to < of_negative && negative[up_to] <= positive[i])
            up_to++;
        won += (double)below + (double)(up_to - below) / 2;
    }
    return won / ((double)of_positive * (double)of_negative);
}
