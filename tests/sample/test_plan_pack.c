/* SPDX-License-Identifier: Apache-2.0 */
/* Plans as bytes, their hash, and their bound: single cases by hand. Random ones, in another
 * process: tests/conform/test_packed.c. */
#include "small.h"

#include "engine/sample/batch.h"
#include "engine/sample/plan_pack.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static sn_dataset *ring;
static int64_t ids[] = { 5, 3, 39, 3, 0, 7 };
static const int64_t two[] = { 2, 2 };
static sn_tensor input;

static void setup(void)
{
    ring = small_ring();
    input = (sn_tensor){ ids, { SN_INT, 64 }, 1, { 6, 1, 1, 1 } };
}

static void teardown(void)
{
    sn_dataset_release(ring);
}

static sn_plan_options basic(void)
{
    return *SN_PLAN_OPTIONS(.input = &input, .batch_size = 4, .shuffle = true, .seed = 3, .hops = 2,
                            .fanout = two, .with_edge = true, .features = true,
                            .labels = SN_LABELS_SEEDS, .rank = 1, .world = 3);
}

static sn_plan *make(sn_dataset *dataset, const sn_plan_options *options)
{
    sn_plan *plan;
    sn_status status = sn_plan_create(dataset, options, &plan);
    ck_assert_msg(status == SN_OK, "%s", sn_error_detail());
    return plan;
}

static void hashes(const sn_plan *plan, uint64_t out[2])
{
    ck_assert_int_eq(sn__plan_hash(plan, &out[0]), SN_OK);
    ck_assert_int_eq(sn__plan_hash_all(plan, &out[1]), SN_OK);
}

/* -- Hash -------------------------------------------------------------------------------------- */

static const int64_t three[] = { 3, 2 };
static int64_t other_ids[] = { 5, 3, 39, 3, 0, 8 };
static const sn_tensor other_input = { other_ids, { SN_INT, 64 }, 1, { 6, 1, 1, 1 } };
static const sn_tensor shorter = { ids, { SN_INT, 64 }, 1, { 5, 1, 1, 1 } };

#define CHANGE(name, code)               \
    static void name(sn_plan_options *o) \
    {                                    \
        code;                            \
    }
CHANGE(change_input, o->input = &other_input)
CHANGE(change_length, o->input = &shorter)
CHANGE(change_to_all, o->input = NULL)
CHANGE(change_size, o->batch_size = 5)
CHANGE(change_shuffle, o->shuffle = false)
CHANGE(change_drop, o->drop_last = true)
CHANGE(change_seed, o->seed++)
CHANGE(change_hops, o->hops = 1)
CHANGE(change_fanout, o->fanout = three)
CHANGE(change_dir, o->dir = SN_DIR_IN)
CHANGE(change_replace, o->replace = true)
CHANGE(change_edge, o->with_edge = false)
CHANGE(change_features, o->features = false)
CHANGE(change_labels, o->labels = SN_LABELS_ALL)
CHANGE(change_index, o->index = SN_INDEX_INT32)
CHANGE(change_subgraph, o->subgraph = true)
CHANGE(change_disjoint, o->disjoint = true)
CHANGE(change_labor, o->labor = true)
CHANGE(change_layers, o->labor = o->layer_dependent = true)
CHANGE(change_rank, o->rank = 2)
CHANGE(change_world, o->world = 4)
CHANGE(change_uneven, o->uneven = SN_UNEVEN_DROP)

static void (*const changes[])(sn_plan_options *) = {
    change_input,    change_length, change_to_all, change_size,     change_shuffle,  change_drop,
    change_seed,     change_hops,   change_fanout, change_dir,      change_replace,  change_edge,
    change_features, change_labels, change_index,  change_subgraph, change_disjoint, change_labor,
    change_layers,   change_rank,   change_world,  change_uneven,
};
enum { CHANGES = sizeof changes / sizeof changes[0], OF_RANKS = 3 };

START_TEST(hash_of_another_stream_differs_and_of_other_ranks_does_not)
{
    uint64_t all[CHANGES + 1][2];
    for (int i = 0; i <= CHANGES; i++) {
        sn_plan_options options = basic();
        if (i > 0)
            changes[i - 1](&options);
        sn_plan *plan = make(ring, &options);
        hashes(plan, all[i]);
        sn_plan_release(plan);
        for (int j = 0; j < i; j++) {
            bool same_stream = i > CHANGES - OF_RANKS && (j == 0 || j > CHANGES - OF_RANKS);
            ck_assert_msg((all[i][0] == all[j][0]) == same_stream, "%d, %d", i, j);
            ck_assert_msg(all[i][1] != all[j][1], "%d, %d", i, j);
        }
    }
}
END_TEST

