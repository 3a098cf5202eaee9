/* SPDX-License-Identifier: Apache-2.0 */
/* Neighbour sampling over hops and edge types: docs/sampling.md, section 3.2.
 *
 * Invariants  I1  frontier_begin .. frontier_end of a type are the nodes appended in the hop
 *                 before; they do not move while a hop runs, also when that hop appends to the same
 *                 list.
 *             I2  ids in a node list are in range of its type: seeds are checked when the plan is
 *                 made, neighbours by take. The label map relies on it. */
#include "engine/sample/topology.h"

#include "base/mem.h"

#include <string.h>

/* -- Memory ------------------------------------------------------------------------------------ */

static void node_list_deinit(sn__node_list *list)
{
    sn__label_map_deinit(&list->map);
    sn__mem_free(list->ids);
}

static void node_list_begin(sn__node_list *list)
{
    sn__label_map_forget(&list->map, list->count);
    list->count = 0;
}

static sn_status allocate_seeds(sn__topology *t)
{
    const sn_plan *plan = t->plan;
    int64_t most = plan->batch_size < plan->num_input ? plan->batch_size : plan->num_input;
    if (plan->links.on)
        return sn__links_init(&t->links, plan);
    SN_TRY(sn__mem_zalloc((size_t)most, sizeof *t->seeds, "seeds of a batch", &t->seeds));
    return sn__mem_grow(&t->labels, &t->label_capacity, (size_t)most + SN__SLACK, sizeof *t->labels,
                        "labels");
}

static sn_status allocate(sn__topology *t)
{
    const sn_plan *plan = t->plan;
    size_t types = (size_t)plan->num_node_types, hops = (size_t)plan->hops;
    size_t edges = (size_t)plan->num_edge_types;

    SN_TRY(sn__mem_zalloc(types, sizeof *t->nodes, "node lists", &t->nodes));
    SN_TRY(sn__mem_zalloc(edges, sizeof *t->edges, "edge lists", &t->edges));
    SN_TRY(sn__mem_zalloc(types * (hops + 1), sizeof(int64_t), "counts", &t->num_sampled_nodes));
    SN_TRY(sn__mem_zalloc(edges * hops, sizeof(int64_t), "counts", &t->num_sampled_edges));
    SN_TRY(sn__mem_zalloc(types, sizeof(size_t), "frontier", &t->frontier_begin));
    SN_TRY(sn__mem_zalloc(types, sizeof(size_t), "frontier", &t->frontier_end));
    SN_TRY(allocate_seeds(t));
    /* Lists are never without memory: a block without picks still points somewhere. */
    for (int i = 0; i < SN__BLOCKS_UNDER_WAY; i++)
        SN_TRY(sn__block_reserve(&t->blocks[i], SN__BLOCK_ROWS));
    for (size_t i = 0; i < types; i++)
        SN_TRY(sn__label_map_init(&t->nodes[i].map, plan->node_counts[i]));
    for (size_t e = 0; e < edges; e++)
        SN_TRY(
            sn__edge_list_reserve(&t->edges[e], SN__BLOCK_ROWS, SN__BLOCK_ROWS, plan->with_edge));
    return SN_OK;
}

sn_status sn__topology_init(sn__topology *topology, const sn_plan *plan)
{
    *topology = (sn__topology){ .plan = plan };
    sn_status status = allocate(topology);
    if (status != SN_OK)
        sn__topology_deinit(topology);
    return status;
}

sn_status sn__topology_set_threads(sn__topology *t, int32_t threads)
{
    sn__team *team = NULL;
    if (threads > 1)
        SN_TRY(sn__team_create(threads, &team));
    sn__team_release(t->team);
    t->team = team;
    return SN_OK;
}

void sn__topology_deinit(sn__topology *t)
{
    sn__team_release(t->team);
    for (int32_t i = 0; t->nodes != NULL && i < t->plan->num_node_types; i++)
        node_list_deinit(&t->nodes[i]);
    for (int32_t e = 0; t->edges != NULL && e < t->plan->num_edge_types; e++) {
        sn__mem_free(t->edges[e].row);
        sn__mem_free(t->edges[e].picks);
        sn__mem_free(t->edges[e].edge);
    }
    sn__mem_free(t->nodes);
    sn__mem_free(t->edges);
    sn__mem_free(t->num_sampled_nodes);
    sn__mem_free(t->num_sampled_edges);
    sn__mem_free(t->frontier_begin);
    sn__mem_free(t->frontier_end);
    sn__links_deinit(&t->links);
    sn__mem_free(t->seeds);
    sn__mem_free(t->labels);
    for (int i = 0; i < SN__BLOCKS_UNDER_WAY; i++)
        sn__row_block_deinit(&t->blocks[i]);
    sn__pick_set_deinit(&t->set);
    *t = (sn__topology){ 0 };
}

/* -- Sampling ---------------------------------------------------------------------------------- */

static sn_status place_nodes(sn__topology *t, const sn__kernel_ops *ops, uint64_t epoch,
                             int64_t batch)
{
    sn__node_list *list = &t->nodes[t->plan->input_type];
    size_t count;
    sn__plan_seeds(t->plan, ops, epoch, batch, t->seeds, &count);
    SN_TRY(sn__node_list_reserve(list, count));
    ops->relabel(list, t->seeds, count, t->labels);
    return SN_OK;
}

static sn_status place_links(sn__topology *t, const sn__kernel_ops *ops, uint64_t epoch,
                             int64_t batch)
{
    SN_TRY(sn__links_draw(&t->links, t->plan, ops, epoch, batch));
    return sn__links_label(&t->links, t->plan, ops, t->nodes);
}

