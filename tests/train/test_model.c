/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of the example trainer, on batches made here.
 *
 * Gradients are held against finite differences of a second forward pass, written plainly in
 * double: it looks for a node's neighbours among all edges and computes every row that it is asked
 * for. The step of the differences is 1e-6, so they are good to about 1e-9; what is compared is
 * float arithmetic over at most a hundred terms of size one, good to about 1e-5. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "examples/train/adam.h"
#include "examples/train/convert.h"
#include "examples/train/sage.h"

/* -- Batches ------------------------------------------------------------------------------------
 */

enum { MAX_NODES = 64, MAX_EDGES = 256, FEATURES = 5, HIDDEN = 7, CLASSES = 4 };

struct made {
    struct sage_input input;
    float x[MAX_NODES * FEATURES];
    int64_t row[MAX_EDGES], col[MAX_EDGES];
    int32_t labels[MAX_NODES];
};

static int64_t below(struct random_stream *random, int64_t limit)
{
    return (int64_t)(random_next(random) % (uint64_t)limit);
}

/* Seeds 4, each hop adds 5 nodes; degrees 0 to 4 with parallel edges and self loops among them. */
static void make_batch(struct made *made, int32_t hops, uint64_t seed)
{
    struct random_stream random = random_open(seed, 100);
    struct sage_input *input = &made->input;

    memset(made, 0, sizeof(*made));
    *input = (struct sage_input){ .x = made->x, .row = made->row, .col = made->col, .hops = hops };
    int64_t edges = 0, expanded = 0;
    for (int32_t h = 0; h <= hops; h++)
        input->nodes_within[h] = 4 + 5 * h;
    for (int32_t h = 0; h < hops; h++) {
        for (int64_t i = expanded; i < input->nodes_within[h]; i++) {
            int64_t degree = below(&random, 5);
            for (int64_t d = 0; d < degree; d++) {
                made->row[edges] =
                    d == 1 ? made->row[edges - 1] : below(&random, input->nodes_within[h + 1]);
                made->col[edges++] = i;
            }
        }
        expanded = input->nodes_within[h];
        input->edges_within[h + 1] = edges;
    }
    for (int64_t k = 0; k < MAX_NODES * FEATURES; k++)
        made->x[k] = random_uniform(&random, -1, 1);
    for (int64_t i = 0; i < MAX_NODES; i++)
        made->labels[i] = (int32_t)below(&random, CLASSES);
    made->labels[2] = -1;
}

/* -- The second forward pass --------------------------------------------------------------------
 */

struct plain {
    const struct sage *sage;
    const struct made *made;
    const double *weights;
    double h[SAGE_MAX_LAYERS + 1][MAX_NODES * 8]; /* [0]: x */
};

static void plain_mean(const struct plain *plain, const double *x, int32_t width, int64_t node,
                       double *mean)
{
    const struct sage_input *input = &plain->made->input;
    int64_t degree = 0;

    for (int32_t j = 0; j < width; j++)
        mean[j] = 0;
    for (int64_t e = 0; e < input->edges_within[input->hops]; e++) {
        if (input->col[e] != node)
            continue;
        degree++;
        for (int32_t j = 0; j < width; j++)
            mean[j] += x[input->row[e] * width + j];
    }
    for (int32_t j = 0; degree > 0 && j < width; j++)
        mean[j] /= (double)degree;
}

/* One unit of layer l at a node; `weights` begin with the layer's. */
static double plain_unit(const struct plain *plain, const double *weights, int32_t l, int64_t node,
                         int32_t unit)
{
    const struct layer *layer = &plain->sage->layers[l];
    const double *self = plain->h[l] + node * layer->in;
    int64_t matrix = (int64_t)layer->in * layer->out;
    bool neighbours = plain->sage->shape.neighbours;
    double mean[8], z = weights[(neighbours ? 2 : 1) * matrix + unit];

    plain_mean(plain, plain->h[l], layer->in, node, mean);
    for (int32_t j = 0; j < layer->in; j++) {
        z += self[j] * weights[j * layer->out + unit];
        if (neighbours)
            z += mean[j] * weights[matrix + j * layer->out + unit];
    }
    return z;
}

/* ReLU, and dropout as the model drew it: a unit that it left positive was kept. A unit that is
 * zero there was dropped or is negative; either way it is zero here. */
