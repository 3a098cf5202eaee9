/* SPDX-License-Identifier: Apache-2.0 */
/* Picking with AVX2: compiled for that instruction set alone, called where the processor has it. */
#ifdef __x86_64__

#    include "kernels/cpu/lanes_avx2.h"

#    define DRAW    sn__draw_avx2
#    define TAKE    sn__take_avx2
#    define SHUFFLE sn__shuffle_avx2
#    include "kernels/cpu/pick_template.h"

#else
typedef int sn__other_processor; /* a file is not empty */
#endif
