/* SPDX-License-Identifier: Apache-2.0 */
/* The node types of an import: features, labels, times, splits, names; and the pairs of links. */
#include "base/mem.h"
#include "base/tensor.h"
#include "engine/data/import.h"
#include "engine/data/output.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NAME = 32, WHAT = 320, CHUNK = 1 << 20, ID_TEXT = 24 };

/* -- Arrays ------------------------------------------------------------------------------------ */

static sn_status node_array(sn__import_job *job, size_t index, const sn__import_array *array,
                            const char *role, sn__array_want *want)
{
    char file[NAME], what[WHAT];
    const sn__import_node *node = &job->import->nodes[index];
    if (array->file == NULL)
        return SN_OK;
    (void)snprintf(file, sizeof file, "node%zu.%s.npy", index, role);
    (void)snprintf(what, sizeof what, "%s of node type '%s'", role, node->name);
    want->what = what;
    want->file = file;
    want->rows = node->count;
    SN_TRY(sn__import_array_write(job, array, want));
    return sn__writer_node_array(job->writer, (int32_t)index, role, file);
}

/* -- Splits ------------------------------------------------------------------------------------ */

/* One id list while it is copied. */
typedef struct split_copy {
    const char *path, *what;
    int64_t count;              /* of the node type */
    uint64_t *seen[SN__SPLITS]; /* bitmaps of the splits read so far */
    int split;
} split_copy;

/* An id of any integer type; a uint64 beyond int64 becomes negative, which no id is (id_text
 * knows). */
static int64_t id_at(const sn_tensor *view, int64_t i)
{
    bool is_signed = view->dtype.code == SN_INT;
    switch (view->dtype.bits) {
    case 8:
        return is_signed ? ((const int8_t *)view->data)[i] : ((const uint8_t *)view->data)[i];
    case 16:
        return is_signed ? ((const int16_t *)view->data)[i] : ((const uint16_t *)view->data)[i];
    case 32:
        if (is_signed)
            return ((const int32_t *)view->data)[i];
        return ((const uint32_t *)view->data)[i];
    default:
        return ((const int64_t *)view->data)[i];
    }
}

/* The same as text. */
static const char *id_text(const sn_tensor *view, int64_t i, char out[ID_TEXT])
{
    if (view->dtype.code == SN_UINT)
        (void)snprintf(out, ID_TEXT, "%" PRIu64, (uint64_t)id_at(view, i));
    else
        (void)snprintf(out, ID_TEXT, "%" PRId64, id_at(view, i));
    return out;
}

static sn_status note_id(const split_copy *copy, const sn_tensor *from, int64_t place)
{
    char text[ID_TEXT];
    int64_t id = id_at(from, place);
    if (id < 0 || id >= copy->count)
        return sn__fail(SN_E_RANGE, "%s: %s: id %s at %" PRId64 " is outside [0, %" PRId64 ")",
                        copy->path, copy->what, id_text(from, place, text), place, copy->count);
    for (int s = 0; s < SN__SPLITS; s++) {
        if (copy->seen[s] == NULL || !(copy->seen[s][id / 64] >> (id % 64) & 1))
            continue;
        if (s == copy->split)
            return sn__fail(SN_E_INVALID,
                            "%s: %s: id %" PRId64 " is there twice, again at %" PRId64, copy->path,
                            copy->what, id, place);
        return sn__fail(SN_E_INVALID, "%s: %s: id %" PRId64 " at %" PRId64 " is in split '%s' too",
                        copy->path, copy->what, id, place, sn__split_names[s]);
    }
    copy->seen[copy->split][id / 64] |= (uint64_t)1 << (id % 64);
    return SN_OK;
}

static sn_status copy_ids(const split_copy *copy, const sn_tensor *from, const sn_tensor *to)
{
    for (int64_t i = 0; i < from->shape[0]; i++) {
        int64_t id = id_at(from, i);
        SN_TRY(note_id(copy, from, i));
        if (to->dtype.bits == 32)
            ((int32_t *)to->data)[i] = (int32_t)id;
        else
            ((int64_t *)to->data)[i] = id;
    }
    return SN_OK;
}

