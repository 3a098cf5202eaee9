/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a dataset directory (docs/formats.md).
 *
 * META.json is read and believed in nothing: every member is checked, every file is held against
 * what it says of it, and the whole against dataset_check.c. The work depends on the number of
 * arrays, not on their size, unless the arrays are loaded into memory.
 * Threads: any. */
#include "base/mem.h"
#include "base/option.h"
#include "base/options_struct.h"
#include "base/parallel.h"
#include "base/tensor.h"
#include "engine/data/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    LARGEST_META = 256 << 20,
    FIRST_OPTIONS = 8, /* size of sn_dataset_options in its first version */
    WHERE = 1200       /* path of META.json and the member */
};

/* -- META.json --------------------------------------------------------------------------------- */

static sn_status check_hash(const char *hash, const char *key, const char *where)
{
    if (strlen(hash) != SN__HASH_HEX - 1 || strspn(hash, "0123456789abcdef") != SN__HASH_HEX - 1)
        return sn__fail(SN_E_FORMAT, "%s: '%s' is '%.40s', expected 32 hexadecimal digits", where,
                        key, hash);
    return SN_OK;
}

static sn_status parse_shape(const json_t *entry, const char *where, sn_tensor *view)
{
    json_t *shape;
    int64_t dims[SN_MAX_DIMS];
    size_t bytes;
    SN_TRY(sn__json_array(entry, "shape", where, &shape));
    size_t ndim = json_array_size(shape);
    if (ndim > SN_MAX_DIMS)
        return sn__fail(SN_E_FORMAT, "%s: 'shape' has %zu dimensions, at most %d", where, ndim,
                        SN_MAX_DIMS);
    for (size_t i = 0; i < ndim; i++) {
        const json_t *dim = json_array_get(shape, i);
        if (!json_is_integer(dim) || json_integer_value(dim) < 0)
            return sn__fail(SN_E_FORMAT, "%s: 'shape' has no number of elements at %zu", where, i);
        dims[i] = json_integer_value(dim);
    }
    if (!sn__shape_bytes(view->dtype, (int32_t)ndim, dims, &bytes))
        return sn__fail(SN_E_FORMAT, "%s: 'shape' overflows", where);
    *view = sn__tensor_make(NULL, view->dtype, (int32_t)ndim, dims);
    return SN_OK;
}

/* The file must be what META.json says of it; what it says alone is worth nothing. */
static sn_status compare_file(const sn_dataset *dataset, const sn__stored *array,
                              const sn_tensor *said)
{
    char is[SN__SHAPE_TEXT], should[SN__SHAPE_TEXT];
    const sn_tensor *view = &array->view;
    bool same = sn__dtype_equal(view->dtype, said->dtype) && view->ndim == said->ndim &&
                memcmp(view->shape, said->shape, sizeof view->shape) == 0;
    if (same)
        return SN_OK;
    return sn__fail(SN_E_CORRUPT, "%s/%s: is %s %s, META.json says %s %s", dataset->path,
                    array->file, sn_dtype_name(view->dtype),
                    sn__shape_text(view->ndim, view->shape, is), sn_dtype_name(said->dtype),
                    sn__shape_text(said->ndim, said->shape, should));
}

static sn_status parse_array(const sn_dataset *dataset, const json_t *entry, const char *where,
                             sn__stored *array)
{
    const char *file, *dtype, *hash;
    sn_tensor said = { 0 };
    if (!json_is_object(entry))
        return sn__fail(SN_E_FORMAT, "%s: not an object", where);
    SN_TRY(sn__json_string(entry, "file", where, &file));
    SN_TRY(sn__json_string(entry, "dtype", where, &dtype));
    SN_TRY(sn__json_string(entry, "hash", where, &hash));
    SN_TRY(sn__file_name_check(file, where));
    SN_TRY(check_hash(hash, "hash", where));
    if (sn_dtype_parse(dtype, &said.dtype) != SN_OK)
        return sn__fail(SN_E_FORMAT, "%s: 'dtype' is '%.40s', no type", where, dtype);
    SN_TRY(parse_shape(entry, where, &said));
    SN_TRY(sn__stored_open(dataset, file, array));
    memcpy(array->hash, hash, SN__HASH_HEX);
    return compare_file(dataset, array, &said);
}

static sn_status parse_arrays(const sn_dataset *dataset, const json_t *type, const char *where,
                              const char *const *roles, int count, sn__stored *slots)
{
    json_t *arrays, *entry;
    const char *key;
    char inner[WHERE];
    SN_TRY(sn__json_object(type, "arrays", where, &arrays));
    json_object_foreach(arrays, key, entry)
    {
        int role = 0;
        while (role < count && strcmp(roles[role], key) != 0)
            role++;
        if (role == count)
            return sn__fail(SN_E_FORMAT, "%s: 'arrays' has the unknown member '%.40s'", where, key);
        (void)snprintf(inner, sizeof inner, "%.1100s.arrays.%.40s", where, key);
        SN_TRY(parse_array(dataset, entry, inner, &slots[role]));
    }
    return SN_OK;
}

