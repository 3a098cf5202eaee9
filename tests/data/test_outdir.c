/* SPDX-License-Identifier: Apache-2.0 */
/* Output directories: whole or not at all, and nothing else touched. */
#include "base/file.h"

#include "data/support/faults.h"
#include "data/support/folder.h"
#include "seine/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char dataset_meta[] = "{\"format\": \"seine-dataset\", \"version\": 1}";

/* A directory `name` that counts as a dataset, with a file and a folder inside. */
static void make_dataset(const char *name)
{
    make_dir(in_folder("%s", name));
    make_dir(in_folder("%s/part0", name));
    put_text(in_folder("%s/META.json", name), dataset_meta);
    put_text(in_folder("%s/part0/old.npy", name), "old");
}

static sn__outdir *begin(const char *path)
{
    sn__outdir *dir;
    ck_ok(sn__outdir_begin(path, &dir));
    return dir;
}

static void fill(const sn__outdir *dir)
{
    char path[800];
    snprintf(path, sizeof path, "%s/new.npy", sn__outdir_path(dir));
    put_text(path, "new");
    snprintf(path, sizeof path, "%s/part0", sn__outdir_path(dir));
    make_dir(path);
    snprintf(path, sizeof path, "%s/part0/deep.npy", sn__outdir_path(dir));
    put_text(path, "deep");
}

static void check_new(const char *name)
{
    size_t bytes;
    ck_assert_str_eq(list_dir(in_folder("%s", name)), "new.npy part0");
    char *text = get_file(in_folder("%s/part0/deep.npy", name), &bytes);
    ck_assert_str_eq(text, "deep");
    free(text);
}

START_TEST(commit_makes_a_directory_that_was_not_there_before)
{
    put_text(in_folder("beside"), "");
    sn__outdir *dir = begin(in_folder("out"));
    ck_assert_mem_eq(sn__outdir_path(dir), in_folder("out.tmp."), strlen(in_folder("out.tmp.")));
    fill(dir);
    ck_assert_int_eq(access(in_folder("out"), F_OK), -1);
    ck_ok(sn__outdir_commit(dir));
    check_new("out");
    ck_assert_str_eq(list_dir(in_folder("%s", "")), "beside out");
}
END_TEST

START_TEST(commit_gives_the_rights_that_mkdir_gives)
{
    struct stat out, made;
    ck_ok(sn__outdir_commit(begin(in_folder("out"))));
    make_dir(in_folder("made"));
    ck_assert_int_eq(stat(in_folder("out"), &out), 0);
    ck_assert_int_eq(stat(in_folder("made"), &made), 0);
    ck_assert_uint_eq(out.st_mode, made.st_mode);
}
END_TEST

START_TEST(abort_leaves_nothing_and_follows_no_link)
{
    put_text(in_folder("precious"), "keep");
    make_dir(in_folder("treasure"));
    put_text(in_folder("treasure/gold"), "keep");
    sn__outdir *dir = begin(in_folder("out"));
    fill(dir);
    char path[800];
    snprintf(path, sizeof path, "%s/link", sn__outdir_path(dir));
    ck_assert_int_eq(symlink(in_folder("precious"), path), 0);
    snprintf(path, sizeof path, "%s/part0/link", sn__outdir_path(dir));
    ck_assert_int_eq(symlink(in_folder("treasure"), path), 0);
    sn__outdir_abort(dir);
    ck_assert_str_eq(list_dir(in_folder("%s", "")), "precious treasure");
    ck_assert_str_eq(list_dir(in_folder("treasure")), "gold");
    sn__outdir_abort(NULL);
}
END_TEST

static const char *const trailing[] = { "out", "out/", "out///" };

START_TEST(commit_replaces_a_dataset_whole)
{
    make_dataset("out");
    put_text(in_folder("beside"), "");
    int files = count_open_files();
    sn__outdir *dir = begin(in_folder("%s", trailing[_i]));
    fill(dir);
    ck_assert_str_eq(list_dir(in_folder("out")), "META.json part0"); /* not touched before */
    ck_ok(sn__outdir_commit(dir));
    check_new("out");
    ck_assert_str_eq(list_dir(in_folder("out/part0")), "deep.npy");
    ck_assert_str_eq(list_dir(in_folder("%s", "")), "beside out");
    ck_assert_int_eq(count_open_files(), files);
}
END_TEST

