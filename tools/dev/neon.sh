#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Holds the kernels for aarch64 against those of this processor: compiles them with the cross compiler, runs
# them in an emulator, and compares the digests of all instruction sets.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
tools/deps.sh full
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sources=(tests/kernels/isa_digest.c kernels/cpu/{ops_cpu,pick_lanes,relabel,label_map,pick_plain,pick_weighted,pick_labor,links,gather_rows}.c
    base/{isa,mem,random,option,status,cgroup,log}.c)
flags=(-O2 -Wall -Wextra -Werror -std=c11 -D_GNU_SOURCE -Iinclude -I.)

aarch64-linux-gnu-gcc "${flags[@]}" -static "${sources[@]}" kernels/cpu/pick_neon.c -o "$work/neon" -lpthread -lm
qemu-aarch64-static "$work/neon" >"$work/digests"
grep -q ' neon$' "$work/digests" || {
    echo "neon.sh: the emulator ran no NEON kernels" >&2
    exit 1
}
if [ "$(uname -m)" = x86_64 ]; then
    for isa in avx2 avx512; do
        flags_of_isa=(-mavx2)
        [ $isa = avx2 ] || flags_of_isa=(-mavx512f -mavx512cd -mavx512bw -mavx512dq -mavx512vl)
        for source in kernels/cpu/*_"$isa".c; do
            gcc "${flags[@]}" "${flags_of_isa[@]}" -mbmi2 -c "$source" -o "$work/$(basename "$source").o"
        done
    done
    gcc "${flags[@]}" "${sources[@]}" "$work"/*.o -o "$work/host" -lpthread -lm
    "$work/host" >>"$work/digests"
fi
cat "$work/digests"
if [ "$(cut -d ' ' -f 1 "$work/digests" | sort -u | wc -l)" -ne 1 ]; then
    echo "neon.sh: digests differ" >&2
    exit 1
fi
