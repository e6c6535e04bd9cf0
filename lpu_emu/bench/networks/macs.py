"""Multiplications that a model asks for, and the cycles they take when every plane is always full."""

from __future__ import annotations

from math import prod

from lpu_emu.graph import Graph, Node
from lpu_emu.spec.machine import Machine
from lpu_emu.spec.peaks import peaks


def model_macs(graph: Graph) -> int:
    """Return the multiply-accumulates of all convolutions and matrix products of a graph."""
    return sum(_node_macs(graph, node) for node in graph.nodes)


def _node_macs(graph: Graph, node: Node) -> int:
    if node.domain or node.op_type not in ("Conv", "ConvTranspose", "Gemm", "MatMul"):
        return 0
    output, weights = graph.values[node.outputs[0]], graph.values[node.inputs[1]].shape
    if node.op_type == "Conv":
        return output.size * prod(weights[1:])
    if node.op_type == "ConvTranspose":
        return graph.values[node.inputs[0]].size * prod(weights[1:])
    shape = graph.values[node.inputs[0]].shape
    return output.size * shape[0 if node.int_attribute("transA", 0) else -1]


def ideal_cycles(machine: Machine, macs: int, precision: str) -> int:
    """Return the cycles of some multiplications on all planes of a chip, none of them waiting or padded."""
    rate = {peak.key: peak.value for peak in peaks(machine)}[f"mxm.macs.{precision}"]
    return -(-macs // int(rate))
