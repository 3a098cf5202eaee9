/* SPDX-License-Identifier: Apache-2.0 */
/* Segments of a loader in the parent. */
#include "engine/produce/hold.h"

#include "base/mem.h"

/* Idle spill segments that a lane keeps: one under way and one that the consumer has just given back.
 * What a consumer that held many batches returns beyond that goes back to the system. */
enum { IDLE_KEPT = 2 };

/* `what` and `where` of a borrowed batch: lane and segment, block. */
static void give_back(sn__lender *lender, uint64_t what, uint64_t where)
{
    sn__hold *hold = (sn__hold *)(void *)lender;
    sn__hold_give(hold, (uint32_t)(what >> 32), (uint32_t)what, where);
    sn__hold_release(hold);
}

sn_status sn__hold_create(const sn__stream_shape *shape, sn__hold **out)
{
    sn__hold *hold;
    size_t lanes = (size_t)shape->workers * shape->concurrency;
    SN_TRY(sn__mem_zalloc(1, sizeof *hold, "loader", &hold));
    atomic_init(&hold->references, 1);
    hold->lender.give_back = give_back;
    hold->control = SN__SEGMENT_NONE;
    pthread_mutex_init(&hold->lock, NULL);
    sn_status status = sn__mem_zalloc(lanes, sizeof *hold->arenas, "lanes", &hold->arenas);
    if (status == SN_OK)
        status = sn__mem_zalloc(lanes, sizeof *hold->arena_bytes, "lanes", &hold->arena_bytes);
    if (status == SN_OK)
        status = sn__segment_create("seine-control", sn__stream_bytes(shape), &hold->control);
    if (status != SN_OK) {
        sn__hold_release(hold);
        return status;
    }
    for (size_t lane = 0; lane < lanes; lane++)
        hold->arenas[lane] = SN__SEGMENT_NONE;
    sn__stream_init(hold->control.base, shape, &hold->stream);
    *out = hold;
    return SN_OK;
}

void sn__hold_close_fds(sn__hold *hold)
{
    for (uint32_t lane = 0; lane < hold->stream.lanes; lane++)
        sn__segment_close_fd(&hold->arenas[lane]);
    for (size_t i = 0; i < hold->num_spills; i++)
        sn__segment_close_fd(&hold->spills[i].segment);
    sn__segment_close_fd(&hold->control);
}

sn__hold *sn__hold_retain(sn__hold *hold)
{
    atomic_fetch_add_explicit(&hold->references, 1, memory_order_relaxed);
    return hold;
}

void sn__hold_release(sn__hold *hold)
{
    if (hold == NULL || atomic_fetch_sub_explicit(&hold->references, 1, memory_order_acq_rel) > 1)
        return;
    sn__hold_close_fds(hold);
    for (uint32_t lane = 0; lane < hold->stream.lanes; lane++)
        sn__segment_unmap(&hold->arenas[lane]);
    for (size_t i = 0; i < hold->num_spills; i++)
        sn__segment_unmap(&hold->spills[i].segment);
    sn__segment_unmap(&hold->control);
    pthread_mutex_destroy(&hold->lock);
    sn__mem_free(hold->spills);
    sn__mem_free(hold->arena_bytes);
    sn__mem_free(hold->arenas);
    sn__mem_free(hold);
}

/* -- Supervisor -------------------------------------------------------------------------------- */

static void count_bytes(_Atomic uint64_t *total, int64_t bytes)
{
    atomic_fetch_add_explicit(total, (uint64_t)bytes, memory_order_relaxed);
}

sn_status sn__hold_make_arena(sn__hold *hold, uint32_t lane, uint64_t bytes)
{
    sn__segment arena;
    SN_TRY(sn__segment_create("seine-lane", bytes, &arena));
    hold->arenas[lane] = arena;
    /* Whoever sees the size sees the mapping: sn__hold_lend. */
    atomic_store_explicit(&hold->arena_bytes[lane], bytes, memory_order_release);
    count_bytes(&hold->stream.header->totals.lane_bytes, (int64_t)bytes);
    return SN_OK;
}

