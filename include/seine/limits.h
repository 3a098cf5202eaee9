/* SPDX-License-Identifier: Apache-2.0 */
/* What this machine's memory allows: the measured limits that every benchmark is held against.
 *
 * Threads: one call at a time; it starts threads of its own. Takes seconds and up to 2 GiB. */
#ifndef SEINE_LIMITS_H
#define SEINE_LIMITS_H

#include "seine/options.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sn_limit {
    char name[64]; /* "random lines, free", "row gather 400 B", "copy", ... */
    char unit[16]; /* "M lines/s", "GB/s", "us" */
    char pages[8]; /* "4k", "huge" or "mixed": what was obtained, not what was asked */
    int32_t threads;
    int32_t runs;
    double median, low, high; /* of the runs; low and high are the 10th and the 90th percentile */
} sn_limit;

typedef struct sn_limits_options {
    uint32_t struct_size; /* filled by the macro */
    uint64_t bytes;       /* per array; 0: 1 GiB, less if memory is short; at least 64 MiB */
    int32_t runs;         /* 0: 9 */
    int32_t max_threads;  /* 0: the cores granted */
    sn_progress progress;
    void *progress_context;
} sn_limits_options;
#define SN_LIMITS_OPTIONS(...) \
    (&(sn_limits_options){ .struct_size = sizeof(sn_limits_options), __VA_ARGS__ })

/* Measures all, in about 20 s with the defaults: lines, rows and copy with 4 KiB and with huge
 * pages (once where the system grants none), with 1, 2, 4, ... and max_threads threads; page
 * faults; the hand-over of a word to a thread that spins and to one that sleeps (with two cores or
 * more). *out is NEW (sn_limits_free), *count its length. Fails: SN_E_NOMEM (with what is needed
 * and what there is), SN_E_SYSTEM, SN_E_CANCELLED. */
SN_NODISCARD SN_API sn_status sn_limits_measure(const sn_limits_options *options, sn_limit **out,
                                                int32_t *count);
SN_API void sn_limits_free(sn_limit *limits);

/* -- One limit at a time ----------------------------------------------------------------------- */

/* The same measurements for a benchmark that alternates with what bounds it. */
typedef struct sn_probe sn_probe;

typedef enum sn_probe_kind {
    SN_PROBE_LINES_BRANCH = 1, /* M lines/s: random cache lines, a branch on each, prefetched */
    SN_PROBE_LINES_FREE = 2,   /* M lines/s: summed, no branch */
    SN_PROBE_ROW_GATHER = 3,   /* GB/s of payload: random rows into a reused buffer, prefetched */
    SN_PROBE_COPY = 4          /* GB/s read plus written */
} sn_probe_kind;

/* Allocates and fills the arrays; uses bytes and max_threads of `options`, which may be NULL.
 * `huge` asks for huge pages. *out is NEW. Fails: SN_E_INVALID, SN_E_NOMEM, SN_E_SYSTEM. */
SN_NODISCARD SN_API sn_status sn_probe_create(const sn_limits_options *options, bool huge,
                                              sn_probe **out);
/* NULL is fine. */
SN_API void sn_probe_release(sn_probe *probe);
/* "4k", "huge" or "mixed". BORROWED from the probe. */
SN_API const char *sn_probe_pages(const sn_probe *probe);
/* One run of up to 0.1 s. `row_bytes` matters to ROW_GATHER only: 1 byte to 1 MiB. Fails:
 * SN_E_INVALID, SN_E_SYSTEM. */
SN_NODISCARD SN_API sn_status sn_probe_run(sn_probe *probe, sn_probe_kind kind, int64_t row_bytes,
                                           int32_t threads, double *out);

#ifdef __cplusplus
}
#endif
#endif
