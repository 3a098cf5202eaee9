/* SPDX-License-Identifier: Apache-2.0 */
/* Counter-based random numbers: docs/sampling.md, sections 1 and 2.1, which freeze every constant
 * here.
 *
 * Nothing has state: a number is a function of its key and its counter, so any thread, process or
 * device can compute any of them. */
#ifndef SN_BASE_RANDOM_H
#define SN_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Purposes of phase keys. */
enum {
    SN__PURPOSE_SHUFFLE = 1,
    SN__PURPOSE_UNIFORM = 2,
    SN__PURPOSE_NEGATIVES = 3,
    SN__PURPOSE_WEIGHTED = 4,
    SN__PURPOSE_LABOR = 5
};

/* Philox4x32-10 (Salmon et al., SC 2011, section 3.3): multipliers, and what is added to the key. */
#define SN__PHILOX_M0     0xD2511F53u
#define SN__PHILOX_M1     0xCD9E8D57u
#define SN__PHILOX_W0     0x9E3779B9u
#define SN__PHILOX_W1     0xBB67AE85u
#define SN__PHILOX_ROUNDS 10
static inline void sn__philox(uint64_t key, const uint32_t counter[4], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < SN__PHILOX_ROUNDS; round++) {
        uint64_t p0 = (uint64_t)SN__PHILOX_M0 * c0, p1 = (uint64_t)SN__PHILOX_M1 * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += SN__PHILOX_W0;
        k1 += SN__PHILOX_W1;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

/* The finaliser of SplitMix64. */
static inline uint64_t sn__mix64(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

uint64_t sn__phase_key(uint64_t seed, uint64_t epoch, uint64_t batch, uint64_t purpose,
                       uint64_t hop, uint64_t edge_type);

/* Draws of one row. `wide` (degree above 2^32) selects the 64-bit form. Keeps the current block, so
 * that ascending draw numbers cost a quarter of a block each. */
typedef struct sn__draws {
    uint64_t key, node;
    uint32_t tree;
    uint32_t wide;
    uint32_t block; /* number of the block in `words`; UINT32_MAX: none */
    uint32_t words[4];
} sn__draws;

void sn__draws_begin(sn__draws *draws, uint64_t key, uint64_t node, uint32_t tree, uint64_t degree);
/* Draw number `i` (below 2^24), uniform on [0, n), n >= 1. */
uint64_t sn__draw(sn__draws *draws, uint32_t i, uint64_t n);

/* The keyed bijection on [0, n): an alternating Feistel network with cycle walking. n < 2^62. */
typedef struct sn__shuffle {
    uint64_t key, n, a, b;
} sn__shuffle;

sn__shuffle sn__shuffle_make(uint64_t seed, uint64_t epoch, uint64_t n);
uint64_t sn__shuffle_at(const sn__shuffle *shuffle, uint64_t i);
/* Of positions first .. first + count - 1; kernels/ops.h has it for long ranges. */
void sn__shuffle_range(const sn__shuffle *shuffle, uint64_t first, size_t count, int64_t *out);
/* What went once through the network walks on until it is below n. */
uint64_t sn__shuffle_walk(const sn__shuffle *shuffle, uint64_t at);

#endif
