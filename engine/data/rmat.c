/* SPDX-License-Identifier: Apache-2.0 */
/* A random power-law graph by R-MAT, with random features, labels and a train split.
 *
 * Everything is a function of the options alone: each number comes from a counter of its own
 * (rmat.h), so threads only share the work. Arrays are streamed to their files. */
#include "engine/data/rmat.h"

#include "base/mem.h"
#include "base/option.h"
#include "base/options_struct.h"
#include "base/random.h"
#include "engine/data/convert.h"
#include "engine/data/output.h"
#include "kernels/sweep.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

enum {
    BLOCK = 1 << 16,
    HALF_STEPS = 1 << 11,
    DEFAULT_CLASSES = 16,
    MAX_THREADS = 64, /* each has memory for every bucket */
    FIRST_OPTIONS = offsetof(sn_rmat_options, progress_context) + sizeof(void *)
};

uint64_t sn__rmat_key(const sn__rmat *rmat, uint64_t purpose)
{
    return sn__phase_key(rmat->options->seed, 0, 0, 0x524D4154 + purpose, 0, 0); /* "RMAT" */
}

/* -- Options ----------------------------------------------------------------------------------- */

static bool is_probability(double p)
{
    return p >= 0 && p <= 1; /* false for NaN */
}

static sn_status check_probabilities(const sn_rmat_options *options, sn__rmat *rmat)
{
    double a = options->a, b = options->b, c = options->c;
    if (a == 0 && b == 0 && c == 0) {
        a = .57;
        b = c = .19;
    }
    /* The sum may be one and the dust of its rounding. */
    if (!is_probability(a) || !is_probability(b) || !is_probability(c) || a + b + c > 1 + 1e-9)
        return sn__fail(SN_E_INVALID,
                        "rmat: probabilities %g, %g, %g: not each in [0, 1] and 1 at most together",
                        a, b, c);
    rmat->a = a;
    rmat->b = b;
    rmat->c = c;
    return SN_OK;
}

static sn_status check_size(const sn_rmat_options *options, sn__rmat *rmat)
{
    int64_t most_nodes = (int64_t)1 << 32, most_edges = (int64_t)1 << 48, edges;
    if ((options->scale != 0) == (options->num_nodes != 0))
        return sn__fail(SN_E_INVALID, "rmat: scale %d and %" PRId64 " nodes, expected one of both",
                        (int)options->scale, options->num_nodes);
    if (options->scale < 0 || options->scale > 32)
        return sn__fail(SN_E_INVALID, "rmat: scale %d, not 1 to 32", (int)options->scale);
    if (options->num_nodes < 0 || options->num_nodes > most_nodes)
        return sn__fail(SN_E_INVALID, "rmat: %" PRId64 " nodes, not 1 to 2^32", options->num_nodes);
    rmat->nodes = options->scale > 0 ? (int64_t)1 << options->scale : options->num_nodes;
    if (options->degree < 0 || __builtin_mul_overflow(rmat->nodes, options->degree, &edges) ||
        edges > most_edges)
        return sn__fail(SN_E_INVALID,
                        "rmat: degree %" PRId64 " of %" PRId64 " nodes, not 0 to 2^48 edges",
                        options->degree, rmat->nodes);
    rmat->drawn = edges;
    return SN_OK;
}

