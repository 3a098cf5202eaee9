/* SPDX-License-Identifier: Apache-2.0 */
/* A piece of memory that processes share, without a name anywhere: it lives as long as somebody has
 * it mapped or holds its descriptor, so no death leaves anything behind.
 *
 * All of it is there once it is made: no later use takes a page fault or can fail for want of memory.
 * Threads: a segment is changed by one thread at a time; its bytes are whoever's the caller says.
 * Fork: a child inherits the mapping, and not the descriptor once it executes a program. */
#ifndef SN_IPC_SHM_SEGMENT_H
#define SN_IPC_SHM_SEGMENT_H

#include "base/status.h"

typedef struct sn__segment {
    uint8_t *base; /* page aligned; NULL: not mapped */
    size_t bytes;
    int fd; /* -1 once closed */
} sn__segment;
#define SN__SEGMENT_NONE ((sn__segment){ .fd = -1 })

/* Makes a segment of zeros; `name` is what /proc shows and errors say. *out is NEW: mapped, with a
 * descriptor to pass on. It can be neither shrunk nor grown (unless the system refuses memfd_create).
 * Fails: SN_E_NOMEM (with what is available and what the control group leaves, before anything is
 * reserved), SN_E_INVALID (0 bytes), SN_E_SYSTEM. */
SN_NODISCARD sn_status sn__segment_create(const char *name, size_t bytes, sn__segment *out);
/* Maps the first `bytes` of a segment that another process made. TAKES `fd` in every case: it is
 * closed, out->fd is -1. *out is NEW. Fails: SN_E_CORRUPT (shorter than `bytes`, or could become so),
 * SN_E_INVALID (0 bytes), SN_E_NOMEM, SN_E_SYSTEM. */
SN_NODISCARD sn_status sn__segment_attach(int fd, size_t bytes, sn__segment *out);
/* The same for what is complete: mapped for reading alone, and pages come with their first use. */
SN_NODISCARD sn_status sn__segment_attach_read(int fd, size_t bytes, sn__segment *out);
/* Asks for huge pages, unless SEINE_HUGE_PAGES=never. A wish; for who made the segment, when it is filled
 * (pages that were never written take several times as long), and before others read it much. */
void sn__segment_ask_huge(const sn__segment *segment);
/* Both may be called again, and on SN__SEGMENT_NONE. */
void sn__segment_close_fd(sn__segment *segment);
void sn__segment_unmap(sn__segment *segment);

#endif
