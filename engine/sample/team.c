/* SPDX-License-Identifier: Apache-2.0 */
/* Several threads on one batch.
 *
 *     unit    FREE --claim--> CLAIMED --publish--> READY --label--> FREE       (its owner, then the caller)
 *                                |                   |
 *                                +----- drop --------+--> FREE                 (the caller; see publish)
 *
 * A claimed unit has a place in the ring, by its number in the job. What the place says decides whose the
 * unit is, by one compare-and-swap: `stamp << 1` while its owner computes, `stamp << 1 | 1` when it is
 * ready, anything else if the caller took the block over or gave the job up.
 *
 * Invariants  I1  Claims of a job are 0, 1, 2, ...; labels follow in the same order, at most RING behind.
 *             I2  A stamp is never used twice, so a late publish finds another word and changes nothing.
 *             I3  After a claim a helper reads its unit and the graph. from->ids and to->map are read
 *                 during the claim alone, and move under the same lock.
 * Edges       K1 claim    next.store(release)         -> K2 await  next.load(acquire)
 *             P1 publish  place.cas(release)          -> P2 await  place.load(acquire)
 *             F1 free     in_use.store(release)       -> F2 claim  in_use.load(acquire)
 *             G1 piece    gathering.sub(release)      -> G2 wait   gathering.load(acquire)
 *             L1 label    labelled.store(release)     -> L2 claim  labelled.load(acquire) */
#include "engine/sample/team.h"

#include "base/mem.h"
#include "base/process.h"
#include "base/spin.h"
#include "engine/sample/sink.h"

#include <pthread.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

enum {
    RING = 128,
    UNITS = 16,       /* of a member: what it computes ahead of the labels */
    LEAST_PIECES = 3, /* of a gather that is shared */
    FETCH_AHEAD = 2,  /* blocks whose labels are asked for before their turn */
    REST_NS = 50000,
    SLEEP_S = 1
};

typedef struct unit {
    _Atomic bool in_use;
    sn_status status;
    uint64_t stamp;
    size_t number;
    sn__expansion of;
    sn__row_block block;
    int64_t *edge;
    size_t edge_capacity;
} unit;

typedef struct member {
    alignas(128) sn__team *team;
    uint64_t claimed, drawn, taken; /* units that have left the stage before, ever */
    sn__pick_set set;
    pthread_t thread;
    bool started;
    unit units[UNITS];
} member;

struct sn__team {
    alignas(128) _Atomic uint64_t places[RING];
    unit *holders[RING];              /* whose unit a place is about; written under the lock */
    alignas(128) _Atomic size_t next; /* written under the lock */
    _Atomic size_t blocks, labelled;  /* of the job */
    _Atomic bool stop;
    alignas(128) pthread_mutex_t lock; /* claims, the job, from->ids */
    pthread_cond_t work;
    int32_t sleepers;
    sn__expansion job;
    uint64_t stamps;
    sn__gather gather;
    _Atomic size_t next_piece, pieces; /* written under the lock */
    _Atomic int32_t gathering;         /* pieces that helpers have begun */
    _Atomic bool gather_failed;
    size_t fetched; /* the caller's: blocks of the job whose labels are asked for */

    pid_t process;
    int32_t count;
    member *members; /* [count]; the first is the caller */
    unit spare;      /* the caller's, for blocks that it takes over */
};

/* Below, waking a helper takes longer than the work. */
size_t sn__team_least_blocks = 8;

/* -- Units ------------------------------------------------------------------------------------- */

static sn_status draw_unit(unit *of, sn__pick_set *set)
{
    return sn__expand_draw(&of->of, &of->block, set);
}

static sn_status take_unit(unit *of)
{
    if (of->of.with_edge)
        SN_TRY(sn__mem_grow(&of->edge, &of->edge_capacity, of->block.picks + SN__SLACK,
                            sizeof *of->edge, "edge ids of a block"));
    return sn__expand_take(&of->of, &of->block, of->edge);
}

static void unit_deinit(unit *of)
{
    sn__row_block_deinit(&of->block);
    sn__mem_free(of->edge);
}

