#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which changes tools/dev/mutate.py sees in a piece of C, and that it leaves comments, strings,
directives, declarations and assertions alone.

    mutants.py SOURCE_ROOT
"""
import importlib.util
import pathlib
import sys
import tempfile

SOURCE = """\
/* a < b */
#define LIMIT 7
static int f(const int *p, int n)
{
    int sum = 0; /* n > 1 */
    for (int i = 0; i < n; i++)
        sum += p[i] * 2;
    if (sum > 3 && !p[0])
        g("1 < 2", sum);
    SN_ASSERT(sum != 5);
    return sum - 1;
}
"""
EXPECTED = {
    5: {"    int sum = 1; /* n > 1 */"},
    6: {"    for (int i = 1; i < n; i++)", "    for (int i = 0; i <= n; i++)",
        "    for (int i = 0; i >= n; i++)", "    for (int i = 0; i < n; i--)"},
    7: {"        sum -= p[i] * 2;", "        sum += p[i] / 2;", "        sum += p[i] * 3;",
        "        sum += p[i] * 1;", "        ;"},
    8: {"    if (sum >= 3 && !p[0])", "    if (sum <= 3 && !p[0])", "    if (sum > 3 || !p[0])",
        "    if (sum > 4 && !p[0])", "    if (sum > 2 && !p[0])", "    if (sum > 3 && !p[1])",
        "    if (sum > 3 && p[0])", "    if (!(sum > 3 && !p[0]))"},
    9: {"        ;"},
    11: {"    return sum + 1;", "    return sum - 2;", "    return sum - 0;"},
}


def main():
    path = pathlib.Path(sys.argv[1]) / "tools/dev/mutate.py"
    sys.dont_write_bytecode = True
    spec = importlib.util.spec_from_file_location("mutate", path)
    mutate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(mutate)
    with tempfile.TemporaryDirectory() as root:
        root = pathlib.Path(root)
        (root / "base").mkdir()
        (root / "base/f.c").write_text(SOURCE)
        covered = {"base/f.c": set(range(1, 13)), "tools/other.c": {1}}
        found = mutate.candidates(root, covered, "", "")
        got = {number: {change for change, _ in options} for (_, number), options in found.items()}
        drawn = [key + change for key, change in mutate.drawn(found, 7)]
        again = [key + change for key, change in mutate.drawn(found, 7)]
    for number in sorted(set(got) | set(EXPECTED)):
        if got.get(number, set()) != EXPECTED.get(number, set()):
            sys.exit(f"line {number}: {got.get(number)}\nexpected {EXPECTED.get(number)}")
    count = sum(map(len, EXPECTED.values()))
    if len(drawn) != count or len(set(drawn)) != count or drawn != again:
        sys.exit("the draw is not every change once, by the seed")
    print(f"{count} changes")


main()
