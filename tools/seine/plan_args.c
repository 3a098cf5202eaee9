/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/seine/plan_args.h"

#include "tools/seine/kind_args.h"
#include "tools/seine/link_args.h"
#include "tools/seine/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- Flags ------------------------------------------------------------------------------------- */

#define AT(member) offsetof(plan_args, member)

static const arg input_args[] = {
    { .name = "--input",
      .value = "all|train|val|test|FILE.npy|0,3,7",
      .text = "seeds: all nodes (the default), a split, a file of ids, or ids",
      .kind = ARG_TEXT,
      .offset = AT(input) },
    { .name = "--input-type",
      .value = "TYPE",
      .text = "node type of the seeds, where the input leaves it open",
      .kind = ARG_TEXT,
      .offset = AT(input_type) },
};
const arg_group input_group = ARG_GROUP("Input", input_args);

static const arg plan_flags[] = {
    { .name = "--fanout",
      .value = "F",
      .text = "neighbours per hop, -1 for all: 15,10,5; or per edge type: "
              "'src__rel__dst=15,10;other=5,5', where other means every type that is not named",
      .kind = ARG_TEXT,
      .offset = AT(fanout),
      .fallback = "15,10" },
    { .name = "--batch-size",
      .value = "B",
      .text = "seeds per batch",
      .kind = ARG_INT,
      .offset = AT(batch_size),
      .fallback = "1024",
      .least = 1,
      .most = INT64_MAX },
    { .name = "--edge-dir",
      .text = "sample along the edges or against them",
      .kind = ARG_CHOICE,
      .offset = AT(edge_dir),
      .fallback = "out",
      .choices = "out|in" },
    { .name = "--replace",
      .text = "sample with replacement",
      .kind = ARG_SWITCH,
      .offset = AT(replace) },
    { .name = "--shuffle",
      .text = "shuffle the seeds, anew in each epoch",
      .kind = ARG_SWITCH,
      .offset = AT(shuffle) },
    { .name = "--drop-last",
      .text = "leave out a last batch that is not full",
      .kind = ARG_SWITCH,
      .offset = AT(drop_last) },
    { .name = "--seed",
      .value = "S",
      .text = "seed of the shuffle and of the sampling",
      .kind = ARG_SEED,
      .offset = AT(seed),
      .fallback = "0" },
    { .name = "--epoch",
      .value = "E",
      .text = "number of the first epoch",
      .kind = ARG_INT,
      .offset = AT(epoch),
      .fallback = "0",
      .least = 0,
      .most = INT64_MAX },
    { .name = "--epochs",
      .value = "N",
      .text = "how many epochs",
      .kind = ARG_INT,
      .offset = AT(epochs),
      .fallback = "1",
      .least = 1,
      .most = INT32_MAX },
    { .name = "--start-batch",
      .value = "G",
      .text = "first global batch of each epoch",
      .kind = ARG_INT,
      .offset = AT(start_batch),
      .fallback = "0",
      .least = 0,
      .most = INT64_MAX },
    { .name = "--batches",
      .value = "N",
      .text = "only the N global batches from there on",
      .kind = ARG_INT,
      .offset = AT(batches),
      .least = 0,
      .most = INT64_MAX },
    { .name = "--shard",
      .value = "r/W",
      .text = "only the batches of rank r of W",
      .kind = ARG_TEXT,
      .offset = AT(shard),
      .fallback = "0/1" },
    { .name = "--uneven",
      .text =
          "what ranks do when W does not divide the batches: nothing, repeat some, leave some out",
      .kind = ARG_CHOICE,
      .offset = AT(uneven),
      .fallback = "short",
      .choices = "short|pad|drop" },
    { .name = "--subgraph",
      .text = "deliver all edges among the nodes that the hops reach, and the places of the seeds",
      .kind = ARG_SWITCH,
      .offset = AT(subgraph) },
    { .name = "--with-edge",
      .text = "deliver edge ids",
      .kind = ARG_SWITCH,
      .offset = AT(with_edge) },
    { .name = "--features",
      .text = "deliver node features, and edge features with --with-edge",
      .kind = ARG_SWITCH,
      .offset = AT(features) },
    { .name = "--labels",
      .text = "deliver labels of all nodes or of the seeds",
      .kind = ARG_CHOICE,
      .offset = AT(labels),
      .choices = "all|seeds" },
    { .name = "--index",
      .text = "type of the index tensors",
      .kind = ARG_CHOICE,
      .offset = AT(index),
      .fallback = "int64",
      .choices = "int64|int32" },
};
const arg_group plan_group = ARG_GROUP("Plan", plan_flags);

