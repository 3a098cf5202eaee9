/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a dataset directory (docs/formats.md).
 *
 *     begin      a temporary directory and an empty description
 *     register   types, and which file holds which array; the caller makes the files
 *     tables     those of tables.h, where contents are known to be right
 *     commit     maps and hashes the files, writes META.json, opens the result as any reader would,
 * and only then lets it take its name
 *
 * Invariant: what is committed can be opened.
 * Threads: one at a time per writer. */
#include "engine/data/writer.h"

#include "base/mem.h"
#include "engine/data/description.h"
#include "engine/data/output.h"
#include "engine/data/tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sn__writer {
    sn__outdir *dir;
    sn_dataset
        *dataset; /* what META.json will say; slots know their file, and at commit their view */
    json_t *info; /* NULL: none */
};

static void free_writer(sn__writer *writer)
{
    sn_dataset_release(writer->dataset);
    json_decref(writer->info);
    sn__mem_free(writer);
}

sn_status sn__writer_begin(const char *out_dir, sn__writer **out)
{
    sn__writer *writer;
    SN_TRY(sn__mem_zalloc(1, sizeof *writer, "dataset writer", &writer));
    sn_status st = sn__outdir_begin(out_dir, &writer->dir);
    if (st == SN_OK)
        st = sn__dataset_new(sn__outdir_path(writer->dir), &writer->dataset);
    if (st != SN_OK) {
        sn__writer_abort(writer);
        return st;
    }
    *out = writer;
    return SN_OK;
}

void sn__writer_abort(sn__writer *writer)
{
    if (writer == NULL)
        return;
    sn__outdir_abort(writer->dir);
    free_writer(writer);
}

sn_status sn__writer_path(const sn__writer *writer, const char *file, char **out)
{
    return sn__path_join(sn__outdir_path(writer->dir), file, out);
}

/* -- Registering ------------------------------------------------------------------------------- */

sn_status sn__writer_node_type(sn__writer *writer, const char *name, int64_t count, int32_t *index)
{
    SN_TRY(sn__dataset_add_node_type(writer->dataset, "node type", name, count));
    *index = (int32_t)writer->dataset->num_nodes - 1;
    return SN_OK;
}

sn_status sn__writer_edge_type(sn__writer *writer, const char *src, const char *rel,
                               const char *dst, int64_t count, int32_t *index)
{
    SN_TRY(sn__dataset_add_edge_type(writer->dataset, "edge type", src, rel, dst, count));
    *index = (int32_t)writer->dataset->num_edges - 1;
    return SN_OK;
}

static sn_status find_role(const char *const *roles, int count, const char *role, int *out)
{
    for (int i = 0; i < count; i++)
        if (strcmp(roles[i], role) == 0) {
            *out = i;
            return SN_OK;
        }
    return sn__fail(SN_E_INVALID, "no array has the role '%.40s'", role);
}

static sn_status register_file(sn__stored *slot, const char *role, const char *file)
{
    if (slot->file != NULL)
        return sn__fail(SN_E_INVALID, "%s: '%s' is there already, as %s", role, file, slot->file);
    SN_TRY(sn__file_name_check(file, role));
    return sn__mem_strdup(file, &slot->file);
}

sn_status sn__writer_node_array(sn__writer *writer, int32_t index, const char *role,
                                const char *file)
{
    int place = 0;
    if (index < 0 || (size_t)index >= writer->dataset->num_nodes)
        return sn__fail(SN_E_INVALID, "no node type has index %d", index);
    SN_TRY(find_role(sn__node_roles, SN__NODE_ROLES, role, &place));
    return register_file(&writer->dataset->nodes[index].arrays[place], role, file);
}

sn_status sn__writer_edge_array(sn__writer *writer, int32_t index, const char *role,
                                const char *file)
{
    int place = 0;
    if (index < 0 || (size_t)index >= writer->dataset->num_edges)
        return sn__fail(SN_E_INVALID, "no edge type has index %d", index);
    SN_TRY(find_role(sn__edge_roles, SN__EDGE_ROLES, role, &place));
    return register_file(&writer->dataset->edges[index].arrays[place], role, file);
}

sn_status sn__writer_link(sn__writer *writer, const char *name, const char *file)
{
    SN_TRY(sn__dataset_add_link(writer->dataset, "links", name));
    sn__link *link = &writer->dataset->links[writer->dataset->num_links - 1];
    return register_file(&link->array, name, file);
}

sn_status sn__writer_info(sn__writer *writer, const json_t *info)
{
    json_t *copy = json_deep_copy(info);
    if (copy == NULL)
        return sn__fail(SN_E_NOMEM, "info: cannot copy");
    json_decref(writer->info);
    writer->info = copy;
    return SN_OK;
}

void sn__writer_unlabelled(sn__writer *writer, int64_t label)
{
    writer->dataset->unlabelled = label;
}

/* -- Tables ------------------------------------------------------------------------------------ */

/* Maps what is registered and not open yet. */
static sn_status open_slots(const sn_dataset *dataset, sn__stored *slots, int count)
{
    for (int i = 0; i < count; i++)
        if (slots[i].file != NULL && !sn__stored_present(&slots[i]))
            SN_TRY(sn__stored_open(dataset, slots[i].file, &slots[i]));
    return SN_OK;
}

