/* SPDX-License-Identifier: Apache-2.0 */
/* Messages for tests: made from a list of tensors, and what must hold of one that a reader has
 * accepted. Threads: any. */
#ifndef SN_TESTS_CHANNEL_LETTER_H
#define SN_TESTS_CHANNEL_LETTER_H

#include "channel/message.h"

enum { LETTER_TENSORS = 20 };

typedef struct letter {
    sn_batch_info info;
    sn_tensor tensors[LETTER_TENSORS]; /* data: offsets into the payload */
    const char *names[LETTER_TENSORS];
    size_t names_bytes, payload_bytes;
    uint8_t *bytes; /* of the message, 64-byte aligned and exactly as many */
    size_t num_bytes;
} letter;

/* Adds a tensor behind the others. */
void letter_add(letter *to, const char *name, sn_dtype dtype, int32_t ndim, const int64_t *shape);
/* Writes the message into memory of its own: header and table by the library, payload byte i as i. */
void letter_write(letter *to);
void letter_free(letter *to);

/* Reads all of a message, touching each byte that a view or a name leads to, and computes with shapes
 * as users do. Returns whether it was accepted; what was accepted and is not in order ends the
 * program. */
bool letter_is_accepted(const uint8_t *bytes, size_t num_bytes);

#endif