static void free_unit(unit *of)
{
    atomic_store_explicit(&of->in_use, false, memory_order_release); /* F1 */
}

/* Its result counts unless the caller has taken the block over. */
static void publish(sn__team *team, unit *of)
{
    uint64_t claimed = of->stamp << 1;
    if (!atomic_compare_exchange_strong_explicit(&team->places[of->number % RING], &claimed,
                                                 of->stamp << 1 | 1, memory_order_release, /* P1 */
                                                 memory_order_relaxed))
        free_unit(of);
}

/* -- Members ----------------------------------------------------------------------------------- */

static bool has_room(const sn__team *team)
{
    size_t next = atomic_load_explicit(&team->next, memory_order_relaxed);
    return next < atomic_load_explicit(&team->blocks, memory_order_relaxed) &&
           next < atomic_load_explicit(&team->labelled, memory_order_acquire) + RING; /* L2 */
}

static bool may_claim(const sn__team *team, const member *by)
{
    return has_room(team) && !atomic_load_explicit(&by->units[by->claimed % UNITS].in_use,
                                                   memory_order_acquire); /* F2 */
}

static bool is_caller(const sn__team *team, const member *by)
{
    return by == &team->members[0];
}

static void claim_locked(sn__team *team, const member *by, unit *of)
{
    of->number = atomic_load_explicit(&team->next, memory_order_relaxed);
    of->stamp = ++team->stamps;
    of->status = SN_OK;
    of->of = team->job;
    sn__expand_find(&of->of, of->number, &of->block);
    if (!is_caller(team, by))
        of->block.map = (sn__label_map){ 0 }; /* see fetch_labels */
    atomic_store_explicit(&of->in_use, true, memory_order_relaxed);
    team->holders[of->number % RING] = of;
    atomic_store_explicit(&team->places[of->number % RING], of->stamp << 1, memory_order_relaxed);
    atomic_store_explicit(&team->next, of->number + 1, memory_order_release); /* K1 */
}

static bool claim(sn__team *team, member *by)
{
    unit *of = &by->units[by->claimed % UNITS];
    if (!may_claim(team, by))
        return false;
    pthread_mutex_lock(&team->lock);
    bool claims = has_room(team);
    if (claims)
        claim_locked(team, by, of);
    pthread_mutex_unlock(&team->lock);
    if (claims)
        of->of.ops->prefetch_rows(&of->of.edge->rows, &of->block);
    return claims;
}

/* Moves each of the member's last units by a stage. False: there was nothing to do. */
static bool step(sn__team *team, member *by)
{
    bool moves = by->taken < by->claimed;
    if (by->taken < by->drawn) {
        unit *of = &by->units[by->taken++ % UNITS];
        if (of->status == SN_OK)
            of->status = take_unit(of);
        publish(team, of);
    }
    if (by->drawn < by->claimed) {
        unit *of = &by->units[by->drawn++ % UNITS];
        of->status = draw_unit(of, &by->set);
    }
    if (claim(team, by)) {
        by->claimed++;
        moves = true;
    }
    return moves;
}

static bool has_pieces(const sn__team *team)
{
    return atomic_load_explicit(&team->next_piece, memory_order_relaxed) <
           atomic_load_explicit(&team->pieces, memory_order_relaxed);
}

