/* SPDX-License-Identifier: Apache-2.0 */
/* Loaders of other processes, seen from outside: their control segments are found by the names of
 * memory files in /proc and mapped read-only. Nothing has to be offered or kept open for that, and only
 * who may look at the process (the same user, root) gets in. */
#include "base/mem.h"
#include "engine/produce/stats.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct watched {
    int64_t pid;
    ino_t inode; /* of the segment: a child of fork() has its parent's descriptors */
    void *base;
    size_t bytes;
    sn__stream stream;
    sn_status status; /* of attaching */
    char detail[160]; /* of that */
} watched;

struct sn_watch {
    watched *loaders;
    size_t count, capacity;
};

static bool is_known(const sn_watch *watch, const struct stat *info)
{
    for (size_t i = 0; i < watch->count; i++)
        if (watch->loaders[i].inode == info->st_ino)
            return true;
    return false;
}

/* Maps the control segment behind `path`. One that cannot be opened is not ours to look at. */
static sn_status add(sn_watch *watch, int64_t pid, const char *path)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return SN_OK;
    if (fstat(fd, &info) != 0 || info.st_size <= 0 || is_known(watch, &info)) {
        close(fd);
        return SN_OK;
    }
    sn_status status = sn__mem_grow(&watch->loaders, &watch->capacity, watch->count + 1,
                                    sizeof *watch->loaders, "watched loaders");
    void *base = MAP_FAILED;
    if (status == SN_OK)
        base = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (status != SN_OK || base == MAP_FAILED)
        return status;
    watched *loader = &watch->loaders[watch->count++];
    *loader =
        (watched){ .pid = pid, .inode = info.st_ino, .base = base, .bytes = (size_t)info.st_size };
    loader->status = sn__stream_attach(base, loader->bytes, &loader->stream);
    if (loader->status != SN_OK)
        snprintf(loader->detail, sizeof loader->detail, "%s", sn_error_detail());
    return SN_OK;
}

static bool is_control(const char *link)
{
    char target[PATH_MAX];
    ssize_t bytes = readlink(link, target, sizeof target - 1);
    if (bytes < 0)
        return false;
    target[bytes] = '\0';
    return strncmp(target, "/memfd:seine-control", 20) == 0 ||
           strncmp(target, "/dev/shm/seine-control", 22) == 0;
}

static sn_status add_process(sn_watch *watch, int64_t pid)
{
    char folder[64], link[64 + 1 + NAME_MAX + 1];
    snprintf(folder, sizeof folder, "/proc/%lld/fd", (long long)pid);
    DIR *open_files = opendir(folder);
    sn_status status = SN_OK;
    if (open_files == NULL)
        return SN_OK; /* gone, or another user's */
    const struct dirent *entry;
    while (status == SN_OK && (entry = readdir(open_files)) != NULL) {
        snprintf(link, sizeof link, "%s/%s", folder, entry->d_name);
        if (is_control(link))
            status = add(watch, pid, link);
    }
    closedir(open_files);
    return status;
}

static sn_status add_all(sn_watch *watch)
{
    DIR *processes = opendir("/proc");
    sn_status status = SN_OK;
    if (processes == NULL)
        return sn__fail_errno("/proc");
    const struct dirent *entry;
    while (status == SN_OK && (entry = readdir(processes)) != NULL) {
        long pid = strtol(entry->d_name, NULL, 10);
        if (pid > 0)
            status = add_process(watch, pid);
    }
    closedir(processes);
    return status;
}

sn_status sn_watch_open(int64_t pid, sn_watch **out)
{
    sn_watch *watch;
    if (pid < 0 || pid > INT_MAX || out == NULL)
        return sn__fail(SN_E_INVALID, "watch: process %lld", (long long)pid);
    if (pid != 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH)
        return sn__fail(SN_E_NOT_FOUND, "watch: there is no process %lld", (long long)pid);
    SN_TRY(sn__mem_zalloc(1, sizeof *watch, "watch", &watch));
    sn_status status = pid != 0 ? add_process(watch, pid) : add_all(watch);
    if (status != SN_OK) {
        sn_watch_close(watch);
        return status;
    }
    *out = watch;
    return SN_OK;
}

void sn_watch_close(sn_watch *watch)
{
    if (watch == NULL)
        return;
    for (size_t i = 0; i < watch->count; i++)
        munmap(watch->loaders[i].base, watch->loaders[i].bytes);
    sn__mem_free(watch->loaders);
    sn__mem_free(watch);
}

int32_t sn_watch_count(const sn_watch *watch)
{
    return (int32_t)watch->count;
}

static sn_status find(const sn_watch *watch, int32_t index, const watched **out)
{
    if (index < 0 || (size_t)index >= watch->count)
        return sn__fail(SN_E_RANGE, "watch: loader %d of %zu", index, watch->count);
    const watched *loader = &watch->loaders[index];
    if (kill((pid_t)loader->pid, 0) != 0 && errno == ESRCH)
        return SN_E_CLOSED;
    if (loader->status != SN_OK)
        return sn__fail(loader->status, "process %lld: %s", (long long)loader->pid, loader->detail);
    *out = loader;
    return SN_OK;
}

sn_status sn_watch_loader(const sn_watch *watch, int32_t index, int64_t *pid, sn_loader_stats *out)
{
    const watched *loader = NULL;
    SN_TRY(find(watch, index, &loader));
    *pid = loader->pid;
    sn__stats_read(&loader->stream, out);
    return SN_OK;
}

sn_status sn_watch_worker(const sn_watch *watch, int32_t index, int32_t worker,
                          sn_worker_stats *out)
{
    const watched *loader = NULL;
    SN_TRY(find(watch, index, &loader));
    if (worker < 0 || (uint32_t)worker >= loader->stream.workers)
        return sn__fail(SN_E_RANGE, "watch: worker %d of %u", worker, loader->stream.workers);
    sn__stats_read_worker(&loader->stream, (uint32_t)worker, out);
    return SN_OK;
}
