/* SPDX-License-Identifier: Apache-2.0 */
/* Opening dataset directories, right and wrong ones. */
#include "data/support/faults.h"
#include "data/support/folder.h"
#include "data/support/sample.h"
#include "engine/data/dataset.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

static void write_sample(void)
{
    sample s = sample_make();
    ck_ok(sample_write(&s, in_folder("ds")));
}

static void ck_tensor(const sn_tensor *view, const char *dtype, int64_t rows, int64_t columns,
                      const void *data)
{
    ck_assert_ptr_nonnull(view);
    ck_assert_str_eq(sn_dtype_name(view->dtype), dtype);
    ck_assert_int_eq(view->ndim, columns > 0 ? 2 : 1);
    ck_assert_int_eq(view->shape[0], rows);
    ck_assert_int_eq(view->shape[1], columns > 0 ? columns : 1);
    ck_assert_mem_eq(view->data, data, (size_t)sn_tensor_bytes(view));
}

static void ck_sample_nodes(const sn_dataset *dataset, const sample *s)
{
    sn_node_info info;
    ck_assert_int_eq(sn_dataset_num_node_types(dataset), 2);
    ck_ok(sn_dataset_node_type(dataset, 0, &info));
    ck_assert_str_eq(info.name, "paper");
    ck_assert_int_eq(info.count, PAPERS);
    ck_tensor(info.x, "float32", PAPERS, 2, s->x);
    ck_tensor(info.y, "int32", PAPERS, 0, s->y);
    ck_tensor(info.times, "int64", PAPERS, 0, s->node_times);
    ck_tensor(info.train, "int64", 2, 0, s->train);
    ck_tensor(info.val, "int64", 1, 0, s->val);
    ck_tensor(info.test, "int32", 1, 0, s->test);
    ck_ok(sn_dataset_node_type(dataset, 1, &info));
    ck_assert_str_eq(info.name, "author");
    ck_assert_int_eq(info.count, AUTHORS);
    ck_assert(info.x == NULL && info.y == NULL && info.times == NULL && info.train == NULL &&
              info.val == NULL && info.test == NULL);
}

static void ck_sample_edges(const sn_dataset *dataset, const sample *s)
{
    sn_edge_info info;
    ck_assert_int_eq(sn_dataset_num_edge_types(dataset), 2);
    ck_ok(sn_dataset_edge_type(dataset, 0, &info));
    ck_assert_str_eq(info.name, "paper__cites__paper");
    ck_assert_str_eq(info.src, "paper");
    ck_assert_str_eq(info.rel, "cites");
    ck_assert_str_eq(info.dst, "paper");
    ck_assert_int_eq(info.count, CITES);
    ck_assert_int_eq(info.csr.rows, PAPERS);
    ck_assert_mem_eq(info.csr.indptr, s->csr_indptr, sizeof s->csr_indptr);
    ck_tensor(&info.csr.indices, "int32", CITES, 0, s->csr_indices);
    ck_assert_mem_eq(info.csr.edge_ids, s->csr_ids, sizeof s->csr_ids);
    ck_assert_mem_eq(info.csc.indptr, s->csc_indptr, sizeof s->csc_indptr);
    ck_tensor(&info.csc.indices, "int32", CITES, 0, s->csc_indices);
    ck_assert_mem_eq(info.csc.edge_ids, s->csc_ids, sizeof s->csc_ids);
    ck_tensor(info.x, "int16", CITES, 1, s->edge_x);
    ck_tensor(info.weights, "float32", CITES, 0, s->weights);
    ck_tensor(info.times, "int64", CITES, 0, s->edge_times);
    ck_ok(sn_dataset_edge_type(dataset, 1, &info));
    ck_assert_int_eq(info.src_type, 1);
    ck_assert_int_eq(info.dst_type, 0);
    ck_assert_ptr_null(info.csr.edge_ids);
    ck_assert_ptr_null(info.csc.indptr);
    ck_assert_int_eq(info.csc.rows, 0);
}

static const sn_load loads[] = { SN_LOAD_DEFAULT, SN_LOAD_MAP, SN_LOAD_MEMORY };

START_TEST(dataset_that_was_written_opens_as_it_was)
{
    sample s = sample_make();
    int files = count_open_files();
    ck_ok(sample_write(&s, in_folder("ds")));
    sn_dataset *dataset = sample_open(in_folder("ds"), loads[_i]);
    ck_assert(!sn_dataset_is_homogeneous(dataset));
    ck_assert_int_eq(sn_dataset_unlabelled(dataset), -1);
    ck_sample_nodes(dataset, &s);
    ck_sample_edges(dataset, &s);
    ck_tensor(sn_dataset_link(dataset, "val_pos"), "int32", 2, 2, s.val_pos);
    ck_assert_ptr_null(sn_dataset_link(dataset, "val_neg"));
    ck_assert_ptr_nonnull(strstr(sn_dataset_meta(dataset), "\"name\": \"sample\""));
    ck_assert_int_eq(count_open_files(), files + 1); /* its directory, or its memory */
    ck_assert_int_eq(count_mappings(in_folder("ds")) > 0, loads[_i] != SN_LOAD_MEMORY);
    ck_ok(sn_dataset_verify(dataset, NULL, NULL));
    sn_dataset_release(dataset);
    ck_assert_int_eq(count_open_files(), files);
    ck_assert_int_eq(count_mappings(in_folder("ds")), 0);
    sn_dataset_release(NULL);
}
END_TEST

