/* SPDX-License-Identifier: Apache-2.0 */
/* Makes chosen calls of a system function fail, by link-time wrapping (CMakeLists.txt takes the list
 * from here). Calls of this program and of the library's inside are counted, those of libc are not.
 * Threads: counters are atomic, arming is not. */
#ifndef SEINE_TESTS_IPC_FAULTS_H
#define SEINE_TESTS_IPC_FAULTS_H

#include "base/cgroup.h"

/* X(function) */
#define FAULTS(X)                               \
    X(calloc)                                   \
    X(memfd_create)                             \
    X(shm_open)                                 \
    X(getrandom)                                \
    X(posix_fallocate)                          \
    X(fcntl)                                    \
    X(fstat)                                    \
    X(mmap)                                     \
    X(madvise)                                  \
    X(socketpair)                               \
    X(sendmsg)                                  \
    X(recvmsg)                                  \
    X(ppoll)                                    \
    X(posix_spawn_file_actions_init)            \
    X(posix_spawn_file_actions_adddup2)         \
    X(posix_spawn_file_actions_addopen)         \
    X(posix_spawn_file_actions_addclosefrom_np) \
    X(posix_spawnattr_init)                     \
    X(posix_spawnattr_setsigmask)               \
    X(posix_spawnattr_setsigdefault)            \
    X(posix_spawnattr_setflags)                 \
    X(posix_spawn)                              \
    X(pidfd_open)                               \
    X(pidfd_send_signal)                        \
    X(waitid)                                   \
    X(prctl)                                    \
    X(sched_setaffinity)                        \
    X(hwloc_bitmap_alloc)                       \
    X(hwloc_topology_init)                      \
    X(hwloc_topology_load)                      \
    X(hwloc_get_cpubind)                        \
    X(hwloc_topology_restrict)

enum fault {
#define FAULT_ENUM(function) FAULT_##function,
    FAULTS(FAULT_ENUM)
#undef FAULT_ENUM
        FAULT_COUNT
};

/* From now on the n-th call (from 1) of `function` fails with `error`, and the `more` calls behind it.
 * waitid with error 0 says that nothing has happened yet. */
void fault_arm(enum fault function, int n, int more, int error);
/* This function too. */
void fault_also(enum fault function, int n, int more, int error);
/* Everything works again. Returns how many calls failed. */
int fault_disarm(void);
const char *fault_name(enum fault function);
/* How often `function` was called since fault_arm. */
int fault_calls(enum fault function);
/* What sn__memory_granted says from now on; NULL: the truth. */
void fault_memory(const sn__memory *granted);

#endif
