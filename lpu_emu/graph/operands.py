"""Operands that contradict each other although the shape of the result can be inferred.

The standard's shape inference looks at what the result's shape needs and at no more: a convolution whose weights are
for another number of channels passes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod

import numpy as np

from lpu_emu.errors import ModelError
from lpu_emu.graph.ir import Graph, Node


def check_operands(graph: Graph) -> Graph:
    """Return the graph if the operands of its convolutions, products and quantisations fit each other.

    Raises:
        ModelError: one line for every node whose operands do not.
    """
    findings = [f"{graph.source}: {node}: {text}" for node in graph.nodes for text in _findings(graph, node)]
    if findings:
        raise ModelError("\n".join(findings))
    return graph


def _findings(graph: Graph, node: Node) -> Iterator[str]:
    check = _CHECKS.get(node.op_type)
    if check is not None and not node.domain:
        yield from check(graph, node)


def _convolution(graph: Graph, node: Node) -> Iterator[str]:
    """Check channels, groups, window and bias; ConvTranspose has its weights the other way round."""
    x, weights = graph.values[node.inputs[0]].shape, graph.values[node.inputs[1]].shape
    groups = node.int_attribute("group", 1)
    if groups < 1:
        yield f"group is {groups}; expected at least 1"
        return
    if len(weights) != len(x):
        yield f"its weights have {len(weights)} axes and its input {len(x)}; expected as many"
        return
    turned = node.op_type == "ConvTranspose"
    channels = weights[0] if turned else weights[1] * groups
    if channels != x[1]:
        yield f"its weights {node.inputs[1]!r} {list(weights)} are for {channels} channels; its input has {x[1]}"
    outputs = weights[1] * groups if turned else weights[0]
    if (x[1] if turned else outputs) % groups:
        yield f"{x[1] if turned else outputs} channels cannot be divided into {groups} groups"
    window = node.ints_attribute("kernel_shape")
    if window is not None and window != weights[2:]:
        yield f"kernel_shape is {list(window)}, but its weights are {list(weights)}"
    yield from _sized(graph, node, 2, outputs, "bias")


def _sized(graph: Graph, node: Node, index: int, size: int, what: str) -> Iterator[str]:
    name = node.input_at(index)
    if name and prod(graph.values[name].shape) != size:
        yield f"its {what} {name!r} has {prod(graph.values[name].shape)} elements; expected {size}"


def _gemm(graph: Graph, node: Node) -> Iterator[str]:
    name, output = node.input_at(2), graph.values[node.outputs[0]]
    if name and not _spreads(graph.values[name].shape, output.shape):
        yield f"its bias {name!r} ({graph.values[name]}) cannot be spread over {output}"


def _spreads(shape: tuple[int, ...], over: tuple[int, ...]) -> bool:
    """Whether a shape can be broadcast to another one."""
    return len(shape) <= len(over) and all(a in (1, b) for a, b in zip(shape[::-1], over[::-1], strict=False))


def _scaled(graph: Graph, node: Node) -> Iterator[str]:
    """Check scale and zero point of a QuantizeLinear or DequantizeLinear without blocks."""
    if node.int_attribute("block_size", 0):
        return
    x, scale = graph.values[node.inputs[0]].shape, graph.values[node.inputs[1]]
    axis = node.int_attribute("axis", 1)
    if scale.size != 1 and not (scale.shape and -len(x) <= axis < len(x) and scale.shape == (x[axis],)):
        yield f"its scale {node.inputs[1]!r} is {scale}; expected one element, or one for each along axis {axis} of {x}"
    known = graph.constants.get(node.inputs[1])
    if known is not None and not (np.isfinite(known).all() and (known > 0).all()):
        yield f"its scale {node.inputs[1]!r} has elements that are not above 0 and finite; quantise the model again"
    name = node.input_at(2)
    if name and graph.values[name].size != scale.size:
        yield f"its zero point {name!r} is {graph.values[name]}, but its scale {scale}; expected as many"


_CHECKS: dict[str, Callable[[Graph, Node], Iterator[str]]] = {
    "Conv": _convolution,
    "ConvTranspose": _convolution,
    "Gemm": _gemm,
    "QuantizeLinear": _scaled,
    "DequantizeLinear": _scaled,
}
