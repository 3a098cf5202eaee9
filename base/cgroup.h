/* SPDX-License-Identifier: Apache-2.0 */
/* What the system grants this process: cores and memory, by affinity and control groups (v1 and
 * v2).
 *
 * `root` is put before /proc and before every mount point; "" is the machine itself, tests give a
 * folder with a recorded machine. What cannot be read limits nothing. */
#ifndef SN_BASE_CGROUP_H
#define SN_BASE_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

/* Cores that this thread may run on, at least 1. */
int32_t sn__affinity_cores(void);
/* The CPU quota in whole cores, rounded up, at least 1; INT64_MAX: none. */
int64_t sn__cgroup_cpus(const char *root);

typedef struct sn__memory {
    uint64_t available; /* MemAvailable of /proc/meminfo; UINT64_MAX: unknown */
    uint64_t headroom;  /* least of limit - use (file pages that can be dropped are not counted as
                         * used)  over this control group and those above; UINT64_MAX: no limit */
    uint64_t limit;     /* the limit that headroom comes from; UINT64_MAX: none */
} sn__memory;

sn__memory sn__memory_granted(const char *root);

/* Processes of this one's control group (and, in v2, of those below it) that the kernel has killed for
 * want of memory; where the group does not say, those of the machine; -1: unknown. It only grows. */
int64_t sn__oom_kills(const char *root);

#endif
