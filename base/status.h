/* SPDX-License-Identifier: Apache-2.0 */
/* Setting errors. The function that decides an error sets the detail; nobody sets or logs it again.
 */
#ifndef SN_BASE_STATUS_H
#define SN_BASE_STATUS_H

#include "seine/status.h"

/* Stores the detail of the calling thread and returns `status`. */
sn_status sn__fail(sn_status status, const char *format, ...) SN_PRINTF(2, 3);
/* The same with ": <text of errno>" behind it. SN_E_NOMEM for ENOMEM, else SN_E_SYSTEM. */
sn_status sn__fail_errno(const char *format, ...) SN_PRINTF(1, 2);

/* Passes an error on. */
#define SN_TRY(expression)                      \
    do {                                        \
        sn_status sn_try_status = (expression); \
        if (sn_try_status != SN_OK)             \
            return sn_try_status;               \
    } while (0)

/* Our own invariants only; never for what a user, a file or a peer gave. */
#ifdef NDEBUG
#    define SN_ASSERT(condition) ((void)sizeof(!(condition)))
#else
#    include <assert.h>
#    define SN_ASSERT(condition) assert(condition)
#endif

#endif
