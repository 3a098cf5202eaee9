#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The scripts of bench/compare without the network and without a peer: arguments, reports of what is
missing, the reader of results, slices in turn, and batches through ctypes against those of the command.

    compare.py SOURCE_ROOT SEINE LIBSEINE.SO
"""
import ctypes
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import types
import xml.etree.ElementTree

sys.dont_write_bytecode = True


def row(**changes):
    good = {"bench": "sample", "name": "edges", "unit": "M edges/s", "median": 50.5, "p10": 40, "p90": 60,
            "runs": 20, "limit": 100.0, "share": 0.505, "share_p10": 0.4, "share_p90": 0.6,
            "limit_name": "random lines, free", "pages": "huge", "threads": 1}
    return {**good, **changes}


def ratio():
    side = {"unit": "batches/s", "median": 8.0, "p10": 7.0, "p90": 9.0, "nodes": 10, "edges": 20}
    return row(bench="compare", name="other, loader 10,10", unit="times", median=4.0, p10=3.0, p90=5.0,
               share=None, limit=None, seine=side, peer={**side, "median": 2.0})


def run(*command):
    return subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True)


def require(condition, what, result=None):
    if not condition:
        said = f"\nstatus {result.returncode}\n{result.stdout}{result.stderr}" if result else ""
        sys.exit(f"compare.py: {what}{said}")


def arguments(scripts):
    for path in sorted(scripts.glob("*.sh")):
        got = run("bash", "-n", path)
        require(got.returncode == 0, f"{path.name} is no bash", got)
        got = run(path, "--help")
        require(got.returncode == 0 and f"bench/compare/{path.name} " in got.stdout and "set -e" not in
                got.stdout and got.stdout.rstrip().endswith("."), f"{path.name} --help explains it", got)
        got = run(path, "--wrong")
        require(got.returncode == 2 and "--wrong" in got.stderr, f"{path.name} refuses --wrong", got)
    for path in sorted(scripts.glob("*.py")):
        compile(path.read_text(), str(path), "exec")
    got = run(scripts / "run.sh", "--dataset")
    require(got.returncode == 2, "a flag without its value", got)


def what_is_missing(scripts, work, data, build):
    got = run(scripts / "run.sh", "--build", work, "--cache", work / "cache")
    require(got.returncode == 1 and "build first" in got.stderr, "run.sh without a build", got)
    lines = work / "missing.json"
    got = run(scripts / "run.sh", "--no-install", "--build", build, "--cache", work / "cache", "--dataset",
              data, "--json", lines)
    require(got.returncode == 1 and "no peer could be measured" in got.stderr, "run.sh with no peer", got)
    first, *peers = [json.loads(line) for line in lines.read_text().splitlines()]
    require(first["processor"] and first["cores"] >= 1 and first["load"] and first["dataset"] == data.name,
            f"where it ran: {first}")
    require([peer["peer"] for peer in peers] == ["graphbolt", "graphlearn-torch", "pyg-lib", "torch_sparse"]
            and all("not installed" in peer["why"] for peer in peers), f"each peer has a reason: {peers}")
    got = run(scripts / "run.sh", "--no-install", "--peers", "nobody", "--build", build, "--cache",
              work / "cache", "--dataset", data)
    require(got.returncode == 2 and "nobody" in got.stderr, "a peer that nobody knows", got)


def reader(scripts, work, results):
    require(results.summary([4.0, 1.0, 3.0, 2.0, 5.0]) == {"median": 3.0, "p10": 1.4, "p90": 4.6},
            "quantiles are interpolated")
    good = work / "good.json"
    good.write_text("\n".join(json.dumps(entry) for entry in ({"cores": 2}, row(), ratio())) + "\n")
    got = run(scripts / "results.py", good)
    require(got.returncode == 0 and "cores: 2" in got.stdout and "share 0.505 of random lines" in got.stdout
            and "Seine 8, peer 2 batches/s" in got.stdout, "the table", got)
    for line, fault in (("{", "no JSON"), ("[1]", "no object"), (json.dumps(row(p10=51)), "out of order"),
                        (json.dumps(row(median="x")), "'median'"), (json.dumps(row(unit=None)), "'unit'"),
                        (json.dumps(row(runs=True)), "'runs'")):
        bad = work / "bad.json"
        bad.write_text(json.dumps(row()) + "\n\n" + line + "\n")
        try:
            results.read(bad)
            require(False, f"{line} is refused")
        except SystemExit as end:
            require("bad.json:3:" in str(end) and fault in str(end), f"{line} is refused: {end}")
    got = run(scripts / "plot.sh", "--out", work / "pictures", good)
    if not shutil.which("gnuplot"):
        require(got.returncode == 1 and "gnuplot-nox" in got.stderr, "what plot.sh misses", got)
        return
    require(got.returncode == 0, "plot.sh draws", got)
    for name, label in (("sample", "edges, huge"), ("compare", "other, loader 10,10")):
        picture = xml.etree.ElementTree.parse(work / "pictures" / f"{name}.svg")
        require(label in "".join(picture.getroot().itertext()), f"{name}.svg shows '{label}'")


def slices(measure):
    """Seine's batches have three times the edges: rates by edges and by batches differ by as much."""
    order = []

    def side(name, edges):
        return lambda: order.append(name) or (10, edges)
    args = types.SimpleNamespace(peer="other", runs=4, slice=0.0)
    got, by_batches = measure.compare(args, "sample 10,10", side("peer", 1000), side("seine", 3000))
    require(order == ["seine", "peer", "peer", "seine"] * 3, f"they take turns: {order}")
    require(got["seine"]["batches"] == got["peer"]["batches"] == got["runs"] == 4, "warming up is not kept")
    require(got["seine"]["edges"] == 3000 and got["peer"]["nodes"] == 10 and got["unit"] == "times",
            f"what the batches held: {got}")
    require(got["p10"] <= got["median"] <= got["p90"] and len(got["load_before"]) == 3, f"the rest: {got}")
    require(by_batches["name"] == "other, sample 10,10, batches" and by_batches["runs"] == 4 and
            by_batches["seine"]["unit"] == "batches/s" and
            abs(got["median"] / by_batches["median"] - 3) < 1e-9, f"by batches: {by_batches}")
    order.clear()
    require([row["name"] for row in measure.compare(args, "loader 1", side("peer", 1), side("seine", 1))] ==
            ["other, loader 1"], "of loaders there is one result")


