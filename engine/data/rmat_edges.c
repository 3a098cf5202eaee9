/* SPDX-License-Identifier: Apache-2.0 */
/* The edges of an R-MAT graph: drawn, spilled by ranges of sources, sorted range by range.
 *
 *     draw    threads draw their slices (rmat.h), permute the ids and collect each edge as a key
 *             (source << 32 | destination) for the bucket of its source; full chunks go to a
 *             nameless file
 *     sort    buckets come back in ascending order, a few at a time: sorted by digits, equal ones
 *             merged
 *     emit    the sorted keys are the CSR; edge ids are its positions; the CSC is built from it
 *
 * The order in which threads fill a bucket is forgotten by the sort: equal keys are the same edge.
 * Memory: chunks being filled, the permutation (4 bytes a node), and two arrays per thread of the
 * size of a bucket; all of it below half of the arrays that are written, for graphs of some size.
 */
#include "engine/data/rmat.h"

#include "base/mem.h"
#include "base/random.h"
#include "engine/data/import.h"
#include "engine/data/output.h"
#include "kernels/sweep.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

enum {
    CHUNK = 1 << 12,       /* keys that go to the file together: 32 KiB */
    BUCKET_KEYS = 1 << 18, /* aimed at: twice 2 MiB per thread */
    MAX_BUCKETS = 1 << 9,  /* their chunks in the making: 16 MiB per thread */
    ATTEMPTS = 64,
    DRAW_BATCH = 128,
    DRAW_BLOCK = 1 << 15,
    PERMUTE_BLOCK = 1 << 14,
    DIGIT_BITS = 11
};

/* Which bucket a chunk of the file belongs to, how many keys it has. */
typedef struct chunk {
    int32_t bucket;
    uint32_t count;
} chunk;

/* A thread's keys of one bucket that are not in the file yet. */
typedef struct collector {
    uint32_t count;
    uint64_t keys[CHUNK];
} collector;

/* One bucket being sorted. */
typedef struct slot {
    uint64_t *keys, *spare;
    size_t capacity; /* keys, of each */
    size_t count;
} slot;

typedef struct work {
    sn__rmat *rmat;
    int levels;
    uint64_t edge_key, a, ab, abc; /* thresholds */
    uint32_t *ids;                 /* the permutation */
    int shift;                     /* bucket = source >> shift */
    int32_t buckets;
    sn__spill spill;
    chunk *chunks;
    size_t max_chunks;
    atomic_size_t used_chunks;
    collector **collectors; /* [threads][buckets] */
    uint32_t *of_bucket;    /* chunk numbers by bucket */
    size_t *first_of;       /* [buckets + 1] into of_bucket */
    slot *slots;            /* [threads] */
    int32_t group;          /* first bucket in work */
    /* The result: in files of the dataset, or nameless if only CSC is wanted. */
    int64_t *indptr;
    uint8_t *indices;
    size_t index_bytes;
    int64_t *place; /* [threads]: where a slot's edges go */
    int64_t count;  /* edges so far */
} work;

/* -- Drawing ----------------------------------------------------------------------------------- */

/* One attempt at edge i. False: an id is beyond, and it is not the last attempt. */
static bool draw_attempt(const work *w, uint64_t i, uint32_t attempt, uint64_t *src, uint64_t *dst)
{
    uint64_t last = (uint64_t)w->rmat->nodes - 1;
    *src = *dst = 0;
    for (int level = 0; level < w->levels; level += 4) {
        uint32_t counter[4] = { (uint32_t)i, (uint32_t)(i >> 32), (uint32_t)level / 4, attempt };
        uint32_t words[4];
        int levels = w->levels - level < 4 ? w->levels - level : 4;
        sn__philox(w->edge_key, counter, words);
        for (int k = 0; k < levels; k++) {
            uint64_t down = words[k] >= w->ab;
            *src = *src << 1 | down;
            *dst = *dst << 1 | ((words[k] >= w->a) - down + (words[k] >= w->abc));
        }
        int left = w->levels - level - levels;
        if ((*src > last >> left || *dst > last >> left) && attempt < ATTEMPTS - 1)
            return false; /* the upper bits alone tell */
    }
    return true;
}

