"""Constant weights, dequantised or not, brought into the form in which a product reads them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler.passes.layout.pieces import UnsupportedError
from lpu_emu.compiler.passes.layout.walk import Walk
from lpu_emu.compiler.passes.operators import is_standard
from lpu_emu.graph.ir import Node

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """A constant, and the DequantizeLinear behind it with its scales and zero points (per output, or one)."""

    array: Array
    dequantise: Node | None = None
    scale: Array | None = None
    zero_point: Array | None = None

    def with_array(self, array: Array) -> Source:
        """Return the weights in another form, the outputs along the last axis."""
        return replace(self, array=array)

    def repeated(self, count: int) -> Source:
        """Return scales and zero points per output repeated for every group."""
        scale, zero = (
            np.tile(a, count) if a is not None and a.size > 1 else a for a in (self.scale, self.zero_point)
        )
        return replace(self, scale=scale, zero_point=zero)


def weights_of(walk: Walk, tensor: str, axis: int | None = None) -> Source:
    """Return constant weights; integers with their scales where those run along the axis of the outputs.

    Raises:
        UnsupportedError: they are no constant.
    """
    if not walk.is_constant(tensor):
        raise UnsupportedError(
            f"its weights {tensor!r} are no constant; products of two activations are planned"
        )
    node = walk.graph.producers.get(tensor)
    whole = walk.graph.constants.get(node.inputs[0]) if node is not None else None
    if node is None or whole is None or not is_standard(node, "DequantizeLinear"):
        return Source(array=walk.constant(tensor))
    scale = walk.constant(node.inputs[1])
    blocked = node.int_attribute("block_size", 0) or scale.ndim > 1
    if blocked or (
        axis is not None and scale.size > 1 and node.int_attribute("axis", 1) % whole.ndim != axis
    ):
        return Source(array=walk.constant(tensor))
    zero = walk.constant(node.inputs[2]) if node.input_at(2) else None
    return Source(array=whole, dequantise=node, scale=scale, zero_point=zero)


def emit_weights(walk: Walk, node: Node, source: Source) -> str:
    """Return the name of weights in their form, dequantised where they were."""
    name = walk.new_constant(f"{node.name}:form", source.array)
    if source.dequantise is None or source.scale is None:
        return name
    inputs = [name, walk.new_constant(f"{node.name}:scale", source.scale)]
    if source.zero_point is not None:
        inputs.append(walk.new_constant(f"{node.name}:zero", source.zero_point))
    output = walk.temporary(f"{node.name}:dequantised", source.array.shape, source.scale.dtype)
    walk.add(
        "DequantizeLinear",
        inputs,
        output,
        attributes={"axis": source.array.ndim - 1},
        domain="",
        opset=source.dequantise.opset,
    )
    return output
