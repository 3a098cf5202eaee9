#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The model of the stream, docs/models/stream.pml, searched by spin.

    stream.py SOURCE_ROOT COMPILER [NAME...]     NAME: of configurations and mistakes; without: all

Each configuration is searched to its end: no error may be found, nothing left out for want of depth or
memory, and each line of the model reached in some configuration. Each planted mistake must be found, as
what it is. SEINE_TEST_SCALE (percent) below 100, its default, leaves out the large configurations.
Without spin the test is skipped.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

MEMORY_MB = 1900
DEPTH = 20000
CFLAGS = ["-w", "-DCOLLAPSE", "-DNOREDUCE", f"-DMEMLIM={MEMORY_MB}"]
SAFETY = ["-O2", "-DSAFETY"]
CYCLES = ["-O2", "-DNP"]  # no cycle may be there at all: nothing is called progress
QUICKLY_BUILT = ["-O0", "-DSAFETY"]

# (name, settings): what is not set is as in stream.pml.
SMALL = [
    ("two workers, access by access", "FINE=1 RUNS=1"),
    ("two workers, two runs", ""),
    ("three workers", "WORKERS=3 RUNS=1"),
    ("one worker, two deaths, access by access", "WORKERS=1 FINE=1 WINDOW=4 COUNT=3 DEATHS=2"),
    ("two lanes of one worker", "WORKERS=1 CONCURRENCY=2 RUNS=1 DEATHS=2"),
    ("arena of one block, access by access", "WORKERS=1 FINE=1 BLOCKS=1 SEGMENTS=4"),
    ("arena of two blocks", "WORKERS=1 BLOCKS=2 SEGMENTS=3 RUNS=1 COUNT=4 DEATHS=2"),
]
LARGE = [
    ("two lanes of one worker, two runs", "WORKERS=1 CONCURRENCY=2"),
    ("two workers, two deaths", "COUNT=3 DEATHS=2"),
    ("two workers, three runs", "RUNS=3"),
    ("two workers, larger window", "RUNS=1 WINDOW=4 COUNT=4 DEATHS=2"),
    ("two workers, two runs, access by access", "FINE=1"),
    ("two workers, arenas of one block", "RUNS=1 BLOCKS=1 SEGMENTS=2"),
    ("three workers, access by access", "WORKERS=3 RUNS=1 DEATHS=0 FINE=1"),
    ("three workers, two runs", "WORKERS=3 DEATHS=0"),
    ("three workers, two deaths", "WORKERS=3 RUNS=1 DEATHS=2"),
    ("three workers, larger window", "WORKERS=3 RUNS=1 WINDOW=3 COUNT=3"),
]
# Searched for a state that comes back: without one, every schedule ends.
ENDING = [
    ("two workers, every schedule ends", "RUNS=1"),
    ("arena of one block, every schedule ends", "WORKERS=1 BLOCKS=1 SEGMENTS=2 RUNS=1"),
]

DEADLOCK = "invalid end state"
C2 = "lane[me].at>lane[me].last_ticket"
C4 = "entry_owner[w]"
CONTENT = "message["
KNOWN = "(found||"  # a block is in the ring, or lent, or free
UNTAKEN = " !(found)"  # a lane does not write to what the consumer has yet to take
MAPPED = ".mapped[i]"  # the worker has the segment
ARENA = "WORKERS=1 BLOCKS=1 SEGMENTS=4"
# (mistake, settings, what is found).
MISTAKES = [
    ("PUBLISH_BEFORE_WRITTEN", ARENA, CONTENT),
    ("SLEEP_WITHOUT_LOOK", "", DEADLOCK),
    ("MARK_CLEARED_BEFORE_WAKE", "", DEADLOCK),
    ("NO_SIGNAL_AFTER_DEATH", "", DEADLOCK),
    ("SIGNAL_BEFORE_OPEN", "WINDOW=1 RUNS=1", DEADLOCK),
    ("CLAIM_IN_TWO_STEPS", "", "assertion violated"),
    ("SCAN_SKIPS_NOT_OPEN", "FINE=1", C2),
    ("SUCCESSOR_FORGETS_CLAIM", "", C4),
    ("SUCCESSOR_REPEATS_PUBLISHED", "", C2),
    ("SUCCESSOR_FORGETS_BLOCKS", ARENA, UNTAKEN),
    ("SUCCESSOR_KEEPS_RESERVED", ARENA, KNOWN),
    ("FIRST_AFTER_REUSE", ARENA, KNOWN),
    ("RECLAIM_HELD", ARENA, UNTAKEN),
    ("NO_CLOSE", "", "lane[me].at>=run_base"),
    ("BASE_IS_POSITION", "", C2),
    ("OPEN_BEFORE_RUN", "", CONTENT),
    ("NO_DROP", "WORKERS=1", DEADLOCK),
    ("DEAD_SEGMENT_REUSED", ARENA, MAPPED),
    ("DEAD_SEGMENT_UNMAPPED", ARENA, MAPPED),
    ("POP_BEFORE_LEND", ARENA + " FINE=1", KNOWN),
    ("NEVER_SLEEP", "RUNS=1", "non-progress cycle"),
    ("ONE_AHEAD", "AHEAD=1", DEADLOCK),
]
ENDLESS = {"Lane", "Supervisor", "Giver"}  # processes whose end is not reached


