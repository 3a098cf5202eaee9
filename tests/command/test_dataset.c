/* SPDX-License-Identifier: Apache-2.0 */
/* Datasets that are no good, under every command that opens one: members of META.json with what
 * is wrong there, arrays whose content only a full check sees, and what training needs and may
 * lack. (test_broken_json.c breaks META.json and the arrays in the ways in which any can be
 * broken.) */
#include "base/run.h"

#include "command/small.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void put_dataset(void)
{
    copy_folder(shared_path("ring"), "d");
}

/* -- META.json --------------------------------------------------------------------------------- */

/* Commands that open the directory d, in turn: whatever is wrong, each of them says the same. */
static const char *const openers[] = {
    "inspect d",      "sample d --fanout 2 --features",    "sample d --load memory",
    "train d --json", "bench sample --dataset d --runs 1", "inspect d --json",
};
enum { OPENERS = sizeof openers / sizeof openers[0] };

typedef struct row {
    const char *path;  /* of the member */
    const char *value; /* what it becomes, ' for "; NULL: it is removed */
    const char *names; /* beside META.json, or alone where it begins with '!' */
} row;

#define NODE   "node_types/0"
#define X      "node_types/0/arrays/x"
#define EDGE   "edge_types/0"
#define HEX_31 "0123456789abcdef0123456789abcde"

static const row rows[] = {
    { "format", NULL, "format" },
    { "format", "'seine-import-1'", "seine-import-1" },
    { "format", "''", "format" },
    { "format", "7", "format" },
    { "version", NULL, "version" },
    { "version", "0", "version" },
    { "version", "2", "version|2" },
    { "version", "-1", "version|-1" },
    { "version", "'1'", "version" },
    { "version", "1.0", "version" },
    { "fingerprint", NULL, "fingerprint" },
    { "fingerprint", "''", "fingerprint" },
    { "fingerprint", "'" HEX_31 "'", "fingerprint" },
    { "fingerprint", "'" HEX_31 "F'", "fingerprint" },
    { "fingerprint", "'" HEX_31 "f'", "fingerprint|" HEX_31 "f" },
    { "fingerprint", "5", "fingerprint" },
    { "unlabelled", "'none'", "unlabelled" },
    { "unlabelled", "1.5", "unlabelled" },
    { "info", "[]", "info" },
    { "node_types", NULL, "node_types" },
    { "node_types", "{}", "node_types" },
    { "node_types", "'node'", "node_types" },
    { "node_types", "[]", "" },
    { NODE, "5", "node_types[0]" },
    { NODE, "[]", "node_types[0]" },
    { NODE "/name", NULL, "node_types[0]|name" },
    { NODE "/name", "5", "node_types[0]|name" },
    { NODE "/name", "''", "node_types[0]" },
    { NODE "/name", "'a__b'", "node_types[0]|a__b" },
    { NODE "/name", "'other'", "node_types[0]|other" },
    { NODE "/name", "'paper'", "node" },
    { NODE "/count", NULL, "node_types[0]|count" },
    { NODE "/count", "'12'", "node_types[0]|count" },
    { NODE "/count", "12.0", "node_types[0]|count" },
    { NODE "/count", "-1", "node_types[0]|count|-1" },
    { NODE "/count", "4611686018427387904", "node_types[0]|count|4611686018427387904" },
    { NODE "/count", "11", "fingerprint" },
    { NODE "/count", "13", "fingerprint" },
    { NODE "/arrays", NULL, "node_types[0]|arrays" },
    { NODE "/arrays", "[]", "node_types[0]|arrays" },
    { NODE "/arrays/z", "{}", "node_types[0]|arrays|z" },
    { NODE "/arrays/csr.indptr", "{}", "node_types[0]|arrays|csr.indptr" },
    { X, NULL, "fingerprint" },
    { X, "5", "node_types[0].arrays.x" },
    { X, "'node0.x.npy'", "node_types[0].arrays.x" },
    { X "/file", NULL, "node_types[0].arrays.x|file" },
    { X "/file", "5", "node_types[0].arrays.x|file" },
    { X "/file", "''", "node_types[0].arrays.x|file" },
    { X "/file", "'.'", "node_types[0].arrays.x|file" },
    { X "/file", "'..'", "node_types[0].arrays.x|file" },
    { X "/file", "'../d/node0.x.npy'", "node_types[0].arrays.x|../d/node0.x.npy" },
    { X "/file", "'/etc/passwd'", "node_types[0].arrays.x|/etc/passwd" },
    { X "/file", "'nosuch.npy'", "!d/nosuch.npy" },
    { X "/file", "'META.json'", "!d/META.json" },
    { X "/file", "'node0.y.npy'", "!d/node0.y.npy" },
    { X "/dtype", NULL, "node_types[0].arrays.x|dtype" },
    { X "/dtype", "5", "node_types[0].arrays.x|dtype" },
    { X "/dtype", "'float31'", "node_types[0].arrays.x|dtype|float31" },
    { X "/dtype", "'int32'", "!d/node0.x.npy|float32|int32" },
    { X "/shape", NULL, "node_types[0].arrays.x|shape" },
    { X "/shape", "12", "node_types[0].arrays.x|shape" },
    { X "/shape", "['a', 3]", "node_types[0].arrays.x|shape" },
    { X "/shape", "[-12, 3]", "node_types[0].arrays.x|shape" },
    { X "/shape", "[12.0, 3]", "node_types[0].arrays.x|shape" },
    { X "/shape", "[1, 1, 1, 1, 1]", "node_types[0].arrays.x|shape" },
    { X "/shape", "[9223372036854775807, 3]", "node_types[0].arrays.x|shape" },
    { X "/shape", "[3, 12]", "!d/node0.x.npy|(3, 12)|(12, 3)" },
    { X "/shape", "[36]", "!d/node0.x.npy|(36,)" },
    { X "/shape", "[]", "!d/node0.x.npy|()" },
    { X "/hash", NULL, "node_types[0].arrays.x|hash" },
    { X "/hash", "5", "node_types[0].arrays.x|hash" },
    { X "/hash", "'" HEX_31 "'", "node_types[0].arrays.x|hash" },
    { X "/hash", "'" HEX_31 "f'", "fingerprint" },
    { "edge_types", NULL, "edge_types" },
    { "edge_types", "{}", "edge_types" },
    { "edge_types", "[]", "" },
    { EDGE, "null", "edge_types[0]" },
    { EDGE "/type", NULL, "edge_types[0]|type" },
    { EDGE "/type", "'node__to__node'", "edge_types[0]|type" },
    { EDGE "/type", "['node', 'to']", "edge_types[0]|type" },
    { EDGE "/type/0", "'paper'", "edge_types[0]|paper" },
    { EDGE "/type/2", "'paper'", "edge_types[0]|paper" },
    { EDGE "/type/1", "5", "edge_types[0]|type" },
    { EDGE "/type/1", "'a__b'", "edge_types[0]|a__b" },
    { EDGE "/type/1", "'too'", "fingerprint" },
    { EDGE "/count", NULL, "edge_types[0]|count" },
    { EDGE "/count", "-1", "edge_types[0]|count" },
    { EDGE "/count", "23", "fingerprint" },
    { EDGE "/arrays", "{}", "fingerprint" },
    { EDGE "/arrays/x.y", "{}", "edge_types[0]|x.y" },
    { EDGE "/arrays/csr.indptr/file", "'edge0.csc.indices.npy'", "!d/edge0.csc.indices.npy" },
    { EDGE "/arrays/weights", NULL, "fingerprint" },
    { EDGE "/arrays/weights/file", "'edge0.times.npy'", "!d/edge0.times.npy" },
    { "links", "[]", "links" },
    { "links/val_pos", "5", "links|val_pos" },
    { "links/val_pos/file", "'nosuch.npy'", "!d/nosuch.npy" },
    { "links/more", "{}", "links|more" },
    { "links", NULL, "fingerprint" },
};
enum { ROWS = sizeof rows / sizeof rows[0] };

