/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/produce/control.h"

#include <string.h>

void sn__control_put_text(sn__control *message, const char *text)
{
    size_t bytes = strlen(text);
    if (bytes >= SN__CONTROL_TEXT)
        bytes = SN__CONTROL_TEXT - 1;
    memcpy(message->text, text, bytes);
    message->text[bytes] = '\0';
    message->text_bytes = (uint32_t)bytes + 1;
}

sn_status sn__control_check(sn__control *message, size_t bytes)
{
    if (bytes < offsetof(sn__control, text) || message->magic != SN__CONTROL_MAGIC ||
        message->text_bytes > SN__CONTROL_TEXT || bytes != sn__control_bytes(message))
        return sn__fail(SN_E_CORRUPT, "control message of %zu bytes: magic %08x", bytes,
                        bytes >= offsetof(sn__control, text) ? message->magic : 0);
    if (message->text_bytes > 0)
        message->text[message->text_bytes - 1] = '\0';
    else
        message->text[0] = '\0';
    return SN_OK;
}
