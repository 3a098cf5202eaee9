/* SPDX-License-Identifier: Apache-2.0 */
/* Links of a batch: docs/sampling.md, section 6. */
#include "engine/sample/links.h"

#include "base/mem.h"

#include <string.h>

/* -- Memory ------------------------------------------------------------------------------------ */

static sn_status allocate(sn__links *links, const sn_plan *plan, size_t pairs)
{
    size_t negatives = sn__plan_negatives(plan, pairs), all = pairs + negatives + SN__SLACK;
    SN_TRY(sn__mem_zalloc(pairs, sizeof *links->places, "links", &links->places));
    SN_TRY(sn__mem_zalloc(all, sizeof *links->src, "sources", &links->src));
    SN_TRY(sn__mem_zalloc(all, sizeof *links->dst, "destinations", &links->dst));
    SN_TRY(sn__mem_zalloc(all, sizeof *links->src_label, "sources", &links->src_label));
    SN_TRY(sn__mem_zalloc(all, sizeof *links->dst_label, "destinations", &links->dst_label));
    SN_TRY(sn__mem_zalloc(negatives, 1, "negatives", &links->failed));
    if (plan->temporal.on)
        SN_TRY(sn__mem_zalloc(negatives, sizeof *links->pair_of, "negatives", &links->pair_of));
    if (!plan->links.remove)
        return SN_OK;
    for (links->slots = 1; links->slots < 2 * pairs; links->slots *= 2)
        continue;
    return sn__mem_zalloc(links->slots, sizeof *links->set, "pairs to leave out", &links->set);
}

sn_status sn__links_init(sn__links *links, const sn_plan *plan)
{
    int64_t most = plan->batch_size < plan->num_input ? plan->batch_size : plan->num_input;
    *links = (sn__links){ 0 };
    sn_status status = allocate(links, plan, (size_t)most);
    if (status != SN_OK)
        sn__links_deinit(links);
    return status;
}

void sn__links_deinit(sn__links *links)
{
    sn__mem_free(links->places);
    sn__mem_free(links->src);
    sn__mem_free(links->dst);
    sn__mem_free(links->src_label);
    sn__mem_free(links->dst_label);
    sn__mem_free(links->failed);
    sn__mem_free(links->pair_of);
    sn__mem_free(links->set);
    *links = (sn__links){ 0 };
}

/* -- Drawing ----------------------------------------------------------------------------------- */

static sn_status find_pairs(sn__links *links, const sn_plan *plan, const sn__kernel_ops *ops)
{
    const int64_t *places = links->places, *input = plan->input;
    if (!plan->links.all) {
        for (size_t i = 0; i < links->pairs; i++) { /* all of these reads at once */
            links->src[i] = input[places[i]];
            links->dst[i] = input[plan->num_input + places[i]];
        }
        return SN_OK;
    }
    bool in = plan->dir == SN_DIR_IN;
    int64_t *positions = in ? links->src : links->dst; /* the neighbours come in their place */
    for (size_t i = 0; i < links->pairs; i++)
        positions[i] = input != NULL ? input[places[i]] : places[i];
    return ops->edge_ends(&plan->edges[plan->links.edge_type].rows, positions, links->pairs,
                          in ? links->dst : links->src, positions);
}

/* Closes the gaps that binary negatives without an answer have left. */
static void drop_failed(sn__links *links)
{
    int64_t *src = links->src + links->pairs, *dst = links->dst + links->pairs;
    size_t kept = 0;
    for (size_t i = 0; i < links->negatives; i++) {
        src[kept] = src[i];
        dst[kept] = dst[i];
        if (links->pair_of != NULL)
            links->pair_of[kept] = links->pair_of[i];
        kept += links->failed[i] == 0;
    }
    links->dropped = links->negatives - kept;
    links->negatives = kept;
}

static sn_status draw_negatives(sn__links *links, const sn_plan *plan, const sn__kernel_ops *ops,
                                uint64_t epoch, int64_t batch)
{
    const sn__plan_links *of = &plan->links;
    const sn__neg_rule rule = {
        .key = sn__phase_key(plan->seed, epoch, (uint64_t)batch, SN__PURPOSE_NEGATIVES, 0,
                             (uint64_t)of->edge_type),
        .sources = plan->node_counts[of->src_type],
        .destinations = plan->node_counts[of->dst_type],
        .pairs = links->pairs,
        .per_pair = of->per_pair,
        .tries = of->non_strict ? 0 : (uint32_t)of->tries,
        .by_degree = of->by_degree,
        .in = plan->dir == SN_DIR_IN,
    };
    links->negatives = sn__plan_negatives(plan, links->pairs);
    SN_TRY(ops->negatives(&plan->edges[of->edge_type].rows, &rule, links->src, links->negatives,
                          links->src + links->pairs, links->dst + links->pairs, links->failed));
    for (size_t i = 0; i < links->negatives && links->pair_of != NULL; i++)
        links->pair_of[i] = (uint32_t)(of->per_pair > 0 ? i / of->per_pair : i % links->pairs);
    if (of->neg == SN_NEG_BINARY)
        drop_failed(links);
    return SN_OK;
}

