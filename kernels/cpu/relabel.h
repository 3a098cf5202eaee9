/* SPDX-License-Identifier: Apache-2.0 */
/* relabel per instruction set. Where there is nothing better, sn__cpu_relabel. */
#ifndef SN_KERNELS_CPU_RELABEL_H
#define SN_KERNELS_CPU_RELABEL_H

#include "kernels/ops.h"

/* A value of which the compiler knows nothing, so that it cannot make a branch of it. */
static inline uint32_t sn__opaque(uint32_t value)
{
    __asm__ volatile("" : "+r"(value));
    return value;
}

/* Reads the entries of all ids, and does nothing with them. A processor drops prefetches when many are
 * under way. It does not drop loads, and those that depend on nothing overlap as far as the core can: a
 * pass over the block and a second one that finds everything near take half the time of one. */
static inline void sn__touch_entries(const sn__label_map *map, const int64_t *ids, size_t count)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += map->entries[ids[i]];
    (void)sn__opaque(sum);
}

/* With a table for a map. */
void sn__relabel_table(sn__node_list *list, const int64_t *ids, size_t count, uint32_t *labels);
void sn__relabel_avx512(sn__node_list *list, const int64_t *ids, size_t count, uint32_t *labels);

#endif
