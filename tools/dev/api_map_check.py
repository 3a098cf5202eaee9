#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds docs/api-map.md against the library: nothing in the map is invented, nothing exported is missing.

    api_map_check.py SOURCE_ROOT

The map is tables with the columns Reference | C | State | Test | Notes. State is "done" (the call exists
and a test shows it), "part" (some of it does), "planned: header.h" or "none" (Seine does without; Notes
say why).
  1. Every name in column C of a row that is done or part is a symbol of tests/repo/symbols.txt, or a type,
     enumerator or macro of the public headers.
  2. Every symbol of tests/repo/symbols.txt is in such a row, or in the section "Additional calls".
  3. Names of planned rows do not exist yet: a row is brought up to date when its call appears.
  4. Every test named is a case (START_TEST) or a test of ctest; a row that is done names at least one.
  5. Every name of the reference listed in tests/repo/reference-names.txt has a row.
"""
import pathlib
import re
import sys

NAME = re.compile(r"`([^`]+)`")
C_NAME = re.compile(r"\b(?:sn_\w+|SN_\w+)\b")


def rows(text):
    """(line number, cells) of every table row that is no header."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("|") and not re.match(r"^\|[\s:|-]+\|$", line):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if cells[0] != "Reference":
                yield number, cells


def known_tests(root):
    names = set()
    for path in (root / "tests").rglob("*.c"):
        names |= set(re.findall(r"\bSTART_TEST\(\s*(\w+)", path.read_text(encoding="utf-8")))
    for path in [*(root / "tests").rglob("CMakeLists.txt")]:
        text = path.read_text(encoding="utf-8")
        names |= set(re.findall(r"\badd_test\(\s*NAME\s+(\w+)", text))
        names |= set(re.findall(r"\bseine_(?:test|repo_test|tree_test|fuzz)\(\s*(\w+)", text))
    return names


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    text = (root / "docs/api-map.md").read_text(encoding="utf-8")
    main_part, _, additional = text.partition("\n## Additional calls")
    read = lambda name: (root / name).read_text(encoding="utf-8")
    listed = lambda name: {line for line in read(name).split("\n") if line and line[0] != "#"}
    symbols, reference = listed("tests/repo/symbols.txt"), listed("tests/repo/reference-names.txt")
    headers = "\n".join(path.read_text() for path in (root / "include/seine").glob("*.h"))
    public, tests = set(C_NAME.findall(headers)), known_tests(root)

    faults, mapped, covered, count = [], set(), set(), {}
    for number, cells in rows(main_part):
        def fault(what):
            faults.append(f"docs/api-map.md:{number}: {what}")
        if len(cells) != 5:
            fault(f"{len(cells)} columns, not 5")
            continue
        covered |= set(NAME.findall(cells[0]))
        names, state = C_NAME.findall(cells[1]), cells[2].split(":")[0]
        count[state] = count.get(state, 0) + 1
        if state in ("done", "part"):
            mapped |= set(names)
            if not names:
                fault("no C name")
            for name in names:
                if name not in symbols and not (name in public and name not in functions(headers)):
                    fault(f"{name} is {state}, and neither exported nor in a public header")
            if state == "done" and not NAME.findall(cells[3]):
                fault("done, and no test named")
        elif state == "planned":
            if not re.fullmatch(r"planned: `\w+\.h`", cells[2]) or not names:
                fault("planned wants a header and a name")
            for name in names:
                if name in symbols:
                    fault(f"{name} is planned, and exported already")
        elif state == "none":
            if not cells[4]:
                fault("Seine does without, and Notes do not say why")
        else:
            fault(f"state '{cells[2]}'")
        for name in NAME.findall(cells[3]):
            if name not in tests:
                fault(f"there is no test {name}")

    mapped |= set(C_NAME.findall(additional))
    for name in C_NAME.findall(additional):
        if name not in symbols and name not in public:
            faults.append(f"docs/api-map.md: additional call {name} does not exist")
    faults += [f"{name}: exported, and not in docs/api-map.md" for name in sorted(symbols - mapped)]
    faults += [f"{name}: of the reference, and not in docs/api-map.md"
               for name in sorted(reference - covered)]
    for line in faults:
        print(line)
    print(f"{sum(count.values())} rows: " + ", ".join(f"{n} {state}" for state, n in count.items())
          + f"; {len(reference)} names of the reference, {len(symbols)} symbols; {len(faults)} faults")
    sys.exit(1 if faults or not count else 0)


def functions(headers):
    return set(re.findall(r"\b(sn_\w+)\s*\(", headers))


main()
