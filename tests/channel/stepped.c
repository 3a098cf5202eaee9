/* SPDX-License-Identifier: Apache-2.0 */
/* The claim table, lanes and events, compiled once more so that the scheduler may switch before each of
 * their accesses to what is shared. The library's own are not linked then. */
#include "channel/scheduler.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool swap_if(_Atomic uint64_t *word, uint64_t *expected, uint64_t desired)
{
    scheduler_step();
    return atomic_compare_exchange_strong(word, expected, desired);
}
static uint32_t add_to(_Atomic uint32_t *word, uint32_t value)
{
    scheduler_step();
    return atomic_fetch_add(word, value);
}
static uint32_t or_to(_Atomic uint32_t *word, uint32_t value)
{
    scheduler_step();
    return atomic_fetch_or(word, value);
}

#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_compare_exchange_strong_explicit
#undef atomic_fetch_add_explicit
#undef atomic_fetch_or_explicit
#define atomic_load_explicit(word, order)         (scheduler_step(), *(word))
#define atomic_store_explicit(word, value, order) (scheduler_step(), (void)(*(word) = (value)))
#define atomic_compare_exchange_strong_explicit(word, expected, desired, success, failure) \
    swap_if(word, expected, desired)
#define atomic_fetch_add_explicit(word, value, order) add_to(word, value)
#define atomic_fetch_or_explicit(word, value, order)  or_to(word, value)
#define sched_yield()                                 scheduler_yield()
#define syscall                                       scheduler_futex

#include "channel/claims.c"
#include "channel/lane.c"
#include "ipc/sync/event.c"
