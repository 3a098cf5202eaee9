/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the relational example: its gradients against finite differences of a second forward pass in
 * double, as in test_model.c; and the graph that it makes of a dataset. */
#include <check.h>
#include <ftw.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/relational/graph.h"
#include "planted.h"

/* -- Gradients --------------------------------------------------------------------------------- */

enum {
    RELATIONS = 3,
    NODES = 14,
    MAX_EDGES = 64,
    FEATURES = 5,
    HIDDEN = 7,
    CLASSES = 4,
    SEEDS = 4
};

struct made {
    struct model_input input;
    float x[NODES * FEATURES];
    int64_t row[RELATIONS][MAX_EDGES], col[RELATIONS][MAX_EDGES];
    int32_t labels[SEEDS];
};

static int64_t below(struct random_stream *random, int64_t limit)
{
    return (int64_t)(random_next(random) % (uint64_t)limit);
}

/* Each hop adds 5 nodes; degrees 0 to 3 by relation 0, 0 to 1 by relation 1; relation 2 has edges in the
 * second hop only. */
static void make_batch(struct made *made)
{
    struct random_stream random = random_open(3, 100);
    struct model_input *input = &made->input;

    memset(made, 0, sizeof(*made));
    *input = (struct model_input){ .x = made->x,
                                   .relations = RELATIONS,
                                   .nodes_within = { SEEDS, SEEDS + 5, NODES } };
    for (int32_t r = 0; r < RELATIONS; r++) {
        int64_t count = 0;
        input->row[r] = made->row[r];
        input->col[r] = made->col[r];
        for (int32_t h = 0; h < LAYERS; h++) {
            for (int64_t v = h == 0 ? 0 : SEEDS; v < input->nodes_within[h]; v++) {
                int64_t degree = r == 2 && h == 0 ? 0 : below(&random, r == 1 ? 2 : 4);
                for (int64_t d = 0; d < degree; d++) {
                    made->row[r][count] = below(&random, input->nodes_within[h + 1]);
                    made->col[r][count++] = v;
                }
            }
            input->edges_within[r][h + 1] = count;
        }
    }
    for (int64_t k = 0; k < NODES * FEATURES; k++)
        made->x[k] = random_uniform(&random, -1, 1);
    for (int32_t i = 0; i < SEEDS; i++)
        made->labels[i] = i == 2 ? -1 : i;
}

/* What a row x [in] gives through a matrix [in, out] to one unit. */
static double product(const double *x, const double *matrix, int32_t in, int32_t out, int32_t unit)
{
    double z = 0;
    for (int32_t j = 0; j < in; j++)
        z += x[j] * matrix[j * out + unit];
    return z;
}

/* One unit of a layer, with all edges that the batch has for node v. */
static double plain_unit(const struct made *made, const struct relational_layer *layer,
                         const double *weights, const double *x, int64_t v, int32_t unit)
{
    int32_t in = layer->self.in, out = layer->self.out;
    const double *bias = weights + in * out, *relation = bias + out;
    double z = bias[unit] + product(x + v * in, weights, in, out, unit);
    for (int32_t r = 0; r < RELATIONS; r++, relation += in * out) {
        double sum = 0;
        int64_t degree = 0;
        for (int64_t e = 0; e < made->input.edges_within[r][LAYERS]; e++) {
            if (made->col[r][e] != v)
                continue;
            sum += product(x + made->row[r][e] * in, relation, in, out, unit);
            degree++;
        }
        z += degree > 0 ? sum / (double)degree : 0;
    }
    return z;
}

/* The mean loss over the labelled seeds. A hidden unit that the model left positive was kept by its dropout. */
static double plain_loss(const struct made *made, const struct model *model, const double *weights)
{
    double x[NODES * FEATURES], hidden[NODES * HIDDEN], loss = 0;
    int64_t count = 0;
    for (int32_t k = 0; k < NODES * FEATURES; k++)
        x[k] = (double)made->x[k];
    for (int32_t k = 0; k < made->input.nodes_within[1] * HIDDEN; k++) {
        double z = plain_unit(made, &model->layers[0], weights, x, k / HIDDEN, k % HIDDEN);
        hidden[k] = model->out[0].data[k] > 0 ? z / (1 - (double)model->shape.dropout) : 0;
    }
    weights += relational_count(RELATIONS, FEATURES, HIDDEN);
    for (int64_t i = 0; i < SEEDS; i++) {
        double logits[CLASSES], sum = 0;
        if (made->labels[i] < 0)
            continue;
        for (int32_t c = 0; c < CLASSES; c++) {
            logits[c] = plain_unit(made, &model->layers[1], weights, hidden, i, c);
            sum += exp(logits[c]);
        }
        loss -= logits[made->labels[i]] - log(sum);
        count++;
    }
    return loss / (double)count;
}

