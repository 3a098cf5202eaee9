/* SPDX-License-Identifier: Apache-2.0 */
/* What workers say, and what they are given. */
#include "base/cgroup.h"
#include "base/clock.h"
#include "base/log.h"
#include "channel/message.h"
#include "engine/produce/supervisor_inside.h"
#include "ipc/shm/pass.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SEND_NS INT64_C(1000000000) /* a worker that waits for an answer reads it at once */

enum {
    ARENA_BATCHES = SN__LANE_AHEAD + 3, /* and one written, one used, one for the ring's end */
    SMALL_ARENA = 1 << 16,
    MOST_MESSAGES =
        1000, /* at a time, above what a socket holds: one that floods gets no more attention */
    MEMORY_SHARE = 8, /* of the memory granted, for the lanes of a loader */
    PAGE = 4096
};

/* -- Sizes ------------------------------------------------------------------------------------- */

static uint64_t times(uint64_t bytes, uint64_t factor)
{
    uint64_t product;
    return __builtin_mul_overflow(bytes, factor, &product) ? UINT64_MAX : product;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* An arena for batches like one that takes `batch` bytes. */
static uint64_t arena_size(const sn__supervisor *s, uint64_t batch)
{
    uint64_t lanes = s->hold->stream.lanes, bytes;
    if (s->channel_bytes > 0) {
        bytes = s->channel_bytes / lanes;
    } else {
        sn__memory memory = sn__memory_granted("");
        uint64_t bound = times(sn__plan_bound_bytes(s->plan), 2);
        bytes = least(times(batch + batch / 4, ARENA_BATCHES),
                      bound > UINT64_MAX - SMALL_ARENA ? UINT64_MAX : bound + SMALL_ARENA);
        bytes = least(bytes, least(memory.available, memory.headroom) / MEMORY_SHARE / lanes);
    }
    bytes = (bytes + PAGE - 1) / PAGE * PAGE;
    return bytes < SMALL_ARENA ? SMALL_ARENA : bytes;
}

/* -- Answers ----------------------------------------------------------------------------------- */

static void send_message(const sn__worker_seat *seat, const sn__control *message, const int *fd)
{
    sn__outgoing packet = { .bytes = message,
                            .count = sn__control_bytes(message),
                            .fds = fd,
                            .num_fds = fd != NULL && *fd >= 0 };
    /* A worker that does not read it is dead or about to be killed for want of progress. */
    if (sn__pass_send(seat->socket, &packet, sn__now_ns() + SEND_NS) != SN_OK)
        sn__log(SN_LOG_DEBUG, "worker of process %d: message %u was not sent",
                (int)seat->process.pid, message->kind);
}

static void refuse(const sn__worker_seat *seat, uint32_t lane, sn_status status)
{
    sn__control no = sn__control_make(SN__CONTROL_REFUSE);
    no.lane = lane;
    no.status = (int32_t)status;
    sn__control_put_text(&no, sn_error_detail());
    send_message(seat, &no, NULL);
}

static sn_status give_arena(sn__supervisor *s, const sn__worker_seat *seat, const sn__control *need)
{
    const sn__segment *arena = &s->hold->arenas[need->lane];
    sn__control give = sn__control_make(SN__CONTROL_GIVE);
    if (arena->base == NULL)
        SN_TRY(sn__hold_make_arena(s->hold, need->lane, arena_size(s, need->bytes)));
    give.lane = need->lane;
    give.bytes = arena->bytes;
    send_message(seat, &give, &arena->fd);
    return SN_OK;
}

static sn_status give_spill(sn__supervisor *s, const sn__worker_seat *seat, const sn__control *need)
{
    sn__control give = sn__control_make(SN__CONTROL_GIVE);
    int fd;
    give.lane = need->lane;
    give.bytes = need->bytes;
    SN_TRY(sn__hold_take_spill(s->hold, need->lane, &give.bytes, &give.segment, &fd));
    give.drop = sn__hold_drop_spill(s->hold, need->lane);
    send_message(seat, &give, &fd);
    sn__hold_sent(s->hold, give.segment);
    return SN_OK;
}

static void answer_need(sn__supervisor *s, uint32_t worker, const sn__control *need)
{
    sn__worker_seat *seat = &s->seats[worker];
    if (need->lane >= s->hold->stream.lanes || sn__worker_of_lane(s, need->lane) != worker) {
        sn__seat_kill(seat, "it asked for another worker's memory");
        return;
    }
    sn_status status = need->segment == 0 ? give_arena(s, seat, need) : give_spill(s, seat, need);
    if (status != SN_OK)
        refuse(seat, need->lane, status);
}

/* -- Messages ---------------------------------------------------------------------------------- */

static void note_ready(sn__supervisor *s, uint32_t worker)
{
    sn__worker_seat *seat = &s->seats[worker];
    uint32_t lanes = s->hold->stream.concurrency;
    if (seat->state != SN__STARTING)
        return;
    seat->state = SN__RUNNING;
    for (uint32_t i = 0; i < lanes; i++)
        s->watches[worker * lanes + i].since_ns = sn__now_ns();
    pthread_mutex_lock(&s->lock);
    s->ready += !seat->was_ready;
    seat->was_ready = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void note_failed(sn__supervisor *s, uint32_t worker, const sn__control *message)
{
    sn__worker_seat *seat = &s->seats[worker];
    bool is_error = message->status < 0;
    seat->said_status = is_error ? (sn_status)message->status : SN_E_PEER_DIED;
    snprintf(seat->said, sizeof seat->said, "%s", message->text);
    sn__supervisor_fail_text(s, seat->said_status, 0, "worker %u: %s", worker, seat->said);
}

static void handle(sn__supervisor *s, uint32_t worker, const sn__control *message)
{
    switch (message->kind) {
    case SN__CONTROL_READY:
        note_ready(s, worker);
        return;
    case SN__CONTROL_FAILED:
        note_failed(s, worker, message);
        return;
    case SN__CONTROL_NEED:
        answer_need(s, worker, message);
        return;
    case SN__CONTROL_LOG:
        if (message->status >= SN_LOG_ERROR && message->status <= SN_LOG_TRACE)
            sn__log((sn_log_level)message->status, "worker %u: %s", worker, message->text);
        return;
    default:
        sn__seat_kill(&s->seats[worker], "it sent a message that is none");
    }
}

void sn__seat_listen(sn__supervisor *s, uint32_t worker)
{
    sn__worker_seat *seat = &s->seats[worker];
    for (int i = 0; i < MOST_MESSAGES && seat->socket >= 0; i++) {
        sn__control message;
        sn__incoming packet = { .bytes = &message, .capacity = sizeof message };
        sn_status status = sn__pass_receive(seat->socket, &packet, 0);
        if (status == SN_E_AGAIN)
            return;
        if (status == SN_OK)
            status = sn__control_check(&message, packet.count);
        if (status == SN_OK) {
            handle(s, worker, &message);
            continue;
        }
        close(seat->socket);
        seat->socket = -1;
        seat->closed_ns = sn__now_ns();
        if (status != SN_E_CLOSED) /* whoever speaks otherwise is no worker of ours */
            sn__seat_kill(seat, "it sent a message that is none");
    }
}

void sn__seat_send_stop(const sn__worker_seat *seat)
{
    sn__control stop = sn__control_make(SN__CONTROL_STOP);
    if (seat->socket >= 0)
        send_message(seat, &stop, NULL);
}
