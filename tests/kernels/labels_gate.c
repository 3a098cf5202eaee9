/* SPDX-License-Identifier: Apache-2.0 */
/* Whether labelling is free of branches on the data, with each instruction set of this machine.
 *
 * A node that a batch meets is new or known like the fall of a coin, so a branch on it is mispredicted every
 * other time, and compilers have made one of code that had none. Two lists of the same nodes, as often new
 * as known, are labelled in turn: one where the coin decides, and one where all new ones come first, which a
 * branch would be right about. Without branches both take the same time.
 *
 *     labels_gate     a row for each instruction set; exits 1 if the median ratio is above 1.5 in one
 *
 * With a table for a map the search branches by its nature; it is not looked at. */
#include "base/clock.h"
#include "base/random.h"
#include "kernels/ops.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    LISTS = 256,  /* more than a predictor learns by heart */
    COUNT = 2048, /* nodes of a list */
    NODES = COUNT,
    REPEATS = 12,
    RUNS = 41
};
static const double MOST = 1.5;

typedef struct lists {
    int64_t ids[LISTS][COUNT];
} lists;

typedef struct labelled {
    uint32_t entries[NODES], labels[COUNT + SN__SLACK];
    int64_t ids[COUNT + SN__SLACK];
    sn__node_list list;
} labelled;

static uint64_t draw(uint64_t *state, uint64_t n)
{
    return sn__mix64(++*state) % n;
}

static void shuffle(uint64_t *state, int64_t *ids, int64_t count)
{
    for (int64_t i = count - 1; i > 0; i--) {
        int64_t j = (int64_t)draw(state, (uint64_t)i + 1), id = ids[i];
        ids[i] = ids[j];
        ids[j] = id;
    }
}

/* `mixed` by the coin, `sorted` the same nodes with the new ones first. */
static void make_lists(lists *mixed, lists *sorted)
{
    uint64_t state = 1;
    for (int l = 0; l < LISTS; l++) {
        int64_t order[NODES], known[COUNT];
        int64_t fresh = 0, again = 0;
        for (int64_t i = 0; i < NODES; i++)
            order[i] = i;
        shuffle(&state, order, NODES);
        for (int64_t i = 0; i < COUNT; i++) {
            bool is_new = fresh == 0 || draw(&state, 2) == 0;
            int64_t id = is_new ? order[fresh++] : order[draw(&state, (uint64_t)fresh)];
            if (!is_new)
                known[again++] = id;
            mixed->ids[l][i] = id;
        }
        for (int64_t i = 0; i < COUNT; i++)
            sorted->ids[l][i] = i < fresh ? order[i] : known[i - fresh];
    }
}

/* Nanoseconds a node. */
static double label_all(const sn__kernel_ops *ops, labelled *on, const lists *of)
{
    int64_t began = sn__now_ns();
    for (int r = 0; r < REPEATS; r++)
        for (int l = 0; l < LISTS; l++) {
            ops->relabel(&on->list, of->ids[l], COUNT, on->labels);
            sn__label_map_forget(&on->list.map, on->list.count);
            on->list.count = 0;
        }
    return (double)(sn__now_ns() - began) / REPEATS / LISTS / COUNT;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Whether the instruction set passes. */
static bool measure(sn__isa isa, labelled *on, const lists *mixed, const lists *sorted)
{
    double ratios[RUNS], times[RUNS];
    const sn__kernel_ops *ops = sn__kernels_of(isa);
    (void)label_all(ops, on, mixed);
    for (int run = 0; run < RUNS; run++) {
        double even = label_all(ops, on, sorted);
        times[run] = label_all(ops, on, mixed);
        ratios[run] = times[run] / even;
    }
    qsort(ratios, RUNS, sizeof *ratios, compare);
    qsort(times, RUNS, sizeof *times, compare);
    bool passes = ratios[RUNS / 2] <= MOST;
    printf("labels, %-7s %6.2f ns a node; by the coin / new ones first %.2f, p10 %.2f, p90 %.2f, "
           "%d runs%s\n",
           sn__isa_name(isa), times[RUNS / 2], ratios[RUNS / 2], ratios[RUNS / 10],
           ratios[RUNS - 1 - RUNS / 10], RUNS, passes ? "" : ": it branches");
    return passes;
}

int main(void)
{
    lists *mixed = malloc(sizeof *mixed), *sorted = malloc(sizeof *sorted);
    labelled *on = calloc(1, sizeof *on);
    bool passes = true;
    if (mixed == NULL || sorted == NULL || on == NULL) {
        fprintf(stderr, "labels_gate: out of memory\n");
        return EXIT_FAILURE;
    }
    make_lists(mixed, sorted);
    on->list = (sn__node_list){ .ids = on->ids,
                                .capacity = COUNT + SN__SLACK,
                                .map = { .entries = on->entries, .size = NODES, .base = 1 } };
    for (int isa = 0; isa < SN__ISA_COUNT; isa++)
        if (sn__kernels_of((sn__isa)isa) != NULL)
            passes = measure((sn__isa)isa, on, mixed, sorted) && passes;
    free(mixed);
    free(sorted);
    free(on);
    return passes ? EXIT_SUCCESS : EXIT_FAILURE;
}
