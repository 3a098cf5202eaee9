/* SPDX-License-Identifier: Apache-2.0 */
/* Measurements behind seine/limits.h. Each function is one run and gives one figure. */
#ifndef SN_BASE_PROBE_H
#define SN_BASE_PROBE_H

#include "seine/limits.h"

/* 0 and out-of-range values of `options` settled; `arrays` is how many of `bytes` are held at a
 * time. Fails: SN_E_INVALID, SN_E_NOMEM with what is needed and what there is. */
SN_NODISCARD sn_status sn__limits_settle(const sn_limits_options *options, sn_limits_options *out);

/* Inside a probe, BORROWED from it: what is read, what is written, lines of a run, bytes of
 * gathered rows. The word at offset i of `from` is sn__mix64(i). */
typedef struct sn__probe_arrays {
    const uint8_t *from;
    uint8_t *to;
    size_t bytes, reads, buffer;
} sn__probe_arrays;
sn__probe_arrays sn__probe_inside(sn_probe *probe);

/* What a mapping consists of, from /proc/self/smaps: "4k" (the system's page size), "huge",
 * "mixed", or "?" if it cannot be read. */
void sn__pages_obtained(const void *block, size_t bytes, char out[8]);

/* Microseconds to the first touch of a fresh page. `pages` as above. Fails: SN_E_NOMEM. */
SN_NODISCARD sn_status sn__fault_run(bool huge, char pages[8], double *out);
/* Microseconds from a store to the other thread having seen it; to its having woken up for it.
 * Fails: SN_E_SYSTEM. */
SN_NODISCARD sn_status sn__handover_awake_run(double *out);
SN_NODISCARD sn_status sn__handover_asleep_run(double *out);

#endif
