/* SPDX-License-Identifier: Apache-2.0 */
/* Vector instruction sets that kernels are compiled for. All give the same results.
 * Threads: any. */
#ifndef SN_BASE_ISA_H
#define SN_BASE_ISA_H

#include <stdbool.h>

/* In the order of the words of SEINE_ISA behind "auto". The last one that is there is the best. */
typedef enum sn__isa {
    SN__ISA_PLAIN,
    SN__ISA_NEON,
    SN__ISA_AVX2,
    SN__ISA_AVX512,
    SN__ISA_COUNT
} sn__isa;

/* Compiled in, and the processor has it. */
bool sn__isa_is_there(sn__isa isa);
/* What SEINE_ISA says if it is there, else the best one. The first call warns if it is not. */
sn__isa sn__isa_choose(void);
/* Static. */
const char *sn__isa_name(sn__isa isa);

#endif
