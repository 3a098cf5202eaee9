/* SPDX-License-Identifier: Apache-2.0 */
/* A short wait before a sleep: what comes within the time that a sleep and a wake-up take anyhow is
 * taken without them.
 *
 *     sn__spin spin = sn__spin_begin();
 *     do
 *         if (condition)
 *             return ...;
 *     while (sn__spin_more(&spin));
 *     ... sleep
 *
 * Threads: any; each has a spin of its own. */
#ifndef SN_BASE_SPIN_H
#define SN_BASE_SPIN_H

#include <stdbool.h>
#include <stdint.h>

typedef struct sn__spin {
    int64_t end_ns;
    uint32_t looks;
} sn__spin;

/* How long a spin lasts: about 20 us, 0 where one core was granted when first asked (then nobody could
 * do meanwhile what is waited for). */
int64_t sn__spin_limit_ns(void);
sn__spin sn__spin_begin(void);
/* Waits a moment; false when it is time to sleep. */
bool sn__spin_more(sn__spin *spin);

#endif
