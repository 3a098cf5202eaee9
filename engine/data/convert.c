/* SPDX-License-Identifier: Apache-2.0 */
/* Conversion in blocks: a loader widens the stored type to int64, uint64 or float64, a storer
 * rounds that to the target. Every loader is exact, so a value is rounded once (twice with a scale:
 * the product, then the target).
 * Threads: any. */
#include "engine/data/convert.h"

#include "base/status.h"
#include "base/tensor.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 512 }; /* elements that stay in the L1 cache between loader and storer */

/* What a block is widened to. */
typedef enum wide_kind { WIDE_INT, WIDE_UINT, WIDE_FLOAT } wide_kind;

typedef union wide_block {
    int64_t i[BLOCK];
    uint64_t u[BLOCK];
    double f[BLOCK];
} wide_block;

/* -- float16 ----------------------------------------------------------------------------------- */

double sn__half_to_double(uint16_t half)
{
    int exponent = half >> 10 & 31;
    double fraction = half & 1023, value;
    if (exponent == 31)
        value = fraction == 0 ? (double)INFINITY : (double)NAN;
    else if (exponent == 0)
        value = ldexp(fraction, -24);
    else
        value = ldexp(fraction + 1024, exponent - 25);
    return half & 0x8000 ? -value : value;
}

uint16_t sn__half_from_double(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint16_t sign = (uint16_t)(bits >> 48 & 0x8000);
    double size = fabs(value);
    if (isnan(value))
        return (uint16_t)(sign | 0x7e00);
    if (size >= 65520) /* half way between the largest number and 2^16 */
        return (uint16_t)(sign | 0x7c00);
    if (size <
        0x1p-14) /* subnormal: a multiple of 2^-24; 1024 of them make the first normal number */
        return (uint16_t)(sign | (uint16_t)rint(size * 0x1p24));
    memcpy(&bits, &size, sizeof bits);
    bits +=
        (bits >> 42 & 1) + (((uint64_t)1 << 41) - 1); /* nearest even, on 42 bits to be dropped */
    uint64_t exponent = (bits >> 52) - 1023 + 15;
    return (uint16_t)(sign | exponent << 10 | (bits >> 42 & 1023));
}

/* -- Loaders ----------------------------------------------------------------------------------- */

#define LOAD(type, member)                  \
    do {                                    \
        const type *in = from;              \
        for (int64_t k = 0; k < count; k++) \
            block->member[k] = in[k];       \
    } while (0)

static wide_kind load_int(sn_dtype dtype, const void *from, int64_t count, wide_block *block)
{
    if (dtype.bits == 8)
        LOAD(int8_t, i);
    else if (dtype.bits == 16)
        LOAD(int16_t, i);
    else if (dtype.bits == 32)
        LOAD(int32_t, i);
    else
        LOAD(int64_t, i);
    return WIDE_INT;
}

static wide_kind load_uint(sn_dtype dtype, const void *from, int64_t count, wide_block *block)
{
    if (dtype.bits == 8)
        LOAD(uint8_t, u);
    else if (dtype.bits == 16)
        LOAD(uint16_t, u);
    else if (dtype.bits == 32)
        LOAD(uint32_t, u);
    else
        LOAD(uint64_t, u);
    return WIDE_UINT;
}

static wide_kind load_float(sn_dtype dtype, const void *from, int64_t count, wide_block *block)
{
    const uint16_t *half = from;
    if (dtype.bits == 64)
        LOAD(double, f);
    else if (dtype.bits == 32)
        LOAD(float, f);
    else
        for (int64_t k = 0; k < count; k++)
            block->f[k] = sn__half_to_double(half[k]);
    return WIDE_FLOAT;
}

static wide_kind load(sn_dtype dtype, const void *from, int64_t count, wide_block *block)
{
    switch (dtype.code) {
    case SN_INT:
        return load_int(dtype, from, count, block);
    case SN_FLOAT:
        return load_float(dtype, from, count, block);
    case SN_BOOL: {
        const uint8_t *in = from;
        for (int64_t k = 0; k < count; k++)
            block->u[k] = in[k] != 0;
        return WIDE_UINT;
    }
    default:
        return load_uint(dtype, from, count, block);
    }
}

static void scale_block(wide_kind kind, double scale, int64_t count, wide_block *block)
{
    for (int64_t k = 0; k < count; k++)
        block->f[k] = scale * (kind == WIDE_INT    ? (double)block->i[k]
                               : kind == WIDE_UINT ? (double)block->u[k]
                                                   : block->f[k]);
}

/* -- Storers: each returns the place of the first element that does not fit -------------------- */

/* Compiles for every integer type: the bounds are those of the type, as int64 and uint64. A double
 * is compared with powers of two, which are exact: [-2^(b-1), 2^(b-1)) or [0, 2^b), after rounding.
 */
