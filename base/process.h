/* SPDX-License-Identifier: Apache-2.0 */
/* Which process this is, without a system call: handles are made by one process and must do nothing in a
 * copy of it, where threads are missing and locks may be held for ever.
 *
 * Threads: any; also in a child of fork() and of clone() without shared memory. */
#ifndef SN_BASE_PROCESS_H
#define SN_BASE_PROCESS_H

#include <sys/types.h>

/* As getpid(), which takes longer than all else that a call does where system calls are guarded. */
pid_t sn__process_id(void);

#endif
