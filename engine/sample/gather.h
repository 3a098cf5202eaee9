/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of features into a batch, in pieces: so that progress shows also when every row waits for a disk, and
 * that several threads can take part (engine/sample/team.h).
 * Threads: any; a piece is written by one. */
#ifndef SN_ENGINE_SAMPLE_GATHER_H
#define SN_ENGINE_SAMPLE_GATHER_H

#include "kernels/ops.h"

#include <stdatomic.h>

typedef struct sn__gather {
    const sn__kernel_ops *ops;
    const void *source; /* [rows][row_bytes] */
    int64_t rows;
    size_t row_bytes;
    const int64_t *ids; /* [count] */
    size_t count;
    uint8_t *out; /* [count][row_bytes] */
    _Atomic uint64_t
        *progress; /* bumped per piece, by the calling thread alone; NULL: nobody watches */
} sn__gather;

size_t sn__gather_pieces(const sn__gather *gather);
/* Fails: SN_E_CORRUPT (an id without a row). */
SN_NODISCARD sn_status sn__gather_piece(const sn__gather *gather, size_t number);
/* All of them. Fails alike. */
SN_NODISCARD sn_status sn__gather_alone(const sn__gather *gather);

#endif
