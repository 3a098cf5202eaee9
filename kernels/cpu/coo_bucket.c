/* SPDX-License-Identifier: Apache-2.0 */
/* The sorting half of coo_to_csr: a round of buckets is scattered from the stream, each bucket is
 * sorted where it lies. The template has the code, this file its two widths and their memory. */
#include "kernels/cpu/coo_bucket.h"

#include "base/mem.h"

#include <string.h>
#ifdef __SSE2__
#    include <emmintrin.h>
#endif

enum {
    LINE = 16,       /* edges collected before they are written: three cache lines of small ones */
    DIGIT_BITS = 12, /* as coo_to_csr.c plans them; a table of places stays in the L1 cache */
    SWEEP_EDGES = 1 << 18 /* between two looks at progress: about a millisecond */
};

sn_status sn__coo_changed(void)
{
    return sn__fail(SN_E_CORRUPT, "edges changed while they were read");
}

/* A lane's arrays of places have whole cache lines, so that its lines of edges begin at one. */
static size_t places_of(const sn__coo_job *job)
{
    return ((size_t)job->round_buckets + 7) / 8 * 8;
}

/* Copies whole cache lines past the caches: nobody reads them before the round is complete, and a
 * cached store would first read what it overwrites. */
static inline void write_line(void *to, const void *from, size_t bytes)
{
#ifdef __SSE2__
    for (size_t i = 0; i < bytes / sizeof(__m128i); i++)
        _mm_stream_si128((__m128i *)to + i, _mm_load_si128((const __m128i *)from + i));
#else
    memcpy(to, from, bytes);
#endif
}

/* Before other threads are told of the lines: streamed stores are not ordered by a release. */
static inline void write_lines_done(void)
{
#ifdef __SSE2__
    _mm_sfence();
#endif
}

/* Per thread: the lanes, and the second array of a sort where the result's place cannot serve.
 * Freed with the job. */
static sn_status get_memory(sn__coo_job *job, size_t temp_bytes, int32_t threads)
{
    if (temp_bytes > job->temp_bytes) {
        sn__mem_pages_free(job->temp, job->temp_bytes);
        job->temp = NULL;
        job->temp_bytes = 0;
        SN_TRY(sn__mem_pages(temp_bytes, "edges of a round", &job->temp));
        job->temp_bytes = temp_bytes;
    }
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
