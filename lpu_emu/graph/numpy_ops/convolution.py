"""Convolutions of any number of spatial dimensions, as matrix products over windows."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from lpu_emu.graph.ir import Array
from lpu_emu.graph.numpy_ops.linear import centred, dot, exact_dot
from lpu_emu.graph.numpy_ops.quantize import quantize
from lpu_emu.graph.numpy_ops.registry import Call, kernel


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """How windows lie on the spatial dimensions: one entry per dimension."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]


def geometry(call: Call, spatial: tuple[int, ...], window: tuple[int, ...]) -> Geometry:
    """Read strides, dilations and padding of a convolution or pooling node.

    Raises:
        ModelError: an ``auto_pad`` that the standard does not have.
    """
    rank = len(spatial)
    strides = call.node.ints_attribute("strides") or (1,) * rank
    dilations = call.node.ints_attribute("dilations") or (1,) * rank
    pads = call.node.ints_attribute("pads") or (0,) * (2 * rank)
    mode = call.node.text_attribute("auto_pad", "NOTSET")
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        pads = _same_pads(spatial, window, strides, dilations, upper=mode == "SAME_UPPER")
    elif mode == "VALID":
        pads = (0,) * (2 * rank)
    elif mode != "NOTSET":
        raise call.refuse(f"auto_pad {mode!r} is unknown")
    return Geometry(
        kernel=window, strides=strides, dilations=dilations, before=pads[:rank], after=pads[rank:]
    )


