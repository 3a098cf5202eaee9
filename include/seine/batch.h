/* SPDX-License-Identifier: Apache-2.0 */
/* A batch: named tensors and a header. docs/sampling.md, section 4 lists the names.
 *
 * Counted; views stay valid until the last reference goes, in any order with everything else
 * (sampler, plan and dataset may be released before).
 * Threads: any; the memory is read-only by convention.
 * Fork: in a child, releasing its parent's batches does nothing. */
#ifndef SEINE_BATCH_H
#define SEINE_BATCH_H

#include "seine/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sn_batch sn_batch;

enum { SN_BATCH_PADDED = 1 }; /* repeats a batch of the epoch's start (SN_UNEVEN_PAD) */

typedef struct sn_batch_info {
    uint64_t seed, epoch, batch;
    uint32_t flags;    /* SN_BATCH_... */
    int32_t tensors;   /* how many */
    int64_t num_nodes; /* over all types */
    int64_t num_edges;
} sn_batch_info;

SN_API sn_batch_info sn_batch_get_info(const sn_batch *batch);
/* Tensor `index` in contract order. Name and view are BORROWED from the batch. NULL: no such index.
 */
SN_API const sn_tensor *sn_batch_tensor(const sn_batch *batch, int32_t index, const char **name);
/* The tensor named so ("x", "paper.x", "author__writes__paper.row"), or NULL. BORROWED. */
SN_API const sn_tensor *sn_batch_find(const sn_batch *batch, const char *name);
/* XXH3-64 of the content as docs/sampling.md, section 4.1. Reads the whole batch: for tests and
 * tools. */
SN_API uint64_t sn_batch_digest(const sn_batch *batch);
/* One tensor as a DLPack capsule's content. *out is NEW: its deleter, from any thread, drops a
 * reference to the batch. The versioned form carries the read-only flag. Fails: SN_E_NOT_FOUND,
 * SN_E_NOMEM. */
SN_NODISCARD SN_API sn_status sn_batch_to_dlpack(sn_batch *batch, const char *name,
                                                 DLManagedTensorVersioned **out);
SN_NODISCARD SN_API sn_status sn_batch_to_dlpack_legacy(sn_batch *batch, const char *name,
                                                        DLManagedTensor **out);
/* Another reference / one less. NULL is fine. */
SN_API sn_batch *sn_batch_retain(sn_batch *batch);
SN_API void sn_batch_release(sn_batch *batch);

#ifdef __cplusplus
}
#endif
#endif
