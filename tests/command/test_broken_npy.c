/* SPDX-License-Identifier: Apache-2.0 */
/* Every command that reads .npy files, with every such file broken in every way that one can be. */
#include "base/run.h"

#include "command/broken.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { NODES = 6, EDGES = 5, HEADER = 128 };

#define EDGES_CALL(...) ARGUMENTS("import", "--edges", "e.npy", __VA_ARGS__, "--out", "made")
#define MANIFEST_CALL   ARGUMENTS("import", "--manifest", "m.json", "--out", "made")

typedef struct wrong_shape {
    const char *shape; /* NULL at the end */
    size_t count;      /* its elements */
} wrong_shape;

/* Which types a file may hold is asked of the reader by giving it others. */
typedef struct subject {
    reading is;
    const char *descr, *shape;      /* as it is written when it is right */
    const char *const *wrong_types; /* NULL at the end */
    const wrong_shape *wrong_shapes;
} subject;

static const char *const no_integers[] = { "<f4", "<f8", "|b1", "<c8", "<u8", "<f2", NULL };
static const char *const no_times[] = { "<f4", "<f8", "|b1", "<c8", "<f2", NULL };
static const char *const no_reals[] = { "<c8", NULL };
static const char *const none[] = { NULL };
static const wrong_shape not_pairs[] = { { "(10,)", 10 },     { "(5, 2)", 10 }, { "(1, 10)", 10 },
                                         { "(2, 5, 1)", 10 }, { "()", 1 },      { NULL, 0 } };
static const wrong_shape not_rows[] = { { "()", 1 }, { NULL, 0 } };
static const wrong_shape not_nodes[] = {
    { "(5, 2)", 10 }, { "(12,)", 12 }, { "()", 1 }, { NULL, 0 }
};
static const wrong_shape not_edges[] = {
    { "(6, 2)", 12 }, { "(10,)", 10 }, { "()", 1 }, { NULL, 0 }
};
static const wrong_shape not_labels[] = { { "(5,)", 5 }, { "()", 1 }, { NULL, 0 } };
static const wrong_shape not_edge_list[] = {
    { "(6,)", 6 }, { "(5, 2)", 10 }, { "()", 1 }, { NULL, 0 }
};
static const wrong_shape not_node_list[] = {
    { "(5,)", 5 }, { "(6, 2)", 12 }, { "()", 1 }, { NULL, 0 }
};
static const wrong_shape not_ids[] = { { "(3, 1)", 3 }, { "(1, 3)", 3 }, { "()", 1 }, { NULL, 0 } };

static void put_right_files(void)
{
    static const int64_t edges[2][EDGES] = { { 0, 1, 2, 3, 4 }, { 1, 2, 3, 4, 5 } };
    static const float features[NODES][2] = { { 0 } }, edge_features[EDGES][2] = { { 1 } };
    static const float weights[EDGES] = { 1, 1, 1, 1, 1 };
    static const int64_t labels[NODES] = { 0 }, times[EDGES] = { 0 }, node_times[NODES] = { 0 };
    static const int32_t train[3] = { 0, 1, 2 }, val[1] = { 3 }, test[1] = { 4 };
    workspace_make();
    put_npy("e.npy", "<i8", "(2, 5)", edges, sizeof edges);
    put_npy("x.npy", "<f4", "(6, 2)", features, sizeof features);
    put_npy("f.npy", "<f4", "(5, 2)", edge_features, sizeof edge_features);
    put_npy("y.npy", "<i8", "(6,)", labels, sizeof labels);
    put_npy("w.npy", "<f4", "(5,)", weights, sizeof weights);
    put_npy("t.npy", "<i8", "(5,)", times, sizeof times);
    put_npy("n.npy", "<i8", "(6,)", node_times, sizeof node_times);
    put_npy("train.npy", "<i4", "(3,)", train, sizeof train);
    put_npy("val.npy", "<i4", "(1,)", val, sizeof val);
    put_npy("test.npy", "<i4", "(1,)", test, sizeof test);
    put_text("m.json",
             "{\"format\":\"seine-import-1\",\"node_types\":{\"paper\":{\"count\":6,"
             "\"x\":{\"file\":\"x.npy\"},\"y\":{\"file\":\"y.npy\"},\"times\":\"n.npy\","
             "\"splits\":{\"train\":\"train.npy\",\"val\":\"val.npy\",\"test\":\"test.npy\"}}},"
             "\"edge_types\":[{\"type\":[\"paper\",\"cites\",\"paper\"],\"files\":[\"e.npy\"],"
             "\"weights\":\"w.npy\",\"times\":\"t.npy\",\"x\":{\"file\":\"f.npy\"}}]}\n");
    expect_done(SEINE("import", "--manifest", "m.json", "--out", "g"));
    expect_done(SEINE("inspect", "g", "--verify"));
}

