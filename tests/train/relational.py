#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The example that trains on a typed graph learns to, in so many epochs; it is the graph that does it; the same with
workers; and it says what is wrong.

    relational.py SOURCE_ROOT SEINE RELATIONAL_SAGE     SEINE_TEST_SCALE 100: 12 epochs, seeds 0 to 2, else 3 of seed 0
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

# Test accuracy after so many epochs, of the best by validation. Without kinds of relations it is 0.728 after 12, of
# features alone 0.578.
BOUNDS = {3: 0.74, 12: 0.785}
# The most that is left when the ends of the relations are random.
NULL_MODEL = 0.62


def run(*command):
    return subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=600)


def require(truth, what, got=None):
    if not truth:
        sys.exit(f"relational.py: {what}" + (f"\n{got.stdout}{got.stderr}" if got else ""))


def results(got):
    """What it prints, without the seconds."""
    return re.sub(r", [0-9.]+ s$", "", got.stdout, flags=re.M)


def trains(example, data, epochs, *flags):
    """A run, its test accuracy at the best epoch and its validation accuracies."""
    got = run(example, data, "--epochs", epochs, *flags)
    require(got.returncode == 0 and got.stderr == "", "runs", got)
    found = re.fullmatch(r"((?:epoch \d+: loss [\d.]+, validation accuracy [\d.]+, [\d.]+ s\n)+)test accuracy ([\d.]+) "
                         r"at the best validation epoch, (\d+); ([\d.]+) after the last\n", got.stdout)
    require(found, "prints lines of epochs and a result", got)
    vals = [float(val) for val in re.findall(r"validation accuracy ([\d.]+)", found[1])]
    best = int(found[3])
    require(len(vals) == epochs and vals[best - 1] == max(vals), "names the best of as many epochs", got)
    require(best < epochs or found[2] == found[4], "the last epoch has one accuracy", got)
    return got, float(found[2]), vals


def learns(example, data, epochs, seeds):
    reached, lines = [], []
    for seed in seeds:
        got, accuracy, _ = trains(example, data, epochs, "--seed", seed)
        require(accuracy >= BOUNDS[epochs], f"seed {seed}: test accuracy {accuracy} is below {BOUNDS[epochs]}", got)
        reached.append(accuracy)
        lines.append(results(got))
    again, _, _ = trains(example, data, epochs, "--workers", 2, "--seed", seeds[0])
    require(results(again) == lines[0], "with workers it trains on the same batches", again)
    require(len(set(lines)) == len(seeds), "seeds differ")
    return reached


def refuses(example, data, other):
    for command, code, part in (((), 2, "usage"), ((data, data), 2, "usage"), ((data, "--epochs", "0"), 2, "--epochs"),
                                ((data, "--epochs", "x"), 2, "'x'"), ((data, "--nothing"), 2, "nothing"),
                                (("/nonexistent",), 1, "/nonexistent"), ((other,), 1, "features and labels"),
                                ((f"{data}-csr",), 1, "layouts")):
        got = run(example, *command)
        require(got.returncode == code and part in got.stderr and got.stdout == "",
                f"{command} is refused with {code} and '{part}'", got)


def main():
    root, seine, example = map(pathlib.Path, sys.argv[1:4])
    full = int(os.environ.get("SEINE_TEST_SCALE", "100")) >= 100
    epochs, seeds = (12, (0, 1, 2)) if full else (3, (0,))
    with tempfile.TemporaryDirectory(prefix="seine-relational-") as work:
        data, null, other = f"{work}/packages", f"{work}/null", f"{work}/wordnet"
        for name, out, flags in (("debian-packages/typed", data, ()), ("wordnet/manifest", other, ()),
                                 ("debian-packages/typed", null, ("--shuffle-ends", 5)),
                                 ("debian-packages/typed", f"{data}-csr", ("--layout", "csr"))):
            got = run(seine, "import", "--manifest", root / f"examples/data/{name}.json", "--out", out, *flags)
            require(got.returncode == 0, f"imports {name}.json", got)
        reached = learns(example, data, epochs, seeds)
        got, accuracy, _ = trains(example, null, epochs)
        require(accuracy < NULL_MODEL, f"with random ends test accuracy {accuracy} is not below {NULL_MODEL}", got)
        refuses(example, data, other)
    print(f"{epochs} epochs, test accuracy {reached}, with random ends {accuracy}")


main()
