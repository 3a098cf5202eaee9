/* SPDX-License-Identifier: Apache-2.0 */
/* Messages with descriptors between two processes: a pair of sockets that keep messages whole and in
 * order, and whose end is noticed.
 *
 * Deadlines are those of ipc/sync/deadline.h.
 * Threads: any; messages of several threads do not mix. */
#ifndef SN_IPC_SHM_PASS_H
#define SN_IPC_SHM_PASS_H

#include "base/status.h"

enum { SN__PASS_MAX_FDS = 16 }; /* in one message */

typedef struct sn__outgoing {
    const void *bytes;
    size_t count;   /* at least 1; what fits into a socket buffer (100 KB fit) */
    const int *fds; /* BORROWED: the receiver gets descriptors of its own */
    size_t num_fds;
} sn__outgoing;

typedef struct sn__incoming {
    void *bytes; /* the caller's */
    size_t capacity;
    int *fds; /* the caller's */
    size_t max_fds;
    size_t count, num_fds; /* filled: what came */
} sn__incoming;

/* Both ends are NEW, closed on exec, and above 2. Fails: SN_E_SYSTEM. */
SN_NODISCARD sn_status sn__pass_pair(int ends[2]);
/* Sends the message whole or not at all. Results: SN_E_AGAIN (deadline 0 and no room), SN_E_TIMEOUT,
 * SN_E_CLOSED (the peer is gone). Fails: SN_E_INVALID (no byte, too many descriptors), SN_E_NOMEM,
 * SN_E_SYSTEM. */
SN_NODISCARD sn_status sn__pass_send(int socket, const sn__outgoing *message, int64_t deadline_ns);
/* Receives one message; the descriptors are NEW and closed on exec. What a peer sent before it died
 * is received first. Results: SN_E_AGAIN, SN_E_TIMEOUT, SN_E_CLOSED. Fails: SN_E_CORRUPT (more bytes
 * or descriptors than there is room for; none is left open), SN_E_NOMEM, SN_E_SYSTEM. */
SN_NODISCARD sn_status sn__pass_receive(int socket, sn__incoming *message, int64_t deadline_ns);

#endif
