/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/ops.h"

static const sn__kernel_ops cpu = {
    .abi = SN__KERNEL_ABI,
    .row_spans = sn__cpu_row_spans,
    .pick_uniform = sn__cpu_pick_uniform,
    .relabel = sn__cpu_relabel,
    .gather_rows = sn__cpu_gather_rows,
};

const sn__kernel_ops *sn__kernels_cpu(void)
{
    return &cpu;
}
