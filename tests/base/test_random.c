/* SPDX-License-Identifier: Apache-2.0 */
/* docs/sampling.md, sections 1 and 2.1: the arithmetic is written a second time here, from the page
 * and as slowly as it reads, and compared; then what a user relies on: uniform, and a bijection. */
#include "base/run.h"

#include "base/random.h"

#include <stdbool.h>
#include <string.h>

__extension__ typedef unsigned __int128 u128;

/* -- The page once more ------------------------------------------------------------------------ */

static void page_philox(uint64_t key, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3,
                        uint32_t x[4])
{
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int i = 0; i < 10; i++) {
        uint64_t a = 0xD2511F53ull * c0, b = 0xCD9E8D57ull * c2;
        uint32_t n0 = (uint32_t)(b >> 32) ^ c1 ^ k0, n2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)b, c3 = (uint32_t)a, c0 = n0, c2 = n2;
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
    x[0] = c0, x[1] = c1, x[2] = c2, x[3] = c3;
}

static uint64_t page_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

static uint64_t page_phase_key(const uint64_t six[6])
{
    uint64_t h = 0x5345494E45000001ull;
    for (int i = 0; i < 6; i++)
        h = page_mix((h ^ six[i]) + 0x9E3779B97F4A7C15ull);
    return h;
}

static uint64_t page_draw32(uint64_t key, uint64_t v, uint32_t tree, uint32_t i, uint64_t n)
{
    uint32_t x[4];
    page_philox(key, (uint32_t)v, (uint32_t)(v >> 32), i / 4, tree, x);
    uint64_t m = x[i % 4] * n, left = (((uint64_t)1 << 32) - n) % n;
    for (uint32_t a = 0; (m & 0xFFFFFFFFu) < left && a < 512; a++) {
        page_philox(key, (uint32_t)v, (uint32_t)(v >> 32), 0x80000000u | i << 7 | a / 4, tree, x);
        m = x[a % 4] * n;
    }
    return m >> 32;
}

static uint64_t page_draw64(uint64_t key, uint64_t v, uint32_t tree, uint32_t i, uint64_t n)
{
    uint32_t x[4];
    page_philox(key, (uint32_t)v, (uint32_t)(v >> 32), i / 2, tree, x);
    u128 m = (u128)(x[2 * (i % 2)] | (uint64_t)x[2 * (i % 2) + 1] << 32) * n;
    uint64_t left = (uint64_t)((((u128)1 << 64) - n) % n);
    for (uint32_t a = 0; (uint64_t)m < left && a < 256; a++) {
        page_philox(key, (uint32_t)v, (uint32_t)(v >> 32), 0x80000000u | i << 7 | a / 2, tree, x);
        m = (u128)(x[2 * (a % 2)] | (uint64_t)x[2 * (a % 2) + 1] << 32) * n;
    }
    return (uint64_t)(m >> 64);
}

static uint64_t page_round(uint64_t key, uint32_t round, uint64_t z, uint64_t m)
{
    uint32_t x[4];
    page_philox(key, (uint32_t)z, round, 0, 0, x);
    return x[0] * m >> 32;
}

static uint64_t page_perm(uint64_t seed, uint64_t epoch, uint64_t n, uint64_t i)
{
    uint64_t a = 64, b = 64;
    while (a * a < n)
        a++;
    while (a * b < n)
        b++;
    uint64_t key = page_phase_key((uint64_t[]){ seed, epoch, 0, 1, 0, 0 }), x = i;
    do {
        uint64_t left = x / b, right = x % b;
        for (uint32_t round = 0; round < 8; round += 2) {
            left = (left + page_round(key, round, right, a)) % a;
            right = (right + page_round(key, round + 1, left, b)) % b;
        }
        x = left * b + right;
    } while (x >= n);
    return x;
}

