/* SPDX-License-Identifier: Apache-2.0 */
/* Event counts on one futex word: a mark in bit 0, above it a count of signals.
 *
 *   prepare   word |= 1                              (V1)
 *   wait      the system sleeps if word == seen      (V2)
 *   signal    word += 2; if the mark was there:      (V3)
 *             the system, in one step: word &= ~1, wake all sleepers      (V4)
 *
 * Edges   V1 and V3 are read-modify-writes of one word, so one of them comes first. If V1 does, V3
 *         sees the mark and wakes. If V3 does, V1 (acquire) reads what V3 (release) wrote or what was
 *         built on it, and the waiter sees the condition that was made true before V3.
 * I1  Whoever sleeps and was not woken, the mark is set. V2 compares and falls asleep in one step of the
 *     system, and so does V4 clear and wake: either the sleeper is there and is woken, or it finds
 *     another word than the one it has seen and does not sleep.
 * Crash   Death before V3: nothing has happened. Between V3 and V4: the mark stays, so the next signal
 *         wakes. V4 is a system call, which is done whole or not at all.
 * Wrap    A waiter that stands still between V1 and V2 for exactly 2^31 signals would miss them. */
#include "ipc/sync/event.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "a lock-based atomic is not shared by processes");
_Static_assert(sizeof(sn__event) == 4, "the futex is the event");

enum { MARK = 1, ONE_SIGNAL = 2, NS_PER_S = 1000000000 };

uint32_t sn__event_prepare(sn__event *event)
{
    return atomic_fetch_or_explicit(&event->word, MARK, memory_order_acq_rel) | MARK; /* V1 */
}

sn_status sn__event_wait(sn__event *event, uint32_t seen, int64_t deadline_ns)
{
    struct timespec until = { .tv_sec = deadline_ns / NS_PER_S, .tv_nsec = deadline_ns % NS_PER_S };
    if (deadline_ns <= 0)
        return deadline_ns == 0 ? SN_E_AGAIN : SN_E_TIMEOUT;
    /* V2. With a bit set the time is absolute, on the monotonic clock. */
    if (syscall(SYS_futex, &event->word, FUTEX_WAIT_BITSET, seen,
                deadline_ns == INT64_MAX ? NULL : &until, NULL, FUTEX_BITSET_MATCH_ANY) == 0 ||
        errno == EAGAIN || errno == EINTR)
        return SN_OK;
    if (errno == ETIMEDOUT)
        return SN_E_TIMEOUT;
    return sn__fail_errno("event: cannot wait");
}

void sn__event_signal(sn__event *event)
{
    if ((atomic_fetch_add_explicit(&event->word, ONE_SIGNAL, memory_order_acq_rel) & MARK) == 0)
        return; /* V3 */
    /* V4: word &= ~MARK, and all its sleepers wake. The comparison, for waking more at a second word,
     * never holds: the mark was set. A failure would mean that the word is no memory of ours. */
    (void)syscall(SYS_futex, &event->word, FUTEX_WAKE_OP, INT_MAX, (void *)0, &event->word,
                  FUTEX_OP(FUTEX_OP_ANDN, MARK, FUTEX_OP_CMP_EQ, 0));
}
