/* SPDX-License-Identifier: Apache-2.0 */
/* Output directories that appear whole or not at all.
 *
 *     begin    <out>.tmp.XXXXXX is made beside <out>; <out> is not touched
 *     commit   its files are flushed, then it takes the place of <out> in one step: a rename where
 *              there was nothing, an exchange where there was a directory, which is then removed
 *     abort    it is removed
 *
 * A process that is killed leaves its directory. So a directory under construction holds a marker
 * file and its maker holds a lock on it: the next begin for the same <out> removes directories that
 * have the marker and that nobody has locked.
 *
 * Invariants  O1  <out> is at any moment absent, the whole old directory or the whole new one.
 *                 (Only on a file system without RENAME_EXCHANGE is it absent between two renames.)
 *             O2  What is replaced was an empty directory or a dataset, checked again at commit.
 *             O3  Nothing outside <out> and <out>.tmp.XXXXXX is written or removed, and of the
 *                 latter only what holds our marker.
 * Threads: one at a time per directory. */
#include "base/file.h"

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char marker[] = ".seine-unfinished";

struct sn__outdir {
    char *target; /* where it goes */
    char *path;   /* where it is now */
    int lock;     /* descriptor of the directory, locked */
};

/* -- Walking a tree ---------------------------------------------------------------------------- */

/* Calls visit(fd, name) for each entry of the directory `fd`. 0, or -1 with errno. */
static int each_entry(int fd, int (*visit)(int fd, const char *name))
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0); /* closedir closes it */
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    if (dir == NULL) {
        int error = errno;
        if (copy >= 0)
            close(copy);
        errno = error;
        return -1;
    }
    int result = 0;
    const struct dirent *entry;
    while (result == 0 && (errno = 0, entry = readdir(dir)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            result = visit(fd, entry->d_name);
    if (errno != 0)
        result = -1;
    int error = errno;
    closedir(dir);
    errno = error;
    return result;
}

/* Links are removed, never followed. */
static int remove_entry(int parent, const char *name)
{
    if (unlinkat(parent, name, 0) == 0)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -1;
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0)
        return 0; /* an empty one goes also where no more files can be opened */
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int result = each_entry(fd, remove_entry);
    close(fd);
    return result == 0 ? unlinkat(parent, name, AT_REMOVEDIR) : result;
}

/* Written pages reach the disk, and what the disk says of them reaches us: errors of mapped writes
 * are told by fsync alone. */
static int sync_entry(int parent, const char *name)
{
    int fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == ELOOP ? 0 : -1; /* a link has no content of its own */
    struct stat info;
    int result = fstat(fd, &info);
    if (result == 0 && S_ISDIR(info.st_mode))
        result = each_entry(fd, sync_entry);
    if (result == 0 && fsync(fd) != 0 &&
        errno != EINVAL) /* EINVAL: nothing to flush on this system */
        result = -1;
    int error = errno;
    close(fd);
    errno = error;
    return result;
}

static void remove_tree(const char *path)
{
    if (remove_entry(AT_FDCWD, path) != 0 && errno != ENOENT)
        sn__log(SN_LOG_WARN, "%s: cannot remove: %s", path, strerror(errno));
}

/* -- What may be replaced ---------------------------------------------------------------------- */

static int refuse_entry(int fd, const char *name)
{
    (void)fd;
    (void)name;
    errno = ENOTEMPTY;
    return -1;
}

/* Whatever is wrong with its META.json, it is none; only without memory we cannot say. */
static sn_status is_dataset(const char *path, bool *yes)
{
    char *meta = NULL;
    json_t *root = NULL;
    const char *format = NULL;
    SN_TRY(sn__path_join(path, "META.json", &meta));
    sn_status st = sn__json_load(meta, &root);
    if (st == SN_OK)
        st = sn__json_string(root, "format", meta, &format);
    *yes = st == SN_OK && strcmp(format, "seine-dataset") == 0;
    json_decref(root);
    sn__mem_free(meta);
    return st == SN_E_NOMEM ? st : SN_OK;
}

static bool is_current_directory(const struct stat *info)
{
    struct stat here;
    return stat(".", &here) == 0 && here.st_dev == info->st_dev && here.st_ino == info->st_ino;
}

