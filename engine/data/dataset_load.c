/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the arrays of a directory into memory: straight into the dataset's image, which worker
 * processes map, so that there is never a second copy.
 * Threads: the reading uses threads of its own. */
#include "base/mem.h"
#include "base/option.h"
#include "base/parallel.h"
#include "engine/data/inside.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 16 << 20 }; /* one read; threads take the next from a counter */

typedef struct load_job {
    const char *path;
    int fd;
    size_t offset, bytes;
    uint8_t *to;
    _Atomic size_t next;
} load_job;

static sn_status read_range(const load_job *job, size_t at, size_t end)
{
    while (at < end) {
        ssize_t got = pread(job->fd, job->to + at, end - at, (off_t)(job->offset + at));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return sn__fail_errno("%s: cannot read at byte %zu", job->path, job->offset + at);
        if (got == 0)
            return sn__fail(SN_E_CORRUPT, "%s: ends at byte %zu, was longer before", job->path,
                            job->offset + at);
        at += (size_t)got;
    }
    return SN_OK;
}

static sn_status read_some(void *context, int32_t index, int32_t threads)
{
    load_job *job = context;
    (void)index;
    (void)threads;
    for (;;) {
        size_t at = atomic_fetch_add(&job->next, READ_BYTES);
        if (at >= job->bytes)
            return SN_OK;
        size_t end = job->bytes - at < READ_BYTES ? job->bytes : at + READ_BYTES;
        SN_TRY(read_range(job, at, end));
    }
}

/* Reads the data of a mapped array to its place in the image, then drops the mapping. */
static sn_status load_array(const sn_dataset *dataset, const sn__file_at *file, sn__stored *array,
                            int32_t threads)
{
    size_t file_bytes;
    load_job job = { .path = file->path,
                     .offset = array->npy.data_offset,
                     .bytes = (size_t)sn_tensor_bytes(&array->view),
                     .to = dataset->image.base + array->image_offset };
    SN_TRY(sn__file_open_at(file, &job.fd, &file_bytes));
    sn_status st = sn__parallel(job.bytes > READ_BYTES ? threads : 1, read_some, &job);
    close(job.fd);
    if (st != SN_OK)
        return st;
    sn__npy_close(&array->npy);
    array->view.data = job.to;
    return SN_OK;
}

static sn_status load_all(const sn_dataset *dataset, const sn__array_ref *refs, size_t count)
{
    int32_t threads;
    SN_TRY(sn__threads_resolve(0, &threads));
    for (size_t i = 0; i < count; i++) {
        char *path;
        sn__file_at file;
        SN_TRY(sn__dataset_file(dataset, refs[i].array->file, &path, &file));
        sn_status st = load_array(dataset, &file, refs[i].array, threads);
        sn__mem_free(path);
        SN_TRY(st);
    }
    return SN_OK;
}

sn_status sn__dataset_load(sn_dataset *dataset)
{
    sn__array_ref *refs;
    size_t count;
    SN_TRY(sn__dataset_arrays(dataset, &refs, &count));
    sn_status st = sn__image_reserve(dataset, refs, count);
    if (st == SN_OK)
        st = load_all(dataset, refs, count);
    if (st == SN_OK)
        sn__segment_ask_huge(&dataset->image);
    sn__mem_free(refs);
    if (st != SN_OK)
        return st;
    close(dataset->directory);
    dataset->directory = -1;
    return SN_OK;
}
