/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for a descriptor, with a deadline. An interrupted wait goes on with what is left of it. */
#include "ipc/sync/deadline.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

enum { NS_PER_S = 1000000000 };

static struct timespec duration(int64_t ns)
{
    return (struct timespec){ .tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S };
}

sn_status sn__deadline_poll(int fd, short events, int64_t deadline_ns)
{
    for (;;) {
        struct pollfd wanted = { .fd = fd, .events = events };
        int64_t left = deadline_ns <= 0 ? 0 : deadline_ns - sn__now_ns();
        struct timespec limit = duration(left > 0 ? left : 0);
        int ready = ppoll(&wanted, 1, deadline_ns == INT64_MAX ? NULL : &limit, NULL);
        if (ready > 0)
            return SN_OK;
        if (ready < 0 && errno != EINTR)
            return sn__fail_errno("descriptor %d: cannot wait", fd);
        if (ready == 0 && deadline_ns == 0)
            return SN_E_AGAIN;
        if (ready == 0 && left <= 0)
            return SN_E_TIMEOUT;
    }
}

sn_status sn__deadline_pause(int64_t ns, int64_t deadline_ns)
{
    if (deadline_ns == 0)
        return SN_E_AGAIN;
    int64_t left = deadline_ns < 0 ? 0 : deadline_ns - sn__now_ns();
    if (left <= 0)
        return SN_E_TIMEOUT;
    struct timespec limit = duration(left < ns ? left : ns);
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &limit, NULL);
    return SN_OK;
}
