/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a manifest, format seine-import-1 (docs/formats.md): JSON to a description of an import.
 *
 * Only what the manifest says is checked here; whether the files keep its promises is seen when
 * they are read. What the format does not name is information and goes into META.json; where that
 * looks like a slip of the pen (a key close to one that the format has) the log says so. */
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/tensor.h"
#include "engine/data/convert.h"
#include "engine/data/dataset.h"
#include "engine/data/import.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

const char *const sn__split_names[SN__SPLITS] = { "train", "val", "test" };

#define MOST_NODES (((int64_t)1 << 62) - 1)

enum { WHERE = 700, INNER = WHERE + 16 }; /* longer paths are cut */

typedef struct reader {
    const char *path; /* of the manifest */
    char *dir;        /* what its file names are relative to */
    sn__import *import;
    json_t *node_places; /* name -> place */
    json_t *edge_names;  /* a set of "src__rel__dst" */
} reader;

/* One entry of node_types or edge_types while it is read. */
typedef struct member {
    reader *reader;
    json_t *object;
    const char *where; /* begins messages */
    json_t **info;     /* what the format does not name; NULL until there is any */
} member;

/* -- What the format does not name ------------------------------------------------------------- */

static const char *const top_keys[] = { "format", "node_types", "edge_types",
                                        "links",  "unlabelled", NULL };
static const char *const node_keys[] = { "count", "x", "y", "names", "times", "splits", NULL };
static const char *const edge_keys[] = { "type",    "files", "undirected", "deduplicate",
                                         "weights", "times", "x",          NULL };
static const char *const array_keys[] = { "file", "rows", "convert", "scale", NULL };
static const char *const split_keys[] = { "train", "val", "test", NULL };

