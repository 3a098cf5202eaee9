/* SPDX-License-Identifier: Apache-2.0 */
/* Plans: options are checked and resolved once, here; nothing that runs per batch can find them
 * wrong. Also the epoch plan: docs/sampling.md, section 2. */
#include "engine/sample/plan.h"

#include "base/mem.h"
#include "base/options_struct.h"
#include "base/tensor.h"
#include "engine/data/dataset.h"

#include <string.h>

enum {
    DEFAULT_BATCH_SIZE = 1024,
    FIRST_OPTIONS = 104,     /* size of sn_plan_options in its first version */
    FIRST_LINK_OPTIONS = 48, /* and of sn_link_options */
};

/* -- Checks ------------------------------------------------------------------------------------ */

static sn_status check_enums(const sn_plan_options *options)
{
    if ((uint32_t)options->dir > SN_DIR_IN)
        return sn__fail(SN_E_INVALID, "plan: dir %d is no direction", (int)options->dir);
    if ((uint32_t)options->uneven > SN_UNEVEN_DROP)
        return sn__fail(SN_E_INVALID, "plan: uneven %d is no policy", (int)options->uneven);
    if ((uint32_t)options->labels > SN_LABELS_SEEDS)
        return sn__fail(SN_E_INVALID, "plan: labels %d is no mode", (int)options->labels);
    if ((uint32_t)options->index > SN_INDEX_INT32)
        return sn__fail(SN_E_INVALID, "plan: index %d is no type", (int)options->index);
    return SN_OK;
}

static sn_status check_numbers(const sn_dataset *dataset, const sn_plan_options *options)
{
    int32_t types = sn_dataset_num_node_types(dataset);
    int64_t world = options->world == 0 ? 1 : options->world;
    if (options->input_type < 0 || options->input_type >= types)
        return sn__fail(SN_E_RANGE, "plan: input_type %d of %d node types", options->input_type,
                        types);
    if (options->batch_size < 0)
        return sn__fail(SN_E_INVALID, "plan: batch_size %lld", (long long)options->batch_size);
    if (options->hops < 0 || options->hops > SN_MAX_HOPS)
        return sn__fail(SN_E_INVALID, "plan: %d hops, allowed are 0 to %d", options->hops,
                        SN_MAX_HOPS);
    if (options->hops > 0 && options->fanout == NULL)
        return sn__fail(SN_E_INVALID, "plan: %d hops without fanout", options->hops);
    if (world < 1 || options->rank < 0 || options->rank >= world)
        return sn__fail(SN_E_INVALID, "plan: rank %lld of %lld", (long long)options->rank,
                        (long long)world);
    return SN_OK;
}

/* -- Seeds ------------------------------------------------------------------------------------- */

static sn_status take_input(sn_plan *plan, const sn_tensor *input, bool borrow)
{
    int64_t nodes = plan->node_counts[plan->input_type];
    if (input == NULL) {
        plan->num_input = nodes;
        return SN_OK;
    }
    if (input->dtype.code != SN_INT || (input->dtype.bits != 32 && input->dtype.bits != 64))
        return sn__fail(SN_E_INVALID, "plan: input is %s, not int32 or int64",
                        sn_dtype_name(input->dtype));
    if (input->ndim != 1 || input->shape[0] < 0)
        return sn__fail(SN_E_INVALID, "plan: input has %d dimensions, not 1", input->ndim);
    SN_TRY(sn__tensor_check(input, "plan: input"));

    plan->num_input = input->shape[0];
    if (!borrow)
        SN_TRY(sn__mem_zalloc((size_t)plan->num_input, sizeof *plan->input_memory, "seeds",
                              &plan->input_memory));
    plan->input = borrow ? input->data : plan->input_memory;
    for (int64_t i = 0; i < plan->num_input; i++) {
        int64_t id = sn__index_at(input, i);
        if (id < 0 || id >= nodes)
            return sn__fail(SN_E_RANGE, "plan: seed %lld at position %lld, the type has %lld nodes",
                            (long long)id, (long long)i, (long long)nodes);
        if (!borrow)
            plan->input_memory[i] = id;
    }
    return SN_OK;
}

void sn__plan_places(const sn_plan *plan, const sn__kernel_ops *ops, uint64_t epoch, int64_t batch,
                     int64_t *out, size_t *count)
{
    int64_t begin = batch * plan->batch_size;
    int64_t left = plan->num_input - begin;
    int64_t n = left < plan->batch_size ? left : plan->batch_size;
    if (plan->shuffle) {
        sn__shuffle shuffle = sn__shuffle_make(plan->seed, epoch, (uint64_t)plan->num_input);
        ops->shuffle(&shuffle, (uint64_t)begin, (size_t)n, out);
    } else {
        for (int64_t i = 0; i < n; i++)
            out[i] = begin + i;
    }
    *count = (size_t)n;
}

