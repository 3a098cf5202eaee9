#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The reference sampler's archive asks for no symbol of the library: it could be linked without it.
#
#   alone.sh ARCHIVE
set -euo pipefail

symbols=$(nm --undefined-only "$1")
if grep -E ' sn_' <<<"$symbols"; then
    echo "alone.sh: the reference sampler uses these symbols of the library" >&2
    exit 1
fi
defined=$(nm --defined-only "$1" | grep -c ' T ')
echo "$defined functions, none of the library's"
[ "$defined" -gt 0 ]
