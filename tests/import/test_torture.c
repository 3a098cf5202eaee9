/* SPDX-License-Identifier: Apache-2.0 */
/* Whichever system call fails, and whenever: an import or a generator says so, and nothing is left.
 * Each call of each function fails in turn, until a run gets through without a failure. */
#include "data/support/faults.h"
#include "data/support/folder.h"
#include "import/make.h"
#include "seine/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char manifest[] =
    "{\"format\": \"seine-import-1\", \"note\": 1, \"node_types\": {\"a\": {\"count\": 3, \"x\":"
    " {\"file\": \"x.npy\", \"convert\": \"float16\"}, \"names\": \"names.txt\", \"more\": 2, "
    "\"splits\":"
    " {\"train\": \"s.npy\", \"odd\": 3}}}, \"edge_types\": [{\"type\": [\"a\", \"r\", \"a\"], "
    "\"files\":"
    " [\"e.npy\", \"e.npy\"], \"undirected\": true, \"deduplicate\": true, \"weights\": \"w.npy\","
    " \"more\": 4}], \"links\": {\"val_pos\": \"e.npy\"}}";

static void save_input(void)
{
    static const int32_t ids[] = { 0, 2, 1, 1, 1, 0 }, split[] = { 2, 0 };
    static const float numbers[] = { 1, 2, 3, 4, 5, 6 };
    save_array(in_folder("e.npy"), "int32", 2, 3, ids);
    save_array(in_folder("s.npy"), "int32", 2, -1, split);
    save_array(in_folder("w.npy"), "float32", 6, -1, numbers);
    save_array(in_folder("x.npy"), "float32", 3, 2, numbers);
    put_text(in_folder("names.txt"), "one\ntwo\nthree\n");
    put_text(in_folder("m.json"), manifest);
}

static sn_status import_all(void)
{
    return sn_import_manifest(in_folder("m.json"), in_folder("out"),
                              SN_IMPORT_OPTIONS(.threads = 2, .shuffle_ends = true));
}

static sn_status import_plain(void)
{
    return sn_import_edges(
        SN_IMPORT_FILES(.edges = in_folder("e.npy"), .weights = in_folder("s3.npy")),
        in_folder("out"), SN_IMPORT_OPTIONS(.threads = 1));
}

static sn_status generate(void)
{
    return sn_gen_rmat(SN_RMAT_OPTIONS(.scale = 4, .degree = 3, .feat_dim = 2, .threads = 2,
                                       .layout = SN_LAYOUT_CSC),
                       in_folder("out"));
}

/* What removing a directory needs is left out: when that fails something is left, and is logged. */
static const struct {
    enum fault function;
    int error;
    bool tolerated; /* a run may do without */
} faults[] = {
    { FAULT_calloc, ENOMEM, true }, /* jansson drops what it cannot allocate in its own cleanup */
    { FAULT_realloc, ENOMEM, false },
    { FAULT_mmap, ENOMEM, false },
    { FAULT_open, EMFILE, true }, /* control groups, the parent directory */
    { FAULT_fopen, EMFILE, true },
    { FAULT_read, EIO, false },
    { FAULT_pread, EIO, false },
    { FAULT_fputs, ENOSPC, false },
    { FAULT_fclose, EIO, true },
    { FAULT_posix_fallocate, ENOSPC, false },
    { FAULT_ftruncate, EIO, false },
    { FAULT_mkdir, ENOSPC, false },
    { FAULT_pthread_create, EAGAIN, true },
    { FAULT_XXH3_createState, ENOMEM, false },
};
enum { FAULTS_TRIED = sizeof faults / sizeof faults[0] };

/* Makes call after call fail; returns how many runs ended in an error. */
static int torture(sn_status (*make)(void), int fault, const char *before)
{
    int open_files = count_open_files(), errors = 0;
    for (int n = 1;; n++) {
        fault_arm(faults[fault].function, n, 0, faults[fault].error);
        /* jansson 2.14 writes outside its memory when its parser gets none */
        json_set_alloc_funcs(malloc, free);
        sn_status status = make();
        int failed = fault_disarm();
        if (status == SN_OK) {
            ck_assert_msg(failed == 0 || faults[fault].tolerated, "%s %d went unnoticed",
                          fault_name(faults[fault].function), n);
            remove_tree(in_folder("out"));
        } else {
            errors++;
            ck_assert_msg(failed > 0, "%s %d: %s", fault_name(faults[fault].function), n,
                          sn_error_detail());
            ck_assert_msg(status == SN_E_NOMEM || status == SN_E_SYSTEM || status == SN_E_FORMAT,
                          "%s %d: %s: %s", fault_name(faults[fault].function), n,
                          sn_status_name(status), sn_error_detail());
            ck_assert_str_ne(sn_error_detail(), "");
        }
        ck_assert_msg(strcmp(list_dir(in_folder(".")), before) == 0, "%s %d leaves %s",
                      fault_name(faults[fault].function), n, list_dir(in_folder(".")));
        ck_assert_msg(count_open_files() == open_files, "%s %d leaves a file open",
                      fault_name(faults[fault].function), n);
        if (failed == 0)
            return errors;
    }
}

static void torture_all(sn_status (*make)(void))
{
    char before[4096];
    ck_ok(make()); /* what is made once for the process is there now */
    remove_tree(in_folder("out"));
    snprintf(before, sizeof before, "%s", list_dir(in_folder(".")));
    int errors = 0;
    for (int f = 0; f < FAULTS_TRIED; f++)
        errors += torture(make, f, before);
    ck_assert_int_gt(errors, 50);
}

START_TEST(import_of_a_manifest_when_a_call_fails_leaves_nothing)
{
    save_input();
    sn_log_set_level(SN_LOG_ERROR); /* the information that is kept is told each time */
    torture_all(import_all);
}
END_TEST

START_TEST(import_of_edges_when_a_call_fails_leaves_nothing)
{
    static const float three[] = { 1, 2, 3 };
    save_input();
    save_array(in_folder("s3.npy"), "float32", 3, -1, three);
    torture_all(import_plain);
}
END_TEST

START_TEST(rmat_when_a_call_fails_leaves_nothing)
{
    torture_all(generate);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("torture");
    tcase_set_timeout(cases, 100);
    tcase_add_test(cases, import_of_a_manifest_when_a_call_fails_leaves_nothing);
    tcase_add_test(cases, import_of_edges_when_a_call_fails_leaves_nothing);
    tcase_add_test(cases, rmat_when_a_call_fails_leaves_nothing);
    return run_in_folder("torture of imports", cases);
}
