/* SPDX-License-Identifier: Apache-2.0 */
#include "data/support/sample.h"

#include "base/mem.h"
#include "base/npy.h"
#include "data/support/folder.h"
#include "engine/data/writer.h"

#include <stdio.h>
#include <string.h>

sample sample_make(void)
{
    sample s = {
        .x = { { 0, 1 }, { 2, 3 }, { 4, 5 }, { 6, 7 }, { 8, 9 } },
        .y = { 1, 0, -1, 2, 1 },
        .node_times = { 10, 11, 12, 13, 14 },
        .train = { 4, 0 },
        .val = { 3 },
        .test = { 1 },
        .csr_indptr = { 0, 3, 3, 4, 5, 6 },
        .csr_indices = { 1, 1, 2, 0, 0, 4 },
        .csr_ids = { 0, 3, 1, 5, 2, 4 },
        .csc_indptr = { 0, 2, 4, 5, 5, 6 },
        .csc_indices = { 2, 3, 0, 0, 0, 4 },
        .csc_ids = { 5, 2, 0, 3, 1, 4 },
        .edge_x = { { 0 }, { 10 }, { 20 }, { 30 }, { 40 }, { 50 } },
        .weights = { 1, 0, 0.5f, 2, 3, 4 },
        .edge_times = { 5, 4, 3, 2, 1, 0 },
        .writes_indptr = { 0, 2, 2, 4 },
        .writes_indices = { 0, 4, 1, 2 },
        .val_pos = { { 0, 1 }, { 2, 3 } },
        .links = { "val_pos" },
    };
    return s;
}

/* -- As files -- */

typedef struct entry {
    const char *role; /* of the type at hand; of a link, its name */
    sn_tensor tensor;
} entry;

#define VECTOR(member, code, bits)                                   \
    {                                                                \
        (void *)(uintptr_t)(member), { code, bits }, 1,              \
        {                                                            \
            (int64_t)(sizeof(member) / sizeof((member)[0])), 1, 1, 1 \
        }                                                            \
    }
#define MATRIX(member, code, bits)                                            \
    {                                                                         \
        (void *)(uintptr_t)(member), { code, bits }, 2,                       \
        {                                                                     \
            (int64_t)(sizeof(member) / sizeof((member)[0])),                  \
                (int64_t)(sizeof((member)[0]) / sizeof((member)[0][0])), 1, 1 \
        }                                                                     \
    }

static sn_status put_array(const char *path, const sn_tensor *tensor)
{
    sn__npy_out out;
    sn_status st = sn__npy_out_create(path, tensor->dtype, tensor->ndim, tensor->shape, &out);
    if (st != SN_OK)
        return st;
    if (sn_tensor_bytes(tensor) > 0)
        memcpy(out.view.data, tensor->data, (size_t)sn_tensor_bytes(tensor));
    return sn__npy_out_close(&out);
}

typedef sn_status (*register_array)(sn__writer *writer, int32_t index, const char *role,
                                    const char *file);

static sn_status put_entries(sn__writer *writer, const char *prefix, int32_t index,
                             const entry *entries, size_t count, register_array call)
{
    for (size_t i = 0; i < count; i++) {
        char file[64], *path;
        snprintf(file, sizeof file, "%s%d.%s.npy", prefix, index, entries[i].role);
        SN_TRY(sn__writer_path(writer, file, &path));
        sn_status st = put_array(path, &entries[i].tensor);
        sn__mem_free(path);
        SN_TRY(st);
        SN_TRY(call(writer, index, entries[i].role, file));
    }
    return SN_OK;
}

static sn_status put_link(sn__writer *writer, int32_t index, const char *role, const char *file)
{
    (void)index;
    return sn__writer_link(writer, role, file);
}

static sn_status put_info(sn__writer *writer)
{
    json_t *info = json_pack("{s:s, s:[i,i]}", "name", "sample", "classes", 1, 2);
    sn_status st = sn__writer_info(writer, info);
    json_decref(info);
    return st;
}

