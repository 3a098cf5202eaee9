/* SPDX-License-Identifier: Apache-2.0 */
/* Which tensors a batch of a plan has, in order, and their names: docs/sampling.md, sections 3.4,
 * 4, 6.4, 8 and 11. The list depends on the plan alone, so it is made once. */
#include "engine/sample/plan.h"

#include "base/mem.h"
#include "base/tensor.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    sn__per per;
} kinds[SN__NUM_KINDS] = {
    [SN__NODE] = { "node", SN__PER_NODE_TYPE },
    [SN__ROW] = { "row", SN__PER_EDGE_TYPE },
    [SN__COL] = { "col", SN__PER_EDGE_TYPE },
    [SN__EDGE] = { "edge", SN__PER_EDGE_TYPE },
    [SN__X] = { "x", SN__PER_NODE_TYPE },
    [SN__EDGE_ATTR] = { "edge_attr", SN__PER_EDGE_TYPE },
    [SN__Y] = { "y", SN__PER_NODE_TYPE },
    [SN__BATCH] = { "batch", SN__PER_NODE_TYPE },
    [SN__NUM_SAMPLED_NODES] = { "num_sampled_nodes", SN__PER_NODE_TYPE },
    [SN__NUM_SAMPLED_EDGES] = { "num_sampled_edges", SN__PER_EDGE_TYPE },
    [SN__EDGE_LABEL_INDEX] = { "edge_label_index", SN__PER_LINKS },
    [SN__EDGE_LABEL] = { "edge_label", SN__PER_LINKS },
    [SN__SRC_INDEX] = { "src_index", SN__PER_LINKS },
    [SN__DST_POS_INDEX] = { "dst_pos_index", SN__PER_LINKS },
    [SN__DST_NEG_INDEX] = { "dst_neg_index", SN__PER_LINKS },
    [SN__MAPPING] = { "mapping", SN__PER_NODE_TYPE },
    [SN__TREE] = { "tree", SN__PER_NODE_TYPE },
    [SN__NEG_MASK] = { "neg_mask", SN__PER_LINKS },
    [SN__NUM_NEG_DROPPED] = { "num_neg_dropped", SN__PER_LINKS },
};

/* -- What there is ----------------------------------------------------------------------------- */

static bool is_of_links(const sn__plan_links *links, sn__tensor_kind kind)
{
    switch (kind) {
    case SN__EDGE_LABEL_INDEX:
        return links->neg != SN_NEG_TRIPLET;
    case SN__EDGE_LABEL:
        return links->neg == SN_NEG_BINARY || links->labels.dtype.bits != 0;
    case SN__NUM_NEG_DROPPED:
        return links->neg == SN_NEG_BINARY;
    default:
        return links->neg == SN_NEG_TRIPLET;
    }
}

/* Whether tensors of this kind exist for this type, and where their rows come from. */
static sn_status is_present(const sn_plan *plan, sn__tensor_kind kind, int32_t type, bool *present,
                            const sn_tensor **source)
{
    sn_node_info node = { 0 };
    sn_edge_info edge = { 0 };
    *source = NULL;
    *present = true;
    if (kinds[kind].per == SN__PER_LINKS) {
        *present = is_of_links(&plan->links, kind);
        return SN_OK;
    }
    if (kinds[kind].per == SN__PER_EDGE_TYPE)
        SN_TRY(sn_dataset_edge_type(plan->dataset, type, &edge));
    else
        SN_TRY(sn_dataset_node_type(plan->dataset, type, &node));

    bool of_seeds = sn__plan_has_seeds(plan, type);
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
    case SN__TREE:
        *present = plan->disjoint;
        break;
    case SN__MAPPING:
        *present = plan->subgraph && of_seeds;
        break;
    case SN__NUM_SAMPLED_NODES:
    case SN__NUM_SAMPLED_EDGES:
        *present = !plan->subgraph;
        break;
    default:
        break;
    }
    return SN_OK;
}

