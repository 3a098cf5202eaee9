/* SPDX-License-Identifier: Apache-2.0 */
/* Sixteen lanes of 32 bits as one register (pick_template.h says what each function does). */
#ifndef SN_KERNELS_CPU_LANES_AVX512_H
#define SN_KERNELS_CPU_LANES_AVX512_H
#ifdef __AVX512F__ /* the flags of the files that use it */

#    include <immintrin.h>
#    include <stdbool.h>
#    include <stdint.h>

typedef __m512i lanes;
typedef __mmask16 lane_mask;

static inline lanes lanes_set(uint32_t value)
{
    return _mm512_set1_epi32((int)value);
}

static inline lanes lanes_load(const uint32_t *from)
{
    return _mm512_loadu_si512(from);
}

static inline void lanes_store(uint32_t *to, lanes a)
{
    _mm512_storeu_si512(to, a);
}

static inline void lanes_split(const int64_t *from, lanes *low, lanes *high)
{
    const __m512i even =
        _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
    __m512i a = _mm512_loadu_si512(from), b = _mm512_loadu_si512(from + 8);
    *low = _mm512_permutex2var_epi32(a, even, b);
    *high = _mm512_permutex2var_epi32(a, odd, b);
}

/* The index has 32 bits without a sign, the instruction's has one. Without optimisation the intrinsic is a macro
 * with a conversion of its own. */
#    pragma GCC diagnostic push
#    pragma GCC diagnostic ignored "-Wsign-conversion"
static inline lanes lanes_gather(const uint32_t *from, lanes index)
{
    const uintptr_t middle = (uintptr_t)from + (UINT64_C(4) << 31);
    __m512i offset = _mm512_xor_si512(index, _mm512_set1_epi32(INT32_MIN));
    return _mm512_i32gather_epi32(offset, (const void *)middle, 4);
}
#    pragma GCC diagnostic pop

static inline lanes lanes_add(lanes a, lanes b)
{
    return _mm512_add_epi32(a, b);
}

static inline lanes lanes_sub(lanes a, lanes b)
{
    return _mm512_sub_epi32(a, b);
}

static inline lanes lanes_min(lanes a, lanes b)
{
    return _mm512_min_epu32(a, b);
}

static inline lanes lanes_xor3(lanes a, lanes b, lanes c)
{
    return _mm512_ternarylogic_epi32(a, b, c, 0x96);
}

static inline void lanes_mul(lanes a, lanes b, lanes *high, lanes *low)
{
    __m512i even = _mm512_mul_epu32(a, b);
    __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64(a, 32), _mm512_srli_epi64(b, 32));
    *high = _mm512_mask_shuffle_epi32(odd, 0x5555, even, _MM_PERM_DDBB);
    *low = _mm512_mask_shuffle_epi32(even, 0xAAAA, odd, _MM_PERM_CCAA);
}

static inline lane_mask lanes_none(void)
{
    return 0;
}

static inline lane_mask lanes_less(lanes a, lanes b)
{
    return _mm512_cmplt_epu32_mask(a, b);
}

static inline lane_mask lanes_or_equal(lane_mask mask, lanes a, lanes b)
{
    return mask | _mm512_cmpeq_epi32_mask(a, b);
}

static inline lane_mask lanes_and(lane_mask a, lane_mask b)
{
    return a & b;
}

static inline uint32_t lanes_bits(lane_mask mask)
{
    return mask;
}

static inline lanes lanes_select(lane_mask mask, lanes yes, lanes no)
{
    return _mm512_mask_mov_epi32(no, mask, yes);
}

#endif
#endif
