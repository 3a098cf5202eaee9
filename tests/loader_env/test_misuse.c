/* SPDX-License-Identifier: Apache-2.0 */
/* Calls at the wrong time, with wrong things, with workers that do not answer, do not start, or have
 * given up: each has its answer, and the loader is good for what comes next. */
#include "base/run.h"

#include "loader_env/fixture.h"
#include "support/leftovers.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static uint32_t flags_of(const sn_loader *loader)
{
    sn_loader_stats stats;
    sn_loader_get_stats(loader, &stats);
    return stats.flags;
}

static void signal_all(const env_workers *workers, int number)
{
    for (int w = 0; w < workers->count; w++)
        kill(workers->pids[w], number);
}

/* -- Workers that do not answer ---------------------------------------------------------------- */

/* Takes what is there already; then each wait lasts as long as it was told to. */
static int64_t take_until_dry(sn_loader *loader, int64_t timeout_ns, sn_status dry)
{
    int64_t taken = 0, began = env_now();
    sn_batch *batch = NULL;
    sn_status status;
    while ((status = sn_loader_next(loader, timeout_ns, &batch)) == SN_OK) {
        ENV_CHECK(sn_batch_digest(batch) == stream.digests[taken++]);
        sn_batch_release(batch);
        began = env_now();
    }
    ck_assert_int_eq(status, dry);
    return env_now() - began;
}

START_TEST(next_with_workers_that_are_stopped_waits_as_long_as_it_was_told)
{
    sn_batch *batch;
    sn_loader *loader;
    ENV_OK(sn_node_loader_create(plan, SN_LOADER_OPTIONS(.workers = 2, .timeout_ns = 120 * ENV_MS),
                                 &loader));
    env_workers workers = env_workers_of(getpid(), 2);
    env_stop(&workers);
    ENV_OK(sn_loader_begin(loader, 0)); /* waits for nobody */
    ck_assert_int_eq(sn_loader_next(loader, 0, &batch), SN_E_AGAIN);
    ck_assert_int_eq(sn_loader_next(loader, 1, &batch), SN_E_TIMEOUT);
    int64_t took = take_until_dry(loader, 50 * ENV_MS, SN_E_TIMEOUT);
    ck_assert_int_ge(took, 50 * ENV_MS);
    took = take_until_dry(loader, SN_WAIT_DEFAULT, SN_E_TIMEOUT);
    ck_assert_int_ge(took, 120 * ENV_MS);
    ck_assert_uint_eq(flags_of(loader), 0); /* no failure, and nobody waits */
    ck_assert_int_eq(sn_loader_next(loader, -2, &batch), SN_E_INVALID);
    ck_assert_int_eq(sn_loader_next(loader, INT64_MIN, &batch), SN_E_INVALID);
    signal_all(&workers, SIGCONT);
    env_rest(loader, &stream, 0, 0); /* 30 s a batch */
    sn_loader_stats stats;
    sn_loader_get_stats(loader, &stats);
    ck_assert_uint_eq(stats.restarts, 0);
    ck_assert_uint_ge(stats.waits, 2);
    ck_assert_uint_ge(stats.wait_ns, 170 * ENV_MS);
    sn_loader_release(loader);
}
END_TEST

static void *shut_down_soon(void *loader)
{
    env_sleep(100 * ENV_MS);
    sn_loader_shutdown(loader);
    return NULL;
}

START_TEST(loader_with_workers_that_are_stopped_is_shut_down_at_once)
{
    sn_batch *batch;
    pthread_t thread;
    sn_loader *loader = env_loader(plan, 2);
    env_workers workers = env_workers_of(getpid(), 2);
    env_stop(&workers);
    ENV_OK(sn_loader_begin(loader, 0));
    pthread_create(&thread, NULL, shut_down_soon, loader);
    sn_status status = SN_OK;
    while (status == SN_OK) {
        status = sn_loader_next(loader, INT64_MAX, &batch);
        if (status == SN_OK)
            sn_batch_release(batch);
    }
    ck_assert_int_eq(status, SN_E_CLOSED);
    pthread_join(thread, NULL);
    env_expect_gone(&workers, 0); /* they were killed: they could not be asked */
    sn_loader_release(loader);
}
END_TEST

/* -- Workers that have given up ----------------------------------------------------------------- */

static void expect_failed(sn_loader *loader)
{
    sn_batch *batch;
    ck_assert_int_eq(sn_loader_next(loader, SN_WAIT_DEFAULT, &batch), SN_E_PEER_DIED);
    ck_assert_msg(strncmp(sn_error_detail(), "worker ", 7) == 0, "%s", sn_error_detail());
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "died three times in a row in gather"));
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "SIGKILL"));
    ck_assert_uint_eq(flags_of(loader) & SN_STATS_FAILED, SN_STATS_FAILED);
}