/* A source of test values that is none of the above. */
static uint64_t xorshift(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* -- Cases ------------------------------------------------------------------------------------- */

START_TEST(philox_with_published_inputs_gives_the_published_words)
{
    static const struct {
        uint64_t key;
        uint32_t counter[4], words[4];
    } known[] = {
        { 0, { 0, 0, 0, 0 }, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
        { 0xffffffffffffffffull,
          { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff },
          { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
        { 0x299f31d0a4093822ull,
          { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 },
          { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        uint32_t words[4];
        sn__philox(known[i].key, known[i].counter, words);
        ck_assert_mem_eq(words, known[i].words, sizeof words);
    }
}
END_TEST

START_TEST(phase_key_of_any_six_numbers_is_that_of_the_page)
{
    uint64_t state = 88172645463325252ull;
    for (int i = 0; i < 1000; i++) {
        uint64_t six[6];
        for (int j = 0; j < 6; j++)
            six[j] = i == 0 ? 0 : xorshift(&state) >> (i % 60);
        ck_assert_uint_eq(sn__phase_key(six[0], six[1], six[2], six[3], six[4], six[5]),
                          page_phase_key(six));
    }
}
END_TEST

/* n of which a quarter of all words, about half of them, next to none and none are rejected. */
static const uint64_t narrow[] = { 1,
                                   2,
                                   3,
                                   10,
                                   1000,
                                   65536,
                                   (uint64_t)3 << 30,
                                   ((uint64_t)1 << 31) + 1,
                                   ((uint64_t)1 << 32) - 1,
                                   (uint64_t)1 << 32 };
static const uint64_t wide[] = {
    1, 7, (uint64_t)3 << 62, ((uint64_t)1 << 63) + 1, UINT64_MAX, ((uint64_t)1 << 32) + 1
};

START_TEST(draw_of_any_row_is_that_of_the_page)
{
    uint64_t state = 2463534242ull;
    int replaced = 0;
    for (int i = 0; i < 20000; i++) {
        bool is_wide = i % 3 == 0;
        uint64_t key = xorshift(&state), node = xorshift(&state) >> (i % 64);
        uint32_t tree = (uint32_t)(i % 5 == 0 ? xorshift(&state) : 0);
        uint32_t number = (uint32_t)(xorshift(&state) % (i % 2 == 0 ? 40 : 1 << 24));
        uint64_t n = is_wide ? wide[i % 6] : narrow[i % 10];
        sn__draws draws;
        sn__draws_begin(&draws, key, node, tree,
                        is_wide ? ((uint64_t)1 << 32) + 1 : (uint64_t)1 << 32);
        uint64_t want = is_wide ? page_draw64(key, node, tree, number, n)
                                : page_draw32(key, node, tree, number, n);
        uint64_t got = sn__draw(&draws, number, n);
        replaced += draws.block >= 0x80000000u;
        /* the block kept does not show, also after a replacement */
        if (got != want || sn__draw(&draws, number, n) != want || want >= n)
            ck_abort_msg("draw %u of node %llx below %llx is %llx", number,
                         (unsigned long long)node, (unsigned long long)n, (unsigned long long)got);
    }
    ck_assert_int_gt(replaced, 1000); /* the table reaches the replacements */
}
END_TEST

START_TEST(draws_in_any_order_do_not_depend_on_it)
{
    sn__draws up, down;
    uint64_t first[100];
    sn__draws_begin(&up, 1, 2, 3, 1000);
    sn__draws_begin(&down, 1, 2, 3, 1000);
    for (uint32_t i = 0; i < 100; i++)
        first[i] = sn__draw(&up, i, (uint64_t)3 << 30);
    for (uint32_t i = 100; i-- > 0;)
        ck_assert_uint_eq(sn__draw(&down, i, (uint64_t)3 << 30), first[i]);
}
END_TEST

/* Pearson's statistic of counts against a uniform expectation. */
static double chi_square(const int *counts, int cells, int total)
{
    double expected = (double)total / cells, sum = 0;
    for (int i = 0; i < cells; i++)
        sum += (counts[i] - expected) * (counts[i] - expected) / expected;
    return sum;
}

/* The inputs are fixed, so these never fail by chance; the bounds are at p = 1e-6 for the degrees
 * of freedom at hand (46.9 for 8, 54.6 for 12, 148.0 for 63... rounded up). */
START_TEST(draws_over_nodes_and_numbers_are_uniform)
{
    enum { N = 9, TOTAL = 200000 };
    int by_node[N] = { 0 }, by_number[N] = { 0 }, by_batch[N] = { 0 };
    sn__draws draws;
    for (uint32_t i = 0; i < TOTAL; i++) {
        sn__draws_begin(&draws, 42, i, 0, N);
        by_node[sn__draw(&draws, 0, N)]++;
        sn__draws_begin(&draws, 42, 7, 0, N);
        by_number[sn__draw(&draws, i, N)]++;
        sn__draws_begin(&draws, sn__phase_key(0, 0, i, SN__PURPOSE_UNIFORM, 0, 0), 7, 0, N);
        by_batch[sn__draw(&draws, 0, N)]++;
    }
    ck_assert_double_lt(chi_square(by_node, N, TOTAL), 43);
    ck_assert_double_lt(chi_square(by_number, N, TOTAL), 43);
    ck_assert_double_lt(chi_square(by_batch, N, TOTAL), 43);
}
END_TEST

START_TEST(draws_with_many_rejections_stay_uniform)
{
    /* A quarter of the words is rejected; without that, thirds would be 1/2, 1/4, 1/4. */
    enum { TOTAL = 90000 };
    int thirds[3] = { 0 };
    sn__draws draws;
    for (uint32_t i = 0; i < TOTAL; i++) {
        sn__draws_begin(&draws, 5, i, 0, (uint64_t)3 << 30);
        thirds[sn__draw(&draws, i % 8, (uint64_t)3 << 30) >> 30]++;
    }
    ck_assert_double_lt(chi_square(thirds, 3, TOTAL), 28);
}
END_TEST

START_TEST(draws_of_neighbouring_counters_are_independent)
{
    enum { N = 8, TOTAL = 200000 };
    int pairs[N * N] = { 0 }, nodes[N * N] = { 0 };
    for (uint32_t i = 0; i < TOTAL; i++) {
        sn__draws here, next;
        sn__draws_begin(&here, 9, i, 0, N);
        sn__draws_begin(&next, 9, i + 1, 0, N);
        pairs[sn__draw(&here, 0, N) * N + sn__draw(&here, 1, N)]++;
        nodes[sn__draw(&here, 0, N) * N + sn__draw(&next, 0, N)]++;
    }
    ck_assert_double_lt(chi_square(pairs, N * N, TOTAL), 130);
    ck_assert_double_lt(chi_square(nodes, N * N, TOTAL), 130);
}
END_TEST

static const uint64_t sizes[] = { 1,    2,    3,    5,    16,   63,   64,    65,    100,   1000,
                                  4095, 4096, 4097, 4225, 5000, 9999, 10000, 10001, 65537, 300007 };

START_TEST(shuffle_of_n_is_a_bijection_and_that_of_the_page)
{
    uint64_t n = sizes[_i];
    unsigned char *seen = calloc(n, 1);
    ck_assert_ptr_nonnull(seen);
    sn__shuffle shuffle = sn__shuffle_make(17, 3, n);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t at = sn__shuffle_at(&shuffle, i);
        if (at >= n || seen[at] || (i % 97 == 0 && at != page_perm(17, 3, n, i)))
            ck_abort_msg("position %llu of %llu goes to %llu", (unsigned long long)i,
                         (unsigned long long)n, (unsigned long long)at);
        seen[at] = 1;
    }
    for (uint64_t first = 0; first < n; first += 1 + n / 7) {
        int64_t some[20];
        size_t count = n - first < 20 ? (size_t)(n - first) : 20 - first % 3;
        sn__shuffle_range(&shuffle, first, count, some);
        for (size_t k = 0; k < count; k++)
            ck_assert_int_eq(some[k], (int64_t)page_perm(17, 3, n, first + k));
    }
    free(seen);
}
END_TEST

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

START_TEST(shuffle_of_a_huge_n_stays_inside_and_never_repeats)
{
    enum { COUNT = 5000 };
    uint64_t n = ((uint64_t)1 << 62) - 1, at[COUNT];
    sn__shuffle shuffle = sn__shuffle_make(1, 1, n);
    ck_assert(((u128)shuffle.a * shuffle.b) >= n);
    for (uint64_t i = 0; i < COUNT; i++) {
        at[i] = sn__shuffle_at(&shuffle, i);
        ck_assert_uint_lt(at[i], n);
    }
    qsort(at, COUNT, sizeof at[0], by_value);
    for (uint64_t i = 1; i < COUNT; i++)
        ck_assert_uint_lt(at[i - 1], at[i]);
}
END_TEST

START_TEST(shuffle_of_other_seeds_and_epochs_is_another)
{
    enum { N = 1000 };
    sn__shuffle base = sn__shuffle_make(1, 1, N), seed = sn__shuffle_make(2, 1, N),
                epoch = sn__shuffle_make(1, 2, N);
    int same_seed = 0, same_epoch = 0, fixed = 0;
    for (uint64_t i = 0; i < N; i++) {
        uint64_t at = sn__shuffle_at(&base, i);
        same_seed += at == sn__shuffle_at(&seed, i);
        same_epoch += at == sn__shuffle_at(&epoch, i);
        fixed += at == i;
    }
    ck_assert_int_lt(same_seed, 12); /* one is expected */
    ck_assert_int_lt(same_epoch, 12);
    ck_assert_int_lt(fixed, 12);
}
END_TEST

START_TEST(shuffle_over_seeds_puts_each_position_everywhere)
{
    enum { N = 13, SEEDS = 650 };
    static int counts[N][N];
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        sn__shuffle shuffle = sn__shuffle_make(seed, 0, N);
        for (uint64_t i = 0; i < N; i++)
            counts[i][sn__shuffle_at(&shuffle, i)]++;
    }
    for (int i = 0; i < N; i++)
        ck_assert_double_lt(chi_square(counts[i], N, SEEDS), 51);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("random");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, philox_with_published_inputs_gives_the_published_words);
    tcase_add_test(cases, phase_key_of_any_six_numbers_is_that_of_the_page);
    tcase_add_test(cases, draw_of_any_row_is_that_of_the_page);
    tcase_add_test(cases, draws_in_any_order_do_not_depend_on_it);
    tcase_add_test(cases, draws_over_nodes_and_numbers_are_uniform);
    tcase_add_test(cases, draws_with_many_rejections_stay_uniform);
    tcase_add_test(cases, draws_of_neighbouring_counters_are_independent);
    tcase_add_loop_test(cases, shuffle_of_n_is_a_bijection_and_that_of_the_page, 0,
                        (int)(sizeof sizes / sizeof sizes[0]));
    tcase_add_test(cases, shuffle_of_a_huge_n_stays_inside_and_never_repeats);
    tcase_add_test(cases, shuffle_of_other_seeds_and_epochs_is_another);
    tcase_add_test(cases, shuffle_over_seeds_puts_each_position_everywhere);
    return run_cases("random", cases);
}
