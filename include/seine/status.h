/* SPDX-License-Identifier: Apache-2.0 */
/* Results of calls.
 *
 * Every call that can fail returns sn_status: 0 is success, negative is an error. Errors are
 * grouped by what has to be thrown away: the call, the object, the peer, the device. Each error
 * leaves one line of detail in the calling thread: the object and the number, never a guess at the
 * cause.
 * Threads: any; the detail is per thread. */
#ifndef SEINE_STATUS_H
#define SEINE_STATUS_H

#include "seine/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, value, text). Values never change; new ones are added. */
#define SN_STATUS_LIST(X)                                              \
    X(SN_OK, 0, "ok")                                                  \
    /* The call was wrong or not possible; everything is as before. */ \
    X(SN_E_INVALID, -1, "invalid argument")                            \
    X(SN_E_RANGE, -2, "out of range")                                  \
    X(SN_E_NOT_FOUND, -3, "not found")                                 \
    X(SN_E_EXISTS, -4, "exists already")                               \
    X(SN_E_UNSUPPORTED, -5, "not supported")                           \
    X(SN_E_NOMEM, -6, "out of memory")                                 \
    X(SN_E_SYSTEM, -7, "system call failed")                           \
    X(SN_E_CANCELLED, -8, "cancelled by the caller")                   \
    /* The object (a file, a dataset) is no good. */                   \
    X(SN_E_FORMAT, -20, "wrong format")                                \
    X(SN_E_CORRUPT, -21, "damaged data")                               \
    X(SN_E_VERSION, -22, "other version")                              \
    /* Results, not failures: no detail is set. */                     \
    X(SN_E_AGAIN, -40, "not now")                                      \
    X(SN_E_TIMEOUT, -41, "deadline passed")                            \
    X(SN_E_CLOSED, -42, "closed")                                      \
    X(SN_E_END, -43, "end of the stream")                              \
    /* A peer or a device is lost. */                                  \
    X(SN_E_PEER_DIED, -60, "peer died")                                \
    X(SN_E_DEVICE, -80, "device error")                                \
    X(SN_E_INTERNAL, -100, "internal error")

typedef enum sn_status {
#define SN_STATUS_ENUM(name, value, text) name = value,
    SN_STATUS_LIST(SN_STATUS_ENUM)
#undef SN_STATUS_ENUM
} sn_status;

/* "SN_E_RANGE"; "SN_E_?" for a number that is no status. BORROWED, never freed. */
SN_API const char *sn_status_name(sn_status status);
/* "out of range". BORROWED, never freed. */
SN_API const char *sn_status_text(sn_status status);
/* What the last failed call of this thread said, one line, no newline; "" if none failed yet.
 * BORROWED until the next failing call of this thread. */
SN_API const char *sn_error_detail(void);
/* Puts "text: " before the detail of the last error of this thread, for callers that know more. */
SN_API void sn_error_context(const char *format, ...) SN_PRINTF(1, 2);

#ifdef __cplusplus
}
#endif
#endif