static double plain_activation(const struct plain *plain, int32_t l, int64_t at, double z)
{
    if (plain->sage->shape.dropout <= 0)
        return z > 0 ? z : 0;
    return plain->sage->out[l].data[at] > 0 ? z / (1 - (double)plain->sage->shape.dropout) : 0;
}

static int64_t plain_rows(const struct plain *plain, int32_t l)
{
    const struct sage_shape *shape = &plain->sage->shape;

    return plain->made->input.nodes_within[shape->neighbours ? shape->layers - 1 - l : 0];
}

/* The mean loss over the labelled seeds. */
static double plain_loss(struct plain *plain)
{
    const struct sage *sage = plain->sage;
    const double *weights = plain->weights;
    int32_t last = sage->shape.layers - 1;

    for (int64_t k = 0; k < MAX_NODES * FEATURES; k++)
        plain->h[0][k] = (double)plain->made->x[k];
    for (int32_t l = 0; l <= last; l++) {
        int32_t width = sage->layers[l].out;
        for (int64_t i = 0; i < plain_rows(plain, l); i++) {
            for (int32_t unit = 0; unit < width; unit++) {
                double z = plain_unit(plain, weights, l, i, unit);
                plain->h[l + 1][i * width + unit] =
                    l < last ? plain_activation(plain, l, i * width + unit, z) : z;
            }
        }
        weights += layer_count(sage->layers[l].in, width, sage->shape.neighbours);
    }
    double loss = 0;
    int64_t count = 0;
    for (int64_t i = 0; i < plain->made->input.nodes_within[0]; i++) {
        const double *logits = plain->h[last + 1] + i * CLASSES;
        double sum = 0;
        if (plain->made->labels[i] < 0)
            continue;
        for (int32_t c = 0; c < CLASSES; c++)
            sum += exp(logits[c]);
        loss -= logits[plain->made->labels[i]] - log(sum);
        count++;
    }
    return loss / (double)count;
}

/* -- Gradients ----------------------------------------------------------------------------------
 */

static const struct {
    int32_t layers;
    bool neighbours;
    float dropout;
} shapes[] = { { 1, true, 0 },    { 2, true, 0 },  { 3, true, 0 },     { 2, true, 0.3F },
               { 3, true, 0.5F }, { 1, false, 0 }, { 2, false, 0.3F }, { 3, false, 0 } };

START_TEST(sage_backward_on_any_shape_gives_the_gradients_of_finite_differences)
{
    struct sage_shape shape = { shapes[_i].layers,     FEATURES,          HIDDEN, CLASSES,
                                shapes[_i].neighbours, shapes[_i].dropout };
    struct random_stream random = random_open(7, 1);
    struct made made;
    struct sage sage;
    int64_t labelled;

    make_batch(&made, shape.neighbours ? shape.layers : 0, 11 + (uint64_t)_i);
    ck_assert(sage_init(&sage, &shape, 5));
    float *logits = sage_forward(&sage, &made.input, &random);
    ck_assert_ptr_nonnull(logits);
    double loss =
        cross_entropy(logits, made.input.nodes_within[0], CLASSES, made.labels, &labelled);
    ck_assert_int_eq(labelled, 3);
    ck_assert(sage_backward(&sage, &made.input, logits));

    double *weights = malloc((size_t)sage.count * sizeof(double));
    struct plain *plain = malloc(sizeof(*plain));
    *plain = (struct plain){ .sage = &sage, .made = &made, .weights = weights };
    for (int64_t i = 0; i < sage.count; i++)
        weights[i] = (double)sage.weights[i];
    ck_assert_double_eq_tol(loss / (double)labelled, plain_loss(plain), 1e-6);
    double greatest = 0;
    for (int64_t i = 0; i < sage.count; i++) {
        double step = 1e-6, kept = weights[i];
        weights[i] = kept + step;
        double above = plain_loss(plain);
        weights[i] = kept - step;
        double slope = (above - plain_loss(plain)) / (2 * step);
        weights[i] = kept;
        ck_assert_double_eq_tol((double)sage.gradients[i], slope, 1e-6 + 1e-4 * fabs(slope));
        greatest = fmax(greatest, fabs(slope));
    }
    ck_assert_double_gt(greatest, 0.01); /* there was something to compare */
    free(plain);
    free(weights);
    sage_deinit(&sage);
}
END_TEST

