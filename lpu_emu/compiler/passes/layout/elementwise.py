"""Operators that work element by element, on operands in one axis order.

An operand of another shape is spread by movements; constants get the axis order of the result. Where a tensor was only
reshaped or transposed, the operator works on what it was made of, so that the movement can still vanish.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler.passes.layout.places import Places, Shape, Stored
from lpu_emu.compiler.passes.layout.walk import Walk
from lpu_emu.graph.ir import Node

# Operators whose first input is the only one with the shape of the result.
_ONE_OPERAND = frozenset({"Clip", "QuantizeLinear", "DequantizeLinear", "Cast"})


def elementwise(walk: Walk, node: Node) -> None:
    """Emit an element-wise node."""
    if _works_behind(walk, node):
        _before_movement(walk, node)
        return
    output = node.outputs[0]
    shape, perm = walk.shape(output), walk.perm(output)
    inputs = [_operand(walk, node, i, shape, perm) for i in range(len(node.inputs))]
    walk.append(replace(_with_axis(node, perm), inputs=tuple(inputs), outputs=(walk.define(output),)))


def _operand(walk: Walk, node: Node, position: int, shape: Shape, perm: Shape) -> str:
    name = node.inputs[position]
    if not name or (position and node.op_type in _ONE_OPERAND):
        return name
    if walk.is_constant(name):
        return _constant(walk, name, len(shape), perm)
    return walk.spread(name, shape, perm).name


def _constant(walk: Walk, name: str, rank: int, perm: Shape) -> str:
    value = walk.constant(name)
    if value.size == 1 or (perm == tuple(range(rank)) and name in walk.graph.constants):
        return name if name in walk.graph.constants else walk.new_constant(name, value)
    return walk.new_constant(f"{name}:last", in_order(value, rank, perm))


def in_order(value: NDArray[Any], rank: int, perm: Shape) -> NDArray[Any]:
    """Return a constant that broadcasts over a tensor of ``rank`` axes in their new order, leading ones dropped."""
    whole = value.reshape((1,) * (rank - value.ndim) + value.shape).transpose(perm)
    keep = next((axis for axis, size in enumerate(whole.shape) if size != 1), rank - 1)
    return np.ascontiguousarray(whole.reshape(whole.shape[keep:]))


def _with_axis(node: Node, perm: Shape) -> Node:
    """Move the axis of scales per channel."""
    if node.op_type not in ("QuantizeLinear", "DequantizeLinear") or not perm:
        return node
    axis = node.int_attribute("axis", 1) % len(perm)
    return replace(node, attributes={**node.attributes, "axis": perm.index(axis)})


def _works_behind(walk: Walk, node: Node) -> bool:
    """Whether a node of one moved operand and single constants can work before the movement."""
    activations = [name for name in node.inputs if name and not walk.is_constant(name)]
    if len(set(activations)) != 1:
        return False
    places = walk.places(activations[0])
    if places.moved is None or walk.shape(activations[0]) != walk.shape(node.outputs[0]):
        return False
    single = all(walk.constant(name).size == 1 for name in node.inputs if name and walk.is_constant(name))
    return bool(places.block) or (single and places.is_one_to_one())


def _before_movement(walk: Walk, node: Node) -> None:
    """Apply a node to the source of its moved operand; the movement comes later, or never."""
    operand = next(name for name in node.inputs if name and not walk.is_constant(name))
    places = walk.places(operand)
    source = places.sources[0]
    output = node.outputs[0]
    dtype = walk.graph.values[output].dtype
    made = walk.temporary(f"{output}:source", source.shape, dtype, like=source.name)
    inputs = tuple(
        source.name if name == operand else _moved_constant(walk, name, places) for name in node.inputs
    )
    walk.append(replace(node, inputs=inputs, outputs=(made,)))
    moved = replace(places, sources=(Stored(name=made, shape=source.shape),))
    walk.place(output, _moved(moved))


def _moved_constant(walk: Walk, name: str, places: Places) -> str:
    """Return a constant as it lies over the source of a moved tensor: one number, or a row."""
    if not name or walk.constant(name).size == 1:
        return name
    source, value = places.sources[0], walk.constant(name)
    whole = np.empty(source.size, dtype=value.dtype)
    whole[places.index.reshape(-1)] = np.broadcast_to(value, places.shape).reshape(-1)
    return walk.new_constant(f"{name}:row", whole[: source.columns])


def _moved(places: Places) -> Places:
    return replace(places, moved=places.index)
