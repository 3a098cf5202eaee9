/* SPDX-License-Identifier: Apache-2.0 */
/* Saving where a loader stands, and going on there: with other workers and other ranks; and states
 * that are refused. */
#include "base/run.h"
#include "load/stream.h"
#include "sample/small.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

typedef struct saved {
    unsigned char bytes[SN_LOADER_STATE_BYTES];
    size_t count;
} saved;

static saved save(sn_loader *loader)
{
    saved state;
    sn_status status = sn_loader_state_save(loader, state.bytes, sizeof state.bytes, &state.count);
    ck_assert_msg(status == SN_OK, "%s", sn_error_detail());
    ck_assert_uint_eq(state.count, 64);
    return state;
}

static void skip(sn_loader *loader, int64_t count)
{
    sn_batch *batch;
    for (int64_t i = 0; i < count; i++) {
        ck_assert_int_eq(sn_loader_next(loader, SN_WAIT_DEFAULT, &batch), SN_OK);
        sn_batch_release(batch);
    }
}

/* Configuration _i saves after each number of batches; one of another number of workers goes on. */
START_TEST(state_saved_after_any_batch_goes_on_in_another_loader)
{
    for (int p = 0; p < LOAD_PLANS; p++) {
        sn_plan *plan = load_plan(p, NULL);
        sn_loader *from = load_create(_i, plan), *to = load_create((_i + 3) % LOAD_CONFIGS, plan);
        if (to == NULL)
            to = load_create(0, plan);
        sn_sampler *sampler = load_sampler(plan);
        int64_t steps = sn_plan_num_steps(plan);
        for (int64_t taken = 0; from != NULL && taken <= steps; taken += 1 + steps / 6) {
            ck_assert_int_eq(sn_loader_begin(from, 4), SN_OK);
            skip(from, taken);
            saved state = save(from);
            ck_assert_int_eq(sn_loader_state_restore(to, state.bytes, state.count), SN_OK);
            load_expect_steps(to, sampler, 4, taken, steps);
        }
        sn_sampler_release(sampler);
        sn_loader_release(from);
        sn_loader_release(to);
        sn_plan_release(plan);
    }
}
END_TEST

/* `before` ranks take `taken` batches each from `start` on; `after` ranks share what is left. */
static void expect_shared(int64_t before, int64_t after, int64_t start, int64_t end, int64_t taken,
                          sn_uneven uneven)
{
    saved first = { 0 };
    int seen[48] = { 0 };
    for (int64_t rank = 0; rank < before; rank++) {
        sn_plan *plan =
            load_plan(5, &(sn_plan_options){ .rank = rank, .world = before, .uneven = uneven });
        sn_loader *loader = load_create(0, plan);
        ck_assert_int_eq(sn_loader_begin_at(loader, 1, start, end), SN_OK);
        skip(loader, taken);
        saved state = save(loader);
        if (rank == 0)
            first = state;
        ck_assert_mem_eq(state.bytes, first.bytes, 64); /* every rank saves the same */
        sn_loader_release(loader);
        sn_plan_release(plan);
    }
    for (int64_t rank = 0; rank < after; rank++) {
        sn_plan *plan =
            load_plan(5, &(sn_plan_options){ .rank = rank, .world = after, .uneven = uneven });
        sn_loader *loader = load_create(0, plan);
        sn_batch *batch;
        ck_assert_int_eq(sn_loader_state_restore(loader, first.bytes, first.count), SN_OK);
        while (sn_loader_next(loader, SN_WAIT_DEFAULT, &batch) == SN_OK) {
            seen[sn_batch_get_info(batch).batch]++;
            ck_assert_uint_eq(sn_batch_get_info(batch).epoch, 1);
            sn_batch_release(batch);
        }
        sn_loader_release(loader);
        sn_plan_release(plan);
    }
    int64_t last = end == -1 ? 40 : end;
    for (int64_t i = 0; i < 40; i++)
        ck_assert_int_eq(seen[i], i >= start + taken * before && i < last);
}

