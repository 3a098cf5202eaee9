/* SPDX-License-Identifier: Apache-2.0 */
/* Packing and unpacking plans. What comes out goes through the checks of any new plan, and its hash
 * is compared with that of the packed one. */
#include "engine/sample/plan_pack.h"

#include "base/mem.h"
#include "engine/sample/batch.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum {
    SHUFFLE = 1,
    DROP_LAST = 2,
    REPLACE = 4,
    WITH_EDGE = 8,
    FEATURES = 16,
    LINKS = 32,
    ALL_LINKS = 64,
    NON_STRICT = 128,
    BY_DEGREE = 256,
    REMOVE = 512,
    SUBGRAPH = 1024,
    OF_LINKS = ALL_LINKS | NON_STRICT | BY_DEGREE | REMOVE,
    WEIGHTED = 2048,
    DISJOINT = 4096,
    LABOR = 8192,
    LAYER_DEPENDENT = 16384,
    TEMPORAL = 32768,
    LAST = 65536,
    NODE_TIMES = 131072,
    OF_TEMPORAL = LAST | NODE_TIMES,
    ALL_FLAGS = 262143
};

typedef struct pack_head {
    uint64_t magic, bytes; /* of the whole */
    uint64_t hash;         /* sn__plan_hash_all */
    uint64_t seed;
    int64_t num_input; /* listed seeds or links; -1: none is listed */
    int64_t batch_size, rank, world;
    uint64_t input_offset;
    uint64_t fanouts; /* how many */
    int32_t input_type, hops;
    uint32_t flags;
    int32_t dir, uneven, labels, index;
    /* Of links, else 0. */
    int32_t edge_type, neg, tries;
    double amount;
    uint64_t labels_offset; /* 0: none; one for each pair */
    uint8_t label_code, label_bits, reserved[6];
    /* Of temporal plans, else 0. */
    int64_t window;
    uint64_t times_offset; /* 0: none; one for each seed or pair, before the labels */
} pack_head;
_Static_assert(sizeof(pack_head) == 160, "plan_pack.h says where fanouts begin");

static const uint64_t pack_magic = UINT64_C(0x334e414c504e5331); /* "1SNPLAN3" */

/* -- Packing ----------------------------------------------------------------------------------- */

static uint32_t flags_of(const sn_plan *plan)
{
    return (plan->shuffle ? SHUFFLE : 0u) | (plan->drop_last ? DROP_LAST : 0u) |
           (plan->replace ? REPLACE : 0u) | (plan->with_edge ? WITH_EDGE : 0u) |
           (plan->features ? FEATURES : 0u) | (plan->links.on ? LINKS : 0u) |
           (plan->links.all ? ALL_LINKS : 0u) | (plan->links.non_strict ? NON_STRICT : 0u) |
           (plan->links.by_degree ? BY_DEGREE : 0u) | (plan->links.remove ? REMOVE : 0u) |
           (plan->weighted ? WEIGHTED : 0u) | (plan->disjoint ? DISJOINT : 0u) |
           (plan->labor ? LABOR : 0u) | (plan->layer_dependent ? LAYER_DEPENDENT : 0u) |
           (plan->temporal.on ? TEMPORAL : 0u) | (plan->temporal.last ? LAST : 0u) |
           (plan->temporal.nodes ? NODE_TIMES : 0u) | (plan->subgraph ? SUBGRAPH : 0u);
}

/* Numbers that each listed seed or link has. */
static uint64_t input_width(uint32_t flags)
{
    return (flags & LINKS) != 0 && (flags & ALL_LINKS) == 0 ? 2 : 1;
}

static void describe_links(const sn__plan_links *links, int64_t num_input, pack_head *head)
{
    head->edge_type = links->edge_type;
    head->neg = (int32_t)links->neg;
    head->tries = links->tries;
    head->amount = links->amount;
    if (links->labels.dtype.bits == 0)
        return;
    head->label_code = links->labels.dtype.code;
    head->label_bits = links->labels.dtype.bits;
    head->labels_offset = head->bytes;
    head->bytes += (uint64_t)num_input * (head->label_bits / 8u);
}

