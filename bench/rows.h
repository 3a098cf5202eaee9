/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of results: medians of what was measured, and of its share of the limit beside which it was
 * measured. */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

#include <stdbool.h>
#include <stdint.h>

/* Sorts. */
void sort_values(double *values, int64_t count);
/* Of sorted values, interpolated. */
double quantile(const double *sorted, int64_t count, double q);

typedef struct bench_row {
    const char *bench, *name, *unit;
    double median, p10, p90;
    int64_t runs;
    double limit; /* NaN: nothing bounds it */
    double share, share_p10, share_p90;
    const char *limit_name; /* what the limit is; NULL without one */
    const char *pages;      /* of the limit, or of the row itself; NULL: does not matter */
    int32_t threads;
} bench_row;

/* A row from `count` pairs of a measurement and its limit (`limits` NULL: none). The arrays are
 * sorted. */
bench_row row_of_pairs(double *values, double *limits, int64_t count);
void print_row(const bench_row *row, bool json);

#endif
