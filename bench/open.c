/* SPDX-License-Identifier: Apache-2.0 */
/* seine bench open: the time that opening (and releasing) a dataset takes, its files mapped, in turn
 * with opening ten small ones. */
#include "bench/folder.h"
#include "bench/rows.h"
#include "seine/seine.h"
#include "tools/seine/bench_args.h"
#include "tools/seine/progress_bar.h"
#include "tools/seine/report.h"
#include "tools/seine/seconds.h"

#include <stdio.h>
#include <stdlib.h>

enum { SMALL = 10, SMALL_SCALE = 4 };

/* Microseconds. */
static int open_one(const char *path, double *took)
{
    sn_dataset *dataset;
    double start = seconds_now();
    sn_status st = sn_dataset_open(path, SN_DATASET_OPTIONS(.load = SN_LOAD_MAP), &dataset);
    if (st != SN_OK)
        return report_library(st);
    sn_dataset_release(dataset);
    *took = (seconds_now() - start) * 1e6;
    return CODE_DONE;
}

static const char *small_path(const char *folder, int i, char out[FOLDER_PATH])
{
    char name[16];
    snprintf(name, sizeof name, "small%d", i);
    return folder_path(folder, name, out);
}

static int make_one(const char *path, int32_t scale)
{
    sn_status st = sn_gen_rmat(SN_RMAT_OPTIONS(.scale = scale, .degree = 16, .feat_dim = 100,
                                               .seed = 1, .progress = bar_progress),
                               path);
    bar_clear();
    return st == SN_OK ? CODE_DONE : report_library(st);
}

static int measure(const bench_open_args *args, const char *folder, const char *large,
                   double *values, double *limits)
{
    char path[FOLDER_PATH];
    double took = 0;
    for (int64_t run = -1; run < args->runs; run++) { /* once for nothing: memory, caches */
        double sum = 0;
        for (int i = 0; i < SMALL; i++) {
            int code = open_one(small_path(folder, i, path), &took);
            if (code != CODE_DONE)
                return code;
            sum += took;
        }
        int code = open_one(large, &took);
        if (code != CODE_DONE)
            return code;
        if (run >= 0) {
            limits[run] = sum;
            values[run] = took;
        }
        if (!bar_progress(NULL, "large and small", (uint64_t)run + 1, (uint64_t)args->runs))
            return report_interrupted();
    }
    return CODE_DONE;
}

static int run_in(const bench_open_args *args, const char *folder)
{
    char path[FOLDER_PATH];
    const char *large = args->dataset;
    int code = CODE_DONE;
    for (int i = 0; i < SMALL && code == CODE_DONE; i++)
        code = make_one(small_path(folder, i, path), SMALL_SCALE);
    if (code == CODE_DONE && large == NULL) {
        large = folder_path(folder, "large", path);
        fprintf(stderr, "no --dataset: an R-MAT graph of 2^%lld nodes is made in %s, and removed\n",
                (long long)args->scale, folder);
        code = make_one(large, (int32_t)args->scale);
    }
    size_t runs = (size_t)args->runs;
    double *values = calloc(2 * runs, sizeof *values);
    if (code == CODE_DONE && values == NULL)
        code = report_failure("bench: out of memory");
    if (code == CODE_DONE)
        code = measure(args, folder, large, values, values + runs);
    bar_clear();
    if (code == CODE_DONE) {
        bench_row row = row_of_pairs(values, values + runs, args->runs);
        row.bench = "open";
        row.name = "open a dataset";
        row.unit = "us";
        row.limit_name = "ten small ones";
        row.threads = 1;
        print_row(&row, args->json);
    }
    free(values);
    return code;
}

int bench_open(const bench_open_args *args)
{
    char folder[FOLDER_BYTES];
    int code = folder_make(folder);
    if (code == CODE_DONE)
        code = run_in(args, folder);
    folder_remove(folder);
    return code;
}
