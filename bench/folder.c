/* SPDX-License-Identifier: Apache-2.0 */
/* Threads: the main thread. */
#include "bench/folder.h"

#include "tools/seine/report.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int folder_make(char out[FOLDER_BYTES])
{
    const char *given = getenv("TMPDIR");
    const char *parent = given != NULL && given[0] != '\0' ? given : "/tmp";
    int length = snprintf(out, FOLDER_BYTES, "%s/seine-bench-XXXXXX", parent);
    if (length >= 0 && length < FOLDER_BYTES && mkdtemp(out) != NULL)
        return CODE_DONE;
    out[0] = '\0';
    return report_failure("bench: temporary folder in %s: %s", parent,
                          length < FOLDER_BYTES ? strerror(errno) : strerror(ENAMETOOLONG));
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info, (void)kind, (void)where;
    return remove(path);
}

void folder_remove(char folder[FOLDER_BYTES])
{
    if (folder[0] != '\0')
        (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    folder[0] = '\0';
}

const char *folder_path(const char *folder, const char *name, char out[FOLDER_PATH])
{
    snprintf(out, FOLDER_PATH, "%s/%s", folder, name);
    return out;
}

static double files_bytes;

static int add_file(const char *path, const struct stat *info, int kind)
{
    (void)path;
    if (kind == FTW_F)
        files_bytes += (double)info->st_size;
    return 0;
}

double folder_bytes(const char *path)
{
    files_bytes = 0;
    (void)ftw(path, add_file, 16);
    return files_bytes;
}