/* Whether `path` may be taken; *exists: something is there now. */
static sn_status check_target(const char *path, bool *exists)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        if (errno != ENOENT)
            return sn__fail_errno("%s: cannot stat", path);
        if (lstat(path, &info) == 0)
            return sn__fail(SN_E_EXISTS, "%s: is a link to nothing", path);
        *exists = false;
        return SN_OK;
    }
    if (!S_ISDIR(info.st_mode))
        return sn__fail(SN_E_EXISTS, "%s: exists and is not a directory", path);
    if (is_current_directory(&info)) /* the caller's shell would be left in a removed directory */
        return sn__fail(SN_E_EXISTS, "%s: is the current directory", path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return sn__fail_errno("%s: cannot open", path);
    int result = each_entry(fd, refuse_entry), error = errno;
    close(fd);
    errno = error;
    if (result != 0 && errno != ENOTEMPTY)
        return sn__fail_errno("%s: cannot read", path);
    bool replaceable = result == 0; /* empty */
    if (!replaceable)
        SN_TRY(is_dataset(path, &replaceable));
    if (!replaceable)
        return sn__fail(SN_E_EXISTS, "%s: is a directory that is not empty and no Seine dataset",
                        path);
    *exists = true;
    return SN_OK;
}

/* The name without links and slashes at its end, so that the temporary name lies beside the
 * directory itself and on its file system. */
static sn_status resolve(const char *out, bool exists, char **target)
{
    if (exists) {
        char *real = realpath(out, NULL);
        if (real == NULL)
            return sn__fail_errno("%s: cannot resolve", out);
        sn_status st = sn__mem_strdup(real, target);
        free(real); /* realpath allocates by malloc */
        return st;
    }
    if (out[0] == '\0')
        return sn__fail(SN_E_INVALID, "output directory: empty name");
    SN_TRY(sn__mem_strdup(out, target));
    for (size_t n = strlen(out); n > 1 && out[n - 1] == '/'; n--)
        (*target)[n - 1] = '\0';
    return SN_OK;
}

/* -- What killed processes left ---------------------------------------------------------------- */

static bool put_marker(int fd)
{
    int file = openat(fd, marker, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    return file >= 0 && close(file) == 0;
}

/* Opens and locks a directory; -1 if that is not possible now. */
static int lock_directory(int parent, const char *name)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static void remove_if_left(int parent, const char *name)
{
    int fd = lock_directory(parent, name);
    if (fd < 0)
        return;
    if (faccessat(fd, marker, F_OK, AT_SYMLINK_NOFOLLOW) == 0 && remove_entry(parent, name) == 0)
        sn__log(SN_LOG_INFO, "%s: removed, its maker was killed", name);
    close(fd);
}

static void remove_left(const char *target)
{
    const char *slash = strrchr(target, '/');
    const char *base = slash == NULL ? target : slash + 1;
    size_t length = strlen(base);
    char *parent;
    if (sn__mem_strdup(target, &parent) != SN_OK)
        return;
    parent[slash == NULL ? 0 : slash == target ? 1 : slash - target] = '\0';
    DIR *dir = opendir(slash == NULL ? "." : parent);
    sn__mem_free(parent);
    const struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL)
        if (strncmp(entry->d_name, base, length) == 0 &&
            strncmp(entry->d_name + length, ".tmp.", 5) == 0)
            remove_if_left(dirfd(dir), entry->d_name);
    if (dir != NULL)
        closedir(dir);
}

/* -- Begin, commit, abort ---------------------------------------------------------------------- */

/* Locks and marks a directory just made. False: another process took it for one that was left. */
static bool claim(sn__outdir *dir)
{
    dir->lock = lock_directory(AT_FDCWD, dir->path);
    if (dir->lock < 0)
        return false;
    struct stat locked, named;
    if (fstat(dir->lock, &locked) == 0 && stat(dir->path, &named) == 0 &&
        locked.st_ino == named.st_ino && locked.st_dev == named.st_dev && put_marker(dir->lock))
        return true;
    close(dir->lock);
    dir->lock = -1;
    return false;
}

static sn_status make_temporary(const char *target, char **out)
{
    enum { TRIES = 100 }; /* a name of 36 random bits taken a hundred times is no accident */
    char *path = NULL;
    for (int i = 0; i < TRIES; i++) {
        SN_TRY(sn__path_temporary(target, &path));
        if (mkdir(path, 0777) == 0) {
            *out = path;
            return SN_OK;
        }
        if (errno != EEXIST)
            break;
        if (i < TRIES - 1)
            sn__mem_free(path);
    }
    sn_status st = sn__fail_errno("%s: cannot make directory", path);
    sn__mem_free(path);
    return st;
}

