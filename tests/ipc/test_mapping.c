/* SPDX-License-Identifier: Apache-2.0 */
/* Two threads on one mapping of a segment, as a worker and the consumer use it: plain bytes, handed over
 * by an event after a short spin. ThreadSanitizer sees both ends here, which it cannot in two processes. */
#include "base/spin.h"
#include "ipc/shm/segment.h"
#include "ipc/sync/event.h"

#include "base/clock.h"
#include "base/run.h"
#include "data/support/folder.h"
#include "support/leftovers.h"
#include "support/scale.h"

#include <pthread.h>
#include <stdalign.h>
#include <string.h>

enum { SLOTS = 8, SLOT_BYTES = 512 };

typedef struct ring {
    alignas(128) sn__event published;
    alignas(128) sn__event taken;
    alignas(128) _Atomic uint64_t tail;
    alignas(128) _Atomic uint64_t head;
    uint8_t slots[SLOTS][SLOT_BYTES];
    uint64_t count;
    int64_t spin_share; /* spins before every n-th sleep only; 0: never */
} ring;

static bool wait_for(sn__event *event, _Atomic uint64_t *position, uint64_t want, bool spinning)
{
    sn__spin spin = sn__spin_begin();
    while (spinning && sn__spin_more(&spin))
        if (atomic_load_explicit(position, memory_order_acquire) >= want)
            return true;
    for (;;) {
        uint32_t seen = sn__event_prepare(event);
        if (atomic_load_explicit(position, memory_order_acquire) >= want)
            return true;
        if (sn__event_wait(event, seen, sn__now_ns() + (int64_t)30e9) != SN_OK)
            return false;
    }
}

static bool spins_at(const ring *all, uint64_t i)
{
    return all->spin_share > 0 && i % (uint64_t)all->spin_share == 0;
}

static void *produce(void *argument)
{
    ring *all = argument;
    for (uint64_t i = 0; i < all->count; i++) {
        if (i >= SLOTS && !wait_for(&all->taken, &all->head, i - SLOTS + 1, spins_at(all, i)))
            return NULL;
        memset(all->slots[i % SLOTS], (int)(i % 251), 1 + i % SLOT_BYTES);
        atomic_store_explicit(&all->tail, i + 1, memory_order_release);
        sn__event_signal(&all->published);
    }
    return all;
}

static bool consume(ring *all)
{
    for (uint64_t i = 0; i < all->count; i++) {
        const uint8_t *slot = all->slots[i % SLOTS];
        if (!wait_for(&all->published, &all->tail, i + 1, spins_at(all, i)))
            return false;
        for (size_t k = 0; k < 1 + i % SLOT_BYTES; k++)
            if (slot[k] != i % 251)
                return false;
        atomic_store_explicit(&all->head, i + 1, memory_order_release);
        sn__event_signal(&all->taken);
    }
    return true;
}

START_TEST(bytes_of_a_mapping_are_handed_over_by_events)
{
    sn__segment memory = SN__SEGMENT_NONE;
    pthread_t thread;
    void *result;
    ck_ok(sn__segment_create("ring", sizeof(ring), &memory));
    ring *all = (ring *)(void *)memory.base;
    all->count = (uint64_t)sn_test_scale(100000);
    all->spin_share = _i; /* never, always, every second time */
    ck_assert_int_eq(pthread_create(&thread, NULL, produce, all), 0);
    ck_assert(consume(all));
    pthread_join(thread, &result);
    ck_assert_ptr_nonnull(result);
    sn__segment_unmap(&memory);
    sn__segment_close_fd(&memory);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("mapping");
    tcase_set_timeout(cases, 110);
    tcase_add_checked_fixture(cases, leftovers_before, leftovers_after);
    tcase_add_loop_test(cases, bytes_of_a_mapping_are_handed_over_by_events, 0, 3);
    return run_cases("mapping", cases);
}
