/* SPDX-License-Identifier: Apache-2.0 */
/* Edges of files as a stream of views (edge_stream.h).
 *
 * I1  kept_before[b] counts the kept positions before b * SN__EDGE_BLOCK; it ascends, so the block
 *     of the k-th kept position is found by bisection and the position itself by walking at most
 *     one block.
 * I2  Ids are checked whenever they are read from a file: whatever comes out is in range. */
#include "engine/data/edge_stream.h"

#include "base/mem.h"
#include "base/tensor.h"
#include "kernels/sweep.h"

#include <inttypes.h>
#include <string.h>

enum { BLOCK = SN__EDGE_BLOCK, SWEEP_EDGES = 64 * BLOCK };
#define MOST_EDGES ((int64_t)1 << 60) /* bytes and doubles of it do not overflow */

/* -- Files ------------------------------------------------------------------------------------- */

static sn_status open_file(sn__edge_stream *stream, const char *path)
{
    char shape[SN__SHAPE_TEXT];
    sn__edge_file *file = &stream->files[stream->num_files];
    SN_TRY(sn__npy_open(path, &file->npy));
    stream->num_files++;
    const sn_tensor *view = &file->npy.view;
    if (view->dtype.code != SN_INT || view->dtype.bits < 32)
        return sn__fail(SN_E_FORMAT, "%s: edges are %s, expected int32 or int64", path,
                        sn_dtype_name(view->dtype));
    if (view->ndim != 2 || view->shape[0] != 2)
        return sn__fail(SN_E_FORMAT, "%s: edges have shape %s, expected (2, number of edges)", path,
                        sn__shape_text(view->ndim, view->shape, shape));
    file->path = path;
    file->first = stream->base;
    file->count = view->shape[1];
    if (file->count > MOST_EDGES - stream->base)
        return sn__fail(SN_E_RANGE, "%s: more than 2^60 edges in all", path);
    stream->base += file->count;
    return SN_OK;
}

sn_status sn__edge_stream_open(sn__edge_stream *stream, char *const *paths, size_t count)
{
    SN_TRY(sn__mem_zalloc(count, sizeof *stream->files, "edge files", &stream->files));
    for (size_t i = 0; i < count; i++)
        SN_TRY(open_file(stream, paths[i]));
    stream->doubled = stream->count = stream->base;
    return SN_OK;
}

void sn__edge_stream_close(sn__edge_stream *stream)
{
    for (size_t i = 0; i < stream->num_files; i++)
        sn__npy_close(&stream->files[i].npy);
    sn__mem_free(stream->files);
    sn__spill_free(&stream->shuffled);
    sn__mem_free(stream->dropped);
    sn__mem_free(stream->kept_before);
    *stream = (sn__edge_stream){ 0 };
}

/* The file that holds position `at` of base. */
static const sn__edge_file *file_of(const sn__edge_stream *stream, int64_t at)
{
    size_t low = 0, high = stream->num_files;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (stream->files[middle].first <= at)
            low = middle;
        else
            high = middle;
    }
    return &stream->files[low]; /* of several that begin here the last: the others are empty */
}

static sn_status outside(const sn__edge_stream *stream, const sn__edge_file *file, int row,
                         int64_t column, int64_t id)
{
    int64_t nodes = row == 0 ? stream->num_src : stream->num_dst;
    const char *end = row == 0 ? "source" : "destination";
    if (id < 0)
        return sn__fail(SN_E_RANGE, "%s: row %d, column %" PRId64 ": %s %" PRId64 " is negative",
                        file->path, row, column, end, id);
    return sn__fail(SN_E_RANGE,
                    "%s: row %d, column %" PRId64 ": %s %" PRId64 " is outside [0, %" PRId64
                    ") of node type '%.80s'",
                    file->path, row, column, end, id, nodes,
                    row == 0 ? stream->src_name : stream->dst_name);
}

static void widen(const sn_tensor *view, int64_t first, int64_t count, int64_t *out)
{
    if (view->dtype.bits == 32) {
        const int32_t *from = (const int32_t *)view->data + first;
        for (int64_t i = 0; i < count; i++)
            out[i] = from[i];
    } else {
        memcpy(out, (const int64_t *)view->data + first, (size_t)count * sizeof *out);
    }
}

static bool all_below(const int64_t *ids, int64_t count, int64_t limit)
{
    /* An id in [0, n) and n - 1 minus it both have a clear highest bit, and no other id does. */
    uint64_t bits = 0, last = (uint64_t)limit - 1;
    for (int64_t i = 0; i < count; i++)
        bits |= (uint64_t)ids[i] | (last - (uint64_t)ids[i]);
    return bits >> 63 == 0;
}