START_TEST(dataset_opens_without_options)
{
    sn_dataset *dataset;
    write_sample();
    ck_ok(sn_dataset_open(in_folder("ds/"), NULL, &dataset));
    sn_dataset_release(dataset);
}
END_TEST

START_TEST(dataset_with_wrong_arguments_is_refused)
{
    sn_dataset *dataset = NULL;
    write_sample();
    ck_fails(sn_dataset_open(NULL, NULL, &dataset), SN_E_INVALID, "path");
    ck_fails(sn_dataset_open(in_folder("ds"), NULL, NULL), SN_E_INVALID, "out");
    ck_fails(
        sn_dataset_open(in_folder("ds"), &(sn_dataset_options){ .load = SN_LOAD_MAP }, &dataset),
        SN_E_INVALID, "struct_size 0");
    ck_fails(sn_dataset_open(in_folder("ds"), SN_DATASET_OPTIONS(.load = (sn_load)3), &dataset),
             SN_E_INVALID, "load 3");
    ck_assert_ptr_null(dataset);
}
END_TEST

START_TEST(dataset_load_follows_the_environment_unless_asked)
{
    setenv("SEINE_LOAD", "memory", 1); /* options are read at first use: this process is new */
    write_sample();
    sn_dataset *dataset = sample_open(in_folder("ds"), SN_LOAD_DEFAULT);
    ck_assert_int_eq(count_mappings(in_folder("ds")), 0);
    sn_dataset_release(dataset);
    dataset = sample_open(in_folder("ds"), SN_LOAD_MAP);
    ck_assert_int_gt(count_mappings(in_folder("ds")), 0);
    sn_dataset_release(dataset);
}
END_TEST

START_TEST(dataset_load_from_a_bad_environment_is_refused)
{
    sn_dataset *dataset = NULL;
    setenv("SEINE_LOAD", "disk", 1);
    write_sample();
    ck_fails(sn_dataset_open(in_folder("ds"), NULL, &dataset), SN_E_INVALID, "SEINE_LOAD");
    ck_assert_ptr_null(dataset);
}
END_TEST

START_TEST(types_are_found_by_name)
{
    int32_t index = 77;
    sn_node_info node;
    sn_edge_info edge;
    write_sample();
    sn_dataset *dataset = sample_open(in_folder("ds"), SN_LOAD_MAP);
    ck_ok(sn_dataset_find_node_type(dataset, "author", &index));
    ck_assert_int_eq(index, 1);
    ck_ok(sn_dataset_find_edge_type(dataset, "author__writes__paper", &index));
    ck_assert_int_eq(index, 1);
    ck_fails(sn_dataset_find_node_type(dataset, "papr", &index), SN_E_NOT_FOUND,
             "no node type is named 'papr', there are paper, author");
    ck_fails(
        sn_dataset_find_edge_type(dataset, "writes", &index), SN_E_NOT_FOUND,
        "no edge type is named 'writes', there are paper__cites__paper, author__writes__paper");
    ck_assert_int_eq(index, 1);
    ck_fails(sn_dataset_node_type(dataset, 2, &node), SN_E_RANGE, "node type 2: there are 2");
    ck_fails(sn_dataset_node_type(dataset, -1, &node), SN_E_RANGE, "node type -1");
    ck_fails(sn_dataset_edge_type(dataset, 2, &edge), SN_E_RANGE, "edge type 2: there are 2");
    sn_dataset_release(dataset);
}
END_TEST