static sn_status describe(const sn_plan *plan, pack_head *out)
{
    bool listed = plan->input != NULL;
    size_t fanouts = (size_t)plan->hops * (size_t)plan->num_edge_types;
    pack_head head = {
        .magic = pack_magic,
        .seed = plan->seed,
        .num_input = listed ? plan->num_input : -1,
        .batch_size = plan->batch_size,
        .rank = plan->rank,
        .world = plan->world,
        .fanouts = fanouts,
        .input_type = plan->input_type,
        .hops = plan->hops,
        .flags = flags_of(plan),
        .dir = (int32_t)plan->dir,
        .uneven = (int32_t)plan->uneven,
        .labels = (int32_t)plan->labels,
        .index = plan->index_dtype.bits == 32 ? SN_INDEX_INT32 : SN_INDEX_INT64,
    };
    head.input_offset = sn__align_up(sizeof head + fanouts * sizeof(int64_t));
    head.bytes = head.input_offset;
    if (listed)
        head.bytes += (uint64_t)plan->num_input * sizeof(int64_t) * input_width(head.flags);
    head.window = plan->temporal.window;
    if (plan->temporal.seed_times != NULL) {
        head.times_offset = head.bytes;
        head.bytes += (uint64_t)plan->num_input * sizeof(int64_t);
    }
    describe_links(&plan->links, plan->num_input, &head);
    SN_TRY(sn__plan_hash_all(plan, &head.hash));
    *out = head;
    return SN_OK;
}

sn_status sn__plan_pack(const sn_plan *plan, sn__segment *out)
{
    pack_head head;
    sn__segment made;
    SN_TRY(describe(plan, &head));
    SN_TRY(sn__segment_create("seine-plan", head.bytes, &made));
    memcpy(made.base, &head, sizeof head);
    if (head.fanouts > 0)
        memcpy(made.base + sizeof head, plan->fanout, head.fanouts * sizeof *plan->fanout);
    if (head.num_input > 0)
        memcpy(made.base + head.input_offset, plan->input,
               (size_t)head.num_input * sizeof *plan->input * input_width(head.flags));
    if (head.times_offset > 0 && plan->num_input > 0)
        memcpy(made.base + head.times_offset, plan->temporal.seed_times,
               (size_t)plan->num_input * sizeof(int64_t));
    if (head.labels_offset > 0 && head.bytes > head.labels_offset)
        memcpy(made.base + head.labels_offset, plan->links.labels.data,
               head.bytes - head.labels_offset);
    *out = made;
    return SN_OK;
}

/* -- Unpacking --------------------------------------------------------------------------------- */

static sn_status damaged(const char *what, long long is, long long should)
{
    return sn__fail(SN_E_CORRUPT, "packed plan: %s %lld, expected %lld", what, is, should);
}

/* Whether labels have whole elements; how many there must be says the plan that is made of them. */
static sn_status check_links(const pack_head *head)
{
    static const uint8_t none[sizeof head->reserved] = { 0 };
    bool labels = head->labels_offset != 0;
    uint64_t bytes = labels ? head->bytes - head->labels_offset : 0;
    if (memcmp(head->reserved, none, sizeof none) != 0 ||
        (labels ? head->label_bits != 32 && head->label_bits != 64
                : head->label_bits != 0 || head->label_code != 0) ||
        (labels && bytes % (head->label_bits / 8u) != 0))
        return damaged("bytes of labels", (long long)bytes, head->label_bits / 8);
    bool of_links = labels || head->edge_type != 0 || head->neg != 0 || head->tries != 0 ||
                    head->amount != 0 || signbit(head->amount) || (head->flags & OF_LINKS) != 0;
    if (of_links && (head->flags & LINKS) == 0)
        return sn__fail(SN_E_CORRUPT, "packed plan: says of links what it has not");
    return SN_OK;
}

