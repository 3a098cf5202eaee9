/* SPDX-License-Identifier: Apache-2.0 */
/* Neighbour sampling over hops and edge types: docs/sampling.md, section 3.2. In subgraphs (section 11) the
 * hops' edges are scratch, whose memory the induced ones get.
 *
 * Invariants  I1  frontier_begin .. frontier_end of a type are the nodes appended in the hop
 *                 before; they do not move while a hop runs, also when that hop appends to the same
 *                 list.
 *             I2  ids in a node list are in range of its type: seeds are checked when the plan is
 *                 made, neighbours by take. The label map relies on it. */
#include "engine/sample/topology.h"

#include "base/mem.h"
#include "engine/sample/sink.h"

#include <string.h>

/* -- Memory ------------------------------------------------------------------------------------ */

static void node_list_deinit(sn__node_list *list)
{
    sn__label_map_deinit(&list->map);
    sn__mem_free(list->ids);
}

static sn_status node_list_init(sn__node_list *list, const sn_plan *plan, size_t type)
{
    if (plan->disjoint)
        return sn__label_map_init_table(&list->map); /* of nodes in trees */
    return sn__label_map_init(&list->map, plan->node_counts[type]);
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
    if (plan->disjoint)
        SN_TRY(sn__mem_zalloc((size_t)plan->num_node_types, sizeof *t->trees, "trees", &t->trees));
    if (plan->temporal.on)
        SN_TRY(sn__mem_zalloc(sn__plan_trees(plan, (size_t)most), sizeof *t->tree_times,
                              "times of trees", &t->tree_times));
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
    if (plan->subgraph)
        SN_TRY(sn__induce_init(&t->induce, plan));
    /* Lists are never without memory: a block without picks still points somewhere. */
    for (int i = 0; i < SN__BLOCKS_UNDER_WAY; i++)
        SN_TRY(sn__block_reserve(&t->blocks[i], SN__BLOCK_ROWS));
    for (size_t i = 0; i < types; i++)
        SN_TRY(node_list_init(&t->nodes[i], plan, i));
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
    for (int32_t i = 0; t->trees != NULL && i < t->plan->num_node_types; i++)
        sn__mem_free(t->trees[i].of);
    sn__mem_free(t->trees);
    sn__mem_free(t->tree_times);
    sn__mem_free(t->nodes);
    sn__mem_free(t->edges);
    sn__mem_free(t->num_sampled_nodes);
    sn__mem_free(t->num_sampled_edges);
    sn__mem_free(t->frontier_begin);
    sn__mem_free(t->frontier_end);
    sn__links_deinit(&t->links);
    sn__induce_deinit(&t->induce);
    sn__mem_free(t->seeds);
    sn__mem_free(t->labels);
    for (int i = 0; i < SN__BLOCKS_UNDER_WAY; i++)
        sn__row_block_deinit(&t->blocks[i]);
    sn__pick_set_deinit(&t->set);
    *t = (sn__topology){ 0 };
}

/* -- Sampling ---------------------------------------------------------------------------------- */

/* The time of the seed or pair at a place of the input. */
static int64_t time_at(const sn_plan *plan, int64_t place)
{
    const sn__plan_temporal *temporal = &plan->temporal;
    if (temporal->seed_times != NULL)
        return temporal->seed_times[place];
    if (plan->links.on) /* all edges, by id */
        return temporal->default_times[place];
    return temporal->default_times[plan->input != NULL ? plan->input[place] : place];
}

static sn_status place_nodes(sn__topology *t, const sn__kernel_ops *ops, uint64_t epoch,
                             int64_t batch)
{
    const sn_plan *plan = t->plan;
    sn__node_list *list = &t->nodes[plan->input_type];
    size_t count;
    sn__plan_places(plan, ops, epoch, batch, t->seeds, &count);
    for (size_t i = 0; i < count && plan->temporal.on; i++)
        t->tree_times[i] = time_at(plan, t->seeds[i]);
    sn__plan_seeds_at(plan, t->seeds, count);
    for (size_t i = 0; i < count && plan->disjoint; i++)
        t->seeds[i] = sn__plan_node_in_tree(plan, i, t->seeds[i]);
    SN_TRY(sn__node_list_reserve(list, count));
    ops->relabel(list, t->seeds, count, t->labels);
    if (t->plan->subgraph)
        sn__induce_keep_seeds(&t->induce, list, list->count, count);
    return SN_OK;
}

/* Trees of a pair, and of its negatives, have its time. */
static void date_links(sn__topology *t)
{
    const sn_plan *plan = t->plan;
    const sn__links *links = &t->links;
    size_t pairs = links->pairs, negatives = links->negatives;
    for (size_t i = 0; i < pairs; i++)
        t->tree_times[i] = t->tree_times[pairs + i] = time_at(plan, links->places[i]);
    for (size_t i = 0; i < negatives; i++) {
        int64_t time = t->tree_times[links->pair_of[i]];
        t->tree_times[2 * pairs + i] = time;
        if (plan->links.neg == SN_NEG_BINARY)
            t->tree_times[2 * pairs + negatives + i] = time;
    }
}

