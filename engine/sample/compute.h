/* SPDX-License-Identifier: Apache-2.0 */
/* Computes batches of a plan into memory of a sink.
 *
 * Threads: one at a time per handle; handles share the plan. */
#ifndef SN_ENGINE_SAMPLE_COMPUTE_H
#define SN_ENGINE_SAMPLE_COMPUTE_H

#include "engine/sample/plan.h"
#include "engine/sample/sink.h"

/* Scratch memory: topology and layout, reused from batch to batch. */
typedef struct sn__compute sn__compute;

/* The plan is BORROWED and must outlive the handle. *out is NEW. Fails: SN_E_NOMEM. */
SN_NODISCARD sn_status sn__compute_create(const sn_plan *plan, sn__compute **out);
/* Threads that share a batch, the caller's among them (sn__topology_set_threads). */
SN_NODISCARD sn_status sn__compute_set_threads(sn__compute *compute, int32_t threads);
/* NULL is fine. */
void sn__compute_release(sn__compute *compute);

/* Global batch `batch` of `epoch` into memory of `sink`; *out is what `reserve` was told. Fails:
 * SN_E_RANGE, SN_E_NOMEM, SN_E_CORRUPT, and as `reserve` does; the handle stays usable. */
SN_NODISCARD sn_status sn__compute_batch(sn__compute *compute, uint64_t epoch, int64_t batch,
                                         const sn__sink *sink, sn_batch_info *out);
/* Step `step` of this rank's epoch, padding marked (sn_plan_step). Fails as sn__compute_batch. */
SN_NODISCARD sn_status sn__compute_step(sn__compute *compute, uint64_t epoch, int64_t step,
                                        const sn__sink *sink, sn_batch_info *out);

#endif
