/* SPDX-License-Identifier: Apache-2.0 */
/* Options of a loader: every wrong one is named with its value. */
#include "base/run.h"
#include "load/stream.h"

#include <string.h>

START_TEST(loader_with_a_wrong_option_is_refused_and_the_option_named)
{
    static const int32_t cuda[] = { -1, 0 }, rubbish[] = { -7 };
    static const struct {
        sn_loader_options options;
        sn_status status;
        const char *detail;
    } table[] = {
        { { .workers = -1 }, SN_E_INVALID, "loader: workers -1, allowed are 0 to 256" },
        { { .workers = 257 }, SN_E_INVALID, "loader: workers 257, allowed are 0 to 256" },
        { { .concurrency = -2 }, SN_E_INVALID, "loader: concurrency -2, allowed are 0 to 32" },
        { { .concurrency = 33 }, SN_E_INVALID, "loader: concurrency 33, allowed are 0 to 32" },
        { { .threads = -1 }, SN_E_INVALID, "loader: threads -1, allowed are 0 to 256" },
        { { .threads = 257 }, SN_E_INVALID, "loader: threads 257, allowed are 0 to 256" },
        { { .timeout_ns = -1 }, SN_E_INVALID, "loader: timeout_ns -1 is negative" },
        { { .stall_ns = INT64_MIN },
          SN_E_INVALID,
          "loader: stall_ns -9223372036854775808 is negative" },
        { { .devices = cuda, .num_devices = 2 },
          SN_E_UNSUPPORTED,
          "loader: device 0 at position 1: only the CPU (-1) is in this version" },
        { { .devices = rubbish, .num_devices = 1 },
          SN_E_INVALID,
          "loader: device -7 at position 0" },
        { { .num_devices = 1 }, SN_E_INVALID, "loader: num_devices 1 with no devices" },
        { { .devices = cuda }, SN_E_INVALID, "loader: num_devices 0 with a list of devices" },
        { { .devices = cuda, .num_devices = -1 },
          SN_E_INVALID,
          "loader: num_devices -1 with a list of devices" },
    };
    sn_plan *plan = load_plan(0, NULL);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        sn_loader_options options = table[i].options;
        sn_loader *loader = (sn_loader *)&options;
        options.struct_size = sizeof options;
        ck_assert_int_eq(sn_node_loader_create(plan, &options, &loader), table[i].status);
        ck_assert_str_eq(sn_error_detail(), table[i].detail);
        ck_assert_ptr_eq(loader, &options); /* set on success only */
    }
    sn_loader *loader;
    sn_loader_options without_size = { .workers = 0 };
    ck_assert_int_eq(sn_node_loader_create(plan, &without_size, &loader), SN_E_INVALID);
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "loader options: struct_size 0"));
    ck_assert_int_eq(sn_node_loader_create(NULL, NULL, &loader), SN_E_INVALID);
    ck_assert_int_eq(sn_node_loader_create(plan, NULL, NULL), SN_E_INVALID);
    sn_plan_release(plan);
}
END_TEST

/* Plans 0, 6 and 8 are of nodes, links and subgraphs; each is refused by the functions of the others. */
START_TEST(loader_of_another_kind_is_refused_and_the_right_one_named)
{
    static const struct {
        int plan;
        const char *detail;
    } kinds[] = {
        { 0, "loader: the plan's seeds are nodes: sn_node_loader_create" },
        { 6, "loader: the plan's seeds are links: sn_link_loader_create" },
        { 8, "loader: the plan's batches are induced subgraphs: sn_subgraph_loader_create" },
    };
    sn_status (*const creates[])(sn_plan *, const sn_loader_options *,
                                 sn_loader **) = { sn_node_loader_create, sn_link_loader_create,
                                                   sn_subgraph_loader_create };
    for (int i = 0; i < 3; i++) {
        sn_plan *plan = load_plan(kinds[i].plan, NULL);
        for (int k = 0; k < 3; k++) {
            sn_loader *loader = (sn_loader *)&plan; /* set on success only */
            sn_status status = creates[k](plan, NULL, &loader);
            ck_assert_int_eq(status, i == k ? SN_OK : SN_E_INVALID);
            if (i == k) {
                sn_loader_release(loader);
                continue;
            }
            ck_assert_str_eq(sn_error_detail(), kinds[i].detail);
            ck_assert_ptr_eq(loader, &plan);
        }
        sn_plan_release(plan);
    }
}
END_TEST