class Search:
    """One configuration, built and searched in `folder`."""

    def __init__(self, root, compiler, settings, flags, folder):
        self.model = str(root / "docs/models/stream.pml")
        self.defines = [f"-D{setting}" for setting in settings.split()]
        self.folder = folder
        begin = time.monotonic()
        # -o3: no statement is merged with the one before it, so each tells whether it was reached.
        said = self.call("spin", "-o3", "-a", *self.defines, self.model)
        if not (folder / "pan.c").exists():
            sys.exit(f"stream.py: spin -a: {said}")
        said = self.call(compiler, *CFLAGS, *flags, "-o", "pan", "pan.c")
        if not (folder / "pan").exists():
            sys.exit(f"stream.py: {compiler}: {said}")
        self.report = self.call("./pan", f"-m{DEPTH}", *(["-l"] if "-DNP" in flags else []))
        self.seconds = time.monotonic() - begin
        self.errors = int(self.find(r"errors: (\d+)", "-1"))
        self.states = int(float(self.find(r"([\d.e+]+) states, stored", "0")))
        self.depth = int(self.find(r"depth reached (\d+)", "0"))
        self.first_error = self.find(r"pan:1: (.*)", "nothing")

    def call(self, *command):
        return subprocess.run(command, cwd=self.folder, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False).stdout

    def find(self, pattern, otherwise):
        found = re.search(pattern, self.report)
        return found.group(1) if found else otherwise

    def is_complete(self):
        cut = r"max search depth|out of memory|not completed|MEMLIM|interrupted"
        return self.errors == 0 and not re.search(cut, self.report)

    def unreached(self):
        """{(process, state): (line, statement)} of the statements that the search has not come to."""
        process, found = "", {}
        for line in self.report.split("\n"):
            if line.startswith("unreached in"):
                process = line.split()[-1]
            place = re.match(r'\t\S+:(\d+), state (\d+), "(.*)"', line)
            if place:
                number, state, text = place.groups()
                found[process, int(state)] = (int(number), text)
        return found

    def reached(self, unreached):
        """{(process, line)} of those that it has come to. pan -d lists all. (Its file names are wrong.)"""
        process, found = "", set()
        for line in self.call("./pan", "-d").split("\n"):
            if line.startswith(("proctype", "init")):
                process = line.split()[-1]
            state = re.match(r"\s*state +(\d+) -.*?\] +\S+:(\d+) => ", line)
            if state and (process, int(state.group(1))) not in unreached:
                found.add((process, int(state.group(2))))
        return found

    def trail(self):
        return "\n".join(self.call("spin", "-k", "stream.pml.trail", "-p", *self.defines,
                                   self.model).split("\n")[-80:])

    def print(self, name):
        print(f"{self.states:10d} {self.depth:6d} {self.errors:6d} {self.seconds:6.1f}  {name}", flush=True)


class Test:
    def __init__(self, root, compiler, chosen):
        self.root, self.compiler, self.chosen = root, compiler, chosen
        self.faults, self.reached, self.unreached = [], set(), set()

    def search(self, settings, flags, folder):
        return Search(self.root, self.compiler, settings, flags, pathlib.Path(folder))

    def configuration(self, name, settings, flags):
        if self.chosen and name not in self.chosen:
            return
        with tempfile.TemporaryDirectory() as folder:
            search = self.search(settings, flags, folder)
            search.print(f"{name}: {settings or 'as in stream.pml'}")
            if search.errors > 0:
                self.faults.append(f"{name}: {search.first_error}")
                print(search.trail())
            elif not search.is_complete():
                self.faults.append(f"{name}: not searched to its end")
                print(search.report)
            if flags == SAFETY:
                unreached = search.unreached()
                self.reached |= search.reached(unreached)
                self.unreached |= {(process, *what) for (process, _), what in unreached.items()}

    def mistake(self, name, settings, expected):
        if self.chosen and name not in self.chosen:
            return
        with tempfile.TemporaryDirectory() as folder:
            flags = CYCLES if "cycle" in expected else QUICKLY_BUILT
            search = self.search(f"MISTAKE={name} {settings}", flags, folder)
            search.print(f"mistake {name}: {settings}: {search.first_error}")
            if expected not in search.first_error:
                self.faults.append(f"mistake {name}: found {search.first_error}, not '{expected}'")

    def coverage(self):
        for process, line, text in sorted(self.unreached):
            if (process, line) not in self.reached and not (process in ENDLESS and text == "-end-"):
                self.faults.append(f"never reached by {process}: line {line}, {text}")


def scale():
    text = os.environ.get("SEINE_TEST_SCALE", "100")
    if not re.fullmatch(r"[1-9]\d{0,8}", text):
        sys.exit(f"stream.py: SEINE_TEST_SCALE is '{text}', not a percentage")
    return int(text)


def main():
    if shutil.which("spin") is None:
        print("stream.py: spin is not installed; tools/deps.sh test installs it")
        sys.exit(77)
    test = Test(pathlib.Path(sys.argv[1]).resolve(), sys.argv[2], sys.argv[3:])
    print(f"{'states':>10} {'depth':>6} {'errors':>6} {'s':>6}")
    for name, settings in SMALL + (LARGE if scale() >= 100 or test.chosen else []):
        test.configuration(name, settings, SAFETY)
    for name, settings in ENDING:
        test.configuration(name, settings, CYCLES)
    for name, settings, expected in MISTAKES:
        test.mistake(name, settings, expected)
    if not test.chosen:
        test.coverage()
    for fault in test.faults:
        print(fault)
    sys.exit(1 if test.faults else 0)


main()
