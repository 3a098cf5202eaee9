/* SPDX-License-Identifier: Apache-2.0 */
/* One log sink. Default: lines on stderr at level warn (SEINE_LOG changes the level).
 * Threads: any; a sink may be called from several threads at once. Nothing is logged per batch
 * above level debug. */
#ifndef SEINE_LOG_H
#define SEINE_LOG_H

#include "seine/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum sn_log_level {
    SN_LOG_DEFAULT = 0,
    SN_LOG_ERROR = 1,
    SN_LOG_WARN = 2,
    SN_LOG_INFO = 3,
    SN_LOG_DEBUG = 4,
    SN_LOG_TRACE = 5
} sn_log_level;

/* `line` is BORROWED for the call and has no newline. */
typedef void (*sn_log_sink)(void *context, sn_log_level level, const char *line);

/* NULL restores stderr. */
SN_API void sn_log_set_sink(sn_log_sink sink, void *context);
/* SN_LOG_DEFAULT restores the level of SEINE_LOG. */
SN_API void sn_log_set_level(sn_log_level level);

#ifdef __cplusplus
}
#endif
#endif
