/* SPDX-License-Identifier: Apache-2.0 */
/* Prefetching into the second cache: a core has more lines under way to there than to the first, and what
 * whole blocks ask for ahead would not stay in the first. */
#ifndef SN_KERNELS_CPU_PREFETCH_H
#define SN_KERNELS_CPU_PREFETCH_H

#include <stdint.h>

static inline void sn__prefetch(const void *address)
{
    __builtin_prefetch(address, 0, 2);
}

/* The offset may come from a broken file and lead anywhere: a pointer must not, and a prefetch may. */
static inline void sn__prefetch_at(const void *base, uint64_t offset)
{
    sn__prefetch((const void *)((uintptr_t)base + (uintptr_t)offset));
}

/* The sixteen numbers are written, and read anew. */
static inline void sn__in_memory(uint32_t array[16])
{
    __asm__ volatile("" : "+m"(*(uint32_t(*)[16])array));
}

#endif