static sn_status fill(const sample *s, sn__writer *writer)
{
    const entry papers[] = {
        { "x", MATRIX(s->x, SN_FLOAT, 32) },
        { "y", VECTOR(s->y, SN_INT, 32) },
        { "times", VECTOR(s->node_times, SN_INT, 64) },
        { "train", VECTOR(s->train, SN_INT, 64) },
        { "val", VECTOR(s->val, SN_INT, 64) },
        { "test", VECTOR(s->test, SN_INT, 32) },
    };
    const entry cites[] = {
        { "csr.indptr", VECTOR(s->csr_indptr, SN_INT, 64) },
        { "csr.indices", VECTOR(s->csr_indices, SN_INT, 32) },
        { "csr.edge_ids", VECTOR(s->csr_ids, SN_INT, 64) },
        { "csc.indptr", VECTOR(s->csc_indptr, SN_INT, 64) },
        { "csc.indices", VECTOR(s->csc_indices, SN_INT, 32) },
        { "csc.edge_ids", VECTOR(s->csc_ids, SN_INT, 64) },
        { "x", MATRIX(s->edge_x, SN_INT, 16) },
        { "weights", VECTOR(s->weights, SN_FLOAT, 32) },
        { "times", VECTOR(s->edge_times, SN_INT, 64) },
    };
    const entry writes[] = {
        { "csr.indptr", VECTOR(s->writes_indptr, SN_INT, 64) },
        { "csr.indices", VECTOR(s->writes_indices, SN_INT, 32) },
    };
    int32_t index;
    SN_TRY(sn__writer_node_type(writer, "paper", PAPERS, &index));
    SN_TRY(sn__writer_node_type(writer, "author", AUTHORS, &index));
    SN_TRY(sn__writer_edge_type(writer, "paper", "cites", "paper", CITES, &index));
    SN_TRY(sn__writer_edge_type(writer, "author", "writes", "paper", WRITES, &index));
    SN_TRY(put_entries(writer, "node", 0, papers, 6, sn__writer_node_array));
    SN_TRY(put_entries(writer, "edge", 0, cites, 9, sn__writer_edge_array));
    SN_TRY(put_entries(writer, "edge", 1, writes, 2, sn__writer_edge_array));
    for (int32_t i = 0; s->links[i] != NULL; i++) {
        const entry link = { s->links[i], MATRIX(s->val_pos, SN_INT, 32) };
        SN_TRY(put_entries(writer, "link", i, &link, 1, put_link));
    }
    sn__writer_unlabelled(writer, -1);
    return put_info(writer);
}

sn_status sample_write_watched(const sample *s, const char *path, sn__progress *progress)
{
    sn__writer *writer;
    SN_TRY(sn__writer_begin(path, &writer));
    sn_status st = fill(s, writer);
    if (st == SN_OK)
        return sn__writer_commit(writer, 2, progress);
    sn__writer_abort(writer);
    return st;
}

sn_status sample_write(const sample *s, const char *path)
{
    return sample_write_watched(s, path, NULL);
}

typedef struct large_rows {
    sn_array *indptr, *indices, *ids;
} large_rows;

static sn_status make_rows(int64_t nodes, bool edges, large_rows *out)
{
    int64_t count = edges ? nodes : 0, entries = count + 1;
    SN_TRY(sn_array_create((sn_dtype){ SN_INT, 64 }, 1, &entries, &out->indptr));
    SN_TRY(sn_array_create((sn_dtype){ SN_INT, 32 }, 1, &count, &out->indices));
    SN_TRY(sn_array_create((sn_dtype){ SN_INT, 64 }, 1, &count, &out->ids));
    int64_t *indptr = sn_array_view(out->indptr)->data, *ids = sn_array_view(out->ids)->data;
    for (int64_t i = 0; i < count; i++) {
        indptr[i + 1] = i + 1;
        ids[i] = count - 1 - i;
    }
    return SN_OK;
}

