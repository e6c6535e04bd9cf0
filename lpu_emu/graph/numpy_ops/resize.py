"""Resizing along axes: every position of the result is a weighted sum of a few positions of the input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lpu_emu.graph.ir import Array, Node
from lpu_emu.graph.numpy_ops.registry import Call, axis_of, kernel

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class AxisTaps:
    """Positions [size, taps] that each position of the resized axis takes, and their weights [size, taps]."""

    axis: int
    positions: Indices
    weights: Floats


@dataclass(frozen=True, kw_only=True)
class _Axis:
    """One axis: number, input size, resized size, and the scale as the model states it."""

    number: int
    size: int
    resized: int
    scale: float


def resize_taps(call: Call, shape: tuple[int, ...]) -> list[AxisTaps]:
    """Return what a Resize or Upsample node does to each axis that it changes.

    Raises:
        NotEvaluatedError: a mode that is not known here.
        ModelError: sizes and scales that do not fit the input.
    """
    node = call.node
    if node.int_attribute("antialias", 0):
        raise call.decline("antialias is not evaluated here")
    return [_taps(axis, call) for axis in _axes(call, shape) if axis.resized != axis.size or axis.scale != 1]


def _axes(call: Call, shape: tuple[int, ...]) -> list[_Axis]:
    first = 1 if call.node.op_type == "Upsample" or call.node.opset < 11 else 2
    scales, sizes = call.optional(first), call.optional(first + 1)
    if scales is None and "scales" in call.node.attributes:
        scales = np.asarray(call.node.attributes["scales"], dtype=np.float32)
    numbers = [axis_of(a, len(shape), call) for a in call.node.ints_attribute("axes") or range(len(shape))]
    if sizes is not None and sizes.size:
        return _sized(call, shape, numbers, [int(s) for s in sizes])
    if scales is None or not scales.size:
        raise call.refuse("needs scales or sizes")
    return [
        _Axis(number=n, size=shape[n], resized=int(np.floor(shape[n] * float(s))), scale=float(s))
        for n, s in zip(numbers, scales, strict=True)
    ]


def _sized(call: Call, shape: tuple[int, ...], numbers: list[int], sizes: list[int]) -> list[_Axis]:
    """Return axes of wanted sizes; a policy that keeps the aspect ratio takes one scale for all of them."""
    scales = [size / shape[n] for n, size in zip(numbers, sizes, strict=True)]
    policy = call.node.text_attribute("keep_aspect_ratio_policy", "stretch")
    if policy not in ("stretch", "not_larger", "not_smaller"):
        raise call.refuse(f"keep_aspect_ratio_policy {policy!r} is unknown")
    if policy != "stretch":
        scales = [min(scales) if policy == "not_larger" else max(scales)] * len(numbers)
        sizes = [int(np.floor(scale * shape[n] + 0.5)) for n, scale in zip(numbers, scales, strict=True)]
    axes = zip(numbers, sizes, scales, strict=True)
    return [_Axis(number=n, size=shape[n], resized=size, scale=scale) for n, size, scale in axes]


def _taps(axis: _Axis, call: Call) -> AxisTaps:
    mode = call.node.text_attribute("mode", "nearest")
    place = _origin(axis, call)
    if mode == "nearest":
        positions = _nearest(place, call.node, call)[:, np.newaxis]
        weights = np.ones(positions.shape)
    elif mode in ("linear", "bilinear"):
        positions, weights = _spaced(place, (0, 1), _linear)
    elif mode == "cubic":
        factor = call.node.float_attribute("cubic_coeff_a", -0.75)
        positions, weights = _spaced(place, (-1, 0, 1, 2), lambda d: _cubic(d, factor))
    else:
        raise call.refuse(f"mode {mode!r} is unknown")
    if call.node.int_attribute("exclude_outside", 0):
        weights = np.where((positions < 0) | (positions >= axis.size), 0.0, weights)
        weights = weights / weights.sum(axis=1, keepdims=True)
    return AxisTaps(axis=axis.number, positions=np.clip(positions, 0, axis.size - 1), weights=weights)


def _spaced(
    place: Floats, offsets: tuple[int, ...], weigh: Callable[[Floats], Floats]
) -> tuple[Indices, Floats]:
    positions = np.floor(place)[:, np.newaxis] + np.asarray(offsets)
    return positions.astype(np.int64), weigh(np.abs(place[:, np.newaxis] - positions))


def _linear(distance: Floats) -> Floats:
    return np.maximum(1.0 - distance, 0.0)


def _cubic(distance: Floats, a: float) -> Floats:
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = ((distance - 5) * distance + 8) * distance * a - 4 * a
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))


def _nearest(place: Floats, node: Node, call: Call) -> Indices:
    rounding = node.text_attribute("nearest_mode", "round_prefer_floor")
    if node.op_type == "Upsample" or node.opset < 11:
        rounding = "floor"
    functions: dict[str, Callable[[Floats], Floats]] = {
        "round_prefer_floor": lambda x: np.ceil(x - 0.5),
        "round_prefer_ceil": lambda x: np.floor(x + 0.5),
        "floor": np.floor,
        "ceil": np.ceil,
    }
    if rounding not in functions:
        raise call.refuse(f"nearest_mode {rounding!r} is unknown")
    return functions[rounding](place).astype(np.int64)


def _origin(axis: _Axis, call: Call) -> Floats:
    """Return the place on the input axis of every position of the resized axis."""
    default = "half_pixel" if call.node.opset >= 11 and call.node.op_type == "Resize" else "asymmetric"
    mode = call.node.text_attribute("coordinate_transformation_mode", default)
    x = np.arange(axis.resized, dtype=np.float64)
    if mode == "asymmetric":
        return x / axis.scale
    if mode == "align_corners":
        # The published results stretch to the exact product of size and scale, not to its whole part.
        stretched = axis.size * axis.scale
        return x * (axis.size - 1) / (stretched - 1) if axis.resized > 1 else np.zeros(1)
    if mode == "pytorch_half_pixel" and axis.resized == 1:
        return np.zeros(1)
    if mode in ("half_pixel", "pytorch_half_pixel"):
        return (x + 0.5) / axis.scale - 0.5
    if mode == "half_pixel_symmetric":
        adjustment = axis.resized / (axis.scale * axis.size)
        return axis.size / 2 * (1 - adjustment) + (x + 0.5) / axis.scale - 0.5
    raise call.decline(f"coordinate_transformation_mode {mode!r} is not evaluated here")


@kernel("Resize", "Upsample")
def resize(call: Call) -> list[Array]:
    """Resize each axis in turn; sums run in float64 and round once."""
    x = call.need(0)
    whole = x
    for taps in resize_taps(call, x.shape):
        if taps.positions.shape[1] == 1:
            whole = np.take(whole, taps.positions[:, 0], axis=taps.axis)
            continue
        shape = [-1 if a == taps.axis else 1 for a in range(x.ndim)]
        parts = [
            np.take(whole, taps.positions[:, k], axis=taps.axis).astype(np.float64)
            * taps.weights[:, k].reshape(shape)
            for k in range(taps.positions.shape[1])
        ]
        whole = np.sum(parts, axis=0)
    return [whole.astype(x.dtype)]
