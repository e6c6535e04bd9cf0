"""QDQ patterns: a Linear between DequantizeLinear and QuantizeLinear becomes one integer operator.

``lpu::QuantisedLinear`` reads x (int8 or uint8 [.., K]), weights int8 [K, N], bias int32 [N] or nothing, and factors
fp32 [1] or [N]. Its value is ``(x @ weights + bias) * factor``, then relu if asked; an integer output is that rounded to
nearest even and saturated. The factor is sx * sw / sy (sx * sw for a float output), computed in float64 and rounded once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler.passes.operators import (
    DOMAIN,
    LINEAR,
    QUANTISED_LINEAR,
    is_own,
    is_standard,
    kinds_of,
    only_consumer,
)
from lpu_emu.graph.ir import Graph, Node
from lpu_emu.graph.rewrite import drop_dead, replace_nodes

Float64s = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Scaled:
    """Integers (a tensor name) and their scale: one, or one per output column."""

    tensor: str
    scale: Float64s


@dataclass(frozen=True, kw_only=True, eq=False)
class _Tail:
    """What follows a Linear: nodes taken in, the tensor they end in, relu or not, and the output's scale."""

    nodes: tuple[Node, ...]
    output: str
    relu: bool
    scale: float | None


def quantise_linear(graph: Graph) -> Graph:
    """Replace every Linear whose x and weights are dequantised integers with zero points of zero."""
    replacements: dict[str, list[Node]] = {}
    constants: dict[str, NDArray[Any]] = {}
    for node in graph.nodes:
        if is_own(node, LINEAR):
            _quantise(graph, node, replacements, constants)
    return drop_dead(replace_nodes(graph, replacements, constants=constants))


def _quantise(
    graph: Graph, node: Node, replacements: dict[str, list[Node]], constants: dict[str, NDArray[Any]]
) -> None:
    x = _activation(graph, node.inputs[0])
    weights = _weights(graph, node)
    if x is None or weights is None:
        return
    tail = _tail(graph, node)
    scale = x.scale * weights.scale * node.float_attribute("alpha", 1.0)
    names = [f"{node.name}:{what}" for what in ("weights", "bias", "factors")]
    whole = graph.constants[weights.tensor]
    constants[names[0]] = np.ascontiguousarray(whole.T if node.int_attribute("transposed", 0) else whole)
    columns = constants[names[0]].shape[1]
    if node.input_at(2):
        constants[names[1]] = _bias(graph, node, scale, columns)
    with np.errstate(over="ignore"):
        constants[names[2]] = (scale if tail.scale is None else scale / tail.scale).astype(np.float32)
    new = Node(
        name=node.name,
        op_type=QUANTISED_LINEAR,
        domain=DOMAIN,
        opset=1,
        inputs=(x.tensor, names[0], names[1] if node.input_at(2) else "", names[2]),
        outputs=(tail.output,),
        attributes={"relu": int(tail.relu), "kinds": kinds_of(node, *tail.nodes)},
    )
    replacements |= {taken.name: [] for taken in tail.nodes}
    replacements[node.name] = [new]


def _activation(graph: Graph, tensor: str) -> _Scaled | None:
    """Return the integers that an activation is dequantised from, with their one scale."""
    node = graph.producers.get(tensor)
    if node is None or not is_standard(node, "DequantizeLinear") or not has_zero_point_zero(graph, node):
        return None
    scale = graph.constants.get(node.inputs[1])
    if scale is None or scale.size != 1 or graph.values[node.inputs[0]].dtype.name not in ("int8", "uint8"):
        return None
    return _Scaled(tensor=node.inputs[0], scale=scale.reshape(1).astype(np.float64))


def _weights(graph: Graph, node: Node) -> _Scaled | None:
    """Return constant int8 weights with one scale, or one per column."""
    source = graph.producers.get(node.inputs[1])
    if (
        source is None
        or not is_standard(source, "DequantizeLinear")
        or not has_zero_point_zero(graph, source)
    ):
        return None
    whole, scale = graph.constants.get(source.inputs[0]), graph.constants.get(source.inputs[1])
    if whole is None or scale is None or whole.dtype != np.int8 or source.int_attribute("block_size", 0):
        return None
    column_axis = 0 if node.int_attribute("transposed", 0) else 1
    per_column = source.int_attribute("axis", 1) % 2 == column_axis and scale.size == whole.shape[column_axis]
    if scale.size != 1 and not per_column:
        return None
    return _Scaled(tensor=source.inputs[0], scale=scale.reshape(-1).astype(np.float64))


def has_zero_point_zero(graph: Graph, node: Node) -> bool:
    """Whether the zero point of a QuantizeLinear or DequantizeLinear is absent or a constant zero."""
    name = node.input_at(2)
    return not name or (name in graph.constants and not graph.constants[name].any())


def _bias(graph: Graph, node: Node, scale: Float64s, columns: int) -> NDArray[np.int32]:
    """Return the bias in units of the product: its own integers where the scales agree, else rounded."""
    beta = node.float_attribute("beta", 1.0)
    source = graph.producers.get(node.inputs[2])
    if source is None:
        real = graph.constants[node.inputs[2]].astype(np.float64)
    else:
        whole = graph.constants[source.inputs[0]]
        own = graph.constants[source.inputs[1]].astype(np.float64)
        if beta == 1.0 and np.allclose(own, scale, rtol=1e-5, atol=0) and has_zero_point_zero(graph, source):
            return np.broadcast_to(whole.reshape(-1), (columns,)).astype(np.int32)
        real = (whole.astype(np.float64) - _zero_point(graph, source)) * own
    limits = np.iinfo(np.int32)
    rounded = np.rint(np.broadcast_to(real.reshape(-1), (columns,)) * beta / scale)
    return np.clip(rounded, limits.min, limits.max).astype(np.int32)


def _zero_point(graph: Graph, node: Node) -> Float64s:
    name = node.input_at(2)
    return graph.constants[name].astype(np.float64) if name else np.zeros(1)


def _tail(graph: Graph, node: Node) -> _Tail:
    """Follow a Relu and a QuantizeLinear behind a Linear, as far as nobody else reads what is between."""
    taken: list[Node] = []
    output, relu = node.outputs[0], False
    following = only_consumer(graph, output)
    if following is not None and is_standard(following, "Relu"):
        taken, output, relu = [following], following.outputs[0], True
        following = only_consumer(graph, output)
    if following is not None and _quantises(graph, following):
        scale = float(graph.constants[following.inputs[1]].reshape(()))
        return _Tail(nodes=(*taken, following), output=following.outputs[0], relu=relu, scale=scale)
    return _Tail(nodes=tuple(taken), output=output, relu=relu, scale=None)


def _quantises(graph: Graph, node: Node) -> bool:
    if not is_standard(node, "QuantizeLinear") or not has_zero_point_zero(graph, node):
        return False
    scale = graph.constants.get(node.inputs[1])
    named = graph.values[node.outputs[0]].dtype.name in ("int8", "uint8")
    return scale is not None and scale.size == 1 and named
