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
#include "engine/sample/sink.h"

#include <string.h>

/* -- Memory ------------------------------------------------------------------------------------ */

static sn_status node_list_init(sn__node_list *list, int64_t nodes)
{
    list->map.size = nodes;
    list->map.base = 1; /* fresh pages are zero: no entry is valid */
    return sn__mem_pages((size_t)nodes * sizeof *list->map.entries, "label map",
                         &list->map.entries);
}

static void node_list_deinit(sn__node_list *list)
{
    sn__mem_pages_free(list->map.entries, (size_t)list->map.size * sizeof *list->map.entries);
    sn__mem_free(list->ids);
}

static sn_status too_many(void)
{
    return sn__fail(SN_E_NOMEM, "batch: more than %d nodes and edges of one type in one step",
                    SN__LABEL_LIMIT);
}

/* Room for `more` nodes; at most one in two of them is written in vain, none is zeroed. */
static sn_status node_list_reserve(sn__node_list *list, size_t more)
{
    if (more > SN__LABEL_LIMIT || list->count + more > SN__LABEL_LIMIT)
        return too_many();
    return sn__mem_grow(&list->ids, &list->capacity, list->count + more + SN__SLACK,
                        sizeof *list->ids, "nodes");
}

/* Forgets the batch before: its labels fall below the new base. */
static void node_list_begin(sn__node_list *list)
{
    list->map.base += (uint32_t)list->count;
    list->count = 0;
    if (list->map.base > SN__LABEL_LIMIT) {
        memset(list->map.entries, 0, (size_t)list->map.size * sizeof *list->map.entries);
        list->map.base = 1;
    }
}

/* Room for `more` edges of `rows` rows. */
static sn_status edge_list_reserve(sn__edge_list *list, size_t rows, size_t more, bool with_edge)
{
    size_t need;
    if (!sn__add_size(list->count + SN__SLACK, more, &need))
        return sn__fail(SN_E_NOMEM, "batch: %zu more edges overflow", more);
    SN_TRY(sn__mem_grow(&list->row, &list->row_capacity, need, sizeof *list->row, "rows"));
    SN_TRY(sn__mem_grow(&list->picks, &list->picks_capacity, list->rows + rows, sizeof *list->picks,
                        "picks of rows"));
    if (with_edge)
        SN_TRY(
            sn__mem_grow(&list->edge, &list->edge_capacity, need, sizeof *list->edge, "edge ids"));
    return SN_OK;
}

static sn_status block_reserve(sn__row_block *block, size_t picks)
{
    return sn__mem_grow(&block->neighbours, &block->capacity, picks + SN__SLACK,
                        sizeof *block->neighbours, "neighbours of a block");
}

