/* SPDX-License-Identifier: Apache-2.0 */
/* One array of an import: opened, checked against what it must be, copied or converted into a file
 * of the dataset, block by block. Read and written pages are forgotten as they are done with.
 * Threads: blocks are spread over the job's. */
#include "base/tensor.h"
#include "engine/data/convert.h"
#include "engine/data/import.h"
#include "engine/data/output.h"
#include "kernels/sweep.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK_BYTES = 1 << 20 };

typedef struct transfer {
    const sn__import_array *array;
    const sn__array_want *want;
    sn__npy in;
    sn__npy_out out;
    int64_t first; /* row of the input that row 0 of the array is */
    int64_t row;   /* elements of one */
    sn__convert convert;
    bool copies; /* same type, no scale */
} transfer;

/* -- Checks ------------------------------------------------------------------------------------ */

static bool is_integer(sn_dtype dtype)
{
    return dtype.code == SN_INT || dtype.code == SN_UINT;
}

sn_status sn__import_open_integers(const char *path, const char *what, sn__npy *out)
{
    sn__npy npy;
    SN_TRY(sn__npy_open(path, &npy));
    if (!is_integer(npy.view.dtype)) {
        sn_status st = sn__fail(SN_E_FORMAT, "%s: %s: is %s, expected integers", path, what,
                                sn_dtype_name(npy.view.dtype));
        sn__npy_close(&npy);
        return st;
    }
    *out = npy;
    return SN_OK;
}

static sn_status check_shape(transfer *work)
{
    char shape[SN__SHAPE_TEXT];
    const sn__import_array *array = work->array;
    const sn_tensor *view = &work->in.view;
    const char *path = array->file, *what = work->want->what;
    sn__shape_text(view->ndim, view->shape, shape);
    if (view->ndim < 1 || (work->want->vector && view->ndim != 1))
        return sn__fail(SN_E_FORMAT, "%s: %s: has shape %s, expected %s", path, what, shape,
                        view->ndim < 1 ? "rows" : "one dimension");
    int64_t rows = view->shape[0], want = work->want->rows;
    if (array->has_rows && array->end > rows)
        return sn__fail(SN_E_FORMAT, "%s: %s: rows [%" PRId64 ", %" PRId64 ") of %" PRId64, path,
                        what, array->begin, array->end, rows);
    rows = array->has_rows ? array->end - array->begin : rows;
    if (rows != want)
        return sn__fail(SN_E_FORMAT, "%s: %s: %" PRId64 " rows, expected %" PRId64, path, what,
                        rows, want);
    work->first = array->has_rows ? array->begin : 0;
    work->row = 1;
    for (int32_t i = 1; i < view->ndim; i++)
        work->row *= view->shape[i];
    return SN_OK;
}

static sn_status choose_types(transfer *work)
{
    const sn__import_array *array = work->array;
    const char *path = array->file, *what = work->want->what;
    sn_dtype from = work->in.view.dtype, to = array->has_convert ? array->convert : from;
    if (work->want->times && !is_integer(from))
        return sn__fail(SN_E_FORMAT, "%s: %s: is %s, expected integers", path, what,
                        sn_dtype_name(from));
    if (work->want->to.bits != 0) {
        if (array->has_convert && !sn__dtype_equal(to, work->want->to))
            return sn__fail(SN_E_FORMAT, "%s: %s: 'convert' is %s, they are kept as %s", path, what,
                            sn_dtype_name(to), sn_dtype_name(work->want->to));
        to = work->want->to;
    }
    work->convert = (sn__convert){ from, to, array->has_scale, array->scale };
    work->copies = sn__dtype_equal(from, to) && !array->has_scale;
    if (!work->copies && !sn__convert_possible(&work->convert))
        return sn__fail(SN_E_FORMAT, "%s: %s: is %s, cannot be converted to %s", path, what,
                        sn_dtype_name(from), sn_dtype_name(to));
    return SN_OK;
}

/* -- Values ------------------------------------------------------------------------------------ */

/* Element `at` of the input as text. */
static void value_text(const transfer *work, int64_t at, char *out, size_t bytes)
{
    sn__convert exact = { .from = work->convert.from };
    bool is_float = exact.from.code == SN_FLOAT;
    exact.to = is_float                    ? (sn_dtype){ SN_FLOAT, 64 }
               : exact.from.code == SN_INT ? (sn_dtype){ SN_INT, 64 }
                                           : (sn_dtype){ SN_UINT, 64 };
    union {
        double f;
        int64_t i;
        uint64_t u;
    } value = { .u = 0 };
    const uint8_t *from = work->in.view.data;
    (void)sn__convert_run(&exact, from + (size_t)at * (exact.from.bits / 8), &value, 1);
    if (is_float)
        (void)snprintf(out, bytes, "%.17g", value.f);
    else if (exact.from.code == SN_INT)
        (void)snprintf(out, bytes, "%" PRId64, value.i);
    else
        (void)snprintf(out, bytes, "%" PRIu64, value.u);
}

static sn_status bad_value(const transfer *work, int64_t at, const char *fault)
{
    char value[64], scale[64] = "";
    value_text(work, at, value, sizeof value);
    if (work->convert.scaled)
        (void)snprintf(scale, sizeof scale, " times %.17g", work->convert.scale);
    return sn__fail(SN_E_RANGE, "%s: %s: row %" PRId64 ": %s%s %s", work->array->file,
                    work->want->what, at / work->row, value, scale, fault);
}

