#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Imports the graph of Debian packages and trains GraphSAGE on it in C, from nothing.
#
#   tools/demo.sh [--shuffled] [SEED...]
#
# Trains 12 epochs per seed (default: seed 0) with batches from two worker processes, after two baselines: the
# most frequent class, and the same network without the graph. The last line of a run says how much of the time
# the trainer waited for batches. --shuffled imports the graph with the ends of its edges shuffled: the same
# degrees, no structure. Everything is written below build-minimal/demo.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seeds=()
import=()
name=packages
for argument in "$@"; do
    case $argument in
    --shuffled)
        import=(--shuffle-ends 1)
        name=shuffled
        ;;
    -h | --help)
        sed -n '3,10s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    '' | *[!0-9]*)
        echo "demo.sh: '$argument' is no seed (--help says what there is)" >&2
        exit 2
        ;;
    *) seeds+=("$argument") ;;
    esac
done
[ ${#seeds[@]} -gt 0 ] || seeds=(0)

tools/deps.sh demo
log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "building (build-minimal)"
if ! { cmake --preset minimal && cmake --build --preset minimal -j "$(nproc)"; } >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi

seine=build-minimal/bin/seine
data=build-minimal/demo/$name
mkdir -p build-minimal/demo
echo "importing examples/data/debian-packages (63,436 packages, 651,162 edges) into $data"
"$seine" import --manifest examples/data/debian-packages/manifest.json --out "$data" "${import[@]}"

baselines=(--baselines) # once: they are the same for every run
for seed in "${seeds[@]}"; do
    printf '\nGraphSAGE, seed %s\n' "$seed"
    "$seine" train "$data" --epochs 12 --workers 2 --seed "$seed" "${baselines[@]}"
    baselines=()
done