/* The next piece of the gather. False: there is none. */
static bool claim_piece(sn__team *team, bool helps, sn__gather *gather, size_t *number)
{
    if (!has_pieces(team))
        return false;
    pthread_mutex_lock(&team->lock);
    bool claims = has_pieces(team);
    if (claims) {
        *gather = team->gather;
        *number = atomic_fetch_add_explicit(&team->next_piece, 1, memory_order_relaxed);
        if (helps)
            atomic_fetch_add_explicit(&team->gathering, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&team->lock);
    return claims;
}

/* What is wrong is found once more by the caller, which needs the detail. */
static bool help_gather(sn__team *team)
{
    sn__gather gather;
    size_t number;
    if (!claim_piece(team, true, &gather, &number))
        return false;
    if (sn__gather_piece(&gather, number) != SN_OK)
        atomic_store_explicit(&team->gather_failed, true, memory_order_relaxed);
    atomic_fetch_sub_explicit(&team->gathering, 1, memory_order_release); /* G1 */
    return true;
}

static bool has_job(const sn__team *team)
{
    return atomic_load_explicit(&team->next, memory_order_relaxed) <
           atomic_load_explicit(&team->blocks, memory_order_relaxed);
}

static bool is_stopping(const sn__team *team)
{
    return atomic_load_explicit(&team->stop, memory_order_relaxed);
}

static void sleep_until_work(sn__team *team)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += SLEEP_S;
    pthread_mutex_lock(&team->lock);
    team->sleepers++;
    if (!is_stopping(team) && !has_job(team) && !has_pieces(team))
        (void)pthread_cond_timedwait(&team->work, &team->lock, &end);
    team->sleepers--;
    pthread_mutex_unlock(&team->lock);
}

/* There was nothing to do: a spin, then a sleep. */
static void rest(sn__team *team, const member *by)
{
    sn__spin spin = sn__spin_begin();
    do
        if (may_claim(team, by) || has_pieces(team) || is_stopping(team))
            return;
    while (sn__spin_more(&spin));
    if (has_job(team)) /* labels are behind */
        (void)nanosleep(&(struct timespec){ .tv_nsec = REST_NS }, NULL);
    else
        sleep_until_work(team);
}

static void *help(void *argument)
{
    member *self = argument;
    while (!is_stopping(self->team))
        if (!step(self->team, self) && !help_gather(self->team))
            rest(self->team, self);
    return NULL;
}

/* -- The caller -------------------------------------------------------------------------------- */

static void begin_job(sn__team *team, const sn__expansion *e)
{
    pthread_mutex_lock(&team->lock);
    team->job = *e;
    atomic_store_explicit(&team->next, 0, memory_order_relaxed);
    atomic_store_explicit(&team->labelled, 0, memory_order_relaxed);
    atomic_store_explicit(&team->blocks, sn__expansion_blocks(e), memory_order_relaxed);
    bool wakes = team->sleepers > 0;
    pthread_mutex_unlock(&team->lock);
    if (wakes)
        pthread_cond_broadcast(&team->work);
}

/* Takes the block out of its place, from whoever computes it. NULL: it was not ready, or not there. */
static unit *drop(sn__team *team, size_t number)
{
    uint64_t state =
        atomic_exchange_explicit(&team->places[number % RING], 0, memory_order_acquire); /* P2 */
    return (state & 1) != 0 ? team->holders[number % RING] : NULL;
}

/* Nothing that is left will be labelled. */
static void end_job(sn__team *team, size_t labelled)
{
    pthread_mutex_lock(&team->lock);
    size_t next = atomic_load_explicit(&team->next, memory_order_relaxed);
    atomic_store_explicit(&team->blocks, 0, memory_order_relaxed);
    pthread_mutex_unlock(&team->lock);
    for (size_t number = labelled; number < next; number++) {
        unit *ready = drop(team, number);
        if (ready != NULL)
            free_unit(ready);
    }
}

/* The unit of block `number`, which is the next to be labelled; meanwhile the caller computes others.
 * NULL: the block is not there, and its owner is not heard any more. */
static unit *await(sn__team *team, size_t number)
{
    const _Atomic uint64_t *place = &team->places[number % RING];
    sn__spin spin = { 0 };
    bool waits = false;
    for (;;) {
        if (number < atomic_load_explicit(&team->next, memory_order_acquire) && /* K2 */
            (atomic_load_explicit(place, memory_order_relaxed) & 1) != 0)
            return drop(team, number);
        if (step(team, &team->members[0])) {
            waits = false;
        } else if (!waits) {
            spin = sn__spin_begin();
            waits = true;
        } else if (!sn__spin_more(&spin)) {
            return drop(team, number);
        }
    }
}

