/* SPDX-License-Identifier: Apache-2.0 */
/* Several threads on one batch, with the result of one.
 *
 * Members claim blocks of the frontier in order and compute them as far as they depend on node ids alone.
 * The calling thread, which is a member, labels them in order, and computes blocks itself while the next
 * one is not there. A block whose thread has lost its core is computed once more by the calling thread
 * after a short spin: nobody waits for a thread that does not run. Then they share the rows of features.
 * Threads: one caller at a time. In a child of fork() the caller works alone. */
#ifndef SN_ENGINE_SAMPLE_TEAM_H
#define SN_ENGINE_SAMPLE_TEAM_H

#include "engine/sample/expand.h"
#include "engine/sample/gather.h"

typedef struct sn__team sn__team;

/* threads - 1 helpers; where one cannot be started the others do its work. They have the affinity of the
 * calling thread and all signals blocked. *out is NEW. Fails: SN_E_NOMEM. */
SN_NODISCARD sn_status sn__team_create(int32_t threads, sn__team **out);
/* Ends the helpers. NULL is fine. */
void sn__team_release(sn__team *team);

/* How many blocks are enough; lowered by tests whose graphs are small, before the first team. */
extern size_t sn__team_least_blocks;
/* Whether there are enough blocks for the helpers to matter. */
bool sn__team_is_worth(const sn__expansion *expansion);
/* All blocks, through all stages. Fails as the stages do; usable again afterwards. */
SN_NODISCARD sn_status sn__team_expand(sn__team *team, const sn__expansion *expansion);
/* All rows. Pieces are written where the batch lies, so one that a helper has begun is waited for. Fails
 * as a piece does. */
SN_NODISCARD sn_status sn__team_gather(sn__team *team, const sn__gather *gather);

#endif