/* The first bad column decides, its source before its destination. */
static sn_status check_ids(const sn__edge_stream *stream, const sn__edge_file *file, int64_t column,
                           int64_t count, const int64_t *src, const int64_t *dst)
{
    if (all_below(src, count, stream->num_src) && all_below(dst, count, stream->num_dst))
        return SN_OK;
    for (int64_t i = 0; i < count; i++) {
        if ((uint64_t)src[i] >= (uint64_t)stream->num_src)
            return outside(stream, file, 0, column + i, src[i]);
        if ((uint64_t)dst[i] >= (uint64_t)stream->num_dst)
            return outside(stream, file, 1, column + i, dst[i]);
    }
    return SN_OK;
}

/* The destination column as it will be read next: from the files, or exchanged. */
static sn_status read_base(const sn__edge_stream *stream, int64_t first, int64_t count,
                           int64_t *src, int64_t *dst)
{
    for (int64_t done = 0; done < count;) {
        const sn__edge_file *file = file_of(stream, first + done);
        int64_t column = first + done - file->first, n = file->count - column;
        n = n < count - done ? n : count - done;
        widen(&file->npy.view, column, n, src + done);
        widen(&file->npy.view, file->count + column, n, dst + done);
        SN_TRY(check_ids(stream, file, column, n, src + done, dst + done));
        done += n;
    }
    if (stream->shuffled.data != NULL)
        memcpy(dst, (const int64_t *)(const void *)stream->shuffled.data + first,
               (size_t)count * sizeof *dst);
    return SN_OK;
}

static void forget_base(const sn__edge_stream *stream, int64_t first, int64_t count)
{
    for (size_t i = 0; i < stream->num_files; i++) {
        const sn__edge_file *file = &stream->files[i];
        int64_t from = first > file->first ? first - file->first : 0;
        int64_t to = first + count - file->first;
        to = to < file->count ? to : file->count;
        if (to <= from)
            continue;
        size_t size = file->npy.view.dtype.bits / 8, at = file->npy.data_offset;
        sn__map_forget(&file->npy.map, at + (size_t)from * size, (size_t)(to - from) * size);
        at += (size_t)file->count * size;
        sn__map_forget(&file->npy.map, at + (size_t)from * size, (size_t)(to - from) * size);
    }
    if (stream->shuffled.data != NULL)
        sn__spill_forget(&stream->shuffled, (size_t)first * 8, (size_t)count * 8);
}

/* -- Destinations exchanged -------------------------------------------------------------------- */

typedef struct exchange {
    const sn__edge_stream *stream;
    const sn__shuffle *shuffle;
} exchange;

/* Reads at random and writes in order; what is written is forgotten, what is read stays: one
 * column. */
static sn_status exchange_block(void *context, int32_t thread, int64_t begin, int64_t end)
{
    (void)thread;
    const exchange *work = context;
    const sn__edge_stream *stream = work->stream;
    int64_t *out = (int64_t *)(void *)stream->shuffled.data;
    sn__shuffle_range(work->shuffle, (uint64_t)begin, (size_t)(end - begin), out + begin);
    for (int64_t i = begin; i < end; i++) {
        int64_t at = out[i];
        const sn__edge_file *file = file_of(stream, at);
        int64_t column = at - file->first;
        widen(&file->npy.view, file->count + column, 1, &out[i]);
        if ((uint64_t)out[i] >= (uint64_t)stream->num_dst)
            return outside(stream, file, 1, column, out[i]);
    }
    sn__spill_forget(&stream->shuffled, (size_t)begin * 8, (size_t)(end - begin) * 8);
    return SN_OK;
}

sn_status sn__edge_stream_shuffle(sn__edge_stream *stream, const sn__writer *writer,
                                  const sn__shuffle *shuffle, int32_t threads,
                                  sn__progress *progress)
{
    SN_TRY(sn__spill_make(writer, (size_t)stream->base * sizeof(int64_t), &stream->shuffled));
    exchange work = { stream, shuffle };
    sn__stage stage = { progress, "shuffle ends", 0, (uint64_t)stream->base };
    sn__sweep sweep = { .count = stream->base, .block = SWEEP_EDGES, .threads = threads };
    sweep.body = exchange_block;
    sweep.context = &work;
    sweep.stage = &stage;
    SN_TRY(sn__sweep_slices(&sweep));
    forget_base(stream, 0, stream->base);
    return SN_OK;
}

/* -- Reverses ---------------------------------------------------------------------------------- */

void sn__edge_stream_double(sn__edge_stream *stream)
{
    stream->undirected = true;
    stream->doubled = stream->count = 2 * stream->base;
}

static sn_status read_doubled(const sn__edge_stream *stream, int64_t first, int64_t count,
                              int64_t *src, int64_t *dst)
{
    int64_t forward = first >= stream->base ? 0 : stream->base - first;
    forward = forward < count ? forward : count;
    SN_TRY(read_base(stream, first, forward, src, dst));
    if (forward == count)
        return SN_OK;
    return read_base(stream, first + forward - stream->base, count - forward, dst + forward,
                     src + forward);
}

