/* SPDX-License-Identifier: Apache-2.0 */
/* What an import and an input file mean: each member of a manifest and each array in its place
 * with what is wrong there alone, and the words in which that is told. (test_broken_npy.c and
 * test_broken_json.c break files and JSON in the ways in which any can be broken.) */
#include "base/run.h"

#include "command/small.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLAGS                                                                       \
    "import --edges cites.npy --node-feat x.npy --edge-feat ex.npy --labels y.npy " \
    "--weights ew.npy --times et.npy --node-times times.npy --out out"
#define RING  "import --manifest ring.json --out out"
#define TYPED "import --manifest typed.json --layout csc --out out"
#define LINKS "sample @ring --fanout 2 --links pairs.npy --neg binary:1"
#define TIMES "sample @ring --fanout 2 --disjoint --temporal uniform --seed-times times.npy"
#define INPUT "sample @ring --fanout 2 --input train.npy"

/* -- Members of a manifest --------------------------------------------------------------------- */

typedef struct row {
    const char *manifest; /* "ring" or "typed" */
    const char *path;     /* of the member */
    const char *value;    /* what it becomes, ' for "; NULL: it is removed */
    const char *names;
} row;

#define NODE "node_types/node"
#define EDGE "edge_types/0"

static const row rows[] = {
    /* The top. */
    { "ring", "format", NULL, "ring.json|format" },
    { "ring", "format", "'seine-import-2'", "ring.json|seine-import-2" },
    { "ring", "format", "''", "ring.json|format" },
    { "ring", "format", "1", "ring.json|format" },
    { "ring", "format", "null", "ring.json|format" },
    { "ring", "unlabelled", "'none'", "ring.json|unlabelled" },
    { "ring", "unlabelled", "-1.5", "ring.json|unlabelled" },
    { "ring", "node_types", NULL, "ring.json|node_types" },
    { "ring", "node_types", "{}", "ring.json|node_types" },
    { "ring", "node_types", "[]", "ring.json|node_types" },
    { "ring", "node_types", "'node'", "ring.json|node_types" },
    { "ring", "edge_types", NULL, "ring.json|edge_types" },
    { "ring", "edge_types", "{}", "ring.json|edge_types" },
    { "ring", "edge_types", "[]", "ring.json|edge_types" },
    { "ring", "edge_types", "null", "ring.json|edge_types" },
    { "ring", "links", "[]", "ring.json|links" },
    { "ring", "links", "'pairs.npy'", "ring.json|links" },
    /* Node types. */
    { "ring", NODE, "5", "ring.json|node" },
    { "ring", NODE, "[]", "ring.json|node" },
    { "ring", "node_types/a__b", "{'count': 1}", "ring.json|a__b" },
    { "ring", "node_types/other", "{'count': 1}", "ring.json|other" },
    { "ring", "node_types/_a", "{'count': 1}", "ring.json|_a" },
    { "ring", "node_types/a_", "{'count': 1}", "ring.json|a_" },
    { "ring", NODE "/count", NULL, "ring.json|node|count" },
    { "ring", NODE "/count", "'12'", "ring.json|node|count" },
    { "ring", NODE "/count", "12.0", "ring.json|node|count" },
    { "ring", NODE "/count", "null", "ring.json|node|count" },
    { "ring", NODE "/count", "-1", "ring.json|node|count|-1" },
    { "ring", NODE "/count", "4611686018427387904", "ring.json|count|4611686018427387904" },
    { "ring", NODE "/count", "9223372036854775807", "ring.json|count|9223372036854775807" },
    { "ring", NODE "/count", "11", "x.npy|12|11" },
    { "ring", NODE "/count", "13", "x.npy|12|13" },
    { "ring", NODE "/count", "0", "x.npy|12|0" },
    { "typed", "node_types/author/count", "4", "writes.npy|author" },
    { "typed", "node_types/author/count", "0", "writes.npy|author" },
    /* Arrays of nodes. */
    { "ring", NODE "/x", "5", "ring.json|node|x" },
    { "ring", NODE "/x", "[]", "ring.json|node|x" },
    { "ring", NODE "/x", "{}", "ring.json|node|x|file" },
    { "ring", NODE "/x", "''", "ring.json|node|x" },
    { "ring", NODE "/x/file", "5", "ring.json|node|x|file" },
    { "ring", NODE "/x/file", "''", "ring.json|node|x|file" },
    { "ring", NODE "/x/file", "'nosuch.npy'", "nosuch.npy|No such file" },
    { "ring", NODE "/x/file", "'../nosuch/x.npy'", "nosuch/x.npy|No such file" },
    { "ring", NODE "/x/file", "'/nosuch/x.npy'", "/nosuch/x.npy|No such file" },
    { "ring", NODE "/x/rows", "5", "ring.json|node|x|rows" },
    { "ring", NODE "/x/rows", "[]", "ring.json|node|x|rows" },
    { "ring", NODE "/x/rows", "[0]", "ring.json|node|x|rows" },
    { "ring", NODE "/x/rows", "[0, 6, 12]", "ring.json|node|x|rows" },
    { "ring", NODE "/x/rows", "[0.0, 12.0]", "ring.json|node|x|rows" },
    { "ring", NODE "/x/rows", "['0', '12']", "ring.json|node|x|rows" },
    { "ring", NODE "/x/rows", "[-1, 11]", "ring.json|node|x|rows|-1" },
    { "ring", NODE "/x/rows", "[12, 0]", "ring.json|node|x|rows|12" },
    { "ring", NODE "/x/rows", "[1, 13]", "x.npy|13" },
    { "ring", NODE "/x/rows", "[0, 9223372036854775807]", "x.npy|9223372036854775807" },
    { "ring", NODE "/x/rows", "[1, 12]", "x.npy|11|12" },
    { "ring", NODE "/x/convert", "5", "ring.json|node|x|convert" },
    { "ring", NODE "/x/convert", "'float8'", "ring.json|node|x|convert|float8" },
    { "ring", NODE "/x/convert", "''", "ring.json|node|x|convert" },
    { "ring", NODE "/x/convert", "'complex64'", "convert|complex64" },
    { "ring", NODE "/x/convert", "'uint8'", "x.npy|-5|uint8" },
    { "ring", NODE "/x/scale", "'2'", "ring.json|node|x|scale" },
    { "ring", NODE "/x/scale", "null", "ring.json|node|x|scale" },
    { "ring", NODE "/y/convert", "'uint8'", "y.npy|-1|uint8" },
    { "ring", NODE "/y/file", "'nosuch.npy'", "nosuch.npy" },
    { "ring", NODE "/times", "5", "ring.json|node|times" },
    { "ring", NODE "/times", "'x.npy'", "x.npy|(12, 3)" },
    { "ring", NODE "/times", "{'file': 'ew.npy', 'rows': [0, 12]}", "ew.npy|float32" },
    { "ring", NODE "/times", "'nosuch.npy'", "nosuch.npy" },
    { "ring", NODE "/names", "5", "ring.json|node|names" },
    { "ring", NODE "/names", "{}", "ring.json|node|names" },
    { "ring", NODE "/names", "''", "ring.json|node|names" },
    { "ring", NODE "/names", "'nosuch.txt'", "nosuch.txt" },
    { "ring", NODE "/splits", "[]", "ring.json|node|splits" },
    { "ring", NODE "/splits", "'train.npy'", "ring.json|node|splits" },
    { "ring", NODE "/splits/train", "5", "ring.json|node|splits|train" },
    { "ring", NODE "/splits/train", "{'file': 'train.npy'}", "ring.json|node|splits|train" },
    { "ring", NODE "/splits/train", "''", "ring.json|node|splits|train" },
    { "ring", NODE "/splits/val", "'nosuch.npy'", "nosuch.npy" },
    { "ring", NODE "/splits/val", "'train.npy'", "train.npy|val|train" },
    { "ring", NODE "/splits/test", "'val.npy'", "val.npy|test|val" },
    { "ring", NODE "/splits/test", "'x.npy'", "x.npy|test|float32" },
    { "ring", NODE "/splits/test", "'pairs.npy'", "pairs.npy|test|(2, 3)" },
    /* Edge types. */
    { "ring", EDGE, "5", "ring.json|edge_types" },
    { "ring", EDGE, "[]", "ring.json|edge_types" },
    { "ring", EDGE "/type", NULL, "ring.json|edge_types|type" },
    { "ring", EDGE "/type", "'node'", "ring.json|edge_types|type" },
    { "ring", EDGE "/type", "[]", "ring.json|edge_types|type" },
    { "ring", EDGE "/type", "['node', 'to']", "ring.json|edge_types|type" },
    { "ring", EDGE "/type", "['node', 'to', 'node', 'x']", "ring.json|edge_types|type" },
    { "ring", EDGE "/type", "['node', 5, 'node']", "ring.json|edge_types|type" },
    { "ring", EDGE "/type/0", "'nosuch'", "ring.json|edge_types|nosuch" },
    { "ring", EDGE "/type/2", "'nosuch'", "ring.json|edge_types|nosuch" },
    { "ring", EDGE "/type/1", "''", "ring.json|edge_types" },
    { "ring", EDGE "/type/1", "'a__b'", "ring.json|edge_types|a__b" },
    { "ring", EDGE "/type/1", "'_a'", "ring.json|edge_types|_a" },
    { "ring", EDGE "/type/1", "'other'", "ring.json|edge_types|other" },
    { "ring", EDGE "/type/1", "'a\\u0007b'", "ring.json|edge_types" },
    { "typed", "edge_types/2/type/1", "'cites'", "typed.json|paper__cites__paper|twice" },
    { "ring", EDGE "/files", NULL, "ring.json|edge_types|files" },
    { "ring", EDGE "/files", "'cites.npy'", "ring.json|edge_types|files" },
    { "ring", EDGE "/files", "{}", "ring.json|edge_types|files" },
    { "ring", EDGE "/files", "[5]", "ring.json|edge_types|files" },
    { "ring", EDGE "/files", "[null]", "ring.json|edge_types|files" },
    { "ring", EDGE "/files", "['']", "ring.json|edge_types|files" },
    { "ring", EDGE "/files", "['nosuch.npy']", "nosuch.npy" },
    { "ring", EDGE "/files", "['cites.npy', 'nosuch.npy']", "nosuch.npy" },
    { "ring", EDGE "/files", "['cites.npy', 'pairs.npy']", "ex.npy|24|27" },
    { "ring", EDGE "/files", "['train.npy']", "train.npy|(7,)" },
    { "ring", EDGE "/files", "['ring.json']", "ring.json|npy" },
    { "ring", EDGE "/undirected", "1", "ring.json|edge_types|undirected" },
    { "ring", EDGE "/undirected", "'true'", "ring.json|edge_types|undirected" },
    { "ring", EDGE "/deduplicate", "0", "ring.json|edge_types|deduplicate" },
    { "ring", EDGE "/deduplicate", "null", "ring.json|edge_types|deduplicate" },
    { "typed", "edge_types/1/undirected", "true", "typed.json|edge_types|undirected" },
    { "ring", EDGE "/x", "5", "ring.json|edge_types|x" },
    { "ring", EDGE "/x/file", "'x.npy'", "x.npy|12|24" },
    { "ring", EDGE "/weights", "5", "ring.json|edge_types|weights" },
    { "ring", EDGE "/weights", "'nosuch.npy'", "nosuch.npy" },
    { "ring", EDGE "/weights", "'ex.npy'", "ex.npy|(24, 2)" },
    { "ring", EDGE "/weights", "{'file': 'ew.npy', 'scale': -1}", "ew.npy|negative" },
    { "ring", EDGE "/weights", "{'file': 'ew.npy', 'convert': 'float64'}", "ew.npy|float64" },
    { "ring", EDGE "/times/file", "'ew.npy'", "ew.npy|float32" },
    { "ring", EDGE "/times/file", "'times.npy'", "times.npy|12|24" },
    /* Links. */
    { "ring", "links/val_pos", "5", "ring.json|val_pos" },
    { "ring", "links/val_pos", "''", "ring.json|val_pos" },
    { "ring", "links/val_pos", "'nosuch.npy'", "nosuch.npy" },
    { "ring", "links/val_pos", "'ew.npy'", "ew.npy|val_pos|float32" },
    { "ring", "links/val_pos", "'names.txt'", "names.txt|npy" },
    { "ring", "links/a\tb", "'pairs.npy'", "links|link name" },
};
enum { ROWS = sizeof rows / sizeof rows[0] };

