/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests and dataset directories, broken in every way. */
#include "base/run.h"

#include "command/broken.h"

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define IMPORT  ARGUMENTS("import", "--manifest", "m.json", "--out", "made")
#define INSPECT ARGUMENTS("inspect", "g")
#define VERIFY  ARGUMENTS("inspect", "g", "--verify")

static void put_right_files(void)
{
    static const int64_t edges[2][3] = { { 0, 1, 2 }, { 1, 2, 0 } };
    static const float features[3][2] = { { 1, 2 }, { 3, 4 }, { 5, 6 } }, weights[3] = { 1, 2, 3 };
    static const int32_t ids[3] = { 0, 1, 2 };
    workspace_make();
    put_npy("e.npy", "<i8", "(2, 3)", edges, sizeof edges);
    put_npy("x.npy", "<f4", "(3, 2)", features, sizeof features);
    put_npy("w.npy", "<f4", "(3,)", weights, sizeof weights);
    put_npy("y.npy", "<i4", "(3,)", ids, sizeof ids);
    put_npy("train.npy", "<i4", "(2,)", ids, 8);
    put_npy("val.npy", "<i4", "(1,)", ids + 2, 4);
    put_text("m.json",
             "{\"format\": \"seine-import-1\", \"unlabelled\": -1, \"node_types\": {\"paper\": "
             "{\"count\": 3, \"x\": {\"file\": \"x.npy\", \"rows\": [0, 3], \"convert\": "
             "\"float32\", \"scale\": 0.5}, \"y\": {\"file\": \"y.npy\"}, \"splits\": {\"train\": "
             "\"train.npy\", \"val\": \"val.npy\"}}, \"author\": {\"count\": 3}}, \"edge_types\": "
             "[{\"type\": [\"paper\", \"cites\", \"paper\"], \"files\": [\"e.npy\"], "
             "\"undirected\": true, \"deduplicate\": false, \"weights\": \"w.npy\"}, {\"type\": "
             "[\"author\", \"writes\", \"paper\"], \"files\": [\"e.npy\"]}], \"links\": "
             "{\"val_pos\": \"e.npy\"}}");
    expect_done(SEINE("import", "--manifest", "m.json", "--out", "g"));
    expect_done(SEINE("inspect", "g", "--verify"));
}

/* -- Text -------------------------------------------------------------------------------------- */

static reading text_at(int index, const char **words)
{
    reading of = { index == 0 ? IMPORT : INSPECT, index == 0 ? "m.json" : "g/META.json", NULL };
    for (int i = 0; i == 0 || words[i - 1] != NULL; i++) /* the literals end with this function */
        words[i] = of.call[i];
    of.call = words;
    return of;
}

START_TEST(json_that_is_missing_empty_or_foreign_is_refused_by_name)
{
    const char *words[16];
    reading of = text_at(_i, words);
    refuse_foreign(&of);
    static const char *const texts[] = { "{}",
                                         "[]",
                                         "7",
                                         "null",
                                         "\"text\"",
                                         "{\"a\":}",
                                         "{\"a\":1,\"a\":2}",
                                         "{\"format\":\"something-else\"}",
                                         "{\"nodes\":[],\"edges\":[]}",
                                         "{\"format\":\"seine-import-1\"}",
                                         "{\"format\":\"seine-dataset\",\"version\":1}",
                                         "{\"format\":\"seine-dataset\",\"version\":99}",
                                         "{\"node_types\":{},\"edge_types\":{}}",
                                         "{\"a\":\"\xff\xfe\"}",
                                         "{\"a\":1e999}",
                                         "{\"a\":99999999999999999999}" };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        refuse_contents(&of, texts[i], strlen(texts[i]), texts[i]);
}
END_TEST

START_TEST(json_cut_at_each_mark_is_refused_by_name)
{
    const char *words[16];
    reading of = text_at(_i, words);
    size_t bytes;
    char *right = get_file(of.file, &bytes);
    while (right[bytes - 1] == '\n')
        bytes--;
    for (size_t cut = 1; cut < bytes; cut++) {
        char how[64];
        /* Before and behind every mark; META.json is longer, there every third will do. */
        if (strchr("{}[]:,\"", right[cut]) == NULL || (_i == 1 && cut % 3 != 0))
            continue;
        snprintf(how, sizeof how, "cut to %zu of %zu bytes", cut, bytes);
        refuse_contents(&of, right, cut, how);
    }
    right[bytes / 2] = '\0';
    refuse_contents(&of, right, bytes, "a NUL byte inside");
    free(right);
}
END_TEST

