/* SPDX-License-Identifier: Apache-2.0 */
/* Batches that cannot be made, and datasets that are not what they were: a worker reports what the
 * calling thread would, and names itself. */
#include "produce/rig.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void run(const char *format, ...)
{
    char command[9000];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    ck_assert_msg(system(command) == 0, "%s", command);
}

/* -- Damaged rows ------------------------------------------------------------------------------ */

enum { NODES = 64, DAMAGED_STEP = 10 };

/* A ring whose node 42 has a neighbour that there is not: batch 10 of four seeds each, and, with
 * neighbours of neighbours, none before it. */
static sn_plan *damaged_plan(void)
{
    static int64_t indptr[NODES + 1], hops[] = { -1 };
    static int32_t indices[NODES];
    sn_dataset *dataset;
    sn_plan *plan;
    for (int v = 0; v < NODES; v++) {
        indptr[v + 1] = v + 1;
        indices[v] = (v + 1) % NODES;
    }
    sn_node_spec node = { .count = NODES };
    sn_edge_spec edge = {
        .csr_indptr = { { indptr, { SN_INT, 64 }, 1, { NODES + 1, 1, 1, 1 } },
                        .keep = SN_KEEP_BORROW },
        .csr_indices = { { indices, { SN_INT, 32 }, 1, { NODES, 1, 1, 1 } },
                         .keep = SN_KEEP_BORROW },
    };
    rig_require(sn_dataset_create(SN_DATASET_SPEC(.num_node_types = 1, .node_types = &node,
                                                  .num_edge_types = 1, .edge_types = &edge),
                                  &dataset));
    indices[42] = NODES + 5;
    rig_require(sn_plan_create(dataset, SN_PLAN_OPTIONS(.batch_size = 4, .hops = 1, .fanout = hops),
                               &plan));
    sn_dataset_release(dataset);
    return plan;
}

static void take_plain(sn_loader *loader, int64_t count)
{
    sn_batch *batch;
    for (int64_t i = 0; i < count; i++) {
        rig_require(sn_loader_next(loader, SN_WAIT_DEFAULT, &batch));
        sn_batch_release(batch);
    }
}

START_TEST(batch_that_fails_in_a_worker_fails_as_in_the_calling_thread)
{
    sn_plan *plan = damaged_plan();
    sn_batch *batch;
    sn_loader *plain;
    char expected[600], detail[600];
    int worker = -1, used = 0;
    rig_require(sn_node_loader_create(plan, NULL, &plain));
    sn_loader *loader =
        rig_loader(plan, SN_LOADER_OPTIONS(.workers = 1 + _i % 3, .concurrency = 1 + _i / 3));
    for (int round = 0; round < 3; round++) {
        rig_require(sn_loader_begin(plain, 0));
        take_plain(plain, DAMAGED_STEP);
        ck_assert_int_eq(sn_loader_next(plain, SN_WAIT_DEFAULT, &batch), SN_E_CORRUPT);
        (void)snprintf(expected, sizeof expected, "%s", sn_error_detail());

        rig_require(sn_loader_begin(loader, 0));
        take_plain(loader, DAMAGED_STEP);
        for (int i = 0; i < 2; i++) {
            ck_assert_int_eq(sn_loader_next(loader, SN_WAIT_DEFAULT, &batch), SN_E_CORRUPT);
            (void)snprintf(detail, sizeof detail, "%s", sn_error_detail());
            ck_assert_int_eq(sscanf(detail, "worker %d: %n", &worker, &used), 1);
            ck_assert_str_eq(detail + used, expected);
        }
        rig_require(sn_loader_begin_at(loader, 0, DAMAGED_STEP + 1, -1));
        take_plain(loader, NODES / 4 - DAMAGED_STEP - 1);
        ck_assert_int_eq(sn_loader_next(loader, SN_WAIT_DEFAULT, &batch), SN_E_END);
    }
    ck_assert_uint_eq(rig_stats(loader).restarts, 0);
    sn_loader_release(loader);
    sn_loader_release(plain);
    sn_plan_release(plan);
}
END_TEST

/* The successor of a worker that had published the error knows that it did. */
START_TEST(worker_that_dies_behind_an_error_is_replaced)
{
    sn_plan *plan = damaged_plan();
    sn_batch *batch;
    RIG_ORDER(.at = _i == 0 ? "published" : "unsignalled", .act = "kill", .nth = DAMAGED_STEP + 1,
              .once = true);
    sn_loader *loader = rig_loader(plan, SN_LOADER_OPTIONS(.workers = 1));
    rig_require(sn_loader_begin(loader, 0));
    take_plain(loader, DAMAGED_STEP);
    ck_assert_int_eq(sn_loader_next(loader, SN_WAIT_DEFAULT, &batch), SN_E_CORRUPT);
    rig_wait_restarts(loader, 1);
    rig_require(sn_loader_begin_at(loader, 1, DAMAGED_STEP + 1, -1));
    take_plain(loader, NODES / 4 - DAMAGED_STEP - 1);
    ck_assert_int_eq(sn_loader_next(loader, SN_WAIT_DEFAULT, &batch), SN_E_END);
    sn_loader_release(loader);
    sn_plan_release(plan);
}
END_TEST

