/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics of a loader with workers. Each number is right; they are not of one moment. */
#include "engine/produce/stats.h"

#include <string.h>

static uint64_t load(const _Atomic uint64_t *from)
{
    return atomic_load_explicit(from, memory_order_relaxed);
}

void sn__stats_read(const sn__stream *stream, sn_loader_stats *out)
{
    const sn__totals *totals = &stream->header->totals;
    enum { TRIES = 1000 }; /* a process that was stopped while it wrote the run never ends it */
    sn__stream_run run = { 0 };
    for (int i = 0; i < TRIES && !sn__claim_try_run(stream, &run); i++)
        ;
    uint64_t position = load(&stream->header->position);
    uint64_t taken = position > run.base ? position - run.base : 0;
    *out = (sn_loader_stats){ .flags = atomic_load_explicit(&totals->flags, memory_order_relaxed),
                              .workers = (int32_t)stream->workers,
                              .lanes = (int32_t)stream->lanes,
                              .epoch = run.epoch,
                              .position = (uint64_t)run.first_step + taken,
                              .end = (uint64_t)run.first_step + run.count,
                              .batches = load(&totals->batches),
                              .bytes = load(&totals->bytes),
                              .waits = load(&totals->waits),
                              .wait_ns = load(&totals->wait_ns),
                              .restarts = load(&totals->restarts),
                              .lane_bytes = load(&totals->lane_bytes),
                              .segment_bytes = load(&totals->segment_bytes) };
    for (int step = 0; step < SN_NUM_STEPS; step++)
        out->deaths[step] = load(&totals->deaths[step]);
    for (uint32_t lane = 0; lane < stream->lanes; lane++) {
        const sn__lane_block *block = sn__stream_lane(stream, lane);
        out->idle_ns += load(&block->idle_ns);
        out->sample_ns += load(&block->sample_ns);
        out->gather_ns += load(&block->gather_ns);
        out->spills += load(&block->spills);
        out->spill_bytes += load(&block->spill_bytes);
    }
}

/* Read under their sequence word; "" if they are being written time and again. */
static void read_words(const sn__worker_block *block, char out[SN__WORDS_BYTES])
{
    enum { TRIES = 100 };
    for (int i = 0; i < TRIES; i++) {
        uint32_t before = atomic_load_explicit(&block->sequence, memory_order_acquire);
        memcpy(out, block->words, SN__WORDS_BYTES);
        atomic_thread_fence(memory_order_acquire);
        if (before % 2 == 0 &&
            before == atomic_load_explicit(&block->sequence, memory_order_relaxed)) {
            out[SN__WORDS_BYTES - 1] = '\0';
            return;
        }
    }
    out[0] = '\0';
}

void sn__stats_read_worker(const sn__stream *stream, uint32_t worker, sn_worker_stats *out)
{
    const sn__worker_block *block = sn__stream_worker(stream, worker);
    *out = (sn_worker_stats){ .pid = atomic_load_explicit(&block->pid, memory_order_relaxed),
                              .restarts = load(&block->restarts) };
    _Static_assert(sizeof out->words == SN__WORDS_BYTES, "the words fit");
    read_words(block, out->words);
    for (uint32_t i = 0; i < stream->concurrency; i++) {
        const sn__lane_block *lane = sn__stream_lane(stream, worker * stream->concurrency + i);
        uint32_t step = atomic_load_explicit(&lane->step, memory_order_relaxed);
        if (step < SN_NUM_STEPS && step > (uint32_t)out->step) {
            out->step = (sn_step)step;
            out->ticket = load(&lane->ticket);
        }
        out->batches += load(&lane->batches);
        out->idle_ns += load(&lane->idle_ns);
        out->sample_ns += load(&lane->sample_ns);
        out->gather_ns += load(&lane->gather_ns);
    }
}
