/* SPDX-License-Identifier: Apache-2.0 */
#include "data/support/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[256];

static void make_folder(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/seine-test-XXXXXX", base != NULL ? base : "/tmp");
    ck_assert_msg(mkdtemp(folder) != NULL, "cannot make %s", folder);
}

static void remove_folder(void)
{
    remove_tree(folder);
}

int run_in_folder(const char *name, TCase *cases)
{
    Suite *suite = suite_create(name);
    tcase_add_checked_fixture(cases, make_folder, remove_folder);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

const char *in_folder(const char *format, ...)
{
    static char paths[32][700];
    static int next;
    char *path = paths[next++ % 32];
    va_list args;
    size_t used = (size_t)snprintf(path, sizeof paths[0], "%s/", folder);
    va_start(args, format);
    vsnprintf(path + used, sizeof paths[0] - used, format, args);
    va_end(args);
    return path;
}

void put_file(const char *path, const void *data, size_t bytes)
{
    FILE *file = fopen(path, "wb");
    ck_assert_msg(file != NULL, "cannot create %s", path);
    ck_assert_uint_eq(fwrite(data, 1, bytes, file), bytes);
    ck_assert_int_eq(fclose(file), 0);
}

void put_text(const char *path, const char *text)
{
    put_file(path, text, strlen(text));
}

char *get_file(const char *path, size_t *bytes)
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "cannot open %s", path);
    ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
    *bytes = (size_t)ftell(file);
    rewind(file);
    char *data = malloc(*bytes + 1);
    ck_assert_ptr_nonnull(data);
    ck_assert_uint_eq(fread(data, 1, *bytes, file), *bytes);
    data[*bytes] = '\0';
    fclose(file);
    return data;
}

void copy_file(const char *from, const char *to)
{
    size_t bytes;
    char *data = get_file(from, &bytes);
    put_file(to, data, bytes);
    free(data);
}

void make_dir(const char *path)
{
    ck_assert_msg(mkdir(path, 0777) == 0, "cannot make %s", path);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

void remove_tree(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *list_dir(const char *path)
{
    static char list[4096];
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    ck_assert_msg(count >= 0, "cannot list %s", path);
    list[0] = '\0';
    for (int i = 0; i < count; i++) {
        if (strcmp(entries[i]->d_name, ".") != 0 && strcmp(entries[i]->d_name, "..") != 0) {
            size_t used = strlen(list);
            snprintf(list + used, sizeof list - used, "%s%s", used > 0 ? " " : "",
                     entries[i]->d_name);
        }
        free(entries[i]);
    }
    free(entries);
    return list;
}

int count_open_files(void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) != -1;
    return count;
}

int count_mappings(const char *text)
{
    char line[1024];
    int count = 0;
    FILE *file = fopen("/proc/self/maps", "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file) != NULL)
        count += strstr(line, text) != NULL;
    fclose(file);
    return count;
}

void check_detail(const char *text, const char *file, int line)
{
    const char *detail = sn_error_detail();
    if (strstr(detail, text) == NULL)
        ck_abort_msg("%s:%d: '%s' is not in the detail '%s'", file, line, text, detail);
    if (strchr(detail, '\n') != NULL)
        ck_abort_msg("%s:%d: more than one line: '%s'", file, line, detail);
}
