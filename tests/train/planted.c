/* SPDX-License-Identifier: Apache-2.0 */
/* The planted graph, in memory and as files. */
#include "planted.h"

#include <check.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "examples/train/random.h"

static int64_t below(struct random_stream *random, int64_t limit)
{
    return (int64_t)(random_next(random) % (uint64_t)limit);
}

static sn_source borrow(const void *data, sn_dtype dtype, int32_t ndim, int64_t d0, int64_t d1)
{
    return (sn_source){ .tensor = { .data = (void *)(uintptr_t)data,
                                    .dtype = dtype,
                                    .ndim = ndim,
                                    .shape = { d0, d1, 1, 1 } },
                        .keep = SN_KEEP_BORROW };
}

static void describe(struct planted *planted)
{
    const sn_dtype int64 = { SN_INT, 64 }, float32 = { SN_FLOAT, 32 };
    const int64_t *split = planted->splits;

    planted->node = (sn_node_spec){
        .count = PLANTED_NODES,
        .x = borrow(planted->x, float32, 2, PLANTED_NODES, PLANTED_CLASSES),
        .y = borrow(planted->y, int64, 1, PLANTED_NODES, 1),
        .train = borrow(split, int64, 1, PLANTED_TRAIN, 1),
        .val = borrow(split + PLANTED_TRAIN, int64, 1, PLANTED_VAL, 1),
        .test = borrow(split + PLANTED_TRAIN + PLANTED_VAL, int64, 1, PLANTED_TEST, 1),
    };
    planted->edge =
        (sn_edge_spec){ .edge_index = borrow(planted->edges, int64, 2, 2, PLANTED_EDGES) };
}

struct planted *planted_make(uint64_t seed)
{
    struct planted *planted = calloc(1, sizeof(*planted));
    struct random_stream random = random_open(seed, 0);

    ck_assert_ptr_nonnull(planted);
    for (int64_t i = 0; i < PLANTED_NODES; i++) {
        planted->y[i] = below(&random, 20) == 0 ? -1 : below(&random, PLANTED_CLASSES);
        for (int64_t c = 0; c < PLANTED_CLASSES; c++) /* the colour of node i is i % CLASSES */
            planted->x[i * PLANTED_CLASSES + c] =
                random_uniform(&random, -0.25F, 0.25F) + (i % PLANTED_CLASSES == c ? 1.0F : 0.0F);
    }
    for (int64_t e = 0; e < PLANTED_EDGES; e++) {
        int64_t from = e / PLANTED_DEGREE, to = below(&random, PLANTED_NODES);
        if (planted->y[from] >= 0 && below(&random, 8) != 0)
            to += planted->y[from] - to % PLANTED_CLASSES;
        planted->edges[0][e] = from;
        planted->edges[1][e] = to;
    }
    for (int64_t i = 0; i < PLANTED_NODES; i++) /* inside out */
        planted->splits[i] = i;
    for (int64_t i = PLANTED_NODES - 1; i > 0; i--) {
        int64_t j = below(&random, i + 1), kept = planted->splits[i];
        planted->splits[i] = planted->splits[j];
        planted->splits[j] = kept;
    }
    describe(planted);
    return planted;
}

sn_dataset *planted_dataset(const struct planted *planted)
{
    sn_dataset *dataset = NULL;
    sn_status status =
        sn_dataset_create(SN_DATASET_SPEC(.num_node_types = 1, .node_types = &planted->node,
                                          .num_edge_types = 1, .edge_types = &planted->edge),
                          &dataset);

    ck_assert_msg(status == SN_OK, "%s", sn_error_detail());
    return dataset;
}

static void save(const sn_source *source, const char *directory, const char *name)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s.npy", directory, name);
    ck_assert_msg(sn_tensor_save(&source->tensor, path) == SN_OK, "%s", sn_error_detail());
}

void planted_import(const struct planted *planted, const char *directory)
{
    char manifest[PATH_MAX], out[PATH_MAX];

    save(&planted->node.x, directory, "x");
    save(&planted->node.y, directory, "y");
    save(&planted->node.train, directory, "train");
    save(&planted->node.val, directory, "val");
    save(&planted->node.test, directory, "test");
    save(&planted->edge.edge_index, directory, "edges");
    snprintf(manifest, sizeof(manifest), "%s/manifest.json", directory);
    snprintf(out, sizeof(out), "%s/dataset", directory);
    FILE *file = fopen(manifest, "w");
    ck_assert_ptr_nonnull(file);
    fprintf(file,
            "{\"format\": \"seine-import-1\", \"node_types\": {\"node\": {\"count\": %d,\n"
            "  \"x\": {\"file\": \"x.npy\"}, \"y\": {\"file\": \"y.npy\"}, \"splits\": {\n"
            "  \"train\": \"train.npy\", \"val\": \"val.npy\", \"test\": \"test.npy\"}}},\n"
            " \"edge_types\": [{\"type\": [\"node\", \"to\", \"node\"],\n"
            "  \"files\": [\"edges.npy\"]}]}\n",
            PLANTED_NODES);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_msg(sn_import_manifest(manifest, out, NULL) == SN_OK, "%s", sn_error_detail());
}
