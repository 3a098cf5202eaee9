/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of sorted nodes are cut into pieces of at most SN__PIECE_EDGES edges, so that a hub needs no more memory
 * than others; pieces pass the stages cut, draw, take and keep, each in another one, so that what one waits for
 * comes while the others compute.
 *
 * Invariants  I1  A list's nodes are distinct, so the new labels count up with the sorted ids.
 *             I2  Every neighbour that is looked up is in range of its type: take has seen to it. */
#include "engine/sample/induce.h"

#include "base/mem.h"
#include "engine/sample/sink.h"

#include <string.h>

/* -- Memory ------------------------------------------------------------------------------------ */

sn_status sn__induce_init(sn__induce *self, const sn_plan *plan)
{
    int64_t most = plan->batch_size < plan->num_input ? plan->batch_size : plan->num_input;
    size_t room = SN__PIECE_EDGES + SN__SLACK;
    SN_TRY(sn__mem_zalloc((size_t)most, sizeof *self->seeds, "distinct seeds", &self->seeds));
    SN_TRY(sn__mem_zalloc(room, sizeof *self->labels, "labels of a piece", &self->labels));
    for (int i = 0; i < SN__PIECES_UNDER_WAY; i++) {
        sn__induce_piece *piece = &self->pieces[i];
        SN_TRY(sn__block_reserve(&piece->block, SN__PIECE_EDGES));
        if (plan->with_edge)
            SN_TRY(sn__mem_zalloc(room, sizeof *piece->edge, "edge ids of a piece", &piece->edge));
    }
    return SN_OK;
}

void sn__induce_deinit(sn__induce *self)
{
    sn__mem_free(self->seeds);
    sn__mem_free(self->sorted);
    sn__mem_free(self->labels);
    for (int i = 0; i < SN__PIECES_UNDER_WAY; i++) {
        sn__row_block_deinit(&self->pieces[i].block);
        sn__mem_free(self->pieces[i].edge);
    }
    *self = (sn__induce){ 0 };
}

void sn__induce_keep_seeds(sn__induce *self, const sn__node_list *list, size_t distinct,
                           size_t inputs)
{
    memcpy(self->seeds, list->ids, distinct * sizeof *self->seeds);
    self->inputs = inputs;
}

/* -- Nodes ------------------------------------------------------------------------------------- */

enum { MOST_BYTES = sizeof(int64_t), VALUES = 256 };

static inline size_t byte_of(int64_t id, int byte)
{
    return (size_t)((uint64_t)id >> 8 * byte & (VALUES - 1));
}

/* Bytes that tell ids below `nodes` apart. */
static int bytes_of(int64_t nodes)
{
    int bytes = 0;
    for (uint64_t last = (uint64_t)nodes - 1; last > 0; last >>= 8)
        bytes++;
    return bytes;
}

static void count_values(const int64_t *ids, size_t count, int bytes,
                         uint32_t counts[MOST_BYTES][VALUES])
{
    memset(counts, 0, MOST_BYTES * sizeof *counts);
    for (size_t i = 0; i < count; i++)
        for (int byte = 0; byte < bytes; byte++)
            counts[byte][byte_of(ids[i], byte)]++;
}

/* Stable, by one byte; `counts` says how many ids have which value, and is used up. */
static void sort_by(const int64_t *from, size_t count, int byte, uint32_t counts[VALUES],
                    int64_t *to)
{
    uint32_t next = 0;
    for (int value = 0; value < VALUES; value++) {
        uint32_t here = counts[value];
        counts[value] = next;
        next += here;
    }
    for (size_t i = 0; i < count; i++)
        to[counts[byte_of(from[i], byte)]++] = from[i];
}

/* LSD radix sort between the two arrays (Knuth, The Art of Computer Programming, vol. 3, section 5.2.5). Returns
 * the sorted one. */
