/* SPDX-License-Identifier: Apache-2.0 */
/* What every loader does, however its batches are made: each case runs over all configurations. */
#include "base/run.h"
#include "load/stream.h"
#include "support/scale.h"

#include <pthread.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

START_TEST(loader_delivers_epochs_in_order_with_the_digests_of_the_sampler)
{
    for (int p = 0; p < LOAD_PLANS; p++) {
        sn_plan *plan = load_plan(p, NULL);
        sn_loader *loader = load_create(_i, plan);
        sn_sampler *sampler = load_sampler(plan);
        static const uint64_t epochs[] = { 0, 1, 7, 7, UINT64_MAX };
        for (int e = 0; e < 5; e++) {
            ck_assert_int_eq(sn_loader_begin(loader, epochs[e]), SN_OK);
            load_expect_steps(loader, sampler, epochs[e], 0, sn_plan_num_steps(plan));
        }
        sn_sampler_release(sampler);
        sn_loader_release(loader);
        sn_plan_release(plan);
    }
}
END_TEST

START_TEST(loader_before_a_begin_is_at_the_end)
{
    sn_plan *plan = load_plan(0, NULL);
    sn_loader *loader = load_create(_i, plan);
    sn_batch *batch;
    ck_assert_int_eq(sn_loader_next(loader, SN_WAIT_DEFAULT, &batch), SN_E_END);
    ck_assert_int_eq(sn_loader_next(loader, 0, &batch), SN_E_END);
    sn_loader_release(loader);
    sn_plan_release(plan);
}
END_TEST

/* Runs that are left at every step, for another epoch, the same one, or another range. */
START_TEST(loader_left_in_the_middle_begins_anew)
{
    sn_plan *plan = load_plan(0, NULL);
    sn_loader *loader = load_create(_i, plan);
    sn_sampler *sampler = load_sampler(plan);
    int64_t steps = sn_plan_num_steps(plan);
    for (int64_t taken = 0; taken <= steps; taken++) {
        ck_assert_int_eq(sn_loader_begin(loader, (uint64_t)taken), SN_OK);
        for (int64_t step = 0; step < taken; step++)
            load_expect_step(loader, sampler, (uint64_t)taken, step);
    }
    for (int repeat = 0; repeat < 20; repeat++) /* faster than anything can be made */
        ck_assert_int_eq(sn_loader_begin(loader, (uint64_t)repeat), SN_OK);
    load_expect_steps(loader, sampler, 19, 0, steps);
    sn_sampler_release(sampler);
    sn_loader_release(loader);
    sn_plan_release(plan);
}
END_TEST

/* All ranges, for ranks alone and among others, against sn_plan_step. */
START_TEST(loader_range_holds_the_positions_from_start_up_to_end)
{
    static const sn_plan_options shares[] = {
        { .world = 1 },
        { .world = 3, .rank = 1 },
        { .world = 4, .rank = 3, .uneven = SN_UNEVEN_PAD },
        { .world = 4, .rank = 0, .uneven = SN_UNEVEN_DROP },
    };
    for (int s = 0; s < 4; s++) {
        sn_plan *plan = load_plan(1, &shares[s]); /* 10 batches */
        sn_loader *loader = load_create(_i, plan);
        sn_sampler *sampler = load_sampler(plan);
        int64_t positions = shares[s].uneven == SN_UNEVEN_PAD ? 12 : 10;
        int64_t limit = shares[s].uneven == SN_UNEVEN_DROP ? 8 : positions;
        int64_t stride = load_configs[_i].workers == 0 ? 1 : 3; /* processes: fewer ranges */
        for (int64_t start = 0; start <= positions; start += stride)
            for (int64_t end = start - 1; end <= positions; end += stride) {
                int64_t stop = end < start || end > limit ? limit : end, first = 0, last = 0;
                int64_t asked = end < start ? -1 : end;
                for (int64_t step = 0; step < sn_plan_num_steps(plan); step++) {
                    int64_t position = shares[s].rank + step * shares[s].world;
                    first += position < start;
                    last += position < stop;
                }
                ck_assert_int_eq(sn_loader_begin_at(loader, 2, start, asked), SN_OK);
                load_expect_steps(loader, sampler, 2, first, last);
            }
        ck_assert_int_eq(sn_loader_begin_at(loader, 0, -1, -1), SN_E_RANGE);
        ck_assert_int_eq(sn_loader_begin_at(loader, 0, positions + 1, -1), SN_E_RANGE);
        ck_assert_str_eq(sn_error_detail(), positions == 12
                                                ? "loader: start 13, the epoch has 12 batches"
                                                : "loader: start 11, the epoch has 10 batches");
        ck_assert_int_eq(sn_loader_begin_at(loader, 0, 4, 3), SN_E_RANGE);
        ck_assert_int_eq(sn_loader_begin_at(loader, 0, 4, -2), SN_E_RANGE);
        ck_assert_int_eq(sn_loader_begin_at(loader, 0, 4, positions + 1), SN_E_RANGE);
        sn_sampler_release(sampler);
        sn_loader_release(loader);
        sn_plan_release(plan);
    }
}
END_TEST

