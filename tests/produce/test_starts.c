/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that are no worker, or none that works: the loader is not made, the error says which worker
 * and why, and nothing is left. */
#include "produce/rig.h"

#include "base/clock.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct start {
    const char *path; /* NULL: stop_worker, under an order */
    const char *at, *act;
    sn_status status;
    const char *parts[3]; /* of the detail */
} start;

static const start starts[] = {
    { "/no/such/worker", NULL, NULL, SN_E_NOT_FOUND, { "/no/such/worker", "worker_path" } },
    { "/", NULL, NULL, SN_E_NOT_FOUND, { "cannot be executed" } },
    { "/etc/passwd", NULL, NULL, SN_E_NOT_FOUND, { "/etc/passwd", "worker_path" } },
    { "/bin/true", NULL, NULL, SN_E_PEER_DIED, { "worker ", "cannot start", "code 0" } },
    { "/bin/cat", NULL, NULL, SN_E_PEER_DIED, { "worker ", "cannot start", "code 1" } },
    { NULL, "start", "exit", SN_E_PEER_DIED, { "worker ", "cannot start", "code 3" } },
    { NULL, "start", "kill", SN_E_PEER_DIED, { "died 10 times", "cannot start", "SIGKILL" } },
    { NULL, "start", "garbage", SN_E_PEER_DIED, { "worker ", "cannot start", "a message" } },
    { NULL, "start", "failed", SN_E_VERSION, { "worker ", "seine-worker is of version 0.0.0" } },
    { NULL, "hello", "segv", SN_E_PEER_DIED, { "worker ", "cannot start", "SIGSEGV" } },
    { NULL, "lanes", "exit", SN_E_PEER_DIED, { "worker ", "cannot start", "code 3" } },
};
enum { STARTS = sizeof starts / sizeof *starts };

/* These take the time that a worker is given to get ready, or to end. */
static const start slow_starts[] = {
    { NULL, "start", "sleep", SN_E_PEER_DIED, { "worker ", "not ready within 10 s" } },
    { NULL, "start", "stop", SN_E_PEER_DIED, { "worker ", "not ready within 10 s" } },
    { NULL, "start", "loop", SN_E_PEER_DIED, { "worker ", "not ready within 10 s" } },
    { NULL, "start", "flood", SN_E_PEER_DIED, { "worker ", "not ready within 10 s" } },
    { NULL, "start", "close", SN_E_PEER_DIED, { "worker ", "cannot start", "closed its socket" } },
};
enum { SLOW_STARTS = sizeof slow_starts / sizeof *slow_starts };

static void expect_no_start(const start *of)
{
    sn_plan *plan = rig_plan(RIG_HOMOGENEOUS);
    sn_loader *loader = NULL;
    if (of->at != NULL)
        RIG_ORDER(.at = of->at, .act = of->act, .ms = 60000);
    sn_loader_options options = rig_options(
        SN_LOADER_OPTIONS(.workers = 2, .stall_ns = 1000 * MS, .worker_path = of->path));
    int64_t began = sn__now_ns();
    sn_status status = sn_node_loader_create(plan, &options, &loader);
    printf("%s %s: %.1f s: %s: %s\n", of->path != NULL ? of->path : of->at,
           of->path != NULL ? "" : of->act, (double)(sn__now_ns() - began) / 1e9,
           sn_status_name(status), sn_error_detail());
    ck_assert_int_eq(status, of->status);
    ck_assert_ptr_null(loader);
    for (int i = 0; i < 3; i++)
        ck_assert_msg(of->parts[i] == NULL || strstr(sn_error_detail(), of->parts[i]) != NULL,
                      "'%s' is not in '%s'", of->parts[i], sn_error_detail());
    ck_assert_int_lt(sn__now_ns() - began, 40000 * MS);
    sn_plan_release(plan);
}

START_TEST(loader_of_a_program_that_is_no_worker_is_not_made)
{
    expect_no_start(&starts[_i]);
}
END_TEST