START_TEST(manifest_member_that_is_wrong_is_named)
{
    const row *tried = &rows[_i];
    bool ring = strcmp(tried->manifest, "ring") == 0;
    char what[256];
    put_sources();
    json_t *manifest = json_of(ring ? ring_manifest : typed_manifest);
    json_change(manifest, tried->path, tried->value != NULL ? json_of(tried->value) : NULL);
    put_json(ring ? "ring.json" : "typed.json", manifest);
    json_decref(manifest);
    snprintf(what, sizeof what, "%s: %s is %s", tried->manifest, tried->path,
             tried->value != NULL ? tried->value : "missing");
    refuse_line(ring ? RING : TYPED, 1, tried->names, what);
}
END_TEST

/* What the format does not know is information, and a slip of the pen is told. */
START_TEST(manifest_member_that_is_nearly_right_is_warned_of)
{
    json_t *manifest = json_of(ring_manifest);
    put_sources();
    json_change(manifest, EDGE "/undirectd", json_true());
    put_json("ring.json", manifest);
    json_decref(manifest);
    outcome of = run_line(RING, NULL);
    ck_assert_int_eq(of.code, 0);
    ck_assert_msg(strstr(of.err, "ring.json") && strstr(of.err, "undirectd") &&
                      strstr(of.err, "'undirected'") && count_lines(of.err) == 1,
                  "no warning: %s", of.err);
    outcome_free(&of);
}
END_TEST

