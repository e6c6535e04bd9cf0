"""Sums and differences of 8-bit integers without widening: one instruction for every register full.

The constant bounds let LLVM see saturating byte arithmetic.
"""

from __future__ import annotations

import numpy as np

from lpu_emu.engine._jit import inner
from lpu_emu.engine.kernels.bits import Array
from lpu_emu.engine.kernels.codes import INT8, OPCODES, element_bytes, is_float

_ADD, _SUB = OPCODES["add"], OPCODES["sub"]


@inner
def _add(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = np.uint8(x[i] + y[i])


@inner
def _sub(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = np.uint8(x[i] - y[i])


@inner
def _add_signed(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        total = np.int32(x[i]) + np.int32(y[i])
        out[i] = np.int8(min(max(total, np.int32(-128)), np.int32(127)))


@inner
def _sub_signed(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        total = np.int32(x[i]) - np.int32(y[i])
        out[i] = np.int8(min(max(total, np.int32(-128)), np.int32(127)))


@inner
def _add_unsigned(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        room = np.uint8(~x[i])
        out[i] = np.uint8(x[i] + (y[i] if y[i] < room else room))


@inner
def _sub_unsigned(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = np.uint8(x[i] - (y[i] if y[i] < x[i] else x[i]))


@inner
def has(op: int, dtype: int) -> bool:
    """Return whether ``binary`` computes an operation on a type."""
    if op != _ADD and op != _SUB:
        return False
    return element_bytes(dtype) == 1 and not is_float(dtype)


@inner
def binary(op: int, dtype: int, saturate: int, x: Array, y: Array, out: Array) -> None:
    """Fill ``out`` with the sum or difference of bytes (``uint8`` arrays), wrapped or clamped."""
    if not saturate:
        if op == _ADD:
            _add(x, y, out)
        else:
            _sub(x, y, out)
    elif dtype == INT8:
        if op == _ADD:
            _add_signed(x.view(np.int8), y.view(np.int8), out.view(np.int8))
        else:
            _sub_signed(x.view(np.int8), y.view(np.int8), out.view(np.int8))
    elif op == _ADD:
        _add_unsigned(x, y, out)
    else:
        _sub_unsigned(x, y, out)
