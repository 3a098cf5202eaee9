/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Golden values of docs/sampling.md: the primitives, the shuffle, the sharing of batches among
 * ranks, some batches in full, and digests of batches on graphs that are given by formula. A line
 * that changes means that the contract changed.
 */
#include "golden.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { MAX_NODE_TYPES = 2, MAX_EDGE_TYPES = 2, MAX_HOPS = 3 };

/* Where lines go, and whose digests they are: set by golden_print. */
static FILE *out;
static golden_digest *digest_of;

static void *allocate(int64_t count, size_t size)
{
    void *p = calloc(count > 0 ? (size_t)count : 1, size);
    if (!p) {
        abort();
    }
    return p;
}

/* ---- primitives ------------------------------------------------------------------------------ */

static void print_philox(void)
{
    static const struct {
        uint64_t key;
        uint32_t c[4];
    } cases[] = {
        { 0, { 0, 0, 0, 0 } },
        { UINT64_MAX, { UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX } },
        { 0x299f31d0a4093822, { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 } },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const uint32_t *c = cases[i].c;
        uint32_t x[4];
        ref_philox(cases[i].key, c[0], c[1], c[2], c[3], x);
        fprintf(out,
                "philox.%016" PRIx64 ".%08" PRIx32 ".%08" PRIx32 ".%08" PRIx32 ".%08" PRIx32
                " %08" PRIx32 ",%08" PRIx32 ",%08" PRIx32 ",%08" PRIx32 "\n",
                cases[i].key, c[0], c[1], c[2], c[3], x[0], x[1], x[2], x[3]);
    }
}

