/* SPDX-License-Identifier: Apache-2.0 */
/* Growing memory. A quarter is added at each growth, since the next batches are a little larger or
 * smaller than this one. */
#include "floats.h"

#include <stdlib.h>

#include "report.h"

bool floats_reserve(struct floats *floats, int64_t rows, int64_t columns)
{
    size_t need;

    if (__builtin_mul_overflow((size_t)rows, (size_t)columns, &need) ||
        need > SIZE_MAX / (2 * sizeof(float)) - 64)
        return report_error("out of memory: %lld rows of %lld numbers", (long long)rows,
                            (long long)columns);
    if (need <= floats->capacity)
        return true;
    need += need / 4;
    size_t bytes = (need * sizeof(float) + 63) / 64 * 64;
    float *data = aligned_alloc(64, bytes);
    if (data == NULL)
        return report_error("out of memory: %zu bytes", bytes);
    free(floats->data);
    *floats = (struct floats){ .data = data, .capacity = bytes / sizeof(float) };
    return true;
}

void floats_free(struct floats *floats)
{
    free(floats->data);
    *floats = (struct floats){ 0 };
}
