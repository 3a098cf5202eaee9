/* SPDX-License-Identifier: Apache-2.0 */
/* Digests of what shuffle, the row ops (uniform, by weight, by LABOR), relabel and lookup give for many random
 * blocks, a line per instruction set that is there. All must be equal, on all processors: tools/dev/neon.sh runs
 * this for another one. It needs nothing but the kernels. */
#include "base/random.h"
#include "kernels/ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS = 400,
    COLUMNS = 9000,
    MOST_DEGREE = 90,
    PICKS = SN__BLOCK_ROWS * MOST_DEGREE,
    SHUFFLED = 37,
    CASES = 3000
};

static uint64_t state;

static uint64_t noise(uint64_t below)
{
    return sn__mix64(state += 0x9E3779B97F4A7C15u) % below;
}

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "isa_digest: %s\n", what);
    exit(1);
}

static uint64_t mix(uint64_t digest, const void *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        digest = (digest ^ ((const uint8_t *)data)[i]) * 0x100000001B3u;
    return digest;
}

static int64_t indptr[ROWS + 1], wide[COLUMNS];
static int32_t narrow[COLUMNS];
static uint32_t sums[COLUMNS][2];

/* Weights of row r as docs/sampling.md, section 7.1, has them; a third of them are zero, or all. */
static void make_sums(int r)
{
    double weights[MOST_DEGREE], sum = 0, before = 0;
    int64_t first = indptr[r], degree = indptr[r + 1] - first;
    uint64_t greatest = noise(5) == 0 ? 1 : 1 + noise(1000);
    uint32_t positive = 0;
    for (int64_t i = 0; i < degree; i++) {
        weights[i] = noise(3) == 0 ? 0 : (double)noise(greatest) / 4;
        sum += weights[i];
    }
    for (int64_t i = 0; i < degree; i++) {
        before += weights[i];
        positive += weights[i] > 0;
        sums[first + i][0] =
            sum > 0 ? positive + (uint32_t)(before / sum * (double)(UINT32_MAX - (uint32_t)degree))
                    : 0;
        sums[first + i][1] = (uint32_t)narrow[first + i];
    }
}

static sn__rows make_rows(void)
{
    int64_t edges = 0;
    for (int r = 0; r < ROWS; r++) {
        indptr[r] = edges;
        edges += (int64_t)noise(noise(4) == 0 ? MOST_DEGREE : 12);
        edges = edges < COLUMNS ? edges : COLUMNS;
    }
    indptr[ROWS] = edges;
    for (int i = 0; i < COLUMNS; i++)
        wide[i] = narrow[i] = (int32_t)noise(ROWS);
    for (int r = 0; r < ROWS; r++)
        make_sums(r);
    bool is_wide = noise(2) == 0;
    return (sn__rows){ .indptr = indptr,
                       .indices = is_wide ? (const void *)wide : narrow,
                       .rows = ROWS,
                       .edges = edges,
                       .neighbours = ROWS,
                       .wide = is_wide,
                       .sums = &sums[0][0] };
}

static sn__pick_rule make_rule(void)
{
    static const sn__pick picks[] = { SN__PICK_UNIFORM, SN__PICK_WEIGHTED, SN__PICK_LABOR };
    sn__pick_rule rule = { .key = noise(UINT64_MAX),
                           .fanout = (int64_t)noise(noise(2) == 0 ? 70 : 18),
                           .pick = picks[noise(3)] };
    rule.replace = rule.pick != SN__PICK_LABOR && noise(2) == 0;
    return rule;
}

/* One block of a graph of its own. */
static uint64_t run_case(const sn__kernel_ops *ops, uint64_t digest, sn__row_block *block)
{
    static int64_t ids[ROWS + SN__SLACK + PICKS], edges[PICKS + SN__SLACK];
    static uint32_t entries[ROWS], labels[PICKS + SN__SLACK];
    sn__node_list list = { .ids = ids,
                           .capacity = ROWS + SN__SLACK + PICKS,
                           .map = { .entries = entries, .size = ROWS, .base = 1 } };
    int64_t shuffled[SHUFFLED], all[ROWS];
    uint32_t places[ROWS];
    uint64_t positions = SHUFFLED + noise(UINT64_MAX) / 8 * noise(2) + noise(10000);
    sn__shuffle shuffle = sn__shuffle_make(noise(UINT64_MAX), 0, positions);
    sn__rows rows = make_rows();
    sn__pick_rule rule = make_rule();
    bool trees = rule.pick != SN__PICK_LABOR && noise(2) == 0;
    sn__pick_set set = { 0 };
    memset(entries, 0, sizeof entries);
    block->map = list.map;
    block->count = noise(SN__BLOCK_ROWS + 1);
    for (size_t i = 0; i < block->count; i++) {
        block->nodes[i] = (int64_t)noise(ROWS + 2);
        block->trees[i] = trees ? (uint32_t)noise(100) : 0;
    }
    must(ops->row_spans(&rows, &rule, block) == SN_OK && block->picks <= PICKS, "row_spans");
    must(ops->draw(&rows, &rule, block, &set) == SN_OK && block->picks <= PICKS, "draw");
    must(ops->take(&rows, &rule, block, edges) == SN_OK, "take");
    ops->relabel(&list, block->neighbours, block->picks, labels);
    for (int64_t i = 0; i < ROWS; i++)
        all[i] = i;
    ops->lookup(&list.map, all, ROWS, places);
    sn__pick_set_deinit(&set);
    ops->shuffle(&shuffle, noise(positions - SHUFFLED + 1), SHUFFLED, shuffled);
    digest = mix(digest, shuffled, sizeof shuffled);
    digest = mix(digest, places, sizeof places);
    digest = mix(digest, block->neighbours, block->picks * sizeof *block->neighbours);
    digest = mix(digest, edges, block->picks * sizeof *edges);
    digest = mix(digest, labels, block->picks * sizeof *labels);
    return mix(digest, ids, list.count * sizeof *ids);
}

int main(void)
{
    uint64_t first = 0;
    bool same = true;
    for (sn__isa isa = SN__ISA_PLAIN; isa < SN__ISA_COUNT; isa++) {
        const sn__kernel_ops *ops = sn__kernels_of(isa);
        sn__row_block block = { .capacity = PICKS + SN__SLACK };
        uint64_t digest = 0xCBF29CE484222325u;
        if (ops == NULL)
            continue;
        block.neighbours = calloc(block.capacity, sizeof *block.neighbours);
        must(block.neighbours != NULL, "out of memory");
        state = 1;
        for (int i = 0; i < CASES; i++)
            digest = run_case(ops, digest, &block);
        printf("%016llx %s\n", (unsigned long long)digest, sn__isa_name(isa));
        sn__row_block_deinit(&block);
        first = isa == SN__ISA_PLAIN ? digest : first;
        same = same && digest == first;
    }
    return same ? 0 : 1;
}
