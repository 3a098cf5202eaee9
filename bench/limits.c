/* SPDX-License-Identifier: Apache-2.0 */
/* seine bench limits: prints what sn_limits_measure measures. Limits have no limit themselves. */
#include "bench/rows.h"
#include "tools/seine/bench_args.h"
#include "tools/seine/progress_bar.h"
#include "tools/seine/report.h"

#include <math.h>
#include <stdio.h>

int bench_limits(const bench_limits_args *args)
{
    sn_limits_options options = { .struct_size = sizeof options,
                                  .runs = (int32_t)args->runs,
                                  .progress = bar_progress };
    sn_limit *limits;
    int32_t count;
    if (args->threads != ARG_NOT_GIVEN)
        options.max_threads = (int32_t)args->threads;
    if (args->mebibytes != ARG_NOT_GIVEN)
        options.bytes = (uint64_t)args->mebibytes << 20;
    sn_status st = sn_limits_measure(&options, &limits, &count);
    bar_clear();
    if (st != SN_OK)
        return report_library(st);
    for (int32_t i = 0; i < count; i++) {
        bench_row row = { .bench = "limits",
                          .name = limits[i].name,
                          .unit = limits[i].unit,
                          .median = limits[i].median,
                          .p10 = limits[i].low,
                          .p90 = limits[i].high,
                          .runs = limits[i].runs,
                          .limit = NAN,
                          .share = NAN,
                          .share_p10 = NAN,
                          .share_p90 = NAN,
                          .pages = limits[i].pages,
                          .threads = limits[i].threads };
        print_row(&row, args->json);
    }
    sn_limits_free(limits);
    return CODE_DONE;
}
