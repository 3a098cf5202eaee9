/* SPDX-License-Identifier: Apache-2.0 */
/* Putting a dataset together: types, slots for arrays, and their way back to nothing.
 * Threads: one, until the dataset is handed out. */
#include "base/mem.h"
#include "engine/data/inside.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const sn__node_roles[SN__NODE_ROLES] = { "x", "y", "times", "train", "val", "test" };
const char *const sn__edge_roles[SN__EDGE_ROLES] = {
    "csr.indptr",
    "csr.indices",
    "csr.edge_ids",
    "csc.indptr",
    "csc.indices",
    "csc.edge_ids",
    "x",
    "weights",
    "times",
    "csr.weight_sums",
    "csr.time_order",
    "csr.times",
    "csr.time_weight_sums",
    "csr.node_time_order",
    "csr.node_times",
    "csr.node_time_weight_sums",
    "csc.weight_sums",
    "csc.time_order",
    "csc.times",
    "csc.time_weight_sums",
    "csc.node_time_order",
    "csc.node_times",
    "csc.node_time_weight_sums",
};

/* -- Names ------------------------------------------------------------------------------------- */

/* Bytes of the UTF-8 character at `text`, 0 if it is none (overlong forms and surrogates are none);
 * *code is its number. A NUL ends every sequence, so nothing behind it is read. */
static size_t utf8_character(const unsigned char *text, uint32_t *code)
{
    static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t bytes = text[0] < 0x80   ? 1
                   : text[0] < 0xc2 ? 0
                   : text[0] < 0xe0 ? 2
                   : text[0] < 0xf0 ? 3
                   : text[0] < 0xf5 ? 4
                                    : 0;
    if (bytes == 0)
        return 0;
    *code = bytes == 1 ? text[0] : text[0] & (0x7fu >> bytes);
    for (size_t i = 1; i < bytes; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (text[i] & 0x3f);
    }
    bool surrogate = *code >= 0xd800 && *code <= 0xdfff;
    return *code < least[bytes] || *code > 0x10ffff || surrogate ? 0 : bytes;
}

/* What is wrong with a name of any kind, or NULL. */
static const char *name_fault(const char *name)
{
    size_t bytes = strlen(name);
    if (bytes == 0)
        return "is empty";
    if (bytes > 255)
        return "is longer than 255 bytes";
    for (const unsigned char *at = (const unsigned char *)name; *at != '\0';) {
        uint32_t code;
        size_t step = utf8_character(at, &code);
        if (step == 0)
            return "is not UTF-8";
        if (code < 0x20 || (code >= 0x7f && code < 0xa0))
            return "has a control character";
        at += step;
    }
    return NULL;
}

sn_status sn__type_name_check(const char *name, const char *where)
{
    const char *fault = name_fault(name);
    if (fault == NULL && strstr(name, "__") != NULL)
        fault = "contains '__'";
    if (fault == NULL && (name[0] == '_' || name[strlen(name) - 1] == '_'))
        fault = "begins or ends with '_'"; /* a_ + __ + b could be read as a + __ + _b */
    if (fault == NULL && strcmp(name, "other") == 0)
        fault = "is reserved";
    if (fault != NULL)
        return sn__fail(SN_E_FORMAT, "%s: type name '%.80s' %s", where, name, fault);
    return SN_OK;
}

sn_status sn__file_name_check(const char *name, const char *where)
{
    const char *fault = name_fault(name);
    if (fault == NULL &&
        (strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0))
        fault = "is not a name in the dataset's directory";
    if (fault != NULL)
        return sn__fail(SN_E_FORMAT, "%s: file '%.80s' %s", where, name, fault);
    return SN_OK;
}

/* -- Lifetime ---------------------------------------------------------------------------------- */

void sn__stored_close(sn__stored *array)
{
    sn__npy_close(&array->npy);
    sn__mem_pages_free(array->pages, array->page_bytes);
    if (array->release != NULL)
        array->release(array->context);
    sn__mem_free(array->file);
    *array = (sn__stored){ 0 };
}

static void free_node_type(sn__node_type *type)
{
    for (int role = 0; role < SN__NODE_ROLES; role++)
        sn__stored_close(&type->arrays[role]);
    sn__mem_free(type->name);
}

static void free_edge_type(sn__edge_type *type)
{
    for (int role = 0; role < SN__EDGE_ROLES; role++)
        sn__stored_close(&type->arrays[role]);
    sn__mem_free(type->src);
    sn__mem_free(type->rel);
    sn__mem_free(type->dst);
    sn__mem_free(type->name);
}

static void free_link(sn__link *link)
{
    sn__stored_close(&link->array);
    sn__mem_free(link->name);
}

