#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# All C and C++ sources are as clang-format 14 writes them, and all shell scripts pass shellcheck.
#
#   format.sh [SOURCE ROOT]     exits 1 and lists the files, 77 if a tool is missing or another version
set -euo pipefail
cd "${1:-.}"

list() {
    find include base kernels ipc channel engine tools bench examples tests .ci -type f "$@" 2>/dev/null | sort
}

if ! clang-format --version 2>/dev/null | grep -q 'version 14\.'; then
    echo "format.sh: clang-format 14 is needed: other versions format differently"
    exit 77
fi
command -v shellcheck >/dev/null || {
    echo "format.sh: shellcheck is missing"
    exit 77
}

failed=0
mapfile -t sources < <(list \( -name '*.c' -o -name '*.h' -o -name '*.cpp' \))
mapfile -t scripts < <(list -exec grep -lE '^#!.*\b(ba)?sh$' {} +)
for file in "${sources[@]}"; do
    if ! clang-format --dry-run --Werror "$file" 2>/dev/null; then
        echo "$file: is not as clang-format 14 writes it"
        failed=1
    fi
done
shellcheck "${scripts[@]}" || failed=1
for file in "${scripts[@]}"; do
    if ! grep -q '^set -euo pipefail$' "$file"; then
        echo "$file: does not say: set -euo pipefail"
        failed=1
    fi
done
echo "${#sources[@]} sources, ${#scripts[@]} scripts"
exit "$failed"