START_TEST(json_of_an_absurd_depth_or_length_is_refused_by_name)
{
    enum { DEEP = 200000 };
    const char *words[16];
    reading of = text_at(_i, words);
    char *deep = malloc(DEEP);
    ck_assert_ptr_nonnull(deep);
    memset(deep, '[', DEEP);
    refuse_contents(&of, deep, DEEP, "200,000 brackets");
    memset(deep, ' ', DEEP);
    refuse_contents(&of, deep, DEEP, "200,000 blanks");
    free(deep);
    put_text(of.file, "");
    ck_assert_int_eq(truncate(of.file, (off_t)1 << 40), 0);
    expect_refused(&of, "a terabyte of zeros");
}
END_TEST

/* -- Values ------------------------------------------------------------------------------------ */

/* Values of other types; the string is the name of no file and of no type. */
static const char *const others[] = {
    "null", "true", "-7", "1.5", "\"wrong\"", "[7]", "{\"wrong\": 7}", "9223372036854775807"
};

/* What may stand at a place besides what does: then the call may succeed, and must not crash. */
static bool may_be_right(const char *path, const char *value)
{
    static const struct {
        const char *path, *value;
    } allowed[] = {
        /* Information is carried along, a relation has any name, a scale any value, a label any
         * meaning. */
        { "edge_types[0].type[1]", "\"wrong\"" },
        { "edge_types[1].type[1]", "\"wrong\"" },
        { "node_types.paper.x.scale", "-7" },
        { "node_types.paper.x.scale", "1.5" },
        { "node_types.paper.x.scale", "9223372036854775807" },
        { "unlabelled", "-7" },
        { "unlabelled", "9223372036854775807" },
        { "edge_types[0].deduplicate", "true" },
        { "edge_types[0].undirected", "true" },
        { "node_types.author.count", "9223372036854775807" },
        { "node_types.paper.splits", "{\"wrong\": 7}" }, /* a warning says that it is kept */
    };
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
        if (strcmp(path, allowed[i].path) == 0 && strcmp(value, allowed[i].value) == 0)
            return true;
    return strcmp(path, "info") == 0 || strncmp(path, "info.", 5) == 0;
}

/* The file or the wrong name itself has to be in the line. */
static void expect_value_refused(const reading *of, const char *path, const char *value)
{
    char how[512];
    if (!is_chosen())
        return;
    outcome got = seine(of->call, NULL);
    snprintf(how, sizeof how, "%s: %.200s is %.100s", of->file, path, value);
    if (got.code == 0 && may_be_right(path, value)) {
        outcome_free(&got);
        if (access("made", F_OK) == 0)
            expect_done(SEINE("inspect", "made", "--verify"));
        ck_assert_int_eq(system("rm -rf made"), 0);
        return;
    }
    bool named = strstr(got.err, of->file) != NULL || strstr(got.err, "wrong") != NULL ||
                 strstr(got.err, ".npy") != NULL;
    ck_assert_msg(named, "%s: %s", how, got.err);
    expect_failure(got, EITHER, NULL, how);
    ck_assert_msg(access("made", F_OK) != 0, "%s: a dataset was made", how);
}

static void write_json(const char *path, const json_t *value)
{
    char *text = json_dumps(value, 0);
    ck_assert_ptr_nonnull(text);
    put_text(path, text);
    free(text);
}

/* `slot` holds `old` inside the whole; everything else is tried there, then inside of it. */
typedef struct place {
    json_t *whole, *parent;
    const char *key; /* of an object's member, or NULL */
    size_t index;    /* of an array's */
} place;

static void set_at(const place *at, json_t *value)
{
    int set = at->key != NULL ? json_object_set(at->parent, at->key, value)
                              : json_array_set(at->parent, at->index, value);
    ck_assert_int_eq(set, 0);
}

