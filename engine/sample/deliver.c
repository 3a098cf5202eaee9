/* SPDX-License-Identifier: Apache-2.0 */
/* The tensors of a batch: docs/sampling.md, sections 4, 6.4 and 11. */
#include "engine/sample/deliver.h"

#include "base/mem.h"
#include "engine/sample/batch.h"

#include <string.h>

enum { TOGETHER = 16 };

static size_t length_of(const sn__topology *t, const sn__tensor_spec *spec)
{
    sn__lengths of = { .pairs = t->links.pairs,
                       .negatives = t->links.negatives,
                       .inputs = t->induce.inputs };
    if (spec->per == SN__PER_EDGE_TYPE)
        of.of_type = t->edges[spec->type].count;
    if (spec->per == SN__PER_NODE_TYPE) {
        of.of_type = t->nodes[spec->type].count;
        of.seeds = (size_t)t->num_sampled_nodes[spec->type * (t->plan->hops + 1)];
    }
    return sn__tensor_length(t->plan, spec, &of);
}

sn_status sn__deliver_layout(const sn__topology *t, sn_tensor *tensors, size_t *bytes)
{
    size_t offset = 0;
    for (int32_t i = 0; i < t->plan->num_tensors; i++) {
        const sn__tensor_spec *spec = &t->plan->tensors[i];
        sn_tensor *tensor = &tensors[i];
        size_t length = length_of(t, spec), size;
        *tensor = spec->like;
        tensor->shape[spec->vary] = (int64_t)length;
        if (!sn__mul_size(length, (size_t)sn_tensor_bytes(&spec->like), &size) ||
            !sn__add_size(offset, sn__align_up(size), &size))
            return sn__fail(SN_E_NOMEM, "batch: tensor %s of length %zu overflows", spec->name,
                            length);
        tensor->data = (void *)(uintptr_t)offset; /* an offset until the payload has a place */
        offset = size;
    }
    *bytes = offset;
    return SN_OK;
}

/* `n` of them from index `first` on. */
static void write_labels_at(const sn_tensor *out, size_t first, const uint32_t *labels, size_t n)
{
    if (out->dtype.bits == 32)
        memcpy((int32_t *)out->data + first, labels, n * sizeof *labels); /* they are below 2^30 */
    else
        for (size_t i = 0; i < n; i++)
            ((int64_t *)out->data)[first + i] = labels[i];
}

static void write_labels(const sn_tensor *out, const uint32_t *labels)
{
    write_labels_at(out, 0, labels, (size_t)sn_tensor_count(out));
}

/* `picks[i]` times the label first + i each, at `at`. Returns what follows. Most rows have few: sixteen at once
 * are written where there is room, and those that are too many are written over. */
#define REPEAT(name, type)                                                                         \
    static type *name(type *at, const type *end, const uint32_t *picks, size_t rows, size_t first) \
    {                                                                                              \
        for (size_t i = 0; i < rows; i++) {                                                        \
            const type label = (type)(first + i);                                                  \
            uint32_t j = 0;                                                                        \
            if (end - at >= TOGETHER)                                                              \
                for (; j < TOGETHER; j++)                                                          \
                    at[j] = label;                                                                 \
            for (; j < picks[i]; j++)                                                              \
                at[j] = label;                                                                     \
            at += picks[i];                                                                        \
        }                                                                                          \
        return at;                                                                                 \
    }
REPEAT(repeat_labels32, int32_t)
REPEAT(repeat_labels64, int64_t)

static uint8_t *repeat_labels(const sn_tensor *out, uint8_t *at, const uint32_t *picks, size_t rows,
                              size_t first)
{
    uint8_t *end = (uint8_t *)out->data + sn_tensor_bytes(out);
    if (out->dtype.bits == 32)
        return (uint8_t *)repeat_labels32((void *)at, (void *)end, picks, rows, first);
    return (uint8_t *)repeat_labels64((void *)at, (void *)end, picks, rows, first);
}

static void write_cols(const sn__topology *t, int32_t edge_type, const sn_tensor *out)
{
    const sn_plan *plan = t->plan;
    const sn__edge_list *edges = &t->edges[edge_type];
    int32_t from = plan->edges[edge_type].from_type;
    const int64_t *found = t->num_sampled_nodes + from * (plan->hops + 1);
    const uint32_t *picks = edges->picks;
    uint8_t *at = out->data;
    size_t first = 0;
    if (plan->subgraph) {
        (void)repeat_labels(out, at, picks, edges->rows, 0);
        return;
    }
    for (int32_t hop = 0; hop < plan->hops; hop++) {
        size_t rows = (size_t)found[hop]; /* the frontier */
        if (plan->fanout[edge_type * plan->hops + hop] != 0) {
            at = repeat_labels(out, at, picks, rows, first);
            picks += rows;
        }
        first += rows;
    }
}

static void write_ids(const sn_tensor *out, const int64_t *ids)
{
    size_t n = (size_t)out->shape[0];
    if (out->dtype.bits == 64)
        memcpy(out->data, ids, n * sizeof *ids);
    else
        for (size_t i = 0; i < n; i++)
            ((int32_t *)out->data)[i] = (int32_t)ids[i];
}

/* -- Links ------------------------------------------------------------------------------------- */

/* Labels of the pairs, and 0 for negatives. */
#define EDGE_LABELS(name, type)                                                  \
    static void name(const sn__topology *t, type *out)                           \
    {                                                                            \
        const sn__links *links = &t->links;                                      \
        const type *given = t->plan->links.labels.data;                          \
        const type more = (type)(t->plan->links.shift ? 1 : 0);                  \
        for (size_t i = 0; i < links->pairs; i++)                                \
            out[i] = given != NULL ? (type)(given[links->places[i]] + more) : 1; \
        for (size_t i = 0; i < links->negatives; i++)                            \
            out[links->pairs + i] = 0;                                           \
    }
