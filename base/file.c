/* SPDX-License-Identifier: Apache-2.0 */
/* Reading files: mappings and whole texts. (Output directories: outdir.c.)
 *
 * Only regular files are read: a directory, device or pipe in the place of a file is an error,
 * never a wait.
 * Threads: any; a mapping is read-only and may be read by all. */
#include "base/file.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static sn__file_at by_path(const char *path)
{
    return (sn__file_at){ .dir = AT_FDCWD, .name = path, .path = path };
}

/* O_NONBLOCK: opening a pipe without a writer must not wait. Regular files ignore it. */
sn_status sn__file_open_at(const sn__file_at *file, int *out, size_t *bytes)
{
    struct stat info;
    int fd = openat(file->dir, file->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return sn__fail_errno("%s: cannot open", file->path);
    sn_status st = SN_OK;
    if (fstat(fd, &info) != 0)
        st = sn__fail_errno("%s: cannot stat", file->path);
    else if (S_ISDIR(info.st_mode))
        st = sn__fail(SN_E_SYSTEM, "%s: is a directory, not a file", file->path);
    else if (!S_ISREG(info.st_mode))
        st = sn__fail(SN_E_SYSTEM, "%s: is not a regular file", file->path);
    if (st != SN_OK) {
        close(fd);
        return st;
    }
    *out = fd;
    *bytes = (size_t)info.st_size;
    return SN_OK;
}

sn_status sn__map_open(const char *path, sn__map *out)
{
    sn__file_at file = by_path(path);
    return sn__map_open_at(&file, out);
}

sn_status sn__map_open_at(const sn__file_at *file, sn__map *out)
{
    int fd = -1;
    size_t bytes = 0;
    SN_TRY(sn__file_open_at(file, &fd, &bytes));
    sn_status st = SN_OK;
    void *data = NULL;
    if (bytes > 0)
        data = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED)
        st = sn__fail_errno("%s: cannot map %zu bytes", file->path, bytes);
    else
        *out = (sn__map){ .data = data, .bytes = bytes };
    close(fd);
    return st;
}

/* munmap and madvise take no pointer to const. */
static void *writable(const uint8_t *data)
{
    return (void *)(uintptr_t)data;
}

void sn__map_close(sn__map *map)
{
    if (map->data != NULL)
        munmap(writable(map->data), map->bytes);
    *map = (sn__map){ 0 };
}

void sn__map_forget(const sn__map *map, size_t offset, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), end;
    if (map->data == NULL || !sn__add_size(offset, bytes, &end))
        return;
    /* A page that is read again comes back from the page cache, so the first may be dropped too
     * early; the last stays for whoever continues there. */
    offset = offset / page * page;
    end = end >= map->bytes ? map->bytes : end / page * page;
    if (end > offset)
        (void)madvise(writable(map->data + offset), end - offset, MADV_DONTNEED);
}

/* Reads to the end of the file: its size is a hint (0 for files of /proc and /sys), and one byte
 * more than it is asked for, so that the end is seen. */
static sn_status read_all(int fd, const char *path, size_t hint, size_t limit, char **text,
                          size_t *bytes)
{
    size_t capacity = 0, used = 0;
    for (;;) {
        size_t need = used <= hint ? hint + 2 : used + 4096;
        SN_TRY(sn__mem_grow(text, &capacity, need, 1, path));
        ssize_t got = read(fd, *text + used, capacity - 1 - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return sn__fail_errno("%s: cannot read", path);
        if (got == 0)
            break;
        used += (size_t)got;
        if (used > limit)
            return sn__fail(SN_E_FORMAT, "%s: longer than %zu bytes", path, limit);
    }
    (*text)[used] = '\0';
    *bytes = used;
    return SN_OK;
}

sn_status sn__file_read(const char *path, size_t limit, char **out, size_t *bytes)
{
    sn__file_at file = by_path(path);
    return sn__file_read_at(&file, limit, out, bytes);
}

sn_status sn__file_read_at(const sn__file_at *file, size_t limit, char **out, size_t *bytes)
{
    int fd = -1;
    size_t used = 0, hint = 0;
    SN_TRY(sn__file_open_at(file, &fd, &hint));
    sn_status st = SN_OK;
    char *text = NULL;
    if (hint > limit)
        st = sn__fail(SN_E_FORMAT, "%s: %zu bytes, more than %zu", file->path, hint, limit);
    else
        st = read_all(fd, file->path, hint, limit, &text, &used);
    close(fd);
    if (st == SN_OK && memchr(text, '\0', used) != NULL)
        st = sn__fail(SN_E_FORMAT, "%s: no text: byte %zu is zero", file->path, strlen(text));
    if (st != SN_OK) {
        sn__mem_free(text);
        return st;
    }
    *out = text;
    *bytes = used;
    return SN_OK;
}

sn_status sn__path_join(const char *dir, const char *name, char **out)
{
    if (name[0] == '/')
        return sn__mem_strdup(name, out);
    size_t dir_bytes = strlen(dir), name_bytes = strlen(name);
    char *path;
    SN_TRY(sn__mem_zalloc(dir_bytes + name_bytes + 2, 1, "path", &path));
    memcpy(path, dir, dir_bytes);
    path[dir_bytes] = '/';
    memcpy(path + dir_bytes + 1, name, name_bytes);
    *out = path;
    return SN_OK;
}

/* 62^6 names: with the caller's O_EXCL and another try, two writers never share one. */
sn_status sn__path_temporary(const char *path, char **out)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    static const char mark[] = ".tmp.";
    uint8_t random[6];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return sn__fail_errno("%s: no random name", path);
    size_t bytes = strlen(path);
    char *name;
    SN_TRY(sn__mem_zalloc(bytes + sizeof mark + sizeof random, 1, "path", &name));
    memcpy(name, path, bytes);
    memcpy(name + bytes, mark, sizeof mark - 1);
    for (size_t i = 0; i < sizeof random; i++)
        name[bytes + sizeof mark - 1 + i] = digits[random[i] % (sizeof digits - 1)];
    *out = name;
    return SN_OK;
}
