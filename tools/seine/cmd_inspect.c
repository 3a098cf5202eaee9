/* SPDX-License-Identifier: Apache-2.0 */
/* seine inspect: what a dataset holds. Everything is collected into one JSON value; --json prints
 * it, else the text is made from it, so that the two cannot differ. */
#include "seine/seine.h"
#include "tools/seine/commands.h"
#include "tools/seine/json_out.h"
#include "tools/seine/progress_bar.h"
#include "tools/seine/report.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct inspect_args {
    bool json, verify;
} inspect_args;

static const arg inspect_flags[] = {
    { .name = "--json",
      .text = "print one JSON object",
      .kind = ARG_SWITCH,
      .offset = offsetof(inspect_args, json) },
    { .name = "--verify",
      .text = "read everything and check it: hashes, order of rows, ids, splits",
      .kind = ARG_SWITCH,
      .offset = offsetof(inspect_args, verify) },
};
static const arg_group inspect_group = ARG_GROUP("Flags", inspect_flags);

/* -- Collecting -------------------------------------------------------------------------------- */

static json_t *tensor_json(const sn_tensor *tensor)
{
    json_t *shape = json_array();
    for (int32_t i = 0; i < tensor->ndim; i++)
        json_array_append_new(shape, json_integer(tensor->shape[i]));
    return json_pack("{s:s, s:o}", "dtype", sn_dtype_name(tensor->dtype), "shape", shape);
}

static void set_tensor(json_t *object, const char *key, const sn_tensor *tensor)
{
    if (tensor != NULL)
        json_object_set_new(object, key, tensor_json(tensor));
}

static void set_length(json_t *object, const char *key, const sn_tensor *tensor)
{
    if (tensor != NULL)
        json_object_set_new(object, key, json_integer(tensor->shape[0]));
}

static json_t *node_type_json(const sn_node_info *info)
{
    json_t *object = json_pack("{s:s, s:I}", "name", info->name, "count", (json_int_t)info->count);
    set_tensor(object, "x", info->x);
    set_tensor(object, "y", info->y);
    set_tensor(object, "times", info->times);
    set_length(object, "train", info->train);
    set_length(object, "val", info->val);
    set_length(object, "test", info->test);
    return object;
}

/* The degree that `rank` others are below or equal to, in memory that does not grow with the graph:
 * the value is found 16 bits at a time, from the highest. */
static int64_t degree_of_rank(const sn_adjacency *adjacency, int64_t rank)
{
    static int64_t counts[1 << 16];
    int64_t found = 0;
    for (int shift = 48; shift >= 0; shift -= 16) {
        memset(counts, 0, sizeof counts);
        for (int64_t row = 0; row < adjacency->rows; row++) {
            int64_t degree = adjacency->indptr[row + 1] - adjacency->indptr[row];
            if (shift == 48 || degree >> (shift + 16) == found >> (shift + 16))
                counts[degree >> shift & 0xffff]++;
        }
        int64_t digit = 0;
        while (rank >= counts[digit])
            rank -= counts[digit++];
        found |= digit << shift;
    }
    return found;
}

static void set_degrees(json_t *object, const char *key, const sn_adjacency *adjacency,
                        int64_t edges)
{
    int64_t most = 0, none = 0, rows = adjacency->rows;
    if (adjacency->indptr == NULL)
        return;
    for (int64_t row = 0; row < rows; row++) {
        int64_t degree = adjacency->indptr[row + 1] - adjacency->indptr[row];
        most = degree > most ? degree : most;
        none += degree == 0;
    }
    int64_t median = rows > 0 ? degree_of_rank(adjacency, (rows - 1) / 2) : 0;
    json_object_set_new(object, key,
                        json_pack("{s:f, s:I, s:I, s:I}", "mean",
                                  rows > 0 ? (double)edges / (double)rows : 0, "median",
                                  (json_int_t)median, "max", (json_int_t)most, "isolated",
                                  (json_int_t)none));
}

static json_t *edge_type_json(const sn_edge_info *info)
{
    json_t *layouts = json_array();
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s, s:I}", "name", info->name, "src", info->src, "rel",
                  info->rel, "dst", info->dst, "count", (json_int_t)info->count);
    if (info->csr.indptr != NULL)
        json_array_append_new(layouts, json_string("csr"));
    if (info->csc.indptr != NULL)
        json_array_append_new(layouts, json_string("csc"));
    json_object_set_new(object, "layouts", layouts);
    set_degrees(object, "out_degree", &info->csr, info->count);
    set_degrees(object, "in_degree", &info->csc, info->count);
    set_tensor(object, "x", info->x);
    set_tensor(object, "weights", info->weights);
    set_tensor(object, "times", info->times);
    return object;
}

