/* SPDX-License-Identifier: Apache-2.0 */
/* The edge types of an import: the stream of edges, its layouts, and the arrays by edge id. */
#include "base/mem.h"
#include "engine/data/import.h"
#include "engine/data/output.h"
#include "kernels/sweep.h"

#include <stdatomic.h>
#include <stdio.h>

enum { NAME = 40, WHAT = 900, SWEEP_EDGES = 64 * SN__EDGE_BLOCK };

/* -- Layouts ----------------------------------------------------------------------------------- */

/* The files of one layout while they are filled. */
typedef struct layout_files {
    sn__npy_out indptr, indices, edge_ids;
} layout_files;

static const char *array_file(int32_t index, const char *role, char out[NAME])
{
    (void)snprintf(out, NAME, "edge%d.%s.npy", (int)index, role);
    return out;
}

static sn_status make_files(sn__writer *writer, int32_t index, int64_t count,
                            const sn__coo_layout *layout, const char *const roles[3],
                            layout_files *files)
{
    char name[NAME];
    sn_dtype int64 = { SN_INT, 64 };
    SN_TRY(sn__output_vector(writer, array_file(index, roles[0], name), int64, layout->rows + 1,
                             &files->indptr));
    SN_TRY(sn__output_vector(writer, array_file(index, roles[1], name), layout->index, count,
                             &files->indices));
    if (layout->implicit_ids)
        return SN_OK;
    return sn__output_vector(writer, array_file(index, roles[2], name), int64, count,
                             &files->edge_ids);
}

static sn_status close_files(layout_files *files, sn_status st)
{
    st = sn__output_close(&files->indptr, st);
    st = sn__output_close(&files->indices, st);
    return sn__output_close(&files->edge_ids, st);
}

static sn_status write_layout(sn__writer *writer, int32_t index, int64_t count, sn__coo *coo,
                              sn__coo_by by)
{
    static const char *const all_roles[2][3] = { { "csr.indptr", "csr.indices", "csr.edge_ids" },
                                                 { "csc.indptr", "csc.indices", "csc.edge_ids" } };
    char name[NAME];
    const char *const *roles = all_roles[by];
    sn__coo_layout layout = sn__coo_layout_of(coo, by);
    layout_files files = { 0 };
    sn_status st = make_files(writer, index, count, &layout, roles, &files);
    if (st == SN_OK)
        st = sn__coo_rows(coo, by, files.indptr.view.data, files.indices.view.data,
                          layout.implicit_ids ? NULL : files.edge_ids.view.data);
    SN_TRY(close_files(&files, st));
    for (int i = 0; i < (layout.implicit_ids ? 2 : 3); i++)
        SN_TRY(sn__writer_edge_array(writer, index, roles[i], array_file(index, roles[i], name)));
    return SN_OK;
}

sn_status sn__write_layouts(sn__writer *writer, int32_t index, const sn__edge_source *source,
                            const sn__coo_options *options, sn_layout layout)
{
    sn__coo *coo;
    sn__coo_options chosen = *options;
    if (layout == SN_LAYOUT_BOTH && chosen.scratch_bytes == 0)
        chosen.scratch_bytes = (size_t)source->count * 12; /* half of both: one pass for each */
    SN_TRY(sn__coo_begin(source, &chosen, &coo));
    sn_status st = SN_OK;
    if (layout != SN_LAYOUT_CSC)
        st = write_layout(writer, index, source->count, coo, SN__BY_SRC);
    if (st == SN_OK && layout != SN_LAYOUT_CSR)
        st = write_layout(writer, index, source->count, coo, SN__BY_DST);
    sn__coo_end(coo);
    return st;
}

/* -- Arrays by edge id ------------------------------------------------------------------------- */

static sn_status edge_array(sn__import_job *job, int32_t index, const sn__edge_stream *stream,
                            const sn__import_array *array, const char *role)
{
    char file[NAME], what[WHAT];
    const sn__import_edge *edge = &job->import->edges[index];
    if (array->file == NULL)
        return SN_OK;
    (void)snprintf(what, sizeof what, "%s of edge type '%s__%s__%s'", role, edge->src, edge->rel,
                   edge->dst);
    sn__array_want want = { .what = what, .file = array_file(index, role, file) };
    want.rows = stream->base;
    want.edges = stream;
    if (array == &edge->weights) {
        want.to = (sn_dtype){ SN_FLOAT, 32 };
        want.vector = want.weights = true;
    } else if (array == &edge->times) {
        want.to = (sn_dtype){ SN_INT, 64 };
        want.vector = want.times = true;
    }
    SN_TRY(sn__import_array_write(job, array, &want));
    return sn__writer_edge_array(job->writer, index, role, file);
}

