/* SPDX-License-Identifier: Apache-2.0 */
/* Plans whose seeds are links: docs/sampling.md, section 6. Everything about them is checked here, once. */
#include "base/mem.h"
#include "base/tensor.h"
#include "engine/sample/plan.h"

#include <math.h>
#include <string.h>

enum { DEFAULT_TRIES = 5 };

/* -- Options ----------------------------------------------------------------------------------- */

static sn_status check_negatives(const sn_link_options *options)
{
    double amount = options->amount;
    if ((uint32_t)options->neg > SN_NEG_TRIPLET)
        return sn__fail(SN_E_INVALID, "links: neg %d is no mode", (int)options->neg);
    if (!(amount >= 0 && amount <= SN__LABEL_LIMIT))
        return sn__fail(SN_E_INVALID, "links: %.10g negatives per pair", amount);
    if (options->tries < 0 || options->tries > SN_MAX_NEG_TRIES)
        return sn__fail(SN_E_INVALID, "links: %d tries, allowed are 1 to %d", options->tries,
                        SN_MAX_NEG_TRIES);
    if (options->neg == SN_NEG_TRIPLET && amount != floor(amount))
        return sn__fail(SN_E_INVALID, "links: triplets need a whole number of negatives, not %.10g",
                        amount);
    if (options->neg == SN_NEG_TRIPLET && options->labels != NULL)
        return sn__fail(SN_E_INVALID, "links: triplets have no place for labels");
    if (options->neg == SN_NEG_NONE &&
        (amount != 0 || options->tries != 0 || options->non_strict || options->by_degree))
        return sn__fail(SN_E_INVALID,
                        "links: how negatives are drawn is given, but no mode of them");
    return SN_OK;
}

/* Local ids are below SN__LABEL_LIMIT, so a batch cannot have more seeds. */
static sn_status check_amount(const sn_plan *plan)
{
    int64_t pairs = plan->batch_size < plan->num_input ? plan->batch_size : plan->num_input;
    double all = (double)pairs * (plan->links.amount + 1);
    if (plan->links.neg == SN_NEG_NONE)
        all = (double)pairs;
    if (all > SN__LABEL_LIMIT)
        return sn__fail(SN_E_INVALID, "links: %.10g pairs and negatives in a batch, at most %d",
                        all, SN__LABEL_LIMIT);
    return SN_OK;
}

size_t sn__plan_negatives(const sn_plan *plan, size_t pairs)
{
    return plan->links.neg == SN_NEG_NONE ? 0 : (size_t)ceil((double)pairs * plan->links.amount);
}

static sn_status resolve(sn_plan *plan, const sn_link_options *options)
{
    sn_edge_info info;
    sn__plan_links *links = &plan->links;
    SN_TRY(check_negatives(options));
    if (options->edge_type < 0 || options->edge_type >= plan->num_edge_types)
        return sn__fail(SN_E_RANGE, "links: edge_type %d of %d edge types", options->edge_type,
                        plan->num_edge_types);
    SN_TRY(sn_dataset_edge_type(plan->dataset, options->edge_type, &info));
    *links = (sn__plan_links){
        .on = true,
        .all = options->pairs == NULL,
        .edge_type = options->edge_type,
        .src_type = info.src_type,
        .dst_type = info.dst_type,
        .neg = options->neg,
        .non_strict = options->non_strict,
        .by_degree = options->by_degree,
        .remove = options->remove,
    };
    if (links->neg != SN_NEG_NONE) {
        links->amount = options->amount == 0 ? 1 : options->amount;
        links->tries = options->tries == 0 ? DEFAULT_TRIES : options->tries;
    }
    if (links->neg == SN_NEG_TRIPLET)
        links->per_pair = (size_t)links->amount;
    if (links->by_degree && info.count == 0)
        return sn__fail(SN_E_INVALID, "links: edge type %s has no edges to draw by degree",
                        info.name);
    return SN_OK;
}

/* -- Pairs ------------------------------------------------------------------------------------- */

static sn_status check_pairs(const sn_plan *plan, const sn_tensor *pairs)
{
    if (pairs->dtype.code != SN_INT || (pairs->dtype.bits != 32 && pairs->dtype.bits != 64))
        return sn__fail(SN_E_INVALID, "links: pairs are %s, not int32 or int64",
                        sn_dtype_name(pairs->dtype));
    char shape[SN__SHAPE_TEXT];
    if (pairs->ndim != 2 || pairs->shape[0] != 2 || pairs->shape[1] < 0)
        return sn__fail(
            SN_E_INVALID, "links: pairs have shape %s, not (2, N)",
            sn__shape_text(pairs->ndim < 0 || pairs->ndim > SN_MAX_DIMS ? 0 : pairs->ndim,
                           pairs->shape, shape));
    SN_TRY(sn__tensor_check(pairs, "links: pairs"));
    for (int64_t i = 0, n = pairs->shape[1]; i < 2 * n; i++) {
        int64_t id = sn__index_at(pairs, i);
        int64_t nodes = plan->node_counts[i < n ? plan->links.src_type : plan->links.dst_type];
        if (id < 0 || id >= nodes)
            return sn__fail(SN_E_RANGE, "links: pair %lld has %s %lld, the type has %lld nodes",
                            (long long)(i < n ? i : i - n), i < n ? "source" : "destination",
                            (long long)id, (long long)nodes);
    }
    return SN_OK;
}

