/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor from inside, for its files: supervisor.c (thread and life), supervisor_start.c
 * (spawning and HELLO), supervisor_talk.c (messages), supervisor_death.c (deaths and stalls). */
#ifndef SN_ENGINE_PRODUCE_SUPERVISOR_INSIDE_H
#define SN_ENGINE_PRODUCE_SUPERVISOR_INSIDE_H

#include "channel/claims.h"
#include "engine/data/image.h"
#include "engine/produce/control.h"
#include "engine/produce/supervisor.h"
#include "ipc/proc/bind.h"
#include "ipc/proc/process.h"

enum {
    SN__MOST_DEATHS_AT = 3,     /* of a lane's workers in a row at one batch */
    SN__MOST_EARLY_DEATHS = 10, /* of a worker in a row before it claimed anything */
};

/* What an event of the epoll set is about: worker << 2 | kind. */
enum { SN__WATCH_WAKE = 0, SN__WATCH_PROCESS = 1, SN__WATCH_SOCKET = 2 };

static inline uint64_t sn__watch_key(uint32_t worker, unsigned kind)
{
    return (uint64_t)worker << 2 | kind;
}

typedef enum sn__worker_state { SN__DOWN, SN__STARTING, SN__RUNNING } sn__worker_state;

/* What is remembered of a lane over the deaths of its workers. */
typedef struct sn__lane_watch {
    uint64_t suspect; /* the ticket at which its worker died last */
    int32_t deaths;   /* at that ticket, in a row */
    uint64_t progress;
    int64_t since_ns; /* of that progress, or of the last moment without work */
} sn__lane_watch;

typedef struct sn__worker_seat {
    sn__worker_state state;
    sn__process process;
    int socket;                  /* -1: closed by the worker, which is about to die */
    int64_t started_ns;          /* of the process */
    int64_t closed_ns;           /* when the socket was closed; 0: it is not */
    bool was_ready;              /* counted in `ready` */
    int32_t early_deaths;        /* in a row, before anything was claimed */
    int64_t retry_ns;            /* DOWN: not started again before */
    int64_t oom_kills;           /* of the control group when it was started */
    const char *killed_for;      /* why the supervisor killed it; NULL: it did not */
    char said[SN__CONTROL_TEXT]; /* FAILED */
    sn_status said_status;       /* SN_OK: it said nothing */
    char bind[SN__BIND_BYTES];
} sn__worker_seat;

struct sn__supervisor {
    const sn_plan *plan;
    sn__hold *hold;
    char *path;         /* of seine-worker */
    char **environment; /* its own: that of the creation */
    sn__segment plan_pack;
    uint64_t plan_hash, channel_bytes;
    int64_t stall_ns;
    uint32_t threads;   /* that share a batch */
    int64_t checked_ns; /* when stalls were looked for last */

    pthread_t thread;
    int wake; /* eventfd: something below has changed */
    int epoll;
    sn__worker_seat *seats;  /* [workers] */
    sn__lane_watch *watches; /* [lanes] */
    atomic_bool stopping, restart;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* ready, failed: for create */
    uint32_t ready;         /* workers that were ready at least once, at creation */
    atomic_int failed;      /* sn_status; SN_OK: not */
    uint64_t generation;    /* of the run */
    uint64_t seen;          /* the generation that the thread's present doings belong to */
    uint64_t failure_from;  /* batches below this ticket are still delivered */
    char failure[SN__CONTROL_TEXT + 200];
};

static inline uint32_t sn__worker_of_lane(const sn__supervisor *s, uint32_t lane)
{
    return lane / s->hold->stream.concurrency;
}

/* -- supervisor_start.c ------------------------------------------------------------------------ */

/* Starts the worker of a seat that is DOWN, and says HELLO. A failure ends the run. */
void sn__seat_start(sn__supervisor *s, uint32_t worker);
/* What every HELLO needs: the pack, the dataset, the program. Fails: SN_E_NOT_FOUND, SN_E_NOMEM,
 * SN_E_SYSTEM. */
SN_NODISCARD sn_status sn__supervisor_prepare(sn__supervisor *s, const sn_loader_options *options);
void sn__supervisor_unprepare(sn__supervisor *s);

/* -- supervisor_talk.c ------------------------------------------------------------------------- */

/* Reads what the worker has sent; of a dead one, all. */
void sn__seat_listen(sn__supervisor *s, uint32_t worker);
void sn__seat_send_stop(const sn__worker_seat *seat);

/* -- supervisor_death.c ------------------------------------------------------------------------ */

/* The worker's pidfd says that it is dead: reaps it, and draws the consequences. */
void sn__seat_bury(sn__supervisor *s, uint32_t worker);
/* Kills workers that make no progress, and those that do not get ready. */
void sn__supervisor_check_stalls(sn__supervisor *s);
/* Kills a worker; `why` is a literal. */
void sn__seat_kill(sn__worker_seat *seat, const char *why);

/* -- supervisor.c ------------------------------------------------------------------------------ */

/* Ends the run at ticket `from`; the text is all that the user will read. */
void sn__supervisor_fail_text(sn__supervisor *s, sn_status status, uint64_t from,
                              const char *format, ...) SN_PRINTF(4, 5);
/* If the run has failed: what was to be delivered before that will not come either. */
void sn__supervisor_fail_at_once(sn__supervisor *s);

#endif
