#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Line coverage of base, kernels and engine. Exits 1 if one of them is below 85 %.
#
#   tools/dev/coverage.sh                 builds the coverage preset, runs the tests, reports
#   tools/dev/coverage.sh --report-only   reports what the last run of the tests in build-coverage left
#   tools/dev/coverage.sh --uncovered     the same, and lists the lines that no test reached
#
# The lines' counts stay in build-coverage/coverage.json, from which tools/dev/mutate.py chooses.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

build="build-coverage"
least=85
mode=${1:-run}
case $mode in
run | --report-only | --uncovered) ;;
*)
    echo "coverage.sh: unknown argument '$mode'" >&2
    exit 2
    ;;
esac

if [ "$mode" = run ]; then
    cmake --preset coverage >/dev/null
    cmake --build --preset coverage -j "$(nproc)"
    find "$build" -name '*.gcda' -delete
    ctest --preset coverage -j "$(nproc)" --no-tests=error
fi

# Every file is compiled once and linked twice (library and tests): counts of both add up.
gcovr -r . --filter base/ --filter kernels/ --filter engine/ --exclude-throw-branches \
    -j "$(nproc)" --json "$build/coverage.json" "$build" >/dev/null

python3 - "$build/coverage.json" "$least" "$mode" <<'PYTHON'
import json, sys

path, least, mode = sys.argv[1], float(sys.argv[2]), sys.argv[3]
layers = {"base": [0, 0], "kernels": [0, 0], "engine": [0, 0]}
files = {}
for entry in json.load(open(path))["files"]:
    lines = [line for line in entry["lines"] if not line.get("gcovr/noncode")]
    missed = [line["line_number"] for line in lines if line["count"] == 0]
    files[entry["file"]] = (len(lines) - len(missed), len(lines), missed)
for name, (hit, count, _) in files.items():
    layer = layers[name.split("/")[0]]
    layer[0] += hit
    layer[1] += count

for name, (hit, count, missed) in sorted(files.items()):
    print(f"  {100 * hit / max(count, 1):5.1f} %  {hit:5d} of {count:5d}  {name}")
    if mode == "--uncovered" and missed:
        print("          not reached:", " ".join(map(str, missed)))
low = []
print(f"line coverage, at least {least:.0f} % each:")
for name, (hit, count) in layers.items():
    share = 100 * hit / count if count else 0.0
    print(f"  {name:8s} {share:5.1f} %  ({hit} of {count} lines)")
    if share < least:
        low.append(name)
if low:
    sys.exit("coverage.sh: below the bound: " + ", ".join(low))
PYTHON