static int64_t *sort(int64_t *ids, int64_t *other, size_t count, int64_t nodes)
{
    uint32_t counts[MOST_BYTES][VALUES];
    int bytes = bytes_of(nodes);
    count_values(ids, count, bytes, counts);
    for (int byte = 0; byte < bytes; byte++) {
        if (counts[byte][byte_of(ids[0], byte)] == count)
            continue; /* it is the same in all of them */
        sort_by(ids, count, byte, counts[byte], other);
        int64_t *sorted = other;
        other = ids;
        ids = sorted;
    }
    return ids;
}

/* The nodes at sorted[at] and behind, as many as are labelled together. */
static size_t together(size_t count, size_t at)
{
    return count - at < SN__PIECE_EDGES ? count - at : SN__PIECE_EDGES;
}

sn_status sn__induce_sort(sn__induce *self, const sn__kernel_ops *ops, sn__node_list *list)
{
    size_t count = list->count;
    if (count < 2)
        return SN_OK;
    SN_TRY(sn__mem_grow(&self->sorted, &self->sorted_capacity, count, sizeof *self->sorted,
                        "sorted nodes"));
    const int64_t *ids = sort(list->ids, self->sorted, count, list->map.size);
    if (ids == list->ids)
        memcpy(self->sorted, ids, count * sizeof *ids);
    /* The same nodes find room again, in list and map. */
    sn__label_map_forget(&list->map, count);
    list->count = 0;
    ops->prefetch_labels(&list->map, self->sorted, together(count, 0));
    for (size_t at = 0; at < count;) {
        size_t n = together(count, at), next = at + n;
        ops->prefetch_labels(&list->map, self->sorted + next, together(count, next));
        ops->relabel(list, self->sorted + at, n, self->labels); /* I1 */
        at = next;
    }
    return SN_OK;
}

/* -- Edges ------------------------------------------------------------------------------------- */

/* Where the rows are cut next. */
typedef struct cursor {
    const sn__expansion *e;
    sn__row_block *rows, *ahead;
    size_t next;  /* number of the block ahead */
    size_t first; /* place of the first node of `rows` */
    size_t at;    /* row of `rows`, and how much of it is cut off */
    int64_t done;
} cursor;

static void look_ahead(cursor *c)
{
    if (c->next == sn__expansion_blocks(c->e))
        return;
    sn__expand_find(c->e, c->next, c->ahead);
    c->e->ops->prefetch_rows(&c->e->edge->rows, c->ahead);
}

/* False: there are no more. */
static sn_status next_rows(cursor *c, bool *more)
{
    sn__row_block *rows = c->ahead;
    *more = c->next < sn__expansion_blocks(c->e);
    if (!*more)
        return SN_OK;
    c->ahead = c->rows;
    c->rows = rows;
    c->first = c->next++ * SN__BLOCK_ROWS;
    c->at = 0;
    look_ahead(c);
    return c->e->ops->row_spans(&c->e->edge->rows, &c->e->rule, rows);
}

/* As much of the row under way as has room. */
static void cut_row(cursor *c, sn__induce_piece *piece)
{
    const sn__row_block *rows = c->rows;
    sn__row_block *to = &piece->block;
    int64_t left = rows->degree[c->at] - c->done, room = SN__PIECE_EDGES - (int64_t)to->picks;
    int64_t edges = left < room ? left : room;
    if (edges > 0) {
        to->nodes[to->count] = rows->nodes[c->at];
        to->start[to->count] = rows->start[c->at] + c->done;
        to->degree[to->count] = to->picked[to->count] = edges;
        piece->row[to->count++] = (uint32_t)(c->first + c->at);
        to->picks += (size_t)edges;
    }
    c->done += edges;
    if (edges == left) {
        c->at++;
        c->done = 0;
    }
}

/* A piece without parts: the rows are over. */
static sn_status cut_piece(cursor *c, sn__induce_piece *piece)
{
    sn__row_block *block = &piece->block;
    bool more = true;
    block->map = c->e->to->map;
    block->count = block->picks = 0;
    while (more && block->count < SN__BLOCK_ROWS && block->picks < SN__PIECE_EDGES)
        if (c->at < c->rows->count)
            cut_row(c, piece);
        else
            SN_TRY(next_rows(c, &more));
    for (size_t i = block->count; i < SN__BLOCK_ROWS; i++)
        block->nodes[i] = block->start[i] = block->degree[i] = block->picked[i] = 0;
    return SN_OK;
}