START_TEST(state_of_some_ranks_goes_on_with_any_number_of_ranks)
{
    expect_shared(1, 3, 0, -1, 7, SN_UNEVEN_SHORT);
    expect_shared(3, 1, 0, -1, 5, SN_UNEVEN_SHORT);
    expect_shared(4, 2, 0, -1, 0, SN_UNEVEN_SHORT);
    expect_shared(4, 5, 0, -1, 10, SN_UNEVEN_DROP);
    expect_shared(4, 3, 5, -1, 2, SN_UNEVEN_SHORT); /* 5 is in the middle of a round */
    expect_shared(2, 4, 3, 21, 6, SN_UNEVEN_SHORT); /* the range's end goes on too */
    expect_shared(2, 3, 3, 21, 9, SN_UNEVEN_SHORT);
    expect_shared(8, 1, 40, -1, 0, SN_UNEVEN_PAD);
}
END_TEST

START_TEST(state_beyond_the_epoch_of_fewer_ranks_is_at_its_end)
{
    sn_plan *many = load_plan(5, &(sn_plan_options){ .world = 12, .uneven = SN_UNEVEN_PAD });
    sn_plan *one = load_plan(5, NULL);
    sn_loader *from = load_create(0, many), *to = load_create(0, one);
    sn_batch *batch;
    ck_assert_int_eq(sn_loader_begin_at(from, 0, 0, 48), SN_OK);
    skip(from, 4); /* position 48 of 40 */
    saved state = save(from);
    ck_assert_int_eq(sn_loader_state_restore(to, state.bytes, 64), SN_OK);
    ck_assert_int_eq(sn_loader_next(to, SN_WAIT_DEFAULT, &batch), SN_E_END);
    sn_loader_release(from);
    sn_loader_release(to);
    sn_plan_release(many);
    sn_plan_release(one);
}
END_TEST

/* -- Refusals ---------------------------------------------------------------------------------- */

static void expect_refusal(sn_loader *loader, const saved *state, size_t bytes, sn_status status,
                           const char *detail)
{
    sn_batch *batch;
    ck_assert_int_eq(sn_loader_begin_at(loader, 0, 39, -1), SN_OK);
    ck_assert_int_eq(sn_loader_state_restore(loader, state->bytes, bytes), status);
    ck_assert_msg(strncmp(sn_error_detail(), detail, strlen(detail)) == 0, "%s", sn_error_detail());
    ck_assert_int_eq(sn_loader_next(loader, SN_WAIT_DEFAULT, &batch), SN_OK); /* goes on */
    ck_assert_uint_eq(sn_batch_get_info(batch).batch, 39);
    sn_batch_release(batch);
}

static void seal(saved *state)
{
    XXH64_hash_t checksum = XXH3_64bits(state->bytes, 56);
    memcpy(state->bytes + 56, &checksum, sizeof checksum);
}

START_TEST(state_that_is_none_or_damaged_is_refused)
{
    sn_plan *plan = load_plan(5, NULL);
    sn_loader *loader = load_create(0, plan);
    ck_assert_int_eq(sn_loader_begin(loader, 0), SN_OK);
    saved good = save(loader), bad = good;
    expect_refusal(loader, &good, 0, SN_E_FORMAT, "loader state: 0 bytes are none");
    expect_refusal(loader, &good, 7, SN_E_FORMAT, "loader state: 7 bytes are none");
    expect_refusal(loader, &good, 63, SN_E_FORMAT, "loader state: 63 bytes instead of 64");
    bad.bytes[0]++;
    expect_refusal(loader, &bad, 64, SN_E_FORMAT, "loader state: does not begin like one");
    bad = good;
    bad.bytes[4] = 9;
    expect_refusal(loader, &bad, 64, SN_E_VERSION, "loader state: version 9, this library reads 1");
    for (int i = 8; i < 64; i++) {
        bad = good;
        bad.bytes[i] ^= 0x10;
        expect_refusal(loader, &bad, 64, SN_E_CORRUPT, "loader state: damaged");
    }
    bad = good;
    bad.bytes[47] = 0x80; /* a negative position, sealed by an enemy */
    seal(&bad);
    expect_refusal(loader, &bad, 64, SN_E_RANGE, "loader: start -9223372036854775808");
    ck_assert_int_eq(sn_loader_state_restore(loader, NULL, 64), SN_E_FORMAT);
    sn_loader_release(loader);
    sn_plan_release(plan);
}
END_TEST

