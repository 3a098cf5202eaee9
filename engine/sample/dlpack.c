/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors of a batch as DLPack structs. Each export holds a reference to the batch: the consumer
 * frees in any order, from any thread. */
#include "base/mem.h"
#include "engine/sample/batch.h"

enum { DEVICE_CPU = 1, FLAG_READ_ONLY = 1 };

/* What both forms need to keep alive. */
typedef struct export_state {
    sn_batch *batch;
    int64_t shape[SN_MAX_DIMS], strides[SN_MAX_DIMS];
} export_state;

typedef struct versioned_export {
    DLManagedTensorVersioned managed; /* first: the consumer's pointer is ours */
    export_state state;
} versioned_export;

typedef struct legacy_export {
    DLManagedTensor managed;
    export_state state;
} legacy_export;

static void free_versioned(DLManagedTensorVersioned *self)
{
    versioned_export *whole = self->manager_ctx;
    sn_batch_release(whole->state.batch);
    sn__mem_free(whole);
}

static void free_legacy(DLManagedTensor *self)
{
    legacy_export *whole = self->manager_ctx;
    sn_batch_release(whole->state.batch);
    sn__mem_free(whole);
}

static DLTensor describe(export_state *state, sn_batch *batch, const sn_tensor *tensor)
{
    int64_t stride = 1;
    for (int32_t d = tensor->ndim - 1; d >= 0; d--) {
        state->shape[d] = tensor->shape[d];
        state->strides[d] = stride;
        stride *= tensor->shape[d];
    }
    state->batch = sn_batch_retain(batch);
    return (DLTensor){
        .data = tensor->data,
        .device = { DEVICE_CPU, 0 },
        .ndim = tensor->ndim,
        .dtype = { tensor->dtype.code, tensor->dtype.bits, 1 },
        .shape = state->shape,
        .strides = state->strides,
    };
}

static sn_status find(const sn_batch *batch, const char *name, const sn_tensor **out)
{
    *out = sn_batch_find(batch, name);
    if (*out == NULL)
        return sn__fail(SN_E_NOT_FOUND, "batch: no tensor %s", name);
    return SN_OK;
}

sn_status sn_batch_to_dlpack(sn_batch *batch, const char *name, DLManagedTensorVersioned **out)
{
    const sn_tensor *tensor;
    versioned_export *whole;
    SN_TRY(find(batch, name, &tensor));
    SN_TRY(sn__mem_zalloc(1, sizeof *whole, "DLPack export", &whole));
    whole->managed = (DLManagedTensorVersioned){
        .version = { 1, 1 },
        .manager_ctx = whole,
        .deleter = free_versioned,
        .flags = FLAG_READ_ONLY,
        .dl_tensor = describe(&whole->state, batch, tensor),
    };
    *out = &whole->managed;
    return SN_OK;
}

sn_status sn_batch_to_dlpack_legacy(sn_batch *batch, const char *name, DLManagedTensor **out)
{
    const sn_tensor *tensor;
    legacy_export *whole;
    SN_TRY(find(batch, name, &tensor));
    SN_TRY(sn__mem_zalloc(1, sizeof *whole, "DLPack export", &whole));
    whole->managed = (DLManagedTensor){
        .dl_tensor = describe(&whole->state, batch, tensor),
        .manager_ctx = whole,
        .deleter = free_legacy,
    };
    *out = &whole->managed;
    return SN_OK;
}