static sn_status take_pairs(sn_plan *plan, const sn_tensor *pairs, bool borrow)
{
    SN_TRY(check_pairs(plan, pairs));
    plan->num_input = pairs->shape[1];
    if (borrow) {
        plan->input = pairs->data;
        return SN_OK;
    }
    size_t count = 2 * (size_t)plan->num_input;
    SN_TRY(sn__mem_zalloc(count, sizeof *plan->input_memory, "pairs", &plan->input_memory));
    for (size_t i = 0; i < count; i++)
        plan->input_memory[i] = sn__index_at(pairs, (int64_t)i);
    plan->input = plan->input_memory;
    return SN_OK;
}

static sn_status bad_edge_id(const sn__plan_edge *edge, int64_t id, int64_t position)
{
    return sn__fail(SN_E_CORRUPT, "edge type %s: edge id %lld at position %lld of %lld, or twice",
                    edge->name, (long long)id, (long long)position, (long long)edge->rows.edges);
}

/* The position of each edge id. */
static sn_status invert(sn_plan *plan, const sn__plan_edge *edge)
{
    int64_t edges = edge->rows.edges, *positions;
    SN_TRY(sn__mem_zalloc((size_t)edges, sizeof *positions, "links", &positions));
    plan->input_memory = positions; /* the plan's from here on */
    plan->input = positions;
    for (int64_t i = 0; i < edges; i++) {
        int64_t id = edge->rows.edge_ids[i];
        if (id < 0 || id >= edges || positions[id] != 0)
            return bad_edge_id(edge, id, i);
        positions[id] = i + 1;
    }
    for (int64_t i = 0; i < edges; i++)
        positions[i]--;
    return SN_OK;
}

static sn_status take_all(sn_plan *plan, const sn__plan_borrow *borrow)
{
    const sn__plan_edge *edge = &plan->edges[plan->links.edge_type];
    plan->num_input = edge->rows.edges;
    if (edge->rows.edge_ids == NULL)
        return SN_OK; /* they are the positions */
    if (borrow == NULL)
        return invert(plan, edge);
    if (borrow->num_positions != plan->num_input)
        return sn__fail(SN_E_CORRUPT, "edge type %s: positions of %lld edges, there are %lld",
                        edge->name, (long long)borrow->num_positions, (long long)plan->num_input);
    plan->input = borrow->positions;
    for (int64_t i = 0; i < plan->num_input; i++)
        if (plan->input[i] < 0 || plan->input[i] >= edge->rows.edges)
            return bad_edge_id(edge, i, plan->input[i]);
    return SN_OK;
}

/* -- Labels ------------------------------------------------------------------------------------ */

#define SMALLEST_OF(name, type)                                      \
    static bool name(const void *labels, int64_t count, double *out) \
    {                                                                \
        const type *at = labels;                                     \
        bool ordered = true;                                         \
        type smallest = count > 0 ? at[0] : 1;                       \
        for (int64_t i = 0; i < count; i++) {                        \
            ordered &= at[i] == at[i];                               \
            smallest = at[i] < smallest ? at[i] : smallest;          \
        }                                                            \
        *out = (double)smallest;                                     \
        return ordered;                                              \
    }
SMALLEST_OF(smallest_int32, int32_t)
SMALLEST_OF(smallest_int64, int64_t)
SMALLEST_OF(smallest_float, float)
SMALLEST_OF(smallest_double, double)

/* Whether every label plus 1 is one too. */
static bool has_room_above(const sn_tensor *labels)
{
    for (int64_t i = 0; labels->dtype.code == SN_INT && i < labels->shape[0]; i++)
        if (sn__index_at(labels, i) == (labels->dtype.bits == 32 ? INT32_MAX : INT64_MAX))
            return false;
    return true;
}

static sn_status find_shift(sn_plan *plan)
{
    sn__plan_links *links = &plan->links;
    const sn_tensor *labels = &links->labels;
    bool wide = labels->dtype.bits == 64, whole = labels->dtype.code == SN_INT, ordered;
    double smallest;
    if (whole)
        ordered = wide ? smallest_int64(labels->data, labels->shape[0], &smallest)
                       : smallest_int32(labels->data, labels->shape[0], &smallest);
    else
        ordered = wide ? smallest_double(labels->data, labels->shape[0], &smallest)
                       : smallest_float(labels->data, labels->shape[0], &smallest);
    if (!ordered)
        return sn__fail(SN_E_INVALID, "links: a label is no number (NaN)");
    links->shift = links->neg == SN_NEG_BINARY && smallest == 0;
    if (links->shift && !has_room_above(labels))
        return sn__fail(SN_E_INVALID,
                        "links: the largest %s is a label, and labels from 0 are "
                        "raised by 1 beside negatives",
                        sn_dtype_name(labels->dtype));
    return SN_OK;
}

