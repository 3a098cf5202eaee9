/* SPDX-License-Identifier: Apache-2.0 */
/* seine import: a dataset from a manifest or from .npy files. */
#include "seine/seine.h"
#include "tools/seine/commands.h"
#include "tools/seine/progress_bar.h"
#include "tools/seine/report.h"

#include <stdio.h>

typedef struct import_args {
    const char *manifest, *edges, *node_feat, *edge_feat, *labels, *weights, *times, *node_times;
    int64_t num_nodes;
    bool undirected;
    int layout;
    const char *shuffle_ends; /* a seed, parsed here: given or not matters */
    const char *out;
} import_args;
#define AT(member) offsetof(import_args, member)
#define FILE_FLAG(flag, what, member)                                                           \
    {                                                                                           \
        .name = flag, .value = "FILE.npy", .text = what, .kind = ARG_TEXT, .offset = AT(member) \
    }

static const arg source_args[] = {
    { .name = "--manifest",
      .value = "META.json",
      .text = "a manifest, which names types, files and splits",
      .kind = ARG_TEXT,
      .offset = AT(manifest) },
    FILE_FLAG("--edges", "or edges alone: [2, E] int32 or int64, row 0 the sources", edges),
};
static const arg_group source_group = ARG_GROUP("Source", source_args);

static const arg edges_args[] = {
    { .name = "--num-nodes",
      .value = "N",
      .text = "number of nodes, where it is not that of the features or labels or the greatest id "
              "plus 1",
      .kind = ARG_INT,
      .offset = AT(num_nodes),
      .least = 1,
      .most = (int64_t)1 << 48 },
    FILE_FLAG("--node-feat", "node features, [N, ...]", node_feat),
    FILE_FLAG("--edge-feat", "edge features, [E, ...]", edge_feat),
    FILE_FLAG("--labels", "labels, [N, ...]", labels),
    FILE_FLAG("--weights", "edge weights, [E]", weights),
    FILE_FLAG("--times", "edge times, [E]", times),
    FILE_FLAG("--node-times", "node times, [N]", node_times),
    { .name = "--undirected",
      .text = "append the reverse of every edge, with the same attributes",
      .kind = ARG_SWITCH,
      .offset = AT(undirected) },
};
static const arg_group edges_group = ARG_GROUP("With --edges", edges_args);

static const arg out_args[] = {
    { .name = "--out",
      .value = "DIR",
      .text = "the dataset to make: a new name, an empty directory, or a dataset to replace",
      .kind = ARG_TEXT,
      .offset = AT(out) },
    { .name = "--layout",
      .text = "rows of out-edges, of in-edges, or both",
      .kind = ARG_CHOICE,
      .offset = AT(layout),
      .fallback = "both",
      .choices = "both|csr|csc" },
    { .name = "--shuffle-ends",
      .value = "SEED",
      .text = "permute the destinations of each edge type at random: the same degrees without the "
              "structure, as a null model",
      .kind = ARG_TEXT,
      .offset = AT(shuffle_ends) },
};
static const arg_group out_group = ARG_GROUP("Output", out_args);

int print_dataset_line(const char *path)
{
    sn_dataset *dataset;
    const char *fingerprint;
    long long nodes = 0, edges = 0;
    sn_status st = sn_dataset_open(path, NULL, &dataset);
    if (st != SN_OK)
        return report_library(st);
    for (int32_t i = 0; i < sn_dataset_num_node_types(dataset); i++) {
        sn_node_info info;
        if (sn_dataset_node_type(dataset, i, &info) == SN_OK)
            nodes += info.count;
    }
    for (int32_t i = 0; i < sn_dataset_num_edge_types(dataset); i++) {
        sn_edge_info info;
        if (sn_dataset_edge_type(dataset, i, &info) == SN_OK)
            edges += info.count;
    }
    st = sn_dataset_fingerprint(dataset, &fingerprint);
    if (st == SN_OK)
        printf("%s: %lld nodes, %lld edges, fingerprint %s\n", path, nodes, edges, fingerprint);
    sn_dataset_release(dataset);
    return st == SN_OK ? CODE_DONE : report_library(st);
}

static int check(const import_args *args)
{
    const struct {
        const char *flag;
        bool given;
    } edges_only[] = {
        { "--num-nodes", args->num_nodes != ARG_NOT_GIVEN },
        { "--node-feat", args->node_feat != NULL },
        { "--edge-feat", args->edge_feat != NULL },
        { "--labels", args->labels != NULL },
        { "--weights", args->weights != NULL },
        { "--times", args->times != NULL },
        { "--node-times", args->node_times != NULL },
        { "--undirected", args->undirected },
    };
    if (args->manifest != NULL && args->edges != NULL)
        return report_usage("--edges: not together with --manifest");
    if (args->manifest == NULL && args->edges == NULL)
        return report_usage("import: --manifest or --edges is missing");
    if (args->out == NULL)
        return report_usage("import: --out is missing");
    for (size_t i = 0; args->manifest != NULL && i < sizeof edges_only / sizeof edges_only[0]; i++)
        if (edges_only[i].given)
            return report_usage("%s: not together with --manifest", edges_only[i].flag);
    return CODE_DONE;
}

static int run(const void *values, const char *operand)
{
    const import_args *args = values;
    sn_import_options options = { .struct_size = sizeof options,
                                  .layout = (sn_layout)(SN_LAYOUT_BOTH + args->layout),
                                  .progress = bar_progress };
    (void)operand;
    int code = check(args);
    if (code != CODE_DONE)
        return code;
    if (args->shuffle_ends != NULL) {
        if (!args_seed(args->shuffle_ends, &options.shuffle_seed))
            return report_usage("--shuffle-ends: '%s' is not a number from 0 to "
                                "18446744073709551615",
                                args->shuffle_ends);
        options.shuffle_ends = true;
    }
    sn_status st;
    if (args->manifest != NULL)
        st = sn_import_manifest(args->manifest, args->out, &options);
    else
        st = sn_import_edges(
            SN_IMPORT_FILES(.edges = args->edges,
                            .num_nodes = args->num_nodes != ARG_NOT_GIVEN ? args->num_nodes : 0,
                            .node_feat = args->node_feat, .edge_feat = args->edge_feat,
                            .labels = args->labels, .weights = args->weights, .times = args->times,
                            .node_times = args->node_times, .undirected = args->undirected),
            args->out, &options);
    bar_clear();
    return st == SN_OK ? print_dataset_line(args->out) : report_library(st);
}

static const arg_group *const groups[] = { &source_group, &edges_group, &out_group, NULL };
static const char *const later[] = { "--glt", NULL };

const command command_import = {
    .name = "import",
    .summary = "makes a dataset of a manifest or of .npy files",
    .about =
        "Makes a dataset directory. With --manifest, types, files, features, labels and splits "
        "come from a JSON\nmanifest; with --edges, the graph has one type of nodes and one of "
        "edges, and edge ids are the\npositions in the file.\n\n"
        "The files are mapped and streamed. The directory is written under a temporary name "
        "beside its place and\nrenamed at the end; an error or an interruption leaves nothing.",
    .examples =
        "seine import --manifest examples/data/debian-packages/manifest.json --out packages\n"
        "seine import --edges edges.npy --node-feat x.npy --undirected --out graph\n",
    .groups = groups,
    .later = later,
    .bytes = sizeof(import_args),
    .run = run,
};