/* All that a command reads. `made` never exists before. */
static subject subject_at(int index)
{
    const subject all[] = {
        { { EDGES_CALL("--layout", "both"), "e.npy", NULL },
          "<i8",
          "(2, 5)",
          no_integers,
          not_pairs },
        { { EDGES_CALL("--node-feat", "x.npy"), "x.npy", NULL }, "<f4", "(6, 2)", none, not_rows },
        { { EDGES_CALL("--edge-feat", "f.npy"), "f.npy", NULL }, "<f4", "(5, 2)", none, not_edges },
        { { EDGES_CALL("--num-nodes", "6", "--labels", "y.npy"), "y.npy", NULL },
          "<i8",
          "(6,)",
          none,
          not_labels },
        { { EDGES_CALL("--weights", "w.npy"), "w.npy", NULL },
          "<f4",
          "(5,)",
          no_reals,
          not_edge_list },
        { { EDGES_CALL("--times", "t.npy"), "t.npy", NULL },
          "<i8",
          "(5,)",
          no_times,
          not_edge_list },
        { { EDGES_CALL("--node-times", "n.npy"), "n.npy", NULL },
          "<i8",
          "(6,)",
          no_times,
          not_node_list },
        { { MANIFEST_CALL, "e.npy", NULL }, "<i8", "(2, 5)", no_integers, not_pairs },
        { { MANIFEST_CALL, "x.npy", NULL }, "<f4", "(6, 2)", none, not_nodes },
        { { MANIFEST_CALL, "y.npy", NULL }, "<i8", "(6,)", none, not_labels },
        { { MANIFEST_CALL, "n.npy", NULL }, "<i8", "(6,)", no_times, not_node_list },
        { { MANIFEST_CALL, "w.npy", NULL }, "<f4", "(5,)", no_reals, not_edge_list },
        { { MANIFEST_CALL, "t.npy", NULL }, "<i8", "(5,)", no_times, not_edge_list },
        { { MANIFEST_CALL, "f.npy", NULL }, "<f4", "(5, 2)", none, not_edges },
        { { MANIFEST_CALL, "train.npy", NULL }, "<i4", "(3,)", no_integers, not_ids },
        { { MANIFEST_CALL, "val.npy", NULL }, "<i4", "(1,)", no_integers, not_ids },
        { { MANIFEST_CALL, "test.npy", NULL }, "<i4", "(1,)", no_integers, not_ids },
        { { ARGUMENTS("sample", "g", "--input", "train.npy"), "train.npy", NULL },
          "<i4",
          "(3,)",
          no_integers,
          not_ids },
    };
    enum { COUNT = sizeof all / sizeof all[0] };
    static const char *words[COUNT][16]; /* the compound literals end with this function */
    ck_assert_int_lt(index, COUNT);
    subject of = all[index];
    for (int i = 0; i == 0 || words[index][i - 1] != NULL; i++)
        words[index][i] = of.is.call[i];
    of.is.call = words[index];
    return of;
}
enum { SUBJECTS = 18 };

/* The file's bytes; freed by the caller. */
static unsigned char *right_bytes(const subject *of, size_t *bytes)
{
    return (unsigned char *)get_file(of->is.file, bytes);
}