static uint64_t end_of_times(const pack_head *head)
{
    return head->labels_offset != 0 ? head->labels_offset : head->bytes;
}

/* Whether times are whole; how many there must be says the plan that is made of them. */
static sn_status check_times(const pack_head *head)
{
    uint64_t end = end_of_times(head), begin = head->times_offset;
    if (begin != 0 && (begin > end || begin % sizeof(int64_t) != 0 || end % sizeof(int64_t) != 0))
        return damaged("offset of times", (long long)begin, (long long)end);
    bool of_times = begin != 0 || head->window != 0 || (head->flags & OF_TEMPORAL) != 0;
    if (of_times && (head->flags & TEMPORAL) == 0)
        return sn__fail(SN_E_CORRUPT, "packed plan: says of times what it has not");
    return SN_OK;
}

/* Lengths alone: what the numbers mean is for sn__plan_make to judge. */
static sn_status check_head(const pack_head *head, size_t bytes, const sn_dataset *dataset)
{
    int32_t types = sn_dataset_num_edge_types(dataset);
    if (head->magic != pack_magic)
        return sn__fail(SN_E_CORRUPT, "packed plan: does not begin as one");
    if (head->bytes > bytes)
        return damaged("bytes", (long long)bytes, (long long)head->bytes);
    if (head->hops < 0 || head->hops > SN_MAX_HOPS)
        return damaged("hops", head->hops, SN_MAX_HOPS);
    if (head->fanouts != (uint64_t)head->hops * (uint64_t)types)
        return damaged("fanouts", (long long)head->fanouts, (long long)head->hops * types);
    uint64_t offset = sn__align_up(sizeof *head + head->fanouts * sizeof(int64_t));
    if (head->input_offset != offset)
        return damaged("offset of the seeds", (long long)head->input_offset, (long long)offset);
    uint64_t end = head->times_offset != 0 ? head->times_offset : end_of_times(head);
    uint64_t numbers = head->num_input < 0 ? 0 : (uint64_t)head->num_input;
    if (end > head->bytes || end < offset || end % sizeof(int64_t) != 0 || head->num_input < -1 ||
        numbers != (end - offset) / sizeof(int64_t) / input_width(head->flags) ||
        (end - offset) / sizeof(int64_t) % input_width(head->flags) != 0)
        return damaged("seeds", (long long)head->num_input,
                       end < offset ? 0 : (long long)((end - offset) / sizeof(int64_t)));
    SN_TRY(check_links(head));
    SN_TRY(check_times(head));
    /* Zeros that stand for a default were resolved before. */
    if (head->flags > ALL_FLAGS || head->batch_size < 1 || head->world < 1 || head->dir < 1 ||
        head->uneven < 1 || head->index < 1)
        return sn__fail(SN_E_CORRUPT, "packed plan: flags %#x, batch size %lld, world %lld",
                        head->flags, (long long)head->batch_size, (long long)head->world);
    return SN_OK;
}

/* Views are not written through, though their pointer is not to const. */
static sn_tensor labels_of(const pack_head *head, const uint8_t *base)
{
    if (head->labels_offset == 0)
        return (sn_tensor){ 0 };
    int64_t count = (int64_t)((head->bytes - head->labels_offset) / (head->label_bits / 8u));
    return (sn_tensor){ (void *)(uintptr_t)(base + head->labels_offset),
                        { head->label_code, head->label_bits },
                        1,
                        { count, 1, 1, 1 } };
}

