#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants one-operator changes into the library, one at a time, and sees whether a test fails.

    tools/dev/mutate.py [--count 100] [--seed 1] [--least 80] [--only PREFIX] [--at FILE:LINE]
                        [--jobs N] [--quick] [--keep FOLDER]

Everything happens in a copy of the tree in a temporary folder; the working tree is not touched. Changes
are drawn by the seed from lines that tests reach, which is measured first, test by test. A change that does
not compile, or that gives the same object code as before and so cannot be seen by anybody, is left out and
another one is drawn. Only tests that reach the line run, those that caught something in the same file
first, then the quick ones: the tests labelled fast against an ordinary build; what they all let pass, again
under ASan and UBSan and, where threads share memory, under TSan; then the other tests, of the command and
of dying workers, against the ordinary build. So do the tests in continuous integration; --quick stops after
the first. A test that takes several times its usual time has caught the change too. Survivors are printed.
Exits 1 if fewer than --least of a hundred were caught, 2 if the tests fail without any change.

A change may make the library remove or write the wrong files. Tests run with a small address space, a
file size limit and, where the system allows it, everything but a temporary folder mounted read-only.
"""
import argparse
import concurrent.futures
import contextlib
import hashlib
import json
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests/repo"))
import tree

LAYERS = ("base", "kernels", "ipc", "channel", "engine")
LEFT_OUT = {"repo", "model", "slow"}  # labels of tests that do not run the library, or take minutes
GIB = 1 << 30

# -- Changes ------------------------------------------------------------------------------------------

OPERATORS = {
    "<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<"), "==": ("!=",), "!=": ("==",),
    "+": ("-",), "-": ("+",), "*": ("/",), "/": ("*",), "%": ("*",), "<<": (">>",), ">>": ("<<",),
    "&": ("|",), "|": ("&",), "^": ("|",), "&&": ("||",), "||": ("&&",),
    "+=": ("-=",), "-=": ("+=",), "*=": ("/=",), "|=": ("&=",), "&=": ("|=",), "^=": ("|=",),
    "<<=": (">>=",), ">>=": ("<<=",),
}
# The sources are formatted: a binary operator stands between blanks (or ends a line), a unary one does not.
BINARY = re.compile(r"(?<= )(" + "|".join(map(re.escape, sorted(OPERATORS, key=len, reverse=True)))
                    + r")(?= |$)")
STEP = re.compile(r"\+\+|--")
NOT = re.compile(r"!(?=[\w(*])")
NUMBER = re.compile(r"(?<![\w.])(0[xX][0-9a-fA-F]+|\d+)([uUlL]*)(?![\w.])")
CONDITION = re.compile(r"\b(if|while) \(")
DECLARATION = re.compile(r"^\s*(?:(?:const|static|unsigned|extern|struct|enum|union|typedef|_Thread_local"
                         r"|_Atomic)\s+)*[A-Za-z_]\w*(?:\s+\**|\s*\*+\s*)[A-Za-z_]\w*\s*(?:=|;|\[|,|\()")
STATEMENT = re.compile(r"^(\s*)([^\s{}#][^{}]*;)\s*$")
MASKED = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)


def masked(text):
    """The text with comments, strings and preprocessor lines blanked out, position for position."""
    text = MASKED.sub(lambda found: re.sub(r"[^\n]", "\1", found.group(0)), text)
    lines, directive = text.split("\n"), False
    for number, line in enumerate(lines):
        if directive or re.match(r"\s*#", line):
            directive = line.endswith("\\")
            lines[number] = "\1" * len(line)
    return lines


def balanced_end(line, start):
    """Position of the parenthesis that closes the one at `start`, or None if it is on another line."""
    depth = 0
    for at in range(start, len(line)):
        depth += {"(": 1, ")": -1}.get(line[at], 0)
        if depth == 0:
            return at
    return None


def replaced(line, begin, end, new):
    return line[:begin] + new + line[end:]


def changes_of_line(line, mask, before):
    """(new line, what) of every change of one line; `before` is the masked line with code above it."""
    for found in BINARY.finditer(mask):
        for new in OPERATORS[found.group(1)]:
            yield replaced(line, *found.span(1), new), f"{found.group(1)} -> {new}"
    for found in STEP.finditer(mask):
        new = "--" if found.group(0) == "++" else "++"
        yield replaced(line, *found.span(), new), f"{found.group(0)} -> {new}"
    for found in NOT.finditer(mask):
        yield replaced(line, *found.span(), ""), "! removed"
    for found in NUMBER.finditer(mask):
        value = int(found.group(1), 0) if not re.fullmatch(r"0\d+", found.group(1)) else None
        if value is not None:
            for new in (value + 1, value - 1) if value > 0 else (1,):
                yield replaced(line, *found.span(1), str(new)), f"{found.group(1)} -> {new}"
    for found in CONDITION.finditer(mask):
        end = balanced_end(mask, found.end() - 1)
        if end is not None:
            inner = line[found.end():end]
            yield replaced(line, found.end(), end, f"!({inner})"), "condition negated"
    whole = STATEMENT.match(mask)
    if (whole and mask.count("(") == mask.count(")") and before[-1:] in ";{})\1:"
            and not DECLARATION.match(mask) and not re.match(r"\s*(return|case|default)\b", mask)
            and not re.match(r"\s*\w+:", mask)):
        yield whole.group(1) + ";", "statement removed"


def candidates(root, covered, only, at):
    """{(file, line): [(new line, what), ...]} over the covered lines."""
    found = {}
    for name, numbers in sorted(covered.items()):
        if not name.startswith(only) or not name.startswith(tuple(f"{layer}/" for layer in LAYERS)):
            continue
        text = (root / name).read_text(encoding="utf-8")
        lines, masks = text.split("\n"), masked(text)
        for number in sorted(numbers):
            if at and f"{name}:{number}" != at:
                continue
            mask = masks[number - 1]
            if "SN_ASSERT" in mask or "_Static_assert" in mask:
                continue
            above = [other.rstrip(" \1") for other in masks[:number - 1] if other.strip(" \1")]
            options = [change for change in changes_of_line(lines[number - 1], mask,
                                                            above[-1] if above else "{")
                       if change[0] != lines[number - 1]]
            if options:
                found[name, number] = options
    return found


def drawn(found, seed):
    """All changes in the order of the draw: lines are equally likely, then the changes of a line."""
    generator, left = random.Random(seed), {key: list(options) for key, options in found.items()}
    keys = sorted(left)
    while keys:
        key = keys[generator.randrange(len(keys))]
        options = left[key]
        yield key, options.pop(generator.randrange(len(options)))
        if not options:
            keys.remove(key)


# -- Building and running ------------------------------------------------------------------------------

def run(command, timeout=None, cwd=None):
    """Runs to the end in a session of its own, which ends with this call whatever happens."""
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               errors="replace", cwd=cwd, start_new_session=True)
    try:
        output = process.communicate(timeout=timeout)[0]
    except BaseException:
        end_session(process.pid)
        raise
    return subprocess.CompletedProcess(command, process.returncode, output)


def end_session(leader):
    """Kills every process of a session: test programs put their cases into process groups of their own."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as stat:
                    session = int(stat.read().rsplit(")", 1)[1].split()[3])
                if session == leader:
                    os.kill(int(entry), signal.SIGKILL)