static void try_others(const reading *of, const place *at, json_t *old, const char *path)
{
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        json_t *other = json_loads(others[i], JSON_DECODE_ANY, NULL);
        ck_assert_ptr_nonnull(other);
        if (!json_equal(other, old)) {
            set_at(at, other);
            write_json(of->file, at->whole);
            expect_value_refused(of, path, others[i]);
        }
        json_decref(other);
    }
    set_at(at, old);
}

static void try_all(const reading *of, json_t *whole, json_t *inside, const char *path)
{
    const char *key;
    json_t *copy = json_copy(inside), *member; /* shallow: what is walked does not change */
    void *next;
    size_t i;
    char inner[512];
    json_object_foreach_safe(copy, next, key, member)
    {
        place at = { whole, inside, key, 0 };
        snprintf(inner, sizeof inner, "%s%s%s", path, path[0] != '\0' ? "." : "", key);
        json_incref(member);
        try_others(of, &at, member, inner);
        try_all(of, whole, member, inner);
        json_decref(member);
    }
    json_array_foreach(copy, i, member)
    {
        place at = { whole, inside, NULL, i };
        snprintf(inner, sizeof inner, "%s[%zu]", path, i);
        json_incref(member);
        try_others(of, &at, member, inner);
        try_all(of, whole, member, inner);
        json_decref(member);
    }
    json_decref(copy);
}

START_TEST(json_with_a_value_of_another_kind_is_refused_by_name)
{
    const char *words[16];
    reading of = text_at(_i, words);
    json_t *whole = json_load_file(of.file, 0, NULL);
    ck_assert_ptr_nonnull(whole);
    try_all(&of, whole, whole, "");
    json_decref(whole);
}
END_TEST

/* Members that may be absent. */
static bool is_optional(const char *path)
{
    static const char *const optional[] = {
        "unlabelled",
        "links",
        "links.val_pos",
        "info",
        "node_types.paper.x",
        "node_types.paper.y",
        "node_types.paper.x.rows",
        "node_types.paper.x.convert",
        "node_types.paper.x.scale",
        "node_types.paper.splits",
        "node_types.paper.splits.train",
        "node_types.paper.splits.val",
        "edge_types[0].undirected",
        "edge_types[0].deduplicate",
        "edge_types[0].weights",
        "edge_types[0].arrays.csr.weight_sums", /* datasets of before have none */
        "edge_types[0].arrays.csc.weight_sums",
    };
    for (size_t i = 0; i < sizeof optional / sizeof optional[0]; i++)
        if (strcmp(path, optional[i]) == 0)
            return true;
    return strncmp(path, "info.", 5) == 0;
}

static void remove_each(const reading *of, json_t *whole, json_t *inside, const char *path)
{
    const char *key;
    json_t *copy = json_copy(inside), *member;
    void *next;
    size_t i;
    char inner[512], how[600];
    json_object_foreach_safe(copy, next, key, member)
    {
        snprintf(inner, sizeof inner, "%s%s%s", path, path[0] != '\0' ? "." : "", key);
        snprintf(how, sizeof how, "without %s", inner);
        json_object_del(inside, key);
        write_json(of->file, whole);
        if (!is_optional(inner))
            expect_refused(of, how);
        json_object_set(inside, key, member);
        remove_each(of, whole, member, inner);
    }
    json_array_foreach(copy, i, member)
    {
        snprintf(inner, sizeof inner, "%s[%zu]", path, i);
        remove_each(of, whole, member, inner);
    }
    json_decref(copy);
}

START_TEST(json_without_a_member_is_refused_by_name)
{
    const char *words[16];
    reading of = text_at(_i, words);
    json_t *whole = json_load_file(of.file, 0, NULL);
    ck_assert_ptr_nonnull(whole);
    remove_each(&of, whole, whole, "");
    json_decref(whole);
}
END_TEST

/* -- The arrays of a dataset ------------------------------------------------------------------- */

enum { MAX_FILES = 64 };

static int list_arrays(char names[MAX_FILES][128])
{
    int count = 0;
    char text[4096];
    snprintf(text, sizeof text, "%s", listing("g"));
    for (char *name = strtok(text, " "); name != NULL; name = strtok(NULL, " "))
        if (strcmp(name, "META.json") != 0) {
            ck_assert_int_lt(count, MAX_FILES);
            snprintf(names[count++], 128, "g/%.100s", name);
        }
    return count;
}

