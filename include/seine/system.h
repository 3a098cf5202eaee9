/* SPDX-License-Identifier: Apache-2.0 */
/* What the system grants this process: cores and memory, by affinity and control groups.
 * Threads: any. */
#ifndef SEINE_SYSTEM_H
#define SEINE_SYSTEM_H

#include "seine/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sn_system_info {
    int32_t cores;             /* that this process may run on (affinity), at least 1 */
    int32_t core_quota;        /* of its control groups, rounded up to whole cores; 0: none */
    int32_t cores_granted;     /* the lesser of the two: what "auto" means for SEINE_THREADS */
    uint64_t memory_available; /* bytes: MemAvailable; UINT64_MAX: unknown */
    uint64_t memory_limit;     /* bytes: the tightest of its control groups; UINT64_MAX: none */
    uint64_t memory_headroom;  /* bytes left under that limit; UINT64_MAX: no limit */
    /* Vector instructions that the kernels use: "plain", "neon", "avx2" or "avx512". Static. Chosen
     * once, the best that there are unless SEINE_ISA says otherwise. All give the same results. */
    const char *isa;
} sn_system_info;

/* As it is now. */
SN_API sn_system_info sn_system_get_info(void);

#ifdef __cplusplus
}
#endif
#endif
