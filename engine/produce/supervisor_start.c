/* SPDX-License-Identifier: Apache-2.0 */
/* Finding seine-worker, starting it, and telling it what it works on. */
#include "base/cgroup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/option.h"
#include "engine/produce/supervisor_inside.h"
#include "engine/sample/plan_pack.h"
#include "ipc/shm/pass.h"
#include "seine/seine.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define SEND_NS       INT64_C(1000000000) /* a socket that is new has room */
#define SECOND_TRY_NS INT64_C(5000000)

/* -- The program ------------------------------------------------------------------------------- */

static sn_status check_program(const char *path, const char *source)
{
    if (access(path, X_OK) != 0)
        return sn__fail(SN_E_NOT_FOUND, "seine-worker: %s (%s) cannot be executed", path, source);
    return SN_OK;
}

/* Beside the library as built or installed: lib/libseine.so and bin/seine-worker; with a folder of the
 * architecture between; or in one folder. */
static sn_status find_beside_library(char out[PATH_MAX])
{
    static const char *const places[] = { "../bin", "../../bin", "." };
    Dl_info info;
    char library[PATH_MAX];
    if (dladdr((const void *)&places, &info) == 0 || info.dli_fname == NULL ||
        realpath(info.dli_fname, library) == NULL)
        return sn__fail(SN_E_NOT_FOUND, "seine-worker: the library's own file is not known; set "
                                        "SEINE_WORKER or worker_path");
    *strrchr(library, '/') = '\0';
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int bytes = snprintf(out, PATH_MAX, "%s/%s/seine-worker", library, places[i]);
        if (bytes < PATH_MAX && access(out, X_OK) == 0)
            return SN_OK;
    }
    return sn__fail(SN_E_NOT_FOUND,
                    "seine-worker: not in ../bin, ../../bin or . of %s; set SEINE_WORKER or "
                    "worker_path",
                    library);
}

/* Workers are started again long after this, when the process may have gone to another folder. */
static sn_status keep_absolute(const char *path, const char *source, char **out)
{
    char absolute[PATH_MAX];
    SN_TRY(check_program(path, source));
    if (realpath(path, absolute) == NULL)
        return sn__fail_errno("seine-worker: %s (%s)", path, source);
    return sn__mem_strdup(absolute, out);
}

static sn_status find_program(const sn_loader_options *options, char **out)
{
    char beside[PATH_MAX];
    const char *path = options->worker_path;
    if (path != NULL)
        return keep_absolute(path, "worker_path", out);
    SN_TRY(sn__option_path(SN__OPTION_WORKER, &path));
    if (path != NULL)
        return keep_absolute(path, "SEINE_WORKER", out);
    SN_TRY(find_beside_library(beside));
    return sn__mem_strdup(beside, out);
}

/* -- What all workers get ---------------------------------------------------------------------- */

static void choose_cores(sn__supervisor *s, const sn_loader_options *options)
{
    const sn__stream *stream = &s->hold->stream;
    char(*sets)[SN__BIND_BYTES];
    if (options->no_bind || sn__option_value_or_default(SN__OPTION_BIND) != 0 ||
        sn__mem_zalloc(stream->workers, sizeof *sets, "cores of workers", &sets) != SN_OK)
        return; /* unbound */
    sn__bind_choose((int32_t)stream->workers, (int32_t)stream->concurrency * options->threads,
                    sets);
    for (uint32_t w = 0; w < stream->workers; w++)
        memcpy(s->seats[w].bind, sets[w], SN__BIND_BYTES);
    sn__mem_free(sets);
}

sn_status sn__supervisor_prepare(sn__supervisor *s, const sn_loader_options *options)
{
    SN_TRY(find_program(options, &s->path));
    SN_TRY(sn__process_environment(&s->environment));
    SN_TRY(sn__plan_pack(s->plan, &s->plan_pack));
    SN_TRY(sn__plan_hash_all(s->plan, &s->plan_hash));
    SN_TRY(
        sn__dataset_share(s->plan->dataset, &(sn__share){ 0 })); /* the image, if one is needed */
    choose_cores(s, options);
    return SN_OK;
}

void sn__supervisor_unprepare(sn__supervisor *s)
{
    sn__segment_close_fd(&s->plan_pack);
    sn__segment_unmap(&s->plan_pack);
    sn__mem_free(s->environment);
    sn__mem_free(s->path);
}

/* -- One worker -------------------------------------------------------------------------------- */

