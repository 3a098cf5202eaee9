/* SPDX-License-Identifier: Apache-2.0 */
/* Writing dataset directories: what is refused, and that a failing step leaves the old or the new.
 */
#include "base/mem.h"
#include "data/support/faults.h"
#include "data/support/folder.h"
#include "data/support/sample.h"
#include "engine/data/dataset.h"
#include "engine/data/spill.h"
#include "engine/data/writer.h"
#include "seine/log.h"
#include "support/scale.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static sn__writer *begin(void)
{
    sn__writer *writer;
    ck_ok(sn__writer_begin(in_folder("out"), &writer));
    return writer;
}

START_TEST(writer_refuses_what_no_dataset_has)
{
    sn__writer *writer = begin();
    int32_t index = 77;
    ck_fails(sn__writer_node_type(writer, "a__b", 1, &index), SN_E_FORMAT, "contains '__'");
    ck_fails(sn__writer_node_type(writer, "a", -1, &index), SN_E_FORMAT, "count -1");
    ck_ok(sn__writer_node_type(writer, "a", 1, &index));
    ck_assert_int_eq(index, 0);
    ck_fails(sn__writer_node_type(writer, "a", 1, &index), SN_E_FORMAT, "'a' is there twice");
    ck_ok(sn__writer_node_type(writer, "b", 1, &index));
    ck_assert_int_eq(index, 1);
    ck_fails(sn__writer_edge_type(writer, "a", "to", "c", 1, &index), SN_E_FORMAT, "named 'c'");
    ck_fails(sn__writer_edge_type(writer, "a", "_to", "b", 1, &index), SN_E_FORMAT, "'_to'");
    ck_fails(sn__writer_edge_type(writer, "a", "to", "b", -1, &index), SN_E_FORMAT, "count -1");
    ck_ok(sn__writer_edge_type(writer, "a", "to", "b", 1, &index));
    ck_assert_int_eq(index, 0);
    ck_fails(sn__writer_edge_type(writer, "a", "to", "b", 1, &index), SN_E_FORMAT, "there twice");
    ck_fails(sn__writer_node_array(writer, 2, "x", "f"), SN_E_INVALID, "no node type has index 2");
    ck_fails(sn__writer_node_array(writer, -1, "x", "f"), SN_E_INVALID,
             "no node type has index -1");
    ck_fails(sn__writer_edge_array(writer, 1, "x", "f"), SN_E_INVALID, "no edge type has index 1");
    ck_fails(sn__writer_edge_array(writer, -1, "x", "f"), SN_E_INVALID,
             "no edge type has index -1");
    ck_fails(sn__writer_node_array(writer, 0, "csr.indptr", "f"), SN_E_INVALID,
             "role 'csr.indptr'");
    ck_fails(sn__writer_edge_array(writer, 0, "y", "f"), SN_E_INVALID, "role 'y'");
    ck_fails(sn__writer_edge_array(writer, 0, "x", "../f"), SN_E_FORMAT, "'../f'");
    ck_ok(sn__writer_edge_array(writer, 0, "x", "f"));
    ck_fails(sn__writer_edge_array(writer, 0, "x", "g"), SN_E_INVALID,
             "'g' is there already, as f");
    ck_fails(sn__writer_link(writer, "", "f"), SN_E_FORMAT, "link name '' is empty");
    ck_fails(sn__writer_link(writer, "a\tb", "f"), SN_E_FORMAT, "has a control character");
    ck_ok(sn__writer_link(writer, "pairs", "f"));
    ck_fails(sn__writer_link(writer, "pairs", "g"), SN_E_FORMAT, "link 'pairs' is there twice");
    ck_fails(sn__writer_info(writer, NULL), SN_E_NOMEM, "info");
    sn__writer_abort(writer);
    sn__writer_abort(NULL);
    ck_assert_str_eq(list_dir(in_folder("%s", "")), "");
}
END_TEST