static sn_status take_labels(sn_plan *plan, const sn_tensor *labels, bool borrow)
{
    sn__plan_links *links = &plan->links;
    sn_dtype dtype = labels->dtype;
    if ((dtype.code != SN_INT && dtype.code != SN_FLOAT) || (dtype.bits != 32 && dtype.bits != 64))
        return sn__fail(SN_E_INVALID, "links: labels are %s, not int32, int64, float32 or float64",
                        sn_dtype_name(dtype));
    if (labels->ndim != 1 || labels->shape[0] != plan->num_input)
        return sn__fail(SN_E_INVALID, "links: %lld labels of %d dimensions for %lld pairs",
                        (long long)labels->shape[0], labels->ndim, (long long)plan->num_input);
    SN_TRY(sn__tensor_check(labels, "links: labels"));
    links->labels = *labels;
    if (!borrow) {
        size_t bytes = (size_t)sn_tensor_bytes(labels);
        SN_TRY(sn__mem_zalloc(bytes, 1, "labels of links", &links->labels_memory));
        if (bytes > 0)
            memcpy(links->labels_memory, labels->data, bytes);
        links->labels.data = links->labels_memory;
    }
    return find_shift(plan);
}

/* -- Edges that are left out ------------------------------------------------------------------- */

/* Whether `rel` is the relation that leads back along `of`. */
static bool leads_back(const char *of, const char *rel)
{
    if (strncmp(of, "rev_", 4) == 0 && of[4] != '\0')
        return strcmp(rel, of + 4) == 0;
    return strncmp(rel, "rev_", 4) == 0 && strcmp(rel + 4, of) == 0;
}

static sn_status mark_removed(sn_plan *plan)
{
    const sn__plan_links *links = &plan->links;
    sn_edge_info asked, info;
    SN_TRY(sn_dataset_edge_type(plan->dataset, links->edge_type, &asked));
    plan->edges[links->edge_type].removed = SN__REMOVE_PAIRS;
    if (links->src_type == links->dst_type)
        plan->edges[links->edge_type].removed |= SN__REMOVE_BACK;
    for (int32_t e = 0; e < plan->num_edge_types; e++) {
        SN_TRY(sn_dataset_edge_type(plan->dataset, e, &info));
        if (e != links->edge_type && info.src_type == links->dst_type &&
            info.dst_type == links->src_type && leads_back(asked.rel, info.rel))
            plan->edges[e].removed = SN__REMOVE_BACK;
    }
    return SN_OK;
}

/* -- Rows -------------------------------------------------------------------------------------- */

/* That no negative is an edge rests on rows that ascend, which opening a directory does not look at. */
static sn_status check_order(const sn__plan_edge *edge)
{
    const sn__rows *rows = &edge->rows;
    const sn_tensor indices = { .data = (void *)(uintptr_t)rows->indices,
                                .dtype = { SN_INT, rows->wide ? 64 : 32 } };
    for (int64_t v = 0; v < rows->rows; v++) {
        int64_t begin = rows->indptr[v], end = rows->indptr[v + 1];
        if (begin < 0 || end < begin || end > rows->edges)
            return sn__fail(SN_E_CORRUPT, "edge type %s: row %lld is [%lld, %lld) of %lld edges",
                            edge->name, (long long)v, (long long)begin, (long long)end,
                            (long long)rows->edges);
        for (int64_t i = begin + 1; i < end; i++)
            if (sn__index_at(&indices, i) < sn__index_at(&indices, i - 1))
                return sn__fail(SN_E_CORRUPT,
                                "edge type %s: neighbours of row %lld do not ascend at position "
                                "%lld, so that negatives cannot be told from edges",
                                edge->name, (long long)v, (long long)i);
    }
    return SN_OK;
}

sn_status sn__plan_take_links(sn_plan *plan, const sn_link_options *options,
                              const sn__plan_borrow *borrow)
{
    SN_TRY(resolve(plan, options));
    SN_TRY(options->pairs != NULL ? take_pairs(plan, options->pairs, borrow != NULL)
                                  : take_all(plan, borrow));
    SN_TRY(check_amount(plan));
    if (options->labels != NULL)
        SN_TRY(take_labels(plan, options->labels, borrow != NULL));
    if (options->remove)
        SN_TRY(mark_removed(plan));
    if (options->neg != SN_NEG_NONE && !options->non_strict && borrow == NULL)
        SN_TRY(check_order(&plan->edges[plan->links.edge_type]));
    return SN_OK;
}
