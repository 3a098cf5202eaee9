/* SPDX-License-Identifier: Apache-2.0 */
/* A worker that does at a chosen point what no worker should: dies, stops, loops, sleeps, eats memory,
 * talks nonsense. What and when is said by lines of the file "order" in TMPDIR (rig_order in rig.h writes
 * it), or by the environment:
 *
 *     STOP_AT      the point, or "any": a step of a batch by its name, or one of those below
 *     STOP_ACT     kill segv stop exit loop sleep eat; garbage close failed flood
 *     STOP_TICKET  only at this ticket         STOP_EVERY  only at tickets n with n % EVERY = EVERY - 1
 *     STOP_BELOW   only at tickets below
 *     STOP_ONE_OF  only at one of so many, chosen by a hash of ticket, point and STOP_SEED
 *     STOP_ONCE    a folder: only if the file of that ticket could be made there; it holds the time
 *     STOP_MS      how long to sleep
 *     STOP_SLOW    "TICKET MS", beside all that: sleeps so long when TICKET is claimed
 *
 *     start        before the library is called             hello    HELLO has come
 *     lanes        a lane is being set up                    ready    READY was sent
 *     taken        a ticket is claimed, and nobody told      needed   memory was asked for
 *     given        memory has come                           unsignalled  published without a signal
 *
 * Threads: the lanes' and the main thread come by; the order is read before they are there. */
#include "base/clock.h"
#include "channel/claims.h"
#include "engine/produce/worker.h"
#include "engine/sample/team.h"
#include "ipc/proc/bind.h"
#include "ipc/shm/pass.h"
#include "seine/log.h"
#include "seine/worker.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define NO_TICKET UINT64_MAX
enum { LONGEST_LIFE_S = 900 }; /* of a worker that nobody ends */

static struct {
    const char *at, *act, *once;
    uint64_t ticket, every, below, one_of, seed, ms, slow_ticket, slow_ms;
} order;

static _Thread_local uint64_t current = NO_TICKET; /* of this lane, from its claim to its publish */

static uint64_t number(const char *name, uint64_t absent)
{
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 10) : absent;
}

/* NAME=VALUE lines, into this process' environment. */
static void read_order_file(void)
{
    char path[4096], line[4200];
    (void)snprintf(path, sizeof path, "%s/order", getenv("TMPDIR"));
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        char *value = strchr(line, '=');
        if (value == NULL)
            _exit(6);
        *value++ = '\0';
        value[strcspn(value, "\n")] = '\0';
        if (setenv(line, value, 1) != 0)
            _exit(6);
    }
    if (file != NULL)
        (void)fclose(file);
}

static void read_order(void)
{
    read_order_file();
    order.at = getenv("STOP_AT");
    order.act = getenv("STOP_ACT");
    order.once = getenv("STOP_ONCE");
    order.ticket = number("STOP_TICKET", NO_TICKET);
    order.every = number("STOP_EVERY", 1);
    order.below = number("STOP_BELOW", NO_TICKET);
    order.one_of = number("STOP_ONE_OF", 1);
    order.seed = number("STOP_SEED", 0);
    order.ms = number("STOP_MS", 0);
    order.slow_ticket = NO_TICKET;
    const char *slow = getenv("STOP_SLOW");
    if (slow != NULL) {
        char *end;
        order.slow_ticket = strtoull(slow, &end, 10);
        order.slow_ms = strtoull(end, NULL, 10);
    }
}

/* -- Acts -------------------------------------------------------------------------------------- */

static void stay(void)
{
    for (;;)
        pause();
}

static void die(int signal_number)
{
    (void)signal(signal_number, SIG_DFL);
    (void)kill(getpid(), signal_number);
    stay();
}

static void sleep_ms(uint64_t ms)
{
    struct timespec left = { .tv_sec = (time_t)(ms / 1000),
                             .tv_nsec = (long)(ms % 1000) * 1000000 };
    while (nanosleep(&left, &left) != 0)
        ;
}

static void loop(void)
{
    for (volatile uint64_t i = 0;; i++)
        ;
}

/* Until the control group has no more. The kernel is to take this process, not its parent. */
static void eat(void)
{
    const size_t bytes = (size_t)8 << 20;
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "1000", 4) != 4)
        _exit(4);
    for (;;) {
        void *more = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (more == MAP_FAILED)
            _exit(4);
        memset(more, 1, bytes);
    }
}

static void say(sn__control_kind kind, int32_t status, const char *text)
{
    sn__control message = sn__control_make(kind);
    message.status = status;
    sn__control_put_text(&message, text);
    sn__outgoing packet = { .bytes = &message, .count = sn__control_bytes(&message) };
    if (sn__pass_send(SN__CONTROL_SOCKET, &packet, sn__now_ns() + 1000000000) != SN_OK)
        _exit(5);
}

static void act(void)
{
    const char *what = order.act;
    if (strcmp(what, "kill") == 0)
        die(SIGKILL);
    if (strcmp(what, "segv") == 0)
        die(SIGSEGV);
    if (strcmp(what, "stop") == 0)
        (void)kill(getpid(), SIGSTOP);
    if (strcmp(what, "exit") == 0)
        _exit(3);
    if (strcmp(what, "loop") == 0)
        loop();
    if (strcmp(what, "sleep") == 0)
        sleep_ms(order.ms);
    if (strcmp(what, "eat") == 0)
        eat();
    if (strcmp(what, "garbage") == 0 && write(SN__CONTROL_SOCKET, "garbage of a stranger", 21) > 0)
        stay();
    if (strcmp(what, "close") == 0 && close(SN__CONTROL_SOCKET) == 0)
        stay();
    if (strcmp(what, "failed") == 0)
        say(SN__CONTROL_FAILED, SN_E_VERSION, "seine-worker is of version 0.0.0");
    while (strcmp(what, "flood") == 0)
        say(SN__CONTROL_LOG, SN_LOG_TRACE, "words");
}

