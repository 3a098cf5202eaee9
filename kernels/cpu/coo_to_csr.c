/* SPDX-License-Identifier: Apache-2.0 */
/* COO to canonical CSR and CSC in linear time, without comparisons and with little memory.
 *
 * begin   survey: one pass checks the ids, finds whether the stream is in the order of a layout
 *         already, and counts edges per cell (some consecutive rows) and thread.
 * rows    in order already: one more pass copies the columns; edge ids are implicit.
 *         else: cells are joined to buckets that fit a cache, buckets to rounds that fit the
 *         scratch memory; each round passes over the stream once (coo_bucket.c).
 *
 * Why not counting scatters over the whole arrays (transposing twice): each edge then misses the
 * cache several times per pass; here every array is written in lines, and sorted in a cache.
 *
 * I1  A slice of the stream belongs to one thread in every pass, so the survey's counts are exact
 *     places.
 * I2  Whatever is used as an index was checked in the same pass that read it.
 *
 * Memory beside the results, for E edges: 12 bytes for each edge of a round (24 with ids of 64
 * bits), a round being half of the result; one row with more edges than that makes a round of its
 * own. */
#include "kernels/coo_to_csr.h"

#include "base/mem.h"
#include "kernels/cpu/coo_bucket.h"

#include <string.h>

enum {
    MAX_CELLS = 1 << 16,
    CELL_LOAD = 4096,        /* edges and rows per cell aimed at: buckets are cut between cells */
    BUCKET_LOAD = 1 << 15,   /* twice 12 bytes of each is 3/4 MiB: an L2 cache */
    ROUND_BUCKETS = 1 << 11, /* their lanes should stay in an L2 cache */
    DIGIT_BITS = 12,
    SWEEP_EDGES = 1 << 18,
    MIN_SCRATCH = 4 << 20,
    MAX_THREADS = 64 /* counts and lanes are per thread; memory is the limit long before */
};

/* -- The source -------------------------------------------------------------------------------- */

static sn_status tensor_read(void *context, int64_t first, int32_t count, int64_t *src,
                             int64_t *dst)
{
    const sn_tensor *tensor = context;
    if (tensor->dtype.bits == 32) {
        const int32_t *from = (const int32_t *)tensor->data + first;
        for (int32_t i = 0; i < count; i++) {
            src[i] = from[i];
            dst[i] = from[tensor->shape[1] + i];
        }
    } else {
        const int64_t *from = (const int64_t *)tensor->data + first;
        memcpy(src, from, (size_t)count * sizeof *src);
        memcpy(dst, from + tensor->shape[1], (size_t)count * sizeof *dst);
    }
    return SN_OK;
}

sn__edge_source sn__edge_source_tensor(const sn_tensor *edge_index)
{
    union { /* reads only: the cast of the const away is the interface's */
        const sn_tensor *in;
        void *out;
    } context = { .in = edge_index };
    return (sn__edge_source){ .count = edge_index->shape[1],
                              .context = context.out,
                              .read = tensor_read };
}

/* The first edge with an id outside, or `count`. */
static int32_t first_outside(const sn__coo_options *options, int32_t count, const int64_t *src,
                             const int64_t *dst)
{
    /* An id in [0, n) and n - 1 minus it both have a clear highest bit, and no other id does. */
    uint64_t last_src = (uint64_t)options->num_src - 1, last_dst = (uint64_t)options->num_dst - 1;
    uint64_t bits = 0;
    for (int32_t i = 0; i < count; i++)
        bits |= (uint64_t)src[i] | (last_src - (uint64_t)src[i]) | (uint64_t)dst[i] |
                (last_dst - (uint64_t)dst[i]);
    if (bits >> 63 == 0)
        return count;
    for (int32_t i = 0; i < count; i++)
        if ((uint64_t)src[i] >= (uint64_t)options->num_src ||
            (uint64_t)dst[i] >= (uint64_t)options->num_dst)
            return i;
    return count;
}

sn_status sn__coo_read(const sn__coo *coo, sn__coo_by by, int64_t first, int32_t count,
                       int64_t *row, int64_t *col)
{
    int64_t *src = by == SN__BY_SRC ? row : col, *dst = by == SN__BY_SRC ? col : row;
    SN_TRY(coo->source.read(coo->source.context, first, count, src, dst));
    if (first_outside(&coo->options, count, src, dst) < count)
        return sn__coo_changed();
    return SN_OK;
}