static void forget_doubled(const sn__edge_stream *stream, int64_t first, int64_t count)
{
    int64_t end = first + count, base = stream->base;
    if (first < base)
        forget_base(stream, first, (end < base ? end : base) - first);
    if (end > base)
        forget_base(stream, first > base ? first - base : 0, end - (first > base ? first : base));
}

/* -- Without duplicates ------------------------------------------------------------------------ */

static bool is_dropped(const sn__edge_stream *stream, int64_t position)
{
    return stream->dropped[position / 64] >> (position % 64) & 1;
}

/* Position in doubled of final edge `id` (or doubled, for id = count). */
static int64_t position_of(const sn__edge_stream *stream, int64_t id)
{
    if (stream->dropped == NULL)
        return id;
    int64_t low = 0, high = (stream->doubled + BLOCK - 1) / BLOCK; /* I1 */
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (stream->kept_before[middle] <= id)
            low = middle;
        else
            high = middle;
    }
    int64_t position = low * BLOCK, left = id - stream->kept_before[low];
    for (; position < stream->doubled; position++)
        if (!is_dropped(stream, position) && left-- == 0)
            break;
    return position;
}

static sn_status read_final(void *context, int64_t first, int32_t count, int64_t *src, int64_t *dst)
{
    const sn__edge_stream *stream = context;
    if (stream->dropped == NULL)
        return read_doubled(stream, first, count, src, dst);
    int64_t from[BLOCK], to[BLOCK], position = position_of(stream, first);
    for (int32_t got = 0; got < count;) {
        int64_t n = stream->doubled - position < BLOCK ? stream->doubled - position : BLOCK;
        SN_TRY(read_doubled(stream, position, n, from, to));
        for (int64_t i = 0; i < n && got < count; i++) {
            src[got] = from[i];
            dst[got] = to[i];
            got += !is_dropped(stream, position + i);
        }
        position += n;
    }
    return SN_OK;
}

static void forget_final(void *context, int64_t first, int64_t count)
{
    const sn__edge_stream *stream = context;
    int64_t from = position_of(stream, first);
    forget_doubled(stream, from, position_of(stream, first + count) - from);
}

sn__edge_source sn__edge_stream_source(sn__edge_stream *stream)
{
    return (sn__edge_source){
        .count = stream->count, .context = stream, .read = read_final, .forget = forget_final
    };
}

void sn__edge_stream_origins(const sn__edge_stream *stream, int64_t first, int32_t count,
                             int64_t *out)
{
    int64_t position = position_of(stream, first);
    for (int32_t got = 0; got < count; position++) {
        if (stream->dropped != NULL && is_dropped(stream, position))
            continue;
        out[got++] = position < stream->base ? position : position - stream->base;
    }
}

/* Turns a bitmap of duplicates into what position_of needs. */
static sn_status count_kept(sn__edge_stream *stream)
{
    int64_t blocks = (stream->doubled + BLOCK - 1) / BLOCK, kept = 0;
    SN_TRY(sn__mem_zalloc((size_t)blocks + 1, sizeof *stream->kept_before, "kept edges",
                          &stream->kept_before));
    for (int64_t b = 0; b < blocks; b++) {
        int64_t end = (b + 1) * BLOCK < stream->doubled ? (b + 1) * BLOCK : stream->doubled;
        stream->kept_before[b] = kept;
        kept += end - b * BLOCK;
        for (int64_t w = b * BLOCK / 64; w < (end + 63) / 64; w++)
            kept -= __builtin_popcountll(stream->dropped[w]);
    }
    stream->kept_before[blocks] = kept;
    stream->count = kept;
    return SN_OK;
}

sn_status sn__edge_stream_deduplicate(sn__edge_stream *stream, int32_t threads,
                                      sn__progress *progress)
{
    /* Small, because nobody knows yet how few edges will be written. */
    size_t scratch = (size_t)stream->doubled;
    scratch = scratch > 4 << 20 ? scratch : 4 << 20;
    sn__edge_source source = sn__edge_stream_source(stream);
    sn__coo_options options = { stream->num_src, stream->num_dst, threads, scratch, progress };
    sn__coo *coo;
    uint64_t *dropped;
    SN_TRY(sn__mem_zalloc((size_t)(stream->doubled + 63) / 64, sizeof *dropped, "duplicates",
                          &dropped));
    sn_status st = sn__coo_begin(&source, &options, &coo);
    if (st == SN_OK) {
        st = sn__coo_duplicates(coo, dropped);
        sn__coo_end(coo);
    }
    if (st != SN_OK) {
        sn__mem_free(dropped);
        return st;
    }
    stream->dropped = dropped;
    return count_kept(stream);
}