/* The entries of a helper's block; the caller has asked for those of its own when it took them. */
static void fetch_unit(const sn__expansion *e, const unit *of)
{
    if (of->status == SN_OK && of->block.map.size == 0)
        e->ops->prefetch_labels(&e->to->map, of->block.neighbours, of->block.picks);
}

/* Labels are read and written by the caller alone, so it asks for them: of the block that comes next, unless
 * that was done before, and of those that are ready behind it, which stay so until they are dropped. */
static void fetch_labels(sn__team *team, const sn__expansion *e, const unit *first)
{
    size_t next = atomic_load_explicit(&team->next, memory_order_acquire); /* K2 */
    size_t number = first->number, end = number + 1 + FETCH_AHEAD;
    if (team->fetched <= number)
        fetch_unit(e, first);
    team->fetched = team->fetched > number ? team->fetched : number + 1;
    for (; team->fetched < next && team->fetched < end; team->fetched++) {
        size_t place = team->fetched % RING;
        if ((atomic_load_explicit(&team->places[place], memory_order_acquire) & 1) == 0) /* P2 */
            break;
        fetch_unit(e, team->holders[place]);
    }
}

/* Room for new nodes: helpers read the frontier in the same list. */
static sn_status reserve_nodes(sn__team *team, sn__node_list *list, size_t more)
{
    if (list->capacity - list->count >= more + SN__SLACK &&
        sn__label_map_has_room(&list->map, list->count + more))
        return SN_OK;
    pthread_mutex_lock(&team->lock);
    sn_status status = sn__node_list_reserve(list, more);
    pthread_mutex_unlock(&team->lock);
    return status;
}

static sn_status label_unit(sn__team *team, const sn__expansion *e, unit *of)
{
    sn__row_block *block = &of->block;
    SN_TRY(sn__edge_list_reserve(e->out, block->count, block->picks, e->with_edge));
    SN_TRY(reserve_nodes(team, e->to, block->picks));
    if (e->with_edge)
        memcpy(e->out->edge + e->out->count, of->edge, block->picks * sizeof *of->edge);
    sn__expand_append(e, block);
    return sn__expand_label(e, block);
}

/* What went wrong on a helper goes wrong again here, where its detail is wanted. */
static sn_status compute_and_label(sn__team *team, const sn__expansion *e, size_t number)
{
    unit *of = &team->spare;
    of->of = *e;
    sn__expand_find(e, number, &of->block);
    SN_TRY(draw_unit(of, &team->members[0].set));
    SN_TRY(take_unit(of));
    return label_unit(team, e, of);
}

static sn_status expand_number(sn__team *team, const sn__expansion *e, size_t number)
{
    unit *ready = await(team, number);
    if (ready == NULL)
        return compute_and_label(team, e, number);
    fetch_labels(team, e, ready);
    sn_status status = ready->status;
    if (status == SN_OK)
        status = label_unit(team, e, ready);
    else
        status = compute_and_label(team, e, number);
    free_unit(ready);
    return status;
}

bool sn__team_is_worth(const sn__expansion *expansion)
{
    return sn__expansion_blocks(expansion) >= sn__team_least_blocks;
}

static sn_status expand_alone(sn__team *team, const sn__expansion *e)
{
    size_t blocks = sn__expansion_blocks(e);
    for (size_t number = 0; number < blocks; number++)
        SN_TRY(compute_and_label(team, e, number));
    return SN_OK;
}

sn_status sn__team_expand(sn__team *team, const sn__expansion *e)
{
    if (team->process != sn__process_id())
        return expand_alone(team, e);
    size_t blocks = sn__expansion_blocks(e), number = 0;
    sn_status status = SN_OK;
    begin_job(team, e);
    team->fetched = 0;
    while (number < blocks && status == SN_OK) {
        status = expand_number(team, e, number);
        number += status == SN_OK;
        atomic_store_explicit(&team->labelled, number, memory_order_release); /* L1 */
    }
    end_job(team, number);
    return status;
}

/* -- Gather ------------------------------------------------------------------------------------ */

