/* SPDX-License-Identifier: Apache-2.0 */
/* What an import is told to do, and its parts. A manifest and a list of .npy files both become a
 * description (sn__import); the rest does not know where it came from. */
#ifndef SN_ENGINE_DATA_IMPORT_H
#define SN_ENGINE_DATA_IMPORT_H

#include "base/npy.h"
#include "engine/data/edge_stream.h"
#include "engine/data/writer.h"
#include "seine/import.h"

/* -- The description --------------------------------------------------------------------------- */

/* One array: part of a file, perhaps converted. */
typedef struct sn__import_array {
    char *file;         /* path; NULL: absent */
    bool has_rows;      /* else all rows */
    int64_t begin, end; /* rows of the file */
    bool has_convert, has_scale;
    sn_dtype convert;
    double scale;
} sn__import_array;

enum { SN__SPLITS = 3 };
extern const char *const sn__split_names[SN__SPLITS]; /* train val test */

typedef struct sn__import_node {
    char *name;
    int64_t count;
    sn__import_array x, y, times;
    char *names; /* path of a text file; NULL: none */
    char *splits[SN__SPLITS];
} sn__import_node;

typedef struct sn__import_edge {
    char *src, *rel, *dst;
    size_t src_type, dst_type; /* places in `nodes` */
    char **files;
    size_t num_files;
    bool undirected, deduplicate;
    sn__import_array x, weights, times;
} sn__import_edge;

typedef struct sn__import_link {
    char *name, *file;
} sn__import_link;

typedef struct sn__import {
    sn__import_node *nodes;
    sn__import_edge *edges;
    sn__import_link *links;
    size_t num_nodes, num_edges, num_links;
    int64_t unlabelled;
    json_t *info; /* an object: what is only carried along */
} sn__import;

/* Reads a manifest; opens none of the files that it names. `import` is zeroed; free it also after
 * an error.
 * Fails: SN_E_SYSTEM, SN_E_FORMAT, SN_E_NOMEM. */
SN_NODISCARD sn_status sn__import_parse(const char *manifest, sn__import *import);
void sn__import_free(sn__import *import);

/* -- The work ---------------------------------------------------------------------------------- */

typedef struct sn__import_job {
    sn__import *import;
    const sn_import_options *options;
    sn_layout layout; /* not DEFAULT */
    int32_t threads;
    sn__progress progress;
    sn__writer *writer;
} sn__import_job;

/* -- import_array.c: one array to one file of the dataset -------------------------------------- */

/* What an array must be, and where it goes. */
typedef struct sn__array_want {
    const char *what; /* "x of node type 'paper'", for errors and progress */
    const char *file; /* name in the dataset */
    int64_t rows;     /* of the input */
    /* NULL: rows stay as they are. Else row i of the result belongs to final edge i. */
    const sn__edge_stream *edges;
    sn_dtype to;  /* of the result; bits 0: as the manifest says, else as the file is */
    bool vector;  /* one dimension */
    bool times;   /* integers */
    bool weights; /* finite, none below 0 */
} sn__array_want;

/* Fails: SN_E_SYSTEM, SN_E_FORMAT, SN_E_RANGE (a value that does not fit: row and value). */
SN_NODISCARD sn_status sn__import_array_write(sn__import_job *job, const sn__import_array *array,
                                              const sn__array_want *want);
/* Opens a file that must hold integers. */
SN_NODISCARD sn_status sn__import_open_integers(const char *path, const char *what, sn__npy *out);

/* -- import_nodes.c, import_edges.c ------------------------------------------------------------ */

/* Node type `index`: arrays, names, splits. */
SN_NODISCARD sn_status sn__import_node_type(sn__import_job *job, size_t index);
SN_NODISCARD sn_status sn__import_links(sn__import_job *job);
SN_NODISCARD sn_status sn__import_edge_type(sn__import_job *job, size_t index);
/* The layouts of any edge source as edge type `index` of the writer, files
 * "edge<index>.csr.indptr.npy", .... */
SN_NODISCARD sn_status sn__write_layouts(sn__writer *writer, int32_t index,
                                         const sn__edge_source *source,
                                         const sn__coo_options *options, sn_layout layout);
/* The greatest id of the edges, -1 without edges. */
SN_NODISCARD sn_status sn__import_greatest_id(const char *edges, int32_t threads,
                                              sn__progress *progress, int64_t *out);

#endif
