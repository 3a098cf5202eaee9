/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a dataset directory: arrays are made in a temporary directory, then registered here with
 * their role; commit hashes them, writes META.json and renames the whole. */
#ifndef SN_ENGINE_DATA_WRITER_H
#define SN_ENGINE_DATA_WRITER_H

#include "base/json.h"
#include "base/progress.h"
#include "seine/dataset.h"

typedef struct sn__writer sn__writer;

/* As sn__outdir_begin. *out is NEW. */
SN_NODISCARD sn_status sn__writer_begin(const char *out_dir, sn__writer **out);
/* Path for an array file inside the directory under construction: "<tmp>/<file>". Freed by
 * sn__mem_free. */
SN_NODISCARD sn_status sn__writer_path(const sn__writer *writer, const char *file, char **out);

/* Types in their declared order; *index counts from 0. */
SN_NODISCARD sn_status sn__writer_node_type(sn__writer *writer, const char *name, int64_t count,
                                            int32_t *index);
SN_NODISCARD sn_status sn__writer_edge_type(sn__writer *writer, const char *src, const char *rel,
                                            const char *dst, int64_t count, int32_t *index);
/* Registers a finished file. Roles of nodes: x y times train val test; of edges: csr.indptr
 * csr.indices csr.edge_ids csc.indptr csc.indices csc.edge_ids x weights times. */
SN_NODISCARD sn_status sn__writer_node_array(sn__writer *writer, int32_t index, const char *role,
                                             const char *file);
SN_NODISCARD sn_status sn__writer_edge_array(sn__writer *writer, int32_t index, const char *role,
                                             const char *file);
/* Pairs for link prediction, by name. */
SN_NODISCARD sn_status sn__writer_link(sn__writer *writer, const char *name, const char *file);
/* Carried into META.json under "info". The object is BORROWED (copied). */
SN_NODISCARD sn_status sn__writer_info(sn__writer *writer, const json_t *info);
void sn__writer_unlabelled(sn__writer *writer, int64_t label);

/* Makes the tables that weighted and temporal sampling need (tables.h) of what is registered, the contents
 * of which are right. Fails as sn__tables_make. */
SN_NODISCARD sn_status sn__writer_tables(sn__writer *writer, int32_t threads,
                                         sn__progress *progress);

/* Hashes the files (two at a time with threads > 1), writes META.json, renames. TAKES `writer` in
 * every case; on an error nothing is left. */
SN_NODISCARD sn_status sn__writer_commit(sn__writer *writer, int32_t threads,
                                         sn__progress *progress);
/* Gives up and removes everything. NULL is fine. */
void sn__writer_abort(sn__writer *writer);

#endif