/* docs/formats.md, section 2.4, written out by hand. */
START_TEST(fingerprint_is_the_hash_of_the_documented_text)
{
    static const struct {
        const char *line;
        size_t offset, bytes; /* in the sample */
    } lines[] = {
#define ARRAY(text, member) { text, offsetof(sample, member), sizeof((sample *)0)->member }
        { "node\tpaper\t5", 0, 0 },
        ARRAY("x\tfloat32\t5,2", x),
        ARRAY("y\tint32\t5", y),
        ARRAY("times\tint64\t5", node_times),
        ARRAY("train\tint64\t2", train),
        ARRAY("val\tint64\t1", val),
        ARRAY("test\tint32\t1", test),
        { "node\tauthor\t3", 0, 0 },
        { "edge\tpaper__cites__paper\t6", 0, 0 },
        ARRAY("csr.indptr\tint64\t6", csr_indptr),
        ARRAY("csr.indices\tint32\t6", csr_indices),
        ARRAY("csr.edge_ids\tint64\t6", csr_ids),
        ARRAY("csc.indptr\tint64\t6", csc_indptr),
        ARRAY("csc.indices\tint32\t6", csc_indices),
        ARRAY("csc.edge_ids\tint64\t6", csc_ids),
        ARRAY("x\tint16\t6,1", edge_x),
        ARRAY("weights\tfloat32\t6", weights),
        ARRAY("times\tint64\t6", edge_times),
        { "edge\tauthor__writes__paper\t4", 0, 0 },
        ARRAY("csr.indptr\tint64\t4", writes_indptr),
        ARRAY("csr.indices\tint32\t4", writes_indices),
        ARRAY("link\tval_pos\tint32\t2,2", val_pos),
#undef ARRAY
    };
    sample s = sample_make();
    char text[8192] = "seine-fingerprint-1\n", hex[33];
    size_t used = strlen(text);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        used += (size_t)sprintf(text + used, "%s", lines[i].line);
        XXH128_hash_t hash = XXH3_128bits((const char *)&s + lines[i].offset, lines[i].bytes);
        if (lines[i].bytes > 0)
            used +=
                (size_t)sprintf(text + used, "\t%016llx%016llx", (unsigned long long)hash.high64,
                                (unsigned long long)hash.low64);
        used += (size_t)sprintf(text + used, "\n");
    }
    XXH128_hash_t hash = XXH3_128bits(text, used);
    sprintf(hex, "%016llx%016llx", (unsigned long long)hash.high64, (unsigned long long)hash.low64);

    const char *fingerprint;
    write_sample();
    sn_dataset *dataset = sample_open(in_folder("ds"), SN_LOAD_MAP);
    ck_ok(sn_dataset_fingerprint(dataset, &fingerprint));
    ck_assert_str_eq(fingerprint, hex);
    sn_dataset_release(dataset);
}
END_TEST

/* -- Broken META.json -- */

static json_t *load_meta(void)
{
    json_t *root = json_load_file(in_folder("ds/META.json"), 0, NULL);
    ck_assert_ptr_nonnull(root);
    return root;
}

static void save_meta(const json_t *root)
{
    ck_assert_int_eq(json_dump_file(root, in_folder("ds/META.json"), JSON_INDENT(1)), 0);
}

/* The member at a path such as "edge_types/0/arrays/csr.indptr", and its parent. */
static json_t *walk(json_t *root, const char *path, json_t **parent, char last[64])
{
    json_t *at = root;
    while (*path != '\0') {
        size_t bytes = strcspn(path, "/");
        snprintf(last, 64, "%.*s", (int)bytes, path);
        *parent = at;
        at = json_is_array(at) ? json_array_get(at, (size_t)atoi(last)) : json_object_get(at, last);
        path += bytes + (path[bytes] == '/');
    }
    return at;
}

/* Sets the member to `json` (NULL: removes it). */
static void change(json_t *root, const char *path, const char *json)
{
    json_t *parent = NULL;
    char last[64];
    walk(root, path, &parent, last);
    json_t *value = json == NULL ? NULL : json_loads(json, JSON_DECODE_ANY, NULL);
    ck_assert_msg(json == NULL || value != NULL, "%s is no JSON", json);
    int result = json_is_array(parent)
                     ? (value != NULL ? json_array_set_new(parent, (size_t)atoi(last), value)
                                      : json_array_remove(parent, (size_t)atoi(last)))
                     : (value != NULL ? json_object_set_new(parent, last, value)
                                      : json_object_del(parent, last));
    ck_assert_msg(result == 0, "%s cannot be changed", path);
}