/* -- Edge types -------------------------------------------------------------------------------- */

/* The views over the files, in the order in which they are defined. */
static sn_status arrange(sn__import_job *job, size_t index, sn__edge_stream *stream)
{
    const sn__import_edge *edge = &job->import->edges[index];
    SN_TRY(sn__edge_stream_open(stream, edge->files, edge->num_files));
    if (job->options->shuffle_ends) {
        sn__shuffle shuffle =
            sn__shuffle_make(job->options->shuffle_seed, index, (uint64_t)stream->base);
        SN_TRY(
            sn__edge_stream_shuffle(stream, job->writer, &shuffle, job->threads, &job->progress));
    }
    if (edge->undirected)
        sn__edge_stream_double(stream);
    if (edge->deduplicate)
        SN_TRY(sn__edge_stream_deduplicate(stream, job->threads, &job->progress));
    return SN_OK;
}

static sn_status write_edge_type(sn__import_job *job, size_t index, sn__edge_stream *stream)
{
    int32_t place;
    const sn__import_edge *edge = &job->import->edges[index];
    SN_TRY(arrange(job, index, stream));
    SN_TRY(
        sn__writer_edge_type(job->writer, edge->src, edge->rel, edge->dst, stream->count, &place));
    sn__edge_source source = sn__edge_stream_source(stream);
    sn__coo_options options = { .num_src = stream->num_src,
                                .num_dst = stream->num_dst,
                                .threads = job->threads,
                                .progress = &job->progress };
    SN_TRY(sn__write_layouts(job->writer, place, &source, &options, job->layout));
    SN_TRY(edge_array(job, place, stream, &edge->x, "x"));
    SN_TRY(edge_array(job, place, stream, &edge->weights, "weights"));
    return edge_array(job, place, stream, &edge->times, "times");
}

sn_status sn__import_edge_type(sn__import_job *job, size_t index)
{
    const sn__import_edge *edge = &job->import->edges[index];
    const sn__import_node *src = &job->import->nodes[edge->src_type];
    const sn__import_node *dst = &job->import->nodes[edge->dst_type];
    sn__edge_stream stream = { .src_name = src->name, .dst_name = dst->name };
    stream.num_src = src->count;
    stream.num_dst = dst->count;
    sn_status st = write_edge_type(job, index, &stream);
    sn__edge_stream_close(&stream);
    return st;
}

/* -- The number of nodes, where nobody tells --------------------------------------------------- */

typedef struct greatest {
    sn__edge_source source;
    _Atomic int64_t id;
} greatest;

static sn_status greatest_in_block(void *context, int32_t thread, int64_t begin, int64_t end)
{
    (void)thread;
    greatest *work = context;
    int64_t src[SN__EDGE_BLOCK], dst[SN__EDGE_BLOCK], most = -1;
    for (int64_t at = begin; at < end; at += SN__EDGE_BLOCK) {
        int32_t n = end - at < SN__EDGE_BLOCK ? (int32_t)(end - at) : SN__EDGE_BLOCK;
        SN_TRY(work->source.read(work->source.context, at, n, src, dst));
        for (int32_t i = 0; i < n; i++) {
            most = src[i] > most ? src[i] : most;
            most = dst[i] > most ? dst[i] : most;
        }
    }
    int64_t before = atomic_load_explicit(&work->id, memory_order_relaxed);
    while (most > before &&
           !atomic_compare_exchange_weak_explicit(&work->id, &before, most, memory_order_relaxed,
                                                  memory_order_relaxed))
        ;
    work->source.forget(work->source.context, begin, end - begin);
    return SN_OK;
}

sn_status sn__import_greatest_id(const char *edges, int32_t threads, sn__progress *progress,
                                 int64_t *out)
{
    char *path = NULL;
    sn__edge_stream stream = { .src_name = "node", .dst_name = "node" };
    stream.num_src = stream.num_dst = INT64_MAX;
    SN_TRY(sn__mem_strdup(edges, &path));
    sn_status st = sn__edge_stream_open(&stream, &path, 1);
    greatest work = { .source = sn__edge_stream_source(&stream) };
    atomic_init(&work.id, -1);
    sn__stage stage = { progress, "greatest id", 0, (uint64_t)stream.base };
    sn__sweep sweep = { .count = stream.base, .block = SWEEP_EDGES, .threads = threads };
    sweep.body = greatest_in_block;
    sweep.context = &work;
    sweep.stage = &stage;
    if (st == SN_OK && stream.base > 0)
        st = sn__sweep_slices(&sweep);
    sn__edge_stream_close(&stream);
    sn__mem_free(path);
    if (st == SN_OK)
        *out = atomic_load_explicit(&work.id, memory_order_relaxed);
    return st;
}
