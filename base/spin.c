/* SPDX-License-Identifier: Apache-2.0 */
/* A short wait before a sleep. */
#include "base/spin.h"

#include "base/clock.h"
#include "base/option.h"

#include <pthread.h>

enum {
    SPIN_NS = 20000, /* about a sleep and a wake-up across cores */
    LOOKS = 16       /* between two looks at the clock, which takes as long as many of them */
};

static int64_t limit_ns;
static pthread_once_t limit_once = PTHREAD_ONCE_INIT;

static void decide_limit(void)
{
    limit_ns = sn__cores_granted() > 1 ? SPIN_NS : 0;
}

int64_t sn__spin_limit_ns(void)
{
    pthread_once(&limit_once, decide_limit);
    return limit_ns;
}

sn__spin sn__spin_begin(void)
{
    int64_t limit = sn__spin_limit_ns();
    return (sn__spin){ .end_ns = limit > 0 ? sn__now_ns() + limit : 0 };
}

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield" ::: "memory");
#endif
}

bool sn__spin_more(sn__spin *spin)
{
    if (spin->end_ns == 0)
        return false;
    relax();
    return ++spin->looks % LOOKS != 0 || sn__now_ns() < spin->end_ns;
}