static sn_status check_options(const sn_rmat_options *options, sn__rmat *rmat)
{
    SN_TRY(check_size(options, rmat));
    SN_TRY(check_probabilities(options, rmat));
    if (options->feat_dim < 0)
        return sn__fail(SN_E_INVALID, "rmat: feat_dim %" PRId64, options->feat_dim);
    if (options->classes < 0)
        return sn__fail(SN_E_INVALID, "rmat: %d classes", (int)options->classes);
    if ((int)options->layout < SN_LAYOUT_DEFAULT || options->layout > SN_LAYOUT_CSC)
        return sn__fail(SN_E_INVALID, "rmat: layout %d", (int)options->layout);
    rmat->options = options;
    rmat->classes = options->classes > 0 ? options->classes : DEFAULT_CLASSES;
    rmat->layout = options->layout == SN_LAYOUT_DEFAULT ? SN_LAYOUT_BOTH : options->layout;
    rmat->progress.call = options->progress;
    rmat->progress.context = options->progress_context;
    SN_TRY(sn__threads_resolve(options->threads, &rmat->threads));
    if (rmat->threads > MAX_THREADS)
        rmat->threads = MAX_THREADS;
    return SN_OK;
}

/* -- Features and labels ----------------------------------------------------------------------- */

typedef struct fill_work {
    const sn__rmat *rmat;
    sn__npy_out out;
    uint64_t key;
    uint16_t half[HALF_STEPS]; /* k * 2^-10 - 1 */
} fill_work;

static void four_words(uint64_t key, int64_t block, uint32_t out[4])
{
    uint32_t counter[4] = { (uint32_t)block, (uint32_t)((uint64_t)block >> 32), 0, 0 };
    sn__philox(key, counter, out);
}

static sn_status fill_features(void *context, int32_t thread, int64_t begin, int64_t end)
{
    (void)thread;
    const fill_work *work = context;
    bool half = work->rmat->options->feat_float16;
    uint32_t words[4];
    for (int64_t e = begin; e < end; e++) {
        if (e == begin || e % 4 == 0)
            four_words(work->key, e / 4, words);
        uint32_t word = words[e % 4];
        if (half)
            ((uint16_t *)work->out.view.data)[e] = work->half[word >> 21];
        else
            ((float *)work->out.view.data)[e] = (float)(word >> 8) * 0x1p-23f - 1;
    }
    size_t size = half ? sizeof(uint16_t) : sizeof(float);
    sn__output_forget(&work->out, (size_t)begin * size, (size_t)(end - begin) * size);
    return SN_OK;
}

static sn_status fill_labels(void *context, int32_t thread, int64_t begin, int64_t end)
{
    (void)thread;
    const fill_work *work = context;
    int bits = work->out.view.dtype.bits;
    sn__draws draws;
    for (int64_t v = begin; v < end; v++) {
        sn__draws_begin(&draws, work->key, (uint64_t)v, 0, 0);
        uint64_t label = sn__draw(&draws, 0, (uint64_t)work->rmat->classes);
        if (bits == 8)
            ((int8_t *)work->out.view.data)[v] = (int8_t)label;
        else if (bits == 16)
            ((int16_t *)work->out.view.data)[v] = (int16_t)label;
        else
            ((int32_t *)work->out.view.data)[v] = (int32_t)label;
    }
    return SN_OK;
}

static sn_status fill_array(sn__rmat *rmat, fill_work *work, sn__sweep_body body, const char *name,
                            int64_t count)
{
    sn__stage stage = { &rmat->progress, name, 0, (uint64_t)count };
    sn__sweep sweep = { .count = count, .block = BLOCK, .threads = rmat->threads, .body = body };
    sweep.context = work;
    sweep.stage = &stage;
    return sn__sweep_slices(&sweep);
}

static sn_status write_features(sn__rmat *rmat)
{
    int64_t shape[2] = { rmat->nodes, rmat->options->feat_dim };
    if (shape[1] == 0)
        return SN_OK;
    fill_work work = { .rmat = rmat, .key = sn__rmat_key(rmat, SN__RMAT_X) };
    sn_dtype dtype = { SN_FLOAT, rmat->options->feat_float16 ? 16 : 32 };
    for (int k = 0; k < HALF_STEPS; k++)
        work.half[k] = sn__half_from_double(k * 0x1p-10 - 1);
    SN_TRY(sn__output_make(rmat->writer, "node0.x.npy", dtype, 2, shape, &work.out));
    sn_status st = fill_array(rmat, &work, fill_features, "features", shape[0] * shape[1]);
    SN_TRY(sn__output_close(&work.out, st));
    return sn__writer_node_array(rmat->writer, 0, "x", "node0.x.npy");
}

