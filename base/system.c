/* SPDX-License-Identifier: Apache-2.0 */
/* The public side of base/cgroup.h. */
#include "seine/system.h"

#include "base/cgroup.h"
#include "base/isa.h"
#include "base/option.h"

sn_system_info sn_system_get_info(void)
{
    int64_t quota = sn__cgroup_cpus("");
    sn__memory memory = sn__memory_granted("");
    return (sn_system_info){ .cores = sn__affinity_cores(),
                             .core_quota = quota < INT32_MAX ? (int32_t)quota : 0,
                             .cores_granted = sn__cores_granted(),
                             .memory_available = memory.available,
                             .memory_limit = memory.limit,
                             .memory_headroom = memory.headroom,
                             .isa = sn__isa_name(sn__isa_choose()) };
}