static sn_status say_hello(sn__supervisor *s, uint32_t worker)
{
    const sn__stream *stream = &s->hold->stream;
    const sn__worker_seat *seat = &s->seats[worker];
    sn__share share; /* anew each time: its directory may have been replaced */
    SN_TRY(sn__dataset_share(s->plan->dataset, &share));
    sn__hello hello = { .magic = SN__CONTROL_MAGIC,
                        .kind = SN__CONTROL_HELLO,
                        .layout = sn__stream_layout_word(),
                        .plan_hash = s->plan_hash,
                        .control_bytes = s->hold->control.bytes,
                        .plan_bytes = s->plan_pack.bytes,
                        .image_bytes = share.image_bytes,
                        .worker = worker,
                        .threads = s->threads };
    int fds[SN__CONTROL_FDS] = { s->hold->control.fd, s->plan_pack.fd, share.fd };
    uint32_t first = worker * stream->concurrency;
    snprintf(hello.version, sizeof hello.version, "%s", sn_version_string());
    snprintf(hello.bind, sizeof hello.bind, "%s", seat->bind);
    snprintf(hello.fingerprint, sizeof hello.fingerprint, "%s", share.fingerprint);
    snprintf(hello.path, sizeof hello.path, "%s", share.path != NULL ? share.path : "");
    for (uint32_t i = 0; i < stream->concurrency; i++)
        hello.arenas += s->hold->arenas[first + i].base != NULL;
    int64_t deadline = sn__now_ns() + SEND_NS;
    SN_TRY(sn__pass_send(seat->socket,
                         &(sn__outgoing){ &hello, sizeof hello, fds, SN__CONTROL_FDS }, deadline));
    for (uint32_t lane = first; lane < first + stream->concurrency; lane++) {
        const sn__segment *arena = &s->hold->arenas[lane];
        sn__control give = sn__control_make(SN__CONTROL_GIVE);
        if (arena->base == NULL)
            continue;
        give.lane = lane;
        give.bytes = arena->bytes;
        SN_TRY(sn__pass_send(seat->socket,
                             &(sn__outgoing){ &give, sn__control_bytes(&give), &arena->fd, 1 },
                             deadline));
    }
    return SN_OK;
}

static sn_status watch(const sn__supervisor *s, int fd, uint64_t key)
{
    struct epoll_event event = { .events = EPOLLIN, .data.u64 = key };
    if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        return sn__fail_errno("watching a worker");
    return SN_OK;
}

static sn_status spawn(sn__supervisor *s, uint32_t worker)
{
    sn__worker_seat *seat = &s->seats[worker];
    char number[16];
    char name[] = "seine-worker";
    char *argv[] = { name, number, NULL };
    int ends[2];
    snprintf(number, sizeof number, "%u", worker);
    SN_TRY(sn__pass_pair(ends));
    sn__spawn how = {
        .path = s->path, .argv = argv, .control = ends[1], .environment = s->environment
    };
    sn_status status = sn__process_spawn(&how, &seat->process);
    close(ends[1]);
    if (status != SN_OK) {
        close(ends[0]);
        return status;
    }
    seat->socket = ends[0];
    seat->state = SN__STARTING;
    status = watch(s, seat->process.pidfd, sn__watch_key(worker, SN__WATCH_PROCESS));
    if (status == SN_OK)
        status = watch(s, seat->socket, sn__watch_key(worker, SN__WATCH_SOCKET));
    return status;
}

/* The n-th attempt in a row waits: what went wrong may pass. */
static int64_t pause_before(int32_t attempt)
{
    if (attempt < 2)
        return 0;
    return SECOND_TRY_NS << (attempt < 8 ? attempt - 2 : 6);
}

void sn__seat_start(sn__supervisor *s, uint32_t worker)
{
    sn__worker_seat *seat = &s->seats[worker];
    sn__worker_block *block = sn__stream_worker(&s->hold->stream, worker);
    seat->started_ns = sn__now_ns();
    seat->closed_ns = 0;
    seat->killed_for = NULL;
    seat->said_status = SN_OK;
    seat->oom_kills = sn__oom_kills("");
    atomic_store_explicit(&block->claims, 0, memory_order_relaxed);
    sn_status status = spawn(s, worker);
    if (seat->state == SN__DOWN) { /* there is no process: counts like one that died early */
        seat->early_deaths++;
        seat->retry_ns = seat->started_ns + pause_before(seat->early_deaths + 1);
        if (status == SN_E_NOT_FOUND || seat->early_deaths >= SN__MOST_EARLY_DEATHS)
            sn__supervisor_fail_text(s, status, 0, "worker %u: cannot start: %s", worker,
                                     sn_error_detail());
        return;
    }
    atomic_store_explicit(&block->pid, seat->process.pid, memory_order_relaxed);
    if (status == SN_OK)
        status = say_hello(s, worker);
    if (status != SN_OK && status != SN_E_CLOSED) /* closed: its end tells more, and is seen */
        sn__seat_kill(seat, "it could not be spoken to");
    seat->retry_ns = seat->started_ns + pause_before(seat->early_deaths + 1);
}
