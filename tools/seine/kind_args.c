/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/seine/kind_args.h"

#include "tools/seine/report.h"

#define AT(member) offsetof(plan_args, member)

static const arg kind_flags[] = {
    { .name = "--weighted",
      .text = "pick neighbours in proportion to the edges' weights",
      .kind = ARG_SWITCH,
      .offset = AT(weighted) },
    { .name = "--disjoint",
      .text = "a tree for each seed, which shares no node with the others",
      .kind = ARG_SWITCH,
      .offset = AT(disjoint) },
    { .name = "--temporal",
      .text = "only edges that are not later than the seed: uniformly, or the last ones; with "
              "--disjoint",
      .kind = ARG_CHOICE,
      .offset = AT(temporal),
      .choices = "uniform|last" },
    { .name = "--times",
      .text = "whose times count: those of edges, or of neighbours; else what the dataset has, "
              "edges first",
      .kind = ARG_CHOICE,
      .offset = AT(times),
      .choices = "edges|nodes" },
    { .name = "--seed-times",
      .value = "FILE.npy",
      .text = "a time for each seed or link [N] int64, where they have none of their own",
      .kind = ARG_TEXT,
      .offset = AT(seed_times) },
    { .name = "--window",
      .value = "T",
      .text = "only edges later than the seed's time less T",
      .kind = ARG_INT,
      .offset = AT(window),
      .least = 1,
      .most = INT64_MAX },
    { .name = "--labor",
      .text = "LABOR: rows of a hop agree on their neighbours, so that there are fewer of them",
      .kind = ARG_SWITCH,
      .offset = AT(labor) },
    { .name = "--layer-dependent",
      .text = "and hops agree too",
      .kind = ARG_SWITCH,
      .offset = AT(layer_dependent) },
};
const arg_group kind_group = ARG_GROUP("Kind", kind_flags);

/* What contradicts each other, whatever the dataset is. */
static int check_pairs(const plan_args *args)
{
    const bool last = args->temporal == SN_TEMPORAL_LAST;
    const struct {
        bool given;
        const char *one, *other;
    } pairs[] = {
        { args->labor && args->replace, "--labor", "--replace" },
        { args->labor && args->weighted, "--labor", "--weighted" },
        { args->labor && args->disjoint, "--labor", "--disjoint" },
        { args->subgraph && args->disjoint, "--subgraph", "--disjoint" },
        { last && args->weighted, "--temporal last", "--weighted" },
        { last && args->replace, "--temporal last", "--replace" },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (pairs[i].given)
            return report_usage("%s: not together with %s", pairs[i].one, pairs[i].other);
    return CODE_DONE;
}

int kind_args_check(const plan_args *args)
{
    bool temporal = args->temporal >= 0;
    if (!temporal && args->times >= 0)
        return report_usage("--times: only with --temporal");
    if (!temporal && args->seed_times != NULL)
        return report_usage("--seed-times %s: only with --temporal", args->seed_times);
    if (!temporal && args->window != ARG_NOT_GIVEN)
        return report_usage("--window: only with --temporal");
    if (temporal && !args->disjoint)
        return report_usage("--temporal: only with --disjoint, since seeds that share a node have "
                            "different times");
    if (args->layer_dependent && !args->labor)
        return report_usage("--layer-dependent: only with --labor");
    return check_pairs(args);
}

int kind_input_open(const plan_args *args, kind_input *out, sn_plan_options *options)
{
    options->weighted = args->weighted;
    options->disjoint = args->disjoint;
    options->labor = args->labor;
    options->layer_dependent = args->layer_dependent;
    if (args->temporal < 0)
        return CODE_DONE;
    out->temporal =
        *SN_TEMPORAL_OPTIONS(.times = (sn_times)(args->times + 1),
                             .pick = (sn_temporal_pick)args->temporal,
                             .window = args->window != ARG_NOT_GIVEN ? args->window : 0);
    options->temporal = &out->temporal;
    if (args->seed_times == NULL)
        return CODE_DONE;
    sn_status st = sn_array_open(args->seed_times, &out->seed_times);
    if (st != SN_OK)
        return report_library(st);
    out->temporal.seed_times = sn_array_view(out->seed_times);
    return CODE_DONE;
}

void kind_input_close(kind_input *self)
{
    sn_array_release(self->seed_times);
}
