/* SPDX-License-Identifier: Apache-2.0 */
/* Laying out the control segment, and attaching to one. */
#include "channel/stream.h"

#include <string.h>
#include <unistd.h>

/* Bounds of what attach believes; the loader's are lower. */
enum {
    MOST_WINDOW = 1 << 20,
    MOST_WORKERS = 1 << 12,
    MOST_CONCURRENCY = 1 << 8,
    MOST_LANES = (1 << SN__OWNER_BITS) - SN__OWNER_LANE /* an entry names its lane in these bits */
};

static size_t round_up(size_t bytes, size_t to)
{
    return (bytes + to - 1) / to * to;
}

/* A power of two, so that positions may run free, above window + 1 (what a ring holds at most). */
static uint32_t slots_of(uint32_t window)
{
    uint32_t slots = 4;
    while (slots < window + 2)
        slots *= 2;
    return slots;
}

typedef struct places {
    size_t entries, workers, lanes, stride, end;
} places;

static places place(const sn__stream_shape *shape)
{
    places at = { .entries = sizeof(sn__stream_header) };
    size_t lanes = (size_t)shape->workers * shape->concurrency;
    at.stride =
        round_up(sizeof(sn__lane_block) + slots_of(shape->window) * sizeof(sn__slot), SN__LINE);
    at.workers = round_up(at.entries + shape->window * sizeof(uint64_t), SN__LINE);
    at.lanes = at.workers + shape->workers * sizeof(sn__worker_block);
    at.end = at.lanes + lanes * at.stride;
    return at;
}

size_t sn__stream_bytes(const sn__stream_shape *shape)
{
    return place(shape).end;
}

static void view(void *base, const sn__stream_shape *shape, sn__stream *out)
{
    places at = place(shape);
    *out = (sn__stream){
        .header = base,
        .entries = (_Atomic uint64_t *)(void *)((uint8_t *)base + at.entries),
        .workers_base = (uint8_t *)base + at.workers,
        .lanes_base = (uint8_t *)base + at.lanes,
        .lane_stride = at.stride,
        .window = shape->window,
        .workers = shape->workers,
        .concurrency = shape->concurrency,
        .lanes = shape->workers * shape->concurrency,
        .slots = slots_of(shape->window),
    };
}

void sn__stream_init(void *base, const sn__stream_shape *shape, sn__stream *out)
{
    places at = place(shape);
    sn__stream_header *header = base;
    view(base, shape, out);
    header->version = SN__STREAM_VERSION;
    header->header_bytes = sizeof *header;
    header->layout = sn__stream_layout_word();
    header->bytes = at.end;
    header->window = shape->window;
    header->workers = shape->workers;
    header->concurrency = shape->concurrency;
    header->slots = out->slots;
    header->entries_at = at.entries;
    header->workers_at = at.workers;
    header->lanes_at = at.lanes;
    header->lane_stride = at.stride;
    header->owner_pid = getpid();
    for (uint32_t t = 0; t < shape->window; t++)
        atomic_init(&out->entries[t], sn__entry_make(t, SN__OWNER_CLOSED));
    atomic_store_explicit(&header->magic, SN__STREAM_MAGIC, memory_order_release); /* W3 */
}

static bool is_in_range(const sn__stream_shape *shape)
{
    return shape->workers > 0 && shape->workers <= MOST_WORKERS && shape->concurrency > 0 &&
           shape->concurrency <= MOST_CONCURRENCY &&
           shape->workers * shape->concurrency <= MOST_LANES && shape->window > 0 &&
           shape->window <= MOST_WINDOW;
}

/* The layout word knows sizes of parts, not how they are placed: here both sides compute it. */
static bool is_placed_so(const sn__stream_header *header, const sn__stream_shape *shape)
{
    places at = place(shape);
    return header->header_bytes == sizeof *header && header->bytes == at.end &&
           header->slots == slots_of(shape->window) && header->entries_at == at.entries &&
           header->workers_at == at.workers && header->lanes_at == at.lanes &&
           header->lane_stride == at.stride;
}

sn_status sn__stream_attach(void *base, size_t bytes, sn__stream *out)
{
    const sn__stream_header *header = base;
    if (bytes < sizeof *header)
        return sn__fail(SN_E_FORMAT, "control segment: %zu bytes are too few", bytes);
    uint64_t magic = atomic_load_explicit(&header->magic, memory_order_acquire); /* R3 */
    if (magic == 0)
        return SN_E_AGAIN;
    if (magic != SN__STREAM_MAGIC)
        return sn__fail(SN_E_FORMAT, "control segment: magic %016llx", (unsigned long long)magic);
    if (header->version != SN__STREAM_VERSION || header->layout != sn__stream_layout_word())
        return sn__fail(SN_E_VERSION,
                        "control segment: version %u, layout %016llx, here %d, %016llx",
                        header->version, (unsigned long long)header->layout, SN__STREAM_VERSION,
                        (unsigned long long)sn__stream_layout_word());
    sn__stream_shape shape = { header->workers, header->concurrency, header->window };
    if (!is_in_range(&shape) || sn__stream_bytes(&shape) > bytes || !is_placed_so(header, &shape))
        return sn__fail(SN_E_CORRUPT,
                        "control segment: %u workers, concurrency %u, window %u in %zu "
                        "bytes",
                        shape.workers, shape.concurrency, shape.window, bytes);
    view(base, &shape, out);
    return SN_OK;
}
