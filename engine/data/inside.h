/* SPDX-License-Identifier: Apache-2.0 */
/* What a dataset is made of, for the files of engine/data alone.
 *
 * The same struct serves a dataset that is open, one that is made from arrays, and one that a
 * writer is about to describe: types are added, arrays put into their slots, then checked.
 *
 * Invariants  D1  After creation only `fingerprint`, the hashes and the image change, once, under
 *                 `lock`.
 *             D2  After sn__dataset_check every shape agrees with its count, both ends of indptr
 *                 are right, and an edge type has a layout. Contents are not known to be right
 *                 before sn__content_check. */
#ifndef SN_ENGINE_DATA_INSIDE_H
#define SN_ENGINE_DATA_INSIDE_H

#include "base/hash.h"
#include "base/json.h"
#include "base/npy.h"
#include "base/progress.h"
#include "engine/data/dataset.h"
#include "ipc/shm/segment.h"

#include <pthread.h>
#include <stdatomic.h>

enum sn__node_role {
    SN__NODE_X,
    SN__NODE_Y,
    SN__NODE_TIMES,
    SN__NODE_TRAIN,
    SN__NODE_VAL,
    SN__NODE_TEST,
    SN__NODE_ROLES
};
enum sn__edge_role {
    SN__CSR_INDPTR,
    SN__CSR_INDICES,
    SN__CSR_EDGE_IDS,
    SN__CSC_INDPTR,
    SN__CSC_INDICES,
    SN__CSC_EDGE_IDS,
    SN__EDGE_X,
    SN__EDGE_WEIGHTS,
    SN__EDGE_TIMES,
    SN__EDGE_SOURCES, /* those before are given; those from here on are made of them: tables.h */
    SN__CSR_TABLES = SN__EDGE_SOURCES,
    SN__CSC_TABLES = SN__CSR_TABLES + 7,
    SN__EDGE_ROLES = SN__CSC_TABLES + 7
};
/* The tables of a layout, from SN__CSR_TABLES or SN__CSC_TABLES on. */
enum sn__table {
    SN__TABLE_SUMS,
    SN__TABLE_TIME_ORDER,
    SN__TABLE_TIMES,
    SN__TABLE_TIME_SUMS,
    SN__TABLE_NODE_ORDER,
    SN__TABLE_NODE_TIMES,
    SN__TABLE_NODE_SUMS,
    SN__NUM_TABLES
};
_Static_assert(SN__NUM_TABLES == SN__CSC_TABLES - SN__CSR_TABLES, "roles have room for the tables");
/* Their names in META.json, in the order in which they are listed and fingerprinted. */
extern const char *const sn__node_roles[SN__NODE_ROLES];
extern const char *const sn__edge_roles[SN__EDGE_ROLES];

enum { SN__META_VERSION = 1 };

/* One array and who owns its memory: a mapped file, pages of ours, the dataset's image, or the
 * caller. */
typedef struct sn__stored {
    sn_tensor view;          /* dtype.bits 0: absent */
    char *file;              /* name in the directory; NULL: from memory */
    char hash[SN__HASH_HEX]; /* "": not known yet */
    sn__npy npy;
    void *pages;
    size_t page_bytes;
    size_t image_offset; /* where the array lies in the image, if there is one */
    void (*release)(void *context);
    void *context;
} sn__stored;

typedef struct sn__node_type {
    char *name;
    int64_t count;
    sn__stored arrays[SN__NODE_ROLES];
} sn__node_type;

typedef struct sn__edge_type {
    char *src, *rel, *dst;
    char *name; /* "src__rel__dst" */
    int32_t src_type, dst_type;
    int64_t count;
    bool sorted_here; /* its rows were made from an edge list by this library */
    sn__stored arrays[SN__EDGE_ROLES];
} sn__edge_type;

typedef struct sn__link {
    char *name;
    sn__stored array;
} sn__link;

struct sn_dataset {
    _Atomic int64_t references;
    char *path; /* of the directory; NULL: from memory */
    char *meta; /* text of META.json; NULL: from memory */
    sn__node_type *nodes;
    sn__edge_type *edges;
    sn__link *links;
    size_t num_nodes, num_edges, num_links;
    size_t node_capacity, edge_capacity, link_capacity;
    json_t *node_index, *edge_index, *link_index; /* name -> place */
    int64_t unlabelled;
    int directory; /* of the files that are mapped; -1: none */
    pthread_mutex_t lock;
    sn__segment image; /* image.h; its descriptor is -1 until it is made */
    size_t image_bytes;
    char fingerprint[SN__HASH_HEX]; /* "": not known yet */
};

static inline bool sn__stored_present(const sn__stored *array)
{
    return array->view.dtype.bits != 0;
}

