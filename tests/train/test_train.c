/* SPDX-License-Identifier: Apache-2.0 */
/* The example trainer on a whole task: what it learns, that it repeats itself, what it says when a
 * dataset is not what it needs, and what it prints. OpenBLAS works with one thread here. */
#include <cblas.h>
#include <check.h>
#include <ftw.h>
#include <glob.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "examples/train/evaluate.h"
#include "examples/train/fit.h"
#include "planted.h"

static const int64_t fanout[] = { 5, 3 };

static struct train_options small_run(void)
{
    return (struct train_options){
        .fanout = fanout, .layers = 2, .batch_size = 100, .epochs = 8, .hidden = 16, .seed = 1
    };
}

/* -- Learning -----------------------------------------------------------------------------------
 */

enum { MAX_EPOCHS = 16 };
struct history {
    struct fit_epoch epochs[MAX_EPOCHS];
    int64_t count;
    volatile sig_atomic_t *stop_after_one;
};

static void remember(void *context, const struct fit_epoch *epoch)
{
    struct history *history = context;

    ck_assert_int_lt(history->count, MAX_EPOCHS);
    history->epochs[history->count++] = *epoch;
    if (history->stop_after_one != NULL)
        *history->stop_after_one = 1;
}

static struct fit_result fit_planted(const struct planted *planted,
                                     const struct train_options *options, bool neighbours,
                                     struct history *history)
{
    struct task task;
    struct fit_result result = { 0 };
    sn_dataset *dataset = planted_dataset(planted);
    struct fit_spec spec = { .task = &task,
                             .options = options,
                             .neighbours = neighbours,
                             .each_epoch = history != NULL ? remember : NULL,
                             .context = history };

    openblas_set_num_threads(1);
    ck_assert(task_init(&task, dataset, "planted"));
    ck_assert_int_eq(fit(&spec, &result), TRAIN_DONE);
    task_deinit(&task);
    sn_dataset_release(dataset);
    return result;
}

START_TEST(fit_on_a_planted_graph_learns_what_only_out_neighbours_tell)
{
    struct planted *planted = planted_make(3);
    struct train_options options = small_run();
    struct history history = { 0 };
    struct fit_result sage = fit_planted(planted, &options, true, &history);
    struct fit_result features = fit_planted(planted, &options, false, NULL);

    ck_assert_double_gt(sage.best.test_accuracy, 0.9);
    ck_assert_double_gt(sage.best.val_accuracy, 0.9);
    /* Chance is 0.25; of 1,425 nodes its standard deviation is 0.012. */
    ck_assert_double_lt(features.best.test_accuracy, 0.25 + 5 * 0.012);
    options.dir = SN_DIR_IN;
    struct fit_result against = fit_planted(planted, &options, true, NULL);
    ck_assert_double_lt(against.best.test_accuracy, 0.25 + 5 * 0.012);

    ck_assert_int_eq(history.count, options.epochs);
    ck_assert_double_lt(history.epochs[7].loss, 0.5 * history.epochs[0].loss);
    for (int64_t e = 0; e < history.count; e++) {
        ck_assert_int_eq(history.epochs[e].epoch, e + 1);
        ck_assert_int_eq(history.epochs[e].batches, (2500 * 19 / 20 + 99) / 100);
        ck_assert_double_le(history.epochs[e].val_accuracy, sage.best.val_accuracy);
        if (e + 1 < sage.best.epoch)
            ck_assert_double_lt(history.epochs[e].val_accuracy, sage.best.val_accuracy);
    }
    free(planted);
}
END_TEST

/* Numbers of other types that mean the same train to the same result. */
static const struct {
    sn_dtype x, y;
} stored[] = { { { SN_FLOAT, 16 }, { SN_INT, 32 } },
               { { SN_INT, 8 }, { SN_INT, 8 } },
               { { SN_FLOAT, 64 }, { SN_INT, 16 } } };