static void draw_edge(const work *w, uint64_t i, uint64_t *src, uint64_t *dst)
{
    uint32_t attempt = 0;
    while (!draw_attempt(w, i, attempt, src, dst))
        attempt++;
    if (attempt < ATTEMPTS - 1)
        return;
    /* Probabilities that leave nearly nothing below num_nodes. More than half of the ids are, so an
     * id beyond has its highest bit. */
    uint64_t nodes = (uint64_t)w->rmat->nodes, below = ((uint64_t)1 << (w->levels - 1)) - 1;
    *src = *src < nodes ? *src : *src & below;
    *dst = *dst < nodes ? *dst : *dst & below;
}

static sn_status flush(work *w, collector *c, int32_t bucket)
{
    size_t number = atomic_fetch_add_explicit(&w->used_chunks, 1, memory_order_relaxed);
    SN_ASSERT(number < w->max_chunks);
    SN_TRY(
        sn__spill_write(&w->spill, number * sizeof c->keys, c->keys, c->count * sizeof *c->keys));
    w->chunks[number] = (chunk){ bucket, c->count };
    c->count = 0;
    return SN_OK;
}

static sn_status collect(work *w, int32_t thread, uint64_t src, uint64_t dst)
{
    int32_t bucket = (int32_t)(src >> w->shift);
    collector *c = &w->collectors[thread][bucket];
    c->keys[c->count++] = src << 32 | dst;
    return c->count < CHUNK ? SN_OK : flush(w, c, bucket);
}

/* In steps of a batch, so that the cache misses of one step overlap. */
static sn_status draw_batch(work *w, int32_t thread, int64_t first, int32_t count)
{
    uint64_t src[DRAW_BATCH], dst[DRAW_BATCH];
    for (int32_t k = 0; k < count; k++)
        draw_edge(w, (uint64_t)(first + k), &src[k], &dst[k]);
    for (int32_t k = 0; k < count; k++) {
        src[k] = w->ids[src[k]];
        dst[k] = w->ids[dst[k]];
    }
    for (int32_t k = 0; k < count; k++)
        SN_TRY(collect(w, thread, src[k], dst[k]));
    for (int32_t k = 0; k < count && w->rmat->options->undirected; k++)
        SN_TRY(collect(w, thread, dst[k], src[k]));
    return SN_OK;
}

static sn_status draw_block(void *context, int32_t thread, int64_t begin, int64_t end)
{
    for (int64_t at = begin; at < end; at += DRAW_BATCH) {
        int64_t left = end - at;
        SN_TRY(draw_batch(context, thread, at, left < DRAW_BATCH ? (int32_t)left : DRAW_BATCH));
    }
    return SN_OK;
}

static sn_status permute_block(void *context, int32_t thread, int64_t begin, int64_t end)
{
    (void)thread;
    work *w = context;
    sn__shuffle shuffle =
        sn__shuffle_make(sn__rmat_key(w->rmat, SN__RMAT_IDS), 0, (uint64_t)w->rmat->nodes);
    for (int64_t v = begin; v < end; v++)
        w->ids[v] = (uint32_t)sn__shuffle_at(&shuffle, (uint64_t)v);
    return SN_OK;
}

static sn_status draw_all(work *w)
{
    sn__rmat *rmat = w->rmat;
    sn__stage stage = { &rmat->progress, "permute ids", 0, (uint64_t)rmat->nodes };
    sn__sweep sweep = { .count = rmat->nodes, .block = PERMUTE_BLOCK, .threads = rmat->threads };
    sweep.body = permute_block;
    sweep.context = w;
    sweep.stage = &stage;
    SN_TRY(sn__sweep_slices(&sweep));
    stage = (sn__stage){ &rmat->progress, "draw edges", 0, (uint64_t)rmat->drawn };
    sweep.count = rmat->drawn;
    sweep.block = DRAW_BLOCK;
    sweep.body = draw_block;
    SN_TRY(sn__sweep_slices(&sweep));
    for (int32_t t = 0; t < rmat->threads; t++)
        for (int32_t b = 0; b < w->buckets; b++)
            if (w->collectors[t][b].count > 0)
                SN_TRY(flush(w, &w->collectors[t][b], b));
    return SN_OK;
}

