#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The example that predicts links learns to, in so many epochs; the same with workers; and says what is wrong.

    link_prediction.py SOURCE_ROOT SEINE LINK_PREDICTION     SEINE_TEST_SCALE 100: 4 epochs, else 1
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

# Test AUC after so many epochs; features alone give 0.748.
BOUNDS = {1: 0.80, 4: 0.85}


def run(*command):
    return subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=600)


def require(truth, what, got=None):
    if not truth:
        sys.exit(f"link_prediction.py: {what}" + (f"\n{got.stdout}{got.stderr}" if got else ""))


def results(got):
    """What it prints, without the seconds."""
    return re.sub(r", [0-9.]+ s$", "", got.stdout, flags=re.M)


def learns(example, data, epochs):
    first = run(example, data, "--epochs", epochs)
    require(first.returncode == 0, "runs", first)
    found = re.fullmatch(r"(?:epoch \d+: loss [\d.]+, validation AUC [\d.]+, [\d.]+ s\n)+test AUC ([\d.]+)\n",
                         first.stdout)
    require(found and first.stdout.count("epoch ") == epochs, "prints a line per epoch", first)
    auc = float(found[1])
    require(auc >= BOUNDS[epochs], f"test AUC {auc} is below {BOUNDS[epochs]}", first)
    again = run(example, data, "--epochs", epochs, "--workers", 2)
    require(results(again) == results(first), "with workers it trains on the same batches", again)
    return auc


def refuses(example, data, typed):
    for command, code, part in (((), 2, "usage"), ((data, data), 2, "usage"), ((data, "--epochs", "0"), 2, "--epochs"),
                                ((data, "--epochs", "x"), 2, "'x'"), ((data, "--nothing"), 2, "nothing"),
                                (("/nonexistent",), 1, "/nonexistent"), ((typed,), 1, "one node type")):
        got = run(example, *command)
        require(got.returncode == code and part in got.stderr and got.stdout == "",
                f"{command} is refused with {code} and '{part}'", got)


def main():
    root, seine, example = map(pathlib.Path, sys.argv[1:4])
    epochs = 4 if int(os.environ.get("SEINE_TEST_SCALE", "100")) >= 100 else 1
    with tempfile.TemporaryDirectory(prefix="seine-links-") as work:
        for name in ("links", "manifest"):
            got = run(seine, "import", "--manifest", root / f"examples/data/wordnet/{name}.json", "--out",
                      f"{work}/{name}")
            require(got.returncode == 0, f"imports {name}.json", got)
        auc = learns(example, f"{work}/links", epochs)
        refuses(example, f"{work}/links", f"{work}/manifest")
    print(f"{epochs} epochs, test AUC {auc}")


main()
