/* SPDX-License-Identifier: Apache-2.0 */
/* Runs that cannot go on: the error names worker, batch and cause, what came before it is delivered,
 * and the next run begins as if nothing had been. */
#include "produce/rig.h"

#include "base/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static rig_stream stream;

static sn_loader *start(rig_kind kind, const sn_loader_options *options)
{
    stream = rig_stream_of(rig_plan(kind));
    return rig_loader(stream.plan, options);
}

static void finish(sn_loader *loader)
{
    sn_loader_release(loader);
    rig_stream_free(&stream);
}

static void expect_part(const char *part)
{
    ck_assert_msg(strstr(sn_error_detail(), part) != NULL, "'%s' is not in '%s'", part,
                  sn_error_detail());
}

static uint64_t all_deaths(const sn_loader *loader)
{
    sn_loader_stats stats = rig_stats(loader);
    uint64_t deaths = 0;
    for (int step = 0; step < SN_NUM_STEPS; step++)
        deaths += stats.deaths[step];
    return deaths;
}

/* The run ends now, with `status`, and stays ended. */
static void expect_end(sn_loader *loader, sn_status status, const char *part)
{
    sn_batch *batch;
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(sn_loader_next(loader, SN_WAIT_DEFAULT, &batch), status);
        expect_part(part);
    }
    ck_assert_uint_ne(rig_stats(loader).flags & SN_STATS_FAILED, 0);
}

/* -- A batch that kills ------------------------------------------------------------------------ */

typedef struct poison {
    const char *at, *act, *step, *cause;
} poison;

static const poison poisons[] = {
    { "claimed", "kill", "claimed", "killed by signal 9 (SIGKILL)" },
    { "sampled", "segv", "sampled", "killed by signal 11 (SIGSEGV)" },
    { "gather", "exit", "gather", "exited with code 3" },
    { "written", "segv", "written", "killed by signal 11 (SIGSEGV)" },
    { "reserved", "loop", "reserved", "it made no progress for the stall time" },
};
enum { POISONS = sizeof poisons / sizeof *poisons, POISONED = 9 };

static void expect_poison(sn_loader *loader, const poison *of)
{
    char place[128];
    int64_t batch;
    int worker = -1;
    rig_require(sn_plan_step(stream.plan, POISONED, &batch, NULL));
    (void)snprintf(place, sizeof place, "died three times in a row in %s of batch %lld of epoch 2",
                   of->step, (long long)batch);
    expect_end(loader, SN_E_PEER_DIED, place);
    expect_part(of->cause);
    ck_assert_int_eq(sscanf(sn_error_detail(), "worker %d: ", &worker), 1);
    ck_assert_int_ge(worker, 0);
    ck_assert_int_lt(worker, rig_stats(loader).workers);
}

static void poison_a_batch(const poison *of, int workers, int concurrency)
{
    bool loops = strcmp(of->act, "loop") == 0;
    RIG_ORDER(.at = of->at, .act = of->act, .nth = POISONED + 1);
    sn_loader *loader =
        start(RIG_TYPED, SN_LOADER_OPTIONS(.workers = workers, .concurrency = concurrency,
                                           .stall_ns = loops ? 600 * MS : 0));
    rig_require(sn_loader_begin(loader, 2));
    rig_take(loader, &stream, 2, 0, POISONED);
    expect_poison(loader, of);
    ck_assert_uint_eq(all_deaths(loader), 3);
    ck_assert_uint_eq(rig_stats(loader).restarts, 3);
    rig_order_clear();
    rig_take_epoch(loader, &stream, 2);
    rig_take_epoch(loader, &stream, 3);
    ck_assert_uint_eq(all_deaths(loader), 3);
    ck_assert_uint_eq(rig_stats(loader).flags, 0);
    finish(loader);
}

START_TEST(batch_that_kills_every_worker_ends_the_run)
{
    poison_a_batch(&poisons[_i], 1 + _i % 3, 1);
}
END_TEST

START_TEST(batch_that_kills_is_told_from_those_beside_it)
{
    poison_a_batch(&poisons[_i], 1 + _i % 2, 2 + _i % 3);
}
END_TEST

