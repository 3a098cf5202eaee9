/* SPDX-License-Identifier: Apache-2.0 */
/* A small typed dataset with every kind of array, as plain members that a test may spoil before it
 * is written or created.
 *
 *     paper (5 nodes)  x y times train val test
 *     author (3)       nothing
 *     cites            paper -> paper: 0>1 0>2 3>0 0>1 4>4 2>0, both layouts, x weights times
 *     writes           author -> paper: 0>0 0>4 2>1 2>2, csr alone, ids are positions
 *     val_pos          link of two pairs */
#ifndef SEINE_TESTS_DATA_SAMPLE_H
#define SEINE_TESTS_DATA_SAMPLE_H

#include "base/progress.h"
#include "seine/dataset.h"

enum { PAPERS = 5, AUTHORS = 3, CITES = 6, WRITES = 4 };

typedef struct sample {
    float x[PAPERS][2];
    int32_t y[PAPERS];
    int64_t node_times[PAPERS];
    int64_t train[2], val[1];
    int32_t test[1];
    int64_t csr_indptr[PAPERS + 1], csr_ids[CITES];
    int32_t csr_indices[CITES];
    int64_t csc_indptr[PAPERS + 1], csc_ids[CITES];
    int32_t csc_indices[CITES];
    int16_t edge_x[CITES][1];
    float weights[CITES];
    int64_t edge_times[CITES];
    int64_t writes_indptr[AUTHORS + 1];
    int32_t writes_indices[WRITES];
    int32_t val_pos[2][2];
    const char *links[4]; /* names of the link, each of the same content, up to the first NULL */
} sample;

sample sample_make(void);
/* Writes the directory with the library's writer. `progress` may be NULL. */
sn_status sample_write(const sample *s, const char *path);
sn_status sample_write_watched(const sample *s, const char *path, sn__progress *progress);
sn_dataset *sample_open(const char *path, sn_load load);

/* The same as a spec, every source kept so; release functions count in `released`. */
typedef struct sample_spec {
    sn_node_spec nodes[2];
    sn_edge_spec edges[2];
    sn_dataset_spec spec;
} sample_spec;
void sample_specify(sample *s, sn_keep keep, sample_spec *out);
extern int sample_released;

/* Writes a homogeneous dataset of x->shape[0] nodes with these features; one edge from each node to
 * node 0, with ids counting down, if it is to have edges; and a link "pairs" unless it is NULL. */
sn_status large_write(const char *path, const sn_tensor *x, bool edges, const sn_tensor *link);

#endif
