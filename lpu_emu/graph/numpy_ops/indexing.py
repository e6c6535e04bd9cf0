"""Operators that pick elements by index."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lpu_emu.graph.ir import Array
from lpu_emu.graph.numpy_ops.registry import Call, axis_of, kernel


@kernel("Slice")
def slices(call: Call) -> list[Array]:
    """A strided window per axis; ends beyond the tensor are clamped, negative steps walk backwards."""
    x = call.need(0)
    starts = call.ints(1, "starts") or ()
    ends = call.ints(2, "ends") or ()
    axes = call.ints(3, "axes") or tuple(range(len(starts)))
    steps = call.ints(4, "steps") or (1,) * len(starts)
    window = [slice(None)] * x.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        place = axis_of(axis, x.ndim, call)
        window[place] = _window(start, end, step, x.shape[place])
    return [x[tuple(window)]]


def _window(start: int, end: int, step: int, length: int) -> slice:
    start, end = (value + length if value < 0 else value for value in (start, end))
    if step > 0:
        return slice(min(max(start, 0), length), min(max(end, 0), length), step)
    first, last = min(max(start, 0), length - 1), min(max(end, -1), length - 1)
    return slice(first, None if last == -1 else last, step)


@kernel("Gather")
def gather(call: Call) -> list[Array]:
    """Whole rows along one axis; negative indices count from the end."""
    x = call.need(0)
    axis = axis_of(call.node.int_attribute("axis", 0), x.ndim, call)
    return [np.take(x, _checked(call.need(1), x.shape[axis], call), axis=axis)]


@kernel("GatherElements")
def gather_elements(call: Call) -> list[Array]:
    """One element per index, along one axis."""
    x = call.need(0)
    axis = axis_of(call.node.int_attribute("axis", 0), x.ndim, call)
    indices = _checked(call.need(1), x.shape[axis], call)
    grid: list[Array] = list(np.indices(indices.shape))
    grid[axis] = indices
    return [x[tuple(grid)]]


@kernel("GatherND")
def gather_nd(call: Call) -> list[Array]:
    """Parts of a tensor, each addressed by a tuple of indices, after shared batch dimensions."""
    x, indices = call.need(0), call.need(1).astype(np.int64)
    shared = call.node.int_attribute("batch_dims", 0)
    batch = np.indices(indices.shape[:-1])[:shared]
    picked = [indices[..., column] for column in range(indices.shape[-1])]
    return [np.asarray(x[(*batch, *picked)])]


@kernel("ScatterND")
def scatter_nd(call: Call) -> list[Array]:
    """A copy of the tensor with parts replaced, or combined by ``reduction``, in index order."""
    result, indices, updates = call.need(0).copy(), call.need(1), call.need(2)
    combine = _reduction(call)
    for place in np.ndindex(indices.shape[:-1]):
        target = tuple(int(i) for i in indices[place])
        result[target] = combine(result[target], updates[place])
    return [result]


@kernel("ScatterElements")
def scatter_elements(call: Call) -> list[Array]:
    """A copy of the tensor with elements replaced, or combined by ``reduction``, along one axis."""
    result, updates = call.need(0).copy(), call.need(2)
    axis = axis_of(call.node.int_attribute("axis", 0), result.ndim, call)
    indices = _checked(call.need(1), result.shape[axis], call)
    combine = _reduction(call)
    for place in np.ndindex(indices.shape):
        target = (*place[:axis], int(indices[place]), *place[axis + 1 :])
        result[target] = combine(result[target], updates[place])
    return [result]


def _reduction(call: Call) -> Callable[[Any, Any], Any]:
    known: dict[str, Callable[[Any, Any], Any]] = {
        "add": np.add,
        "mul": np.multiply,
        "min": np.minimum,
        "max": np.maximum,
    }
    name = call.node.text_attribute("reduction", "none")
    if name == "none":
        return lambda _old, new: new
    if name not in known:
        raise call.refuse(f"reduction {name!r} is unknown")
    return known[name]


@kernel("Trilu")
def trilu(call: Call) -> list[Array]:
    """The upper or lower triangle of the last two dimensions, zero elsewhere."""
    x, shift = call.need(0), call.optional(1)
    k = 0 if shift is None else int(shift.reshape(-1)[0])
    return [np.triu(x, k) if call.node.int_attribute("upper", 1) else np.tril(x, k)]


@kernel("NonZero")
def non_zero(call: Call) -> list[Array]:
    """Indices of the non-zero elements, one row per dimension."""
    return [np.asarray(np.nonzero(np.atleast_1d(call.need(0))), dtype=np.int64)]


@kernel("OneHot")
def one_hot(call: Call) -> list[Array]:
    """An axis of ``depth`` elements with the on-value at each index; indices outside give none."""
    indices, values = call.need(0), call.need(2)
    depth = int(call.need(1).reshape(-1)[0])
    axis = axis_of(call.node.int_attribute("axis", -1), indices.ndim + 1, call)
    wrapped = np.where(indices < 0, indices + depth, indices).astype(np.int64)
    hot = np.expand_dims(wrapped, axis) == np.arange(depth).reshape(
        [-1 if d == axis else 1 for d in range(indices.ndim + 1)]
    )
    return [np.where(hot, values[1], values[0])]


def _checked(indices: Array, length: int, call: Call) -> Array:
    if indices.size and (indices.min() < -length or indices.max() >= length):
        raise call.refuse(f"an index lies outside the {length} elements of its axis")
    wide = indices.astype(np.int64)
    return np.where(wide < 0, wide + length, wide)
