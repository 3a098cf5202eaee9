#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests the checks: each runs over a copy of the tree with one planted fault, and must name it.

    planted.py SOURCE_ROOT LIBRARY C_COMPILER
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import tree

ROOT, LIBRARY, CC = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2], sys.argv[3]
HERE = ROOT / "tests/repo"
LAYERS = [sys.executable, str(HERE / "layers.py")]
TEXT = [sys.executable, str(HERE / "text.py")]
HEADERS = [str(HERE / "headers.sh")]
FORMAT = [str(HERE / "format.sh")]
LONGEST = [sys.executable, str(ROOT / "tools/dev/longest")]
API_MAP = [sys.executable, str(ROOT / "tools/dev/api_map_check.py")]

C_HEAD = "/* SPDX-License-Identifier: Apache-2.0 */\n"
REFERENCE = "tests/support/reference/planted.c"


def add(name, text):
    """Appends to a file, or makes it."""
    def plant(copy):
        path = copy / name
        path.parent.mkdir(parents=True, exist_ok=True)
        old = path.read_text() if path.exists() else C_HEAD if name.endswith((".c", ".h")) else ""
        path.write_text(old + text)
    return plant


def change(name, old, new):
    def plant(copy):
        text = (copy / name).read_text()
        if old not in text:
            sys.exit(f"planted.py: {name} has no '{old}' any more")
        (copy / name).write_text(text.replace(old, new, 1))
    return plant


# (check, plant, what its output has to say)
FAULTS = [
    (LAYERS, add("base/planted.c", '#include "kernels/x.h"\n'), "base/planted.c:2: kernels/x.h"),
    (LAYERS, add("base/planted.c", "#  include  <engine/data/dataset.h>\n"), "engine/data/dataset.h"),
    (LAYERS, add("kernels/planted.c", '#include "../engine/data/dataset.h"\n'), "../engine"),
    (LAYERS, add("kernels/planted.c", '#include /* why */ "engine/data/x.h"\n'), "engine/data/x.h"),
    (LAYERS, add("engine/data/planted.c", '#inc\\\nlude "engine/sample/x.h"\n'), "engine/sample/x.h"),
    (LAYERS, add("engine/data/planted.c", '#define X "engine/sample/x.h"\n#include X\n'), "macro"),
    (LAYERS, add("ipc/shm/planted.c", '#include "channel/x.h"\n'), "channel/x.h"),
    (LAYERS, add("channel/planted.c", '#include "engine/data/x.h"\n'), "engine/data/x.h"),
    (LAYERS, add("tools/seine/planted.c", '#include "base/mem.h"\n'), "base/mem.h"),
    (LAYERS, add("bench/planted.c", '#include "kernels/x.h"\n'), "kernels/x.h"),
    (LAYERS, add("examples/planted.c", '#include "engine/data/dataset.h"\n'), "engine/data/dataset.h"),
    (LAYERS, add("include/seine/planted.h", '#include "base/mem.h"\n'), "base/mem.h"),
    (LAYERS, add("include/seine/planted.h", "#include <unistd.h>\n"), "unistd.h"),
    (LAYERS, add("base/planted.c", "#include <check.h>\n"), "check.h"),
    (LAYERS, add(REFERENCE, '#include "base/random.h"\n'), "base/random.h"),
    (LAYERS, add(REFERENCE, '#include "../../../kernels/x.h"\n'), "../../../kernels/x.h"),
    (LAYERS, add(REFERENCE, "#include <engine/sample/x.h>\n"), "engine/sample/x.h"),
    (LAYERS, add(REFERENCE, '#include "seine/sampler.h"\n'), "seine/sampler.h"),
    (TEXT, add("base/planted.py", "x = 1\n"), "SPDX"),
    (TEXT, add("base/planted.c", "/* TO" + "DO: the rest */\n"), "unfinished"),
    (TEXT, add("docs/planted.md", "See issue" + " 12.\n"), "means nothing"),
    (TEXT, add("docs/planted.md", "Fixed by #" + "12.\n"), "means nothing"),
    (TEXT, add("docs/planted.md", "Look into /ho" + "me/me/seine.\n"), "one machine"),
    (TEXT, add("docs/planted.md", "From https:" + "//example.org/x.\n"), "example.org"),
    (TEXT, add("docs/planted.md", "See [it](nowhere.md#there).\n"), "leads nowhere"),
    (TEXT, add("base/planted.c", "int x; \n"), "blanks"),
    (TEXT, add("base/planted.c", "int x;"), "does not end"),
    (HEADERS, add("include/seine/planted.h", "extern sn_status sn_planted;\n"), "seine/planted.h"),
    (HEADERS, add("include/seine/planted.h", "enum { SN_PLANTED = 1 };\n"), "seine/planted.h"),
    (HEADERS, add("include/seine/planted.h", "#ifndef P\n#define P\nextern int class;\n#endif\n"),
     "as c++"),
    (HEADERS, add("base/planted.h", "sn_status sn__planted(void);\n"), "base/planted.h"),
    (FORMAT, add("base/planted.c", "int  x;\n"), "base/planted.c"),
    (FORMAT, add("tools/planted.sh", "#!/usr/bin/env bash\nset -euo pipefail\ncd $1\n"), "SC2086"),
    (FORMAT, add("tools/planted.sh", "#!/usr/bin/env bash\ntrue\n"), "set -euo pipefail"),
    (LONGEST, add("base/planted.c", "int f(void)\n{\n" + "    g();\n" * 98 + "}\n"), "f has 101"),
    (LONGEST, add("base/planted.c", "int x;\n" * 800), "base/planted.c: 801"),
    (API_MAP, add("tests/repo/symbols.txt", "sn_planted\n"), "sn_planted: exported, and not in"),
    (API_MAP, add("tests/repo/reference-names.txt", "Planted.call\n"), "Planted.call"),
    (API_MAP, change("docs/api-map.md", "`sn_plan_create`", "`sn_plan_planted`"), "sn_plan_planted"),
    (API_MAP, change("docs/api-map.md", "| planned: `", "| planned; `"), "state 'planned;"),
]