def batches(library, data, seine, path):
    """The structs of library.py are those of the headers, or these digests differ."""
    lib = library.Library(path)
    got = run(seine, "sample", data, "--input", "5,3,900,17,44", "--batch-size", 2, "--fanout", "4,3",
              "--epochs", 2, "--features")
    dataset = library.Dataset(lib, data, "map")
    plan = library.Plan(dataset, [5, 3, 900, 17, 44], 2, [4, 3], features=True)
    sampler, loader = library.Sampler(plan), library.Loader(plan)
    for line in range(6):
        batch = sampler.next_batch()
        digest = f"{lib.calls.sn_batch_digest(batch):016x}"
        require(digest in got.stdout.splitlines()[line], f"batch {line} has the digest {digest}", got)
        counts = sampler.take(batch)
        require(counts == loader(), f"batch {line} of the loader is another")
    try:
        library.Plan(dataset, [5], 2, [-7], features=False)
        require(False, "a fanout of -7 is an error")
    except RuntimeError as error:
        require("-7" in str(error), f"the detail is told: {error}")
    for handle in (loader, sampler, plan, dataset):
        handle.close()


def main():
    root, seine, path = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve(), sys.argv[3]
    scripts = root / "bench/compare"
    sys.path.insert(0, str(scripts))
    import library
    import measure
    import results

    arguments(scripts)
    slices(measure)
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        data = work / "graph"
        made = run(seine, "gen", "rmat", "--nodes", 1000, "--degree", 8, "--feat-dim", 4, "--out", data)
        require(made.returncode == 0, "a graph", made)
        batches(library, data, seine, path)
        what_is_missing(scripts, work, data, seine.parent.parent)
        reader(scripts, work, results)
    require(ctypes.sizeof(library.Tensor) == 48, "a tensor has 48 bytes")
    print("arguments, reports, results, slices, batches")


main()
