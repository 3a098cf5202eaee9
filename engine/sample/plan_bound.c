/* SPDX-License-Identifier: Apache-2.0 */
/* How large a batch can be: the tree of its fanouts, cut off at the counts of the graph. Sums and
 * products stop at UINT64_MAX.
 *
 * Each hop is bounded for itself: what hops before may have used up they need not have used up.
 *
 * With disjoint trees both hold for each of them.
 *
 * Invariants  B1  A node is in one frontier at most, so all hops together give no more nodes of a
 *                 type than there are.
 *             B2  Without replacement a row gives its degree at most, and each row is read once: all
 *                 hops together give no more edges of a type than there are.
 *             B3  An induced subgraph has each edge of the graph once at most, and none of a type of whose
 *                 nodes it has none. */
#include "base/mem.h"
#include "engine/sample/batch.h"

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t times(uint64_t a, uint64_t b)
{
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

/* Most nodes and edges of each type. */
typedef struct bound {
    uint64_t trees;                    /* that may each have what the graph has */
    uint64_t *nodes, *frontier, *next; /* [node type] */
    uint64_t *seeds;                   /* [node type] */
    uint64_t *edges;                   /* [edge type] */
    uint64_t pairs, negatives, inputs;
} bound;

static void expand(const sn_plan *plan, bound *most, int32_t hop)
{
    for (int32_t e = 0; e < plan->num_edge_types; e++) {
        const sn__plan_edge *edge = &plan->edges[e];
        int64_t fanout = plan->fanout[e * plan->hops + hop];
        uint64_t from = most->frontier[edge->from_type];
        uint64_t all = times(most->trees, (uint64_t)edge->rows.edges);
        if (plan->labor && fanout > 0)
            fanout = -1; /* k is what is expected, no limit */
        uint64_t picks = fanout < 0 ? (from > 0 ? all : 0) : times(from, (uint64_t)fanout);
        if (!plan->replace)
            picks = least(picks, all); /* B2 */
        most->edges[e] = plus(most->edges[e], picks);
        if (!plan->replace)
            most->edges[e] = least(most->edges[e], all);
        most->next[edge->to_type] = plus(most->next[edge->to_type], picks);
    }
    for (int32_t t = 0; t < plan->num_node_types; t++) {
        uint64_t all = times(most->trees, (uint64_t)plan->node_counts[t]); /* B1 */
        most->frontier[t] = least(most->next[t], all);
        most->nodes[t] = least(plus(most->nodes[t], most->frontier[t]), all);
        most->next[t] = 0;
    }
}

static void induce(const sn_plan *plan, bound *most)
{
    for (int32_t e = 0; e < plan->num_edge_types; e++) { /* B3 */
        const sn__plan_edge *edge = &plan->edges[e];
        bool ends = most->nodes[edge->from_type] > 0 && most->nodes[edge->to_type] > 0;
        most->edges[e] = ends ? (uint64_t)edge->rows.edges : 0;
    }
}

static uint64_t payload_of(const sn_plan *plan, const bound *most)
{
    uint64_t bytes = 0;
    for (int32_t i = 0; i < plan->num_tensors; i++) {
        const sn__tensor_spec *spec = &plan->tensors[i];
        sn__lengths lengths = { .pairs = most->pairs,
                                .negatives = most->negatives,
                                .inputs = most->inputs };
        if (spec->per == SN__PER_EDGE_TYPE)
            lengths.of_type = most->edges[spec->type];
        if (spec->per == SN__PER_NODE_TYPE) {
            lengths.of_type = most->nodes[spec->type];
            lengths.seeds = most->seeds[spec->type];
        }
        uint64_t size =
            times(sn__tensor_length(plan, spec, &lengths), (uint64_t)sn_tensor_bytes(&spec->like));
        if (size > UINT64_MAX - SN__ALIGN)
            return UINT64_MAX;
        bytes = plus(bytes, sn__align_up(size));
    }
    return bytes;
}

static void begin(const sn_plan *plan, bound *most)
{
    const sn__plan_links *links = &plan->links;
    uint64_t inputs = least((uint64_t)plan->batch_size, (uint64_t)plan->num_input);
    most->inputs = inputs;
    if (links->on) {
        most->pairs = inputs;
        most->negatives = sn__plan_negatives(plan, (size_t)inputs);
        most->seeds[links->src_type] += inputs + (links->per_pair > 0 ? 0 : most->negatives);
        most->seeds[links->dst_type] += inputs + most->negatives;
    } else {
        most->seeds[plan->input_type] = inputs;
    }
    most->trees = plan->disjoint ? sn__plan_trees(plan, (size_t)inputs) : 1;
    for (int32_t t = 0; t < plan->num_node_types; t++) {
        if (!plan->disjoint)
            most->seeds[t] = least(most->seeds[t], (uint64_t)plan->node_counts[t]);
        most->nodes[t] = most->frontier[t] = most->seeds[t];
    }
}

sn_status sn__plan_bound(sn_plan *plan)
{
    size_t types = (size_t)plan->num_node_types, edges = (size_t)plan->num_edge_types;
    uint64_t *block;
    SN_TRY(sn__mem_zalloc(4 * types + edges, sizeof *block, "bound of a plan", &block));
    bound most = { .nodes = block,
                   .frontier = block + types,
                   .next = block + 2 * types,
                   .seeds = block + 3 * types,
                   .edges = block + 4 * types };
    begin(plan, &most);
    for (int32_t hop = 0; hop < plan->hops; hop++)
        expand(plan, &most, hop);
    if (plan->subgraph)
        induce(plan, &most);
    plan->bound_bytes = payload_of(plan, &most);
    sn__mem_free(block);
    return SN_OK;
}

uint64_t sn__plan_bound_bytes(const sn_plan *plan)
{
    return plan->bound_bytes;
}
