/* SPDX-License-Identifier: Apache-2.0 */
/* Each thread reads a piece, writes a piece, and so on to the ends of its slices.
 * Threads: its own, joined. */
#include "bench/file_copy.h"

#include "tools/seine/report.h"
#include "tools/seine/seconds.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 1 << 20, MOST_THREADS = 64 };

typedef struct part {
    int from, to;
    int64_t read_at, read_end, write_at, write_end;
    pthread_t thread;
    bool started;
    int error; /* an errno, 0: none */
} part;

static int64_t piece(int64_t at, int64_t end)
{
    return end - at < PIECE ? end - at : PIECE;
}

static void *copy_part(void *argument)
{
    part *self = argument;
    char *buffer = calloc(1, PIECE);
    self->error = buffer == NULL ? ENOMEM : 0;
    while (self->error == 0 &&
           (self->read_at < self->read_end || self->write_at < self->write_end)) {
        int64_t in = piece(self->read_at, self->read_end);
        int64_t out = piece(self->write_at, self->write_end);
        ssize_t got = in > 0 ? pread(self->from, buffer, (size_t)in, self->read_at) : 0;
        ssize_t put = out > 0 ? pwrite(self->to, buffer, (size_t)out, self->write_at) : 0;
        if (got < 0 || put < 0)
            self->error = errno == EINTR ? 0 : errno;
        else if ((in > 0 && got == 0) || (out > 0 && put == 0))
            self->error = EIO;
        self->read_at += got > 0 ? got : 0;
        self->write_at += put > 0 ? put : 0;
    }
    free(buffer);
    return NULL;
}

/* An errno, 0: none. */
static int copy_all(int from, int to, int64_t bytes, int32_t threads)
{
    static part parts[MOST_THREADS];
    struct stat info;
    int error = fstat(from, &info) == 0 ? 0 : errno;
    for (int32_t t = 0; t < threads && error == 0; t++) {
        parts[t] = (part){ .from = from, .to = to };
        parts[t].read_at = info.st_size / threads * t;
        parts[t].read_end = t + 1 < threads ? info.st_size / threads * (t + 1) : info.st_size;
        parts[t].write_at = bytes / threads * t;
        parts[t].write_end = t + 1 < threads ? bytes / threads * (t + 1) : bytes;
        parts[t].started =
            t > 0 && pthread_create(&parts[t].thread, NULL, copy_part, &parts[t]) == 0;
    }
    for (int32_t t = 0; t < threads && error == 0; t++)
        if (!parts[t].started)
            copy_part(&parts[t]);
    for (int32_t t = 0; t < threads && error == 0; t++)
        if (parts[t].started)
            pthread_join(parts[t].thread, NULL);
    for (int32_t t = 0; t < threads && error == 0; t++)
        error = parts[t].error;
    return error;
}

int file_copy(const char *from, const char *to, int64_t bytes, int32_t threads, double *out)
{
    int in = open(from, O_RDONLY | O_CLOEXEC), made = -1, code = CODE_DONE;
    if (in < 0)
        return report_failure("%s: cannot open: %s", from, strerror(errno));
    made = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (made < 0) {
        code = report_failure("%s: cannot create: %s", to, strerror(errno));
    } else {
        double start = seconds_now();
        int error = copy_all(in, made, bytes, threads < MOST_THREADS ? threads : MOST_THREADS);
        *out = seconds_now() - start;
        close(made);
        (void)unlink(to);
        if (error != 0)
            code = report_failure("%s: cannot copy: %s", to, strerror(error));
    }
    close(in);
    return code;
}