/* Packs labels that there are, and their edges, to the front. Branch-free: whether there is one is a coin toss.
 * Returns how many. */
static size_t pack(const uint32_t *labels, size_t count, uint32_t *to)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        to[kept] = labels[i];
        kept += labels[i] != SN__NO_LABEL;
    }
    return kept;
}

static size_t pack_edges(const uint32_t *labels, const int64_t *edges, size_t count, uint32_t *to,
                         int64_t *edges_to)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        to[kept] = labels[i];
        edges_to[kept] = edges[i];
        kept += labels[i] != SN__NO_LABEL;
    }
    return kept;
}

static sn_status keep(const sn__induce *self, const sn__expansion *e, const sn__induce_piece *piece)
{
    const sn__row_block *block = &piece->block;
    sn__edge_list *out = e->out;
    SN_TRY(sn__edge_list_reserve(out, 0, block->picks, e->with_edge));
    e->ops->lookup(&e->to->map, block->neighbours, block->picks, self->labels); /* I2 */
    size_t at = 0;
    for (size_t i = 0; i < block->count; i++) {
        size_t count = (size_t)block->picked[i], kept;
        if (e->with_edge)
            kept = pack_edges(self->labels + at, piece->edge + at, count, out->row + out->count,
                              out->edge + out->count);
        else
            kept = pack(self->labels + at, count, out->row + out->count);
        uint32_t *picks = &out->picks[piece->row[i]];
        if (__builtin_add_overflow(*picks, kept, picks))
            return sn__fail(SN_E_NOMEM, "batch: more than %u edges of one node", UINT32_MAX);
        out->count += kept;
        at += count;
    }
    out->labelled = out->count;
    sn__progress_bump(e->progress);
    return SN_OK;
}

static sn_status move_piece(sn__induce *self, cursor *c, size_t number, int stage)
{
    const sn__expansion *e = c->e;
    sn__induce_piece *piece = &self->pieces[number % SN__PIECES_UNDER_WAY];
    switch (stage) {
    case 0:
        return cut_piece(c, piece);
    case 1: /* all positions: nothing is drawn, and no set is needed */
        return e->ops->draw(&e->edge->rows, &e->rule, &piece->block, NULL);
    case 2:
        return e->ops->take(&e->edge->rows, &e->rule, &piece->block, piece->edge);
    default:
        return keep(self, e, piece);
    }
}

static sn_status move_all(sn__induce *self, cursor *c)
{
    size_t end = SIZE_MAX; /* number of the piece that has no parts */
    for (size_t step = 0; step < end || step - end < SN__PIECES_UNDER_WAY - 1; step++)
        for (size_t stage = 0; stage < SN__PIECES_UNDER_WAY; stage++) {
            if (step < stage || step - stage >= end)
                continue;
            SN_TRY(move_piece(self, c, step - stage, (int)stage));
            if (stage == 0 && self->pieces[step % SN__PIECES_UNDER_WAY].block.count == 0)
                end = step;
        }
    return SN_OK;
}

sn_status sn__induce_edges(sn__induce *self, const sn__expansion *e)
{
    sn__expansion whole = *e;
    sn__edge_list *out = e->out;
    whole.rule = (sn__pick_rule){ .fanout = -1 };
    whole.begin = 0;
    whole.end = e->from->count;
    out->count = out->labelled = out->rows = 0;
    SN_TRY(sn__edge_list_reserve(out, whole.end, 0, e->with_edge));
    out->rows = whole.end;
    memset(out->picks, 0, out->rows * sizeof *out->picks);
    if (e->to->count == 0)
        return SN_OK;
    cursor c = { .e = &whole, .rows = &self->rows, .ahead = &self->ahead };
    self->rows.count = 0;
    look_ahead(&c);
    return move_all(self, &c);
}
