#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The C example in README.md is examples/hello.c, word for word, and hello prints what it should.

    example.py SOURCE_ROOT HELLO_PROGRAM
"""
import pathlib
import re
import subprocess
import sys


def main():
    root, program = pathlib.Path(sys.argv[1]), sys.argv[2]
    source = (root / "examples/hello.c").read_text()
    blocks = re.findall(r"^```c\n(.*?)^```$", (root / "README.md").read_text(), re.S | re.M)
    if blocks != [source.split("\n", 1)[1]]:  # without the licence line
        sys.exit("README.md: its C example is not examples/hello.c")
    got = subprocess.run([program], stdout=subprocess.PIPE, check=True, text=True).stdout
    expected = (root / "tests/repo/hello.expected").read_text()
    if got != expected:
        sys.exit(f"hello prints\n{got}and should print\n{expected}")
    print(f"README.md agrees; {len(expected.splitlines())} lines printed")


main()