START_TEST(loader_whose_epoch_has_failed_says_so_until_the_next_begin)
{
    uint8_t state[SN_LOADER_STATE_BYTES];
    size_t bytes;
    sn_batch *batch, *held;
    sn_loader *loader;
    setenv("SEINE_TEST_WORKER", "deadly", 1); /* at ticket 5 */
    ENV_OK(sn_node_loader_create(
        plan, SN_LOADER_OPTIONS(.workers = 2, .worker_path = "./seine_env_worker"), &loader));
    ENV_OK(sn_loader_begin(loader, 0));
    held = env_next(loader, &stream, 0, 0);
    for (int64_t step = 1; step < 5; step++)
        sn_batch_release(env_next(loader, &stream, 0, step));
    expect_failed(loader);
    expect_failed(loader);
    ck_assert_int_eq(sn_loader_next(loader, 0, &batch), SN_E_PEER_DIED);
    ENV_OK(sn_loader_state_save(loader, state, sizeof state, &bytes));
    ck_assert_int_eq(sn_loader_begin_at(loader, 0, stream.steps + 1, -1), SN_E_RANGE);
    expect_failed(loader);
    ENV_OK(sn_loader_state_restore(loader, state, bytes)); /* other tickets now */
    env_rest(loader, &stream, 0, 5);
    ck_assert_uint_eq(flags_of(loader), 0);
    env_epoch(loader, &stream, 1);
    ck_assert_uint_eq(sn_batch_digest(held), stream.digests[0]);
    sn_batch_release(held);
    sn_loader_release(loader);
}
END_TEST

START_TEST(loader_whose_epoch_has_failed_can_be_shut_down_and_released)
{
    sn_batch *batch;
    sn_loader *loader;
    setenv("SEINE_TEST_WORKER", "deadly", 1);
    ENV_OK(sn_node_loader_create(
        plan, SN_LOADER_OPTIONS(.workers = 3, .worker_path = "./seine_env_worker"), &loader));
    ENV_OK(sn_loader_begin(loader, 0));
    for (int64_t step = 0; step < 5; step++)
        sn_batch_release(env_next(loader, &stream, 0, step));
    expect_failed(loader);
    sn_loader_shutdown(loader);
    ck_assert_int_eq(sn_loader_next(loader, SN_WAIT_DEFAULT, &batch), SN_E_CLOSED);
    ck_assert_int_eq(sn_loader_begin(loader, 0), SN_E_CLOSED);
    ck_assert_uint_eq(flags_of(loader) & SN_STATS_FAILED, SN_STATS_FAILED);
    sn_loader_release(loader);
}
END_TEST

/* -- Workers that do not start ------------------------------------------------------------------ */

static const struct {
    const char *path;
    sn_status status;
    const char *says;
} programs[] = {
    { "/nowhere/seine-worker", SN_E_NOT_FOUND, "/nowhere/seine-worker (worker_path)" },
    { "", SN_E_NOT_FOUND, " (worker_path) cannot be executed" },
    { "plain text", SN_E_NOT_FOUND, "plain text (worker_path)" },
    { "/proc", SN_E_NOT_FOUND, "/proc" },
    { "/bin/true", SN_E_PEER_DIED, "before its first batch: exited with code 0" },
    { "/bin/false", SN_E_PEER_DIED, "before its first batch: exited with code 1" },
};

START_TEST(loader_whose_workers_do_not_start_is_not_made)
{
    sn_loader *loader = NULL;
    ck_assert_int_eq(chdir(getenv("TMPDIR")), 0);
    FILE *text = fopen("plain text", "w");
    fclose(text);
    sn_status status = sn_node_loader_create(
        plan, SN_LOADER_OPTIONS(.workers = 2, .worker_path = programs[_i].path), &loader);
    ck_assert_msg(status == programs[_i].status, "%s: %s", programs[_i].path, sn_error_detail());
    ck_assert_msg(strstr(sn_error_detail(), programs[_i].says) != NULL, "%s", sn_error_detail());
    ck_assert_ptr_null(loader);
    ck_assert_int_eq(unlink("plain text"), 0);
}
END_TEST

/* The folder that a name is relative to is that of the creation. */
START_TEST(worker_is_found_again_though_the_user_went_elsewhere)
{
    sn_loader *loader;
    char here[4096];
    ck_assert_ptr_nonnull(getcwd(here, sizeof here));
    ENV_OK(sn_node_loader_create(
        plan, SN_LOADER_OPTIONS(.workers = 1, .worker_path = "./seine_env_worker"), &loader));
    ck_assert_int_eq(chdir("/"), 0);
    ENV_OK(sn_loader_begin(loader, 0));
    sn_batch_release(env_next(loader, &stream, 0, 0));
    env_workers workers = env_workers_of(getpid(), 1);
    signal_all(&workers, SIGKILL);
    env_rest(loader, &stream, 0, 1);
    sn_loader_release(loader);
    ck_assert_int_eq(chdir(here), 0);
}
END_TEST