#define P         "node_types/0"
#define X         "node_types/0/arrays/x"
#define E         "edge_types/0"
#define R         "edge_types/0/arrays/csr.indptr"
#define HUGE_NAME "\"" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "\""
#define TEN       "abcdefghijklmnop"
static const struct {
    const char *path, *json;
    sn_status status;
    const char *detail;
} changes[] = {
    { "format", NULL, SN_E_FORMAT, "META.json: 'format' is missing" },
    { "format", "1", SN_E_FORMAT, "META.json: 'format' is an integer, expected a string" },
    { "format", "\"seine-import-1\"", SN_E_FORMAT, "'format' is 'seine-import-1', expected" },
    { "version", NULL, SN_E_FORMAT, "META.json: 'version' is missing" },
    { "version", "\"1\"", SN_E_FORMAT, "'version' is a string" },
    { "version", "1.0", SN_E_FORMAT, "'version' is a real number" },
    { "version", "0", SN_E_FORMAT, "'version' is 0" },
    { "version", "-1", SN_E_FORMAT, "'version' is -1" },
    { "version", "2", SN_E_VERSION, "META.json: version 2, this library reads 1" },
    { "version", "9223372036854775807", SN_E_VERSION, "version 9223372036854775807" },
    { "fingerprint", NULL, SN_E_FORMAT, "'fingerprint' is missing" },
    { "fingerprint", "5", SN_E_FORMAT, "'fingerprint' is an integer" },
    { "fingerprint", "\"\"", SN_E_FORMAT, "'fingerprint' is '', expected 32 hexadecimal digits" },
    { "fingerprint", "\"0123456789ABCDEF0123456789ABCDEF\"", SN_E_FORMAT, "32 hexadecimal digits" },
    { "fingerprint", "\"0123456789abcdef0123456789abcdef0\"", SN_E_FORMAT,
      "32 hexadecimal digits" },
    { "fingerprint", "\"0123456789abcdef0123456789abcdef\"", SN_E_CORRUPT,
      "'fingerprint' is 0123456789abcdef0123456789abcdef, its types and hashes give " },
    { "unlabelled", "\"-1\"", SN_E_FORMAT, "'unlabelled' is a string" },
    { "unlabelled", "0.5", SN_E_FORMAT, "'unlabelled' is a real number" },
    { "info", "[]", SN_E_FORMAT, "'info' is an array, expected an object" },
    { "node_types", NULL, SN_E_FORMAT, "'node_types' is missing" },
    { "node_types", "{}", SN_E_FORMAT, "'node_types' is an object, expected an array" },
    { "node_types", "[]", SN_E_FORMAT, "edge_types[0]: no node type is named 'paper'" },
    { "node_types", "[3]", SN_E_FORMAT, "META.json: node_types[0]: not an object" },
    { "node_types/1/name", "\"paper\"", SN_E_FORMAT,
      "META.json: node_types[1]: node type 'paper' is there twice" },
    { "node_types/1", NULL, SN_E_FORMAT, "edge_types[1]: no node type is named 'author'" },
    { P "/name", NULL, SN_E_FORMAT, "META.json: node_types[0]: 'name' is missing" },
    { P "/name", "3", SN_E_FORMAT, "'name' is an integer" },
    { P "/name", "\"\"", SN_E_FORMAT, "node_types[0]: type name '' is empty" },
    { P "/name", "\"a__b\"", SN_E_FORMAT, "type name 'a__b' contains '__'" },
    { P "/name", "\"_a\"", SN_E_FORMAT, "type name '_a' begins or ends with '_'" },
    { P "/name", "\"a_\"", SN_E_FORMAT, "type name 'a_' begins or ends with '_'" },
    { P "/name", "\"other\"", SN_E_FORMAT, "type name 'other' is reserved" },
    { P "/name", "\"a\\nb\"", SN_E_FORMAT, "has a control character" },
    { P "/name", "\"a\\u0085b\"", SN_E_FORMAT, "has a control character" },
    { P "/name", HUGE_NAME, SN_E_FORMAT, "is longer than 255 bytes" },
    { P "/name", "\"pap\"", SN_E_FORMAT, "edge_types[0]: no node type is named 'paper'" },
    { P "/count", NULL, SN_E_FORMAT, "META.json: node_types[0]: 'count' is missing" },
    { P "/count", "\"5\"", SN_E_FORMAT, "'count' is a string" },
    { P "/count", "5.0", SN_E_FORMAT, "'count' is a real number" },
    { P "/count", "-5", SN_E_FORMAT, "'count' is -5" },
    { P "/count", "9223372036854775807", SN_E_FORMAT, "count 9223372036854775807, not 0 to 2^62" },
    { P "/count", "4", SN_E_CORRUPT, "its types and hashes give" },
    { P "/arrays", NULL, SN_E_FORMAT, "META.json: node_types[0]: 'arrays' is missing" },
    { P "/arrays", "[]", SN_E_FORMAT, "'arrays' is an array" },
    { P "/arrays/csr.indptr", "{}", SN_E_FORMAT, "'arrays' has the unknown member 'csr.indptr'" },
    { X, NULL, SN_E_CORRUPT, "its types and hashes give" },
    { X, "3", SN_E_FORMAT, "META.json: node_types[0].arrays.x: not an object" },
    { X "/file", NULL, SN_E_FORMAT, "META.json: node_types[0].arrays.x: 'file' is missing" },
    { X "/file", "3", SN_E_FORMAT, "'file' is an integer" },
    { X "/file", "\"\"", SN_E_FORMAT, "file '' is empty" },
    { X "/file", "\".\"", SN_E_FORMAT, "file '.' is not a name in the dataset's directory" },
    { X "/file", "\"..\"", SN_E_FORMAT, "file '..' is not a name" },
    { X "/file", "\"../x.npy\"", SN_E_FORMAT, "file '../x.npy' is not a name" },
    { X "/file", "\"/etc/passwd\"", SN_E_FORMAT, "file '/etc/passwd' is not a name" },
    { X "/file", "\"absent.npy\"", SN_E_SYSTEM, "ds/absent.npy: cannot open: No such file" },
    { X "/file", "\"META.json\"", SN_E_FORMAT, "ds/META.json: not an .npy file" },
    { X "/file", "\"node0.y.npy\"", SN_E_CORRUPT,
      "ds/node0.y.npy: is int32 (5,), META.json says float32 (5, 2)" },
    { X "/dtype", NULL, SN_E_FORMAT, "'dtype' is missing" },
    { X "/dtype", "32", SN_E_FORMAT, "'dtype' is an integer" },
    { X "/dtype", "\"float\"", SN_E_FORMAT, "'dtype' is 'float', no type" },
    { X "/dtype", "\"int32\"", SN_E_CORRUPT,
      "ds/node0.x.npy: is float32 (5, 2), META.json says int32 (5, 2)" },
    { X "/shape", NULL, SN_E_FORMAT, "'shape' is missing" },
    { X "/shape", "5", SN_E_FORMAT, "'shape' is an integer" },
    { X "/shape", "[5]", SN_E_CORRUPT, "ds/node0.x.npy: is float32 (5, 2), META.json says" },
    { X "/shape", "[2, 5]", SN_E_CORRUPT, "META.json says float32 (2, 5)" },
    { X "/shape", "[1, 1, 1, 5, 2]", SN_E_FORMAT, "'shape' has 5 dimensions, at most 4" },
    { X "/shape/0", "-5", SN_E_FORMAT, "'shape' has no number of elements at 0" },
    { X "/shape/1", "\"2\"", SN_E_FORMAT, "'shape' has no number of elements at 1" },
    { X "/shape/1", "2.0", SN_E_FORMAT, "'shape' has no number of elements at 1" },
    { X "/shape/1", "9223372036854775807", SN_E_FORMAT, "'shape' overflows" },
    { X "/hash", NULL, SN_E_FORMAT, "'hash' is missing" },
    { X "/hash", "0", SN_E_FORMAT, "'hash' is an integer" },
    { X "/hash", "\"xyz\"", SN_E_FORMAT, "'hash' is 'xyz', expected 32" },
    { X "/hash", "\"00000000000000000000000000000000\"", SN_E_CORRUPT, "'fingerprint' is" },
    { "edge_types", NULL, SN_E_FORMAT, "'edge_types' is missing" },
    { "edge_types", "{}", SN_E_FORMAT, "'edge_types' is an object" },
    { "edge_types", "[null]", SN_E_FORMAT, "META.json: edge_types[0]: not an object" },
    { E "/type", NULL, SN_E_FORMAT, "META.json: edge_types[0]: 'type' is missing" },
    { E "/type", "\"paper\"", SN_E_FORMAT, "'type' is a string" },
    { E "/type", "[]", SN_E_FORMAT, "'type' is not an array of three strings" },
    { E "/type/2", NULL, SN_E_FORMAT, "'type' is not an array of three strings" },
    { E "/type/1", "7", SN_E_FORMAT, "'type' is not an array of three strings" },
    { E "/type", "[\"paper\", \"cites\", \"paper\", \"x\"]", SN_E_FORMAT, "three strings" },
    { E "/type/0", "\"papr\"", SN_E_FORMAT, "edge_types[0]: no node type is named 'papr'" },
    { E "/type/2", "\"papr\"", SN_E_FORMAT, "edge_types[0]: no node type is named 'papr'" },
    { E "/type/1", "\"a__b\"", SN_E_FORMAT, "type name 'a__b' contains '__'" },
    { E "/type", "[\"paper\", \"refers\", \"paper\"]", SN_E_CORRUPT, "'fingerprint' is" },
    { "edge_types/1/type", "[\"paper\", \"cites\", \"paper\"]", SN_E_FORMAT,
      "META.json: edge_types[1]: edge type 'paper__cites__paper' is there twice" },
    { E "/count", NULL, SN_E_FORMAT, "META.json: edge_types[0]: 'count' is missing" },
    { E "/count", "[6]", SN_E_FORMAT, "'count' is an array" },
    { E "/count", "-1", SN_E_FORMAT, "'count' is -1" },
    { E "/count", "4611686018427387904", SN_E_FORMAT, "count 4611686018427387904, not" },
    { E "/arrays", NULL, SN_E_FORMAT, "META.json: edge_types[0]: 'arrays' is missing" },
    { E "/arrays/y", "{}", SN_E_FORMAT, "'arrays' has the unknown member 'y'" },
    { R "/file", "\"edge1.csr.indptr.npy\"", SN_E_CORRUPT, "edge1.csr.indptr.npy: is int64 (4,)" },
    { "links", "[]", SN_E_FORMAT, "'links' is an array" },
    { "links/val_pos", "\"link0.val_pos.npy\"", SN_E_FORMAT,
      "META.json: links.val_pos: not an object" },
    { "links/val_pos/file", NULL, SN_E_FORMAT, "META.json: links.val_pos: 'file' is missing" },
    { "links/val_pos/file", "\"a/b\"", SN_E_FORMAT, "links.val_pos: file 'a/b' is not a name" },
    { "links", NULL, SN_E_CORRUPT, "'fingerprint' is" },
};

