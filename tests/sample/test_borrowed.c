/* SPDX-License-Identifier: Apache-2.0 */
/* Batches in memory of a lender: given back once, in any order, from any thread; and which views of
 * a peer are believed. */
#include "small.h"

#include "engine/sample/batch.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 512 };

/* Counts how often each loan came back. */
typedef struct counter {
    sn__lender lender; /* first: the hook gets its address */
    _Atomic int returned[MOST];
    _Atomic int wrong;
} counter;

static counter loans;
static sn_plan *plan;
static sn__batch_pool *pool;

static void give_back(sn__lender *lender, uint64_t what, uint64_t where)
{
    counter *c = (counter *)lender;
    if (what >= MOST || where != what * 3 + 1)
        atomic_fetch_add(&c->wrong, 1);
    else
        atomic_fetch_add(&c->returned[what], 1);
}

static void setup(void)
{
    static const int64_t two[] = { 2, 2 };
    sn_dataset *ring = small_ring();
    ck_assert_int_eq(
        sn_plan_create(ring,
                       SN_PLAN_OPTIONS(.batch_size = 4, .hops = 2, .fanout = two, .with_edge = true,
                                       .features = true, .labels = SN_LABELS_ALL),
                       &plan),
        SN_OK);
    sn_dataset_release(ring);
    ck_assert_int_eq(sn__batch_pool_create(SN__POOL_ALL, &pool), SN_OK);
    loans.lender.give_back = give_back;
}

static void teardown(void)
{
    sn__batch_pool_release(pool);
    sn_plan_release(plan);
}

static sn_batch *borrow(uint64_t what)
{
    sn_batch *batch;
    sn__loan loan = { .lender = &loans.lender, .what = what, .where = what * 3 + 1 };
    ck_assert_int_eq(sn__batch_pool_borrow(pool, plan, &loan, &batch), SN_OK);
    return batch;
}

static void ck_returned(uint64_t what, int times)
{
    ck_assert_int_eq(atomic_load(&loans.returned[what]), times);
    ck_assert_int_eq(atomic_load(&loans.wrong), 0);
}

START_TEST(borrowed_batch_shows_memory_of_its_lender)
{
    static int64_t nodes[] = { 3, 1, 4, 1, 5 };
    sn_batch *batch = borrow(0);
    ck_assert_int_eq(sn_batch_get_info(batch).tensors, plan->num_tensors);
    for (int32_t i = 0; i < plan->num_tensors; i++)
        batch->tensors[i] = (sn_tensor){ nodes, { SN_INT, 64 }, 1, { 5, 1, 1, 1 } };
    batch->info.epoch = 17;
    ck_assert_ptr_eq(sn_batch_find(batch, "node")->data, nodes);
    ck_assert_uint_eq(sn_batch_get_info(batch).epoch, 17);
    DLManagedTensorVersioned *tensor;
    ck_assert_int_eq(sn_batch_to_dlpack(batch, "node", &tensor), SN_OK);
    sn_batch_release(sn_batch_retain(batch));
    sn_batch_release(batch);
    ck_returned(0, 0);
    ck_assert_ptr_eq(tensor->dl_tensor.data, nodes);
    tensor->deleter(tensor);
    ck_returned(0, 1);
}
END_TEST

START_TEST(borrowed_batches_return_once_in_any_order)
{
    sn_batch *held[MOST];
    for (uint64_t i = 0; i < MOST; i++)
        held[i] = borrow(i);
    for (uint64_t i = 0; i < MOST; i++) {
        uint64_t which = i * 77 % MOST; /* 77 and 512 have no common factor */
        sn_batch_release(held[which]);
        ck_returned(which, 1);
    }
    for (uint64_t i = 0; i < MOST; i++)
        ck_returned(i, 1);
}
END_TEST

START_TEST(borrowed_batches_allocate_nothing_in_a_steady_stream)
{
    enum { HELD = 40 };
    sn_batch *first[HELD], *again[HELD];
    for (uint64_t i = 0; i < HELD; i++)
        first[i] = borrow(i);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < HELD; i++)
            sn_batch_release(round == 0 ? first[i] : again[i]);
        for (int i = 0; i < HELD; i++) {
            bool known = false;
            again[i] = borrow(0);
            for (int j = 0; j < HELD; j++)
                known = known || again[i] == first[j];
            ck_assert(known);
        }
    }
    for (int i = 0; i < HELD; i++)
        sn_batch_release(again[i]);
}
END_TEST

/* The pool and the plan may go before the batches: the lender hears of each all the same. */
START_TEST(borrowed_batch_outlives_pool_and_plan)
{
    sn_batch *a = borrow(1), *b = borrow(2);
    sn__batch_pool_release(pool);
    sn_plan_release(plan);
    pool = NULL;
    plan = NULL;
    sn_batch_release(b);
    ck_returned(2, 1);
    ck_assert_int_eq(sn_batch_get_info(a).tensors, a->plan->num_tensors);
    sn_batch_release(a);
    ck_returned(1, 1);
}
END_TEST

enum { THREADS = 4, ROUNDS = 2000 };
static sn_batch *shared_batches[ROUNDS];

static void *release_all(void *context)
{
    (void)context;
    for (int i = 0; i < ROUNDS; i++)
        sn_batch_release(shared_batches[i]);
    return NULL;
}

