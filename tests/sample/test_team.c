/* SPDX-License-Identifier: Apache-2.0 */
/* Several threads on one batch: the batches of one thread, whoever loses its core, forks, or finds a
 * broken graph. Frontiers are large enough to be shared. */
#include "base/run.h"

#include "support/scale.h"

#include "base/random.h"
#include "engine/sample/deliver.h"
#include "seine/seine.h"

#include <check.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    NODES = 6000,
    DEGREE = 12,
    EDGES = NODES * DEGREE,
    SEEDS = 1500,
    BATCHES = NODES / SEEDS,
    STRIDE = NODES / (2 * DEGREE + 1),
    NODE_COLUMNS = 32, /* features that are enough to be shared */
    EDGE_COLUMNS = 8
};

static int64_t indptr[NODES + 1], indices[2][EDGES], edge_ids[EDGES];
static int64_t node_x[2][NODES][NODE_COLUMNS], edge_x[EDGES][EDGE_COLUMNS];
static sn_dataset *dataset;

static void ck_fine(sn_status status)
{
    ck_assert_msg(status == SN_OK, "%s: %s", sn_status_name(status), sn_error_detail());
}

static sn_source array(void *data, int64_t rows)
{
    return (sn_source){ .tensor = { data, { SN_INT, 64 }, 1, { rows, 1, 1, 1 } },
                        .keep = SN_KEEP_BORROW };
}

/* Two types of nodes, an edge type to the own type and one to the other; degrees from 0 to 2 DEGREE. */
static void setup(void)
{
    uint64_t state = sn_test_seed();
    sn_node_spec nodes[] = { { .name = "user", .count = NODES },
                             { .name = "item", .count = NODES } };
    sn_edge_spec edges[2] = { { .src = "user", .rel = "likes", .dst = "item" },
                              { .src = "user", .rel = "knows", .dst = "user" } };
    for (int i = 0; i < NODES; i++) /* pairs of rows share their edges unevenly */
        indptr[i + 1] = i % 2 == 0 ? i * DEGREE + (int64_t)(sn__mix64(++state) % (2 * DEGREE + 1))
                                   : (i + 1) * DEGREE;
    for (int i = 0; i < NODES; i++) /* rising, as rows must be */
        for (int64_t at = indptr[i]; at < indptr[i + 1]; at++)
            for (int type = 0; type < 2; type++)
                indices[type][at] =
                    (at - indptr[i]) * STRIDE + (int64_t)(sn__mix64(++state) % STRIDE);
    for (int i = 0; i < EDGES; i++) {
        edge_ids[i] = (i * 7 + 3) % EDGES;
        for (int k = 0; k < EDGE_COLUMNS; k++)
            edge_x[i][k] = (int64_t)sn__mix64(++state);
    }
    for (int type = 0; type < 2; type++) {
        for (int i = 0; i < NODES; i++)
            for (int k = 0; k < NODE_COLUMNS; k++)
                node_x[type][i][k] = (int64_t)sn__mix64(++state);
        nodes[type].x = array(node_x[type], NODES);
        nodes[type].x.tensor.ndim = 2;
        nodes[type].x.tensor.shape[1] = NODE_COLUMNS;
        edges[type].x = array(edge_x, EDGES);
        edges[type].x.tensor.ndim = 2;
        edges[type].x.tensor.shape[1] = EDGE_COLUMNS;
        edges[type].csr_indptr = array(indptr, NODES + 1);
        edges[type].csr_indices = array(indices[type], EDGES);
        edges[type].csr_edge_ids = array(edge_ids, EDGES);
    }
    ck_fine(sn_dataset_create(SN_DATASET_SPEC(.num_node_types = 2, .node_types = nodes,
                                              .num_edge_types = 2, .edge_types = edges),
                              &dataset));
}

static void teardown(void)
{
    sn_dataset_release(dataset);
}

