/* SPDX-License-Identifier: Apache-2.0 */
#include "command/contract.h"

#include <stddef.h>

#define SWITCH(name)                  \
    {                                 \
        name, FLAG_SWITCH, NULL, 0, 0 \
    }
#define NUMBER(name, good, least, most)   \
    {                                     \
        name, FLAG_INT, good, least, most \
    }
#define SEED(name)                 \
    {                              \
        name, FLAG_SEED, "7", 0, 0 \
    }
#define CHOICE(name, choices)            \
    {                                    \
        name, FLAG_CHOICE, choices, 0, 0 \
    }
#define TEXT(name, good)            \
    {                               \
        name, FLAG_TEXT, good, 0, 0 \
    }
#define SIZE(name)                    \
    {                                 \
        name, FLAG_SIZE, "64MB", 0, 0 \
    }
#define SECONDS(name)                   \
    {                                   \
        name, FLAG_SECONDS, "0.5", 0, 0 \
    }
#define COUNT(table) (int)(sizeof(table) / sizeof *(table))

static const flag import_flags[] = {
    TEXT("--manifest", "ring.json"),
    TEXT("--edges", "cites.npy"),
    NUMBER("--num-nodes", "12", 1, (int64_t)1 << 48),
    TEXT("--node-feat", "x.npy"),
    TEXT("--edge-feat", "ex.npy"),
    TEXT("--labels", "y.npy"),
    TEXT("--weights", "ew.npy"),
    TEXT("--times", "et.npy"),
    TEXT("--node-times", "times.npy"),
    SWITCH("--undirected"),
    TEXT("--out", "out"),
    CHOICE("--layout", "both|csr|csc"),
    SEED("--shuffle-ends"),
};
static const char *const import_later[] = { "--glt", NULL };

static const flag gen_flags[] = {
    NUMBER("--scale", "4", 1, 40),
    NUMBER("--nodes", "10", 1, (int64_t)1 << 40),
    NUMBER("--degree", "3", 0, 1 << 20),
    TEXT("--probs", ".5,.2,.2"),
    SWITCH("--undirected"),
    SEED("--seed"),
    NUMBER("--feat-dim", "4", 0, 1 << 20),
    CHOICE("--feat-dtype", "float32|float16"),
    NUMBER("--classes", "3", 1, INT32_MAX),
    CHOICE("--layout", "both|csr|csc"),
    TEXT("--out", "out"),
    SWITCH("--weights"),
    SWITCH("--times"),
};

static const flag inspect_flags[] = { SWITCH("--json"), SWITCH("--verify") };
static const flag doctor_flags[] = { SWITCH("--json") };

#define INPUT_FLAGS TEXT("--input", "all"), TEXT("--input-type", "node")
#define LINK_FLAGS                                                                              \
    TEXT("--links", "all"), TEXT("--edge-type", "node__to__node"),                              \
        TEXT("--link-labels", "labels.npy"), TEXT("--neg", "binary:1"), SWITCH("--non-strict"), \
        SWITCH("--neg-by-degree"), SWITCH("--remove-links")
#define KIND_FLAGS                                                                    \
    SWITCH("--weighted"), SWITCH("--disjoint"), CHOICE("--temporal", "uniform|last"), \
        CHOICE("--times", "edges|nodes"), TEXT("--seed-times", "times.npy"),          \
        NUMBER("--window", "5", 1, INT64_MAX), SWITCH("--labor"), SWITCH("--layer-dependent")
#define PLAN_FLAGS                                                                         \
    TEXT("--fanout", "2,2"), NUMBER("--batch-size", "4", 1, INT64_MAX),                    \
        CHOICE("--edge-dir", "out|in"), SWITCH("--replace"), SWITCH("--shuffle"),          \
        SWITCH("--drop-last"), SEED("--seed"), NUMBER("--epoch", "1", 0, INT64_MAX),       \
        NUMBER("--epochs", "2", 1, INT32_MAX), NUMBER("--start-batch", "0", 0, INT64_MAX), \
        NUMBER("--batches", "1", 0, INT64_MAX), TEXT("--shard", "0/2"),                    \
        CHOICE("--uneven", "short|pad|drop"), SWITCH("--subgraph"), SWITCH("--with-edge"), \
        SWITCH("--features"), CHOICE("--labels", "all|seeds"), CHOICE("--index", "int64|int32")
#define RUN_FLAGS                                                                        \
    CHOICE("--load", "map|memory"), NUMBER("--workers", "0", 0, 256),                    \
        NUMBER("--concurrency", "1", 1, 32), SIZE("--channel-size"), SECONDS("--stall"), \
        NUMBER("--threads", "1", 1, 256), TEXT("--device", "cpu")

static const flag sample_flags[] = {
    INPUT_FLAGS, LINK_FLAGS, KIND_FLAGS,
    PLAN_FLAGS,  RUN_FLAGS,  CHOICE("--format", "digest|json|none")
};
#define BENCH_FLAGS                                                                     \
    TEXT("--dataset", "@ring"), NUMBER("--scale", "4", 4, 30),                          \
        NUMBER("--feat-dim", "4", 1, 1 << 16), NUMBER("--runs", "1", 1, 10000),         \
        NUMBER("--size", "64", 64, 1 << 17), SWITCH("--json"), INPUT_FLAGS, LINK_FLAGS, \
        KIND_FLAGS, PLAN_FLAGS, RUN_FLAGS
