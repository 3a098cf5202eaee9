/* SPDX-License-Identifier: Apache-2.0 */
/* Sixteen lanes of 32 bits as two registers (pick_template.h says what each function does). */
#ifndef SN_KERNELS_CPU_LANES_AVX2_H
#define SN_KERNELS_CPU_LANES_AVX2_H
#ifdef __AVX2__ /* the flags of the files that use it */

#    include <immintrin.h>
#    include <stdbool.h>
#    include <stdint.h>

typedef struct lanes {
    __m256i a, b;
} lanes;
typedef lanes lane_mask; /* all bits of a lane, or none */

static inline lanes lanes_set(uint32_t value)
{
    __m256i all = _mm256_set1_epi32((int)value);
    return (lanes){ all, all };
}

static inline __m256i half_load(const void *from)
{
    return _mm256_loadu_si256(from);
}

static inline lanes lanes_load(const uint32_t *from)
{
    return (lanes){ half_load(from), half_load(from + 8) };
}

static inline void lanes_store(uint32_t *to, lanes x)
{
    _mm256_storeu_si256((void *)to, x.a);
    _mm256_storeu_si256((void *)(to + 8), x.b);
}

/* The low (0x88) or the high (0xDD) words of eight numbers of 64 bits. */
#    define HALF_WORDS(a, b, which)                                                           \
        _mm256_permute4x64_epi64(_mm256_castps_si256(_mm256_shuffle_ps(                       \
                                     _mm256_castsi256_ps(a), _mm256_castsi256_ps(b), which)), \
                                 0xD8)

static inline void lanes_split(const int64_t *from, lanes *low, lanes *high)
{
    __m256i a = half_load(from), b = half_load(from + 4);
    __m256i c = half_load(from + 8), d = half_load(from + 12);
    *low = (lanes){ HALF_WORDS(a, b, 0x88), HALF_WORDS(c, d, 0x88) };
    *high = (lanes){ HALF_WORDS(a, b, 0xDD), HALF_WORDS(c, d, 0xDD) };
}

/* The index has 32 bits without a sign, the instruction's has one. */
static inline __m256i half_gather(const uint32_t *from, __m256i index)
{
    const uintptr_t middle = (uintptr_t)from + (UINT64_C(4) << 31);
    __m256i offset = _mm256_xor_si256(index, _mm256_set1_epi32(INT32_MIN));
    return _mm256_i32gather_epi32((const void *)middle, offset, 4);
}

static inline lanes lanes_gather(const uint32_t *from, lanes index)
{
    return (lanes){ half_gather(from, index.a), half_gather(from, index.b) };
}

static inline lanes lanes_add(lanes x, lanes y)
{
    return (lanes){ _mm256_add_epi32(x.a, y.a), _mm256_add_epi32(x.b, y.b) };
}

static inline lanes lanes_sub(lanes x, lanes y)
{
    return (lanes){ _mm256_sub_epi32(x.a, y.a), _mm256_sub_epi32(x.b, y.b) };
}

static inline lanes lanes_min(lanes x, lanes y)
{
    return (lanes){ _mm256_min_epu32(x.a, y.a), _mm256_min_epu32(x.b, y.b) };
}

static inline lanes lanes_xor3(lanes x, lanes y, lanes z)
{
    return (lanes){ _mm256_xor_si256(_mm256_xor_si256(x.a, y.a), z.a),
                    _mm256_xor_si256(_mm256_xor_si256(x.b, y.b), z.b) };
}

static inline void half_mul(__m256i x, __m256i y, __m256i *high, __m256i *low)
{
    __m256i even = _mm256_mul_epu32(x, y);
    __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(x, 32), _mm256_srli_epi64(y, 32));
    *high = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA);
    *low = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA);
}

static inline void lanes_mul(lanes x, lanes y, lanes *high, lanes *low)
{
    half_mul(x.a, y.a, &high->a, &low->a);
    half_mul(x.b, y.b, &high->b, &low->b);
}

static inline lane_mask lanes_none(void)
{
    return lanes_set(0);
}

/* There is no unsigned comparison: both are moved to the signed range. */
static inline __m256i half_less(__m256i x, __m256i y)
{
    const __m256i top = _mm256_set1_epi32(INT32_MIN);
    return _mm256_cmpgt_epi32(_mm256_xor_si256(y, top), _mm256_xor_si256(x, top));
}

static inline lane_mask lanes_less(lanes x, lanes y)
{
    return (lanes){ half_less(x.a, y.a), half_less(x.b, y.b) };
}

static inline lane_mask lanes_or_equal(lane_mask mask, lanes x, lanes y)
{
    return (lanes){ _mm256_or_si256(mask.a, _mm256_cmpeq_epi32(x.a, y.a)),
                    _mm256_or_si256(mask.b, _mm256_cmpeq_epi32(x.b, y.b)) };
}

static inline lane_mask lanes_and(lane_mask x, lane_mask y)
{
    return (lanes){ _mm256_and_si256(x.a, y.a), _mm256_and_si256(x.b, y.b) };
}

static inline uint32_t lanes_bits(lane_mask mask)
{
    uint32_t a = (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(mask.a));
    return a | (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(mask.b)) << 8;
}

static inline lanes lanes_select(lane_mask mask, lanes yes, lanes no)
{
    return (lanes){ _mm256_blendv_epi8(no.a, yes.a, mask.a),
                    _mm256_blendv_epi8(no.b, yes.b, mask.b) };
}

#endif
#endif
