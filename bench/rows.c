/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/rows.h"

#include "tools/seine/json_out.h"

#include <math.h>
#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void sort_values(double *values, int64_t count)
{
    qsort(values, (size_t)count, sizeof *values, by_value);
}

double quantile(const double *sorted, int64_t count, double q)
{
    double at = q * (double)(count - 1);
    int64_t i = (int64_t)floor(at), next = i + 1 < count ? i + 1 : i;
    return sorted[i] + (at - (double)i) * (sorted[next] - sorted[i]);
}

bench_row row_of_pairs(double *values, double *limits, int64_t count)
{
    bench_row row = {
        .runs = count, .limit = NAN, .share = NAN, .share_p10 = NAN, .share_p90 = NAN
    };
    double *shares = limits != NULL ? malloc((size_t)count * sizeof *shares) : NULL;
    if (shares != NULL) {
        for (int64_t i = 0; i < count; i++)
            shares[i] = values[i] / limits[i];
        sort_values(shares, count);
        sort_values(limits, count);
        row.limit = quantile(limits, count, 0.5);
        row.share = quantile(shares, count, 0.5);
        row.share_p10 = quantile(shares, count, 0.1);
        row.share_p90 = quantile(shares, count, 0.9);
        free(shares);
    }
    sort_values(values, count);
    row.median = quantile(values, count, 0.5);
    row.p10 = quantile(values, count, 0.1);
    row.p90 = quantile(values, count, 0.9);
    return row;
}

static void put_real(json_out *out, const char *key, double value)
{
    jout_key(out, key);
    jout_real(out, value);
}

static void put_text(json_out *out, const char *key, const char *value)
{
    jout_key(out, key);
    jout_text(out, value);
}

static void print_json(const bench_row *row)
{
    json_out out = { .to = stdout };
    jout_open(&out, '{');
    put_text(&out, "bench", row->bench);
    put_text(&out, "name", row->name);
    put_text(&out, "unit", row->unit);
    put_real(&out, "median", row->median);
    put_real(&out, "p10", row->p10);
    put_real(&out, "p90", row->p90);
    jout_key(&out, "runs");
    jout_int(&out, row->runs);
    put_real(&out, "limit", row->limit);
    put_real(&out, "share", row->share);
    put_real(&out, "share_p10", row->share_p10);
    put_real(&out, "share_p90", row->share_p90);
    put_text(&out, "limit_name", row->limit_name);
    put_text(&out, "pages", row->pages);
    jout_key(&out, "threads");
    jout_int(&out, row->threads);
    jout_close(&out, '{');
    jout_line(&out);
}

void print_row(const bench_row *row, bool json)
{
    if (json) {
        print_json(row);
        return;
    }
    printf("%-24s %-5s %3d thread%s %10.4g %-10s p10 %.4g, p90 %.4g, %lld runs", row->name,
           row->pages != NULL ? row->pages : "", row->threads, row->threads == 1 ? " " : "s",
           row->median, row->unit, row->p10, row->p90, (long long)row->runs);
    if (row->limit_name != NULL)
        printf("; limit %.4g (%s), share %.3f, p10 %.3f, p90 %.3f", row->limit, row->limit_name,
               row->share, row->share_p10, row->share_p90);
    putchar('\n');
}
