/* SPDX-License-Identifier: Apache-2.0 */
/* Types and arrays as JSON, read and written. What is read is believed in nothing: every member is
 * checked here or by the reader of its entry.
 * Threads: any. */
#include "engine/data/description.h"

#include "base/tensor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* -- Reading ----------------------------------------------------------------------------------- */

sn_status sn__description_check_hash(const char *hash, const char *key, const char *where)
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

static sn_status read_array(const sn__array_reader *reader, const json_t *entry, const char *where,
                            sn__stored *array)
{
    const char *dtype;
    sn_tensor said = { 0 };
    if (!json_is_object(entry))
        return sn__fail(SN_E_FORMAT, "%s: not an object", where);
    SN_TRY(sn__json_string(entry, "dtype", where, &dtype));
    if (sn_dtype_parse(dtype, &said.dtype) != SN_OK)
        return sn__fail(SN_E_FORMAT, "%s: 'dtype' is '%.40s', no type", where, dtype);
    SN_TRY(parse_shape(entry, where, &said));
    return reader->read(reader->context, entry, where, &said, array);
}

/* The arrays of one type, by their roles. */
typedef struct slot_list {
    const char *const *roles;
    int count;
    sn__stored *arrays;
} slot_list;

static sn_status read_arrays(const sn__array_reader *reader, const json_t *type, const char *where,
                             const slot_list *slots)
{
    json_t *arrays, *entry;
    const char *key;
    char inner[SN__DESCRIPTION_WHERE];
    SN_TRY(sn__json_object(type, "arrays", where, &arrays));
    json_object_foreach(arrays, key, entry)
    {
        int role = 0;
        while (role < slots->count && strcmp(slots->roles[role], key) != 0)
            role++;
        if (role == slots->count)
            return sn__fail(SN_E_FORMAT, "%s: 'arrays' has the unknown member '%.40s'", where, key);
        (void)snprintf(inner, sizeof inner, "%.1100s.arrays.%.40s", where, key);
        SN_TRY(read_array(reader, entry, inner, &slots->arrays[role]));
    }
    return SN_OK;
}

static sn_status read_node_type(sn_dataset *dataset, const json_t *entry, const char *where,
                                const sn__array_reader *reader)
{
    const char *name;
    int64_t count;
    if (!json_is_object(entry))
        return sn__fail(SN_E_FORMAT, "%s: not an object", where);
    SN_TRY(sn__json_string(entry, "name", where, &name));
    SN_TRY(sn__json_int(entry, "count", where, 0, INT64_MAX, &count));
    SN_TRY(sn__dataset_add_node_type(dataset, where, name, count));
    return read_arrays(reader, entry, where,
                       &(slot_list){ sn__node_roles, SN__NODE_ROLES,
                                     dataset->nodes[dataset->num_nodes - 1].arrays });
}

static sn_status read_edge_type(sn_dataset *dataset, const json_t *entry, const char *where,
                                const sn__array_reader *reader)
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
    return read_arrays(reader, entry, where,
                       &(slot_list){ sn__edge_roles, SN__EDGE_ROLES,
                                     dataset->edges[dataset->num_edges - 1].arrays });
}

static sn_status read_links(sn_dataset *dataset, const json_t *root, const char *path,
                            const sn__array_reader *reader)
{
    json_t *links, *entry;
    const char *name;
    char where[SN__DESCRIPTION_WHERE];
    SN_TRY(sn__json_object_opt(root, "links", path, &links));
    json_object_foreach(links, name, entry)
    {
        (void)snprintf(where, sizeof where, "%.800s: links.%.255s", path, name);
        SN_TRY(sn__dataset_add_link(dataset, where, name));
        SN_TRY(read_array(reader, entry, where, &dataset->links[dataset->num_links - 1].array));
    }
    return SN_OK;
}

