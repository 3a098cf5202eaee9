/* SPDX-License-Identifier: Apache-2.0 */
/* Mean over neighbours. Invariant used by both: edges are grouped by ascending col. The inner loops
 * run over `width` consecutive floats without aliasing, which the compiler turns into vector
 * instructions; sums are made in edge order, so the result does not depend on anything but the
 * batch. */
#include "mean.h"

/* Rows come from all over x: fetch this many edges ahead. */
enum { PREFETCH = 8 };

static void add_row(float *restrict sum, const float *restrict row, int64_t width)
{
    for (int64_t j = 0; j < width; j++)
        sum[j] += row[j];
}

static void add_scaled(float *restrict sum, const float *restrict row, float scale, int64_t width)
{
    for (int64_t j = 0; j < width; j++)
        sum[j] += scale * row[j];
}

/* The first edge after `begin` that belongs to another node. */
static int64_t run_end(const struct edges *edges, int64_t begin)
{
    int64_t end = begin + 1;

    while (end < edges->count && edges->col[end] == edges->col[begin])
        end++;
    return end;
}

static void prefetch_row(const struct edges *edges, const float *x, int64_t width, int64_t edge)
{
    if (edge >= edges->count)
        return;
    const float *row = x + edges->row[edge] * width;
    for (int64_t j = 0; j < width; j += 16) /* 16 floats: a cache line */
        __builtin_prefetch(row + j);
}

void mean_forward(const struct edges *edges, const float *x, int64_t width, int64_t nodes,
                  float *out)
{
    for (int64_t k = 0; k < nodes * width; k++)
        out[k] = 0;
    for (int64_t begin = 0; begin < edges->count;) {
        int64_t end = run_end(edges, begin);
        float *sum = out + edges->col[begin] * width;
        float share = 1.0F / (float)(end - begin);

        for (int64_t e = begin; e < end; e++) {
            prefetch_row(edges, x, width, e + PREFETCH);
            add_row(sum, x + edges->row[e] * width, width);
        }
        for (int64_t j = 0; j < width; j++)
            sum[j] *= share;
        begin = end;
    }
}

void mean_backward(const struct edges *edges, const float *d_mean, int64_t width, float *d_x)
{
    for (int64_t begin = 0; begin < edges->count;) {
        int64_t end = run_end(edges, begin);
        const float *from = d_mean + edges->col[begin] * width;
        float share = 1.0F / (float)(end - begin);

        for (int64_t e = begin; e < end; e++)
            add_scaled(d_x + edges->row[e] * width, from, share, width);
        begin = end;
    }
}