/* -- Datasets that change ---------------------------------------------------------------------- */

static char home[4096], other[4096], away[4096];

static void make_folders(void)
{
    const char *folder = getenv("TMPDIR");
    (void)snprintf(home, sizeof home, "%s/home", folder);
    (void)snprintf(other, sizeof other, "%s/other", folder);
    (void)snprintf(away, sizeof away, "%s/away", folder);
    rig_require(sn_gen_rmat(
        SN_RMAT_OPTIONS(.num_nodes = 1400, .degree = 6, .feat_dim = 4, .seed = 1), home));
    rig_require(sn_gen_rmat(
        SN_RMAT_OPTIONS(.num_nodes = 1300, .degree = 7, .feat_dim = 8, .seed = 2), other));
}

static rig_stream stream_of_folder(sn_load load)
{
    sn_dataset *dataset;
    rig_require(sn_dataset_open(home, SN_DATASET_OPTIONS(.load = load), &dataset));
    rig_stream stream = rig_stream_of(rig_plan_over(dataset, RIG_HOMOGENEOUS));
    sn_dataset_release(dataset);
    return stream;
}

START_TEST(successor_finds_its_dataset_though_another_one_has_its_name)
{
    make_folders();
    rig_stream stream = stream_of_folder(_i == 0 ? SN_LOAD_MAP : SN_LOAD_MEMORY);
    sn_loader *loader = rig_loader(stream.plan, SN_LOADER_OPTIONS(.workers = 2));
    rig_view view = rig_view_open();
    rig_require(sn_loader_begin(loader, 0));
    rig_take(loader, &stream, 0, 0, 10);
    run("mv '%s' '%s'", home, away);
    run("mv '%s' '%s'", other, home);
    ck_assert(rig_signal(&view, 0, SIGKILL));
    ck_assert(rig_signal(&view, 1, SIGKILL));
    rig_take(loader, &stream, 0, 10, stream.steps);
    rig_take_epoch(loader, &stream, 1);
    rig_wait_restarts(loader, 2);
    rig_view_close(&view);
    sn_loader_release(loader);
    rig_stream_free(&stream);
    run("rm -r '%s' '%s'", home, away);
}
END_TEST

/* The files below one name for those below another, the folders staying what they are. */
static void exchange(const char *a, const char *b)
{
    ck_assert_int_eq(mkdir(away, 0700), 0);
    run("mv '%s'/* '%s'", a, away);
    run("mv '%s'/* '%s'", b, a);
    run("mv '%s'/* '%s'", away, b);
    ck_assert_int_eq(rmdir(away), 0);
}

static void expect_other_dataset(sn_loader *loader)
{
    sn_batch *batch;
    sn_status status;
    while ((status = sn_loader_next(loader, SN_WAIT_DEFAULT, &batch)) == SN_OK)
        sn_batch_release(batch); /* those that were there */
    ck_assert_int_eq(status, SN_E_CORRUPT);
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "worker 0: "));
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), home));
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "is not the one"));
}

START_TEST(successor_that_finds_another_dataset_ends_the_run)
{
    make_folders();
    rig_stream stream = stream_of_folder(SN_LOAD_MAP);
    sn_loader *loader = rig_loader(stream.plan, SN_LOADER_OPTIONS(.workers = 1));
    rig_view view = rig_view_open();
    rig_take_epoch(loader, &stream, 0);
    rig_require(sn_loader_begin(loader, 1));
    rig_take(loader, &stream, 1, 0, 2);
    exchange(home, other);
    ck_assert(rig_signal(&view, 0, SIGKILL));
    expect_other_dataset(loader);
    rig_require(sn_loader_begin(loader, 1));
    expect_other_dataset(loader); /* it is still there */
    exchange(home, other);
    rig_take_epoch(loader, &stream, 1);
    rig_view_close(&view);
    sn_loader_release(loader);
    rig_stream_free(&stream);
    run("rm -r '%s' '%s'", home, other);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("errors");
    tcase_add_loop_test(cases, batch_that_fails_in_a_worker_fails_as_in_the_calling_thread, 0, 6);
    tcase_add_loop_test(cases, worker_that_dies_behind_an_error_is_replaced, 0, 2);
    tcase_add_loop_test(cases, successor_finds_its_dataset_though_another_one_has_its_name, 0, 2);
    tcase_add_test(cases, successor_that_finds_another_dataset_ends_the_run);
    return rig_run("errors", cases, 60);
}
