#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What holds for every text file of the tree: a licence line, no leftovers, lines that end.

    text.py [SOURCE ROOT]     exits 1 and names file, line and fault
"""
import pathlib
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import tree

SPDX = "SPDX-License-Identifier: Apache-2.0"
# Files that cannot or need not carry the line: data, licences, JSON, prose under LICENSE, lists.
WITHOUT_SPDX = re.compile(r"(\.(json|md|txt|expected|npy|pt|pkl|bin|csv)|/META|^LICENSE|/LICENSE[^/]*"
                          r"|^\.gitignore|^\.clang-format|/corpus/.*|/corpora/.*|/broken/.*)$")
BINARY = re.compile(r"(\.(npy|pt|pkl|bin|png)|/META|/corpus/.*|/corpora/.*|/broken/.*)$")
DATA = re.compile(r"^(examples/data|tests/data)/")

# Written so that this file does not find itself.
LEFT_BEHIND = [
    (re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b"), "unfinished work is marked"),
    (re.compile(r"\bissues? (no\. ?|number )?#?\d", re.I), "a number that means nothing here"),
    (re.compile(r"(?<![\w&{])#\d{1,4}\b(?![\w;-])"), "a number that means nothing here"),
    (re.compile(r"(?<![\w.}*$)/-])/(home|root|work|mnt|srv|Users|private)/\w"),
     "a path of one machine"),
    (re.compile(r"<<<<<" + r"<<|>>>>>" + r">>"), "an unfinished merge"),
]
# Where links may lead: licences, papers, formats, standards, the origins of the data.
HOSTS = {"www.apache.org", "numpy.org", "dmlc.github.io", "www.debian.org", "wordnet.princeton.edu",
         "doi.org", "arxiv.org", "en.wikipedia.org", "json.schemastore.org", "spdx.org",
         "keepachangelog.com", "semver.org", "wordnetcode.princeton.edu"}
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)#\s]+)(#[^)\s]*)?\)")
URL = re.compile(r"\bhttps?://([^/\s\"'<>)`]+)")


def faults_of(name, text):
    lines = text.split("\n")
    if not WITHOUT_SPDX.search(name) and not any(SPDX in line for line in lines[:3]):
        yield 1, f"no '{SPDX}' at the top"
    if text and not text.endswith("\n"):
        yield len(lines), "the last line does not end"
    for number, line in enumerate(lines, 1):
        if line.endswith("\r"):
            yield number, "ends in a carriage return"
        if line.rstrip("\r") != line.rstrip("\r").rstrip() and not name.endswith(".md"):
            yield number, "blanks at the end of the line"
        for pattern, what in LEFT_BEHIND:
            found = pattern.search(line)
            if found:
                yield number, f"'{found.group(0)}': {what}"
        for host in URL.findall(line):
            if host.lower() not in HOSTS:
                yield number, f"'{host}': not a host that this project refers to"


def broken_links(root, name, text):
    """Relative links of a page that lead nowhere; links in code are code."""
    text = re.sub(r"^```.*?^```|`[^`\n]*`", lambda found: re.sub(r"[^\n]", " ", found.group(0)), text,
                  flags=re.S | re.M)
    for found in LINK.finditer(text):
        target = found.group(1)
        if not re.match(r"[a-z]+:", target) and not ((root / name).parent / target).exists():
            yield text.count("\n", 0, found.start()) + 1, f"'{target}': a link that leads nowhere"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    count = faults = 0
    for name in tree.files(root):
        if BINARY.search("/" + name) or DATA.search(name):
            continue
        count += 1
        try:
            text = (root / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            print(f"{name}:1: is no UTF-8 text")
            faults += 1
            continue
        if name == "LICENSE":
            continue
        links = broken_links(root, name, text) if name.endswith(".md") else ()
        for line, fault in [*faults_of(name, text), *links]:
            print(f"{name}:{line}: {fault}")
            faults += 1
    print(f"{count} files, {faults} faults")
    if count == 0:
        sys.exit("text.py: nothing to scan here")
    sys.exit(1 if faults else 0)


main()
