/* SPDX-License-Identifier: Apache-2.0 */
/* Picking with NEON, which every aarch64 processor has. */
#ifdef __aarch64__

#    include "kernels/cpu/lanes_neon.h"

#    define DRAW    sn__draw_neon
#    define TAKE    sn__take_neon
#    define SHUFFLE sn__shuffle_neon
#    include "kernels/cpu/pick_template.h"

#else
typedef int sn__other_processor; /* a file is not empty */
#endif
