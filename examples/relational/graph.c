/* SPDX-License-Identifier: Apache-2.0 */
/* A plan follows edges in one direction. To have messages in both, the graph gets each relation twice: the
 * rows of rev_X are the columns of X. Both layouts are in the directory already, so the second dataset
 * is a description only: all its arrays are those of the first. */
#include "graph.h"

#include <stdio.h>
#include <string.h>

#include "examples/train/convert.h"
#include "examples/train/report.h"

/* Names of types have 255 bytes at most; "rev_" may come before. */
enum { NAME = 264 };

static sn_source lend(const sn_tensor *tensor)
{
    return tensor == NULL ? (sn_source){ 0 }
                          : (sn_source){ .tensor = *tensor, .keep = SN_KEEP_BORROW };
}

static sn_source lend_ids(const int64_t *ids, int64_t count)
{
    sn_tensor tensor = { .data = (void *)(uintptr_t)ids, /* only read */
                         .dtype = { SN_INT, 64 },
                         .ndim = 1,
                         .shape = { count, 1, 1, 1 } };
    return ids == NULL ? (sn_source){ 0 } : lend(&tensor);
}

/* The edge type whose rows by source are `out`, and by destination `in`. */
static sn_edge_spec lend_edges(const sn_edge_info *edge, const char *relation,
                               const sn_adjacency *out, const sn_adjacency *in)
{
    return (sn_edge_spec){ .src = edge->src,
                           .rel = relation,
                           .dst = edge->dst,
                           .csr_indptr = lend_ids(out->indptr, out->rows + 1),
                           .csr_indices = lend(&out->indices),
                           .csr_edge_ids = lend_ids(out->edge_ids, edge->count),
                           .csc_indptr = lend_ids(in->indptr, in->rows + 1),
                           .csc_indices = lend(&in->indices),
                           .csc_edge_ids = lend_ids(in->edge_ids, edge->count) };
}

/* The only node type with features and labels. */
static bool find_type(const struct graph *graph, const char *directory, int32_t *type)
{
    int32_t found = 0;
    sn_node_info node;
    for (int32_t t = 0; t < sn_dataset_num_node_types(graph->stored); t++) {
        if (sn_dataset_node_type(graph->stored, t, &node) != SN_OK)
            return report_library_error();
        if (node.x == NULL || node.y == NULL)
            continue;
        *type = t;
        found++;
    }
    return found == 1 ||
           report_error("%s: %d node types have features and labels, not one", directory, found);
}

/* The relations of `type` to itself: two edge types each. Room for `reverse` is the caller's. */
static bool list_relations(struct graph *graph, const char *directory, int32_t type,
                           sn_edge_spec *specs, char (*reverse)[NAME])
{
    sn_edge_info edge;
    for (int32_t e = 0; e < sn_dataset_num_edge_types(graph->stored); e++) {
        if (sn_dataset_edge_type(graph->stored, e, &edge) != SN_OK)
            return report_library_error();
        if (edge.src_type != type || edge.dst_type != type)
            continue;
        if (graph->count + 2 > MAX_RELATIONS)
            return report_error("%s: more than %d relations", directory, MAX_RELATIONS / 2);
        if (edge.csr.indptr == NULL || edge.csc.indptr == NULL)
            return report_error("%s: %s lacks one of its two layouts", directory, edge.name);
        char *rev = reverse[graph->count];
        snprintf(rev, NAME, "rev_%s", edge.rel);
        specs[graph->count++] = lend_edges(&edge, edge.rel, &edge.csr, &edge.csc);
        specs[graph->count++] = lend_edges(&edge, rev, &edge.csc, &edge.csr);
    }
    return graph->count > 0 ||
           report_error("%s: no relation of the labelled nodes among themselves", directory);
}

bool graph_open(struct graph *graph, const char *directory)
{
    char reverse[MAX_RELATIONS][NAME];
    sn_edge_spec edges[MAX_RELATIONS];
    sn_edge_info edge;
    sn_node_info node;
    int32_t type = 0;

    *graph = (struct graph){ 0 };
    if (sn_dataset_open(directory, NULL, &graph->stored) != SN_OK)
        return report_library_error();
    if (!find_type(graph, directory, &type) ||
        !list_relations(graph, directory, type, edges, reverse))
        return false;
    if (sn_dataset_node_type(graph->stored, type, &node) != SN_OK)
        return report_library_error();
    sn_node_spec nodes = { .name = node.name,
                           .count = node.count,
                           .x = lend(node.x),
                           .y = lend(node.y),
                           .train = lend(node.train),
                           .val = lend(node.val),
                           .test = lend(node.test) };
    int64_t unlabelled = sn_dataset_unlabelled(graph->stored);
    if (sn_dataset_create(SN_DATASET_SPEC(.num_node_types = 1, .node_types = &nodes,
                                          .num_edge_types = graph->count, .edge_types = edges,
                                          .unlabelled = &unlabelled),
                          &graph->dataset) != SN_OK)
        return report_library_error();
    graph->type = node.name;
    for (int32_t r = 0; r < graph->count; r++) {
        if (sn_dataset_edge_type(graph->dataset, r, &edge) != SN_OK)
            return report_library_error();
        graph->relations[r] = edge.name;
    }
    return true;
}

void graph_close(struct graph *graph)
{
    sn_dataset_release(graph->dataset);
    sn_dataset_release(graph->stored);
    *graph = (struct graph){ 0 };
}

/* -- Batches ----------------------------------------------------------------------------------- */

static const sn_tensor *find(const sn_batch *batch, const char *type, const char *name)
{
    char full[4 * NAME]; /* "src__rel__dst.name" */
    snprintf(full, sizeof(full), "%s.%s", type, name);
    return sn_batch_find(batch, full);
}

const sn_tensor *graph_find(const struct graph *graph, const sn_batch *batch, const char *name)
{
    return find(batch, graph->type, name);
}

/* Counts per hop to counts within hops; returns how many hops. */
static int32_t add_up(const sn_tensor *counts, int64_t *within)
{
    int64_t sum = 0;
    for (int64_t h = 0; h < counts->shape[0]; h++)
        within[h] = sum += ((const int64_t *)counts->data)[h];
    return (int32_t)counts->shape[0];
}

bool graph_read(const struct graph *graph, const sn_batch *batch, struct floats *converted,
                struct model_input *input)
{
    *input = (struct model_input){ .relations = graph->count };
    add_up(graph_find(graph, batch, "num_sampled_nodes"), input->nodes_within);
    for (int32_t r = 0; r < graph->count; r++) {
        const char *name = graph->relations[r];
        input->row[r] = find(batch, name, "row")->data;
        input->col[r] = find(batch, name, "col")->data;
        add_up(find(batch, name, "num_sampled_edges"), input->edges_within[r] + 1);
    }
    const sn_tensor *x = graph_find(graph, batch, "x");
    if (x == NULL)
        return true;
    input->x = x->data;
    if (x->dtype.code == SN_FLOAT && x->dtype.bits == 32)
        return true;
    if (!floats_reserve(converted, sn_tensor_count(x), 1))
        return false;
    convert_floats(x, converted->data);
    input->x = converted->data;
    return true;
}
