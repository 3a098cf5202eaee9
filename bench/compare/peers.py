# SPDX-License-Identifier: Apache-2.0
"""Samplers that are measured beside Seine, each used as its own documentation shows.

A peer is made from the graph (indptr, indices: numpy int64; features: numpy or None) and gives two
callables that return (nodes, edges) of the next batch: sampler(...), which samples and relabels, and
loader(...), which delivers the features of all nodes of the batch too. Both go through the seeds in their
order, batch by batch, over and over, in the calling thread.

All get int64 ids, which is what every one of them takes.
"""
import importlib.metadata
import importlib.util
import sys
import types


def version(*packages):
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)


def endless(make):
    """The items of make() and of the next make(), and so on."""
    while True:
        yield from make()


def seed_batches(seeds, size):
    return endless(lambda: seeds.split(size))


class PyG:
    """torch_geometric over one of its two sampling libraries."""

    def __init__(self, graph, backend):
        import numpy
        import torch
        import torch_geometric.typing as have
        from torch_geometric.data import Data

        have.WITH_PYG_LIB = backend == "pyg_lib"
        if backend == "pyg_lib":
            import pyg_lib  # noqa: F401
        elif not have.WITH_TORCH_SPARSE:
            raise ImportError("torch_geometric does not find torch_sparse")
        count = len(graph.indptr) - 1
        # Edges by ascending second end: what torch_geometric compresses without sorting. The rows that
        # Seine reads are its columns.
        ends = torch.empty((2, len(graph.indices)), dtype=torch.int64)
        ends[0] = torch.from_numpy(graph.indices)
        ends[1] = torch.from_numpy(numpy.repeat(numpy.arange(count), numpy.diff(graph.indptr)))
        self.data = Data(edge_index=ends, num_nodes=count)
        if graph.features is not None:
            self.data.x = torch.from_numpy(graph.features)
        self.version = version("torch_geometric", backend, "torch")

    def sampler(self, seeds, size, fanout):
        from torch_geometric.sampler import NeighborSampler, NodeSamplerInput

        sampler = NeighborSampler(self.data, num_neighbors=fanout, is_sorted=True)
        batches = seed_batches(seeds, size)

        def call():
            out = sampler.sample_from_nodes(NodeSamplerInput(None, next(batches)))
            return out.node.numel(), out.row.numel()
        return call

    def loader(self, seeds, size, fanout):
        from torch_geometric.loader import NeighborLoader

        loader = NeighborLoader(self.data, num_neighbors=fanout, input_nodes=seeds, batch_size=size,
                                is_sorted=True)
        batches = endless(lambda: loader)

        def call():
            batch = next(batches)
            assert len(batch.x) == batch.num_nodes
            return batch.num_nodes, batch.edge_index.shape[1]
        return call


class GraphBolt:
    """DGL's GraphBolt. Each hop samples again from all nodes so far, so its batches hold more edges than
    those of the others."""

    def __init__(self, graph):
        import torch
        from dgl import graphbolt

        self.graphbolt, self.torch = graphbolt, torch
        self.graph = graphbolt.fused_csc_sampling_graph(torch.from_numpy(graph.indptr),
                                                        torch.from_numpy(graph.indices))
        self.features = graph.features
        self.version = version("dgl", "torch")

    def sampler(self, seeds, size, fanout):
        from dgl.graphbolt.internal import unique_and_compact_csc_formats

        batches = seed_batches(seeds, size)
        fanouts = [self.torch.tensor([k]) for k in fanout]

        def call():
            nodes, edges = next(batches), 0
            for k in fanouts:
                picked = self.graph.sample_neighbors(nodes, k).sampled_csc
                nodes, compact = unique_and_compact_csc_formats(picked, nodes)
                edges += compact.indices.numel()
            return nodes.numel(), edges
        return call

    def loader(self, seeds, size, fanout):
        bolt = self.graphbolt
        x = bolt.TorchBasedFeature(self.torch.from_numpy(self.features))
        store = bolt.BasicFeatureStore({("node", None, "x"): x})
        pipe = bolt.ItemSampler(bolt.ItemSet(seeds, names="seed_nodes"), batch_size=size)
        pipe = pipe.sample_neighbor(self.graph, fanout[::-1])  # it begins with the last
        pipe = pipe.fetch_feature(store, node_feature_keys=["x"])
        loader = bolt.DataLoader(pipe, num_workers=0)
        batches = endless(lambda: loader)

        def call():
            batch = next(batches)
            nodes = len(batch.node_features["x"])
            return nodes, sum(hop.sampled_csc.indices.numel() for hop in batch.sampled_subgraphs)
        return call


class GraphLearn:
    """GraphLearn-for-PyTorch, with a seed: without one its sampler asks the system for random numbers in
    each row and is many times slower. It samples with replacement."""

    def __init__(self, graph):
        import torch
        # It imports torch_sparse to convert lists of edges, which nothing here needs; an empty module saves
        # compiling it.
        if importlib.util.find_spec("torch_sparse") is None:
            sys.modules["torch_sparse"] = types.ModuleType("torch_sparse")
        import graphlearn_torch as glt

        self.glt = glt
        ends = (torch.from_numpy(graph.indptr), torch.from_numpy(graph.indices))
        self.data = glt.data.Dataset()
        self.data.init_graph(edge_index=ends, layout="CSR", graph_mode="CPU")
        if graph.features is not None:
            self.data.init_node_features(torch.from_numpy(graph.features), with_gpu=False)
            # Its loader does not work without labels: a byte a node.
            self.data.init_node_labels(torch.zeros(len(graph.indptr) - 1, dtype=torch.int8))
        self.device = torch.device("cpu")
        self.version = version("graphlearn-torch", "torch")

    def sampler(self, seeds, size, fanout):
        from graphlearn_torch.sampler import NeighborSampler, NodeSamplerInput

        sampler = NeighborSampler(self.data.graph, fanout, device=self.device, seed=1)
        batches = seed_batches(seeds, size)

        def call():
            out = sampler.sample_from_nodes(NodeSamplerInput(node=next(batches)))
            return out.node.numel(), out.row.numel()
        return call

    def loader(self, seeds, size, fanout):
        loader = self.glt.loader.NeighborLoader(self.data, fanout, seeds, batch_size=size,
                                                device=self.device, seed=1)
        batches = endless(lambda: loader)

        def call():
            batch = next(batches)
            assert len(batch.x) == len(batch.node)
            return len(batch.node), batch.edge_index.shape[1]
        return call


PEERS = {
    "torch_sparse": lambda graph: PyG(graph, "torch_sparse"),
    "pyg-lib": lambda graph: PyG(graph, "pyg_lib"),
    "graphbolt": GraphBolt,
    "graphlearn-torch": GraphLearn,
}
