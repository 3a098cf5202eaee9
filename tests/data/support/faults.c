/* SPDX-License-Identifier: Apache-2.0 */
#include "data/support/faults.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

static enum fault armed = FAULT_COUNT;
static int first, last, with_error;
static _Atomic int calls, failed;
void (*fault_hook)(void);

static const char *const names[] = {
#define FAULT_NAME(function) #function,
    FAULTS(FAULT_NAME)
#undef FAULT_NAME
};

/* jansson's allocations do not pass through our objects' symbols. */
static void *json_allocate(size_t bytes)
{
    return calloc(1, bytes);
}

void fault_arm(enum fault function, int n, int more, int error)
{
    json_set_alloc_funcs(json_allocate, free);
    armed = function;
    first = n;
    last = n + more;
    with_error = error;
    calls = failed = 0;
}

int fault_disarm(void)
{
    armed = FAULT_COUNT;
    fault_hook = NULL;
    return failed;
}

const char *fault_name(enum fault function)
{
    return names[function];
}

static bool fails(enum fault function)
{
    if (armed != function)
        return false;
    int call = atomic_fetch_add(&calls, 1) + 1;
    if (call < first || call > last)
        return false;
    atomic_fetch_add(&failed, 1);
    if (fault_hook != NULL) {
        void (*hook)(void) = fault_hook;
        fault_hook = NULL;
        hook();
        return false;
    }
    errno = with_error;
    return true;
}

#define WRAP(type, function, failure, parameters, arguments) \
    type __real_##function parameters;                       \
    type __wrap_##function parameters;                       \
    type __wrap_##function parameters                        \
    {                                                        \
        if (fails(FAULT_##function))                         \
            return failure;                                  \
        return __real_##function arguments;                  \
    }

WRAP(void *, calloc, NULL, (size_t count, size_t size), (count, size))
WRAP(void *, realloc, NULL, (void *block, size_t size), (block, size))
WRAP(void *, mmap, MAP_FAILED,
     (void *at, size_t bytes, int protection, int flags, int fd, off_t offset),
     (at, bytes, protection, flags, fd, offset))
WRAP(FILE *, fopen, NULL, (const char *path, const char *mode), (path, mode))
WRAP(int, fstat, -1, (int fd, struct stat *info), (fd, info))
WRAP(int, stat, -1, (const char *path, struct stat *info), (path, info))
WRAP(ssize_t, read, -1, (int fd, void *data, size_t bytes), (fd, data, bytes))
WRAP(ssize_t, pread, -1, (int fd, void *data, size_t bytes, off_t offset),
     (fd, data, bytes, offset))
WRAP(int, fputs, -1, (const char *text, FILE *file), (text, file))
WRAP(struct dirent *, readdir, NULL, (DIR * dir), (dir))
WRAP(char *, realpath, NULL, (const char *path, char *out), (path, out))
WRAP(ssize_t, getrandom, -1, (void *data, size_t bytes, unsigned flags), (data, bytes, flags))
WRAP(int, posix_fallocate, with_error, (int fd, off_t offset, off_t bytes), (fd, offset, bytes))
WRAP(int, ftruncate, -1, (int fd, off_t bytes), (fd, bytes))
WRAP(int, mkdir, -1, (const char *path, mode_t mode), (path, mode))
WRAP(int, rename, -1, (const char *from, const char *to), (from, to))
WRAP(int, unlinkat, -1, (int fd, const char *path, int flags), (fd, path, flags))
WRAP(int, pthread_create, EAGAIN,
     (pthread_t * thread, const pthread_attr_t *attributes, void *(*body)(void *), void *context),
     (thread, attributes, body, context))
WRAP(XXH3_state_t *, XXH3_createState, NULL, (void), ())

/* Waiting for a disk tests nothing here: a flush that does not fail is left out. */
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    return fails(FAULT_fsync) ? -1 : (fcntl(fd, F_GETFD) < 0 ? -1 : 0);
}

/* These do their work and then say that it failed, so that nothing is left behind by the test
 * itself. */
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
    bool failing = fails(FAULT_close);
    int error = errno, result = __real_close(fd);
    if (failing)
        errno = error;
    return failing ? -1 : result;
}

int __real_fclose(FILE *file);
int __wrap_fclose(FILE *file);
int __wrap_fclose(FILE *file)
{
    bool failing = fails(FAULT_fclose);
    int error = errno, result = __real_fclose(file);
    if (failing)
        errno = error;
    return failing ? EOF : result;
}

static bool no_exchange;
void fault_no_exchange(bool yes)
{
    no_exchange = yes;
}

int __real_renameat2(int a, const char *from, int b, const char *to, unsigned flags);
int __wrap_renameat2(int a, const char *from, int b, const char *to, unsigned flags);
int __wrap_renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
    if (fails(FAULT_renameat2))
        return -1;
    if (no_exchange && flags != 0) {
        errno = EINVAL;
        return -1;
    }
    return __real_renameat2(a, from, b, to, flags);
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    return fails(FAULT_open) ? -1 : __real_open(path, flags, mode);
}

int __real_openat(int fd, const char *path, int flags, ...);
int __wrap_openat(int fd, const char *path, int flags, ...);
int __wrap_openat(int fd, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    return fails(FAULT_openat) ? -1 : __real_openat(fd, path, flags, mode);
}

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...)
{
    va_list args;
    va_start(args, command);
    int argument = va_arg(args, int);
    va_end(args);
    return fails(FAULT_fcntl) ? -1 : __real_fcntl(fd, command, argument);
}
