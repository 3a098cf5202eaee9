/* SPDX-License-Identifier: Apache-2.0 */
/* Plans that pick by weight, by time or by LABOR, and disjoint trees: docs/sampling.md, sections 7 to 10. What
 * does not go together is refused here, with the reason. */
#include "base/mem.h"
#include "base/options_struct.h"
#include "base/tensor.h"
#include "engine/data/dataset.h"
#include "engine/sample/plan.h"

#include <stddef.h>
#include <string.h>

enum {
    FIRST_TEMPORAL_OPTIONS = offsetof(sn_temporal_options, seed_times) + sizeof(void *),
    NAME_BITS = 62 /* of a node in a tree: the sign and one bit are free */
};

/* -- What goes together ------------------------------------------------------------------------ */

static sn_status refuse(const char *what, const char *why)
{
    return sn__fail(SN_E_INVALID, "plan: %s: %s", what, why);
}

static sn_status check_together(const sn_plan_options *options)
{
    if (options->layer_dependent && !options->labor)
        return refuse("layer_dependent without labor", "it says how LABOR draws");
    if (options->labor && options->replace)
        return refuse("labor and replace", "LABOR takes each neighbour at most once");
    if (options->labor && options->weighted)
        return refuse("labor and weighted", "LABOR here is the uniform one");
    if (options->labor && (options->disjoint || options->temporal != NULL))
        return refuse("labor and disjoint", "trees that share no node cannot agree on neighbours");
    if (options->subgraph && options->disjoint)
        return refuse("subgraph and disjoint",
                      "a subgraph has the edges among all of its nodes, whatever their trees");
    if (options->temporal != NULL && !options->disjoint)
        return refuse("temporal without disjoint",
                      "a node that two seeds share would have two times");
    return SN_OK;
}

static sn_status check_temporal(const sn_plan_options *plan, const sn_temporal_options *options)
{
    if ((uint32_t)options->times > SN_TIMES_NODES)
        return sn__fail(SN_E_INVALID, "plan: times %d are no times", (int)options->times);
    if ((uint32_t)options->pick > SN_TEMPORAL_LAST)
        return sn__fail(SN_E_INVALID, "plan: temporal pick %d is none", (int)options->pick);
    if (options->window < 0)
        return sn__fail(SN_E_INVALID, "plan: window %lld", (long long)options->window);
    if (options->pick == SN_TEMPORAL_LAST && plan->weighted)
        return refuse("weighted and the latest edges", "nothing is drawn there");
    if (options->pick == SN_TEMPORAL_LAST && plan->replace)
        return refuse("replace and the latest edges", "nothing is drawn there");
    return SN_OK;
}

/* -- Trees ------------------------------------------------------------------------------------- */

size_t sn__plan_trees(const sn_plan *plan, size_t seeds)
{
    size_t negatives = sn__plan_negatives(plan, seeds);
    if (!plan->links.on)
        return seeds;
    return 2 * seeds + (plan->links.neg == SN_NEG_BINARY ? 2 : 1) * negatives;
}

static int bits_of(uint64_t number)
{
    int bits = 0;
    for (; number > 0; number >>= 1)
        bits++;
    return bits;
}

static sn_status take_trees(sn_plan *plan)
{
    int64_t most = plan->batch_size < plan->num_input ? plan->batch_size : plan->num_input;
    plan->disjoint = true;
    plan->tree_shift = NAME_BITS - bits_of(sn__plan_trees(plan, (size_t)most));
    for (int32_t t = 0; t < plan->num_node_types; t++)
        if (bits_of((uint64_t)plan->node_counts[t]) > plan->tree_shift)
            return sn__fail(SN_E_UNSUPPORTED,
                            "plan: batches of %lld seeds, disjoint, of a graph of %lld nodes",
                            (long long)most, (long long)plan->node_counts[t]);
    return SN_OK;
}

/* -- Times ------------------------------------------------------------------------------------- */

/* The times by which edge type `e` is told, if it has them. */
static sn_status times_of(const sn_plan *plan, int32_t e, bool nodes, const sn_tensor **out)
{
    sn_edge_info edge;
    sn_node_info node;
    SN_TRY(sn_dataset_edge_type(plan->dataset, e, &edge));
    SN_TRY(sn_dataset_node_type(plan->dataset, plan->edges[e].to_type, &node));
    *out = nodes ? node.times : edge.times;
    return SN_OK;
}

static sn_status count_with_times(const sn_plan *plan, bool nodes, int *count)
{
    *count = 0;
    for (int32_t e = 0; e < plan->num_edge_types; e++) {
        const sn_tensor *times;
        SN_TRY(times_of(plan, e, nodes, &times));
        *count += times != NULL;
    }
    return SN_OK;
}

static sn_status choose_times(sn_plan *plan, sn_times times)
{
    int with_edges, with_nodes;
    SN_TRY(count_with_times(plan, false, &with_edges));
    SN_TRY(count_with_times(plan, true, &with_nodes));
    plan->temporal.nodes =
        times == SN_TIMES_NODES || (times == SN_TIMES_DEFAULT && with_edges == 0);
    if ((plan->temporal.nodes ? with_nodes : with_edges) == 0)
        return sn__fail(SN_E_UNSUPPORTED, "plan: temporal, and no edge type has times%s",
                        times == SN_TIMES_DEFAULT ? ""
                        : plan->temporal.nodes    ? " of its neighbours"
                                                  : " of its edges");
    return SN_OK;
}

