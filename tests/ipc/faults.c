/* SPDX-License-Identifier: Apache-2.0 */
#include "ipc/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <hwloc.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct rule {
    int first, last, error;
} rules[FAULT_COUNT];
static _Atomic int calls[FAULT_COUNT], failed;
static _Thread_local int with_error;
static const sn__memory *memory;

static const char *const names[] = {
#define FAULT_NAME(function) #function,
    FAULTS(FAULT_NAME)
#undef FAULT_NAME
};

void fault_also(enum fault function, int n, int more, int error)
{
    rules[function] = (struct rule){ .first = n, .last = n + more, .error = error };
}

void fault_arm(enum fault function, int n, int more, int error)
{
    fault_disarm();
    for (int i = 0; i < FAULT_COUNT; i++)
        calls[i] = 0;
    failed = 0;
    fault_also(function, n, more, error);
}

int fault_disarm(void)
{
    for (int i = 0; i < FAULT_COUNT; i++)
        rules[i] = (struct rule){ .last = -1 };
    return failed;
}

const char *fault_name(enum fault function)
{
    return names[function];
}

int fault_calls(enum fault function)
{
    return calls[function];
}

void fault_memory(const sn__memory *granted)
{
    memory = granted;
}

static bool fails(enum fault function)
{
    int call = atomic_fetch_add(&calls[function], 1) + 1;
    const struct rule *rule = &rules[function];
    if (call < rule->first || call > rule->last)
        return false;
    atomic_fetch_add(&failed, 1);
    errno = with_error = rule->error;
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

typedef posix_spawn_file_actions_t files;
typedef posix_spawnattr_t attributes;

WRAP(void *, calloc, NULL, (size_t count, size_t size), (count, size))
WRAP(int, memfd_create, -1, (const char *name, unsigned flags), (name, flags))
WRAP(int, shm_open, -1, (const char *name, int flags, mode_t mode), (name, flags, mode))
WRAP(ssize_t, getrandom, -1, (void *data, size_t bytes, unsigned flags), (data, bytes, flags))
WRAP(int, posix_fallocate, with_error, (int fd, off_t offset, off_t bytes), (fd, offset, bytes))
WRAP(int, fstat, -1, (int fd, struct stat *info), (fd, info))
WRAP(void *, mmap, MAP_FAILED,
     (void *at, size_t bytes, int protection, int flags, int fd, off_t offset),
     (at, bytes, protection, flags, fd, offset))
WRAP(int, madvise, -1, (void *at, size_t bytes, int advice), (at, bytes, advice))
WRAP(int, socketpair, -1, (int domain, int type, int protocol, int ends[2]),
     (domain, type, protocol, ends))
WRAP(ssize_t, sendmsg, -1, (int fd, const struct msghdr *message, int flags), (fd, message, flags))
WRAP(ssize_t, recvmsg, -1, (int fd, struct msghdr *message, int flags), (fd, message, flags))
WRAP(int, ppoll, -1,
     (struct pollfd * wanted, nfds_t count, const struct timespec *limit, const sigset_t *mask),
     (wanted, count, limit, mask))
WRAP(int, posix_spawn_file_actions_init, with_error, (files * to), (to))
WRAP(int, posix_spawn_file_actions_adddup2, with_error, (files * to, int a, int b), (to, a, b))
WRAP(int, posix_spawn_file_actions_addopen, with_error,
     (files * to, int fd, const char *path, int flags, mode_t mode), (to, fd, path, flags, mode))
WRAP(int, posix_spawn_file_actions_addclosefrom_np, with_error, (files * to, int from), (to, from))
WRAP(int, posix_spawnattr_init, with_error, (attributes * to), (to))
WRAP(int, posix_spawnattr_setsigmask, with_error, (attributes * to, const sigset_t *set), (to, set))
WRAP(int, posix_spawnattr_setsigdefault, with_error, (attributes * to, const sigset_t *set),
     (to, set))
WRAP(int, posix_spawnattr_setflags, with_error, (attributes * to, short flags), (to, flags))
WRAP(int, posix_spawn, with_error,
     (pid_t * pid, const char *path, const files *to, const attributes *how, char *const argv[],
      char *const environment[]),
     (pid, path, to, how, argv, environment))
WRAP(int, pidfd_open, -1, (pid_t pid, unsigned flags), (pid, flags))
WRAP(int, pidfd_send_signal, -1, (int fd, int signal, siginfo_t *info, unsigned flags),
     (fd, signal, info, flags))
WRAP(int, waitid, with_error == 0 ? 0 : -1, (idtype_t type, id_t id, siginfo_t *info, int options),
     (type, id, info, options))
WRAP(int, sched_setaffinity, -1, (pid_t pid, size_t bytes, const cpu_set_t *set), (pid, bytes, set))
WRAP(hwloc_bitmap_t, hwloc_bitmap_alloc, NULL, (void), ())
WRAP(int, hwloc_topology_init, -1, (hwloc_topology_t * out), (out))
WRAP(int, hwloc_topology_load, -1, (hwloc_topology_t machine), (machine))
WRAP(int, hwloc_get_cpubind, -1, (hwloc_topology_t machine, hwloc_cpuset_t set, int flags),
     (machine, set, flags))
WRAP(int, hwloc_topology_restrict, -1,
     (hwloc_topology_t machine, hwloc_const_bitmap_t set, unsigned long flags),
     (machine, set, flags))

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

int __real_prctl(int option, ...);
int __wrap_prctl(int option, ...);
int __wrap_prctl(int option, ...)
{
    va_list args;
    va_start(args, option);
    unsigned long argument = va_arg(args, unsigned long);
    va_end(args);
    return fails(FAULT_prctl) ? -1 : __real_prctl(option, argument);
}

sn__memory __real_sn__memory_granted(const char *root);
sn__memory __wrap_sn__memory_granted(const char *root);
sn__memory __wrap_sn__memory_granted(const char *root)
{
    return memory != NULL ? *memory : __real_sn__memory_granted(root);
}
