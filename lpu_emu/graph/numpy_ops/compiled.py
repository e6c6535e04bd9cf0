"""The operators of the compiler's own domain: products over windows of rows, and movements of rows and lanes.

An activation is a matrix: its trailing axis makes the columns, all others the rows. These functions define what the
operators mean; results have the shape and type that the graph describes.
"""

from __future__ import annotations

import numpy as np

from lpu_emu.graph.element_types import integer_range
from lpu_emu.graph.ir import Array, ValueInfo
from lpu_emu.graph.numpy_ops.registry import Call

# Products of bytes summed over fewer elements than this are exact in float32.
_EXACT_IN_FLOAT32 = 1 << 9


def _matrix(x: Array) -> Array:
    return x.reshape(-1, x.shape[-1] if x.ndim else 1)


def _rows(call: Call) -> Array:
    rows = call.node.tensor_attribute("rows")
    if rows is None:
        raise call.refuse("needs the attribute rows")
    return rows


def _shaped(result: Array, call: Call) -> list[Array]:
    value = call.described[0]
    return [np.asarray(result).reshape(value.shape).astype(value.dtype)]


def take_rows(x: Array, rows: Array, fill: float) -> Array:
    """Return rows of a matrix in the shape of ``rows`` with columns behind; -1 gives rows of ``fill``."""
    taken = x[np.maximum(rows, 0)]
    taken[rows < 0] = np.asarray(fill).astype(x.dtype)
    return taken


def window_product(x: Array, rows: Array, weights: Array, groups: int) -> Array:
    """Return [R, N]: for each row of ``rows`` [R, T] the sum over taps of x[row] @ weights[phase, tap].

    ``weights`` are [P, T, C / groups, N]; row r uses phase r % P. Computed in the type of ``x``.
    """
    phases, taps, depth, outputs = weights.shape
    result = np.empty((rows.shape[0], outputs), dtype=x.dtype)
    per_group = outputs // groups
    for phase in range(phases):
        columns = take_rows(x, rows[phase::phases], 0)
        split = (
            columns.reshape(-1, taps, groups, depth).transpose(2, 0, 1, 3).reshape(groups, -1, taps * depth)
        )
        matrix = weights[phase].reshape(taps * depth, groups, per_group).transpose(1, 0, 2)
        product = np.matmul(split, matrix.astype(x.dtype, copy=False))
        result[phase::phases] = product.transpose(1, 0, 2).reshape(-1, outputs)
    return result


def _window_weights(weights: Array) -> Array:
    return weights if weights.ndim == 4 else weights[np.newaxis, np.newaxis]


def _product(call: Call, x: Array, weights: Array) -> Array:
    matrix = _matrix(x)
    if weights.ndim == 2:
        return np.asarray(np.matmul(matrix, weights.astype(matrix.dtype, copy=False)))
    return window_product(matrix, _rows(call), weights, call.node.int_attribute("groups", 1))


def linear(call: Call) -> list[Array]:
    """Linear and WindowLinear: alpha * product + beta * bias, then relu if asked."""
    weights = call.need(1).astype(np.float32, copy=False)
    weights = weights.T if call.node.int_attribute("transposed", 0) else weights
    result = _product(call, call.need(0).astype(np.float32), weights)
    result = result * np.float32(call.node.float_attribute("alpha", 1.0))
    bias = call.optional(2)
    if bias is not None:
        beta = np.float32(call.node.float_attribute("beta", 1.0))
        result = result + bias.astype(np.float32).reshape(-1) * beta
    return _shaped(np.maximum(result, 0) if call.node.int_attribute("relu", 0) else result, call)


def quantised_linear(call: Call) -> list[Array]:
    """QuantisedLinear and QuantisedWindowLinear: the exact sum plus bias, times the factors, relu, rounded, saturated."""
    x, weights, bias, factors = call.need(0), call.need(1), call.optional(2), call.optional(3)
    depth = weights.shape[-2] * (weights.shape[1] if weights.ndim == 4 else 1)
    wide = np.float32 if depth < _EXACT_IN_FLOAT32 else np.float64
    total = _product(call, x.astype(wide), weights).astype(np.int64)
    if bias is not None:
        total = total + bias
    total = total.astype(np.int32)
    if factors is None:
        return _shaped(total, call)
    scaled = total.astype(np.float32) * factors.astype(np.float32)
    if call.node.int_attribute("relu", 0):
        scaled = np.maximum(scaled, np.float32(0))
    return _shaped(_saturated(scaled, call.described[0]), call)


def _saturated(x: Array, value: ValueInfo) -> Array:
    limits = integer_range(value.dtype)
    return x if limits is None else np.clip(np.rint(x).astype(np.float64), *limits)


def window_max(call: Call) -> list[Array]:
    """The largest of each window of rows; a fill row never wins."""
    x = _matrix(call.need(0))
    lowest = np.iinfo(x.dtype).min if x.dtype.kind in "iu" else -np.inf
    return _shaped(take_rows(x, _rows(call), float(lowest)).max(axis=1), call)


def gather_rows(call: Call) -> list[Array]:
    """Rows of all inputs stacked."""
    stacked = np.concatenate([_matrix(x) for x in call.present()])
    return _shaped(take_rows(stacked, _rows(call), call.node.float_attribute("fill", 0.0)), call)


def lane_map(call: Call) -> list[Array]:
    """Columns of all inputs side by side."""
    lanes = call.node.tensor_attribute("lanes")
    if lanes is None:
        raise call.refuse("needs the attribute lanes")
    beside = np.concatenate([_matrix(x) for x in call.present()], axis=1)
    return _shaped(take_rows(beside.T, lanes, call.node.float_attribute("fill", 0.0)).T, call)


def order(call: Call) -> list[Array]:
    """The input in the shape ``dims`` with its axes in the order ``perm``."""
    dims = call.node.ints_attribute("dims")
    perm = call.node.ints_attribute("perm")
    x = call.need(0)
    return _shaped(x.reshape(x.shape if dims is None else dims).transpose(perm), call)


def reciprocal_root(call: Call) -> list[Array]:
    """1 / sqrt(x)."""
    wide = call.need(0).astype(np.float64)
    return _shaped(1.0 / np.sqrt(wide), call)


COMPILED = {
    "Linear": linear,
    "WindowLinear": linear,
    "QuantisedLinear": quantised_linear,
    "QuantisedWindowLinear": quantised_linear,
    "WindowMax": window_max,
    "GatherRows": gather_rows,
    "LaneMap": lane_map,
    "Order": order,
    "Rsqrt": reciprocal_root,
}
COMPILED_DOMAIN = "lpu"