START_TEST(fit_on_features_and_labels_of_any_type_learns_the_same)
{
    struct planted *planted = planted_make(3);
    struct train_options options = small_run();
    void *x = calloc(PLANTED_NODES * PLANTED_CLASSES, 8), *y = calloc(PLANTED_NODES, 8);

    ck_assert(x != NULL && y != NULL);
    for (int64_t i = 0; i < PLANTED_NODES * PLANTED_CLASSES; i++) {
        bool hot = i / PLANTED_CLASSES % PLANTED_CLASSES == i % PLANTED_CLASSES;
        planted->x[i] = hot; /* without noise, so that every type can say it */
        if (stored[_i].x.bits == 16)
            ((uint16_t *)x)[i] = hot ? 0x3C00 : 0;
        else if (stored[_i].x.bits == 8)
            ((int8_t *)x)[i] = hot;
        else
            ((double *)x)[i] = hot;
    }
    for (int64_t i = 0; i < PLANTED_NODES; i++) {
        if (stored[_i].y.bits == 8)
            ((int8_t *)y)[i] = (int8_t)planted->y[i];
        else if (stored[_i].y.bits == 16)
            ((int16_t *)y)[i] = (int16_t)planted->y[i];
        else
            ((int32_t *)y)[i] = (int32_t)planted->y[i];
    }
    options.epochs = 2;
    struct fit_result plain = fit_planted(planted, &options, true, NULL);
    planted->node.x.tensor.data = x;
    planted->node.x.tensor.dtype = stored[_i].x;
    planted->node.y.tensor.data = y;
    planted->node.y.tensor.dtype = stored[_i].y;
    struct fit_result other = fit_planted(planted, &options, true, NULL);
    ck_assert_double_eq(plain.best.loss, other.best.loss);
    ck_assert_double_eq(plain.best.test_accuracy, other.best.test_accuracy);
    free(x);
    free(y);
    free(planted);
}
END_TEST

START_TEST(fit_twice_with_one_seed_gives_the_same_losses_to_the_last_digit)
{
    struct planted *planted = planted_make(4);
    struct train_options options = small_run();
    struct history first = { 0 }, second = { 0 }, other = { 0 };

    options.epochs = 3;
    fit_planted(planted, &options, true, &first);
    fit_planted(planted, &options, true, &second);
    options.seed = 2;
    fit_planted(planted, &options, true, &other);
    for (int e = 0; e < 3; e++) {
        ck_assert_double_eq(first.epochs[e].loss, second.epochs[e].loss);
        ck_assert_double_eq(first.epochs[e].val_accuracy, second.epochs[e].val_accuracy);
        ck_assert_double_ne(first.epochs[e].loss, other.epochs[e].loss);
    }
    free(planted);
}
END_TEST

START_TEST(fit_that_is_stopped_after_an_epoch_says_so_and_writes_nothing)
{
    volatile sig_atomic_t stop = 0;
    struct planted *planted = planted_make(5);
    struct train_options options = small_run();
    struct history history = { .stop_after_one = &stop };
    struct task task;
    struct fit_result result = { .wait_s = -1 };
    sn_dataset *dataset = planted_dataset(planted);
    struct fit_spec spec = { &task, &options, true, remember, &history };

    options.stop = &stop;
    ck_assert(task_init(&task, dataset, "planted"));
    ck_assert_int_eq(fit(&spec, &result), TRAIN_STOPPED);
    ck_assert_int_eq(history.count, 1);
    ck_assert_double_eq(result.wait_s, -1);
    task_deinit(&task);
    sn_dataset_release(dataset);
    free(planted);
}
END_TEST

/* -- Evaluation ---------------------------------------------------------------------------------
 */

/* One layer at one node with all out-neighbours, in double. */
static void plain_layer(const struct layer *layer, const struct planted *planted, const double *in,
                        int64_t node, double *out)
{
    double mean[16] = { 0 };

    for (int64_t d = 0; d < PLANTED_DEGREE; d++)
        for (int32_t j = 0; j < layer->in; j++)
            mean[j] +=
                in[planted->edges[1][node * PLANTED_DEGREE + d] * layer->in + j] / PLANTED_DEGREE;
    for (int32_t unit = 0; unit < layer->out; unit++) {
        double z = (double)layer->bias[unit];
        for (int32_t j = 0; j < layer->in; j++)
            z += in[node * layer->in + j] * (double)layer->w_self[j * layer->out + unit] +
                 mean[j] * (double)layer->w_mean[j * layer->out + unit];
        out[unit] = z;
    }
}