def plant_symbols(work):
    """A library that breaks the rules of symbols.py."""
    source = work / "planted.c"
    source.write_text("#include <stdlib.h>\nvoid planted(void);\nvoid planted(void) { abort(); }\n")
    library = work / "libplanted.so"
    subprocess.run([CC, "-shared", "-fPIC", str(source), "-o", str(library)], check=True)
    got = subprocess.run([sys.executable, str(HERE / "symbols.py"), str(library), str(ROOT), "0"],
                         capture_output=True, text=True)
    missing = [what for what in ("planted: exported, and does not start with sn_", "soname is missing",
                                 "abort: called by the library", "sn_version: in tests/repo/symbols.txt",
                                 "sn_version: declared SN_API, and not exported",
                                 "planted: exported, and not in tests/repo/symbols.txt")
               if what not in got.stdout]
    if got.returncode != 1 or missing:
        sys.exit(f"planted.py: symbols.py did not say {missing}\n{got.stdout}{got.stderr}")


def copied_tree(work, name, wanted):
    copy = work / name
    for name in filter(wanted, tree.files(ROOT)):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    return copy


def main():
    failed, skipped = 0, 0
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        plant_symbols(work)
        whole = copied_tree(work, "whole", lambda name: not name.startswith(
            ("examples/data/", "tests/data/glt")))
        # Compiling and formatting take their time: a few files are enough for them.
        few = copied_tree(work, "few", lambda name: name == ".clang-format" or name.startswith(
            "include/seine/s"))
        for number, (check, plant, word) in enumerate(FAULTS):
            copy = work / f"fault{number}"
            shutil.copytree(few if check in (HEADERS, FORMAT) else whole, copy)
            plant(copy)
            got = subprocess.run([*check, str(copy)], capture_output=True, text=True)
            output = got.stdout + got.stderr
            if got.returncode == 77:
                skipped += 1
            elif got.returncode != 1 or word not in output:
                print(f"fault {number}: {check[-1]} ended with {got.returncode} and did not say "
                      f"'{word}':\n{output}")
                failed += 1
            shutil.rmtree(copy)
    print(f"{len(FAULTS) + 1} planted faults, {failed} not found, {skipped} skipped")
    sys.exit(1 if failed else 0)


main()