START_TEST(meta_member_that_is_wrong_is_named_by_all)
{
    const row *tried = &rows[_i];
    const char *line = openers[_i % OPENERS];
    char names[256], what[512];
    put_dataset();
    json_t *meta = json_load_file("d/META.json", 0, NULL);
    ck_assert_ptr_nonnull(meta);
    json_change(meta, tried->path, tried->value != NULL ? json_of(tried->value) : NULL);
    put_json("d/META.json", meta);
    json_decref(meta);
    bool alone = tried->names[0] == '!';
    snprintf(names, sizeof names, "%s%s", alone ? "" : "d/META.json|", tried->names + alone);
    snprintf(what, sizeof what, "%s: %s is %s", line, tried->path,
             tried->value ? tried->value : "missing");
    refuse_line(line, 1, names, what);
}
END_TEST

START_TEST(file_of_a_dataset_that_may_not_be_read_is_named)
{
    static const char *const files[] = { "d/META.json", "d/node0.x.npy",
                                         "d/edge0.csc.indices.npy" };
    put_dataset();
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        for (int k = 0; k < OPENERS; k++) {
            char names[128];
            snprintf(names, sizeof names, "%s|Permission denied", files[i]);
            ck_assert_int_eq(chmod(files[i], 0), 0);
            refuse_line(openers[k], 1, names, openers[k]);
            ck_assert_int_eq(chmod(files[i], 0600), 0);
        }
}
END_TEST

/* -- Content ----------------------------------------------------------------------------------- */