/* The batches before it are under way when it has killed for the third time. */
START_TEST(batches_before_the_one_that_kills_are_delivered)
{
    ck_assert_int_eq(setenv("STOP_SLOW", "8 1500", 1), 0);
    poison_a_batch(&poisons[0], 3, 1);
    ck_assert_int_eq(unsetenv("STOP_SLOW"), 0);
}
END_TEST

/* ... and a worker that has one of them dies: it is not waited for. */
START_TEST(failed_run_whose_other_worker_dies_too_ends)
{
    ck_assert_int_eq(setenv("STOP_SLOW", "8 30000", 1), 0);
    RIG_ORDER(.at = "claimed", .act = "kill", .nth = POISONED + 1);
    sn_loader *loader = start(RIG_TYPED, SN_LOADER_OPTIONS(.workers = 2));
    rig_view view = rig_view_open();
    sn_batch *batch;
    rig_require(sn_loader_begin(loader, 2));
    rig_take(loader, &stream, 2, 0, 8);
    rig_wait_restarts(loader, 3);
    ck_assert_int_eq(sn_loader_next(loader, 200 * MS, &batch), SN_E_TIMEOUT);
    ck_assert(rig_signal(&view, 0, SIGKILL) || rig_signal(&view, 1, SIGKILL));
    expect_poison(loader, &poisons[0]);
    ck_assert_int_eq(unsetenv("STOP_SLOW"), 0);
    rig_order_clear();
    rig_take_epoch(loader, &stream, 0);
    rig_view_close(&view);
    finish(loader);
}
END_TEST

START_TEST(run_that_is_begun_while_workers_die_goes_its_way)
{
    RIG_ORDER(.at = "claimed", .act = "kill", .nth = 4);
    sn_loader *loader = start(RIG_HOMOGENEOUS, SN_LOADER_OPTIONS(.workers = 2));
    for (int64_t i = 0; i < sn_test_scale(40); i++) {
        rig_require(sn_loader_begin(loader, 0));
        rig_take(loader, &stream, 0, 0, i % 3);
        if (i % 4 == 3)
            rig_sleep_ms(i % 9);
        if (rig_stats(loader).position > 3)
            break;
    }
    rig_order_clear();
    rig_take_epoch(loader, &stream, 1);
    finish(loader);
}
END_TEST

/* -- Workers that cannot be replaced ----------------------------------------------------------- */

START_TEST(worker_whose_successors_do_not_start_ends_the_run)
{
    sn_loader *loader = start(RIG_HOMOGENEOUS, SN_LOADER_OPTIONS(.workers = 1));
    rig_view view = rig_view_open();
    sn_batch *batch;
    sn_status status = SN_OK;
    int64_t step = 0;
    rig_require(sn_loader_begin(loader, 1));
    RIG_ORDER(.at = "lanes", .act = "exit");
    ck_assert(rig_signal(&view, 0, SIGKILL));
    while ((status = sn_loader_next(loader, SN_WAIT_DEFAULT, &batch)) == SN_OK) {
        rig_expect(&stream, batch, 1, step++);
        sn_batch_release(batch);
    }
    ck_assert_int_eq(status, SN_E_PEER_DIED);
    expect_part("worker 0: cannot start: died ");
    expect_part(" times in a row before its first batch: exited with code 3");
    rig_order_clear();
    rig_take_epoch(loader, &stream, 2);
    rig_view_close(&view);
    finish(loader);
}
END_TEST

START_TEST(worker_program_that_is_taken_away_ends_the_run)
{
    char path[4096], command[8300];
    (void)snprintf(path, sizeof path, "%s/worker", getenv("TMPDIR"));
    (void)snprintf(command, sizeof command, "cp '%s' '%s'", rig_worker_path(), path);
    ck_assert_int_eq(system(command), 0);
    sn_loader *loader =
        start(RIG_HOMOGENEOUS, SN_LOADER_OPTIONS(.workers = 1, .worker_path = path));
    rig_view view = rig_view_open();
    rig_take_epoch(loader, &stream, 1);
    rig_require(sn_loader_begin(loader, 0));
    rig_take(loader, &stream, 0, 0, 1);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert(rig_signal(&view, 0, SIGKILL));
    sn_batch *batch;
    sn_status status;
    while ((status = sn_loader_next(loader, SN_WAIT_DEFAULT, &batch)) == SN_OK)
        sn_batch_release(batch); /* those that were there */
    ck_assert_int_eq(status, SN_E_NOT_FOUND);
    expect_part("worker 0: cannot start: ");
    expect_part(path);
    ck_assert_int_eq(system(command), 0);
    rig_take_epoch(loader, &stream, 3);
    ck_assert_int_eq(unlink(path), 0);
    rig_view_close(&view);
    finish(loader);
}
END_TEST

