/* SPDX-License-Identifier: Apache-2.0 */
/* Importing a manifest and files that somebody else wrote.
 *
 * The input is the text of the manifest and then files: "\n--- name\n" begins the next one, the
 * name being letters, digits, '.' and '_'. They are written to a directory of this process. An
 * import either fails with one line and leaves nothing, or makes a dataset that opens and verifies.
 */
#include "seine/dataset.h"
#include "seine/import.h"
#include "seine/log.h"
#include "support/fuzz.h"

#include <dirent.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_FILES = 24, NAME = 40, LARGEST_FILE = 16 << 20, MOST_NODES = 1 << 20 };

static char folder[256];

/* Power cuts are not what is looked for, and waiting for the disk would be all that is done. */
int fsync(int fd)
{
    (void)fd;
    return 0;
}

static void require(bool truth, const char *what)
{
    if (!truth) {
        fprintf(stderr, "%s: %s\n", what, sn_error_detail());
        abort();
    }
}

static const char *path_of(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* Files, and directories one level deep. Returns how many there were. */
static int empty_folder(const char *path)
{
    int count = 0;
    char inner[800];
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (unlink(inner) != 0) {
            empty_folder(inner);
            rmdir(inner);
        }
        count++;
    }
    if (dir != NULL)
        closedir(dir);
    return count;
}

static void remove_folder(void)
{
    empty_folder(folder);
    rmdir(folder);
}

static void drop_line(void *context, sn_log_level level, const char *line)
{
    (void)context;
    (void)level;
    require(strchr(line, '\n') == NULL, "log of two lines");
}

static void begin(void)
{
    const char *base = getenv("TMPDIR");
    struct rlimit limit = { LARGEST_FILE, LARGEST_FILE };
    snprintf(folder, sizeof folder, "%s/seine-fuzz-XXXXXX", base != NULL ? base : "/tmp");
    require(mkdtemp(folder) != NULL, "mkdtemp");
    atexit(remove_folder);
    signal(SIGXFSZ, SIG_IGN); /* a file beyond the limit is an error then */
    require(setrlimit(RLIMIT_FSIZE, &limit) == 0, "setrlimit");
    sn_log_set_sink(drop_line, NULL);
}

static void put(const char *name, const uint8_t *data, size_t bytes)
{
    FILE *out = fopen(path_of(name), "wb");
    require(out != NULL && fwrite(data, 1, bytes, out) == bytes && fclose(out) == 0, "write");
}

/* The next separator at or behind `at`: its begin, and the name and begin of the file behind it. */
static const uint8_t *find_separator(const uint8_t *at, const uint8_t *end, char name[NAME],
                                     const uint8_t **next)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._";
    for (; (at = memmem(at, (size_t)(end - at), "\n--- ", 5)) != NULL; at += 5) {
        size_t used = 0;
        const uint8_t *c = at + 5;
        while (c < end && used < NAME - 1 && *c != '\0' && strchr(letters, *c) != NULL)
            name[used++] = (char)*c++;
        name[used] = '\0';
        if (c < end && *c == '\n' && used > 0 && name[0] != '.') {
            *next = c + 1;
            return at;
        }
    }
    return NULL;
}

static void write_folder(const uint8_t *data, size_t size)
{
    const uint8_t *at = data, *end = data + size, *next = NULL;
    char name[NAME] = "manifest.json", following[NAME] = "";
    empty_folder(folder);
    for (int n = 0; at != NULL && n < MOST_FILES; n++) {
        const uint8_t *stop = find_separator(at, end, following, &next);
        put(name, at, (size_t)((stop != NULL ? stop : end) - at));
        snprintf(name, sizeof name, "%s", following);
        at = stop != NULL ? next : NULL;
    }
}

/* Counts that only cost time and memory are left to the tests. */
static bool is_modest(void)
{
    bool modest = true;
    const char *name;
    json_t *type, *root = json_load_file(path_of("manifest.json"), 0, NULL);
    json_object_foreach(json_object_get(root, "node_types"), name, type)
    {
        modest = modest && json_integer_value(json_object_get(type, "count")) <= MOST_NODES;
    }
    json_decref(root);
    return modest;
}

static void check_dataset(const char *path)
{
    sn_dataset *dataset;
    require(sn_dataset_open(path, NULL, &dataset) == SN_OK, "open");
    require(sn_dataset_verify(dataset, NULL, NULL) == SN_OK, "verify");
    sn_dataset_release(dataset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char out[512], manifest[512];
    struct stat info;
    if (folder[0] == '\0')
        begin();
    write_folder(data, size);
    if (!is_modest())
        return 0;
    snprintf(manifest, sizeof manifest, "%s", path_of("manifest.json"));
    snprintf(out, sizeof out, "%s", path_of("out"));
    sn_status status = sn_import_manifest(manifest, out,
                                          SN_IMPORT_OPTIONS(.threads = 1 + (int32_t)(size % 2),
                                                            .layout = (sn_layout)(size % 4),
                                                            .shuffle_ends = size % 8 == 7));
    if (status == SN_OK) {
        check_dataset(out);
    } else {
        require(strlen(sn_error_detail()) > 0 && strchr(sn_error_detail(), '\n') == NULL, "detail");
        require(stat(out, &info) != 0, "output of a failed import");
    }
    return 0;
}
