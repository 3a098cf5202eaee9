#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing to build Seine, from the distribution's packages.
#
#   tools/deps.sh [demo|test|full]      demo: library, programs, trainer.  test (default): the tests too.
#                                       full: what only tools/test.sh --full needs, too.
#
# As root or with sudo it runs apt-get; otherwise it prints the one line to run and exits 1. It looks for
# the things themselves (commands, pkg-config modules), not for packages, so what was installed another
# way counts. Tested on Debian 12 alone; Ubuntu from 24.04 has the same package names.
set -euo pipefail

what=${1:-test}
case $what in
demo | test | full) ;;
*)
    echo "deps.sh: unknown argument '$what' (demo, test or full)" >&2
    exit 2
    ;;
esac

missing=()

# need PACKAGE COMMAND...: PACKAGE is missing if the command fails.
need() {
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || missing+=("$package")
}

# Parts of the compilers are found by file.
# shellcheck disable=SC2317 # called through need
clang_runtime() {
    local found
    found=$(clang -print-file-name="libclang_rt.$1-$(uname -m).a") && [ -f "$found" ]
}

# shellcheck disable=SC2317
gcc_runtime() {
    local found
    found=$(gcc -print-file-name="lib$1.so") && [ -f "$found" ]
}

look() {
    missing=()
    need gcc command -v gcc
    need libc6-dev test -f /usr/include/stdio.h
    need cmake command -v cmake
    need ninja-build command -v ninja
    need pkg-config command -v pkg-config
    need libhwloc-dev pkg-config --exists 'hwloc >= 2.0'
    need libxxhash-dev pkg-config --exists 'libxxhash >= 0.8'
    need libjansson-dev pkg-config --exists 'jansson >= 2.10'
    need libopenblas-dev pkg-config --exists openblas
    [ "$what" != demo ] || return 0
    need g++ command -v g++
    need check pkg-config --exists 'check >= 0.15'
    need clang command -v clang++
    need libclang-rt-dev clang_runtime asan
    need gcc gcc_runtime asan
    need gcc gcc_runtime tsan
    need clang-format command -v clang-format
    need gcovr command -v gcovr
    need python3 command -v python3
    need shellcheck command -v shellcheck
    need spin command -v spin
    need git command -v git
    [ "$what" = full ] || return 0
    need gcc-aarch64-linux-gnu command -v aarch64-linux-gnu-gcc
    need libc6-dev-arm64-cross test -f /usr/aarch64-linux-gnu/include/stdio.h
    need qemu-user-static command -v qemu-aarch64-static
}

cmake_is_recent() {
    local version
    version=$(cmake --version | sed -n '1s/[^0-9]*\([0-9.]*\).*/\1/p')
    [ "$(printf '%s\n' 3.25 "$version" | sort -V | head -n 1)" = 3.25 ]
}

done_if_complete() {
    look
    [ ${#missing[@]} -eq 0 ] || return 0
    if ! cmake_is_recent; then
        echo "deps.sh: $(command -v cmake) is older than 3.25, which the build needs" >&2
        exit 1
    fi
    exit 0
}

done_if_complete
mapfile -t packages < <(printf '%s\n' "${missing[@]}" | sort -u)
install="apt-get install -y --no-install-recommends ${packages[*]}"

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
        as_root=(sudo) # may ask for the password, on a terminal only
    else
        echo "deps.sh: some packages are missing; as root, run:" >&2
        echo "$install" >&2
        exit 1
    fi
fi
if ! command -v apt-get >/dev/null; then
    echo "deps.sh: there is no apt-get here; install what corresponds to: ${packages[*]}" >&2
    exit 1
fi

echo "deps.sh: installing ${packages[*]}" >&2
run=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive)
# A fresh container has no package lists at all; elsewhere they may be stale.
if ! "${run[@]}" apt-get update -q >&2; then
    echo "deps.sh: the package lists could not be brought up to date; trying with what is there" >&2
fi
# shellcheck disable=SC2086 # split on purpose: it is the line that was or would be printed
if ! "${run[@]}" $install >&2; then
    echo "deps.sh: this failed: $install" >&2
    exit 1
fi
done_if_complete
echo "deps.sh: installed, and still not found: ${missing[*]}" >&2
exit 1