static sn_status open_all(const sn_dataset *dataset)
{
    for (size_t i = 0; i < dataset->num_nodes; i++)
        SN_TRY(open_slots(dataset, dataset->nodes[i].arrays, SN__NODE_ROLES));
    for (size_t i = 0; i < dataset->num_edges; i++)
        SN_TRY(open_slots(dataset, dataset->edges[i].arrays, SN__EDGE_ROLES));
    for (size_t i = 0; i < dataset->num_links; i++)
        SN_TRY(open_slots(dataset, &dataset->links[i].array, 1));
    return SN_OK;
}

/* The files of the tables while they are filled. */
typedef struct table_files {
    sn__writer *writer;
    sn__npy_out *files;
    size_t count, capacity;
} table_files;

static sn_status place_table(void *context, size_t type, int role, const sn_tensor *like,
                             void **out)
{
    table_files *to = context;
    char name[64];
    (void)snprintf(name, sizeof name, "edge%zu.%s.npy", type, sn__edge_roles[role]);
    SN_TRY(sn__mem_grow(&to->files, &to->capacity, to->count + 1, sizeof *to->files, "tables"));
    SN_TRY(sn__output_make(to->writer, name, like->dtype, like->ndim, like->shape,
                           &to->files[to->count]));
    *out = to->files[to->count++].view.data;
    return register_file(&to->writer->dataset->edges[type].arrays[role], sn__edge_roles[role],
                         name);
}

sn_status sn__writer_tables(sn__writer *writer, int32_t threads, sn__progress *progress)
{
    table_files files = { .writer = writer };
    sn__table_maker maker = { place_table, &files, threads, progress };
    SN_TRY(open_all(writer->dataset));
    sn_status st = sn__tables_make(writer->dataset, &maker);
    for (size_t i = 0; i < files.count; i++)
        st = sn__output_close(&files.files[i], st);
    sn__mem_free(files.files);
    return st;
}

/* -- META.json --------------------------------------------------------------------------------- */

static json_t *describe_file(const sn__stored *array)
{
    json_t *entry = json_object();
    bool ok = sn__description_put(entry, "file", json_string(array->file)) &&
              sn__description_put_view(entry, &array->view) &&
              sn__description_put(entry, "hash", json_string(array->hash));
    if (ok)
        return entry;
    json_decref(entry);
    return NULL;
}

static bool describe(const sn__writer *writer, json_t *root)
{
    const sn_dataset *dataset = writer->dataset;
    bool ok = sn__description_put(root, "format", json_string("seine-dataset")) &&
              sn__description_put(root, "version", json_integer(SN__META_VERSION)) &&
              sn__description_put(root, "fingerprint", json_string(dataset->fingerprint)) &&
              sn__description_write(dataset, root, describe_file);
    return (writer->info == NULL || json_object_set(root, "info", writer->info) == 0) && ok;
}

static sn_status save_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "wxe");
    if (file == NULL)
        return sn__fail_errno("%s: cannot create", path);
    sn_status st = SN_OK;
    if (fputs(text, file) < 0 || fputc('\n', file) == EOF || fflush(file) != 0)
        st = sn__fail_errno("%s: cannot write", path);
    if (fclose(file) != 0 && st == SN_OK)
        st = sn__fail_errno("%s: cannot close", path);
    return st;
}

static sn_status save_meta(const sn__writer *writer)
{
    char *path = NULL, *text = NULL;
    json_t *root = json_object();
    if (describe(writer, root))
        text = json_dumps(root, JSON_INDENT(1));
    json_decref(root);
    sn_status st = text == NULL ? sn__fail(SN_E_NOMEM, "META.json: out of memory") : SN_OK;
    if (st == SN_OK)
        st = sn__writer_path(writer, "META.json", &path);
    if (st == SN_OK)
        st = save_text(path, text);
    sn__mem_free(path);
    free(text); /* jansson allocates by malloc */
    return st;
}

/* -- Commit ------------------------------------------------------------------------------------ */

static sn_status fill_hashes(sn_dataset *dataset, int32_t threads, sn__progress *progress)
{
    size_t count;
    sn__array_ref *refs;
    SN_TRY(sn__dataset_arrays(dataset, &refs, &count));
    sn_status st = sn__arrays_hash(refs, count, threads, progress);
    for (size_t i = 0; i < count && st == SN_OK; i++)
        memcpy(refs[i].array->hash, refs[i].hash, SN__HASH_HEX);
    if (st == SN_OK)
        st = sn__dataset_fingerprint(dataset, refs, count, dataset->fingerprint);
    sn__mem_free(refs);
    return st;
}

static sn_status check_result(const sn__writer *writer)
{
    sn_dataset *dataset;
    SN_TRY(sn_dataset_open(sn__outdir_path(writer->dir), SN_DATASET_OPTIONS(.load = SN_LOAD_MAP),
                           &dataset));
    sn_dataset_release(dataset);
    return SN_OK;
}

sn_status sn__writer_commit(sn__writer *writer, int32_t threads, sn__progress *progress)
{
    sn_status st = open_all(writer->dataset);
    if (st == SN_OK)
        st = fill_hashes(writer->dataset, threads, progress);
    if (st == SN_OK)
        st = save_meta(writer);
    if (st == SN_OK)
        st = check_result(writer);
    if (st != SN_OK) {
        sn__writer_abort(writer);
        return st;
    }
    st = sn__outdir_commit(writer->dir);
    free_writer(writer);
    return st;
}