static sn_status find_default_times(sn_plan *plan)
{
    const sn_tensor *times;
    if (plan->links.on) {
        sn_edge_info edge;
        SN_TRY(sn_dataset_edge_type(plan->dataset, plan->links.edge_type, &edge));
        times = plan->links.all ? edge.times : NULL;
        if (times == NULL)
            return sn__fail(SN_E_INVALID, "plan: temporal needs seed_times: %s",
                            plan->links.all ? "the links' edges have no times"
                                            : "pairs have no times of their own");
    } else {
        sn_node_info node;
        SN_TRY(sn_dataset_node_type(plan->dataset, plan->input_type, &node));
        times = node.times;
        if (times == NULL)
            return sn__fail(SN_E_INVALID,
                            "plan: temporal needs seed_times: nodes of type %s have none",
                            node.name);
    }
    plan->temporal.default_times = times->data;
    return SN_OK;
}

static sn_status take_seed_times(sn_plan *plan, const sn_tensor *times, bool borrow)
{
    if (times->dtype.code != SN_INT || times->dtype.bits != 64)
        return sn__fail(SN_E_INVALID, "plan: seed_times are %s, not int64",
                        sn_dtype_name(times->dtype));
    if (times->ndim != 1 || times->shape[0] != plan->num_input)
        return sn__fail(SN_E_INVALID, "plan: %lld seed_times of %d dimensions for %lld %s",
                        (long long)times->shape[0], times->ndim, (long long)plan->num_input,
                        plan->links.on ? "links" : "seeds");
    SN_TRY(sn__tensor_check(times, "plan: seed_times"));
    plan->temporal.seed_times = times->data;
    if (borrow)
        return SN_OK;
    size_t count = (size_t)plan->num_input;
    SN_TRY(sn__mem_zalloc(count, sizeof(int64_t), "seed times", &plan->temporal.memory));
    if (count > 0)
        memcpy(plan->temporal.memory, times->data, count * sizeof(int64_t));
    plan->temporal.seed_times = plan->temporal.memory;
    return SN_OK;
}

static sn_status take_temporal(sn_plan *plan, const sn_plan_options *options, bool borrow)
{
    sn_temporal_options known;
    SN_TRY(sn__options_read(&known, sizeof known, options->temporal, FIRST_TEMPORAL_OPTIONS,
                            "temporal options"));
    SN_TRY(check_temporal(options, &known));
    plan->temporal.on = true;
    plan->temporal.last = known.pick == SN_TEMPORAL_LAST;
    plan->temporal.window = known.window;
    SN_TRY(choose_times(plan, known.times));
    if (known.seed_times == NULL)
        return find_default_times(plan);
    return take_seed_times(plan, known.seed_times, borrow);
}

/* -- Rows -------------------------------------------------------------------------------------- */

static sn_status no_table(const char *name, const char *of)
{
    return sn__fail(SN_E_UNSUPPORTED,
                    "edge type %s: the dataset has %s, but not the tables of them that sampling "
                    "needs: import it again",
                    name, of);
}

static sn_status take_tables(sn_plan *plan, int32_t e)
{
    sn__plan_edge *edge = &plan->edges[e];
    sn__row_tables tables = sn__dataset_tables(plan->dataset, e, plan->dir == SN_DIR_IN);
    const sn_tensor *times = NULL;
    if (plan->temporal.on)
        SN_TRY(times_of(plan, e, plan->temporal.nodes, &times));
    if (plan->weighted) {
        sn_edge_info info;
        SN_TRY(sn_dataset_edge_type(plan->dataset, e, &info));
        if (info.weights == NULL)
            return sn__fail(SN_E_UNSUPPORTED, "plan: weighted, and edge type %s has no weights",
                            edge->name);
        edge->rows.sums = tables.sums;
        if (tables.sums == NULL)
            return no_table(edge->name, "weights");
    }
    if (times == NULL)
        return SN_OK;
    const sn__time_table *table = plan->temporal.nodes ? &tables.by_node : &tables.by_edge;
    if (table->order == NULL || (plan->weighted && table->sums == NULL))
        return no_table(edge->name, "times");
    edge->rows.order = table->order;
    edge->rows.times = table->times;
    if (plan->weighted)
        edge->rows.sums = table->sums;
    return SN_OK;
}

sn_status sn__plan_take_kinds(sn_plan *plan, const sn_plan_options *options,
                              const sn__plan_borrow *borrow)
{
    SN_TRY(check_together(options));
    plan->weighted = options->weighted;
    plan->labor = options->labor;
    plan->layer_dependent = options->layer_dependent;
    if (options->disjoint)
        SN_TRY(take_trees(plan));
    if (options->temporal != NULL)
        SN_TRY(take_temporal(plan, options, borrow != NULL));
    for (int32_t e = 0; e < plan->num_edge_types; e++)
        SN_TRY(take_tables(plan, e));
    return SN_OK;
}
