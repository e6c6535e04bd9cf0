"""Movements of dequantised weights, done on the integers, so that a product finds DequantizeLinear right before it."""

from __future__ import annotations

from lpu_emu.compiler.passes.edits import Edits
from lpu_emu.compiler.passes.operators import is_standard
from lpu_emu.graph.evaluate import evaluate
from lpu_emu.graph.ir import Graph, Node

_MOVEMENTS = ("Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze")


def move_weights(graph: Graph) -> Graph:
    """Return the graph with constant integers moved before they are dequantised."""
    while True:
        edits = Edits(graph)
        for node in graph.nodes:
            source = graph.producers.get(node.inputs[0]) if is_standard(node, *_MOVEMENTS) else None
            if source is not None and _is_constant(graph, source) and _is_fixed(graph, node):
                _move(graph, edits, node, source)
        if not edits.replacements:
            return graph
        graph = edits.apply()


def _is_constant(graph: Graph, node: Node) -> bool:
    return is_standard(node, "DequantizeLinear") and all(n in graph.constants for n in node.inputs if n)


def _is_fixed(graph: Graph, node: Node) -> bool:
    return all(name in graph.constants for name in node.inputs[1:] if name)


def _move(graph: Graph, edits: Edits, node: Node, source: Node) -> None:
    axis = _moved_axis(graph, node, source)
    if axis is None:
        return
    parameters = [graph.constants[name] if name else None for name in node.inputs[1:]]
    (values,) = evaluate(node, [graph.constants[source.inputs[0]], *parameters])
    moved = edits.constant(f"{node.name}:integers", values)
    edits.standard(
        node,
        "DequantizeLinear",
        (moved, *source.inputs[1:]),
        graph.values[node.outputs[0]],
        output=node.outputs[0],
        opset=source.opset,
        attributes={"axis": axis},
    )


def _moved_axis(graph: Graph, node: Node, source: Node) -> int | None:
    """Return where the axis of the scales goes, None if it does not stay one axis."""
    if source.int_attribute("block_size", 0):
        return None
    if graph.constants[source.inputs[1]].size == 1:
        return 0
    if not is_standard(node, "Transpose"):
        return None
    rank = len(graph.values[node.inputs[0]].shape)
    perm = node.ints_attribute("perm") or tuple(reversed(range(rank)))
    return perm.index(source.int_attribute("axis", 1) % rank)
