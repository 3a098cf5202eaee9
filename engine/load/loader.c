/* SPDX-License-Identifier: Apache-2.0 */
/* A loader: turns of threads over one source, runs, errors that end them, shutdown at any moment.
 *
 *            begin                next, last batch
 *     idle ---------> running ------------------------> over: SN_E_END
 *       ^                |  error
 *       |                +-----------> failed: the same error until begin
 *       +-- begin ends any run; shutdown from any state leads to closed, and nothing leads back
 *
 * One thread at a time has the turn, which lets it into the source without the lock; the others wait
 * on `changed` until their deadline. Threads that begin come first: those that take could otherwise
 * pass the turn among themselves for a whole epoch. Shutdown does not ask for the turn: it
 * interrupts the source, which brings whoever has the turn out of it, and then waits. */
#include "engine/load/loader.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/process.h"

#include <errno.h>
#include <stdio.h>

/* -- Life -------------------------------------------------------------------------------------- */

static sn_status init_lock(sn_loader *loader)
{
    pthread_condattr_t attributes;
    int error = pthread_condattr_init(&attributes);
    if (error == 0) {
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC); /* of deadlines, and it exists */
        error = pthread_cond_init(&loader->changed, &attributes);
        pthread_condattr_destroy(&attributes);
    }
    if (error != 0) {
        errno = error;
        return sn__fail_errno("loader: condition variable");
    }
    pthread_mutex_init(&loader->lock, NULL);
    return SN_OK;
}

/* Kinds of plans, each with a function of its own. */
typedef enum kind { KIND_NODES, KIND_LINKS, KIND_SUBGRAPHS } kind;

static sn_status check_kind(const sn_plan *plan, kind wanted)
{
    static const char *const told[] = {
        [KIND_NODES] = "seeds are nodes: sn_node_loader_create",
        [KIND_LINKS] = "seeds are links: sn_link_loader_create",
        [KIND_SUBGRAPHS] = "batches are induced subgraphs: sn_subgraph_loader_create",
    };
    kind is = plan->links.on ? KIND_LINKS : plan->subgraph ? KIND_SUBGRAPHS : KIND_NODES;
    return is == wanted ? SN_OK : sn__fail(SN_E_INVALID, "loader: the plan's %s", told[is]);
}

static sn_status create(sn_plan *plan, const sn_loader_options *options, kind wanted,
                        sn_loader **out)
{
    if (plan == NULL || out == NULL)
        return sn__fail(SN_E_INVALID, "loader: plan and out are needed");
    SN_TRY(check_kind(plan, wanted));
    sn_loader_options known;
    SN_TRY(sn__loader_options(options, &known));
    sn_loader *loader;
    SN_TRY(sn__mem_zalloc(1, sizeof *loader, "loader", &loader));
    sn_status status = init_lock(loader);
    if (status != SN_OK)
        goto free_loader;
    if (known.workers > 0)
        status = sn__producer_create(plan, &known, &loader->source);
    else
        status = sn__collocated_create(plan, &known, &loader->source);
    if (status != SN_OK)
        goto destroy_lock;
    loader->owner = sn__process_id();
    loader->plan = sn__plan_retain(plan);
    loader->timeout_ns = known.timeout_ns;
    loader->flags = known.pin_memory ? SN_STATS_NOT_PINNED : 0;
    *out = loader;
    return SN_OK;

destroy_lock:
    pthread_cond_destroy(&loader->changed);
    pthread_mutex_destroy(&loader->lock);
free_loader:
    sn__mem_free(loader);
    return status;
}

sn_status sn_node_loader_create(sn_plan *plan, const sn_loader_options *options, sn_loader **out)
{
    return create(plan, options, KIND_NODES, out);
}

sn_status sn_link_loader_create(sn_plan *plan, const sn_loader_options *options, sn_loader **out)
{
    return create(plan, options, KIND_LINKS, out);
}

sn_status sn_subgraph_loader_create(sn_plan *plan, const sn_loader_options *options,
                                    sn_loader **out)
{
    return create(plan, options, KIND_SUBGRAPHS, out);
}