static sn_status write_split(sn__import_job *job, const split_copy *copy, const sn_tensor *from,
                             const char *file)
{
    char shape[SN__SHAPE_TEXT];
    if (from->ndim != 1)
        return sn__fail(SN_E_FORMAT, "%s: %s: has shape %s, expected one dimension", copy->path,
                        copy->what, sn__shape_text(from->ndim, from->shape, shape));
    sn__npy_out out = { 0 };
    sn_dtype dtype = { SN_INT, copy->count <= INT32_MAX ? 32 : 64 };
    SN_TRY(sn__output_vector(job->writer, file, dtype, from->shape[0], &out));
    return sn__output_close(&out, copy_ids(copy, from, &out.view));
}

static sn_status one_split(sn__import_job *job, size_t index, split_copy *copy)
{
    char file[NAME], what[WHAT];
    const sn__import_node *node = &job->import->nodes[index];
    const char *name = sn__split_names[copy->split];
    (void)snprintf(file, sizeof file, "node%zu.%s.npy", index, name);
    (void)snprintf(what, sizeof what, "%s split of node type '%s'", name, node->name);
    copy->path = node->splits[copy->split];
    copy->what = what;
    sn__npy in;
    SN_TRY(sn__import_open_integers(copy->path, what, &in));
    sn_status st = sn__mem_zalloc((size_t)(copy->count + 63) / 64, sizeof(uint64_t), "split ids",
                                  &copy->seen[copy->split]);
    if (st == SN_OK)
        st = write_split(job, copy, &in.view, file);
    sn__npy_close(&in);
    SN_TRY(st);
    return sn__writer_node_array(job->writer, (int32_t)index, name, file);
}

static sn_status all_splits(sn__import_job *job, size_t index)
{
    const sn__import_node *node = &job->import->nodes[index];
    split_copy copy = { .count = node->count };
    sn_status st = SN_OK;
    for (int s = 0; s < SN__SPLITS && st == SN_OK; s++) {
        copy.split = s;
        if (node->splits[s] != NULL)
            st = one_split(job, index, &copy);
    }
    for (int s = 0; s < SN__SPLITS; s++)
        sn__mem_free(copy.seen[s]);
    return st;
}

/* -- Names ------------------------------------------------------------------------------------- */

static int64_t count_lines(const sn__map *text)
{
    int64_t lines = 0;
    for (size_t at = 0; at < text->bytes; lines++) {
        const uint8_t *stop = memchr(text->data + at, '\n', text->bytes - at);
        if (stop == NULL)
            return lines + 1; /* the last line has no end */
        at = (size_t)(stop - text->data) + 1;
    }
    return lines;
}

static sn_status save_text(const char *path, const sn__map *text)
{
    FILE *file = fopen(path, "wxe");
    if (file == NULL)
        return sn__fail_errno("%s: cannot create", path);
    sn_status st = SN_OK;
    for (size_t at = 0; at < text->bytes && st == SN_OK; at += CHUNK) {
        size_t n = text->bytes - at < CHUNK ? text->bytes - at : CHUNK;
        if (fwrite(text->data + at, 1, n, file) != n)
            st = sn__fail_errno("%s: cannot write", path);
        sn__map_forget(text, at, n);
    }
    if (fclose(file) != 0 && st == SN_OK)
        st = sn__fail_errno("%s: cannot write", path);
    return st;
}

/* META.json tells where the names are: info.node_types.<type>.names. */
static sn_status note_names(sn__import_job *job, const sn__import_node *node, const char *file)
{
    json_t *info = job->import->info, *types = json_object_get(info, "node_types"), *type;
    if (types == NULL) {
        types = json_object();
        if (json_object_set_new(info, "node_types", types) != 0)
            return sn__fail(SN_E_NOMEM, "names: out of memory");
    }
    type = json_object_get(types, node->name);
    if (type == NULL) {
        type = json_object();
        if (json_object_set_new(types, node->name, type) != 0)
            return sn__fail(SN_E_NOMEM, "names: out of memory");
    }
    if (json_object_set_new(type, "names", json_string(file)) != 0)
        return sn__fail(SN_E_NOMEM, "names: out of memory");
    return SN_OK;
}