/* -- The survey -------------------------------------------------------------------------------- */

/* One thread's findings. */
typedef struct survey_part {
    int64_t last[2]; /* source and destination of the edge before */
    bool any, unsorted[2];
} survey_part;

typedef struct survey_work {
    sn__coo *coo;
    survey_part *parts;
} survey_work;

static sn_status outside(const sn__coo_options *options, int64_t edge, int64_t src, int64_t dst)
{
    bool is_src = (uint64_t)src >= (uint64_t)options->num_src;
    return sn__fail(SN_E_RANGE, "edge %lld: %s %lld is outside [0, %lld)", (long long)edge,
                    is_src ? "source" : "destination", (long long)(is_src ? src : dst),
                    (long long)(is_src ? options->num_src : options->num_dst));
}

static void look_at_order(survey_part *part, int32_t count, const int64_t *src, const int64_t *dst)
{
    const int64_t *ids[2] = { src, dst };
    for (int side = 0; side < 2; side++) {
        if (part->unsorted[side])
            continue;
        const int64_t *row = ids[side], *col = ids[1 - side];
        int64_t row_before = part->last[side], col_before = part->last[1 - side];
        bool fell = false;
        for (int32_t i = 0; i < count; i++) {
            fell |= row[i] < row_before || (row[i] == row_before && col[i] < col_before);
            row_before = row[i];
            col_before = col[i];
        }
        part->unsorted[side] = fell;
    }
    part->last[0] = src[count - 1];
    part->last[1] = dst[count - 1];
}

static sn_status survey_block(survey_work *survey, int32_t thread, int64_t first, int32_t count)
{
    int64_t src[SN__EDGE_BLOCK], dst[SN__EDGE_BLOCK];
    sn__coo *coo = survey->coo;
    SN_TRY(coo->source.read(coo->source.context, first, count, src, dst));
    int32_t bad = first_outside(&coo->options, count, src, dst);
    if (bad < count)
        return outside(&coo->options, first + bad, src[bad], dst[bad]);
    look_at_order(&survey->parts[thread], count, src, dst);
    for (int side = 0; side < 2; side++) {
        const int64_t *row = side == SN__BY_SRC ? src : dst;
        uint64_t *counts = coo->side[side].counts + thread * coo->side[side].cells;
        int shift = coo->side[side].shift;
        for (int32_t i = 0; i < count; i++)
            counts[row[i] >> shift]++;
    }
    return SN_OK;
}

/* A slice looks back at the edge before it, so that every neighbouring pair is seen by someone. */
static sn_status survey_sweep(void *context, int32_t thread, int64_t begin, int64_t end)
{
    survey_work *survey = context;
    survey_part *part = &survey->parts[thread];
    const sn__edge_source *source = &survey->coo->source;
    if (!part->any && begin > 0)
        SN_TRY(source->read(source->context, begin - 1, 1, &part->last[0], &part->last[1]));
    part->any = true;
    for (int64_t at = begin; at < end; at += SN__EDGE_BLOCK) {
        int64_t left = end - at;
        SN_TRY(survey_block(survey, thread, at,
                            left < SN__EDGE_BLOCK ? (int32_t)left : SN__EDGE_BLOCK));
    }
    if (source->forget != NULL)
        source->forget(source->context, begin, end - begin);
    return SN_OK;
}

static sn_status take_survey(sn__coo *coo)
{
    int32_t threads = coo->options.threads;
    int64_t count = coo->source.count;
    survey_work survey = { .coo = coo };
    SN_TRY(sn__mem_zalloc((size_t)threads, sizeof *survey.parts, "survey", &survey.parts));
    sn__stage stage = { coo->options.progress, "read edges", 0, (uint64_t)count };
    sn__sweep sweep = { .count = count, .block = SWEEP_EDGES, .threads = threads, .stage = &stage };
    sweep.body = survey_sweep;
    sweep.context = &survey;
    sn_status status = sn__sweep_slices(&sweep);
    for (int side = 0; side < 2; side++) {
        coo->side[side].sorted = true;
        for (int32_t t = 0; t < threads; t++)
            coo->side[side].sorted &= !survey.parts[t].unsorted[side];
    }
    sn__mem_free(survey.parts);
    return status;
}

