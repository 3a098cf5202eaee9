/* SPDX-License-Identifier: Apache-2.0 */
/* Where a loader stands, in 64 bytes that another loader can begin from.
 *
 *      0  magic     "SnLS" in native order: a machine of the other order does not know it
 *      4  version
 *      8  dataset   first 64 bits of its fingerprint
 *     16  plan      sn__plan_hash: without rank and world
 *     24  seed
 *     32  epoch
 *     40  position  in the epoch over all ranks, see below
 *     48  end       as begin_at was told, -1: the epoch's end
 *     56  checksum  XXH3-64 of the bytes before
 *
 * A rank that took k batches from `start` on stands, like every other rank that took k, at the
 * position start + k * world: all below it that are at start or later were handed out by some rank.
 * So the state does not depend on the rank, and any number of ranks can begin there. */
#include "engine/load/loader.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { MAGIC = 0x534c6e53, VERSION = 1 };

typedef struct state {
    uint32_t magic, version;
    uint64_t dataset, plan, seed, epoch;
    int64_t position, end;
    uint64_t checksum;
} state;
_Static_assert(sizeof(state) == 64 && sizeof(state) <= SN_LOADER_STATE_BYTES,
               "layout changed: new version");

static uint64_t checksum_of(const state *self)
{
    return XXH3_64bits(self, offsetof(state, checksum));
}

/* What the states of this loader have in common. */
static sn_status describe(const sn_loader *loader, state *out)
{
    const char *fingerprint;
    char first[17];
    *out = (state){ .magic = MAGIC, .version = VERSION, .seed = loader->plan->seed };
    SN_TRY(sn_dataset_fingerprint(loader->plan->dataset, &fingerprint));
    memcpy(first, fingerprint, 16);
    first[16] = '\0';
    out->dataset = strtoull(first, NULL, 16);
    return sn__plan_hash(loader->plan, &out->plan);
}

/* The first position at which nothing was handed out. The lock is held. */
static int64_t position_of(const sn_loader *loader)
{
    const sn_plan *plan = loader->plan;
    int64_t stop = loader->end == -1 || loader->end > plan->limit ? plan->limit : loader->end;
    if (stop <= loader->start)
        return loader->start;
    if (loader->taken > (stop - loader->start) / plan->world) /* more than the whole rounds */
        return stop;
    return loader->start + loader->taken * plan->world;
}

sn_status sn_loader_state_save(sn_loader *loader, void *to, size_t capacity, size_t *bytes)
{
    state saved;
    SN_TRY(sn__loader_check(loader));
    if (to == NULL || bytes == NULL || capacity < sizeof saved)
        return sn__fail(SN_E_INVALID, "loader state: %zu bytes are needed, %zu are given",
                        sizeof saved, to == NULL ? 0 : capacity);
    SN_TRY(describe(loader, &saved));
    pthread_mutex_lock(&loader->lock);
    bool begun = loader->begun;
    saved.epoch = loader->run.epoch;
    saved.position = begun ? position_of(loader) : 0;
    saved.end = loader->end;
    pthread_mutex_unlock(&loader->lock);
    if (!begun)
        return sn__fail(SN_E_INVALID, "loader state: no epoch was begun");
    saved.checksum = checksum_of(&saved);
    memcpy(to, &saved, sizeof saved);
    *bytes = sizeof saved;
    return SN_OK;
}

static sn_status read_state(const void *from, size_t bytes, state *out)
{
    if (from == NULL || bytes < offsetof(state, dataset))
        return sn__fail(SN_E_FORMAT, "loader state: %zu bytes are none", from == NULL ? 0 : bytes);
    memcpy(out, from, bytes < sizeof *out ? bytes : sizeof *out);
    if (out->magic != MAGIC)
        return sn__fail(SN_E_FORMAT, "loader state: does not begin like one");
    if (out->version != VERSION)
        return sn__fail(SN_E_VERSION, "loader state: version %u, this library reads %d",
                        out->version, VERSION);
    if (bytes != sizeof *out)
        return sn__fail(SN_E_FORMAT, "loader state: %zu bytes instead of %zu", bytes, sizeof *out);
    if (out->checksum != checksum_of(out))
        return sn__fail(SN_E_CORRUPT, "loader state: damaged, the checksum is wrong");
    return SN_OK;
}

static sn_status check_same(const state *mine, const state *saved)
{
    if (saved->dataset != mine->dataset)
        return sn__fail(SN_E_INVALID, "loader state: of another dataset (%016llx, this is %016llx)",
                        (unsigned long long)saved->dataset, (unsigned long long)mine->dataset);
    if (saved->seed != mine->seed)
        return sn__fail(SN_E_INVALID, "loader state: of seed %llu, this plan has %llu",
                        (unsigned long long)saved->seed, (unsigned long long)mine->seed);
    if (saved->plan != mine->plan)
        return sn__fail(SN_E_INVALID, "loader state: of another plan (%016llx, this is %016llx)",
                        (unsigned long long)saved->plan, (unsigned long long)mine->plan);
    return SN_OK;
}

static int64_t at_most(int64_t value, int64_t most)
{
    return value > most ? most : value;
}

sn_status sn_loader_state_restore(sn_loader *loader, const void *from, size_t bytes)
{
    state mine, saved;
    SN_TRY(sn__loader_check(loader));
    SN_TRY(read_state(from, bytes, &saved));
    SN_TRY(describe(loader, &mine));
    SN_TRY(check_same(&mine, &saved));
    /* Padding and dropping make epochs of other lengths with another number of ranks. */
    int64_t positions = sn__loader_positions(loader->plan);
    int64_t end = saved.end == -1 ? -1 : at_most(saved.end, positions);
    int64_t start = at_most(saved.position, end == -1 ? positions : end);
    return sn_loader_begin_at(loader, saved.epoch, start, end);
}
