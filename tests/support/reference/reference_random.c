/* SPDX-License-Identifier: Apache-2.0 */
/* Sections 1 and 2 of docs/sampling.md: random numbers, the epoch plan and the shuffle. */
#include "reference.h"

#include <assert.h>
#include <stdlib.h>

enum { PURPOSE_SHUFFLE = 1 };

/* ---- 1.1 Philox4x32-10 ----------------------------------------------------------------------- */

static uint32_t low32(uint64_t x)
{
    return (uint32_t)(x & 0xFFFFFFFFU);
}

static uint32_t high32(uint64_t x)
{
    return (uint32_t)(x >> 32);
}

void ref_philox(uint64_t key, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3, uint32_t out[4])
{
    uint32_t k0 = low32(key);
    uint32_t k1 = high32(key);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53U * c0;
        uint64_t p1 = (uint64_t)0xCD9E8D57U * c2;
        c0 = high32(p1) ^ c1 ^ k0;
        c1 = low32(p1);
        c2 = high32(p0) ^ c3 ^ k1;
        c3 = low32(p0);
        k0 += 0x9E3779B9U;
        k1 += 0xBB67AE85U;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* ---- 1.2 phase key --------------------------------------------------------------------------- */

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

static uint64_t absorb(uint64_t h, uint64_t v)
{
    return mix((h ^ v) + 0x9E3779B97F4A7C15U);
}

uint64_t ref_phase_key(uint64_t seed, uint64_t epoch, uint64_t g, uint64_t purpose, uint64_t hop,
                       uint64_t etype)
{
    uint64_t h = 0x5345494E45000001U;
    h = absorb(h, seed);
    h = absorb(h, epoch);
    h = absorb(h, g);
    h = absorb(h, purpose);
    h = absorb(h, hop);
    return absorb(h, etype);
}

/* ---- 1.3 bounded draws ----------------------------------------------------------------------- */

/* Word a of the stream of node v that starts at counter `base`, four words to a counter. */
static uint32_t word32(uint64_t key, uint64_t v, uint32_t base, uint32_t tree, uint32_t a)
{
    uint32_t out[4];
    ref_philox(key, low32(v), high32(v), base | (a / 4), tree, out);
    return out[a % 4];
}

uint32_t ref_word32(uint64_t key, uint64_t v, uint32_t tree, uint32_t i)
{
    return word32(key, v, 0, tree, i);
}

/* The same with 64-bit words, two to a counter, low half first. */
static uint64_t word64(uint64_t key, uint64_t v, uint32_t base, uint32_t tree, uint32_t a)
{
    uint32_t out[4];
    ref_philox(key, low32(v), high32(v), base | (a / 2), tree, out);
    return out[2 * (a % 2)] | (uint64_t)out[2 * (a % 2) + 1] << 32;
}

/* The 128-bit product of x and y, by halves. */
static void multiply64(uint64_t x, uint64_t y, uint64_t *high, uint64_t *low)
{
    uint64_t ll = (uint64_t)low32(x) * low32(y);
    uint64_t lh = (uint64_t)low32(x) * high32(y);
    uint64_t hl = (uint64_t)high32(x) * low32(y);
    uint64_t hh = (uint64_t)high32(x) * high32(y);
    uint64_t middle = (uint64_t)high32(ll) + low32(lh) + low32(hl);
    *low = middle << 32 | low32(ll);
    *high = hh + high32(lh) + high32(hl) + high32(middle);
}

/* The page's test low(m) < n is left out: the remainder is below n, so it changes no result. */
static uint64_t draw32(uint64_t key, uint64_t v, uint32_t tree, uint32_t i, uint64_t n,
                       int *rejected)
{
    uint64_t threshold = (((uint64_t)1 << 32) - n) % n;
    uint64_t m = word32(key, v, 0, tree, i) * n;
    uint32_t a = 0;
    while (low32(m) < threshold && a < 512) {
        m = word32(key, v, 0x80000000U | i << 7, tree, a) * n;
        a++;
    }
    *rejected = (int)a;
    return high32(m);
}

static uint64_t draw64(uint64_t key, uint64_t v, uint32_t tree, uint32_t i, uint64_t n,
                       int *rejected)
{
    uint64_t threshold = (0 - n) % n;
    uint64_t high, low;
    multiply64(word64(key, v, 0, tree, i), n, &high, &low);
    uint32_t a = 0;
    while (low < threshold && a < 256) {
        multiply64(word64(key, v, 0x80000000U | i << 7, tree, a), n, &high, &low);
        a++;
    }
    *rejected = (int)a;
    return high;
}

uint64_t ref_draw_counted(uint64_t key, uint64_t v, uint32_t tree, uint32_t i, uint64_t n,
                          uint64_t degree, int *rejected)
{
    assert(i < (uint32_t)1 << 24);
    assert(n >= 1 && n <= degree);
    if (degree <= (uint64_t)1 << 32) {
        return draw32(key, v, tree, i, n, rejected);
    }
    return draw64(key, v, tree, i, n, rejected);
}

uint64_t ref_draw(uint64_t key, uint64_t v, uint32_t tree, uint32_t i, uint64_t n, uint64_t degree)
{
    int rejected;
    return ref_draw_counted(key, v, tree, i, n, degree, &rejected);
}

/* ---- 2 the epoch plan ------------------------------------------------------------------------ */

int64_t ref_num_batches(const ref_plan *plan)
{
    assert(plan->batch_size >= 1);
    int64_t full = plan->num_input / plan->batch_size;
    bool rest = plan->num_input % plan->batch_size != 0;
    return !plan->drop_last && rest ? full + 1 : full;
}

/* The numbers s of all ranks together end below this. */
static int64_t shard_limit(const ref_plan *plan, int64_t batches)
{
    int64_t world = plan->world;
    int64_t even = batches / world * world;
    switch (plan->uneven) {
    case REF_UNEVEN_DROP:
        return even;
    case REF_UNEVEN_PAD:
        return even < batches ? even + world : even;
    default:
        return batches;
    }
}

int64_t ref_rank_batches(const ref_plan *plan, int64_t **g_out, bool **padded_out)
{
    assert(plan->world >= 1 && plan->rank >= 0 && plan->rank < plan->world);
    int64_t batches = ref_num_batches(plan);
    int64_t limit = shard_limit(plan, batches);
    size_t most = (size_t)(limit / plan->world) + 1;
    int64_t *g = calloc(most, sizeof(*g));
    bool *padded = calloc(most, sizeof(*padded));
    if (!g || !padded) {
        abort();
    }
    int64_t n = 0;
    for (int64_t s = plan->rank; s < limit; s += plan->world) {
        if (s < plan->start) {
            continue;
        }
        g[n] = s % batches;
        padded[n] = s >= batches;
        n++;
    }
    if (g_out) {
        *g_out = g;
    } else {
        free(g);
    }
    if (padded_out) {
        *padded_out = padded;
    } else {
        free(padded);
    }
    return n;
}

/* ---- 2.1 the shuffle ------------------------------------------------------------------------- */

/* The smallest a >= 64 with a * a >= n, for n <= 2^62. */
static uint64_t side_a(uint64_t n)
{
    uint64_t low = 64;
    uint64_t high = (uint64_t)1 << 31;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (middle * middle >= n) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

static uint64_t side_b(uint64_t n, uint64_t a)
{
    uint64_t b = n / a + (n % a != 0);
    return b > 64 ? b : 64;
}

static uint64_t feistel_f(uint64_t key, uint32_t round, uint64_t z, uint64_t m)
{
    uint32_t out[4];
    ref_philox(key, low32(z), round, 0, 0, out);
    return high32(out[0] * m);
}

static uint64_t feistel_step(uint64_t key, uint64_t a, uint64_t b, uint64_t x)
{
    uint64_t left = x / b;
    uint64_t right = x % b;
    for (uint32_t round = 0; round < 8; round += 2) {
        left = (left + feistel_f(key, round, right, a)) % a;
        right = (right + feistel_f(key, round + 1, left, b)) % b;
    }
    return left * b + right;
}

uint64_t ref_perm(uint64_t seed, uint64_t epoch, uint64_t n, uint64_t i)
{
    assert(i < n && n < (uint64_t)1 << 62);
    uint64_t a = side_a(n);
    uint64_t b = side_b(n, a);
    uint64_t key = ref_phase_key(seed, epoch, 0, PURPOSE_SHUFFLE, 0, 0);
    uint64_t x = i;
    do {
        x = feistel_step(key, a, b, x);
    } while (x >= n);
    return x;
}
