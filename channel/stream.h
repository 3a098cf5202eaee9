/* SPDX-License-Identifier: Apache-2.0 */
/* A process' view of the control segment (channel/stream_layout.h). Sizes are copied out of it once,
 * so that nothing a peer writes later can lead a read outside.
 * Threads: any; the view is read-only after creation. */
#ifndef SN_CHANNEL_STREAM_H
#define SN_CHANNEL_STREAM_H

#include "base/status.h"
#include "channel/stream_layout.h"

typedef struct sn__stream_shape {
    uint32_t workers, concurrency, window;
} sn__stream_shape;

typedef struct sn__stream {
    sn__stream_header *header;
    _Atomic uint64_t *entries; /* [window] */
    uint8_t *workers_base, *lanes_base;
    size_t lane_stride;
    uint32_t window, workers, concurrency, lanes, slots;
} sn__stream;

/* Bytes of the control segment. The shape is in range: the caller has checked it. */
size_t sn__stream_bytes(const sn__stream_shape *shape);
/* Lays out zeroed memory of sn__stream_bytes, aligned to pages. */
void sn__stream_init(void *base, const sn__stream_shape *shape, sn__stream *out);
/* A view of what another process has laid out. Fails: SN_E_AGAIN (not laid out yet), SN_E_FORMAT (no
 * control segment), SN_E_VERSION (of another build), SN_E_CORRUPT (sizes that do not fit `bytes`). */
SN_NODISCARD sn_status sn__stream_attach(void *base, size_t bytes, sn__stream *out);

static inline sn__lane_block *sn__stream_lane(const sn__stream *stream, uint32_t lane)
{
    return (sn__lane_block *)(void *)(stream->lanes_base + lane * stream->lane_stride);
}
static inline sn__worker_block *sn__stream_worker(const sn__stream *stream, uint32_t worker)
{
    return (sn__worker_block *)(void *)stream->workers_base + worker;
}
/* The slot of ring position `at`. */
static inline sn__slot *sn__stream_slot(const sn__stream *stream, uint32_t lane, uint64_t at)
{
    sn__slot *slots = (sn__slot *)(void *)(sn__stream_lane(stream, lane) + 1);
    return &slots[at & (stream->slots - 1)];
}

#endif
