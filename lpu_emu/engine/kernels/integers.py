"""Integer operations on int32 lanes: ``out`` gets the low 32 bits of the exact result.

For the narrower types that is the exact result itself, and narrowing clamps or wraps it; int32 is clamped
here. ``x``, ``y`` and ``out`` are int32, as long as ``out``.
"""

from __future__ import annotations

import numpy as np

from lpu_emu.engine._jit import inner
from lpu_emu.engine.kernels.bits import Array
from lpu_emu.engine.kernels.codes import DONE, OPCODES, UNSUPPORTED, comparison_holds

_ADD, _SUB, _MUL, _MAX, _MIN = (OPCODES[name] for name in ("add", "sub", "mul", "max", "min"))
_SHL, _SHR, _NEG, _ABS, _RELU = (OPCODES[name] for name in ("shl", "shr", "neg", "abs", "relu"))
_LOW, _HIGH = -(2**31), 2**31 - 1


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
        out[i] = max(x[i], y[i])


@inner
def _min(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = min(x[i], y[i])


@inner
def _shl(x: Array, y: Array, width_mask: int, out: Array) -> None:
    mask = np.int32(width_mask)
    for i in range(out.size):
        out[i] = x[i] << (y[i] & mask)


@inner
def _shr(x: Array, y: Array, width_mask: int, out: Array) -> None:
    mask = np.int32(width_mask)
    for i in range(out.size):
        out[i] = x[i] >> (y[i] & mask)


@inner
def _compare(x: Array, y: Array, holds: int, out: Array) -> None:
    less, equal, greater = np.int32(holds & 1), np.int32((holds >> 1) & 1), np.int32((holds >> 2) & 1)
    for i in range(out.size):
        unequal = greater if x[i] > y[i] else less
        out[i] = equal if x[i] == y[i] else unequal


@inner
def _neg(x: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = -x[i]


@inner
def _abs(x: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = -x[i] if x[i] < 0 else x[i]


@inner
def _relu(x: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = max(x[i], np.int32(0))


@inner
def _add_saturating(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        total = np.int32(x[i] + y[i])
        limit = np.int32(_LOW) if x[i] < 0 else np.int32(_HIGH)
        out[i] = limit if ((x[i] ^ total) & (y[i] ^ total)) < 0 else total


@inner
def _sub_saturating(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        total = np.int32(x[i] - y[i])
        limit = np.int32(_LOW) if x[i] < 0 else np.int32(_HIGH)
        out[i] = limit if ((x[i] ^ y[i]) & (x[i] ^ total)) < 0 else total


@inner
def _mul_saturating(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        product = np.int64(x[i]) * np.int64(y[i])
        out[i] = min(max(product, np.int64(_LOW)), np.int64(_HIGH))


@inner
def _shl_saturating(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        amount = np.int32(y[i] & np.int32(31))
        shifted = np.int32(x[i] << amount)
        limit = np.int32(_LOW) if x[i] < 0 else np.int32(_HIGH)
        out[i] = shifted if (shifted >> amount) == x[i] else limit


@inner
def _neg_saturating(x: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = np.int32(_HIGH) if x[i] == _LOW else np.int32(-x[i])


@inner
def _abs_saturating(x: Array, out: Array) -> None:
    for i in range(out.size):
        magnitude = np.int32(-x[i]) if x[i] < 0 else x[i]
        out[i] = np.int32(_HIGH) if x[i] == _LOW else magnitude


@inner
def binary(op: int, saturate: int, x: Array, y: Array, width_mask: int, out: Array) -> int:
    """Fill ``out`` with the low 32 bits of ``x op y``, or clamp it to int32 when ``saturate``.

    Shifts are by ``y & width_mask``, the mask being the bits of the type less one.
    """
    holds = comparison_holds(op)
    if holds:
        _compare(x, y, holds, out)
    elif op == _ADD:
        if saturate:
            _add_saturating(x, y, out)
        else:
            _add(x, y, out)
    elif op == _SUB:
        if saturate:
            _sub_saturating(x, y, out)
        else:
            _sub(x, y, out)
    elif op == _MUL:
        if saturate:
            _mul_saturating(x, y, out)
        else:
            _mul(x, y, out)
    elif op == _SHL:
        if saturate:
            _shl_saturating(x, y, out)
        else:
            _shl(x, y, width_mask, out)
    elif op == _SHR:
        _shr(x, y, width_mask, out)
    elif op == _MAX:
        _max(x, y, out)
    elif op == _MIN:
        _min(x, y, out)
    else:
        return UNSUPPORTED
    return DONE


@inner
def unary(op: int, saturate: int, x: Array, out: Array) -> int:
    """Fill ``out`` with the low 32 bits of the result, or clamp it to int32 when ``saturate``."""
    if op == _NEG:
        if saturate:
            _neg_saturating(x, out)
        else:
            _neg(x, out)
    elif op == _ABS:
        if saturate:
            _abs_saturating(x, out)
        else:
            _abs(x, out)
    elif op == _RELU:
        _relu(x, out)
    else:
        return UNSUPPORTED
    return DONE
