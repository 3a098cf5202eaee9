/* SPDX-License-Identifier: Apache-2.0 */
#include "base/options_struct.h"

#include <string.h>

sn_status sn__options_read(void *to, size_t bytes, const void *from, size_t least, const char *what)
{
    uint32_t given;
    memcpy(&given, from, sizeof given);
    if (given < least)
        return sn__fail(SN_E_INVALID, "%s: struct_size %u, at least %zu; fill it by the macro",
                        what, given, least);
    for (size_t i = bytes; i < given; i++)
        if (((const uint8_t *)from)[i] != 0)
            return sn__fail(SN_E_INVALID,
                            "%s: an option at byte %zu that this library does not know", what, i);
    memset(to, 0, bytes);
    memcpy(to, from, given < bytes ? given : bytes);
    return SN_OK;
}