int dataset_load(const char *path, int load, sn_dataset **out)
{
    static const sn_load how[] = { SN_LOAD_DEFAULT, SN_LOAD_MAP, SN_LOAD_MEMORY };
    sn_status st = sn_dataset_open(path, SN_DATASET_OPTIONS(.load = how[load + 1]), out);
    return st == SN_OK ? CODE_DONE : report_library(st);
}

/* -- Input ------------------------------------------------------------------------------------- */

typedef struct seeds {
    int32_t type;
    const sn_tensor *ids; /* NULL: all nodes of the type */
    sn_array *array;      /* owns `ids` where they come from a file or the command line */
} seeds;

static const sn_tensor *split_of(const sn_node_info *info, const char *name)
{
    return strcmp(name, "train") == 0 ? info->train
           : strcmp(name, "val") == 0 ? info->val
                                      : info->test;
}

/* Names of node types, those with the split alone if one is given, cut where they are many. */
static void list_types(const sn_dataset *dataset, const char *split, char *out, size_t bytes)
{
    size_t at = 0;
    out[0] = '\0';
    for (int32_t i = 0; i < sn_dataset_num_node_types(dataset) && at < bytes; i++) {
        sn_node_info info;
        if (sn_dataset_node_type(dataset, i, &info) != SN_OK ||
            (split != NULL && split_of(&info, split) == NULL))
            continue;
        int length = snprintf(out + at, bytes - at, "%s%s", at > 0 ? ", " : "", info.name);
        at += length > 0 ? (size_t)length : 0;
    }
}

/* The type of the seeds: the one that is named, or the only one there is (with the split). */
static int choose_type(const plan_args *args, const sn_dataset *dataset, const char *split,
                       int32_t *out)
{
    char names[512];
    int32_t found = -1, count = 0;
    if (args->input_type != NULL) {
        sn_status st = sn_dataset_find_node_type(dataset, args->input_type, out);
        return st == SN_OK ? CODE_DONE : report_usage("--input-type: %s", sn_error_detail());
    }
    for (int32_t i = 0; i < sn_dataset_num_node_types(dataset); i++) {
        sn_node_info info;
        if (sn_dataset_node_type(dataset, i, &info) == SN_OK &&
            (split == NULL || split_of(&info, split) != NULL)) {
            found = i;
            count++;
        }
    }
    list_types(dataset, split, names, sizeof names);
    if (count == 0)
        return report_failure("--input: the dataset has no %s split",
                              split != NULL ? split : "node type and no");
    if (count > 1)
        return report_usage("--input-type: needed, the input may be of type %s", names);
    *out = found;
    return CODE_DONE;
}

static int read_split(const plan_args *args, const sn_dataset *dataset, seeds *out)
{
    sn_node_info info;
    int code = choose_type(args, dataset, args->input, &out->type);
    if (code != CODE_DONE)
        return code;
    sn_status st = sn_dataset_node_type(dataset, out->type, &info);
    if (st != SN_OK)
        return report_library(st);
    out->ids = split_of(&info, args->input);
    if (out->ids == NULL)
        return report_failure("--input: %s has no %s split", info.name, args->input);
    return CODE_DONE;
}

static int read_ids(const char *text, seeds *out)
{
    int64_t count = 1;
    for (const char *at = text; *at != '\0'; at++)
        count += *at == ',';
    sn_status st = sn_array_create((sn_dtype){ SN_INT, 64 }, 1, &count, &out->array);
    if (st != SN_OK)
        return report_library(st);
    out->ids = sn_array_view(out->array);
    int parsed = 0;
    if (count > INT32_MAX ||
        !args_int_list(text, INT64_MIN, INT64_MAX, out->ids->data, (int)count, &parsed))
        return report_usage("--input: '%s' is not one of all|train|val|test, a file that ends in "
                            ".npy, or ids like 0,3,7",
                            text);
    return CODE_DONE;
}

static bool ends_in(const char *text, const char *end)
{
    size_t length = strlen(text), wanted = strlen(end);
    return length >= wanted && strcmp(text + length - wanted, end) == 0;
}

/* The array is released by the caller in any case. */
static int read_input(const plan_args *args, const sn_dataset *dataset, seeds *out)
{
    if (args->input == NULL)
        return choose_type(args, dataset, NULL, &out->type);
    if (strcmp(args->input, "train") == 0 || strcmp(args->input, "val") == 0 ||
        strcmp(args->input, "test") == 0)
        return read_split(args, dataset, out);
    if (strcmp(args->input, "all") != 0 && !ends_in(args->input, ".npy")) {
        int code = read_ids(args->input, out);
        if (code != CODE_DONE)
            return code;
    }
    int code = choose_type(args, dataset, NULL, &out->type);
    if (code != CODE_DONE || !ends_in(args->input, ".npy"))
        return code;
    sn_status st = sn_array_open(args->input, &out->array);
    if (st != SN_OK)
        return report_library(st);
    out->ids = sn_array_view(out->array);
    return CODE_DONE;
}

