/* SPDX-License-Identifier: Apache-2.0 */
/* A plan as bytes in a segment, from which another process makes an equal one.
 *
 *     0      header     numbers, native endian: both ends are of one build on one machine
 *     160    fanouts    int64 [edge types * hops]
 *     align  seeds      int64 [num_input], at a multiple of 64; of links [2][num_input] pairs, or [num_input]
 *                       positions of all edges; none: all of the type, positions that are edge ids
 *            labels     of links, [num_input] of their type
 *
 * The dataset is not in it: engine/data/image.h. */
#ifndef SN_ENGINE_SAMPLE_PLAN_PACK_H
#define SN_ENGINE_SAMPLE_PLAN_PACK_H

#include "engine/sample/plan.h"
#include "ipc/shm/segment.h"

/* *out is NEW (sn__segment_unmap, sn__segment_close_fd). Fails: SN_E_NOMEM, SN_E_SYSTEM. */
SN_NODISCARD sn_status sn__plan_pack(const sn_plan *plan, sn__segment *out);
/* A plan equal to the one packed: same sn__plan_hash_all. `base` is aligned to 8 bytes. The seeds
 * stay where they are: BORROWED until the plan's end. Keeps a reference to the dataset. *out is
 * NEW. Fails: SN_E_CORRUPT, SN_E_NOMEM. */
SN_NODISCARD sn_status sn__plan_unpack(const uint8_t *base, size_t bytes, sn_dataset *dataset,
                                       sn_plan **out);

#endif
