/* SPDX-License-Identifier: Apache-2.0 */
/* What this process and its children take, as /proc tells it. */
#ifndef BENCH_PROCESSES_H
#define BENCH_PROCESSES_H

#include <stdint.h>

/* Minor page faults so far. */
uint64_t faults_here(void);
uint64_t faults_of_children(void);
/* Sum of proportional set sizes of this process and its children, without the memory that holds
 * batches (lanes and spill segments). Negative: not to be had. */
double memory_of_all(void);

#endif
