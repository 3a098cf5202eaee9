/* SPDX-License-Identifier: Apache-2.0 */
/* An event count in shared memory: threads of several processes sleep until somebody says that
 * something has changed. All zeros is a valid event.
 *
 *     for (;;) {                                          condition = true (release or stronger);
 *         uint32_t seen = sn__event_prepare(&event);      sn__event_signal(&event);
 *         if (condition)
 *             break;
 *         status = sn__event_wait(&event, seen, deadline_ns);
 *     }
 *
 * Any number of waiters and of signallers; a signal wakes all waiters, and each looks for itself.
 * A signal without a waiter is one atomic addition.
 *
 * Death  A waiter that dies leaves at most a mark that costs the next signal one system call. A
 *        signaller that dies between its change and its signal wakes nobody, and whoever signals next
 *        makes up for it: so the process that sees the death signals what the dead one signalled.
 * Deadlines are those of ipc/sync/deadline.h. */
#ifndef SN_IPC_SYNC_EVENT_H
#define SN_IPC_SYNC_EVENT_H

#include "base/status.h"

#include <stdatomic.h>

typedef struct sn__event {
    _Atomic uint32_t word; /* bit 0: somebody may sleep; above it the number of signals */
} sn__event;

/* Announces a wait; the caller then looks at its condition again. */
uint32_t sn__event_prepare(sn__event *event);
/* Sleeps until a signal after the prepare that returned `seen`. SN_OK: signalled, or for no reason.
 * Results: SN_E_AGAIN (deadline 0), SN_E_TIMEOUT. Fails: SN_E_SYSTEM. */
SN_NODISCARD sn_status sn__event_wait(sn__event *event, uint32_t seen, int64_t deadline_ns);
void sn__event_signal(sn__event *event);

#endif
