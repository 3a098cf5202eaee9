#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs `seine bench limits` and limits_probe in turn and prints how far they agree.

agree.py [--build DIR] [--size MIB] [--pairs N]: for each limit of one core the median of the pairwise ratios,
seine / probe, with p10 and p90. Which of the two begins changes from pair to pair. Exits 1 if a median is
further than 10 % from 1.
"""
import argparse
import collections
import json
import re
import statistics
import subprocess
import sys


def of_seine(build, size):
    text = subprocess.run(
        [f"{build}/bin/seine", "bench", "limits", "--threads", "1", "--runs", "9", "--size", size, "--json"],
        check=True, capture_output=True, text=True, timeout=300).stdout
    rows = (json.loads(line) for line in text.splitlines())
    return {(row["name"], row["pages"]): row["median"] for row in rows if row["pages"]}


def of_probe(build, size):
    text = subprocess.run([f"{build}/bin/limits_probe", size], check=True, capture_output=True, text=True,
                          timeout=300).stdout
    found = re.findall(r"^(.{22}) (asked huge|4k) +([0-9.]+)", text, re.M)
    return {(name.strip(), "huge" if pages != "4k" else "4k"): float(value) for name, pages, value in found}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build", help="where seine and limits_probe were built")
    parser.add_argument("--size", default="1024", metavar="MIB", help="of each of the two arrays")
    parser.add_argument("--pairs", type=int, default=20)
    args = parser.parse_args()
    ratios = collections.defaultdict(list)
    for pair in range(args.pairs):
        order = [of_seine, of_probe] if pair % 2 == 0 else [of_probe, of_seine]
        result = {which: which(args.build, args.size) for which in order}
        for limit, value in result[of_probe].items():
            if limit in result[of_seine]:
                ratios[limit].append(result[of_seine][limit] / value)
        print(f"\rpair {pair + 1} of {args.pairs}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    if not ratios:
        sys.exit("agree.py: the two have no limit in common")
    far = 0
    for (name, pages), values in sorted(ratios.items()):
        median = statistics.median(values)
        p10, p90 = (statistics.quantiles(values, n=10, method="inclusive")[i] for i in (0, 8)) \
            if len(values) > 1 else (median, median)
        far += abs(median - 1) > 0.1
        print(f"{name:<24} {pages:<5} {median:.3f}  p10 {p10:.3f}, p90 {p90:.3f}, {len(values)} pairs")
    sys.exit(1 if far else 0)


if __name__ == "__main__":
    main()