/* Type and shape; what varies is 1. */
static void describe(const sn_plan *plan, sn__tensor_spec *spec)
{
    const sn__plan_links *links = &plan->links;
    sn_tensor *like = &spec->like;
    *like = (sn_tensor){ .dtype = plan->index_dtype, .ndim = 1, .shape = { 1, 1, 1, 1 } };
    if (spec->source != NULL) {
        *like = sn__tensor_make(NULL, spec->source->dtype, spec->source->ndim, spec->source->shape);
        like->shape[0] = 1;
    }
    if (spec->kind == SN__EDGE_LABEL)
        like->dtype =
            links->labels.dtype.bits != 0 ? links->labels.dtype : (sn_dtype){ SN_FLOAT, 32 };
    if (spec->kind == SN__NEG_MASK)
        like->dtype = (sn_dtype){ SN_UINT, 8 };
    if (spec->kind == SN__EDGE_LABEL_INDEX) {
        like->ndim = 2;
        like->shape[0] = 2;
        spec->vary = 1;
    }
    if ((spec->kind == SN__DST_NEG_INDEX || spec->kind == SN__NEG_MASK) && links->per_pair > 1) {
        like->ndim = 2;
        like->shape[1] = (int64_t)links->per_pair;
    }
}

/* -- Names ------------------------------------------------------------------------------------- */

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

/* What a name begins with; in a homogeneous dataset "". BORROWED. */
static sn_status prefix_of(const sn_plan *plan, sn__per per, int32_t type, char *const *edge_names,
                           const char **out)
{
    sn_node_info info = { 0 };
    *out = "";
    if (sn_dataset_is_homogeneous(plan->dataset))
        return SN_OK;
    if (per == SN__PER_NODE_TYPE)
        SN_TRY(sn_dataset_node_type(plan->dataset, type, &info));
    *out = per == SN__PER_NODE_TYPE   ? info.name
           : per == SN__PER_EDGE_TYPE ? edge_names[type]
                                      : plan->edges[type].name; /* links keep their direction */
    return SN_OK;
}

/* -- The list ---------------------------------------------------------------------------------- */

static sn_status add_tensor(sn_plan *plan, sn__tensor_kind kind, int32_t type,
                            char *const *edge_names)
{
    sn__tensor_spec *spec = &plan->tensors[plan->num_tensors];
    bool present;
    SN_TRY(is_present(plan, kind, type, &present, &spec->source));
    if (!present)
        return SN_OK;
    const char *prefix;
    SN_TRY(prefix_of(plan, kinds[kind].per, type, edge_names, &prefix));
    spec->kind = kind;
    spec->per = kinds[kind].per;
    spec->type = type;
    describe(plan, spec);
    SN_TRY(format_name(&spec->name, prefix, kinds[kind].name));
    plan->num_tensors++;
    return SN_OK;
}

static sn_status add_all(sn_plan *plan, char *const *edge_names)
{
    for (int kind = 0; kind < SN__NUM_KINDS; kind++) {
        int32_t first = 0, end = 0;
        if (kinds[kind].per == SN__PER_NODE_TYPE)
            end = plan->num_node_types;
        else if (kinds[kind].per == SN__PER_EDGE_TYPE)
            end = plan->num_edge_types;
        else if (plan->links.on)
            first = plan->links.edge_type, end = first + 1;
        for (int32_t type = first; type < end; type++)
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

/* -- Lengths ----------------------------------------------------------------------------------- */

int64_t sn__tensor_fixed_length(const sn_plan *plan, const sn__tensor_spec *spec)
{
    switch (spec->kind) {
    case SN__NUM_SAMPLED_NODES:
        return plan->hops + 1;
    case SN__NUM_SAMPLED_EDGES:
        return plan->hops;
    case SN__NUM_NEG_DROPPED:
        return 1;
    default:
        return -1;
    }
}

size_t sn__tensor_length(const sn_plan *plan, const sn__tensor_spec *spec, const sn__lengths *of)
{
    switch (spec->kind) {
    case SN__BATCH:
        return of->seeds;
    case SN__MAPPING:
        return of->inputs;
    case SN__Y:
        return plan->labels == SN_LABELS_SEEDS ? of->seeds : of->of_type;
    case SN__EDGE_LABEL_INDEX:
    case SN__EDGE_LABEL:
        return of->pairs + of->negatives;
    case SN__SRC_INDEX:
    case SN__DST_POS_INDEX:
    case SN__DST_NEG_INDEX:
    case SN__NEG_MASK:
        return of->pairs;
    default:
        break;
    }
    int64_t fixed = sn__tensor_fixed_length(plan, spec);
    return fixed >= 0 ? (size_t)fixed : of->of_type;
}
