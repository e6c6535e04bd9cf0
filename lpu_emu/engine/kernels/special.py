"""exp, tanh and rsqrt of float32 lanes in float64, in the evaluation order of ``docs/numerics.md``."""

from __future__ import annotations

from math import factorial

import numpy as np

from lpu_emu.engine._jit import inner
from lpu_emu.engine.kernels.bits import Array, bits_double, double_bits
from lpu_emu.engine.kernels.codes import DONE, OPCODES, UNSUPPORTED

_EXP, _TANH, _RSQRT = (OPCODES[name] for name in ("exp", "tanh", "rsqrt"))

_LOG2_E = float.fromhex("0x1.71547652b82fep+0")
_LN2_HIGH = float.fromhex("0x1.62e42fefa3800p-1")
_LN2_LOW = float.fromhex("0x1.ef35793c76730p-45")
_TO_INTEGER = 1.5 * 2.0**52
_TO_INTEGER_BITS = int(np.float64(_TO_INTEGER).view(np.int64))
_C2, _C3, _C4, _C5, _C6, _C7, _C8, _C9, _C10, _C11, _C12, _C13 = (1.0 / factorial(n) for n in range(2, 14))


@inner
def _scale(x: float) -> float:
    """Return 2**k, k the integer nearest to x / ln 2: adding the constant leaves k in the lowest bits."""
    shifted = x * _LOG2_E + _TO_INTEGER
    return bits_double(np.int64((double_bits(shifted) - _TO_INTEGER_BITS + 1023) << 52))


@inner
def _fraction(x: float) -> float:
    """Return p with exp(x) = (1 + p) * 2**k."""
    k = (x * _LOG2_E + _TO_INTEGER) - _TO_INTEGER
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    s = _C13
    s = s * r + _C12
    s = s * r + _C11
    s = s * r + _C10
    s = s * r + _C9
    s = s * r + _C8
    s = s * r + _C7
    s = s * r + _C6
    s = s * r + _C5
    s = s * r + _C4
    s = s * r + _C3
    s = s * r + _C2
    return r + (r * r) * s


@inner
def _exp(values: Array, out: Array) -> None:
    for i in range(out.size):
        x = np.float64(values[i])
        known = x if x == x else 0.0
        bounded = min(max(known, -150.0), 150.0)
        result = (1.0 + _fraction(bounded)) * _scale(bounded)
        out[i] = result if x == x else x


@inner
def _tanh(values: Array, out: Array) -> None:
    for i in range(out.size):
        x = np.float64(values[i])
        magnitude = abs(x)
        bounded = min(magnitude if x == x else 0.0, 20.0)
        scale = _scale(2.0 * bounded)
        t = (scale - 1.0) + scale * _fraction(2.0 * bounded)
        result = t / (t + 2.0)
        signed = -result if double_bits(x) < 0 else result
        out[i] = signed if x == x else x


@inner
def _rsqrt(values: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = 1.0 / np.sqrt(np.float64(values[i]))


@inner
def unary(op: int, x: Array, out: Array) -> int:
    """Fill ``out`` (float64) with a special function of ``x`` (float32)."""
    if op == _EXP:
        _exp(x, out)
    elif op == _TANH:
        _tanh(x, out)
    elif op == _RSQRT:
        _rsqrt(x, out)
    else:
        return UNSUPPORTED
    return DONE