void sn__plan_seeds_at(const sn_plan *plan, int64_t *places, size_t count)
{
    for (size_t i = 0; i < count && plan->input != NULL; i++) /* all of these reads at once */
        places[i] = plan->input[places[i]];
}

/* -- Rows and fanouts -------------------------------------------------------------------------- */

static sn_status copy_fanout(sn_plan *plan, const sn_plan_options *options)
{
    size_t hops = (size_t)options->hops, types = (size_t)plan->num_edge_types;
    SN_TRY(sn__mem_zalloc(hops * types, sizeof *plan->fanout, "fanouts", &plan->fanout));
    for (size_t e = 0; e < types; e++)
        for (size_t h = 0; h < hops; h++) {
            int64_t k = options->fanout[options->per_edge_type ? e * hops + h : h];
            if (k < -1 || k > SN_MAX_FANOUT)
                return sn__fail(SN_E_INVALID, "plan: fanout %lld at hop %zu, allowed are -1 to %d",
                                (long long)k, h, SN_MAX_FANOUT);
            plan->fanout[e * hops + h] = k;
        }
    return SN_OK;
}

static sn_status take_rows(sn_plan *plan, int32_t index, bool in)
{
    sn_edge_info info;
    SN_TRY(sn_dataset_edge_type(plan->dataset, index, &info));
    const sn_adjacency *adjacency = in ? &info.csc : &info.csr;
    if (adjacency->indptr == NULL)
        return sn__fail(SN_E_UNSUPPORTED,
                        "edge type %s: the dataset has no %s, which direction %s needs", info.name,
                        in ? "CSC" : "CSR", in ? "in" : "out");
    sn__plan_edge *edge = &plan->edges[index];
    edge->name = info.name;
    edge->from_type = in ? info.dst_type : info.src_type;
    edge->to_type = in ? info.src_type : info.dst_type;
    edge->rows = (sn__rows){
        .indptr = adjacency->indptr,
        .indices = adjacency->indices.data,
        .edge_ids = adjacency->edge_ids,
        .rows = adjacency->rows,
        .edges = info.count,
        .neighbours = plan->node_counts[edge->to_type],
        .wide = adjacency->indices.dtype.bits == 64,
    };
    return SN_OK;
}

/* int32 indices must hold every id that a batch may carry. */
static sn_status check_index_fits(const sn_plan *plan)
{
    for (int32_t t = 0; t < plan->num_node_types; t++)
        if (plan->node_counts[t] > INT32_MAX)
            return sn__fail(SN_E_INVALID, "plan: %lld nodes do not fit int32 indices",
                            (long long)plan->node_counts[t]);
    for (int32_t e = 0; e < plan->num_edge_types && plan->with_edge; e++)
        if (plan->edges[e].rows.edges > INT32_MAX)
            return sn__fail(SN_E_INVALID, "plan: %lld edges of %s do not fit int32 indices",
                            (long long)plan->edges[e].rows.edges, plan->edges[e].name);
    return SN_OK;
}

/* -- The epoch --------------------------------------------------------------------------------- */

static void resolve_epoch(sn_plan *plan, const sn_plan_options *options)
{
    int64_t n = plan->num_input, size = plan->batch_size;
    plan->num_batches = n / size + (!options->drop_last && n % size != 0);
    plan->drop_last = options->drop_last;
    plan->rank = options->rank;
    plan->world = options->world == 0 ? 1 : options->world;

    int64_t batches = plan->num_batches, whole = batches / plan->world,
            rest = batches % plan->world;
    plan->limit = batches;
    plan->uneven = options->uneven == SN_UNEVEN_DEFAULT ? SN_UNEVEN_SHORT : options->uneven;
    if (plan->uneven == SN_UNEVEN_DROP)
        plan->limit = whole * plan->world;
    else if (plan->uneven == SN_UNEVEN_PAD)
        plan->limit = (whole + (rest != 0)) * plan->world;
}

int64_t sn_plan_num_batches(const sn_plan *plan)
{
    return plan->num_batches;
}

int64_t sn_plan_num_steps(const sn_plan *plan)
{
    if (plan->limit <= plan->rank)
        return 0;
    return (plan->limit - plan->rank - 1) / plan->world + 1;
}

sn_status sn_plan_step(const sn_plan *plan, int64_t step, int64_t *batch, bool *padded)
{
    int64_t steps = sn_plan_num_steps(plan);
    if (step < 0 || step >= steps)
        return sn__fail(SN_E_RANGE, "plan: step %lld of %lld", (long long)step, (long long)steps);
    int64_t position = plan->rank + step * plan->world;
    *batch = position % plan->num_batches;
    if (padded != NULL)
        *padded = position >= plan->num_batches;
    return SN_OK;
}

int64_t sn_plan_first_step(const sn_plan *plan, int64_t start)
{
    if (start <= plan->rank)
        return 0;
    return (start - plan->rank - 1) / plan->world + 1;
}

/* -- Life -------------------------------------------------------------------------------------- */

