/* SPDX-License-Identifier: Apache-2.0 */
/* Section 11 of docs/sampling.md: all edges among the nodes that the hops reached. */
#include "reference_inside.h"

#include <stdlib.h>

static int compare_ids(const void *pa, const void *pb)
{
    const int64_t *a = pa;
    const int64_t *b = pb;
    return *a < *b ? -1 : *a > *b;
}

/* There is one tree, so every node is in the list once and has no older local id. */
static void sort_nodes(node_state *state)
{
    if (state->nodes.len == 0) {
        return;
    }
    qsort(state->nodes.ids, (size_t)state->nodes.len, sizeof(int64_t), compare_ids);
    for (int64_t i = 0; i < state->nodes.len; i++) {
        state->newest[state->nodes.ids[i]] = i;
    }
}

/* The edges of type e that the hops took are forgotten. */
static void induce_edges(sampler *s, int e)
{
    edge_state *edges = &s->edges[e];
    const node_state *from = &s->nodes[edges->source];
    edges->row.len = 0;
    edges->col.len = 0;
    edges->edge.len = 0;
    for (int64_t i = 0; i < from->nodes.len; i++) {
        int64_t degree;
        const neighbour *row = ref_row_of(&edges->rows, from->nodes.ids[i], &degree);
        for (int64_t p = 0; p < degree; p++) {
            int64_t local = ref_local_id(&s->nodes[edges->target], 0, row[p].node);
            if (local >= 0) {
                ref_list_push(&edges->row, local);
                ref_list_push(&edges->col, i);
                ref_list_push(&edges->edge, row[p].edge);
            }
        }
    }
}

void ref_induce(sampler *s)
{
    for (int t = 0; t < s->graph->num_node_types; t++) {
        sort_nodes(&s->nodes[t]);
    }
    for (int e = 0; e < s->graph->num_edge_types; e++) {
        induce_edges(s, e);
    }
}

void ref_induced_deliver(const sampler *s, ref_batch *batch)
{
    const ref_plan *plan = s->plan;
    id_list places = { 0 };
    for (int64_t i = 0; i < s->inputs.len; i++) {
        int64_t v = plan->input[s->inputs.ids[i]];
        ref_list_push(&places, ref_local_id(&s->nodes[plan->seed_type], 0, v));
    }
    const char *type = s->graph->node_types[plan->seed_type].name;
    ref_add_index(batch, ref_full_name(s, type, "mapping"), &places, places.len);
    free(places.ids);
}
