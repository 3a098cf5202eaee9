#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the shared library shows and what it uses.

    symbols.py LIBRARY SOURCE_ROOT SOVERSION

Exported symbols are exactly those of symbols.txt beside this file, all of them start with sn_, and all
and only they are declared SN_API in the public headers. The soname is libseine.so.<SOVERSION>. The library
needs nothing beyond libc, libm, xxhash, jansson and hwloc, and calls nothing that ends, forks or prints
in its host.
"""
import pathlib
import re
import subprocess
import sys

NEEDED = re.compile(r"^(libc|libm|libpthread|librt|libxxhash|libjansson|libhwloc|ld-linux[\w-]*)\.so")
# Weak references that every shared object carries.
START_FILES = {"__gmon_start__", "_ITM_deregisterTMCloneTable", "_ITM_registerTMCloneTable",
               "__cxa_finalize"}
FORBIDDEN = {"abort", "exit", "_exit", "_Exit", "quick_exit", "fork", "vfork", "system", "popen",
             "printf", "puts", "putchar", "vprintf", "__printf_chk", "perror", "signal", "sigaction",
             "setenv", "putenv", "setlocale", "strtok", "rand", "srand"}
DECLARED = re.compile(r"\bSN_API\b[^;{]*?\b(sn_\w+)\s*\(", re.S)


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def dynamic_symbols(library, which):
    """name -> version or '' of the dynamic symbols, 'defined' or 'undefined'."""
    symbols = {}
    for line in run("nm", "-D", f"--{which}-only", library).splitlines():
        fields = line.split()
        if which == "defined" and fields[1] == "A":
            continue  # the version node itself
        name, _, version = fields[-1].replace("@@", "@").partition("@")
        symbols[name] = version
    return symbols


def provided(library):
    """Every dynamic symbol of the libraries that this one is linked with."""
    names = set()
    for line in run("ldd", library).splitlines():
        found = re.search(r"(?:=> )?(/\S+) \(", line)
        if found:
            names |= set(dynamic_symbols(found.group(1), "defined"))
    return names


def main():
    library, root, soversion = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    faults = []

    exported = dynamic_symbols(library, "defined")
    listed = (pathlib.Path(__file__).resolve().parent / "symbols.txt").read_text().split("\n")
    listed = {line for line in listed if line and not line.startswith("#")}
    declared = set()
    for header in sorted((root / "include/seine").glob("*.h")):
        text = re.sub(r"/\*.*?\*/|^[ \t]*#.*?(?<!\\)$", " ", header.read_text(), flags=re.S | re.M)
        declared |= set(DECLARED.findall(text))
    for name in sorted(exported):
        if not name.startswith("sn_"):
            faults.append(f"{name}: exported, and does not start with sn_")
        if exported[name] != f"SEINE_{soversion}":
            faults.append(f"{name}: version '{exported[name]}', not SEINE_{soversion}")
    for left, right, what in (
            (set(exported), listed, "exported, and not in tests/repo/symbols.txt"),
            (listed, set(exported), "in tests/repo/symbols.txt, and not exported"),
            (declared, set(exported), "declared SN_API, and not exported"),
            (set(exported), declared, "exported, and in no public header")):
        faults += [f"{name}: {what}" for name in sorted(left - right)]

    dynamic = run("readelf", "-d", library)
    soname = re.search(r"\(SONAME\).*\[(.*)\]", dynamic)
    if soname is None or soname.group(1) != f"libseine.so.{soversion}":
        faults.append(f"soname is {soname.group(1) if soname else 'missing'}")
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
    faults += [f"{name}: a library that it may not need" for name in needed if not NEEDED.match(name)]
    if re.search(r"\((RPATH|RUNPATH)\).*\[.*(?<!\$ORIGIN)/", dynamic):
        faults.append("a run path of the build machine is inside")
    used = set(dynamic_symbols(library, "undefined"))
    faults += [f"{name}: called by the library, which must not" for name in sorted(used & FORBIDDEN)]
    faults += [f"{name}: used and provided by nothing that it is linked with"
               for name in sorted(used - provided(library) - START_FILES)]

    for fault in faults:
        print(fault)
    print(f"{len(exported)} exported, {len(used)} used, needs {' '.join(needed)}; {len(faults)} faults")
    sys.exit(1 if faults or not exported else 0)


main()
