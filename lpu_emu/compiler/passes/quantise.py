"""QDQ patterns: a product between DequantizeLinear and QuantizeLinear becomes one integer operator.

``lpu::QuantisedLinear`` reads x (int8 or uint8 [.., K]), weights int8 [K, N], bias int32 [N] or nothing, and factors
fp32 [1] or [N]. Its value is ``(x @ weights + bias) * factor``, then relu if asked; an integer output is that rounded to
nearest even and saturated. The factor is sx * sw / sy (sx * sw for a float output), computed in float64 and rounded once.
An int32 output is the sum itself, without factors. ``lpu::QuantisedWindowLinear`` is the same for windows of rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler.passes.dequantised import (
    BYTES,
    Activation,
    Float64s,
    Weights,
    activation_of,
    bias_of,
    has_zero_point_zero,
    weights_of,
)
from lpu_emu.compiler.passes.linear import finished
from lpu_emu.compiler.passes.operators import (
    DOMAIN,
    LINEAR,
    PRODUCTS,
    QUANTISED_LINEAR,
    QUANTISED_WINDOW_LINEAR,
    is_own,
    is_standard,
    kinds_of,
    only_consumer,
)
from lpu_emu.graph.ir import Graph, Node
from lpu_emu.graph.rewrite import drop_dead, replace_nodes

__all__ = ["has_zero_point_zero", "quantise_linear"]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Tail:
    """What follows a product: nodes taken in, the tensor they end in, relu or not, and the output's scale."""

    nodes: tuple[Node, ...]
    output: str
    relu: bool
    scale: float | None


def quantise_linear(graph: Graph) -> Graph:
    """Replace every product whose x and weights are integers, dequantised or not."""
    replacements: dict[str, list[Node]] = {}
    constants: dict[str, NDArray[Any]] = {}
    for node in graph.nodes:
        if is_own(node, *PRODUCTS):
            _quantise(graph, node, replacements, constants)
    return drop_dead(replace_nodes(graph, replacements, constants=constants))


def _quantise(
    graph: Graph, node: Node, replacements: dict[str, list[Node]], constants: dict[str, NDArray[Any]]
) -> None:
    x, weights = activation_of(graph, node), weights_of(graph, node)
    if x is None or weights is None or not _shifts(node, x):
        return
    tail = _tail(graph, node, integer=x.scale is None)
    names = [f"{node.name}:{what}" for what in ("weights", "bias", "factors")]
    constants[names[0]] = weights.values
    alpha = node.float_attribute("alpha", 1.0)
    scale = np.ones(1) if x.scale is None else x.scale * weights.scale * alpha
    bias = _whole_bias(graph, node, x, weights, scale)
    if bias is not None:
        constants[names[1]] = bias
    if x.scale is not None:
        with np.errstate(over="ignore"):
            factors = scale if tail.scale is None else scale / tail.scale
            constants[names[2]] = factors.astype(np.float32)
    new = Node(
        name=node.name,
        op_type=QUANTISED_LINEAR if is_own(node, LINEAR) else QUANTISED_WINDOW_LINEAR,
        domain=DOMAIN,
        opset=1,
        inputs=(
            x.tensor,
            names[0],
            names[1] if bias is not None else "",
            *([] if x.scale is None else names[2:]),
        ),
        outputs=(tail.output,),
        attributes=finished(node, relu=int(tail.relu), kinds=kinds_of(node, *tail.nodes)),
    )
    replacements |= {taken.name: [] for taken in tail.nodes}
    replacements[node.name] = [new]


def _shifts(node: Node, x: Activation) -> bool:
    """Whether the zero point of x, if it has one, is the same sum for every row: no padding, no phases."""
    if not x.zero_point or is_own(node, LINEAR):
        return True
    rows = node.tensor_attribute("rows")
    return rows is not None and node.int_attribute("phases", 1) == 1 and bool((rows >= 0).all())


def _whole_bias(
    graph: Graph, node: Node, x: Activation, weights: Weights, scale: Float64s
) -> NDArray[np.int32] | None:
    """Return the bias less what the zero point of x adds, None if there is nothing to add."""
    columns = weights.values.shape[-1]
    bias = bias_of(graph, node, scale, columns) if node.input_at(2) else None
    if not x.zero_point:
        return bias
    sums = weights.values.astype(np.int64).reshape(-1, columns).sum(axis=0)
    start = np.zeros(columns, dtype=np.int64) if bias is None else bias.astype(np.int64)
    return np.asarray(start - x.zero_point * sums, dtype=np.int64).astype(np.int32)


def _tail(graph: Graph, node: Node, *, integer: bool) -> _Tail:
    """Follow a Relu and a QuantizeLinear behind a product, as far as nobody else reads what is between."""
    taken: list[Node] = []
    output, relu = node.outputs[0], False
    following = None if integer else only_consumer(graph, output)
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
    named = graph.values[node.outputs[0]].dtype.name in BYTES
    return scale is not None and scale.size == 1 and named