/* -- Arrays in their places -------------------------------------------------------------------- */

typedef struct place {
    const char *file, *line;
} place;

static const place flag_edges = { "cites.npy", FLAGS };
static const place flag_x = { "x.npy", FLAGS };
static const place flag_y = { "y.npy", FLAGS };
static const place flag_ex = { "ex.npy", FLAGS };
static const place flag_weights = { "ew.npy", FLAGS };
static const place flag_times = { "et.npy", FLAGS };
static const place flag_node_times = { "times.npy", FLAGS };
static const place ring_edge_file = { "cites.npy", RING };
static const place ring_x = { "x.npy", RING };
static const place ring_y = { "y.npy", RING };
static const place ring_node_times = { "times.npy", RING };
static const place ring_train = { "train.npy", RING };
static const place ring_val = { "val.npy", RING };
static const place ring_test = { "test.npy", RING };
static const place ring_ex = { "ex.npy", RING };
static const place ring_weights = { "ew.npy", RING };
static const place ring_times = { "et.npy", RING };
static const place ring_links = { "pairs.npy", RING };
static const place typed_second_file = { "pairs.npy", TYPED };
static const place typed_writes = { "writes.npy", TYPED };
static const place typed_x = { "x.npy", TYPED };
static const place sample_links = { "pairs.npy", LINKS };
static const place sample_times = { "times.npy", TIMES };
static const place sample_input = { "train.npy", INPUT };

