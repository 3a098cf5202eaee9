/* SPDX-License-Identifier: Apache-2.0 */
/* Directories whose tables of weights and times are damaged: sampling ends in SN_E_CORRUPT or in some batch, and a
 * full check names the file. */
#include "data/support/folder.h"
#include "data/support/sample.h"
#include "hand.h"
#include "import/make.h"
#include "support/scale.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { NODES = 150, HUB = 7, HUB_DEGREE = 700, EDGES = 2500, HEADER = 128, MUTATIONS = 200 };

static const char *const tables[] = { "weight_sums",          "time_order",      "times",
                                      "time_weight_sums",     "node_time_order", "node_times",
                                      "node_time_weight_sums" };
enum { TABLES = sizeof tables / sizeof tables[0], FILES = 2 * TABLES };

static const char *file_of(int number)
{
    return in_folder("ds/edge0.%s.%s.npy", number < TABLES ? "csr" : "csc",
                     tables[number % TABLES]);
}

static void put_graph(void)
{
    static int64_t ends[2][EDGES], times[EDGES], node_times[NODES];
    static float weights[EDGES];
    for (int e = 0; e < EDGES; e++) {
        ends[0][e] = e < HUB_DEGREE ? HUB : draw_below(NODES);
        ends[1][e] = e % 5 == 0 ? HUB : draw_below(NODES);
        weights[e] = (float)draw_below(4) / 2;
        times[e] = draw_below(50);
    }
    for (int v = 0; v < NODES; v++)
        node_times[v] = draw_below(50);
    save_array(in_folder("e.npy"), "int64", 2, EDGES, ends);
    save_array(in_folder("w.npy"), "float32", EDGES, -1, weights);
    save_array(in_folder("t.npy"), "int64", EDGES, -1, times);
    save_array(in_folder("n.npy"), "int64", NODES, -1, node_times);
    ck_ok(
        sn_import_edges(SN_IMPORT_FILES(.edges = in_folder("e.npy"), .num_nodes = NODES,
                                        .weights = in_folder("w.npy"), .times = in_folder("t.npy"),
                                        .node_times = in_folder("n.npy")),
                        in_folder("ds"), NULL));
}

/* -- Sampling it ------------------------------------------------------------------------------- */

/* Few picks, which lanes draw, more than are drawn by scanning, and many of one row. */
static const int64_t fanouts[][2] = { { 4, 3 }, { 20, 2 }, { 70, 1 }, { 400, 1 }, { -1, 1 } };
enum { FANOUTS = sizeof fanouts / sizeof fanouts[0] };

/* Fine, or SN_E_CORRUPT with its reason. Returns whether it was that. */
static bool try_plan(sn_dataset *dataset, const sn_plan_options *options)
{
    sn_plan *plan;
    sn_sampler *sampler;
    sn_batch *batch;
    ck_ok(sn_plan_create(dataset, options, &plan));
    ck_ok(sn_sampler_create(plan, &sampler));
    sn_plan_release(plan);
    sn_status status = sn_sampler_sample(sampler, 1, 0, &batch);
    if (status == SN_OK) {
        (void)sn_batch_digest(batch); /* all of it can be read */
        sn_batch_release(batch);
    } else {
        ck_assert_msg(status == SN_E_CORRUPT && sn_error_detail()[0] != '\0', "%s: %s",
                      sn_status_name(status), sn_error_detail());
    }
    sn_sampler_release(sampler);
    return status != SN_OK;
}

/* Each kind of plan that reads table `number`, with some fanout. Returns how many found it broken. */
static int try_table(sn_dataset *dataset, int number, int64_t turn)
{
    int64_t until[NODES];
    for (int64_t i = 0; i < NODES; i++)
        until[i] = (i * 13 + turn) % 70 - 10;
    const sn_tensor seed_times = hand_ids(until, NODES);
    const sn_temporal_options *by =
        SN_TEMPORAL_OPTIONS(.times = number % TABLES >= 4 ? SN_TIMES_NODES : SN_TIMES_EDGES,
                            .window = turn % 2 * 20, .seed_times = &seed_times);
    const sn_temporal_options *last =
        SN_TEMPORAL_OPTIONS(.times = by->times, .window = by->window, .pick = SN_TEMPORAL_LAST,
                            .seed_times = &seed_times);
    sn_plan_options plan =
        *SN_PLAN_OPTIONS(.batch_size = NODES, .hops = 2, .fanout = fanouts[turn % FANOUTS],
                         .dir = number < TABLES ? SN_DIR_OUT : SN_DIR_IN, .seed = (uint64_t)turn,
                         .with_edge = true);
    int found = 0;
    for (int replace = 0; replace < 2; replace++) {
        plan.replace = replace == 1;
        plan.weighted = true;
        plan.temporal = number % TABLES == 0 ? NULL : by;
        plan.disjoint = plan.temporal != NULL;
        found += try_plan(dataset, &plan);
        plan.weighted = false;
        if (plan.disjoint)
            found += try_plan(dataset, &plan);
    }
    plan.replace = false;
    plan.temporal = last;
    return found + (plan.disjoint ? try_plan(dataset, &plan) : 0);
}