def _same_pads(
    spatial: tuple[int, ...],
    window: tuple[int, ...],
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
    *,
    upper: bool,
) -> tuple[int, ...]:
    small, large = [], []
    for size, k, stride, dilation in zip(spatial, window, strides, dilations, strict=True):
        total = max(0, (-(-size // stride) - 1) * stride + (k - 1) * dilation + 1 - size)
        small.append(total // 2)
        large.append(total - total // 2)
    return tuple(small + large) if upper else tuple(large + small)


def windows(x: Array, shape: Geometry, fill: float) -> Array:
    """Return the padded windows of an ``N, C, *spatial`` tensor as ``N, C, *places, *kernel``."""
    widths = [(0, 0), (0, 0), *zip(shape.before, shape.after, strict=True)]
    padded = np.pad(x, widths, constant_values=np.asarray(fill).astype(x.dtype))
    reach = tuple((k - 1) * d + 1 for k, d in zip(shape.kernel, shape.dilations, strict=True))
    rank = len(reach)
    view = sliding_window_view(padded, reach, axis=tuple(range(2, 2 + rank)))
    steps = tuple(slice(None, None, step) for step in shape.strides)
    taps = tuple(slice(None, None, step) for step in shape.dilations)
    return view[(slice(None), slice(None), *steps, *taps)]


def _columns(x: Array, weights: Array, call: Call) -> tuple[Array, Array, tuple[int, ...]]:
    """Return ``N, group, places, taps`` columns, ``group, taps, outputs`` weights, and the places."""
    view = windows(x, geometry(call, x.shape[2:], weights.shape[2:]), 0)
    rank = x.ndim - 2
    places = view.shape[2 : 2 + rank]
    groups = call.node.int_attribute("group", 1)
    n, channels = x.shape[:2]
    order = (0, 1, *range(3, 3 + rank), 2, *range(3 + rank, 3 + 2 * rank))
    split = view.reshape(n, groups, channels // groups, *view.shape[2:]).transpose(order)
    taps = channels // groups * prod(weights.shape[2:])
    matrix = weights.reshape(groups, weights.shape[0] // groups, taps).transpose(0, 2, 1)
    return split.reshape(n, groups, prod(places), taps), matrix, places


def _outputs(product: Array, places: tuple[int, ...]) -> Array:
    n, groups, _, channels = product.shape
    return product.transpose(0, 1, 3, 2).reshape(n, groups * channels, *places)


def _per_channel(x: Array, rank: int) -> Array:
    return x.reshape(-1, *([1] * rank))


@kernel("Conv")
def conv(call: Call) -> list[Array]:
    """Convolution with strides, dilations, padding and groups."""
    x, weights, bias = call.need(0), call.need(1), call.optional(2)
    columns, matrix, places = _columns(x, weights, call)
    result = _outputs(np.asarray(dot(columns, matrix, ordered=call.ordered)), places)
    return [result if bias is None else result + _per_channel(bias, len(places))]


def _integer_conv(call: Call, x: Array, weights: Array) -> Array:
    columns, matrix, places = _columns(x, weights, call)
    return _outputs(exact_dot(columns, matrix), places)


@kernel("ConvInteger")
def conv_integer(call: Call) -> list[Array]:
    """The exact int32 convolution of 8-bit integers less their zero points."""
    x = centred(call.need(0), call.optional(2), 1)
    return [_integer_conv(call, x, centred(call.need(1), call.optional(3), 0))]


@kernel("QLinearConv")
def qlinear_conv(call: Call) -> list[Array]:
    """An integer convolution whose result is scaled and quantised again."""
    x = centred(call.need(0), call.optional(2), 1)
    total = _integer_conv(call, x, centred(call.need(3), call.optional(5), 0))
    bias, rank = call.optional(8), total.ndim - 2
    if bias is not None:
        total = total + _per_channel(bias, rank)
    scale = call.need(1).astype(np.float32) * _per_channel(call.need(4), rank)
    return [quantize(total.astype(np.float32) * scale, call.need(6), call.need(7))]


@kernel("QLinearMatMul")
def qlinear_mat_mul(call: Call) -> list[Array]:
    """An integer matrix product whose result is scaled and quantised again."""
    a = centred(call.need(0), call.optional(2), -2)
    b = centred(call.need(3), call.optional(5), -1)
    scale = call.need(1).astype(np.float32) * call.need(4).astype(np.float32)
    return [quantize(exact_dot(a, b).astype(np.float32) * scale, call.need(6), call.need(7))]


@dataclass(frozen=True, kw_only=True)
class TransposedGeometry:
    """How a transposed convolution spreads its input: what is cut off before each axis, and what is kept behind that."""

    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    before: tuple[int, ...]
    places: tuple[int, ...]


def transposed_geometry(call: Call, spatial: tuple[int, ...], window: tuple[int, ...]) -> TransposedGeometry:
    """Read a ConvTranspose node.

    Raises:
        ModelError: an ``auto_pad`` that the standard does not have.
    """
    rank, node = len(spatial), call.node
    strides = node.ints_attribute("strides") or (1,) * rank
    dilations = node.ints_attribute("dilations") or (1,) * rank
    extra = node.ints_attribute("output_padding") or (0,) * rank
    mode, places = node.text_attribute("auto_pad", "NOTSET"), node.ints_attribute("output_shape")
    if mode not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        raise call.refuse(f"auto_pad {mode!r} is unknown")
    axes = zip(spatial, window, strides, dilations, extra, strict=True)
    full = [(size - 1) * s + (k - 1) * d + 1 + more for size, k, s, d, more in axes]
    if places is None and not mode.startswith("SAME"):
        pads = (0,) * (2 * rank) if mode == "VALID" else node.ints_attribute("pads") or (0,) * (2 * rank)
        before = pads[:rank]
        places = tuple(f - b - a for f, b, a in zip(full, before, pads[rank:], strict=True))
    else:
        places = (places or tuple(i * s for i, s in zip(spatial, strides, strict=True)))[-rank:]
        cut = [max(0, f - p) for f, p in zip(full, places, strict=True)]
        before = tuple(c // 2 if mode == "SAME_UPPER" else c - c // 2 for c in cut)
    return TransposedGeometry(strides=strides, dilations=dilations, before=before, places=places)


@kernel("ConvTranspose")
def conv_transpose(call: Call) -> list[Array]:
    """The gradient-shaped convolution: every input element spreads a kernel over the output."""
    x, weights, bias = call.need(0), call.need(1), call.optional(2)
    rank, groups = x.ndim - 2, call.node.int_attribute("group", 1)
    shape = transposed_geometry(call, x.shape[2:], weights.shape[2:])
    reach = [
        max((size - 1) * s + (k - 1) * d + 1, b + places)
        for size, k, s, d, b, places in zip(
            x.shape[2:],
            weights.shape[2:],
            shape.strides,
            shape.dilations,
            shape.before,
            shape.places,
            strict=True,
        )
    ]
    total = np.zeros((x.shape[0], weights.shape[1] * groups, *reach), dtype=np.float64)
    spread = _spread(x.astype(np.float64), weights.astype(np.float64), groups)
    for tap in np.ndindex(*weights.shape[2:]):
        where = tuple(
            slice(t * d, t * d + (size - 1) * s + 1, s)
            for t, d, s, size in zip(tap, shape.dilations, shape.strides, x.shape[2:], strict=True)
        )
        total[(slice(None), slice(None), *where)] += spread[tap]
    inner = tuple(slice(b, b + places) for b, places in zip(shape.before, shape.places, strict=True))
    result = total[(slice(None), slice(None), *inner)].astype(x.dtype)
    return [result if bias is None else result + _per_channel(bias, rank)]


def _spread(x: Array, weights: Array, groups: int) -> dict[tuple[int, ...], Array]:
    """Return for every tap the ``N, outputs, *spatial`` contribution of all input elements."""
    n, channels, *spatial = x.shape
    rows = x.reshape(n, groups, channels // groups, -1)
    parts = weights.reshape(groups, channels // groups, *weights.shape[1:])
    result = {}
    for tap in np.ndindex(*weights.shape[2:]):
        matrix = parts[(slice(None), slice(None), slice(None), *tap)].transpose(0, 2, 1)
        result[tap] = np.matmul(matrix, rows).reshape(n, -1, *spatial)
    return result