static sn_status parse_node_type(sn_dataset *dataset, const json_t *entry, const char *where)
{
    const char *name;
    int64_t count;
    if (!json_is_object(entry))
        return sn__fail(SN_E_FORMAT, "%s: not an object", where);
    SN_TRY(sn__json_string(entry, "name", where, &name));
    SN_TRY(sn__json_int(entry, "count", where, 0, INT64_MAX, &count));
    SN_TRY(sn__dataset_add_node_type(dataset, where, name, count));
    return parse_arrays(dataset, entry, where, sn__node_roles, SN__NODE_ROLES,
                        dataset->nodes[dataset->num_nodes - 1].arrays);
}

static sn_status parse_edge_type(sn_dataset *dataset, const json_t *entry, const char *where)
{
    json_t *type;
    int64_t count;
    if (!json_is_object(entry))
        return sn__fail(SN_E_FORMAT, "%s: not an object", where);
    SN_TRY(sn__json_array(entry, "type", where, &type));
    const char *src = json_string_value(json_array_get(type, 0));
    const char *rel = json_string_value(json_array_get(type, 1));
    const char *dst = json_string_value(json_array_get(type, 2));
    if (json_array_size(type) != 3 || src == NULL || rel == NULL || dst == NULL)
        return sn__fail(SN_E_FORMAT, "%s: 'type' is not an array of three strings", where);
    SN_TRY(sn__json_int(entry, "count", where, 0, INT64_MAX, &count));
    SN_TRY(sn__dataset_add_edge_type(dataset, where, src, rel, dst, count));
    return parse_arrays(dataset, entry, where, sn__edge_roles, SN__EDGE_ROLES,
                        dataset->edges[dataset->num_edges - 1].arrays);
}

static sn_status parse_links(sn_dataset *dataset, const json_t *root, const char *path)
{
    json_t *links, *entry;
    const char *name;
    char where[WHERE];
    SN_TRY(sn__json_object_opt(root, "links", path, &links));
    json_object_foreach(links, name, entry)
    {
        (void)snprintf(where, sizeof where, "%.800s: links.%.255s", path, name);
        SN_TRY(sn__dataset_add_link(dataset, where, name));
        SN_TRY(parse_array(dataset, entry, where, &dataset->links[dataset->num_links - 1].array));
    }
    return SN_OK;
}

static sn_status parse_types(sn_dataset *dataset, const json_t *root, const char *path)
{
    json_t *nodes, *edges;
    char where[WHERE];
    SN_TRY(sn__json_array(root, "node_types", path, &nodes));
    SN_TRY(sn__json_array(root, "edge_types", path, &edges));
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        (void)snprintf(where, sizeof where, "%.1000s: node_types[%zu]", path, i);
        SN_TRY(parse_node_type(dataset, json_array_get(nodes, i), where));
    }
    for (size_t i = 0; i < json_array_size(edges); i++) {
        (void)snprintf(where, sizeof where, "%.1000s: edge_types[%zu]", path, i);
        SN_TRY(parse_edge_type(dataset, json_array_get(edges, i), where));
    }
    return parse_links(dataset, root, path);
}

static sn_status parse_head(sn_dataset *dataset, const json_t *root, const char *path)
{
    const char *format, *fingerprint;
    int64_t version;
    json_t *info;
    SN_TRY(sn__json_string(root, "format", path, &format));
    if (strcmp(format, "seine-dataset") != 0)
        return sn__fail(SN_E_FORMAT, "%s: 'format' is '%.80s', expected 'seine-dataset'", path,
                        format);
    SN_TRY(sn__json_int(root, "version", path, 1, INT64_MAX, &version));
    if (version != SN__META_VERSION)
        return sn__fail(SN_E_VERSION, "%s: version %" PRId64 ", this library reads %d", path,
                        version, SN__META_VERSION);
    SN_TRY(sn__json_string(root, "fingerprint", path, &fingerprint));
    SN_TRY(check_hash(fingerprint, "fingerprint", path));
    SN_TRY(
        sn__json_int_opt(root, "unlabelled", path, INT64_MIN, INT64_MAX, -1, &dataset->unlabelled));
    SN_TRY(sn__json_object_opt(root, "info", path, &info));
    memcpy(dataset->fingerprint, fingerprint, SN__HASH_HEX);
    return SN_OK;
}

/* Over the hashes that META.json lists: a META.json that was edited or mixed up is found at once.
 */
