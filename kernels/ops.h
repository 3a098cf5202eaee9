/* SPDX-License-Identifier: Apache-2.0 */
/* The op table: what a device must be able to compute. Under cpu/: picking (pick_*.c) and labelling
 * (relabel*.c) plain and per instruction set, links, the gather, and COO to CSR.
 *
 * All ops are pure functions of their arguments: results do not depend on blocks, threads or
 * devices, and every implementation gives the same bytes (docs/sampling.md). Arrays that came from
 * files are not trusted: an op never reads outside what its arguments describe, and says
 * SN_E_CORRUPT instead.
 * Threads: any; scratch belongs to one caller at a time. */
#ifndef SN_KERNELS_OPS_H
#define SN_KERNELS_OPS_H

#include "base/isa.h"
#include "base/random.h"
#include "kernels/label_map.h"

/* The rows of one edge type in one direction. */
typedef struct sn__rows {
    const int64_t *indptr;   /* [rows + 1] */
    const void *indices;     /* [edges] int32, or int64 if `wide` */
    const int64_t *edge_ids; /* [edges]; NULL: the positions */
    int64_t rows, edges;
    int64_t neighbours; /* neighbour ids lie in [0, neighbours) */
    bool wide;
    /* Rows in the order of time: [edges], places in the row and their times. NULL: in their own order. */
    const uint32_t *order;
    const int64_t *times;
    /* Of weights in that order: [edges] if there is a time order, else [edges][2], each with the low 32 bits of
     * the neighbour. NULL: no weights. */
    const uint32_t *sums;
} sn__rows;

enum {
    SN__BLOCK_ROWS = 64, /* rows per call of the row ops: their state stays in the first cache */
    /* Elements behind the end of an array that an op may overwrite: it writes whole registers. */
    SN__SLACK = 64,
};

/* How edges of a row are picked: docs/sampling.md, sections 3.1, 7.2, 9 and 10. */
typedef enum sn__pick {
    SN__PICK_UNIFORM,
    SN__PICK_WEIGHTED,
    SN__PICK_LAST,
    SN__PICK_LABOR
} sn__pick;

/* How rows are sampled. */
typedef struct sn__pick_rule {
    uint64_t key;   /* phase key */
    int64_t fanout; /* -1: all */
    bool replace;
    sn__pick pick;
    int64_t window; /* of rows with times: those of the last so many; 0: all that are not later */
} sn__pick_rule;

/* Picked positions of one row, for large fanouts: an open-addressing set, or other scratch of words. Zero it
 * first; free with sn__pick_set_deinit. */
typedef struct sn__pick_set {
    uint64_t *slots; /* position + 1, or 0 */
    size_t capacity;
    size_t in_use; /* by the row under way, a power of two */
} sn__pick_set;
void sn__pick_set_deinit(sn__pick_set *set);

/* Rows of a frontier on their way through the row ops. Zero it first; free with sn__row_block_deinit. */
typedef struct sn__row_block {
    size_t count;
    int64_t nodes[SN__BLOCK_ROWS];
    uint32_t trees[SN__BLOCK_ROWS]; /* zeros unless trees are disjoint */
    int64_t until[SN__BLOCK_ROWS];  /* of rows with times: those of later edges do not count */
    /* BORROWED, of the neighbours: its entries are prefetched, never read. Zeros: nothing is prefetched. */
    sn__label_map map;
    /* Of row_spans. Behind the last row all is 0. */
    int64_t begin[SN__BLOCK_ROWS]; /* position of the row's first edge */
    int64_t whole[SN__BLOCK_ROWS]; /* edges of the row */
    int64_t start[SN__BLOCK_ROWS]; /* the same of those that count: all, or those of the time */
    int64_t degree[SN__BLOCK_ROWS];
    int64_t picked[SN__BLOCK_ROWS]; /* how many are picked, at most; draw says how many */
    size_t picks;                   /* their sum */
    /* Of draw, for take. */
    uint32_t *tiles; /* positions of small fanouts, by rows of sixteen; NULL: not needed yet */
    /* Of take: neighbour ids. (Positions before, of large fanouts.) [capacity], not less than
     * picks + SN__SLACK when draw is called. */
    int64_t *neighbours;
    size_t capacity;
} sn__row_block;
void sn__row_block_deinit(sn__row_block *block);

/* Distinct nodes of one type in the order of their local ids. */
typedef struct sn__node_list {
    int64_t *ids;
    size_t count, capacity;
    sn__label_map map;
} sn__node_list;

/* How negative links are drawn: docs/sampling.md, section 6.1. */
typedef struct sn__neg_rule {
    uint64_t key;                  /* phase key */
    int64_t sources, destinations; /* nodes of the two end types */
    size_t pairs;                  /* of the batch */
    size_t per_pair;               /* triplet: negatives of each pair; 0: binary */
    uint32_t tries;                /* 0: the first is not tested */
    bool by_degree;                /* the rows have edges then */
    bool in;                       /* the rows are those of destinations; else of sources */
} sn__neg_rule;

