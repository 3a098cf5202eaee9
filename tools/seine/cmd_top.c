/* SPDX-License-Identifier: Apache-2.0 */
/* seine top: the statistics that loaders keep in shared memory, read from outside.
 *
 * Rates and shares of time are differences between two looks: the last one and this one. A time that
 * is still running is counted by its owner when it ends; so whoever waited in both looks, and did
 * nothing between them, is taken to have waited all the time. */
#include "seine/seine.h"
#include "tools/seine/commands.h"
#include "tools/seine/json_out.h"
#include "tools/seine/report.h"
#include "tools/seine/seconds.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double FIRST_SECONDS = 0.25, REFRESH_SECONDS = 1;

typedef struct top_args {
    bool json;
} top_args;

/* -- Looking ----------------------------------------------------------------------------------- */

typedef struct seen {
    int64_t pid;
    int32_t nth; /* loader of that process */
    sn_loader_stats stats;
    sn_worker_stats *workers; /* [stats.workers] */
} seen;

typedef struct look {
    double when;
    int32_t count;
    int32_t foreign; /* loaders of another version of the library */
    seen *loaders;
} look;

static void look_free(look *self)
{
    for (int32_t i = 0; i < self->count; i++)
        free(self->loaders[i].workers);
    free(self->loaders);
    *self = (look){ 0 };
}

static void see_workers(const sn_watch *watch, int32_t index, seen *to)
{
    to->workers = calloc((size_t)to->stats.workers + 1, sizeof *to->workers);
    for (int32_t w = 0; to->workers != NULL && w < to->stats.workers; w++)
        if (sn_watch_worker(watch, index, w, &to->workers[w]) != SN_OK)
            to->workers[w] = (sn_worker_stats){ 0 };
}

/* Loaders of process `pid`, 0: of all; those that end meanwhile are left out. */
static int look_at(int64_t pid, look *out)
{
    sn_watch *watch;
    sn_status st = sn_watch_open(pid, &watch);
    if (st != SN_OK)
        return report_library(st);
    look made = { .when = seconds_now() };
    made.loaders = calloc((size_t)sn_watch_count(watch) + 1, sizeof *made.loaders);
    for (int32_t i = 0; made.loaders != NULL && i < sn_watch_count(watch); i++) {
        seen *to = &made.loaders[made.count];
        *to = (seen){ 0 };
        st = sn_watch_loader(watch, i, &to->pid, &to->stats);
        made.foreign += st == SN_E_VERSION;
        if (st == SN_OK)
            see_workers(watch, i, to);
        if (st != SN_OK || to->workers == NULL)
            continue;
        for (int32_t k = 0; k < made.count; k++)
            to->nth += made.loaders[k].pid == to->pid;
        made.count++;
    }
    sn_watch_close(watch);
    if (made.loaders == NULL)
        return report_failure("top: out of memory");
    *out = made;
    return CODE_DONE;
}

static const seen *find_before(const look *before, const seen *now)
{
    for (int32_t i = 0; i < before->count; i++)
        if (before->loaders[i].pid == now->pid && before->loaders[i].nth == now->nth &&
            before->loaders[i].stats.workers == now->stats.workers)
            return &before->loaders[i];
    return NULL;
}

/* -- Shares ------------------------------------------------------------------------------------ */

static double share_of(uint64_t now_ns, uint64_t before_ns, double seconds)
{
    double share = now_ns > before_ns ? (double)(now_ns - before_ns) / 1e9 / seconds : 0;
    return share < 1 ? share : 1;
}

typedef struct rates {
    double batches_per_s;
    double consumer, workers; /* shares of the time that they waited for the other */
} rates;

static rates rates_of(const seen *now, const seen *before, double seconds)
{
    const sn_loader_stats *a = &before->stats, *b = &now->stats;
    double lanes = b->lanes > 0 ? b->lanes : 1;
    rates out = { .batches_per_s = (double)(b->batches - a->batches) / seconds,
                  .consumer = share_of(b->wait_ns, a->wait_ns, seconds),
                  .workers = share_of(b->idle_ns, a->idle_ns, seconds * lanes) };
    if ((a->flags & b->flags & SN_STATS_WAITING) != 0 && a->waits == b->waits)
        out.consumer = 1;
    return out;
}

typedef struct shares {
    double idle, sampling, gathering;
} shares;

