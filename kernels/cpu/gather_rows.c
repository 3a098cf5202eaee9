/* SPDX-License-Identifier: Apache-2.0 */
/* Copying rows of bytes from random places to consecutive ones. */
#include "kernels/cpu/prefetch.h"
#include "kernels/ops.h"

#include <stdbool.h>
#include <string.h>

enum {
    AHEAD_BYTES = 12800, /* how far ahead rows are prefetched: 32 rows of 400 bytes */
    AHEAD_ROWS = 64,     /* at most, for short rows */
    LINE = 64,
    /* Rows from LEAST_WIDE to MOST_WIDE bytes: where they go to is fetched as well, AHEAD_OUT rows
     * ahead. Gains an eighth or more there, and costs a tenth for rows of a few lines and of a
     * page. */
    LEAST_WIDE = 1024,
    MOST_WIDE = 1536,
    AHEAD_OUT = 2
};

static inline void prefetch_row(const char *row, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += LINE)
        sn__prefetch(row + at);
    sn__prefetch(row + bytes - 1);
}

sn_status sn__cpu_gather_rows(const void *source, int64_t rows, size_t row_bytes,
                              const int64_t *ids, size_t count, void *out)
{
    const char *from = source;
    char *to = out;
    for (size_t i = 0; i < count; i++)
        if ((uint64_t)ids[i] >= (uint64_t)rows)
            return sn__fail(SN_E_CORRUPT, "id %lld of %lld rows", (long long)ids[i],
                            (long long)rows);
    if (row_bytes == 0)
        return SN_OK;

    size_t ahead = AHEAD_BYTES / row_bytes;
    ahead = ahead > AHEAD_ROWS ? AHEAD_ROWS : ahead < 1 ? 1 : ahead;
    for (size_t i = 0; i < count && i < ahead; i++)
        prefetch_row(from + (size_t)ids[i] * row_bytes, row_bytes);
    bool wide = row_bytes >= LEAST_WIDE && row_bytes <= MOST_WIDE;
    for (size_t i = 0; i < count; i++) {
        if (i + ahead < count)
            prefetch_row(from + (size_t)ids[i + ahead] * row_bytes, row_bytes);
        if (wide && i + AHEAD_OUT < count)
            prefetch_row(to + (i + AHEAD_OUT) * row_bytes, row_bytes);
        memcpy(to + i * row_bytes, from + (size_t)ids[i] * row_bytes, row_bytes);
    }
    return SN_OK;
}