/* -- Batches ----------------------------------------------------------------------------------- */

/* A consumer may keep every batch, and they outlive loader and plan, in any order. */
START_TEST(batches_that_are_all_kept_stay_as_they_were)
{
    enum { MOST = 20 };
    sn_batch *kept[MOST];
    uint64_t digests[MOST];
    int count = 0;
    sn_plan *plan = load_plan(2, NULL);
    sn_loader *loader = load_create(_i, plan);
    for (uint64_t epoch = 0; epoch < 2; epoch++) {
        ck_assert_int_eq(sn_loader_begin(loader, epoch), SN_OK);
        while (sn_loader_next(loader, SN_WAIT_DEFAULT, &kept[count]) == SN_OK) {
            digests[count] = sn_batch_digest(kept[count]);
            count++;
        }
    }
    ck_assert_int_eq(count, 2 * sn_plan_num_steps(plan));
    sn_plan_release(plan);
    for (int i = 0; i < count; i += 3) {
        ck_assert_uint_eq(sn_batch_digest(kept[i]), digests[i]);
        sn_batch_release(kept[i]);
    }
    sn_loader_release(loader);
    for (int i = count; i-- > 0;)
        if (i % 3 != 0) {
            ck_assert_uint_eq(sn_batch_digest(kept[i]), digests[i]);
            sn_batch_release(kept[i]);
        }
}
END_TEST

START_TEST(dlpack_tensor_outlives_loader_batch_and_plan)
{
    sn_plan *plan = load_plan(2, NULL);
    sn_loader *loader = load_create(_i, plan);
    sn_batch *batch;
    DLManagedTensorVersioned *tensor;
    ck_assert_int_eq(sn_loader_begin(loader, 0), SN_OK);
    ck_assert_int_eq(sn_loader_next(loader, SN_WAIT_DEFAULT, &batch), SN_OK);
    const float *x = sn_batch_find(batch, "x")->data;
    const int64_t *node = sn_batch_find(batch, "node")->data;
    ck_assert_float_eq(x[0], (float)node[0]);
    float first = x[0];
    ck_assert_int_eq(sn_batch_to_dlpack(batch, "x", &tensor), SN_OK);
    sn_batch_release(batch);
    sn_loader_release(loader);
    sn_plan_release(plan);
    ck_assert_ptr_eq(tensor->dl_tensor.data, x);
    ck_assert_float_eq(((const float *)tensor->dl_tensor.data)[0], first);
    tensor->deleter(tensor);
}
END_TEST

/* -- Several ----------------------------------------------------------------------------------- */

START_TEST(loaders_at_once_do_not_disturb_each_other)
{
    enum { LOADERS = 3 };
    sn_plan *plans[LOADERS];
    sn_loader *loaders[LOADERS];
    sn_sampler *samplers[LOADERS];
    for (int i = 0; i < LOADERS; i++) {
        plans[i] = load_plan(i == 2 ? 0 : i, NULL); /* the first and the last alike */
        loaders[i] = load_create(_i, plans[i]);
        if (loaders[i] == NULL) {
            ck_assert_int_eq(i, 0);
            sn_plan_release(plans[0]);
            return;
        }
        samplers[i] = load_sampler(plans[i]);
        ck_assert_int_eq(sn_loader_begin(loaders[i], (uint64_t)i), SN_OK);
    }
    for (int64_t step = 0; step < 10; step++)
        for (int i = 0; i < LOADERS; i++)
            load_expect_step(loaders[i], samplers[i], (uint64_t)i, step);
    for (int i = 0; i < LOADERS; i++) {
        sn_sampler_release(samplers[i]);
        sn_loader_release(loaders[i]);
        sn_plan_release(plans[i]);
    }
}
END_TEST

