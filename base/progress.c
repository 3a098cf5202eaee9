/* SPDX-License-Identifier: Apache-2.0 */
/* Throttled calls of a caller's progress function. One thread: that of the long call. */
#include "base/progress.h"

#include "base/clock.h"
#include "base/status.h"

enum { PERIOD_NS = 50000000 }; /* 20 a second: smooth for an eye, invisible in a profile */

sn_status sn__progress_tick(sn__progress *progress, const char *stage, uint64_t done,
                            uint64_t total)
{
    if (progress == NULL || progress->call == NULL)
        return SN_OK;
    int64_t now = sn__now_ns();
    bool last = total > 0 && done == total;
    if (!last && now < progress->next_ns)
        return SN_OK;
    progress->next_ns = now + PERIOD_NS;
    if (!progress->call(progress->context, stage, done, total))
        return sn__fail(SN_E_CANCELLED, "%s: cancelled at %llu of %llu", stage,
                        (unsigned long long)done, (unsigned long long)total);
    return SN_OK;
}
