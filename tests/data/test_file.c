/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include "base/mem.h"
#include "data/support/faults.h"
#include "data/support/folder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

START_TEST(map_of_a_file_is_its_bytes)
{
    sn__map map;
    put_file(in_folder("a"), "seine\0x", 7);
    int files = count_open_files();
    ck_ok(sn__map_open(in_folder("a"), &map));
    ck_assert_uint_eq(map.bytes, 7);
    ck_assert_mem_eq(map.data, "seine\0x", 7);
    ck_assert_int_eq(count_open_files(), files);
    ck_assert_int_eq(count_mappings(in_folder("a")), 1);
    sn__map_close(&map);
    ck_assert_int_eq(count_mappings(in_folder("a")), 0);
    ck_assert_ptr_null(map.data);
    sn__map_close(&map); /* closed already: fine */
}
END_TEST

START_TEST(map_of_an_empty_file_is_empty)
{
    sn__map map = { .bytes = 3 };
    put_file(in_folder("empty"), "", 0);
    ck_ok(sn__map_open(in_folder("empty"), &map));
    ck_assert_ptr_null(map.data);
    ck_assert_uint_eq(map.bytes, 0);
    sn__map_forget(&map, 0, 10);
    sn__map_close(&map);
}
END_TEST

START_TEST(map_of_what_is_no_regular_file_fails_naming_it)
{
    sn__map map = { .bytes = 3 };
    ck_fails(sn__map_open(in_folder("absent"), &map), SN_E_SYSTEM, in_folder("absent"));
    ck_fails(sn__map_open(in_folder("absent"), &map), SN_E_SYSTEM, "No such file");
    ck_fails(sn__map_open(in_folder("%s", ""), &map), SN_E_SYSTEM, "is a directory");
    ck_fails(sn__map_open("/dev/zero", &map), SN_E_SYSTEM, "/dev/zero: is not a regular file");
    ck_assert_int_eq(mkfifo(in_folder("pipe"), 0600), 0);
    ck_fails(sn__map_open(in_folder("pipe"), &map), SN_E_SYSTEM, "is not a regular file");
    ck_assert_uint_eq(map.bytes, 3);
}
END_TEST

/* Bytes of the mapping that are resident in this process, by the kernel's own account. */
static size_t resident(const char *path)
{
    char line[1024];
    size_t kib = 0;
    bool inside = false;
    FILE *file = fopen("/proc/self/smaps", "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file) != NULL) {
        if (strstr(line, path) != NULL)
            inside = true;
        else if (inside && sscanf(line, "Rss: %zu kB", &kib) == 1)
            break;
    }
    fclose(file);
    return kib * 1024;
}

START_TEST(map_that_is_forgotten_gives_its_pages_back_and_reads_the_same)
{
    enum { BYTES = 1 << 22 };
    char *data = malloc(BYTES);
    ck_assert_ptr_nonnull(data);
    for (size_t i = 0; i < BYTES; i++)
        data[i] = (char)(i * 7 / 5);
    put_file(in_folder("big"), data, BYTES);
    sn__map map;
    ck_ok(sn__map_open(in_folder("big"), &map));
    ck_assert_mem_eq(map.data, data, BYTES);
    ck_assert_uint_ge(resident(in_folder("big")), BYTES);
    sn__map_forget(&map, 0, BYTES / 2 + 1); /* the page in the middle stays */
    size_t left = resident(in_folder("big"));
    ck_assert_uint_ge(left, BYTES / 2);
    ck_assert_uint_le(left, BYTES / 2 + 65536);
    ck_assert_mem_eq(map.data, data, BYTES);
    sn__map_forget(&map, 5000, BYTES);
    ck_assert_uint_le(resident(in_folder("big")), 8192);
    sn__map_forget(&map, 1, SIZE_MAX); /* overflows: ignored */
    sn__map_forget(&map, BYTES + 5, 10);
    ck_assert_mem_eq(map.data, data, BYTES);
    sn__map_close(&map);
    free(data);
}
END_TEST

START_TEST(read_of_a_text_ends_with_a_zero_byte)
{
    char *text;
    size_t bytes;
    put_text(in_folder("a"), "two\nlines");
    ck_ok(sn__file_read(in_folder("a"), 9, &text, &bytes));
    ck_assert_str_eq(text, "two\nlines");
    ck_assert_uint_eq(bytes, 9);
    sn__mem_free(text);
    put_text(in_folder("a"), "");
    ck_ok(sn__file_read(in_folder("a"), 0, &text, &bytes));
    ck_assert_str_eq(text, "");
    ck_assert_uint_eq(bytes, 0);
    sn__mem_free(text);
}
END_TEST

/* The kernel's own files say that they have 0 bytes. */
START_TEST(read_of_a_file_without_a_size_reads_all_of_it)
{
    char *text;
    size_t bytes;
    ck_ok(sn__file_read("/proc/self/status", 1 << 20, &text, &bytes));
    ck_assert_ptr_nonnull(strstr(text, "voluntary_ctxt_switches"));
    ck_assert_uint_eq(bytes, strlen(text));
    sn__mem_free(text);
    ck_fails(sn__file_read("/proc/self/status", 100, &text, &bytes), SN_E_FORMAT,
             "/proc/self/status: longer than 100 bytes");
}
END_TEST