sn_status sn__description_read(sn_dataset *dataset, const json_t *root, const char *path,
                               const sn__array_reader *reader)
{
    json_t *nodes, *edges;
    char where[SN__DESCRIPTION_WHERE];
    SN_TRY(sn__json_array(root, "node_types", path, &nodes));
    SN_TRY(sn__json_array(root, "edge_types", path, &edges));
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        (void)snprintf(where, sizeof where, "%.1000s: node_types[%zu]", path, i);
        SN_TRY(read_node_type(dataset, json_array_get(nodes, i), where, reader));
    }
    for (size_t i = 0; i < json_array_size(edges); i++) {
        (void)snprintf(where, sizeof where, "%.1000s: edge_types[%zu]", path, i);
        SN_TRY(read_edge_type(dataset, json_array_get(edges, i), where, reader));
    }
    SN_TRY(
        sn__json_int_opt(root, "unlabelled", path, INT64_MIN, INT64_MAX, -1, &dataset->unlabelled));
    return read_links(dataset, root, path, reader);
}

/* -- Writing ----------------------------------------------------------------------------------- */

bool sn__description_put_view(json_t *entry, const sn_tensor *view)
{
    json_t *shape = json_array();
    bool ok = sn__description_put(entry, "dtype", json_string(sn_dtype_name(view->dtype)));
    for (int32_t i = 0; i < view->ndim; i++)
        ok = json_array_append_new(shape, json_integer(view->shape[i])) == 0 && ok;
    return sn__description_put(entry, "shape", shape) && ok;
}

static bool put_arrays(json_t *type, const slot_list *slots, sn__array_writer writer)
{
    json_t *arrays = json_object();
    bool ok = true;
    for (int role = 0; role < slots->count; role++)
        if (sn__stored_present(&slots->arrays[role]))
            ok =
                sn__description_put(arrays, slots->roles[role], writer(&slots->arrays[role])) && ok;
    return sn__description_put(type, "arrays", arrays) && ok;
}

static json_t *node_type_json(sn__node_type *type, sn__array_writer writer)
{
    json_t *object = json_object();
    bool ok =
        sn__description_put(object, "name", json_string(type->name)) &&
        sn__description_put(object, "count", json_integer(type->count)) &&
        put_arrays(object, &(slot_list){ sn__node_roles, SN__NODE_ROLES, type->arrays }, writer);
    if (ok)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *edge_type_json(sn__edge_type *type, sn__array_writer writer)
{
    json_t *object = json_object();
    bool ok =
        sn__description_put(object, "type", json_pack("[sss]", type->src, type->rel, type->dst)) &&
        sn__description_put(object, "count", json_integer(type->count)) &&
        put_arrays(object, &(slot_list){ sn__edge_roles, SN__EDGE_ROLES, type->arrays }, writer);
    if (ok)
        return object;
    json_decref(object);
    return NULL;
}

bool sn__description_write(const sn_dataset *dataset, json_t *root, sn__array_writer writer)
{
    json_t *nodes = json_array(), *edges = json_array(), *links = json_object();
    bool ok = true;
    for (size_t i = 0; i < dataset->num_nodes; i++)
        ok = json_array_append_new(nodes, node_type_json(&dataset->nodes[i], writer)) == 0 && ok;
    for (size_t i = 0; i < dataset->num_edges; i++)
        ok = json_array_append_new(edges, edge_type_json(&dataset->edges[i], writer)) == 0 && ok;
    for (size_t i = 0; i < dataset->num_links; i++)
        ok = sn__description_put(links, dataset->links[i].name, writer(&dataset->links[i].array)) &&
             ok;
    ok = sn__description_put(root, "unlabelled", json_integer(dataset->unlabelled)) && ok;
    ok = sn__description_put(root, "node_types", nodes) && ok;
    ok = sn__description_put(root, "edge_types", edges) && ok;
    return (dataset->num_links == 0 ? (json_decref(links), true)
                                    : sn__description_put(root, "links", links)) &&
           ok;
}