/* Host programs change their environment, also from other threads. */
START_TEST(worker_that_is_started_again_has_the_environment_of_the_creation)
{
    sn_loader *loader;
    ENV_OK(sn_node_loader_create(
        plan, SN_LOADER_OPTIONS(.workers = 1, .worker_path = "./seine_env_worker"), &loader));
    setenv("SEINE_TEST_WORKER", "deadly", 1);
    ENV_OK(sn_loader_begin(loader, 0));
    sn_batch_release(env_next(loader, &stream, 0, 0));
    env_workers workers = env_workers_of(getpid(), 1);
    signal_all(&workers, SIGKILL);
    env_rest(loader, &stream, 0, 1);
    env_epoch(loader, &stream, 1);
    sn_loader_release(loader);
}
END_TEST

/* A dataset that was opened by a name relative to where the user was then. */
START_TEST(dataset_is_found_again_though_the_user_went_elsewhere)
{
    sn_dataset *dataset;
    char here[4096], program[4200];
    ck_assert_ptr_nonnull(getcwd(here, sizeof here));
    snprintf(program, sizeof program, "%s/seine_env_worker", here);
    sn_plan_release(plan);
    char folder[300];
    snprintf(folder, sizeof folder, "%s/..", env_dataset_path());
    ck_assert_int_eq(chdir(folder), 0);
    ENV_OK(sn_dataset_open("dataset", NULL, &dataset));
    plan = env_plan(dataset, 50, 5);
    sn_dataset_release(dataset);
    ck_assert_int_eq(chdir("/"), 0);
    sn_loader *loader;
    ENV_OK(sn_node_loader_create(plan, SN_LOADER_OPTIONS(.workers = 1, .worker_path = program),
                                 &loader));
    env_epoch(loader, &stream, 0);
    env_workers workers = env_workers_of(getpid(), 1);
    signal_all(&workers, SIGKILL);
    env_epoch(loader, &stream, 1);
    sn_loader_release(loader);
    ck_assert_int_eq(chdir(here), 0);
}
END_TEST

/* -- A user who closes everything --------------------------------------------------------------- */

static double processor_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

/* With little memory every batch is asked for, so that lanes wait for an answer that does not come. */
static const uint64_t sizes[] = { 0, 4096 };

static void close_everything(void *channel_bytes)
{
    sn_batch *batch;
    sn_loader *loader;
    sn_status status = SN_OK;
    ENV_OK(sn_node_loader_create(
        plan, SN_LOADER_OPTIONS(.workers = 2, .channel_bytes = *(uint64_t *)channel_bytes),
        &loader));
    ENV_OK(sn_loader_begin(loader, 0));
    sn_batch_release(env_next(loader, &stream, 0, 0));
    closefrom(3);
    for (uint64_t epoch = 0; status == SN_OK;
         epoch++) { /* workers may be done before they notice */
        ENV_CHECK(epoch < 1000);
        while ((status = sn_loader_next(loader, 30 * ENV_S, &batch)) == SN_OK)
            sn_batch_release(batch);
        if (status == SN_E_END)
            status = sn_loader_begin(loader, epoch + 1);
    }
    ENV_CHECK(status == SN_E_SYSTEM);
    ENV_CHECK(strstr(sn_error_detail(), "descriptors are gone") != NULL);
    double before = processor_seconds();
    env_sleep(300 * ENV_MS);
    ENV_CHECK(processor_seconds() - before < 0.15); /* nobody spins */
}

START_TEST(loader_whose_descriptors_were_closed_says_so)
{
    uint64_t size = sizes[_i];
    ck_assert_int_eq(env_run(close_everything, &size), 0);
}
END_TEST

/* -- Calls that mean nothing -------------------------------------------------------------------- */