START_TEST(loader_with_zeros_or_all_that_a_cpu_allows_is_made)
{
    static const int32_t cpus[] = { -1, -1, -1 };
    sn_plan *plan = load_plan(0, NULL);
    sn_loader *loader;
    sn_batch *batch;
    const sn_loader_options *table[] = {
        NULL,
        SN_LOADER_OPTIONS(.workers = 0),
        SN_LOADER_OPTIONS(.concurrency = 32, .threads = 1, .channel_bytes = 1,
                          .timeout_ns = INT64_MAX, .stall_ns = INT64_MAX, .devices = cpus,
                          .num_devices = 3, .no_bind = true),
    };
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(sn_node_loader_create(plan, table[i], &loader), SN_OK);
        ck_assert_int_eq(sn_loader_begin(loader, 0), SN_OK);
        ck_assert_int_eq(sn_loader_next(loader, SN_WAIT_DEFAULT, &batch), SN_OK);
        sn_batch_release(batch);
        sn_loader_release(loader);
    }
    sn_plan_release(plan);
}
END_TEST

static void count_line(void *context, sn_log_level level, const char *line)
{
    ck_assert_int_eq(level, SN_LOG_WARN);
    ck_assert_ptr_nonnull(strstr(line, "pin_memory"));
    ++*(int *)context;
}

START_TEST(loader_asked_to_pin_without_cuda_warns_once_and_says_so_in_its_statistics)
{
    int lines = 0;
    sn_plan *plan = load_plan(0, NULL);
    sn_log_set_sink(count_line, &lines);
    for (int i = 0; i < 2; i++) {
        sn_loader *loader;
        sn_loader_stats stats;
        ck_assert_int_eq(
            sn_node_loader_create(plan, SN_LOADER_OPTIONS(.pin_memory = true), &loader), SN_OK);
        ck_assert_int_eq(lines, 1);
        sn_loader_get_stats(loader, &stats);
        ck_assert_uint_eq(stats.flags, SN_STATS_NOT_PINNED);
        sn_loader_shutdown(loader);
        sn_loader_get_stats(loader, &stats);
        ck_assert_uint_eq(stats.flags, SN_STATS_NOT_PINNED);
        sn_loader_release(loader);
    }
    sn_log_set_sink(NULL, NULL);
    sn_plan_release(plan);
}
END_TEST

START_TEST(loader_calls_with_wrong_arguments_are_refused)
{
    sn_plan *plan = load_plan(0, NULL);
    sn_loader *loader;
    sn_batch *batch;
    ck_assert_int_eq(sn_node_loader_create(plan, NULL, &loader), SN_OK);
    ck_assert_int_eq(sn_loader_begin(loader, 0), SN_OK);
    ck_assert_int_eq(sn_loader_next(loader, 0, NULL), SN_E_INVALID);
    ck_assert_int_eq(sn_loader_next(loader, -2, &batch), SN_E_INVALID);
    ck_assert_int_eq(sn_loader_next(NULL, 0, &batch), SN_E_INVALID);
    ck_assert_int_eq(sn_loader_begin(NULL, 0), SN_E_INVALID);
    sn_loader_stats stats = { .batches = 5 };
    sn_loader_get_stats(NULL, &stats);
    ck_assert_uint_eq(stats.batches, 0);
    sn_loader_shutdown(NULL);
    sn_loader_release(NULL);
    ck_assert_int_eq(sn_loader_next(loader, 0, &batch), SN_OK); /* computing is not waiting */
    sn_batch_release(batch);
    sn_loader_release(loader);
    sn_plan_release(plan);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("loader options");
    tcase_add_test(cases, loader_of_another_kind_is_refused_and_the_right_one_named);
    tcase_add_test(cases, loader_with_a_wrong_option_is_refused_and_the_option_named);
    tcase_add_test(cases, loader_with_zeros_or_all_that_a_cpu_allows_is_made);
    tcase_add_test(cases,
                   loader_asked_to_pin_without_cuda_warns_once_and_says_so_in_its_statistics);
    tcase_add_test(cases, loader_calls_with_wrong_arguments_are_refused);
    return run_cases("loader options", cases);
}