/* -- Points ------------------------------------------------------------------------------------ */

static bool is_chosen(const char *point, uint64_t ticket)
{
    uint64_t hash = order.seed * UINT64_C(0x9e3779b97f4a7c15) + ticket;
    for (; *point != '\0'; point++)
        hash = (hash ^ (uint64_t)*point) * UINT64_C(0x100000001b3);
    hash ^= hash >> 29;
    return ((hash * UINT64_C(0xbf58476d1ce4e5b9)) >> 32) % order.one_of == 0;
}

/* Whether this is the first time; it leaves the time for the test. */
static bool is_first(uint64_t ticket)
{
    char path[4096], text[32];
    (void)snprintf(path, sizeof path, "%s/%lld", order.once, (long long)ticket);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    int bytes = snprintf(text, sizeof text, "%lld\n", (long long)sn__now_ns());
    if (write(fd, text, (size_t)bytes) != bytes)
        _exit(6);
    close(fd);
    return true;
}

static void pass_by(const char *point, uint64_t ticket)
{
    if (order.at == NULL || order.act == NULL ||
        (strcmp(order.at, point) != 0 && strcmp(order.at, "any") != 0))
        return;
    if (ticket != NO_TICKET) {
        if ((order.ticket != NO_TICKET && order.ticket != ticket) || ticket >= order.below)
            return;
        if (ticket % order.every != order.every - 1 || !is_chosen(point, ticket))
            return;
    }
    /* One thread at a time: a death has one cause. */
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    bool alone = strcmp(order.act, "sleep") != 0;
    if (alone)
        pthread_mutex_lock(&lock);
    if (order.once == NULL || is_first(ticket))
        act();
    if (alone)
        pthread_mutex_unlock(&lock);
}

static void at_step(uint32_t lane, sn_step step, uint64_t ticket)
{
    (void)lane;
    if (step == SN_STEP_IDLE)
        return;
    if (step == SN_STEP_CLAIMED && ticket == order.slow_ticket)
        sleep_ms(order.slow_ms);
    current = step == SN_STEP_PUBLISHED ? NO_TICKET : ticket;
    pass_by(sn_step_name(step), ticket);
}

/* -- Calls of the library that are points (--wrap) --------------------------------------------- */

sn_status __real_sn__bind_self(const char *cores);
sn_status __wrap_sn__bind_self(const char *cores);
sn_status __wrap_sn__bind_self(const char *cores)
{
    pass_by("hello", NO_TICKET);
    return __real_sn__bind_self(cores);
}

sn_status __real_sn__worker_lane_init(sn__worker_lane *lane);
sn_status __wrap_sn__worker_lane_init(sn__worker_lane *lane);
sn_status __wrap_sn__worker_lane_init(sn__worker_lane *lane)
{
    pass_by("lanes", NO_TICKET);
    return __real_sn__worker_lane_init(lane);
}

sn_status __real_sn__pass_send(int socket, const sn__outgoing *message, int64_t deadline_ns);
sn_status __wrap_sn__pass_send(int socket, const sn__outgoing *message, int64_t deadline_ns);
sn_status __wrap_sn__pass_send(int socket, const sn__outgoing *message, int64_t deadline_ns)
{
    sn_status status = __real_sn__pass_send(socket, message, deadline_ns);
    uint32_t kind = ((const sn__control *)message->bytes)->kind;
    if (kind == SN__CONTROL_READY)
        pass_by("ready", NO_TICKET);
    if (kind == SN__CONTROL_NEED)
        pass_by("needed", current);
    return status;
}

sn_status __real_sn__segment_attach(int fd, size_t bytes, sn__segment *out);
sn_status __wrap_sn__segment_attach(int fd, size_t bytes, sn__segment *out);
sn_status __wrap_sn__segment_attach(int fd, size_t bytes, sn__segment *out)
{
    if (current != NO_TICKET)
        pass_by("given", current);
    return __real_sn__segment_attach(fd, bytes, out);
}

bool __real_sn__claim_take_lane(const sn__stream *stream, uint32_t lane, uint64_t *ticket);
bool __wrap_sn__claim_take_lane(const sn__stream *stream, uint32_t lane, uint64_t *ticket);
bool __wrap_sn__claim_take_lane(const sn__stream *stream, uint32_t lane, uint64_t *ticket)
{
    bool taken = __real_sn__claim_take_lane(stream, lane, ticket);
    if (taken)
        pass_by("taken", *ticket);
    return taken;
}

void __real_sn__event_signal(sn__event *event);
void __wrap_sn__event_signal(sn__event *event);
void __wrap_sn__event_signal(sn__event *event)
{
    if (current != NO_TICKET)
        pass_by("unsignalled", current);
    __real_sn__event_signal(event);
}

int main(void)
{
    const struct rlimit no_core = { 0 };
    sigset_t mask;
    (void)signal(SIGPIPE, SIG_IGN);
    sigemptyset(&mask);
    sigaddset(&mask, SIGALRM);
    (void)sigprocmask(SIG_UNBLOCK, &mask, NULL);
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)alarm(LONGEST_LIFE_S);
    read_order();
    sn__worker_hook = at_step;
    pass_by("start", NO_TICKET);
    sn__team_least_blocks = 1; /* the graphs are small */
    return sn_worker_main();
}