START_TEST(worker_that_finds_no_descriptors_left_ends_the_run)
{
    struct rlimit before, none;
    sn_loader *loader = start(RIG_HOMOGENEOUS, SN_LOADER_OPTIONS(.workers = 1));
    rig_view view = rig_view_open();
    int pid = rig_worker_pid(&view, 0);
    rig_require(sn_loader_begin(loader, 0));
    rig_take(loader, &stream, 0, 0, 1);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 3;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    ck_assert_int_eq(kill(pid, SIGKILL), 0); /* a child that nobody has reaped */
    sn_batch *batch;
    sn_status status;
    while ((status = sn_loader_next(loader, SN_WAIT_DEFAULT, &batch)) == SN_OK)
        sn_batch_release(batch);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    ck_assert_int_eq(status, SN_E_SYSTEM);
    expect_part("worker 0: cannot start: ");
    expect_part(strerror(EMFILE));
    rig_take_epoch(loader, &stream, 0);
    rig_view_close(&view);
    finish(loader);
}
END_TEST

/* -- Shutdown in the middle of it -------------------------------------------------------------- */

START_TEST(loader_ends_in_the_middle_of_deaths)
{
    static const char *const points[] = { "start", "lanes", "ready", "claimed", "written" };
    for (int i = 0; i < 5; i++) {
        sn_loader *loader = start(RIG_HOMOGENEOUS, SN_LOADER_OPTIONS(.workers = 2));
        rig_view view = rig_view_open();
        rig_require(sn_loader_begin(loader, 0));
        RIG_ORDER(.at = points[i], .act = i % 2 == 0 ? "kill" : "exit");
        ck_assert(rig_signal(&view, 0, SIGKILL));
        rig_sleep_ms(5 * i);
        rig_view_close(&view);
        finish(loader);
        rig_order_clear();
    }
}
END_TEST

START_TEST(loader_ends_within_a_moment_though_its_workers_do_not_listen)
{
    sn_loader *loader = start(RIG_WIDE, SN_LOADER_OPTIONS(.workers = 2, .channel_bytes = 65536));
    rig_view view = rig_view_open();
    rig_require(sn_loader_begin(loader, 0));
    rig_take(loader, &stream, 0, 0, 3);
    rig_stop(&view, 0);
    rig_view_close(&view);
    int64_t began = sn__now_ns();
    finish(loader);
    ck_assert_int_ge(sn__now_ns() - began, 900 * MS);
    ck_assert_int_lt(sn__now_ns() - began, 10000 * MS);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("failures");
    tcase_add_loop_test(cases, batch_that_kills_every_worker_ends_the_run, 0, POISONS);
    tcase_add_loop_test(cases, batch_that_kills_is_told_from_those_beside_it, 0, POISONS);
    tcase_add_test(cases, batches_before_the_one_that_kills_are_delivered);
    tcase_add_test(cases, failed_run_whose_other_worker_dies_too_ends);
    tcase_add_test(cases, run_that_is_begun_while_workers_die_goes_its_way);
    tcase_add_test(cases, worker_whose_successors_do_not_start_ends_the_run);
    tcase_add_test(cases, worker_program_that_is_taken_away_ends_the_run);
    tcase_add_test(cases, worker_that_finds_no_descriptors_left_ends_the_run);
    tcase_add_test(cases, loader_ends_in_the_middle_of_deaths);
    tcase_add_test(cases, loader_ends_within_a_moment_though_its_workers_do_not_listen);
    return rig_run("failures", cases, 90);
}