#define STORE_INTEGERS(name, type, least, most, low, high)                                        \
    static int64_t store_##name(wide_kind kind, const wide_block *block, void *to, int64_t count) \
    {                                                                                             \
        type *out = to;                                                                           \
        for (int64_t k = 0; k < count; k++) {                                                     \
            bool fits;                                                                            \
            if (kind == WIDE_INT) {                                                               \
                fits = block->i[k] >= (least) &&                                                  \
                       (block->i[k] < 0 || (uint64_t)block->i[k] <= (uint64_t)(most));            \
                out[k] = (type)block->i[k];                                                       \
            } else if (kind == WIDE_UINT) {                                                       \
                fits = block->u[k] <= (uint64_t)(most);                                           \
                out[k] = (type)block->u[k];                                                       \
            } else {                                                                              \
                double value = rint(block->f[k]);                                                 \
                fits = value >= (low) && value < (high);                                          \
                out[k] = fits ? (type)value : 0;                                                  \
            }                                                                                     \
            if (!fits)                                                                            \
                return k;                                                                         \
        }                                                                                         \
        return count;                                                                             \
    }
STORE_INTEGERS(int8, int8_t, INT8_MIN, INT8_MAX, -0x1p7, 0x1p7)
STORE_INTEGERS(int16, int16_t, INT16_MIN, INT16_MAX, -0x1p15, 0x1p15)
STORE_INTEGERS(int32, int32_t, INT32_MIN, INT32_MAX, -0x1p31, 0x1p31)
STORE_INTEGERS(int64, int64_t, INT64_MIN, INT64_MAX, -0x1p63, 0x1p63)
STORE_INTEGERS(uint8, uint8_t, 0, UINT8_MAX, 0, 0x1p8)
STORE_INTEGERS(uint16, uint16_t, 0, UINT16_MAX, 0, 0x1p16)
STORE_INTEGERS(uint32, uint32_t, 0, UINT32_MAX, 0, 0x1p32)
STORE_INTEGERS(uint64, uint64_t, 0, UINT64_MAX, 0, 0x1p64)

static double as_double(wide_kind kind, const wide_block *block, int64_t k)
{
    return kind == WIDE_INT    ? (double)block->i[k]
           : kind == WIDE_UINT ? (double)block->u[k]
                               : block->f[k];
}

static int64_t store_float64(wide_kind kind, const wide_block *block, void *to, int64_t count)
{
    double *out = to;
    for (int64_t k = 0; k < count; k++)
        out[k] = as_double(kind, block, k);
    return count;
}

static int64_t store_float32(wide_kind kind, const wide_block *block, void *to, int64_t count)
{
    float *out = to;
    bool fits = true;
    for (int64_t k = 0; k < count; k++) {
        out[k] = kind == WIDE_INT    ? (float)block->i[k] /* straight: rounded once */
                 : kind == WIDE_UINT ? (float)block->u[k]
                                     : (float)block->f[k];
        fits &= !isinf(out[k]) || (kind == WIDE_FLOAT && isinf(block->f[k]));
    }
    if (fits)
        return count;
    for (int64_t k = 0; k < count; k++)
        if (isinf(out[k]) && !isinf(block->f[k]))
            return k;
    return count;
}

static int64_t store_float16(wide_kind kind, const wide_block *block, void *to, int64_t count)
{
    uint16_t *out = to;
    for (int64_t k = 0; k < count; k++) {
        /* An integer that float64 would round is far outside float16. */
        double value = as_double(kind, block, k);
        out[k] = sn__half_from_double(value);
        if ((out[k] & 0x7fff) == 0x7c00 && !isinf(value))
            return k;
    }
    return count;
}

typedef int64_t (*store_function)(wide_kind kind, const wide_block *block, void *to, int64_t count);

static const struct {
    sn_dtype dtype;
    store_function store;
} storers[] = {
    { { SN_INT, 8 }, store_int8 },       { { SN_INT, 16 }, store_int16 },
    { { SN_INT, 32 }, store_int32 },     { { SN_INT, 64 }, store_int64 },
    { { SN_UINT, 8 }, store_uint8 },     { { SN_UINT, 16 }, store_uint16 },
    { { SN_UINT, 32 }, store_uint32 },   { { SN_UINT, 64 }, store_uint64 },
    { { SN_FLOAT, 16 }, store_float16 }, { { SN_FLOAT, 32 }, store_float32 },
    { { SN_FLOAT, 64 }, store_float64 },
};
enum { STORERS = sizeof storers / sizeof storers[0] };

static store_function find_store(sn_dtype dtype)
{
    for (size_t i = 0; i < STORERS; i++)
        if (sn__dtype_equal(storers[i].dtype, dtype))
            return storers[i].store;
    return NULL;
}

bool sn__convert_possible(const sn__convert *convert)
{
    bool is_bool = sn__dtype_equal(convert->from, (sn_dtype){ SN_BOOL, 8 });
    return (is_bool || find_store(convert->from) != NULL) && find_store(convert->to) != NULL;
}

int64_t sn__convert_run(const sn__convert *convert, const void *from, void *to, int64_t count)
{
    store_function store = find_store(convert->to);
    size_t from_bytes = convert->from.bits / 8, to_bytes = convert->to.bits / 8;
    SN_ASSERT(sn__convert_possible(convert));
    for (int64_t at = 0; at < count; at += BLOCK) {
        wide_block block;
        int64_t n = count - at < BLOCK ? count - at : BLOCK;
        wide_kind kind =
            load(convert->from, (const uint8_t *)from + (size_t)at * from_bytes, n, &block);
        if (convert->scaled) {
            scale_block(kind, convert->scale, n, &block);
            kind = WIDE_FLOAT;
        }
        int64_t done = store(kind, &block, (uint8_t *)to + (size_t)at * to_bytes, n);
        if (done < n)
            return at + done;
    }
    return count;
}