/* -- Building (dataset_build.c) ---------------------------------------------------------------- */

/* An empty dataset with one reference. *out is NEW (sn_dataset_release). */
SN_NODISCARD sn_status sn__dataset_new(const char *path, sn_dataset **out);
/* Appends a type or pair list. `where` begins the error. Names must be new, ends of edges known.
 * Fails: SN_E_FORMAT, SN_E_NOMEM. Adding moves the arrays of earlier types: fill them afterwards,
 * or by index. */
SN_NODISCARD sn_status sn__dataset_add_node_type(sn_dataset *dataset, const char *where,
                                                 const char *name, int64_t count);
SN_NODISCARD sn_status sn__dataset_add_edge_type(sn_dataset *dataset, const char *where,
                                                 const char *src, const char *rel, const char *dst,
                                                 int64_t count);
SN_NODISCARD sn_status sn__dataset_add_link(sn_dataset *dataset, const char *where,
                                            const char *name);
/* A file name from outside: one component, not "." or "..". Fails: SN_E_FORMAT. */
SN_NODISCARD sn_status sn__file_name_check(const char *name, const char *where);
/* Maps file `name` of the dataset's directory into an empty slot. */
SN_NODISCARD sn_status sn__stored_open(const sn_dataset *dataset, const char *name,
                                       sn__stored *array);
/* File `name` of the dataset's directory. *path is NEW (sn__mem_free); out->path is the same. */
SN_NODISCARD sn_status sn__dataset_file(const sn_dataset *dataset, const char *name, char **path,
                                        sn__file_at *out);
/* Gives the memory back and leaves an empty slot. */
void sn__stored_close(sn__stored *array);

/* One present array, its place, and a hash of it for whoever needs one. */
typedef struct sn__array_ref {
    sn__stored *array;
    enum { SN__OF_NODES, SN__OF_EDGES, SN__OF_LINKS } of;
    size_t type; /* which node type, edge type or pair list */
    int role;
    char hash[SN__HASH_HEX];
} sn__array_ref;

/* All present arrays in the order of the fingerprint: node types, edge types, then pair lists by
 * name. *out is NEW (sn__mem_free). */
SN_NODISCARD sn_status sn__dataset_arrays(const sn_dataset *dataset, sn__array_ref **out,
                                          size_t *count);
enum { SN__WHERE = 800 };
/* "<path>/<file>: x of node type 'paper'", from memory "x of node type 'paper'". Returns `out`. */
const char *sn__array_where(const sn_dataset *dataset, const sn__array_ref *ref,
                            char out[SN__WHERE]);

/* -- Memory (dataset_load.c, image.c) ----------------------------------------------------------- */

/* Reads the mapped files into an image; afterwards the directory is not needed. */
SN_NODISCARD sn_status sn__dataset_load(sn_dataset *dataset);
/* Makes the image with its description, arrays not filled in. The fingerprint is known. */
SN_NODISCARD sn_status sn__image_reserve(sn_dataset *dataset, const sn__array_ref *refs,
                                         size_t count);
/* Gives it back; there is no image then. */
void sn__image_close(sn_dataset *dataset);

/* -- Checks (dataset_check.c) ------------------------------------------------------------------ */

/* Types and shapes against counts, ends of indptr; no contents. Fails: `bad`. */
SN_NODISCARD sn_status sn__dataset_check(const sn_dataset *dataset, sn_status bad);
/* content.c: everything else, by reading it. Fails: `bad_range` (an id, a weight), `bad_other`,
 * SN_E_NOMEM, SN_E_CANCELLED. */
typedef struct sn__content_rule {
    sn_status bad_range, bad_other;
    bool trust_sorted_here; /* leave out rows that were made here */
    size_t window_bytes;    /* for tables over all nodes or edges, at least 16; 0: 256 MiB */
    sn__progress *progress; /* NULL: nobody asked */
} sn__content_rule;
SN_NODISCARD sn_status sn__content_check(const sn_dataset *dataset, const sn__content_rule *rule);

/* -- Hashes (fingerprint.c) -------------------------------------------------------------------- */

/* Hashes the arrays into refs[].hash, up to `threads` at a time, each forgotten as it is read.
 * Fails: SN_E_NOMEM, SN_E_CANCELLED. */
SN_NODISCARD sn_status sn__arrays_hash(sn__array_ref *refs, size_t count, int32_t threads,
                                       sn__progress *progress);
/* The fingerprint over the arrays and refs[].hash. Fails: SN_E_NOMEM. */
SN_NODISCARD sn_status sn__dataset_fingerprint(const sn_dataset *dataset, const sn__array_ref *refs,
                                               size_t count, char out[SN__HASH_HEX]);

#endif
