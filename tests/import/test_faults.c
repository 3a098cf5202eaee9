/* SPDX-License-Identifier: Apache-2.0 */
/* Every fault that a manifest or its files can have ends in a status and one line that names it,
 * and leaves nothing. One good import, and a table of changes to it. */
#include "data/support/folder.h"
#include "import/make.h"
#include "seine/log.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* -- The good one ------------------------------------------------------------------------------ */

static const char manifest[] =
    "{\"format\": \"seine-import-1\", \"unlabelled\": -1, \"about\": \"a test\","
    " \"node_types\": {"
    "  \"a\": {\"count\": 4, \"x\": {\"file\": \"x.npy\", \"convert\": \"float32\", \"scale\": "
    "0.5},"
    "          \"y\": {\"file\": \"y.npy\", \"rows\": [1, 5]}, \"names\": \"names.txt\","
    "          \"times\": \"node_times.npy\","
    "          \"splits\": {\"train\": \"train.npy\", \"val\": \"val.npy\", \"test\": "
    "\"test.npy\"}},"
    "  \"b\": {\"count\": 3}},"
    " \"edge_types\": ["
    "  {\"type\": [\"a\", \"r\", \"a\"], \"files\": [\"e0.npy\", \"e1.npy\"], \"undirected\": true,"
    "   \"deduplicate\": false, \"weights\": \"w.npy\", \"times\": \"t.npy\","
    "   \"x\": {\"file\": \"ex.npy\"}},"
    "  {\"type\": [\"a\", \"s\", \"b\"], \"files\": [\"f.npy\"]}],"
    " \"links\": {\"val_pos\": \"l.npy\", \"candidates\": \"c.npy\"}}";