static sn_status set_side(sn__coo *coo, sn__coo_by by)
{
    sn__coo_side *side = &coo->side[by];
    side->rows = by == SN__BY_SRC ? coo->options.num_src : coo->options.num_dst;
    side->cols = by == SN__BY_SRC ? coo->options.num_dst : coo->options.num_src;
    int64_t aim = coo->source.count / CELL_LOAD + side->rows / CELL_LOAD + 1;
    aim = aim < MAX_CELLS ? aim : MAX_CELLS;
    while (((side->rows - 1) >> side->shift) >= aim)
        side->shift++;
    side->cells = side->rows > 0 ? ((side->rows - 1) >> side->shift) + 1 : 1;
    size_t cells;
    if (!sn__mul_size((size_t)coo->options.threads, (size_t)side->cells, &cells))
        return sn__fail(SN_E_NOMEM, "edge counts: too many");
    return sn__mem_zalloc(cells, sizeof *side->counts, "edge counts", &side->counts);
}

sn_status sn__coo_begin(const sn__edge_source *source, const sn__coo_options *options,
                        sn__coo **out)
{
    sn__coo *coo;
    SN_TRY(sn__mem_zalloc(1, sizeof *coo, "edge survey", &coo));
    coo->source = *source;
    coo->options = *options;
    if (coo->options.threads > MAX_THREADS)
        coo->options.threads = MAX_THREADS;
    sn_status status = set_side(coo, SN__BY_SRC);
    if (status == SN_OK)
        status = set_side(coo, SN__BY_DST);
    if (status == SN_OK)
        status = take_survey(coo);
    if (status != SN_OK) {
        sn__coo_end(coo);
        return status;
    }
    *out = coo;
    return SN_OK;
}

void sn__coo_end(sn__coo *coo)
{
    if (coo == NULL)
        return;
    sn__mem_free(coo->side[0].counts);
    sn__mem_free(coo->side[1].counts);
    sn__mem_pages_free(coo->temp, coo->temp_bytes);
    sn__mem_free(coo);
}

sn__coo_layout sn__coo_layout_of(const sn__coo *coo, sn__coo_by by)
{
    const sn__coo_side *side = &coo->side[by];
    return (sn__coo_layout){ .rows = side->rows,
                             .index = { SN_INT, side->cols <= INT32_MAX ? 32 : 64 },
                             .implicit_ids = side->sorted };
}

/* -- A stream in order ------------------------------------------------------------------------- */

static void fill_rows(int64_t *indptr, int64_t first, int64_t end, int64_t value)
{
    for (int64_t r = first; r < end; r++)
        indptr[r] = value;
}

/* Edges [first, first + count) follow on an edge of row `before` (-1: none). */
static sn_status copy_block(const sn__coo_job *job, int64_t first, int32_t count, int64_t *before)
{
    int64_t row[SN__EDGE_BLOCK], col[SN__EDGE_BLOCK];
    SN_TRY(sn__coo_read(job->coo, job->by, first, count, row, col));
    for (int32_t i = 0; i < count; i++) {
        if (row[i] < *before)
            return sn__coo_changed();
        fill_rows(job->indptr, *before + 1, row[i] + 1, first + i);
        *before = row[i];
    }
    if (job->index_bytes == sizeof(int32_t)) {
        int32_t *to = (int32_t *)job->indices + first;
        for (int32_t i = 0; i < count; i++)
            to[i] = (int32_t)col[i];
    } else {
        memcpy((int64_t *)job->indices + first, col, (size_t)count * sizeof *col);
    }
    return SN_OK;
}

static sn_status copy_sweep(void *context, int32_t thread, int64_t begin, int64_t end)
{
    (void)thread;
    const sn__coo_job *job = context;
    const sn__edge_source *source = &job->coo->source;
    int64_t before = -1, other;
    if (begin > 0)
        SN_TRY(sn__coo_read(job->coo, job->by, begin - 1, 1, &before, &other));
    for (int64_t at = begin; at < end; at += SN__EDGE_BLOCK) {
        int64_t left = end - at;
        SN_TRY(
            copy_block(job, at, left < SN__EDGE_BLOCK ? (int32_t)left : SN__EDGE_BLOCK, &before));
    }
    if (end == source->count)
        fill_rows(job->indptr, before + 1, job->side->rows + 1, end);
    if (source->forget != NULL)
        source->forget(source->context, begin, end - begin);
    return SN_OK;
}

