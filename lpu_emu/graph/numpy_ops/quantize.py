"""Conversions between element types and quantised operators.

Quantising divides in float32, rounds halves to even, adds the zero point and saturates.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from lpu_emu.graph.element_types import dtype_of_code, integer_range
from lpu_emu.graph.ir import Array, DType
from lpu_emu.graph.numpy_ops.registry import Call, axis_of, kernel


@kernel("Cast")
def cast(call: Call) -> list[Array]:
    """Convert every element; floats to integers drop the fraction, to float8 saturate unless told."""
    code = call.node.int_attribute("to", 0)
    dtype = dtype_of_code(code)
    if dtype is None:
        raise call.decline(f"element type {code} is not supported")
    return [_cast(call.need(0), dtype, call)]


@kernel("CastLike")
def cast_like(call: Call) -> list[Array]:
    """Convert every element to the type of the second input."""
    return [_cast(call.need(0), call.need(1).dtype, call)]


def _cast(x: Array, dtype: DType, call: Call) -> Array:
    if dtype.name.startswith("float8") and call.node.int_attribute("saturate", 1):
        return _float8(x, dtype)
    if dtype.name in ("int4", "uint4"):
        return x.astype(np.int64).astype(dtype)
    return x.astype(dtype)


def _float8(x: Array, dtype: DType) -> Array:
    top = float(ml_dtypes.finfo(dtype).max)  # type: ignore[no-untyped-call]
    return np.clip(x.astype(np.float32), -top, top).astype(dtype)


def quantize(x: Array, scale: Array, zero_point: Array) -> Array:
    """Return ``saturate(round(x / scale) + zero_point)`` in the type of the zero point."""
    ratio = x.astype(np.float32) / scale.astype(np.float32)
    limits = integer_range(zero_point.dtype)
    if limits is None:
        return _float8(ratio + zero_point.astype(np.float32), zero_point.dtype)
    whole = np.rint(ratio).astype(np.float64) + zero_point.astype(np.float64)
    return np.clip(whole, *limits).astype(np.int64).astype(zero_point.dtype)


def _aligned(parameter: Array, x: Array, call: Call) -> Array:
    """Reshape a scale or zero point so that it broadcasts against x: per tensor, per axis or per block."""
    if parameter.size == 1 and parameter.ndim <= 1:
        return parameter.reshape(())
    axis = axis_of(call.node.int_attribute("axis", 1), x.ndim, call)
    block = call.node.int_attribute("block_size", 0)
    if block:
        return np.repeat(parameter, block, axis=axis).take(np.arange(x.shape[axis]), axis=axis)
    shape = [1] * x.ndim
    shape[axis] = parameter.size
    return parameter.reshape(shape)


@kernel("QuantizeLinear")
def quantize_linear(call: Call) -> list[Array]:
    """Quantise with one scale, one per index of an axis, or one per block of an axis."""
    x, scale, zero_point = call.need(0), call.need(1), call.optional(2)
    if zero_point is None:
        dtype = dtype_of_code(call.node.int_attribute("output_dtype", 0) or 2)
        if dtype is None:
            raise call.decline("output_dtype is not supported")
        zero_point = np.zeros(scale.shape, dtype=dtype)
    return [quantize(x, _aligned(scale, x, call), _aligned(zero_point, x, call))]


@kernel("DequantizeLinear")
def dequantize_linear(call: Call) -> list[Array]:
    """(x - zero_point) * scale in the type of the scale, computed in float32."""
    x, scale, zero_point = call.need(0), call.need(1), call.optional(2)
    if zero_point is None:
        shifted = x.astype(np.float32)
    else:
        wide = np.int64 if integer_range(x.dtype) else np.float32
        shifted = (x.astype(wide) - _aligned(zero_point, x, call).astype(wide)).astype(np.float32)
    return [(shifted * _aligned(scale, x, call).astype(np.float32)).astype(scale.dtype)]


@kernel("DynamicQuantizeLinear")
def dynamic_quantize_linear(call: Call) -> list[Array]:
    """Quantise to uint8 with a scale taken from the data; zero is always representable."""
    x = call.need(0)
    low, high = np.minimum(x.min(), 0), np.maximum(x.max(), 0)
    scale: Any = np.float32(high - low) / np.float32(255)
    if scale == 0:
        scale = np.float32(1)
    zero_point = np.asarray(np.clip(np.rint(-low / scale), 0, 255)).astype(np.uint8)
    return [quantize(x, np.asarray(scale), zero_point), np.asarray(scale), zero_point]
