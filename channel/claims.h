/* SPDX-License-Identifier: Apache-2.0 */
/* The claim table: who makes which batch. Steps, edges and invariants: channel/stream_layout.h.
 *
 * Threads: `_lane` calls belong to a lane's thread, `_parent` calls to the one thread of the parent
 * that is at the loader. */
#ifndef SN_CHANNEL_CLAIMS_H
#define SN_CHANNEL_CLAIMS_H

#include "channel/stream.h"

/* What tickets from `base` on mean. */
typedef struct sn__stream_run {
    uint64_t base, count, epoch;
    int64_t first_step;
} sn__stream_run;

/* -- Lane -------------------------------------------------------------------------------------- */

/* Claims the lowest open ticket. False: none is open now. */
bool sn__claim_take_lane(const sn__stream *stream, uint32_t lane, uint64_t *ticket);
/* The ticket that this lane has claimed and not published, if there is one: for a successor.
 * `published`: the ticket of its last descriptor, has_published: it has one. */
bool sn__claim_left_lane(const sn__stream *stream, uint32_t lane, bool has_published,
                         uint64_t published, uint64_t *ticket);
/* Whether some ticket is open. */
bool sn__claim_is_open(const sn__stream *stream);
/* The run, read as a whole. False: it is being written. For whoever looks from outside: a parent that
 * was stopped or killed there leaves it so. */
bool sn__claim_try_run(const sn__stream *stream, sn__stream_run *out);
/* The same, in the parent and its workers: waits until it is written. A run begins, for readers, with
 * its first ticket being open. */
sn__stream_run sn__claim_run(const sn__stream *stream);

/* -- Parent ------------------------------------------------------------------------------------ */

/* Closes what is open, so that no ticket of the run before is claimed any more; returns the base of
 * the next run. */
uint64_t sn__claim_close_parent(const sn__stream *stream);
/* Writes the run and opens its first tickets. `run->base` comes from the close before. */
void sn__claim_open_parent(const sn__stream *stream, const sn__stream_run *run);
/* The lane that has claimed `ticket`; false: none yet. */
bool sn__claim_owner_parent(const sn__stream *stream, uint64_t ticket, uint32_t *lane);
/* The consumer has `ticket`, which is `position`: it goes on to the next one. `end`: of the run. */
void sn__claim_pass_parent(const sn__stream *stream, uint64_t ticket, uint64_t end);

#endif