sn_status sn__loader_check(const sn_loader *loader)
{
    if (loader == NULL)
        return sn__fail(SN_E_INVALID, "loader: NULL");
    if (loader->owner != sn__process_id())
        return sn__fail(SN_E_INVALID, "loader: made by another process");
    return SN_OK;
}

void sn_loader_shutdown(sn_loader *loader)
{
    if (loader == NULL || loader->owner != sn__process_id())
        return;
    pthread_mutex_lock(&loader->lock);
    if (!loader->closed) {
        loader->closed = true;
        loader->source->ops->interrupt(loader->source);
        pthread_cond_broadcast(&loader->changed);
    }
    while (loader->busy) /* a call under way, or the shutdown of another thread */
        pthread_cond_wait(&loader->changed, &loader->lock);
    sn__source *source = loader->source;
    if (source != NULL) {
        source->ops->stats(source, &loader->last);
        loader->source = NULL;
        loader->busy = true;
        pthread_mutex_unlock(&loader->lock);
        source->ops->release(source);
        pthread_mutex_lock(&loader->lock);
        loader->busy = false;
        pthread_cond_broadcast(&loader->changed);
    }
    pthread_mutex_unlock(&loader->lock);
}

void sn_loader_release(sn_loader *loader)
{
    if (loader == NULL || loader->owner != sn__process_id())
        return;
    sn_loader_shutdown(loader);
    pthread_cond_destroy(&loader->changed);
    pthread_mutex_destroy(&loader->lock);
    sn_plan_release(loader->plan);
    sn__mem_free(loader);
}

/* -- Turns ------------------------------------------------------------------------------------- */

static int64_t deadline_after(int64_t wait_ns)
{
    int64_t now = sn__now_ns();
    return wait_ns > INT64_MAX - now ? INT64_MAX : now + wait_ns;
}

/* Waits for the turn; the lock is held. Results: SN_E_AGAIN (deadline 0), SN_E_TIMEOUT, SN_E_CLOSED;
 * only with SN_OK the caller has the turn. */
static sn_status take_turn(sn_loader *loader, int64_t deadline_ns, bool begins)
{
    struct timespec until = { .tv_sec = (time_t)(deadline_ns / 1000000000),
                              .tv_nsec = (long)(deadline_ns % 1000000000) };
    while (!loader->closed && (loader->busy || (!begins && loader->beginners > 0))) {
        if (deadline_ns == 0)
            return SN_E_AGAIN;
        if (pthread_cond_timedwait(&loader->changed, &loader->lock, &until) == ETIMEDOUT &&
            sn__now_ns() >= deadline_ns)
            return SN_E_TIMEOUT;
    }
    if (loader->closed)
        return SN_E_CLOSED;
    loader->busy = true;
    return SN_OK;
}

static void give_turn(sn_loader *loader)
{
    loader->busy = false;
    pthread_cond_broadcast(&loader->changed);
}

static bool is_failure(sn_status status)
{
    return status != SN_OK && status != SN_E_END && status != SN_E_AGAIN &&
           status != SN_E_TIMEOUT && status != SN_E_CLOSED;
}

/* Keeps the error of this thread for the next ones. */
static void keep_failure(sn_loader *loader, sn_status status)
{
    if (!is_failure(status))
        return;
    loader->failed = status;
    (void)snprintf(loader->detail, sizeof loader->detail, "%s", sn_error_detail());
}

/* -- Runs -------------------------------------------------------------------------------------- */

int64_t sn__loader_positions(const sn_plan *plan)
{
    return plan->limit > plan->num_batches ? plan->limit : plan->num_batches;
}