static sn_status write_labels(sn__rmat *rmat)
{
    fill_work work = { .rmat = rmat, .key = sn__rmat_key(rmat, SN__RMAT_Y) };
    int32_t most = rmat->classes - 1;
    sn_dtype dtype = { SN_INT, most <= INT8_MAX ? 8 : most <= INT16_MAX ? 16 : 32 };
    SN_TRY(sn__output_vector(rmat->writer, "node0.y.npy", dtype, rmat->nodes, &work.out));
    sn_status st = fill_array(rmat, &work, fill_labels, "labels", rmat->nodes);
    SN_TRY(sn__output_close(&work.out, st));
    return sn__writer_node_array(rmat->writer, 0, "y", "node0.y.npy");
}

/* -- Weights and times ------------------------------------------------------------------------- */

static sn_status fill_of_edges(void *context, int32_t thread, int64_t begin, int64_t end)
{
    (void)thread;
    const fill_work *work = context;
    bool times = work->out.view.dtype.code == SN_INT;
    uint32_t words[4];
    for (int64_t e = begin; e < end; e++) {
        if (e == begin || e % 4 == 0)
            four_words(work->key, e / 4, words);
        if (times)
            ((int64_t *)work->out.view.data)[e] = words[e % 4] >> 12;
        else
            ((float *)work->out.view.data)[e] = (float)((words[e % 4] >> 8) + 1) * 0x1p-24f;
    }
    size_t size = times ? sizeof(int64_t) : sizeof(float);
    sn__output_forget(&work->out, (size_t)begin * size, (size_t)(end - begin) * size);
    return SN_OK;
}

static sn_status write_of_edges(sn__rmat *rmat, const char *role, uint64_t purpose, sn_dtype dtype)
{
    char file[40];
    fill_work work = { .rmat = rmat, .key = sn__rmat_key(rmat, purpose) };
    (void)snprintf(file, sizeof file, "edge0.%s.npy", role);
    SN_TRY(sn__output_vector(rmat->writer, file, dtype, rmat->edges, &work.out));
    sn_status st = fill_array(rmat, &work, fill_of_edges, role, rmat->edges);
    SN_TRY(sn__output_close(&work.out, st));
    return sn__writer_edge_array(rmat->writer, 0, role, file);
}

static sn_status write_weights_and_times(sn__rmat *rmat)
{
    if (rmat->options->weights)
        SN_TRY(write_of_edges(rmat, "weights", SN__RMAT_WEIGHTS, (sn_dtype){ SN_FLOAT, 32 }));
    if (rmat->options->times)
        SN_TRY(write_of_edges(rmat, "times", SN__RMAT_TIMES, (sn_dtype){ SN_INT, 64 }));
    return sn__writer_tables(rmat->writer, rmat->threads, &rmat->progress);
}

/* -- The train split --------------------------------------------------------------------------- */

typedef struct choice {
    sn__shuffle shuffle;
    uint64_t *chosen; /* bitmap */
} choice;

static sn_status choose(void *context, int32_t thread, int64_t begin, int64_t end)
{
    (void)thread;
    const choice *work = context;
    for (int64_t i = begin; i < end; i++) {
        uint64_t v = sn__shuffle_at(&work->shuffle, (uint64_t)i);
        __atomic_fetch_or(&work->chosen[v / 64], (uint64_t)1 << (v % 64), __ATOMIC_RELAXED);
    }
    return SN_OK;
}