/* -- Fanout ------------------------------------------------------------------------------------ */

typedef struct fanout {
    int32_t hops;
    bool typed;
    int64_t *values; /* [hops], or [edge types * hops] */
} fanout;

static int bad_fanout(const char *text)
{
    return report_usage("--fanout: '%s' is not a list of up to %d numbers from -1 to %d", text,
                        SN_MAX_HOPS, SN_MAX_FANOUT);
}

/* "name=15,10": which edge type, or `types` for other. */
static int parse_entry(char *entry, const sn_dataset *dataset, int32_t types, int32_t *type,
                       int64_t *values, int *hops)
{
    char *equals = strrchr(entry, '=');
    if (equals == NULL)
        return report_usage("--fanout: '%s' has no edge type; src__rel__dst=15,10 is meant", entry);
    *equals = '\0';
    if (strcmp(entry, "other") == 0)
        *type = types;
    else if (sn_dataset_find_edge_type(dataset, entry, type) != SN_OK)
        return report_usage("--fanout: %s", sn_error_detail());
    if (!args_int_list(equals + 1, -1, SN_MAX_FANOUT, values, SN_MAX_HOPS, hops))
        return bad_fanout(equals + 1);
    return CODE_DONE;
}

/* Entries separated by semicolons; `copy` is cut in place. */
static int parse_typed(char *copy, const sn_dataset *dataset, fanout *out)
{
    int32_t types = sn_dataset_num_edge_types(dataset);
    int64_t list[SN_MAX_HOPS], other[SN_MAX_HOPS];
    int hops = 0;
    bool *named = calloc((size_t)types + 1, sizeof *named);
    int code = named != NULL ? CODE_DONE : report_failure("--fanout: out of memory");
    char *save = NULL, *entry = strtok_r(copy, ";", &save);
    for (; entry != NULL && code == CODE_DONE; entry = strtok_r(NULL, ";", &save)) {
        int32_t type;
        code = parse_entry(entry, dataset, types, &type, list, &hops);
        if (code != CODE_DONE)
            break;
        if (named[type])
            code = report_usage("--fanout: %s is given twice", entry);
        else if (out->hops != 0 && out->hops != hops)
            code = report_usage("--fanout: %s has %d hops, those before have %d", entry, hops,
                                out->hops);
        named[type] = true;
        out->hops = hops;
        memcpy(type < types ? out->values + (size_t)type * SN_MAX_HOPS : other, list, sizeof list);
    }
    for (int32_t type = 0; type < types && code == CODE_DONE; type++) {
        sn_edge_info info;
        if (!named[type] && named[types])
            memcpy(out->values + (size_t)type * SN_MAX_HOPS, other, sizeof other);
        else if (!named[type] && sn_dataset_edge_type(dataset, type, &info) == SN_OK)
            code = report_usage("--fanout: %s is not named, and there is no other=", info.name);
    }
    /* From rows of SN_MAX_HOPS to rows of `hops`. */
    for (int32_t type = 0; type < types && code == CODE_DONE; type++)
        memmove(out->values + (size_t)type * (size_t)out->hops,
                out->values + (size_t)type * SN_MAX_HOPS, (size_t)out->hops * sizeof *list);
    free(named);
    return code;
}

/* out->values is freed by the caller in any case. */
static int parse_fanout(const char *text, const sn_dataset *dataset, fanout *out)
{
    int32_t types = sn_dataset_num_edge_types(dataset);
    int hops = 0;
    out->values = calloc((size_t)(types > 0 ? types : 1) * SN_MAX_HOPS, sizeof *out->values);
    if (out->values == NULL)
        return report_failure("--fanout: out of memory");
    if (strchr(text, '=') == NULL) {
        if (!args_int_list(text, -1, SN_MAX_FANOUT, out->values, SN_MAX_HOPS, &hops))
            return bad_fanout(text);
        out->hops = hops;
        return CODE_DONE;
    }
    out->typed = true;
    char *copy = strdup(text);
    if (copy == NULL)
        return report_failure("--fanout: out of memory");
    int code = parse_typed(copy, dataset, out);
    free(copy);
    return code;
}

/* -- Plan -------------------------------------------------------------------------------------- */

