/* SPDX-License-Identifier: Apache-2.0 */
/* A dataset: graph, features, labels and splits, of one or of several node and edge types.
 *
 * It is immutable and counted. It comes from a directory (META.json and .npy files,
 * docs/formats.md) or from the caller's arrays. With one node type and one edge type it is
 * homogeneous. Types are named by index (their declared order) in the calls below, 0 in a
 * homogeneous dataset.
 * Threads: any, after creation.
 * Fork: a child must not use its parent's handles. */
#ifndef SEINE_DATASET_H
#define SEINE_DATASET_H

#include "seine/options.h"
#include "seine/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sn_dataset sn_dataset;

/* Where arrays of a directory live. MAP: the page cache, shared by all processes, larger than
 * memory works. MEMORY: read into memory that worker processes share (huge pages where the system
 * grants them). */
typedef enum sn_load { SN_LOAD_DEFAULT = 0, SN_LOAD_MAP = 1, SN_LOAD_MEMORY = 2 } sn_load;

typedef struct sn_dataset_options {
    uint32_t struct_size; /* filled by the macro */
    sn_load load;         /* default: SEINE_LOAD, else MAP */
} sn_dataset_options;
#define SN_DATASET_OPTIONS(...) \
    (&(sn_dataset_options){ .struct_size = sizeof(sn_dataset_options), __VA_ARGS__ })

/* Opens a directory. Every length and range that a later call relies on is checked, array contents
 * are not (sn_dataset_verify does). `options` may be NULL. *out is NEW.
 * Fails: SN_E_SYSTEM, SN_E_FORMAT, SN_E_VERSION, SN_E_CORRUPT; the detail names file and fault.
 * Also SN_E_INVALID (options), SN_E_NOMEM. */
SN_NODISCARD SN_API sn_status sn_dataset_open(const char *path, const sn_dataset_options *options,
                                              sn_dataset **out);
/* Drops a reference; samplers and batches keep what they need. NULL is fine. */
SN_API void sn_dataset_release(sn_dataset *dataset);

/* -- From the caller's arrays ------------------------------------------------------------------ */

/* Whether the library may keep the caller's memory. COPY (default): it copies. BORROW: the memory
 * must outlive the dataset. TAKE: on success the library calls `release(context)` when it is done,
 * from the thread that drops the last reference. Memory that is not copied is aligned to its
 * elements. */
typedef enum sn_keep { SN_KEEP_COPY = 0, SN_KEEP_BORROW = 1, SN_KEEP_TAKE = 2 } sn_keep;

/* An array of the caller. All zero: absent. */
typedef struct sn_source {
    sn_tensor tensor;
    sn_keep keep;
    void (*release)(void *context);
    void *context;
} sn_source;

typedef struct sn_node_spec {
    const char *name; /* NULL: "node" */
    int64_t count;
    sn_source x;     /* [count, ...], any type */
    sn_source y;     /* [count, ...], any type; integers: the label `unlabelled` means none */
    sn_source times; /* [count] int64 */
    sn_source train; /* [n] int32 or int64: node ids */
    sn_source val;
    sn_source test;
} sn_node_spec;

/* How the edges are given. COO: edge_index [2, E], row 0 = source; edge ids are positions; both
 * layouts are built (memory of the library). CSR / CSC: indptr [rows + 1] int64 and indices [E]
 * int32 or int64, rows in canonical order (ascending neighbour, then edge id; checked), edge_ids
 * [E] int64 or absent when they are the positions. Give csr, csc, or both (they must hold the same
 * edges). rows may be fewer than nodes: those behind have no edges. */
typedef struct sn_edge_spec {
    const char *src, *rel, *dst; /* all NULL: "node", "to", "node" */
    sn_source edge_index;
    sn_source csr_indptr, csr_indices, csr_edge_ids;
    sn_source csc_indptr, csc_indices, csc_edge_ids;
    sn_source x;       /* [E, ...], by edge id */
    sn_source weights; /* [E] float32, by edge id */
    sn_source times;   /* [E] int64, by edge id */
} sn_edge_spec;

