/* SPDX-License-Identifier: Apache-2.0 */
/* The edges of one type as an import sees them: files one behind the other, then perhaps with their
 * destinations exchanged at random, then perhaps with all reverses behind them, then perhaps
 * without duplicates. Every step is a view: any range can be read at any time by any thread.
 *
 *     base     position in the files                                       [0, base)
 *     doubled  position with the reverses: base + i is the reverse of i    [0, base or 2 * base)
 *     final    the edge id: the kept ones of doubled, in order             [0, count) */
#ifndef SN_ENGINE_DATA_EDGE_STREAM_H
#define SN_ENGINE_DATA_EDGE_STREAM_H

#include "base/npy.h"
#include "base/random.h"
#include "engine/data/spill.h"
#include "kernels/coo_to_csr.h"

typedef struct sn__edge_file {
    const char *path; /* BORROWED */
    sn__npy npy;
    int64_t first, count; /* positions in base */
} sn__edge_file;

typedef struct sn__edge_stream {
    const char *src_name, *dst_name; /* node types, for messages; BORROWED */
    int64_t num_src, num_dst; /* ids are below; INT64_MAX: not known, any that is not negative */
    sn__edge_file *files;
    size_t num_files;
    int64_t base, doubled, count;
    bool undirected;
    sn__spill shuffled;   /* the destinations, if exchanged: [base] int64 */
    uint64_t *dropped;    /* bitmap over doubled; NULL: none */
    int64_t *kept_before; /* per SN__EDGE_BLOCK positions of doubled, one more at the end */
} sn__edge_stream;

/* Opens the files: int32 or int64, [2, E]. Fails: SN_E_SYSTEM, SN_E_FORMAT. Zeroed streams may be
 * closed. */
SN_NODISCARD sn_status sn__edge_stream_open(sn__edge_stream *stream, char *const *paths,
                                            size_t count);
void sn__edge_stream_close(sn__edge_stream *stream);
/* Destination of edge i becomes that of edge perm(i), perm the shuffle of (seed, epoch) over base.
 */
SN_NODISCARD sn_status sn__edge_stream_shuffle(sn__edge_stream *stream, const sn__writer *writer,
                                               const sn__shuffle *shuffle, int32_t threads,
                                               sn__progress *progress);
void sn__edge_stream_double(sn__edge_stream *stream);
/* Keeps the first of equal edges. Fails also as reading does. */
SN_NODISCARD sn_status sn__edge_stream_deduplicate(sn__edge_stream *stream, int32_t threads,
                                                   sn__progress *progress);
/* The final edges. Reading fails with SN_E_RANGE for an id outside: the file, row, column and the
 * id. */
sn__edge_source sn__edge_stream_source(sn__edge_stream *stream);
/* The base positions of final edges [first, first + count), count at most SN__EDGE_BLOCK. */
void sn__edge_stream_origins(const sn__edge_stream *stream, int64_t first, int32_t count,
                             int64_t *out);

#endif
