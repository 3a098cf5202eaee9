/* SPDX-License-Identifier: Apache-2.0 */
/* Two folders: the shared one, made once by an unchecked fixture for what all cases read, and the scratch
 * folder of the case. Only names of the top level are watched; a case that expects a folder looks into it
 * itself. */
#include "command/scratch.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_NAMES = 64, PATH_BYTES = 1024, PATHS = 32 };

static char shared[512], scratch[512];
static char expected[MAX_NAMES][256];
static int expected_count;

/* -- Paths ------------------------------------------------------------------------------------- */

static char *next_path(void)
{
    static char paths[PATHS][PATH_BYTES];
    static int next;
    return paths[next++ % PATHS];
}

static const char *join(const char *folder, const char *format, va_list args)
{
    char *path = next_path();
    size_t used = (size_t)snprintf(path, PATH_BYTES, "%s/", folder);
    vsnprintf(path + used, PATH_BYTES - used, format, args);
    return path;
}

const char *scratch_path(void)
{
    return scratch[0] != '\0' ? scratch : shared;
}

const char *scratch_file(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *path = join(scratch_path(), format, args);
    va_end(args);
    return path;
}

const char *shared_file(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *path = join(shared, format, args);
    va_end(args);
    return path;
}

const char *source_file(const char *format, ...)
{
    va_list args;
    const char *source = getenv("SEINE_SOURCE");
    ck_assert_msg(source != NULL, "SEINE_SOURCE is not set");
    va_start(args, format);
    const char *path = join(source, format, args);
    va_end(args);
    return path;
}

/* -- Folders ----------------------------------------------------------------------------------- */

static void make_folder(char *path, size_t bytes)
{
    const char *base = getenv("TMPDIR");
    snprintf(path, bytes, "%s/seine-command-XXXXXX", base != NULL ? base : "/tmp");
    ck_assert_msg(mkdtemp(path) != NULL, "cannot make %s", path);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)place;
    if (kind == FTW_DP || kind == FTW_DNR)
        (void)chmod(path, 0700);
    return remove(path);
}

static void remove_tree(const char *path)
{
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void shared_begin(void)
{
    make_folder(shared, sizeof shared);
}

void shared_end(void)
{
    remove_tree(shared);
    shared[0] = '\0';
}

void scratch_begin(void)
{
    expected_count = 0;
    make_folder(scratch, sizeof scratch);
}

static void remove_scratch(void)
{
    remove_tree(scratch);
    scratch[0] = '\0';
}

void scratch_end(void)
{
    char left[4096];
    snprintf(left, sizeof left, "%s", scratch_list(scratch));
    char wanted[4096];
    snprintf(wanted, sizeof wanted, "%s", scratch_expected());
    remove_scratch();
    if (strcmp(left, wanted) != 0)
        ck_abort_msg("left in the folder: '%s', expected: '%s'", left, wanted);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Sorted, with spaces between. */
static const char *print_names(char (*names)[256], int count, char *out, size_t bytes)
{
    size_t used = 0;
    out[0] = '\0';
    qsort(names, (size_t)count, sizeof *names, by_name);
    for (int i = 0; i < count && used < bytes; i++)
        used += (size_t)snprintf(out + used, bytes - used, "%s%s", i > 0 ? " " : "", names[i]);
    return out;
}

const char *scratch_list(const char *path)
{
    static char text[4096];
    char names[MAX_NAMES][256];
    int count = 0;
    DIR *folder = opendir(path);
    ck_assert_msg(folder != NULL, "cannot list %s", path);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            count < MAX_NAMES)
            snprintf(names[count++], sizeof names[0], "%s", entry->d_name);
    closedir(folder);
    return print_names(names, count, text, sizeof text);
}

const char *scratch_expected(void)
{
    static char text[4096];
    return print_names(expected, expected_count, text, sizeof text);
}

void scratch_expect(const char *name)
{
    for (int i = 0; i < expected_count; i++)
        if (strcmp(expected[i], name) == 0)
            return;
    ck_assert_int_lt(expected_count, MAX_NAMES);
    snprintf(expected[expected_count++], sizeof expected[0], "%s", name);
}

/* -- Files ------------------------------------------------------------------------------------- */

/* A name of the folder, noted if it is of the top level. */
static const char *made(const char *name)
{
    if (strchr(name, '/') == NULL)
        scratch_expect(name);
    return scratch_file("%s", name);
}

void put_bytes(const char *name, const void *data, size_t bytes)
{
    const char *path = made(name);
    FILE *file = fopen(path, "wb");
    ck_assert_msg(file != NULL, "cannot create %s", path);
    ck_assert_uint_eq(fwrite(data, 1, bytes, file), bytes);
    ck_assert_int_eq(fclose(file), 0);
}

void put_text(const char *name, const char *text)
{
    put_bytes(name, text, strlen(text));
}

void put_folder(const char *name)
{
    const char *path = made(name);
    ck_assert_msg(mkdir(path, 0777) == 0, "cannot make %s", path);
}

char *get_bytes(const char *path, size_t *bytes)
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "cannot open %s", path);
    ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
    long end = ftell(file);
    ck_assert_int_ge(end, 0);
    rewind(file);
    char *data = malloc((size_t)end + 1);
    ck_assert_ptr_nonnull(data);
    ck_assert_uint_eq(fread(data, 1, (size_t)end, file), (size_t)end);
    data[end] = '\0';
    fclose(file);
    *bytes = (size_t)end;
    return data;
}