START_TEST(read_of_a_wrong_file_fails_naming_it)
{
    char *text = NULL;
    size_t bytes = 77;
    put_text(in_folder("long"), "12345678901");
    put_file(in_folder("zero"), "ab\0c", 4);
    ck_fails(sn__file_read(in_folder("long"), 10, &text, &bytes), SN_E_FORMAT,
             "long: 11 bytes, more than 10");
    ck_fails(sn__file_read(in_folder("zero"), 10, &text, &bytes), SN_E_FORMAT, "byte 2 is zero");
    ck_fails(sn__file_read(in_folder("absent"), 10, &text, &bytes), SN_E_SYSTEM, "absent");
    ck_fails(sn__file_read(in_folder("%s", ""), 10, &text, &bytes), SN_E_SYSTEM, "directory");
    ck_assert_ptr_null(text);
    ck_assert_uint_eq(bytes, 77);
}
END_TEST

START_TEST(read_that_is_interrupted_goes_on)
{
    char *text;
    size_t bytes;
    put_text(in_folder("a"), "text");
    fault_arm(FAULT_read, 1, 2, EINTR);
    ck_ok(sn__file_read(in_folder("a"), 10, &text, &bytes));
    ck_assert_int_eq(fault_disarm(), 3);
    ck_assert_str_eq(text, "text");
    sn__mem_free(text);
}
END_TEST

START_TEST(read_and_map_that_the_system_refuses_leave_nothing)
{
    static const struct {
        enum fault call;
        sn_status status;
    } faults[] = { { FAULT_openat, SN_E_SYSTEM },
                   { FAULT_fstat, SN_E_SYSTEM },
                   { FAULT_read, SN_E_SYSTEM },
                   { FAULT_mmap, SN_E_NOMEM },
                   { FAULT_realloc, SN_E_NOMEM } };
    char *text = NULL;
    size_t bytes;
    sn__map map = { 0 };
    put_text(in_folder("a"), "text");
    int files = count_open_files();
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        bool read = faults[i].call != FAULT_mmap;
        fault_arm(faults[i].call, 1, 0, faults[i].call == FAULT_mmap ? ENOMEM : EIO);
        sn_status status = read ? sn__file_read(in_folder("a"), 10, &text, &bytes)
                                : sn__map_open(in_folder("a"), &map);
        ck_assert_int_eq(fault_disarm(), 1);
        ck_assert_int_eq(status, faults[i].status);
        check_detail(in_folder("a"), __FILE__, __LINE__);
        ck_assert_int_eq(count_open_files(), files);
    }
    ck_assert_ptr_null(text);
    ck_assert_ptr_null(map.data);
}
END_TEST

START_TEST(join_puts_a_slash_between_unless_the_name_is_absolute)
{
    char *path;
    ck_ok(sn__path_join("a/b", "c.npy", &path));
    ck_assert_str_eq(path, "a/b/c.npy");
    sn__mem_free(path);
    ck_ok(sn__path_join("a/b", "/c.npy", &path));
    ck_assert_str_eq(path, "/c.npy");
    sn__mem_free(path);
    ck_ok(sn__path_join("", "", &path));
    ck_assert_str_eq(path, "/");
    sn__mem_free(path);
}
END_TEST

START_TEST(temporary_names_differ_and_keep_the_path)
{
    char *a, *b;
    ck_ok(sn__path_temporary("x/y", &a));
    ck_ok(sn__path_temporary("x/y", &b));
    ck_assert_uint_eq(strlen(a), strlen("x/y.tmp.XXXXXX"));
    ck_assert_mem_eq(a, "x/y.tmp.", 8);
    ck_assert_uint_eq(
        strspn(a + 8, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"), 6);
    ck_assert_str_ne(a, b);
    sn__mem_free(a);
    sn__mem_free(b);
    fault_arm(FAULT_getrandom, 1, 0, ENOSYS);
    ck_fails(sn__path_temporary("x/y", &a), SN_E_SYSTEM, "x/y");
    fault_disarm();
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("file");
    tcase_add_test(cases, map_of_a_file_is_its_bytes);
    tcase_add_test(cases, map_of_an_empty_file_is_empty);
    tcase_add_test(cases, map_of_what_is_no_regular_file_fails_naming_it);
    tcase_add_test(cases, map_that_is_forgotten_gives_its_pages_back_and_reads_the_same);
    tcase_add_test(cases, read_of_a_text_ends_with_a_zero_byte);
    tcase_add_test(cases, read_of_a_file_without_a_size_reads_all_of_it);
    tcase_add_test(cases, read_of_a_wrong_file_fails_naming_it);
    tcase_add_test(cases, read_that_is_interrupted_goes_on);
    tcase_add_test(cases, read_and_map_that_the_system_refuses_leave_nothing);
    tcase_add_test(cases, join_puts_a_slash_between_unless_the_name_is_absolute);
    tcase_add_test(cases, temporary_names_differ_and_keep_the_path);
    return run_in_folder("file", cases);
}