static const int8_t x[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
static const int8_t y[] = { 9, 0, 1, 0, -1 };
static const int64_t node_times[] = { 1, 2, 3, 4 };
static const int32_t train[] = { 0, 3 }, val[] = { 1 }, test[] = { 2 };
static const int32_t e0[] = { 0, 1, 2, 3, 3, 1, 2, 3, 0, 3 };
static const int64_t e1[] = { 0, 1, 2, 2 };
static const float w[] = { 1, 2, 3, 4, 5, 6, 0 };
static const int64_t t[] = { 1, 2, 3, 4, 5, 6, 7 };
static const float ex[14] = { 1 };
static const int32_t f[] = { 0, 1, 3, 2, 1, 0 };
static const int32_t l[] = { 0, 1, 2, 3 }, c[] = { 3, 2, 1 };

static void save_good(void)
{
    save_array(in_folder("x.npy"), "int8", 4, 2, x);
    save_array(in_folder("y.npy"), "int8", 5, -1, y);
    put_text(in_folder("names.txt"), "one\ntwo\nthree\nfour");
    save_array(in_folder("node_times.npy"), "int64", 4, -1, node_times);
    save_array(in_folder("train.npy"), "int32", 2, -1, train);
    save_array(in_folder("val.npy"), "int32", 1, -1, val);
    save_array(in_folder("test.npy"), "int32", 1, -1, test);
    save_array(in_folder("e0.npy"), "int32", 2, 5, e0);
    save_array(in_folder("e1.npy"), "int64", 2, 2, e1);
    save_array(in_folder("w.npy"), "float32", 7, -1, w);
    save_array(in_folder("t.npy"), "int64", 7, -1, t);
    save_array(in_folder("ex.npy"), "float32", 7, 2, ex);
    save_array(in_folder("f.npy"), "int32", 2, 3, f);
    save_array(in_folder("l.npy"), "int32", 2, 2, l);
    save_array(in_folder("c.npy"), "int32", 3, -1, c);
    put_text(in_folder("m.json"), manifest);
}

static void check_nothing_left(void)
{
    char names[4096];
    snprintf(names, sizeof names, "%s", list_dir(in_folder(".")));
    ck_assert_msg(strstr(names, "out") == NULL, "left: %s", names);
    ck_assert_msg(strstr(names, "tmp") == NULL, "left: %s", names);
}

static void import_fails(sn_status status, const char *detail)
{
    int files = count_open_files();
    for (int32_t threads = 1; threads <= 2; threads++) {
        ck_fails(sn_import_manifest(in_folder("m.json"), in_folder("out"),
                                    SN_IMPORT_OPTIONS(.threads = threads)),
                 status, detail);
        check_nothing_left();
    }
    ck_assert_int_eq(count_open_files(), files);
    ck_assert_int_eq(count_mappings("seine-test-"), 0);
}

/* Puts `text` (JSON; NULL: nothing) at a place like "node_types/a/count" or "edge_types/0/type". */
static void edit(const char *place, const char *text)
{
    char path[128], *rest = path, *key;
    json_t *root = json_loads(manifest, 0, NULL), *at = root, *value = NULL;
    ck_assert_ptr_nonnull(root);
    if (text != NULL)
        value = json_loads(text, JSON_DECODE_ANY, NULL);
    ck_assert_msg(text == NULL || value != NULL, "bad test value %s", text);
    snprintf(path, sizeof path, "%s", place);
    key = strtok_r(rest, "/", &rest);
    for (char *next; (next = strtok_r(rest, "/", &rest)) != NULL; key = next)
        at = json_is_array(at) ? json_array_get(at, (size_t)atoi(key)) : json_object_get(at, key);
    ck_assert_ptr_nonnull(at);
    if (json_is_array(at) && value != NULL)
        ck_assert_int_eq(json_array_set_new(at, (size_t)atoi(key), value), 0);
    else if (json_is_array(at))
        ck_assert_int_eq(json_array_remove(at, (size_t)atoi(key)), 0);
    else if (value != NULL)
        ck_assert_int_eq(json_object_set_new(at, key, value), 0);
    else
        ck_assert_int_eq(json_object_del(at, key), 0);
    save_json(in_folder("m.json"), root);
}

START_TEST(manifest_without_a_fault_imports)
{
    save_good();
    ck_ok(sn_import_manifest(in_folder("m.json"), in_folder("out"), NULL));
    sn_dataset *dataset = open_verified(in_folder("out"));
    sn_edge_info info;
    ck_ok(sn_dataset_edge_type(dataset, 0, &info));
    ck_assert_int_eq(info.count, 14);
    ck_assert_int_eq(sn_dataset_num_edge_types(dataset), 2);
    sn_dataset_release(dataset);
}
END_TEST

/* -- Faults of the manifest -------------------------------------------------------------------- */

static const struct {
    const char *place, *text;
    sn_status status;
    const char *detail;
} manifest_faults[] = {
    { "format", NULL, SN_E_FORMAT, "m.json: 'format' is missing" },
    { "format", "\"seine-import-2\"", SN_E_FORMAT, "m.json: 'format' is 'seine-import-2'" },
    { "format", "1", SN_E_FORMAT, "m.json: 'format' is an integer" },
    { "unlabelled", "\"none\"", SN_E_FORMAT, "'unlabelled' is a string" },
    { "unlabelled", "0.5", SN_E_FORMAT, "'unlabelled' is a real number" },
    { "node_types", NULL, SN_E_FORMAT, "m.json: 'node_types' is missing" },
    { "node_types", "{}", SN_E_FORMAT, "m.json: 'node_types' is empty" },
    { "node_types", "[]", SN_E_FORMAT, "m.json: 'node_types' is an array" },
    { "node_types/x__y", "{\"count\": 1}", SN_E_FORMAT, "node_types: type name 'x__y'" },
    { "node_types/other", "{\"count\": 1}", SN_E_FORMAT, "node_types: type name 'other'" },
    { "node_types/_c", "{\"count\": 1}", SN_E_FORMAT, "node_types: type name '_c'" },
    { "node_types/b", "3", SN_E_FORMAT, "node_types.b: is not an object" },
    { "node_types/b/count", NULL, SN_E_FORMAT, "node_types.b: 'count' is missing" },
    { "node_types/b/count", "-1", SN_E_FORMAT, "node_types.b: 'count' is -1" },
    { "node_types/b/count", "3.0", SN_E_FORMAT, "node_types.b: 'count' is a real number" },
    { "node_types/b/count", "\"3\"", SN_E_FORMAT, "node_types.b: 'count' is a string" },
    { "node_types/b/count", "4611686018427387904", SN_E_FORMAT,
      "node_types.b: 'count' is 4611686" },
    { "node_types/a/x", "5", SN_E_FORMAT,
      "node_types.a: 'x' is neither a file name nor an object" },
    { "node_types/a/x/file", NULL, SN_E_FORMAT, "node_types.a.x: 'file' is missing" },
    { "node_types/a/x/file", "\"\"", SN_E_FORMAT, "node_types.a.x: 'file' is an empty file name" },
    { "node_types/a/x/file", "\"gone.npy\"", SN_E_SYSTEM, "gone.npy: " },
    { "node_types/a/x/file", "\"/none/gone.npy\"", SN_E_SYSTEM, "/none/gone.npy: " },
    { "node_types/a/x/file", "\".\"", SN_E_SYSTEM, "/.: " },
    { "node_types/a/x/rows", "[0]", SN_E_FORMAT, "node_types.a.x: 'rows' is not [begin, end]" },
    { "node_types/a/x/rows", "[0, 4.0]", SN_E_FORMAT, "node_types.a.x: 'rows' is not" },
    { "node_types/a/x/rows", "[2, 1]", SN_E_FORMAT, "node_types.a.x: 'rows' is [2, 1]" },
    { "node_types/a/x/rows", "[-1, 3]", SN_E_FORMAT, "node_types.a.x: 'rows' is [-1, 3]" },
    { "node_types/a/x/rows", "\"all\"", SN_E_FORMAT, "node_types.a.x: 'rows' is a string" },
    { "node_types/a/x/rows", "[0, 3]", SN_E_FORMAT,
      "x.npy: x of node type 'a': 3 rows, expected 4" },
    { "node_types/a/x/rows", "[1, 5]", SN_E_FORMAT, "x.npy: x of node type 'a': rows [1, 5) of 4" },
    { "node_types/a/x/convert", "\"float\"", SN_E_FORMAT, "node_types.a.x: 'convert' is 'float'" },
    { "node_types/a/x/convert", "\"bfloat16\"", SN_E_FORMAT, "'convert' is 'bfloat16'" },
    { "node_types/a/x/convert", "32", SN_E_FORMAT, "node_types.a.x: 'convert' is an integer" },
    { "node_types/a/x/scale", "\"1\"", SN_E_FORMAT, "node_types.a.x: 'scale' is a string" },
    { "node_types/a/y/rows", "[0, 5]", SN_E_FORMAT,
      "y.npy: y of node type 'a': 5 rows, expected 4" },
    { "node_types/a/y/convert", "\"uint8\"", SN_E_RANGE,
      "y.npy: y of node type 'a': row 4: -1 does not fit uint8" },
    { "node_types/a/y", "\"gone.npy\"", SN_E_SYSTEM, "gone.npy: " },
    { "node_types/a/names", "\"gone.txt\"", SN_E_SYSTEM, "gone.txt: " },
    { "node_types/a/names", "[]", SN_E_FORMAT, "node_types.a: 'names' is an array" },
    { "node_types/a/times", "\"gone.npy\"", SN_E_SYSTEM, "gone.npy: " },
    { "node_types/a/times", "{\"file\": \"node_times.npy\", \"convert\": \"int32\"}", SN_E_FORMAT,
      "times of node type 'a': 'convert' is int32, they are kept as int64" },
    { "node_types/a/splits", "[]", SN_E_FORMAT, "node_types.a: 'splits' is an array" },
    { "node_types/a/splits/train", "[0, 1]", SN_E_FORMAT, "a.splits: 'train' is an array" },
    { "node_types/a/splits/val", "\"gone.npy\"", SN_E_SYSTEM, "gone.npy: " },
    { "node_types/a/splits/val", "\"train.npy\"", SN_E_INVALID,
      "train.npy: val split of node type 'a': id 0 at 0 is in split 'train' too" },
    { "node_types/a/splits/test", "\"val.npy\"", SN_E_INVALID, "id 1 at 0 is in split 'val' too" },
    { "edge_types", NULL, SN_E_FORMAT, "m.json: 'edge_types' is missing" },
    { "edge_types", "[]", SN_E_FORMAT, "m.json: 'edge_types' is empty" },
    { "edge_types", "{}", SN_E_FORMAT, "m.json: 'edge_types' is an object" },
    { "edge_types/1", "\"s\"", SN_E_FORMAT, "m.json: edge_types[1]: is not an object" },
    { "edge_types/1/type", NULL, SN_E_FORMAT, "edge_types[1]: 'type' is missing" },
    { "edge_types/1/type", "\"a s b\"", SN_E_FORMAT, "edge_types[1]: 'type' is a string" },
    { "edge_types/1/type", "[\"a\", \"b\"]", SN_E_FORMAT, "edge_types[1]: 'type' is not [source" },
    { "edge_types/1/type", "[\"a\", 1, \"b\"]", SN_E_FORMAT,
      "edge_types[1]: 'type' is not [source" },
    { "edge_types/1/type/2", "\"c\"", SN_E_FORMAT,
      "edge_types[1]: 'type' has the unknown node type 'c'" },
    { "edge_types/1/type/0", "\"A\"", SN_E_FORMAT,
      "edge_types[1]: 'type' has the unknown node type 'A'" },
    { "edge_types/1/type/1", "\"s__t\"", SN_E_FORMAT, "edge_types[1]: type name 's__t'" },
    { "edge_types/1/type/1", "\"\"", SN_E_FORMAT, "edge_types[1]: type name ''" },
    { "edge_types/1/type", "[\"a\", \"r\", \"a\"]", SN_E_FORMAT,
      "edge_types[1]: edge type 'a__r__a' is there twice" },
    { "edge_types/1/files", NULL, SN_E_FORMAT, "edge_types[1]: 'files' is missing" },
    { "edge_types/1/files", "\"f.npy\"", SN_E_FORMAT, "edge_types[1]: 'files' is a string" },
    { "edge_types/1/files/0", "7", SN_E_FORMAT,
      "edge_types[1]: 'files' has something that is no string at 0" },
    { "edge_types/1/files/0", "\"\"", SN_E_FORMAT, "edge_types[1]: 'files' is an empty file name" },
    { "edge_types/0/files/1", "\"gone.npy\"", SN_E_SYSTEM, "gone.npy: " },
    { "edge_types/0/undirected", "1", SN_E_FORMAT, "edge_types[0]: 'undirected' is an integer" },
    { "edge_types/1/undirected", "true", SN_E_FORMAT,
      "edge_types[1]: 'undirected' between two node types" },
    { "edge_types/0/deduplicate", "\"yes\"", SN_E_FORMAT,
      "edge_types[0]: 'deduplicate' is a string" },
    { "edge_types/0/weights", "\"gone.npy\"", SN_E_SYSTEM, "gone.npy: " },
    { "edge_types/0/weights", "[1, 2]", SN_E_FORMAT, "edge_types[0]: 'weights' is neither" },
    { "edge_types/0/weights", "{\"file\": \"w.npy\", \"scale\": -1}", SN_E_RANGE,
      "w.npy: weights of edge type 'a__r__a': row 0: 1 times -1 is negative" },
    { "edge_types/0/weights", "{\"file\": \"w.npy\", \"scale\": 1e39}", SN_E_RANGE,
      "row 0: 1 times 9.9999999999999994e+38 does not fit float32" },
    { "edge_types/0/times", "\"w.npy\"", SN_E_FORMAT,
      "w.npy: times of edge type 'a__r__a': is float32" },
    { "edge_types/0/x", "\"x.npy\"", SN_E_FORMAT,
      "x.npy: x of edge type 'a__r__a': 4 rows, expected 7" },
    { "edge_types/0/x", "{}", SN_E_FORMAT, "edge_types[0].x: 'file' is missing" },
    { "links", "[]", SN_E_FORMAT, "m.json: 'links' is an array" },
    { "links/val_pos", "3", SN_E_FORMAT, "links: 'val_pos' is an integer" },
    { "links/val_pos", "\"gone.npy\"", SN_E_SYSTEM, "gone.npy: " },
    { "links/val_pos", "\"x.npy\"", SN_E_FORMAT, "x.npy: links 'val_pos': has shape (4, 2)" },
    { "links/val_pos", "\"w.npy\"", SN_E_FORMAT,
      "w.npy: links 'val_pos': is float32, expected integers" },
};
enum { MANIFEST_FAULTS = sizeof manifest_faults / sizeof manifest_faults[0] };

START_TEST(manifest_with_a_fault_is_refused_by_place_and_value)
{
    save_good();
    for (int i = 0; i < MANIFEST_FAULTS; i++) {
        edit(manifest_faults[i].place, manifest_faults[i].text);
        import_fails(manifest_faults[i].status, manifest_faults[i].detail);
    }
}
END_TEST

static const struct {
    const char *text, *detail;
} text_faults[] = {
    { "", "m.json: line 1" },
    { "[]", "m.json: not a JSON object" },
    { "{\"format\": \"seine-import-1\",", "m.json: line 1" },
    { "{\n\"format\": \"a\",\n\"format\": \"b\"}", "m.json: line 3: duplicate" },
    { "{\"format\": \"seine-import-1\", \"unlabelled\": 9223372036854775808}",
      "m.json: line 1: too big" },
    { "{\"format\": 1e400}", "m.json: line 1: real number overflow" },
    { "PK\x03\x04", "m.json: line 1" },
    { "{\"format\": \"\xff\"}", "m.json: line 1: unable to decode byte 0xff" },
};

START_TEST(manifest_that_is_no_json_is_refused_by_line)
{
    save_good();
    for (size_t i = 0; i < sizeof text_faults / sizeof text_faults[0]; i++) {
        put_text(in_folder("m.json"), text_faults[i].text);
        import_fails(SN_E_FORMAT, text_faults[i].detail);
    }
    put_file(in_folder("m.json"), "{}\0{}", 5);
    import_fails(SN_E_FORMAT, "m.json: ");
    remove_tree(in_folder("m.json"));
    import_fails(SN_E_SYSTEM, "m.json: ");
    make_dir(in_folder("m.json"));
    import_fails(SN_E_SYSTEM, "m.json: ");
}
END_TEST

/* -- Faults of the files ----------------------------------------------------------------------- */

/* Eight bytes of any type, as many as a case needs. */
static const union {
    float f[14];
    double d[14];
    int64_t i[14];
    int32_t n[28];
    int8_t b[112];
} zeros;

static const float not_a_number[] = { 0, 1, 2, NAN, 4, 5, 6 };
static const float negative[] = { 0, 1, 2, 3, 4, 5, -0.25f };
static const double infinite[] = { 0, 1, INFINITY, 3, 4, 5, 6 };
static const int32_t beyond[] = { 0, 1, 2, 3, 3, 1, 2, 4, 0, 3 };
static const int64_t below[] = { 0, -7, 2, 2 };
static const int32_t far_off[] = { 0, 1, 3, 2, 3, 0 };
static const int32_t twice[] = { 3, 3 };
static const int32_t outside[] = { 0, 4 };
static const uint64_t enormous[] = { 0, UINT64_MAX };
static const int32_t bad_link[] = { 0, 1, 2, 4 };
static const uint64_t late[] = { 0, 1, 2, (uint64_t)INT64_MAX + 1 };

static const struct {
    const char *file, *dtype;
    int64_t n0, n1;
    const void *data;
    sn_status status;
    const char *detail;
} file_faults[] = {
    { "x.npy", "int8", 3, 2, &zeros, SN_E_FORMAT, "x.npy: x of node type 'a': 3 rows, expected 4" },
    { "x.npy", "complex64", 4, 2, &zeros, SN_E_FORMAT,
      "is complex64, cannot be converted to float32" },
    { "node_times.npy", "float64", 4, -1, &zeros, SN_E_FORMAT,
      "node_times.npy: times of node type 'a'" },
    { "node_times.npy", "int64", 4, 1, &zeros, SN_E_FORMAT,
      "has shape (4, 1), expected one dimension" },
    { "node_times.npy", "uint64", 4, -1, late, SN_E_RANGE,
      "node_times.npy: times of node type 'a': row 3: 9223372036854775808 does not fit int64" },
    { "train.npy", "float32", 2, -1, &zeros, SN_E_FORMAT,
      "train.npy: train split of node type 'a'" },
    { "train.npy", "bool", 2, -1, &zeros, SN_E_FORMAT, "is bool, expected integers" },
    { "train.npy", "int32", 1, 2, &zeros, SN_E_FORMAT,
      "train.npy: train split of node type 'a': has shape" },
    { "train.npy", "int32", 2, -1, twice, SN_E_INVALID, "id 3 is there twice, again at 1" },
    { "train.npy", "int32", 2, -1, outside, SN_E_RANGE, "id 4 at 1 is outside [0, 4)" },
    { "train.npy", "uint64", 2, -1, enormous, SN_E_RANGE,
      "id 18446744073709551615 at 1 is outside [0, 4)" },
    { "val.npy", "int32", 2, -1, train, SN_E_INVALID,
      "val.npy: val split of node type 'a': id 0 at 0 is in" },
    { "e0.npy", "float32", 2, 5, &zeros, SN_E_FORMAT,
      "e0.npy: edges are float32, expected int32 or int64" },
    { "e0.npy", "int16", 2, 5, &zeros, SN_E_FORMAT, "e0.npy: edges are int16" },
    { "e0.npy", "uint64", 2, 5, &zeros, SN_E_FORMAT, "e0.npy: edges are uint64" },
    { "e0.npy", "int32", 5, 2, &zeros, SN_E_FORMAT, "e0.npy: edges have shape (5, 2)" },
    { "e0.npy", "int32", 10, -1, &zeros, SN_E_FORMAT, "e0.npy: edges have shape (10,)" },
    { "e0.npy", "int32", 2, 4, &zeros, SN_E_FORMAT, "7 rows, expected 6" },
    { "e0.npy", "int32", 2, 5, beyond, SN_E_RANGE,
      "e0.npy: row 1, column 2: destination 4 is outside [0, 4) of node type 'a'" },
    { "e1.npy", "int64", 2, 2, below, SN_E_RANGE,
      "e1.npy: row 0, column 1: source -7 is negative" },
    { "f.npy", "int32", 2, 3, far_off, SN_E_RANGE,
      "f.npy: row 1, column 1: destination 3 is outside [0, 3) of node type 'b'" },
    { "w.npy", "float32", 6, -1, &zeros, SN_E_FORMAT,
      "w.npy: weights of edge type 'a__r__a': 6 rows" },
    { "w.npy", "float32", 7, 1, &zeros, SN_E_FORMAT,
      "w.npy: weights of edge type 'a__r__a': has shape" },
    { "w.npy", "complex64", 7, -1, &zeros, SN_E_FORMAT, "is complex64, cannot be converted" },
    { "w.npy", "float32", 7, -1, not_a_number, SN_E_RANGE,
      "w.npy: weights of edge type 'a__r__a': row 3: nan is not a number" },
    { "w.npy", "float32", 7, -1, negative, SN_E_RANGE, "row 6: -0.25 is negative" },
    { "w.npy", "float64", 7, -1, infinite, SN_E_RANGE, "row 2: inf is infinite" },
    { "t.npy", "float32", 7, -1, &zeros, SN_E_FORMAT,
      "t.npy: times of edge type 'a__r__a': is float32" },
    { "t.npy", "int64", 8, -1, &zeros, SN_E_FORMAT,
      "t.npy: times of edge type 'a__r__a': 8 rows, expected 7" },
    { "ex.npy", "float32", 14, -1, &zeros, SN_E_FORMAT,
      "ex.npy: x of edge type 'a__r__a': 14 rows" },
    { "l.npy", "int32", 2, 2, bad_link, SN_E_RANGE,
      "l.npy: links 'val_pos': row 1, column 1: id 4 is outside" },
    { "l.npy", "int32", 4, 1, l, SN_E_FORMAT, "l.npy: links 'val_pos': has shape (4, 1)" },
    { "c.npy", "int32", 2, -1, outside, SN_E_RANGE,
      "c.npy: links 'candidates': row 0, column 1: id 4" },
};
enum { FILE_FAULTS = sizeof file_faults / sizeof file_faults[0] };

START_TEST(files_with_a_fault_are_refused_by_name_and_place)
{
    for (int i = 0; i < FILE_FAULTS; i++) {
        save_good();
        save_array(in_folder("%s", file_faults[i].file), file_faults[i].dtype, file_faults[i].n0,
                   file_faults[i].n1, file_faults[i].data);
        import_fails(file_faults[i].status, file_faults[i].detail);
    }
}
END_TEST

static void put_number(const char *path, double value)
{
    sn_tensor scalar = { &value, { SN_FLOAT, 64 }, 0, { 1, 1, 1, 1 } };
    ck_ok(sn_tensor_save(&scalar, path));
}

START_TEST(files_of_another_kind_are_refused_by_name)
{
    static const char *const files[] = { "x.npy",   "y.npy",    "node_times.npy", "train.npy",
                                         "val.npy", "test.npy", "e0.npy",         "e1.npy",
                                         "f.npy",   "w.npy",    "t.npy",          "ex.npy",
                                         "l.npy",   "c.npy" };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s: ", files[i]);
        save_good();
        put_text(in_folder("%s", files[i]), "PK\x03\x04 and the rest of an archive");
        import_fails(SN_E_FORMAT, name);
        put_text(in_folder("%s", files[i]), "");
        import_fails(SN_E_FORMAT, name);
        put_number(in_folder("%s", files[i]), 3); /* no dimension */
        import_fails(SN_E_FORMAT, name);
        size_t bytes;
        save_good();
        char *data = get_file(in_folder("%s", files[i]), &bytes);
        put_file(in_folder("%s", files[i]), data, bytes - 1);
        free(data);
        import_fails(SN_E_FORMAT, name);
        remove_tree(in_folder("%s", files[i]));
        make_dir(in_folder("%s", files[i]));
        import_fails(SN_E_SYSTEM, name);
        remove_tree(in_folder("%s", files[i]));
    }
}
END_TEST