typedef struct wrong {
    const place *in;
    const char *descr, *shape; /* of the new array, zeros; NULL: as it was */
    int at;                    /* element that gets the value, in the old type */
    double value;
    const char *says;
} wrong;

static const wrong wrongs[] = {
    /* Edges: int32 or int64, [2, E], ids of their node types. */
    { &flag_edges, "<f8", "(2, 24)", .says = "float64" },
    { &flag_edges, "<u8", "(2, 24)", .says = "uint64" },
    { &flag_edges, "<i2", "(2, 24)", .says = "int16" },
    { &flag_edges, "|b1", "(2, 24)", .says = "bool" },
    { &flag_edges, "<c16", "(2, 24)", .says = "complex128" },
    { &flag_edges, "<i8", "(48,)", .says = "48" },
    { &flag_edges, "<i8", "(24, 2)", .says = "(24, 2)" },
    { &flag_edges, "<i8", "(1, 48)", .says = "(1, 48)" },
    { &flag_edges, "<i8", "(2, 24, 1)", .says = "(2, 24, 1)" },
    { &flag_edges, "<i8", "()", .says = "()" },
    { &flag_edges, .at = 5, .value = -1, .says = "-1|row 0|column 5" },
    { &flag_edges, .at = 29, .value = 12, .says = "12|row 1|column 5" },
    { &flag_edges, .at = 0, .value = -0x1p63, .says = "-9223372036854775808" },
    { &flag_edges, .at = 47, .value = 0x1p62, .says = "4611686018427387904|row 1|column 23" },
    { &ring_edge_file, "<f4", "(2, 24)", .says = "float32" },
    { &ring_edge_file, "<i8", "(24, 2)", .says = "(24, 2)" },
    { &ring_edge_file, .at = 23, .value = 12, .says = "12|row 0|column 23|node" },
    { &typed_second_file, "<i1", "(2, 3)", .says = "int8" },
    { &typed_second_file, .at = 4, .value = -7, .says = "-7|row 1|column 1" },
    { &typed_writes, .at = 0, .value = 5, .says = "5|row 0|column 0|author" },
    { &typed_writes, .at = 29, .value = 12, .says = "12|row 1|column 14|paper" },
    /* Features and labels: any type, as many rows as nodes or edges. */
    { &flag_y, "<i8", "(11,)", .says = "11|12" },
    { &flag_y, "<i8", "(13, 2)", .says = "13|12" },
    { &flag_x, "<f4", "()", .says = "no rows" },
    { &flag_ex, "<f4", "(23, 2)", .says = "23|24" },
    { &flag_ex, "<f4", "()", .says = "()" },
    { &ring_x, "<f4", "(11, 3)", .says = "11|12" },
    { &ring_x, "<f4", "(0, 3)", .says = "0|12" },
    { &ring_y, "<i8", "(13,)", .says = "13|12" },
    { &ring_ex, "<f4", "(48, 1)", .says = "48|24" },
    { &typed_x, "<c8", "(12, 3)", .says = "complex64" },
    { &typed_x, "<f4", "(11, 3)", .says = "11" },
    /* Weights: floats, one per edge, finite, not negative. */
    { &flag_weights, "<c8", "(24,)", .says = "complex64" },
    { &flag_weights, "<f4", "(24, 1)", .says = "(24, 1)" },
    { &flag_weights, "<f4", "(23,)", .says = "23|24" },
    { &flag_weights, .at = 7, .value = -0.5, .says = "-0.5|7" },
    { &flag_weights, .at = 0, .value = NAN, .says = "not a number" },
    { &ring_weights, .at = 23, .value = NAN, .says = "23|not a number" },
    { &ring_weights, .at = 5, .value = INFINITY, .says = "5|infinite" },
    { &ring_weights, .at = 5, .value = -INFINITY, .says = "5" },
    { &ring_weights, .at = 22, .value = -1e-30, .says = "22|negative" },
    { &ring_weights, "<f4", "(25,)", .says = "25|24" },
    /* Times: integers, one per edge or node. */
    { &flag_times, "<f8", "(24,)", .says = "float64" },
    { &flag_times, "<i8", "(24, 1)", .says = "(24, 1)" },
    { &flag_times, "<i8", "(12,)", .says = "12|24" },
    { &flag_node_times, "<f4", "(12,)", .says = "float32" },
    { &flag_node_times, "<i8", "(24,)", .says = "24|12" },
    { &flag_node_times, "<i8", "()", .says = "()" },
    { &ring_times, "|b1", "(24,)", .says = "bool" },
    { &ring_node_times, "<i8", "(12, 1)", .says = "(12, 1)" },
    /* Splits: node ids, each once. */
    { &ring_train, "<f8", "(7,)", .says = "float64" },
    { &ring_train, "|b1", "(12,)", .says = "bool" },
    { &ring_train, "<i8", "(7, 1)", .says = "(7, 1)" },
    { &ring_train, "<i8", "()", .says = "()" },
    { &ring_train, .at = 3, .value = -1, .says = "-1|3" },
    { &ring_train, .at = 6, .value = 12, .says = "12|6" },
    { &ring_train, .at = 4, .value = 2, .says = "2|4|twice" },
    { &ring_val, .at = 1, .value = 6, .says = "6|1|train" },
    { &ring_val, "<i8", "(2,)", .says = "0|train" },
    { &ring_test, .at = 2, .value = 5, .says = "5|2|val" },
    { &ring_test, .at = 0, .value = 0x1p40, .says = "1099511627776" },
    /* Links: pairs or lists of ids. */
    { &ring_links, "<f4", "(2, 3)", .says = "float32" },
    { &ring_links, "<i8", "(3, 2)", .says = "(3, 2)" },
    { &ring_links, "<i8", "(2, 3, 1)", .says = "(2, 3, 1)" },
    { &ring_links, "<i8", "()", .says = "()" },
    { &ring_links, .at = 5, .value = 12, .says = "12" },
    { &ring_links, .at = 0, .value = -1, .says = "-1" },
    /* The input of a sample: int32 or int64, one dimension, ids of the type. */
    { &sample_input, "<f8", "(7,)", .says = "float64" },
    { &sample_input, "<u8", "(7,)", .says = "uint64" },
    { &sample_input, "<i2", "(7,)", .says = "int16" },
    { &sample_input, "|b1", "(7,)", .says = "bool" },
    { &sample_input, "<i8", "(7, 1)", .says = "dimension" },
    { &sample_input, "<i8", "(2, 3)", .says = "dimension" },
    { &sample_input, "<i8", "()", .says = "dimension" },
    { &sample_input, .at = 2, .value = -1, .says = "-1|2" },
    { &sample_input, .at = 6, .value = 12, .says = "12|6" },
    { &sample_input, .at = 0, .value = 0x1p62, .says = "4611686018427387904" },
    /* Its links: pairs of node ids. */
    { &sample_links, "<f4", "(2, 3)", .says = "float32" },
    { &sample_links, "<i2", "(2, 3)", .says = "int16" },
    { &sample_links, "<i8", "(3, 2)", .says = "(3, 2)" },
    { &sample_links, "<i8", "(6,)", .says = "(6,)" },
    { &sample_links, "<i8", "(2, 3, 1)", .says = "(2, 3, 1)" },
    { &sample_links, .at = 5, .value = 12, .says = "12|destination|pair 2" },
    { &sample_links, .at = 0, .value = -1, .says = "-1|source|pair 0" },
    /* Its times: one for each seed, int64. */
    { &sample_times, "<f8", "(12,)", .says = "seed_times|float64|int64" },
    { &sample_times, "<i4", "(12,)", .says = "seed_times|int32|int64" },
    { &sample_times, "<u8", "(12,)", .says = "seed_times|uint64" },
    { &sample_times, "<i8", "(11,)", .says = "11 seed_times|12 seeds" },
    { &sample_times, "<i8", "(0,)", .says = "0 seed_times|12 seeds" },
    { &sample_times, "<i8", "(12, 1)", .says = "2 dimensions" },
    { &sample_times, "<i8", "()", .says = "0 dimensions" },
};
enum { WRONGS = sizeof wrongs / sizeof wrongs[0] };