def sandbox(writable):
    """Words before a command that leave only `writable` to be written to, or none if the system refuses."""
    script = ('mount --make-rprivate / && mount --bind "$0" "$0" && for at in $(cut -d " " -f 2 '
              '/proc/self/mounts); do case $at in "$0" | /proc* | /sys* | /dev*) ;; *) '
              'mount -o remount,ro,bind "$at" 2>/dev/null || test "$at" != / || exit 125 ;; esac; done; '
              'exec "$@"')
    for flags in (["--mount"], ["--mount", "--map-root-user"]):
        words = ["unshare", *flags, "sh", "-c", script, str(writable)]
        probe = run([*words, "sh", "-c", f"! touch {ROOT}/.probe 2>/dev/null && touch {writable}/probe"]) \
            if shutil.which("unshare") else None
        if probe is not None and probe.returncode == 0:
            return words
    return []


class Build:
    """One build folder: compiles, knows the object code of the unchanged tree, runs the tests."""

    def __init__(self, source, folder, flags, jobs, label, address_space, prefix, scratch, asked=None):
        self.source, self.folder, self.jobs = source, folder, jobs
        self.address_space, self.prefix, self.scratch = address_space, prefix, scratch
        got = run(["cmake", "-S", source, "-B", folder, "-G", "Ninja", "-DCMAKE_C_COMPILER=gcc",
                   "-DSEINE_WERROR=OFF", *flags])
        if got.returncode == 0:
            got = self.ninja()
        if got.returncode != 0:
            sys.exit("mutate.py: the unchanged tree does not build\n" + got.stdout[-4000:])
        self.objects = self.object_code()
        self.tests = [test for test in self.list_tests(label) if asked is None or test["name"] in asked]
        # What these tests run: their programs, and the command, which some of them start.
        programs = {test["command"][0] for test in self.tests} | {str(folder / "bin/seine")}
        self.programs = [os.path.relpath(path, folder) for path in sorted(programs)
                         if path.startswith(f"{folder}/") and os.path.exists(path)]
        if asked is not None:
            self.measure()

    def ninja(self, *targets):
        return run(["ninja", "-C", self.folder, f"-j{self.jobs}", *targets])

    def build(self, *targets):
        return self.ninja(*(targets or self.programs)).returncode == 0

    def object_code(self):
        found = {}
        for layer in LAYERS:
            for path in (self.folder / "CMakeFiles").glob(f"seine_{layer}*.dir/**/*.o"):
                found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
        return found

    def list_tests(self, label):
        """Those with the label, or all that say something about the library if it is empty."""
        listed = run(["ctest", "--show-only=json-v1"], cwd=self.folder)
        tests = []
        for test in json.loads(listed.stdout)["tests"]:
            properties = {entry["name"]: entry["value"] for entry in test.get("properties", [])}
            labels = set(properties.get("LABELS", []))
            if "command" in test and (label in labels if label else not LEFT_OUT & labels):
                environment = dict(word.split("=", 1) for word in properties.get("ENVIRONMENT", []))
                tests.append({"name": test["name"], "command": test["command"], "env": environment,
                              "fast": "fast" in labels, "good": {0, properties.get("SKIP_RETURN_CODE", 0)},
                              "cwd": properties.get("WORKING_DIRECTORY", str(self.folder))})
        if not tests:
            sys.exit("mutate.py: there are no tests to run")
        return tests

    def check_unchanged(self, test):
        """Every test must pass on the unchanged tree; its time decides order and limit."""
        begin = time.monotonic()
        if not self.passes(test, 900):
            print(self.output.get(test["name"], ""))
            print(f"mutate.py: {test['name']} fails without any change", file=sys.stderr)
            sys.exit(2)
        test["seconds"] = time.monotonic() - begin
        test["limit"] = 10 + 4 * test["seconds"]

    def measure(self):
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:  # as they will run later
            for future in [pool.submit(self.check_unchanged, test) for test in self.tests]:
                future.result()

    output = {}

    def passes(self, test, limit):
        def limits():
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (4 * GIB, 4 * GIB))
            if self.address_space:
                resource.setrlimit(resource.RLIMIT_AS, (self.address_space, self.address_space))

        scratch = tempfile.mkdtemp(dir=self.scratch)
        environment = {**os.environ, **test["env"], "TMPDIR": scratch, "TEMP": scratch,
                       "ASAN_OPTIONS": "detect_leaks=1:hard_rss_limit_mb=6000"}
        with open(os.path.join(self.scratch, f"{os.path.basename(scratch)}.log"), "w+b") as log:
            process = subprocess.Popen([*self.prefix, *test["command"]], cwd=test["cwd"], env=environment,
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       start_new_session=True, preexec_fn=limits)
            self.running.add(process.pid)
            try:
                passed = process.wait(limit) in test["good"]
            except subprocess.TimeoutExpired:
                passed = False
            finally:
                end_session(process.pid)
                process.wait()
                self.running.discard(process.pid)
            log.seek(0)
            self.output[test["name"]] = log.read().decode(errors="replace")[-4000:]
        shutil.rmtree(scratch, ignore_errors=True)
        return passed

    running = set()

    def first_failure(self, order):
        """Runs the tests in this order, `jobs` at a time; the name of the first that fails, or None."""
        queue, caught = iter(order), []

        def work():
            for test in queue:
                if caught:
                    return
                if not self.passes(test, test["limit"]) and not caught:
                    caught.append(test["name"])
                    for leader in list(self.running):
                        end_session(leader)

        queue = LockedIterator(queue)
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            for future in [pool.submit(work) for _ in range(self.jobs)]:
                future.result()
        return caught[0] if caught else None


