/* SPDX-License-Identifier: Apache-2.0 */
/* Messages for tests. Used by fuzz targets too, so it stands on abort alone. */
#include "channel/letter.h"

#include "base/tensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void require(bool truth, const char *what)
{
    if (!truth) {
        fprintf(stderr, "message: %s\n", what);
        abort();
    }
}

void letter_add(letter *to, const char *name, sn_dtype dtype, int32_t ndim, const int64_t *shape)
{
    int32_t i = to->info.tensors++;
    require(i < LETTER_TENSORS, "too many tensors for a test");
    to->tensors[i] = sn__tensor_make((void *)(uintptr_t)to->payload_bytes, dtype, ndim, shape);
    to->names[i] = name;
    to->names_bytes += strlen(name) + 1;
    size_t bytes = (size_t)sn_tensor_bytes(&to->tensors[i]);
    to->payload_bytes += (bytes + SN__MESSAGE_ALIGN - 1) / SN__MESSAGE_ALIGN * SN__MESSAGE_ALIGN;
}

void letter_write(letter *to)
{
    void *bytes;
    size_t payload_at = sn__message_payload_at(to->info.tensors, to->names_bytes);
    sn__message_source source = { .info = &to->info,
                                  .tensors = to->tensors,
                                  .names = to->names,
                                  .names_bytes = to->names_bytes,
                                  .plan = UINT64_C(0x1122334455667788),
                                  .payload_bytes = to->payload_bytes };
    to->num_bytes = payload_at + to->payload_bytes;
    require(posix_memalign(&bytes, SN__MESSAGE_ALIGN, to->num_bytes) == 0, "out of memory");
    memset(bytes, 0xEE, to->num_bytes);
    to->bytes = bytes;
    sn__message_write(&source, to->bytes);
    for (size_t i = 0; i < to->payload_bytes; i++)
        to->bytes[payload_at + i] = (uint8_t)i;
}

void letter_free(letter *to)
{
    free(to->bytes);
    to->bytes = NULL;
}

/* -- Reading ----------------------------------------------------------------------------------- */

static volatile uint8_t sum; /* so that reads are not left out */

static void read_tensor(const uint8_t *bytes, size_t num_bytes, const sn_tensor *view,
                        const char *name)
{
    const uint8_t *data = view->data;
    uintptr_t begin = (uintptr_t)bytes;
    require(strcmp(sn_dtype_name(view->dtype), "?") != 0, "a type that nobody knows");
    require(view->ndim >= 0 && view->ndim <= SN_MAX_DIMS, "dimensions");
    for (int32_t d = view->ndim; d < SN_MAX_DIMS; d++)
        require(view->shape[d] == 1, "shape behind the last dimension");
    int64_t count = sn_tensor_count(view), size = sn_tensor_bytes(view);
    int64_t row = sn_tensor_row_bytes(view); /* UBSan sees an overflow */
    require(count >= 0 && size >= 0 && row >= 0 && (size_t)size <= num_bytes, "size");
    require((uintptr_t)data >= begin && (uintptr_t)data - begin <= num_bytes - (size_t)size,
            "a view that leads outside");
    require(((uintptr_t)data - begin) % SN__MESSAGE_ALIGN == 0, "alignment");
    for (int64_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + data[i]);
    require((uintptr_t)name >= begin && (uintptr_t)name < begin + num_bytes, "a name outside");
    require(strnlen(name, num_bytes - ((uintptr_t)name - begin)) <
                num_bytes - ((uintptr_t)name - begin),
            "a name that does not end");
}

bool letter_is_accepted(const uint8_t *bytes, size_t num_bytes)
{
    sn__message_header header;
    sn_tensor view;
    const char *name;
    if (sn__message_read(bytes, num_bytes, &header) != SN_OK)
        return false;
    require(header.bytes <= num_bytes, "more bytes than there are");
    for (uint32_t i = 0; i < header.tensors; i++) {
        if (sn__message_tensor_at(bytes, &header, i, &view, &name) != SN_OK)
            return false;
        read_tensor(bytes, (size_t)header.bytes, &view, name);
    }
    return true;
}
