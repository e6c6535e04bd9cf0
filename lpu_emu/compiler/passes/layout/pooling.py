"""Pooling: the largest of a window of rows, or their sum with weights of ones."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from lpu_emu.compiler.passes import window
from lpu_emu.compiler.passes.layout.pieces import UnsupportedError
from lpu_emu.compiler.passes.layout.places import Shape, channels_last
from lpu_emu.compiler.passes.layout.walk import Array, Walk
from lpu_emu.compiler.passes.operators import WINDOW_LINEAR, WINDOW_MAX
from lpu_emu.graph.ir import Node
from lpu_emu.graph.numpy_ops.convolution import Geometry
from lpu_emu.graph.numpy_ops.pooling import pool_geometry
from lpu_emu.graph.numpy_ops.registry import Call

# Rows that one WindowMax takes at most; more are taken in stages.
MOST_TAPS = 8


def max_pool(walk: Walk, node: Node) -> None:
    """Emit a MaxPool, one axis after the other."""
    if node.output_at(1):
        raise UnsupportedError("the indices of the largest elements (its second output) are not computed")
    shape, places = walk.shape(node.inputs[0]), walk.shape(node.outputs[0])[2:]
    positions = _positions(_geometry(node, shape), shape[2:], places)
    _max_over(walk, node, shape, positions)


def global_max_pool(walk: Walk, node: Node) -> None:
    """Emit a GlobalMaxPool."""
    shape = walk.shape(node.inputs[0])
    _max_over(walk, node, shape, [np.arange(size, dtype=np.int32)[np.newaxis] for size in shape[2:]])


def _max_over(walk: Walk, node: Node, shape: Shape, positions: list[window.Rows]) -> None:
    stages: list[window.Rows] = []
    sizes = list(shape[2:])
    for axis in reversed(range(len(sizes))):
        if window.is_identity(positions[axis], sizes[axis]):
            continue
        along = [window.whole_axis(size) for size in sizes]
        along[axis] = positions[axis]
        stages += window.split_taps(window.combine(shape[0], sizes, along), MOST_TAPS)
        sizes[axis] = positions[axis].shape[0]
    x = walk.stored(node.inputs[0])
    stages = stages or [window.whole_axis(x.rows)]
    add_max(walk, node, x.name, x.columns, stages, walk.define(node.outputs[0]))


def add_max(walk: Walk, node: Node, x: str, columns: int, stages: list[window.Rows], output: str) -> None:
    """Emit one WindowMax after the other; the last one makes ``output``."""
    dtype = walk.graph.values[node.inputs[0]].dtype
    for i, rows in enumerate(stages):
        last = i == len(stages) - 1
        made = output if last else walk.temporary(f"{node.name}:stage", (rows.shape[0], columns), dtype)
        attributes: dict[str, object] = {"rows": rows, "kinds": node.op_type}
        walk.add(WINDOW_MAX, [x], made, attributes=attributes, name=node.name if last else "")
        x = made


def average_pool(walk: Walk, node: Node) -> None:
    """Emit an AveragePool: sums, and the reciprocals of how much each window counts."""
    shape, places = walk.shape(node.inputs[0]), walk.shape(node.outputs[0])[2:]
    found = _geometry(node, shape)
    positions = _positions(found, shape[2:], places)
    counted = positions
    if node.int_attribute("count_include_pad", 0):
        padded = [s + b + a for s, b, a in zip(shape[2:], found.before, found.after, strict=True)]
        counted = _positions(replace(found, before=(0,) * len(padded)), padded, places)
    counts = _counts(counted)
    emit_sum(walk, node, window.combine(shape[0], shape[2:], positions), counts)


def global_average_pool(walk: Walk, node: Node) -> None:
    """Emit a GlobalAveragePool."""
    shape = walk.shape(node.inputs[0])
    rows = np.arange(prod(shape) // shape[1], dtype=np.int32).reshape(shape[0], -1)
    emit_sum(walk, node, rows, np.full((1,) * (len(shape) - 2), rows.shape[1]))


def _counts(positions: list[window.Rows]) -> Array:
    """Return how many places inside the tensor every window has: [*places]."""
    total = np.ones((), dtype=np.int64)
    for along in positions:
        total = total[..., np.newaxis] * (along >= 0).sum(axis=1)
    return total


def emit_sum(walk: Walk, node: Node, rows: window.Rows, counts: Array) -> None:
    """Emit sums over windows of rows, divided by ``counts``: one for each of the [*places] or the same for all."""
    x, output = walk.stored(node.inputs[0]), walk.define(node.outputs[0])
    uniform = bool((counts == counts.flat[0]).all())
    value = walk.graph.values[node.outputs[0]]
    target = output
    if not uniform:
        perm = channels_last(len(value.shape))
        target = walk.temporary(f"{node.name}:sum", tuple(value.shape[a] for a in perm), value.dtype)
    alpha = 1.0 / float(counts.flat[0]) if uniform else 1.0
    add_sum(walk, node, x.name, rows, x.columns, target, alpha)
    if not uniform:
        factor = walk.new_constant(f"{node.name}:counts", (1.0 / counts[..., np.newaxis]).astype(value.dtype))
        walk.add("Mul", [target, factor], output, domain="", opset=13)


def add_sum(
    walk: Walk, node: Node, x: str, rows: window.Rows, columns: int, output: str, alpha: float = 1.0
) -> None:
    """Emit a WindowLinear with weights of ones: ``alpha`` times the sum over each window of rows."""
    ones = np.ones((1, rows.shape[1], 1, columns), dtype=np.float32)
    walk.add(
        WINDOW_LINEAR,
        [x, walk.new_constant(f"{node.name}:ones", ones)],
        output,
        attributes={
            "rows": rows,
            "groups": columns,
            "phases": 1,
            "alpha": alpha,
            "beta": 1.0,
            "relu": 0,
            "transposed": 0,
            "ones": 1,
            "kinds": node.op_type,
        },
    )


def _geometry(node: Node, shape: Shape) -> Geometry:
    return pool_geometry(Call(node=node, inputs=()), shape[2:])[0]


def _positions(found: Geometry, sizes: Shape | list[int], places: Shape) -> list[window.Rows]:
    axes = zip(sizes, places, found.kernel, found.strides, found.dilations, found.before, strict=True)
    return [
        window.axis_positions(size, count, taps=k, stride=s, dilation=d, before=b)
        for size, count, k, s, d, b in axes
    ]
