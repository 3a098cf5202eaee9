/* SPDX-License-Identifier: Apache-2.0 */
/* The worker process: it is told what to do by HELLO, gets ready, starts its lanes, and then only
 * carries answers from the control socket to them, until it is told to stop or its parent is gone.
 *
 * Every end is told: what goes wrong before READY by FAILED, what goes wrong in a lane by the batch that
 * it publishes, and the death of the process by its pidfd.
 *
 * Threads: the main thread is here; lanes have one each. */
#include "seine/worker.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/data/image.h"
#include "engine/produce/worker.h"
#include "engine/sample/plan_pack.h"
#include "ipc/proc/bind.h"
#include "ipc/proc/process.h"
#include "ipc/shm/pass.h"
#include "seine/seine.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HELLO_NS (INT64_C(30) * 1000000000)
#define LOG_NS   INT64_C(0) /* a full socket costs a line of the log, not time */

enum { CODE_DONE = 0, CODE_FAILED = 1, CODE_NOT_STARTED = 2 };

/* -- Talking ----------------------------------------------------------------------------------- */

static sn_status send_text(int socket, sn__control_kind kind, int32_t status, const char *text)
{
    sn__control message = sn__control_make(kind);
    message.status = status;
    sn__control_put_text(&message, text);
    sn__outgoing packet = { .bytes = &message, .count = sn__control_bytes(&message) };
    return sn__pass_send(socket, &packet, kind == SN__CONTROL_LOG ? LOG_NS : INT64_MAX);
}

static void send_log(void *context, sn_log_level level, const char *line)
{
    sn_status sent =
        send_text(((sn__worker *)context)->socket, SN__CONTROL_LOG, (int32_t)level, line);
    (void)sent; /* what is lost is a line of the log */
}

/* The next message of the parent, with at most one descriptor. */
static sn_status receive(const sn__worker *worker, sn__answer *out, int64_t deadline_ns)
{
    sn__incoming packet = {
        .bytes = &out->message, .capacity = sizeof out->message, .fds = &out->fd, .max_fds = 1
    };
    out->fd = -1;
    SN_TRY(sn__pass_receive(worker->socket, &packet, deadline_ns));
    if (packet.num_fds == 0)
        out->fd = -1;
    sn_status status = sn__control_check(&out->message, packet.count);
    if (status != SN_OK && out->fd >= 0)
        close(out->fd);
    return status;
}

/* -- Getting ready ----------------------------------------------------------------------------- */

static sn_status check_versions(const sn__hello *hello)
{
    if (strcmp(hello->version, sn_version_string()) != 0)
        return sn__fail(SN_E_VERSION, "seine-worker is of version %s, the loader of %.31s",
                        sn_version_string(), hello->version);
    if (hello->layout != sn__stream_layout_word())
        return sn__fail(SN_E_VERSION, "seine-worker has layout %016llx, the loader %016llx",
                        (unsigned long long)sn__stream_layout_word(),
                        (unsigned long long)hello->layout);
    return SN_OK;
}

static sn_status receive_hello(const sn__worker *worker, sn__hello *hello, int fds[SN__CONTROL_FDS])
{
    sn__incoming packet = {
        .bytes = hello, .capacity = sizeof *hello, .fds = fds, .max_fds = SN__CONTROL_FDS
    };
    SN_TRY(sn__pass_receive(worker->socket, &packet, sn__now_ns() + HELLO_NS));
    if (packet.count != sizeof *hello || hello->magic != SN__CONTROL_MAGIC ||
        hello->kind != SN__CONTROL_HELLO || packet.num_fds != SN__CONTROL_FDS)
        return sn__fail(SN_E_VERSION, "the loader's first message is of another version");
    hello->version[sizeof hello->version - 1] = '\0';
    hello->bind[sizeof hello->bind - 1] = '\0';
    hello->path[sizeof hello->path - 1] = '\0';
    hello->fingerprint[sizeof hello->fingerprint - 1] = '\0';
    return SN_OK;
}

/* Names of the tensors, as they go into messages. */
static sn_status list_names(sn__worker *worker)
{
    const sn_plan *plan = worker->plan;
    SN_TRY(sn__mem_zalloc((size_t)plan->num_tensors, sizeof *worker->names, "names of tensors",
                          &worker->names));
    for (int32_t i = 0; i < plan->num_tensors; i++) {
        worker->names[i] = plan->tensors[i].name;
        worker->names_bytes += strlen(worker->names[i]) + 1;
    }
    return SN_OK;
}