START_TEST(npy_that_is_missing_empty_or_foreign_is_refused_by_name)
{
    subject of = subject_at(_i);
    refuse_foreign(&of.is);
}
END_TEST

START_TEST(npy_cut_at_each_field_is_refused_by_name)
{
    subject of = subject_at(_i);
    size_t bytes;
    unsigned char *right = right_bytes(&of, &bytes);
    char *text = (char *)right + 10;
    /* Ends of magic, version and header length, inside each key and value, before and in the data.
     */
    const size_t cuts[] = { 1,
                            5,
                            6,
                            7,
                            8,
                            9,
                            10,
                            11,
                            (size_t)(strstr(text, "descr") - (char *)right) + 2,
                            (size_t)(strstr(text, "<") - (char *)right) + 1,
                            (size_t)(strstr(text, "fortran") - (char *)right),
                            (size_t)(strstr(text, "False") - (char *)right) + 2,
                            (size_t)(strstr(text, "shape") - (char *)right) + 5,
                            (size_t)(strstr(text, "(") - (char *)right) + 1,
                            (size_t)(strstr(text, ")") - (char *)right),
                            (size_t)(strstr(text, "}") - (char *)right) + 1,
                            HEADER - 1,
                            HEADER,
                            HEADER + 1,
                            bytes - 4,
                            bytes - 1 };
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        char how[64];
        snprintf(how, sizeof how, "cut to %zu of %zu bytes", cuts[i], bytes);
        refuse_contents(&of.is, right, cuts[i], how);
    }
    free(right);
}
END_TEST

START_TEST(npy_with_a_wrong_head_is_refused_by_name)
{
    subject of = subject_at(_i);
    size_t bytes;
    unsigned char *right = right_bytes(&of, &bytes);
    static const struct {
        int at, value;
        const char *how;
    } changes[] = {
        { 0, 0x92, "wrong magic" },
        { 1, 'n', "wrong magic" },
        { 5, 'X', "wrong magic" },
        { 6, 9, "version 9" },
        { 6, 0, "version 0" },
        { 8, 0, "header of 0 bytes" },
        { 8, 0x77, "header a byte longer" },
        { 9, 0xff, "header longer than the file" },
        { 10, '[', "no dictionary" },
        { 127, ' ', "header without its end" },
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        unsigned char kept = right[changes[i].at];
        right[changes[i].at] = (unsigned char)changes[i].value;
        if (i != 9) /* blanks to the end are a header, too */
            refuse_contents(&of.is, right, bytes, changes[i].how);
        right[changes[i].at] = kept;
    }
    /* More than the shape says. */
    unsigned char *longer = realloc(right, bytes + 8);
    ck_assert_ptr_nonnull(longer);
    memset(longer + bytes, 0, 8);
    refuse_contents(&of.is, longer, bytes + 8, "8 bytes more");
    free(longer);
}
END_TEST

static void refuse_npy(const subject *of, const char *descr, const char *shape, size_t bytes)
{
    static const char zeros[256];
    char how[128];
    put_npy(of->is.file, descr, shape, zeros, bytes);
    snprintf(how, sizeof how, "'%s' %s", descr, shape);
    expect_refused(&of->is, how);
}

START_TEST(npy_with_a_wrong_type_or_shape_is_refused_by_name)
{
    static const char *const never[] = { "|O",  "|S4", "<U2", ">i8", ">f4", "<i3",  "<f16",
                                         "<M8", "|V8", "i8<", "",    "<i",  "<i88", "i" };
    subject of = subject_at(_i);
    size_t bytes;
    unsigned char *right = right_bytes(&of, &bytes);
    size_t data = bytes - HEADER, count = data / (size_t)(of.descr[2] - '0');
    free(right);
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
        refuse_npy(&of, never[i], of.shape, data);
    for (int i = 0; of.wrong_types[i] != NULL; i++)
        refuse_npy(&of, of.wrong_types[i], of.shape, count * (size_t)(of.wrong_types[i][2] - '0'));
    for (const wrong_shape *at = of.wrong_shapes; at->shape != NULL; at++)
        refuse_npy(&of, of.descr, at->shape, at->count * (size_t)(of.descr[2] - '0'));
}
END_TEST