static void print_phase_keys(void)
{
    static const uint64_t cases[][6] = {
        { 0, 0, 0, 1, 0, 0 },
        { 0, 0, 0, 2, 0, 0 },
        { 1, 0, 0, 2, 0, 0 },
        { 0, 1, 0, 2, 0, 0 },
        { 0, 0, 1, 2, 0, 0 },
        { 0, 0, 0, 2, 1, 0 },
        { 0, 0, 0, 2, 0, 1 },
        { 42, 3, 0, 1, 0, 0 },
        { 42, 3, 5, 2, 2, 1 },
        { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const uint64_t *c = cases[i];
        fprintf(out,
                "phase_key.seed=%" PRIu64 ".epoch=%" PRIu64 ".g=%" PRIu64 ".purpose=%" PRIu64
                ".hop=%" PRIu64 ".etype=%" PRIu64 " %016" PRIx64 "\n",
                c[0], c[1], c[2], c[3], c[4], c[5],
                ref_phase_key(c[0], c[1], c[2], c[3], c[4], c[5]));
    }
}

/* ---- draws ----------------------------------------------------------------------------------- */

typedef struct draw_case {
    uint64_t v;
    uint32_t tree, i;
    uint64_t n, degree;
} draw_case;

static void print_draw(uint64_t key, draw_case c)
{
    int rejected;
    uint64_t t = ref_draw_counted(key, c.v, c.tree, c.i, c.n, c.degree, &rejected);
    fprintf(out,
            "draw.key=%016" PRIx64 ".v=%" PRIu64 ".tree=%" PRIu32 ".i=%" PRIu32 ".n=%" PRIu64
            ".degree=%" PRIu64 ".rejected=%d %" PRIu64 "\n",
            key, c.v, c.tree, c.i, c.n, c.degree, rejected, t);
}

/* The smallest node from `c.v` on whose draw throws away exactly that many words. */
static void print_rejected_draw(uint64_t key, draw_case c, int wanted)
{
    int rejected;
    do {
        (void)ref_draw_counted(key, c.v, c.tree, c.i, c.n, c.degree, &rejected);
        c.v++;
    } while (rejected != wanted);
    c.v--;
    print_draw(key, c);
}

static void print_draws(uint64_t key)
{
    const uint64_t two32 = (uint64_t)1 << 32;
    const uint64_t two63 = (uint64_t)1 << 63;
    const uint32_t last = ((uint32_t)1 << 24) - 1;
    const draw_case cases[] = {
        { 0, 0, 0, 1, 1 },
        { 0, 0, 0, 2, 2 },
        { 0, 0, 0, 10, 10 },
        { 0, 0, 1, 10, 10 },
        { 0, 0, 2, 10, 10 },
        { 0, 0, 3, 10, 10 },
        { 0, 0, 4, 10, 10 },
        { 0, 0, 5, 10, 1000 },
        { 7, 0, last, 1000, 1000 },
        { 7, 9, 0, 1000, 1000 },
        { two32, 0, 0, 1000, 1000 },
        { two32 + 7, 0, 6, 1000, 1000 },
        { UINT64_MAX, 0, 6, 1000, 1000 },
        { 0, 0, 0, two32 - 1, two32 },
        { 0, 0, 0, two32, two32 },
        { 0, 0, 3, two32, two32 },
        { 0, 0, 0, 1, two32 + 1 },
        { 0, 0, 0, 10, two32 + 1 },
        { 0, 0, 1, 10, two32 + 1 },
        { 0, 0, 2, 10, two32 + 1 },
        { 0, 0, 3, two32, two32 + 1 },
        { 0, 0, 0, two32 + 1, two32 + 1 },
        { two32 + 7, 9, last, two32 * 1000 + 1, two32 * 2000 },
        { 0, 0, 1, two63, two63 },
        { 0, 0, 1, UINT64_MAX, UINT64_MAX },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_draw(key, cases[i]);
    }
}

/* Just above a power of two every second word is rejected, so long runs of rejections exist. They
 * cross from one counter to the next, and must not touch the counters of another draw. */
static void print_rejected_draws(uint64_t key)
{
    const uint64_t n32 = ((uint64_t)1 << 31) + 1;
    const uint64_t n64 = ((uint64_t)1 << 63) + 1;
    const uint32_t last = ((uint32_t)1 << 24) - 1;
    static const int wanted[] = { 1, 2, 3, 4, 5, 6, 9, 13 };
    for (size_t i = 0; i < COUNT(wanted); i++) {
        print_rejected_draw(key, (draw_case){ 0, 0, 0, n32, n32 }, wanted[i]);
        print_rejected_draw(key, (draw_case){ 0, 0, last, n32, (uint64_t)1 << 32 }, wanted[i]);
        print_rejected_draw(key, (draw_case){ 0, 0, 1, n64, n64 }, wanted[i]);
    }
    print_rejected_draw(key, (draw_case){ 0, 0, 2, 1000003, 1000003 }, 1);
    print_rejected_draw(key, (draw_case){ 0, 3, 2, 1000003, 1000003 }, 1);
}

/* ---- the shuffle and the ranks --------------------------------------------------------------- */

static void print_perms(void)
{
    static const uint64_t sizes[] = {
        1, 2, 3, 4, 5, 16, 4095, 4096, 4097, 65537, 1000003, 4294967296, 4611686018427387903
    };
    static const uint64_t keys[][2] = { { 0, 0 }, { 42, 0 }, { 42, 3 } };
    for (size_t s = 0; s < COUNT(sizes); s++) {
        for (size_t k = 0; k < COUNT(keys); k++) {
            uint64_t n = sizes[s];
            fprintf(out, "perm.seed=%" PRIu64 ".epoch=%" PRIu64 ".n=%" PRIu64 " ", keys[k][0],
                    keys[k][1], n);
            for (uint64_t i = 0; i < 16 && i < n; i++) {
                fprintf(out, "%s%" PRIu64, i ? "," : "", ref_perm(keys[k][0], keys[k][1], n, i));
            }
            fprintf(out, "\n");
        }
    }
}

/* The batches of one rank; a star marks padding, `none` an empty list. */
static void print_shard(const ref_plan *plan)
{
    static const char *const uneven[] = { "short", "pad", "drop" };
    int64_t *g;
    bool *padded;
    int64_t n = ref_rank_batches(plan, &g, &padded);
    fprintf(out,
            "shard.inputs=%" PRId64 ".batch=%" PRId64 ".drop_last=%d.%s.rank=%" PRId64
            ".world=%" PRId64 ".start=%" PRId64 " ",
            plan->num_input, plan->batch_size, plan->drop_last, uneven[plan->uneven], plan->rank,
            plan->world, plan->start);
    for (int64_t i = 0; i < n; i++) {
        fprintf(out, "%s%" PRId64 "%s", i ? "," : "", g[i], padded[i] ? "*" : "");
    }
    fprintf(out, "%s\n", n ? "" : "none");
    free(g);
    free(padded);
}

static void print_shards(void)
{
    for (int uneven = REF_UNEVEN_SHORT; uneven <= REF_UNEVEN_DROP; uneven++) {
        for (int64_t rank = 0; rank < 4; rank++) {
            ref_plan plan = { .num_input = 40, .batch_size = 7, .rank = rank, .world = 4 };
            plan.uneven = uneven;
            print_shard(&plan);
            plan.start = 3;
            print_shard(&plan);
            plan.drop_last = true;
            print_shard(&plan);
        }
        ref_plan few = { .num_input = 5, .batch_size = 2, .rank = 6, .world = 8 };
        few.uneven = uneven;
        print_shard(&few);
        ref_plan none = { .num_input = 5, .batch_size = 7, .drop_last = true, .world = 2 };
        none.uneven = uneven;
        print_shard(&none);
    }
}

/* ---- graphs by formula ----------------------------------------------------------------------- */

typedef struct graph_store {
    ref_graph graph;
    ref_node_type node_types[MAX_NODE_TYPES];
    ref_edge_type edge_types[MAX_EDGE_TYPES];
    void *owned[16];
    int num_owned;
} graph_store;

static void *own(graph_store *store, int64_t count, size_t size)
{
    void *p = allocate(count, size);
    store->owned[store->num_owned++] = p;
    return p;
}

static void graph_free(graph_store *store)
{
    for (int i = 0; i < store->num_owned; i++) {
        free(store->owned[i]);
    }
    free(store);
}

/* float32 [n, width], every entry of row i is scale * i. */
static ref_array float_rows(graph_store *store, int64_t n, int64_t width, int64_t scale)
{
    float *data = own(store, n * width, sizeof(*data));
    for (int64_t i = 0; i < n * width; i++) {
        data[i] = (float)(scale * (i / width));
    }
    return (ref_array){ data, 2, 32, 2, { n, width } };
}

static graph_store *graph_new(int num_node_types, int num_edge_types)
{
    graph_store *store = allocate(1, sizeof(*store));
    store->graph =
        (ref_graph){ num_node_types, store->node_types, num_edge_types, store->edge_types };
    return store;
}

/* Edge id 2v is v -> (v + first) % n, edge id 2v + 1 is v -> (v + first + 1) % n. */
static void add_steps(graph_store *store, ref_edge_type *type, int64_t n, int64_t first)
{
    int64_t *from = own(store, 2 * n, sizeof(*from));
    int64_t *to = own(store, 2 * n, sizeof(*to));
    for (int64_t e = 0; e < 2 * n; e++) {
        from[e] = e / 2;
        to[e] = (e / 2 + first + e % 2) % n;
    }
    type->count = 2 * n;
    type->from = from;
    type->to = to;
}

static graph_store *make_ring(void)
{
    graph_store *store = graph_new(1, 1);
    int64_t *labels = own(store, 40, sizeof(*labels));
    for (int64_t v = 0; v < 40; v++) {
        labels[v] = v;
    }
    store->node_types[0] = (ref_node_type){ .name = "node", .count = 40 };
    store->node_types[0].x = float_rows(store, 40, 4, 1);
    store->node_types[0].y = (ref_array){ labels, 0, 64, 1, { 40 } };
    store->edge_types[0] = (ref_edge_type){ .src = "node", .rel = "to", .dst = "node" };
    add_steps(store, &store->edge_types[0], 40, 1);
    store->edge_types[0].x = float_rows(store, 80, 2, 1);
    return store;
}

static graph_store *make_typed(void)
{
    graph_store *store = graph_new(2, 2);
    int32_t *labels = own(store, 40, sizeof(*labels));
    for (int32_t v = 0; v < 40; v++) {
        labels[v] = v % 7;
    }
    store->node_types[0] = (ref_node_type){ .name = "user", .count = 40 };
    store->node_types[0].x = float_rows(store, 40, 2, 1);
    store->node_types[0].y = (ref_array){ labels, 0, 32, 1, { 40 } };
    store->node_types[1] = (ref_node_type){ .name = "item", .count = 40 };
    store->node_types[1].x = float_rows(store, 40, 3, 2);
    store->edge_types[0] = (ref_edge_type){ .src = "user", .rel = "u2i", .dst = "item" };
    add_steps(store, &store->edge_types[0], 40, 1);
    store->edge_types[1] = (ref_edge_type){ .src = "item", .rel = "i2i", .dst = "item" };
    add_steps(store, &store->edge_types[1], 40, 2);
    return store;
}

/* Edge ids 0 to 999 are 0 -> 1 to 1000, edge ids 1000 to 1999 are 1 to 1000 -> 0. */
static graph_store *make_star(void)
{
    graph_store *store = graph_new(1, 1);
    int64_t *from = own(store, 2000, sizeof(*from));
    int64_t *to = own(store, 2000, sizeof(*to));
    for (int64_t e = 0; e < 1000; e++) {
        to[e] = e + 1;
        from[1000 + e] = e + 1;
    }
    store->node_types[0] = (ref_node_type){ .name = "node", .count = 1001 };
    store->edge_types[0] = (ref_edge_type){
        .src = "node", .rel = "to", .dst = "node", .count = 2000, .from = from, .to = to
    };
    return store;
}

/* Self loops, parallel edges, rows that are not in order of edge id, and a node (12) without edges:
 * 13 nodes, edge id e of 60 is e * 5 % 12 -> (60 - e) / 7 % 12. */
static graph_store *make_multi(void)
{
    graph_store *store = graph_new(1, 1);
    int64_t *from = own(store, 60, sizeof(*from));
    int64_t *to = own(store, 60, sizeof(*to));
    for (int64_t e = 0; e < 60; e++) {
        from[e] = e * 5 % 12;
        to[e] = (60 - e) / 7 % 12;
    }
    store->node_types[0] = (ref_node_type){ .name = "node", .count = 13 };
    store->edge_types[0] = (ref_edge_type){
        .src = "node", .rel = "to", .dst = "node", .count = 60, .from = from, .to = to
    };
    return store;
}

/* ---- batches --------------------------------------------------------------------------------- */

/* What a plan asks for beyond direction and fanout, as flags to keep the table readable. */
enum {
    IN = 1,
    REPLACE = 2,
    SHUFFLE = 4,
    DROP_LAST = 8,
    WITH_EDGE = 16,
    FEATURES = 32,
    LABELS_ALL = 64,
    LABELS_SEEDS = 128,
    DUPLICATES = 256, /* input i is i / 2 instead of i */
    EVERYTHING = WITH_EDGE | FEATURES | LABELS_ALL
};

typedef struct batch_case {
    const char *name;
    uint64_t seed;
    int seed_type;
    int hops;
    int64_t fanout[MAX_EDGE_TYPES * MAX_HOPS]; /* [edge type][hop], packed */
    int flags;
} batch_case;

static const batch_case ring_cases[] = {
    { "out_1", 1, 0, 1, { 1 }, 0 },
    { "out_1_seed2", 2, 0, 1, { 1 }, 0 },
    { "out_2", 1, 0, 1, { 2 }, 0 },
    { "out_3", 1, 0, 1, { 3 }, 0 },
    { "out_all", 1, 0, 1, { -1 }, 0 },
    { "out_0", 1, 0, 1, { 0 }, EVERYTHING },
    { "out_1_1", 1, 0, 2, { 1, 1 }, 0 },
    { "out_1_0_1", 1, 0, 3, { 1, 0, 1 }, WITH_EDGE },
    { "out_2_1_1", 1, 0, 3, { 2, 1, 1 }, WITH_EDGE },
    { "in_1_1", 1, 0, 2, { 1, 1 }, IN | WITH_EDGE },
    { "in_all_1", 1, 0, 2, { -1, 1 }, IN | WITH_EDGE },
    { "out_1_1_edge", 1, 0, 2, { 1, 1 }, WITH_EDGE },
    { "out_1_1_features", 1, 0, 2, { 1, 1 }, FEATURES },
    { "out_1_1_edge_features", 1, 0, 2, { 1, 1 }, WITH_EDGE | FEATURES },
    { "out_1_1_labels_all", 1, 0, 2, { 1, 1 }, LABELS_ALL },
    { "out_1_1_labels_seeds", 1, 0, 2, { 1, 1 }, LABELS_SEEDS },
    { "out_1_1_everything", 1, 0, 2, { 1, 1 }, EVERYTHING },
    { "replace_out_3_2", 1, 0, 2, { 3, 2 }, REPLACE | EVERYTHING },
    { "replace_out_all_1", 1, 0, 2, { -1, 1 }, REPLACE | WITH_EDGE },
    { "replace_in_5_0", 1, 0, 2, { 5, 0 }, REPLACE | IN | WITH_EDGE },
    { "shuffle_out_1_1", 1, 0, 2, { 1, 1 }, SHUFFLE | EVERYTHING },
    { "shuffle_drop_in_1_1_1", 1, 0, 3, { 1, 1, 1 }, SHUFFLE | DROP_LAST | IN | EVERYTHING },
    { "shuffle_bigseed_out_1", 0xFEDCBA9876543210, 0, 1, { 1 }, SHUFFLE },
    { "duplicates_out_1_1", 1, 0, 2, { 1, 1 }, DUPLICATES | WITH_EDGE | LABELS_SEEDS },
    { "duplicates_shuffle_in_1_1", 1, 0, 2, { 1, 1 }, DUPLICATES | SHUFFLE | IN | LABELS_SEEDS },
};

static const batch_case typed_cases[] = {
    { "out_1_1", 1, 0, 2, { 1, 1, 1, 1 }, 0 },
    { "out_2_1_everything", 1, 0, 2, { 2, 1, 2, 1 }, EVERYTHING },
    { "out_1_1_labels_seeds", 1, 0, 2, { 1, 1, 1, 1 }, LABELS_SEEDS | FEATURES },
    { "out_all_0", 1, 0, 2, { -1, 0, 0, -1 }, WITH_EDGE },
    { "out_1_1_1", 1, 0, 3, { 1, 1, 1, 2, 1, 1 }, EVERYTHING },
    { "out_item_1_1", 1, 1, 2, { 1, 1, 1, 1 }, EVERYTHING },
    { "out_item_1_labels_seeds", 1, 1, 1, { 1, 1 }, LABELS_SEEDS },
    { "in_item_1_1", 1, 1, 2, { 1, 1, 1, 1 }, IN | EVERYTHING },
    { "in_item_3_1_1", 1, 1, 3, { 3, 1, 1, 3, 1, 1 }, IN | WITH_EDGE },
    { "in_user_1", 1, 0, 1, { 1, 1 }, IN | EVERYTHING },
    { "replace_in_item_3_1", 1, 1, 2, { 3, 1, 1, 3 }, IN | REPLACE | EVERYTHING },
    { "shuffle_out_1_2_1", 1, 0, 3, { 1, 2, 1, 2, 1, 1 }, SHUFFLE | EVERYTHING },
    { "shuffle_duplicates_in_item_1_1", 1, 1, 2, { 1, 1, 1, 1 }, SHUFFLE | DUPLICATES | IN },
};

static const batch_case star_cases[] = {
    { "out_5", 1, 0, 1, { 5 }, WITH_EDGE },
    { "out_5_5", 1, 0, 2, { 5, 5 }, WITH_EDGE },
    { "out_999", 1, 0, 1, { 999 }, WITH_EDGE },
    { "out_1000", 1, 0, 1, { 1000 }, WITH_EDGE },
    { "out_1001", 1, 0, 1, { 1001 }, WITH_EDGE },
    { "in_10_2_10", 1, 0, 3, { 10, 2, 10 }, IN | WITH_EDGE },
    { "out_all_all", 1, 0, 2, { -1, -1 }, 0 },
    { "replace_out_1500_3", 1, 0, 2, { 1500, 3 }, REPLACE | WITH_EDGE },
    { "shuffle_out_2_300", 1, 0, 2, { 2, 300 }, SHUFFLE | WITH_EDGE },
};

static const batch_case multi_cases[] = {
    { "out_2_2", 1, 0, 2, { 2, 2 }, WITH_EDGE },
    { "out_all", 1, 0, 1, { -1 }, WITH_EDGE },
    { "in_3_3_3", 1, 0, 3, { 3, 3, 3 }, IN | WITH_EDGE },
    { "in_all_all", 1, 0, 2, { -1, -1 }, IN | WITH_EDGE },
    { "replace_in_4_4", 1, 0, 2, { 4, 4 }, IN | REPLACE | WITH_EDGE },
    { "shuffle_out_4_3_2", 1, 0, 3, { 4, 3, 2 }, SHUFFLE | WITH_EDGE },
};

/* Input, fanout and the flags of a case as a plan; the input is the caller's to free. */
static ref_plan make_plan(const ref_graph *graph, const batch_case *c, int64_t **input_out)
{
    int64_t n = graph->node_types[c->seed_type].count;
    int64_t *input = allocate(n, sizeof(*input));
    for (int64_t i = 0; i < n; i++) {
        input[i] = c->flags & DUPLICATES ? i / 2 : i;
    }
    *input_out = input;
    ref_plan plan = { .seed_type = c->seed_type, .input = input, .num_input = n, .batch_size = 7 };
    plan.seed = c->seed;
    plan.hops = c->hops;
    plan.fanout = c->fanout;
    plan.world = 1;
    plan.in_direction = (c->flags & IN) != 0;
    plan.replace = (c->flags & REPLACE) != 0;
    plan.shuffle = (c->flags & SHUFFLE) != 0;
    plan.drop_last = (c->flags & DROP_LAST) != 0;
    plan.with_edge = (c->flags & WITH_EDGE) != 0;
    plan.features = (c->flags & FEATURES) != 0;
    if (c->flags & LABELS_ALL) {
        plan.labels = REF_LABELS_ALL;
    } else if (c->flags & LABELS_SEEDS) {
        plan.labels = REF_LABELS_SEEDS;
    }
    return plan;
}

static void print_digests(const char *graph_name, const graph_store *store, const batch_case *c)
{
    static const uint64_t epochs[] = { 0, 3 };
    int64_t *input;
    ref_plan plan = make_plan(&store->graph, c, &input);
    const uint64_t last = (uint64_t)ref_num_batches(&plan) - 1;
    const uint64_t numbers[] = { 0, last < 2 ? 1 : 2, last };
    for (size_t e = 0; e < COUNT(epochs); e++) {
        for (size_t i = 0; i < COUNT(numbers); i++) {
            if (i > 0 && numbers[i] <= numbers[i - 1]) {
                continue; /* the last one is printed already */
            }
            fprintf(out, "digest.%s.%s.epoch=%" PRIu64 ".g=%" PRIu64 " %016" PRIx64 "\n",
                    graph_name, c->name, epochs[e], numbers[i],
                    digest_of(&store->graph, &plan, epochs[e], numbers[i]));
        }
    }
    free(input);
}

/* One batch in full, so that a digest that differs can be told apart from a batch that differs. */
static void print_batch(const char *graph_name, const graph_store *store, const batch_case *c)
{
    int64_t *input;
    ref_plan plan = make_plan(&store->graph, c, &input);
    ref_batch *batch = ref_sample(&store->graph, &plan, 3, 1);
    for (int t = 0; t < batch->num_tensors; t++) {
        const ref_tensor *tensor = &batch->tensors[t];
        if (tensor->code != 0 || tensor->bits != 64) {
            continue;
        }
        const int64_t *data = tensor->data;
        fprintf(out, "tensor.%s.%s.epoch=3.g=1.%s ", graph_name, c->name, tensor->name);
        for (int64_t i = 0; i < tensor->shape[0]; i++) {
            fprintf(out, "%s%" PRId64, i ? "," : "", data[i]);
        }
        fprintf(out, "%s\n", tensor->shape[0] ? "" : "none");
    }
    ref_batch_free(batch);
    free(input);
}

/* The case of that name is also printed in full. */
static void print_graph(const char *name, graph_store *store, const batch_case *cases, size_t n,
                        const char *in_full)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(cases[i].name, in_full) == 0) {
            print_batch(name, store, &cases[i]);
        }
    }
    for (size_t i = 0; i < n; i++) {
        print_digests(name, store, &cases[i]);
    }
    graph_free(store);
}

uint64_t golden_reference_digest(const ref_graph *graph, const ref_plan *plan, uint64_t epoch,
                                 uint64_t g)
{
    ref_batch *batch = ref_sample(graph, plan, epoch, g);
    const uint64_t digest = ref_digest(batch);
    ref_batch_free(batch);
    return digest;
}

void golden_print(FILE *file, golden_digest *digest)
{
    out = file;
    digest_of = digest;
    print_philox();
    print_phase_keys();
    print_draws(ref_phase_key(42, 3, 5, 2, 1, 0));
    print_rejected_draws(ref_phase_key(42, 3, 5, 2, 1, 0));
    print_perms();
    print_shards();
    print_graph("ring", make_ring(), ring_cases, COUNT(ring_cases), "out_1_1_edge");
    print_graph("typed", make_typed(), typed_cases, COUNT(typed_cases), "in_item_1_1");
    print_graph("star", make_star(), star_cases, COUNT(star_cases), "");
    print_graph("multi", make_multi(), multi_cases, COUNT(multi_cases), "out_2_2");
}
