/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes of arrays and the fingerprint over them (docs/formats.md has its exact text).
 *
 * Arrays are hashed whole by one thread each, several threads taking the next one from a shared
 * counter. Thread 0 is the caller's: it alone reports progress and hears of a cancel; when nothing
 * is left to take it stays until the others are done, reporting. Invariant H1: an array that was
 * taken adds its bytes to `done`, or `stop` is set; so thread 0 never waits for ever. */
#include "base/mem.h"
#include "base/parallel.h"
#include "engine/data/inside.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    CHUNK_BYTES = 8 << 20,  /* per progress report and per forgotten range: about a millisecond */
    FIRST_PAUSE_NS = 20000, /* small arrays are done by then */
    PAUSE_NS = 10000000     /* and large ones do not notice */
};

typedef struct hash_job {
    sn__array_ref *refs;
    const size_t *order; /* largest first */
    size_t count;
    sn__progress *progress;
    uint64_t total;
    _Atomic size_t next;
    _Atomic uint64_t done;
    _Atomic bool stop;
} hash_job;

static sn_status report(hash_job *job)
{
    return sn__progress_tick(job->progress, "hash", atomic_load(&job->done), job->total);
}

static sn_status hash_array(hash_job *job, size_t place, bool reports)
{
    sn__hash hash;
    const sn__stored *array = job->refs[place].array;
    const uint8_t *data = array->view.data;
    size_t bytes = (size_t)sn_tensor_bytes(&array->view);
    sn_status st = sn__hash_begin(&hash);
    if (st != SN_OK)
        return st;
    for (size_t at = 0; at < bytes && st == SN_OK && !atomic_load(&job->stop);) {
        size_t step = bytes - at < CHUNK_BYTES ? bytes - at : CHUNK_BYTES;
        sn__hash_add(&hash, data + at, step);
        sn__map_forget(&array->npy.map, array->npy.data_offset + at, step);
        at += step;
        if (atomic_fetch_add(&job->done, step) + step < job->total && reports)
            st = report(job);
    }
    sn__hash_end(&hash, job->refs[place].hash);
    return st;
}

/* Reports until all is done; the end is reported once. */
static sn_status await_others(hash_job *job)
{
    long pause = 0;
    while (!atomic_load(&job->stop) && atomic_load(&job->done) < job->total) {
        pause = pause == 0 ? FIRST_PAUSE_NS : pause < PAUSE_NS ? 2 * pause : pause;
        nanosleep(&(struct timespec){ .tv_nsec = pause }, NULL);
        if (atomic_load(&job->done) < job->total)
            SN_TRY(report(job));
    }
    return atomic_load(&job->stop) ? SN_OK : report(job);
}

static sn_status hash_some(void *context, int32_t index, int32_t threads)
{
    hash_job *job = context;
    sn_status st = SN_OK;
    (void)threads;
    while (st == SN_OK && !atomic_load(&job->stop)) {
        size_t i = atomic_fetch_add(&job->next, 1);
        if (i >= job->count)
            break;
        st = hash_array(job, job->order[i], index == 0);
    }
    if (st == SN_OK && index == 0)
        st = await_others(job);
    if (st != SN_OK)
        atomic_store(&job->stop, true);
    return st;
}

static int by_size(const void *a, const void *b, void *refs)
{
    const sn__array_ref *x = (const sn__array_ref *)refs + *(const size_t *)a;
    const sn__array_ref *y = (const sn__array_ref *)refs + *(const size_t *)b;
    int64_t p = sn_tensor_bytes(&x->array->view), q = sn_tensor_bytes(&y->array->view);
    return (p < q) - (p > q);
}

sn_status sn__arrays_hash(sn__array_ref *refs, size_t count, int32_t threads,
                          sn__progress *progress)
{
    size_t *order;
    SN_TRY(sn__mem_zalloc(count, sizeof *order, "list of arrays", &order));
    hash_job job = { .refs = refs, .order = order, .count = count, .progress = progress };
    for (size_t i = 0; i < count; i++) {
        order[i] = i;
        job.total += (uint64_t)sn_tensor_bytes(&refs[i].array->view);
    }
    qsort_r(order, count, sizeof *order, by_size, refs);
    sn_status st = sn__parallel(threads, hash_some, &job);
    sn__mem_free(order);
    return st;
}

/* -- The fingerprint --------------------------------------------------------------------------- */

typedef struct text {
    char *bytes;
    size_t used, capacity;
} text;

static sn_status add(text *out, const char *format, ...) SN_PRINTF(2, 3);
static sn_status add(text *out, const char *format, ...)
{
    enum { LINE = 1100 }; /* an edge type's name has at most 3 * 255 + 4 bytes */
    va_list args;
    SN_TRY(sn__mem_grow(&out->bytes, &out->capacity, out->used + LINE, 1, "fingerprint"));
    va_start(args, format);
    int bytes = vsnprintf(out->bytes + out->used, LINE, format, args);
    va_end(args);
    SN_ASSERT(bytes > 0 && bytes < LINE);
    out->used += (size_t)bytes;
    return SN_OK;
}

/* name TAB type TAB dimensions joined by commas TAB hash */
static sn_status add_array(text *out, const char *name, const sn_tensor *view, const char *hash)
{
    SN_TRY(add(out, "%s\t%s\t", name, sn_dtype_name(view->dtype)));
    for (int32_t i = 0; i < view->ndim; i++)
        SN_TRY(add(out, "%s%" PRId64, i > 0 ? "," : "", view->shape[i]));
    return add(out, "\t%s\n", hash);
}

static sn_status add_all(text *out, const sn_dataset *dataset, const sn__array_ref *refs,
                         size_t count)
{
    size_t at = 0;
    SN_TRY(add(out, "seine-fingerprint-1\n"));
    for (size_t i = 0; i < dataset->num_nodes; i++) {
        SN_TRY(
            add(out, "node\t%s\t%" PRId64 "\n", dataset->nodes[i].name, dataset->nodes[i].count));
        for (; at < count && refs[at].of == SN__OF_NODES && refs[at].type == i; at++)
            SN_TRY(add_array(out, sn__node_roles[refs[at].role], &refs[at].array->view,
                             refs[at].hash));
    }
    for (size_t i = 0; i < dataset->num_edges; i++) {
        SN_TRY(
            add(out, "edge\t%s\t%" PRId64 "\n", dataset->edges[i].name, dataset->edges[i].count));
        for (; at < count && refs[at].of == SN__OF_EDGES && refs[at].type == i; at++)
            if (refs[at].role < SN__EDGE_SOURCES) /* tables follow from the others */
                SN_TRY(add_array(out, sn__edge_roles[refs[at].role], &refs[at].array->view,
                                 refs[at].hash));
    }
    for (; at < count; at++) {
        SN_TRY(add(out, "link\t"));
        SN_TRY(add_array(out, dataset->links[refs[at].type].name, &refs[at].array->view,
                         refs[at].hash));
    }
    return SN_OK;
}

sn_status sn__dataset_fingerprint(const sn_dataset *dataset, const sn__array_ref *refs,
                                  size_t count, char out[SN__HASH_HEX])
{
    text all = { 0 };
    sn_status st = add_all(&all, dataset, refs, count);
    if (st == SN_OK)
        sn__hash_hex(all.bytes, all.used, out);
    sn__mem_free(all.bytes);
    return st;
}