START_TEST(npy_of_an_absurd_size_is_refused_by_name)
{
    static const char *const shapes[] = { "(2, 4611686018427387904)",
                                          "(9223372036854775807,)",
                                          "(9223372036854775807, 9223372036854775807)",
                                          "(18446744073709551616,)",
                                          "(99999999999999999999999, 1)",
                                          "(-1,)",
                                          "(2, -5)",
                                          "(1, 1, 1, 1, 1, 1, 1, 1, 1)",
                                          "(3000000000000,)",
                                          "(2, 5",
                                          "2, 5",
                                          "(2.0, 5)",
                                          "(2, x)",
                                          "None" };
    subject of = subject_at(_i);
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        refuse_npy(&of, of.descr, shapes[i], 80);
}
END_TEST

START_TEST(npy_of_edges_with_an_id_out_of_range_is_refused_by_name)
{
    static const int64_t bad[] = { -1, INT64_MIN, 6, INT64_MAX, (int64_t)1 << 32 };
    subject of = subject_at(7); /* e.npy of a manifest that says how many nodes there are */
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        for (int row = 0; row < 2; row++) {
            int64_t edges[2][EDGES] = { { 0, 1, 2, 3, 4 }, { 1, 2, 3, 4, 5 } };
            char how[64];
            edges[row][3] = bad[i];
            put_npy("e.npy", "<i8", "(2, 5)", edges, sizeof edges);
            snprintf(how, sizeof how, "id %lld in row %d", (long long)bad[i], row);
            expect_refused(&of.is, how);
        }
}
END_TEST

START_TEST(npy_of_a_split_with_wrong_ids_is_refused_by_name)
{
    static const int32_t bad[][3] = { { 0, 1, -1 }, { 0, 6, 1 }, { 0, 1, 3 }, { 1, 2, 1 << 30 } };
    subject of = subject_at(14);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        put_npy("train.npy", "<i4", "(3,)", bad[i], sizeof bad[i]);
        of.is.name =
            i == 2 ? "val.npy" : "train.npy"; /* of two that overlap the later one is named */
        expect_refused(&of.is, i == 2 ? "overlaps val" : "id out of range");
    }
}
END_TEST

START_TEST(npy_of_weights_that_are_none_is_refused_by_name)
{
    static const uint32_t bad[] = { 0x7fc00000, 0xbf800000, 0x7f800000, 0xff800000 };
    subject of = subject_at(11);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint32_t weights[EDGES] = { 0x3f800000, 0, 0x3f800000, 0x3f800000, 0x3f800000 };
        weights[2] = bad[i];
        put_npy("w.npy", "<f4", "(5,)", weights, sizeof weights);
        if (i != 2) /* whether an infinite weight is one is the sampler's business */
            expect_refused(&of.is, "NaN or negative");
    }
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("broken_npy");
    tcase_add_checked_fixture(cases, put_right_files, workspace_remove);
    tcase_set_timeout(cases, 300);
    tcase_add_loop_test(cases, npy_that_is_missing_empty_or_foreign_is_refused_by_name, 0,
                        SUBJECTS);
    tcase_add_loop_test(cases, npy_cut_at_each_field_is_refused_by_name, 0, SUBJECTS);
    tcase_add_loop_test(cases, npy_with_a_wrong_head_is_refused_by_name, 0, SUBJECTS);
    tcase_add_loop_test(cases, npy_with_a_wrong_type_or_shape_is_refused_by_name, 0, SUBJECTS);
    tcase_add_loop_test(cases, npy_of_an_absurd_size_is_refused_by_name, 0, SUBJECTS);
    tcase_add_test(cases, npy_of_edges_with_an_id_out_of_range_is_refused_by_name);
    tcase_add_test(cases, npy_of_a_split_with_wrong_ids_is_refused_by_name);
    tcase_add_test(cases, npy_of_weights_that_are_none_is_refused_by_name);
    return run_cases("broken_npy", cases);
}
