/* SPDX-License-Identifier: Apache-2.0 */
/* Phase keys, bounded draws and the shuffle: docs/sampling.md, sections 1 and 2.1. */
#include "base/random.h"

#include "base/status.h"

#include <math.h>

__extension__ typedef unsigned __int128 u128;

static uint64_t absorb(uint64_t h, uint64_t value)
{
    return sn__mix64((h ^ value) + 0x9E3779B97F4A7C15u);
}

uint64_t sn__phase_key(uint64_t seed, uint64_t epoch, uint64_t batch, uint64_t purpose,
                       uint64_t hop, uint64_t edge_type)
{
    uint64_t h = 0x5345494E45000001u;
    h = absorb(h, seed);
    h = absorb(h, epoch);
    h = absorb(h, batch);
    h = absorb(h, purpose);
    h = absorb(h, hop);
    return absorb(h, edge_type);
}

void sn__draws_begin(sn__draws *draws, uint64_t key, uint64_t node, uint32_t tree, uint64_t degree)
{
    draws->key = key;
    draws->node = node;
    draws->tree = tree;
    draws->wide = degree > (uint64_t)1 << 32;
    draws->block = UINT32_MAX;
}

static void load_block(sn__draws *draws, uint32_t block)
{
    if (draws->block == block)
        return;
    uint32_t counter[4] = { (uint32_t)draws->node, (uint32_t)(draws->node >> 32), block,
                            draws->tree };
    sn__philox(draws->key, counter, draws->words);
    draws->block = block;
}

/* The word of number `i` in the sequence of blocks that starts at `first`. */
static uint64_t word(sn__draws *draws, uint32_t first, uint32_t i)
{
    uint32_t per_block = draws->wide ? 2 : 4, at = i % per_block;
    load_block(draws, first + i / per_block);
    if (!draws->wide)
        return draws->words[at];
    return draws->words[2 * at] | (uint64_t)draws->words[2 * at + 1] << 32;
}

uint64_t sn__draw(sn__draws *draws, uint32_t i, uint64_t n)
{
    SN_ASSERT(n >= 1 && i < 1u << 24);
    int bits = draws->wide ? 64 : 32;
    uint64_t mask = draws->wide ? UINT64_MAX : UINT32_MAX;
    u128 m = (u128)word(draws, 0, i) * n;

    if (((uint64_t)m & mask) < n) { /* the cheap test: rejects are among these */
        /* 2^bits mod n: what is left over when the words are dealt out evenly. */
        uint64_t left = (mask - n + 1) % n;
        uint32_t last = draws->wide ? 255 : 511; /* of the numbers reserved for this draw */
        if (((uint64_t)m & mask) < left) {
            uint32_t first = 0x80000000u | i << 7;
            for (uint32_t a = 0; a <= last; a++) {
                m = (u128)word(draws, first, a) * n;
                if (((uint64_t)m & mask) >= left)
                    break;
            }
        }
    }
    return (uint64_t)(m >> bits);
}

/* The smallest a with a * a >= n. */
static uint64_t ceil_sqrt(uint64_t n)
{
    uint64_t a = (uint64_t)sqrt((double)n); /* close; rounding is repaired below */
    while (a * a >= n && a > 0)
        a--;
    while (a * a < n)
        a++;
    return a;
}

sn__shuffle sn__shuffle_make(uint64_t seed, uint64_t epoch, uint64_t n)
{
    SN_ASSERT(n < (uint64_t)1 << 62);
    enum {
        LEAST = 64
    }; /* a domain of 2^12 at least: tiny Feistel networks are not random enough */
    uint64_t a = ceil_sqrt(n);
    a = a < LEAST ? LEAST : a;
    uint64_t b = (n + a - 1) / a;
    b = b < LEAST ? LEAST : b;
    return (sn__shuffle){
        .key = sn__phase_key(seed, epoch, 0, SN__PURPOSE_SHUFFLE, 0, 0), .n = n, .a = a, .b = b
    };
}

/* The round function: [0, m) from 2^32 values, nearly uniform, which a Feistel network is content
 * with. */
static uint64_t feistel(uint64_t key, uint32_t round, uint64_t z, uint64_t m)
{
    uint32_t counter[4] = { (uint32_t)z, round, 0, 0 }, out[4];
    sn__philox(key, counter, out);
    return (out[0] * m) >> 32;
}

/* Once through the network. */
static uint64_t permute(const sn__shuffle *shuffle, uint64_t i)
{
    uint64_t a = shuffle->a, b = shuffle->b, left = i / b, right = i % b;
    for (uint32_t round = 0; round < 8; round += 2) {
        left += feistel(shuffle->key, round, right, a);
        left -= left >= a ? a : 0;
        right += feistel(shuffle->key, round + 1, left, b);
        right -= right >= b ? b : 0;
    }
    return left * b + right;
}

uint64_t sn__shuffle_walk(const sn__shuffle *shuffle, uint64_t at)
{
    /* The domain is larger than n by less than its square root, or n is tiny: few walks. */
    while (at >= shuffle->n)
        at = permute(shuffle, at);
    return at;
}

uint64_t sn__shuffle_at(const sn__shuffle *shuffle, uint64_t i)
{
    SN_ASSERT(i < shuffle->n);
    return sn__shuffle_walk(shuffle, permute(shuffle, i));
}

void sn__shuffle_range(const sn__shuffle *shuffle, uint64_t first, size_t count, int64_t *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (int64_t)sn__shuffle_at(shuffle, first + i);
}