/* Checks the predictions that a wide enough margin decides; returns how many there were. */
static int64_t compare_predictions(const double *logits, const int32_t *predicted)
{
    int64_t decided = 0;

    for (int64_t i = 0; i < PLANTED_NODES; i++) {
        const double *row = logits + i * PLANTED_CLASSES;
        int32_t best = 0;
        double margin = INFINITY;
        for (int32_t c = 1; c < PLANTED_CLASSES; c++)
            best = row[c] > row[best] ? c : best;
        for (int32_t c = 0; c < PLANTED_CLASSES; c++)
            margin = c == best ? margin : fmin(margin, row[best] - row[c]);
        if (margin < 1e-5)
            continue;
        ck_assert_int_eq(predicted[i], best);
        decided++;
    }
    return decided;
}

START_TEST(evaluator_of_one_to_three_layers_predicts_as_a_plain_forward_pass)
{
    enum { WIDTH = 16 };
    struct planted *planted = planted_make(6);
    struct train_options options = small_run();
    struct sage_shape shape = { _i, PLANTED_CLASSES, WIDTH, PLANTED_CLASSES, true, 0.3F };
    struct task task;
    struct sage sage;
    struct evaluator evaluator;
    sn_dataset *dataset = planted_dataset(planted);
    double *in = calloc((size_t)PLANTED_NODES * WIDTH, sizeof(double));
    double *out = calloc((size_t)PLANTED_NODES * WIDTH, sizeof(double));

    ck_assert(in != NULL && out != NULL);
    ck_assert(task_init(&task, dataset, "planted"));
    ck_assert(sage_init(&sage, &shape, 8));
    ck_assert(evaluator_init(&evaluator, &task, &sage, &options));
    for (int round = 0; round < 2; round++) /* the second in used memory */
        ck_assert_int_eq(evaluator_run(&evaluator), TRAIN_DONE);

    for (int64_t k = 0; k < PLANTED_NODES * PLANTED_CLASSES; k++)
        in[k] = (double)planted->x[k];
    for (int32_t l = 0; l < shape.layers; l++) {
        const struct layer *layer = &sage.layers[l];
        for (int64_t i = 0; i < PLANTED_NODES; i++)
            plain_layer(layer, planted, in, i, out + i * layer->out);
        for (int64_t k = 0; k < PLANTED_NODES * WIDTH; k++)
            in[k] = l < shape.layers - 1 ? fmax(out[k], 0) : out[k];
    }
    ck_assert_int_gt(compare_predictions(in, evaluator.predicted), PLANTED_NODES * 99 / 100);
    evaluator_deinit(&evaluator);
    sage_deinit(&sage);
    task_deinit(&task);
    sn_dataset_release(dataset);
    free(in);
    free(out);
    free(planted);
}
END_TEST

/* -- Running the entry, with its output caught --------------------------------------------------
 */