/* Tries the directory as it is, in both ways to hold it. */
static int try_directory(int number, int64_t turn)
{
    const sn_load load = turn % 8 == 0 ? SN_LOAD_MEMORY : SN_LOAD_MAP;
    sn_dataset *dataset = sample_open(in_folder("ds"), load);
    int found = try_table(dataset, number, turn);
    sn_dataset_release(dataset);
    return found;
}

static void expect_named(const char *file)
{
    sn_dataset *dataset = sample_open(in_folder("ds"), SN_LOAD_MAP);
    ck_fails(sn_dataset_verify(dataset, NULL, NULL), SN_E_CORRUPT, strrchr(file, '/') + 1);
    sn_dataset_release(dataset);
}

/* -- Damage ------------------------------------------------------------------------------------ */

static void put_data(const char *file, const void *data, size_t bytes)
{
    int fd = open(file, O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, data, bytes, HEADER), (ssize_t)bytes);
    close(fd);
}

/* A few bytes, a stretch of them, or all. */
static void mutate(uint8_t *data, size_t bytes)
{
    size_t at = (size_t)draw_below((int64_t)bytes), count = 1;
    int64_t way = draw_below(5);
    if (way == 1)
        count = (size_t)draw_below(200);
    else if (way == 2)
        at = 0, count = bytes;
    if (way == 3) { /* single elements of any value */
        for (int64_t i = draw_below(30); i >= 0; i--) {
            at = (size_t)draw_below((int64_t)(bytes / 4)) * 4;
            uint32_t value = (uint32_t)draw_below((int64_t)1 << (1 + draw_below(32)));
            memcpy(data + at, &value, sizeof value);
        }
        return;
    }
    bool same = draw_below(3) == 0;
    uint8_t byte = (uint8_t)draw_below(256);
    for (size_t i = 0; i < count && at + i < bytes; i++)
        data[at + i] = same ? byte : (uint8_t)draw_below(256);
}

START_TEST(tables_of_any_bytes_give_a_batch_or_corrupt)
{
    draw_from(0x7461626c + (uint64_t)_i);
    put_graph();
    char file[700];
    size_t bytes;
    snprintf(file, sizeof file, "%s", file_of(_i));
    uint8_t *good = (uint8_t *)get_file(file, &bytes), *bad = malloc(bytes);
    ck_assert_ptr_nonnull(bad);
    bytes -= HEADER;
    for (int64_t turn = 0; turn < FANOUTS; turn++)
        ck_assert_int_eq(try_directory(_i, turn), 0);
    for (int64_t turn = 0; turn < sn_test_scale(MUTATIONS); turn++) {
        memcpy(bad, good + HEADER, bytes);
        mutate(bad, bytes);
        put_data(file, bad, bytes);
        (void)try_directory(_i, turn);
        if (memcmp(bad, good + HEADER, bytes) != 0)
            expect_named(file);
    }
    free(good);
    free(bad);
}
END_TEST

/* What each kind of table says wrong when it is the most wrong, and must be noticed. */
static void reverse(uint8_t *data, size_t bytes, size_t width)
{
    for (size_t i = 0, j = bytes / width - 1; i < j; i++, j--)
        for (size_t b = 0; b < width; b++) {
            uint8_t byte = data[i * width + b];
            data[i * width + b] = data[j * width + b];
            data[j * width + b] = byte;
        }
}

static void fill(uint8_t *data, size_t bytes, size_t width)
{
    (void)width;
    memset(data, 0xFF, bytes);
}

static void clear(uint8_t *data, size_t bytes, size_t width)
{
    (void)width;
    memset(data, 0, bytes);
}

static void flip_signs(uint8_t *data, size_t bytes, size_t width)
{
    for (size_t i = width - 1; i < bytes; i += 2 * width)
        data[i] ^= 0x80;
}

START_TEST(tables_that_fall_or_leave_the_row_do_not_crash)
{
    static void (*const damages[])(uint8_t *, size_t, size_t) = { reverse, fill, clear,
                                                                  flip_signs };
    draw_from(0x66616c6c);
    put_graph();
    char file[700];
    size_t bytes;
    snprintf(file, sizeof file, "%s", file_of(_i));
    bool is_times = strstr(file, "_times") != NULL || strstr(file, ".times") != NULL,
         is_order = strstr(file, "_order") != NULL;
    uint8_t *good = (uint8_t *)get_file(file, &bytes), *bad = malloc(bytes);
    ck_assert_ptr_nonnull(bad);
    bytes -= HEADER;
    for (int way = 0; way < 4; way++) {
        int found = 0;
        memcpy(bad, good + HEADER, bytes);
        damages[way](bad, bytes, is_times ? 8 : _i % TABLES == 0 ? 8 : 4);
        put_data(file, bad, bytes);
        for (int64_t turn = 0; turn < 2 * FANOUTS; turn++)
            found += try_directory(_i, turn);
        if (is_order && damages[way] != clear) /* no row has such places */
            ck_assert_int_gt(found, 0);
        expect_named(file);
    }
    free(good);
    free(bad);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("broken tables");
    tcase_set_timeout(cases, 300);
    tcase_add_loop_test(cases, tables_of_any_bytes_give_a_batch_or_corrupt, 0, FILES);
    tcase_add_loop_test(cases, tables_that_fall_or_leave_the_row_do_not_crash, 0, FILES);
    return run_in_folder("broken tables", cases);
}