START_TEST(writer_does_not_commit_what_cannot_be_opened)
{
    int32_t index;
    sn__writer *writer = begin(); /* nothing in it */
    ck_fails(sn__writer_commit(writer, 1, NULL), SN_E_CORRUPT, "has no node type");
    writer = begin();
    ck_ok(sn__writer_node_type(writer, "a", 1, &index));
    ck_fails(sn__writer_commit(writer, 1, NULL), SN_E_CORRUPT, "has no edge type");
    writer = begin();
    ck_ok(sn__writer_node_type(writer, "a", 1, &index));
    ck_ok(sn__writer_edge_type(writer, "a", "to", "a", 0, &index));
    ck_fails(sn__writer_commit(writer, 1, NULL), SN_E_CORRUPT, "has neither csr nor csc");
    writer = begin();
    ck_ok(sn__writer_node_type(writer, "a", 1, &index));
    ck_ok(sn__writer_node_array(writer, index, "x", "absent.npy"));
    ck_fails(sn__writer_commit(writer, 1, NULL), SN_E_SYSTEM, "absent.npy");
    ck_assert_str_eq(list_dir(in_folder("%s", "")), "");
}
END_TEST

START_TEST(writer_begun_over_a_foreign_directory_is_refused)
{
    sn__writer *writer = NULL;
    make_dir(in_folder("out"));
    put_text(in_folder("out/mine"), "");
    ck_fails(sn__writer_begin(in_folder("out"), &writer), SN_E_EXISTS, in_folder("out"));
    ck_assert_ptr_null(writer);
    ck_assert_str_eq(list_dir(in_folder("%s", "")), "out");
}
END_TEST

START_TEST(writer_carries_information_and_the_unlabelled_label)
{
    sample s = sample_make();
    ck_ok(sample_write(&s, in_folder("out")));
    json_t *root = json_load_file(in_folder("out/META.json"), 0, NULL);
    ck_assert_ptr_nonnull(root);
    json_t *expected = json_pack("{s:s, s:[i,i]}", "name", "sample", "classes", 1, 2);
    ck_assert(json_equal(json_object_get(root, "info"), expected));
    ck_assert_int_eq(json_integer_value(json_object_get(root, "version")), 1);
    json_decref(expected);
    json_decref(root);
}
END_TEST

/* Links go into the fingerprint by name, not in the order in which they came. */
START_TEST(fingerprint_does_not_depend_on_the_order_of_links)
{
    static const char *const names[2][4] = { { "b", "a", "ab" }, { "ab", "b", "a" } };
    char first[64] = "";
    for (int round = 0; round < 2; round++) {
        sample s = sample_make();
        const char *fingerprint;
        memcpy(s.links, names[round], sizeof s.links);
        ck_ok(sample_write(&s, in_folder("out")));
        sn_dataset *dataset = sample_open(in_folder("out"), SN_LOAD_MAP);
        ck_ok(sn_dataset_fingerprint(dataset, &fingerprint));
        if (round == 0)
            snprintf(first, sizeof first, "%s", fingerprint);
        ck_assert_str_eq(fingerprint, first);
        ck_ok(sn_dataset_verify(dataset, NULL, NULL));
        sn_dataset_release(dataset);
    }
}
END_TEST

START_TEST(spill_gives_what_was_written_and_no_more)
{
    sn__writer *writer = begin();
    sn__spill spill, none;
    char text[8] = "";
    ck_ok(sn__spill_make(writer, 4096, &spill));
    ck_fails(sn__spill_make(writer, (size_t)INT64_MAX + 1, &none), SN_E_NOMEM, "temporary file");
    ck_ok(sn__spill_write(&spill, 4092, "tail", 4));
    ck_assert_mem_eq(spill.data + 4092, "tail", 4);
    ck_ok(sn__spill_read(&spill, 4092, text, 4));
    ck_assert_str_eq(text, "tail");
    ck_fails(sn__spill_read(&spill, 4093, text, 4), SN_E_SYSTEM, "temporary file: ends at 4096");
    ck_fails(sn__spill_read(&spill, 4096, text, 1), SN_E_SYSTEM, "temporary file: ends at 4096");
    sn__spill_free(&spill);
    sn__spill_free(&spill); /* nothing */
    sn__writer_abort(writer);
    ck_assert_str_eq(list_dir(in_folder("%s", "")), "");
}
END_TEST