static const flag bench_flags[] = { BENCH_FLAGS };
static const flag bench_sample_flags[] = { BENCH_FLAGS, CHOICE("--beside", "small-pages|typed") };
static const char *const plan_later[] = { "--ranks", "--transport", "--connect", "--secret", NULL };

static const flag loader_flags[] = { TEXT("--dataset", "@ring"),
                                     NUMBER("--scale", "4", 4, 30),
                                     NUMBER("--feat-dim", "4", 1, 1 << 16),
                                     NUMBER("--runs", "1", 1, 10000),
                                     NUMBER("--size", "64", 64, 1 << 17),
                                     SWITCH("--json"),
                                     INPUT_FLAGS,
                                     LINK_FLAGS,
                                     KIND_FLAGS,
                                     PLAN_FLAGS,
                                     CHOICE("--load", "map|memory"),
                                     NUMBER("--workers", "1", 1, 256),
                                     NUMBER("--concurrency", "1", 1, 32),
                                     NUMBER("--threads", "1", 1, 256),
                                     SIZE("--channel-size") };
static const char *const loader_later[] = { "--ranks", "--transport", "--device", "--stall", NULL };
static const flag channel_flags[] = { NUMBER("--runs", "1", 1, 10000), SWITCH("--json") };
static const char *const channel_later[] = { "--workers", "--threads", "--device", "--dataset",
                                             NULL };
static const flag bench_import_flags[] = {
    TEXT("--edges", "cites.npy"),        NUMBER("--scale", "4", 4, 30),
    NUMBER("--degree", "2", 1, 1 << 12), NUMBER("--threads", "1", 1, 64),
    NUMBER("--runs", "1", 1, 10000),     SWITCH("--json")
};
static const char *const bench_import_later[] = { "--workers", "--device", "--dataset", NULL };
static const flag open_flags[] = { TEXT("--dataset", "@ring"), NUMBER("--scale", "4", 4, 30),
                                   NUMBER("--runs", "1", 1, 10000), SWITCH("--json") };
static const char *const open_later[] = { "--workers", "--device", "--threads", NULL };
static const flag top_flags[] = { SWITCH("--json") };

static const flag limits_flags[] = { NUMBER("--threads", "1", 1, 1024),
                                     NUMBER("--runs", "1", 1, 1000),
                                     NUMBER("--size", "64", 64, 1 << 17), SWITCH("--json") };
static const char *const limits_later[] = { "--workers", "--dataset", "--device", NULL };

static const flag train_flags[] = {
    TEXT("--fanout", "2,2"),
    NUMBER("--batch-size", "4", 1, INT32_MAX),
    NUMBER("--epochs", "1", 1, INT32_MAX),
    NUMBER("--hidden", "4", 1, 1 << 16),
    SEED("--seed"),
    CHOICE("--edge-dir", "out|in"),
    SWITCH("--baselines"),
    SWITCH("--json"),
    CHOICE("--load", "map|memory"),
    NUMBER("--threads", "1", 1, 1024),
    NUMBER("--workers", "0", 0, 256),
    NUMBER("--concurrency", "1", 1, 32),
    TEXT("--device", "cpu"),
};
static const char *const train_later[] = { "--connect", "--secret", NULL };
static const char *const none_later[] = { NULL };

const flagged all_flagged[FLAGGED] = {
    { "import", "import --edges cites.npy --out out", import_flags, COUNT(import_flags),
      import_later },
    { "gen rmat", "gen rmat --nodes 10 --degree 3 --out out", gen_flags, COUNT(gen_flags),
      none_later },
    { "inspect", "inspect @ring", inspect_flags, COUNT(inspect_flags), none_later },
    { "sample", "sample @ring --fanout 2", sample_flags, COUNT(sample_flags), plan_later },
    { "train", "train @ring --epochs 1", train_flags, COUNT(train_flags), train_later },
    { "bench limits", "bench limits --runs 1", limits_flags, COUNT(limits_flags), limits_later },
    { "bench sample", "bench sample --dataset @ring --runs 1", bench_sample_flags,
      COUNT(bench_sample_flags), plan_later },
    { "bench gather", "bench gather --dataset @ring --runs 1", bench_flags, COUNT(bench_flags),
      plan_later },
    { "bench loader", "bench loader --dataset @ring --runs 1", loader_flags, COUNT(loader_flags),
      loader_later },
    { "bench channel", "bench channel --runs 1", channel_flags, COUNT(channel_flags),
      channel_later },
    { "bench import", "bench import --edges cites.npy --runs 1", bench_import_flags,
      COUNT(bench_import_flags), bench_import_later },
    { "bench open", "bench open --dataset @ring --runs 1", open_flags, COUNT(open_flags),
      open_later },
    { "top", "top", top_flags, COUNT(top_flags), none_later },
    { "doctor", "doctor", doctor_flags, COUNT(doctor_flags), none_later },
};
