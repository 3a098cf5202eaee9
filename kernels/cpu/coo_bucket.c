/* SPDX-License-Identifier: Apache-2.0 */
/* The sorting half of coo_to_csr: a round of buckets is scattered from the stream, each bucket is
 * sorted where it lies. The template has the code, this file its two widths and their memory. */
#include "kernels/cpu/coo_bucket.h"

#include "base/mem.h"

#include <string.h>

enum {
    LINE = 16,       /* edges collected before they are written: three cache lines of small ones */
    DIGIT_BITS = 12, /* as coo_to_csr.c plans them; a table of places stays in the L1 cache */
    SWEEP_EDGES = 1 << 18 /* between two looks at progress: about a millisecond */
};

sn_status sn__coo_changed(void)
{
    return sn__fail(SN_E_CORRUPT, "edges changed while they were read");
}

/* Per thread: the lanes, and the second array of a sort where the result's place cannot serve.
 * Freed with the job. */
static sn_status get_memory(sn__coo_job *job, int32_t threads)
{
    SN_TRY(sn__mem_pages(job->temp_bytes, "edges of a round", &job->temp));
    SN_TRY(sn__mem_zalloc((size_t)threads, sizeof *job->lanes, "lanes", &job->lanes));
    for (int32_t t = 0; t < threads; t++)
        SN_TRY(sn__mem_pages(job->lane_bytes, "lanes", &job->lanes[t]));
    if (job->spare_bytes == 0)
        return SN_OK;
    SN_TRY(sn__mem_zalloc((size_t)threads, sizeof *job->spare, "sort buffers", &job->spare));
    for (int32_t t = 0; t < threads; t++)
        SN_TRY(sn__mem_pages(job->spare_bytes, "sort buffer", &job->spare[t]));
    return SN_OK;
}

#define WORD    uint32_t
#define NAME(x) x##_small
#include "kernels/cpu/coo_bucket_template.h"
#undef WORD
#undef NAME

#define WORD    uint64_t
#define NAME(x) x##_large
#include "kernels/cpu/coo_bucket_template.h"
#undef WORD
#undef NAME