static sn_status place_links(sn__topology *t, const sn__kernel_ops *ops, uint64_t epoch,
                             int64_t batch)
{
    SN_TRY(sn__links_draw(&t->links, t->plan, ops, epoch, batch));
    if (t->plan->temporal.on)
        date_links(t);
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
                        .with_edge = t->plan->with_edge && !t->plan->subgraph,
                        .tree_shift = t->plan->tree_shift,
                        .tree_times = t->tree_times,
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

/* How the rows of an edge type are sampled in a hop. */
static sn__pick_rule rule_of(const sn_plan *plan, uint64_t epoch, int64_t batch, int32_t hop,
                             int32_t edge_type)
{
    uint64_t purpose = SN__PURPOSE_UNIFORM, of = (uint64_t)edge_type, layer = (uint64_t)hop;
    sn__pick_rule rule = { .fanout = plan->fanout[edge_type * plan->hops + hop],
                           .replace = plan->replace,
                           .window = plan->temporal.window };
    if (plan->weighted) {
        rule.pick = SN__PICK_WEIGHTED;
        purpose = SN__PURPOSE_WEIGHTED;
    } else if (plan->labor) {
        rule.pick = SN__PICK_LABOR;
        purpose = SN__PURPOSE_LABOR;
        of = (uint64_t)plan->edges[edge_type].to_type;
        layer = plan->layer_dependent ? 0 : layer;
    } else if (plan->temporal.last) {
        rule.pick = SN__PICK_LAST;
    }
    rule.key = sn__phase_key(plan->seed, epoch, (uint64_t)batch, purpose, layer, of);
    return rule;
}

static sn_status sample_rows(sn__topology *t, const sn__kernel_ops *ops, const sn__pick_rule *rule,
                             int32_t hop, int32_t e)
{
    const sn_plan *plan = t->plan;
    const sn__plan_edge *edge = &plan->edges[e];
    const sn__hop_edges added = { .edge_type = e,
                                  .row = t->edges[e].rows,
                                  .edge = t->edges[e].count,
                                  .from = t->frontier_begin[edge->from_type],
                                  .seeds = seeds_of(t, edge->to_type),
                                  .from_nodes = &t->nodes[edge->from_type],
                                  .to_nodes = &t->nodes[edge->to_type],
                                  .list = &t->edges[e] };
    SN_TRY(sample_edge_type(t, ops, e, rule));
    if (plan->links.remove && (hop == 0 || plan->disjoint))
        sn__links_remove(&t->links, plan, &added);
    return SN_OK;
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
        sn__pick_rule rule = rule_of(plan, epoch, batch, hop, e);
        if (rule.fanout != 0)
            SN_TRY(sample_rows(t, ops, &rule, hop, e));
        t->num_sampled_edges[e * plan->hops + hop] = (int64_t)(t->edges[e].count - before);
    }
    for (int32_t type = 0; type < plan->num_node_types; type++)
        t->num_sampled_nodes[type * (plan->hops + 1) + hop + 1] =
            (int64_t)(t->nodes[type].count - t->frontier_end[type]);
    return SN_OK;
}

/* Nodes in trees become nodes, and trees. */
static sn_status part_trees(sn__topology *t)
{
    const sn_plan *plan = t->plan;
    for (int32_t type = 0; type < plan->num_node_types; type++) {
        const sn__node_list *list = &t->nodes[type];
        struct sn__trees *trees = &t->trees[type];
        SN_TRY(sn__mem_grow(&trees->of, &trees->capacity, list->count, sizeof *trees->of, "trees"));
        for (size_t i = 0; i < list->count; i++) {
            trees->of[i] = (uint32_t)(list->ids[i] >> plan->tree_shift);
            list->ids[i] = sn__plan_node_of(plan, list->ids[i]);
        }
    }
    return SN_OK;
}

/* The hops decided the nodes alone. */
static sn_status induce(sn__topology *t, const sn__kernel_ops *ops)
{
    const sn_plan *plan = t->plan;
    for (int32_t type = 0; type < plan->num_node_types; type++) {
        SN_TRY(sn__induce_sort(&t->induce, ops, &t->nodes[type]));
        sn__progress_bump(t->progress);
    }
    ops->lookup(&t->nodes[plan->input_type].map, t->seeds, t->induce.inputs, t->labels);
    for (int32_t i = 0; i < plan->num_edge_types; i++) {
        const sn__plan_edge *edge = &plan->edges[i];
        const sn__expansion e = { .ops = ops,
                                  .edge = edge,
                                  .from = &t->nodes[edge->from_type],
                                  .to = &t->nodes[edge->to_type],
                                  .out = &t->edges[i],
                                  .with_edge = plan->with_edge,
                                  .progress = t->progress };
        sn_status status = sn__induce_edges(&t->induce, &e);
        if (status != SN_OK) {
            sn_error_context("edge type %s", edge->name);
            return status;
        }
    }
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
    if (t->plan->subgraph)
        return induce(t, ops);
    return t->plan->disjoint ? part_trees(t) : SN_OK;
}
