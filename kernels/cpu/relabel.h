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

/* With a table for a map. */
void sn__relabel_table(sn__node_list *list, const int64_t *ids, size_t count, uint32_t *labels);
void sn__relabel_avx512(sn__node_list *list, const int64_t *ids, size_t count, uint32_t *labels);

#endif
