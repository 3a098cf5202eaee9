/* SPDX-License-Identifier: Apache-2.0 */
/* The names of steps: docs/internals/stream.md. */
#include "seine/stats.h"

static const char *const names[SN_NUM_STEPS] = {
    [SN_STEP_IDLE] = "idle",           [SN_STEP_CLAIMED] = "claimed", [SN_STEP_SAMPLED] = "sampled",
    [SN_STEP_RESERVED] = "reserved",   [SN_STEP_GATHER] = "gather",   [SN_STEP_WRITTEN] = "written",
    [SN_STEP_PUBLISHED] = "published",
};

const char *sn_step_name(sn_step step)
{
    return (uint32_t)step < SN_NUM_STEPS ? names[step] : "?";
}
