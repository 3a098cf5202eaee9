/* SPDX-License-Identifier: Apache-2.0 */
/* Number conversions, by DLPack type code and width. */
#include "convert.h"

#include <string.h>

static float from_bits(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits. */
static float from_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000U) << 16;
    uint32_t exponent = (half >> 10) & 31U, fraction = half & 1023U;

    if (exponent == 31) /* infinity, NaN */
        return from_bits(sign | 0x7F800000U | fraction << 13);
    if (exponent != 0)
        return from_bits(sign | (exponent + 127 - 15) << 23 | fraction << 13);
    float small = (float)fraction * 0x1p-24F;
    return sign != 0 ? -small : small;
}

/* X(code, bits, C type): everything that is a number in C. */
#define PLAIN_TYPES(X)      \
    X(SN_FLOAT, 32, float)  \
    X(SN_FLOAT, 64, double) \
    INTEGER_TYPES(X)
#define INTEGER_TYPES(X)     \
    X(SN_INT, 8, int8_t)     \
    X(SN_INT, 16, int16_t)   \
    X(SN_INT, 32, int32_t)   \
    X(SN_INT, 64, int64_t)   \
    X(SN_UINT, 8, uint8_t)   \
    X(SN_UINT, 16, uint16_t) \
    X(SN_UINT, 32, uint32_t) \
    X(SN_UINT, 64, uint64_t) \
    X(SN_BOOL, 8, uint8_t)

enum { HALF = SN_FLOAT << 8 | 16, BFLOAT16 = SN_BFLOAT << 8 | 16 };

static int type_key(sn_dtype dtype)
{
    return dtype.code << 8 | dtype.bits;
}

bool convert_knows_integers(sn_dtype dtype)
{
    switch (type_key(dtype)) {
#define KNOWN(code, bits, type) case (code) << 8 | (bits):
        INTEGER_TYPES(KNOWN)
        return true;
    default:
        return false;
    }
}

bool convert_knows_floats(sn_dtype dtype)
{
    int key = type_key(dtype);

    return convert_knows_integers(dtype) || key == HALF || key == BFLOAT16 ||
           key == (SN_FLOAT << 8 | 32) || key == (SN_FLOAT << 8 | 64);
}

void convert_floats(const sn_tensor *tensor, float *out)
{
    int64_t count = sn_tensor_count(tensor);

    switch (type_key(tensor->dtype)) {
#define CONVERT_ALL(code, bits, type)                        \
    case (code) << 8 | (bits):                               \
        for (int64_t i = 0; i < count; i++)                  \
            out[i] = (float)((const type *)tensor->data)[i]; \
        break;
        PLAIN_TYPES(CONVERT_ALL)
    case HALF:
        for (int64_t i = 0; i < count; i++)
            out[i] = from_half(((const uint16_t *)tensor->data)[i]);
        break;
    case BFLOAT16: /* the upper half of a float */
        for (int64_t i = 0; i < count; i++)
            out[i] = from_bits((uint32_t)((const uint16_t *)tensor->data)[i] << 16);
        break;
    default:
        break;
    }
}

int64_t convert_integer(const sn_tensor *tensor, int64_t index)
{
    if (type_key(tensor->dtype) == (SN_UINT << 8 | 64)) {
        uint64_t value = ((const uint64_t *)tensor->data)[index];
        return value > INT64_MAX ? INT64_MAX : (int64_t)value;
    }
    switch (type_key(tensor->dtype)) {
#define CONVERT_ONE(code, bits, type) \
    case (code) << 8 | (bits):        \
        return (int64_t)((const type *)tensor->data)[index];
        INTEGER_TYPES(CONVERT_ONE)
    default:
        return 0;
    }
}
