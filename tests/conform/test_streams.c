/* SPDX-License-Identifier: Apache-2.0 */
/* Streams over real graphs: digests are the same in and out of order, from any start batch, with
 * one thread and with two on handles of their own, from mapped files and from memory. */
#include "seine/seine.h"
#include "support/scale.h"

#include <check.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_BATCHES = 4096, EPOCHS = 2 };

typedef struct graph_case {
    const char *name;
    const char *manifest; /* under examples/data; NULL: R-MAT */
    const char *seeds;    /* node type */
    int64_t batch_size;
    bool in;
} graph_case;

static const graph_case graphs[] = {
    { "debian-packages", "debian-packages/manifest.json", "package", 512, false },
    { "debian-packages typed", "debian-packages/typed.json", "package", 512, false },
    { "wordnet", "wordnet/manifest.json", "noun", 1024, true },
    { "wordnet links", "wordnet/links.json", "synset", 1024, false },
    { "rmat scale 18", NULL, "node", 1024, true },
};
enum { GRAPHS = sizeof graphs / sizeof graphs[0] };

static char folder[256], path[512];

static void make_dataset(const graph_case *graph)
{
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/seine-streams-XXXXXX", base != NULL ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/dataset", folder);
    sn_status status;
    if (graph->manifest == NULL) {
        status = sn_gen_rmat(SN_RMAT_OPTIONS(.scale = 18, .degree = 16, .feat_dim = 16, .seed = 7),
                             path);
    } else {
        char manifest[4096];
        snprintf(manifest, sizeof manifest, "%s/examples/data/%s", getenv("SEINE_SOURCE"),
                 graph->manifest);
        status = sn_import_manifest(manifest, path, NULL);
    }
    ck_assert_msg(status == SN_OK, "%s: %s", graph->name, sn_error_detail());
}

static void remove_dataset(void)
{
    char command[1024];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

static sn_plan *make_plan(const graph_case *graph, sn_load load)
{
    static const int64_t fanout[] = { 10, 5 };
    sn_dataset *dataset;
    sn_plan *plan;
    int32_t type;
    sn_status status = sn_dataset_open(path, SN_DATASET_OPTIONS(.load = load), &dataset);
    ck_assert_msg(status == SN_OK, "%s", sn_error_detail());
    ck_assert_int_eq(sn_dataset_find_node_type(dataset, graph->seeds, &type), SN_OK);
    status =
        sn_plan_create(dataset,
                       SN_PLAN_OPTIONS(.input_type = type, .batch_size = graph->batch_size,
                                       .shuffle = true, .seed = 11, .hops = 2, .fanout = fanout,
                                       .dir = graph->in ? SN_DIR_IN : SN_DIR_OUT, .with_edge = true,
                                       .features = true, .labels = SN_LABELS_ALL),
                       &plan);
    ck_assert_msg(status == SN_OK, "%s", sn_error_detail());
    sn_dataset_release(dataset);
    return plan;
}

static uint64_t digest(sn_sampler *sampler, uint64_t epoch, int64_t g)
{
    sn_batch *batch;
    sn_status status = sn_sampler_sample(sampler, epoch, g, &batch);
    ck_assert_msg(status == SN_OK, "batch %" PRId64 ": %s", g, sn_error_detail());
    uint64_t value = sn_batch_digest(batch);
    sn_batch_release(batch);
    return value;
}

typedef struct part {
    sn_plan *plan;
    const uint64_t *expected; /* [epoch][batch] */
    int64_t batches;
    int index; /* this thread takes every other batch */
    int64_t differing;
} part;

static void *run_part(void *argument)
{
    part *mine = argument;
    sn_sampler *sampler;
    if (sn_sampler_create(mine->plan, &sampler) != SN_OK) {
        mine->differing = -1;
        return NULL;
    }
    for (uint64_t epoch = 0; epoch < EPOCHS; epoch++)
        for (int64_t g = mine->index; g < mine->batches; g += 2)
            mine->differing +=
                digest(sampler, epoch, g) != mine->expected[(int64_t)epoch * mine->batches + g];
    sn_sampler_release(sampler);
    return NULL;
}

static void check_threads(sn_plan *plan, const uint64_t *expected, int64_t batches)
{
    pthread_t threads[2];
    part parts[2];
    for (int i = 0; i < 2; i++) {
        parts[i] = (part){ plan, expected, batches, i, 0 };
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_part, &parts[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(parts[i].differing, 0);
    }
}

START_TEST(stream_of_a_real_graph_does_not_depend_on_how_it_is_made)
{
    const graph_case *graph = &graphs[_i];
    make_dataset(graph);
    sn_plan *plan = make_plan(graph, SN_LOAD_MAP), *memory = make_plan(graph, SN_LOAD_MEMORY);
    int64_t batches = sn_plan_num_batches(plan);
    ck_assert_int_gt(batches, 20);
    ck_assert_int_le(batches, MOST_BATCHES);
    uint64_t *expected = calloc((size_t)batches * EPOCHS, sizeof *expected);
    sn_sampler *sampler, *other;
    ck_assert_int_eq(sn_sampler_create(plan, &sampler), SN_OK);
    ck_assert_int_eq(sn_sampler_create(memory, &other), SN_OK);

    for (uint64_t epoch = 0; epoch < EPOCHS; epoch++)
        for (int64_t g = 0; g < batches; g++)
            expected[(int64_t)epoch * batches + g] = digest(sampler, epoch, g);
    ck_assert_uint_ne(expected[0], expected[batches]); /* epochs differ */

    for (uint64_t epoch = EPOCHS; epoch-- > 0;) /* backwards, epochs too, from memory */
        for (int64_t g = batches; g-- > 0;)
            ck_assert_uint_eq(digest(other, epoch, g), expected[(int64_t)epoch * batches + g]);

    for (int64_t start = 1; start < batches;
         start += batches / 5) { /* a fresh handle at any start */
        sn_sampler *fresh;
        ck_assert_int_eq(sn_sampler_create(plan, &fresh), SN_OK);
        ck_assert_uint_eq(digest(fresh, 1, start), expected[batches + start]);
        sn_sampler_release(fresh);
    }
    check_threads(plan, expected, batches);
    check_threads(memory, expected, batches);

    sn_sampler_release(sampler);
    sn_sampler_release(other);
    sn_plan_release(plan);
    sn_plan_release(memory);
    free(expected);
    remove_dataset();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("streams");
    TCase *tests = tcase_create("streams");
    tcase_set_timeout(tests, 400);
    tcase_add_loop_test(tests, stream_of_a_real_graph_does_not_depend_on_how_it_is_made, 0, GRAPHS);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
