/* SPDX-License-Identifier: Apache-2.0 */
/* Writing and reading messages. What is read may come from any process: nothing in it is believed. */
#include "channel/message.h"

#include "base/tensor.h"

#include <string.h>

size_t sn__message_payload_at(int32_t tensors, size_t names_bytes)
{
    size_t bytes =
        sizeof(sn__message_header) + (size_t)tensors * sizeof(sn__message_tensor) + names_bytes;
    return (bytes + SN__MESSAGE_ALIGN - 1) / SN__MESSAGE_ALIGN * SN__MESSAGE_ALIGN;
}

void sn__message_write(const sn__message_source *source, uint8_t *to)
{
    const sn_batch_info *info = source->info;
    size_t payload_at = sn__message_payload_at(info->tensors, source->names_bytes);
    sn__message_header *header = (sn__message_header *)(void *)to;
    sn__message_tensor *entry = (sn__message_tensor *)(header + 1);
    char *names = (char *)(entry + info->tensors), *name = names;

    *header = (sn__message_header){ .magic = SN__MESSAGE_MAGIC,
                                    .version = SN__MESSAGE_VERSION,
                                    .bytes = payload_at + source->payload_bytes,
                                    .plan = source->plan,
                                    .seed = info->seed,
                                    .epoch = info->epoch,
                                    .batch = info->batch,
                                    .flags = info->flags,
                                    .tensors = (uint32_t)info->tensors,
                                    .num_nodes = info->num_nodes,
                                    .num_edges = info->num_edges,
                                    .payload_at = payload_at,
                                    .names_bytes = source->names_bytes };
    for (int32_t i = 0; i < info->tensors; i++, entry++) {
        const sn_tensor *tensor = &source->tensors[i];
        size_t length = strlen(source->names[i]);
        *entry = (sn__message_tensor){ .offset = (uintptr_t)tensor->data,
                                       .bytes = (uint64_t)sn_tensor_bytes(tensor),
                                       .name_at = (uint32_t)(name - names),
                                       .name_bytes = (uint32_t)length,
                                       .ndim = tensor->ndim,
                                       .code = (uint8_t)tensor->dtype.code,
                                       .bits = (uint8_t)tensor->dtype.bits,
                                       .lanes = 1 };
        memcpy(entry->shape, tensor->shape, sizeof entry->shape);
        memcpy(name, source->names[i], length + 1);
        name += length + 1;
    }
    /* Also on the wire nothing is told of what lay here before, and equal batches are equal bytes. */
    memset(name, 0, (size_t)(to + payload_at - (uint8_t *)name));
}

/* -- Reading ----------------------------------------------------------------------------------- */

sn_status sn__message_read(const uint8_t *from, size_t bytes, sn__message_header *out)
{
    sn__message_header header;
    if (bytes < sizeof header)
        return sn__fail(SN_E_CORRUPT, "message: %zu bytes are too few", bytes);
    memcpy(&header, from, sizeof header);
    if (header.magic != SN__MESSAGE_MAGIC || header.version != SN__MESSAGE_VERSION)
        return sn__fail(SN_E_CORRUPT, "message: magic %08x, version %u", header.magic,
                        header.version);
    if (header.bytes > bytes || header.names_bytes > header.bytes ||
        header.tensors > header.bytes / sizeof(sn__message_tensor) || header.tensors > INT32_MAX ||
        header.payload_at > header.bytes ||
        header.payload_at !=
            sn__message_payload_at((int32_t)header.tensors, (size_t)header.names_bytes))
        return sn__fail(SN_E_CORRUPT,
                        "message: %u tensors, %llu bytes of names, payload at %llu, in %llu of %zu "
                        "bytes",
                        header.tensors, (unsigned long long)header.names_bytes,
                        (unsigned long long)header.payload_at, (unsigned long long)header.bytes,
                        bytes);
    *out = header;
    return SN_OK;
}

/* Bytes of all elements, or false for a type or a shape that no tensor has. */
static bool bytes_of(const sn__message_tensor *entry, size_t *out)
{
    sn_dtype dtype = { entry->code, entry->bits };
    size_t bytes;
    if (entry->lanes != 1 || !sn__shape_bytes(dtype, entry->ndim, entry->shape, &bytes))
        return false;
    for (int32_t d = entry->ndim; d < SN_MAX_DIMS; d++)
        if (entry->shape[d] != 1)
            return false;
    *out = bytes;
    return true;
}

static bool name_fits(const char *names, const sn__message_header *header,
                      const sn__message_tensor *entry)
{
    uint64_t end = (uint64_t)entry->name_at + entry->name_bytes;
    return end < header->names_bytes && names[end] == '\0';
}

sn_status sn__message_tensor_at(const uint8_t *from, const sn__message_header *header,
                                uint32_t index, sn_tensor *view, const char **name)
{
    const uint8_t *entries = from + sizeof *header;
    const char *names = (const char *)entries + header->tensors * sizeof(sn__message_tensor);
    uint64_t room = header->bytes - header->payload_at;
    sn__message_tensor entry;
    size_t bytes;

    SN_ASSERT(index < header->tensors);
    memcpy(&entry, entries + index * sizeof entry, sizeof entry);
    if (!bytes_of(&entry, &bytes) || bytes != entry.bytes || entry.offset > room ||
        entry.bytes > room - entry.offset || entry.offset % SN__MESSAGE_ALIGN != 0 ||
        !name_fits(names, header, &entry))
        return sn__fail(SN_E_CORRUPT,
                        "message: tensor %u of %llu bytes at %llu of a payload of %llu", index,
                        (unsigned long long)entry.bytes, (unsigned long long)entry.offset,
                        (unsigned long long)room);
    *view = (sn_tensor){ .data = (void *)(uintptr_t)(from + header->payload_at + entry.offset),
                         .dtype = { entry.code, entry.bits },
                         .ndim = entry.ndim };
    memcpy(view->shape, entry.shape, sizeof view->shape);
    if (name != NULL)
        *name = names + entry.name_at;
    return SN_OK;
}
