#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Measures all areas of docs/performance.md, one after the other.
#
#   bench/figures.sh --dataset DIR --out DIR [--build DIR] [--runs N] [AREA...]
#
#   --dataset DIR   the graph: docs/performance.md says how it is made
#   --out DIR       where AREA.json goes, a row a line, and what it printed for a reader, in AREA.txt, with the
#                   load before and after
#   --build DIR     where seine was built (default: build)
#   --runs N        pairs of each measurement (default: 20)
#   AREA            only these; --list prints all
#
# It takes about half an hour for 20 pairs. One area that fails does not keep the others from being measured;
# then it exits 1. bench/compare/plot.sh draws the results.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

fail() {
    echo "figures.sh: $1" >&2
    exit "${2:-1}"
}

plan='--input train --shuffle --load memory'
deep="$plan --fanout 15,10,5"
# name: environment and arguments of `seine bench`; DATASET stands for --dataset DIR
areas=(
    "limits: limits"
    "sample-15-10-5: sample DATASET $deep"
    "sample-15-10-5-avx2: SEINE_ISA=avx2 sample DATASET $deep"
    "sample-15-10-5-plain: SEINE_ISA=plain sample DATASET $deep"
    "sample-10-10: sample DATASET $plan --fanout 10,10"
    "sample-edge: sample DATASET $deep --with-edge"
    "sample-replace: sample DATASET $deep --replace"
    "sample-typed: sample DATASET $deep --beside typed"
    "sample-small-pages: sample DATASET $deep --beside small-pages"
    "sample-threads: sample DATASET $deep --threads 2"
    "sample-table: SEINE_LABEL_MAP=table sample DATASET $deep"
    "gather-400: gather DATASET $deep"
    "gather-1024: gather --scale 20 --feat-dim 256 --load memory --fanout 15,10,5"
    "gather-400-threads: gather DATASET $deep --threads 2"
    "loader-1: loader DATASET $deep --workers 1"
    "loader-1-features: loader DATASET $deep --workers 1 --features"
    "loader-2: loader DATASET $deep --workers 2"
    "loader-2-features: loader DATASET $deep --workers 2 --features"
    "channel: channel"
    "import: import --scale 22 --degree 30"
    "open: open DATASET"
)

dataset='' out='' build=$root/build runs=20 only=()
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help)
        sed -n '3,16s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    --list)
        printf '%s\n' "${areas[@]%%:*}"
        exit 0
        ;;
    --dataset | --out | --build | --runs)
        [ $# -gt 1 ] || fail "$1 needs a value" 2
        declare "${1#--}=$2"
        shift
        ;;
    -*) fail "unknown argument '$1' (--help says what there is)" 2 ;;
    *)
        printf '%s\n' "${areas[@]%%:*}" | grep -qxF -- "$1" || fail "no area '$1' (--list prints all)" 2
        only+=("$1")
        ;;
    esac
    shift
done
if [ -z "$dataset" ] || [ -z "$out" ]; then
    fail '--dataset and --out are needed' 2
fi
[[ $runs =~ ^[1-9][0-9]*$ ]] || fail "--runs: '$runs' is no number" 2
[ -x "$build/bin/seine" ] || fail "$build/bin/seine is not there: tools/demo.sh builds it, or --build"
[ -f "$dataset/META.json" ] || fail "$dataset is no dataset"
mkdir -p "$out"

# measure NAME [VARIABLE=VALUE] ARGUMENTS...
measure() {
    local name=$1 setting=() status=0
    shift
    if [[ $1 == SEINE_* ]]; then
        setting=("$1")
        shift
    fi
    {
        echo "load before: $(cut -d' ' -f1-3 /proc/loadavg)"
        env "${setting[@]}" "$build/bin/seine" bench "$@" --runs "$runs" --json >"$out/$name.json" || status=$?
        echo "load after: $(cut -d' ' -f1-3 /proc/loadavg)"
        cat "$out/$name.json"
    } >"$out/$name.txt"
    return "$status"
}

failed=0
for area in "${areas[@]}"; do
    name=${area%%:*}
    if [ ${#only[@]} -gt 0 ] && ! printf '%s\n' "${only[@]}" | grep -qxF -- "$name"; then
        continue
    fi
    words=()
    for word in ${area#*:}; do
        if [ "$word" = DATASET ]; then
            words+=(--dataset "$dataset")
        else
            words+=("$word")
        fi
    done
    echo "== $name"
    measure "$name" "${words[@]}" || failed=1
    cat "$out/$name.txt"
done
exit "$failed"
