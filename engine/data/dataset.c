/* SPDX-License-Identifier: Apache-2.0 */
/* What a dataset tells about itself.
 * Threads: any; only the fingerprint of a dataset in memory is computed late, under the lock. */
#include "base/mem.h"
#include "base/option.h"
#include "engine/data/inside.h"

#include <stdio.h>
#include <string.h>

int32_t sn_dataset_num_node_types(const sn_dataset *dataset)
{
    return (int32_t)dataset->num_nodes;
}

int32_t sn_dataset_num_edge_types(const sn_dataset *dataset)
{
    return (int32_t)dataset->num_edges;
}

bool sn_dataset_is_homogeneous(const sn_dataset *dataset)
{
    return dataset->num_nodes == 1 && dataset->num_edges == 1;
}

int64_t sn_dataset_unlabelled(const sn_dataset *dataset)
{
    return dataset->unlabelled;
}

const char *sn_dataset_meta(const sn_dataset *dataset)
{
    return dataset->meta;
}

/* -- Types ------------------------------------------------------------------------------------- */

static const sn_tensor *view_or_null(const sn__stored *array)
{
    return sn__stored_present(array) ? &array->view : NULL;
}

sn_status sn_dataset_node_type(const sn_dataset *dataset, int32_t index, sn_node_info *out)
{
    if (index < 0 || (size_t)index >= dataset->num_nodes)
        return sn__fail(SN_E_RANGE, "node type %d: there are %zu", index, dataset->num_nodes);
    const sn__node_type *type = &dataset->nodes[index];
    *out = (sn_node_info){
        .name = type->name,
        .count = type->count,
        .x = view_or_null(&type->arrays[SN__NODE_X]),
        .y = view_or_null(&type->arrays[SN__NODE_Y]),
        .times = view_or_null(&type->arrays[SN__NODE_TIMES]),
        .train = view_or_null(&type->arrays[SN__NODE_TRAIN]),
        .val = view_or_null(&type->arrays[SN__NODE_VAL]),
        .test = view_or_null(&type->arrays[SN__NODE_TEST]),
    };
    return SN_OK;
}

/* `first` is SN__CSR_INDPTR or SN__CSC_INDPTR. */
static sn_adjacency adjacency(const sn__edge_type *type, int first)
{
    const sn__stored *indptr = &type->arrays[first], *edge_ids = &type->arrays[first + 2];
    if (!sn__stored_present(indptr))
        return (sn_adjacency){ 0 };
    return (sn_adjacency){
        .indptr = indptr->view.data,
        .indices = type->arrays[first + 1].view,
        .edge_ids = sn__stored_present(edge_ids) ? edge_ids->view.data : NULL,
        .rows = indptr->view.shape[0] - 1,
    };
}

sn_status sn_dataset_edge_type(const sn_dataset *dataset, int32_t index, sn_edge_info *out)
{
    if (index < 0 || (size_t)index >= dataset->num_edges)
        return sn__fail(SN_E_RANGE, "edge type %d: there are %zu", index, dataset->num_edges);
    const sn__edge_type *type = &dataset->edges[index];
    *out = (sn_edge_info){
        .src = type->src,
        .rel = type->rel,
        .dst = type->dst,
        .name = type->name,
        .src_type = type->src_type,
        .dst_type = type->dst_type,
        .count = type->count,
        .csr = adjacency(type, SN__CSR_INDPTR),
        .csc = adjacency(type, SN__CSC_INDPTR),
        .x = view_or_null(&type->arrays[SN__EDGE_X]),
        .weights = view_or_null(&type->arrays[SN__EDGE_WEIGHTS]),
        .times = view_or_null(&type->arrays[SN__EDGE_TIMES]),
    };
    return SN_OK;
}

static const void *data_or_null(const sn__stored *array)
{
    return sn__stored_present(array) ? array->view.data : NULL;
}

static sn__time_table time_table(const sn__stored *order)
{
    sn__time_table table = { data_or_null(order), data_or_null(order + 1),
                             data_or_null(order + 2) };
    if (table.order == NULL || table.times == NULL)
        return (sn__time_table){ 0 };
    return table;
}

