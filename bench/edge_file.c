/* SPDX-License-Identifier: Apache-2.0 */
/* Threads: the main thread. */
#include "bench/edge_file.h"

#include "tools/seine/progress_bar.h"
#include "tools/seine/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { HEADER = 128, BLOCK = 1 << 16 };

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* The square of a uniform number, then ranks are spread over the ids (an odd factor permutes). */
static int64_t draw(uint64_t at, int64_t scale)
{
    uint64_t uniform = mix(at * UINT64_C(0x9e3779b97f4a7c15) + 1) >> 32;
    uint64_t rank = (uniform * uniform) >> (64 - scale);
    return (int64_t)(rank * UINT64_C(0x9e3779b97f4a7c15) & (((uint64_t)1 << scale) - 1));
}

static bool write_header(FILE *to, int64_t count)
{
    char header[HEADER + 1];
    memset(header, ' ', HEADER);
    int length = snprintf(header, sizeof header,
                          "\x93NUMPY\x01%c%c%c{'descr': '<i8', 'fortran_order': False, "
                          "'shape': (2, %lld), }",
                          0, HEADER - 10, 0, (long long)count);
    header[length] = ' ';
    header[HEADER - 1] = '\n';
    return fwrite(header, 1, HEADER, to) == HEADER;
}

static int write_ids(FILE *to, const char *path, int64_t scale, int64_t count)
{
    static int64_t ids[BLOCK];
    for (int64_t at = 0; at < 2 * count; at += BLOCK) {
        int64_t n = 2 * count - at < BLOCK ? 2 * count - at : BLOCK;
        for (int64_t i = 0; i < n; i++)
            ids[i] = draw((uint64_t)(at + i), scale);
        if (fwrite(ids, sizeof *ids, (size_t)n, to) != (size_t)n)
            return report_failure("%s: cannot write: %s", path, strerror(errno));
        if (!bar_progress(NULL, "edges", (uint64_t)(at + n), (uint64_t)(2 * count)))
            return report_interrupted();
    }
    return CODE_DONE;
}

int edge_file_make(const char *path, int64_t scale, int64_t count)
{
    FILE *to = fopen(path, "wxe");
    if (to == NULL || !write_header(to, count)) {
        int code = report_failure("%s: cannot write: %s", path, strerror(errno));
        if (to != NULL)
            fclose(to);
        return code;
    }
    int code = write_ids(to, path, scale, count);
    if (fclose(to) != 0 && code == CODE_DONE)
        code = report_failure("%s: cannot write: %s", path, strerror(errno));
    bar_clear();
    return code;
}