typedef struct sn__kernel_ops {
    uint32_t abi; /* SN__KERNEL_ABI */

    /* sn__shuffle_range. */
    void (*shuffle)(const sn__shuffle *shuffle, uint64_t first, size_t count, int64_t *out);

    /* The row ops: a block passes all of them in this order. Several are under way at once, so that what
     * one waits for comes while others compute.
     *
     * Row pointers of the nodes are needed soon. */
    void (*prefetch_rows)(const sn__rows *rows, const sn__row_block *block);
    /* Start, degree and number of picks of the nodes. A node outside the rows has degree 0.
     * SN_E_CORRUPT: row pointers that fall or leave the array. */
    sn_status (*row_spans)(const sn__rows *rows, const sn__pick_rule *rule, sn__row_block *block);
    /* Which edges are picked. SN_E_NOMEM: scratch; SN_E_CORRUPT: tables of weights or times. */
    sn_status (*draw)(const sn__rows *rows, const sn__pick_rule *rule, sn__row_block *block,
                      sn__pick_set *set);
    /* The neighbours of those picks, row by row, and their edge ids unless `edge_ids` is NULL
     * ([picks + SN__SLACK]). Their entries of the block's map are needed soon. SN_E_CORRUPT: a neighbour
     * id out of range. */
    sn_status (*take)(const sn__rows *rows, const sn__pick_rule *rule, sn__row_block *block,
                      int64_t *edge_ids);

    /* Entries of nodes are needed soon, by this thread. For blocks that another one took: what it asked
     * for would lie in its own caches. */
    void (*prefetch_labels)(const sn__label_map *map, const int64_t *nodes, size_t count);
    /* Local ids of `ids`, each inside the map; new ones are appended to the list, whose capacity
     * has room for `count` + SN__SLACK more, as its map has for `count`. `labels` is [count + SN__SLACK]. */
    void (*relabel)(sn__node_list *list, const int64_t *ids, size_t count, uint32_t *labels);
    /* Local ids of `ids`, each inside the map; SN__NO_LABEL where there is none. Nothing is appended. `labels`
     * is [count]. */
    void (*lookup)(const sn__label_map *map, const int64_t *ids, size_t count, uint32_t *labels);

    /* Ends of the edges at `positions` of the rows, each in [0, edges): in whose row one lies, and its
     * neighbour. Either may be NULL. SN_E_CORRUPT: a neighbour id out of range. */
    sn_status (*edge_ends)(const sn__rows *rows, const int64_t *positions, size_t count,
                           int64_t *owners, int64_t *neighbours);
    /* Negative links 0 .. count - 1 of a batch, in the order of the section: `dst`, `src` if they are binary,
     * and in `failed` whether all tries were edges (1, else 0; a triplet's is then filled). `pair_sources`
     * [pairs] are needed for triplets. SN_E_CORRUPT: as row_spans and edge_ends. */
    sn_status (*negatives)(const sn__rows *rows, const sn__neg_rule *rule,
                           const int64_t *pair_sources, size_t count, int64_t *src, int64_t *dst,
                           uint8_t *failed);

    /* out row i = source row ids[i], rows of `row_bytes`. SN_E_CORRUPT: an id outside [0, rows). */
    sn_status (*gather_rows)(const void *source, int64_t rows, size_t row_bytes, const int64_t *ids,
                             size_t count, void *out);
} sn__kernel_ops;

enum { SN__KERNEL_ABI = 8 };

/* Those of sn__isa_choose. */
const sn__kernel_ops *sn__kernels_cpu(void);
/* NULL: it is not there. */
const sn__kernel_ops *sn__kernels_of(sn__isa isa);

/* The plain ops of cpu/. */
void sn__cpu_prefetch_rows(const sn__rows *rows, const sn__row_block *block);
sn_status sn__cpu_row_spans(const sn__rows *rows, const sn__pick_rule *rule, sn__row_block *block);
sn_status sn__cpu_draw(const sn__rows *rows, const sn__pick_rule *rule, sn__row_block *block,
                       sn__pick_set *set);
sn_status sn__cpu_take(const sn__rows *rows, const sn__pick_rule *rule, sn__row_block *block,
                       int64_t *edge_ids);
void sn__cpu_prefetch_labels(const sn__label_map *map, const int64_t *nodes, size_t count);
void sn__cpu_relabel(sn__node_list *list, const int64_t *ids, size_t count, uint32_t *labels);
void sn__cpu_lookup(const sn__label_map *map, const int64_t *ids, size_t count, uint32_t *labels);
sn_status sn__cpu_edge_ends(const sn__rows *rows, const int64_t *positions, size_t count,
                            int64_t *owners, int64_t *neighbours);
sn_status sn__cpu_negatives(const sn__rows *rows, const sn__neg_rule *rule,
                            const int64_t *pair_sources, size_t count, int64_t *src, int64_t *dst,
                            uint8_t *failed);
sn_status sn__cpu_gather_rows(const void *source, int64_t rows, size_t row_bytes,
                              const int64_t *ids, size_t count, void *out);

#endif