/* Unmaps it and leaves its id free. Under the lock. */
static void unmap_spill(sn__hold *hold, sn__spill *spill)
{
    count_bytes(&hold->stream.header->totals.segment_bytes, -(int64_t)spill->segment.bytes);
    sn__segment_close_fd(&spill->segment);
    sn__segment_unmap(&spill->segment);
    *spill = (sn__spill){ .segment = SN__SEGMENT_NONE };
}

/* The smallest idle segment of the lane that has room. */
static sn__spill *find_idle(sn__hold *hold, uint32_t lane, uint64_t bytes)
{
    sn__spill *found = NULL;
    for (size_t i = 0; i < hold->num_spills; i++) {
        sn__spill *spill = &hold->spills[i];
        if (spill->state == SN__SPILL_IDLE && spill->lane == lane &&
            spill->segment.bytes >= bytes &&
            (found == NULL || spill->segment.bytes < found->segment.bytes))
            found = spill;
    }
    return found;
}

/* An id that names nothing. */
static sn_status free_spill(sn__hold *hold, sn__spill **out)
{
    for (size_t i = 0; i < hold->num_spills; i++)
        if (hold->spills[i].state == SN__SPILL_NONE) {
            *out = &hold->spills[i];
            return SN_OK;
        }
    SN_TRY(sn__mem_grow(&hold->spills, &hold->spill_capacity, hold->num_spills + 1,
                        sizeof *hold->spills, "spill segments"));
    *out = &hold->spills[hold->num_spills++];
    **out = (sn__spill){ .segment = SN__SEGMENT_NONE };
    return SN_OK;
}

static sn_status make_spill(sn__hold *hold, uint32_t lane, uint64_t bytes, sn__spill **out)
{
    sn__segment segment;
    size_t roomy;
    if (!sn__add_size(bytes, bytes / 4, &roomy)) /* the next batch may be somewhat larger */
        return sn__fail(SN_E_NOMEM, "spill segment: %llu bytes overflow",
                        (unsigned long long)bytes);
    SN_TRY(free_spill(hold, out));
    SN_TRY(sn__segment_create("seine-spill", roomy, &segment));
    **out = (sn__spill){ .segment = segment, .lane = lane };
    count_bytes(&hold->stream.header->totals.segment_bytes, (int64_t)roomy);
    return SN_OK;
}

sn_status sn__hold_take_spill(sn__hold *hold, uint32_t lane, uint64_t *bytes, uint32_t *segment,
                              int *fd)
{
    sn_status status = SN_OK;
    pthread_mutex_lock(&hold->lock);
    sn__spill *spill = find_idle(hold, lane, *bytes);
    if (spill == NULL)
        status = make_spill(hold, lane, *bytes, &spill);
    if (status == SN_OK) {
        spill->state = SN__SPILL_GIVEN;
        *bytes = spill->segment.bytes;
        *segment = (uint32_t)(spill - hold->spills) + 1;
        *fd = spill->segment.fd;
    }
    pthread_mutex_unlock(&hold->lock);
    return status;
}

void sn__hold_sent(sn__hold *hold, uint32_t segment)
{
    pthread_mutex_lock(&hold->lock);
    sn__segment_close_fd(&hold->spills[segment - 1].segment);
    pthread_mutex_unlock(&hold->lock);
}

uint32_t sn__hold_drop_spill(sn__hold *hold, uint32_t lane)
{
    sn__spill *smallest = NULL;
    int idle = 0;
    uint32_t id = 0;
    pthread_mutex_lock(&hold->lock);
    for (size_t i = 0; i < hold->num_spills; i++) {
        sn__spill *spill = &hold->spills[i];
        if (spill->state != SN__SPILL_IDLE || spill->lane != lane)
            continue;
        idle++;
        if (smallest == NULL || spill->segment.bytes < smallest->segment.bytes)
            smallest = spill;
    }
    if (idle > IDLE_KEPT) {
        id = (uint32_t)(smallest - hold->spills) + 1;
        unmap_spill(hold, smallest);
    }
    pthread_mutex_unlock(&hold->lock);
    return id;
}

/* Whether a descriptor that was not taken names the segment. The consumer lends or drops, under the lock,
 * before it takes the descriptor away, so that one or the other is seen here. */