typedef struct sn_dataset_spec {
    uint32_t struct_size; /* filled by the macro */
    int32_t num_node_types;
    const sn_node_spec *node_types;
    int32_t num_edge_types;
    const sn_edge_spec *edge_types;
    const int64_t *unlabelled; /* NULL: -1 */
} sn_dataset_spec;
#define SN_DATASET_SPEC(...) \
    (&(sn_dataset_spec){ .struct_size = sizeof(sn_dataset_spec), __VA_ARGS__ })

/* Ids, shapes and the order of rows are checked. *out is NEW. TAKES the sources marked so, on
 * success.
 * Fails: SN_E_INVALID, SN_E_RANGE (the detail names type, array and position), SN_E_NOMEM. */
SN_NODISCARD SN_API sn_status sn_dataset_create(const sn_dataset_spec *spec, sn_dataset **out);

/* -- What it holds ----------------------------------------------------------------------------- */

SN_API int32_t sn_dataset_num_node_types(const sn_dataset *dataset);
SN_API int32_t sn_dataset_num_edge_types(const sn_dataset *dataset);
SN_API bool sn_dataset_is_homogeneous(const sn_dataset *dataset);

typedef struct sn_node_info {
    const char *name;
    int64_t count;
    const sn_tensor *x; /* NULL: none */
    const sn_tensor *y;
    const sn_tensor *times;
    const sn_tensor *train, *val, *test;
} sn_node_info;

/* One layout of an edge type; indptr NULL: the dataset lacks it. */
typedef struct sn_adjacency {
    const int64_t *indptr;   /* [rows + 1] */
    sn_tensor indices;       /* [E] int32 or int64 */
    const int64_t *edge_ids; /* [E]; NULL: the positions */
    int64_t rows;
} sn_adjacency;

typedef struct sn_edge_info {
    const char *src, *rel, *dst;
    const char *name;           /* "src__rel__dst" */
    int32_t src_type, dst_type; /* node type indices */
    int64_t count;
    sn_adjacency csr, csc;
    const sn_tensor *x;
    const sn_tensor *weights;
    const sn_tensor *times;
} sn_edge_info;

/* All pointers are BORROWED from the dataset. Fails: SN_E_RANGE. */
SN_NODISCARD SN_API sn_status sn_dataset_node_type(const sn_dataset *dataset, int32_t index,
                                                   sn_node_info *out);
SN_NODISCARD SN_API sn_status sn_dataset_edge_type(const sn_dataset *dataset, int32_t index,
                                                   sn_edge_info *out);
/* Index of a type by name; edge types as "src__rel__dst". Fails: SN_E_NOT_FOUND, naming what there
 * is. */
SN_NODISCARD SN_API sn_status sn_dataset_find_node_type(const sn_dataset *dataset, const char *name,
                                                        int32_t *out);
SN_NODISCARD SN_API sn_status sn_dataset_find_edge_type(const sn_dataset *dataset, const char *name,
                                                        int32_t *out);
/* Pairs for link prediction that the dataset carries ("val_pos", "test_neg", ...). NULL: none named
 * so. BORROWED. */
SN_API const sn_tensor *sn_dataset_link(const sn_dataset *dataset, const char *name);
/* The label that means "none". */
SN_API int64_t sn_dataset_unlabelled(const sn_dataset *dataset);
/* META.json as text (a directory), or NULL. BORROWED. */
SN_API const char *sn_dataset_meta(const sn_dataset *dataset);
/* 32 hexadecimal digits over types, counts and the hashes of all arrays; equal datasets have equal
 * ones, from a directory or from memory. Computed at first use for arrays in memory. BORROWED. */
SN_NODISCARD SN_API sn_status sn_dataset_fingerprint(const sn_dataset *dataset, const char **out);

/* Reads everything: hashes, order of rows, ids in range, both layouts holding the same edges,
 * splits.
 * Fails: SN_E_CORRUPT with the first fault; SN_E_CANCELLED. `progress` may be NULL. */
SN_NODISCARD SN_API sn_status sn_dataset_verify(const sn_dataset *dataset, sn_progress progress,
                                                void *context);

#ifdef __cplusplus
}
#endif
#endif
