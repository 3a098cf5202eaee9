/* SPDX-License-Identifier: Apache-2.0 */
/* Which cores worker processes run on.
 *
 * Threads: any. */
#ifndef SN_IPC_PROC_BIND_H
#define SN_IPC_PROC_BIND_H

#include "base/status.h"

enum { SN__BIND_BYTES = 256 };

struct hwloc_topology;

/* Fills sets[workers] with core lists ("0-3,8"), "" = not bound. Workers are spread over the NUMA nodes
 * with cores granted to the calling thread. A worker of `threads_each` sampling threads gets cores of
 * its own if at least twice as many cores are granted as all of them have threads; else all of its
 * node's; and "" where there is one node, or anything could not be found out. */
void sn__bind_choose(int32_t workers, int32_t threads_each, char (*sets)[SN__BIND_BYTES]);
/* The same on a given machine, of which `granted` cores may be used. */
void sn__bind_choose_on(struct hwloc_topology *machine, int32_t granted, int32_t workers,
                        int32_t threads_each, char (*sets)[SN__BIND_BYTES]);
/* Binds the calling thread, and the threads that it starts later; "" does nothing. Fails: SN_E_INVALID
 * (no core list), SN_E_SYSTEM (none of the cores may be used), SN_E_NOMEM. */
SN_NODISCARD sn_status sn__bind_self(const char *set);

#endif