START_TEST(meta_with_a_broken_member_is_refused_by_name)
{
    sn_dataset *dataset = NULL;
    write_sample();
    json_t *root = load_meta();
    change(root, changes[_i].path, changes[_i].json);
    save_meta(root);
    json_decref(root);
    int files = count_open_files();
    ck_fails(sn_dataset_open(in_folder("ds"), NULL, &dataset), changes[_i].status,
             changes[_i].detail);
    check_detail(in_folder("ds/"), __FILE__, __LINE__);
    ck_assert_ptr_null(dataset);
    ck_assert_int_eq(count_open_files(), files);
    ck_assert_int_eq(count_mappings(in_folder("ds")), 0);
}
END_TEST

/* Every member of META.json but those that mean nothing to the format, changed in every way: always
 * refused, never a crash, always one line that names a file of the dataset. */
static int refused;
static void try_all(json_t *root, char *path)
{
    static const char *const values[] = { NULL, "null", "true",  "-1",
                                          "0",  "7",    "1e300", "{}",
                                          "[]", "\"\"", "\"q\"", "9223372036854775807" };
    json_t *parent = NULL;
    char last[64];
    json_t *member = walk(root, path, &parent, last);
    for (size_t i = 0; *path != '\0' && i < sizeof values / sizeof values[0]; i++) {
        sn_dataset *dataset = NULL;
        json_t *spoilt = json_deep_copy(root);
        change(spoilt, path, values[i]);
        bool same = json_equal(spoilt, root);
        save_meta(spoilt);
        json_decref(spoilt);
        if (same || (strcmp(path, "unlabelled") == 0 &&
                     sn_dataset_open(in_folder("ds"), NULL, &dataset) == SN_OK)) {
            sn_dataset_release(dataset);
            continue;
        }
        sn_status status = sn_dataset_open(in_folder("ds"), NULL, &dataset);
        ck_assert_msg(status != SN_OK, "%s set to %s opens", path, values[i]);
        check_detail(in_folder("ds/"), __FILE__, __LINE__);
        refused++;
    }
    size_t used = strlen(path);
    if (json_is_object(member)) {
        const char *key;
        json_t *value;
        json_object_foreach(member, key, value)
        {
            if (strcmp(key, "info") == 0)
                continue;
            snprintf(path + used, 300 - used, "%s%s", used > 0 ? "/" : "", key);
            try_all(root, path);
            path[used] = '\0';
        }
    }
    for (size_t i = 0; json_is_array(member) && i < json_array_size(member); i++) {
        snprintf(path + used, 300 - used, "/%zu", i);
        try_all(root, path);
        path[used] = '\0';
    }
}