class LockedIterator:
    def __init__(self, iterator):
        import threading
        self.iterator, self.lock = iterator, threading.Lock()

    def __iter__(self):
        return self

    def __next__(self):
        with self.lock:
            return next(self.iterator)


class Reach:
    """Which lines each test reaches: a change can only be noticed by tests that reach its line."""

    def __init__(self, source, folder, jobs, label, scratch):
        self.lines = {}  # test: {file: lines}
        build = Build(source, folder, ["-DCMAKE_BUILD_TYPE=Debug", "-DSEINE_COVERAGE=ON"], jobs, label, 0,
                      [], scratch)
        for test in build.tests:
            for path in folder.rglob("*.gcda"):
                path.unlink()
            # A test that keeps programs from writing files has no counts; one that makes huge ones fails here.
            passed = build.passes(test, 900)
            reached = self.report(source, folder) if passed else None
            if reached is None:
                print(f"note: what {test['name']} reaches is not known, so it is not asked", flush=True)
            self.lines[test["name"]] = reached or {}
        shutil.rmtree(folder)

    @staticmethod
    def report(source, folder):
        """{file: lines}, or None if the counts cannot be read. Counts may be negative: see coverage.sh."""
        counts = [str(path) for path in folder.rglob("*.gcda") if "/seine_" in str(path)]
        got = subprocess.run(["gcov", "--json-format", "--stdout", *counts], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True, timeout=300, cwd=folder) if counts else None
        if got is None or got.returncode != 0:
            return None
        reached = {}
        for text in got.stdout.splitlines():
            for entry in json.loads(text)["files"]:
                name = re.sub(r"^.*/include-roots/[^/]+/", "", entry["file"].removeprefix(f"{source}/"))
                if name.startswith(("base/", "kernels/", "engine/")):
                    reached.setdefault(name, set()).update(
                        line["line_number"] for line in entry["lines"] if line["count"] > 0)
        return reached

    def all(self):
        """{file: lines that any test reaches}"""
        covered = {}
        for files in self.lines.values():
            for name, lines in files.items():
                covered.setdefault(name, set()).update(lines)
        return covered

    def tests_of(self, name, number):
        return {test for test, files in self.lines.items() if number in files.get(name, ())}


