/* SPDX-License-Identifier: Apache-2.0 */
/* Which tensors a batch of a plan has, in order, and their names: docs/sampling.md, sections 3.4
 * and 4. The list depends on the plan alone, so it is made once. */
#include "engine/sample/plan.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

static const char *const kind_names[SN__NUM_KINDS] = {
    [SN__NODE] = "node",
    [SN__ROW] = "row",
    [SN__COL] = "col",
    [SN__EDGE] = "edge",
    [SN__X] = "x",
    [SN__EDGE_ATTR] = "edge_attr",
    [SN__Y] = "y",
    [SN__BATCH] = "batch",
    [SN__NUM_SAMPLED_NODES] = "num_sampled_nodes",
    [SN__NUM_SAMPLED_EDGES] = "num_sampled_edges",
};

/* Whether tensors of this kind exist for this type, and where their rows come from. */
static sn_status is_present(const sn_plan *plan, sn__tensor_kind kind, int32_t type, bool *present,
                            const sn_tensor **source)
{
    sn_node_info node = { 0 };
    sn_edge_info edge = { 0 };
    if (sn__kind_is_edges(kind))
        SN_TRY(sn_dataset_edge_type(plan->dataset, type, &edge));
    else
        SN_TRY(sn_dataset_node_type(plan->dataset, type, &node));

    *source = NULL;
    *present = true;
    bool of_seeds = type == plan->input_type;
    switch (kind) {
    case SN__EDGE:
        *present = plan->with_edge;
        break;
    case SN__X:
        *source = node.x;
        *present = plan->features && node.x != NULL;
        break;
    case SN__EDGE_ATTR:
        *source = edge.x;
        *present = plan->features && plan->with_edge && edge.x != NULL;
        break;
    case SN__Y:
        *source = node.y;
        *present = node.y != NULL &&
                   (plan->labels == SN_LABELS_ALL || (plan->labels == SN_LABELS_SEEDS && of_seeds));
        break;
    case SN__BATCH:
        *present = of_seeds;
        break;
    default:
        break;
    }
    return SN_OK;
}

static sn_status format_name(char **out, const char *prefix, const char *kind)
{
    char *name;
    size_t bytes = strlen(prefix) + strlen(kind) + 2;
    SN_TRY(sn__mem_zalloc(bytes, 1, "tensor name", &name));
    snprintf(name, bytes, "%s%s%s", prefix, prefix[0] != '\0' ? "." : "", kind);
    *out = name;
    return SN_OK;
}

/* The edge type under which edges are delivered: with `out`, messages flow against the edge. */
static sn_status delivered_name(const sn_edge_info *info, bool reversed, char **out)
{
    const char *src = reversed ? info->dst : info->src, *dst = reversed ? info->src : info->dst;
    const char *rel = info->rel, *mark = "";
    if (reversed && info->src_type != info->dst_type) {
        if (strncmp(rel, "rev_", 4) == 0 && rel[4] != '\0')
            rel += 4;
        else
            mark = "rev_";
    }
    char *name;
    size_t bytes = strlen(src) + strlen(mark) + strlen(rel) + strlen(dst) + 5;
    SN_TRY(sn__mem_zalloc(bytes, 1, "edge type name", &name));
    snprintf(name, bytes, "%s__%s%s__%s", src, mark, rel, dst);
    *out = name;
    return SN_OK;
}

/* Delivered names of all edge types; two equal ones are an error. Freed by free_prefixes. */
static void free_prefixes(char **prefixes, int32_t count)
{
    for (int32_t i = 0; prefixes != NULL && i < count; i++)
        sn__mem_free(prefixes[i]);
    sn__mem_free(prefixes);
}

static sn_status edge_prefixes(const sn_plan *plan, char **prefixes)
{
    for (int32_t e = 0; e < plan->num_edge_types; e++) {
        sn_edge_info info;
        SN_TRY(sn_dataset_edge_type(plan->dataset, e, &info));
        SN_TRY(delivered_name(&info, plan->dir == SN_DIR_OUT, &prefixes[e]));
        for (int32_t before = 0; before < e; before++)
            if (strcmp(prefixes[before], prefixes[e]) == 0)
                return sn__fail(SN_E_INVALID,
                                "plan: edge types %s and %s would both be delivered as %s",
                                plan->edges[before].name, plan->edges[e].name, prefixes[e]);
    }
    return SN_OK;
}

static sn_status add_tensor(sn_plan *plan, sn__tensor_kind kind, int32_t type,
                            char *const *edge_names)
{
    sn__tensor_spec *spec = &plan->tensors[plan->num_tensors];
    bool present;
    SN_TRY(is_present(plan, kind, type, &present, &spec->source));
    if (!present)
        return SN_OK;
    const char *prefix = "";
    if (!sn_dataset_is_homogeneous(plan->dataset)) {
        sn_node_info info = { 0 };
        if (!sn__kind_is_edges(kind))
            SN_TRY(sn_dataset_node_type(plan->dataset, type, &info));
        prefix = sn__kind_is_edges(kind) ? edge_names[type] : info.name;
    }
    spec->kind = kind;
    spec->type = type;
    SN_TRY(format_name(&spec->name, prefix, kind_names[kind]));
    plan->num_tensors++;
    return SN_OK;
}

static sn_status add_all(sn_plan *plan, char *const *edge_names)
{
    for (int kind = 0; kind < SN__NUM_KINDS; kind++) {
        int32_t types =
            sn__kind_is_edges((sn__tensor_kind)kind) ? plan->num_edge_types : plan->num_node_types;
        for (int32_t type = 0; type < types; type++)
            SN_TRY(add_tensor(plan, (sn__tensor_kind)kind, type, edge_names));
    }
    return SN_OK;
}

sn_status sn__plan_list_tensors(sn_plan *plan)
{
    size_t edges = (size_t)plan->num_edge_types;
    size_t most = SN__NUM_KINDS *
                  (edges > (size_t)plan->num_node_types ? edges : (size_t)plan->num_node_types);
    char **names = NULL;
    SN_TRY(sn__mem_zalloc(most, sizeof *plan->tensors, "tensor list", &plan->tensors));
    SN_TRY(sn__mem_zalloc(edges, sizeof *names, "edge type names", &names));
    sn_status status = edge_prefixes(plan, names);
    if (status == SN_OK)
        status = add_all(plan, names);
    free_prefixes(names, plan->num_edge_types);
    return status;
}

size_t sn__tensor_rows(const sn_plan *plan, const sn__tensor_spec *spec, size_t of_type,
                       size_t seeds)
{
    switch (spec->kind) {
    case SN__BATCH:
        return seeds;
    case SN__Y:
        return plan->labels == SN_LABELS_SEEDS ? seeds : of_type;
    case SN__NUM_SAMPLED_NODES:
        return (size_t)plan->hops + 1;
    case SN__NUM_SAMPLED_EDGES:
        return (size_t)plan->hops;
    default:
        return of_type;
    }
}