START_TEST(relational_backward_gives_the_gradients_of_finite_differences)
{
    struct model_shape shape = { RELATIONS, FEATURES, HIDDEN, CLASSES, _i == 0 ? 0 : 0.3F };
    struct random_stream random = random_open(7, 1);
    struct made made;
    struct model model;
    int64_t labelled;

    make_batch(&made);
    ck_assert(model_init(&model, &shape, 5));
    for (int64_t i = 0; i < model.count; i++)
        model.gradients[i] = 9; /* of the batch before */
    float *logits = model_forward(&model, &made.input, &random);
    ck_assert_ptr_nonnull(logits);
    double loss = cross_entropy(logits, SEEDS, CLASSES, made.labels, &labelled);
    ck_assert(model_backward(&model, &made.input, logits));

    double *weights = malloc((size_t)model.count * sizeof(double)), greatest = 0;
    for (int64_t i = 0; i < model.count; i++)
        weights[i] = (double)model.weights[i];
    ck_assert_double_eq_tol(loss / (double)labelled, plain_loss(&made, &model, weights), 1e-6);
    for (int64_t i = 0; i < model.count; i++) {
        double step = 1e-6, kept = weights[i];
        weights[i] = kept + step;
        double above = plain_loss(&made, &model, weights);
        weights[i] = kept - step;
        double slope = (above - plain_loss(&made, &model, weights)) / (2 * step);
        weights[i] = kept;
        ck_assert_double_eq_tol((double)model.gradients[i], slope, 1e-6 + 1e-4 * fabs(slope));
        greatest = fmax(greatest, fabs(slope));
    }
    ck_assert_double_gt(greatest, 0.01); /* there was something to compare */
    free(weights);
    model_deinit(&model);
}
END_TEST

/* -- The graph --------------------------------------------------------------------------------- */

static char directory[PATH_MAX - 16];

static int remove_entry(const char *entry, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(entry);
}

static void remove_directory(void)
{
    nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Edges lead from the neighbour to the seed: of the relation against its direction, of its reverse along it. */
static void check_edges(const struct planted *planted, const sn_batch *batch, const char *name,
                        int to)
{
    char full[64];
    const int64_t *node = sn_batch_find(batch, "node.node")->data, *ends[3];
    const char *parts[] = { "row", "col", "edge" };
    int64_t count = 0;
    for (int p = 0; p < 3; p++) {
        snprintf(full, sizeof(full), "%s.%s", name, parts[p]);
        ck_assert_ptr_nonnull(sn_batch_find(batch, full));
        ends[p] = sn_batch_find(batch, full)->data;
        count = sn_batch_find(batch, full)->shape[0];
    }
    ck_assert_int_eq(count, PLANTED_EDGES);
    for (int64_t e = 0; e < count; e++) {
        ck_assert_int_eq(node[ends[0][e]], planted->edges[to][ends[2][e]]);
        ck_assert_int_eq(node[ends[1][e]], planted->edges[1 - to][ends[2][e]]);
    }
}

START_TEST(graph_of_a_dataset_has_its_relation_in_both_directions)
{
    const char *parent = getenv("TMPDIR");
    static const int64_t all = -1;
    struct planted *planted = planted_make(1);
    char path[PATH_MAX];
    struct graph graph;
    sn_plan *plan;
    sn_sampler *sampler;
    sn_batch *batch;

    snprintf(directory, sizeof(directory), "%s/seine-relational-XXXXXX",
             parent != NULL && parent[0] != '\0' ? parent : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    planted_import(planted, directory);
    snprintf(path, sizeof(path), "%s/dataset", directory);
    ck_assert(graph_open(&graph, path));
    ck_assert_int_eq(graph.count, 2);
    ck_assert_str_eq(graph.relations[0], "node__to__node");
    ck_assert_str_eq(graph.relations[1], "node__rev_to__node");
    ck_assert_int_eq(sn_dataset_verify(graph.dataset, NULL, NULL), SN_OK);
    ck_assert_int_eq(sn_plan_create(graph.dataset,
                                    SN_PLAN_OPTIONS(.batch_size = PLANTED_NODES, .hops = 1,
                                                    .fanout = &all, .with_edge = true),
                                    &plan),
                     SN_OK);
    ck_assert_int_eq(sn_sampler_create(plan, &sampler), SN_OK);
    ck_assert_int_eq(sn_sampler_sample(sampler, 0, 0, &batch), SN_OK);
    check_edges(planted, batch, graph.relations[0], 1);
    check_edges(planted, batch, graph.relations[1], 0);
    sn_batch_release(batch);
    sn_sampler_release(sampler);
    sn_plan_release(plan);
    graph_close(&graph);
    free(planted);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("train_relations");
    TCase *gradients = tcase_create("gradients"), *graph = tcase_create("graph");

    tcase_add_loop_test(gradients, relational_backward_gives_the_gradients_of_finite_differences, 0,
                        2);
    tcase_add_checked_fixture(graph, NULL, remove_directory);
    tcase_add_test(graph, graph_of_a_dataset_has_its_relation_in_both_directions);
    suite_add_tcase(suite, gradients);
    suite_add_tcase(suite, graph);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
