/* SPDX-License-Identifier: Apache-2.0 */
/* Where a lane's batch is written: the arena if there is room, else a spill segment. Both come from the
 * parent, who checks whether the machine has the memory and has it mapped before the lane hears of it.
 *
 * A lane never waits for the consumer to give something back: what has no room spills. */
#include "base/mem.h"
#include "engine/produce/worker.h"
#include "ipc/shm/pass.h"

/* Asks the parent for a segment and waits for what it says. There is no time limit: a parent that is gone
 * ends this process, one that lives and does not answer kills it for want of progress, and one that is
 * stopped, under a debugger say, answers when it goes on. SN_E_CLOSED: no answer comes any more. */
static sn_status ask(sn__worker_lane *lane, bool for_arena, uint64_t bytes, sn__answer *out)
{
    sn__control need = sn__control_make(SN__CONTROL_NEED);
    need.lane = lane->lane;
    need.segment = for_arena ? 0 : 1;
    need.bytes = bytes;
    SN_TRY(sn__pass_send(lane->worker->socket,
                         &(sn__outgoing){ .bytes = &need, .count = sn__control_bytes(&need) },
                         INT64_MAX));
    pthread_mutex_lock(&lane->lock);
    while (!lane->has_answer &&
           !atomic_load_explicit(&lane->worker->stopping, memory_order_relaxed)) /* lock */
        pthread_cond_wait(&lane->filled, &lane->lock);
    bool answered = lane->has_answer;
    *out = lane->answer;
    lane->has_answer = false;
    pthread_mutex_unlock(&lane->lock);
    sn__progress_bump(&lane->shared->progress); /* it was not the lane that took that time */
    if (!answered)
        return SN_E_CLOSED;
    if (out->message.kind == SN__CONTROL_REFUSE)
        return sn__fail((sn_status)out->message.status, "%s", out->message.text);
    return SN_OK;
}

/* -- What is mapped ---------------------------------------------------------------------------- */

static sn__worker_spill *find_spill(sn__worker_lane *lane, uint32_t id)
{
    for (size_t i = 0; i < lane->num_spills; i++)
        if (lane->spills[i].id == id)
            return &lane->spills[i];
    return NULL;
}

static void drop_spill(sn__worker_lane *lane, uint32_t id)
{
    sn__worker_spill *spill = find_spill(lane, id);
    if (spill == NULL)
        return;
    sn__segment_unmap(&spill->segment);
    *spill = lane->spills[--lane->num_spills];
}

sn_status sn__worker_lane_take(sn__worker_lane *lane, const sn__answer *answer)
{
    const sn__control *give = &answer->message;
    sn__segment segment;
    drop_spill(lane, give->drop);
    if (answer->fd < 0)
        return SN_OK;
    SN_TRY(sn__segment_attach(answer->fd, (size_t)give->bytes, &segment));
    if (give->segment == 0) {
        lane->arena = segment;
        lane->end.arena_bytes = segment.bytes;
        return SN_OK;
    }
    sn_status status = sn__mem_grow(&lane->spills, &lane->spill_capacity, lane->num_spills + 1,
                                    sizeof *lane->spills, "spill segments");
    if (status != SN_OK) {
        sn__segment_unmap(&segment);
        return status;
    }
    lane->spills[lane->num_spills++] = (sn__worker_spill){ give->segment, segment };
    return SN_OK;
}

/* -- Places ------------------------------------------------------------------------------------ */

static sn_status place_in_spill(sn__worker_lane *lane, uint64_t bytes)
{
    sn__worker_spill *spill = find_spill(lane, lane->spare);
    if (spill == NULL || spill->segment.bytes < bytes) {
        sn__answer answer;
        SN_TRY(ask(lane, false, bytes, &answer));
        SN_TRY(sn__worker_lane_take(lane, &answer));
        lane->spare = answer.message.segment;
        spill = find_spill(lane, lane->spare);
    }
    if (spill == NULL || spill->segment.bytes < bytes)
        return sn__fail(SN_E_INTERNAL, "spill segment %u is not here", lane->spare);
    lane->slot.segment = spill->id;
    lane->slot.offset = 0;
    lane->message = spill->segment.base;
    atomic_fetch_add_explicit(&lane->shared->spills, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&lane->shared->spill_bytes, bytes, memory_order_relaxed);
    return SN_OK;
}

sn_status sn__worker_lane_place(sn__worker_lane *lane, uint64_t bytes, uint64_t whole_batch_bytes)
{
    uint64_t offset;
    if (lane->arena.base == NULL) {
        sn__answer answer;
        SN_TRY(ask(lane, true, whole_batch_bytes, &answer));
        SN_TRY(sn__worker_lane_take(lane, &answer));
    }
    if (!sn__lane_reserve(&lane->end, bytes, &offset))
        return place_in_spill(lane, bytes);
    lane->slot.segment = 0;
    lane->slot.offset = offset;
    lane->message = lane->arena.base + offset;
    return SN_OK;
}
