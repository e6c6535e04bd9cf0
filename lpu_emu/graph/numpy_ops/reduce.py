"""Operators that reduce or accumulate along axes; floating-point sums run in float64 and round once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lpu_emu.graph.ir import Array
from lpu_emu.graph.numpy_ops.registry import Call, axis_of, kernel

Axes = tuple[int, ...]
Reduction = Callable[[Array, Axes], Array]


def _log_sum_exp(x: Array, axes: Axes) -> Array:
    top = np.max(x, axis=axes, keepdims=True, initial=-np.inf)
    finite = np.where(np.isfinite(top), top, 0.0)
    return np.asarray(np.log(np.sum(np.exp(x - finite), axis=axes, keepdims=True)) + finite)


_REDUCTIONS: dict[str, Reduction] = {
    "ReduceSum": lambda x, axes: np.sum(x, axis=axes, keepdims=True),
    "ReduceMean": lambda x, axes: np.mean(x, axis=axes, keepdims=True),
    "ReduceMax": lambda x, axes: np.max(x, axis=axes, keepdims=True),
    "ReduceMin": lambda x, axes: np.min(x, axis=axes, keepdims=True),
    "ReduceProd": lambda x, axes: np.prod(x, axis=axes, keepdims=True),
    "ReduceL1": lambda x, axes: np.sum(np.abs(x), axis=axes, keepdims=True),
    "ReduceL2": lambda x, axes: np.sqrt(np.sum(x * x, axis=axes, keepdims=True)),
    "ReduceSumSquare": lambda x, axes: np.sum(x * x, axis=axes, keepdims=True),
    "ReduceLogSum": lambda x, axes: np.log(np.sum(x, axis=axes, keepdims=True)),
    "ReduceLogSumExp": _log_sum_exp,
}


@kernel(*_REDUCTIONS)
def reduction(call: Call) -> list[Array]:
    """Reduce over the given axes, over all of them when none are given."""
    x = call.need(0)
    chosen = call.ints(1, "axes")
    if not chosen and call.node.int_attribute("noop_with_empty_axes", 0):
        axes: Axes = ()
    else:
        axes = tuple(axis_of(axis, x.ndim, call) for axis in chosen or range(x.ndim))
    result = _REDUCTIONS[call.node.op_type](_widened(x), axes).astype(x.dtype)
    if not call.node.int_attribute("keepdims", 1):
        result = np.squeeze(result, axis=axes)
    return [result]


def _widened(x: Array) -> Array:
    """Float64 for every floating-point type; integers and booleans keep their type."""
    return x if x.dtype.kind in "iub" else x.astype(np.float64)


@kernel("ArgMax", "ArgMin")
def arg_extreme(call: Call) -> list[Array]:
    """The index of the largest or smallest element along one axis, first or last among equals."""
    x = call.need(0)
    axis = axis_of(call.node.int_attribute("axis", 0), x.ndim, call)
    search = np.argmax if call.node.op_type == "ArgMax" else np.argmin
    if call.node.int_attribute("select_last_index", 0):
        index = x.shape[axis] - 1 - search(np.flip(x, axis), axis=axis)
    else:
        index = search(x, axis=axis)
    if call.node.int_attribute("keepdims", 1):
        index = np.expand_dims(index, axis)
    return [np.asarray(index, dtype=np.int64)]


@kernel("CumSum")
def cumulative_sum(call: Call) -> list[Array]:
    """Running sums along one axis, optionally backwards or without the element itself."""
    x = call.need(0)
    axis = axis_of(int(call.need(1).reshape(-1)[0]), x.ndim, call)
    backwards = bool(call.node.int_attribute("reverse", 0))
    wide = np.flip(_widened(x), axis) if backwards else _widened(x)
    total = np.cumsum(wide, axis=axis)
    if call.node.int_attribute("exclusive", 0):
        total = total - wide
    return [(np.flip(total, axis) if backwards else total).astype(x.dtype)]