sn_status sn__links_draw(sn__links *links, const sn_plan *plan, const sn__kernel_ops *ops,
                         uint64_t epoch, int64_t batch)
{
    links->negatives = links->dropped = 0;
    sn__plan_places(plan, ops, epoch, batch, links->places, &links->pairs);
    sn_status status = find_pairs(links, plan, ops);
    if (status == SN_OK && plan->links.neg != SN_NEG_NONE)
        status = draw_negatives(links, plan, ops, epoch, batch);
    if (status != SN_OK)
        sn_error_context("edge type %s", plan->edges[plan->links.edge_type].name);
    return status;
}

/* -- Labelling --------------------------------------------------------------------------------- */

static sn_status label(const sn__kernel_ops *ops, sn__node_list *list, const int64_t *ids,
                       size_t count, uint32_t *labels)
{
    SN_TRY(sn__node_list_reserve(list, count));
    ops->relabel(list, ids, count, labels);
    return SN_OK;
}

/* An end as it is compared: by local id, or, where a node has one in each tree, by node id. */
static uint64_t end_of(const sn_plan *plan, const int64_t *ids, const uint32_t *labels, size_t i)
{
    return plan->disjoint ? (uint64_t)sn__plan_node_of(plan, ids[i]) : labels[i];
}

/* The slot of the pair with these ends, or the free one where it belongs. */
static size_t slot_of(const sn__links *links, const sn_plan *plan, uint64_t src, uint64_t dst)
{
    size_t at = (size_t)sn__mix64(sn__mix64(src) + dst) & (links->slots - 1);
    for (; links->set[at] != UINT32_MAX; at = (at + 1) & (links->slots - 1))
        if (end_of(plan, links->src, links->src_label, links->set[at]) == src &&
            end_of(plan, links->dst, links->dst_label, links->set[at]) == dst)
            break;
    return at;
}

static void fill_set(sn__links *links, const sn_plan *plan)
{
    memset(links->set, 0xff, links->slots * sizeof *links->set);
    for (size_t i = 0; i < links->pairs; i++) {
        uint64_t src = end_of(plan, links->src, links->src_label, i);
        uint64_t dst = end_of(plan, links->dst, links->dst_label, i);
        links->set[slot_of(links, plan, src, dst)] = (uint32_t)i;
    }
}

static void put_into_trees(const sn_plan *plan, int64_t *ids, size_t count, size_t *tree)
{
    for (size_t i = 0; i < count; i++)
        ids[i] = sn__plan_node_in_tree(plan, (*tree)++, ids[i]);
}

sn_status sn__links_label(sn__links *links, const sn_plan *plan, const sn__kernel_ops *ops,
                          sn__node_list *nodes)
{
    sn__node_list *sources = &nodes[plan->links.src_type],
                  *destinations = &nodes[plan->links.dst_type];
    size_t n = links->pairs, tree = 0;
    if (plan->disjoint) { /* every end has a tree of its own */
        put_into_trees(plan, links->src, n, &tree);
        put_into_trees(plan, links->dst, n, &tree);
        if (plan->links.neg == SN_NEG_BINARY)
            put_into_trees(plan, links->src + n, links->negatives, &tree);
        put_into_trees(plan, links->dst + n, links->negatives, &tree);
    }
    SN_TRY(label(ops, sources, links->src, n, links->src_label));
    SN_TRY(label(ops, destinations, links->dst, n, links->dst_label));
    if (plan->links.neg == SN_NEG_BINARY)
        SN_TRY(label(ops, sources, links->src + n, links->negatives, links->src_label + n));
    SN_TRY(label(ops, destinations, links->dst + n, links->negatives, links->dst_label + n));
    if (links->set != NULL)
        fill_set(links, plan);
    return SN_OK;
}

/* -- Edges that are left out ------------------------------------------------------------------- */

/* `from` is the node that was sampled for. */
static bool is_removed(const sn__links *links, const sn_plan *plan, int removed, uint64_t from,
                       uint64_t to)
{
    bool in = plan->dir == SN_DIR_IN;
    uint64_t src = in ? to : from, dst = in ? from : to;
    if ((removed & SN__REMOVE_PAIRS) != 0 &&
        links->set[slot_of(links, plan, src, dst)] != UINT32_MAX)
        return true;
    return (removed & SN__REMOVE_BACK) != 0 &&
           links->set[slot_of(links, plan, dst, src)] != UINT32_MAX;
}

/* A node as its ends are compared. */
static uint64_t node_of(const sn_plan *plan, const sn__node_list *list, size_t label)
{
    return plan->disjoint ? (uint64_t)sn__plan_node_of(plan, list->ids[label]) : label;
}

void sn__links_remove(const sn__links *links, const sn_plan *plan, const sn__hop_edges *hop)
{
    int removed = plan->edges[hop->edge_type].removed;
    sn__edge_list *edges = hop->list;
    size_t at = hop->edge, kept = hop->edge;
    if (removed == 0)
        return;
    for (size_t i = hop->row; i < edges->rows; i++) {
        uint64_t from = node_of(plan, hop->from_nodes, hop->from + i - hop->row);
        size_t before = kept;
        for (size_t end = at + edges->picks[i]; at < end; at++) {
            uint32_t to = edges->row[at];
            if ((plan->disjoint || to < hop->seeds) &&
                is_removed(links, plan, removed, from, node_of(plan, hop->to_nodes, to)))
                continue;
            edges->row[kept] = to;
            if (plan->with_edge)
                edges->edge[kept] = edges->edge[at];
            kept++;
        }
        edges->picks[i] = (uint32_t)(kept - before);
    }
    edges->count = edges->labelled = kept;
}
