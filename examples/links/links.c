/* SPDX-License-Identifier: Apache-2.0 */
/* Link prediction: which pairs of nodes belong together?
 *
 *     link_prediction DIR [--epochs N] [--workers W] [--hidden H] [--seed S]
 *
 * DIR is a homogeneous dataset with node features, the training links as its edges in both directions, and
 * the lists of links val_pos, val_neg, test_pos and test_neg.
 *
 * Two layers of GraphSAGE encode the nodes; the score of a pair is the dot product of its encodings. A batch
 * has 1,024 links, as many negatives, and the neighbours of all of them:
 *
 *     sn_link_options        which pairs; negatives that are no links of the whole graph; and the pairs
 *                            themselves are left out of the batch's edges, or the model would learn to
 *                            look them up
 *     sn_link_loader_create  with so many workers, which make the batches ahead; or none
 *     edge_label_index       the pairs of a batch, positive ones first, as local ids
 *     edge_label             1 for a link, 0 for a negative
 *
 * Prints a line per epoch, and at the end the area under the ROC curve (AUC) of the test links at the epoch
 * with the best AUC of the validation links. */
#include <cblas.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "examples/train/adam.h"
#include "examples/train/batch.h"
#include "examples/train/report.h"
#include "examples/train/sage.h"
#include "score.h"

enum { LAYERS = 2, ENCODING = 64, BATCH_SIZE = 1024 };
static const int64_t fanout[LAYERS] = { 15, 10 }, all_neighbours[LAYERS] = { -1, -1 };
static const float learning_rate = 0.003F;

struct arguments {
    const char *dataset;
    int64_t epochs, workers, hidden, seed;
};

struct trainer {
    struct arguments arguments;
    sn_dataset *dataset;
    sn_loader *loader;
    int64_t steps;
    struct sage model;
    struct adam adam;
    struct floats x, gradient; /* converted features of a batch; of the encodings of its seeds */
};

/* -- Batches ----------------------------------------------------------------------------------- */

/* Each link once: the graph has it in both directions, and the smaller node comes first. */
static bool training_pairs(sn_dataset *dataset, sn_array **out)
{
    sn_edge_info edges;
    if (sn_dataset_edge_type(dataset, 0, &edges) != SN_OK)
        return report_library_error();
    if (edges.csr.indptr == NULL)
        return report_error("the dataset has no CSR");
    int64_t shape[2] = { 2, 0 }, count = 0;
    const sn_tensor *to = &edges.csr.indices;
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 1 && sn_array_create((sn_dtype){ SN_INT, 64 }, 2, shape, out) != SN_OK)
            return report_library_error();
        int64_t *pairs = pass == 1 ? sn_array_view(*out)->data : NULL;
        count = 0;
        for (int64_t u = 0; u < edges.csr.rows; u++)
            for (int64_t i = edges.csr.indptr[u]; i < edges.csr.indptr[u + 1]; i++) {
                int64_t v = to->dtype.bits == 32 ? ((const int32_t *)to->data)[i]
                                                 : ((const int64_t *)to->data)[i];
                if (u >= v)
                    continue;
                if (pairs != NULL) {
                    pairs[count] = u;
                    pairs[shape[1] + count] = v;
                }
                count++;
            }
        shape[1] = count;
    }
    return true;
}

static bool open_loader(struct trainer *trainer)
{
    sn_array *pairs = NULL;
    sn_plan *plan = NULL;
    if (!training_pairs(trainer->dataset, &pairs))
        return false;
    bool done = sn_plan_create(
                    trainer->dataset,
                    SN_PLAN_OPTIONS(.links = SN_LINK_OPTIONS(.pairs = sn_array_view(pairs),
                                                             .neg = SN_NEG_BINARY, .remove = true),
                                    .batch_size = BATCH_SIZE, .shuffle = true,
                                    .seed = (uint64_t)trainer->arguments.seed, .hops = LAYERS,
                                    .fanout = fanout, .features = true),
                    &plan) == SN_OK &&
                sn_link_loader_create(
                    plan, SN_LOADER_OPTIONS(.workers = (int32_t)trainer->arguments.workers),
                    &trainer->loader) == SN_OK;
    if (done)
        trainer->steps = sn_plan_num_steps(plan);
    sn_plan_release(plan); /* the loader has it now */
    sn_array_release(pairs);
    return done || report_library_error();
}

