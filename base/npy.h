/* SPDX-License-Identifier: Apache-2.0 */
/* .npy files (NumPy enhancement proposal 1, format 1.0 to 3.0): mapped input, streamed output. */
#ifndef SN_BASE_NPY_H
#define SN_BASE_NPY_H

#include "base/file.h"
#include "seine/tensor.h"

/* A parsed header. */
typedef struct sn__npy_header {
    sn_dtype dtype;
    int32_t ndim;
    int64_t shape[SN_MAX_DIMS];
    size_t data_offset;
} sn__npy_header;

/* Parses the first `bytes` of a file of `file_bytes`; `path` is for the error only. Refuses
 * big-endian, Fortran order with two or more dimensions above 1, objects, strings, structured
 * types, more than 4 dimensions, overflow, and data shorter or longer than the shape says. Fails:
 * SN_E_FORMAT. */
SN_NODISCARD sn_status sn__npy_parse(const uint8_t *data, size_t bytes, size_t file_bytes,
                                     const char *path, sn__npy_header *out);

/* A mapped .npy file. */
typedef struct sn__npy {
    sn__map map;
    size_t data_offset;
    sn_tensor view;
} sn__npy;

SN_NODISCARD sn_status sn__npy_open(const char *path, sn__npy *out);
SN_NODISCARD sn_status sn__npy_open_at(const sn__file_at *file, sn__npy *out);
void sn__npy_close(sn__npy *npy);

/* An .npy file of known type and shape made at its full size (fallocate: no space is an error now,
 * not a signal later) and mapped for writing. The data starts at offset 128. */
typedef struct sn__npy_out {
    int fd;
    uint8_t *base;
    size_t map_bytes;
    sn_tensor view; /* writable */
    char *path;
} sn__npy_out;

SN_NODISCARD sn_status sn__npy_out_create(const char *path, sn_dtype dtype, int32_t ndim,
                                          const int64_t *shape, sn__npy_out *out);
/* Cuts the first dimension to `rows` (fewer than before): rewrites the header, keeps the mapping.
 */
SN_NODISCARD sn_status sn__npy_out_shrink(sn__npy_out *out, int64_t rows);
/* Unmaps, truncates to size, closes. After an error the file is incomplete. Idempotent. */
SN_NODISCARD sn_status sn__npy_out_close(sn__npy_out *out);

#endif