START_TEST(hash_of_equal_plans_is_equal)
{
    static int32_t narrow[] = { 5, 3, 39, 3, 0, 7 };
    static const int64_t per_type[] = { 2, 2 };
    const sn_tensor narrow_input = { narrow, { SN_INT, 32 }, 1, { 6, 1, 1, 1 } };
    sn_dataset *again = small_ring();
    sn_plan_options options = basic(), same = basic();
    same.input = &narrow_input;
    same.fanout = per_type;
    same.per_edge_type = true;
    same.dir = SN_DIR_OUT;
    same.index = SN_INDEX_INT64;
    same.uneven = SN_UNEVEN_SHORT;
    sn_plan *a = make(ring, &options), *b = make(again, &same);
    uint64_t of_a[2], of_b[2];
    hashes(a, of_a);
    hashes(b, of_b);
    hashes(b, of_b); /* from the cache */
    ck_assert_mem_eq(of_a, of_b, sizeof of_a);
    sn_plan_release(a);
    sn_plan_release(b);
    sn_dataset_release(again);
}
END_TEST

START_TEST(hash_depends_on_the_dataset)
{
    sn_dataset *other = small_ring_half(false);
    sn_plan_options options = { .struct_size = sizeof options, .hops = 2, .fanout = two };
    sn_plan *a = make(ring, &options), *b = make(other, &options);
    uint64_t of_a[2], of_b[2];
    hashes(a, of_a);
    hashes(b, of_b);
    ck_assert_uint_ne(of_a[0], of_b[0]);
    sn_plan_release(a);
    sn_plan_release(b);
    sn_dataset_release(other);
}
END_TEST

/* -- Packs ------------------------------------------------------------------------------------- */

static sn__segment pack(const sn_plan *plan)
{
    sn__segment segment;
    ck_assert_msg(sn__plan_pack(plan, &segment) == SN_OK, "%s", sn_error_detail());
    return segment;
}

static void drop(sn__segment *segment)
{
    sn__segment_unmap(segment);
    sn__segment_close_fd(segment);
}

static uint64_t digest(sn_plan *plan, int64_t step)
{
    sn_sampler *sampler;
    sn_batch *batch;
    ck_assert_int_eq(sn_sampler_create(plan, &sampler), SN_OK);
    ck_assert_int_eq(sn_sampler_sample_step(sampler, 4, step, &batch), SN_OK);
    uint64_t result = sn_batch_digest(batch);
    sn_batch_release(batch);
    sn_sampler_release(sampler);
    return result;
}

START_TEST(pack_of_a_plan_gives_the_plan)
{
    sn_plan_options options = basic();
    if (_i == 1)
        options.input = NULL;
    if (_i == 2)
        options.hops = 0;
    options.subgraph = _i == 3;
    sn_plan *plan = make(ring, &options), *again;
    sn__segment segment = pack(plan);
    ck_assert_msg(sn__plan_unpack(segment.base, segment.bytes, ring, &again) == SN_OK, "%s",
                  sn_error_detail());
    uint64_t is[2], was[2];
    hashes(plan, was);
    hashes(again, is);
    ck_assert_mem_eq(is, was, sizeof is);
    ck_assert_int_eq(sn_plan_num_steps(again), sn_plan_num_steps(plan));
    if (sn_plan_num_steps(plan) > 0)
        ck_assert_uint_eq(digest(again, 0), digest(plan, 0));
    /* Borrowed, not copied. */
    const uint8_t *seeds = (const uint8_t *)again->input;
    ck_assert(_i == 1 ? seeds == NULL
                      : seeds > segment.base && seeds + sizeof ids <= segment.base + segment.bytes);
    ck_assert_ptr_null(again->input_memory);
    sn_plan_release(plan);
    sn_plan_release(again);
    drop(&segment);
}
END_TEST

static void ck_refused(const uint8_t *bytes, size_t count, const char *part)
{
    sn_plan *plan = (sn_plan *)&ring;
    sn_status status = sn__plan_unpack(bytes, count, ring, &plan);
    ck_assert_msg(status == SN_E_CORRUPT, "%s (%s)", sn_status_name(status), sn_error_detail());
    ck_assert_msg(strstr(sn_error_detail(), "packed plan") != NULL, "%s", sn_error_detail());
    ck_assert_msg(strstr(sn_error_detail(), part) != NULL, "%s", sn_error_detail());
    ck_assert_ptr_eq(plan, (sn_plan *)&ring);
}

START_TEST(pack_that_was_cut_or_changed_is_refused)
{
    static const int64_t four[] = { 2, 2, 0, 1 };
    sn_plan_options options = basic();
    options.hops = 4;
    options.fanout = four;
    sn_plan *plan = make(ring, &options), *again;
    sn__segment segment = pack(plan);
    uint64_t *copy = malloc(segment.bytes); /* aligned, and watched by sanitizers */
    ck_assert_ptr_nonnull(copy);
    for (size_t cut = 0; cut < segment.bytes; cut++) {
        uint8_t *part = malloc(cut > 0 ? cut : 1);
        ck_assert_ptr_nonnull(part);
        memcpy(part, segment.base, cut);
        ck_refused(part, cut, "bytes");
        free(part);
    }
    memcpy(copy, segment.base, segment.bytes);
    ck_assert_uint_eq(segment.bytes, 192 + 6 * 8); /* 160 + 4 * 8: no padding */
    for (size_t bit = 0; bit < 8 * segment.bytes; bit++) {
        uint8_t *byte = (uint8_t *)copy + bit / 8;
        *byte ^= (uint8_t)(1 << bit % 8);
        ck_refused((const uint8_t *)copy, segment.bytes, "");
        *byte ^= (uint8_t)(1 << bit % 8);
    }
    ck_assert_int_eq(sn__plan_unpack((const uint8_t *)copy, segment.bytes, ring, &again), SN_OK);
    sn_plan_release(again);
    sn_plan_release(plan);
    free(copy);
    drop(&segment);
}
END_TEST