START_TEST(borrowed_batch_shared_by_threads_returns_once)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < ROUNDS; i++) {
        shared_batches[i] = borrow((uint64_t)i % MOST);
        for (int t = 1; t < THREADS; t++)
            sn_batch_retain(shared_batches[i]);
    }
    for (int t = 0; t < THREADS; t++)
        ck_assert_int_eq(pthread_create(&threads[t], NULL, release_all, NULL), 0);
    for (int t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
    for (int i = 0; i < MOST; i++)
        ck_returned((uint64_t)i, ROUNDS / MOST + (i < ROUNDS % MOST));
}
END_TEST

/* Takes and returns at once in all threads: a block never belongs to two. */
static void *take_and_release(void *context)
{
    uint64_t mine = (uint64_t)(uintptr_t)context;
    for (int i = 0; i < ROUNDS; i++) {
        sn_batch *batch = borrow(mine);
        batch->info.epoch = mine;
        sn_batch *other = borrow(mine);
        other->info.epoch = mine;
        if (batch->info.epoch != mine || batch == other)
            atomic_fetch_add(&loans.wrong, 1);
        sn_batch_release(batch);
        sn_batch_release(other);
    }
    return NULL;
}

START_TEST(borrowed_batches_of_threads_do_not_mix)
{
    pthread_t threads[THREADS];
    for (uintptr_t t = 0; t < THREADS; t++)
        ck_assert_int_eq(pthread_create(&threads[t], NULL, take_and_release, (void *)t), 0);
    for (int t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
    for (uint64_t t = 0; t < THREADS; t++)
        ck_returned(t, 2 * ROUNDS);
}
END_TEST

/* -- Views of a peer --------------------------------------------------------------------------- */

static int32_t place_of(const char *name)
{
    for (int32_t i = 0; i < plan->num_tensors; i++)
        if (strcmp(plan->tensors[i].name, name) == 0)
            return i;
    ck_abort_msg("no tensor %s", name);
    return -1;
}

static void refuse(const char *name, sn_tensor view, const char *part)
{
    ck_assert_int_eq(sn__batch_check_tensor(plan, place_of(name), &view), SN_E_CORRUPT);
    ck_assert_msg(strstr(sn_error_detail(), name) != NULL, "'%s'", sn_error_detail());
    ck_assert_msg(strstr(sn_error_detail(), part) != NULL, "'%s'", sn_error_detail());
}

START_TEST(views_that_fit_the_plan_are_taken)
{
    sn_sampler *sampler;
    sn_batch *batch;
    ck_assert_int_eq(sn_sampler_create(plan, &sampler), SN_OK);
    ck_assert_int_eq(sn_sampler_sample(sampler, 0, 3, &batch), SN_OK);
    for (int32_t i = 0; i < plan->num_tensors; i++)
        ck_assert_int_eq(sn__batch_check_tensor(plan, i, sn_batch_tensor(batch, i, NULL)), SN_OK);
    sn_batch_release(batch);
    sn_sampler_release(sampler);
    sn_tensor none = { NULL, { SN_FLOAT, 32 }, 2, { 0, RING_FEATURES, 1, 1 } };
    ck_assert_int_eq(sn__batch_check_tensor(plan, place_of("x"), &none), SN_OK);
}
END_TEST

START_TEST(views_that_do_not_fit_are_refused_by_name)
{
    const sn_tensor ids = { NULL, { SN_INT, 64 }, 1, { 9, 1, 1, 1 } };
    const sn_tensor rows = { NULL, { SN_FLOAT, 32 }, 2, { 9, RING_FEATURES, 1, 1 } };
    sn_tensor bad = ids;
    bad.dtype.bits = 32;
    refuse("node", bad, "int32");
    bad.dtype = (sn_dtype){ 99, 99 };
    refuse("node", bad, "?");
    bad = ids, bad.shape[0] = -1;
    refuse("row", bad, "(-1,)");
    bad = ids, bad.shape[0] = INT64_MAX;
    refuse("col", bad, "col");
    bad = ids, bad.shape[1] = 2;
    refuse("edge", bad, "edge");
    bad = ids, bad.ndim = 2;
    refuse("batch", bad, "of 2 dimensions");
    bad = ids, bad.ndim = INT32_MAX;
    refuse("batch", bad, "of 2147483647 dimensions");
    bad = ids, bad.ndim = -1;
    refuse("batch", bad, "of -1 dimensions");
    bad = rows, bad.shape[1]++;
    refuse("x", bad, "(9, 5)");
    bad = rows, bad.ndim = 1;
    refuse("x", bad, "of 1 dimensions");
    bad = rows, bad.shape[0] = INT64_MAX / 8;
    refuse("x", bad, "x");
    bad = ids, bad.shape[0] = 4;
    refuse("num_sampled_nodes", bad, "expected int64 (3,)");
    refuse("num_sampled_edges", bad, "expected int64 (2,)");
    ck_assert_int_eq(sn__batch_check_tensor(plan, plan->num_tensors, &ids), SN_E_CORRUPT);
    ck_assert_int_eq(sn__batch_check_tensor(plan, -1, &ids), SN_E_CORRUPT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("borrowed");
    TCase *tests = tcase_create("borrowed");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, borrowed_batch_shows_memory_of_its_lender);
    tcase_add_test(tests, borrowed_batches_return_once_in_any_order);
    tcase_add_test(tests, borrowed_batches_allocate_nothing_in_a_steady_stream);
    tcase_add_test(tests, borrowed_batch_outlives_pool_and_plan);
    tcase_add_test(tests, borrowed_batch_shared_by_threads_returns_once);
    tcase_add_test(tests, borrowed_batches_of_threads_do_not_mix);
    tcase_add_test(tests, views_that_fit_the_plan_are_taken);
    tcase_add_test(tests, views_that_do_not_fit_are_refused_by_name);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