void put_copy(const char *from, const char *name)
{
    size_t bytes;
    char *data = get_bytes(from, &bytes);
    put_bytes(name, data, bytes);
    free(data);
}

void put_tree(const char *from, const char *name)
{
    char file[512];
    put_folder(name);
    DIR *folder = opendir(from);
    ck_assert_msg(folder != NULL, "cannot list %s", from);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        char path[PATH_BYTES];
        snprintf(path, sizeof path, "%s/%s", from, entry->d_name);
        snprintf(file, sizeof file, "%s/%s", name, entry->d_name);
        put_copy(path, file);
    }
    closedir(folder);
}

void cut_file(const char *name, size_t bytes)
{
    const char *path = scratch_file("%s", name);
    ck_assert_msg(truncate(path, (off_t)bytes) == 0, "cannot cut %s", path);
}

void remove_name(const char *name)
{
    for (int i = 0; i < expected_count; i++)
        if (strcmp(expected[i], name) == 0)
            memcpy(expected[i], expected[--expected_count], sizeof expected[0]);
    remove_tree(scratch_file("%s", name));
}

/* -- Arrays ------------------------------------------------------------------------------------ */

void put_npy(const char *name, const char *descr, const char *shape, const void *data, size_t bytes)
{
    enum { BEFORE = 128 };
    char file[65536];
    ck_assert_uint_le(bytes, sizeof file - BEFORE);
    memset(file, ' ', BEFORE);
    memcpy(file, "\x93NUMPY\x01\x00\x76\x00", 10);
    int used = snprintf(file + 10, BEFORE - 10,
                        "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shape);
    ck_assert_int_lt(used, BEFORE - 10);
    file[10 + used] = ' ';
    file[BEFORE - 1] = '\n';
    if (bytes > 0)
        memcpy(file + BEFORE, data, bytes);
    put_bytes(name, file, BEFORE + bytes);
}

static void put_integers(const char *name, const char *descr, const char *shape, const int64_t *ids,
                         size_t n)
{
    if (strcmp(descr, "<i8") == 0) {
        put_npy(name, descr, shape, ids, n * sizeof *ids);
        return;
    }
    int32_t narrow[4096];
    ck_assert_uint_le(n, 4096);
    for (size_t i = 0; i < n; i++)
        narrow[i] = (int32_t)ids[i];
    put_npy(name, descr, shape, narrow, n * sizeof *narrow);
}

void put_ids(const char *name, const char *descr, const int64_t *ids, size_t n)
{
    char shape[32];
    snprintf(shape, sizeof shape, "(%zu,)", n);
    put_integers(name, descr, shape, ids, n);
}

void put_pairs(const char *name, const char *descr, const int64_t *ids, size_t n)
{
    char shape[32];
    snprintf(shape, sizeof shape, "(2, %zu)", n / 2);
    put_integers(name, descr, shape, ids, n);
}

/* -- JSON -------------------------------------------------------------------------------------- */

void put_json(const char *name, const json_t *value)
{
    char *text = json_dumps(value, JSON_INDENT(1));
    ck_assert_ptr_nonnull(text);
    put_text(name, text);
    free(text);
}

json_t *parse_json(const char *text)
{
    json_error_t error;
    json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (value == NULL)
        ck_abort_msg("no JSON: %s at %d: %.300s", error.text, error.position, text);
    return value;
}

json_t *get_json(const char *path)
{
    size_t bytes;
    char *text = get_bytes(path, &bytes);
    json_t *value = parse_json(text);
    free(text);
    return value;
}