/* Entries {file, dtype, shape, hash} of META.json, with the sizes of the files. */
static void add_files(json_t *files, const char *path, json_t *arrays)
{
    const char *role;
    json_t *entry;
    json_object_foreach(arrays, role, entry)
    {
        char file[4096];
        struct stat info;
        json_t *copy = json_deep_copy(entry);
        const char *name = json_string_value(json_object_get(entry, "file"));
        int length = snprintf(file, sizeof file, "%s/%s", path, name != NULL ? name : "");
        if (length > 0 && (size_t)length < sizeof file && stat(file, &info) == 0)
            json_object_set_new(copy, "bytes", json_integer(info.st_size));
        json_array_append_new(files, copy);
    }
}

static void set_files(json_t *object, const char *path, const sn_dataset *dataset)
{
    const char *text = sn_dataset_meta(dataset);
    json_t *meta = text != NULL ? json_loads(text, 0, NULL) : NULL, *files = json_array(), *type;
    size_t i;
    json_array_foreach(json_object_get(meta, "node_types"), i, type)
        add_files(files, path, json_object_get(type, "arrays"));
    json_array_foreach(json_object_get(meta, "edge_types"), i, type)
        add_files(files, path, json_object_get(type, "arrays"));
    json_t *links = json_object_get(meta, "links"), *link;
    const char *name;
    add_files(files, path, links);
    json_t *lengths = json_object();
    json_object_foreach(links, name, link)
    {
        json_object_set(lengths, name, json_object_get(link, "shape"));
    }
    json_object_set_new(object, "links", lengths);
    json_object_set_new(object, "files", files);
    if (json_object_get(meta, "info") != NULL)
        json_object_set(object, "info", json_object_get(meta, "info"));
    json_decref(meta);
}

static sn_status collect(const char *path, const sn_dataset *dataset, bool verified, json_t **out)
{
    const char *fingerprint;
    json_t *nodes = json_array(), *edges = json_array();
    sn_status st = sn_dataset_fingerprint(dataset, &fingerprint);
    for (int32_t i = 0; i < sn_dataset_num_node_types(dataset) && st == SN_OK; i++) {
        sn_node_info info;
        st = sn_dataset_node_type(dataset, i, &info);
        if (st == SN_OK)
            json_array_append_new(nodes, node_type_json(&info));
    }
    for (int32_t i = 0; i < sn_dataset_num_edge_types(dataset) && st == SN_OK; i++) {
        sn_edge_info info;
        st = sn_dataset_edge_type(dataset, i, &info);
        if (st == SN_OK)
            json_array_append_new(edges, edge_type_json(&info));
    }
    if (st != SN_OK) {
        json_decref(nodes);
        json_decref(edges);
        return st;
    }
    *out = json_pack("{s:o, s:s, s:b, s:I, s:i, s:b, s:o, s:o}", "path", json_string_nocheck(path),
                     "fingerprint", fingerprint, "homogeneous", sn_dataset_is_homogeneous(dataset),
                     "unlabelled", (json_int_t)sn_dataset_unlabelled(dataset), "partitions", 1,
                     "verified", verified, "node_types", nodes, "edge_types", edges);
    if (*out == NULL)
        return SN_E_NOMEM;
    set_files(*out, path, dataset);
    return SN_OK;
}

/* -- Printing ---------------------------------------------------------------------------------- */

static void print_value(json_out *out, json_t *value)
{
    const char *key;
    json_t *inner;
    size_t i;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        jout_open(out, '{');
        json_object_foreach(value, key, inner)
        {
            jout_key(out, key);
            print_value(out, inner);
        }
        jout_close(out, '{');
        break;
    case JSON_ARRAY:
        jout_open(out, '[');
        json_array_foreach(value, i, inner) print_value(out, inner);
        jout_close(out, '[');
        break;
    case JSON_STRING:
        jout_text(out, json_string_value(value));
        break;
    case JSON_INTEGER:
        jout_int(out, json_integer_value(value));
        break;
    case JSON_REAL:
        jout_real(out, json_real_value(value));
        break;
    case JSON_NULL:
        jout_null(out);
        break;
    default:
        jout_bool(out, json_is_true(value));
    }
}

