/* SPDX-License-Identifier: Apache-2.0 */
/* Unpacking a plan that another process wrote, over a small typed dataset.
 *
 * The input is unpacked three times: as it is; with its lengths put right; and with its hash put right
 * too. So damage is seen by the checks behind those. What unpacks samples a batch. */
#include "engine/sample/plan_pack.h"
#include "seine/seine.h"
#include "support/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NODES = 12, EDGES = 24, HEAD = 144 };
/* Words of the header: plan_pack.h. */
enum {
    BYTES = 1,
    HASH = 2,
    NUM_INPUT = 4,
    INPUT_OFFSET = 8,
    FANOUTS = 9,
    TYPE_AND_HOPS = 10,
    FLAGS = 11, /* the low half */
    LABELS_OFFSET = 16,
    LABEL_TYPE = 17
};
enum { LINKS = 32, ALL_LINKS = 64 };

static void require(bool truth, const char *what)
{
    if (!truth) {
        fprintf(stderr, "%s: %s\n", what, sn_error_detail());
        abort();
    }
}

static sn_dataset *dataset_of_two_types(void)
{
    static int64_t out[2][EDGES], back[2][EDGES];
    static float x[NODES][3];
    for (int64_t e = 0; e < EDGES; e++) {
        out[0][e] = back[1][e] = e / 2;
        out[1][e] = back[0][e] = (e * 5 + 1) % NODES;
    }
    sn_node_spec nodes[] = {
        { .name = "a",
          .count = NODES,
          .x = { .tensor = { x, { SN_FLOAT, 32 }, 2, { NODES, 3, 1, 1 } } } },
        { .name = "b", .count = NODES },
    };
    sn_edge_spec edges[] = {
        { .src = "a",
          .rel = "r",
          .dst = "b",
          .edge_index = { .tensor = { out, { SN_INT, 64 }, 2, { 2, EDGES, 1, 1 } } } },
        { .src = "b",
          .rel = "s",
          .dst = "a",
          .edge_index = { .tensor = { back, { SN_INT, 64 }, 2, { 2, EDGES, 1, 1 } } } },
    };
    sn_dataset *dataset;
    require(sn_dataset_create(SN_DATASET_SPEC(.num_node_types = 2, .node_types = nodes,
                                              .num_edge_types = 2, .edge_types = edges),
                              &dataset) == SN_OK,
            "dataset");
    return dataset;
}

static void sample(sn_plan *plan)
{
    sn_sampler *sampler;
    sn_batch *batch;
    if (sn_plan_num_steps(plan) == 0 || sn__plan_bound_bytes(plan) > 1 << 20)
        return;
    sn_status status = sn_sampler_create(plan, &sampler);
    if (status == SN_E_NOMEM)
        return; /* a batch size that fits nowhere */
    require(status == SN_OK, "sampler");
    require(sn_sampler_sample_step(sampler, 1, 0, &batch) == SN_OK, "batch");
    (void)sn_batch_digest(batch);
    sn_batch_release(batch);
    sn_sampler_release(sampler);
}

/* Whether the hash alone was wrong; then it is in *hash. */
static bool unpack(const uint64_t *words, size_t bytes, sn_dataset *dataset, uint64_t *hash)
{
    static const char gives[] = "packed plan: gives hash ";
    sn_plan *plan = NULL;
    sn_status status = sn__plan_unpack((const uint8_t *)words, bytes, dataset, &plan);
    require(status == SN_OK || status == SN_E_CORRUPT || status == SN_E_NOMEM, "status");
    if (status == SN_OK) {
        sample(plan);
        sn_plan_release(plan);
        return false;
    }
    require(plan == NULL, "a plan with an error");
    if (status != SN_E_CORRUPT || strncmp(sn_error_detail(), gives, sizeof gives - 1) != 0)
        return false;
    *hash = strtoull(sn_error_detail() + sizeof gives - 1, NULL, 16);
    return true;
}

static void put_lengths_right(uint64_t *words, size_t bytes)
{
    int32_t hops;
    memcpy(&hops, (const uint8_t *)&words[TYPE_AND_HOPS] + sizeof hops, sizeof hops);
    if (hops < 0 || hops > SN_MAX_HOPS)
        return;
    size_t fanouts = 2 * (size_t)hops, offset = (HEAD + 8 * fanouts + 63) / 64 * 64;
    if (offset > bytes)
        return;
    size_t width = (words[FLAGS] & (LINKS | ALL_LINKS)) == LINKS ? 16 : 8, label = 0;
    if (words[LABELS_OFFSET] != 0)
        label = (words[LABEL_TYPE] & 0xff00) == 0x2000 ? 4 : 8;
    size_t count = (bytes - offset) / (width + label);
    words[BYTES] = offset + count * (width + label);
    words[FANOUTS] = fanouts;
    words[INPUT_OFFSET] = offset;
    words[NUM_INPUT] = count == 0 && width == 8 ? UINT64_MAX : count;
    if (label != 0)
        words[LABELS_OFFSET] = offset + count * width;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sn_dataset *dataset;
    uint64_t hash;
    if (dataset == NULL)
        dataset = dataset_of_two_types();
    size_t bytes = size / 8 * 8;
    uint64_t *words = malloc(size > 0 ? size : 1); /* aligned, and no byte longer */
    require(words != NULL, "malloc");
    if (size > 0)
        memcpy(words, data, size);
    (void)unpack(words, size, dataset, &hash);
    if (bytes >= HEAD) {
        put_lengths_right(words, bytes);
        if (unpack(words, bytes, dataset, &hash)) {
            words[HASH] = hash;
            require(!unpack(words, bytes, dataset, &hash), "hash");
        }
    }
    free(words);
    return 0;
}
