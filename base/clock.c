/* SPDX-License-Identifier: Apache-2.0 */
/* Monotonic time for throttles, deadlines and measurements. */
#include "base/clock.h"

#include <time.h>

int64_t sn__now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail: the clock and the address are right */
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