static sn_status copy_rows(sn__coo_job *job)
{
    int64_t count = job->coo->source.count;
    if (count == 0) {
        fill_rows(job->indptr, 0, job->side->rows + 1, 0);
        return SN_OK;
    }
    job->stage.total = (uint64_t)count;
    sn__sweep sweep = { .count = count, .block = SWEEP_EDGES, .stage = &job->stage };
    sweep.threads = job->coo->options.threads;
    sweep.body = copy_sweep;
    sweep.context = job;
    return sn__sweep_slices(&sweep);
}

/* -- A stream in any order: the plan ----------------------------------------------------------- */

static int bit_length(uint64_t value)
{
    return value == 0 ? 0 : 64 - __builtin_clzll(value);
}

/* An even number of passes of equal digits for `bits`. */
static void plan_digits(int bits, int *passes, int *digit)
{
    *passes = (bits + 2 * DIGIT_BITS - 1) / (2 * DIGIT_BITS) * 2;
    *digit = *passes > 0 ? (bits + *passes - 1) / *passes : 0;
}

static uint64_t cell_edges(const sn__coo_job *job, int64_t cell)
{
    uint64_t edges = 0;
    for (int32_t t = 0; t < job->coo->options.threads; t++)
        edges += job->side->counts[t * job->side->cells + cell];
    return edges;
}

/* Cells to buckets of about `load` edges and rows. */
static void plan_buckets(sn__coo_job *job, uint64_t load)
{
    int64_t cells = job->side->cells, rows_per_cell = (int64_t)1 << job->side->shift;
    uint64_t first = 0, most_rows = 1;
    job->num_buckets = 0;
    job->bucket_edges = 0;
    for (int64_t cell = 0; cell < cells; job->num_buckets++) {
        sn__coo_bucket *bucket = &job->buckets[job->num_buckets];
        *bucket = (sn__coo_bucket){ .cell = cell, .first = first };
        do {
            bucket->count += cell_edges(job, cell++);
        } while (cell < cells && bucket->count + cell_edges(job, cell) +
                                         (uint64_t)((cell - bucket->cell) * rows_per_cell) <=
                                     load);
        bucket->cell_end = cell;
        first += bucket->count;
        uint64_t rows = (uint64_t)((cell - bucket->cell) * rows_per_cell);
        most_rows = rows > most_rows ? rows : most_rows;
        if (bucket->count > job->bucket_edges)
            job->bucket_edges = bucket->count;
    }
    if (job->duplicates != NULL) /* consecutive rows differ in their low bits: that groups them */
        plan_digits(bit_length(most_rows - 1), &job->row_passes, &job->row_bits);
}

/* Buckets to rounds of at most `most` edges, or of one bucket. */
static void plan_rounds(sn__coo_job *job, uint64_t most)
{
    for (int64_t b = 0; b < job->num_buckets;) {
        uint64_t edges = 0;
        int64_t start = b;
        job->rounds[job->num_rounds++] = b;
        do {
            edges += job->buckets[b].count;
            for (int64_t c = job->buckets[b].cell; c < job->buckets[b].cell_end; c++)
                job->bucket_of[c] = (int32_t)(b - start);
            b++;
        } while (b < job->num_buckets && b - start < ROUND_BUCKETS &&
                 edges + job->buckets[b].count <= most);
        job->round_edges = edges > job->round_edges ? edges : job->round_edges;
        job->round_buckets = b - start > job->round_buckets ? b - start : job->round_buckets;
    }
    job->rounds[job->num_rounds] = job->num_buckets;
}

static uint64_t round_budget(const sn__coo_job *job, size_t edge_bytes)
{
    uint64_t count = (uint64_t)job->coo->source.count, bytes = job->coo->options.scratch_bytes;
    if (bytes == 0) {
        bytes = count * (job->index_bytes + sizeof(int64_t)) / 2;
        bytes = bytes > MIN_SCRATCH ? bytes : MIN_SCRATCH;
    }
    uint64_t edges = bytes / edge_bytes + 1;
    uint64_t rounds = (count + edges - 1) / edges; /* of equal size rather than a small last one */
    return count / rounds + count / rounds / 16 + 1;
}

