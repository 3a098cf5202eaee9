#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds and tests everything.
#
#   tools/test.sh                 under 20 minutes on two cores: counts are scaled down, and what runs
#                                 whole programs is left to gcc
#   tools/test.sh --full          the full counts, fuzzers for a minute each, 100 planted changes, kernels
#                                 of another processor in an emulator
#   tools/test.sh STEP...         only these: release minimal clang sanitize-gcc sanitize-clang thread
#                                 coverage fuzz mutate neon (format, layers, symbols, headers, install:
#                                 in release)
#
# SEINE_TEST_SCALE (percent) and SEINE_TEST_SEED can be set; both are printed. Without them the scale is
# that of the mode and the seed comes from the commit, so that every commit tests other random cases and a
# failure can be run again. All steps are run, also after one failed; the exit status says if all passed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

full=no
steps=()
for argument in "$@"; do
    case $argument in
    --full) full=yes ;;
    release | minimal | clang | sanitize-gcc | sanitize-clang | thread | coverage | fuzz | mutate | neon)
        steps+=("$argument")
        ;;
    -h | --help)
        sed -n '3,16s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    *)
        echo "test.sh: unknown argument '$argument' (--help lists them)" >&2
        exit 2
        ;;
    esac
done

tools/deps.sh test

jobs=$(nproc)
commit=$(git rev-parse HEAD 2>/dev/null || echo 1) # an unpacked archive has no commit
if [ "$full" = yes ]; then
    scale=${SEINE_TEST_SCALE:-100} slow_scale=${SEINE_TEST_SCALE:-100} fuzz_seconds=60 first=tree second=tree
    [ ${#steps[@]} -gt 0 ] ||
        steps=(minimal clang sanitize-gcc sanitize-clang thread coverage fuzz mutate neon release)
else
    scale=${SEINE_TEST_SCALE:-25} slow_scale=${SEINE_TEST_SCALE:-5} fuzz_seconds=0
    second='tree|command|fault|slow' # labels that the second compiler leaves to the first
    first='tree|large'               # and the first with checks or counts to the release build
    [ ${#steps[@]} -gt 0 ] ||
        steps=(minimal clang sanitize-gcc sanitize-clang thread coverage fuzz release)
fi
export SEINE_TEST_SEED=${SEINE_TEST_SEED:-$((16#${commit:0:15}))}
export SEINE_TEST_SCALE=$scale
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:detect_stack_use_after_return=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# build PRESET [CMAKE FLAGS...]
build() {
    local preset=$1
    shift
    cmake --preset "$preset" -DSEINE_WERROR=ON "$@" >"$logs/configure" 2>&1 || {
        cat "$logs/configure"
        return 1
    }
    cmake --build --preset "$preset" -j "$jobs"
}

# check PRESET SCALE [CTEST FLAGS...]: ctest; its summary is kept for the end.
check() {
    local preset=$1 log="$logs/ctest-$1" status=0
    export SEINE_TEST_SCALE=$2
    shift 2
    echo "scale $SEINE_TEST_SCALE %, seed $SEINE_TEST_SEED"
    ctest --preset "$preset" -j $((jobs + 1)) --no-tests=error "$@" 2>&1 | tee "$log" || status=$?
    sed -n '/^[0-9]*% tests passed/,$p' "$log" >"$log.summary"
    export SEINE_TEST_SCALE=$scale
    return "$status"
}

run_step() {
    case $1 in
    minimal) # the library and the programs from nothing: the wait of somebody who only wants to use it
        rm -rf build-minimal
        local begin=$SECONDS
        build minimal
        echo "built in $((SECONDS - begin)) s"
        ;;
    release)
        build release
        check release "$scale"
        if [ "$full" = yes ]; then # what loaders do, once more with two threads on each batch
            cp "$logs/ctest-release.summary" "$logs/release.summary"
            SEINE_TEST_THREADS=2 check release "$scale" -R '^(env_|fault_|loader)' -E _shared
            cat "$logs/release.summary" >>"$logs/ctest-release.summary"
        fi
        ;;
    sanitize-gcc)
        build "$1"
        check "$1" "$slow_scale" -LE "$first" # what looks at the sources alone runs with release
        ;;
    clang | sanitize-clang)
        build "$1"
        check "$1" "$slow_scale" -LE "$second"
        ;;
    thread) # what shares memory between threads, under ThreadSanitizer
        build sanitize-thread
        check sanitize-thread "$slow_scale"
        ;;
    coverage)
        build coverage
        find build-coverage -name '*.gcda' -delete # what earlier runs counted
        # In command_limits the command may not write files to their ends, in env_misuse a program has closed
        # all descriptors: nor could gcov write its counts.
        check coverage "$slow_scale" -LE "$first" -E '^(command_limits|env_misuse)$'
        tools/dev/coverage.sh --report-only
        ;;
    fuzz)
        tools/dev/fuzz.sh "$fuzz_seconds"
        ;;
    mutate) # hundreds of runs of all tests: with the counts of the short run
        SEINE_TEST_SCALE=5 tools/dev/mutate.py --seed "$SEINE_TEST_SEED"
        ;;
    neon)
        tools/dev/neon.sh
        ;;
    esac
}

echo "scale $scale % (release), $slow_scale % (other builds); seed $SEINE_TEST_SEED; $jobs cores"
failed=0
report=()
for step in "${steps[@]}"; do
    printf '\n==== %s\n' "$step"
    begin=$SECONDS status=0
    set +e # around a subshell with its own errexit: after `if` or `||` it would not hold inside
    (
        set -e
        run_step "$step"
    )
    status=$?
    set -e
    verdict=ok
    if [ "$status" -ne 0 ]; then
        verdict=FAILED failed=1
    fi
    report+=("$(printf '%-16s %-7s %4d s' "$step" "$verdict" $((SECONDS - begin)))")
done

for step in "${steps[@]}"; do
    summary="$logs/ctest-${step/#thread/sanitize-thread}.summary"
    if [ -s "$summary" ]; then
        printf '\n==== ctest, %s\n' "$step"
        cat "$summary"
    fi
done >"$logs/summaries"
printf '\n==== steps (scale %s %% and %s %%, seed %s)\n' "$scale" "$slow_scale" "$SEINE_TEST_SEED"
printf '%s\n' "${report[@]}"
printf 'together %d s\n' "$SECONDS"
cat "$logs/summaries" # last, the release build's: the summary of the run
exit "$failed"