/* Overwrites the third element behind the first. */
static void put_element(const char *array, size_t width, int64_t value)
{
    char file[64];
    size_t bytes;
    snprintf(file, sizeof file, "d/%s", array);
    char *data = get_file(file, &bytes);
    memcpy(data + 128 + 3 * width, &value, width); /* little-endian */
    put_bytes(file, data, bytes);
    free(data);
}

static void put_fourth(const char *array, int64_t value)
{
    put_element(array, strstr(array, "indices") != NULL ? 4 : 8, value);
}

static void expect_done_or_one_line(const char *line, const char *what)
{
    outcome of = run_line(line, NULL);
    ck_assert_msg(of.code == 0 || of.code == 1, "%s: exit code %d: %s", what, of.code, of.err);
    if (of.code == 1)
        ck_assert_msg(strncmp(of.err, "seine: ", 7) == 0 && count_lines(of.err) == 1,
                      "%s: not one line: %s", what, of.err);
    outcome_free(&of);
}

/* Row pointers, neighbours and edge ids of any value may lie in a file: commands that read them
 * end in one line that names the dataset, or in what the rest of it gives, but never in a crash. */
START_TEST(adjacency_of_any_values_does_not_crash_a_reader)
{
    static const char *const lines[] = {
        "sample d --fanout 3,3 --features --with-edge --labels all --format json",
        "sample d --fanout -1,-1 --edge-dir in --format none",
        "sample d --fanout 20 --replace --load memory",
        "sample d --links all --neg binary:2 --remove-links --format none",
        "sample d --links all --neg triplet:2 --neg-by-degree --non-strict --edge-dir in",
        "sample d --subgraph --fanout 2 --with-edge --format json",
        "sample d --subgraph --input 0,3 --fanout -1 --edge-dir in --format none",
        "train d --json --epochs 1 --fanout 2,2",
        "inspect d",
        "inspect d --verify",
    };
    static const char *const arrays[] = { "edge0.csr.indptr.npy",   "edge0.csr.indices.npy",
                                          "edge0.csr.edge_ids.npy", "edge0.csc.indptr.npy",
                                          "edge0.csc.indices.npy",  "edge0.csc.edge_ids.npy" };
    static const int64_t values[] = { -1,        12,        24,        25,       INT32_MAX,
                                      INT32_MIN, INT64_MAX, INT64_MIN, 1LL << 40 };
    put_dataset();
    put_fourth(arrays[_i % 6], values[_i / 6]);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char what[256];
        snprintf(what, sizeof what, "%s: %s[3] is %lld", lines[i], arrays[_i % 6],
                 (long long)values[_i / 6]);
        expect_done_or_one_line(lines[i], what);
    }
}
END_TEST

/* The same of tables of weights and times. */
START_TEST(tables_of_any_values_do_not_crash_a_reader)
{
    static const char *const lines[] = {
        "sample d --fanout 1,3 --weighted --with-edge --format json",
        "sample d --fanout -1 --weighted --edge-dir in --format none",
        "sample d --fanout 20 --weighted --replace --load memory",
        "sample d --fanout 2,2 --disjoint --temporal uniform --times nodes",
        "sample d --fanout 1,1 --disjoint --temporal last --times edges --links all",
        "sample d --fanout 1 --disjoint --temporal uniform --weighted --times edges --links all",
        "sample d --fanout 1 --disjoint --temporal uniform --weighted --times nodes --edge-dir in",
        "inspect d",
    };
    static const char *const tables[] = { "weight_sums",          "time_order",      "times",
                                          "time_weight_sums",     "node_time_order", "node_times",
                                          "node_time_weight_sums" };
    static const int64_t values[] = { -1,        0,         1,         2,         INT32_MAX,
                                      INT32_MIN, INT64_MAX, INT64_MIN, 1LL << 40, 0x1234567890LL };
    const char *table = tables[_i % 7];
    char array[60], file[64], what[256];
    snprintf(array, sizeof array, "edge0.%s.%s.npy", _i / 7 % 2 == 0 ? "csr" : "csc", table);
    bool wide = strcmp(table, "times") == 0 || strcmp(table, "node_times") == 0;
    put_dataset();
    snprintf(file, sizeof file, "d/%s", array);
    char *before = get_file(file, NULL);
    put_element(array, wide || strcmp(table, "weight_sums") == 0 ? 8 : 4, values[_i / 14]);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        snprintf(what, sizeof what, "%s: %s[3] is %lld", lines[i], array,
                 (long long)values[_i / 14]);
        expect_done_or_one_line(lines[i], what);
    }
    size_t bytes;
    char *after = get_file(file, &bytes);
    if (memcmp(before, after, bytes) != 0)
        expect_named(run_line("inspect d --verify", NULL), 1, file, "--verify");
    free(before);
    free(after);
}
END_TEST

