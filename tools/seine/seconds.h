/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_SEINE_SECONDS_H
#define TOOLS_SEINE_SECONDS_H

#include <time.h>

/* Monotonic time. */
static inline double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

#endif