static sn_status attach_all(sn__worker *worker, const sn__hello *hello,
                            const int fds[SN__CONTROL_FDS])
{
    sn_status status = sn__segment_attach(fds[0], hello->control_bytes, &worker->control);
    sn_status packed = sn__segment_attach(fds[1], hello->plan_bytes, &worker->plan_pack);
    sn__share share = { .fd = fds[2],
                        .image_bytes = hello->image_bytes,
                        .path = hello->path[0] != '\0' ? hello->path : NULL };
    memcpy(share.fingerprint, hello->fingerprint, sizeof share.fingerprint);
    sn_status opened = sn__dataset_attach(&share, &worker->dataset); /* all are closed now */
    SN_TRY(status);
    SN_TRY(packed);
    SN_TRY(opened);
    SN_TRY(sn__stream_attach(worker->control.base, worker->control.bytes, &worker->stream));
    SN_TRY(sn__plan_unpack(worker->plan_pack.base, worker->plan_pack.bytes, worker->dataset,
                           &worker->plan));
    SN_TRY(sn__plan_hash_all(worker->plan, &worker->plan_hash));
    if (worker->plan_hash != hello->plan_hash || worker->index >= worker->stream.workers)
        return sn__fail(SN_E_CORRUPT, "the plan is not the loader's");
    if (worker->threads < 1 || worker->threads > SN_MAX_THREADS)
        return sn__fail(SN_E_CORRUPT, "the loader says %u threads", worker->threads);
    return list_names(worker);
}

static sn__worker_lane *lane_of(sn__worker *worker, uint32_t lane)
{
    uint32_t first = worker->index * worker->stream.concurrency;
    if (lane < first || lane - first >= worker->stream.concurrency)
        return NULL;
    return &worker->lanes[lane - first];
}

static sn_status init_lanes(sn__worker *worker, uint32_t arenas)
{
    uint32_t count = worker->stream.concurrency;
    SN_TRY(sn__mem_zalloc(count, sizeof *worker->lanes, "lanes", &worker->lanes));
    for (uint32_t i = 0; i < count; i++) {
        worker->lanes[i].worker = worker;
        worker->lanes[i].lane = worker->index * count + i;
        SN_TRY(sn__worker_lane_init(&worker->lanes[i]));
    }
    for (uint32_t i = 0; i < arenas; i++) {
        sn__answer answer;
        SN_TRY(receive(worker, &answer, sn__now_ns() + HELLO_NS));
        sn__worker_lane *lane = lane_of(worker, answer.message.lane);
        if (answer.message.kind != SN__CONTROL_GIVE || lane == NULL) {
            if (answer.fd >= 0)
                close(answer.fd);
            return sn__fail(SN_E_CORRUPT, "message %u instead of an arena", answer.message.kind);
        }
        SN_TRY(sn__worker_lane_take(lane, &answer));
    }
    return SN_OK;
}

/* A lane that the consumer's step wakes has work for milliseconds: it need not take the core away from the
 * consumer, which is about to use what it got. Policies that the user chose stay. */
static void be_patient(void)
{
    struct sched_param none = { 0 };
    if (sched_getscheduler(0) == SCHED_OTHER && sched_setscheduler(0, SCHED_BATCH, &none) != 0)
        sn__log(SN_LOG_DEBUG, "scheduling policy: not changed");
}

/* The process that made the pair of sockets. It may end before it says HELLO, while a child of its own
 * keeps the other end open. */
static pid_t maker_of(int socket)
{
    struct ucred maker;
    socklen_t bytes = sizeof maker;
    return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &maker, &bytes) == 0 ? maker.pid : 0;
}

static sn_status get_ready(sn__worker *worker)
{
    sn__hello hello;
    int fds[SN__CONTROL_FDS];
    SN_TRY(sn__process_die_with_parent(maker_of(worker->socket)));
    SN_TRY(receive_hello(worker, &hello, fds));
    worker->index = hello.worker;
    worker->threads = hello.threads;
    SN_TRY(check_versions(&hello));
    if (sn__bind_self(hello.bind) != SN_OK)
        sn__log(SN_LOG_WARN, "worker %u: not bound to cores %s: %s", worker->index, hello.bind,
                sn_error_detail());
    be_patient();
    SN_TRY(attach_all(worker, &hello, fds));
    return init_lanes(worker, hello.arenas);
}