static sn_status check_weights(const transfer *work, int64_t at, const float *out, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (!(out[i] >= 0 && out[i] <= FLT_MAX))
            return bad_value(work, at + i,
                             isnan(out[i])   ? "is not a number"
                             : isinf(out[i]) ? "is infinite"
                                             : "is negative");
    return SN_OK;
}

/* `count` elements from place `from` of the input to place `to` of the result. */
static sn_status move_elements(const transfer *work, int64_t from, int64_t to, int64_t count)
{
    const uint8_t *in = work->in.view.data;
    uint8_t *out = work->out.view.data;
    size_t in_bytes = work->convert.from.bits / 8, out_bytes = work->convert.to.bits / 8;
    in += (size_t)from * in_bytes;
    out += (size_t)to * out_bytes;
    if (work->copies) {
        memcpy(out, in, (size_t)count * in_bytes);
    } else {
        int64_t done = sn__convert_run(&work->convert, in, out, count);
        if (done < count) {
            char fault[64];
            (void)snprintf(fault, sizeof fault, "does not fit %s", sn_dtype_name(work->convert.to));
            return bad_value(work, from + done, fault);
        }
    }
    if (work->want->weights)
        return check_weights(work, from, (const float *)(const void *)out, count);
    return SN_OK;
}

/* -- Blocks ------------------------------------------------------------------------------------ */

static void forget(const transfer *work, int64_t in_first, int64_t in_count, int64_t out_first,
                   int64_t out_count)
{
    size_t in_bytes = work->convert.from.bits / 8, out_bytes = work->convert.to.bits / 8;
    sn__map_forget(&work->in.map, work->in.data_offset + (size_t)in_first * in_bytes,
                   (size_t)in_count * in_bytes);
    sn__output_forget(&work->out, (size_t)out_first * out_bytes, (size_t)out_count * out_bytes);
}

/* Elements [begin, end) of an array whose rows stay as they are. */
static sn_status same_rows(void *context, int32_t thread, int64_t begin, int64_t end)
{
    (void)thread;
    const transfer *work = context;
    int64_t from = work->first * work->row + begin;
    SN_TRY(move_elements(work, from, begin, end - begin));
    forget(work, from, end - begin, begin, end - begin);
    return SN_OK;
}

/* Rows of final edges [begin, end): runs of consecutive rows of the input. */
static sn_status edge_rows(void *context, int32_t thread, int64_t begin, int64_t end)
{
    (void)thread;
    const transfer *work = context;
    int64_t origins[SN__EDGE_BLOCK], least = INT64_MAX, most = 0, row = work->row;
    for (int64_t at = begin; at < end;) {
        int32_t count = end - at < SN__EDGE_BLOCK ? (int32_t)(end - at) : SN__EDGE_BLOCK, run;
        sn__edge_stream_origins(work->want->edges, at, count, origins);
        for (int32_t i = 0; i < count; i += run) {
            for (run = 1; i + run < count && origins[i + run] == origins[i] + run;)
                run++;
            int64_t from = work->first + origins[i];
            SN_TRY(move_elements(work, from * row, (at + i) * row, run * row));
            least = from < least ? from : least;
            most = from + run > most ? from + run : most;
        }
        at += count;
    }
    forget(work, least * row, (most - least) * row, begin * row, (end - begin) * row);
    return SN_OK;
}

static sn_status move_all(sn__import_job *job, transfer *work)
{
    int64_t rows = work->out.view.shape[0];
    bool same = work->want->edges == NULL;
    size_t bytes = (size_t)(same ? 1 : work->row) * (work->convert.to.bits / 8);
    sn__sweep sweep = { .count = same ? rows * work->row : rows, .threads = job->threads };
    sweep.block = bytes > 0 && bytes < BLOCK_BYTES ? (int64_t)(BLOCK_BYTES / bytes) : 1;
    sweep.body = same ? same_rows : edge_rows;
    sweep.context = work;
    sn__stage stage = { &job->progress, work->want->what, 0, (uint64_t)sweep.count };
    sweep.stage = &stage;
    return sweep.count == 0 ? SN_OK : sn__sweep_slices(&sweep);
}

static sn_status make_output(sn__import_job *job, transfer *work)
{
    int64_t shape[SN_MAX_DIMS];
    memcpy(shape, work->in.view.shape, sizeof shape);
    shape[0] = work->want->edges == NULL ? work->want->rows : work->want->edges->count;
    return sn__output_make(job->writer, work->want->file, work->convert.to, work->in.view.ndim,
                           shape, &work->out);
}

sn_status sn__import_array_write(sn__import_job *job, const sn__import_array *array,
                                 const sn__array_want *want)
{
    transfer work = { .array = array, .want = want };
    SN_TRY(sn__npy_open(array->file, &work.in));
    sn_status st = check_shape(&work);
    if (st == SN_OK)
        st = choose_types(&work);
    if (st == SN_OK)
        st = make_output(job, &work);
    if (st == SN_OK)
        st = move_all(job, &work);
    st = sn__output_close(&work.out, st);
    sn__npy_close(&work.in);
    return st;
}