EDGE_LABELS(edge_labels_int32, int32_t)
EDGE_LABELS(edge_labels_int64, int64_t)
EDGE_LABELS(edge_labels_float, float)
EDGE_LABELS(edge_labels_double, double)

static void write_edge_labels(const sn__topology *t, const sn_tensor *out)
{
    bool wide = out->dtype.bits == 64;
    if (out->dtype.code == SN_INT && wide)
        edge_labels_int64(t, out->data);
    else if (out->dtype.code == SN_INT)
        edge_labels_int32(t, out->data);
    else if (wide)
        edge_labels_double(t, out->data);
    else
        edge_labels_float(t, out->data);
}

static void write_of_links(const sn__topology *t, const sn__tensor_spec *spec, const sn_tensor *out)
{
    const sn__links *links = &t->links;
    size_t all = links->pairs + links->negatives;
    switch (spec->kind) {
    case SN__EDGE_LABEL_INDEX:
        write_labels_at(out, 0, links->src_label, all);
        write_labels_at(out, all, links->dst_label, all);
        break;
    case SN__EDGE_LABEL:
        write_edge_labels(t, out);
        break;
    case SN__SRC_INDEX:
        write_labels(out, links->src_label);
        break;
    case SN__DST_POS_INDEX:
        write_labels(out, links->dst_label);
        break;
    case SN__DST_NEG_INDEX:
        write_labels(out, links->dst_label + links->pairs);
        break;
    case SN__NEG_MASK:
        memcpy(out->data, links->failed, links->negatives);
        break;
    default: /* SN__NUM_NEG_DROPPED */
        write_ids(out, &(int64_t){ (int64_t)links->dropped });
        break;
    }
}

/* -- Tensors ----------------------------------------------------------------------------------- */

static sn_status write_rows(const sn__topology *t, const sn__kernel_ops *ops,
                            const sn__tensor_spec *spec, const int64_t *ids, const sn_tensor *out)
{
    const sn_tensor *source = spec->source;
    const sn__gather gather = { .ops = ops,
                                .source = source->data,
                                .rows = source->shape[0],
                                .row_bytes = (size_t)sn_tensor_row_bytes(source),
                                .ids = ids,
                                .count = (size_t)out->shape[0],
                                .out = out->data,
                                .progress = t->progress };
    sn_status status =
        t->team != NULL ? sn__team_gather(t->team, &gather) : sn__gather_alone(&gather);
    if (status != SN_OK)
        sn_error_context("tensor %s", spec->name);
    return status;
}

/* The distinct seeds, in order of first occurrence. */
static const int64_t *seeds_of(const sn__topology *t, int32_t node_type)
{
    return t->plan->subgraph ? t->induce.seeds
                             : t->nodes[node_type].ids; /* which begin with them */
}

static sn_status write_tensor(const sn__topology *t, const sn__kernel_ops *ops,
                              const sn__tensor_spec *spec, const sn_tensor *out)
{
    if (out->shape[spec->vary] == 0)
        return SN_OK; /* its source may have no memory at all */
    switch (spec->kind) {
    case SN__NODE:
        write_ids(out, t->nodes[spec->type].ids);
        return SN_OK;
    case SN__BATCH:
        write_ids(out, seeds_of(t, spec->type));
        return SN_OK;
    case SN__MAPPING:
        write_labels(out, t->labels);
        return SN_OK;
    case SN__ROW:
        write_labels(out, t->edges[spec->type].row);
        return SN_OK;
    case SN__COL:
        write_cols(t, spec->type, out);
        return SN_OK;
    case SN__EDGE:
        write_ids(out, t->edges[spec->type].edge);
        return SN_OK;
    case SN__Y:
        if (t->plan->labels == SN_LABELS_SEEDS)
            return write_rows(t, ops, spec, seeds_of(t, spec->type), out);
        return write_rows(t, ops, spec, t->nodes[spec->type].ids, out);
    case SN__X:
        return write_rows(t, ops, spec, t->nodes[spec->type].ids, out);
    case SN__EDGE_ATTR:
        return write_rows(t, ops, spec, t->edges[spec->type].edge, out);
    case SN__NUM_SAMPLED_NODES:
        write_ids(out, t->num_sampled_nodes + spec->type * (t->plan->hops + 1));
        return SN_OK;
    case SN__NUM_SAMPLED_EDGES:
        write_ids(out, t->num_sampled_edges + spec->type * t->plan->hops);
        return SN_OK;
    case SN__TREE:
        write_labels(out, t->trees[spec->type].of);
        return SN_OK;
    default:
        write_of_links(t, spec, out);
        return SN_OK;
    }
}

sn_status sn__deliver_write(const sn__topology *t, const sn__kernel_ops *ops, const sn__sink *sink,
                            uint8_t *payload, sn_tensor *tensors)
{
    int32_t last = t->plan->num_tensors - 1;
    for (int32_t i = 0; i <= last; i++)
        tensors[i].data = payload + (uintptr_t)tensors[i].data;
    for (int32_t i = 0; i <= last; i++) {
        if (i == last)
            sn__sink_step(sink, SN_STEP_GATHER);
        SN_TRY(write_tensor(t, ops, &t->plan->tensors[i], &tensors[i]));
        sn__progress_bump(t->progress);
    }
    return SN_OK;
}