/* -- Buckets come back ------------------------------------------------------------------------- */

/* Chunk numbers by bucket, a counting sort. */
static sn_status list_chunks(work *w)
{
    size_t used = atomic_load_explicit(&w->used_chunks, memory_order_relaxed);
    SN_TRY(sn__mem_zalloc(used, sizeof *w->of_bucket, "chunks", &w->of_bucket));
    SN_TRY(sn__mem_zalloc((size_t)w->buckets + 2, sizeof *w->first_of, "chunks", &w->first_of));
    for (size_t k = 0; k < used; k++)
        w->first_of[w->chunks[k].bucket + 2]++;
    for (int32_t b = 0; b < w->buckets; b++)
        w->first_of[b + 2] += w->first_of[b + 1];
    for (size_t k = 0; k < used; k++)
        w->of_bucket[w->first_of[w->chunks[k].bucket + 1]++] = (uint32_t)k;
    return SN_OK;
}

static void digit_pass(const uint64_t *from, uint64_t *to, size_t count, int shift)
{
    size_t place[1 << DIGIT_BITS] = { 0 }, before = 0;
    uint64_t mask = (1 << DIGIT_BITS) - 1;
    for (size_t i = 0; i < count; i++)
        place[from[i] >> shift & mask]++;
    for (size_t d = 0; d <= mask; d++) {
        size_t here = place[d];
        place[d] = before;
        before += here;
    }
    for (size_t i = 0; i < count; i++)
        to[place[from[i] >> shift & mask]++] = from[i];
}

/* Sorts by the bits that differ in a bucket, then merges equal keys. */
static void sort_slot(const work *w, slot *s)
{
    const int ranges[2][2] = { { 0, w->levels }, { 32, 32 + w->shift } };
    for (int r = 0; r < 2; r++)
        for (int shift = ranges[r][0]; shift < ranges[r][1]; shift += DIGIT_BITS) {
            /* A digit may reach beyond its range: into zeros, or into bits that are equal. */
            digit_pass(s->keys, s->spare, s->count, shift);
            uint64_t *keys = s->keys;
            s->keys = s->spare;
            s->spare = keys;
        }
    size_t kept = s->count > 0;
    for (size_t i = 1; i < s->count; i++) {
        s->keys[kept] = s->keys[i];
        kept += s->keys[i] != s->keys[kept - 1];
    }
    s->count = kept;
}

static sn_status grow_slot(slot *s, size_t capacity)
{
    uint64_t *keys, *spare;
    SN_TRY(sn__mem_pages(capacity * sizeof *keys, "edges of a bucket", &keys));
    sn_status st = sn__mem_pages(capacity * sizeof *spare, "edges of a bucket", &spare);
    if (st != SN_OK) {
        sn__mem_pages_free(keys, capacity * sizeof *keys);
        return st;
    }
    if (s->count > 0)
        memcpy(keys, s->keys, s->count * sizeof *keys);
    sn__mem_pages_free(s->keys, s->capacity * sizeof *keys);
    sn__mem_pages_free(s->spare, s->capacity * sizeof *keys);
    s->keys = keys;
    s->spare = spare;
    s->capacity = capacity;
    return SN_OK;
}

/* Few different edges drawn very often are merged on the way, so that they need no more memory than
 * few edges do. */
