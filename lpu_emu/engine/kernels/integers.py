"""Integer operations on int32 lanes: ``out`` gets the low 32 bits of the exact result.

For the narrower types that is the exact result itself, and narrowing clamps or wraps it; for int32 the
``_saturating`` functions clamp. ``x``, ``y`` and ``out`` are int32, as long as ``out``.
"""

from __future__ import annotations

import numpy as np

from lpu_emu.engine._jit import jit
from lpu_emu.engine.kernels.bits import Array
from lpu_emu.engine.kernels.codes import DONE, OPCODES, UNSUPPORTED

_ADD, _SUB, _MUL, _MAX, _MIN = (OPCODES[name] for name in ("add", "sub", "mul", "max", "min"))
_SHL, _SHR, _NEG, _ABS, _RELU = (OPCODES[name] for name in ("shl", "shr", "neg", "abs", "relu"))
_EQ, _NE, _GT, _GE, _LT, _LE = (OPCODES[name] for name in ("eq", "ne", "gt", "ge", "lt", "le"))

_LOW, _HIGH = -(2**31), 2**31 - 1


@jit
def _add(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = x[i] + y[i]


@jit
def _sub(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = x[i] - y[i]


@jit
def _mul(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = x[i] * y[i]


@jit
def _max(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = max(x[i], y[i])


@jit
def _min(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = min(x[i], y[i])


@jit
def _shl(x: Array, y: Array, width_mask: int, out: Array) -> None:
    mask = np.int32(width_mask)
    for i in range(out.size):
        out[i] = x[i] << (y[i] & mask)


@jit
def _shr(x: Array, y: Array, width_mask: int, out: Array) -> None:
    mask = np.int32(width_mask)
    for i in range(out.size):
        out[i] = x[i] >> (y[i] & mask)


@jit
def _eq(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = x[i] == y[i]


@jit
def _ne(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = x[i] != y[i]


@jit
def _gt(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = x[i] > y[i]


@jit
def _ge(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = x[i] >= y[i]


@jit
def _neg(x: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = -x[i]


@jit
def _abs(x: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = -x[i] if x[i] < 0 else x[i]


@jit
def _relu(x: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = max(x[i], np.int32(0))


@jit
def _add_saturating(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        total = np.int32(x[i] + y[i])
        limit = np.int32(_LOW) if x[i] < 0 else np.int32(_HIGH)
        out[i] = limit if ((x[i] ^ total) & (y[i] ^ total)) < 0 else total


@jit
def _sub_saturating(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        total = np.int32(x[i] - y[i])
        limit = np.int32(_LOW) if x[i] < 0 else np.int32(_HIGH)
        out[i] = limit if ((x[i] ^ y[i]) & (x[i] ^ total)) < 0 else total


@jit
def _mul_saturating(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        product = np.int64(x[i]) * np.int64(y[i])
        out[i] = min(max(product, np.int64(_LOW)), np.int64(_HIGH))


@jit
def _shl_saturating(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        amount = np.int32(y[i] & np.int32(31))
        shifted = np.int32(x[i] << amount)
        limit = np.int32(_LOW) if x[i] < 0 else np.int32(_HIGH)
        out[i] = shifted if (shifted >> amount) == x[i] else limit


@jit
def _neg_saturating(x: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = np.int32(_HIGH) if x[i] == _LOW else np.int32(-x[i])


@jit
def _abs_saturating(x: Array, out: Array) -> None:
    for i in range(out.size):
        magnitude = np.int32(-x[i]) if x[i] < 0 else x[i]
        out[i] = np.int32(_HIGH) if x[i] == _LOW else magnitude


@jit
def _compare(op: int, x: Array, y: Array, out: Array) -> int:
    if op == _EQ:
        _eq(x, y, out)
    elif op == _NE:
        _ne(x, y, out)
    elif op == _GT:
        _gt(x, y, out)
    elif op == _GE:
        _ge(x, y, out)
    elif op == _LT:
        _gt(y, x, out)
    elif op == _LE:
        _ge(y, x, out)
    else:
        return UNSUPPORTED
    return DONE


@jit
def binary_wrapping(op: int, x: Array, y: Array, width_mask: int, out: Array) -> int:
    """Fill ``out`` with the low 32 bits of ``x op y``; shifts take y & ``width_mask``, the bits - 1."""
    if op == _ADD:
        _add(x, y, out)
    elif op == _SUB:
        _sub(x, y, out)
    elif op == _MUL:
        _mul(x, y, out)
    elif op == _MAX:
        _max(x, y, out)
    elif op == _MIN:
        _min(x, y, out)
    elif op == _SHL:
        _shl(x, y, width_mask, out)
    elif op == _SHR:
        _shr(x, y, width_mask, out)
    else:
        return _compare(op, x, y, out)
    return DONE


@jit
def binary_saturating(op: int, x: Array, y: Array, out: Array) -> int:
    """Fill ``out`` with ``x op y`` of int32 values, clamped to int32."""
    if op == _ADD:
        _add_saturating(x, y, out)
    elif op == _SUB:
        _sub_saturating(x, y, out)
    elif op == _MUL:
        _mul_saturating(x, y, out)
    elif op == _SHL:
        _shl_saturating(x, y, out)
    else:
        return binary_wrapping(op, x, y, 31, out)
    return DONE


@jit
def unary_wrapping(op: int, x: Array, out: Array) -> int:
    """Fill ``out`` with the low 32 bits of the result."""
    if op == _NEG:
        _neg(x, out)
    elif op == _ABS:
        _abs(x, out)
    elif op == _RELU:
        _relu(x, out)
    else:
        return UNSUPPORTED
    return DONE


@jit
def unary_saturating(op: int, x: Array, out: Array) -> int:
    """Fill ``out`` with the result on int32 values, clamped to int32."""
    if op == _NEG:
        _neg_saturating(x, out)
    elif op == _ABS:
        _abs_saturating(x, out)
    else:
        return unary_wrapping(op, x, out)
    return DONE