static sn_status make_plan(sn__coo_job *job, size_t edge_bytes)
{
    const sn__coo_side *side = job->side, *other = &job->coo->side[1 - job->by];
    size_t cells = (size_t)side->cells;
    SN_TRY(sn__mem_zalloc(cells, sizeof *job->buckets, "buckets", &job->buckets));
    SN_TRY(sn__mem_zalloc(cells + 1, sizeof *job->rounds, "rounds", &job->rounds));
    SN_TRY(sn__mem_zalloc(cells, sizeof *job->bucket_of, "cells", &job->bucket_of));
    if (!other->sorted) /* else each row gets its columns in ascending order */
        plan_digits(bit_length((uint64_t)side->cols - 1), &job->col_passes, &job->col_bits);
    uint64_t count = (uint64_t)job->coo->source.count;
    uint64_t most = round_budget(job, edge_bytes);
    int64_t most_buckets = (int64_t)((count + most - 1) / most) * ROUND_BUCKETS;
    uint64_t load = (count + (uint64_t)side->rows) / (uint64_t)most_buckets;
    load = load > BUCKET_LOAD ? load : BUCKET_LOAD;
    plan_buckets(job, load);
    /* Buckets are not quite full, and a few more than the rounds may have would cost one more pass
     * over the stream. */
    while (job->num_buckets > most_buckets)
        plan_buckets(job, load += load / 16);
    plan_rounds(job, most);
    uint64_t weight = count / (uint64_t)job->num_buckets;
    job->stage.total =
        (uint64_t)job->num_rounds * count + (uint64_t)job->num_buckets * (weight > 0 ? weight : 1);
    return SN_OK;
}

static void free_job(sn__coo_job *job)
{
    for (int32_t t = 0; t < job->coo->options.threads; t++) {
        if (job->lanes != NULL)
            sn__mem_pages_free(job->lanes[t], job->lane_bytes);
        if (job->spare != NULL)
            sn__mem_pages_free(job->spare[t], job->spare_bytes);
    }
    sn__mem_free(job->spare);
    sn__mem_free(job->lanes);
    sn__mem_free(job->bucket_of);
    sn__mem_free(job->rounds);
    sn__mem_free(job->buckets);
}

static sn_status sort_edges(sn__coo *coo, sn__coo_job *job)
{
    uint64_t limit = (uint64_t)1 << 32, count = (uint64_t)job->coo->source.count;
    bool small =
        (uint64_t)job->side->rows <= limit && (uint64_t)job->side->cols <= limit && count < limit;
    job->temp = coo->temp;
    job->temp_bytes = coo->temp_bytes;
    sn_status status = make_plan(job, small ? sn__coo_edge_bytes_small : sn__coo_edge_bytes_large);
    if (status == SN_OK)
        status = small ? sn__coo_sort_small(job) : sn__coo_sort_large(job);
    coo->temp = job->temp;
    coo->temp_bytes = job->temp_bytes;
    free_job(job);
    return status;
}

sn_status sn__coo_rows(sn__coo *coo, sn__coo_by by, int64_t *indptr, void *indices,
                       int64_t *edge_ids)
{
    sn__coo_layout layout = sn__coo_layout_of(coo, by);
    SN_ASSERT((edge_ids == NULL) == layout.implicit_ids);
    sn__coo_job job = { .coo = coo, .by = by, .side = &coo->side[by] };
    job.stage = (sn__stage){ .progress = coo->options.progress,
                             .name = by == SN__BY_SRC ? "build CSR" : "build CSC" };
    job.indptr = indptr;
    job.indices = indices;
    job.index_bytes = layout.index.bits / 8;
    job.edge_ids = edge_ids;
    if (layout.implicit_ids)
        return copy_rows(&job);
    indptr[0] = 0;
    return sort_edges(coo, &job);
}

sn_status sn__coo_duplicates(sn__coo *coo, uint64_t *bitmap)
{
    if (coo->source.count == 0)
        return SN_OK;
    sn__coo_job job = { .coo = coo, .by = SN__BY_SRC, .side = &coo->side[SN__BY_SRC] };
    job.stage = (sn__stage){ .progress = coo->options.progress, .name = "find duplicates" };
    job.index_bytes = sizeof(int32_t); /* for the default of the scratch memory */
    job.duplicates = bitmap;
    return sort_edges(coo, &job);
}