static long long integer(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static const char *string(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* ", x float32 [63436, 72]" */
static void print_array(const json_t *object, const char *key)
{
    json_t *entry = json_object_get(object, key), *shape = json_object_get(entry, "shape"), *length;
    size_t i;
    if (entry == NULL)
        return;
    printf(", %s %s [", key, string(entry, "dtype"));
    json_array_foreach(shape, i, length)
        printf("%s%lld", i > 0 ? ", " : "", (long long)json_integer_value(length));
    putchar(']');
}

static void print_node_type(const json_t *type)
{
    static const char *const splits[] = { "train", "val", "test" };
    printf("  %s: %lld nodes", string(type, "name"), integer(type, "count"));
    print_array(type, "x");
    print_array(type, "y");
    print_array(type, "times");
    for (int i = 0; i < 3; i++)
        if (json_object_get(type, splits[i]) != NULL)
            printf(", %s %lld", splits[i], integer(type, splits[i]));
    putchar('\n');
}

static void print_degrees(const json_t *type, const char *key, const char *text)
{
    json_t *degrees = json_object_get(type, key);
    if (degrees != NULL)
        printf("    %s: mean %.2f, median %lld, most %lld, %lld nodes without\n", text,
               json_real_value(json_object_get(degrees, "mean")), integer(degrees, "median"),
               integer(degrees, "max"), integer(degrees, "isolated"));
}

static void print_edge_type(const json_t *type)
{
    size_t i;
    json_t *layout;
    printf("  %s: %lld edges", string(type, "name"), integer(type, "count"));
    json_array_foreach(json_object_get(type, "layouts"), i, layout)
        printf(", %s", json_string_value(layout));
    print_array(type, "x");
    print_array(type, "weights");
    print_array(type, "times");
    putchar('\n');
    print_degrees(type, "out_degree", "out-degree");
    print_degrees(type, "in_degree", "in-degree");
}

static void print_text(const json_t *all)
{
    size_t i;
    json_t *entry;
    const char *name;
    long long bytes = 0;
    printf("%s\n  fingerprint %s%s\n", string(all, "path"), string(all, "fingerprint"),
           json_is_true(json_object_get(all, "verified")) ? ", verified" : "");
    printf("node types\n");
    json_array_foreach(json_object_get(all, "node_types"), i, entry) print_node_type(entry);
    printf("edge types\n");
    json_array_foreach(json_object_get(all, "edge_types"), i, entry) print_edge_type(entry);
    json_object_foreach(json_object_get(all, "links"), name, entry)
    {
        printf("links %s: %lld pairs\n", name,
               (long long)json_integer_value(json_array_get(entry, json_array_size(entry) - 1)));
    }
    printf("files\n");
    json_array_foreach(json_object_get(all, "files"), i, entry)
    {
        bytes += integer(entry, "bytes");
        printf("  %-36s %14lld bytes  %s\n", string(entry, "file"), integer(entry, "bytes"),
               string(entry, "hash"));
    }
    printf("  %-36s %14lld bytes\n", "together", bytes);
}

/* Whether rows ascend. Opening does not read them, and degrees of rows that fall mean nothing. */
static int check_rows(const char *path, const char *edge_type, const char *array,
                      const sn_adjacency *adjacency)
{
    for (int64_t row = 0; adjacency->indptr != NULL && row < adjacency->rows; row++)
        if (adjacency->indptr[row + 1] < adjacency->indptr[row])
            return report_failure("%s: edge type '%s': %s falls behind row %lld", path, edge_type,
                                  array, (long long)row);
    return CODE_DONE;
}

static int check_all_rows(const char *path, const sn_dataset *dataset)
{
    int code = CODE_DONE;
    for (int32_t i = 0; i < sn_dataset_num_edge_types(dataset) && code == CODE_DONE; i++) {
        sn_edge_info info;
        if (sn_dataset_edge_type(dataset, i, &info) != SN_OK)
            continue;
        code = check_rows(path, info.name, "csr.indptr", &info.csr);
        if (code == CODE_DONE)
            code = check_rows(path, info.name, "csc.indptr", &info.csc);
    }
    return code;
}

static int show(const inspect_args *args, const char *path, const sn_dataset *dataset)
{
    json_t *all;
    sn_status st = args->verify ? sn_dataset_verify(dataset, bar_progress, NULL) : SN_OK;
    bar_clear();
    int code = st == SN_OK ? check_all_rows(path, dataset) : report_library(st);
    if (code != CODE_DONE)
        return code;
    st = collect(path, dataset, args->verify, &all);
    if (st != SN_OK)
        return report_library(st);
    if (args->json) {
        json_out out = { .to = stdout };
        print_value(&out, all);
        jout_line(&out);
    } else {
        print_text(all);
    }
    json_decref(all);
    return CODE_DONE;
}

static int run(const void *values, const char *operand)
{
    sn_dataset *dataset;
    sn_status st = sn_dataset_open(operand, NULL, &dataset);
    if (st != SN_OK)
        return report_library(st);
    int code = show(values, operand, dataset);
    sn_dataset_release(dataset);
    return code;
}

static const arg_group *const groups[] = { &inspect_group, NULL };

const command command_inspect = {
    .name = "inspect",
    .operand = "DIR",
    .summary = "says what a dataset holds, and checks it",
    .about =
        "Prints node types and edge types with counts, arrays and degrees, the files with sizes "
        "and hashes, and the\nfingerprint: equal datasets have equal ones.\n\n"
        "--verify reads everything: the hashes of all files, the order of rows, ids in range, "
        "both layouts holding\nthe same edges, and the splits. It fails at the first damage.",
    .examples = "seine inspect packages --verify\n",
    .groups = groups,
    .bytes = sizeof(inspect_args),
    .run = run,
};
