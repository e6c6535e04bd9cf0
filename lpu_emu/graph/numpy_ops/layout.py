"""Operators that move elements and change none."""

from __future__ import annotations

from math import prod

import numpy as np

from lpu_emu.graph.ir import Array
from lpu_emu.graph.numpy_ops.registry import Call, axis_of, kernel


@kernel("Reshape")
def reshape(call: Call) -> list[Array]:
    """The same elements in another shape: 0 copies a dimension, -1 takes what is left."""
    x = call.need(0)
    target = list(call.ints(1, "shape") or ())
    if not call.node.int_attribute("allowzero", 0):
        target = [x.shape[i] if d == 0 else d for i, d in enumerate(target)]
    return [x.reshape(target)]


@kernel("Flatten")
def flatten(call: Call) -> list[Array]:
    """A matrix: dimensions before ``axis`` as rows, the others as columns."""
    x = call.need(0)
    axis = call.node.int_attribute("axis", 1)
    axis = axis + x.ndim if axis < 0 else axis
    return [x.reshape(prod(x.shape[:axis]), prod(x.shape[axis:]))]


@kernel("Squeeze")
def squeeze(call: Call) -> list[Array]:
    """Remove dimensions of size one, all of them unless axes are given."""
    x = call.need(0)
    axes = call.ints(1, "axes")
    return [np.squeeze(x, axis=axes)]


@kernel("Unsqueeze")
def unsqueeze(call: Call) -> list[Array]:
    """Insert dimensions of size one at places counted in the result."""
    return [np.expand_dims(call.need(0), call.ints(1, "axes") or ())]


@kernel("Transpose")
def transpose(call: Call) -> list[Array]:
    """Permute the dimensions; reverse them unless told."""
    return [np.transpose(call.need(0), call.node.ints_attribute("perm"))]


@kernel("Concat")
def concat(call: Call) -> list[Array]:
    """Join tensors along one axis."""
    return [np.concatenate(call.present(), axis=call.node.int_attribute("axis", 1))]


@kernel("Split")
def split(call: Call) -> list[Array]:
    """Cut a tensor along one axis into given or equal parts, the last one smaller when it must be."""
    x = call.need(0)
    axis = axis_of(call.node.int_attribute("axis", 0), x.ndim, call)
    sizes = call.ints(1, "split") or _equal_parts(x.shape[axis], len(call.node.outputs))
    if sum(sizes) != x.shape[axis]:
        raise call.refuse(f"parts {list(sizes)} do not add up to the dimension {x.shape[axis]}")
    return np.split(x, np.cumsum(sizes)[:-1].tolist(), axis=axis)


def _equal_parts(length: int, count: int) -> tuple[int, ...]:
    part = -(-length // count)
    return tuple(min(part, length - part * index) for index in range(count))


@kernel("Expand")
def expand(call: Call) -> list[Array]:
    """Broadcast the input and the given shape against each other."""
    x = call.need(0)
    target = tuple(int(d) for d in call.need(1))
    return [np.broadcast_to(x, np.broadcast_shapes(x.shape, target)).copy()]


@kernel("Tile")
def tile(call: Call) -> list[Array]:
    """Repeat the tensor along each dimension."""
    return [np.tile(call.need(0), [int(count) for count in call.need(1)])]


@kernel("DepthToSpace")
def depth_to_space(call: Call) -> list[Array]:
    """Move blocks of channels into the two spatial dimensions of an NCHW tensor."""
    x, block = call.need(0), call.node.int_attribute("blocksize", 1)
    n, c, h, w = x.shape
    if call.node.text_attribute("mode", "DCR") == "CRD":
        parts = x.reshape(n, c // block**2, block, block, h, w).transpose(0, 1, 4, 2, 5, 3)
    else:
        parts = x.reshape(n, block, block, c // block**2, h, w).transpose(0, 3, 4, 1, 5, 2)
    return [parts.reshape(n, c // block**2, h * block, w * block)]


@kernel("SpaceToDepth")
def space_to_depth(call: Call) -> list[Array]:
    """Move blocks of the two spatial dimensions of an NCHW tensor into channels."""
    x, block = call.need(0), call.node.int_attribute("blocksize", 1)
    n, c, h, w = x.shape
    order = (0, 1, 3, 5, 2, 4) if call.node.text_attribute("mode", "DCR") == "CRD" else (0, 3, 5, 1, 2, 4)
    parts = x.reshape(n, c, h // block, block, w // block, block).transpose(order)
    return [parts.reshape(n, c * block**2, h // block, w // block)]


@kernel("Pad")
def pad(call: Call) -> list[Array]:
    """Add elements around a tensor; negative counts cut elements off."""
    x = call.need(0)
    counts = call.ints(1, "pads") or ()
    axes = call.ints(3, "axes") or tuple(range(x.ndim))
    before, after = [0] * x.ndim, [0] * x.ndim
    for index, axis in enumerate(axes):
        place = axis_of(axis, x.ndim, call)
        before[place], after[place] = counts[index], counts[index + len(axes)]
    x = _cropped(x, before, after)
    widths = [(max(0, b), max(0, a)) for b, a in zip(before, after, strict=True)]
    return [_padded(x, widths, call)]


def _cropped(x: Array, before: list[int], after: list[int]) -> Array:
    window = tuple(slice(max(0, -b), d + min(0, a)) for b, a, d in zip(before, after, x.shape, strict=True))
    return x[window]


def _padded(x: Array, widths: list[tuple[int, int]], call: Call) -> Array:
    mode = call.node.text_attribute("mode", "constant")
    if mode == "constant":
        value = call.optional(2)
        fill = call.node.float_attribute("value", 0.0) if value is None else value.reshape(-1)[0]
        return np.pad(x, widths, mode="constant", constant_values=fill)
    if mode == "reflect":
        return np.pad(x, widths, mode="reflect")
    if mode == "edge":
        return np.pad(x, widths, mode="edge")
    if mode == "wrap":
        return np.pad(x, widths, mode="wrap")
    raise call.refuse(f"padding mode {mode!r} is unknown; the standard has constant, reflect, edge and wrap")
