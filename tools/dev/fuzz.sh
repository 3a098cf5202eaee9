#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the libFuzzer targets and runs each over its corpus.
#
#   tools/dev/fuzz.sh [SECONDS] [TARGET]     0 (default): the corpus alone; else new inputs for SECONDS
#
# New inputs go to a temporary folder; what crashes is kept in build-fuzz/fuzz/crashes. To keep inputs that
# reach more code, run a target by hand with its corpus as the first folder, or merge (-merge=1).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

seconds=${1:-0}
only=${2:-}
case $seconds in
'' | *[!0-9]*)
    echo "fuzz.sh: '$seconds' is no number of seconds" >&2
    exit 2
    ;;
esac

cmake --preset fuzz >/dev/null
cmake --build --preset fuzz -j "$(nproc)" --target seine_fuzzers
mkdir -p build-fuzz/fuzz/crashes
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A fuzz target may write files and directories of its own: here they go with the rest.
export TMPDIR=$work
count=0
failed=0
while read -r name corpus; do
    [ -z "$only" ] || [ "$name" = "$only" ] || [ "$name" = "fuzz_$only" ] || continue
    how=(-runs=0)
    if [ "$seconds" -gt 0 ]; then # libFuzzer takes a seed of 32 bits, and 0 means any
        how=("-max_total_time=$seconds" "-seed=$(((${SEINE_TEST_SEED:-1} & 0x7fffffff) | 1))")
    fi
    mkdir -p "$work/$name"
    echo "$name: $(find "$corpus" -type f | wc -l) files, $seconds s"
    if ! "build-fuzz/fuzz/$name" "${how[@]}" -rss_limit_mb=4096 -timeout=25 -print_final_stats=0 \
        -artifact_prefix=build-fuzz/fuzz/crashes/ "$work/$name" "$corpus" \
        >"$work/log" 2>&1 </dev/null; then
        tail -n 60 "$work/log"
        echo "$name: FAILED, see build-fuzz/fuzz/crashes" >&2
        failed=1
    fi
    grep -E '^(#[0-9]+[[:space:]]+(DONE|INITED)|Done)' "$work/log" | tail -n 1 || true
    count=$((count + 1))
done <build-fuzz/fuzz/targets.txt

if [ "$count" -eq 0 ]; then
    echo "fuzz.sh: no such target; there are:" >&2
    cut -d ' ' -f 1 build-fuzz/fuzz/targets.txt >&2
    exit 1
fi
echo "$count fuzz targets"
exit "$failed"
