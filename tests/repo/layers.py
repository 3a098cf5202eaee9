#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scans #include lines: layers include only downwards, programs only the public headers, and the
reference sampler nothing of the library. The build makes most of this impossible (each layer's include
root holds what it may see); the scan also finds ways around that, such as "../../base/mem.h".

    layers.py [SOURCE ROOT]     exits 1 and names file, line and include if one is wrong
"""
import pathlib
import re
import sys

# folder: first parts that an include may name. Lower layers first; "seine" is include/seine.
LAYERS = {
    "include/seine": {"seine"},
    "base": {"seine", "base"},
    "kernels": {"seine", "base", "kernels"},
    "ipc": {"seine", "base", "kernels", "ipc"},
    "channel": {"seine", "base", "kernels", "ipc", "channel"},
    "engine/data": {"seine", "base", "kernels", "ipc", "engine/data"},
    "engine/sample": {"seine", "base", "kernels", "ipc", "engine/data", "engine/sample"},
    "engine/produce": {"seine", "base", "kernels", "ipc", "channel", "engine/data", "engine/sample",
                       "engine/produce"},
    "engine/load": {"seine", "base", "kernels", "ipc", "channel", "engine/data", "engine/sample",
                    "engine/produce", "engine/load"},
    "tools": {"seine", "tools", "bench", "examples"},  # one program: they call each other's entries
    "bench": {"seine", "tools", "bench"},
    "examples": {"seine", "examples"},
    "tests/support/reference": {"tests/support/reference"},
}
LIBRARIES = {
    "include/seine": set(),
    "base": {"jansson.h", "xxhash.h", "hwloc.h"},
    "kernels": set(),
    "ipc": {"hwloc.h"},
    "channel": {"xxhash.h"},
    "engine/data": {"jansson.h", "xxhash.h"},
    "engine/sample": {"xxhash.h"},
    "engine/produce": {"xxhash.h"},
    "engine/load": {"xxhash.h"},
    "tools": {"jansson.h", "hwloc.h"},
    "bench": {"jansson.h"},
    "examples": {"cblas.h", "jansson.h"},
    "tests/support/reference": {"xxhash.h"},
}
THIRD = {"jansson.h", "xxhash.h", "xxh3.h", "hwloc.h", "cblas.h", "lapacke.h", "check.h", "Python.h"}
# The public headers stay with what C11 itself has, so that they compile everywhere.
C11 = {"stdbool.h", "stddef.h", "stdint.h"}

INCLUDE = re.compile(r"^[ \t]*#[ \t]*include(?:_next)?\b[ \t]*(.*?)[ \t]*$", re.M)
COMMENT = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|' + r"'(?:\\.|[^'\\\n])*'", re.S)


def without_comments(text):
    """Comments become a blank and keep their newlines; a spliced line becomes one line."""

    def blank(match):
        found = match.group(0)
        return found if found[0] in "\"'" else " " + "\n" * found.count("\n")

    return COMMENT.sub(blank, text.replace("\\\n", ""))


def part_of(root, path, name):
    """The first part of an include as LAYERS has it, or None for a system header."""
    if name.startswith("seine/"):
        return "seine"
    for folder in sorted(LAYERS, key=len, reverse=True):
        if name.startswith(folder + "/"):
            return folder
    for folder in ("engine", "tests", "include", "python"):
        if name.startswith(folder + "/"):
            return folder
    if (path.parent / name).exists() or (root / name).exists():
        return ""  # beside the file, or from the root
    return None


def judge(root, path, folder, operand):
    """What is wrong with one include, or None."""
    match = re.fullmatch(r'"([^"]*)"|<([^>]*)>', operand)
    if match is None:
        return f"{operand}: an include through a macro cannot be checked"
    quoted, angled = match.groups()
    name = quoted if quoted is not None else angled
    if name.startswith("/") or ".." in name.split("/"):
        return f"{name}: leaves the folder that it may see"
    if folder == "tests/support/reference":
        # On its own include path, whatever that is: the file must lie in the folder.
        for prefix in ("", "support/", "tests/", "tests/support/"):
            for base in (path.parent, root / "tests", root / "tests/support", root):
                if (base / name).is_file() and (root / folder) in (base / name).resolve().parents:
                    return None
    part = part_of(root, path, name)
    if part == "" and quoted is not None and (path.parent / name).is_file():
        return None
    if part is not None:
        return None if part in LAYERS[folder] else f"{name}: {folder} may not include it"
    if quoted is not None:
        return f"{name}: not found; a header of another library belongs in <>"
    if name in THIRD and name not in LIBRARIES[folder]:
        return f"{name}: {folder} may not use this library"
    if folder == "include/seine" and name not in C11:
        return f"{name}: public headers include stdbool.h, stddef.h, stdint.h and each other"
    return None


def scan(root):
    faults, count = [], 0
    for folder in LAYERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in (".c", ".h", ".cu", ".cuh", ".cpp", ".inc") or not path.is_file():
                continue
            count += 1
            text = without_comments(path.read_text(encoding="utf-8"))
            for match in INCLUDE.finditer(text):
                fault = judge(root, path, folder, match.group(1))
                if fault is not None:
                    line = text.count("\n", 0, match.start()) + 1
                    faults.append(f"{path.relative_to(root)}:{line}: {fault}")
    return faults, count


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    faults, count = scan(root)
    for fault in faults:
        print(fault)
    print(f"{count} files, {len(faults)} wrong includes")
    if count == 0:
        sys.exit("layers.py: nothing to scan here")
    sys.exit(1 if faults else 0)


main()