static void list_chosen(const choice *work, int64_t nodes, const sn_tensor *out)
{
    int64_t at = 0;
    for (int64_t v = 0; v < nodes; v++) {
        if (!(work->chosen[v / 64] >> (v % 64) & 1))
            continue;
        if (out->dtype.bits == 32)
            ((int32_t *)out->data)[at++] = (int32_t)v;
        else
            ((int64_t *)out->data)[at++] = v;
    }
}

static sn_status write_chosen(sn__rmat *rmat, choice *work, int64_t count)
{
    sn__npy_out out = { 0 };
    sn_dtype dtype = { SN_INT, rmat->nodes <= INT32_MAX ? 32 : 64 };
    sn__stage stage = { &rmat->progress, "train split", 0, (uint64_t)count };
    sn__sweep sweep = { .count = count, .block = BLOCK, .threads = rmat->threads };
    sweep.body = choose;
    sweep.context = work;
    sweep.stage = &stage;
    SN_TRY(sn__sweep_slices(&sweep));
    SN_TRY(sn__output_vector(rmat->writer, "node0.train.npy", dtype, count, &out));
    list_chosen(work, rmat->nodes, &out.view);
    return sn__npy_out_close(&out);
}

static sn_status write_split(sn__rmat *rmat)
{
    int64_t count = rmat->nodes / 10 > 0 ? rmat->nodes / 10 : 1;
    uint64_t key = sn__rmat_key(rmat, SN__RMAT_TRAIN);
    choice work = { .shuffle = sn__shuffle_make(key, 0, (uint64_t)rmat->nodes) };
    SN_TRY(sn__mem_zalloc((size_t)(rmat->nodes + 63) / 64, sizeof *work.chosen, "train split",
                          &work.chosen));
    sn_status st = write_chosen(rmat, &work, count);
    sn__mem_free(work.chosen);
    SN_TRY(st);
    return sn__writer_node_array(rmat->writer, 0, "train", "node0.train.npy");
}

/* -- The whole --------------------------------------------------------------------------------- */

static sn_status write_info(const sn__rmat *rmat)
{
    const sn_rmat_options *options = rmat->options;
    json_t *info = json_pack("{s:s, s:I, s:I, s:i, s:b, s:o, s:o}", "generator", "rmat", "nodes",
                             (json_int_t)rmat->nodes, "degree", (json_int_t)options->degree,
                             "classes", (int)rmat->classes, "undirected", (int)options->undirected,
                             "probabilities", json_pack("[fff]", rmat->a, rmat->b, rmat->c), "seed",
                             json_sprintf("%" PRIu64, options->seed)); /* beyond a JSON integer */
    if (info == NULL)
        return sn__fail(SN_E_NOMEM, "rmat: information: out of memory");
    sn_status st = sn__writer_info(rmat->writer, info);
    json_decref(info);
    return st;
}

static sn_status fill(sn__rmat *rmat)
{
    int32_t index;
    SN_TRY(sn__writer_node_type(rmat->writer, "node", rmat->nodes, &index));
    SN_TRY(sn__rmat_edges(rmat));
    SN_TRY(write_weights_and_times(rmat));
    SN_TRY(write_features(rmat));
    SN_TRY(write_labels(rmat));
    SN_TRY(write_split(rmat));
    return write_info(rmat);
}

sn_status sn_gen_rmat(const sn_rmat_options *options, const char *out)
{
    sn__rmat rmat = { .writer = NULL };
    sn_rmat_options known;
    if (options == NULL || out == NULL)
        return sn__fail(SN_E_INVALID, "rmat: no %s", options == NULL ? "options" : "output");
    SN_TRY(sn__options_read(&known, sizeof known, options, FIRST_OPTIONS, "rmat options"));
    SN_TRY(check_options(&known, &rmat));
    SN_TRY(sn__writer_begin(out, &rmat.writer));
    sn_status st = fill(&rmat);
    if (st != SN_OK) {
        sn__writer_abort(rmat.writer);
        return st;
    }
    return sn__writer_commit(rmat.writer, rmat.threads, &rmat.progress);
}
