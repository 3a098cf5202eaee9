/* SPDX-License-Identifier: Apache-2.0 */
/* The R-MAT generator in parts: rmat.c makes the dataset, rmat_edges.c its edges.
 *
 * Arithmetic, to the bit. `philox`, `phase_key`, `draw` and `perm` are those of docs/sampling.md,
 * sections 1 and 2.1. KEY(p) = phase_key(seed, 0, 0, 0x524D4154 + p, 0, 0); levels L = bits of
 * (num_nodes - 1).
 *
 *     Thresholds  A, AB, ABC = a, a + b, a + b + c times 2^32, rounded to integers, at most 2^32.
 *     Edge i      in attempt t level l draws word l % 4 of
 *                 philox(KEY(0), low(i), high(i), l / 4, t), call it w; the source's next bit, from
 *                 the highest, is w >= AB, the destination's (w >= A) - (w >= AB) + (w >= ABC).
 *                 The first attempt with both ids below num_nodes counts; in attempt 63 an id
 *                 beyond loses its highest bit.
 *     Ids         id v becomes perm(v), the shuffle of (KEY(1), 0) over num_nodes.
 *     x           element e (row-major) takes word e % 4 of
 *                 philox(KEY(2), low(e / 4), high(e / 4), 0, 0): its upper 24 bits (float16: 11) as
 *                 an integer k, k * 2^-23 - 1 (float16: k * 2^-10 - 1).
 *     y           node v: draw(v, 0, 0, classes) under KEY(3).
 *     train       perm(0) ... perm(max(1, num_nodes / 10) - 1), the shuffle of (KEY(4), 0),
 *                 ascending.
 *     weights     edge e takes a word as x does, under KEY(5): ((w >> 8) + 1) * 2^-24.
 *     times       the same under KEY(6): w >> 12. */
#ifndef SN_ENGINE_DATA_RMAT_H
#define SN_ENGINE_DATA_RMAT_H

#include "engine/data/writer.h"
#include "seine/import.h"

enum {
    SN__RMAT_EDGES,
    SN__RMAT_IDS,
    SN__RMAT_X,
    SN__RMAT_Y,
    SN__RMAT_TRAIN,
    SN__RMAT_WEIGHTS,
    SN__RMAT_TIMES
};

typedef struct sn__rmat {
    const sn_rmat_options *options;
    int64_t nodes, drawn; /* drawn: edges, each direction once */
    int64_t edges;        /* that are left; of sn__rmat_edges */
    int32_t classes, threads;
    sn_layout layout; /* not DEFAULT */
    double a, b, c;
    sn__progress progress;
    sn__writer *writer;
} sn__rmat;

uint64_t sn__rmat_key(const sn__rmat *rmat, uint64_t purpose);
/* Draws, sorts and writes the edges of the only edge type, with the layouts asked for. */
SN_NODISCARD sn_status sn__rmat_edges(sn__rmat *rmat);

#endif