START_TEST(sage_forward_on_a_second_smaller_batch_gives_what_a_fresh_model_gives)
{
    struct sage_shape shape = { 2, FEATURES, HIDDEN, CLASSES, true, 0 };
    struct made large, small;
    struct sage used, fresh;

    make_batch(&large, 3, 1);
    make_batch(&small, 2, 2);
    large.input.hops = 2;
    ck_assert(sage_init(&used, &shape, 9));
    ck_assert(sage_init(&fresh, &shape, 9));
    float *first = sage_forward(&used, &large.input, NULL);
    ck_assert(sage_backward(&used, &large.input, first));
    float *again = sage_forward(&used, &small.input, NULL);
    float *once = sage_forward(&fresh, &small.input, NULL);
    ck_assert_mem_eq(again, once, 4 * CLASSES * sizeof(float));
    ck_assert(sage_backward(&used, &small.input, again));
    ck_assert(sage_backward(&fresh, &small.input, once));
    ck_assert_mem_eq(used.gradients, fresh.gradients, (size_t)used.count * sizeof(float));
    sage_deinit(&used);
    sage_deinit(&fresh);
}
END_TEST

START_TEST(layer_init_of_a_wide_layer_is_uniform_in_one_over_the_root_of_its_inputs)
{
    struct layer layer = { .in = 100, .out = 300 };
    int64_t count = layer_count(100, 300, 1);
    float *weights = malloc((size_t)count * sizeof(float));
    struct random_stream random = random_open(3, 0);
    double sum = 0, squares = 0;
    float low = 0, high = 0;

    ck_assert_int_eq(count, 2 * 100 * 300 + 300);
    layer_place(&layer, 1, weights, weights);
    layer_init(&layer, &random);
    for (int64_t i = 0; i < count; i++) {
        sum += (double)weights[i];
        squares += (double)weights[i] * (double)weights[i];
        low = fminf(low, weights[i]);
        high = fmaxf(high, weights[i]);
    }
    double n = (double)count, variance = 0.01 / 3; /* of a uniform on +-0.1 */
    ck_assert_float_ge(low, -0.1F);
    ck_assert_float_lt(low, -0.0999F);
    ck_assert_float_lt(high, 0.1F);
    ck_assert_float_gt(high, 0.0999F);
    ck_assert_double_eq_tol(sum / n, 0, 5 * sqrt(variance / n));
    ck_assert_double_eq_tol(squares / n, variance, 0.02 * variance);
    free(weights);
}
END_TEST

/* -- Pieces -------------------------------------------------------------------------------------
 */

START_TEST(mean_of_nodes_with_and_without_edges_is_the_mean_or_zero)
{
    const int64_t row[] = { 2, 0, 0, 3 }, col[] = { 0, 0, 0, 2 };
    const struct edges edges = { row, col, 4 }, none = { row, col, 0 };
    const float x[] = { 1, 10, 2, 20, 4, 40, 8, 80 };
    float out[6] = { 9, 9, 9, 9, 9, 9 };

    mean_forward(&edges, x, 2, 3, out);
    ck_assert_float_eq(out[0], 2); /* (4 + 1 + 1) / 3: parallel edges count */
    ck_assert_float_eq(out[1], 20);
    ck_assert_float_eq(out[2], 0);
    ck_assert_float_eq(out[3], 0);
    ck_assert_float_eq(out[4], 8);
    ck_assert_float_eq(out[5], 80);
    mean_forward(&none, x, 2, 3, out);
    for (int i = 0; i < 6; i++)
        ck_assert_float_eq(out[i], 0);
}
END_TEST

START_TEST(mean_backward_gives_each_neighbour_its_share)
{
    const int64_t row[] = { 2, 0, 0, 3, 0 }, col[] = { 0, 0, 0, 0, 2 };
    const struct edges edges = { row, col, 5 };
    const float d_mean[] = { 4, 100, 3 };
    float d_x[] = { 1, 1, 1, 1 };

    mean_backward(&edges, d_mean, 1, d_x);
    ck_assert_float_eq(d_x[0], 1 + 2 + 3);
    ck_assert_float_eq(d_x[1], 1);
    ck_assert_float_eq(d_x[2], 1 + 1);
    ck_assert_float_eq(d_x[3], 1 + 1);
}
END_TEST