enum { MOST_BYTES = 4096, HEADER_AT = 10, DATA_AT = 128 };

static size_t element_bytes(const char *descr)
{
    return (size_t)strtol(descr + 2, NULL, 10);
}

static size_t shape_elements(const char *shape)
{
    size_t count = 1;
    for (; *shape != '\0'; shape++)
        if (*shape >= '0' && *shape <= '9') {
            char *end;
            count *= strtoul(shape, &end, 10);
            shape = end - 1;
        }
    return count;
}

static void put_zeros(const char *file, const char *descr, const char *shape)
{
    char zeros[MOST_BYTES] = { 0 };
    size_t bytes = shape_elements(shape) * element_bytes(descr);
    ck_assert_uint_le(bytes, sizeof zeros);
    put_npy(file, descr, shape, zeros, bytes);
}

/* The element type in the header of a file, "<i8". */
static void read_descr(const char *data, char out[4])
{
    const char *from = strstr(data + HEADER_AT, "'descr': '");
    ck_assert_ptr_nonnull(from);
    snprintf(out, 4, "%s", from + strlen("'descr': '"));
}

static void put_value(const char *file, int at, double value)
{
    char descr[4];
    size_t bytes;
    int64_t wide = value == -0x1p63                         ? INT64_MIN
                   : value == value && value * value < 1e38 ? (int64_t)value
                                                            : 0;
    int32_t narrow = (int32_t)wide;
    float real = (float)value;
    char *data = get_file(file, &bytes);
    read_descr(data, descr);
    const void *from = descr[1] == 'f'   ? (const void *)&real
                       : descr[2] == '8' ? (const void *)&wide
                                         : &narrow;
    size_t width = element_bytes(descr);
    ck_assert_uint_le(DATA_AT + ((size_t)at + 1) * width, bytes);
    memcpy(data + DATA_AT + (size_t)at * width, from, width);
    put_bytes(file, data, bytes);
    free(data);
}