static sn_status make_room(const work *w, slot *s, size_t more)
{
    if (s->count + more <= s->capacity)
        return SN_OK;
    if (s->capacity >= 2 * BUCKET_KEYS)
        sort_slot(w, s);
    if (s->count + more <= s->capacity / 2)
        return SN_OK;
    size_t twice = 2 * s->capacity, least = s->count + more;
    twice = twice > CHUNK ? twice : CHUNK;
    return grow_slot(s, twice > least ? twice : least);
}

static sn_status sort_bucket(void *context, int32_t thread, int64_t begin, int64_t end)
{
    (void)thread;
    const work *w = context;
    for (int64_t k = begin; k < end; k++) {
        slot *s = &w->slots[k];
        int32_t bucket = w->group + (int32_t)k;
        s->count = 0;
        for (size_t c = w->first_of[bucket]; c < w->first_of[bucket + 1]; c++) {
            size_t offset = (size_t)w->of_bucket[c] * CHUNK * sizeof(uint64_t);
            size_t count = w->chunks[w->of_bucket[c]].count;
            SN_TRY(make_room(w, s, count));
            SN_TRY(sn__spill_read(&w->spill, offset, s->keys + s->count, count * sizeof *s->keys));
            s->count += count;
        }
        sort_slot(w, s);
    }
    return SN_OK;
}

/* Entry r + 1 of indptr is where row r ends: first counted, then summed from the place of the
 * bucket. */
static sn_status emit_bucket(void *context, int32_t thread, int64_t begin, int64_t end)
{
    (void)thread;
    const work *w = context;
    for (int64_t k = begin; k < end; k++) {
        const slot *s = &w->slots[k];
        int64_t row = (w->group + k) << w->shift, last = row + ((int64_t)1 << w->shift);
        int64_t *ends = w->indptr + 1, at = w->place[k];
        last = last < w->rmat->nodes ? last : w->rmat->nodes;
        memset(ends + row, 0, (size_t)(last - row) * sizeof *ends);
        for (size_t i = 0; i < s->count; i++) {
            ends[s->keys[i] >> 32]++;
            if (w->index_bytes == sizeof(int32_t))
                ((int32_t *)(void *)w->indices)[at++] = (int32_t)(uint32_t)s->keys[i];
            else
                ((int64_t *)(void *)w->indices)[at++] = (uint32_t)s->keys[i];
        }
        for (int64_t r = row, sum = w->place[k]; r < last; r++)
            ends[r] = sum += ends[r];
    }
    return SN_OK;
}

/* Groups of as many buckets as threads: sorted side by side, then written behind each other. */
static sn_status sort_all(work *w)
{
    sn__rmat *rmat = w->rmat;
    sn__stage stage = { &rmat->progress, "sort edges", 0, 2 * (uint64_t)w->buckets };
    w->indptr[0] = 0;
    for (w->group = 0; w->group < w->buckets; w->group += rmat->threads) {
        int32_t left = w->buckets - w->group;
        sn__sweep sweep = { .count = left < rmat->threads ? left : rmat->threads, .block = 1 };
        sweep.threads = rmat->threads;
        sweep.body = sort_bucket;
        sweep.context = w;
        sweep.stage = &stage;
        SN_TRY(sn__sweep_claims(&sweep));
        for (int64_t k = 0; k < sweep.count; k++) {
            w->place[k] = w->count;
            w->count += (int64_t)w->slots[k].count;
        }
        sweep.body = emit_bucket;
        SN_TRY(sn__sweep_claims(&sweep));
    }
    return SN_OK;
}

/* -- CSR as a source --------------------------------------------------------------------------- */

