/* SPDX-License-Identifier: Apache-2.0 */
/* Neighbour sampling over hops and edge types: docs/sampling.md, section 3.2.
 *
 * Invariants  I1  frontier_begin .. frontier_end of a type are the nodes appended in the hop
 *                 before; they do not move while a hop runs, also when that hop appends to the same
 *                 list.
 *             I2  ids in a node list are in range of its type: seeds are checked when the plan is
 *                 made, neighbours by pick_uniform. The label map relies on it. */
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

/* Room for `more` nodes; at most one in two of them is written in vain, none is zeroed. */
static sn_status node_list_reserve(sn__node_list *list, size_t more)
{
    if (more > SN__LABEL_LIMIT || list->count + more > SN__LABEL_LIMIT)
        return sn__fail(SN_E_NOMEM, "batch: more than %d nodes and edges of one type in one step",
                        SN__LABEL_LIMIT);
    return sn__mem_grow(&list->ids, &list->capacity, list->count + more, sizeof *list->ids,
                        "nodes");
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

static sn_status edge_list_reserve(sn__edge_list *list, size_t more, bool with_edge)
{
    size_t need;
    if (!sn__add_size(list->count, more, &need))
        return sn__fail(SN_E_NOMEM, "batch: %zu more edges overflow", more);
    SN_TRY(sn__mem_grow(&list->row, &list->row_capacity, need, sizeof *list->row, "rows"));
    SN_TRY(sn__mem_grow(&list->col, &list->col_capacity, need, sizeof *list->col, "columns"));
    if (with_edge)
        SN_TRY(
            sn__mem_grow(&list->edge, &list->edge_capacity, need, sizeof *list->edge, "edge ids"));
    return SN_OK;
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
    SN_TRY(sn__mem_grow(&t->labels, &t->label_capacity, (size_t)most + 1, sizeof *t->labels,
                        "labels"));
    /* Lists are never without memory: a block without picks still points somewhere. */
    SN_TRY(sn__mem_grow(&t->neighbours, &t->neighbour_capacity, SN__BLOCK_ROWS,
                        sizeof *t->neighbours, "neighbours of a block"));
    for (size_t i = 0; i < types; i++)
        SN_TRY(node_list_init(&t->nodes[i], plan->node_counts[i]));
    for (size_t e = 0; e < edges; e++)
        SN_TRY(edge_list_reserve(&t->edges[e], SN__BLOCK_ROWS, plan->with_edge));
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
        sn__mem_free(t->edges[e].col);
        sn__mem_free(t->edges[e].edge);
    }
    sn__mem_free(t->nodes);
    sn__mem_free(t->edges);
    sn__mem_free(t->num_sampled_nodes);
    sn__mem_free(t->num_sampled_edges);
    sn__mem_free(t->frontier_begin);
    sn__mem_free(t->frontier_end);
    sn__mem_free(t->seeds);
    sn__mem_free(t->neighbours);
    sn__mem_free(t->labels);
    sn__pick_scratch_deinit(&t->picks);
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
    SN_TRY(node_list_reserve(list, count + 1));
    ops->relabel(list, t->seeds, count, t->labels);
    t->distinct_seeds = list->count;
    t->num_sampled_nodes[plan->input_type * (plan->hops + 1)] = (int64_t)list->count;
    return SN_OK;
}

/* Up to SN__BLOCK_ROWS nodes of the frontier, from `begin` in the list of type T. */
static sn_status sample_block(sn__topology *t, const sn__kernel_ops *ops, int32_t edge_type,
                              const sn__pick_rule *rule, size_t begin, size_t count)
{
    const sn__plan_edge *edge = &t->plan->edges[edge_type];
    sn__node_list *from = &t->nodes[edge->from_type], *to = &t->nodes[edge->to_type];
    sn__edge_list *out = &t->edges[edge_type];
    sn__span spans[SN__BLOCK_ROWS];
    size_t picks;

    SN_TRY(ops->row_spans(&edge->rows, from->ids + begin, count, rule, spans, &picks));
    /* One more than needed: relabel writes behind the list. This may move from->ids. */
    SN_TRY(node_list_reserve(to, picks + 1));
    SN_TRY(edge_list_reserve(out, picks, t->plan->with_edge));
    SN_TRY(sn__mem_grow(&t->neighbours, &t->neighbour_capacity, picks, sizeof *t->neighbours,
                        "neighbours of a block"));
    int64_t *edge_ids = t->plan->with_edge ? out->edge + out->count : NULL;
    SN_TRY(ops->pick_uniform(&edge->rows, from->ids + begin, count, rule, spans, &t->picks,
                             t->neighbours, edge_ids));
    ops->relabel(to, t->neighbours, picks, out->row + out->count);

    uint32_t *col = out->col + out->count;
    for (size_t i = 0; i < count; i++)
        for (int64_t j = 0; j < spans[i].count; j++)
            *col++ = (uint32_t)(begin + i);
    out->count += picks;
    return SN_OK;
}

static sn_status sample_edge_type(sn__topology *t, const sn__kernel_ops *ops, int32_t edge_type,
                                  const sn__pick_rule *rule)
{
    int32_t from = t->plan->edges[edge_type].from_type;
    size_t end = t->frontier_end[from];
    for (size_t at = t->frontier_begin[from]; at < end; at += SN__BLOCK_ROWS) {
        size_t count = end - at < SN__BLOCK_ROWS ? end - at : SN__BLOCK_ROWS;
        sn_status status = sample_block(t, ops, edge_type, rule, at, count);
        if (status != SN_OK) {
            sn_error_context("edge type %s", t->plan->edges[edge_type].name);
            return status;
        }
        sn__progress_bump(t->progress);
    }
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
        t->edges[e].count = 0;
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
