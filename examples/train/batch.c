/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a batch. Tensors are found by name (docs/sampling.md, section 4); index tensors are
 * int64, because the plans here do not ask for int32. */
#include "batch.h"

#include "convert.h"

static const int64_t *find_indices(const sn_batch *batch, const char *name)
{
    return sn_batch_find(batch, name)->data;
}

/* Counts per hop to counts within hops. */
static void add_up(const int64_t *counts, int32_t entries, int64_t *within)
{
    int64_t sum = 0;

    for (int32_t h = 0; h < entries; h++)
        within[h] = sum += counts[h];
}

bool batch_read(const sn_batch *batch, struct floats *converted, struct sage_input *input)
{
    const sn_tensor *x = sn_batch_find(batch, "x");
    int32_t hops = (int32_t)sn_batch_find(batch, "num_sampled_edges")->shape[0];

    *input = (struct sage_input){ .row = find_indices(batch, "row"),
                                  .col = find_indices(batch, "col"),
                                  .hops = hops };
    add_up(find_indices(batch, "num_sampled_nodes"), hops + 1, input->nodes_within);
    add_up(find_indices(batch, "num_sampled_edges"), hops, input->edges_within + 1);
    if (x == NULL)
        return true;
    if (x->dtype.code == SN_FLOAT && x->dtype.bits == 32) {
        input->x = x->data;
        return true;
    }
    if (!floats_reserve(converted, sn_tensor_count(x), 1))
        return false;
    convert_floats(x, converted->data);
    input->x = converted->data;
    return true;
}
