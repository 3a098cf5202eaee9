/* SPDX-License-Identifier: Apache-2.0 */
#include "seine/types.h"

#define TEXT(x)     #x
#define EXPANDED(x) TEXT(x)

uint32_t sn_version(void)
{
    return (uint32_t)SN_VERSION_MAJOR << 16 | (uint32_t)SN_VERSION_MINOR << 8 | SN_VERSION_PATCH;
}

const char *sn_version_string(void)
{
    return EXPANDED(SN_VERSION_MAJOR) "." EXPANDED(SN_VERSION_MINOR) "." EXPANDED(SN_VERSION_PATCH);
}