START_TEST(commit_replaces_an_empty_directory)
{
    make_dir(in_folder("out"));
    sn__outdir *dir = begin(in_folder("out"));
    fill(dir);
    ck_ok(sn__outdir_commit(dir));
    check_new("out");
    ck_assert_str_eq(list_dir(in_folder("%s", "")), "out");
}
END_TEST

START_TEST(commit_through_a_link_replaces_what_it_points_to)
{
    make_dir(in_folder("far"));
    make_dataset("far/real");
    ck_assert_int_eq(symlink("far/real", in_folder("out")), 0);
    sn__outdir *dir = begin(in_folder("out"));
    fill(dir);
    ck_ok(sn__outdir_commit(dir));
    check_new("far/real");
    struct stat info;
    ck_assert_int_eq(lstat(in_folder("out"), &info), 0);
    ck_assert(S_ISLNK(info.st_mode));
    ck_assert_str_eq(list_dir(in_folder("far")), "real");
}
END_TEST

START_TEST(commit_of_a_relative_name_works)
{
    ck_assert_int_eq(chdir(in_folder("%s", "")), 0);
    sn__outdir *dir = begin("out");
    fill(dir);
    ck_ok(sn__outdir_commit(dir));
    check_new("out");
    ck_fails(sn__outdir_begin("./out", &dir), SN_E_EXISTS, "./out"); /* it has no META.json */
    ck_assert_str_eq(list_dir("."), "out");
    ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

/* As on a file system that knows neither flag. */
START_TEST(commit_without_exchange_gives_the_same_result)
{
    make_dataset("old");
    static const char *const outs[] = { "old", "new" };
    for (int i = 0; i < 2; i++) {
        sn__outdir *dir = begin(in_folder("%s", outs[i]));
        fill(dir);
        fault_arm(FAULT_renameat2, 1, 0, EINVAL);
        ck_ok(sn__outdir_commit(dir));
        ck_assert_int_eq(fault_disarm(), 1);
        check_new(outs[i]);
    }
    ck_assert_str_eq(list_dir(in_folder("%s", "")), "new old");
}
END_TEST

/* Both kinds of call fail in turn, so the wrapped rename is reached by its own counter. */
START_TEST(commit_without_exchange_that_fails_puts_the_old_one_back)
{
    make_dataset("out");
    for (int n = 1; n <= 2; n++) {
        sn__outdir *dir = begin(in_folder("out"));
        fill(dir);
        fault_no_exchange(true);
        fault_arm(FAULT_rename, n, 0, EIO);
        ck_fails(sn__outdir_commit(dir), SN_E_SYSTEM, "cannot rename to");
        ck_assert_int_eq(fault_disarm(), 1);
        fault_no_exchange(false);
        ck_assert_str_eq(list_dir(in_folder("out")), "META.json part0");
        ck_assert_str_eq(list_dir(in_folder("%s", "")), "out");
    }
}
END_TEST

static char logged[2000];
static void log_line(void *context, sn_log_level level, const char *line)
{
    (void)context;
    (void)level;
    snprintf(logged, sizeof logged, "%s", line);
}

START_TEST(commit_that_cannot_put_the_old_one_back_says_where_it_is)
{
    sn_log_set_sink(log_line, NULL);
    make_dataset("out");
    sn__outdir *dir = begin(in_folder("out"));
    fault_no_exchange(true);
    fault_arm(FAULT_rename, 2, 1, EIO);
    ck_fails(sn__outdir_commit(dir), SN_E_SYSTEM, "cannot rename to");
    ck_assert_int_eq(fault_disarm(), 2);
    fault_no_exchange(false);
    ck_assert_ptr_nonnull(strstr(logged, "the old directory is now"));
    ck_assert_ptr_nonnull(strstr(logged, list_dir(in_folder("%s", "")))); /* that alone is left */
    sn_log_set_sink(NULL, NULL);
}
END_TEST

START_TEST(commit_that_cannot_remove_the_old_one_succeeds_with_a_warning)
{
    sn_log_set_sink(log_line, NULL);
    make_dataset("out");
    sn__outdir *dir = begin(in_folder("out"));
    fill(dir);
    fault_arm(FAULT_unlinkat, 2, 100,
              EACCES); /* the first removes the mark of what is unfinished */
    ck_ok(sn__outdir_commit(dir));
    ck_assert_int_gt(fault_disarm(), 0);
    check_new("out");
    ck_assert_ptr_nonnull(strstr(logged, "out.tmp."));
    ck_assert_ptr_nonnull(strstr(logged, "cannot remove"));
    sn_log_set_sink(NULL, NULL);
}
END_TEST

/* As if the maker was killed: its directory stays, its lock goes with it. */
static void begin_and_die(const char *path)
{
    pid_t child = fork();
    if (child == 0) {
        sn__outdir *dir;
        if (sn__outdir_begin(path, &dir) != SN_OK)
            _exit(1);
        fill(dir);
        _exit(0);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}

START_TEST(begin_removes_what_a_killed_maker_left)
{
    begin_and_die(in_folder("out"));
    begin_and_die(in_folder("other"));
    ck_assert_ptr_nonnull(strstr(list_dir(in_folder("%s", "")), "out.tmp."));
    sn__outdir_abort(begin(in_folder("out")));
    ck_assert_ptr_null(strstr(list_dir(in_folder("%s", "")), "out.tmp."));
    ck_assert_ptr_nonnull(
        strstr(list_dir(in_folder("%s", "")), "other.tmp.")); /* not its business */
    sn__outdir_abort(begin(in_folder("other/")));
    ck_assert_str_eq(list_dir(in_folder("%s", "")), "");
}
END_TEST

START_TEST(begin_keeps_what_only_looks_like_left)
{
    make_dir(in_folder("out.tmp.backup")); /* somebody's own: no mark */
    put_text(in_folder("out.tmp.backup/precious"), "x");
    put_text(in_folder("out.tmp.file"), "x");
    sn__outdir *dir = begin(in_folder("out"));
    fill(dir);
    ck_ok(sn__outdir_commit(dir));
    ck_assert_str_eq(list_dir(in_folder("%s", "")), "out out.tmp.backup out.tmp.file");
    ck_assert_str_eq(list_dir(in_folder("out.tmp.backup")), "precious");
}
END_TEST

/* name, how it is made, what the detail says */
static const struct {
    const char *meta; /* NULL: no META.json */
    const char *detail;
} foreign[] = {
    { NULL, "not empty and no Seine dataset" },
    { "", "not empty and no Seine dataset" },
    { "{", "not empty and no Seine dataset" },
    { "[]", "not empty and no Seine dataset" },
    { "{\"format\": 1}", "not empty and no Seine dataset" },
    { "{\"format\": \"seine-import-1\"}", "not empty and no Seine dataset" },
    { "{\"version\": 1}", "not empty and no Seine dataset" },
};

START_TEST(begin_over_a_foreign_directory_is_refused)
{
    sn__outdir *dir = NULL;
    make_dir(in_folder("out"));
    put_text(in_folder("out/thesis.tex"), "years");
    if (foreign[_i].meta != NULL)
        put_text(in_folder("out/META.json"), foreign[_i].meta);
    ck_fails(sn__outdir_begin(in_folder("out"), &dir), SN_E_EXISTS, foreign[_i].detail);
    check_detail(in_folder("out"), __FILE__, __LINE__);
    ck_assert_ptr_null(dir);
    ck_assert_str_eq(list_dir(in_folder("%s", "")), "out");
}
END_TEST

START_TEST(begin_over_what_is_no_directory_is_refused)
{
    sn__outdir *dir = NULL;
    put_text(in_folder("file"), "");
    ck_assert_int_eq(symlink("nowhere", in_folder("dangling")), 0);
    ck_fails(sn__outdir_begin(in_folder("file"), &dir), SN_E_EXISTS, "not a directory");
    ck_fails(sn__outdir_begin(in_folder("dangling"), &dir), SN_E_EXISTS, "link to nothing");
    ck_fails(sn__outdir_begin(in_folder("file/out"), &dir), SN_E_SYSTEM, "file/out");
    ck_fails(sn__outdir_begin(in_folder("absent/out"), &dir), SN_E_SYSTEM, "absent/out");
    ck_fails(sn__outdir_begin("", &dir), SN_E_INVALID, "empty name");
    ck_fails(sn__outdir_begin("/", &dir), SN_E_EXISTS, "not empty");
    ck_assert_ptr_null(dir);
    ck_assert_str_eq(list_dir(in_folder("%s", "")), "dangling file");
}
END_TEST

START_TEST(begin_over_the_current_directory_is_refused)
{
    sn__outdir *dir = NULL;
    make_dir(in_folder("here"));
    ck_assert_int_eq(chdir(in_folder("here")), 0);
    ck_fails(sn__outdir_begin(".", &dir), SN_E_EXISTS, "current directory");
    ck_fails(sn__outdir_begin(in_folder("here"), &dir), SN_E_EXISTS, "current directory");
    ck_assert_ptr_null(dir);
    ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

START_TEST(commit_over_what_became_foreign_meanwhile_is_refused)
{
    make_dataset("out");
    sn__outdir *dir = begin(in_folder("out")), *other = begin(in_folder("new"));
    put_text(in_folder("out/META.json"), "{}");
    put_text(in_folder("new"), "a file");
    ck_fails(sn__outdir_commit(dir), SN_E_EXISTS, in_folder("out"));
    ck_fails(sn__outdir_commit(other), SN_E_EXISTS, in_folder("new"));
    ck_assert_str_eq(list_dir(in_folder("%s", "")), "new out");
    ck_assert_str_eq(list_dir(in_folder("out")), "META.json part0");
}
END_TEST

static void appear(void)
{
    make_dataset("out");
}

/* Between the last look and the rename. */
START_TEST(commit_never_overwrites_what_appears_in_the_last_moment)
{
    sn__outdir *dir = begin(in_folder("out"));
    fault_arm(FAULT_renameat2, 1, 0, 0);
    fault_hook = appear;
    ck_fails(sn__outdir_commit(dir), SN_E_EXISTS, "appeared meanwhile");
    fault_disarm();
    ck_assert_str_eq(list_dir(in_folder("%s", "")), "out");
    ck_assert_str_eq(list_dir(in_folder("out")), "META.json part0");
}
END_TEST

START_TEST(two_writers_of_one_name_do_not_disturb_each_other)
{
    make_dataset("out");
    sn__outdir *a = begin(in_folder("out"));
    int files = count_open_files();
    sn__outdir *b = begin(in_folder("out")); /* looks at a, and lets go of it */
    ck_assert_int_eq(count_open_files(), files + 1);
    ck_assert_str_ne(sn__outdir_path(a), sn__outdir_path(b));
    char path[800];
    snprintf(path, sizeof path, "%s/META.json", sn__outdir_path(a));
    put_text(path, dataset_meta);
    fill(b);
    ck_ok(sn__outdir_commit(a));
    ck_assert_str_eq(list_dir(in_folder("out")), "META.json");
    ck_ok(sn__outdir_commit(b));
    check_new("out");
    ck_assert_str_eq(list_dir(in_folder("%s", "")), "out");
}
END_TEST

START_TEST(begin_tries_another_name_when_one_is_taken)
{
    fault_arm(FAULT_mkdir, 1, 3, EEXIST);
    sn__outdir *dir = begin(in_folder("out"));
    ck_assert_int_eq(fault_disarm(), 4);
    sn__outdir_abort(dir);
    fault_arm(FAULT_mkdir, 1, 1000, EEXIST);
    ck_fails(sn__outdir_begin(in_folder("out"), &dir), SN_E_SYSTEM, "cannot make directory");
    ck_assert_int_eq(fault_disarm(), 100);
    ck_assert_str_eq(list_dir(in_folder("%s", "")), "");
}
END_TEST

/* Every system call that matters, failed once at every place where it is made: the old dataset or
 * the new one is there, and nothing else. */
static const struct {
    enum fault call;
    int error;
} steps[] = {
    { FAULT_calloc, ENOMEM },  { FAULT_getrandom, EAGAIN }, { FAULT_mkdir, ENOSPC },
    { FAULT_open, EMFILE },    { FAULT_openat, EMFILE },    { FAULT_fcntl, EMFILE },
    { FAULT_fstat, EIO },      { FAULT_stat, EIO },         { FAULT_readdir, EIO },
    { FAULT_realpath, EIO },   { FAULT_fsync, EIO },        { FAULT_renameat2, EIO },
    { FAULT_realloc, ENOMEM }, { FAULT_read, EIO },
};

START_TEST(outdir_when_a_step_fails_leaves_the_old_or_the_new)
{
    int files = count_open_files(), failures = 0;
    sn_log_set_sink(log_line, NULL);
    for (int n = 1, fired = 1; fired > 0; n++) {
        sn__outdir *dir = NULL;
        make_dataset("out");
        fault_arm(steps[_i].call, n, 0, steps[_i].error);
        sn_status status = sn__outdir_begin(in_folder("out"), &dir);
        if (status == SN_OK) {
            int armed = fault_disarm(); /* not for our own files */
            fill(dir);
            fault_arm(steps[_i].call, armed > 0 ? 1000000 : n, 0, steps[_i].error);
            status = sn__outdir_commit(dir);
            fired = armed + fault_disarm();
        } else {
            fired = fault_disarm();
        }
        failures += status != SN_OK;
        ck_assert_msg(status == SN_OK || status == SN_E_NOMEM ||
                          strstr(sn_error_detail(), "out") != NULL,
                      "%s %d: %s", fault_name(steps[_i].call), n, sn_error_detail());
        if (status == SN_OK)
            check_new("out");
        else
            ck_assert_str_eq(list_dir(in_folder("out")), "META.json part0");
        ck_assert_int_eq(count_open_files(), files);
        if (strcmp(list_dir(in_folder("%s", "")), "out") !=
            0) /* only if removing was what failed */
            ck_assert_msg(strstr(logged, "cannot remove") != NULL, "%s %d leaves %s",
                          fault_name(steps[_i].call), n, list_dir(in_folder("%s", "")));
        remove_tree(in_folder("out"));
        char *left = strdup(list_dir(in_folder("%s", "")));
        for (char *name = strtok(left, " "); name != NULL; name = strtok(NULL, " "))
            remove_tree(in_folder("%s", name));
        free(left);
        logged[0] = '\0';
        ck_assert_int_lt(n, 200);
    }
    ck_assert_int_gt(failures, 0); /* this call is made and its failure is heard of */
    sn_log_set_sink(NULL, NULL);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("outdir");
    tcase_add_test(cases, commit_makes_a_directory_that_was_not_there_before);
    tcase_add_test(cases, commit_gives_the_rights_that_mkdir_gives);
    tcase_add_test(cases, abort_leaves_nothing_and_follows_no_link);
    tcase_add_loop_test(cases, commit_replaces_a_dataset_whole, 0, 3);
    tcase_add_test(cases, commit_replaces_an_empty_directory);
    tcase_add_test(cases, commit_through_a_link_replaces_what_it_points_to);
    tcase_add_test(cases, commit_of_a_relative_name_works);
    tcase_add_test(cases, commit_without_exchange_gives_the_same_result);
    tcase_add_test(cases, commit_without_exchange_that_fails_puts_the_old_one_back);
    tcase_add_test(cases, commit_that_cannot_put_the_old_one_back_says_where_it_is);
    tcase_add_test(cases, commit_that_cannot_remove_the_old_one_succeeds_with_a_warning);
    tcase_add_test(cases, begin_removes_what_a_killed_maker_left);
    tcase_add_test(cases, begin_keeps_what_only_looks_like_left);
    tcase_add_loop_test(cases, begin_over_a_foreign_directory_is_refused, 0,
                        sizeof foreign / sizeof foreign[0]);
    tcase_add_test(cases, begin_over_what_is_no_directory_is_refused);
    tcase_add_test(cases, begin_over_the_current_directory_is_refused);
    tcase_add_test(cases, commit_over_what_became_foreign_meanwhile_is_refused);
    tcase_add_test(cases, commit_never_overwrites_what_appears_in_the_last_moment);
    tcase_add_test(cases, two_writers_of_one_name_do_not_disturb_each_other);
    tcase_add_test(cases, begin_tries_another_name_when_one_is_taken);
    tcase_add_loop_test(cases, outdir_when_a_step_fails_leaves_the_old_or_the_new, 0,
                        sizeof steps / sizeof steps[0]);
    return run_in_folder("outdir", cases);
}
