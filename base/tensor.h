/* SPDX-License-Identifier: Apache-2.0 */
/* Checks and sizes of types and shapes (public side: seine/tensor.h). */
#ifndef SN_BASE_TENSOR_H
#define SN_BASE_TENSOR_H

#include "base/status.h"
#include "seine/tensor.h"

/* Bytes of one element, or 0 for a type that Seine does not know. */
size_t sn__dtype_bytes(sn_dtype dtype);
/* What the address of an element must be a multiple of to be read as one. */
size_t sn__dtype_align(sn_dtype dtype);
static inline bool sn__dtype_equal(sn_dtype a, sn_dtype b)
{
    return a.code == b.code && a.bits == b.bits;
}

/* A view of `data`: shape entries from ndim on become 1. No checks. */
sn_tensor sn__tensor_make(void *data, sn_dtype dtype, int32_t ndim, const int64_t *shape);
/* Bytes of an array of this type and shape, or false: unknown type, more than SN_MAX_DIMS
 * dimensions, a negative one, or a product above INT64_MAX (a dimension of 0 counts as 1, so that
 * every row has a size too). */
bool sn__shape_bytes(sn_dtype dtype, int32_t ndim, const int64_t *shape, size_t *out);
/* A tensor from outside: sn__shape_bytes, and data unless it is empty. Fails: SN_E_INVALID,
 * "<what>: ...".
 */
SN_NODISCARD sn_status sn__tensor_check(const sn_tensor *tensor, const char *what);

enum { SN__SHAPE_TEXT = 96 }; /* four numbers of 19 digits, signs, separators, parentheses, NUL */
/* "(2, 147033)" as Python prints it, for messages and headers. Returns `out`. */
const char *sn__shape_text(int32_t ndim, const int64_t *shape, char out[SN__SHAPE_TEXT]);

#endif