static char directory[PATH_MAX];

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static void make_directory(void)
{
    const char *parent = getenv("TMPDIR");

    snprintf(directory, sizeof(directory), "%s/seine-train-XXXXXX",
             parent != NULL && parent[0] != '\0' ? parent : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void remove_directory(void)
{
    nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Sends a stream to a file in the directory; returns what restores it. */
static int redirect(FILE *stream, const char *name)
{
    char path[PATH_MAX + 16];
    int kept;

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    fflush(stream);
    kept = dup(fileno(stream));
    FILE *file = fopen(path, "w");
    ck_assert(kept >= 0 && file != NULL);
    ck_assert_int_ge(dup2(fileno(file), fileno(stream)), 0);
    fclose(file);
    return kept;
}

static void restore(FILE *stream, int kept)
{
    fflush(stream);
    dup2(kept, fileno(stream));
    close(kept);
}

/* NEW: the file's text. */
static char *read_text(const char *name)
{
    enum { ROOM = 1 << 16 };
    char path[PATH_MAX + 16], *text = malloc(ROOM);

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, "r");
    ck_assert(file != NULL && text != NULL);
    size_t length = fread(text, 1, ROOM - 1, file);
    ck_assert(length < ROOM - 1 && ferror(file) == 0);
    text[length] = '\0';
    fclose(file);
    return text;
}

struct caught {
    int code;
    char *out, *err;
};

static struct caught run_caught(const struct train_options *options)
{
    struct caught caught;
    int out = redirect(stdout, "out"), err = redirect(stderr, "err");

    caught.code = train_run(options);
    restore(stdout, out);
    restore(stderr, err);
    caught.out = read_text("out");
    caught.err = read_text("err");
    return caught;
}

static void caught_free(struct caught *caught)
{
    free(caught->out);
    free(caught->err);
}

/* The next line of *text as JSON. NEW: json_decref() it. */
static json_t *next_json(char **text)
{
    char *line = strsep(text, "\n");
    json_error_t error;
    json_t *object = json_loads(line, 0, &error);

    ck_assert_msg(object != NULL, "not JSON: %s", line);
    return object;
}

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    ck_assert_msg(json_is_number(value), "no number %s", key);
    return json_number_value(value);
}

START_TEST(train_run_with_json_prints_baselines_epochs_and_the_result)
{
    struct planted *planted = planted_make(9);
    struct train_options options = small_run();
    char path[PATH_MAX + 16];

    planted_import(planted, directory);
    snprintf(path, sizeof(path), "%s/dataset", directory);
    options.dataset = path;
    options.epochs = 3;
    options.json = true;
    options.baselines = true;
    options.threads = 1;
    struct caught caught = run_caught(&options);
    ck_assert_str_eq(caught.err, "");
    ck_assert_int_eq(caught.code, TRAIN_DONE);

    char *rest = caught.out;
    json_t *line = next_json(&rest);
    ck_assert_str_eq(json_string_value(json_object_get(line, "baseline")), "majority");
    ck_assert_double_eq_tol(number(line, "test_accuracy"), 0.25, 0.06);
    json_decref(line);
    for (int epochs = 3; epochs <= 30; epochs *= 10) {
        line = next_json(&rest);
        ck_assert_str_eq(json_string_value(json_object_get(line, "baseline")), "features");
        ck_assert_double_eq(number(line, "epochs"), epochs);
        ck_assert_double_eq_tol(number(line, "test_accuracy"), 0.25, 0.06);
        json_decref(line);
    }
    double best = 0;
    for (int e = 1; e <= 3; e++) {
        line = next_json(&rest);
        ck_assert_uint_eq(json_object_size(line), 6);
        ck_assert_double_eq(number(line, "epoch"), e);
        ck_assert_double_gt(number(line, "loss"), 0);
        ck_assert_double_gt(number(line, "batches_per_s"), 0);
        ck_assert_double_ge(number(line, "wait_s"), 0);
        ck_assert_double_gt(number(line, "train_s"), 0);
        best = fmax(best, number(line, "val_accuracy"));
        json_decref(line);
    }
    ck_assert_double_gt(best, 0.5);
    line = next_json(&rest);
    ck_assert_double_gt(number(line, "test_accuracy"), 0.5);
    ck_assert_double_ge(number(line, "best_epoch"), 1);
    ck_assert_uint_eq(json_object_size(line), 2);
    json_decref(line);
    ck_assert_str_eq(rest, "");
    caught_free(&caught);
    free(planted);
}
END_TEST

START_TEST(train_run_with_a_bar_keeps_it_out_of_the_results)
{
    struct planted *planted = planted_make(9);
    struct train_options options = small_run();
    char path[PATH_MAX + 16];

    planted_import(planted, directory);
    snprintf(path, sizeof(path), "%s/dataset", directory);
    options.dataset = path;
    options.epochs = 1;
    options.progress = true;
    struct caught caught = run_caught(&options);
    ck_assert_int_eq(caught.code, TRAIN_DONE);
    ck_assert_ptr_nonnull(strstr(caught.err, "\rGraphSAGE epoch 1/1 ["));
    ck_assert_ptr_nonnull(strstr(caught.err, "\revaluation ["));
    ck_assert_str_eq(caught.err + strlen(caught.err) - 4, "\r\033[K"); /* and takes it away */
    ck_assert_ptr_null(strchr(caught.out, '\r'));
    ck_assert_ptr_nonnull(strstr(caught.out, "5000 nodes, 40000 edges, 4 features, 4 classes"));
    ck_assert_ptr_nonnull(strstr(caught.out, "\nepoch   1  loss "));
    ck_assert_ptr_nonnull(strstr(caught.out, "\nGraphSAGE: test accuracy 0."));
    ck_assert_ptr_nonnull(strstr(caught.out, "\ntime: "));
    caught_free(&caught);
    free(planted);
}
END_TEST

START_TEST(train_run_that_is_stopped_ends_with_130)
{
    volatile sig_atomic_t stop = 1;
    struct planted *planted = planted_make(9);
    struct train_options options = small_run();
    char path[PATH_MAX + 16];

    planted_import(planted, directory);
    snprintf(path, sizeof(path), "%s/dataset", directory);
    options.dataset = path;
    options.json = true;
    options.stop = &stop;
    struct caught caught = run_caught(&options);
    ck_assert_int_eq(caught.code, TRAIN_STOPPED);
    ck_assert_str_eq(caught.out, "");
    ck_assert_str_eq(caught.err, "seine: train: interrupted\n");
    caught_free(&caught);
    free(planted);
}
END_TEST

/* -- What is refused ----------------------------------------------------------------------------
 */

static const int64_t nine_hops[9] = { 1, 1, 1, 1, 1, 1, 1, 1, 1 }, below_all[2] = { 5, -7 };

static const struct {
    struct train_options options;
    const char *expected; /* part of the line */
} bad_options[] = {
    { { .fanout = nine_hops, .layers = 9 }, "layers 9 is not in 1 to 8" },
    { { .fanout = below_all, .layers = 2 }, "-7" },
    { { .hidden = 65537 }, "--hidden 65537 is not in 1 to 65536" },
    { { .hidden = -1 }, "--hidden -1 is not in 1 to 65536" },
    { { .epochs = -1 }, "--epochs -1 is not in 1 to" },
    { { .batch_size = INT64_MAX }, "--batch-size 9223372036854775807 is not in 1 to" },
    { { .dataset = "/nonexistent/dataset" }, "/nonexistent/dataset" },
};

START_TEST(train_run_with_a_bad_option_names_it_in_one_line)
{
    struct planted *planted = planted_make(9);
    struct train_options options = bad_options[_i].options;
    char path[PATH_MAX + 16];

    planted_import(planted, directory);
    snprintf(path, sizeof(path), "%s/dataset", directory);
    if (options.dataset == NULL)
        options.dataset = path;
    options.json = true;
    struct caught caught = run_caught(&options);
    ck_assert_int_eq(caught.code, TRAIN_FAILED);
    ck_assert_str_eq(caught.out, "");
    ck_assert_msg(strstr(caught.err, bad_options[_i].expected) != NULL, "%s", caught.err);
    ck_assert_int_eq(strncmp(caught.err, "seine: train: ", 14), 0);
    ck_assert_ptr_eq(strchr(caught.err, '\n'), caught.err + strlen(caught.err) - 1);
    caught_free(&caught);
    free(planted);
}
END_TEST

static void spoil_features(struct planted *planted)
{
    planted->node.x = (sn_source){ 0 };
}
static void spoil_feature_type(struct planted *planted)
{
    planted->node.x.tensor.dtype = (sn_dtype){ SN_COMPLEX, 64 };
    planted->node.x.tensor.shape[1] = PLANTED_CLASSES / 2;
}
static void spoil_labels(struct planted *planted)
{
    planted->node.y = (sn_source){ 0 };
}
static void spoil_label_type(struct planted *planted)
{
    planted->node.y.tensor.dtype = (sn_dtype){ SN_FLOAT, 64 };
}
static void spoil_label_shape(struct planted *planted)
{
    planted->node.y.tensor.dtype = (sn_dtype){ SN_INT, 32 };
    planted->node.y.tensor.ndim = 2;
    planted->node.y.tensor.shape[1] = 2;
}
static void spoil_label_below(struct planted *planted)
{
    planted->y[17] = -2;
}
static void spoil_label_above(struct planted *planted)
{
    planted->y[4321] = 65536;
}
static void spoil_train(struct planted *planted)
{
    planted->node.train = (sn_source){ 0 };
}
static void spoil_val(struct planted *planted)
{
    planted->node.val = (sn_source){ 0 };
}
static void spoil_test(struct planted *planted)
{
    planted->node.test = (sn_source){ 0 };
}
static void spoil_val_labels(struct planted *planted)
{
    for (int64_t i = 0; i < PLANTED_VAL; i++)
        planted->y[planted->splits[PLANTED_TRAIN + i]] = -1;
}

static const struct {
    void (*spoil)(struct planted *planted);
    const char *expected;
} bad_tasks[] = {
    { spoil_features, "planted: has no node features" },
    { spoil_feature_type, "planted: features are complex64" },
    { spoil_labels, "planted: has no labels" },
    { spoil_label_type, "planted: labels are float64, not integers" },
    { spoil_label_shape, "planted: 10000 labels for 5000 nodes" },
    { spoil_label_below, "planted: label -2 of node 17 is not in 0 to 65535" },
    { spoil_label_above, "planted: label 65536 of node 4321 is not in 0 to 65535" },
    { spoil_train, "planted: has no train split" },
    { spoil_val, "planted: has no val split" },
    { spoil_test, "planted: has no test split" },
    { spoil_val_labels, "planted: none of the 1000 nodes of the val split is labelled" },
};

START_TEST(task_of_a_dataset_that_lacks_something_is_refused_in_one_line)
{
    struct planted *planted = planted_make(9);
    struct task task;
    char *err;

    bad_tasks[_i].spoil(planted);
    sn_dataset *dataset = planted_dataset(planted);
    int kept = redirect(stderr, "err");
    bool accepted = task_init(&task, dataset, "planted");
    restore(stderr, kept);
    err = read_text("err");
    ck_assert(!accepted);
    ck_assert_msg(strstr(err, bad_tasks[_i].expected) != NULL, "%s", err);
    ck_assert_ptr_eq(strchr(err, '\n'), err + strlen(err) - 1);
    free(err);
    sn_dataset_release(dataset);
    free(planted);
}
END_TEST

/* Opening a dataset does not read its arrays, so a damaged one gets as far as the trainer. */
START_TEST(train_run_on_a_damaged_split_names_the_entry)
{
    struct planted *planted = planted_make(9);
    struct train_options options = small_run();
    char path[PATH_MAX + 16], pattern[PATH_MAX + 32];
    const int64_t beyond = 1 << 24; /* three zero bytes and a one: beyond in 32 and in 64 bits */
    glob_t found;

    planted_import(planted, directory);
    snprintf(path, sizeof(path), "%s/dataset", directory);
    snprintf(pattern, sizeof(pattern), "%s/*val*.npy", path);
    ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
    ck_assert_uint_eq(found.gl_pathc, 1);
    sn_array *array = NULL;
    ck_assert_int_eq(sn_array_open(found.gl_pathv[0], &array), SN_OK);
    int64_t width = sn_array_view(array)->dtype.bits / 8;
    sn_array_release(array);
    FILE *file = fopen(found.gl_pathv[0], "r+");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fseek(file, (long)-width, SEEK_END), 0);
    ck_assert_uint_eq(fwrite(&beyond, (size_t)width, 1, file), 1);
    ck_assert_int_eq(fclose(file), 0);
    globfree(&found);

    options.dataset = path;
    struct caught caught = run_caught(&options);
    ck_assert_int_eq(caught.code, TRAIN_FAILED);
    ck_assert_msg(strstr(caught.err, "dataset: entry 999 of the val split is node 16777216 of "
                                     "5000\n") != NULL,
                  "%s", caught.err);
    caught_free(&caught);
    free(planted);
}
END_TEST

