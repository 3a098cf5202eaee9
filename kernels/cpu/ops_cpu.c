/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the host, one per instruction set. */
#include "kernels/cpu/pick_lanes.h"
#include "kernels/cpu/relabel.h"

#define OPS(mix, pick, fetch, label)                                                              \
    {                                                                                             \
        .abi = SN__KERNEL_ABI, .shuffle = mix, .prefetch_rows = sn__cpu_prefetch_rows,            \
        .row_spans = sn__cpu_row_spans, .draw = pick, .take = fetch,                              \
        .prefetch_labels = sn__cpu_prefetch_labels, .relabel = label,                             \
        .edge_ends = sn__cpu_edge_ends, .negatives = sn__cpu_negatives, .lookup = sn__cpu_lookup, \
        .gather_rows = sn__cpu_gather_rows,                                                       \
    }

/* Empty where not compiled in. */
static const sn__kernel_ops tables[SN__ISA_COUNT] = {
    [SN__ISA_PLAIN] = OPS(sn__shuffle_range, sn__cpu_draw, sn__cpu_take, sn__cpu_relabel),
#ifdef __x86_64__
    [SN__ISA_AVX2] = OPS(sn__shuffle_avx2, sn__draw_avx2, sn__take_avx2, sn__cpu_relabel),
    [SN__ISA_AVX512] =
        OPS(sn__shuffle_avx512, sn__draw_avx512, sn__take_avx512, sn__relabel_avx512),
#endif
#ifdef __aarch64__
    [SN__ISA_NEON] = OPS(sn__shuffle_neon, sn__draw_neon, sn__take_neon, sn__cpu_relabel),
#endif
};

const sn__kernel_ops *sn__kernels_of(sn__isa isa)
{
    return sn__isa_is_there(isa) ? &tables[isa] : NULL;
}

const sn__kernel_ops *sn__kernels_cpu(void)
{
    return &tables[sn__isa_choose()];
}
