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
    char name[64];   /* "random lines, free", "row gather 400 B", "copy", ... */
    char unit[16];   /* "M lines/s", "GB/s", "us" */
    char pages[8];   /* "4k" or "huge": what was obtained, not what was asked */
    int32_t threads;
    int32_t runs;
    double median, low, high;
} sn_limit;

typedef struct sn_limits_options {
    uint32_t struct_size; /* filled by the macro */
    uint64_t bytes;       /* per array; 0: 1 GiB, less if memory is short; at least 64 MiB */
    int32_t runs;         /* 0: 9 */
    int32_t max_threads;  /* 0: the cores granted */
    sn_progress progress;
    void *progress_context;
} sn_limits_options;
#define SN_LIMITS_OPTIONS(...)                                                                     \
    (&(sn_limits_options){ .struct_size = sizeof(sn_limits_options), __VA_ARGS__ })

/* Measures all; *out is NEW (sn_limits_free), *count its length.
 * Fails: SN_E_NOMEM (with what is needed and what there is), SN_E_SYSTEM, SN_E_CANCELLED. */
SN_NODISCARD SN_API sn_status sn_limits_measure(const sn_limits_options *options, sn_limit **out,
                                                int32_t *count);
SN_API void sn_limits_free(sn_limit *limits);

#ifdef __cplusplus
}
#endif
#endif