typedef struct taker {
    sn_loader *loader;
    uint64_t seen; /* a bit per batch */
    int disorder;
    sn_status last;
} taker;

static void *take_all(void *argument)
{
    taker *self = argument;
    sn_batch *batch;
    int64_t before = -1;
    while ((self->last = sn_loader_next(self->loader, SN_WAIT_DEFAULT, &batch)) == SN_OK) {
        int64_t number = (int64_t)sn_batch_get_info(batch).batch;
        self->disorder += number <= before;
        self->seen |= (uint64_t)1 << number;
        before = number;
        sn_batch_release(batch);
    }
    return NULL;
}

START_TEST(loader_of_several_threads_gives_each_batch_to_one)
{
    enum { TAKERS = 4 };
    sn_plan *plan = load_plan(5, NULL); /* 40 batches */
    sn_loader *loader = load_create(_i, plan);
    for (uint64_t epoch = 0; epoch < 10; epoch++) {
        pthread_t threads[TAKERS];
        taker takers[TAKERS];
        uint64_t all = 0;
        ck_assert_int_eq(sn_loader_begin(loader, epoch), SN_OK);
        for (int i = 0; i < TAKERS; i++) {
            takers[i] = (taker){ .loader = loader };
            ck_assert_int_eq(pthread_create(&threads[i], NULL, take_all, &takers[i]), 0);
        }
        for (int i = 0; i < TAKERS; i++) {
            pthread_join(threads[i], NULL);
            ck_assert_int_eq(takers[i].last, SN_E_END);
            ck_assert_int_eq(takers[i].disorder, 0);
            ck_assert_uint_eq(all & takers[i].seen, 0);
            all |= takers[i].seen;
        }
        ck_assert_uint_eq(all, ((uint64_t)1 << 40) - 1);
    }
    sn_loader_release(loader);
    sn_plan_release(plan);
}
END_TEST

/* -- Ends -------------------------------------------------------------------------------------- */

static void *take_epochs(void *argument)
{
    taker *self = argument;
    sn_batch *batch;
    for (uint64_t epoch = 0; self->last != SN_E_CLOSED; epoch++) {
        self->last = sn_loader_begin(self->loader, epoch);
        while (self->last == SN_OK) {
            self->last = sn_loader_next(self->loader, SN_WAIT_DEFAULT, &batch);
            if (self->last == SN_OK)
                sn_batch_release(batch);
        }
        if (self->last != SN_E_END)
            break;
    }
    return NULL;
}

START_TEST(loader_shut_down_at_any_moment_answers_closed)
{
    enum { TAKERS = 3 };
    for (int64_t repeat = 0; repeat < sn_test_scale(40); repeat++) {
        pthread_t threads[TAKERS];
        taker takers[TAKERS];
        sn_plan *plan = load_plan(0, NULL);
        sn_loader *loader = load_create(_i, plan);
        for (int i = 0; i < TAKERS; i++) {
            takers[i] = (taker){ .loader = loader };
            ck_assert_int_eq(pthread_create(&threads[i], NULL, take_epochs, &takers[i]), 0);
        }
        struct timespec pause = { .tv_nsec = (long)(repeat * 977 % 40) * 50000 };
        nanosleep(&pause, NULL);
        sn_loader_shutdown(loader);
        sn_batch *batch;
        ck_assert_int_eq(sn_loader_next(loader, 0, &batch), SN_E_CLOSED);
        ck_assert_int_eq(sn_loader_begin(loader, 0), SN_E_CLOSED);
        for (int i = 0; i < TAKERS; i++) {
            pthread_join(threads[i], NULL);
            ck_assert_msg(takers[i].last == SN_E_CLOSED, "%s", sn_status_name(takers[i].last));
        }
        sn_loader_shutdown(loader); /* once more is fine */
        sn_loader_release(loader);
        sn_plan_release(plan);
    }
}
END_TEST

