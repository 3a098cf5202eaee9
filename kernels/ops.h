/* SPDX-License-Identifier: Apache-2.0 */
/* The op table: what a device must be able to compute. One file per op, of the same name, under
 * cpu/.
 *
 * All ops are pure functions of their arguments: results do not depend on blocks, threads or
 * devices, and every implementation gives the same bytes (docs/sampling.md). Arrays that came from
 * files are not trusted: an op never reads outside what its arguments describe, and says
 * SN_E_CORRUPT instead.
 * Threads: any; scratch belongs to one caller at a time. */
#ifndef SN_KERNELS_OPS_H
#define SN_KERNELS_OPS_H

#include "base/status.h"

/* The rows of one edge type in one direction. */
typedef struct sn__rows {
    const int64_t *indptr;   /* [rows + 1] */
    const void *indices;     /* [edges] int32, or int64 if `wide` */
    const int64_t *edge_ids; /* [edges]; NULL: the positions */
    int64_t rows, edges;
    int64_t neighbours; /* neighbour ids lie in [0, neighbours) */
    bool wide;
} sn__rows;

/* What is taken of one row. */
typedef struct sn__span {
    int64_t start; /* position of the row's first edge */
    int64_t degree;
    int64_t count; /* picks */
} sn__span;

/* How rows are sampled. */
typedef struct sn__pick_rule {
    uint64_t key;   /* phase key */
    int64_t fanout; /* -1: all */
    bool replace;
} sn__pick_rule;

/* Scratch of pick_uniform for large fanouts. Zero it first; free with sn__pick_scratch_deinit. */
typedef struct sn__pick_scratch {
    uint64_t *slots; /* open-addressing set of picked positions + 1 */
    size_t capacity;
    size_t in_use; /* by the row under way, a power of two */
} sn__pick_scratch;
void sn__pick_scratch_deinit(sn__pick_scratch *scratch);

/* Which node has which local id in the batch under way. An entry is valid if it is at least `base`;
 * then entry - base is the local id. `base` grows by the nodes of every batch, so nothing is
 * cleared but once in 2^30 nodes. */
typedef struct sn__label_map {
    uint32_t *entries; /* [size] */
    int64_t size;
    uint32_t base;
} sn__label_map;

/* Distinct nodes of one type in the order of their local ids. */
typedef struct sn__node_list {
    int64_t *ids;
    size_t count, capacity;
    sn__label_map map;
} sn__node_list;

enum {
    SN__BLOCK_ROWS = 64, /* rows per call of the row ops: their state stays in the first cache */
    SN__LABEL_LIMIT =
        1 << 30, /* nodes of one type in one batch, and greatest base: sums fit 32 bits */
};

typedef struct sn__kernel_ops {
    uint32_t abi; /* SN__KERNEL_ABI */

    /* Start, degree and number of picks of up to SN__BLOCK_ROWS nodes; *total is the sum of the
     * picks. A node outside the rows has degree 0. SN_E_CORRUPT: row pointers that fall or leave
     * the array. */
    sn_status (*row_spans)(const sn__rows *rows, const int64_t *nodes, size_t count,
                           const sn__pick_rule *rule, sn__span *spans, size_t *total);

    /* The picks of those rows in order: neighbour ids, and edge ids unless `edge_ids` is NULL.
     * SN_E_CORRUPT: a neighbour id out of range. SN_E_NOMEM: scratch. */
    sn_status (*pick_uniform)(const sn__rows *rows, const int64_t *nodes, size_t count,
                              const sn__pick_rule *rule, const sn__span *spans,
                              sn__pick_scratch *scratch, int64_t *neighbours, int64_t *edge_ids);

    /* Local ids of `ids`, each inside the map; new ones are appended to the list, whose capacity
     * has room for `count` more. */
    void (*relabel)(sn__node_list *list, const int64_t *ids, size_t count, uint32_t *labels);

    /* out row i = source row ids[i], rows of `row_bytes`. SN_E_CORRUPT: an id outside [0, rows). */
    sn_status (*gather_rows)(const void *source, int64_t rows, size_t row_bytes, const int64_t *ids,
                             size_t count, void *out);
} sn__kernel_ops;

enum { SN__KERNEL_ABI = 1 };

const sn__kernel_ops *sn__kernels_cpu(void);

/* The ops of cpu/, one file each. */
sn_status sn__cpu_row_spans(const sn__rows *rows, const int64_t *nodes, size_t count,
                            const sn__pick_rule *rule, sn__span *spans, size_t *total);
sn_status sn__cpu_pick_uniform(const sn__rows *rows, const int64_t *nodes, size_t count,
                               const sn__pick_rule *rule, const sn__span *spans,
                               sn__pick_scratch *scratch, int64_t *neighbours, int64_t *edge_ids);
void sn__cpu_relabel(sn__node_list *list, const int64_t *ids, size_t count, uint32_t *labels);
sn_status sn__cpu_gather_rows(const void *source, int64_t rows, size_t row_bytes,
                              const int64_t *ids, size_t count, void *out);

#endif
