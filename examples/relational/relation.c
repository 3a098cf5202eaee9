/* SPDX-License-Identifier: Apache-2.0 */
/* A relation's part of a layer is computed for the nodes that have neighbours by it, and then added to their
 * rows of the output: with 18 relations and a few neighbours per node, a dense product would be zeros
 * for the most part.
 *
 *     edges of r    col      3  3  7  9  9  9       ascending, so a node's edges are one run
 *     renumbered    col      0  0  1  2  2  2       rows of the means
 *                   targets  3     7  9             rows of the output */
#include "relation.h"

#include <cblas.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "examples/train/report.h"

static int64_t matrix(const struct relational_layer *layer)
{
    return (int64_t)layer->self.in * layer->self.out;
}

int64_t relational_count(int32_t relations, int32_t in, int32_t out)
{
    return layer_count(in, out, 0) + relations * (int64_t)in * out;
}

void relational_init(struct relational_layer *layer, int32_t relations, int32_t in, int32_t out,
                     float *weights, float *gradients, struct random_stream *random)
{
    int64_t own = layer_count(in, out, 0);
    float bound = 1.0F / sqrtf((float)in);

    *layer = (struct relational_layer){ .relations = relations,
                                        .self = { .in = in, .out = out },
                                        .weights = weights + own,
                                        .gradients = gradients + own };
    layer_place(&layer->self, 0, weights, gradients);
    layer_init(&layer->self, random);
    for (int64_t i = 0; i < relations * matrix(layer); i++)
        layer->weights[i] = random_uniform(random, -bound, bound);
}

void relational_deinit(struct relational_layer *layer)
{
    floats_free(&layer->mean);
    floats_free(&layer->part);
    floats_free(&layer->d_mean);
    free(layer->ids);
    *layer = (struct relational_layer){ 0 };
}

/* Renumbers col; `ids` has room for two numbers per edge. */
static struct relation_means renumber(const struct edges *edges, int64_t *ids)
{
    int64_t *col = ids, *targets = ids + edges->count, count = 0;
    for (int64_t e = 0; e < edges->count; e++) {
        if (e == 0 || edges->col[e] != edges->col[e - 1])
            targets[count++] = edges->col[e];
        col[e] = count - 1;
    }
    return (struct relation_means){ .edges = { edges->row, col, edges->count },
                                    .targets = targets,
                                    .count = count };
}

static bool reserve_ids(struct relational_layer *layer, size_t count)
{
    if (count <= layer->ids_capacity)
        return true;
    free(layer->ids);
    layer->ids_capacity = count + count / 4; /* the next batches are a little larger or smaller */
    layer->ids = malloc(layer->ids_capacity * sizeof(int64_t));
    if (layer->ids != NULL)
        return true;
    layer->ids_capacity = 0;
    return report_error("out of memory: %zu ids of edges", count);
}

/* The means of all relations, one after the other in layer->mean. */
static bool compute_means(struct relational_layer *layer, const struct edges *edges, const float *x)
{
    int64_t all_edges = 0, all = 0, in = layer->self.in;
    for (int32_t r = 0; r < layer->relations; r++)
        all_edges += edges[r].count;
    if (!reserve_ids(layer, 2 * (size_t)all_edges))
        return false;
    int64_t *ids = layer->ids;
    for (int32_t r = 0; r < layer->relations; r++) {
        layer->means[r] = renumber(&edges[r], ids);
        ids += 2 * edges[r].count;
        all += layer->means[r].count;
    }
    if (!floats_reserve(&layer->mean, all, in))
        return false;
    float *mean = layer->mean.data;
    for (int32_t r = 0; r < layer->relations; r++) {
        struct relation_means *means = &layer->means[r];
        means->mean = mean;
        mean_forward(&means->edges, x, in, means->count, mean);
        mean += means->count * in;
    }
    return true;
}

bool relational_forward(struct relational_layer *layer, const struct edges *edges, const float *x,
                        int64_t rows, float *out)
{
    int in = layer->self.in, width = layer->self.out;
    if (rows > INT_MAX)
        return report_error("a batch of %lld nodes is more than OpenBLAS counts", (long long)rows);
    if (!compute_means(layer, edges, x) || !floats_reserve(&layer->part, rows, width))
        return false;
    layer_forward(&layer->self, x, NULL, rows, out);
    for (int32_t r = 0; r < layer->relations; r++) {
        const struct relation_means *means = &layer->means[r];
        float *restrict part = layer->part.data;
        if (means->count == 0)
            continue;
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)means->count, width, in, 1,
                    means->mean, in, layer->weights + r * matrix(layer), width, 0, part, width);
        for (int64_t i = 0; i < means->count; i++) {
            float *restrict to = out + means->targets[i] * width;
            for (int j = 0; j < width; j++)
                to[j] += part[i * width + j];
        }
    }
    return true;
}

/* One relation's part of the gradients, from the rows of d_out that it was added to. */
static void backward_relation(struct relational_layer *layer, int32_t r, const float *d_out,
                              float *d_x)
{
    const struct relation_means *means = &layer->means[r];
    float *d_weights = layer->gradients + r * matrix(layer), *d_part = layer->part.data;
    int in = layer->self.in, width = layer->self.out, n = (int)means->count;

    if (n == 0) {
        memset(d_weights, 0, (size_t)matrix(layer) * sizeof(float));
        return;
    }
    for (int64_t i = 0; i < n; i++)
        memcpy(d_part + i * width, d_out + means->targets[i] * width,
               (size_t)width * sizeof(float));
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, in, width, n, 1, means->mean, in, d_part,
                width, 0, d_weights, width);
    if (d_x == NULL)
        return;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, in, width, 1, d_part, width,
                layer->weights + r * matrix(layer), width, 0, layer->d_mean.data, in);
    mean_backward(&means->edges, layer->d_mean.data, in, d_x);
}

bool relational_backward(struct relational_layer *layer, const float *x, int64_t rows,
                         const float *d_out, float *d_x)
{
    if (d_x != NULL && !floats_reserve(&layer->d_mean, rows, layer->self.in))
        return false;
    layer_backward_weights(&layer->self, x, NULL, rows, d_out);
    if (d_x != NULL)
        layer_backward_inputs(&layer->self, rows, d_out, d_x, NULL);
    for (int32_t r = 0; r < layer->relations; r++)
        backward_relation(layer, r, d_out, d_x);
    return true;
}