static const struct shape {
    int64_t fanout[3];
    bool with_edge, replace;
} shapes[] = {
    { { 5, 5, 3 }, false, false }, { { 5, 5, 3 }, true, false },   { { 4, 4, 4 }, false, true },
    { { -1, 3, 2 }, true, false }, { { 2, 70, 1 }, false, false }, { { 1, -1, 0 }, true, true },
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static sn_plan *plan_of(const struct shape *of)
{
    sn_plan *plan;
    ck_fine(sn_plan_create(dataset,
                           SN_PLAN_OPTIONS(.batch_size = SEEDS, .shuffle = true, .seed = 5,
                                           .hops = 3, .fanout = of->fanout, .replace = of->replace,
                                           .with_edge = of->with_edge, .features = true,
                                           .input_type = 0),
                           &plan));
    return plan;
}

static sn_sampler *sampler_of(const struct shape *of)
{
    sn_sampler *sampler;
    sn_plan *plan = plan_of(of);
    ck_fine(sn_sampler_create(plan, &sampler));
    sn_plan_release(plan);
    return sampler;
}

static uint64_t digest_of(sn_sampler *sampler, int64_t batch)
{
    sn_batch *got;
    ck_fine(sn_sampler_sample(sampler, 1, batch, &got));
    uint64_t digest = sn_batch_digest(got);
    sn_batch_release(got);
    return digest;
}

static void compare(sn_sampler *sampler, const uint64_t *want)
{
    for (int64_t b = 0; b < BATCHES; b++)
        ck_assert_uint_eq(digest_of(sampler, b), want[b]);
}

static void take_digests(const struct shape *of, uint64_t *out)
{
    sn_sampler *alone = sampler_of(of);
    for (int64_t b = 0; b < BATCHES; b++)
        out[b] = digest_of(alone, b);
    sn_sampler_release(alone);
}

START_TEST(batches_do_not_depend_on_the_number_of_threads)
{
    uint64_t want[BATCHES];
    take_digests(&shapes[_i], want);
    sn_sampler *sampler = sampler_of(&shapes[_i]);
    for (int64_t round = 0; round < sn_test_scale(20); round++)
        for (int32_t threads = 1; threads <= 5; threads += 1 + (threads == 3)) {
            ck_fine(sn_sampler_set_threads(sampler, threads));
            compare(sampler, want);
        }
    sn_sampler_release(sampler);
}
END_TEST

/* On one core a helper is mostly not running when its block is wanted. */
START_TEST(blocks_of_threads_without_a_core_are_taken_over)
{
    uint64_t want[BATCHES];
    cpu_set_t all, one;
    take_digests(&shapes[_i], want);
    ck_assert_int_eq(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&one);
    for (size_t core = 0; core < CPU_SETSIZE && CPU_COUNT(&one) == 0; core++)
        if (CPU_ISSET(core, &all))
            CPU_SET(core, &one);
    sn_sampler *sampler = sampler_of(&shapes[_i]);
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
    ck_fine(sn_sampler_set_threads(sampler, 4));
    for (int64_t round = 0; round < sn_test_scale(20); round++)
        compare(sampler, want);
    sn_sampler_release(sampler);
}
END_TEST

/* -- A helper that stands still ---------------------------------------------------------------- */

static pthread_t caller;
static _Atomic int standing;
static _Atomic bool go_on;

static void wait_a_little(void)
{
    (void)nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
}

/* A helper stands still in its first block; until one does, the caller gives them time to claim one. */
static sn_status draw_standing_still(const sn__rows *rows, const sn__pick_rule *rule,
                                     sn__row_block *block, sn__pick_set *set)
{
    if (!pthread_equal(pthread_self(), caller)) {
        standing++;
        while (!go_on)
            wait_a_little();
    } else if (standing == 0) {
        wait_a_little();
    }
    return sn__kernels_cpu()->draw(rows, rule, block, set);
}

static void expect_same(const sn__topology *got, const sn__topology *want)
{
    for (int type = 0; type < 2; type++) {
        const sn__edge_list *edges = &got->edges[type], *wanted = &want->edges[type];
        ck_assert_uint_eq(got->nodes[type].count, want->nodes[type].count);
        ck_assert_mem_eq(got->nodes[type].ids, want->nodes[type].ids,
                         want->nodes[type].count * sizeof *want->nodes[type].ids);
        ck_assert_uint_eq(edges->count, wanted->count);
        ck_assert_mem_eq(edges->row, wanted->row, wanted->count * sizeof *wanted->row);
        ck_assert_uint_eq(edges->rows, wanted->rows);
        ck_assert_mem_eq(edges->picks, wanted->picks, wanted->rows * sizeof *wanted->picks);
    }
}

/* The batch comes though a block of it was claimed and is never published; when the helper goes on at
 * last, with a block that was taken from it, nothing changes. */
START_TEST(block_of_a_thread_that_stands_still_is_taken_over)
{
    sn__kernel_ops ops = *sn__kernels_cpu();
    sn__topology alone, shared;
    sn_plan *plan = plan_of(&shapes[_i]);
    ops.draw = draw_standing_still;
    caller = pthread_self();
    standing = 0;
    go_on = false;
    ck_fine(sn__topology_init(&alone, plan));
    ck_fine(sn__topology_init(&shared, plan));
    ck_fine(sn__topology_set_threads(&shared, 3));
    for (int64_t b = 0; standing == 0; b = (b + 1) % BATCHES) { /* the case has a time limit */
        ck_fine(sn__topology_sample(&shared, &ops, 1, b));
        ck_fine(sn__topology_sample(&alone, sn__kernels_cpu(), 1, b));
        expect_same(&shared, &alone);
    }
    ck_assert(!go_on);
    go_on = true;
    for (int64_t b = 0; b < 4 * BATCHES; b++) {
        ck_fine(sn__topology_sample(&shared, &ops, 2, b % BATCHES));
        ck_fine(sn__topology_sample(&alone, sn__kernels_cpu(), 2, b % BATCHES));
        expect_same(&shared, &alone);
    }
    sn__topology_deinit(&shared);
    sn__topology_deinit(&alone);
    sn_plan_release(plan);
}
END_TEST

/* Pieces of helpers come late: they are part of the batch all the same. */
static sn_status gather_late(const void *source, int64_t rows, size_t row_bytes, const int64_t *ids,
                             size_t count, void *out)
{
    if (!pthread_equal(pthread_self(), caller)) {
        standing++;
        for (int i = 0; i < 20; i++)
            wait_a_little();
    } else if (standing == 0) {
        wait_a_little();
    }
    return sn__kernels_cpu()->gather_rows(source, rows, row_bytes, ids, count, out);
}

static uint8_t *deliver(sn__topology *from, const sn__kernel_ops *ops, size_t *bytes)
{
    const sn__sink sink = { 0 };
    sn_tensor *tensors = calloc((size_t)from->plan->num_tensors, sizeof *tensors);
    ck_assert_ptr_nonnull(tensors);
    ck_fine(sn__deliver_layout(from, tensors, bytes));
    uint8_t *payload = aligned_alloc(64, *bytes);
    ck_assert_ptr_nonnull(payload);
    memset(payload, 0, *bytes);
    ck_fine(sn__deliver_write(from, ops, &sink, payload, tensors));
    free(tensors);
    return payload;
}

START_TEST(gather_waits_for_the_pieces_of_others)
{
    sn__kernel_ops ops = *sn__kernels_cpu();
    sn__topology alone, shared;
    sn_plan *plan = plan_of(&shapes[_i]);
    ops.gather_rows = gather_late;
    caller = pthread_self();
    standing = 0;
    ck_fine(sn__topology_init(&alone, plan));
    ck_fine(sn__topology_init(&shared, plan));
    ck_fine(sn__topology_set_threads(&shared, 3));
    for (int64_t b = 0; standing < 3; b = (b + 1) % BATCHES) { /* the case has a time limit */
        size_t got_bytes, want_bytes;
        ck_fine(sn__topology_sample(&shared, &ops, 1, b));
        ck_fine(sn__topology_sample(&alone, sn__kernels_cpu(), 1, b));
        uint8_t *got = deliver(&shared, &ops, &got_bytes);
        uint8_t *want = deliver(&alone, sn__kernels_cpu(), &want_bytes);
        ck_assert_uint_eq(got_bytes, want_bytes);
        ck_assert_mem_eq(got, want, want_bytes);
        free(got);
        free(want);
    }
    sn__topology_deinit(&shared);
    sn__topology_deinit(&alone);
    sn_plan_release(plan);
}
END_TEST

/* -- Errors, forks ----------------------------------------------------------------------------- */

/* Some of the edges that may be picked lead nowhere, or back to where they led; or their ids do. No other
 * thread may read meanwhile, so the sampler has one. */
static void shift_some(int64_t *array, int64_t from, int64_t by)
{
    for (int64_t i = 0; i < EDGES; i += EDGES / 16)
        array[(from + i) % EDGES] += by;
}

/* Breaks the array at random places, with one to four threads: what fails names `part`, and behind it all is
 * as before. */
static void break_and_mend(const struct shape *of, int64_t *array, int64_t by, const char *part)
{
    uint64_t want[BATCHES];
    sn_batch *batch;
    int named = 0;
    take_digests(of, want);
    sn_sampler *sampler = sampler_of(of);
    for (int64_t round = 0; round < sn_test_scale(40); round++) {
        int64_t broken = (int64_t)(sn__mix64((uint64_t)round) % EDGES);
        int32_t threads = 1 + (int32_t)(round % 4);
        shift_some(array, broken, by);
        ck_fine(sn_sampler_set_threads(sampler, threads));
        sn_status status = sn_sampler_sample(sampler, 1, 0, &batch);
        if (status == SN_OK) { /* none was picked */
            sn_batch_release(batch);
        } else {
            named++;
            ck_assert_int_eq(status, SN_E_CORRUPT);
            ck_assert_msg(strstr(sn_error_detail(), part) != NULL, "%s", sn_error_detail());
        }
        ck_fine(sn_sampler_set_threads(sampler, 1));
        shift_some(array, broken, -by);
        ck_fine(sn_sampler_set_threads(sampler, threads));
        compare(sampler, want);
        ck_fine(sn_sampler_set_threads(sampler, 1));
    }
    ck_assert_int_gt(named, 0);
    sn_sampler_release(sampler);
}

START_TEST(broken_graph_is_named_and_a_mended_one_goes_on)
{
    break_and_mend(&shapes[_i], indices[1], NODES, "knows");
}
END_TEST

START_TEST(edge_without_features_is_named)
{
    break_and_mend(&shapes[1], edge_ids, EDGES, "edge_attr");
}
END_TEST

/* Pages that the process has mapped. */
static long mapped_pages(void)
{
    long pages;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%ld", &pages), 1);
    fclose(file);
    return pages;
}

START_TEST(team_that_goes_leaves_neither_memory_nor_a_signal_mask)
{
    enum { ROUNDS = 300, MOST_PAGES = 4096 }; /* a team has about 40 */
    sigset_t before, after;
    /* No 64 MiB of addresses for a thread that allocates. A sanitizer's malloc has none, and says no. */
    (void)mallopt(M_ARENA_MAX, 1);
    sn_sampler *sampler = sampler_of(&shapes[0]);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
    long pages = 0;
    for (int round = 0; round < ROUNDS; round++) {
        ck_fine(sn_sampler_set_threads(sampler, 4));
        ck_fine(sn_sampler_set_threads(sampler, 1));
        if (round == 10) /* stacks of threads are kept for others */
            pages = mapped_pages();
    }
    ck_assert_int_lt(mapped_pages() - pages, MOST_PAGES);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
    for (int signal = 1; signal < NSIG; signal++)
        ck_assert_int_eq(sigismember(&before, signal), sigismember(&after, signal));
    sn_sampler_release(sampler);
}
END_TEST

START_TEST(child_of_fork_works_alone)
{
    uint64_t want[BATCHES];
    take_digests(&shapes[_i], want);
    sn_sampler *sampler = sampler_of(&shapes[_i]);
    ck_fine(sn_sampler_set_threads(sampler, 3));
    compare(sampler, want);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        bool same = true;
        for (int64_t b = 0; b < BATCHES; b++)
            same = same && digest_of(sampler, b) == want[b];
        sn_sampler_release(sampler);
        _exit(same ? 0 : 1);
    }
    compare(sampler, want);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    sn_sampler_release(sampler);
}
END_TEST

