/* SPDX-License-Identifier: Apache-2.0 */
/* What the example trainer reaches on examples/data/debian-packages, and that it is the graph that
 * does it.
 *
 * At scale 100: three seeds, 12 epochs; the reference figure is 0.728 with a standard deviation
 * of 0.002, so that 0.71 leaves nine of these. On the same degrees with random ends it must stay
 * below 0.62. Smaller scales train fewer epochs with one seed, against what the reference has
 * after 1 and 5 epochs less a margin. The figures are printed. */
#include <cblas.h>
#include <check.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "examples/train/fit.h"
#include "support/scale.h"

static char directory[PATH_MAX - 16], path[PATH_MAX];

static int remove_entry(const char *entry, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(entry);
}

/* Imports the graph, or its null model. */
static void import(bool shuffle_ends)
{
    const char *parent = getenv("TMPDIR"), *source = getenv("SEINE_SOURCE");
    char manifest[PATH_MAX];

    ck_assert_msg(source != NULL, "SEINE_SOURCE is not set");
    snprintf(directory, sizeof(directory), "%s/seine-accuracy-XXXXXX",
             parent != NULL && parent[0] != '\0' ? parent : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/dataset", directory);
    snprintf(manifest, sizeof(manifest), "%s/examples/data/debian-packages/manifest.json", source);
    sn_status status = sn_import_manifest(
        manifest, path, SN_IMPORT_OPTIONS(.shuffle_ends = shuffle_ends, .shuffle_seed = 5));
    ck_assert_msg(status == SN_OK, "%s", sn_error_detail());
}

static void remove_directory(void)
{
    nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* The test accuracy of a run with the trainer's defaults. */
static double train(uint64_t seed, bool neighbours, int64_t epochs)
{
    static const int64_t fanout[] = { 15, 10 };
    struct train_options options = { .fanout = fanout,
                                     .layers = 2,
                                     .batch_size = 512,
                                     .epochs = epochs,
                                     .hidden = 128,
                                     .seed = seed };
    struct task task;
    struct fit_spec spec = { .task = &task, .options = &options, .neighbours = neighbours };
    struct fit_result result = { 0 };
    sn_dataset *dataset = NULL;

    ck_assert_msg(sn_dataset_open(path, NULL, &dataset) == SN_OK, "%s", sn_error_detail());
    ck_assert(task_init(&task, dataset, path));
    ck_assert_int_eq(fit(&spec, &result), TRAIN_DONE);
    task_deinit(&task);
    sn_dataset_release(dataset);
    printf("seed %llu, %s, %lld epochs: test accuracy %.4f\n", (unsigned long long)seed,
           neighbours ? "GraphSAGE" : "features only", (long long)epochs,
           result.best.test_accuracy);
    fflush(stdout);
    return result.best.test_accuracy;
}

static double expected_after(int64_t epochs)
{
    return epochs >= 12 ? 0.71 : epochs >= 5 ? 0.66 : 0.50;
}

START_TEST(train_on_real_packages_reaches_the_reference_accuracy)
{
    int64_t epochs = sn_test_scale(12), seeds = epochs >= 12 ? 3 : 1;

    import(false);
    for (int64_t seed = 1; seed <= seeds; seed++)
        ck_assert_double_ge(train((uint64_t)seed, true, epochs), expected_after(epochs));
    double features = train(1, false, epochs);
    ck_assert_double_gt(features, 0.25); /* the majority class has 0.103 */
    ck_assert_double_lt(features, 0.60);
    remove_directory();
}
END_TEST

START_TEST(train_on_the_null_model_stays_below_what_structure_gives)
{
    import(true);
    double accuracy = train(1, true, sn_test_scale(12));
    ck_assert_double_gt(accuracy, 0.25); /* the features are still there */
    ck_assert_double_lt(accuracy, sn_test_scale(12) >= 12 ? 0.62 : expected_after(1));
    remove_directory();
}
END_TEST

int main(void)
{
    openblas_set_num_threads(1);
    Suite *suite = suite_create("accuracy");
    TCase *cases = tcase_create("accuracy");

    tcase_set_timeout(cases, 600);
    tcase_add_test(cases, train_on_real_packages_reaches_the_reference_accuracy);
    tcase_add_test(cases, train_on_the_null_model_stays_below_what_structure_gives);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