START_TEST(names_with_another_number_of_lines_are_refused)
{
    static const struct {
        const char *text, *lines;
    } cases[] = { { "", "0 lines" },
                  { "a\nb\nc\n", "3 lines" },
                  { "a\nb\nc\nd\n\n", "5 lines" },
                  { "a\nb\nc\nd\ne", "5 lines" } };
    for (size_t i = 0; i < 4; i++) {
        save_good();
        put_text(in_folder("names.txt"), cases[i].text);
        import_fails(SN_E_FORMAT, "names.txt: names of node type 'a': ");
        import_fails(SN_E_FORMAT, cases[i].lines);
    }
}
END_TEST

START_TEST(count_that_no_disk_holds_is_refused_and_leaves_nothing)
{
    save_good();
    edit("node_types/b/count", "4611686018427387903");
    import_fails(SN_E_INVALID, "edge1.csc.indptr.npy: impossible shape");
}
END_TEST

/* -- Where the output goes --------------------------------------------------------------------- */

START_TEST(output_that_is_something_else_is_left_alone)
{
    save_good();
    put_text(in_folder("file"), "mine");
    ck_fails(sn_import_manifest(in_folder("m.json"), in_folder("file"), NULL), SN_E_EXISTS, "file");
    make_dir(in_folder("full"));
    put_text(in_folder("full/mine"), "mine");
    ck_fails(sn_import_manifest(in_folder("m.json"), in_folder("full"), NULL), SN_E_EXISTS, "full");
    ck_assert_str_eq(list_dir(in_folder("full")), "mine");
    ck_fails(sn_import_manifest(in_folder("m.json"), in_folder("no/such/out"), NULL), SN_E_SYSTEM,
             "no/such/out");
    make_dir(in_folder("empty"));
    ck_ok(sn_import_manifest(in_folder("m.json"), in_folder("empty"), NULL));
    check_nothing_left();
}
END_TEST

