#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures one peer beside Seine on one graph, in this process and thread, slice by slice in turn.

    measure.py --peer NAME --dataset DIR --library LIBSEINE.SO [FLAGS]     JSON lines on stdout

bench/compare/run.sh calls it for each peer, in the environment where that peer is installed.
"""
import argparse
import json
import os
import pathlib
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import library
import results

FANOUTS = "15,10,5;10,10"
MOST_SEEDS = 256 * 1024  # a quarter of a million: 256 batches of 1024


class Graph:
    """The arrays of a homogeneous dataset as numpy arrays, in memory of this process."""

    def __init__(self, folder):
        import numpy

        meta = json.loads((folder / "META.json").read_text())
        if len(meta["node_types"]) != 1 or len(meta["edge_types"]) != 1:
            sys.exit(f"{folder}: has more than one node type or edge type, which this comparison cannot use")
        node, edge = meta["node_types"][0], meta["edge_types"][0]["arrays"]
        if "csr.indptr" not in edge:
            sys.exit(f"{folder}: has no rows of out-edges (csr)")
        self.folder, self.count = folder, node["count"]
        indptr = self.array(edge["csr.indptr"])
        # Rows at the end may be left out; peers want one per node.
        self.indptr = numpy.pad(indptr, (0, self.count + 1 - len(indptr)), mode="edge").astype(numpy.int64)
        self.indices = self.array(edge["csr.indices"]).astype(numpy.int64)
        x = node["arrays"].get("x")
        self.features = self.array(x) if x else None
        train = node["arrays"].get("train")
        self.train = self.array(train) if train else None

    def array(self, entry):
        import numpy
        return numpy.load(self.folder / entry["file"])

    def seeds(self):
        """Node ids in a fixed random order: the train split, or all nodes."""
        import numpy
        ids = self.train if self.train is not None else numpy.arange(self.count)
        return numpy.random.RandomState(1).permutation(ids).astype(numpy.int64)[:MOST_SEEDS]


class Side:
    """Slices of one sampler: what they did, and which part of the time it had a core."""

    def __init__(self, call):
        self.call, self.nodes, self.edges, self.batches = call, 0, 0, 0
        self.cores, self.rates = [], {"M edges/s": [], "batches/s": []}

    def slice(self, seconds, keep=True):
        nodes = edges = batches = 0
        cpu, start = time.process_time(), time.perf_counter()
        while True:
            some_nodes, some_edges = self.call()
            nodes, edges, batches = nodes + some_nodes, edges + some_edges, batches + 1
            took = time.perf_counter() - start
            if took >= seconds:
                break
        if keep:
            self.rates["M edges/s"].append(edges / 1e6 / took)
            self.rates["batches/s"].append(batches / took)
            self.cores.append((time.process_time() - cpu) / took)
            self.nodes, self.edges, self.batches = (self.nodes + nodes, self.edges + edges,
                                                    self.batches + batches)

    def report(self, unit):
        return {"unit": unit, **results.summary(self.rates[unit]), "nodes": round(self.nodes / self.batches),
                "edges": round(self.edges / self.batches), "batches": self.batches,
                "core": round(results.quantile(self.cores, 0.5), 3)}


def compare(args, name, peer_call, seine_call):
    """Seine's rate as a multiple of the peer's, each slice of one with the next of the other. One result;
    of sampling two, by edges and by batches, since samplers differ in which nodes they sample again."""
    seine, peer = Side(seine_call), Side(peer_call)
    before = os.getloadavg()
    for run in range(-2, args.runs):  # two pairs to warm up
        for side in (seine, peer) if run % 2 == 0 else (peer, seine):
            side.slice(args.slice, keep=run >= 0)
    after = os.getloadavg()
    rows = [(name, "batches/s")]
    if name.startswith("sample"):
        rows = [(name, "M edges/s"), (f"{name}, batches", "batches/s")]
    for text, unit in rows:
        ratios = [ours / theirs for ours, theirs in zip(seine.rates[unit], peer.rates[unit])]
        yield {"bench": "compare", "name": f"{args.peer}, {text}", "unit": "times",
               **results.summary(ratios), "runs": args.runs, "threads": 1, "seine": seine.report(unit),
               "peer": peer.report(unit), "load_before": [round(value, 2) for value in before],
               "load_after": [round(value, 2) for value in after]}


def run_all(args, graph, peer, dataset):
    import torch

    seeds = graph.seeds()
    ids = torch.from_numpy(seeds)
    for text in args.fanouts.split(";"):
        fanout = [int(k) for k in text.split(",")]
        kinds = [("sample", library.Sampler, peer.sampler)]
        if graph.features is not None:
            kinds.append(("loader", library.Loader, peer.loader))
        for kind, ours, theirs in kinds:
            plan = library.Plan(dataset, seeds, args.batch_size, fanout, features=kind == "loader")
            seine = ours(plan)
            for row in compare(args, f"{kind} {text}", theirs(ids, args.batch_size, fanout), seine):
                row["peer"]["version"] = peer.version
                print(json.dumps(row), flush=True)
            seine.close()
            plan.close()


def arguments(list_of):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--peer", required=True)
    parser.add_argument("--dataset", type=pathlib.Path, required=True)
    parser.add_argument("--library", required=True, help="libseine.so")
    parser.add_argument("--runs", type=int, default=25, help="pairs of slices (default 25)")
    parser.add_argument("--slice", type=float, default=0.3, help="least seconds of a slice (default 0.3)")
    parser.add_argument("--fanouts", default=FANOUTS, help=f"default '{FANOUTS}'")
    parser.add_argument("--batch-size", type=int, default=1024)
    parser.add_argument("--load", choices=("map", "memory"), default="memory", help="of Seine's dataset")
    return parser.parse_args(list_of)


def main():
    args = arguments(sys.argv[1:])
    import peers
    import torch

    torch.set_num_threads(1)
    graph = Graph(args.dataset)
    peer = peers.PEERS[args.peer](graph)
    seine = library.Library(args.library)
    dataset = library.Dataset(seine, args.dataset, args.load)
    run_all(args, graph, peer, dataset)
    dataset.close()


if __name__ == "__main__":
    main()
