"""Conversions between types: packed elements in, packed elements out."""

from __future__ import annotations

import numpy as np

from lpu_emu.engine._jit import inner, jit
from lpu_emu.engine.kernels import moves
from lpu_emu.engine.kernels.alu import BLOCK, BLOCK_BYTES, DOUBLE_BYTES
from lpu_emu.engine.kernels.bits import Array, stack_bytes, whole
from lpu_emu.engine.kernels.codes import BF16, INT32, element_bytes, is_float
from lpu_emu.engine.kernels.narrow import (
    float_limit,
    integer_high,
    integer_low,
    narrow_floats,
    narrow_integers,
    round_doubles_to_odd,
)
from lpu_emu.engine.kernels.widen import widen_floats, widen_integers

_INT64 = 2.0**63


@inner
def _to_floats(values: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = np.float32(values[i])


@inner
def _to_doubles(values: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = np.float64(values[i])


@inner
def _round_clamped(values: Array, low: int, high: int, out: Array) -> None:
    """Round float32 to the nearest integer, ties to even, clamped to the bounds; NaN gives 0."""
    low_float, high_float = np.float32(low), np.float32(high)
    # 2**31 - 1 is no float32: everything below its rounding, 2**31, is an int32, the rest is above.
    largest = high_float if high < 2**24 else np.float32(2147483520.0)
    for i in range(out.size):
        known = values[i] if values[i] == values[i] else np.float32(0.0)
        rounded = np.rint(known)
        bounded = low_float if rounded < low_float else rounded
        bounded = largest if bounded > largest else bounded
        out[i] = np.int32(high) if rounded > largest else np.int32(bounded)


@inner
def _round_wrapping(values: Array, low: int, high: int, out: Array) -> None:
    """Round likewise and keep the low 32 bits; clamp to the bounds what int64 does not hold."""
    for i in range(out.size):
        known = np.float64(values[i]) if values[i] == values[i] else 0.0
        rounded = np.rint(known)
        inside = abs(rounded) < _INT64
        limit = low if rounded < 0.0 else high
        whole = np.int64(rounded if inside else 0.0)
        out[i] = np.int32(whole if inside else np.int64(limit))


@inner
def _floats_to_integers(target: int, saturate: int, values: Array, out: Array) -> None:
    wide = out if target == INT32 else stack_bytes(BLOCK_BYTES)
    rounded = wide.view(np.int32)[: values.size]
    if saturate:
        _round_clamped(values, integer_low(target), integer_high(target), rounded)
    else:
        _round_wrapping(values, integer_low(target), integer_high(target), rounded)
    if target != INT32:
        narrow_integers(target, whole(0), rounded, out)


@inner
def _integers_to_floats(target: int, saturate: int, values: Array, out: Array) -> None:
    rounded = stack_bytes(BLOCK_BYTES).view(np.float32)[: values.size]
    if target == BF16:
        # A second rounding after one to float32 could differ; only bf16 has both the range and so few bits.
        doubles = stack_bytes(DOUBLE_BYTES).view(np.float64)[: values.size]
        _to_doubles(values, doubles)
        round_doubles_to_odd(doubles, rounded.view(np.int32))
    else:
        _to_floats(values, rounded)
    narrow_floats(target, float_limit(target, saturate), rounded, out)


@inner
def _from_floats(source: int, target: int, saturate: int, x: Array, out: Array) -> None:
    values = stack_bytes(BLOCK_BYTES).view(np.float32)[: x.size // element_bytes(source)]
    widen_floats(source, x, values)
    if is_float(target):
        narrow_floats(target, float_limit(target, saturate), values, out)
    else:
        _floats_to_integers(target, saturate, values, out)


@inner
def _from_integers(source: int, target: int, saturate: int, x: Array, out: Array) -> None:
    values = stack_bytes(BLOCK_BYTES).view(np.int32)[: x.size // element_bytes(source)]
    widen_integers(source, x, values)
    if is_float(target):
        _integers_to_floats(target, saturate, values, out)
    else:
        narrow_integers(target, saturate, values, out)


@jit
def convert(source: int, target: int, saturate: int, x: Array, out: Array) -> None:
    """Convert packed elements ``x`` of type ``source`` to ``target`` in ``out`` (both ``uint8``, flat).

    ``x`` may be one element or one vector, used again for the whole of ``out``.
    """
    source_size, target_size = element_bytes(source), element_bytes(target)
    count = x.size // source_size
    for first in range(0, count, BLOCK):
        end = min(first + BLOCK, count)
        values, result = (
            x[first * source_size : end * source_size],
            out[first * target_size : end * target_size],
        )
        if is_float(source):
            _from_floats(source, target, saturate, values, result)
        else:
            _from_integers(source, target, saturate, values, result)
    moves.repeat(count * target_size, out)