static bool is_published(const sn__hold *hold, uint32_t lane, uint32_t segment)
{
    const sn__lane_block *shared = sn__stream_lane(&hold->stream, lane);
    uint64_t head = atomic_load_explicit(&shared->head, memory_order_acquire);
    uint64_t tail = atomic_load_explicit(&shared->tail, memory_order_acquire); /* R1 */
    /* Stray writes: the consumer takes nothing of it either. */
    if (tail - head > hold->stream.slots)
        return false;
    for (; head != tail; head++)
        if (sn__stream_slot(&hold->stream, lane, head)->segment == segment)
            return true;
    return false;
}

void sn__hold_forget_lane(sn__hold *hold, uint32_t lane)
{
    pthread_mutex_lock(&hold->lock);
    for (size_t i = 0; i < hold->num_spills; i++) {
        sn__spill *spill = &hold->spills[i];
        if (spill->lane != lane || spill->state == SN__SPILL_NONE || spill->orphan)
            continue;
        spill->orphan = true;
        if (spill->state == SN__SPILL_IDLE ||
            (spill->state == SN__SPILL_GIVEN && !is_published(hold, lane, (uint32_t)i + 1)))
            unmap_spill(hold, spill);
    }
    pthread_mutex_unlock(&hold->lock);
}

/* -- Consumer ---------------------------------------------------------------------------------- */

static sn_status lend_spill(sn__hold *hold, uint32_t lane, const sn__slot *slot,
                            const uint8_t **message)
{
    sn_status status = SN_OK;
    pthread_mutex_lock(&hold->lock);
    sn__spill *spill = slot->segment <= hold->num_spills ? &hold->spills[slot->segment - 1] : NULL;
    if (spill == NULL || spill->state != SN__SPILL_GIVEN || spill->lane != lane ||
        slot->offset != 0 || slot->bytes > spill->segment.bytes) {
        status = sn__fail(SN_E_CORRUPT, "lane %u: batch of %llu bytes in spill segment %u", lane,
                          (unsigned long long)slot->bytes, slot->segment);
    } else {
        spill->state = SN__SPILL_LENT;
        *message = spill->segment.base;
    }
    pthread_mutex_unlock(&hold->lock);
    return status;
}

sn_status sn__hold_lend(sn__hold *hold, uint32_t lane, const sn__slot *slot,
                        const uint8_t **message)
{
    if (slot->segment != 0)
        return lend_spill(hold, lane, slot, message);
    uint64_t arena = atomic_load_explicit(&hold->arena_bytes[lane], memory_order_acquire);
    if (slot->offset > arena || slot->bytes > arena - slot->offset || slot->offset % SN__ALIGN != 0)
        return sn__fail(SN_E_CORRUPT, "lane %u: batch of %llu bytes at %llu of an arena of %llu",
                        lane, (unsigned long long)slot->bytes, (unsigned long long)slot->offset,
                        (unsigned long long)arena);
    *message = hold->arenas[lane].base + slot->offset;
    return SN_OK;
}

/* Nobody uses segment `segment` any more, if it is the lane's and in `state`. */
static void end_use(sn__hold *hold, uint32_t lane, uint32_t segment, sn__spill_state state)
{
    pthread_mutex_lock(&hold->lock);
    sn__spill *spill = segment <= hold->num_spills ? &hold->spills[segment - 1] : NULL;
    if (spill != NULL && spill->state == state && spill->lane == lane) {
        if (spill->orphan)
            unmap_spill(hold, spill);
        else
            spill->state = SN__SPILL_IDLE;
    }
    pthread_mutex_unlock(&hold->lock);
}

void sn__hold_give(sn__hold *hold, uint32_t lane, uint32_t segment, uint64_t block)
{
    if (segment == 0)
        sn__lane_give_back(&hold->stream, lane, block);
    else
        end_use(hold, lane, segment, SN__SPILL_LENT);
}

void sn__hold_drop(sn__hold *hold, uint32_t lane, const sn__slot *slot)
{
    if (slot->status != SN_OK)
        return;
    if (slot->segment == 0)
        sn__lane_give_back(&hold->stream, lane, slot->block);
    else
        end_use(hold, lane, slot->segment, SN__SPILL_GIVEN);
}