/* The pairs of a batch: rows of its encodings. */
static struct pairs read_pairs(const sn_batch *batch)
{
    const sn_tensor *index = sn_batch_find(batch, "edge_label_index");
    const sn_tensor *label = sn_batch_find(batch, "edge_label");
    const int64_t *ends = index->data;
    return (struct pairs){ .count = index->shape[1],
                           .src = ends,
                           .dst = ends + index->shape[1],
                           .label = label != NULL ? label->data : NULL };
}

/* -- Training ---------------------------------------------------------------------------------- */

/* One step of gradient descent. Adds the batch's losses to *loss and their number to *count. */
static bool train_batch(struct trainer *trainer, const sn_batch *batch, double *loss,
                        int64_t *count)
{
    struct sage_input input;
    struct pairs pairs = read_pairs(batch);
    if (!batch_read(batch, &trainer->x, &input))
        return false;
    const float *encoded = sage_forward(&trainer->model, &input, NULL);
    int64_t seeds = input.nodes_within[0];
    if (encoded == NULL || !floats_reserve(&trainer->gradient, seeds, ENCODING))
        return false;
    memset(trainer->gradient.data, 0, (size_t)(seeds * ENCODING) * sizeof(float));
    *loss += score_loss(&pairs, encoded, ENCODING, trainer->gradient.data);
    *count += pairs.count;
    if (!isfinite(*loss))
        return report_error("the loss is %g", *loss);
    if (!sage_backward(&trainer->model, &input, trainer->gradient.data))
        return false;
    adam_step(&trainer->adam, trainer->model.weights, trainer->model.gradients);
    return true;
}

static bool train_epoch(struct trainer *trainer, int64_t epoch, double *loss)
{
    char text[48];
    int64_t count = 0;
    sn_batch *batch;
    *loss = 0;
    snprintf(text, sizeof(text), "epoch %lld/%lld", (long long)epoch + 1,
             (long long)trainer->arguments.epochs);
    if (sn_loader_begin(trainer->loader, (uint64_t)epoch) != SN_OK)
        return report_library_error();
    for (int64_t step = 0; step < trainer->steps; step++) {
        if (sn_loader_next(trainer->loader, SN_WAIT_DEFAULT, &batch) != SN_OK)
            return report_library_error();
        bool done = train_batch(trainer, batch, loss, &count);
        sn_batch_release(batch);
        if (!done)
            return false;
        if (isatty(STDERR_FILENO))
            report_bar(text, step + 1, trainer->steps);
    }
    *loss /= (double)count;
    return true;
}

/* -- Evaluation -------------------------------------------------------------------------------- */

/* Scores of the links of one batch. */
static bool score_batch(struct trainer *trainer, sn_sampler *sampler, int64_t number, float *scores)
{
    sn_batch *batch;
    struct sage_input input;
    const float *encoded = NULL;
    if (sn_sampler_sample(sampler, 0, number, &batch) != SN_OK)
        return report_library_error();
    struct pairs pairs = read_pairs(batch);
    if (batch_read(batch, &trainer->x, &input))
        encoded = sage_forward(&trainer->model, &input, NULL);
    if (encoded != NULL)
        score_pairs(&pairs, encoded, ENCODING, scores);
    sn_batch_release(batch);
    return encoded != NULL;
}

/* Scores of a list of links, with all neighbours; *scores is NEW (free). */
static bool score_list(struct trainer *trainer, const char *name, float **scores, int64_t *count)
{
    const sn_tensor *list = sn_dataset_link(trainer->dataset, name);
    sn_plan *plan = NULL;
    sn_sampler *sampler = NULL;
    if (list == NULL)
        return report_error("%s: no links named %s", trainer->arguments.dataset, name);
    bool done = sn_plan_create(trainer->dataset,
                               SN_PLAN_OPTIONS(.links = SN_LINK_OPTIONS(.pairs = list),
                                               .batch_size = BATCH_SIZE, .hops = LAYERS,
                                               .fanout = all_neighbours, .features = true),
                               &plan) == SN_OK &&
                sn_sampler_create(plan, &sampler) == SN_OK;
    done = done || report_library_error();
    *count = done ? list->shape[1] : 0;
    *scores = malloc((size_t)*count * sizeof(float) + 1);
    done = done && (*scores != NULL || report_error("out of memory: scores"));
    for (int64_t b = 0; done && b < sn_plan_num_batches(plan); b++)
        done = score_batch(trainer, sampler, b, *scores + b * BATCH_SIZE);
    sn_sampler_release(sampler);
    sn_plan_release(plan);
    return done;
}

