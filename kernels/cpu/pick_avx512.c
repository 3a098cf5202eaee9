/* SPDX-License-Identifier: Apache-2.0 */
/* Picking with AVX-512: compiled for that instruction set alone, called where the processor has it. */
#ifdef __x86_64__

#    include "kernels/cpu/lanes_avx512.h"

#    define DRAW    sn__draw_avx512
#    define TAKE    sn__take_avx512
#    define SHUFFLE sn__shuffle_avx512
#    include "kernels/cpu/pick_template.h"

#else
typedef int sn__other_processor; /* a file is not empty */
#endif