START_TEST(array_wrong_for_its_place_is_named_with_the_fault)
{
    const wrong *tried = &wrongs[_i];
    char names[256], what[256];
    put_sources();
    if (tried->descr != NULL)
        put_zeros(tried->in->file, tried->descr, tried->shape);
    else
        put_value(tried->in->file, tried->at, tried->value);
    snprintf(names, sizeof names, "%s|%s", tried->in->file, tried->says);
    snprintf(what, sizeof what, "%s: %s %s, element %d is %g: %.100s", tried->in->file,
             tried->descr ? tried->descr : "", tried->shape ? tried->shape : "", tried->at,
             tried->value, tried->in->line);
    refuse_line(tried->in->line, 1, names, what);
}
END_TEST

/* -- Files that may not be read, and lists of names -------------------------------------------- */

START_TEST(file_that_may_not_be_read_is_named)
{
    static const char *const files[] = { "cites.npy", "x.npy",     "y.npy",     "times.npy",
                                         "ex.npy",    "ew.npy",    "et.npy",    "train.npy",
                                         "val.npy",   "pairs.npy", "names.txt", "ring.json" };
    put_sources();
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char names[64];
        snprintf(names, sizeof names, "%s|Permission denied", files[i]);
        ck_assert_int_eq(chmod(files[i], 0), 0);
        refuse_line(RING, 1, names, files[i]);
        ck_assert_int_eq(chmod(files[i], 0600), 0);
    }
}
END_TEST

