"""Which tensors are images: those that a convolution or pooling reads or makes, and all that are connected with them.

Element-wise operators and movements that keep the axes connect; a Reshape or Transpose does where it keeps the last two.
"""

from __future__ import annotations

from lpu_emu.graph.ir import Graph, Node

IMAGE_OPERATORS = frozenset({
    "Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "LRN", "Resize",
    "Upsample", "InstanceNormalization", "DepthToSpace", "SpaceToDepth", "BatchNormalization", "LpPool",
    "GlobalLpPool", "GroupNormalization",
})  # fmt: skip
_BREAKS = frozenset({
    "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Gemm", "MatMul", "MatMulInteger",
    "Einsum", "Shape", "Size", "Tile", "DepthToSpace", "SpaceToDepth",
})  # fmt: skip


class _Sets:
    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def find(self, name: str) -> str:
        root = name
        while self._parent.get(root, root) != root:
            root = self._parent[root]
        while self._parent.get(name, name) != root:
            self._parent[name], name = root, self._parent[name]
        return root

    def join(self, a: str, b: str) -> None:
        self._parent[self.find(b)] = self.find(a)


def image_tensors(graph: Graph) -> frozenset[str]:
    """Return the names of all tensors of three or more axes that are stored channels-last."""
    constant = constant_tensors(graph)
    sets = _Sets()
    seeds: list[str] = []
    for node in graph.nodes:
        tensors = [
            t for t in (*node.inputs, *node.outputs) if t and t not in constant and _rank(graph, t) > 2
        ]
        if node.op_type in IMAGE_OPERATORS and not node.domain:
            seeds += tensors
        if node.op_type not in _BREAKS:
            _join(graph, sets, tensors)
        elif _keeps_pictures(graph, node, tensors):
            sets.join(tensors[0], tensors[1])
    roots = {sets.find(name) for name in seeds}
    return frozenset(name for name in graph.values if sets.find(name) in roots)


def constant_tensors(graph: Graph) -> frozenset[str]:
    """Return the names of all tensors that depend on constants only."""
    known = set(graph.constants)
    for node in graph.nodes:
        if all(name in known for name in node.inputs if name):
            known.update(name for name in node.outputs if name)
    return frozenset(known)


def _rank(graph: Graph, tensor: str) -> int:
    return len(graph.values[tensor].shape)


def _join(graph: Graph, sets: _Sets, tensors: list[str]) -> None:
    for other in tensors[1:]:
        if _rank(graph, other) == _rank(graph, tensors[0]):
            sets.join(tensors[0], other)


def _keeps_pictures(graph: Graph, node: Node, tensors: list[str]) -> bool:
    """Whether a Reshape or Transpose changes other axes than the last two only."""
    if node.op_type not in ("Reshape", "Transpose") or len(tensors) != 2:
        return False
    before, after = (graph.values[name].shape for name in tensors)
    if node.op_type == "Reshape":
        return len(before) > 3 and len(after) > 3 and before[-2:] == after[-2:]
    rank = len(before)
    return (node.ints_attribute("perm") or ())[-2:] == (rank - 2, rank - 1)