static void free_outdir(sn__outdir *dir)
{
    if (dir->lock >= 0)
        close(dir->lock);
    sn__mem_free(dir->target);
    sn__mem_free(dir->path);
    sn__mem_free(dir);
}

sn_status sn__outdir_begin(const char *out, sn__outdir **dir)
{
    bool exists;
    sn__outdir *made;
    SN_TRY(check_target(out, &exists));
    SN_TRY(sn__mem_zalloc(1, sizeof *made, "output directory", &made));
    made->lock = -1;
    sn_status st = resolve(out, exists, &made->target);
    if (st == SN_OK) {
        remove_left(made->target);
        st = make_temporary(made->target, &made->path);
    }
    if (st == SN_OK && !claim(made)) {
        st = sn__fail_errno("%s: cannot lock", made->path);
        remove_tree(made->path);
    }
    if (st != SN_OK) {
        free_outdir(made);
        return st;
    }
    *dir = made;
    return SN_OK;
}

const char *sn__outdir_path(const sn__outdir *dir)
{
    return dir->path;
}

static bool flag_unknown(int error)
{
    return error == EINVAL || error == ENOSYS || error == ENOTSUP;
}

static sn_status place_new(const sn__outdir *dir)
{
    int result = renameat2(AT_FDCWD, dir->path, AT_FDCWD, dir->target, RENAME_NOREPLACE);
    if (result != 0 && flag_unknown(errno))
        result = rename(dir->path, dir->target);
    if (result != 0 && errno == EEXIST)
        return sn__fail(SN_E_EXISTS, "%s: appeared meanwhile", dir->target);
    return result == 0 ? SN_OK : sn__fail_errno("%s: cannot rename to %s", dir->path, dir->target);
}

/* Without RENAME_EXCHANGE: the old one goes aside, the new one in, the old one back if that fails.
 */
static sn_status replace_in_two(const sn__outdir *dir)
{
    char *aside;
    SN_TRY(sn__path_temporary(dir->target, &aside));
    sn_status st = SN_OK;
    if (rename(dir->target, aside) != 0) {
        st = sn__fail_errno("%s: cannot rename to %s", dir->target, aside);
    } else if (rename(dir->path, dir->target) != 0) {
        st = sn__fail_errno("%s: cannot rename to %s", dir->path, dir->target);
        if (rename(aside, dir->target) != 0)
            sn__log(SN_LOG_ERROR, "%s: the old directory is now %s", dir->target, aside);
    } else {
        remove_tree(aside);
    }
    sn__mem_free(aside);
    return st;
}

static sn_status replace_old(const sn__outdir *dir)
{
    if (renameat2(AT_FDCWD, dir->path, AT_FDCWD, dir->target, RENAME_EXCHANGE) == 0) {
        int old = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (old >= 0) {
            (void)put_marker(old); /* if this process is killed now, the next removes the rest */
            close(old);
        }
        remove_tree(dir->path);
        return SN_OK;
    }
    if (flag_unknown(errno))
        return replace_in_two(dir);
    return sn__fail_errno("%s: cannot exchange with %s", dir->path, dir->target);
}

/* The new name itself reaches the disk. The directory is in place whatever this says. */
static void sync_parent(const sn__outdir *dir)
{
    char *parent;
    if (sn__mem_strdup(dir->target, &parent) != SN_OK)
        return;
    char *slash = strrchr(parent, '/');
    if (slash == NULL)
        memcpy(parent, ".", 2);
    else
        slash[slash == parent] = '\0'; /* "/name" lies in "/" */
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    sn__mem_free(parent);
}

sn_status sn__outdir_commit(sn__outdir *dir)
{
    bool exists = false;
    sn_status st = SN_OK;
    if (sync_entry(AT_FDCWD, dir->path) != 0)
        st = sn__fail_errno("%s: cannot flush", dir->path);
    if (st == SN_OK)
        st = check_target(dir->target, &exists);
    if (st == SN_OK && unlinkat(dir->lock, marker, 0) != 0)
        st = sn__fail_errno("%s: cannot remove %s", dir->path, marker);
    if (st == SN_OK)
        st = exists ? replace_old(dir) : place_new(dir);
    if (st != SN_OK) {
        sn__outdir_abort(dir);
        return st;
    }
    sync_parent(dir);
    free_outdir(dir);
    return SN_OK;
}

void sn__outdir_abort(sn__outdir *dir)
{
    if (dir == NULL)
        return;
    remove_tree(dir->path);
    free_outdir(dir);
}
