"""Moving integers instead of floats: QuantizeLinear goes before movements, DequantizeLinear behind them.

Movements, the largest of a window, Relu and Clip commute with quantisation exactly, because it is monotone and works
element by element. A DequantizeLinear followed by the QuantizeLinear with the same scale gives the integers back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from lpu_emu.compiler.passes.edits import Edits
from lpu_emu.compiler.passes.operators import (
    GATHER_ROWS,
    LANE_MAP,
    MOVEMENTS,
    VIEWS,
    is_own,
    is_standard,
    only_consumer,
)
from lpu_emu.compiler.passes.scales import Scale, dequantised_from, scale_of
from lpu_emu.graph.fold import remove_copies
from lpu_emu.graph.ir import Graph, Node

# A QuantizeLinear is not raised over a movement that drops more than this share of its operands' elements.
_WORTHWHILE = 2


def move_integers(graph: Graph) -> Graph:
    """Let movements between quantised operators move bytes."""
    for step in (_merge, _raise_limits, _raise, _cancel, _sink, _cancel):
        graph = _until_stable(graph, step)
    return graph


def _until_stable(graph: Graph, step: Callable[[Graph], Graph]) -> Graph:
    while True:
        changed = step(graph)
        if changed is graph:
            return graph
        graph = changed


def _merge(graph: Graph) -> Graph:
    """Let nodes that quantise or dequantise one tensor in one way be one."""
    first: dict[tuple[str, str, Scale], Node] = {}
    edits = Edits(graph)
    for node in graph.nodes:
        scale = scale_of(graph, node)
        if scale is None or node.outputs[0] in graph.outputs:
            continue
        known = first.setdefault((node.op_type, node.inputs[0], scale), node)
        if known is not node:
            edits.replace(node, _copy(node, known.outputs[0]))
    return remove_copies(edits.apply()) if edits.replacements else graph


def _copy(node: Node, source: str) -> Node:
    return replace(node, op_type="Identity", inputs=(source,), attributes={})


def _is_movement(node: Node) -> bool:
    return is_own(node, *MOVEMENTS) or is_standard(node, *VIEWS)


def _moved_inputs(node: Node) -> tuple[str, ...]:
    return node.inputs if is_own(node, GATHER_ROWS, LANE_MAP) else node.inputs[:1]


# --- QuantizeLinear upwards


def _raise(graph: Graph) -> Graph:
    """Put every QuantizeLinear before the movement that it follows, and before a Relu between the two."""
    edits = Edits(graph)
    for node in graph.nodes:
        if not is_standard(node, "QuantizeLinear"):
            continue
        scale, before = scale_of(graph, node), graph.producers.get(node.inputs[0])
        if scale is None or before is None or only_consumer(graph, node.inputs[0]) is not node:
            continue
        if before.name not in edits.replacements and _may_follow(graph, before, scale):
            _exchange(graph, edits, before, node, scale)
    return edits.apply()


def _may_follow(graph: Graph, before: Node, scale: Scale) -> bool:
    if is_standard(before, "Relu"):
        source = graph.producers.get(before.inputs[0])
        alone = only_consumer(graph, before.inputs[0]) is before
        return scale.zero_point == 0 and alone and source is not None and _is_movement(source)
    if not _is_movement(before):
        return False
    given = sum(graph.values[name].size for name in _moved_inputs(before))
    return given <= _WORTHWHILE * graph.values[before.outputs[0]].size


def _exchange(graph: Graph, edits: Edits, before: Node, quantise: Node, scale: Scale) -> None:
    """Quantise the operands of a node instead of its result."""
    edits.replace(quantise)
    whole = graph.values[quantise.outputs[0]]
    quantised: dict[str, str] = {}
    for name in _moved_inputs(before):
        if name not in quantised:
            like = replace(whole, shape=graph.values[name].shape)
            quantised[name] = edits.standard(
                before, "QuantizeLinear", (name, *quantise.inputs[1:]), like, opset=quantise.opset
            )
    inputs = tuple(quantised.get(name, name) for name in before.inputs)
    edits.replace(before, _on_integers(before, inputs, quantise.outputs, scale))


def _on_integers(node: Node, inputs: tuple[str, ...], outputs: tuple[str, ...], scale: Scale) -> Node:
    attributes = dict(node.attributes)
    if "fill" in attributes:
        attributes["fill"] = float(scale.quantised(node.float_attribute("fill", 0.0)))
    return replace(node, inputs=inputs, outputs=outputs, attributes=attributes)


def _raise_limits(graph: Graph) -> Graph:
    """Take the limits of a Clip before a QuantizeLinear as those of the integers; most are those of the type."""
    edits = Edits(graph)
    for node in graph.nodes:
        scale, clip = scale_of(graph, node), graph.producers.get(node.inputs[0]) if node.inputs else None
        if scale is None or clip is None or not is_standard(node, "QuantizeLinear"):
            continue
        limits = clip_limits(graph, clip)
        if limits is not None and only_consumer(graph, node.inputs[0]) is node:
            _limit_integers(graph, edits, clip, node, scale, limits)
    return edits.apply()


def clip_limits(graph: Graph, node: Node) -> tuple[float, float] | None:
    """Return the constant limits of a Clip, infinite where it has none; None if it is none or they are not constant."""
    if not is_standard(node, "Clip"):
        return None
    limits = [-np.inf, np.inf]
    for i, attribute in enumerate(("min", "max")):
        name = node.input_at(i + 1)
        if name:
            if name not in graph.constants:
                return None
            limits[i] = float(graph.constants[name].reshape(()))
        elif attribute in node.attributes:
            limits[i] = node.float_attribute(attribute, 0.0)
    return limits[0], limits[1]


def _limit_integers(
    graph: Graph, edits: Edits, clip: Node, quantise: Node, scale: Scale, limits: tuple[float, float]
) -> None:
    low, high = (scale.quantised(limit) for limit in limits)
    ends = np.iinfo(scale.dtype)
    edits.replace(clip)
    edits.replace(quantise)
    source, whole = clip.inputs[0], graph.values[quantise.outputs[0]]
    if limits[0] == 0 and low > ends.min:
        source = edits.standard(clip, "Relu", (source,), graph.values[source])
        low = int(ends.min)
    plain = low <= ends.min and high >= ends.max
    result = edits.standard(
        quantise,
        "QuantizeLinear",
        (source, *quantise.inputs[1:]),
        whole,
        output=quantise.outputs[0] if plain else "",
        opset=quantise.opset,
    )
    if not plain:
        bounds = [
            edits.constant(f"{clip.name}:limit", np.asarray(v).astype(whole.dtype)) for v in (low, high)
        ]
        edits.standard(quantise, "Clip", (result, *bounds), whole, output=quantise.outputs[0])


# --- DequantizeLinear downwards


def _sink(graph: Graph) -> Graph:
    """Put the DequantizeLinear of all operands of a movement or Relu behind it, where they are the same."""
    edits = Edits(graph)
    for node in graph.nodes:
        if _is_movement(node) or is_standard(node, "Relu"):
            _sink_through(graph, edits, node)
    return edits.apply()


def _sink_through(graph: Graph, edits: Edits, node: Node) -> None:
    operands = [dequantised_from(graph, name) for name in _moved_inputs(node)]
    first = operands[0]
    if first is None or any(other is None or other[1] != first[1] for other in operands):
        return
    scale = first[1]
    if (is_standard(node, "Relu") and scale.zero_point) or not scale.represents(
        node.float_attribute("fill", 0.0)
    ):
        return
    dequantise = graph.producers[node.inputs[0]]
    integers = [operand[0] for operand in operands if operand is not None]
    whole = graph.values[integers[0]]
    output = edits.value(
        f"{node.outputs[0]}:integers", replace(whole, shape=graph.values[node.outputs[0]].shape)
    )
    inputs = (*integers, *node.inputs[len(integers) :])
    edits.replace(node, _on_integers(node, inputs, (output,), scale))
    edits.standard(
        node,
        "DequantizeLinear",
        (output, *dequantise.inputs[1:]),
        graph.values[node.outputs[0]],
        output=node.outputs[0],
        opset=dequantise.opset,
    )


# --- both


def _cancel(graph: Graph) -> Graph:
    """Remove every QuantizeLinear of what was dequantised from the same integers."""
    edits = Edits(graph)
    for node in graph.nodes:
        scale = scale_of(graph, node) if is_standard(node, "QuantizeLinear") else None
        behind = dequantised_from(graph, node.inputs[0]) if scale is not None else None
        if behind is not None and behind[1] == scale:
            edits.replace(node, _copy(node, behind[0]))
    if not edits.replacements:
        return graph
    cleaned = remove_copies(edits.apply())
    return graph if len(cleaned.nodes) == len(graph.nodes) else cleaned