static bool is_known(const char *const *known, const char *key)
{
    for (; *known != NULL; known++)
        if (strcmp(*known, key) == 0)
            return true;
    return false;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, changes, and exchanges of neighbours between two short words (Damerau). */
static int word_distance(const char *a, const char *b)
{
    enum { LONGEST = 15 };
    int n = (int)strlen(a), m = (int)strlen(b), d[LONGEST + 1][LONGEST + 1];
    if (n > LONGEST || m > LONGEST)
        return LONGEST;
    for (int i = 0; i <= n; i++)
        for (int j = 0; j <= m; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            d[i][j] = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            d[i][j] = least(d[i][j], least(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[n][m];
}

/* The known key that `key` was perhaps meant to be, or NULL. */
static const char *near_key(const char *const *known, const char *key)
{
    for (; *known != NULL; known++) {
        int allowed = strlen(*known) >= 6 ? 2 : strlen(*known) >= 4 ? 1 : 0;
        if (strcasecmp(*known, key) == 0 || word_distance(*known, key) <= allowed)
            return *known;
    }
    return NULL;
}

/* Copies the members that `known` lacks to *info (made when there are any). In a `closed` object
 * there is no place for other things, so each of them is suspect. */
static sn_status take_unknown(json_t *object, const char *const *known, const char *where,
                              bool closed, json_t **info)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        if (is_known(known, key))
            continue;
        const char *meant = near_key(known, key);
        if (meant != NULL)
            sn__log(SN_LOG_WARN, "%s: '%s' is kept as information; was '%s' meant?", where, key,
                    meant);
        else if (closed)
            sn__log(SN_LOG_WARN, "%s: '%s' is kept as information", where, key);
        if (*info == NULL)
            *info = json_object();
        if (json_object_set(*info, key, value) != 0)
            return sn__fail(SN_E_NOMEM, "%s: cannot keep '%s'", where, key);
    }
    return SN_OK;
}

/* The same for an object inside another: what it keeps goes to info.<key>. */
static sn_status take_nested(json_t *object, const char *const *known, const char *where,
                             const char *key, json_t **info)
{
    json_t *nested = NULL;
    sn_status st = take_unknown(object, known, where, true, &nested);
    if (st != SN_OK || nested == NULL) {
        json_decref(nested);
        return st;
    }
    if (*info == NULL)
        *info = json_object();
    if (json_object_set_new(*info, key, nested) != 0)
        return sn__fail(SN_E_NOMEM, "%s: cannot keep information", where);
    return SN_OK;
}

/* Puts information about one type under info.<kind>.<name>, if `st` is still well. Takes `info`,
 * which may be NULL. */
static sn_status keep_type_info(const reader *r, const char *kind, const char *name, json_t *info,
                                sn_status st)
{
    if (st != SN_OK || info == NULL) {
        json_decref(info);
        return st;
    }
    json_t *types = json_object_get(r->import->info, kind);
    if (types == NULL) {
        types = json_object();
        if (json_object_set_new(r->import->info, kind, types) != 0)
            types = NULL;
    }
    if (types == NULL || json_object_set(types, name, info) != 0) {
        json_decref(info);
        return sn__fail(SN_E_NOMEM, "%s: cannot keep information", r->path);
    }
    json_decref(info);
    return SN_OK;
}

/* -- Arrays ------------------------------------------------------------------------------------ */

static sn_status file_path(const reader *r, const char *name, const char *key, const char *where,
                           char **out)
{
    if (name[0] == '\0')
        return sn__fail(SN_E_FORMAT, "%s: '%s' is an empty file name", where, key);
    return sn__path_join(r->dir, name, out);
}

static sn_status read_rows(const json_t *object, const char *where, sn__import_array *out)
{
    json_t *rows;
    SN_TRY(sn__json_array_opt(object, "rows", where, &rows));
    if (rows == NULL)
        return SN_OK;
    const json_t *begin = json_array_get(rows, 0), *end = json_array_get(rows, 1);
    if (json_array_size(rows) != 2 || !json_is_integer(begin) || !json_is_integer(end))
        return sn__fail(SN_E_FORMAT, "%s: 'rows' is not [begin, end]", where);
    out->begin = json_integer_value(begin);
    out->end = json_integer_value(end);
    if (out->begin < 0 || out->end < out->begin)
        return sn__fail(SN_E_FORMAT, "%s: 'rows' is [%" PRId64 ", %" PRId64 "]", where, out->begin,
                        out->end);
    out->has_rows = true;
    return SN_OK;
}

static sn_status read_convert(const json_t *object, const char *where, sn__import_array *out)
{
    const char *name;
    SN_TRY(sn__json_string_opt(object, "convert", where, &name));
    if (name != NULL) {
        sn__convert convert = { .from = { SN_INT, 8 } };
        if (sn_dtype_parse(name, &convert.to) != SN_OK || !sn__convert_possible(&convert))
            return sn__fail(SN_E_FORMAT, "%s: 'convert' is '%.40s', no type to convert to", where,
                            name);
        out->has_convert = true;
        out->convert = convert.to;
    }
    out->has_scale = json_object_get(object, "scale") != NULL;
    return sn__json_number_opt(object, "scale", where, 1, &out->scale);
}

/* "file" or {"file": "file", ...}. */
static sn_status read_array(const member *m, const char *key, sn__import_array *out)
{
    char inner[INNER];
    const char *name, *where = m->where;
    const reader *r = m->reader;
    json_t *value = json_object_get(m->object, key);
    if (value == NULL)
        return SN_OK;
    if (json_is_string(value))
        return file_path(r, json_string_value(value), key, where, &out->file);
    if (!json_is_object(value))
        return sn__fail(SN_E_FORMAT, "%s: '%s' is neither a file name nor an object", where, key);
    (void)snprintf(inner, sizeof inner, "%s.%.8s", where, key);
    SN_TRY(sn__json_string(value, "file", inner, &name));
    SN_TRY(file_path(r, name, "file", inner, &out->file));
    SN_TRY(read_rows(value, inner, out));
    SN_TRY(read_convert(value, inner, out));
    return take_nested(value, array_keys, inner, key, m->info);
}

/* -- Node types -------------------------------------------------------------------------------- */

static sn_status read_splits(const member *m, sn__import_node *out)
{
    char inner[INNER];
    json_t *splits;
    const char *name;
    SN_TRY(sn__json_object_opt(m->object, "splits", m->where, &splits));
    if (splits == NULL)
        return SN_OK;
    (void)snprintf(inner, sizeof inner, "%s.splits", m->where);
    for (int s = 0; s < SN__SPLITS; s++) {
        SN_TRY(sn__json_string_opt(splits, sn__split_names[s], inner, &name));
        if (name != NULL)
            SN_TRY(file_path(m->reader, name, sn__split_names[s], inner, &out->splits[s]));
    }
    return take_nested(splits, split_keys, inner, "splits", m->info);
}

static sn_status read_node_members(const member *m, sn__import_node *node)
{
    const char *names;
    SN_TRY(sn__json_int(m->object, "count", m->where, 0, MOST_NODES, &node->count));
    SN_TRY(read_array(m, "x", &node->x));
    SN_TRY(read_array(m, "y", &node->y));
    SN_TRY(read_array(m, "times", &node->times));
    SN_TRY(sn__json_string_opt(m->object, "names", m->where, &names));
    if (names != NULL)
        SN_TRY(file_path(m->reader, names, "names", m->where, &node->names));
    SN_TRY(read_splits(m, node));
    return take_unknown(m->object, node_keys, m->where, false, m->info);
}

static sn_status read_node_type(reader *r, const char *name, json_t *object)
{
    char where[WHERE];
    json_t *info = NULL;
    (void)snprintf(where, sizeof where, "%s: node_types", r->path);
    SN_TRY(sn__type_name_check(name, where));
    (void)snprintf(where, sizeof where, "%s: node_types.%s", r->path, name);
    if (!json_is_object(object))
        return sn__fail(SN_E_FORMAT, "%s: is not an object", where);
    sn__import_node *node = &r->import->nodes[r->import->num_nodes++];
    SN_TRY(sn__mem_strdup(name, &node->name));
    member m = { r, object, where, &info };
    sn_status st = read_node_members(&m, node);
    return keep_type_info(r, "node_types", name, info, st);
}

static sn_status read_node_types(reader *r, const json_t *root)
{
    json_t *types, *value;
    const char *name;
    SN_TRY(sn__json_object(root, "node_types", r->path, &types));
    size_t count = json_object_size(types);
    if (count == 0)
        return sn__fail(SN_E_FORMAT, "%s: 'node_types' is empty", r->path);
    SN_TRY(sn__mem_zalloc(count, sizeof *r->import->nodes, "node types", &r->import->nodes));
    json_object_foreach(types, name, value)
    {
        json_t *place = json_integer((json_int_t)r->import->num_nodes);
        if (json_object_set_new(r->node_places, name, place) != 0)
            return sn__fail(SN_E_NOMEM, "%s: cannot index node types", r->path);
        SN_TRY(read_node_type(r, name, value));
    }
    return SN_OK;
}

/* -- Edge types -------------------------------------------------------------------------------- */

static sn_status read_end(const reader *r, const char *name, const char *where, size_t *place)
{
    const json_t *found = json_object_get(r->node_places, name);
    if (found == NULL)
        return sn__fail(SN_E_FORMAT, "%s: 'type' has the unknown node type '%.80s'", where, name);
    *place = (size_t)json_integer_value(found);
    return SN_OK;
}

/* [source type, relation, destination type], new. */
static sn_status read_edge_name(reader *r, const json_t *object, const char *where,
                                sn__import_edge *edge, char *full, size_t full_bytes)
{
    json_t *type;
    SN_TRY(sn__json_array(object, "type", where, &type));
    const char *src = json_string_value(json_array_get(type, 0));
    const char *rel = json_string_value(json_array_get(type, 1));
    const char *dst = json_string_value(json_array_get(type, 2));
    if (json_array_size(type) != 3 || src == NULL || rel == NULL || dst == NULL)
        return sn__fail(SN_E_FORMAT, "%s: 'type' is not [source type, relation, destination type]",
                        where);
    SN_TRY(read_end(r, src, where, &edge->src_type));
    SN_TRY(read_end(r, dst, where, &edge->dst_type));
    SN_TRY(sn__type_name_check(rel, where));
    (void)snprintf(full, full_bytes, "%s__%s__%s", src, rel, dst);
    if (json_object_get(r->edge_names, full) != NULL)
        return sn__fail(SN_E_FORMAT, "%s: edge type '%.250s' is there twice", where, full);
    if (json_object_set_new(r->edge_names, full, json_true()) != 0)
        return sn__fail(SN_E_NOMEM, "%s: cannot index edge types", r->path);
    SN_TRY(sn__mem_strdup(src, &edge->src));
    SN_TRY(sn__mem_strdup(rel, &edge->rel));
    return sn__mem_strdup(dst, &edge->dst);
}

static sn_status read_edge_files(const reader *r, const json_t *object, const char *where,
                                 sn__import_edge *edge)
{
    json_t *files;
    SN_TRY(sn__json_array(object, "files", where, &files));
    size_t count = json_array_size(files);
    SN_TRY(sn__mem_zalloc(count, sizeof *edge->files, "file names", &edge->files));
    for (size_t i = 0; i < count; i++) {
        const char *name = json_string_value(json_array_get(files, i));
        if (name == NULL)
            return sn__fail(SN_E_FORMAT, "%s: 'files' has something that is no string at %zu",
                            where, i);
        SN_TRY(file_path(r, name, "files", where, &edge->files[edge->num_files]));
        edge->num_files++;
    }
    return SN_OK;
}

static sn_status read_edge_members(const member *m, sn__import_edge *edge)
{
    SN_TRY(read_edge_files(m->reader, m->object, m->where, edge));
    SN_TRY(sn__json_bool_opt(m->object, "undirected", m->where, false, &edge->undirected));
    SN_TRY(sn__json_bool_opt(m->object, "deduplicate", m->where, false, &edge->deduplicate));
    if (edge->undirected && edge->src_type != edge->dst_type)
        return sn__fail(SN_E_FORMAT, "%s: 'undirected' between two node types, %s and %s", m->where,
                        edge->src, edge->dst);
    SN_TRY(read_array(m, "x", &edge->x));
    SN_TRY(read_array(m, "weights", &edge->weights));
    SN_TRY(read_array(m, "times", &edge->times));
    return take_unknown(m->object, edge_keys, m->where, false, m->info);
}

static sn_status read_edge_type(reader *r, size_t place, json_t *object)
{
    char where[WHERE], full[3 * 255 + 5];
    json_t *info = NULL;
    (void)snprintf(where, sizeof where, "%s: edge_types[%zu]", r->path, place);
    if (!json_is_object(object))
        return sn__fail(SN_E_FORMAT, "%s: is not an object", where);
    sn__import_edge *edge = &r->import->edges[r->import->num_edges++];
    SN_TRY(read_edge_name(r, object, where, edge, full, sizeof full));
    member m = { r, object, where, &info };
    sn_status st = read_edge_members(&m, edge);
    return keep_type_info(r, "edge_types", full, info, st);
}

static sn_status read_edge_types(reader *r, const json_t *root)
{
    json_t *types;
    SN_TRY(sn__json_array(root, "edge_types", r->path, &types));
    size_t count = json_array_size(types);
    if (count == 0)
        return sn__fail(SN_E_FORMAT, "%s: 'edge_types' is empty", r->path);
    SN_TRY(sn__mem_zalloc(count, sizeof *r->import->edges, "edge types", &r->import->edges));
    for (size_t i = 0; i < count; i++)
        SN_TRY(read_edge_type(r, i, json_array_get(types, i)));
    return SN_OK;
}

/* -- The rest ---------------------------------------------------------------------------------- */

static sn_status read_links(reader *r, const json_t *root)
{
    char where[WHERE];
    json_t *links, *value;
    const char *name, *file;
    SN_TRY(sn__json_object_opt(root, "links", r->path, &links));
    if (links == NULL)
        return SN_OK;
    (void)snprintf(where, sizeof where, "%s: links", r->path);
    SN_TRY(sn__mem_zalloc(json_object_size(links), sizeof *r->import->links, "links",
                          &r->import->links));
    json_object_foreach(links, name, value)
    {
        sn__import_link *link = &r->import->links[r->import->num_links++];
        SN_TRY(sn__mem_strdup(name, &link->name));
        SN_TRY(sn__json_string(links, name, where, &file));
        SN_TRY(file_path(r, file, name, where, &link->file));
    }
    return SN_OK;
}

static sn_status read_root(reader *r, json_t *root)
{
    const char *format;
    SN_TRY(sn__json_string(root, "format", r->path, &format));
    if (strcmp(format, "seine-import-1") != 0)
        return sn__fail(SN_E_FORMAT, "%s: 'format' is '%.80s', expected 'seine-import-1'", r->path,
                        format);
    SN_TRY(sn__json_int_opt(root, "unlabelled", r->path, INT64_MIN, INT64_MAX, -1,
                            &r->import->unlabelled));
    SN_TRY(take_unknown(root, top_keys, r->path, false, &r->import->info));
    SN_TRY(read_node_types(r, root));
    SN_TRY(read_edge_types(r, root));
    return read_links(r, root);
}

static sn_status directory_of(const char *path, char **out)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return sn__mem_strdup(".", out);
    SN_TRY(sn__mem_strdup(path, out));
    (*out)[slash == path ? 1 : slash - path] = '\0';
    return SN_OK;
}

sn_status sn__import_parse(const char *manifest, sn__import *import)
{
    json_t *root = NULL;
    reader r = { .path = manifest, .import = import };
    import->info = json_object();
    r.node_places = json_object();
    r.edge_names = json_object();
    sn_status st = SN_OK;
    if (import->info == NULL || r.node_places == NULL || r.edge_names == NULL)
        st = sn__fail(SN_E_NOMEM, "%s: out of memory", manifest);
    if (st == SN_OK)
        st = directory_of(manifest, &r.dir);
    if (st == SN_OK)
        st = sn__json_load(manifest, &root);
    if (st == SN_OK)
        st = read_root(&r, root);
    json_decref(root);
    json_decref(r.edge_names);
    json_decref(r.node_places);
    sn__mem_free(r.dir);
    return st;
}

void sn__import_free(sn__import *import)
{
    for (size_t i = 0; i < import->num_nodes; i++) {
        sn__import_node *node = &import->nodes[i];
        sn__mem_free(node->name);
        sn__mem_free(node->x.file);
        sn__mem_free(node->y.file);
        sn__mem_free(node->times.file);
        sn__mem_free(node->names);
        for (int s = 0; s < SN__SPLITS; s++)
            sn__mem_free(node->splits[s]);
    }
    for (size_t i = 0; i < import->num_edges; i++) {
        sn__import_edge *edge = &import->edges[i];
        sn__mem_free(edge->src);
        sn__mem_free(edge->rel);
        sn__mem_free(edge->dst);
        for (size_t f = 0; f < edge->num_files; f++)
            sn__mem_free(edge->files[f]);
        sn__mem_free(edge->files);
        sn__mem_free(edge->x.file);
        sn__mem_free(edge->weights.file);
        sn__mem_free(edge->times.file);
    }
    for (size_t i = 0; i < import->num_links; i++) {
        sn__mem_free(import->links[i].name);
        sn__mem_free(import->links[i].file);
    }
    sn__mem_free(import->nodes);
    sn__mem_free(import->edges);
    sn__mem_free(import->links);
    json_decref(import->info);
    *import = (sn__import){ 0 };
}
