"""Pooling over windows and over whole maps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lpu_emu.graph.ir import Array
from lpu_emu.graph.numpy_ops.convolution import Geometry, geometry, windows
from lpu_emu.graph.numpy_ops.registry import Call, kernel


def pool_geometry(call: Call, spatial: tuple[int, ...]) -> tuple[Geometry, tuple[int, ...]]:
    """Return the geometry and, with ``ceil_mode``, how much is added behind to complete last windows."""
    window = call.node.ints_attribute("kernel_shape")
    if window is None:
        raise call.refuse("needs the attribute kernel_shape")
    shape = geometry(call, spatial, window)
    extra = [0] * len(spatial)
    if call.node.int_attribute("ceil_mode", 0):
        for axis, size in enumerate(spatial):
            extra[axis] = _completion(size, shape, axis)
    return shape, tuple(extra)


def _completion(size: int, shape: Geometry, axis: int) -> int:
    stride = shape.strides[axis]
    reach = (shape.kernel[axis] - 1) * shape.dilations[axis] + 1
    padded = size + shape.before[axis] + shape.after[axis]
    count = -(-(padded - reach) // stride) + 1
    if (count - 1) * stride >= size + shape.before[axis]:
        count -= 1  # the standard drops a window that would start in the padding behind
    return max(0, (count - 1) * stride + reach - padded)


def _longer(shape: Geometry, extra: tuple[int, ...]) -> Geometry:
    return replace(shape, after=tuple(a + e for a, e in zip(shape.after, extra, strict=True)))


@kernel("MaxPool")
def max_pool(call: Call) -> list[Array]:
    """The largest element of each window; padding never wins."""
    x = call.need(0)
    if call.node.output_at(1):
        raise call.decline("the indices of the largest elements are not evaluated here")
    shape, extra = pool_geometry(call, x.shape[2:])
    lowest = np.iinfo(x.dtype).min if x.dtype.kind in "iu" else -np.inf
    view = windows(x, _longer(shape, extra), float(lowest))
    return [view.max(axis=tuple(range(x.ndim, view.ndim)))]


@kernel("AveragePool")
def average_pool(call: Call) -> list[Array]:
    """The mean of each window, with or without the padding in the count."""
    x = call.need(0)
    shape, extra = pool_geometry(call, x.shape[2:])
    full = _longer(shape, extra)
    view = windows(x.astype(np.float64), full, 0.0)
    taps = tuple(range(x.ndim, view.ndim))
    ones = np.ones((1, 1, *x.shape[2:]))
    if call.node.int_attribute("count_include_pad", 0):
        widths = [(0, 0), (0, 0), *zip(shape.before, shape.after, strict=True)]
        ones = np.pad(ones, widths, constant_values=1.0)
        full = replace(full, before=(0,) * len(extra), after=extra)
    count = windows(ones, full, 0.0).sum(axis=taps)
    return [(view.sum(axis=taps) / count).astype(x.dtype)]


@kernel("LpPool")
def lp_pool(call: Call) -> list[Array]:
    """The p-norm of each window."""
    x, p = call.need(0), call.node.int_attribute("p", 2)
    shape, extra = pool_geometry(call, x.shape[2:])
    view = np.abs(windows(x.astype(np.float64), _longer(shape, extra), 0.0)) ** p
    return [(view.sum(axis=tuple(range(x.ndim, view.ndim))) ** (1.0 / p)).astype(x.dtype)]


@kernel("GlobalAveragePool", "GlobalMaxPool")
def global_pool(call: Call) -> list[Array]:
    """The mean or the largest element of each channel's whole map."""
    x = call.need(0)
    axes = tuple(range(2, x.ndim))
    if call.node.op_type == "GlobalMaxPool":
        return [x.max(axis=axes, keepdims=True)]
    return [x.astype(np.float64).mean(axis=axes, keepdims=True).astype(x.dtype)]