static sn_status allocate(sn__topology *t)
{
    const sn_plan *plan = t->plan;
    size_t types = (size_t)plan->num_node_types, hops = (size_t)plan->hops;
    size_t edges = (size_t)plan->num_edge_types;
    int64_t most = plan->batch_size < plan->num_input ? plan->batch_size : plan->num_input;

    SN_TRY(sn__mem_zalloc(types, sizeof *t->nodes, "node lists", &t->nodes));
    SN_TRY(sn__mem_zalloc(edges, sizeof *t->edges, "edge lists", &t->edges));
    SN_TRY(sn__mem_zalloc(types * (hops + 1), sizeof(int64_t), "counts", &t->num_sampled_nodes));
    SN_TRY(sn__mem_zalloc(edges * hops, sizeof(int64_t), "counts", &t->num_sampled_edges));
    SN_TRY(sn__mem_zalloc(types, sizeof(size_t), "frontier", &t->frontier_begin));
    SN_TRY(sn__mem_zalloc(types, sizeof(size_t), "frontier", &t->frontier_end));
    SN_TRY(sn__mem_zalloc((size_t)most, sizeof *t->seeds, "seeds of a batch", &t->seeds));
    SN_TRY(sn__mem_grow(&t->labels, &t->label_capacity, (size_t)most + SN__SLACK, sizeof *t->labels,
                        "labels"));
    /* Lists are never without memory: a block without picks still points somewhere. */
    for (int i = 0; i < SN__BLOCKS_UNDER_WAY; i++)
        SN_TRY(block_reserve(&t->blocks[i], SN__BLOCK_ROWS));
    for (size_t i = 0; i < types; i++)
        SN_TRY(node_list_init(&t->nodes[i], plan->node_counts[i]));
    for (size_t e = 0; e < edges; e++)
        SN_TRY(edge_list_reserve(&t->edges[e], SN__BLOCK_ROWS, SN__BLOCK_ROWS, plan->with_edge));
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

void sn__topology_deinit(sn__topology *t)
{
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
    sn__mem_free(t->seeds);
    sn__mem_free(t->labels);
    for (int i = 0; i < SN__BLOCKS_UNDER_WAY; i++)
        sn__row_block_deinit(&t->blocks[i]);
    sn__pick_set_deinit(&t->set);
    *t = (sn__topology){ 0 };
}

/* -- Sampling ---------------------------------------------------------------------------------- */

static sn_status place_seeds(sn__topology *t, const sn__kernel_ops *ops, uint64_t epoch,
                             int64_t batch)
{
    const sn_plan *plan = t->plan;
    sn__node_list *list = &t->nodes[plan->input_type];
    size_t count;
    sn__plan_seeds(plan, epoch, batch, t->seeds, &count);
    SN_TRY(node_list_reserve(list, count));
    ops->relabel(list, t->seeds, count, t->labels);
    t->distinct_seeds = list->count;
    t->num_sampled_nodes[plan->input_type * (plan->hops + 1)] = (int64_t)list->count;
    return SN_OK;
}

/* One edge type in one hop: its frontier goes through the row ops in blocks, a stage apart, so that what a
 * block waits for comes while the next ones compute. */
typedef struct expansion {
    sn__topology *topology;
    const sn__kernel_ops *ops;
    const sn__plan_edge *edge;
    const sn__pick_rule *rule;
    sn__node_list *from, *to;
    sn__edge_list *out;
    size_t begin, end; /* of the frontier in from->ids */
} expansion;

static sn__row_block *block_of(const expansion *e, size_t number)
{
    return &e->topology->blocks[number % SN__BLOCKS_UNDER_WAY];
}

static sn_status find_block(const expansion *e, size_t number)
{
    sn__row_block *block = block_of(e, number);
    size_t at = e->begin + number * SN__BLOCK_ROWS;
    block->count = e->end - at < SN__BLOCK_ROWS ? e->end - at : SN__BLOCK_ROWS;
    memcpy(block->nodes, e->from->ids + at, block->count * sizeof *block->nodes);
    e->ops->prefetch_rows(&e->edge->rows, block);
    return SN_OK;
}

static sn_status draw_block(const expansion *e, size_t number)
{
    sn__row_block *block = block_of(e, number);
    SN_TRY(e->ops->row_spans(&e->edge->rows, e->rule, block));
    if (block->picks > SN__LABEL_LIMIT)
        return too_many();
    SN_TRY(block_reserve(block, block->picks));
    return e->ops->draw_uniform(&e->edge->rows, e->rule, block, &e->topology->set);
}

static sn_status take_block(const expansion *e, size_t number)
{
    sn__row_block *block = block_of(e, number);
    sn__edge_list *out = e->out;
    bool with_edge = e->topology->plan->with_edge;
    SN_TRY(edge_list_reserve(out, block->count, block->picks, with_edge));
    SN_TRY(e->ops->take(&e->edge->rows, e->rule, block, &e->to->map,
                        with_edge ? out->edge + out->count : NULL));
    for (size_t i = 0; i < block->count; i++)
        out->picks[out->rows + i] = (uint32_t)block->picked[i];
    out->rows += block->count;
    out->count += block->picks;
    return SN_OK;
}

/* The edges of the block are the last but those of the block behind it, which has been taken. */
static sn_status label_block(const expansion *e, size_t number)
{
    sn__row_block *block = block_of(e, number);
    SN_TRY(node_list_reserve(e->to, block->picks)); /* this may move from->ids */
    e->ops->relabel(e->to, block->neighbours, block->picks, e->out->row + e->out->labelled);
    e->out->labelled += block->picks;
    sn__progress_bump(e->topology->progress);
    return SN_OK;
}

static sn_status expand(const expansion *e)
{
    static sn_status (*const stages[SN__BLOCKS_UNDER_WAY])(
        const expansion *, size_t) = { find_block, draw_block, take_block, label_block };
    size_t blocks = (e->end - e->begin + SN__BLOCK_ROWS - 1) / SN__BLOCK_ROWS;
    for (size_t step = 0; blocks > 0 && step < blocks + SN__BLOCKS_UNDER_WAY - 1; step++)
        for (size_t stage = 0; stage < SN__BLOCKS_UNDER_WAY; stage++)
            if (step >= stage && step - stage < blocks)
                SN_TRY(stages[stage](e, step - stage));
    return SN_OK;
}

static sn_status sample_edge_type(sn__topology *t, const sn__kernel_ops *ops, int32_t edge_type,
                                  const sn__pick_rule *rule)
{
    const sn__plan_edge *edge = &t->plan->edges[edge_type];
    expansion e = { .topology = t,
                    .ops = ops,
                    .edge = edge,
                    .rule = rule,
                    .from = &t->nodes[edge->from_type],
                    .to = &t->nodes[edge->to_type],
                    .out = &t->edges[edge_type],
                    .begin = t->frontier_begin[edge->from_type],
                    .end = t->frontier_end[edge->from_type] };
    sn_status status = expand(&e);
    if (status != SN_OK)
        sn_error_context("edge type %s", edge->name);
    return status;
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
        t->num_sampled_nodes[type * (plan->hops + 1)] = 0;
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
