#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs into a temporary prefix and uses what is there as somebody else would: a C program by pkg-config,
# C and C++ programs by the CMake package, the command from its new place.
#
#   install.sh BUILD SOURCE_ROOT C_COMPILER
set -euo pipefail

build=$1
root=$2
cc=$3
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT

fail() {
    echo "install.sh: $*" >&2
    exit 1
}

cmake --install "$build" --prefix "$prefix/usr" >"$prefix/log" || fail "$(cat "$prefix/log")"
for file in bin/seine include/seine/seine.h share/doc/seine/LICENSE share/doc/seine/README.md \
    share/man/man1/seine.1; do
    [ -s "$prefix/usr/$file" ] || fail "$file is not installed"
done
for header in "$root"/include/seine/*.h; do
    cmp "$header" "$prefix/usr/include/seine/${header##*/}" || fail "header ${header##*/} differs"
done
library=$(find "$prefix/usr" -name libseine.so)
[ -n "$library" ] || fail "libseine.so is not installed"
if find "$prefix/usr" -name '*inside*' -o -name '*.a' | grep -q .; then
    fail "the inside of the library is installed"
fi

# pkg-config, wherever the prefix was moved to.
PKG_CONFIG_PATH=$(dirname "$(find "$prefix/usr" -name seine.pc)")
export PKG_CONFIG_PATH
version=$(pkg-config --modversion seine)
read -ra flags < <(pkg-config --cflags --libs seine)
"$cc" -std=c11 -Wall -Wextra -Wpedantic -Werror "$root/examples/hello.c" -o "$prefix/hello" "${flags[@]}"
LD_LIBRARY_PATH=$(dirname "$library") "$prefix/hello" | cmp - "$root/tests/repo/hello.expected" ||
    fail "hello, found by pkg-config, prints something else"

# The CMake package; its run path is set by CMake.
cmake -S "$root/tests/repo/consumer" -B "$prefix/consumer" -DCMAKE_PREFIX_PATH="$prefix/usr" \
    -DHELLO="$root/examples/hello.c" -DCMAKE_C_COMPILER="$cc" >"$prefix/log" 2>&1 ||
    fail "$(cat "$prefix/log")"
cmake --build "$prefix/consumer" >"$prefix/log" 2>&1 || fail "$(cat "$prefix/log")"
"$prefix/consumer/hello" | cmp - "$root/tests/repo/hello.expected" ||
    fail "hello, found by the CMake package, prints something else"
[ "$("$prefix/consumer/version")" = "$version" ] || fail "pkg-config and library differ in the version"

# The command finds its library beside itself.
"$prefix/usr/bin/seine" help >"$prefix/log" || fail "the installed command does not run"
grep -q sample "$prefix/log" || fail "the installed command prints no usage"
echo "installed $version, used by pkg-config and CMake"