# -- The run -------------------------------------------------------------------------------------------

class Run:
    def __init__(self, options, work):
        self.options, self.work, self.source = options, work, work / "tree"
        for name in tree.files(ROOT):
            (self.source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.source / name)
        self.scratch = work / "scratch"
        self.scratch.mkdir()
        self.prefix = sandbox(self.scratch)
        if not self.prefix:
            print("note: tests run without read-only mounts, which this system does not allow here")
        begin = time.monotonic()
        self.label = "fast" if options.quick else ""
        self.reach = Reach(self.source, work / "coverage", options.jobs, self.label, self.scratch)
        print(f"what each of {len(self.reach.lines)} tests reaches: {time.monotonic() - begin:.0f} s",
              flush=True)
        self.plain = self.make("plain", self.label, 16 * GIB, "-g0")
        self.strict = {}  # name: build
        self.killers = {}  # file: tests that caught a change in it, last first

    def make(self, name, label, address_space, flags, *more):
        begin = time.monotonic()
        build = Build(self.source, self.work / name,
                      ["-DCMAKE_BUILD_TYPE=Debug", f"-DCMAKE_C_FLAGS_DEBUG=-O1 {flags}", *more],
                      self.options.jobs, label, address_space, self.prefix, self.scratch,
                      asked={test for test, lines in self.reach.lines.items() if lines})
        print(f"{name} build: {len(build.tests)} tests pass unchanged "
              f"({time.monotonic() - begin:.0f} s)", flush=True)
        return build

    def in_order(self, tests, name, number):
        """Those that reach the line: first those that caught something in this file, then the quick ones."""
        killers, reaching = self.killers.get(name, []), self.reach.tests_of(name, number)
        return sorted((test for test in tests if test["name"] in reaching), key=lambda test: (
            killers.index(test["name"]) if test["name"] in killers else len(killers), test["seconds"]))

    def judge(self, name, number):
        """What becomes of the change that is in the tree now: (verdict, test)."""
        if not self.plain.build("seine_inside"):
            return "does not compile", None
        if self.plain.object_code() == self.plain.objects:
            return "same code", None
        if not self.plain.build():
            return "does not compile", None
        test = self.catch(name, number)
        if test is None:
            return "survived", None
        bare = test.split(" ")[0]
        order = self.killers.setdefault(name, [])
        if bare in order:
            order.remove(bare)
        order.insert(0, bare)
        return "caught", test

    def catch(self, name, number):
        """The first test that notices, or None."""
        fast = [test for test in self.plain.tests if test["fast"]]
        others = [test for test in self.plain.tests if not test["fast"]]
        test = self.plain.first_failure(self.in_order(fast, name, number))
        if test is None and not self.options.quick:
            test = self.catch_strictly(name, number, "fast", "address,undefined") or \
                self.catch_strictly(name, number, "thread", "thread") or \
                self.plain.first_failure(self.in_order(others, name, number))
        return test

    def catch_strictly(self, name, number, label, sanitizers):
        if sanitizers not in self.strict:  # built when first needed, from the unchanged tree
            changed = (self.source / name).read_text(encoding="utf-8")
            (self.source / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
            self.strict[sanitizers] = self.make(sanitizers.replace(",", "-"), label, 0, "-g1",
                                                f"-DSEINE_SANITIZE={sanitizers}")  # no comma in a -rpath
            (self.source / name).write_text(changed, encoding="utf-8")
        build = self.strict[sanitizers]
        order = self.in_order(build.tests, name, number)
        if not order:
            return None
        build.build()
        test = build.first_failure(order)
        return None if test is None else f"{test} ({sanitizers})"

    def plant(self, key, change):
        name, number = key
        path = self.source / name
        original = path.read_text(encoding="utf-8")
        lines = original.split("\n")
        old, lines[number - 1] = lines[number - 1], change[0]
        path.write_text("\n".join(lines), encoding="utf-8")
        try:
            return old, *self.judge(name, number)
        finally:
            path.write_text(original, encoding="utf-8")

    def all(self):
        found = candidates(self.source, self.reach.all(), self.options.only, self.options.at)
        print(f"{sum(map(len, found.values()))} changes possible in {len(found)} reached lines; "
              f"seed {self.options.seed}", flush=True)
        counts, survivors, layers = {}, [], {}
        begin, judged = time.monotonic(), 0
        for key, change in drawn(found, self.options.seed):
            if judged == self.options.count:
                break
            one = time.monotonic()
            old, verdict, test = self.plant(key, change)
            counts[verdict] = counts.get(verdict, 0) + 1
            if verdict not in ("caught", "survived"):
                continue
            judged += 1
            layer = layers.setdefault(key[0].split("/")[0], [0, 0])
            layer[0] += verdict == "caught"
            layer[1] += 1
            print(f"{judged:4d} {verdict:8s} {key[0]}:{key[1]}: {change[1]}"
                  f"{f' by {test}' if test else ''} ({time.monotonic() - one:.1f} s)", flush=True)
            if verdict == "survived":
                survivors.append((key, change, old))
        self.report(counts, survivors, layers, judged, time.monotonic() - begin)
        return counts.get("caught", 0), judged

    def report(self, counts, survivors, layers, judged, seconds):
        for (name, number), change, old in survivors:
            print(f"\nsurvived: {name}:{number}: {change[1]}\n-{old}\n+{change[0]}")
        print()
        for layer, (caught, count) in sorted(layers.items()):
            print(f"  {layer:8s} {caught} of {count} caught")
        print(f"{judged} planted, {counts.get('caught', 0)} caught, {len(survivors)} survived; left out: "
              f"{counts.get('same code', 0)} with the same object code, "
              f"{counts.get('does not compile', 0)} that do not compile; "
              f"{seconds / max(judged, 1):.1f} s each; seed {self.options.seed}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--least", type=int, default=80, help="caught of a hundred")
    parser.add_argument("--only", default="", help="begin of the file names, as base/npy")
    parser.add_argument("--at", default="", help="every change of one line, as base/npy.c:120")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="only tests labelled fast, without sanitizers")
    parser.add_argument("--keep", help="work in this folder and keep it")
    options = parser.parse_args()

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.environ.setdefault("SEINE_TEST_SCALE", "5")
    work = pathlib.Path(options.keep or tempfile.mkdtemp(prefix="seine-mutate-")).resolve()
    try:
        work.mkdir(parents=True, exist_ok=True)
        caught, judged = Run(options, work).all()
    finally:
        if not options.keep:
            shutil.rmtree(work, ignore_errors=True)
    if judged == 0:
        sys.exit("mutate.py: nothing was planted")
    sys.exit(0 if caught * 100 >= options.least * judged else 1)


if __name__ == "__main__":
    main()