/* As one that was written before there were tables: what needs them says what to do. */
START_TEST(dataset_without_tables_is_to_be_imported_again)
{
    put_dataset();
    json_t *meta = json_load_file("d/META.json", 0, NULL);
    ck_assert_ptr_nonnull(meta);
    json_change(meta, EDGE "/arrays/csr.weight_sums", NULL);
    json_change(meta, EDGE "/arrays/csr.node_time_order", NULL);
    put_json("d/META.json", meta);
    json_decref(meta);
    expect_done(run_line("inspect d --verify", NULL));
    expect_done(run_line("sample d --fanout 2 --format none", NULL));
    expect_done(run_line("sample d --fanout 2 --weighted --edge-dir in --format none", NULL));
    expect_named(run_line("sample d --fanout 2 --weighted", NULL), 1,
                 "node__to__node|weights|import it again", "weights");
    expect_named(run_line("sample d --fanout 2 --disjoint --temporal last --times nodes", NULL), 1,
                 "node__to__node|times|import it again", "times");
}
END_TEST

START_TEST(rows_that_fall_are_named)
{
    put_dataset();
    put_fourth("edge0.csc.indptr.npy", 3); /* 4 is before it */
    expect_named(run_line("inspect d", NULL), 1, "d|csc.indptr|node__to__node|row 2", "inspect");
    expect_named(run_line("inspect d --verify", NULL), 1, "d/edge0.csc.indptr.npy", "--verify");
    expect_named(run_line("sample d --edge-dir in --format none", NULL), 1, "node 2", "sample");
}
END_TEST

/* What links stand on, and opening does not look at. */
START_TEST(rows_that_do_not_ascend_are_named)
{
    put_dataset();
    put_fourth("edge0.csr.indices.npy", 1); /* behind 2 */
    expect_named(run_line("sample d --links val_pos --neg binary:1", NULL), 1,
                 "val_pos|node__to__node|row 1|ascend|position 3", "strict");
    expect_done(run_line("sample d --links val_pos --neg binary:1 --non-strict", NULL));
}
END_TEST

START_TEST(edge_ids_that_are_there_twice_are_named)
{
    put_dataset();
    put_fourth("edge0.csr.edge_ids.npy", 2);
    expect_named(run_line("sample d --links all", NULL), 1, "node__to__node|edge id 2|position 3",
                 "all edges");
}
END_TEST

/* -- What training needs ----------------------------------------------------------------------- */

typedef struct unfit {
    const char *path; /* changed in the manifest that the dataset is made of */
    const char *value;
    const char *names;
} unfit;

static const unfit unfits[] = {
    { "node_types/node/x", NULL, "features" },
    { "node_types/node/y", NULL, "labels" },
    { "node_types/node/y/convert", "'float32'", "float32" },
    { "node_types/node/y/file", "'x.npy'", "labels" },
    { "node_types/node/y/scale", "-1", "-2" },
    { "node_types/node/splits/train", NULL, "train" },
    { "node_types/node/splits/val", NULL, "val" },
    { "node_types/node/splits/test", NULL, "test" },
    { "node_types/more", "{'count': 1}", "node types" },
};
enum { UNFITS = sizeof unfits / sizeof unfits[0] };

START_TEST(dataset_that_cannot_be_trained_on_is_named)
{
    const unfit *tried = &unfits[_i];
    char names[128];
    put_sources();
    json_t *manifest = json_of(ring_manifest);
    json_change(manifest, tried->path, tried->value != NULL ? json_of(tried->value) : NULL);
    put_json("ring.json", manifest);
    json_decref(manifest);
    free(printed("import --manifest ring.json --out d"));
    snprintf(names, sizeof names, "d|%s", tried->names);
    refuse_line("train d", 1, names, tried->path);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("dataset");
    tcase_set_timeout(cases, 120);
    tcase_add_unchecked_fixture(cases, small_begin, small_end);
    tcase_add_checked_fixture(cases, case_begin, case_end);
    tcase_add_loop_test(cases, meta_member_that_is_wrong_is_named_by_all, 0, ROWS);
    tcase_add_test(cases, file_of_a_dataset_that_may_not_be_read_is_named);
    tcase_add_loop_test(cases, adjacency_of_any_values_does_not_crash_a_reader, 0, 54);
    tcase_add_loop_test(cases, tables_of_any_values_do_not_crash_a_reader, 0, 140);
    tcase_add_test(cases, dataset_without_tables_is_to_be_imported_again);
    tcase_add_test(cases, rows_that_fall_are_named);
    tcase_add_test(cases, rows_that_do_not_ascend_are_named);
    tcase_add_test(cases, edge_ids_that_are_there_twice_are_named);
    tcase_add_loop_test(cases, dataset_that_cannot_be_trained_on_is_named, 0, UNFITS);
    return run_cases("dataset", cases);
}