static shares shares_of(const sn_worker_stats *now, const sn_worker_stats *before, double lanes,
                        double seconds)
{
    double span = seconds * lanes;
    shares out = { .idle = share_of(now->idle_ns, before->idle_ns, span),
                   .sampling = share_of(now->sample_ns, before->sample_ns, span),
                   .gathering = share_of(now->gather_ns, before->gather_ns, span) };
    if (now->step == SN_STEP_IDLE && before->step == SN_STEP_IDLE &&
        now->batches == before->batches)
        out.idle = 1;
    return out;
}

static const char *who_waits(const rates *of)
{
    static const double LITTLE = 0.02;
    if (of->consumer < LITTLE && of->workers < LITTLE)
        return "nobody";
    return of->consumer > of->workers ? "consumer" : "workers";
}

/* -- JSON -------------------------------------------------------------------------------------- */

static void put_uint(json_out *out, const char *key, uint64_t value)
{
    jout_key(out, key);
    jout_uint(out, value);
}

static void put_real(json_out *out, const char *key, double value)
{
    jout_key(out, key);
    jout_real(out, value);
}

static void put_text(json_out *out, const char *key, const char *value)
{
    jout_key(out, key);
    jout_text(out, value);
}

static void json_worker(json_out *out, int32_t number, const sn_worker_stats *worker,
                        const shares *of)
{
    jout_open(out, '{');
    put_uint(out, "worker", (uint64_t)number);
    jout_key(out, "pid");
    jout_int(out, worker->pid);
    put_text(out, "step", sn_step_name(worker->step));
    jout_key(out, "ticket");
    if (worker->step != SN_STEP_IDLE)
        jout_uint(out, worker->ticket);
    else
        jout_null(out);
    put_uint(out, "batches", worker->batches);
    put_uint(out, "restarts", worker->restarts);
    put_real(out, "idle", of->idle);
    put_real(out, "sampling", of->sampling);
    put_real(out, "gathering", of->gathering);
    put_text(out, "words", worker->words);
    jout_close(out, '{');
}

static void json_loader(json_out *out, const seen *now, const rates *of)
{
    const sn_loader_stats *stats = &now->stats;
    jout_key(out, "pid");
    jout_int(out, now->pid);
    put_uint(out, "loader", (uint64_t)now->nth);
    put_uint(out, "epoch", stats->epoch);
    put_uint(out, "position", stats->position);
    put_uint(out, "end", stats->end);
    put_uint(out, "batches", stats->batches);
    put_uint(out, "bytes", stats->bytes);
    put_real(out, "batches_per_s", of->batches_per_s);
    put_text(out, "who_waits", who_waits(of));
    put_real(out, "consumer_waits", of->consumer);
    put_real(out, "workers_wait", of->workers);
    put_uint(out, "spills", stats->spills);
    put_uint(out, "spill_bytes", stats->spill_bytes);
    put_uint(out, "restarts", stats->restarts);
    jout_key(out, "deaths");
    jout_open(out, '{');
    for (int step = 0; step < SN_NUM_STEPS; step++)
        if (stats->deaths[step] > 0)
            put_uint(out, sn_step_name((sn_step)step), stats->deaths[step]);
    jout_close(out, '{');
    put_uint(out, "lane_bytes", stats->lane_bytes);
    put_uint(out, "segment_bytes", stats->segment_bytes);
    jout_key(out, "failed");
    jout_bool(out, (stats->flags & SN_STATS_FAILED) != 0);
}

/* -- Text -------------------------------------------------------------------------------------- */

static void text_loader(const seen *now, const rates *of)
{
    static const struct {
        const char *who, *text;
    } words[] = { { "consumer", "the consumer waits for workers" },
                  { "workers", "workers wait for the consumer" },
                  { "nobody", "nobody waits" } };
    const sn_loader_stats *stats = &now->stats;
    const char *verdict = "";
    for (int i = 0; i < 3; i++)
        if (strcmp(words[i].who, who_waits(of)) == 0)
            verdict = words[i].text;
    printf("%-8" PRId64 " %6" PRIu64 " %9" PRIu64 "/%-9" PRIu64 " %9.1f %8.0f %% %7.0f %% %7" PRIu64
           " %8" PRIu64 "  %s%s\n",
           now->pid, stats->epoch, stats->position, stats->end, of->batches_per_s,
           100 * of->consumer, 100 * of->workers, stats->spills, stats->restarts, verdict,
           (stats->flags & SN_STATS_FAILED) != 0 ? "; the epoch ended with an error" : "");
}