START_TEST(dropout_of_many_units_drops_its_rate_and_scales_the_rest)
{
    enum { COUNT = 200001 }; /* odd: the last unit has no partner */
    float *z = malloc(COUNT * sizeof(float)), *d = malloc(COUNT * sizeof(float));
    struct random_stream random = random_open(1, 1);
    int64_t dropped = 0, both = 0;

    for (int i = 0; i < COUNT; i++) {
        z[i] = i % 3 == 2 ? -1 : 0.7F;
        d[i] = 7;
    }
    relu_dropout(z, COUNT, 0.3F, &random);
    relu_dropout_backward(d, z, COUNT, 0.3F);
    for (int i = 0; i < COUNT; i++) {
        bool kept = z[i] > 0;
        if (i % 3 == 2)
            ck_assert_float_eq(z[i], 0);
        else if (kept)
            ck_assert_float_eq_tol(z[i], 1, 1e-6F);
        ck_assert_float_eq_tol(d[i], kept ? 10 : 0, 1e-5F);
        dropped += i % 3 != 2 && !kept;
        both += i % 3 == 0 && i + 1 < COUNT && !kept && z[i + 1] == 0;
    }
    /* Standard deviations: 167 of 133,334 units; 64 of 66,667 pairs of neighbouring units. */
    ck_assert_int_lt(llabs(dropped - (int64_t)(0.3 * COUNT * 2 / 3)), 5 * 167);
    ck_assert_int_lt(llabs(both - (int64_t)(0.09 * COUNT / 3)), 5 * 74);
    free(z);
    free(d);
}
END_TEST

START_TEST(relu_of_nan_stays_nan)
{
    struct random_stream random = random_open(1, 1);
    float z[64];
    int nans = 0;

    for (int i = 0; i < 64; i++)
        z[i] = NAN;
    relu_dropout(z, 32, 0, NULL);
    relu_dropout(z + 32, 32, 0.5F, &random);
    for (int i = 0; i < 32; i++)
        ck_assert(isnan(z[i]));
    for (int i = 32; i < 64; i++)
        nans += isnan(z[i]) != 0;
    ck_assert_int_gt(nans, 0);
}
END_TEST

START_TEST(cross_entropy_of_known_logits_gives_loss_and_gradient)
{
    float logits[] = { 0, 0, 5, 5, 0, 1000 };
    const int32_t labels[] = { 1, -1, 0 };
    int64_t labelled;
    double loss = cross_entropy(logits, 3, 2, labels, &labelled);

    ck_assert_int_eq(labelled, 2);
    ck_assert_double_eq_tol(loss, log(2) + 1000, 1e-9); /* no overflow */
    const float expected[] = { 0.25F, -0.25F, 0, 0, -0.5F, 0.5F };
    for (int i = 0; i < 6; i++)
        ck_assert_float_eq_tol(logits[i], expected[i], 1e-7F);
}
END_TEST

START_TEST(adam_for_three_steps_follows_the_hand_computed_values)
{
    /* Rate 0.003; gradients 1, -2, 0.5 and zero.
     * Step 1: m = 0.1, v = 0.001; m/0.1 = 1, v/0.001 = 1: -0.003.
     * Step 2: m = 0.09 - 0.2 = -0.11, v = 0.000999 + 0.004 = 0.004999; m/0.19 = -0.57894737,
     *         v/0.001999 = 2.50075038, root 1.58137611: +0.003 * 0.36610352 = +0.00109831.
     * Step 3: m = -0.099 + 0.05 = -0.049, v = 0.004994001 + 0.00025 = 0.005244001; m/0.271 =
     *         -0.18081181, v/0.002997001 = 1.74974950, root 1.32278097: +0.003 * 0.13669067 =
     *         +0.00041007. */
    const float gradients[3][2] = { { 1, 0 }, { -2, 0 }, { 0.5F, 0 } };
    const float expected[3] = { -0.003F, -0.003F + 0.00109831F, -0.00190169F + 0.00041007F };
    float weights[2] = { 0, 0 };
    struct adam adam;

    ck_assert(adam_init(&adam, 2, 0.003F));
    for (int step = 0; step < 3; step++) {
        adam_step(&adam, weights, gradients[step]);
        ck_assert_float_eq_tol(weights[0], expected[step], 2e-8F);
        ck_assert_float_eq(weights[1], 0); /* 0 / (0 + epsilon), not NaN */
    }
    adam_deinit(&adam);
}
END_TEST

