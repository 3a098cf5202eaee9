/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/sample/gather.h"

#include "engine/sample/sink.h"

enum {
    MOST_ROWS = 4096,       /* of a piece: 40 s if each waits 10 ms */
    PIECE_BYTES = 256 << 10 /* fewer would cost a gather its prefetch, and threads their turns */
};

static size_t piece_rows(const sn__gather *gather)
{
    size_t rows = gather->row_bytes > 0 ? PIECE_BYTES / gather->row_bytes : MOST_ROWS;
    return rows > MOST_ROWS ? MOST_ROWS : rows < 1 ? 1 : rows;
}

size_t sn__gather_pieces(const sn__gather *gather)
{
    size_t rows = piece_rows(gather);
    return gather->count / rows + (gather->count % rows > 0);
}

sn_status sn__gather_piece(const sn__gather *gather, size_t number)
{
    size_t rows = piece_rows(gather), at = number * rows;
    size_t count = gather->count - at < rows ? gather->count - at : rows;
    return gather->ops->gather_rows(gather->source, gather->rows, gather->row_bytes,
                                    gather->ids + at, count, gather->out + at * gather->row_bytes);
}

sn_status sn__gather_alone(const sn__gather *gather)
{
    size_t pieces = sn__gather_pieces(gather);
    for (size_t i = 0; i < pieces; i++) {
        SN_TRY(sn__gather_piece(gather, i));
        sn__progress_bump(gather->progress);
    }
    return SN_OK;
}
