"""Float operations on float32 lanes. NaN and overflow are settled when the result is narrowed.

``x``, ``y`` and ``out`` are float32, as long as ``out``.
"""

from __future__ import annotations

import numpy as np

from lpu_emu.engine._jit import inner
from lpu_emu.engine.kernels.bits import Array, bits_float, float_bits
from lpu_emu.engine.kernels.codes import DONE, OPCODES, UNSUPPORTED, comparison_holds

_ADD, _SUB, _MUL, _MAX, _MIN = (OPCODES[name] for name in ("add", "sub", "mul", "max", "min"))
_NEG, _ABS, _RELU = (OPCODES[name] for name in ("neg", "abs", "relu"))


@inner
def _add(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = x[i] + y[i]


@inner
def _sub(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = x[i] - y[i]


@inner
def _mul(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = x[i] * y[i]


@inner
def _max(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        # The sum is NaN when an operand is; of equal zeros the bitwise and is -0 only when both are.
        equal = bits_float(np.int32(float_bits(x[i]) & float_bits(y[i])))
        larger = x[i] if x[i] > y[i] else y[i]
        ordered = equal if x[i] == y[i] else larger
        out[i] = ordered if x[i] == x[i] and y[i] == y[i] else x[i] + y[i]


@inner
def _min(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        equal = bits_float(np.int32(float_bits(x[i]) | float_bits(y[i])))
        smaller = x[i] if x[i] < y[i] else y[i]
        ordered = equal if x[i] == y[i] else smaller
        out[i] = ordered if x[i] == x[i] and y[i] == y[i] else x[i] + y[i]


@inner
def _compare(x: Array, y: Array, holds: int, out: Array) -> None:
    less, equal, greater, unordered = (
        np.float32(holds & 1),
        np.float32((holds >> 1) & 1),
        np.float32((holds >> 2) & 1),
        np.float32((holds >> 3) & 1),
    )
    for i in range(out.size):
        other = less if x[i] < y[i] else unordered
        unequal = greater if x[i] > y[i] else other
        out[i] = equal if x[i] == y[i] else unequal


@inner
def _neg(x: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = -x[i]


@inner
def _abs(x: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = abs(x[i])


@inner
def _relu(x: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = np.float32(0.0) if x[i] <= 0 else x[i]


@inner
def binary(op: int, x: Array, y: Array, out: Array) -> int:
    """Fill ``out`` with ``x op y`` in float32; comparisons give 1 or 0."""
    holds = comparison_holds(op)
    if holds:
        _compare(x, y, holds, out)
    elif op == _ADD:
        _add(x, y, out)
    elif op == _SUB:
        _sub(x, y, out)
    elif op == _MUL:
        _mul(x, y, out)
    elif op == _MAX:
        _max(x, y, out)
    elif op == _MIN:
        _min(x, y, out)
    else:
        return UNSUPPORTED
    return DONE


@inner
def unary(op: int, x: Array, out: Array) -> int:
    """Fill ``out`` with the negative, the magnitude or the positive part of ``x``."""
    if op == _NEG:
        _neg(x, out)
    elif op == _ABS:
        _abs(x, out)
    elif op == _RELU:
        _relu(x, out)
    else:
        return UNSUPPORTED
    return DONE