static sn_status check_fingerprint(const sn_dataset *dataset, const char *path)
{
    sn__array_ref *refs;
    size_t count;
    char is[SN__HASH_HEX];
    SN_TRY(sn__dataset_arrays(dataset, &refs, &count));
    for (size_t i = 0; i < count; i++)
        memcpy(refs[i].hash, refs[i].array->hash, SN__HASH_HEX);
    sn_status st = sn__dataset_fingerprint(dataset, refs, count, is);
    if (st == SN_OK && strcmp(is, dataset->fingerprint) != 0)
        st = sn__fail(SN_E_CORRUPT, "%s: 'fingerprint' is %s, its types and hashes give %s", path,
                      dataset->fingerprint, is);
    sn__mem_free(refs);
    return st;
}

static sn_status parse_meta(sn_dataset *dataset, const char *path)
{
    size_t bytes;
    json_t *root;
    SN_TRY(sn__file_read(path, LARGEST_META, &dataset->meta, &bytes));
    SN_TRY(sn__json_parse(dataset->meta, bytes, path, &root));
    sn_status st = parse_head(dataset, root, path);
    if (st == SN_OK)
        st = parse_types(dataset, root, path);
    json_decref(root);
    if (st == SN_OK)
        st = check_fingerprint(dataset, path);
    return st == SN_OK ? sn__dataset_check(dataset, SN_E_CORRUPT) : st;
}

/* -- Loading into memory ----------------------------------------------------------------------- */

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

/* Reads the data of a mapped array into pages of ours, then drops the mapping. */
static sn_status load_array(const char *path, sn__stored *array, int32_t threads)
{
    size_t bytes = (size_t)sn_tensor_bytes(&array->view);
    load_job job = { .path = path, .offset = array->npy.data_offset, .bytes = bytes };
    void *pages;
    job.fd = open(path, O_RDONLY | O_CLOEXEC);
    if (job.fd < 0)
        return sn__fail_errno("%s: cannot open", path);
    sn_status st = sn__mem_pages(bytes, path, &pages);
    if (st == SN_OK) {
        job.to = pages;
        st = sn__parallel(bytes > READ_BYTES ? threads : 1, read_some, &job);
        if (st != SN_OK)
            sn__mem_pages_free(pages, bytes);
    }
    close(job.fd);
    if (st != SN_OK)
        return st;
    sn__npy_close(&array->npy);
    array->pages = pages;
    array->page_bytes = bytes;
    array->view.data = pages;
    return SN_OK;
}

static sn_status load_all(const sn_dataset *dataset)
{
    sn__array_ref *refs;
    size_t count;
    int32_t threads;
    SN_TRY(sn__threads_resolve(0, &threads));
    SN_TRY(sn__dataset_arrays(dataset, &refs, &count));
    sn_status st = SN_OK;
    for (size_t i = 0; i < count && st == SN_OK; i++) {
        char *path;
        st = sn__path_join(dataset->path, refs[i].array->file, &path);
        if (st == SN_OK) {
            st = load_array(path, refs[i].array, threads);
            sn__mem_free(path);
        }
    }
    sn__mem_free(refs);
    return st;
}

/* -- Open -------------------------------------------------------------------------------------- */

static sn_status resolve_load(const sn_dataset_options *options, sn_load *out)
{
    sn_load load = SN_LOAD_DEFAULT;
    if (options != NULL) {
        sn_dataset_options known;
        SN_TRY(sn__options_read(&known, sizeof known, options, FIRST_OPTIONS, "dataset options"));
        load = known.load;
    }
    if (load == SN_LOAD_DEFAULT) {
        int64_t choice;
        SN_TRY(sn__option_value(SN__OPTION_LOAD, &choice));
        load = choice == 1 ? SN_LOAD_MEMORY : SN_LOAD_MAP;
    }
    if (load != SN_LOAD_MAP && load != SN_LOAD_MEMORY)
        return sn__fail(SN_E_INVALID, "dataset options: load %d", (int)load);
    *out = load;
    return SN_OK;
}

static sn_status open_directory(sn_dataset *dataset, sn_load load)
{
    char *meta;
    SN_TRY(sn__path_join(dataset->path, "META.json", &meta));
    sn_status st = parse_meta(dataset, meta);
    sn__mem_free(meta);
    if (st == SN_OK && load == SN_LOAD_MEMORY)
        st = load_all(dataset);
    return st;
}

sn_status sn_dataset_open(const char *path, const sn_dataset_options *options, sn_dataset **out)
{
    sn_load load = SN_LOAD_DEFAULT;
    sn_dataset *dataset;
    if (path == NULL || out == NULL)
        return sn__fail(SN_E_INVALID, "dataset: path and out are needed");
    SN_TRY(resolve_load(options, &load));
    SN_TRY(sn__dataset_new(path, &dataset));
    sn_status st = open_directory(dataset, load);
    if (st != SN_OK) {
        sn_dataset_release(dataset);
        return st;
    }
    *out = dataset;
    return SN_OK;
}