sn__row_tables sn__dataset_tables(const sn_dataset *dataset, int32_t edge_type, bool csc)
{
    const sn__stored *first =
        &dataset->edges[edge_type].arrays[csc ? SN__CSC_TABLES : SN__CSR_TABLES];
    return (sn__row_tables){
        .sums = data_or_null(&first[SN__TABLE_SUMS]),
        .by_edge = time_table(&first[SN__TABLE_TIME_ORDER]),
        .by_node = time_table(&first[SN__TABLE_NODE_ORDER]),
    };
}

/* -- Names ------------------------------------------------------------------------------------- */

/* "no <kind> type is named 'x', there are a, b, c": as many as a line holds. */
static sn_status not_found(const char *kind, const char *name, const json_t *index)
{
    char list[600] = "";
    size_t used = 0;
    const char *key;
    json_t *value;
    /* Iterating changes nothing, though the macro takes no const. */
    json_object_foreach((json_t *)(uintptr_t)index, key, value)
    {
        int bytes = snprintf(list + used, sizeof list - used, "%s%s", used > 0 ? ", " : "", key);
        if (bytes < 0 || (size_t)bytes >= sizeof list - used - 5) { /* room for ", ..." */
            (void)snprintf(list + used, sizeof list - used, "%s", used > 0 ? ", ..." : "...");
            break;
        }
        used += (size_t)bytes;
    }
    return sn__fail(SN_E_NOT_FOUND, "no %s type is named '%.120s', there are %s", kind, name, list);
}

static sn_status find(const json_t *index, const char *kind, const char *name, int32_t *out)
{
    const json_t *place = json_object_get(index, name);
    if (place == NULL)
        return not_found(kind, name, index);
    *out = (int32_t)json_integer_value(place);
    return SN_OK;
}

sn_status sn_dataset_find_node_type(const sn_dataset *dataset, const char *name, int32_t *out)
{
    return find(dataset->node_index, "node", name, out);
}

sn_status sn_dataset_find_edge_type(const sn_dataset *dataset, const char *name, int32_t *out)
{
    return find(dataset->edge_index, "edge", name, out);
}

const sn_tensor *sn_dataset_link(const sn_dataset *dataset, const char *name)
{
    const json_t *place = json_object_get(dataset->link_index, name);
    return place == NULL ? NULL : &dataset->links[json_integer_value(place)].array.view;
}

/* -- Fingerprint ------------------------------------------------------------------------------- */

static bool is_implicit(const sn__array_ref *ref)
{
    if (ref->of != SN__OF_EDGES || (ref->role != SN__CSR_EDGE_IDS && ref->role != SN__CSC_EDGE_IDS))
        return false;
    const int64_t *ids = ref->array->view.data;
    for (int64_t i = 0; i < ref->array->view.shape[0]; i++)
        if (ids[i] != i)
            return false;
    return true;
}

/* A directory has no array for edge ids that are the positions: the same graph in memory has the
 * same fingerprint, whether or not the caller gave them. */
static size_t leave_out_implicit(sn__array_ref *refs, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (!is_implicit(&refs[i]))
            refs[kept++] = refs[i];
    return kept;
}

static sn_status compute_fingerprint(sn_dataset *dataset)
{
    sn__array_ref *refs;
    size_t count;
    int32_t threads;
    char text[SN__HASH_HEX];
    SN_TRY(sn__threads_resolve(0, &threads));
    SN_TRY(sn__dataset_arrays(dataset, &refs, &count));
    count = leave_out_implicit(refs, count);
    sn_status st = sn__arrays_hash(refs, count, threads, NULL);
    if (st == SN_OK)
        st = sn__dataset_fingerprint(dataset, refs, count, text);
    if (st == SN_OK)
        memcpy(dataset->fingerprint, text, sizeof text);
    sn__mem_free(refs);
    return st;
}

sn_status sn_dataset_fingerprint(const sn_dataset *dataset, const char **out)
{
    sn_dataset *self = (sn_dataset *)(uintptr_t)dataset; /* D1: only what the lock guards changes */
    pthread_mutex_lock(&self->lock);
    sn_status st = self->fingerprint[0] != '\0' ? SN_OK : compute_fingerprint(self);
    pthread_mutex_unlock(&self->lock);
    if (st == SN_OK)
        *out = dataset->fingerprint;
    return st;
}
