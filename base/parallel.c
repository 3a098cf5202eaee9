/* SPDX-License-Identifier: Apache-2.0 */
/* One function on a few threads: started, run, joined.
 *
 * I1  A part runs exactly once, whether or not its thread could be started.
 * I2  Each part writes its own slot only; the caller reads the slots after the joins. */
#include "base/parallel.h"

#include "base/mem.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>

enum { DETAIL_BYTES = 1024 };

typedef struct part {
    sn__parallel_body body;
    void *context;
    int32_t index, threads;
    pthread_t thread;
    bool started;
    sn_status status;
    char detail[DETAIL_BYTES]; /* of the thread that ran it; set if status is an error */
} part;

static void *run_part(void *argument)
{
    part *self = argument;
    self->status = self->body(self->context, self->index, self->threads);
    if (self->status != SN_OK)
        snprintf(self->detail, sizeof self->detail, "%s", sn_error_detail());
    return NULL;
}

/* The host's signal handlers run in threads that the host knows. */
static void start_all(part *parts, int32_t threads)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (int32_t i = 1; i < threads; i++)
        parts[i].started = pthread_create(&parts[i].thread, NULL, run_part, &parts[i]) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

sn_status sn__parallel(int32_t threads, sn__parallel_body body, void *context)
{
    SN_ASSERT(threads >= 1);
    if (threads == 1)
        return body(context, 0, 1);

    part *parts;
    SN_TRY(sn__mem_zalloc((size_t)threads, sizeof *parts, "threads", &parts));
    for (int32_t i = 0; i < threads; i++) {
        parts[i].body = body;
        parts[i].context = context;
        parts[i].index = i;
        parts[i].threads = threads;
    }
    start_all(parts, threads);
    for (int32_t i = 0; i < threads; i++)
        if (!parts[i].started)
            run_part(&parts[i]);
    for (int32_t i = 1; i < threads; i++)
        if (parts[i].started)
            pthread_join(parts[i].thread, NULL);

    sn_status status = SN_OK;
    for (int32_t i = 0; i < threads && status == SN_OK; i++)
        if (parts[i].status != SN_OK)
            status = sn__fail(parts[i].status, "%s", parts[i].detail);
    sn__mem_free(parts);
    return status;
}
