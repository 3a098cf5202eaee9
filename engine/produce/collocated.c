/* SPDX-License-Identifier: Apache-2.0 */
/* Batches computed in the thread that asks for them. Nobody waits, so a deadline has no meaning; an
 * interruption is seen before and after a batch. */
#include "base/clock.h"
#include "base/mem.h"
#include "engine/produce/source.h"
#include "seine/sampler.h"

#include <stdatomic.h>

typedef struct collocated {
    sn__source source; /* first: the handle */
    sn_sampler *sampler;
    atomic_bool interrupted;
    /* Written by the one thread in begin or next; atomic for those who look at the statistics. */
    _Atomic uint64_t epoch, position, end, batches, bytes, sample_ns;
} collocated;

static uint64_t load(const _Atomic uint64_t *from)
{
    return atomic_load_explicit(from, memory_order_relaxed);
}

static void store(_Atomic uint64_t *to, uint64_t value)
{
    atomic_store_explicit(to, value, memory_order_relaxed);
}

static sn_status begin(sn__source *source, const sn__run *run)
{
    collocated *self = (collocated *)source;
    if (atomic_load_explicit(&self->interrupted, memory_order_relaxed))
        return SN_E_CLOSED;
    store(&self->epoch, run->epoch);
    store(&self->position, (uint64_t)run->first_step);
    store(&self->end, (uint64_t)(run->first_step + run->count));
    return SN_OK;
}

static uint64_t bytes_of(const sn_batch *batch)
{
    int64_t bytes = 0;
    for (int32_t i = sn_batch_get_info(batch).tensors; i-- > 0;)
        bytes += sn_tensor_bytes(sn_batch_tensor(batch, i, NULL));
    return (uint64_t)bytes;
}

static sn_status next(sn__source *source, int64_t deadline_ns, sn_batch **out)
{
    collocated *self = (collocated *)source;
    uint64_t position = load(&self->position);
    sn_batch *batch;
    (void)deadline_ns;
    if (atomic_load_explicit(&self->interrupted, memory_order_relaxed))
        return SN_E_CLOSED;
    if (position == load(&self->end))
        return SN_E_END;

    int64_t start_ns = sn__now_ns();
    SN_TRY(sn_sampler_sample_step(self->sampler, load(&self->epoch), (int64_t)position, &batch));
    if (atomic_load_explicit(&self->interrupted, memory_order_relaxed)) {
        sn_batch_release(batch);
        return SN_E_CLOSED;
    }
    store(&self->sample_ns, load(&self->sample_ns) + (uint64_t)(sn__now_ns() - start_ns));
    store(&self->position, position + 1);
    store(&self->batches, load(&self->batches) + 1);
    store(&self->bytes, load(&self->bytes) + bytes_of(batch));
    *out = batch;
    return SN_OK;
}

static void interrupt(sn__source *source)
{
    collocated *self = (collocated *)source;
    atomic_store_explicit(&self->interrupted, true, memory_order_relaxed);
}

static void stats(const sn__source *source, sn_loader_stats *out)
{
    const collocated *self = (const collocated *)source;
    *out = (sn_loader_stats){ .epoch = load(&self->epoch),
                              .position = load(&self->position),
                              .end = load(&self->end),
                              .batches = load(&self->batches),
                              .bytes = load(&self->bytes),
                              .sample_ns = load(&self->sample_ns) };
}

static void release(sn__source *source)
{
    collocated *self = (collocated *)source;
    sn_sampler_release(self->sampler);
    sn__mem_free(self);
}

sn_status sn__collocated_create(sn_plan *plan, const sn_loader_options *options, sn__source **out)
{
    static const sn__source_ops ops = { begin, next, interrupt, stats, release };
    collocated *self;
    SN_TRY(sn__mem_zalloc(1, sizeof *self, "loader", &self));
    self->source.ops = &ops;
    sn_status status = sn_sampler_create(plan, &self->sampler);
    if (status == SN_OK)
        status = sn_sampler_set_threads(self->sampler, options->threads);
    if (status != SN_OK) {
        sn_sampler_release(self->sampler);
        sn__mem_free(self);
        return status;
    }
    *out = &self->source;
    return SN_OK;
}
