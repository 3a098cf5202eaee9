#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Line coverage of the layers. Exits 1 if one of them is below 85 %.
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
# A process that ends while others of its threads run writes counts that do not add up, and gcov then a
# negative one: such a line is left out, which never makes the coverage higher.
# With a time limit, because gcovr with several threads waits for ever after an error in one of them.
if ! timeout 300 gcovr -r . --filter base/ --filter kernels/ --filter ipc/ --filter channel/ \
    --filter engine/ --gcov-ignore-parse-errors -j "$(nproc)" --json "$build/gcovr.json" "$build" \
    >"$build/gcovr.log" 2>&1; then
    cat "$build/gcovr.log" >&2
    exit 1
fi

python3 - "$build" "$least" "$mode" <<'PYTHON'
import json, os, re, sys

build, least, mode = sys.argv[1], float(sys.argv[2]), sys.argv[3]
counts = {}  # file: {line: count}; headers are seen through the links of several include roots
for entry in json.load(open(f"{build}/gcovr.json"))["files"]:
    name = re.sub(r"^.*/include-roots/[^/]+/", "", entry["file"])
    lines = counts.setdefault(name, {})
    for line in entry["lines"]:
        if not line.get("gcovr/noncode"):
            lines[line["line_number"]] = lines.get(line["line_number"], 0) + line["count"]
json.dump(counts, open(f"{build}/coverage.json", "w"))

layers = {name: [0, 0] for name in ("base", "kernels", "ipc", "channel", "engine")
          if os.path.isdir(name)}
files = {}
for name, lines in counts.items():
    missed = sorted(number for number, count in lines.items() if count == 0)
    files[name] = (len(lines) - len(missed), len(lines), missed)
    layer = layers[name.split("/")[0]]
    layer[0] += len(lines) - len(missed)
    layer[1] += len(lines)

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
