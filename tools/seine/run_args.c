/* SPDX-License-Identifier: Apache-2.0 */
/* The RUN flags: how batches are made, and the loader that they mean. */
#include "tools/seine/kind_args.h"
#include "tools/seine/link_args.h"
#include "tools/seine/loader_args.h"
#include "tools/seine/report.h"
#include "tools/seine/seconds.h"

#include <string.h>

#define AT(member) offsetof(plan_args, member)

static const arg run_args[] = {
    LOAD_ARG(AT(load)),
    WORKERS_ARG(AT(workers)),
    CONCURRENCY_ARG(AT(concurrency)),
    { .name = "--channel-size",
      .value = "0|64MB",
      .text = "shared memory for batches of workers; 0: from the plan and the memory there is",
      .kind = ARG_SIZE,
      .offset = AT(channel_bytes),
      .fallback = "0" },
    { .name = "--stall",
      .value = "SECONDS",
      .text = "a worker that makes no progress for so long is replaced (default 60)",
      .kind = ARG_SECONDS,
      .offset = AT(stall_ns) },
    { .name = "--threads",
      .value = "T",
      .text = "threads that share a batch",
      .kind = ARG_INT,
      .offset = AT(threads),
      .fallback = "1",
      .least = 1,
      .most = SN_MAX_THREADS },
    { .name = "--device",
      .value = "cpu",
      .text = "where the batches are made",
      .kind = ARG_TEXT,
      .offset = AT(device),
      .fallback = "cpu" },
};
const arg_group run_group = ARG_GROUP("Run", run_args);

int plan_args_check(const plan_args *args, const char *name)
{
    if (strncmp(args->device, "cuda", 4) == 0)
        return report_later(name, "--device");
    if (strcmp(args->device, "cpu") != 0)
        return report_usage("--device: '%s' is not cpu", args->device);
    int code = link_args_check(args);
    return code == CODE_DONE ? kind_args_check(args) : code;
}

int loader_open(const plan_args *args, sn_plan *plan, sn_loader **out)
{
    sn_status (*create)(sn_plan *, const sn_loader_options *, sn_loader **) =
        args->links != NULL ? sn_link_loader_create
        : args->subgraph    ? sn_subgraph_loader_create
                            : sn_node_loader_create;
    sn_status st =
        create(plan,
               SN_LOADER_OPTIONS(.workers = (int32_t)args->workers,
                                 .concurrency = (int32_t)args->concurrency,
                                 .threads = (int32_t)args->threads,
                                 .channel_bytes = args->channel_bytes, .stall_ns = args->stall_ns),
               out);
    return st == SN_OK ? CODE_DONE : report_library(st);
}

int loader_take(sn_loader *loader, sn_batch **out)
{
    static const int64_t LOOK_NS = 100000000; /* how often a wait looks for an interruption */
    static const double MOST_SECONDS = 600;
    double start = seconds_now();
    for (;;) {
        sn_status st = sn_loader_next(loader, LOOK_NS, out);
        if (st == SN_E_END)
            *out = NULL;
        if (st == SN_OK || st == SN_E_END)
            return CODE_DONE;
        if (report_signal != 0)
            return report_interrupted();
        if (st != SN_E_TIMEOUT)
            return report_library(st);
        if (seconds_now() - start > MOST_SECONDS)
            return report_failure("no batch for %.0f s", MOST_SECONDS);
    }
}