START_TEST(meta_with_any_member_changed_in_any_way_is_refused)
{
    char path[300] = "";
    write_sample();
    json_t *root = load_meta();
    try_all(root, path);
    json_decref(root);
    ck_assert_int_gt(refused, 1000);
}
END_TEST

START_TEST(meta_cut_anywhere_is_refused)
{
    size_t bytes;
    sn_dataset *dataset = NULL;
    write_sample();
    char *text = get_file(in_folder("ds/META.json"), &bytes);
    for (size_t cut = 0; cut < bytes - 1; cut += cut < 200 || cut > bytes - 50 ? 1 : 13) {
        put_file(in_folder("ds/META.json"), text, cut);
        ck_fails(sn_dataset_open(in_folder("ds"), NULL, &dataset), SN_E_FORMAT,
                 in_folder("ds/META.json"));
    }
    put_file(in_folder("ds/META.json"), text, bytes);
    ck_ok(sn_dataset_open(in_folder("ds"), NULL, &dataset));
    sn_dataset_release(dataset);
    free(text);
}
END_TEST

START_TEST(meta_that_is_foreign_or_missing_is_refused)
{
    static const char *const texts[] = {
        "", "\x93NUMPY", "{}", "[1]", "<html>", "{\"format\": {}}"
    };
    sn_dataset *dataset = NULL;
    make_dir(in_folder("ds"));
    ck_fails(sn_dataset_open(in_folder("ds"), NULL, &dataset), SN_E_SYSTEM,
             "ds/META.json: cannot open: No such file or directory");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        put_text(in_folder("ds/META.json"), texts[i]);
        ck_fails(sn_dataset_open(in_folder("ds"), NULL, &dataset), SN_E_FORMAT,
                 in_folder("ds/META.json"));
    }
    remove_tree(in_folder("ds/META.json"));
    make_dir(in_folder("ds/META.json"));
    ck_fails(sn_dataset_open(in_folder("ds"), NULL, &dataset), SN_E_SYSTEM, "is a directory");
    ck_fails(sn_dataset_open(in_folder("nowhere"), NULL, &dataset), SN_E_SYSTEM,
             in_folder("nowhere/META.json"));
    put_text(in_folder("file"), "{}");
    ck_fails(sn_dataset_open(in_folder("file"), NULL, &dataset), SN_E_SYSTEM, "Not a directory");
    ck_assert_ptr_null(dataset);
}
END_TEST

