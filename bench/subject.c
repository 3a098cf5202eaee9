/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/subject.h"

#include "tools/seine/progress_bar.h"
#include "tools/seine/report.h"

#include <stdio.h>

/* -- The dataset ------------------------------------------------------------------------------- */

/* <temporary folder>/seine-bench-XXXXXX/graph */
static int make_graph(const bench_args *args, int64_t feat_dim, subject *self,
                      char path[FOLDER_PATH])
{
    int code = folder_make(self->folder);
    if (code != CODE_DONE)
        return code;
    folder_path(self->folder, "graph", path);
    fprintf(stderr, "no --dataset: an R-MAT graph of 2^%lld nodes is made in %s, and removed\n",
            (long long)args->scale, self->folder);
    sn_status st = sn_gen_rmat(
        SN_RMAT_OPTIONS(.scale = (int32_t)args->scale, .degree = 16, .feat_dim = feat_dim,
                        .seed = 1,
                        .layout = args->plan.edge_dir == 0 ? SN_LAYOUT_CSR : SN_LAYOUT_CSC,
                        .progress = bar_progress),
        path);
    bar_clear();
    return st == SN_OK ? CODE_DONE : report_library(st);
}

int subject_open(const bench_args *args, int64_t feat_dim, subject *out)
{
    subject made = { .dataset = NULL };
    char path[FOLDER_PATH];
    int code = CODE_DONE;
    if (args->dataset == NULL)
        code = make_graph(args, feat_dim, &made, path);
    if (code == CODE_DONE)
        code = dataset_load(args->dataset != NULL ? args->dataset : path, args->plan.load,
                            &made.dataset);
    if (code != CODE_DONE) {
        folder_remove(made.folder);
        return code;
    }
    /* Only memory of the library's own asks for huge pages; files are in the page cache. */
    made.huge = args->plan.load == 1 || (args->plan.load < 0 && args_option_is("load", "memory"));
    *out = made;
    return CODE_DONE;
}

void subject_close(subject *self)
{
    sn_dataset_release(self->dataset);
    self->dataset = NULL;
    folder_remove(self->folder);
}

/* -- Batches ----------------------------------------------------------------------------------- */

int cursor_open(const plan_args *args, const subject *on, cursor *out)
{
    cursor made = { .epoch = (uint64_t)args->epoch };
    int code = stream_open(args, on->dataset, &made.from);
    if (code != CODE_DONE)
        return code;
    made.step = made.from.first;
    if (made.from.first >= made.from.end)
        code = report_failure("bench: the plan has no batch");
    else if (sn_sampler_create(made.from.plan, &made.sampler) != SN_OK ||
             sn_sampler_set_threads(made.sampler, (int32_t)args->threads) != SN_OK)
        code = report_failure("%s", sn_error_detail());
    if (code != CODE_DONE) {
        sn_sampler_release(made.sampler);
        stream_close(&made.from);
        return code;
    }
    *out = made;
    return CODE_DONE;
}

void cursor_close(cursor *self)
{
    sn_sampler_release(self->sampler);
    stream_close(&self->from);
}

int cursor_next(cursor *self, sn_batch **out)
{
    if (self->step >= self->from.end) {
        self->step = self->from.first;
        self->epoch++;
    }
    sn_status st = sn_sampler_sample_step(self->sampler, self->epoch, self->step++, out);
    return st == SN_OK ? CODE_DONE : report_library(st);
}

int probe_open(const bench_args *args, const subject *on, sn_probe **out)
{
    sn_limits_options options = { .struct_size = sizeof options };
    if (args->mebibytes != ARG_NOT_GIVEN)
        options.bytes = (uint64_t)args->mebibytes << 20;
    options.max_threads = (int32_t)(args->plan.workers > args->plan.threads ? args->plan.workers
                                                                            : args->plan.threads);
    sn_status st = sn_probe_create(&options, on->huge, out);
    return st == SN_OK ? CODE_DONE : report_library(st);
}
