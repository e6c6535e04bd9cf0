"""Operations on bits as they are: bitwise logic, mask, copy, and repetition of a pattern."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from lpu_emu.engine._jit import inner, with_twin
from lpu_emu.engine.kernels.bits import Array
from lpu_emu.engine.kernels.codes import DONE, OPCODES, UNSUPPORTED
from lpu_emu.engine.kernels.vectors import I8, address, load

_AND, _OR, _XOR, _NOT = (OPCODES[name] for name in ("and", "or", "xor", "not"))


@inner
def _and(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = x[i] & y[i]


@inner
def _or(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = x[i] | y[i]


@inner
def _xor(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = x[i] ^ y[i]


@inner
def invert(x: Array, out: Array) -> None:
    """Fill ``out`` with every bit of ``x`` inverted."""
    for i in range(out.size):
        out[i] = ~x[i]


@inner
def copy(x: Array, out: Array) -> None:
    """Copy the first ``out.size`` bytes of ``x``."""
    for i in range(out.size):
        out[i] = x[i]


def _plain_copy16(x: Array, x_first: int, out: Array, out_first: int) -> None:
    out.reshape(-1)[out_first : out_first + 16] = x.reshape(-1)[x_first : x_first + 16]


@with_twin(_plain_copy16)
def copy16(context: Any, x: Any, x_first: Any, out: Any, out_first: Any) -> Any:
    """Copy 16 bytes between flat places of two ``uint8`` arrays."""
    block = ir.VectorType(I8, 16)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, x_first, out, out_first = args
        value = load(builder, address(context, builder, signature.args[0], x, x_first), block)
        place = address(context, builder, signature.args[2], out, out_first)
        builder.store(value, builder.inttoptr(place, ir.PointerType(block)), align=1)
        return context.get_dummy_value()

    return types.void(x, types.int64, out, types.int64), generate


@inner
def copy_superlane(x: Array, x_first: int, out: Array, out_first: int, lanes: int) -> None:
    """Copy the bytes of one superlane between flat places."""
    if lanes == 16:
        copy16(x, x_first, out, out_first)
    else:
        for i in range(lanes):
            out[out_first + i] = x[x_first + i]


@inner
def repeat(period: int, out: Array) -> None:
    """Fill ``out`` with copies of its first ``period`` bytes."""
    done = period
    while 0 < done < out.size:
        count = min(done, out.size - done)
        copy(out[:count], out[done : done + count])
        done += count


@inner
def _set(value: int, out: Array) -> None:
    word = np.int32(value)
    for i in range(out.size):
        out[i] = word


@inner
def fill(pattern: Array, out: Array) -> None:
    """Fill ``out`` with copies of a shorter pattern."""
    copy(pattern, out[: pattern.size])
    if pattern.size > 4 or pattern.size == 3 or out.size < 8:
        repeat(pattern.size, out)
    else:
        repeat(pattern.size, out[:4])
        words = out[: out.size // 4 * 4].view(np.int32)
        _set(words[0], words)
        copy(out[:4], out[4 * words.size :])


@inner
def logic(op: int, x: Array, y: Array, out: Array) -> int:
    """Fill ``out`` with the bitwise operation of bytes ``x`` and ``y``."""
    if op == _AND:
        _and(x, y, out)
    elif op == _OR:
        _or(x, y, out)
    elif op == _XOR:
        _xor(x, y, out)
    else:
        return UNSUPPORTED
    return DONE


@inner
def _mask1(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = x[i] if y[i] != 0 else np.uint8(0)


@inner
def _mask2(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = x[i] if (y[i] & np.int16(0xFF)) != 0 else np.int16(0)


@inner
def _mask4(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = x[i] if (y[i] & np.int32(0xFF)) != 0 else np.int32(0)


@inner
def mask(size: int, x: Array, y: Array, out: Array) -> None:
    """Keep the elements of ``size`` bytes of ``x`` where the lowest byte of ``y`` is not zero; zero the others."""
    if size == 1:
        _mask1(x, y, out)
    elif size == 2:
        _mask2(x.view(np.int16), y.view(np.int16), out.view(np.int16))
    else:
        _mask4(x.view(np.int32), y.view(np.int32), out.view(np.int32))