START_TEST(adam_with_a_tiny_gradient_is_damped_by_epsilon)
{
    const float gradient = 1e-8F; /* m/(1-b1) = 1e-8, root of v/(1-b2) = 1e-8: half a rate */
    float weight = 1;
    struct adam adam;

    ck_assert(adam_init(&adam, 1, 0.5F));
    adam_step(&adam, &weight, &gradient);
    ck_assert_float_eq_tol(weight, 0.75F, 1e-5F);
    adam_deinit(&adam);
}
END_TEST

START_TEST(convert_of_every_type_gives_its_values)
{
    const uint16_t half[] = { 0x3C00, 0xC000, 0x3555, 0x0001, 0x8400, 0x7BFF, 0x7C00, 0x7E00 };
    const float values[] = { 1, -2, 0.333251953125F, 0x1p-24F, -0x1p-14F, 65504, INFINITY };
    const uint16_t bfloat[] = { 0x3F80, 0xC049 };
    const int8_t bytes[] = { -128, 127 };
    const double doubles[] = { 0.5, -3 };
    const uint64_t large = UINT64_MAX;
    float out[8];
    sn_tensor tensor = { .dtype = { SN_FLOAT, 16 }, .ndim = 1, .shape = { 8, 1, 1, 1 } };

    tensor.data = (void *)(uintptr_t)half;
    convert_floats(&tensor, out);
    for (int i = 0; i < 7; i++)
        ck_assert_float_eq(out[i], values[i]);
    ck_assert(isnan(out[7]));
    tensor = (sn_tensor){ (void *)(uintptr_t)bfloat, { SN_BFLOAT, 16 }, 1, { 2, 1, 1, 1 } };
    convert_floats(&tensor, out);
    ck_assert_float_eq(out[0], 1);
    ck_assert_float_eq(out[1], -3.140625F);
    tensor = (sn_tensor){ (void *)(uintptr_t)doubles, { SN_FLOAT, 64 }, 1, { 2, 1, 1, 1 } };
    convert_floats(&tensor, out);
    ck_assert_float_eq(out[1], -3);
    tensor = (sn_tensor){ (void *)(uintptr_t)bytes, { SN_INT, 8 }, 1, { 2, 1, 1, 1 } };
    convert_floats(&tensor, out);
    ck_assert_float_eq(out[0], -128);
    ck_assert_int_eq(convert_integer(&tensor, 1), 127);
    tensor.dtype = (sn_dtype){ SN_UINT, 8 };
    ck_assert_int_eq(convert_integer(&tensor, 0), 128);
    tensor = (sn_tensor){ (void *)(uintptr_t)&large, { SN_UINT, 64 }, 1, { 1, 1, 1, 1 } };
    ck_assert_int_eq(convert_integer(&tensor, 0), INT64_MAX);
    ck_assert(!convert_knows_integers((sn_dtype){ SN_FLOAT, 32 }));
    ck_assert(!convert_knows_floats((sn_dtype){ SN_COMPLEX, 64 }));
    ck_assert(convert_knows_floats((sn_dtype){ SN_BOOL, 8 }));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("train_model");
    TCase *gradients = tcase_create("gradients"), *pieces = tcase_create("pieces");
    int shape_count = (int)(sizeof(shapes) / sizeof(shapes[0]));

    tcase_add_loop_test(gradients,
                        sage_backward_on_any_shape_gives_the_gradients_of_finite_differences, 0,
                        shape_count);
    tcase_add_test(gradients,
                   sage_forward_on_a_second_smaller_batch_gives_what_a_fresh_model_gives);
    tcase_add_test(gradients,
                   layer_init_of_a_wide_layer_is_uniform_in_one_over_the_root_of_its_inputs);
    tcase_add_test(pieces, mean_of_nodes_with_and_without_edges_is_the_mean_or_zero);
    tcase_add_test(pieces, mean_backward_gives_each_neighbour_its_share);
    tcase_add_test(pieces, dropout_of_many_units_drops_its_rate_and_scales_the_rest);
    tcase_add_test(pieces, relu_of_nan_stays_nan);
    tcase_add_test(pieces, cross_entropy_of_known_logits_gives_loss_and_gradient);
    tcase_add_test(pieces, adam_for_three_steps_follows_the_hand_computed_values);
    tcase_add_test(pieces, adam_with_a_tiny_gradient_is_damped_by_epsilon);
    tcase_add_test(pieces, convert_of_every_type_gives_its_values);
    suite_add_tcase(suite, gradients);
    suite_add_tcase(suite, pieces);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
