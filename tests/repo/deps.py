#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/deps.sh on machines that lack something: a PATH of links to what there is, and a stand-in for
apt-get, id and sudo.

    deps.py SOURCE_ROOT
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

NEEDED = ["bash", "sh", "env", "sed", "sort", "head", "uname", "cat", "ln", "gcc", "g++", "cmake", "ninja",
          "pkg-config", "clang", "clang++", "clang-format", "gcovr", "python3", "shellcheck", "spin", "git"]


def machine(folder, without, scripts):
    """A folder for PATH with all of NEEDED but `without`, and the scripts given."""
    folder.mkdir()
    for name in NEEDED:
        found = shutil.which(name)
        if name not in without and found:
            (folder / name).symlink_to(os.path.realpath(found) if name != "clang++" else found)
    for name, text in scripts.items():
        (folder / name).unlink(missing_ok=True)
        (folder / name).write_text("#!/bin/sh\n" + text)
        (folder / name).chmod(0o755)
    return folder


def run(root, path, *arguments):
    return subprocess.run(["/bin/bash", str(root / "tools/deps.sh"), *arguments], env={"PATH": str(path)},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)


def require(condition, what, result):
    if not condition:
        sys.exit(f"deps.py: {what}\nstatus {result.returncode}\n{result.stdout}{result.stderr}")


def main():
    root = pathlib.Path(sys.argv[1])
    user, superuser = {"id": "echo 1000\n"}, {"id": "echo 0\n"}
    line = "apt-get install -y --no-install-recommends ninja-build"
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)

        got = run(root, machine(work / "complete", [], user))
        require(got.returncode == 0 and got.stdout + got.stderr == "", "nothing is missing", got)

        path = machine(work / "user", ["ninja"], {**user, "apt-get": "exit 9\n"})
        got = run(root, path)
        require(got.returncode == 1 and got.stderr.strip().split("\n")[-1] == line,
                "a user without sudo sees the one line to run", got)

        asks = {**user, "apt-get": "exit 9\n", "sudo": "exit 1\n"}
        got = run(root, machine(work / "password", ["ninja"], asks))
        require(got.returncode == 1 and line in got.stderr,
                "sudo that wants a password, without a terminal, is no sudo", got)

        installs = ('echo "$*" >>{0}/apt.log\n'
                    'test "$1" = update || ln -s {1} {0}/ninja\n').format(
                        work / "root", os.path.realpath(shutil.which("ninja")))
        path = machine(work / "root", ["ninja"], {**superuser, "apt-get": installs})
        got = run(root, path, "demo")
        require(got.returncode == 0, "root installs what is missing", got)
        log = (work / "root/apt.log").read_text()
        require(log.split("\n")[:2] == ["update -q", line.split(" ", 1)[1]], f"apt-get was asked {log}",
                got)
        require(run(root, path).returncode == 0, "the second run has nothing to do", got)

        path = machine(work / "sudo", ["ninja"], {
            **user, "sudo": 'test "$1" = -n && shift\n"$@"\n',
            "apt-get": installs.replace(str(work / "root"), str(work / "sudo"))})
        require(run(root, path).returncode == 0, "sudo that asks for nothing is used", got)

        path = machine(work / "useless", ["ninja"], {**superuser, "apt-get": "exit 0\n"})
        got = run(root, path)
        require(got.returncode == 1 and "still not found: ninja-build" in got.stderr,
                "an installation that changes nothing is an error", got)

        path = machine(work / "broken", ["ninja"], {**superuser, "apt-get": "exit 100\n"})
        got = run(root, path)
        require(got.returncode == 1 and got.stderr.endswith(f"this failed: {line}\n"),
                "an installation that fails is an error", got)

        path = machine(work / "other", ["ninja"], superuser)
        got = run(root, path)
        require(got.returncode == 1 and "ninja-build" in got.stderr, "another distribution", got)

        path = machine(work / "old", [], {**user, "cmake": "echo cmake version 3.22.1\n"})
        got = run(root, path)
        require(got.returncode == 1 and "older than 3.25" in got.stderr, "an old cmake", got)

        got = run(root, path, "everything")
        require(got.returncode == 2, "an unknown argument", got)
    print("11 situations")


main()