sn_status sn__dataset_new(const char *path, sn_dataset **out)
{
    sn_dataset *dataset;
    SN_TRY(sn__mem_zalloc(1, sizeof *dataset, "dataset", &dataset));
    atomic_init(&dataset->references, 1);
    pthread_mutex_init(&dataset->lock, NULL); /* the default kind: cannot fail on Linux */
    dataset->unlabelled = -1;
    dataset->directory = -1;
    dataset->image = SN__SEGMENT_NONE;
    dataset->node_index = json_object();
    dataset->edge_index = json_object();
    dataset->link_index = json_object();
    sn_status st = SN_OK;
    if (dataset->node_index == NULL || dataset->edge_index == NULL || dataset->link_index == NULL)
        st = sn__fail(SN_E_NOMEM, "dataset: cannot allocate its index");
    if (st == SN_OK && path != NULL)
        st = sn__mem_strdup(path, &dataset->path);
    if (st != SN_OK) {
        sn_dataset_release(dataset);
        return st;
    }
    *out = dataset;
    return SN_OK;
}

sn_dataset *sn__dataset_retain(sn_dataset *dataset)
{
    atomic_fetch_add_explicit(&dataset->references, 1, memory_order_relaxed);
    return dataset;
}

void sn_dataset_release(sn_dataset *dataset)
{
    /* Release: what this thread did comes before the end; acquire: the end comes after what all
     * did. */
    if (dataset == NULL ||
        atomic_fetch_sub_explicit(&dataset->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < dataset->num_nodes; i++)
        free_node_type(&dataset->nodes[i]);
    for (size_t i = 0; i < dataset->num_edges; i++)
        free_edge_type(&dataset->edges[i]);
    for (size_t i = 0; i < dataset->num_links; i++)
        free_link(&dataset->links[i]);
    sn__mem_free(dataset->nodes);
    sn__mem_free(dataset->edges);
    sn__mem_free(dataset->links);
    json_decref(dataset->node_index);
    json_decref(dataset->edge_index);
    json_decref(dataset->link_index);
    sn__image_close(dataset);
    if (dataset->directory >= 0)
        close(dataset->directory);
    sn__mem_free(dataset->path);
    sn__mem_free(dataset->meta);
    pthread_mutex_destroy(&dataset->lock);
    sn__mem_free(dataset);
}

/* -- Types ------------------------------------------------------------------------------------- */

static sn_status index_name(json_t *index, const char *name, size_t place, const char *where,
                            const char *kind)
{
    if (json_object_get(index, name) != NULL)
        return sn__fail(SN_E_FORMAT, "%s: %s '%s' is there twice", where, kind, name);
    if (json_object_set_new(index, name, json_integer((json_int_t)place)) != 0)
        return sn__fail(SN_E_NOMEM, "%s: cannot index '%s'", where, name);
    return SN_OK;
}

static sn_status check_count(int64_t count, const char *where)
{
    /* The shuffle's domain, and far from where sums of counts overflow. */
    if (count < 0 || count >= INT64_C(1) << 62)
        return sn__fail(SN_E_FORMAT, "%s: count %" PRId64 ", not 0 to 2^62 - 1", where, count);
    return SN_OK;
}

sn_status sn__dataset_add_node_type(sn_dataset *dataset, const char *where, const char *name,
                                    int64_t count)
{
    sn__node_type type = { .count = count };
    SN_TRY(sn__type_name_check(name, where));
    SN_TRY(check_count(count, where));
    SN_TRY(sn__mem_grow(&dataset->nodes, &dataset->node_capacity, dataset->num_nodes + 1,
                        sizeof *dataset->nodes, "node types"));
    SN_TRY(sn__mem_strdup(name, &type.name));
    sn_status st = index_name(dataset->node_index, name, dataset->num_nodes, where, "node type");
    if (st == SN_OK)
        dataset->nodes[dataset->num_nodes++] = type;
    else
        free_node_type(&type);
    return st;
}

static sn_status find_end(const sn_dataset *dataset, const char *where, const char *name,
                          int32_t *out)
{
    const json_t *place = json_object_get(dataset->node_index, name);
    if (place == NULL)
        return sn__fail(SN_E_FORMAT, "%s: no node type is named '%.80s'", where, name);
    *out = (int32_t)json_integer_value(place);
    return SN_OK;
}

static sn_status name_edge_type(sn__edge_type *type, const char *src, const char *rel,
                                const char *dst)
{
    size_t bytes = strlen(src) + strlen(rel) + strlen(dst) + 5;
    SN_TRY(sn__mem_strdup(src, &type->src));
    SN_TRY(sn__mem_strdup(rel, &type->rel));
    SN_TRY(sn__mem_strdup(dst, &type->dst));
    SN_TRY(sn__mem_zalloc(bytes, 1, "edge type", &type->name));
    (void)snprintf(type->name, bytes, "%s__%s__%s", src, rel, dst);
    return SN_OK;
}

sn_status sn__dataset_add_edge_type(sn_dataset *dataset, const char *where, const char *src,
                                    const char *rel, const char *dst, int64_t count)
{
    sn__edge_type type = { .count = count };
    SN_TRY(sn__type_name_check(rel, where));
    SN_TRY(find_end(dataset, where, src, &type.src_type));
    SN_TRY(find_end(dataset, where, dst, &type.dst_type));
    SN_TRY(check_count(count, where));
    SN_TRY(sn__mem_grow(&dataset->edges, &dataset->edge_capacity, dataset->num_edges + 1,
                        sizeof *dataset->edges, "edge types"));
    sn_status st = name_edge_type(&type, src, rel, dst);
    if (st == SN_OK)
        st = index_name(dataset->edge_index, type.name, dataset->num_edges, where, "edge type");
    if (st == SN_OK)
        dataset->edges[dataset->num_edges++] = type;
    else
        free_edge_type(&type);
    return st;
}

sn_status sn__dataset_add_link(sn_dataset *dataset, const char *where, const char *name)
{
    const char *fault = name_fault(name);
    if (fault != NULL)
        return sn__fail(SN_E_FORMAT, "%s: link name '%.80s' %s", where, name, fault);
    SN_TRY(sn__mem_grow(&dataset->links, &dataset->link_capacity, dataset->num_links + 1,
                        sizeof *dataset->links, "links"));
    sn__link link = { 0 };
    SN_TRY(sn__mem_strdup(name, &link.name));
    sn_status st = index_name(dataset->link_index, name, dataset->num_links, where, "link");
    if (st == SN_OK)
        dataset->links[dataset->num_links++] = link;
    else
        free_link(&link);
    return st;
}

/* -- Arrays ------------------------------------------------------------------------------------ */

sn_status sn__dataset_file(const sn_dataset *dataset, const char *name, char **path,
                           sn__file_at *out)
{
    SN_TRY(sn__path_join(dataset->path, name, path));
    *out = (sn__file_at){ .dir = dataset->directory, .name = name, .path = *path };
    if (dataset->directory < 0) /* a writer's, under a name that nobody else has */
        *out = (sn__file_at){ .dir = AT_FDCWD, .name = *path, .path = *path };
    return SN_OK;
}

sn_status sn__stored_open(const sn_dataset *dataset, const char *name, sn__stored *array)
{
    char *path;
    sn__file_at file;
    SN_TRY(sn__dataset_file(dataset, name, &path, &file));
    sn_status st = sn__npy_open_at(&file, &array->npy);
    sn__mem_free(path);
    if (st != SN_OK)
        return st;
    array->view = array->npy.view;
    return array->file == NULL ? sn__mem_strdup(name, &array->file) : SN_OK;
}

static int by_link_name(const void *a, const void *b, void *dataset)
{
    const sn__array_ref *x = a, *y = b;
    const sn__link *links = ((const sn_dataset *)dataset)->links;
    return strcmp(links[x->type].name, links[y->type].name);
}

sn_status sn__dataset_arrays(const sn_dataset *dataset, sn__array_ref **out, size_t *count)
{
    sn__array_ref *refs;
    size_t most = dataset->num_nodes * SN__NODE_ROLES + dataset->num_edges * SN__EDGE_ROLES +
                  dataset->num_links;
    SN_TRY(sn__mem_zalloc(most, sizeof *refs, "list of arrays", &refs));
    size_t n = 0;
    for (size_t i = 0; i < dataset->num_nodes; i++)
        for (int role = 0; role < SN__NODE_ROLES; role++)
            if (sn__stored_present(&dataset->nodes[i].arrays[role]))
                refs[n++] = (sn__array_ref){ .array = &dataset->nodes[i].arrays[role],
                                             .of = SN__OF_NODES,
                                             .type = i,
                                             .role = role };
    for (size_t i = 0; i < dataset->num_edges; i++)
        for (int role = 0; role < SN__EDGE_ROLES; role++)
            if (sn__stored_present(&dataset->edges[i].arrays[role]))
                refs[n++] = (sn__array_ref){ .array = &dataset->edges[i].arrays[role],
                                             .of = SN__OF_EDGES,
                                             .type = i,
                                             .role = role };
    size_t links = n;
    for (size_t i = 0; i < dataset->num_links; i++)
        if (sn__stored_present(&dataset->links[i].array))
            refs[n++] = (sn__array_ref){
                .array = &dataset->links[i].array, .of = SN__OF_LINKS, .type = i, .role = 0
            };
    qsort_r(refs + links, n - links, sizeof *refs, by_link_name, (void *)(uintptr_t)dataset);
    *out = refs;
    *count = n;
    return SN_OK;
}

const char *sn__array_where(const sn_dataset *dataset, const sn__array_ref *ref,
                            char out[SN__WHERE])
{
    int used = 0;
    if (ref->array->file != NULL)
        used = snprintf(out, SN__WHERE, "%.400s/%.80s: ", dataset->path, ref->array->file);
    size_t left = SN__WHERE - (size_t)used;
    if (ref->of == SN__OF_NODES)
        (void)snprintf(out + used, left, "%s of node type '%.200s'", sn__node_roles[ref->role],
                       dataset->nodes[ref->type].name);
    else if (ref->of == SN__OF_EDGES)
        (void)snprintf(out + used, left, "%s of edge type '%.250s'", sn__edge_roles[ref->role],
                       dataset->edges[ref->type].name);
    else
        (void)snprintf(out + used, left, "link '%.200s'", dataset->links[ref->type].name);
    return out;
}