/* The row of edge `at`: the last one that begins at or before it. */
static int64_t row_of(const work *w, int64_t at)
{
    int64_t low = 0, high = w->rmat->nodes;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (w->indptr[middle] <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static sn_status read_csr(void *context, int64_t first, int32_t count, int64_t *src, int64_t *dst)
{
    const work *w = context;
    int64_t row = row_of(w, first);
    for (int32_t i = 0; i < count; i++) {
        while (first + i >= w->indptr[row + 1])
            row++;
        src[i] = row;
    }
    if (w->index_bytes == sizeof(int32_t)) {
        const int32_t *from = (const int32_t *)(const void *)w->indices + first;
        for (int32_t i = 0; i < count; i++)
            dst[i] = from[i];
    } else {
        memcpy(dst, (const int64_t *)(const void *)w->indices + first, (size_t)count * sizeof *dst);
    }
    return SN_OK;
}

/* -- Files ------------------------------------------------------------------------------------- */

typedef struct csr_files {
    sn__npy_out indptr, indices;           /* of the dataset */
    sn__spill indptr_spill, indices_spill; /* or nameless */
} csr_files;

/* As many columns as edges are drawn: after merging the file is cut. */
static sn_status make_csr(work *w, csr_files *files)
{
    sn__rmat *rmat = w->rmat;
    int64_t most = rmat->options->undirected ? 2 * rmat->drawn : rmat->drawn;
    sn_dtype int64 = { SN_INT, 64 }, index = { SN_INT, rmat->nodes <= INT32_MAX ? 32 : 64 };
    w->index_bytes = index.bits / 8;
    if (rmat->layout == SN_LAYOUT_CSC) {
        SN_TRY(sn__spill_make(rmat->writer, (size_t)(rmat->nodes + 1) * 8, &files->indptr_spill));
        SN_TRY(sn__spill_make(rmat->writer, (size_t)most * w->index_bytes, &files->indices_spill));
        w->indptr = (int64_t *)(void *)files->indptr_spill.data;
        w->indices = files->indices_spill.data;
        return SN_OK;
    }
    SN_TRY(sn__output_vector(rmat->writer, "edge0.csr.indptr.npy", int64, rmat->nodes + 1,
                             &files->indptr));
    SN_TRY(sn__output_vector(rmat->writer, "edge0.csr.indices.npy", index, most, &files->indices));
    w->indptr = files->indptr.view.data;
    w->indices = files->indices.view.data;
    return SN_OK;
}

static sn_status register_edges(work *w, csr_files *files, int32_t *index)
{
    sn__rmat *rmat = w->rmat;
    rmat->edges = w->count;
    SN_TRY(sn__writer_edge_type(rmat->writer, "node", "to", "node", w->count, index));
    if (rmat->layout == SN_LAYOUT_CSC)
        return SN_OK;
    SN_TRY(sn__npy_out_shrink(&files->indices, w->count));
    SN_TRY(sn__writer_edge_array(rmat->writer, *index, "csr.indptr", "edge0.csr.indptr.npy"));
    return sn__writer_edge_array(rmat->writer, *index, "csr.indices", "edge0.csr.indices.npy");
}

static sn_status build_csc(work *w, int32_t index)
{
    sn__rmat *rmat = w->rmat;
    if (rmat->layout == SN_LAYOUT_CSR)
        return SN_OK;
    sn__edge_source source = { .count = w->count, .context = w, .read = read_csr };
    sn__coo_options options = { .num_src = rmat->nodes,
                                .num_dst = rmat->nodes,
                                .threads = rmat->threads,
                                .progress = &rmat->progress };
    return sn__write_layouts(rmat->writer, index, &source, &options, SN_LAYOUT_CSC);
}

/* -- The whole --------------------------------------------------------------------------------- */

static uint64_t threshold(double p)
{
    double scaled = rint(p * 0x1p32);
    return scaled >= 0x1p32 ? (uint64_t)1 << 32 : (uint64_t)scaled;
}

static void set_constants(work *w)
{
    sn__rmat *rmat = w->rmat;
    uint64_t keys = (uint64_t)rmat->drawn * (rmat->options->undirected ? 2 : 1);
    uint64_t aim = keys / BUCKET_KEYS + 1;
    aim = aim < MAX_BUCKETS ? aim : MAX_BUCKETS;
    w->levels = rmat->nodes > 1 ? 64 - __builtin_clzll((uint64_t)rmat->nodes - 1) : 0;
    w->edge_key = sn__rmat_key(rmat, SN__RMAT_EDGES);
    w->a = threshold(rmat->a);
    w->ab = threshold(rmat->a + rmat->b);
    w->abc = threshold(rmat->a + rmat->b + rmat->c);
    while ((uint64_t)(rmat->nodes - 1) >> w->shift >= aim)
        w->shift++;
    w->buckets = (int32_t)((rmat->nodes - 1) >> w->shift) + 1;
    w->max_chunks = (size_t)(keys / CHUNK) + (size_t)rmat->threads * (size_t)w->buckets;
}

static sn_status get_drawing_memory(work *w)
{
    size_t threads = (size_t)w->rmat->threads, buckets = (size_t)w->buckets;
    SN_TRY(sn__spill_make(w->rmat->writer, w->max_chunks * CHUNK * sizeof(uint64_t), &w->spill));
    SN_TRY(sn__mem_zalloc(w->max_chunks, sizeof *w->chunks, "chunks", &w->chunks));
    SN_TRY(sn__mem_pages((size_t)w->rmat->nodes * sizeof *w->ids, "permutation", &w->ids));
    SN_TRY(sn__mem_zalloc(threads, sizeof *w->collectors, "chunks", &w->collectors));
    for (size_t t = 0; t < threads; t++)
        SN_TRY(sn__mem_pages(buckets * sizeof **w->collectors, "chunks", &w->collectors[t]));
    return SN_OK;
}

static void free_drawing_memory(work *w)
{
    for (int32_t t = 0; w->collectors != NULL && t < w->rmat->threads; t++)
        sn__mem_pages_free(w->collectors[t], (size_t)w->buckets * sizeof **w->collectors);
    sn__mem_free(w->collectors);
    w->collectors = NULL;
    sn__mem_pages_free(w->ids, (size_t)w->rmat->nodes * sizeof *w->ids);
    w->ids = NULL;
}

static sn_status get_sorting_memory(work *w)
{
    size_t threads = (size_t)w->rmat->threads;
    SN_TRY(sn__mem_zalloc(threads, sizeof *w->slots, "buckets", &w->slots));
    return sn__mem_zalloc(threads, sizeof *w->place, "buckets", &w->place);
}

static void free_sorting_memory(work *w)
{
    for (int32_t t = 0; w->slots != NULL && t < w->rmat->threads; t++) {
        sn__mem_pages_free(w->slots[t].keys, w->slots[t].capacity * sizeof(uint64_t));
        sn__mem_pages_free(w->slots[t].spare, w->slots[t].capacity * sizeof(uint64_t));
    }
    sn__mem_free(w->slots);
    sn__mem_free(w->place);
    sn__mem_free(w->first_of);
    sn__mem_free(w->of_bucket);
    sn__mem_free(w->chunks);
    sn__spill_free(&w->spill);
}

/* Each step's memory goes before the next one's comes. */
static sn_status make_edges(work *w, csr_files *files)
{
    sn_status st = get_drawing_memory(w);
    if (st == SN_OK)
        st = draw_all(w);
    free_drawing_memory(w);
    if (st == SN_OK)
        st = make_csr(w, files);
    if (st == SN_OK)
        st = list_chunks(w);
    if (st == SN_OK)
        st = get_sorting_memory(w);
    if (st == SN_OK)
        st = sort_all(w);
    free_sorting_memory(w);
    return st;
}

sn_status sn__rmat_edges(sn__rmat *rmat)
{
    work w = { .rmat = rmat };
    csr_files files = { 0 };
    int32_t index = 0;
    atomic_init(&w.used_chunks, 0);
    set_constants(&w);
    sn_status st = make_edges(&w, &files);
    if (st == SN_OK)
        st = register_edges(&w, &files, &index);
    if (st == SN_OK)
        st = build_csc(&w, index);
    sn__spill_free(&files.indptr_spill);
    sn__spill_free(&files.indices_spill);
    st = sn__output_close(&files.indptr, st);
    return sn__output_close(&files.indices, st);
}
