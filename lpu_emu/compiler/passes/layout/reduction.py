"""Reductions over the places of an image, over its channels, and over both.

Sums over rows are windows of ones; sums over channels are products with a column of ones. For the largest over channels
both halves of the lanes are compared until one lane is left.
"""

from __future__ import annotations

from math import prod

import numpy as np

from lpu_emu.compiler.passes.layout.pieces import UnsupportedError
from lpu_emu.compiler.passes.layout.places import Places, Shape, Stored, inverse
from lpu_emu.compiler.passes.layout.pooling import MOST_TAPS, add_max, add_sum
from lpu_emu.compiler.passes.layout.walk import Walk
from lpu_emu.compiler.passes.operators import LANE_MAP, LINEAR
from lpu_emu.compiler.passes.window import Rows, split_taps
from lpu_emu.graph.ir import Node


def reduction(walk: Walk, node: Node) -> None:
    """Emit ReduceSum, ReduceMean, ReduceMax or ReduceMin."""
    axes = _axes(walk, node)
    shape = walk.shape(node.inputs[0])
    if not axes:
        walk.place(node.outputs[0], walk.places(node.inputs[0]))
        return
    perm = walk.perm(node.inputs[0])
    x = walk.stored(node.inputs[0])
    if prod(shape[axis] for axis in axes) == 1:
        reduced = x
    elif node.op_type in ("ReduceSum", "ReduceMean"):
        reduced = _sum(walk, node, x, shape, perm, axes)
    else:
        reduced = _extreme(walk, node, x, shape, perm, axes)
    kept = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    index = np.arange(reduced.size, dtype=np.int32).reshape([kept[axis] for axis in perm])
    index = index.transpose(inverse(perm)).reshape(walk.shape(node.outputs[0]))
    walk.place(node.outputs[0], Places(shape=index.shape, sources=(reduced,), moved=index))


def _axes(walk: Walk, node: Node) -> tuple[int, ...]:
    rank = len(walk.shape(node.inputs[0]))
    given = node.ints_attribute("axes")
    if node.input_at(1):
        if not walk.is_constant(node.inputs[1]):
            raise UnsupportedError("its axes are no constant")
        given = tuple(int(a) for a in walk.constant(node.inputs[1]).reshape(-1))
    if not given:
        return () if node.int_attribute("noop_with_empty_axes", 0) else tuple(range(rank))
    return tuple(axis % rank for axis in given)


def _window(shape: Shape, perm: Shape, axes: tuple[int, ...]) -> Rows:
    """Return [rows that stay, rows that are reduced to each] of a stored tensor."""
    order = perm[:-1]
    rows = np.arange(prod(shape[axis] for axis in order), dtype=np.int32).reshape([shape[a] for a in order])
    kept = [i for i, axis in enumerate(order) if axis not in axes]
    gone = [i for i, axis in enumerate(order) if axis in axes]
    count = prod(rows.shape[i] for i in gone)
    return np.ascontiguousarray(rows.transpose([*kept, *gone]).reshape(-1, count))


def _kept(walk: Walk, node: Node, x: Stored, rows: int, columns: int) -> Stored:
    dtype = walk.graph.values[node.outputs[0]].dtype
    name = walk.temporary(f"{node.name}:reduced", (rows, columns), dtype)
    return Stored(name=name, shape=(rows, columns))


def _sum(walk: Walk, node: Node, x: Stored, shape: Shape, perm: Shape, axes: tuple[int, ...]) -> Stored:
    mean = node.op_type == "ReduceMean"
    rows = _window(shape, perm, axes)
    if rows.shape[1] > 1:
        reduced = _kept(walk, node, x, rows.shape[0], x.columns)
        add_sum(walk, node, x.name, rows, x.columns, reduced.name, 1.0 / rows.shape[1] if mean else 1.0)
        x = reduced
    if perm[-1] in axes and x.columns > 1:
        reduced = _kept(walk, node, x, x.rows, 1)
        ones = walk.new_constant(f"{node.name}:column", np.ones((x.columns, 1), dtype=np.float32))
        attributes: dict[str, object] = {
            "transposed": 0,
            "alpha": 1.0 / x.columns if mean else 1.0,
            "beta": 1.0,
            "relu": 0,
            "ones": 1,
            "kinds": node.op_type,
        }
        walk.add(LINEAR, [x.name, ones], reduced.name, attributes=attributes)
        x = reduced
    return x


def _extreme(walk: Walk, node: Node, x: Stored, shape: Shape, perm: Shape, axes: tuple[int, ...]) -> Stored:
    """Emit the largest or smallest; over rows, the smallest is the negated largest of negated rows."""
    rows = _window(shape, perm, axes)
    if rows.shape[1] > 1:
        x = _extreme_of_rows(walk, node, x, rows)
    if perm[-1] in axes:
        while x.columns > 1:
            x = _extreme_of_halves(walk, node, x)
    return x


def _extreme_of_rows(walk: Walk, node: Node, x: Stored, rows: Rows) -> Stored:
    dtype = walk.graph.values[node.outputs[0]].dtype
    reduced = _kept(walk, node, x, rows.shape[0], x.columns)
    stages = split_taps(rows, MOST_TAPS)
    if node.op_type == "ReduceMax":
        add_max(walk, node, x.name, x.columns, stages, reduced.name)
        return reduced
    if dtype.kind != "f":
        raise UnsupportedError("the smallest of integers over rows is not computed")
    negated = walk.temporary(f"{node.name}:negated", x.shape, dtype)
    walk.add("Neg", [x.name], negated, domain="", opset=13)
    largest = walk.temporary(f"{node.name}:largest", reduced.shape, dtype)
    add_max(walk, node, negated, x.columns, stages, largest)
    walk.add("Neg", [largest], reduced.name, domain="", opset=13)
    return reduced


def _extreme_of_halves(walk: Walk, node: Node, x: Stored) -> Stored:
    """Emit the comparison of the first and the last lanes, which overlap in one where their number is odd."""
    half = (x.columns + 1) // 2
    halves = []
    for first in (0, x.columns - half):
        part = _kept(walk, node, x, x.rows, half)
        lanes = np.arange(first, first + half, dtype=np.int32)
        walk.add(LANE_MAP, [x.name], part.name, attributes={"lanes": lanes, "fill": 0.0})
        halves.append(part.name)
    result = _kept(walk, node, x, x.rows, half)
    walk.add("Max" if node.op_type == "ReduceMax" else "Min", halves, result.name, domain="", opset=13)
    return result
