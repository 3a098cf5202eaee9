/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SN_BASE_CLOCK_H
#define SN_BASE_CLOCK_H

#include <stdint.h>

/* Monotonic time. */
int64_t sn__now_ns(void);

#endif