static sn_status place_seeds(sn__topology *t, const sn__kernel_ops *ops, uint64_t epoch,
                             int64_t batch)
{
    const sn_plan *plan = t->plan;
    SN_TRY(plan->links.on ? place_links(t, ops, epoch, batch) : place_nodes(t, ops, epoch, batch));
    for (int32_t type = 0; type < plan->num_node_types; type++)
        t->num_sampled_nodes[type * (plan->hops + 1)] = (int64_t)t->nodes[type].count;
    return SN_OK;
}

/* A block in each stage, so that what one waits for comes while the others compute. */
static sn_status expand_block(sn__topology *t, const sn__expansion *e, size_t number, int stage)
{
    sn__row_block *block = &t->blocks[number % SN__BLOCKS_UNDER_WAY];
    switch (stage) {
    case 0:
        sn__expand_find(e, number, block);
        e->ops->prefetch_rows(&e->edge->rows, block);
        return SN_OK;
    case 1:
        return sn__expand_draw(e, block, &t->set);
    case 2:
        SN_TRY(sn__edge_list_reserve(e->out, block->count, block->picks, e->with_edge));
        SN_TRY(sn__expand_take(e, block, e->with_edge ? e->out->edge + e->out->count : NULL));
        sn__expand_append(e, block);
        return SN_OK;
    default:
        return sn__expand_label(e, block);
    }
}

static sn_status expand_alone(sn__topology *t, const sn__expansion *e)
{
    size_t blocks = sn__expansion_blocks(e);
    for (size_t step = 0; blocks > 0 && step < blocks + SN__BLOCKS_UNDER_WAY - 1; step++)
        for (int stage = 0; stage < SN__BLOCKS_UNDER_WAY; stage++)
            if (step >= (size_t)stage && step - (size_t)stage < blocks)
                SN_TRY(expand_block(t, e, step - (size_t)stage, stage));
    return SN_OK;
}

static sn_status sample_edge_type(sn__topology *t, const sn__kernel_ops *ops, int32_t edge_type,
                                  const sn__pick_rule *rule)
{
    const sn__plan_edge *edge = &t->plan->edges[edge_type];
    sn__expansion e = { .ops = ops,
                        .edge = edge,
                        .rule = *rule,
                        .from = &t->nodes[edge->from_type],
                        .to = &t->nodes[edge->to_type],
                        .out = &t->edges[edge_type],
                        .begin = t->frontier_begin[edge->from_type],
                        .end = t->frontier_end[edge->from_type],
                        .with_edge = t->plan->with_edge,
                        .progress = t->progress };
    sn_status status = t->team != NULL && sn__team_is_worth(&e) ? sn__team_expand(t->team, &e)
                                                                : expand_alone(t, &e);
    if (status != SN_OK)
        sn_error_context("edge type %s", edge->name);
    return status;
}

static size_t seeds_of(const sn__topology *t, int32_t type)
{
    return (size_t)t->num_sampled_nodes[type * (t->plan->hops + 1)];
}

static sn_status sample_hop(sn__topology *t, const sn__kernel_ops *ops, uint64_t epoch,
                            int64_t batch, int32_t hop)
{
    const sn_plan *plan = t->plan;
    for (int32_t type = 0; type < plan->num_node_types; type++) {
        t->frontier_begin[type] = t->frontier_end[type];
        t->frontier_end[type] = t->nodes[type].count;
    }
    for (int32_t e = 0; e < plan->num_edge_types; e++) {
        size_t before = t->edges[e].count;
        int64_t fanout = plan->fanout[e * plan->hops + hop];
        if (fanout != 0) {
            sn__pick_rule rule = {
                .key = sn__phase_key(plan->seed, epoch, (uint64_t)batch, SN__PURPOSE_UNIFORM,
                                     (uint64_t)hop, (uint64_t)e),
                .fanout = fanout,
                .replace = plan->replace,
            };
            SN_TRY(sample_edge_type(t, ops, e, &rule));
            if (hop == 0 && plan->links.remove)
                sn__links_remove(&t->links, plan, e, seeds_of(t, plan->edges[e].to_type),
                                 &t->edges[e]);
        }
        t->num_sampled_edges[e * plan->hops + hop] = (int64_t)(t->edges[e].count - before);
    }
    for (int32_t type = 0; type < plan->num_node_types; type++)
        t->num_sampled_nodes[type * (plan->hops + 1) + hop + 1] =
            (int64_t)(t->nodes[type].count - t->frontier_end[type]);
    return SN_OK;
}

static void begin_batch(sn__topology *t)
{
    const sn_plan *plan = t->plan;
    for (int32_t type = 0; type < plan->num_node_types; type++) {
        node_list_begin(&t->nodes[type]);
        t->frontier_begin[type] = t->frontier_end[type] = 0;
    }
    for (int32_t e = 0; e < plan->num_edge_types; e++)
        t->edges[e].count = t->edges[e].labelled = t->edges[e].rows = 0;
}

sn_status sn__topology_sample(sn__topology *t, const sn__kernel_ops *ops, uint64_t epoch,
                              int64_t batch)
{
    begin_batch(t);
    SN_TRY(place_seeds(t, ops, epoch, batch));
    for (int32_t hop = 0; hop < t->plan->hops; hop++)
        SN_TRY(sample_hop(t, ops, epoch, batch, hop));
    return SN_OK;
}
