/* SPDX-License-Identifier: Apache-2.0 */
/* The sampler in this process: computes any batch of a plan, in any order.
 *
 * Threads: a handle belongs to one thread at a time; make one per thread, they share the dataset. A
 * handle holds 4 bytes per node that a batch can reach, and reuses the memory of released batches.
 */
#ifndef SEINE_SAMPLER_H
#define SEINE_SAMPLER_H

#include "seine/batch.h"
#include "seine/plan.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sn_sampler sn_sampler;

enum { SN_MAX_THREADS = 256 }; /* that share a batch */

/* Keeps a reference to the plan. *out is NEW. Fails: SN_E_NOMEM. */
SN_NODISCARD SN_API sn_status sn_sampler_create(sn_plan *plan, sn_sampler **out);
/* Threads that share each batch from now on, 1 to SN_MAX_THREADS; 1 after creation. Batches are the same
 * with any number. All but the caller's belong to the handle, have the affinity that the caller has now,
 * and sleep between batches. They may read the dataset for a moment after a call has returned; setting
 * another number, and release, wait for them. In a child of fork() the handle uses the caller's thread
 * alone. Fails: SN_E_RANGE, SN_E_NOMEM; the number stays as it was. */
SN_NODISCARD SN_API sn_status sn_sampler_set_threads(sn_sampler *sampler, int32_t threads);
/* NULL is fine. Batches that are still held stay valid. */
SN_API void sn_sampler_release(sn_sampler *sampler);
/* Global batch `batch` of `epoch`. *out is NEW. Fails: SN_E_RANGE, SN_E_NOMEM; the handle stays
 * usable. */
SN_NODISCARD SN_API sn_status sn_sampler_sample(sn_sampler *sampler, uint64_t epoch, int64_t batch,
                                                sn_batch **out);
/* Step `step` of this rank's epoch (sn_plan_step), padding marked. Fails as sn_sampler_sample. */
SN_NODISCARD SN_API sn_status sn_sampler_sample_step(sn_sampler *sampler, uint64_t epoch,
                                                     int64_t step, sn_batch **out);

#ifdef __cplusplus
}
#endif
#endif
