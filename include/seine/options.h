/* SPDX-License-Identifier: Apache-2.0 */
/* Run-time options: how the library works, never what a batch contains.
 *
 * Every option has an environment twin, SEINE_ and its name in capitals, read once at first use. A
 * field of an options struct that is not zero wins over the environment. What decides the content
 * of a batch (fanouts, seed, ...) has no twin on purpose: the environment must not change a stream.
 * Threads: any. */
#ifndef SEINE_OPTIONS_H
#define SEINE_OPTIONS_H

#include "seine/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sn_option_info {
    const char *name;          /* "threads" */
    const char *env;           /* "SEINE_THREADS" */
    const char *text;          /* one line of what it does */
    const char *choices;       /* "auto|never" or "1..1024" */
    const char *default_value; /* as text */
    const char *value;         /* in force now, as text */
    bool from_env;             /* the environment set it */
} sn_option_info;

SN_API int32_t sn_option_count(void);
/* Fills *out with option `index`; the strings are BORROWED, valid while the library is loaded.
 * Fails: SN_E_RANGE. */
SN_NODISCARD SN_API sn_status sn_option_get(int32_t index, sn_option_info *out);
/* Checks every SEINE_ variable that the library knows. Fails: SN_E_INVALID, naming the variable,
 * its value and what is allowed. Calls that use an option check it too; a program may ask first. */
SN_NODISCARD SN_API sn_status sn_options_check(void);

/* Progress of a long call. Return false to cancel it: the call then ends with SN_E_CANCELLED and
 * leaves nothing behind. `stage` is BORROWED; `total` 0 means unknown. Called from the thread of
 * the call, at most about 20 times a second. */
typedef bool (*sn_progress)(void *context, const char *stage, uint64_t done, uint64_t total);

#ifdef __cplusplus
}
#endif
#endif
