/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of a layer, over OpenBLAS. Losses are summed in double, everything else is float.
 */
#include "layer.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

int64_t layer_count(int32_t in, int32_t out, int neighbours)
{
    return (int64_t)in * out * (neighbours ? 2 : 1) + out;
}

/* The order in the flat array: w_self, w_mean, bias. */
void layer_place(struct layer *layer, int neighbours, float *weights, float *gradients)
{
    int64_t matrix = (int64_t)layer->in * layer->out;
    int64_t bias = neighbours ? 2 * matrix : matrix;

    layer->w_self = weights;
    layer->w_mean = neighbours ? weights + matrix : NULL;
    layer->bias = weights + bias;
    layer->d_w_self = gradients;
    layer->d_w_mean = neighbours ? gradients + matrix : NULL;
    layer->d_bias = gradients + bias;
}

void layer_init(struct layer *layer, struct random_stream *random)
{
    int64_t count = layer_count(layer->in, layer->out, layer->w_mean != NULL);
    float bound = 1.0F / sqrtf((float)layer->in);

    for (int64_t i = 0; i < count; i++)
        layer->w_self[i] = random_uniform(random, -bound, bound);
}

void layer_forward(const struct layer *layer, const float *self, const float *mean, int64_t rows,
                   float *out)
{
    int n = (int)rows, in = layer->in, width = layer->out;

    for (int64_t i = 0; i < rows; i++)
        memcpy(out + i * width, layer->bias, (size_t)width * sizeof(float));
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, width, in, 1, self, in, layer->w_self,
                width, 1, out, width);
    if (layer->w_mean != NULL)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, width, in, 1, mean, in,
                    layer->w_mean, width, 1, out, width);
}

void layer_backward_weights(const struct layer *layer, const float *self, const float *mean,
                            int64_t rows, const float *d_out)
{
    int n = (int)rows, in = layer->in, width = layer->out;

    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, in, width, n, 1, self, in, d_out, width, 0,
                layer->d_w_self, width);
    if (layer->w_mean != NULL)
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, in, width, n, 1, mean, in, d_out,
                    width, 0, layer->d_w_mean, width);
    memset(layer->d_bias, 0, (size_t)width * sizeof(float));
    for (int64_t i = 0; i < rows; i++)
        for (int j = 0; j < width; j++)
            layer->d_bias[j] += d_out[i * width + j];
}

void layer_backward_inputs(const struct layer *layer, int64_t rows, const float *d_out,
                           float *d_self, float *d_mean)
{
    int n = (int)rows, in = layer->in, width = layer->out;

    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, in, width, 1, d_out, width,
                layer->w_self, width, 0, d_self, in);
    if (layer->w_mean != NULL)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, in, width, 1, d_out, width,
                    layer->w_mean, width, 0, d_mean, in);
}

static float relu(float z)
{
    return z < 0 ? 0 : z; /* written so that NaN is not hidden */
}

void relu_dropout(float *z, int64_t count, float rate, struct random_stream *random)
{
    if (random == NULL || rate <= 0) {
        for (int64_t i = 0; i < count; i++)
            z[i] = relu(z[i]);
        return;
    }
    /* Factors, not branches: half of all units are zero, and no processor guesses which. Two
     * halves of a number serve two units. */
    uint32_t threshold = (uint32_t)(rate * 0x1p32);
    const float factors[2] = { 0, 1 / (1 - rate) };
    for (int64_t i = 0; i + 1 < count; i += 2) {
        uint64_t bits = random_next(random);
        z[i] = relu(z[i]) * factors[(uint32_t)bits >= threshold];
        z[i + 1] = relu(z[i + 1]) * factors[(uint32_t)(bits >> 32) >= threshold];
    }
    if (count % 2 != 0)
        z[count - 1] = relu(z[count - 1]) * factors[(uint32_t)random_next(random) >= threshold];
}

void relu_dropout_backward(float *d, const float *h, int64_t count, float rate)
{
    float scale = 1 / (1 - rate);

    for (int64_t i = 0; i < count; i++) {
        float factor = h[i] > 0 ? scale : 0;
        d[i] *= factor;
    }
}

/* Turns logits into probabilities; returns the logarithm of probability `label`. */
static double softmax(float *row, int32_t classes, int32_t label)
{
    float top = row[0];
    for (int32_t j = 1; j < classes; j++)
        top = row[j] > top ? row[j] : top;
    double shifted = (double)row[label] - (double)top;
    double sum = 0;
    for (int32_t j = 0; j < classes; j++) {
        row[j] = expf(row[j] - top);
        sum += (double)row[j];
    }
    float share = (float)(1 / sum);
    for (int32_t j = 0; j < classes; j++)
        row[j] *= share;
    return shifted - log(sum);
}

double cross_entropy(float *logits, int64_t rows, int32_t classes, const int32_t *labels,
                     int64_t *labelled)
{
    double loss = 0;
    int64_t count = 0;

    for (int64_t i = 0; i < rows; i++)
        count += labels[i] >= 0;
    float share = count > 0 ? 1.0F / (float)count : 0;
    for (int64_t i = 0; i < rows; i++) {
        float *row = logits + i * classes;
        if (labels[i] < 0) {
            memset(row, 0, (size_t)classes * sizeof(float));
            continue;
        }
        loss -= softmax(row, classes, labels[i]);
        row[labels[i]] -= 1;
        for (int32_t j = 0; j < classes; j++)
            row[j] *= share;
    }
    *labelled = count;
    return loss;
}
