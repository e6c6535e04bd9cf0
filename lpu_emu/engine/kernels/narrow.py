"""Results of operations to packed elements: wrapped or clamped integers, floats rounded once.

Every function fills ``out`` from the first elements of ``values``.
"""

from __future__ import annotations

import numpy as np

from lpu_emu.engine._jit import inner
from lpu_emu.engine.kernels.bits import Array, double_bits, float_bits, float_to_half, single
from lpu_emu.engine.kernels.codes import BF16, FP8, FP16, FP32, INT8, INT16, INT32, UINT8

_INT32_LOW, _INT32_HIGH = -(2**31), 2**31 - 1
_LARGEST = {
    FP16: 65504.0,
    BF16: (2.0 - 2.0**-7) * 2.0**127,
    FP8: 448.0,
    FP32: (2.0 - 2.0**-23) * 2.0**127,
}
_LARGEST_FP16, _LARGEST_BF16, _LARGEST_FP8, _LARGEST_FP32 = (_LARGEST[t] for t in (FP16, BF16, FP8, FP32))


@inner
def integer_low(dtype: int) -> int:
    """Return the smallest value of an integer type."""
    if dtype == INT8:
        return -128
    if dtype == UINT8:
        return 0
    return -32768 if dtype == INT16 else _INT32_LOW


@inner
def integer_high(dtype: int) -> int:
    """Return the largest value of an integer type."""
    if dtype == INT8:
        return 127
    if dtype == UINT8:
        return 255
    return 32767 if dtype == INT16 else _INT32_HIGH


@inner
def float_limit(dtype: int, saturate: int) -> float:
    """Return the largest magnitude a result may keep: that of the type when saturating, else infinity."""
    if not saturate:
        return np.inf
    if dtype == FP16:
        return _LARGEST_FP16
    if dtype == BF16:
        return _LARGEST_BF16
    return _LARGEST_FP8 if dtype == FP8 else _LARGEST_FP32


@inner
def _clamped_bytes(values: Array, low: int, high: int, out: Array) -> None:
    low32, high32 = np.int32(low), np.int32(high)
    for i in range(out.size):
        out[i] = np.int8(min(max(values[i], low32), high32))


@inner
def _clamped_words(values: Array, low: int, high: int, out: Array) -> None:
    low32, high32 = np.int32(low), np.int32(high)
    for i in range(out.size):
        out[i] = np.int16(min(max(values[i], low32), high32))


@inner
def _copied(values: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = values[i]


@inner
def narrow_integers(dtype: int, saturate: int, values: Array, out: Array) -> None:
    """Pack ``values`` (int32) into ``out`` (uint8) as ``dtype``: clamped when saturating, else the low bits."""
    low = integer_low(dtype) if saturate else _INT32_LOW
    high = integer_high(dtype) if saturate else _INT32_HIGH
    if dtype == INT16:
        _clamped_words(values, low, high, out.view(np.int16))
    elif dtype == INT32:
        _copied(values, out.view(np.int32))
    else:
        _clamped_bytes(values, low, high, out.view(np.int8))


@inner
def _bounded(value: float, limit: float) -> float:
    """Clamp to +-limit; NaN stays NaN."""
    value = limit if value > limit else value
    return -limit if value < -limit else value


@inner
def _to_fp32(values: Array, limit: float, out: Array) -> None:
    for i in range(out.size):
        bits = float_bits(_bounded(values[i], limit))
        out[i] = np.int32(0x7FC00000) if values[i] != values[i] else bits


@inner
def _to_fp16(values: Array, limit: float, out: Array) -> None:
    for i in range(out.size):
        bits = float_to_half(_bounded(values[i], limit))
        out[i] = np.int16(0x7E00) if values[i] != values[i] else bits


@inner
def _to_bf16(values: Array, limit: float, out: Array) -> None:
    for i in range(out.size):
        bits = float_bits(_bounded(values[i], limit))
        odd = (bits >> np.int32(16)) & np.int32(1)
        rounded = np.int32(bits + np.int32(0x7FFF) + odd) >> np.int32(16)
        out[i] = np.int16(0x7FC0) if values[i] != values[i] else np.int16(rounded)


@inner
def _to_fp8(values: Array, limit: float, out: Array) -> None:
    for i in range(out.size):
        bits = float_bits(_bounded(values[i], limit))
        magnitude = np.int32(min(bits & np.int32(0x7FFFFFFF), np.int32(0x7F800000)))
        odd = (magnitude >> np.int32(20)) & np.int32(1)
        normal = np.int32((magnitude + np.int32(0x7FFFF) + odd) >> np.int32(20)) - np.int32(960)
        # The float32 sum with 2**14 has the quantum of fp8 subnormals, 2**-9: its low bits count them.
        small = float_bits(np.float32(abs(values[i]) + np.float32(16384.0))) - np.int32(0x46800000)
        rounded = np.int32(small) if magnitude < 0x3C800000 else np.int32(normal)
        signed = rounded | ((bits >> np.int32(24)) & np.int32(0x80))
        unknown = values[i] != values[i] or rounded > 0x7E
        out[i] = np.uint8(0x7F) if unknown else np.uint8(signed)


@inner
def narrow_floats(dtype: int, limit: float, values: Array, out: Array) -> None:
    """Pack ``values`` (float32) into ``out`` (uint8) as ``dtype``, rounded once to nearest even.

    Magnitudes are clamped to ``limit`` before; see ``float_limit``. Every NaN becomes that of the type.
    """
    limit32 = single(limit)
    if dtype == FP32:
        _to_fp32(values, limit32, out.view(np.int32))
    elif dtype == FP16:
        _to_fp16(values, limit32, out.view(np.int16))
    elif dtype == BF16:
        _to_bf16(values, limit32, out.view(np.int16))
    elif dtype == FP8:
        _to_fp8(values, limit32, out)


@inner
def round_doubles(values: Array, out: Array) -> None:
    """Round float64 ``values`` to float32 ``out``, to nearest even."""
    for i in range(out.size):
        out[i] = np.float32(values[i])


@inner
def round_doubles_to_odd(values: Array, out: Array) -> None:
    """Round float64 ``values`` to float32 ``out``: what is not exact goes to the odd neighbour.

    A second rounding, to a type with two significant bits less or fewer, then gives what one rounding of
    the float64 value would have given.
    """
    for i in range(out.size):
        nearest = np.float32(values[i])
        bits = float_bits(nearest)
        beyond = (double_bits(np.float64(nearest)) & 0x7FFFFFFFFFFFFFFF) > (
            double_bits(values[i]) & 0x7FFFFFFFFFFFFFFF
        )
        odd = np.int32((bits - np.int32(beyond)) | np.int32(1))
        exact = np.float64(nearest) == values[i] or values[i] != values[i]
        out[i] = bits if exact else odd
