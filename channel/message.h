/* SPDX-License-Identifier: Apache-2.0 */
/* A batch as bytes: the same in a lane, in a spill segment and on the wire.
 *
 *     header | tensor[tensors] | names, each ended by 0 | pad to 64 | payload
 *
 * All little-endian. Tensors lie in the payload, each 64-byte aligned. A reader copies header and
 * entries out before it checks them, so that a writer cannot change what was checked.
 * Threads: any. */
#ifndef SN_CHANNEL_MESSAGE_H
#define SN_CHANNEL_MESSAGE_H

#include "base/status.h"
#include "seine/batch.h"

#define SN__MESSAGE_MAGIC UINT32_C(0x42454e53) /* "SNEB" */

enum { SN__MESSAGE_VERSION = 1, SN__MESSAGE_ALIGN = 64 };

typedef struct sn__message_header {
    uint32_t magic, version;
    uint64_t bytes; /* of all */
    uint64_t plan;  /* hash of the plan that made it */
    uint64_t seed, epoch, batch;
    uint32_t flags, tensors;
    int64_t num_nodes, num_edges;
    uint64_t payload_at; /* a multiple of 64 */
    uint64_t names_bytes;
} sn__message_header;

typedef struct sn__message_tensor {
    uint64_t offset, bytes; /* in the payload */
    int64_t shape[SN_MAX_DIMS];
    uint32_t name_at, name_bytes; /* among the names; without the 0 */
    int32_t ndim;
    uint8_t code, bits;
    uint16_t lanes;
} sn__message_tensor;

/* What a message is written from. tensors[i].data is an offset into the payload. */
typedef struct sn__message_source {
    const sn_batch_info *info;
    const sn_tensor *tensors; /* [info->tensors] */
    const char *const *names; /* [info->tensors] */
    size_t names_bytes;       /* of all names with their ends */
    uint64_t plan;
    size_t payload_bytes;
} sn__message_source;

/* Where the payload begins, and so how many bytes come before it. */
size_t sn__message_payload_at(int32_t tensors, size_t names_bytes);
/* Header, entries and names into `to`, which is 64-byte aligned and has room. */
void sn__message_write(const sn__message_source *source, uint8_t *to);

/* Checks the header of the message of `bytes` at `from`. Fails: SN_E_CORRUPT. */
SN_NODISCARD sn_status sn__message_read(const uint8_t *from, size_t bytes, sn__message_header *out);
/* Tensor `index` of a message that was read, as a view into it; `name` (may be NULL) is BORROWED from
 * the message and ends within it. Fails: SN_E_CORRUPT. */
SN_NODISCARD sn_status sn__message_tensor_at(const uint8_t *from, const sn__message_header *header,
                                             uint32_t index, sn_tensor *view, const char **name);

#endif
