"""Packed elements to the type that operations compute in: int32 for integers, float32 for floats.

Every function fills ``out`` from the first ``out.size`` elements of ``source``.
"""

from __future__ import annotations

import numpy as np

from lpu_emu.engine._jit import inner
from lpu_emu.engine.kernels.bits import Array, bits_float, float_bits, half_to_float
from lpu_emu.engine.kernels.codes import BF16, FP8, FP16, FP32, INT8, INT16, INT32

CANONICAL_NAN = 0x7FC00000


@inner
def _int8(source: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = source[i]


@inner
def _uint8(source: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = source[i]


@inner
def _int16(source: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = source[i]


@inner
def _same(source: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = source[i]


@inner
def _fp16(source: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = half_to_float(source[i])


@inner
def _bf16(source: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = np.int32(source[i]) << np.int32(16)


@inner
def _fp8(source: Array, out: Array) -> None:
    for i in range(out.size):
        magnitude = np.int32(source[i]) & np.int32(0x7F)
        normal = np.int32((magnitude << np.int32(20)) + np.int32(0x3C000000))
        normal = np.int32(CANONICAL_NAN) if magnitude == 0x7F else normal
        subnormal = float_bits(np.float32(magnitude) * np.float32(2.0**-9))
        sign = (np.int32(source[i]) & np.int32(0x80)) << np.int32(24)
        out[i] = bits_float(np.int32((subnormal if magnitude < 8 else normal) | sign))


@inner
def widen_integers(dtype: int, source: Array, out: Array) -> None:
    """Fill ``out`` (int32) with the values of packed integers ``source`` (uint8) of type ``dtype``."""
    if dtype == INT8:
        _int8(source.view(np.int8), out)
    elif dtype == INT16:
        _int16(source.view(np.int16), out)
    elif dtype == INT32:
        _same(source.view(np.int32), out)
    else:
        _uint8(source, out)


@inner
def widen_floats(dtype: int, source: Array, out: Array) -> None:
    """Fill ``out`` (float32) with the values of packed floats ``source`` (uint8) of type ``dtype``."""
    if dtype == FP32:
        _same(source.view(np.int32), out.view(np.int32))
    elif dtype == FP16:
        _fp16(source.view(np.int16), out)
    elif dtype == BF16:
        _bf16(source.view(np.int16), out.view(np.int32))
    elif dtype == FP8:
        _fp8(source, out)
