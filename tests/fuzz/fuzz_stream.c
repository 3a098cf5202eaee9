/* SPDX-License-Identifier: Apache-2.0 */
/* A control segment full of any bytes: attach, then every call that a process makes on it. Each comes
 * to an end, none leaves the segment, and no place in an arena lies outside it.
 *
 * The first byte of the input chooses what is made right in the rest, so that more than the magic is
 * looked at, whatever the layout word of this build is; then come the bytes of the segment. */
#include "channel/claims.h"
#include "channel/lane.h"
#include "support/fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { RIGHT_BUILD = 1, RIGHT_PLACES = 2, ARENA = 4096 };

static void require(bool truth)
{
    if (!truth)
        abort();
}

/* The places that belong to the shape which the head asks for, if it is one. */
static void make_places_right(sn__stream_header *header, size_t bytes)
{
    sn__stream_shape shape = { header->workers % 5, header->concurrency % 3, header->window % 70 };
    void *model;
    sn__stream view;
    if (shape.window == 0 || sn__stream_bytes(&shape) > bytes)
        return;
    require(posix_memalign(&model, 4096, sn__stream_bytes(&shape)) == 0);
    memset(model, 0, sn__stream_bytes(&shape));
    sn__stream_init(model, &shape, &view);
    size_t from = offsetof(sn__stream_header, bytes);
    memcpy((uint8_t *)header + from, (uint8_t *)model + from,
           offsetof(sn__stream_header, owner_pid) - from);
    free(model);
}

static void make_right(sn__stream_header *header, size_t bytes, int what)
{
    if ((what & RIGHT_BUILD) != 0) {
        atomic_store(&header->magic, SN__STREAM_MAGIC);
        header->version = SN__STREAM_VERSION;
        header->header_bytes = sizeof *header;
        header->layout = sn__stream_layout_word();
    }
    if ((what & RIGHT_PLACES) != 0)
        make_places_right(header, bytes);
}

static void use_as_lane(const sn__stream *stream, uint32_t lane)
{
    sn__lane_end end;
    uint64_t ticket, offset;
    (void)sn__lane_is_ahead(stream, lane);
    (void)sn__claim_take_lane(stream, lane, &ticket);
    if (sn__lane_open(stream, lane, &end) != SN_OK)
        return;
    end.arena_bytes = ARENA;
    for (uint64_t bytes = 64; bytes <= ARENA; bytes *= 4) {
        sn__slot slot = { .ticket = bytes };
        slot.segment = !sn__lane_reserve(&end, bytes, &offset);
        require(slot.segment != 0 || (offset <= ARENA && bytes <= ARENA - offset));
        if (sn__lane_publish(&end, &slot) != SN_OK)
            break;
    }
}

static void use_as_consumer(const sn__stream *stream, uint32_t lane)
{
    sn__slot slot;
    uint64_t taken = 0;
    while (sn__lane_peek_parent(stream, lane, &slot) && slot.ticket != UINT64_MAX) {
        require(taken++ < stream->slots);
        sn__lane_give_back(stream, lane, slot.block);
        sn__lane_pop_parent(stream, lane);
    }
}

/* The parent alone is believed: what it writes is right again. */
static void begin_a_run(const sn__stream *stream)
{
    sn__stream_run run = { .base = 0, .count = 1, .epoch = 3, .first_step = 4 }, read;
    uint64_t ticket;
    uint32_t lane;
    (void)sn__claim_try_run(stream, &read);
    (void)sn__claim_owner_parent(stream, 5, &lane);
    (void)sn__claim_close_parent(stream);
    sn__claim_open_parent(stream, &run);
    read = sn__claim_run(stream);
    require(read.base == 0 && read.count == 1 && read.epoch == 3 && read.first_step == 4);
    require(sn__claim_is_open(stream));
    require(sn__claim_take_lane(stream, stream->lanes - 1, &ticket) && ticket == 0);
    require(sn__claim_left_lane(stream, stream->lanes - 1, false, 0, &ticket) && ticket == 0);
    require(sn__claim_owner_parent(stream, 0, &lane) && lane == stream->lanes - 1);
    sn__claim_pass_parent(stream, 0, 1);
    require(!sn__claim_is_open(stream));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void *base;
    sn__stream stream;
    size_t bytes = size > 0 ? size - 1 : 0;
    require(posix_memalign(&base, 4096, bytes > 0 ? bytes : 1) == 0);
    if (bytes > 0)
        memcpy(base, data + 1, bytes);
    if (bytes >= sizeof(sn__stream_header))
        make_right(base, bytes, data[0]);
    if (sn__stream_attach(base, bytes, &stream) == SN_OK) {
        for (uint32_t lane = 0; lane < stream.lanes; lane++) {
            use_as_lane(&stream, lane);
            use_as_consumer(&stream, lane);
        }
        begin_a_run(&stream);
    }
    free(base);
    return 0;
}
