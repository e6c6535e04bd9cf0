"""Chains of products and sums with constant rows: taken into the product before them, or joined to one of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler.passes.edits import Edits
from lpu_emu.compiler.passes.linear import is_row
from lpu_emu.compiler.passes.operators import PRODUCTS, is_own, is_standard, kinds_of, only_consumer
from lpu_emu.graph.ir import Graph, Node

Float64s = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Step:
    """One node that multiplies with a row (or one number) or adds it."""

    node: Node
    source: str
    factor: Float64s | None = None
    offset: Float64s | None = None


def join_affine(graph: Graph) -> Graph:
    """Return the graph with every chain of Mul, Add and Sub with constant rows joined."""
    edits = Edits(graph)
    steps = {node.name: step for node in graph.nodes if (step := _step(graph, node)) is not None}
    done: set[str] = set()
    for node in graph.nodes:
        if node.name in steps and node.name not in done:
            chain = list(_chain(graph, steps, node))
            done.update(step.node.name for step in chain)
            _join(graph, edits, chain)
    return edits.apply()


def _step(graph: Graph, node: Node) -> _Step | None:
    if not is_standard(node, "Mul", "Add", "Sub") or len(node.inputs) != 2:
        return None
    position = next((i for i in (1, 0) if node.inputs[i] in graph.constants), None)
    if position is None or (node.op_type == "Sub" and position == 0):
        return None
    source, constant = node.inputs[1 - position], node.inputs[position]
    result = graph.values[node.outputs[0]]
    alike = source not in graph.constants and graph.values[source].shape == result.shape
    if not alike or result.dtype.kind != "f" or not is_row(graph, constant, node.outputs[0]):
        return None
    value = graph.constants[constant].astype(np.float64).reshape(-1)
    if not np.isfinite(value).all():
        return None
    if node.op_type == "Mul":
        return _Step(node=node, source=source, factor=value)
    return _Step(node=node, source=source, offset=value if node.op_type == "Add" else -value)


def _chain(graph: Graph, steps: dict[str, _Step], node: Node) -> Iterator[_Step]:
    """Yield a step and those that follow it, as far as nobody else reads what is between."""
    following: Node | None = node
    while following is not None and following.name in steps:
        yield steps[following.name]
        following = only_consumer(graph, following.outputs[0])


def _join(graph: Graph, edits: Edits, chain: list[_Step]) -> None:
    factor, offset = _composed(chain)
    before = graph.producers.get(chain[0].source)
    if before is not None and _takes(graph, before, chain[0].node):
        _take_in(graph, edits, before, chain, factor, offset)
    elif len(chain) > 2 or (len(chain) == 2 and (chain[0].factor is None or chain[1].offset is None)):
        _write(graph, edits, chain, factor, offset)


def _composed(chain: list[_Step]) -> tuple[Float64s, Float64s]:
    factor, offset = np.ones(1), np.zeros(1)
    for step in chain:
        if step.factor is not None:
            factor, offset = factor * step.factor, offset * step.factor
        if step.offset is not None:
            offset = offset + step.offset
    return factor, offset


def _takes(graph: Graph, node: Node, step: Node) -> bool:
    if not is_own(node, *PRODUCTS) or only_consumer(graph, node.outputs[0]) is not step:
        return False
    named = all(name in graph.constants for name in node.inputs[1:] if name)
    return named and graph.constants[node.inputs[1]].dtype.kind == "f" and not node.int_attribute("relu", 0)


def _take_in(
    graph: Graph, edits: Edits, node: Node, chain: list[_Step], factor: Float64s, offset: Float64s
) -> None:
    """Multiply weights and bias of a product; one number for all goes into alpha."""
    columns = graph.values[node.outputs[0]].shape[-1]
    names = [node.inputs[0], node.inputs[1]]
    bias = offset
    if node.input_at(2):
        own = graph.constants[node.inputs[2]].astype(np.float64).reshape(-1)
        bias = own * node.float_attribute("beta", 1.0) * factor + offset
    alpha = node.float_attribute("alpha", 1.0)
    if factor.size == 1:
        alpha *= float(factor[0])
    else:
        names[1] = _scaled_weights(graph, edits, node, factor)
    if bias.any():
        dtype = graph.values[node.outputs[0]].dtype
        names.append(edits.constant(f"{node.name}:offset", np.broadcast_to(bias, (columns,)).astype(dtype)))
    attributes = {
        **node.attributes,
        "alpha": alpha,
        "beta": 1.0,
        "kinds": kinds_of(node, *(step.node for step in chain)),
    }
    outputs = chain[-1].node.outputs
    edits.replace(node, replace(node, inputs=tuple(names), outputs=outputs, attributes=attributes))
    for step in chain:
        edits.replace(step.node)


def _scaled_weights(graph: Graph, edits: Edits, node: Node, factor: Float64s) -> str:
    weights = graph.constants[node.inputs[1]]
    column = factor[:, np.newaxis] if node.int_attribute("transposed", 0) else factor
    return edits.constant(
        f"{node.name}:scaled", (weights * column.astype(weights.dtype)).astype(weights.dtype)
    )


def _write(graph: Graph, edits: Edits, chain: list[_Step], factor: Float64s, offset: Float64s) -> None:
    last = chain[-1].node
    value = graph.values[last.outputs[0]]
    for step in chain:
        edits.replace(step.node)
    product = edits.constant(f"{last.name}:factor", factor.astype(value.dtype))
    total = edits.constant(f"{last.name}:offset", offset.astype(value.dtype))
    scaled = edits.standard(last, "Mul", (chain[0].source, product), value)
    edits.standard(last, "Add", (scaled, total), value, output=last.outputs[0])
