/* SPDX-License-Identifier: Apache-2.0 */
/* Sweeps over a range: contiguous slices, or blocks claimed one by one.
 *
 * I1  Only the part with index 0 reports progress: it runs in the thread of the call.
 * I2  `failed` is the lowest index that failed; a part goes on while its own index is not above
 *     that, so the error that is returned is the one that a single thread would have met first.
 * I3  In a claimed sweep a failure stops everybody at the next claim. */
#include "kernels/sweep.h"

#include "base/parallel.h"

#include <stdatomic.h>

typedef struct sweep_run {
    const sn__sweep *sweep;
    atomic_llong done; /* relaxed: for display only */
    atomic_llong next; /* first position not claimed */
    atomic_int failed; /* I2; relaxed: a hint to stop, the join orders the results */
} sweep_run;

void sn__sweep_slice(int64_t count, int32_t threads, int32_t t, int64_t *begin, int64_t *end)
{
    int64_t share = count / threads, more = count % threads;
    *begin = share * t + (t < more ? t : more);
    *end = *begin + share + (t < more);
}

static void note_failure(sweep_run *run, int32_t index)
{
    int lowest = atomic_load_explicit(&run->failed, memory_order_relaxed);
    while (index < lowest)
        if (atomic_compare_exchange_weak_explicit(&run->failed, &lowest, index,
                                                  memory_order_relaxed, memory_order_relaxed))
            break;
}

static uint64_t weight_of(const sn__sweep *sweep)
{
    return sweep->weight > 0 ? sweep->weight : 1;
}

/* The last report of a stage comes after the join. */
static sn_status report(sweep_run *run, int32_t index, int64_t more)
{
    sn__stage *stage = run->sweep->stage;
    int64_t done = atomic_fetch_add_explicit(&run->done, more, memory_order_relaxed) + more;
    if (index != 0 || stage == NULL || done >= run->sweep->count)
        return SN_OK;
    return sn__progress_tick(stage->progress, stage->name,
                             stage->done + (uint64_t)done * weight_of(run->sweep), stage->total);
}

static sn_status one_block(sweep_run *run, int32_t index, int64_t begin, int64_t end)
{
    sn_status status = run->sweep->body(run->sweep->context, index, begin, end);
    if (status == SN_OK)
        status = report(run, index, end - begin);
    if (status != SN_OK)
        note_failure(run, index);
    return status;
}

static int64_t block_end(const sn__sweep *sweep, int64_t begin, int64_t end)
{
    return end - begin < sweep->block ? end : begin + sweep->block;
}

static sn_status slice_body(void *context, int32_t index, int32_t threads)
{
    sweep_run *run = context;
    int64_t at, end;
    sn__sweep_slice(run->sweep->count, threads, index, &at, &end);
    while (at < end && atomic_load_explicit(&run->failed, memory_order_relaxed) > index) {
        int64_t stop = block_end(run->sweep, at, end);
        SN_TRY(one_block(run, index, at, stop));
        at = stop;
    }
    return SN_OK;
}

static sn_status claim_body(void *context, int32_t index, int32_t threads)
{
    (void)threads;
    sweep_run *run = context;
    int64_t count = run->sweep->count;
    while (atomic_load_explicit(&run->failed, memory_order_relaxed) == INT32_MAX) {
        int64_t at = atomic_fetch_add_explicit(&run->next, run->sweep->block, memory_order_relaxed);
        if (at >= count)
            break;
        SN_TRY(one_block(run, index, at, block_end(run->sweep, at, count)));
    }
    return SN_OK;
}

static sn_status run_sweep(const sn__sweep *sweep, sn__parallel_body body)
{
    sweep_run run = { .sweep = sweep };
    atomic_init(&run.done, 0);
    atomic_init(&run.next, 0);
    atomic_init(&run.failed, INT32_MAX);
    SN_TRY(sn__parallel(sweep->threads, body, &run));
    if (sweep->stage == NULL)
        return SN_OK;
    sweep->stage->done += (uint64_t)sweep->count * weight_of(sweep);
    return sn__progress_tick(sweep->stage->progress, sweep->stage->name, sweep->stage->done,
                             sweep->stage->total);
}

sn_status sn__sweep_slices(const sn__sweep *sweep)
{
    return run_sweep(sweep, slice_body);
}

sn_status sn__sweep_claims(const sn__sweep *sweep)
{
    return run_sweep(sweep, claim_body);
}
