/* SPDX-License-Identifier: Apache-2.0 */
/* The entry of seine-worker, for programs that want to be their own worker.
 *
 * Threads: call it first thing in main; it returns when the loader is done with the worker. */
#ifndef SEINE_WORKER_H
#define SEINE_WORKER_H

#include "seine/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Runs a sampling worker over the control socket that the loader left as file descriptor 3. All signals
 * are blocked when the program starts; this call unblocks them: ignore those of the terminal before.
 * Returns the process' exit code, with which it should end at once: 0 done, 1 failed (threads may still
 * run), 2 not started by a loader. */
SN_API int sn_worker_main(void);

#ifdef __cplusplus
}
#endif
#endif
