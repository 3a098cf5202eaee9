/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of coo_to_csr share: the survey's counts, the plan of buckets and rounds. */
#ifndef SN_KERNELS_CPU_COO_BUCKET_H
#define SN_KERNELS_CPU_COO_BUCKET_H

#include "kernels/coo_to_csr.h"
#include "kernels/sweep.h"

/* Counts are kept per cell, 2^shift consecutive rows, so that they stay in the cache. */
typedef struct sn__coo_side {
    int64_t rows, cols;
    int64_t cells;
    int shift;
    bool sorted;      /* the stream is in the canonical order of this side */
    uint64_t *counts; /* [threads][cells]: edges in each thread's slice of the stream */
} sn__coo_side;

struct sn__coo {
    sn__edge_source source;
    sn__coo_options options;
    sn__coo_side side[2]; /* by sn__coo_by */
    void *temp;           /* lent to each job in turn: fresh pages cost more than what fills them */
    size_t temp_bytes;
};

/* Consecutive cells whose edges are sorted together. */
typedef struct sn__coo_bucket {
    int64_t cell, cell_end;
    uint64_t first, count; /* edges: position in the result, how many */
} sn__coo_bucket;

/* One layout, or the search for duplicates, in the making. */
typedef struct sn__coo_job {
    const sn__coo *coo;
    sn__coo_by by;
    const sn__coo_side *side;
    /* Results: either a layout or `duplicates`. */
    int64_t *indptr;
    uint8_t *indices;
    size_t index_bytes; /* 4 or 8 */
    int64_t *edge_ids;
    uint64_t *duplicates;
    /* Digits of the column that have to be sorted; none if the stream has them ascending already.
     */
    int col_passes, col_bits, row_passes, row_bits;
    /* The plan: round r works on buckets [rounds[r], rounds[r + 1]). */
    sn__coo_bucket *buckets;
    int64_t num_buckets;
    int64_t *rounds;
    int64_t num_rounds;
    uint64_t round_edges, bucket_edges; /* the most of one round, of one bucket */
    int64_t round_buckets;
    int32_t *bucket_of; /* [cells]: the bucket, counted from the start of its round */
    int64_t round;      /* in work */
    void *temp;         /* the edges of a round by bucket; of the sn__coo */
    size_t temp_bytes;
    void **lanes; /* [threads] */
    size_t lane_bytes;
    void **spare; /* [threads], of spare_bytes each; the second array of a sort, if any */
    size_t spare_bytes;
    sn__stage stage;
} sn__coo_job;

/* Reads edges and checks every id, each time: a mapped file may be changed by others meanwhile.
 * `row` and `col` are the source and the destination, or the other way round, as `by` says. */
SN_NODISCARD sn_status sn__coo_read(const sn__coo *coo, sn__coo_by by, int64_t first, int32_t count,
                                    int64_t *row, int64_t *col);
SN_NODISCARD sn_status sn__coo_changed(void);

/* Sorts all edges by bucket, rounds and digits (small: ids and edges below 2^32). */
SN_NODISCARD sn_status sn__coo_sort_small(sn__coo_job *job);
SN_NODISCARD sn_status sn__coo_sort_large(sn__coo_job *job);
/* Bytes in `temp` per edge, bytes of one lane per bucket. */
extern const size_t sn__coo_edge_bytes_small, sn__coo_edge_bytes_large;

#endif