/* Steps of this rank at positions [start, end) of the epoch. */
static sn_status make_run(const sn_plan *plan, uint64_t epoch, int64_t start, int64_t end,
                          sn__run *out)
{
    int64_t positions = sn__loader_positions(plan);
    if (start < 0 || start > positions)
        return sn__fail(SN_E_RANGE, "loader: start %lld, the epoch has %lld batches",
                        (long long)start, (long long)positions);
    if (end != -1 && (end < start || end > positions))
        return sn__fail(SN_E_RANGE, "loader: end %lld, allowed are -1 and %lld to %lld",
                        (long long)end, (long long)start, (long long)positions);
    int64_t stop = end == -1 || end > plan->limit ? plan->limit : end;
    int64_t first = sn_plan_first_step(plan, start), last = sn_plan_first_step(plan, stop);
    *out =
        (sn__run){ .epoch = epoch, .first_step = first, .count = last > first ? last - first : 0 };
    return SN_OK;
}

sn_status sn_loader_begin_at(sn_loader *loader, uint64_t epoch, int64_t start, int64_t end)
{
    sn__run run;
    SN_TRY(sn__loader_check(loader));
    SN_TRY(make_run(loader->plan, epoch, start, end, &run));
    int64_t deadline_ns = deadline_after(loader->timeout_ns);
    pthread_mutex_lock(&loader->lock);
    loader->beginners++;
    sn_status status = take_turn(loader, deadline_ns, true);
    loader->beginners--;
    if (status != SN_OK) {
        pthread_cond_broadcast(&loader->changed); /* those that let it pass */
        goto unlock;
    }
    pthread_mutex_unlock(&loader->lock);
    status = loader->source->ops->begin(loader->source, &run);
    pthread_mutex_lock(&loader->lock);
    loader->begun = true;
    loader->start = start;
    loader->end = end;
    loader->run = run;
    loader->taken = 0;
    loader->failed = SN_OK;
    keep_failure(loader, status);
    give_turn(loader);
unlock:
    pthread_mutex_unlock(&loader->lock);
    return status;
}

sn_status sn_loader_begin(sn_loader *loader, uint64_t epoch)
{
    return sn_loader_begin_at(loader, epoch, 0, -1);
}

/* With the turn and the lock. */
static sn_status next_of_run(sn_loader *loader, int64_t deadline_ns, sn_batch **out)
{
    if (loader->failed != SN_OK)
        return sn__fail(loader->failed, "%s", loader->detail);
    if (loader->taken == loader->run.count) /* also before the first begin */
        return SN_E_END;
    pthread_mutex_unlock(&loader->lock);
    sn_status status = loader->source->ops->next(loader->source, deadline_ns, out);
    pthread_mutex_lock(&loader->lock);
    loader->taken += status == SN_OK;
    keep_failure(loader, status);
    return status;
}

sn_status sn_loader_next(sn_loader *loader, int64_t timeout_ns, sn_batch **out)
{
    SN_TRY(sn__loader_check(loader));
    if (out == NULL || timeout_ns < SN_WAIT_DEFAULT)
        return sn__fail(SN_E_INVALID,
                        out == NULL ? "loader: out is needed" : "loader: a negative time to wait");
    int64_t wait_ns = timeout_ns == SN_WAIT_DEFAULT ? loader->timeout_ns : timeout_ns;
    int64_t deadline_ns = wait_ns == 0 ? 0 : deadline_after(wait_ns);
    pthread_mutex_lock(&loader->lock);
    sn_status status = take_turn(loader, deadline_ns, false);
    if (status == SN_OK) {
        status = next_of_run(loader, deadline_ns, out);
        give_turn(loader);
    }
    pthread_mutex_unlock(&loader->lock);
    return status;
}

/* -- Statistics -------------------------------------------------------------------------------- */

void sn_loader_get_stats(const sn_loader *loader, sn_loader_stats *out)
{
    *out = (sn_loader_stats){ 0 };
    if (loader == NULL || loader->owner != sn__process_id())
        return;
    sn_loader *self = (sn_loader *)(uintptr_t)loader; /* only the lock changes */
    pthread_mutex_lock(&self->lock);
    if (self->source != NULL)
        self->source->ops->stats(self->source, out);
    else
        *out = self->last;
    out->flags |= self->flags | (self->failed != SN_OK ? SN_STATS_FAILED : 0);
    pthread_mutex_unlock(&self->lock);
}