START_TEST(state_of_another_dataset_plan_or_seed_is_refused)
{
    static const int64_t two[] = { 2, 2 }, three[] = { 2, 3 };
    static const struct {
        sn_plan_options options;
        const char *detail;
        bool typed;
    } table[] = {
        { { .seed = 12, .batch_size = 1, .hops = 2, .fanout = two },
          "loader state: of seed 11, this plan has 12",
          false },
        { { .seed = 11, .batch_size = 1, .hops = 2, .fanout = three },
          "loader state: of another plan (",
          false },
        { { .seed = 11, .batch_size = 1, .hops = 2, .fanout = two, .shuffle = true },
          "loader state: of another plan (",
          false },
        { { .seed = 11, .batch_size = 1, .hops = 2, .fanout = two },
          "loader state: of another dataset (",
          true },
    };
    sn_dataset *ring = small_ring(), *typed = small_typed();
    sn_plan *plan;
    ck_assert_int_eq(
        sn_plan_create(ring, SN_PLAN_OPTIONS(.seed = 11, .batch_size = 1, .hops = 2, .fanout = two),
                       &plan),
        SN_OK);
    sn_loader *loader = load_create(0, plan);
    ck_assert_int_eq(sn_loader_begin(loader, 0), SN_OK);
    saved state = save(loader);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        sn_plan_options options = table[i].options;
        sn_plan *other;
        options.struct_size = sizeof options;
        ck_assert_int_eq(sn_plan_create(table[i].typed ? typed : ring, &options, &other), SN_OK);
        sn_loader *to = load_create(0, other);
        expect_refusal(to, &state, state.count, SN_E_INVALID, table[i].detail);
        sn_loader_release(to);
        sn_plan_release(other);
    }
    sn_loader_release(loader);
    sn_plan_release(plan);
    sn_dataset_release(ring);
    sn_dataset_release(typed);
}
END_TEST

START_TEST(state_that_cannot_be_saved_is_an_error_and_writes_nothing)
{
    sn_plan *plan = load_plan(5, NULL);
    sn_loader *loader = load_create(0, plan);
    unsigned char bytes[64] = { 7 };
    size_t count = 99;
    ck_assert_int_eq(sn_loader_state_save(loader, bytes, 64, &count), SN_E_INVALID);
    ck_assert_str_eq(sn_error_detail(), "loader state: no epoch was begun");
    ck_assert_int_eq(sn_loader_begin(loader, 0), SN_OK);
    ck_assert_int_eq(sn_loader_state_save(loader, bytes, 63, &count), SN_E_INVALID);
    ck_assert_str_eq(sn_error_detail(), "loader state: 64 bytes are needed, 63 are given");
    ck_assert_int_eq(sn_loader_state_save(loader, NULL, 64, &count), SN_E_INVALID);
    ck_assert_int_eq(sn_loader_state_save(loader, bytes, 64, NULL), SN_E_INVALID);
    ck_assert_int_eq(bytes[0], 7);
    ck_assert_uint_eq(count, 99);
    saved state = save(loader);
    sn_loader_shutdown(loader);
    saved later = save(loader); /* also of a loader that is shut down */
    ck_assert_mem_eq(state.bytes, later.bytes, 64);
    ck_assert_int_eq(sn_loader_state_restore(loader, state.bytes, 64), SN_E_CLOSED);
    sn_loader_release(loader);
    sn_plan_release(plan);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("loader state");
    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, state_saved_after_any_batch_goes_on_in_another_loader, 0,
                        LOAD_CONFIGS);
    tcase_add_test(cases, state_of_some_ranks_goes_on_with_any_number_of_ranks);
    tcase_add_test(cases, state_beyond_the_epoch_of_fewer_ranks_is_at_its_end);
    tcase_add_test(cases, state_that_is_none_or_damaged_is_refused);
    tcase_add_test(cases, state_of_another_dataset_plan_or_seed_is_refused);
    tcase_add_test(cases, state_that_cannot_be_saved_is_an_error_and_writes_nothing);
    return run_cases("loader state", cases);
}
