/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors: plain views, .npy files, and DLPack.
 *
 * A view (sn_tensor) owns nothing: its memory is BORROWED from or LENT by the object that gave it.
 * An sn_array owns memory of its own or a file mapping. Both are dense, in C order, on the CPU. The
 * DLPack structs are declared here (ABI 1.1, plain and versioned), so no other header is needed; a
 * program that includes dlpack.h defines SN_HAVE_DLPACK before and gets those instead.
 * Threads: any, also for deleters. */
#ifndef SEINE_TENSOR_H
#define SEINE_TENSOR_H

#include "seine/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* DLPack type codes. */
enum { SN_INT = 0, SN_UINT = 1, SN_FLOAT = 2, SN_BFLOAT = 4, SN_COMPLEX = 5, SN_BOOL = 6 };
enum { SN_MAX_DIMS = 4 };

typedef struct sn_dtype {
    uint8_t code; /* SN_INT ... */
    uint8_t bits; /* 8, 16, 32, 64, 128 */
} sn_dtype;

typedef struct sn_tensor {
    void *data; /* may be NULL when a dimension is 0 */
    sn_dtype dtype;
    int32_t ndim;
    int64_t shape[SN_MAX_DIMS]; /* elements; entries from ndim on are 1 */
} sn_tensor;

/* "float32"; "?" for a type that Seine does not know. BORROWED, never freed. */
SN_API const char *sn_dtype_name(sn_dtype dtype);
/* The type named so. Fails: SN_E_INVALID. */
SN_NODISCARD SN_API sn_status sn_dtype_parse(const char *name, sn_dtype *out);
/* Elements (product of the shape), bytes of all, and bytes of one row (all dimensions but the
 * first). */
SN_API int64_t sn_tensor_count(const sn_tensor *tensor);
SN_API int64_t sn_tensor_bytes(const sn_tensor *tensor);
SN_API int64_t sn_tensor_row_bytes(const sn_tensor *tensor);

typedef struct sn_array sn_array;

/* Maps an .npy file (format 1 to 3, little-endian, C order, at most 4 dimensions) read-only. *out
 * is NEW.
 * Fails: SN_E_SYSTEM, SN_E_FORMAT; the detail names the file and the fault. */
SN_NODISCARD SN_API sn_status sn_array_open(const char *path, sn_array **out);
/* Memory of its own, zeroed, 64-byte aligned. *out is NEW. Fails: SN_E_INVALID, SN_E_NOMEM. */
SN_NODISCARD SN_API sn_status sn_array_create(sn_dtype dtype, int32_t ndim, const int64_t *shape,
                                              sn_array **out);
/* Unmaps or frees it. NULL is fine. */
SN_API void sn_array_release(sn_array *array);
/* The view, BORROWED until the release. Mapped files are read-only. */
SN_API const sn_tensor *sn_array_view(const sn_array *array);
/* Writes an .npy file (format 1, data 64-byte aligned), to a temporary name and renamed.
 * Fails: SN_E_INVALID, SN_E_UNSUPPORTED (bfloat16: .npy has no name for it), SN_E_SYSTEM,
 * SN_E_NOMEM. */
SN_NODISCARD SN_API sn_status sn_tensor_save(const sn_tensor *tensor, const char *path);

#ifndef SN_HAVE_DLPACK
typedef struct DLPackVersion {
    uint32_t major;
    uint32_t minor;
} DLPackVersion;
typedef struct DLDevice {
    int32_t device_type; /* 1 = CPU, 2 = CUDA, 3 = CUDA host */
    int32_t device_id;
} DLDevice;
typedef struct DLDataType {
    uint8_t code;
    uint8_t bits;
    uint16_t lanes;
} DLDataType;
typedef struct DLTensor {
    void *data;
    DLDevice device;
    int32_t ndim;
    DLDataType dtype;
    int64_t *shape;
    int64_t *strides;
    uint64_t byte_offset;
} DLTensor;
typedef struct DLManagedTensor {
    DLTensor dl_tensor;
    void *manager_ctx;
    void (*deleter)(struct DLManagedTensor *self);
} DLManagedTensor;
typedef struct DLManagedTensorVersioned {
    DLPackVersion version;
    void *manager_ctx;
    void (*deleter)(struct DLManagedTensorVersioned *self);
    uint64_t flags; /* bit 0: read-only; bit 1: copied */
    DLTensor dl_tensor;
} DLManagedTensorVersioned;
#endif

#ifdef __cplusplus
}
#endif
#endif
