/* SPDX-License-Identifier: Apache-2.0 */
/* The flags that say what is sampled and how (INPUT, PLAN and RUN), and the stream of batches that
 * they mean. */
#ifndef TOOLS_SEINE_PLAN_ARGS_H
#define TOOLS_SEINE_PLAN_ARGS_H

#include "seine/seine.h"
#include "tools/seine/args.h"

/* The first member of a command's values, so that the groups' offsets hold. */
typedef struct plan_args {
    const char *input, *input_type; /* input NULL: all */
    const char *links, *edge_type, *link_labels, *neg;
    bool non_strict, neg_by_degree, remove_links;
    bool weighted, disjoint, labor, layer_dependent;
    int temporal; /* position in uniform|last, -1: not given */
    int times;    /* position in edges|nodes, likewise */
    const char *seed_times;
    int64_t window;
    const char *fanout;
    int64_t batch_size;
    int edge_dir; /* position in out|in */
    bool replace, shuffle, drop_last;
    uint64_t seed;
    int64_t epoch, epochs, start_batch, batches;
    const char *shard;
    int uneven;
    bool subgraph, with_edge, features;
    int labels; /* position in all|seeds, -1: not given */
    int index;
    int64_t workers, concurrency, threads;
    uint64_t channel_bytes;
    int64_t stall_ns;
    const char *device;
    int load; /* position in map|memory, -1: not given */
} plan_args;

extern const arg_group input_group, link_group, kind_group, plan_group, run_group;
/* What later versions add to these groups. */
#define PLAN_LATER "--ranks", "--transport", "--connect", "--secret"

/* A dataset, its plan, and the part of the plan that is asked for: steps [first, end) of each
 * epoch, which are this rank's at positions [start, stop), stop -1: the epoch's end. */
typedef struct stream {
    sn_dataset *dataset;
    sn_plan *plan;
    int64_t first, end;
    int64_t start, stop;
    int64_t world; /* ranks: positions between two steps */
} stream;

/* What is wrong with the values together, or has no use in this version. `name` is the command's. Returns
 * the exit code; on failure the line is printed. */
int plan_args_check(const plan_args *args, const char *name);
/* Opens `path` as --load says (position in map|memory, -1: not given). Returns the exit code. */
int dataset_load(const char *path, int load, sn_dataset **out);
/* Makes the plan over `dataset`, which is kept by the plan too. On CODE_DONE *out is NEW
 * (stream_close). */
int stream_open(const plan_args *args, sn_dataset *dataset, stream *out);
void stream_close(stream *self);

/* A loader over the plan, as the RUN flags say. *out is NEW (sn_loader_release). Returns the exit
 * code. */
int loader_open(const plan_args *args, sn_plan *plan, sn_loader **out);
/* The next batch, or NULL at the end of the epoch. *out is NEW. Returns the exit code, also of an
 * interruption, which is looked for while it waits. */
int loader_take(sn_loader *loader, sn_batch **out);

#endif