START_TEST(list_of_names_that_is_no_list_of_all_names_is_named)
{
    static const char eleven[] = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\n";
    put_sources();
    put_text("names.txt", "");
    refuse_line(RING, 1, "names.txt|0 lines|12", "empty");
    put_text("names.txt", eleven);
    refuse_line(TYPED, 1, "names.txt|11 lines|12", "a line short");
    put_text("names.txt", "\n\n\n\n\n\n\n\n\n\n\n\n\n");
    refuse_line(RING, 1, "names.txt|13 lines|12", "a line more");
    ck_assert_int_eq(unlink("names.txt"), 0);
    refuse_line(RING, 1, "names.txt|No such file", "missing");
    ck_assert_int_eq(mkdir("names.txt", 0700), 0);
    refuse_line(RING, 1, "names.txt|directory", "a folder");
}
END_TEST

/* Whatever breaks late must leave what was there before. */
START_TEST(dataset_that_was_there_survives_a_broken_import)
{
    static const int64_t times[23];
    put_sources();
    copy_folder(shared_path("ring"), "out");
    char *before = printed("inspect out --verify --json");
    put_npy("et.npy", "<i8", "(23,)", times, sizeof times); /* read last but the links */
    refuse_line(RING, 1, "et.npy|23|24", "the last array of the edges");
    char *after = printed("inspect out --verify --json");
    ck_assert_str_eq(before, after);
    free(before);
    free(after);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("meaning");
    tcase_set_timeout(cases, 120);
    tcase_add_unchecked_fixture(cases, small_begin, small_end);
    tcase_add_checked_fixture(cases, case_begin, case_end);
    tcase_add_loop_test(cases, manifest_member_that_is_wrong_is_named, 0, ROWS);
    tcase_add_test(cases, manifest_member_that_is_nearly_right_is_warned_of);
    tcase_add_loop_test(cases, array_wrong_for_its_place_is_named_with_the_fault, 0, WRONGS);
    tcase_add_test(cases, file_that_may_not_be_read_is_named);
    tcase_add_test(cases, list_of_names_that_is_no_list_of_all_names_is_named);
    tcase_add_test(cases, dataset_that_was_there_survives_a_broken_import);
    return run_cases("meaning", cases);
}
