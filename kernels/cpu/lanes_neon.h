/* SPDX-License-Identifier: Apache-2.0 */
/* Sixteen lanes of 32 bits as four registers (pick_template.h says what each function does). */
#ifndef SN_KERNELS_CPU_LANES_NEON_H
#define SN_KERNELS_CPU_LANES_NEON_H
#ifdef __aarch64__

#    include <arm_neon.h>
#    include <stdbool.h>
#    include <stdint.h>

enum { QUARTERS = 4 };

typedef struct lanes {
    uint32x4_t at[QUARTERS];
} lanes;
typedef lanes lane_mask; /* all bits of a lane, or none */

static inline lanes lanes_set(uint32_t value)
{
    uint32x4_t all = vdupq_n_u32(value);
    return (lanes){ { all, all, all, all } };
}

static inline lanes lanes_load(const uint32_t *from)
{
    return (lanes){ { vld1q_u32(from), vld1q_u32(from + 4), vld1q_u32(from + 8),
                      vld1q_u32(from + 12) } };
}

static inline void lanes_store(uint32_t *to, lanes x)
{
    for (int q = 0; q < QUARTERS; q++)
        vst1q_u32(to + 4 * q, x.at[q]);
}

static inline void lanes_split(const int64_t *from, lanes *low, lanes *high)
{
    for (int q = 0; q < QUARTERS; q++) {
        uint32x4_t a = vreinterpretq_u32_s64(vld1q_s64(from + 4 * q));
        uint32x4_t b = vreinterpretq_u32_s64(vld1q_s64(from + 4 * q + 2));
        low->at[q] = vuzp1q_u32(a, b);
        high->at[q] = vuzp2q_u32(a, b);
    }
}

static inline lanes lanes_gather(const uint32_t *from, lanes index)
{
    uint32_t at[4 * QUARTERS];
    lanes_store(at, index);
    for (int i = 0; i < 4 * QUARTERS; i++)
        at[i] = from[at[i]];
    return lanes_load(at);
}

static inline lanes lanes_add(lanes x, lanes y)
{
    for (int q = 0; q < QUARTERS; q++)
        x.at[q] = vaddq_u32(x.at[q], y.at[q]);
    return x;
}

static inline lanes lanes_sub(lanes x, lanes y)
{
    for (int q = 0; q < QUARTERS; q++)
        x.at[q] = vsubq_u32(x.at[q], y.at[q]);
    return x;
}

static inline lanes lanes_min(lanes x, lanes y)
{
    for (int q = 0; q < QUARTERS; q++)
        x.at[q] = vminq_u32(x.at[q], y.at[q]);
    return x;
}

static inline lanes lanes_xor3(lanes x, lanes y, lanes z)
{
    for (int q = 0; q < QUARTERS; q++)
        x.at[q] = veorq_u32(veorq_u32(x.at[q], y.at[q]), z.at[q]);
    return x;
}

static inline void lanes_mul(lanes x, lanes y, lanes *high, lanes *low)
{
    for (int q = 0; q < QUARTERS; q++) {
        uint32x4_t a = x.at[q], b = y.at[q];
        uint32x4_t front = vreinterpretq_u32_u64(vmull_u32(vget_low_u32(a), vget_low_u32(b)));
        uint32x4_t back = vreinterpretq_u32_u64(vmull_high_u32(a, b));
        low->at[q] = vuzp1q_u32(front, back);
        high->at[q] = vuzp2q_u32(front, back);
    }
}

static inline lane_mask lanes_none(void)
{
    return lanes_set(0);
}

static inline lane_mask lanes_less(lanes x, lanes y)
{
    for (int q = 0; q < QUARTERS; q++)
        x.at[q] = vcltq_u32(x.at[q], y.at[q]);
    return x;
}

static inline lane_mask lanes_or_equal(lane_mask mask, lanes x, lanes y)
{
    for (int q = 0; q < QUARTERS; q++)
        mask.at[q] = vorrq_u32(mask.at[q], vceqq_u32(x.at[q], y.at[q]));
    return mask;
}

static inline lane_mask lanes_and(lane_mask x, lane_mask y)
{
    for (int q = 0; q < QUARTERS; q++)
        x.at[q] = vandq_u32(x.at[q], y.at[q]);
    return x;
}

static inline uint32_t lanes_bits(lane_mask mask)
{
    const uint32x4_t weight = { 1, 2, 4, 8 };
    uint32_t bits = 0;
    for (int q = 0; q < QUARTERS; q++)
        bits |= vaddvq_u32(vandq_u32(mask.at[q], weight)) << 4 * q;
    return bits;
}

static inline lanes lanes_select(lane_mask mask, lanes yes, lanes no)
{
    for (int q = 0; q < QUARTERS; q++)
        no.at[q] = vbslq_u32(mask.at[q], yes.at[q], no.at[q]);
    return no;
}

#endif
#endif
