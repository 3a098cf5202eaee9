/* SPDX-License-Identifier: Apache-2.0 */
/* An epoch made by two workers from arrays in memory.  cc hello.c $(pkg-config --cflags --libs seine) */
#include <seine/seine.h>
#include <stdio.h>

int main(void)
{
    int64_t edges[2][8] = { { 0, 0, 1, 1, 2, 2, 3, 3 }, { 1, 2, 2, 3, 3, 0, 0, 1 } };
    int64_t fanout[] = { 2, 2 };
    sn_node_spec nodes = { .count = 4 };
    sn_edge_spec links = { .edge_index.tensor = { edges, { SN_INT, 64 }, 2, { 2, 8, 1, 1 } } };
    sn_dataset_spec *spec = SN_DATASET_SPEC(.num_node_types = 1, .node_types = &nodes,
                                            .num_edge_types = 1, .edge_types = &links);
    sn_plan_options *options = SN_PLAN_OPTIONS(.batch_size = 2, .hops = 2, .fanout = fanout);
    sn_dataset *dataset = NULL;
    sn_plan *plan = NULL;
    sn_loader *loader = NULL;
    sn_batch *batch = NULL;
    sn_status status;

    if (sn_dataset_create(spec, &dataset) || sn_plan_create(dataset, options, &plan) ||
        sn_node_loader_create(plan, SN_LOADER_OPTIONS(.workers = 2), &loader) ||
        sn_loader_begin(loader, 0))
        return fprintf(stderr, "hello: %s\n", sn_error_detail()), 1;
    while ((status = sn_loader_next(loader, SN_WAIT_DEFAULT, &batch)) == SN_OK) {
        const int64_t *node = sn_batch_find(batch, "node")->data; /* ids; row and col index them */
        const int64_t *row = sn_batch_find(batch, "row")->data;
        const int64_t *col = sn_batch_find(batch, "col")->data;
        for (int64_t e = 0; e < sn_batch_get_info(batch).num_edges; e++)
            printf("%lld -> %lld\n", (long long)node[row[e]], (long long)node[col[e]]);
        sn_batch_release(batch);
    }
    sn_loader_release(loader);
    sn_plan_release(plan);
    sn_dataset_release(dataset);
    return status == SN_E_END ? 0 : 1;
}