START_TEST(array_of_a_dataset_that_is_broken_is_refused_by_name)
{
    char names[MAX_FILES][128];
    int count = list_arrays(names);
    ck_assert_int_gt(count, 12);
    for (int i = 0; i < count; i++) {
        reading of = { INSPECT, names[i], NULL };
        refuse_foreign(&of);
        size_t bytes;
        char *right = get_file(names[i], &bytes);
        for (size_t cut = 2; cut < bytes; cut += cut < 12 ? 3 : cut < 120 ? 23 : 7)
            refuse_contents(&of, right, cut, "cut");
        put_bytes(names[i], right, bytes);
        free(right);
    }
    expect_done(SEINE("inspect", "g", "--verify"));
}
END_TEST

START_TEST(array_of_a_dataset_with_any_byte_changed_is_found_by_verify)
{
    char names[MAX_FILES][128];
    int count = list_arrays(names);
    for (int i = 0; i < count; i++) {
        reading of = { VERIFY, names[i], NULL };
        size_t bytes;
        char *right = get_file(names[i], &bytes);
        for (size_t at = 128; at < bytes; at += 5) {
            right[at] = (char)(right[at] ^ 4);
            refuse_contents(&of, right, bytes, "a bit is flipped");
            right[at] = (char)(right[at] ^ 4);
        }
        put_bytes(names[i], right, bytes);
        free(right);
    }
    expect_done(SEINE("inspect", "g", "--verify"));
}
END_TEST

START_TEST(dataset_with_arrays_of_another_is_refused_or_found_by_verify)
{
    /* The same shapes with other values: only the hashes tell. */
    static const int64_t edges[2][3] = { { 0, 1, 2 }, { 2, 0, 1 } };
    static const float features[3][2] = { { 6, 5 }, { 4, 3 }, { 2, 1 } };
    put_npy("e.npy", "<i8", "(2, 3)", edges, sizeof edges);
    put_npy("x.npy", "<f4", "(3, 2)", features, sizeof features);
    expect_done(SEINE("import", "--manifest", "m.json", "--out", "other"));
    char names[MAX_FILES][128];
    int count = list_arrays(names), different = 0;
    for (int i = 0; i < count; i++) {
        char theirs[160];
        size_t bytes, more;
        snprintf(theirs, sizeof theirs, "other%s", names[i] + 1);
        char *right = get_file(names[i], &bytes), *swapped = get_file(theirs, &more);
        reading of = { VERIFY, names[i], NULL };
        if (bytes != more || memcmp(right, swapped, bytes) != 0) {
            refuse_contents(&of, swapped, more, "that of another dataset");
            different++;
        }
        put_bytes(names[i], right, bytes);
        free(right);
        free(swapped);
    }
    ck_assert_int_ge(different, 3);
    size_t bytes;
    char *meta = get_file("other/META.json", &bytes);
    reading of = { VERIFY, "g/META.json", ".npy" }; /* the first array that differs is named */
    refuse_contents(&of, meta, bytes, "that of another dataset");
    free(meta);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("broken_json");
    tcase_add_checked_fixture(cases, put_right_files, workspace_remove);
    tcase_set_timeout(cases, 600);
    tcase_add_loop_test(cases, json_that_is_missing_empty_or_foreign_is_refused_by_name, 0, 2);
    tcase_add_loop_test(cases, json_cut_at_each_mark_is_refused_by_name, 0, 2);
    tcase_add_loop_test(cases, json_of_an_absurd_depth_or_length_is_refused_by_name, 0, 2);
    tcase_add_loop_test(cases, json_with_a_value_of_another_kind_is_refused_by_name, 0, 2);
    tcase_add_loop_test(cases, json_without_a_member_is_refused_by_name, 0, 2);
    tcase_add_test(cases, array_of_a_dataset_that_is_broken_is_refused_by_name);
    tcase_add_test(cases, array_of_a_dataset_with_any_byte_changed_is_found_by_verify);
    tcase_add_test(cases, dataset_with_arrays_of_another_is_refused_or_found_by_verify);
    return run_cases("broken_json", cases);
}