START_TEST(calls_without_a_loader_or_with_nothing_to_write_to_are_refused)
{
    uint8_t state[SN_LOADER_STATE_BYTES];
    size_t bytes = 77;
    sn_batch *batch = NULL;
    sn_loader *loader = NULL;
    sn_loader_stats stats = { .batches = 5 };
    ck_assert_int_eq(sn_node_loader_create(NULL, SN_LOADER_OPTIONS(.workers = 1), &loader),
                     SN_E_INVALID);
    ck_assert_int_eq(sn_node_loader_create(plan, SN_LOADER_OPTIONS(.workers = 1), NULL),
                     SN_E_INVALID);
    ck_assert_int_eq(sn_loader_begin(NULL, 0), SN_E_INVALID);
    ck_assert_int_eq(sn_loader_begin_at(NULL, 0, 0, -1), SN_E_INVALID);
    ck_assert_int_eq(sn_loader_next(NULL, 0, &batch), SN_E_INVALID);
    ck_assert_int_eq(sn_loader_state_save(NULL, state, sizeof state, &bytes), SN_E_INVALID);
    ck_assert_int_eq(sn_loader_state_restore(NULL, state, sizeof state), SN_E_INVALID);
    sn_loader_get_stats(NULL, &stats);
    ck_assert_uint_eq(stats.batches, 0);
    sn_loader_shutdown(NULL);
    sn_loader_release(NULL);
    sn_batch_release(NULL);
    ck_assert_ptr_null(sn_batch_retain(NULL));
    ck_assert_ptr_null(loader);

    loader = env_loader(plan, 2);
    ck_assert_int_eq(sn_loader_next(loader, 0, NULL), SN_E_INVALID);
    ck_assert_int_eq(sn_loader_next(loader, SN_WAIT_DEFAULT, &batch), SN_E_END); /* not begun */
    ck_assert_int_eq(sn_loader_state_save(loader, state, sizeof state, &bytes), SN_E_INVALID);
    ck_assert_int_eq(sn_loader_state_restore(loader, NULL, sizeof state), SN_E_FORMAT);
    ck_assert_int_eq(sn_loader_begin_at(loader, 0, -1, -1), SN_E_RANGE);
    ck_assert_int_eq(sn_loader_begin_at(loader, 0, 3, 2), SN_E_RANGE);
    ENV_OK(sn_loader_begin(loader, 0));
    ck_assert_int_eq(sn_loader_next(loader, 0, NULL), SN_E_INVALID);
    ck_assert_int_eq(sn_loader_state_save(loader, NULL, sizeof state, &bytes), SN_E_INVALID);
    ck_assert_int_eq(sn_loader_state_save(loader, state, sizeof state, NULL), SN_E_INVALID);
    ck_assert_int_eq(sn_loader_state_save(loader, state, sizeof state - 1, &bytes), SN_E_INVALID);
    ck_assert_int_eq(sn_loader_state_restore(loader, state, 0), SN_E_FORMAT);
    ck_assert_uint_eq(bytes, 77);
    ck_assert_ptr_null(batch);
    env_rest(loader, &stream, 0, 0); /* nothing of that has changed anything */
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(sn_loader_next(loader, ENV_S, &batch), SN_E_END);
    sn_loader_shutdown(loader);
    sn_loader_shutdown(loader);
    ck_assert_int_eq(sn_loader_next(loader, 0, &batch), SN_E_CLOSED);
    ck_assert_int_eq(sn_loader_next(loader, ENV_S, &batch), SN_E_CLOSED);
    ck_assert_int_eq(sn_loader_begin(loader, 0), SN_E_CLOSED);
    ck_assert_int_eq(sn_loader_begin_at(loader, 0, 1, 2), SN_E_CLOSED);
    ENV_OK(sn_loader_state_save(loader, state, sizeof state, &bytes)); /* to go on elsewhere */
    ck_assert_int_eq(sn_loader_state_restore(loader, state, bytes), SN_E_CLOSED);
    sn_loader_get_stats(loader, &stats);
    ck_assert_uint_eq(stats.batches, (uint64_t)stream.steps);
    sn_loader_release(loader);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("misuse");
    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, leftovers_before, leftovers_after);
    tcase_add_checked_fixture(cases, env_begin, env_end);
    tcase_add_test(cases, next_with_workers_that_are_stopped_waits_as_long_as_it_was_told);
    tcase_add_test(cases, loader_with_workers_that_are_stopped_is_shut_down_at_once);
    tcase_add_test(cases, loader_whose_epoch_has_failed_says_so_until_the_next_begin);
    tcase_add_test(cases, loader_whose_epoch_has_failed_can_be_shut_down_and_released);
    tcase_add_loop_test(cases, loader_whose_workers_do_not_start_is_not_made, 0,
                        sizeof programs / sizeof *programs);
    tcase_add_test(cases, worker_is_found_again_though_the_user_went_elsewhere);
    tcase_add_test(cases, worker_that_is_started_again_has_the_environment_of_the_creation);
    tcase_add_test(cases, dataset_is_found_again_though_the_user_went_elsewhere);
    tcase_add_loop_test(cases, loader_whose_descriptors_were_closed_says_so, 0,
                        sizeof sizes / sizeof *sizes);
    tcase_add_test(cases, calls_without_a_loader_or_with_nothing_to_write_to_are_refused);
    return run_cases("misuse", cases);
}
