"""Resizing, written as picks along one axis after the other; interpolation adds weighted picks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lpu_emu.compiler.passes.edits import Edits
from lpu_emu.compiler.passes.operators import is_standard
from lpu_emu.compiler.passes.recipe import Recipe
from lpu_emu.errors import ModelError
from lpu_emu.graph.ir import Graph, Node, ValueInfo
from lpu_emu.graph.numpy_ops.registry import Call
from lpu_emu.graph.numpy_ops.resize import AxisTaps, resize_taps


def expand_resizes(graph: Graph) -> Graph:
    """Return the graph with every Resize and Upsample of constant scale written as Gather, Mul and Add."""
    edits = Edits(graph)
    for node in graph.nodes:
        if is_standard(node, "Resize", "Upsample"):
            taps = _taps(graph, node)
            if taps is not None:
                _expand(Recipe(graph=graph, edits=edits, node=node), taps)
    return edits.apply()


def _taps(graph: Graph, node: Node) -> list[AxisTaps] | None:
    if any(name and name not in graph.constants for name in node.inputs[1:]):
        return None
    inputs = [None, *(graph.constants[name] if name else None for name in node.inputs[1:])]
    try:
        return resize_taps(Call(node=node, inputs=inputs), graph.values[node.inputs[0]].shape)
    except ModelError:
        return None


def _expand(r: Recipe, axes: list[AxisTaps]) -> None:
    x = r.node.inputs[0]
    if not axes:
        r.finish(r.make("Identity", x))
        return
    value = r.graph.values[x]
    for taps in axes:
        shape = list(value.shape)
        shape[taps.axis] = taps.positions.shape[0]
        value = replace(value, shape=tuple(shape))
        x = _along(r, x, taps, value)
    r.finish(x)


def _along(r: Recipe, x: str, taps: AxisTaps, value: ValueInfo) -> str:
    picked = [_pick(r, x, taps, k, value) for k in range(taps.positions.shape[1])]
    if len(picked) == 1:
        return picked[0]
    shape = [-1 if axis == taps.axis else 1 for axis in range(len(value.shape))]
    weighted = [
        r.make("Mul", pick, r.number(taps.weights[:, k].reshape(shape)), like=value)
        for k, pick in enumerate(picked)
    ]
    total = weighted[0]
    for other in weighted[1:]:
        total = r.make("Add", total, other, like=value)
    return total


def _pick(r: Recipe, x: str, taps: AxisTaps, k: int, value: ValueInfo) -> str:
    indices = r.edits.constant(f"{r.node.name}:positions", np.ascontiguousarray(taps.positions[:, k]))
    return r.make("Gather", x, indices, like=value, axis=taps.axis)
