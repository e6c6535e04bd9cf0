"""Convolutions as sums over taps of rows times weights."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler.passes import window
from lpu_emu.compiler.passes.layout.pieces import UnsupportedError
from lpu_emu.compiler.passes.layout.places import Stored
from lpu_emu.compiler.passes.layout.walk import Walk
from lpu_emu.compiler.passes.layout.weights import Source, emit_weights, weights_of
from lpu_emu.compiler.passes.operators import LINEAR, WINDOW_LINEAR
from lpu_emu.graph.ir import Node
from lpu_emu.graph.numpy_ops.convolution import geometry, transposed_geometry
from lpu_emu.graph.numpy_ops.registry import Call

Array = NDArray[Any]


def convolution(walk: Walk, node: Node) -> None:
    """Emit a Conv of any number of spatial axes."""
    source = weights_of(walk, node.inputs[1], axis=0)
    shape, outputs = walk.shape(node.inputs[0]), source.array.shape[0]
    taps = source.array.shape[2:]
    found = geometry(Call(node=node, inputs=()), shape[2:], taps)
    places = walk.shape(node.outputs[0])[2:]
    axes = zip(shape[2:], places, taps, found.strides, found.dilations, found.before, strict=True)
    positions = [
        window.axis_positions(size, count, taps=k, stride=s, dilation=d, before=b)
        for size, count, k, s, d, b in axes
    ]
    rows = window.combine(shape[0], shape[2:], positions)
    groups = node.int_attribute("group", 1)
    matrix = source.array.reshape(outputs, shape[1] // groups, prod(taps)).transpose(2, 1, 0)[np.newaxis]
    emit_window(walk, node, rows, source.with_array(matrix), groups=groups)


def emit_window(
    walk: Walk, node: Node, rows: window.Rows, weights: Source, *, groups: int, x: Stored | None = None
) -> None:
    """Emit a WindowLinear, or a Linear where every row takes itself; weights are [phases, taps, C / groups, N]."""
    x = x or walk.stored(node.inputs[0])
    attributes: dict[str, object] = {
        "transposed": 0,
        "alpha": 1.0,
        "beta": 1.0,
        "relu": 0,
        "kinds": str(node.attributes.get("kinds", node.op_type)),
        **({"x_zero": node.attributes["x_zero"]} if "x_zero" in node.attributes else {}),
    }
    plain = groups == 1 and weights.array.shape[:2] == (1, 1) and window.is_identity(rows, x.rows)
    if plain:
        weights = weights.with_array(weights.array[0, 0])
    else:
        attributes |= {"rows": rows, "groups": groups, "phases": weights.array.shape[0]}
    inputs = [x.name, emit_weights(walk, node, weights)]
    bias = node.input_at(2)
    if bias:
        if not walk.is_constant(bias):
            raise UnsupportedError(f"its bias {bias!r} is no constant")
        inputs.append(bias)
    walk.add(
        LINEAR if plain else WINDOW_LINEAR,
        inputs,
        walk.define(node.outputs[0]),
        attributes=attributes,
        name=node.name,
    )


@dataclass(frozen=True, kw_only=True)
class _Spread:
    """One axis of a transposed convolution."""

    size: int
    places: int
    taps: int
    stride: int
    dilation: int
    before: int

    def positions(self) -> window.Rows:
        return window.transposed_positions(
            self.size,
            self.places,
            taps=self.taps,
            stride=self.stride,
            dilation=self.dilation,
            before=self.before,
        )


def transposed_convolution(walk: Walk, node: Node) -> None:
    """Emit a ConvTranspose: every place takes the taps that reach it, the others are fill rows.

    Along the last axis only the taps that a phase of the stride can meet are kept.
    """
    source = weights_of(walk, node.inputs[1], axis=1)
    shape, groups = walk.shape(node.inputs[0]), node.int_attribute("group", 1)
    channels, per_group = source.array.shape[:2]
    axes = _spread_axes(node, shape[2:], source.array.shape[2:])
    positions = [axis.positions() for axis in axes]
    phases = _phases(axes[-1])
    kept, positions[-1] = _kept_taps(positions[-1], phases)
    rows = window.combine(shape[0], shape[2:], positions)
    weights = _spread_weights(source.array, channels, per_group, groups)
    weights = np.stack([weights[..., taps, :, :] for taps in kept])
    weights = weights.reshape(phases, -1, channels // groups, per_group * groups)
    emit_window(walk, node, rows, source.repeated(groups).with_array(weights), groups=groups)


def _spread_axes(node: Node, sizes: tuple[int, ...], taps: tuple[int, ...]) -> list[_Spread]:
    found = transposed_geometry(Call(node=node, inputs=()), sizes, taps)
    fields = zip(sizes, found.places, taps, found.strides, found.dilations, found.before, strict=True)
    return [_Spread(size=i, places=o, taps=k, stride=s, dilation=d, before=b) for i, o, k, s, d, b in fields]


def _phases(axis: _Spread) -> int:
    return axis.stride if axis.places % axis.stride == 0 else 1


def _kept_taps(positions: window.Rows, phases: int) -> tuple[list[list[int]], window.Rows]:
    """Return for each phase the taps that ever meet it, all lists of one length, and the positions of these."""
    met = [np.flatnonzero((positions[p::phases] >= 0).any(axis=0)).tolist() for p in range(phases)]
    count = max(1, *map(len, met)) if phases > 1 else max(1, len(met[0]))
    every = range(positions.shape[1])
    kept = [sorted([*taps, *[t for t in every if t not in taps][: count - len(taps)]]) for taps in met]
    chosen = np.empty((positions.shape[0], count), dtype=np.int32)
    for p, taps in enumerate(kept):
        chosen[p::phases] = positions[p::phases][:, taps]
    return kept, chosen


def _spread_weights(array: Array, channels: int, per_group: int, groups: int) -> Array:
    """Return [*taps, C / groups, N] of weights [C, N / groups, *taps]."""
    taps = array.shape[2:]
    split = array.reshape(groups, channels // groups, per_group, *taps)
    rank = len(taps)
    moved = split.transpose(*range(3, 3 + rank), 1, 0, 2)
    return moved.reshape(*taps, channels // groups, groups * per_group)
