/* SPDX-License-Identifier: Apache-2.0 */
/* Reading statistics out of a control segment, of this process' loader or of another's.
 * Threads: any. */
#ifndef SN_ENGINE_PRODUCE_STATS_H
#define SN_ENGINE_PRODUCE_STATS_H

#include "channel/claims.h"

void sn__stats_read(const sn__stream *stream, sn_loader_stats *out);
/* Worker `worker` is in range. */
void sn__stats_read_worker(const sn__stream *stream, uint32_t worker, sn_worker_stats *out);

#endif
