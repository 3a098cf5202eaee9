/* SPDX-License-Identifier: Apache-2.0 */
/* The stages that blocks of rows pass: docs/sampling.md, section 3.2. */
#include "engine/sample/expand.h"

#include "base/mem.h"
#include "engine/sample/sink.h"

#include <string.h>

/* -- Room -------------------------------------------------------------------------------------- */

static sn_status too_many(void)
{
    return sn__fail(SN_E_NOMEM, "batch: more than %d nodes and edges of one type in one step",
                    SN__LABEL_LIMIT);
}

sn_status sn__node_list_reserve(sn__node_list *list, size_t more)
{
    if (more > SN__LABEL_LIMIT || list->count + more > SN__LABEL_LIMIT)
        return too_many();
    SN_TRY(sn__mem_grow(&list->ids, &list->capacity, list->count + more + SN__SLACK,
                        sizeof *list->ids, "nodes"));
    return sn__label_map_reserve(&list->map, list->ids, list->count, more);
}

sn_status sn__edge_list_reserve(sn__edge_list *list, size_t rows, size_t more, bool with_edge)
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

sn_status sn__block_reserve(sn__row_block *block, size_t picks)
{
    return sn__mem_grow(&block->neighbours, &block->capacity, picks + SN__SLACK,
                        sizeof *block->neighbours, "neighbours of a block");
}

/* -- Stages ------------------------------------------------------------------------------------ */

void sn__expand_find(const sn__expansion *e, size_t number, sn__row_block *block)
{
    size_t at = e->begin + number * SN__BLOCK_ROWS;
    block->count = e->end - at < SN__BLOCK_ROWS ? e->end - at : SN__BLOCK_ROWS;
    memcpy(block->nodes, e->from->ids + at, block->count * sizeof *block->nodes);
    block->map = e->to->map;
    for (size_t i = 0; e->tree_shift > 0 && i < block->count; i++) {
        block->trees[i] = (uint32_t)(block->nodes[i] >> e->tree_shift);
        block->nodes[i] &= (INT64_C(1) << e->tree_shift) - 1;
        if (e->tree_times != NULL)
            block->until[i] = e->tree_times[block->trees[i]];
    }
}

sn_status sn__expand_draw(const sn__expansion *e, sn__row_block *block, sn__pick_set *set)
{
    SN_TRY(e->ops->row_spans(&e->edge->rows, &e->rule, block));
    if (block->picks > SN__LABEL_LIMIT)
        return too_many();
    SN_TRY(sn__block_reserve(block, block->picks));
    return e->ops->draw(&e->edge->rows, &e->rule, block, set);
}

/* Neighbours are in the tree of the node that they were picked for. */
static sn_status take_in_trees(const sn__expansion *e, sn__row_block *block, int64_t *edge)
{
    const sn__label_map map = block->map;
    int64_t *at = block->neighbours;
    block->map = (sn__label_map){ 0 }; /* it has nodes in trees, which take does not know */
    SN_TRY(e->ops->take(&e->edge->rows, &e->rule, block, edge));
    block->map = map;
    for (size_t i = 0; i < block->count; i++) {
        const int64_t tree = (int64_t)((uint64_t)block->trees[i] << e->tree_shift);
        for (int64_t end = block->picked[i]; end > 0; end--)
            *at++ |= tree;
    }
    e->ops->prefetch_labels(&map, block->neighbours, block->picks);
    return SN_OK;
}

sn_status sn__expand_take(const sn__expansion *e, sn__row_block *block, int64_t *edge)
{
    if (e->tree_shift > 0)
        return take_in_trees(e, block, e->with_edge ? edge : NULL);
    return e->ops->take(&e->edge->rows, &e->rule, block, e->with_edge ? edge : NULL);
}

void sn__expand_append(const sn__expansion *e, const sn__row_block *block)
{
    sn__edge_list *out = e->out;
    for (size_t i = 0; i < block->count; i++)
        out->picks[out->rows + i] = (uint32_t)block->picked[i];
    out->rows += block->count;
    out->count += block->picks;
}

sn_status sn__expand_label(const sn__expansion *e, sn__row_block *block)
{
    SN_TRY(sn__node_list_reserve(e->to, block->picks)); /* this may move from->ids */
    e->ops->relabel(e->to, block->neighbours, block->picks, e->out->row + e->out->labelled);
    e->out->labelled += block->picks;
    sn__progress_bump(e->progress);
    return SN_OK;
}