/* Names of types in many scripts, and where UTF-8 ends. */
static const struct {
    const char *name, *fault; /* NULL: fine */
} type_names[] = {
    { "a", NULL },
    { "a_b", NULL },
    { "a b.c-d/e", NULL },
    { "\xc3\xa9t\xc3\xa9", NULL },
    { "\xe7\xb6\xb2", NULL },
    { "\xf0\x9f\x90\x9f", NULL },
    { "\xed\x9f\xbf", NULL },     /* the last before the surrogates */
    { "\xf4\x8f\xbf\xbf", NULL }, /* the last of all */
    { "others", NULL },
    { "", "is empty" },
    { "__", "contains '__'" },
    { "a__b", "contains '__'" },
    { "_a", "begins or ends with '_'" },
    { "a_", "begins or ends with '_'" },
    { "_", "begins or ends with '_'" },
    { "other", "is reserved" },
    { "a\nb", "has a control character" },
    { "a\x7f", "has a control character" },
    { "\xc2\x9f", "has a control character" },
    { "\x80", "is not UTF-8" },
    { "\xff", "is not UTF-8" },
    { "\xc1\x81", "is not UTF-8" },     /* overlong */
    { "\xe0\x81\x81", "is not UTF-8" }, /* overlong */
    { "\xf0\x81\x81\x81", "is not UTF-8" },
    { "\xed\xa0\x80", "is not UTF-8" }, /* a surrogate */
    { "\xf4\x90\x80\x80", "is not UTF-8" },
    { "\xf5\x80\x80\x80", "is not UTF-8" },
    { "a\xc3", "is not UTF-8" },
    { "\xe7\xb6", "is not UTF-8" },
    { "\xf0\x9f\x90", "is not UTF-8" },
    { "\xf0\x9f\x90z", "is not UTF-8" },
};

START_TEST(type_names_are_checked)
{
    if (type_names[_i].fault == NULL)
        ck_ok(sn__type_name_check(type_names[_i].name, "here"));
    else
        ck_fails(sn__type_name_check(type_names[_i].name, "here"), SN_E_FORMAT,
                 type_names[_i].fault);
    char longest[257];
    memset(longest, 'x', 256);
    longest[256] = '\0';
    ck_fails(sn__type_name_check(longest, "here"), SN_E_FORMAT, "here: type name");
    longest[255] = '\0';
    ck_ok(sn__type_name_check(longest, "here"));
}
END_TEST

/* A dataset may have more types than a line of detail has room for. */
START_TEST(list_of_names_that_is_too_long_is_cut)
{
    int32_t index;
    sn_node_spec nodes[10] = { { .name = NULL } };
    char names[10][256];
    for (int i = 0; i < 10; i++) {
        memset(names[i], 'a' + i, 200);
        names[i][200] = '\0';
        nodes[i] = (sn_node_spec){ .name = names[i], .count = 1 };
    }
    int64_t none[2];
    sn_edge_spec edge = { .src = names[0],
                          .rel = "to",
                          .dst = names[1],
                          .edge_index = { .tensor = { none, { SN_INT, 64 }, 2, { 2, 0, 1, 1 } } } };
    sn_dataset *dataset;
    ck_ok(sn_dataset_create(SN_DATASET_SPEC(.num_node_types = 10, .node_types = nodes,
                                            .num_edge_types = 1, .edge_types = &edge),
                            &dataset));
    ck_fails(sn_dataset_find_node_type(dataset, "z", &index), SN_E_NOT_FOUND, ", ...");
    sn_dataset_release(dataset);
}
END_TEST

/* -- Progress and cancel -- */

static int calls, cancel_at;
static bool count_calls(void *context, const char *stage, uint64_t done, uint64_t total)
{
    (void)context;
    ck_assert_str_eq(stage, "hash");
    ck_assert_uint_le(done, total);
    return ++calls != cancel_at;
}

