/* SPDX-License-Identifier: Apache-2.0 */
/* Array files in the directory of a writer. */
#ifndef SN_ENGINE_DATA_OUTPUT_H
#define SN_ENGINE_DATA_OUTPUT_H

#include "base/npy.h"
#include "engine/data/writer.h"

/* sn__npy_out_create in the directory under construction. */
SN_NODISCARD sn_status sn__output_make(const sn__writer *writer, const char *file, sn_dtype dtype,
                                       int32_t ndim, const int64_t *shape, sn__npy_out *out);
/* The same, one dimension. */
SN_NODISCARD sn_status sn__output_vector(const sn__writer *writer, const char *file, sn_dtype dtype,
                                         int64_t count, sn__npy_out *out);
/* Bytes [offset, offset + bytes) of the data are written and need not stay in memory. */
void sn__output_forget(const sn__npy_out *out, size_t offset, size_t bytes);
/* Closes it; the first error of both. */
SN_NODISCARD sn_status sn__output_close(sn__npy_out *out, sn_status st);

#endif