/* -- Broken array files -- */

static const char *const array_files[] = {
    "node0.x.npy",          "node0.y.npy",           "node0.times.npy",
    "node0.train.npy",      "node0.val.npy",         "node0.test.npy",
    "edge0.csr.indptr.npy", "edge0.csr.indices.npy", "edge0.csr.edge_ids.npy",
    "edge0.csc.indptr.npy", "edge0.csc.indices.npy", "edge0.csc.edge_ids.npy",
    "edge0.x.npy",          "edge0.weights.npy",     "edge0.times.npy",
    "edge1.csr.indptr.npy", "edge1.csr.indices.npy", "link0.val_pos.npy",
};

START_TEST(array_file_that_is_missing_cut_or_foreign_is_refused_by_name)
{
    const char *name = array_files[_i], *other = array_files[(_i + 1) % 18];
    sn_dataset *dataset = NULL;
    size_t bytes;
    char path[700];
    write_sample();
    snprintf(path, sizeof path, "%s", in_folder("ds/%s", name));
    char *data = get_file(path, &bytes);
    for (size_t quarter = 0; quarter < 4; quarter++) {
        put_file(path, data, bytes * quarter / 4);
        ck_fails(sn_dataset_open(in_folder("ds"), NULL, &dataset), SN_E_FORMAT, path);
    }
    put_file(path, data, bytes - 1);
    ck_fails(sn_dataset_open(in_folder("ds"), NULL, &dataset), SN_E_FORMAT, path);
    put_text(path, "{\"format\": \"seine-dataset\"}");
    ck_fails(sn_dataset_open(in_folder("ds"), NULL, &dataset), SN_E_FORMAT, path);
    remove_tree(path);
    ck_fails(sn_dataset_open(in_folder("ds"), NULL, &dataset), SN_E_SYSTEM, path);
    make_dir(path);
    ck_fails(sn_dataset_open(in_folder("ds"), NULL, &dataset), SN_E_SYSTEM, path);
    remove_tree(path);
    copy_file(in_folder("ds/%s", other), path);
    /* Another array, unless it is one of the same type and shape: those differ in their hashes. */
    sn_status status = sn_dataset_open(in_folder("ds"), NULL, &dataset);
    if (status == SN_OK) {
        ck_fails(sn_dataset_verify(dataset, NULL, NULL), SN_E_CORRUPT, path);
        sn_dataset_release(dataset);
    } else {
        ck_assert_int_eq(status, SN_E_CORRUPT);
        check_detail(path, __FILE__, __LINE__);
    }
    free(data);
}
END_TEST

/* -- Reading into memory -- */

START_TEST(load_of_large_arrays_reads_every_byte)
{
    enum { COUNT = (40 << 20) + 13 };
    sn_array *x;
    sn_dataset *dataset;
    sn_node_info node;
    setenv("SEINE_THREADS", "3", 1); /* before the first option is read */
    ck_ok(sn_array_create((sn_dtype){ SN_UINT, 8 }, 1, &(int64_t){ COUNT }, &x));
    uint8_t *bytes = sn_array_view(x)->data;
    for (size_t i = 0; i < COUNT; i++)
        bytes[i] = (uint8_t)(i ^ i >> 8 ^ i >> 16 ^ 0x5a);
    ck_ok(large_write(in_folder("ds"), sn_array_view(x), false, NULL));
    dataset = sample_open(in_folder("ds"), SN_LOAD_MEMORY);
    ck_ok(sn_dataset_node_type(dataset, 0, &node));
    ck_assert(memcmp(node.x->data, bytes, COUNT) == 0);
    ck_ok(sn_dataset_verify(dataset, NULL, NULL));
    sn_dataset_release(dataset);
    sn_array_release(x);
}
END_TEST

static void cut_file(void)
{
    size_t bytes;
    char *data = get_file(in_folder("ds/node0.x.npy"), &bytes);
    put_file(in_folder("ds/node0.x.npy"), data, bytes - 1);
    free(data);
}

START_TEST(load_of_a_file_that_shrinks_meanwhile_is_an_error)
{
    sn_dataset *dataset = NULL;
    write_sample();
    fault_arm(FAULT_pread, 1, 0, 0);
    fault_hook = cut_file;
    ck_fails(sn_dataset_open(in_folder("ds"), SN_DATASET_OPTIONS(.load = SN_LOAD_MEMORY), &dataset),
             SN_E_CORRUPT, "node0.x.npy: ends at byte 167, was longer before");
    fault_disarm();
    ck_assert_ptr_null(dataset);
}
END_TEST