START_TEST(commit_that_is_cancelled_leaves_nothing)
{
    for (cancel_at = 1;; cancel_at++) {
        sample s = sample_make();
        sn__progress progress = { .call = count_calls };
        calls = 0;
        sn_status status = sample_write_watched(&s, in_folder("out"), &progress);
        if (status == SN_OK)
            break;
        ck_assert_int_eq(status, SN_E_CANCELLED);
        ck_assert_str_eq(list_dir(in_folder("%s", "")), "");
    }
    ck_assert_int_gt(cancel_at, 1);
    sn_dataset_release(sample_open(in_folder("out"), SN_LOAD_MAP));
}
END_TEST

/* -- Failing steps -- */

static void ignore_line(void *context, sn_log_level level, const char *line)
{
    (void)context;
    (void)level;
    (void)line;
}

static const struct {
    enum fault call;
    int error;
} steps[] = {
    { FAULT_calloc, ENOMEM }, { FAULT_realloc, ENOMEM },
    { FAULT_mmap, ENOMEM },   { FAULT_open, EMFILE },
    { FAULT_fopen, EMFILE },  { FAULT_fputs, ENOSPC },
    { FAULT_fclose, EIO },    { FAULT_posix_fallocate, ENOSPC },
    { FAULT_mkdir, ENOSPC },  { FAULT_fsync, EIO },
    { FAULT_renameat2, EIO }, { FAULT_fstat, EIO },
    { FAULT_read, EIO },      { FAULT_XXH3_createState, ENOMEM },
};

/* A call of a kind fails, each of the first and then one in some, from run to run others: the old
 * dataset or the new one is there, whole, and nothing else. */
START_TEST(writer_when_a_step_fails_leaves_the_old_or_the_new)
{
    int failures = 0;
    sample old = sample_make(), new = sample_make();
    sn_log_set_sink(ignore_line, NULL);
    new.x[0][0] = 99;
    ck_ok(sample_write(&old, in_folder("out")));
    int files = count_open_files();
    for (int n = 1;; n += 1 + (n + (int)(sn_test_seed() % 5)) / 20) {
        sn_node_info info;
        fault_arm(steps[_i].call, n, 0, steps[_i].error);
        sn_status status = sample_write(&new, in_folder("out"));
        int failed = fault_disarm();
        ck_assert_str_eq(list_dir(in_folder("%s", "")), "out");
        ck_assert_int_eq(count_open_files(), files);
        ck_assert_int_eq(count_mappings(in_folder("out")), 0);
        sn_dataset *dataset = sample_open(in_folder("out"), SN_LOAD_MAP);
        ck_ok(sn_dataset_verify(dataset, NULL, NULL));
        ck_ok(sn_dataset_node_type(dataset, 0, &info));
        ck_assert_int_eq(((const float *)info.x->data)[0] > 50, status == SN_OK);
        sn_dataset_release(dataset);
        if (failed == 0)
            break;
        failures += status != SN_OK;
        if (status == SN_OK) /* a call whose failure does no harm: the old one again */
            ck_ok(sample_write(&old, in_folder("out")));
    }
    ck_assert_int_gt(failures, 0);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("writer");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, writer_refuses_what_no_dataset_has);
    tcase_add_test(cases, writer_does_not_commit_what_cannot_be_opened);
    tcase_add_test(cases, writer_begun_over_a_foreign_directory_is_refused);
    tcase_add_test(cases, writer_carries_information_and_the_unlabelled_label);
    tcase_add_test(cases, fingerprint_does_not_depend_on_the_order_of_links);
    tcase_add_loop_test(cases, type_names_are_checked, 0, sizeof type_names / sizeof type_names[0]);
    tcase_add_test(cases, list_of_names_that_is_too_long_is_cut);
    tcase_add_test(cases, spill_gives_what_was_written_and_no_more);
    tcase_add_test(cases, commit_that_is_cancelled_leaves_nothing);
    tcase_add_loop_test(cases, writer_when_a_step_fails_leaves_the_old_or_the_new, 0,
                        sizeof steps / sizeof steps[0]);
    return run_in_folder("writer", cases);
}