static sn_status fill_large(sn__writer *writer, const sn_tensor *x, const large_rows *rows,
                            const sn_tensor *link)
{
    const entry features = { "x", *x };
    const entry layout[] = { { "csr.indptr", *sn_array_view(rows->indptr) },
                             { "csr.indices", *sn_array_view(rows->indices) },
                             { "csr.edge_ids", *sn_array_view(rows->ids) } };
    int32_t index;
    if (link != NULL) {
        const entry pairs = { "pairs", *link };
        SN_TRY(put_entries(writer, "link", 0, &pairs, 1, put_link));
    }
    SN_TRY(sn__writer_node_type(writer, "node", x->shape[0], &index));
    SN_TRY(sn__writer_edge_type(writer, "node", "to", "node", layout[1].tensor.shape[0], &index));
    SN_TRY(put_entries(writer, "node", 0, &features, 1, sn__writer_node_array));
    return put_entries(writer, "edge", 0, layout, 3, sn__writer_edge_array);
}

sn_status large_write(const char *path, const sn_tensor *x, bool edges, const sn_tensor *link)
{
    sn__writer *writer;
    large_rows rows = { NULL, NULL, NULL };
    SN_TRY(sn__writer_begin(path, &writer));
    sn_status st = make_rows(x->shape[0], edges, &rows);
    if (st == SN_OK)
        st = fill_large(writer, x, &rows, link);
    sn_array_release(rows.indptr);
    sn_array_release(rows.indices);
    sn_array_release(rows.ids);
    if (st == SN_OK)
        return sn__writer_commit(writer, 2, NULL);
    sn__writer_abort(writer);
    return st;
}

sn_dataset *sample_open(const char *path, sn_load load)
{
    sn_dataset *dataset;
    ck_ok(sn_dataset_open(path, SN_DATASET_OPTIONS(.load = load), &dataset));
    return dataset;
}

/* -- As a spec -- */

int sample_released;

static void count_release(void *context)
{
    ck_assert_ptr_eq(context, &sample_released);
    sample_released++;
}

#define SOURCE(tensor_of)                                                                        \
    {                                                                                            \
        .tensor = tensor_of, .keep = keep, .release = count_release, .context = &sample_released \
    }

void sample_specify(sample *s, sn_keep keep, sample_spec *out)
{
    sn_node_spec papers = {
        .name = "paper",
        .count = PAPERS,
        .x = SOURCE(MATRIX(s->x, SN_FLOAT, 32)),
        .y = SOURCE(VECTOR(s->y, SN_INT, 32)),
        .times = SOURCE(VECTOR(s->node_times, SN_INT, 64)),
        .train = SOURCE(VECTOR(s->train, SN_INT, 64)),
        .val = SOURCE(VECTOR(s->val, SN_INT, 64)),
        .test = SOURCE(VECTOR(s->test, SN_INT, 32)),
    };
    sn_edge_spec cites = {
        .src = "paper",
        .rel = "cites",
        .dst = "paper",
        .csr_indptr = SOURCE(VECTOR(s->csr_indptr, SN_INT, 64)),
        .csr_indices = SOURCE(VECTOR(s->csr_indices, SN_INT, 32)),
        .csr_edge_ids = SOURCE(VECTOR(s->csr_ids, SN_INT, 64)),
        .csc_indptr = SOURCE(VECTOR(s->csc_indptr, SN_INT, 64)),
        .csc_indices = SOURCE(VECTOR(s->csc_indices, SN_INT, 32)),
        .csc_edge_ids = SOURCE(VECTOR(s->csc_ids, SN_INT, 64)),
        .x = SOURCE(MATRIX(s->edge_x, SN_INT, 16)),
        .weights = SOURCE(VECTOR(s->weights, SN_FLOAT, 32)),
        .times = SOURCE(VECTOR(s->edge_times, SN_INT, 64)),
    };
    sn_edge_spec writes = {
        .src = "author",
        .rel = "writes",
        .dst = "paper",
        .csr_indptr = SOURCE(VECTOR(s->writes_indptr, SN_INT, 64)),
        .csr_indices = SOURCE(VECTOR(s->writes_indices, SN_INT, 32)),
    };
    out->nodes[0] = papers;
    out->nodes[1] = (sn_node_spec){ .name = "author", .count = AUTHORS };
    out->edges[0] = cites;
    out->edges[1] = writes;
    out->spec = *SN_DATASET_SPEC(.num_node_types = 2, .node_types = out->nodes, .num_edge_types = 2,
                                 .edge_types = out->edges);
}