START_TEST(loader_of_a_program_that_hangs_is_not_made)
{
    expect_no_start(&slow_starts[(_i + (int)(sn_test_seed() % SLOW_STARTS)) % SLOW_STARTS]);
}
END_TEST

START_TEST(loader_over_a_program_of_no_format_is_not_made)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/worker", getenv("TMPDIR"));
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs("this is no program", file), 0);
    ck_assert_int_eq(fclose(file), 0);
    start of = { path, NULL, NULL, SN_E_NOT_FOUND, { "worker_path", "cannot be executed" } };
    expect_no_start(&of); /* has no right to be executed */
    ck_assert_int_eq(chmod(path, 0700), 0);
    of = (start){ path, NULL, NULL, SN_E_SYSTEM, { "worker ", "cannot start", path } };
    expect_no_start(&of);
    unlink(path);
}
END_TEST

START_TEST(worker_that_fails_to_start_once_is_started_again)
{
    rig_stream stream = rig_stream_of(rig_plan(RIG_TYPED));
    static const char *const points[] = { "start", "hello", "lanes", "ready" };
    for (int i = 0; i < 4; i++) {
        RIG_ORDER(.at = points[i], .act = "kill", .once = true);
        sn_loader *loader = rig_loader(stream.plan, SN_LOADER_OPTIONS(.workers = 2));
        rig_take_epoch(loader, &stream, 0);
        rig_wait_restarts(loader, 1);
        ck_assert_int_eq(rig_order_followed(), 1);
        sn_loader_release(loader);
    }
    rig_stream_free(&stream);
}
END_TEST

/* Every thread of a process that works through batches leaves the core to who waits for it; a policy that
 * the user chose stays. */
static void expect_policy(int policy)
{
    static const int32_t threads = 2;
    sn_plan *plan = rig_plan(RIG_HOMOGENEOUS);
    sn_loader *loader = rig_loader(plan, SN_LOADER_OPTIONS(.workers = 1, .threads = threads));
    sn_batch *batch;
    ck_assert_int_eq(sn_loader_begin(loader, 0), SN_OK);
    ck_assert_int_eq(sn_loader_next(loader, SN_WAIT_DEFAULT, &batch), SN_OK);
    sn_batch_release(batch);
    rig_view view = rig_view_open();
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", rig_worker_pid(&view, 0));
    DIR *tasks = opendir(path);
    ck_assert_ptr_nonnull(tasks);
    int seen = 0;
    for (const struct dirent *entry; (entry = readdir(tasks)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        ck_assert_int_eq(sched_getscheduler((pid_t)atoi(entry->d_name)), policy);
        seen++;
    }
    ck_assert_int_ge(seen, threads);
    closedir(tasks);
    rig_view_close(&view);
    sn_loader_release(loader);
    sn_plan_release(plan);
}

START_TEST(workers_are_patient_unless_the_user_chose_a_policy)
{
    ck_assert_int_eq(sched_getscheduler(0), SCHED_OTHER);
    expect_policy(SCHED_BATCH);
    struct sched_param none = { 0 };
    ck_assert_int_eq(sched_setscheduler(0, SCHED_IDLE, &none), 0);
    expect_policy(SCHED_IDLE);
}
END_TEST

int main(int argc, char **argv)
{
    TCase *cases = tcase_create("starts");
    if (argc == 2 && strcmp(argv[1], "slow") == 0) {
        tcase_add_loop_test(cases, loader_of_a_program_that_hangs_is_not_made, 0,
                            (int)sn_test_scale(SLOW_STARTS));
        return rig_run("slow starts", cases, 120);
    }
    tcase_add_loop_test(cases, loader_of_a_program_that_is_no_worker_is_not_made, 0, STARTS);
    tcase_add_test(cases, loader_over_a_program_of_no_format_is_not_made);
    tcase_add_test(cases, worker_that_fails_to_start_once_is_started_again);
    tcase_add_test(cases, workers_are_patient_unless_the_user_chose_a_policy);
    return rig_run("starts", cases, 60);
}