static void text_worker(int32_t number, const sn_worker_stats *worker, const shares *of)
{
    char place[48] = "";
    if (worker->step != SN_STEP_IDLE)
        snprintf(place, sizeof place, " %" PRIu64, worker->ticket);
    printf("  worker %-3d %-8" PRId64
           " %-9s%-12s idle %3.0f %%  sampling %3.0f %%  gathering %3.0f "
           "%%  %" PRIu64 " batches\n",
           number, worker->pid, sn_step_name(worker->step), place, 100 * of->idle,
           100 * of->sampling, 100 * of->gathering, worker->batches);
    if (worker->words[0] != '\0')
        printf("             before: %s\n", worker->words);
}

/* -- Both -------------------------------------------------------------------------------------- */

static void print_one(const seen *now, const seen *before, double seconds, bool json)
{
    json_out out = { .to = stdout };
    rates of = rates_of(now, before, seconds);
    double lanes = now->stats.workers > 0 ? (double)now->stats.lanes / now->stats.workers : 1;
    if (json) {
        jout_open(&out, '{');
        json_loader(&out, now, &of);
        jout_key(&out, "workers");
        jout_open(&out, '[');
    } else {
        text_loader(now, &of);
    }
    for (int32_t w = 0; w < now->stats.workers; w++) {
        shares part = shares_of(&now->workers[w], &before->workers[w], lanes, seconds);
        if (json)
            json_worker(&out, w, &now->workers[w], &part);
        else
            text_worker(w, &now->workers[w], &part);
    }
    if (json) {
        jout_close(&out, '[');
        jout_close(&out, '{');
        jout_line(&out);
    }
}

/* A loader that was not there before is compared with itself: its rates are 0. */
static void print_look(const look *now, const look *before, bool json)
{
    double seconds = now->when - before->when;
    if (!json && now->count == 0)
        printf("no loader with workers is running\n");
    else if (!json)
        printf("%-8s %6s %19s %9s %10s %9s %7s %8s\n", "PID", "EPOCH", "STEP/END     ", "BATCHES/S",
               "CONSUMER", "WORKERS", "SPILLS", "RESTARTS");
    for (int32_t i = 0; i < now->count; i++) {
        const seen *same = find_before(before, &now->loaders[i]);
        print_one(&now->loaders[i], same != NULL ? same : &now->loaders[i], seconds, json);
    }
    if (now->foreign > 0)
        fprintf(stderr, "%d loaders of another version of Seine are not shown\n", now->foreign);
}

/* Sleeps; a signal ends it. */
static void wait_seconds(double seconds)
{
    struct timespec span = { .tv_sec = (time_t)seconds,
                             .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9) };
    (void)nanosleep(&span, NULL);
}

static int run(const void *values, const char *operand)
{
    const top_args *args = values;
    int64_t pid = 0;
    look before, now;
    if (operand != NULL && !args_int(operand, 1, INT32_MAX, &pid))
        return report_usage("top: '%s' is no process number", operand);
    bool follow = !args->json && isatty(STDOUT_FILENO) == 1;
    int code = look_at(pid, &before);
    if (code != CODE_DONE)
        return code;
    wait_seconds(FIRST_SECONDS);
    do {
        if (report_signal != 0)
            code = report_interrupted();
        else
            code = look_at(pid, &now);
        if (code != CODE_DONE)
            break;
        if (follow)
            fputs("\033[H\033[J", stdout); /* to the first line, and the rest is cleared */
        print_look(&now, &before, args->json);
        look_free(&before);
        before = now;
        code = report_output(true);
        if (follow && code == CODE_DONE)
            wait_seconds(REFRESH_SECONDS);
    } while (follow && code == CODE_DONE);
    look_free(&before);
    return code;
}

static const arg top_flags[] = {
    { .name = "--json",
      .text = "an object per loader, once",
      .kind = ARG_SWITCH,
      .offset = offsetof(top_args, json) },
};
static const arg_group top_group = ARG_GROUP("Flags", top_flags);
static const arg_group *const groups[] = { &top_group, NULL };

const command command_top = {
    .name = "top",
    .operand = "[PID]",
    .summary = "shows running loaders and their workers",
    .about =
        "Shows the loaders that have workers, of the process PID or of all processes of this host "
        "that the user may look\nat: where they are in their epoch, batches per second, how much "
        "of "
        "the time the consumer waited for workers and\nthe workers for the consumer, batches that "
        "did not fit the channel, and workers that died and were replaced. For\neach worker, the "
        "step of the batch that it is at, what it spent its time on, and how the one before it "
        "died.\n\nOn a terminal it looks again every second until it is interrupted, else once. "
        "The "
        "figures are those of the time\nbetween two looks, a quarter of a second at first.",
    .examples = "seine top\nseine top 4711 --json\n",
    .groups = groups,
    .bytes = sizeof(top_args),
    .run = run,
};
