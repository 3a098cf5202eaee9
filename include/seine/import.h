/* SPDX-License-Identifier: Apache-2.0 */
/* Making dataset directories: from a manifest, from .npy files, from the R-MAT generator.
 *
 * All three stream from mapped files with bounded memory, write to a temporary directory beside
 * `out` and rename it at the end: a half-written dataset is never seen, and an error or a cancel
 * leaves nothing. `out` must not exist, be an empty directory, or be a Seine dataset (which is then
 * replaced whole).
 * Threads: any; one call uses `threads` of its own. */
#ifndef SEINE_IMPORT_H
#define SEINE_IMPORT_H

#include "seine/options.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum sn_layout {
    SN_LAYOUT_DEFAULT = 0, /* both */
    SN_LAYOUT_BOTH = 1,
    SN_LAYOUT_CSR = 2,
    SN_LAYOUT_CSC = 3
} sn_layout;

typedef struct sn_import_options {
    uint32_t struct_size; /* filled by the macro */
    sn_layout layout;
    int32_t threads; /* 0: SEINE_THREADS, else the cores granted */
    /* Null model: permutes the destinations of each edge type at random. Keeps every degree (before
     * duplicates are merged, where the manifest asks for that) and destroys the structure. */
    bool shuffle_ends;
    uint64_t shuffle_seed;
    sn_progress progress; /* may be NULL */
    void *progress_context;
} sn_import_options;
#define SN_IMPORT_OPTIONS(...) \
    (&(sn_import_options){ .struct_size = sizeof(sn_import_options), __VA_ARGS__ })

/* Imports a manifest, format seine-import-1 (docs/formats.md).
 * Fails: SN_E_SYSTEM, SN_E_FORMAT, SN_E_INVALID, SN_E_RANGE, SN_E_EXISTS, SN_E_CANCELLED; the
 * detail names the file and the fault. `options` may be NULL. */
SN_NODISCARD SN_API sn_status sn_import_manifest(const char *manifest, const char *out,
                                                 const sn_import_options *options);

/* A homogeneous dataset from .npy files; NULL means absent. */
typedef struct sn_import_files {
    uint32_t struct_size;   /* filled by the macro */
    const char *edges;      /* [2, E] int32 or int64; row 0 = source */
    int64_t num_nodes;      /* 0: from the features or labels, else the greatest id + 1 */
    const char *node_feat;  /* [N, ...] */
    const char *edge_feat;  /* [E, ...] */
    const char *labels;     /* [N, ...] */
    const char *weights;    /* [E] */
    const char *times;      /* [E] */
    const char *node_times; /* [N] */
    bool undirected;        /* append the reverse of every edge: ids E ... 2E-1, same attributes */
} sn_import_files;
#define SN_IMPORT_FILES(...) \
    (&(sn_import_files){ .struct_size = sizeof(sn_import_files), __VA_ARGS__ })

/* Fails as sn_import_manifest. */
SN_NODISCARD SN_API sn_status sn_import_edges(const sn_import_files *files, const char *out,
                                              const sn_import_options *options);

/* A random power-law graph: num_nodes * degree edges drawn by R-MAT (Chakrabarti, Zhan, Faloutsos,
 * SDM 2004), ids permuted, duplicates merged; ids are positions after sorting by (source,
 * destination). Features uniform on [-1, 1), labels uniform, a train split of 10 %. */
typedef struct sn_rmat_options {
    uint32_t struct_size; /* filled by the macro */
    int32_t scale;        /* num_nodes = 2^scale; or 0 and num_nodes given */
    int64_t num_nodes;
    int64_t degree;    /* edges drawn per node */
    int64_t feat_dim;  /* 0: no features */
    bool feat_float16; /* default float32 */
    int32_t classes;   /* 0: 16 */
    double a, b, c;    /* all 0: .57 .19 .19 */
    bool undirected;   /* store both directions */
    uint64_t seed;
    int32_t threads;
    sn_layout layout;
    sn_progress progress;
    void *progress_context;
    bool weights; /* of edges, uniform on (0, 1] */
    bool times;   /* of edges, uniform on [0, 2^20) */
} sn_rmat_options;
#define SN_RMAT_OPTIONS(...) \
    (&(sn_rmat_options){ .struct_size = sizeof(sn_rmat_options), __VA_ARGS__ })

/* Fails: SN_E_INVALID, SN_E_SYSTEM, SN_E_EXISTS, SN_E_NOMEM, SN_E_CANCELLED. */
SN_NODISCARD SN_API sn_status sn_gen_rmat(const sn_rmat_options *options, const char *out);

#ifdef __cplusplus
}
#endif
#endif