/* "r/W" with 0 <= r < W. */
static int parse_shard(const char *text, int64_t *rank, int64_t *world)
{
    char left[32];
    const char *slash = strchr(text, '/');
    size_t length = slash != NULL ? (size_t)(slash - text) : sizeof left;
    if (length < sizeof left) {
        memcpy(left, text, length);
        left[length] = '\0';
        if (args_int(left, 0, INT32_MAX, rank) && args_int(slash + 1, 1, INT32_MAX, world) &&
            *rank < *world)
            return CODE_DONE;
    }
    return report_usage("--shard: '%s' is not r/W with r from 0 to W - 1", text);
}

/* Steps of an epoch between --start-batch and --batches more. */
static int choose_steps(const plan_args *args, stream *out, int64_t world)
{
    int64_t batches = sn_plan_num_batches(out->plan);
    int64_t last = args->uneven == 1 ? (batches + world - 1) / world * world : batches;
    if (args->start_batch > last)
        return report_usage("--start-batch: %lld, the epoch has %lld batches",
                            (long long)args->start_batch, (long long)batches);
    out->start = args->start_batch;
    out->stop = -1;
    out->world = world;
    out->first = sn_plan_first_step(out->plan, args->start_batch);
    out->end = sn_plan_num_steps(out->plan);
    if (args->batches != ARG_NOT_GIVEN && args->batches < last - args->start_batch) {
        out->stop = args->start_batch + args->batches;
        int64_t end = sn_plan_first_step(out->plan, out->stop);
        out->end = end < out->end ? end : out->end;
    }
    return CODE_DONE;
}

/* What the seeds were taken from, to be named in an error. */
static void name_seeds(const plan_args *args, const seeds *input, sn_status st)
{
    if (args->seed_times != NULL && strstr(sn_error_detail(), "seed_times") != NULL)
        sn_error_context("--seed-times %.200s", args->seed_times);
    else if (args->links != NULL)
        sn_error_context("--links %.200s", args->links);
    else if (args->input != NULL && (st == SN_E_RANGE || input->array != NULL))
        sn_error_context("--input %.200s", args->input);
}

static int create_plan(const plan_args *args, sn_dataset *dataset, const seeds *input,
                       const fanout *fan, sn_plan_options *options, sn_plan **out)
{
    options->input_type = input->type;
    options->input = input->ids;
    options->batch_size = args->batch_size;
    options->shuffle = args->shuffle;
    options->drop_last = args->drop_last;
    options->seed = args->seed;
    options->hops = fan->hops;
    options->fanout = fan->values;
    options->per_edge_type = fan->typed;
    options->dir = args->edge_dir == 0 ? SN_DIR_OUT : SN_DIR_IN;
    options->replace = args->replace;
    options->subgraph = args->subgraph;
    options->with_edge = args->with_edge;
    options->features = args->features;
    options->labels = (sn_label_mode)(SN_LABELS_ALL + args->labels); /* -1: none */
    options->index = args->index == 0 ? SN_INDEX_INT64 : SN_INDEX_INT32;
    options->uneven = (sn_uneven)(SN_UNEVEN_SHORT + args->uneven);
    sn_status st = sn_plan_create(dataset, options, out);
    if (st == SN_OK)
        return CODE_DONE;
    name_seeds(args, input, st);
    return report_library(st);
}

int stream_open(const plan_args *args, sn_dataset *dataset, stream *out)
{
    sn_plan_options options = { .struct_size = sizeof options };
    seeds input = { 0 };
    link_input links = { 0 };
    kind_input kind = { 0 };
    fanout fan = { 0 };
    stream made = { .dataset = dataset };
    int code = parse_shard(args->shard, &options.rank, &options.world);
    if (code == CODE_DONE)
        code = parse_fanout(args->fanout, dataset, &fan);
    if (code == CODE_DONE && args->links == NULL)
        code = read_input(args, dataset, &input);
    if (code == CODE_DONE && args->links != NULL) {
        code = link_input_open(args, dataset, &links);
        options.links = &links.options;
    }
    if (code == CODE_DONE)
        code = kind_input_open(args, &kind, &options);
    if (code == CODE_DONE)
        code = create_plan(args, dataset, &input, &fan, &options, &made.plan);
    if (code == CODE_DONE)
        code = choose_steps(args, &made, options.world);
    sn_array_release(input.array);
    link_input_close(&links);
    kind_input_close(&kind);
    free(fan.values);
    if (code != CODE_DONE) {
        sn_plan_release(made.plan);
        return code;
    }
    *out = made;
    return CODE_DONE;
}

void stream_close(stream *self)
{
    sn_plan_release(self->plan);
    self->plan = NULL;
}