START_TEST(pack_for_another_dataset_is_refused)
{
    sn_dataset *typed = small_typed();
    sn_plan_options options = basic();
    sn_plan *plan = make(ring, &options), *again;
    sn__segment segment = pack(plan);
    ck_assert_int_eq(sn__plan_unpack(segment.base, segment.bytes, typed, &again), SN_E_CORRUPT);
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "fanouts 2, expected 4"));
    sn_plan_release(plan);
    sn_dataset_release(typed);
    drop(&segment);
}
END_TEST

/* -- Bound ------------------------------------------------------------------------------------- */

static uint64_t up(uint64_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

START_TEST(bound_is_the_tree_of_the_fanouts)
{
    sn_plan_options options = basic();
    sn_plan *plan = make(ring, &options);
    /* 4 seeds, 8 and 16 neighbours: 28 nodes, 24 edges. */
    uint64_t expected = up(28 * 8) + 3 * up(24 * 8) + up(28 * RING_FEATURES * 4) + up(24 * 4) +
                        up(4 * 4) + up(4 * 8) + up(3 * 8) + up(2 * 8);
    ck_assert_uint_eq(sn__plan_bound_bytes(plan), expected);
    sn_plan_release(plan);
}
END_TEST

START_TEST(bound_stops_at_the_counts_of_the_graph)
{
    static const int64_t many[] = { -1, 50, -1 };
    sn_plan_options options = { .struct_size = sizeof options, .hops = 3, .fanout = many };
    sn_plan *plan = make(ring, &options);
    uint64_t expected =
        up(RING_NODES * 8) + 2 * up(RING_EDGES * 8) + up(RING_NODES * 8) + up(4 * 8) + up(3 * 8);
    ck_assert_uint_eq(sn__plan_bound_bytes(plan), expected);
    sn_plan_release(plan);
    options.replace = true; /* 50 picks of each of 40 nodes */
    options.fanout = many + 1;
    options.hops = 1;
    plan = make(ring, &options);
    expected = up(RING_NODES * 8) + 2 * up(50 * RING_NODES * 8) + up(RING_NODES * 8) + up(2 * 8) +
               up(1 * 8);
    ck_assert_uint_eq(sn__plan_bound_bytes(plan), expected);
    sn_plan_release(plan);
}
END_TEST

START_TEST(bound_of_a_subgraph_has_all_edges_of_types_whose_nodes_it_may_have)
{
    static const int64_t reach[] = { 1, 0 };
    const sn_plan_options options = {
        .struct_size = sizeof options, .input = &input, .batch_size = 4, .subgraph = true
    };
    sn_plan *plan = make(ring, &options);
    uint64_t expected = up(4 * 8) + 2 * up(RING_EDGES * 8) + up(4 * 8) + up(4 * 8);
    ck_assert_uint_eq(sn__plan_bound_bytes(plan), expected);
    sn_plan_release(plan);
    /* Users without hops have no item: no edge of either type. With a hop along u2i there are both. */
    sn_dataset *typed = small_typed();
    sn_plan_options of = { .struct_size = sizeof of, .batch_size = 4, .subgraph = true };
    plan = make(typed, &of);
    ck_assert_uint_eq(sn__plan_bound_bytes(plan), 3 * up(4 * 8));
    sn_plan_release(plan);
    of.hops = 1;
    of.fanout = reach;
    of.per_edge_type = true;
    plan = make(typed, &of);
    ck_assert_uint_eq(sn__plan_bound_bytes(plan), 4 * up(4 * 8) + 4 * up(RING_EDGES * 8));
    sn_plan_release(plan);
    sn_dataset_release(typed);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plan_pack");
    TCase *tests = tcase_create("plan_pack");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, hash_of_another_stream_differs_and_of_other_ranks_does_not);
    tcase_add_test(tests, hash_of_equal_plans_is_equal);
    tcase_add_test(tests, hash_depends_on_the_dataset);
    tcase_add_loop_test(tests, pack_of_a_plan_gives_the_plan, 0, 4);
    tcase_add_test(tests, pack_that_was_cut_or_changed_is_refused);
    tcase_add_test(tests, pack_for_another_dataset_is_refused);
    tcase_add_test(tests, bound_is_the_tree_of_the_fanouts);
    tcase_add_test(tests, bound_stops_at_the_counts_of_the_graph);
    tcase_add_test(tests, bound_of_a_subgraph_has_all_edges_of_types_whose_nodes_it_may_have);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