/* The child of a fork owns nothing of the loader, and its parent does not notice it. */
START_TEST(loader_in_a_forked_child_refuses_and_the_parent_goes_on)
{
    sn_plan *plan = load_plan(0, NULL);
    sn_loader *loader = load_create(_i, plan);
    sn_sampler *sampler = load_sampler(plan);
    ck_assert_int_eq(sn_loader_begin(loader, 3), SN_OK);
    load_expect_step(loader, sampler, 3, 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        sn_batch *batch;
        sn_loader_stats stats = { .batches = 99 };
        char state[SN_LOADER_STATE_BYTES];
        size_t bytes;
        int wrong = sn_loader_next(loader, SN_WAIT_DEFAULT, &batch) != SN_E_INVALID;
        wrong += sn_loader_begin(loader, 0) != SN_E_INVALID;
        wrong += sn_loader_begin_at(loader, 0, 0, 1) != SN_E_INVALID;
        wrong += sn_loader_state_save(loader, state, sizeof state, &bytes) != SN_E_INVALID;
        wrong += sn_loader_state_restore(loader, state, sizeof state) != SN_E_INVALID;
        sn_loader_get_stats(loader, &stats);
        wrong += stats.batches != 0;
        sn_loader_shutdown(loader);
        sn_loader_release(loader);
        _exit(wrong);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
    load_expect_step(loader, sampler, 3, 1);
    ck_assert_int_eq(sn_loader_begin(loader, 4), SN_OK);
    load_expect_steps(loader, sampler, 4, 0, sn_plan_num_steps(plan));
    sn_sampler_release(sampler);
    sn_loader_release(loader);
    sn_plan_release(plan);
}
END_TEST

START_TEST(loader_without_steps_is_at_its_end_at_once)
{
    sn_plan *plan = load_plan(1, &(sn_plan_options){ .world = 20, .rank = 15 });
    sn_loader *loader = load_create(_i, plan);
    sn_batch *batch;
    ck_assert_int_eq(sn_loader_begin(loader, 0), SN_OK);
    ck_assert_int_eq(sn_loader_next(loader, SN_WAIT_DEFAULT, &batch), SN_E_END);
    sn_loader_release(loader);
    sn_plan_release(plan);
}
END_TEST

START_TEST(loader_statistics_count_what_was_delivered)
{
    sn_plan *plan = load_plan(2, NULL); /* 6 batches */
    sn_loader *loader = load_create(_i, plan);
    sn_loader_stats stats;
    sn_batch *batch;
    int64_t bytes = 0;
    ck_assert_int_eq(sn_loader_begin_at(loader, 9, 1, 5), SN_OK);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(sn_loader_next(loader, SN_WAIT_DEFAULT, &batch), SN_OK);
        for (int32_t t = 0; t < sn_batch_get_info(batch).tensors; t++)
            bytes += sn_tensor_bytes(sn_batch_tensor(batch, t, NULL));
        sn_batch_release(batch);
    }
    for (int shut_down = 0; shut_down < 2; shut_down++) {
        sn_loader_get_stats(loader, &stats);
        ck_assert_uint_eq(stats.flags & ~(uint32_t)SN_STATS_WAITING, 0);
        ck_assert_int_eq(stats.workers, load_configs[_i].workers);
        ck_assert_int_eq(stats.lanes, load_configs[_i].workers * load_configs[_i].concurrency);
        ck_assert_uint_eq(stats.epoch, 9);
        ck_assert_uint_eq(stats.position, 4);
        ck_assert_uint_eq(stats.end, 5);
        ck_assert_uint_eq(stats.batches, 3);
        ck_assert_uint_ge(stats.bytes, (uint64_t)bytes);
        ck_assert_uint_gt(stats.sample_ns, 0);
        ck_assert_uint_eq(stats.restarts, 0);
        sn_loader_shutdown(loader);
    }
    sn_loader_release(loader);
    sn_plan_release(plan);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("loader");
    tcase_set_timeout(cases, 100);
#define OVER_ALL(name) tcase_add_loop_test(cases, name, 0, LOAD_CONFIGS)
    OVER_ALL(loader_delivers_epochs_in_order_with_the_digests_of_the_sampler);
    OVER_ALL(loader_before_a_begin_is_at_the_end);
    OVER_ALL(loader_left_in_the_middle_begins_anew);
    OVER_ALL(loader_range_holds_the_positions_from_start_up_to_end);
    OVER_ALL(batches_that_are_all_kept_stay_as_they_were);
    OVER_ALL(dlpack_tensor_outlives_loader_batch_and_plan);
    OVER_ALL(loaders_at_once_do_not_disturb_each_other);
    OVER_ALL(loader_of_several_threads_gives_each_batch_to_one);
    OVER_ALL(loader_shut_down_at_any_moment_answers_closed);
    OVER_ALL(loader_in_a_forked_child_refuses_and_the_parent_goes_on);
    OVER_ALL(loader_without_steps_is_at_its_end_at_once);
    OVER_ALL(loader_statistics_count_what_was_delivered);
    return run_cases("loader", cases);
}
