/* SPDX-License-Identifier: Apache-2.0 */
/* What a loader and its workers say to each other over the control socket (SOCK_SEQPACKET, one message
 * a packet, descriptors beside it). Rare things only: batches and tickets go through shared memory.
 *
 *     parent                                 worker
 *     HELLO  versions, sizes; descriptors ->
 *     GIVE   each arena that exists       ->
 *                                          <- READY, or FAILED: why it cannot work
 *                                          <- NEED   a lane has no memory for a batch
 *     GIVE   a segment, or                ->
 *     REFUSE why there is none            ->
 *                                          <- LOG    a line for the parent's log
 *     STOP                                ->         the worker ends
 *
 * The worker ends at once when the socket is closed, since its parent is then gone. */
#ifndef SN_ENGINE_PRODUCE_CONTROL_H
#define SN_ENGINE_PRODUCE_CONTROL_H

#include "base/hash.h"
#include "base/status.h"

#include <stddef.h>

#define SN__CONTROL_MAGIC UINT32_C(0x43454e53) /* "SNEC" */

enum {
    SN__CONTROL_SOCKET = 3, /* the worker's end */
    SN__CONTROL_TEXT = 400,
    SN__CONTROL_FDS = 3 /* of HELLO: control segment, plan, dataset */
};

typedef enum sn__control_kind {
    SN__CONTROL_HELLO = 1,
    SN__CONTROL_READY,
    SN__CONTROL_FAILED,
    SN__CONTROL_NEED,
    SN__CONTROL_GIVE,
    SN__CONTROL_REFUSE,
    SN__CONTROL_LOG,
    SN__CONTROL_STOP
} sn__control_kind;

typedef struct sn__control {
    uint32_t magic, kind;
    uint32_t lane; /* NEED, GIVE, REFUSE: of all lanes of the loader */
    uint32_t
        segment; /* GIVE: its id, 0 the arena. NEED: 0 asks for the arena, 1 for a spill segment */
    uint64_t bytes; /* NEED, GIVE */
    uint32_t drop;  /* GIVE: an older segment of the lane, to be unmapped; 0: none */
    int32_t status; /* FAILED, REFUSE: sn_status; LOG: level */
    uint32_t text_bytes, unused;
    char text[SN__CONTROL_TEXT]; /* FAILED, REFUSE, LOG; not sent beyond text_bytes */
} sn__control;

typedef struct sn__hello {
    uint32_t magic, kind;
    char version[32];   /* of the library */
    uint64_t layout;    /* sn__stream_layout_word */
    uint64_t plan_hash; /* both sides must come to the same */
    uint64_t control_bytes, plan_bytes;
    uint64_t image_bytes; /* 0: the third descriptor is a directory */
    uint32_t worker;
    uint32_t arenas;                /* so many GIVE follow */
    uint32_t threads, unused;       /* threads that share a batch */
    char bind[256];                 /* cores; "": all */
    char fingerprint[SN__HASH_HEX]; /* of the dataset */
    char path[1024];                /* of its directory, for errors; "": none */
} sn__hello;

/* Bytes of a message as sent. */
static inline size_t sn__control_bytes(const sn__control *message)
{
    return offsetof(sn__control, text) + message->text_bytes;
}
/* A message without text. */
static inline sn__control sn__control_make(sn__control_kind kind)
{
    return (sn__control){ .magic = SN__CONTROL_MAGIC, .kind = (uint32_t)kind };
}
/* Puts `text` into the message, cut to its room. */
void sn__control_put_text(sn__control *message, const char *text);
/* Checks what was received: `bytes` of it. The text ends with 0 afterwards. Fails: SN_E_CORRUPT. */
SN_NODISCARD sn_status sn__control_check(sn__control *message, size_t bytes);

#endif