static bool evaluate(struct trainer *trainer, const char *positive, const char *negative,
                     double *auc)
{
    float *yes = NULL, *no = NULL;
    int64_t of_yes, of_no;
    bool done =
        score_list(trainer, positive, &yes, &of_yes) && score_list(trainer, negative, &no, &of_no);
    if (done)
        *auc = score_auc(yes, of_yes, no, of_no);
    free(yes);
    free(no);
    return done;
}

/* -- The run ----------------------------------------------------------------------------------- */

static bool open_all(struct trainer *trainer)
{
    sn_node_info nodes;
    if (sn_dataset_open(trainer->arguments.dataset, NULL, &trainer->dataset) != SN_OK ||
        sn_dataset_node_type(trainer->dataset, 0, &nodes) != SN_OK)
        return report_library_error();
    if (!sn_dataset_is_homogeneous(trainer->dataset) || nodes.x == NULL || nodes.x->ndim != 2)
        return report_error("%s: needs one node type with features [nodes, N], and one edge type",
                            trainer->arguments.dataset);
    struct sage_shape shape = { .layers = LAYERS,
                                .features = (int32_t)nodes.x->shape[1],
                                .hidden = (int32_t)trainer->arguments.hidden,
                                .classes = ENCODING,
                                .neighbours = true };
    return open_loader(trainer) &&
           sage_init(&trainer->model, &shape, (uint64_t)trainer->arguments.seed) &&
           adam_init(&trainer->adam, trainer->model.count, learning_rate);
}

static bool run(struct trainer *trainer)
{
    double loss, val, test, best = -1, best_test = 0, start = report_seconds();
    for (int64_t epoch = 0; epoch < trainer->arguments.epochs; epoch++) {
        if (!train_epoch(trainer, epoch, &loss) || !evaluate(trainer, "val_pos", "val_neg", &val) ||
            !evaluate(trainer, "test_pos", "test_neg", &test))
            return false;
        if (val > best) {
            best = val;
            best_test = test;
        }
        report_clear();
        printf("epoch %lld: loss %.4f, validation AUC %.4f, %.1f s\n", (long long)epoch + 1, loss,
               val, report_seconds() - start);
        fflush(stdout);
    }
    printf("test AUC %.4f\n", best_test);
    return true;
}

static bool read_number(const char *flag, const char *text, int64_t least, int64_t *out)
{
    char *end;
    long long number = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || number < least || number > 1 << 20)
        return report_error("--%s: '%s' is not a number from %lld to %d", flag, text,
                            (long long)least, 1 << 20);
    *out = number;
    return true;
}

static bool read_arguments(int argc, char **argv, struct arguments *out)
{
    static const struct option flags[] = { { "epochs", required_argument, NULL, 0 },
                                           { "workers", required_argument, NULL, 0 },
                                           { "hidden", required_argument, NULL, 0 },
                                           { "seed", required_argument, NULL, 0 },
                                           { 0 } };
    int64_t *values[] = { &out->epochs, &out->workers, &out->hidden, &out->seed };
    const int64_t least[] = { 1, 0, 1, 0 };
    *out = (struct arguments){ .epochs = 4, .workers = 0, .hidden = 128, .seed = 0 };
    for (int which = 0, code; (code = getopt_long(argc, argv, "", flags, &which)) != -1;)
        if (code != 0 || !read_number(flags[which].name, optarg, least[which], values[which]))
            return false;
    if (optind + 1 != argc)
        return report_error("usage: link_prediction DIR [--epochs N] [--workers W] [--hidden H] "
                            "[--seed S]");
    out->dataset = argv[optind];
    return true;
}

int main(int argc, char **argv)
{
    struct trainer trainer = { 0 };
    report_name = "link_prediction";
    if (!read_arguments(argc, argv, &trainer.arguments))
        return 2;
    if (getenv("OPENBLAS_NUM_THREADS") == NULL)
        openblas_set_num_threads(1); /* another number rounds differently */
    bool done = open_all(&trainer) && run(&trainer);
    adam_deinit(&trainer.adam);
    sage_deinit(&trainer.model);
    floats_free(&trainer.x);
    floats_free(&trainer.gradient);
    sn_loader_release(trainer.loader);
    sn_dataset_release(trainer.dataset);
    return done ? 0 : 1;
}
