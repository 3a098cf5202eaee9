/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SN_BASE_LOG_H
#define SN_BASE_LOG_H

#include "seine/log.h"

/* One line, lowercase, object first. Keeps errno and the error detail. */
void sn__log(sn_log_level level, const char *format, ...) SN_PRINTF(2, 3);

#endif
