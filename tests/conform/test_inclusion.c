/* SPDX-License-Identifier: Apache-2.0 */
/* Inclusion probabilities of sampled neighbours, single and pairwise, against enumeration.
 *
 * Exact: every outcome of the draws is played through Floyd's method; all of them are equally
 * likely, so counting gives the probabilities as fractions, which must be k/d and k(k-1)/(d(d-1)).
 * Measured: many rows of the same degree are sampled by the engine; the frequencies must lie within
 * six standard deviations of the exact values (about 120 comparisons: false alarm below 3e-7). */
#include "seine/seine.h"
#include "support/scale.h"

#include <check.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DEGREE = 6, MOST_FANOUT = 3, ROWS = 1000, EPOCHS = 100 };
static const double deviations = 6;

typedef struct counts {
    int64_t trials;
    int64_t single[MOST_DEGREE];
    int64_t pair[MOST_DEGREE][MOST_DEGREE];
} counts;

static void count_picks(counts *all, const int64_t *picks, int64_t n)
{
    all->trials++;
    for (int64_t i = 0; i < n; i++) {
        all->single[picks[i]]++;
        for (int64_t j = 0; j < n; j++)
            if (picks[i] < picks[j])
                all->pair[picks[i]][picks[j]]++;
    }
}

/* Plays every combination of draws: draw i is one of the numbers 0 .. d - k + i. */
static void enumerate(counts *all, int64_t d, int64_t k, int64_t *draws, int64_t depth)
{
    if (depth < k && depth < MOST_FANOUT) {
        for (draws[depth] = 0; draws[depth] <= d - k + depth; draws[depth]++)
            enumerate(all, d, k, draws, depth + 1);
        return;
    }
    int64_t picks[MOST_DEGREE] = { 0 };
    for (int64_t i = 0; i < k; i++) {
        bool taken = false;
        for (int64_t j = 0; j < i; j++)
            taken |= picks[j] == draws[i];
        picks[i] = taken ? d - k + i : draws[i];
    }
    count_picks(all, picks, k);
}

static counts enumerated(int64_t d, int64_t k)
{
    counts exact = { 0 };
    int64_t draws[MOST_FANOUT];
    if (d > k) {
        enumerate(&exact, d, k, draws, 0);
    } else {
        int64_t first[MOST_DEGREE] = { 0, 1, 2 };
        count_picks(&exact, first, d);
    }
    return exact;
}

/* `ROWS` sources, each with `degree` neighbours of its own: edge e leads from e / degree. */
static sn_dataset *comb(int64_t degree)
{
    int64_t edges = ROWS * degree, *pairs = calloc((size_t)(2 * edges), sizeof *pairs);
    ck_assert_ptr_nonnull(pairs);
    for (int64_t e = 0; e < edges; e++) {
        pairs[e] = e / degree;
        pairs[edges + e] = ROWS + e;
    }
    sn_node_spec node = { .count = ROWS + edges };
    sn_edge_spec edge = { .edge_index.tensor = { pairs, { SN_INT, 64 }, 2, { 2, edges, 1, 1 } } };
    sn_dataset *dataset;
    sn_status status = sn_dataset_create(SN_DATASET_SPEC(.num_node_types = 1, .node_types = &node,
                                                         .num_edge_types = 1, .edge_types = &edge),
                                         &dataset);
    ck_assert_msg(status == SN_OK, "%s", sn_error_detail());
    free(pairs);
    return dataset;
}

static void sample_epoch(sn_sampler *sampler, uint64_t epoch, int64_t d, int64_t take,
                         counts *measured)
{
    sn_batch *batch;
    ck_assert_int_eq(sn_sampler_sample(sampler, epoch, 0, &batch), SN_OK);
    const sn_tensor *edge = sn_batch_find(batch, "edge");
    ck_assert_int_eq(edge->shape[0], ROWS * take);
    const int64_t *ids = edge->data;
    for (int64_t row = 0; row < ROWS; row++) {
        int64_t picks[MOST_DEGREE] = { 0 };
        for (int64_t i = 0; i < take; i++) {
            ck_assert_int_eq(ids[row * take + i] / d, row);
            picks[i] = ids[row * take + i] % d;
        }
        count_picks(measured, picks, take);
    }
    sn_batch_release(batch);
}

static counts measure(int64_t d, int64_t k, int64_t epochs)
{
    counts measured = { 0 };
    sn_dataset *dataset = comb(d);
    int64_t seeds[ROWS];
    for (int64_t i = 0; i < ROWS; i++)
        seeds[i] = i;
    sn_tensor input = { seeds, { SN_INT, 64 }, 1, { ROWS, 1, 1, 1 } };
    sn_plan *plan;
    sn_sampler *sampler;
    ck_assert_int_eq(
        sn_plan_create(dataset,
                       SN_PLAN_OPTIONS(.input = &input, .batch_size = ROWS, .seed = sn_test_seed(),
                                       .hops = 1, .fanout = &k, .with_edge = true),
                       &plan),
        SN_OK);
    ck_assert_int_eq(sn_sampler_create(plan, &sampler), SN_OK);
    for (int64_t epoch = 0; epoch < epochs; epoch++)
        sample_epoch(sampler, (uint64_t)epoch, d, d < k ? d : k, &measured);
    sn_sampler_release(sampler);
    sn_plan_release(plan);
    sn_dataset_release(dataset);
    return measured;
}

static void check_frequency(int64_t hits, int64_t trials, double p, int64_t d, int64_t k)
{
    double expected = (double)trials * p, spread = sqrt((double)trials * p * (1 - p));
    ck_assert_msg(fabs((double)hits - expected) <= deviations * spread,
                  "degree %" PRId64 ", fanout %" PRId64 ": %" PRId64 " of %" PRId64
                  ", expected %.1f +- %.1f",
                  d, k, hits, trials, expected, spread);
}

START_TEST(inclusion_by_enumeration_is_uniform)
{
    for (int64_t d = 1; d <= MOST_DEGREE; d++)
        for (int64_t k = 1; k <= MOST_FANOUT; k++) {
            counts exact = enumerated(d, k);
            int64_t take = d < k ? d : k;
            for (int64_t i = 0; i < d; i++) {
                ck_assert_int_eq(exact.single[i] * d, exact.trials * take);
                for (int64_t j = i + 1; j < d; j++)
                    ck_assert_int_eq(exact.pair[i][j] * d * (d - 1),
                                     exact.trials * take * (take - 1));
            }
        }
}
END_TEST

START_TEST(inclusion_of_the_engine_equals_enumeration)
{
    int64_t d = 1 + _i / MOST_FANOUT, k = 1 + _i % MOST_FANOUT;
    counts exact = enumerated(d, k), measured = measure(d, k, sn_test_scale(EPOCHS));
    double all = (double)exact.trials;
    for (int64_t i = 0; i < d; i++) {
        check_frequency(measured.single[i], measured.trials, (double)exact.single[i] / all, d, k);
        for (int64_t j = i + 1; j < d; j++)
            check_frequency(measured.pair[i][j], measured.trials, (double)exact.pair[i][j] / all, d,
                            k);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("inclusion");
    TCase *tests = tcase_create("inclusion");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, inclusion_by_enumeration_is_uniform);
    tcase_add_loop_test(tests, inclusion_of_the_engine_equals_enumeration, 0,
                        MOST_DEGREE * MOST_FANOUT);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
