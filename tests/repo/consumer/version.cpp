// SPDX-License-Identifier: Apache-2.0
// All headers in C++, and the library that is loaded is the one that they describe.
#include <cstdio>
#include <seine/seine.h>

int main()
{
    const unsigned built = SN_VERSION_MAJOR << 16 | SN_VERSION_MINOR << 8 | SN_VERSION_PATCH;
    std::printf("%s\n", sn_version_string());
    return sn_version() == built ? 0 : 1;
}