START_TEST(task_of_a_typed_dataset_is_refused_with_its_counts)
{
    struct planted *planted = planted_make(9);
    sn_edge_spec edges[2] = { planted->edge, planted->edge };
    sn_dataset *dataset = NULL;
    struct task task;

    planted->node.name = edges[0].src = edges[0].dst = edges[1].src = edges[1].dst = "node";
    edges[0].rel = "to";
    edges[1].rel = "from";
    ck_assert_int_eq(
        sn_dataset_create(SN_DATASET_SPEC(.num_node_types = 1, .node_types = &planted->node,
                                          .num_edge_types = 2, .edge_types = edges),
                          &dataset),
        SN_OK);
    int kept = redirect(stderr, "err");
    bool accepted = task_init(&task, dataset, "planted");
    restore(stderr, kept);
    char *err = read_text("err");
    ck_assert(!accepted);
    ck_assert_str_eq(err, "seine: train: planted: has 1 node types and 2 edge types; this trainer "
                          "takes one each\n");
    free(err);
    sn_dataset_release(dataset);
    free(planted);
}
END_TEST

START_TEST(fit_on_features_that_are_nan_fails_naming_epoch_and_batch)
{
    struct planted *planted = planted_make(9);
    struct train_options options = small_run();
    struct task task;
    struct fit_result result;

    for (int64_t i = 0; i < PLANTED_NODES; i++)
        planted->x[i * PLANTED_CLASSES + 1] = NAN;
    sn_dataset *dataset = planted_dataset(planted);
    struct fit_spec spec = { .task = &task, .options = &options, .neighbours = true };
    int kept = redirect(stderr, "err");
    ck_assert(task_init(&task, dataset, "planted"));
    int code = fit(&spec, &result);
    restore(stderr, kept);
    char *err = read_text("err");
    ck_assert_int_eq(code, TRAIN_FAILED);
    ck_assert_ptr_nonnull(strstr(err, "seine: train: epoch 1, batch 0: the loss is "));
    ck_assert_ptr_nonnull(strstr(err, "nan\n"));
    free(err);
    task_deinit(&task);
    sn_dataset_release(dataset);
    free(planted);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("train");
    TCase *fits = tcase_create("fit"), *runs = tcase_create("run");

    tcase_set_timeout(fits, 60);
    tcase_add_test(fits, fit_on_a_planted_graph_learns_what_only_out_neighbours_tell);
    tcase_add_loop_test(fits, fit_on_features_and_labels_of_any_type_learns_the_same, 0,
                        (int)(sizeof(stored) / sizeof(stored[0])));
    tcase_add_test(fits, fit_twice_with_one_seed_gives_the_same_losses_to_the_last_digit);
    tcase_add_test(fits, fit_that_is_stopped_after_an_epoch_says_so_and_writes_nothing);
    tcase_add_loop_test(fits, evaluator_of_one_to_three_layers_predicts_as_a_plain_forward_pass, 1,
                        4);
    suite_add_tcase(suite, fits);

    tcase_set_timeout(runs, 60);
    tcase_add_checked_fixture(runs, make_directory, remove_directory);
    tcase_add_test(runs, train_run_with_json_prints_baselines_epochs_and_the_result);
    tcase_add_test(runs, train_run_with_a_bar_keeps_it_out_of_the_results);
    tcase_add_test(runs, train_run_that_is_stopped_ends_with_130);
    tcase_add_loop_test(runs, train_run_with_a_bad_option_names_it_in_one_line, 0,
                        (int)(sizeof(bad_options) / sizeof(bad_options[0])));
    tcase_add_loop_test(runs, task_of_a_dataset_that_lacks_something_is_refused_in_one_line, 0,
                        (int)(sizeof(bad_tasks) / sizeof(bad_tasks[0])));
    tcase_add_test(runs, train_run_on_a_damaged_split_names_the_entry);
    tcase_add_test(runs, task_of_a_typed_dataset_is_refused_with_its_counts);
    tcase_add_test(runs, fit_on_features_that_are_nan_fails_naming_epoch_and_batch);
    suite_add_tcase(suite, runs);
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(make_suite());

    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
