#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads results in JSON lines and prints them as a table.

    results.py FILE...            what bench/compare/run.sh --json and `seine bench ... --json` wrote
    results.py --gnuplot DIR FILE...
                                  one file AREA.dat per area in DIR, for plot.sh; prints the areas

A line is an object. One with "bench" is a result: bench, name, unit, median, p10, p90 and runs; if something
bounds it also limit, share, share_p10 and share_p90. Results of the comparison have the ratio as their median
and both sides beside it. Other objects say where and how (machine, peers that are missing).
"""
import json
import math
import pathlib
import sys

sys.dont_write_bytecode = True
NUMBERS = ("median", "p10", "p90", "runs")


def quantile(values, q):
    """Of the sorted values, interpolated: the same as the command's."""
    ordered = sorted(values)
    at = q * (len(ordered) - 1)
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])


def summary(values):
    return {"median": quantile(values, 0.5), "p10": quantile(values, 0.1), "p90": quantile(values, 0.9)}


def faults(row):
    """What is wrong with a result, or None."""
    for key in ("bench", "name", "unit"):
        if not isinstance(row.get(key), str):
            return f"'{key}' is no text"
    for key in NUMBERS:
        value = row.get(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return f"'{key}' is no number"
    if not row["p10"] <= row["median"] <= row["p90"]:
        return "p10, median and p90 are out of order"
    return None


def read(path):
    """(results, other objects) of a file. Exits with file and line if a line is neither."""
    rows, others = [], []
    for number, line in enumerate(pathlib.Path(path).read_text().splitlines(), 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except json.JSONDecodeError as error:
            sys.exit(f"{path}:{number}: no JSON: {error}")
        if not isinstance(entry, dict):
            sys.exit(f"{path}:{number}: no object")
        if "bench" not in entry:
            others.append(entry)
            continue
        fault = faults(entry)
        if fault:
            sys.exit(f"{path}:{number}: {fault}")
        rows.append(entry)
    return rows, others


def number(value):
    return "" if value is None else f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def one_line(row):
    text = (f"{row['name']:<38} {number(row['median']):>6} {row['unit']:<9} p10 {number(row['p10'])}, "
            f"p90 {number(row['p90'])}, {row['runs']} runs")
    if row.get("share") is not None:
        text += f"; share {row['share']:.3f} of {row.get('limit_name')}"
    if "seine" in row:
        unit = row["seine"]["unit"]
        text += (f"; Seine {number(row['seine']['median'])}, peer {number(row['peer']['median'])} {unit}"
                 f"; edges per batch {number(row['seine']['edges'])}, {number(row['peer']['edges'])}")
    return text


def print_table(paths):
    for path in paths:
        rows, others = read(path)
        for entry in others:
            print("# " + ", ".join(f"{key}: {value}" for key, value in entry.items()))
        for row in rows:
            print(f"{row['bench']:<8} {one_line(row)}")


def bar_of(row, label):
    """A bar of the picture: (label, value, p10, p90), or None where nothing is comparable across rows."""
    if row["bench"] == "compare":
        return label, row["median"], row["p10"], row["p90"]
    if row.get("share") is None:
        return None
    return label, row["share"], row["share_p10"], row["share_p90"]


def write_bars(folder, paths):
    areas = {}
    for path in paths:
        for row in read(path)[0]:
            label = row["name"] + (f", {row['pages']}" if row.get("pages") else "")
            if row["bench"] != "compare" and len(paths) > 1:
                label = f"{pathlib.Path(path).stem}: {label}"
            bar = bar_of(row, label)
            if bar:
                areas.setdefault(row["bench"], []).append(bar)
    for area, bars in areas.items():
        lines = [f'"{label}"\t{value:.6g}\t{low:.6g}\t{high:.6g}' for label, value, low, high in bars]
        pathlib.Path(folder, area + ".dat").write_text("\n".join(lines) + "\n")
        print(area)


def main(arguments):
    if arguments[:1] in (["-h"], ["--help"]):
        print(__doc__.strip())
    elif arguments[:1] == ["--gnuplot"] and len(arguments) > 2:
        write_bars(arguments[1], arguments[2:])
    elif arguments and not arguments[0].startswith("-"):
        print_table(arguments)
    else:
        sys.exit("results.py: no file is given (--help says more)")


if __name__ == "__main__":
    main(sys.argv[1:])
