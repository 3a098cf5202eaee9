/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for a descriptor, with a deadline.
 *
 * A deadline is absolute, on the clock of base/clock.h: INT64_MAX is none, 0 means not to wait at
 * all.
 * Threads: any. */
#ifndef SN_IPC_SYNC_DEADLINE_H
#define SN_IPC_SYNC_DEADLINE_H

#include "base/status.h"

/* Waits until `fd` has one of `events` (those of <poll.h>), was hung up, or has an error: the call
 * that was to be made on it tells which. Results: SN_E_AGAIN (deadline 0), SN_E_TIMEOUT. Fails:
 * SN_E_SYSTEM, SN_E_NOMEM. */
SN_NODISCARD sn_status sn__deadline_poll(int fd, short events, int64_t deadline_ns);
/* Sleeps for `ns`, at most until the deadline; what interrupts it ends it early. Results: SN_E_AGAIN
 * (deadline 0), SN_E_TIMEOUT (it has passed). */
SN_NODISCARD sn_status sn__deadline_pause(int64_t ns, int64_t deadline_ns);

#endif