START_TEST(number_of_threads_is_checked)
{
    static const int32_t wrong[] = { 0, -1, 257, INT32_MAX };
    sn_sampler *sampler = sampler_of(&shapes[0]);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_int_eq(sn_sampler_set_threads(sampler, wrong[i]), SN_E_RANGE);
        ck_assert_ptr_nonnull(strstr(sn_error_detail(), "threads"));
    }
    ck_assert_int_eq(sn_sampler_set_threads(NULL, 2), SN_E_INVALID);
    sn_sampler_release(sampler);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("team");
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_set_timeout(cases, 300);
    tcase_add_loop_test(cases, batches_do_not_depend_on_the_number_of_threads, 0, SHAPES);
    tcase_add_loop_test(cases, blocks_of_threads_without_a_core_are_taken_over, 0, SHAPES);
    tcase_add_loop_test(cases, block_of_a_thread_that_stands_still_is_taken_over, 0, SHAPES);
    tcase_add_loop_test(cases, gather_waits_for_the_pieces_of_others, 0, SHAPES);
    tcase_add_test(cases, edge_without_features_is_named);
    tcase_add_loop_test(cases, broken_graph_is_named_and_a_mended_one_goes_on, 0, SHAPES);
    tcase_add_test(cases, team_that_goes_leaves_neither_memory_nor_a_signal_mask);
    tcase_add_loop_test(cases, child_of_fork_works_alone, 0, SHAPES);
    tcase_add_test(cases, number_of_threads_is_checked);
    return run_cases("team", cases);
}