START_TEST(load_that_is_interrupted_goes_on)
{
    write_sample();
    fault_arm(FAULT_pread, 1, 2, EINTR);
    sn_dataset *dataset = sample_open(in_folder("ds"), SN_LOAD_MEMORY);
    ck_assert_int_eq(fault_disarm(), 3);
    sn_dataset_release(dataset);
}
END_TEST

/* -- Failing steps -- */

/* Tolerated: without what the control group says, memory is asked for all the same. */
static const struct {
    enum fault call;
    int error;
    bool tolerated;
} steps[] = {
    { FAULT_calloc, ENOMEM, true },
    { FAULT_realloc, ENOMEM, true },
    { FAULT_mmap, ENOMEM, false },
    { FAULT_open, EMFILE, true },
    { FAULT_openat, EMFILE, true },
    { FAULT_fstat, EIO, true },
    { FAULT_read, EIO, true },
    { FAULT_pread, EIO, false },
    { FAULT_posix_fallocate, ENOSPC, false },
    { FAULT_fcntl, EINVAL, false },
};

START_TEST(open_when_a_step_fails_leaves_nothing)
{
    write_sample();
    int files = count_open_files(), failures = 0;
    sn_dataset_release(sample_open(in_folder("ds"), SN_LOAD_MEMORY)); /* options are read once */
    for (int n = 1;; n++) {
        sn_dataset *dataset = NULL;
        fault_arm(steps[_i].call, n, 0, steps[_i].error);
        sn_status status =
            sn_dataset_open(in_folder("ds"), SN_DATASET_OPTIONS(.load = SN_LOAD_MEMORY), &dataset);
        if (fault_disarm() == 0) {
            ck_assert_int_eq(status, SN_OK);
            sn_dataset_release(dataset);
            break;
        }
        if (status == SN_OK && steps[_i].tolerated) {
            sn_dataset_release(dataset);
            continue;
        }
        ck_assert_msg(status != SN_OK, "%s %d", fault_name(steps[_i].call), n);
        ck_assert_ptr_null(dataset);
        ck_assert_int_eq(count_open_files(), files);
        ck_assert_int_eq(count_mappings(in_folder("ds")), 0);
        failures++;
    }
    ck_assert_int_gt(failures, 0);
}
END_TEST

/* -- Threads -- */

static void *use_dataset(void *context)
{
    sn_dataset *dataset = context;
    for (int i = 0; i < 20000; i++)
        sn_dataset_release(sn__dataset_retain(dataset));
    const char *fingerprint;
    if (sn_dataset_fingerprint(dataset, &fingerprint) != SN_OK || strlen(fingerprint) != 32)
        return NULL;
    sn_dataset_release(dataset);
    return context;
}

START_TEST(dataset_is_held_and_released_by_many_threads)
{
    pthread_t threads[4];
    void *result;
    sample s = sample_make();
    sample_spec spec;
    sn_dataset *dataset;
    sample_specify(&s, SN_KEEP_TAKE, &spec);
    ck_ok(sn_dataset_create(&spec.spec, &dataset));
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, use_dataset, sn__dataset_retain(dataset)), 0);
    ck_assert_int_eq(sample_released, 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], &result);
        ck_assert_ptr_eq(result, dataset);
    }
    ck_assert_int_eq(sample_released, 0);
    sn_dataset_release(dataset);
    ck_assert_int_eq(sample_released, 17);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("open");
    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, dataset_that_was_written_opens_as_it_was, 0, 3);
    tcase_add_test(cases, dataset_opens_without_options);
    tcase_add_test(cases, dataset_with_wrong_arguments_is_refused);
    tcase_add_test(cases, dataset_load_follows_the_environment_unless_asked);
    tcase_add_test(cases, dataset_load_from_a_bad_environment_is_refused);
    tcase_add_test(cases, types_are_found_by_name);
    tcase_add_test(cases, fingerprint_is_the_hash_of_the_documented_text);
    tcase_add_loop_test(cases, meta_with_a_broken_member_is_refused_by_name, 0,
                        sizeof changes / sizeof changes[0]);
    tcase_add_test(cases, meta_with_any_member_changed_in_any_way_is_refused);
    tcase_add_test(cases, meta_cut_anywhere_is_refused);
    tcase_add_test(cases, meta_that_is_foreign_or_missing_is_refused);
    tcase_add_loop_test(cases, array_file_that_is_missing_cut_or_foreign_is_refused_by_name, 0, 18);
    tcase_add_test(cases, load_of_large_arrays_reads_every_byte);
    tcase_add_test(cases, load_of_a_file_that_shrinks_meanwhile_is_an_error);
    tcase_add_test(cases, load_that_is_interrupted_goes_on);
    tcase_add_loop_test(cases, open_when_a_step_fails_leaves_nothing, 0,
                        sizeof steps / sizeof steps[0]);
    tcase_add_test(cases, dataset_is_held_and_released_by_many_threads);
    return run_in_folder("open", cases);
}