START_TEST(failed_import_over_a_dataset_leaves_the_old_one)
{
    save_good();
    ck_ok(sn_import_manifest(in_folder("m.json"), in_folder("set"), NULL));
    save_array(in_folder("c.npy"), "int32", 2, -1, outside);
    ck_fails(sn_import_manifest(in_folder("m.json"), in_folder("set"), NULL), SN_E_RANGE, "c.npy");
    sn_dataset_release(open_verified(in_folder("set")));
    check_nothing_left();
}
END_TEST

/* -- What is information ----------------------------------------------------------------------- */

static char logged[4096];

static void keep_log(void *context, sn_log_level level, const char *line)
{
    (void)context;
    ck_assert_int_eq(level, SN_LOG_WARN);
    ck_assert_uint_lt(strlen(logged) + strlen(line) + 2, sizeof logged);
    strcat(logged, line);
    strcat(logged, "\n");
}

START_TEST(unknown_keys_are_kept_as_information_and_slips_are_told)
{
    static const struct {
        const char *place, *logged, *meta;
    } cases[] = {
        { "licence", NULL, "\"licence\": \"kept\"" },
        { "node_types/b/note", NULL, "\"note\": \"kept\"" },
        { "node_types/b/time", "node_types.b: 'time' is kept as information; was 'times' meant?",
          "\"time\": \"kept\"" },
        { "node_types/b/X", "'X' is kept as information; was 'x' meant?", "\"X\": \"kept\"" },
        { "node_types/a/splits/valid", "node_types.a.splits: 'valid' is kept as information",
          "\"valid\": \"kept\"" },
        { "node_types/a/x/row", "node_types.a.x: 'row' is kept as information; was 'rows' meant?",
          "\"row\": \"kept\"" },
        { "edge_types/1/undirectd",
          "edge_types[1]: 'undirectd' is kept as information; was 'undirected'",
          "\"undirectd\": \"kept\"" },
        { "edge_types/1/wieghts", "was 'weights' meant?", "\"wieghts\": \"kept\"" },
        { "node_types/b/tiems", "was 'times' meant?", "\"tiems\": \"kept\"" },
        { "node_types/b/items", NULL, "\"items\": \"kept\"" },
        { "node_types/b/splat", "was 'splits' meant?", "\"splat\": \"kept\"" },
        { "node_types/b/spats_", NULL, "\"spats_\": \"kept\"" },
        { "edge_types/1/comment", NULL, "\"comment\": \"kept\"" },
        { "link", "m.json: 'link' is kept as information; was 'links' meant?",
          "\"link\": \"kept\"" },
    };
    save_good();
    sn_log_set_sink(keep_log, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        logged[0] = '\0';
        edit(cases[i].place, "\"kept\"");
        ck_ok(sn_import_manifest(in_folder("m.json"), in_folder("out"), NULL));
        if (cases[i].logged == NULL)
            ck_assert_str_eq(logged, "");
        else
            ck_assert_msg(strstr(logged, cases[i].logged) != NULL, "%s: '%s'", cases[i].place,
                          logged);
        sn_dataset *dataset = open_verified(in_folder("out"));
        const char *info = strstr(sn_dataset_meta(dataset), "\"info\"");
        ck_assert_ptr_nonnull(info);
        ck_assert_ptr_nonnull(strstr(info, cases[i].meta));
        ck_assert_ptr_nonnull(strstr(info, "\"about\": \"a test\""));
        sn_dataset_release(dataset);
    }
    sn_log_set_sink(NULL, NULL);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("faults");
    tcase_set_timeout(cases, 100);
    tcase_add_test(cases, manifest_without_a_fault_imports);
    tcase_add_test(cases, manifest_with_a_fault_is_refused_by_place_and_value);
    tcase_add_test(cases, manifest_that_is_no_json_is_refused_by_line);
    tcase_add_test(cases, files_with_a_fault_are_refused_by_name_and_place);
    tcase_add_test(cases, files_of_another_kind_are_refused_by_name);
    tcase_add_test(cases, names_with_another_number_of_lines_are_refused);
    tcase_add_test(cases, count_that_no_disk_holds_is_refused_and_leaves_nothing);
    tcase_add_test(cases, output_that_is_something_else_is_left_alone);
    tcase_add_test(cases, failed_import_over_a_dataset_leaves_the_old_one);
    tcase_add_test(cases, unknown_keys_are_kept_as_information_and_slips_are_told);
    return run_in_folder("faults of imports", cases);
}
