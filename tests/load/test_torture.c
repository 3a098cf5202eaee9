/* SPDX-License-Identifier: Apache-2.0 */
/* Whichever allocation fails, and whenever: a loader without workers is made whole or not at all, an
 * epoch that lacks memory ends with that error, and the next one begins as if nothing had been.
 * Every function of data/support/faults.h is wrapped, and pthread_cond_init. */
#include "base/run.h"
#include "data/support/faults.h"
#include "load/stream.h"

#include <errno.h>
#include <pthread.h>

static bool cond_fails;

int __real_pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes);
int __wrap_pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes);
int __wrap_pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes)
{
    return cond_fails ? EAGAIN : __real_pthread_cond_init(condition, attributes);
}

static const enum fault faults[] = { FAULT_calloc, FAULT_realloc, FAULT_mmap };
enum { FAULTS_TRIED = sizeof faults / sizeof faults[0] };

START_TEST(loader_when_an_allocation_fails_is_not_made)
{
    sn_plan *plan = load_plan(2, NULL);
    for (int n = 1;; n++) {
        sn_loader *loader = NULL;
        fault_arm(faults[_i], n, 0, ENOMEM);
        sn_status status = sn_node_loader_create(plan, NULL, &loader);
        if (fault_disarm() == 0) {
            ck_assert_int_eq(status, SN_OK);
            ck_assert_int_gt(n, _i == 1 ? 0 : 1); /* something was tried */
            sn_loader_release(loader);
            break;
        }
        ck_assert_int_eq(status, SN_E_NOMEM);
        ck_assert_str_ne(sn_error_detail(), "");
        ck_assert_ptr_null(loader);
    }
    sn_plan_release(plan);
}
END_TEST

START_TEST(loader_without_a_condition_variable_is_not_made)
{
    sn_plan *plan = load_plan(2, NULL);
    sn_loader *loader = NULL;
    cond_fails = true;
    ck_assert_int_eq(sn_node_loader_create(plan, NULL, &loader), SN_E_SYSTEM);
    ck_assert_str_eq(sn_error_detail(),
                     "loader: condition variable: Resource temporarily unavailable");
    ck_assert_ptr_null(loader);
    sn_plan_release(plan);
}
END_TEST

START_TEST(epoch_that_lacks_memory_ends_with_that_error_and_the_next_is_whole)
{
    sn_plan *plan = load_plan(2, NULL);
    sn_sampler *sampler = load_sampler(plan);
    for (int n = 1;; n++) {
        sn_loader *loader = load_create(0, plan);
        sn_batch *batch;
        sn_status status;
        ck_assert_int_eq(sn_loader_begin(loader, 1), SN_OK);
        fault_arm(faults[_i], n, 0, ENOMEM);
        while ((status = sn_loader_next(loader, SN_WAIT_DEFAULT, &batch)) == SN_OK)
            sn_batch_release(batch);
        int failed = fault_disarm();
        ck_assert_int_eq(status, failed > 0 ? SN_E_NOMEM : SN_E_END);
        ck_assert_int_eq(sn_loader_next(loader, 0, &batch), status);
        ck_assert_int_eq(sn_loader_begin(loader, 2), SN_OK);
        load_expect_steps(loader, sampler, 2, 0, sn_plan_num_steps(plan));
        sn_loader_release(loader);
        if (failed == 0)
            break;
    }
    sn_sampler_release(sampler);
    sn_plan_release(plan);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("loader torture");
    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, loader_when_an_allocation_fails_is_not_made, 0, FAULTS_TRIED);
    tcase_add_test(cases, loader_without_a_condition_variable_is_not_made);
    tcase_add_loop_test(cases, epoch_that_lacks_memory_ends_with_that_error_and_the_next_is_whole,
                        0, FAULTS_TRIED);
    return run_cases("loader torture", cases);
}