static sn_status make(const pack_head *head, const uint8_t *base, sn_dataset *dataset,
                      sn_plan **out)
{
    void *ids = (void *)(uintptr_t)(base + head->input_offset);
    sn_tensor input = { ids, { SN_INT, 64 }, 1, { head->num_input, 1, 1, 1 } };
    sn_tensor pairs = { ids, { SN_INT, 64 }, 2, { 2, head->num_input, 1, 1 } };
    bool of_links = (head->flags & LINKS) != 0, all = (head->flags & ALL_LINKS) != 0;
    sn_tensor labels = labels_of(head, base);
    sn_link_options links = {
        .struct_size = sizeof links,
        .edge_type = head->edge_type,
        .pairs = all ? NULL : &pairs,
        .labels = head->labels_offset != 0 ? &labels : NULL,
        .neg = (sn_neg_mode)head->neg,
        .amount = head->amount,
        .tries = head->tries,
        .non_strict = (head->flags & NON_STRICT) != 0,
        .by_degree = (head->flags & BY_DEGREE) != 0,
        .remove = (head->flags & REMOVE) != 0,
    };
    sn_tensor times = { (void *)(uintptr_t)(base + head->times_offset),
                        { SN_INT, 64 },
                        1,
                        { (int64_t)((end_of_times(head) - head->times_offset) / sizeof(int64_t)), 1,
                          1, 1 } };
    sn_temporal_options temporal = {
        .struct_size = sizeof temporal,
        .times = (head->flags & NODE_TIMES) != 0 ? SN_TIMES_NODES : SN_TIMES_EDGES,
        .pick = (head->flags & LAST) != 0 ? SN_TEMPORAL_LAST : SN_TEMPORAL_UNIFORM,
        .window = head->window,
        .seed_times = head->times_offset != 0 ? &times : NULL,
    };
    sn__plan_borrow borrow = { .positions = ids, .num_positions = all ? head->num_input : -1 };
    sn_plan_options options = {
        .struct_size = sizeof options,
        .input_type = head->input_type,
        .input = head->num_input >= 0 && !of_links ? &input : NULL,
        .batch_size = head->batch_size,
        .shuffle = (head->flags & SHUFFLE) != 0,
        .drop_last = (head->flags & DROP_LAST) != 0,
        .seed = head->seed,
        .hops = head->hops,
        .fanout = (const int64_t *)(const void *)(base + sizeof *head),
        .per_edge_type = true,
        .dir = (sn_edge_dir)head->dir,
        .replace = (head->flags & REPLACE) != 0,
        .with_edge = (head->flags & WITH_EDGE) != 0,
        .features = (head->flags & FEATURES) != 0,
        .labels = (sn_label_mode)head->labels,
        .index = (sn_index_type)head->index,
        .rank = head->rank,
        .world = head->world,
        .uneven = (sn_uneven)head->uneven,
        .links = of_links ? &links : NULL,
        .weighted = (head->flags & WEIGHTED) != 0,
        .disjoint = (head->flags & DISJOINT) != 0,
        .temporal = (head->flags & TEMPORAL) != 0 ? &temporal : NULL,
        .labor = (head->flags & LABOR) != 0,
        .layer_dependent = (head->flags & LAYER_DEPENDENT) != 0,
        .subgraph = (head->flags & SUBGRAPH) != 0,
    };
    sn_status status = sn__plan_make(dataset, &options, &borrow, out);
    if (status == SN_OK || status == SN_E_NOMEM)
        return status;
    sn_error_context("packed plan");
    return SN_E_CORRUPT;
}

sn_status sn__plan_unpack(const uint8_t *base, size_t bytes, sn_dataset *dataset, sn_plan **out)
{
    pack_head head;
    sn_plan *plan;
    uint64_t hash = 0;
    if (bytes < sizeof head)
        return damaged("bytes", (long long)bytes, (long long)sizeof head);
    memcpy(&head, base, sizeof head);
    SN_TRY(check_head(&head, bytes, dataset));
    SN_TRY(make(&head, base, dataset, &plan));
    sn_status status = sn__plan_hash_all(plan, &hash);
    if (status == SN_OK && hash != head.hash)
        status = sn__fail(SN_E_CORRUPT, "packed plan: gives hash %016llx, was %016llx",
                          (unsigned long long)hash, (unsigned long long)head.hash);
    if (status != SN_OK) {
        sn_plan_release(plan);
        return status;
    }
    *out = plan;
    return SN_OK;
}
