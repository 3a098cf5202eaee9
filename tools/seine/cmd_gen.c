/* SPDX-License-Identifier: Apache-2.0 */
/* seine gen rmat: a random power-law graph. */
#include "seine/seine.h"
#include "tools/seine/commands.h"
#include "tools/seine/progress_bar.h"
#include "tools/seine/report.h"

#include <stdlib.h>

typedef struct gen_args {
    int64_t scale, nodes, degree, feat_dim, classes;
    int feat_dtype, layout;
    const char *probs, *out;
    bool undirected, weights, times;
    uint64_t seed;
} gen_args;
#define AT(member) offsetof(gen_args, member)

static const arg graph_args[] = {
    { .name = "--scale",
      .value = "S",
      .text = "2^S nodes",
      .kind = ARG_INT,
      .offset = AT(scale),
      .least = 1,
      .most = 40 },
    { .name = "--nodes",
      .value = "N",
      .text = "or this many nodes",
      .kind = ARG_INT,
      .offset = AT(nodes),
      .least = 1,
      .most = (int64_t)1 << 40 },
    { .name = "--degree",
      .value = "D",
      .text = "edges drawn per node; duplicates are merged",
      .kind = ARG_INT,
      .offset = AT(degree),
      .least = 0,
      .most = 1 << 20 },
    { .name = "--probs",
      .value = "A,B,C",
      .text = "probabilities of the quadrants of R-MAT; the fourth is the rest",
      .kind = ARG_TEXT,
      .offset = AT(probs),
      .fallback = ".57,.19,.19" },
    { .name = "--undirected",
      .text = "store both directions of every edge",
      .kind = ARG_SWITCH,
      .offset = AT(undirected) },
    { .name = "--seed",
      .value = "X",
      .text = "seed of everything that is random",
      .kind = ARG_SEED,
      .offset = AT(seed),
      .fallback = "0" },
};
static const arg_group graph_group = ARG_GROUP("Graph", graph_args);

static const arg data_args[] = {
    { .name = "--feat-dim",
      .value = "F",
      .text = "features per node, uniform on [-1, 1); 0 for none",
      .kind = ARG_INT,
      .offset = AT(feat_dim),
      .fallback = "0",
      .least = 0,
      .most = 1 << 20 },
    { .name = "--feat-dtype",
      .text = "their type",
      .kind = ARG_CHOICE,
      .offset = AT(feat_dtype),
      .fallback = "float32",
      .choices = "float32|float16" },
    { .name = "--classes",
      .value = "C",
      .text = "labels are uniform on [0, C)",
      .kind = ARG_INT,
      .offset = AT(classes),
      .fallback = "16",
      .least = 1,
      .most = INT32_MAX },
    { .name = "--weights",
      .text = "weights of edges, uniform on (0, 1]",
      .kind = ARG_SWITCH,
      .offset = AT(weights) },
    { .name = "--times",
      .text = "times of edges, uniform on [0, 2^20)",
      .kind = ARG_SWITCH,
      .offset = AT(times) },
    { .name = "--layout",
      .text = "rows of out-edges, of in-edges, or both",
      .kind = ARG_CHOICE,
      .offset = AT(layout),
      .fallback = "both",
      .choices = "both|csr|csc" },
    { .name = "--out",
      .value = "DIR",
      .text = "the dataset to make: a new name, an empty directory, or a dataset to replace",
      .kind = ARG_TEXT,
      .offset = AT(out) },
};
static const arg_group data_group = ARG_GROUP("Data", data_args);

/* "A,B,C", each in [0, 1], not all 0, together at most 1. */
static int parse_probs(const char *text, sn_rmat_options *out)
{
    double value[3];
    const char *at = text;
    for (int i = 0; i < 3; i++) {
        char *end = NULL;
        bool starts = (*at >= '0' && *at <= '9') || *at == '.';
        value[i] = starts ? strtod(at, &end) : -1;
        if (!starts || *end != (i < 2 ? ',' : '\0') || !(value[i] >= 0 && value[i] <= 1))
            return report_usage("--probs: '%s' is not A,B,C with numbers from 0 to 1", text);
        at = end + 1;
    }
    double sum = value[0] + value[1] + value[2];
    if (!(sum > 0 && sum <= 1 + 1e-9))
        return report_usage("--probs: '%s' has the sum %g, it must be above 0 and at most 1", text,
                            sum);
    out->a = value[0];
    out->b = value[1];
    out->c = value[2];
    return CODE_DONE;
}

static int check(const gen_args *args)
{
    if ((args->scale == ARG_NOT_GIVEN) == (args->nodes == ARG_NOT_GIVEN))
        return args->scale == ARG_NOT_GIVEN
                   ? report_usage("gen rmat: --scale or --nodes is missing")
                   : report_usage("--nodes: not together with --scale");
    if (args->degree == ARG_NOT_GIVEN)
        return report_usage("gen rmat: --degree is missing");
    if (args->out == NULL)
        return report_usage("gen rmat: --out is missing");
    return CODE_DONE;
}

static int run(const void *values, const char *operand)
{
    const gen_args *args = values;
    (void)operand;
    int code = check(args);
    if (code != CODE_DONE)
        return code;
    sn_rmat_options options = { .struct_size = sizeof options,
                                .scale = args->scale != ARG_NOT_GIVEN ? (int32_t)args->scale : 0,
                                .num_nodes = args->nodes != ARG_NOT_GIVEN ? args->nodes : 0,
                                .degree = args->degree,
                                .feat_dim = args->feat_dim,
                                .feat_float16 = args->feat_dtype == 1,
                                .classes = (int32_t)args->classes,
                                .undirected = args->undirected,
                                .seed = args->seed,
                                .layout = (sn_layout)(SN_LAYOUT_BOTH + args->layout),
                                .progress = bar_progress,
                                .weights = args->weights,
                                .times = args->times };
    code = parse_probs(args->probs, &options);
    if (code != CODE_DONE)
        return code;
    sn_status st = sn_gen_rmat(&options, args->out);
    bar_clear();
    return st == SN_OK ? print_dataset_line(args->out) : report_library(st);
}

static const arg_group *const groups[] = { &graph_group, &data_group, NULL };

const command command_gen = {
    .name = "gen rmat",
    .summary = "makes a random power-law graph",
    .about = "Draws a graph by R-MAT (Chakrabarti, Zhan and Faloutsos, SDM 2004): node ids are "
             "permuted, duplicate edges\nmerged, and edge ids are positions after sorting by "
             "source and destination. Features and labels are\nrandom; the train split is a tenth "
             "of the nodes. Memory is bounded whatever the size.",
    .examples = "seine gen rmat --scale 18 --degree 16 --feat-dim 64 --seed 1 --out rmat18\n",
    .groups = groups,
    .later = NULL,
    .bytes = sizeof(gen_args),
    .run = run,
};
