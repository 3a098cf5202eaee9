/* SPDX-License-Identifier: Apache-2.0 */
/* Running one function on a few threads. */
#ifndef SN_BASE_PARALLEL_H
#define SN_BASE_PARALLEL_H

#include "base/status.h"

/* One thread's part of the work: index in [0, threads). */
typedef sn_status (*sn__parallel_body)(void *context, int32_t index, int32_t threads);

/* Runs body(context, 0 .. threads-1), index 0 in the calling thread, and waits for all. Returns the
 * first error by index, with its detail moved to the calling thread. If a thread cannot be started
 * its part runs in the calling thread: the result never depends on it. Signals are blocked in the
 * started threads. */
SN_NODISCARD sn_status sn__parallel(int32_t threads, sn__parallel_body body, void *context);

#endif