static void begin_gather(sn__team *team, const sn__gather *gather)
{
    pthread_mutex_lock(&team->lock);
    team->gather = *gather;
    atomic_store_explicit(&team->gather_failed, false, memory_order_relaxed);
    atomic_store_explicit(&team->next_piece, 0, memory_order_relaxed);
    atomic_store_explicit(&team->pieces, sn__gather_pieces(gather), memory_order_relaxed);
    bool wakes = team->sleepers > 0;
    pthread_mutex_unlock(&team->lock);
    if (wakes)
        pthread_cond_broadcast(&team->work);
}

/* Nobody begins another piece, and those that were begun are written. */
static void end_gather(sn__team *team)
{
    sn__spin spin = sn__spin_begin();
    pthread_mutex_lock(&team->lock);
    atomic_store_explicit(&team->pieces, 0, memory_order_relaxed);
    pthread_mutex_unlock(&team->lock);
    while (atomic_load_explicit(&team->gathering, memory_order_acquire) > 0) /* G2 */
        if (!sn__spin_more(&spin))
            (void)nanosleep(&(struct timespec){ .tv_nsec = REST_NS }, NULL);
}

sn_status sn__team_gather(sn__team *team, const sn__gather *gather)
{
    sn__gather same;
    size_t number;
    sn_status status = SN_OK;
    if (team->process != sn__process_id() || sn__gather_pieces(gather) < LEAST_PIECES)
        return sn__gather_alone(gather);
    begin_gather(team, gather);
    while (status == SN_OK && claim_piece(team, false, &same, &number)) {
        status = sn__gather_piece(gather, number);
        sn__progress_bump(gather->progress);
    }
    end_gather(team);
    sn__progress_bump(gather->progress);
    if (status == SN_OK && atomic_load_explicit(&team->gather_failed, memory_order_relaxed))
        status = sn__gather_alone(gather);
    return status;
}

/* -- Life -------------------------------------------------------------------------------------- */

static void start_helpers(sn__team *team)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (int32_t i = 1; i < team->count; i++)
        team->members[i].started =
            pthread_create(&team->members[i].thread, NULL, help, &team->members[i]) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

sn_status sn__team_create(int32_t threads, sn__team **out)
{
    SN_ASSERT(threads >= 1);
    sn__team *team;
    pthread_condattr_t monotonic;
    SN_TRY(sn__mem_pages(sizeof *team, "team", &team));
    sn_status status =
        sn__mem_pages((size_t)threads * sizeof *team->members, "members of a team", &team->members);
    if (status != SN_OK) {
        sn__mem_pages_free(team, sizeof *team);
        return status;
    }
    team->process = sn__process_id();
    team->count = threads;
    for (int32_t i = 0; i < threads; i++)
        team->members[i].team = team;
    pthread_mutex_init(&team->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&team->work, &monotonic);
    pthread_condattr_destroy(&monotonic);
    start_helpers(team);
    *out = team;
    return SN_OK;
}

/* In a child of fork() there are no helpers, and one of them may have held the lock. */
static void end_helpers(sn__team *team)
{
    if (team->process != sn__process_id())
        return;
    pthread_mutex_lock(&team->lock);
    atomic_store_explicit(&team->stop, true, memory_order_relaxed);
    pthread_mutex_unlock(&team->lock);
    pthread_cond_broadcast(&team->work);
    for (int32_t i = 1; i < team->count; i++)
        if (team->members[i].started)
            pthread_join(team->members[i].thread, NULL);
    pthread_cond_destroy(&team->work);
    pthread_mutex_destroy(&team->lock);
}

void sn__team_release(sn__team *team)
{
    if (team == NULL)
        return;
    end_helpers(team);
    for (int32_t i = 0; i < team->count; i++) {
        sn__pick_set_deinit(&team->members[i].set);
        for (int32_t k = 0; k < UNITS; k++)
            unit_deinit(&team->members[i].units[k]);
    }
    unit_deinit(&team->spare);
    sn__mem_pages_free(team->members, (size_t)team->count * sizeof *team->members);
    sn__mem_pages_free(team, sizeof *team);
}
