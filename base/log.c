/* SPDX-License-Identifier: Apache-2.0 */
/* The log: one sink, one level, both changeable at any time.
 *
 * A line is formatted in the calling thread and given to the sink outside the lock, so a sink may
 * itself change the sink. A line that was on its way when the sink changed may still reach the old
 * one. */
#include "base/log.h"

#include "base/option.h"
#include "base/status.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = 1024 };

static void write_stderr(void *context, sn_log_level level, const char *line);

static pthread_mutex_t sink_lock = PTHREAD_MUTEX_INITIALIZER;
static sn_log_sink current_sink = write_stderr; /* with its context: under the lock */
static void *current_context;
static atomic_int current_level; /* SN_LOG_DEFAULT: what SEINE_LOG says */

static const char *level_name(sn_log_level level)
{
    static const char *const names[] = { "log", "error", "warn", "info", "debug", "trace" };
    return level >= SN_LOG_DEFAULT && level <= SN_LOG_TRACE ? names[level] : names[0];
}

/* One write, so that lines of several processes do not mix. */
static void write_stderr(void *context, sn_log_level level, const char *line)
{
    (void)context;
    char text[LINE_BYTES + 64];
    int length = snprintf(text, sizeof text, "seine[%ld]: %s: %s\n", (long)getpid(),
                          level_name(level), line);
    ssize_t written = write(STDERR_FILENO, text, (size_t)length);
    (void)written; /* nowhere to report it to */
}

void sn_log_set_sink(sn_log_sink sink, void *context)
{
    pthread_mutex_lock(&sink_lock);
    current_sink = sink != NULL ? sink : write_stderr;
    current_context = context;
    pthread_mutex_unlock(&sink_lock);
}

void sn_log_set_level(sn_log_level level)
{
    atomic_store_explicit(&current_level, (int)level, memory_order_relaxed);
}

static bool is_wanted(sn_log_level level)
{
    int limit = atomic_load_explicit(&current_level, memory_order_relaxed);
    if (limit == SN_LOG_DEFAULT) /* choices are in the order of the levels, from error */
        limit = (int)sn__option_value_or_default(SN__OPTION_LOG) + SN_LOG_ERROR;
    return (int)level <= limit;
}

static void keep_one_line(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

void sn__log(sn_log_level level, const char *format, ...)
{
    int error = errno;
    if (!is_wanted(level))
        goto restore_errno;

    char line[LINE_BYTES], detail[LINE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    keep_one_line(line);

    pthread_mutex_lock(&sink_lock);
    sn_log_sink sink = current_sink;
    void *context = current_context;
    pthread_mutex_unlock(&sink_lock);

    snprintf(detail, sizeof detail, "%s", sn_error_detail());
    sink(context, level, line);
    if (strcmp(detail, sn_error_detail()) != 0) /* the sink called the library and failed */
        (void)sn__fail(SN_OK, "%s", detail);
restore_errno:
    errno = error;
}