static sn_status take_seeds(sn_plan *plan, const sn_plan_options *options,
                            const sn__plan_borrow *borrow)
{
    if (options->links == NULL)
        return take_input(plan, options->input, borrow != NULL);
    if (options->input != NULL || options->input_type != 0)
        return sn__fail(SN_E_INVALID, "plan: both nodes (input, input_type) and links are given");
    if (options->subgraph)
        return sn__fail(SN_E_INVALID, "plan: subgraph and links are given: subgraphs are induced "
                                      "around nodes");
    sn_link_options links;
    SN_TRY(
        sn__options_read(&links, sizeof links, options->links, FIRST_LINK_OPTIONS, "link options"));
    return sn__plan_take_links(plan, &links, borrow);
}

static sn_status resolve(sn_plan *plan, const sn_plan_options *options,
                         const sn__plan_borrow *borrow)
{
    size_t nodes = (size_t)plan->num_node_types, edges = (size_t)plan->num_edge_types;
    SN_TRY(sn__mem_zalloc(nodes, sizeof *plan->node_counts, "plan", &plan->node_counts));
    SN_TRY(sn__mem_zalloc(edges, sizeof *plan->edges, "plan", &plan->edges));
    for (int32_t t = 0; t < plan->num_node_types; t++) {
        sn_node_info info;
        SN_TRY(sn_dataset_node_type(plan->dataset, t, &info));
        plan->node_counts[t] = info.count;
    }
    plan->dir = options->dir == SN_DIR_IN ? SN_DIR_IN : SN_DIR_OUT;
    for (int32_t e = 0; e < plan->num_edge_types; e++)
        SN_TRY(take_rows(plan, e, plan->dir == SN_DIR_IN));

    plan->input_type = options->input_type;
    plan->batch_size = options->batch_size == 0 ? DEFAULT_BATCH_SIZE : options->batch_size;
    plan->shuffle = options->shuffle;
    plan->seed = options->seed;
    plan->hops = options->hops;
    plan->replace = options->replace;
    plan->with_edge = options->with_edge;
    plan->features = options->features;
    plan->subgraph = options->subgraph;
    plan->labels = options->labels;
    plan->index_dtype = (sn_dtype){ SN_INT, options->index == SN_INDEX_INT32 ? 32 : 64 };
    SN_TRY(copy_fanout(plan, options));
    SN_TRY(take_seeds(plan, options, borrow));
    SN_TRY(sn__plan_take_kinds(plan, options, borrow));
    if (options->index == SN_INDEX_INT32)
        SN_TRY(check_index_fits(plan));
    resolve_epoch(plan, options);
    SN_TRY(sn__plan_list_tensors(plan));
    return sn__plan_bound(plan);
}

sn_status sn__plan_make(sn_dataset *dataset, const sn_plan_options *options,
                        const sn__plan_borrow *borrow, sn_plan **out)
{
    SN_TRY(check_enums(options));
    SN_TRY(check_numbers(dataset, options));

    sn_plan *plan;
    SN_TRY(sn__mem_zalloc(1, sizeof *plan, "plan", &plan));
    atomic_init(&plan->references, 1);
    atomic_init(&plan->hash, 0);
    plan->dataset = sn__dataset_retain(dataset);
    plan->num_node_types = sn_dataset_num_node_types(dataset);
    plan->num_edge_types = sn_dataset_num_edge_types(dataset);
    sn_status status = resolve(plan, options, borrow);
    if (status != SN_OK) {
        sn_plan_release(plan);
        return status;
    }
    *out = plan;
    return SN_OK;
}

sn_status sn_plan_create(sn_dataset *dataset, const sn_plan_options *options, sn_plan **out)
{
    if (dataset == NULL || options == NULL || out == NULL)
        return sn__fail(SN_E_INVALID, "plan: dataset, options and out are needed");
    sn_plan_options known;
    SN_TRY(sn__options_read(&known, sizeof known, options, FIRST_OPTIONS, "plan options"));
    return sn__plan_make(dataset, &known, NULL, out);
}

sn_plan *sn__plan_retain(sn_plan *plan)
{
    atomic_fetch_add_explicit(&plan->references, 1, memory_order_relaxed);
    return plan;
}

void sn_plan_release(sn_plan *plan)
{
    if (plan == NULL || atomic_fetch_sub_explicit(&plan->references, 1, memory_order_acq_rel) > 1)
        return;
    for (int32_t i = 0; i < plan->num_tensors; i++)
        sn__mem_free(plan->tensors[i].name);
    sn__mem_free(plan->tensors);
    sn__mem_free(plan->edges);
    sn__mem_free(plan->node_counts);
    sn__mem_free(plan->fanout);
    sn__mem_free(plan->input_memory);
    sn__mem_free(plan->links.labels_memory);
    sn__mem_free(plan->temporal.memory);
    sn_dataset_release(plan->dataset);
    sn__mem_free(plan);
}