static sn_status copy_names(sn__import_job *job, const sn__import_node *node, const char *file)
{
    sn__map text;
    char *path = NULL;
    SN_TRY(sn__map_open(node->names, &text));
    sn_status st = SN_OK;
    int64_t lines = count_lines(&text);
    if (lines != node->count)
        st = sn__fail(SN_E_FORMAT,
                      "%s: names of node type '%s': %" PRId64 " lines, expected %" PRId64,
                      node->names, node->name, lines, node->count);
    if (st == SN_OK)
        st = sn__writer_path(job->writer, file, &path);
    if (st == SN_OK)
        st = save_text(path, &text);
    sn__mem_free(path);
    sn__map_close(&text);
    SN_TRY(st);
    return note_names(job, node, file);
}

/* -- Node types -------------------------------------------------------------------------------- */

sn_status sn__import_node_type(sn__import_job *job, size_t index)
{
    char file[NAME];
    int32_t place;
    const sn__import_node *node = &job->import->nodes[index];
    SN_TRY(sn__writer_node_type(job->writer, node->name, node->count, &place));
    SN_ASSERT((size_t)place == index);
    sn__array_want any = { 0 }, times = { .vector = true, .times = true, .to = { SN_INT, 64 } };
    SN_TRY(node_array(job, index, &node->x, "x", &any));
    SN_TRY(node_array(job, index, &node->y, "y", &any));
    SN_TRY(node_array(job, index, &node->times, "times", &times));
    SN_TRY(all_splits(job, index));
    if (node->names == NULL)
        return SN_OK;
    (void)snprintf(file, sizeof file, "node%zu.names.txt", index);
    return copy_names(job, node, file);
}

/* -- Links ------------------------------------------------------------------------------------- */

/* Ids are local to one of the types; which one the manifest does not say unless there is only one.
 */
static int64_t most_nodes(const sn__import *import)
{
    int64_t most = 0;
    for (size_t i = 0; i < import->num_nodes; i++)
        most = import->nodes[i].count > most ? import->nodes[i].count : most;
    return most;
}

static sn_status check_link(const sn__import *import, const sn__import_link *link,
                            const sn_tensor *view)
{
    char shape[SN__SHAPE_TEXT], text[ID_TEXT];
    int64_t most = most_nodes(import);
    bool pairs = view->ndim == 2 && view->shape[0] == 2;
    if (!pairs && view->ndim != 1)
        return sn__fail(SN_E_FORMAT, "%s: links '%s': has shape %s, expected (2, pairs) or (ids,)",
                        link->file, link->name, sn__shape_text(view->ndim, view->shape, shape));
    int64_t columns = pairs ? view->shape[1] : view->shape[0];
    for (int64_t i = 0; i < sn_tensor_count(view); i++) {
        int64_t id = id_at(view, i);
        if (id < 0 || id >= most)
            return sn__fail(SN_E_RANGE,
                            "%s: links '%s': row %" PRId64 ", column %" PRId64
                            ": id %s is outside [0, %" PRId64 ")",
                            link->file, link->name, i / columns, i % columns,
                            id_text(view, i, text), most);
    }
    return SN_OK;
}

static sn_status copy_link(sn__import_job *job, const sn__import_link *link, const char *file)
{
    char what[WHAT];
    sn__npy in;
    (void)snprintf(what, sizeof what, "links '%.255s'", link->name);
    SN_TRY(sn__import_open_integers(link->file, what, &in));
    sn_status st = check_link(job->import, link, &in.view);
    int64_t rows = in.view.shape[0];
    sn__npy_close(&in);
    SN_TRY(st);
    sn__import_array array = { .file = link->file };
    sn__array_want want = { .what = what, .file = file, .rows = rows };
    return sn__import_array_write(job, &array, &want);
}

sn_status sn__import_links(sn__import_job *job)
{
    char file[NAME];
    for (size_t i = 0; i < job->import->num_links; i++) {
        const sn__import_link *link = &job->import->links[i];
        (void)snprintf(file, sizeof file, "link%zu.npy", i);
        SN_TRY(copy_link(job, link, file));
        SN_TRY(sn__writer_link(job->writer, link->name, file));
    }
    return SN_OK;
}
