#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each public header compiles alone, and twice, as C11 and as C++17, with gcc and clang; each internal
# header alone as C11 (but for *_template.h, which is included several times with other words defined).
#
#   headers.sh [SOURCE ROOT]     exits 1 and names header, language and compiler
set -euo pipefail
cd "${1:-.}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
warnings=(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -pedantic-errors -fsyntax-only)
count=0
failed=0

# compile HEADER COMPILER LANGUAGE FLAGS...
compile() {
    local header=$1 compiler=$2 language=$3
    shift 3
    command -v "$compiler" >/dev/null || return 0
    count=$((count + 1))
    # Twice: the guard holds. And something of our own after it: an empty unit is no C.
    printf '#include "%s"\n#include "%s"\nextern int sn_header_check;\n' "$header" "$header" \
        >"$work/unit"
    if ! "$compiler" -x "$language" "$@" "${warnings[@]}" "$work/unit" 2>"$work/errors"; then
        echo "$header: does not compile alone with $compiler as $language ($*)"
        head -n 5 "$work/errors"
        failed=1
    fi
}

while read -r header; do
    compile "$header" gcc c -std=c11 -Iinclude
    compile "$header" clang c -std=c11 -Iinclude
    compile "$header" g++ c++ -std=c++17 -Iinclude
    compile "$header" clang++ c++ -std=c++17 -Iinclude
done < <(cd include && find seine -name '*.h' | sort)
public=$count

read -ra libraries < <(pkg-config --cflags libxxhash jansson hwloc)
while read -r header; do
    compile "$header" gcc c -std=c11 -D_GNU_SOURCE -Iinclude -I. "${libraries[@]}"
    compile "$header" clang c -std=c11 -D_GNU_SOURCE -Iinclude -I. "${libraries[@]}"
done < <(find base kernels ipc channel engine tools bench -name '*.h' ! -name '*_template.h' 2>/dev/null | sort)

echo "$count compilations, $public of them of public headers"
if [ "$public" -eq 0 ]; then
    echo "headers.sh: no public header found" >&2
    exit 1
fi
exit "$failed"
