/* SPDX-License-Identifier: Apache-2.0 */
/* What a plan is, in 64 bits. Numbers are hashed as 64-bit words in a fixed order, so that the
 * layout of structs does not matter. */
#include "base/status.h"
#include "engine/sample/plan.h"

#include <string.h>

#define XXH_INLINE_ALL /* the state's size is not part of the shared library's ABI */
#include <xxhash.h>

/* Behind plans of subgraphs: "SUBGRAPH". Others are hashed as if there were none. */
static const uint64_t subgraph_mark = UINT64_C(0x4850415247425553);

static void add(XXH3_state_t *state, const void *data, size_t bytes)
{
    if (bytes > 0) /* no edge types: no fanouts */
        (void)XXH3_64bits_update(state, data, bytes);
}

static void add_word(XXH3_state_t *state, uint64_t word)
{
    add(state, &word, sizeof word);
}

static void add_links(XXH3_state_t *state, const sn__plan_links *links)
{
    uint64_t amount;
    memcpy(&amount, &links->amount, sizeof amount);
    const uint64_t words[] = {
        (uint64_t)links->edge_type, links->all,
        (uint64_t)links->neg,       amount,
        (uint64_t)links->tries,     links->non_strict,
        links->by_degree,           links->remove,
        links->labels.dtype.code,   links->labels.dtype.bits,
    };
    add(state, words, sizeof words);
    if (links->labels.dtype.bits != 0)
        add(state, links->labels.data, (size_t)sn_tensor_bytes(&links->labels));
}

/* Plans of uniform neighbours have nothing to add. */
static void add_kinds(XXH3_state_t *state, const sn_plan *plan)
{
    const sn__plan_temporal *temporal = &plan->temporal;
    if (!plan->weighted && !plan->disjoint && !plan->labor)
        return;
    const uint64_t words[] = {
        plan->weighted,
        plan->disjoint,
        plan->labor,
        plan->layer_dependent,
        temporal->on,
        temporal->nodes,
        temporal->last,
        (uint64_t)temporal->window,
        temporal->seed_times != NULL,
    };
    add(state, words, sizeof words);
    if (temporal->seed_times != NULL)
        add(state, temporal->seed_times, (size_t)plan->num_input * sizeof(int64_t));
}

static uint64_t compute(const sn_plan *plan, const char *fingerprint)
{
    XXH3_state_t state;
    (void)XXH3_64bits_reset(&state);
    add(&state, fingerprint, strlen(fingerprint));
    const uint64_t words[] = {
        (uint64_t)plan->input_type,
        (uint64_t)plan->batch_size,
        plan->shuffle,
        plan->drop_last,
        plan->seed,
        (uint64_t)plan->hops,
        (uint64_t)plan->dir,
        plan->replace,
        plan->with_edge,
        plan->features,
        (uint64_t)plan->labels,
        plan->index_dtype.bits,
        (uint64_t)plan->num_edge_types,
        (uint64_t)plan->num_input,
        plan->input != NULL,
    };
    add(&state, words, sizeof words);
    add(&state, plan->fanout,
        (size_t)plan->hops * (size_t)plan->num_edge_types * sizeof *plan->fanout);
    if (plan->input != NULL && !plan->links.all) /* all: a function of the dataset */
        add(&state, plan->input,
            (size_t)plan->num_input * sizeof *plan->input * (plan->links.on ? 2 : 1));
    if (plan->links.on)
        add_links(&state, &plan->links);
    add_kinds(&state, plan);
    if (plan->subgraph)
        add_word(&state, subgraph_mark);
    uint64_t hash = XXH3_64bits_digest(&state);
    return hash != 0 ? hash : 1; /* 0 says that it is not known */
}

sn_status sn__plan_hash(const sn_plan *plan, uint64_t *out)
{
    sn_plan *self = (sn_plan *)(uintptr_t)plan; /* P1 */
    /* Relaxed: the word is all there is. Two threads may compute it, and store the same. */
    uint64_t hash = atomic_load_explicit(&self->hash, memory_order_relaxed);
    if (hash == 0) {
        const char *fingerprint;
        SN_TRY(sn_dataset_fingerprint(plan->dataset, &fingerprint));
        hash = compute(plan, fingerprint);
        atomic_store_explicit(&self->hash, hash, memory_order_relaxed);
    }
    *out = hash;
    return SN_OK;
}

sn_status sn__plan_hash_all(const sn_plan *plan, uint64_t *out)
{
    XXH3_state_t state;
    uint64_t stream;
    SN_TRY(sn__plan_hash(plan, &stream));
    (void)XXH3_64bits_reset(&state);
    add_word(&state, stream);
    add_word(&state, (uint64_t)plan->rank);
    add_word(&state, (uint64_t)plan->world);
    add_word(&state, (uint64_t)plan->uneven);
    *out = XXH3_64bits_digest(&state);
    return SN_OK;
}