/* -- Running ----------------------------------------------------------------------------------- */

static void *run_lane(void *lane)
{
    sn__worker_lane_run(lane);
    return NULL;
}

static sn_status start_lanes(sn__worker *worker)
{
    for (uint32_t i = 0; i < worker->stream.concurrency; i++) {
        int error = pthread_create(&worker->lanes[i].thread, NULL, run_lane, &worker->lanes[i]);
        if (error != 0)
            return sn__fail(SN_E_SYSTEM, "thread of lane %u: %s", worker->lanes[i].lane,
                            strerror(error));
        worker->started++;
    }
    return SN_OK;
}

static void hand_over(sn__worker *worker, const sn__answer *answer)
{
    sn__worker_lane *lane = lane_of(worker, answer->message.lane);
    if (lane == NULL) {
        if (answer->fd >= 0)
            close(answer->fd);
        return;
    }
    pthread_mutex_lock(&lane->lock);
    lane->answer = *answer;
    lane->has_answer = true;
    pthread_cond_signal(&lane->filled);
    pthread_mutex_unlock(&lane->lock);
}

/* Carries answers until the parent says stop or is gone. */
static sn_status listen_to_parent(sn__worker *worker)
{
    for (;;) {
        sn__answer answer;
        SN_TRY(receive(worker, &answer, INT64_MAX)); /* its end is noticed */
        if (answer.message.kind == SN__CONTROL_STOP)
            return SN_OK;
        hand_over(worker, &answer);
    }
}

static void stop_lanes(sn__worker *worker)
{
    if (worker->started == 0)
        return;
    atomic_store_explicit(&worker->stopping, true, memory_order_release);
    sn__event_signal(&worker->stream.header->opened);
    for (uint32_t i = 0; i < worker->started; i++) { /* no answer comes any more */
        pthread_mutex_lock(&worker->lanes[i].lock);
        pthread_cond_signal(&worker->lanes[i].filled);
        pthread_mutex_unlock(&worker->lanes[i].lock);
    }
    for (uint32_t i = 0; i < worker->started; i++)
        pthread_join(worker->lanes[i].thread, NULL);
}

static void deinit(sn__worker *worker)
{
    for (uint32_t i = 0; worker->lanes != NULL && i < worker->stream.concurrency; i++)
        sn__worker_lane_deinit(&worker->lanes[i]);
    sn__mem_free(worker->lanes);
    sn__mem_free(worker->names);
    sn_plan_release(worker->plan);
    sn_dataset_release(worker->dataset);
    sn__segment_unmap(&worker->plan_pack);
    sn__segment_unmap(&worker->control);
    close(worker->socket);
}

static sn_status run(sn__worker *worker)
{
    sn_status status = get_ready(worker);
    if (status == SN_OK)
        status = send_text(worker->socket, SN__CONTROL_READY, SN_OK, "");
    if (status == SN_OK)
        status = start_lanes(worker);
    if (status != SN_OK) {
        sn_status sent =
            send_text(worker->socket, SN__CONTROL_FAILED, (int32_t)status, sn_error_detail());
        return sent == SN_OK ? status : sent;
    }
    return listen_to_parent(worker);
}

static bool is_control_socket(int fd)
{
    int type = 0;
    socklen_t bytes = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &bytes) == 0 && type == SOCK_SEQPACKET;
}

/* The parent has blocked all signals, so that none comes before the program has said what it ignores. */
static void unblock_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
}

int sn_worker_main(void)
{
    static sn__worker worker; /* there are threads that may outlive the call */
    worker = (sn__worker){ .socket = SN__CONTROL_SOCKET,
                           .control = SN__SEGMENT_NONE,
                           .plan_pack = SN__SEGMENT_NONE };
    if (!is_control_socket(worker.socket))
        return CODE_NOT_STARTED;
    unblock_signals();
    sn_log_set_sink(send_log, &worker);
    sn_status status = run(&worker);
    if (worker.started > 0 && status != SN_OK)
        return CODE_FAILED; /* the parent is gone: nobody waits for what lanes do now */
    stop_lanes(&worker);
    sn_log_set_sink(NULL, NULL);
    deinit(&worker);
    return status == SN_OK ? CODE_DONE : CODE_FAILED;
}
