/* SPDX-License-Identifier: Apache-2.0 */
/* Edge lists (COO) to canonical rows (CSR and CSC).
 *
 * Canonical: rows ascending, in a row neighbours ascending, parallel edges by ascending edge id;
 * the id of an edge is its position in the stream. Edges come from a source that can be read
 * several times, in any order of ranges, by several threads; nothing but the results is of the size
 * of the graph: scratch memory stays below half of the array that is written, save where one row
 * holds most edges.
 *
 * Use: sn__coo_begin surveys the stream (checks ids, finds its order, counts); sn__coo_layout_of
 * then says what arrays a layout needs; sn__coo_rows fills them, which may be in mapped files.
 * Linear time, the same result for any number of threads.
 * Threads: a call uses some of its own; one call at a time per object. */
#ifndef SN_KERNELS_COO_TO_CSR_H
#define SN_KERNELS_COO_TO_CSR_H

#include "base/progress.h"
#include "seine/tensor.h"

enum { SN__EDGE_BLOCK = 1024 }; /* most edges that are asked for at once */

/* A stream of edges. `read` gives edges [first, first + count), any thread, several at once; it may
 * fail. */
typedef struct sn__edge_source {
    int64_t count;
    void *context;
    sn_status (*read)(void *context, int64_t first, int32_t count, int64_t *src, int64_t *dst);
    /* Edges [first, first + count) are not needed soon; NULL: nobody cares. */
    void (*forget)(void *context, int64_t first, int64_t count);
} sn__edge_source;

/* A [2, E] tensor of int32 or int64 (row 0 = source), BORROWED while the source is used. */
sn__edge_source sn__edge_source_tensor(const sn_tensor *edge_index);

typedef enum sn__coo_by { SN__BY_SRC = 0 /* CSR */, SN__BY_DST = 1 /* CSC */ } sn__coo_by;

typedef struct sn__coo_options {
    int64_t num_src, num_dst; /* ids are in [0, num_src) x [0, num_dst) */
    int32_t threads;          /* at least 1 */
    size_t scratch_bytes;     /* 0: half of what a layout writes, at least 4 MiB */
    sn__progress *progress;   /* may be NULL */
} sn__coo_options;

/* What one layout needs. */
typedef struct sn__coo_layout {
    int64_t rows;      /* indptr is [rows + 1] int64 */
    sn_dtype index;    /* indices are [count] int32 if every neighbour id fits, else int64 */
    bool implicit_ids; /* edge ids equal the positions: edge_ids is not written */
} sn__coo_layout;

typedef struct sn__coo sn__coo;

/* *out is NEW. `source` and `options` are copied; what they point to must stay. Fails: SN_E_RANGE
 * (the first id outside, by position), SN_E_NOMEM, SN_E_CANCELLED, and as the source does. */
SN_NODISCARD sn_status sn__coo_begin(const sn__edge_source *source, const sn__coo_options *options,
                                     sn__coo **out);
/* NULL is fine. */
void sn__coo_end(sn__coo *coo);

sn__coo_layout sn__coo_layout_of(const sn__coo *coo, sn__coo_by by);
/* Fills the arrays of a layout; `edge_ids` is NULL exactly when the ids are implicit. After an
 * error their contents are undefined. Fails: SN_E_NOMEM, SN_E_CANCELLED, SN_E_CORRUPT (the stream
 * is not what it was at the survey), and as the source does. */
SN_NODISCARD sn_status sn__coo_rows(sn__coo *coo, sn__coo_by by, int64_t *indptr, void *indices,
                                    int64_t *edge_ids);
/* Sets bit i of `bitmap` (zeroed, [ceil(count / 64)]) for every edge i that has an equal one (same
 * source and destination) before it. Fails as sn__coo_rows. */
SN_NODISCARD sn_status sn__coo_duplicates(sn__coo *coo, uint64_t *bitmap);

#endif
