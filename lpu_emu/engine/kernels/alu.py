"""The vector operations: packed elements in, packed elements out.

Operands and results are flat ``uint8`` arrays of little-endian elements. The result decides how many there
are. An operand may be shorter: one vector (a latch) or one element (an immediate), whose length divides
that of the result; it is used again and again and never materialised. ``out`` may be an operand
itself, but may not overlap one otherwise. Work goes block by block through buffers that stay in the
nearest cache, in int32, float32 or float64 lanes.
"""

from __future__ import annotations

import numpy as np

from lpu_emu.engine._jit import jit
from lpu_emu.engine.kernels import floats, integers, moves, special
from lpu_emu.engine.kernels.bits import Array, stack_bytes
from lpu_emu.engine.kernels.codes import (
    BF16,
    DONE,
    FP8,
    FP16,
    FP32,
    INT8,
    INT32,
    OPCODES,
    UINT8,
    UNSUPPORTED,
)
from lpu_emu.engine.kernels.narrow import (
    float_limit,
    narrow_floats,
    narrow_integers,
    round_doubles,
    round_doubles_to_odd,
)
from lpu_emu.engine.kernels.widen import widen_floats, widen_integers

_MASK, _COPY, _NOT = OPCODES["mask"], OPCODES["copy"], OPCODES["not"]
_AND, _OR, _XOR = OPCODES["and"], OPCODES["or"], OPCODES["xor"]
_EXP, _TANH, _RSQRT = OPCODES["exp"], OPCODES["tanh"], OPCODES["rsqrt"]

BLOCK = 1024
_BLOCK_BYTES = 4 * BLOCK
_DOUBLE_BYTES = 8 * BLOCK


@jit
def element_bytes(dtype: int) -> int:
    """Return the size of an element of a type."""
    if dtype in (INT8, UINT8, FP8):
        return 1
    return 4 if dtype in (INT32, FP32) else 2


@jit
def is_float(dtype: int) -> bool:
    """Return whether a type is one of the float types."""
    return dtype in (FP16, FP32, BF16, FP8)


@jit
def _integers_of(dtype: int, source: Array, buffer: Array) -> Array:
    """Return the values as int32: int32 itself where it lies, else widened into the buffer."""
    if dtype == INT32:
        return source.view(np.int32)
    values = buffer.view(np.int32)[: source.size // element_bytes(dtype)]
    widen_integers(dtype, source, values)
    return values


@jit
def _floats_of(dtype: int, source: Array, buffer: Array) -> Array:
    """Return the values as float32: float32 itself where it lies, else widened into the buffer."""
    if dtype == FP32:
        return source.view(np.float32)
    values = buffer.view(np.float32)[: source.size // element_bytes(dtype)]
    widen_floats(dtype, source, values)
    return values


@jit
def _binary_integers(op: int, dtype: int, saturate: int, x: Array, y: Array, out: Array) -> int:
    a = _integers_of(dtype, x, stack_bytes(_BLOCK_BYTES))
    b = _integers_of(dtype, y, stack_bytes(_BLOCK_BYTES))
    if dtype == INT32:
        if saturate:
            return integers.binary_saturating(op, a, b, out.view(np.int32))
        return integers.binary_wrapping(op, a, b, 31, out.view(np.int32))
    values = stack_bytes(_BLOCK_BYTES).view(np.int32)[: a.size]
    status = integers.binary_wrapping(op, a, b, 8 * element_bytes(dtype) - 1, values)
    narrow_integers(dtype, saturate, values, out)
    return status


@jit
def _binary_floats(op: int, dtype: int, saturate: int, x: Array, y: Array, out: Array) -> int:
    a = _floats_of(dtype, x, stack_bytes(_BLOCK_BYTES))
    b = _floats_of(dtype, y, stack_bytes(_BLOCK_BYTES))
    values = stack_bytes(_BLOCK_BYTES).view(np.float32)[: a.size]
    status = floats.binary(op, a, b, values)
    narrow_floats(dtype, float_limit(dtype, saturate), values, out)
    return status


@jit
def _binary_block(op: int, dtype: int, saturate: int, x: Array, y: Array, out: Array) -> int:
    if op == _MASK:
        moves.mask(element_bytes(dtype), x, y, out)
        return DONE
    if is_float(dtype):
        return _binary_floats(op, dtype, saturate, x, y, out)
    if op in (_AND, _OR, _XOR):
        return moves.logic(op, x, y, out)
    return _binary_integers(op, dtype, saturate, x, y, out)


@jit
def _expanded(source: Array, size: int, buffer: Array) -> Array:
    """Return ``size`` bytes of repetitions of a short operand, in the buffer."""
    out = buffer[:size]
    moves.copy(source, out[: source.size])
    moves.repeat(source.size, out)
    return out


@jit
def _binary_blocks(op: int, dtype: int, saturate: int, x: Array, y: Array, out: Array) -> int:
    """Binary operation where a shorter operand has at most ``BLOCK`` elements and divides the other."""
    step = BLOCK * element_bytes(dtype)
    for operand in (x, y):
        if operand.size < out.size:
            step = min(step, BLOCK * element_bytes(dtype) // operand.size * operand.size)
    step = min(step, out.size)
    x_long, y_long = x.size == out.size, y.size == out.size
    a = x if x_long else _expanded(x, step, stack_bytes(_BLOCK_BYTES))
    b = y if y_long else _expanded(y, step, stack_bytes(_BLOCK_BYTES))
    status = DONE
    for first in range(0, out.size, step):
        end = min(first + step, out.size)
        a_first, b_first = first if x_long else 0, first if y_long else 0
        status |= _binary_block(
            op,
            dtype,
            saturate,
            a[a_first : a_first + end - first],
            b[b_first : b_first + end - first],
            out[first:end],
        )
    return status


@jit
def _row(source: Array, first: int, end: int, size: int) -> Array:
    return source[first:end] if source.size == size else source


@jit
def binary(op: int, dtype: int, saturate: int, x: Array, y: Array, out: Array) -> int:
    """Compute ``out = x op y`` of packed elements of ``dtype`` (all ``uint8``, flat).

    ``op`` is an opcode (``codes.OPCODES``), ``dtype`` a type code. Short operands have one element or one
    vector. Returns ``DONE``, or ``UNSUPPORTED`` when the type has no such operation.
    """
    computed = max(x.size, y.size)
    result = out[:computed]
    row = computed
    for operand in (x, y):
        if BLOCK * element_bytes(dtype) < operand.size < computed:
            row = operand.size
    status = DONE
    for first in range(0, computed, max(row, 1)):
        end = first + row
        status |= _binary_blocks(
            op, dtype, saturate, _row(x, first, end, computed), _row(y, first, end, computed), result[first:end]
        )
    moves.repeat(computed, out)
    return status


@jit
def _special_block(op: int, dtype: int, saturate: int, x: Array, out: Array) -> int:
    a = _floats_of(dtype, x, stack_bytes(_BLOCK_BYTES))
    doubles = stack_bytes(_DOUBLE_BYTES).view(np.float64)[: a.size]
    values = stack_bytes(_BLOCK_BYTES).view(np.float32)[: a.size]
    status = special.unary(op, a, doubles)
    if dtype == FP32:
        round_doubles(doubles, values)
    else:
        round_doubles_to_odd(doubles, values.view(np.int32))
    narrow_floats(dtype, float_limit(dtype, saturate), values, out)
    return status


@jit
def _unary_floats(op: int, dtype: int, saturate: int, x: Array, out: Array) -> int:
    a = _floats_of(dtype, x, stack_bytes(_BLOCK_BYTES))
    values = stack_bytes(_BLOCK_BYTES).view(np.float32)[: a.size]
    status = floats.unary(op, a, values)
    narrow_floats(dtype, float_limit(dtype, saturate), values, out)
    return status


@jit
def _unary_integers(op: int, dtype: int, saturate: int, x: Array, out: Array) -> int:
    a = _integers_of(dtype, x, stack_bytes(_BLOCK_BYTES))
    if dtype == INT32:
        if saturate:
            return integers.unary_saturating(op, a, out.view(np.int32))
        return integers.unary_wrapping(op, a, out.view(np.int32))
    values = stack_bytes(_BLOCK_BYTES).view(np.int32)[: a.size]
    status = integers.unary_wrapping(op, a, values)
    narrow_integers(dtype, saturate, values, out)
    return status


@jit
def _unary_block(op: int, dtype: int, saturate: int, x: Array, out: Array) -> int:
    if is_float(dtype):
        if op in (_EXP, _TANH, _RSQRT):
            return _special_block(op, dtype, saturate, x, out)
        return _unary_floats(op, dtype, saturate, x, out)
    if op == _NOT:
        moves.invert(x, out)
        return DONE
    return _unary_integers(op, dtype, saturate, x, out)


@jit
def unary(op: int, dtype: int, saturate: int, x: Array, out: Array) -> int:
    """Compute ``out = op x`` of packed elements of ``dtype`` (``uint8``, flat).

    ``x`` may be one element or one vector. Returns ``DONE``, or ``UNSUPPORTED`` when the type has no such
    operation.
    """
    status = DONE
    if op == _COPY:
        moves.copy(x, out[: x.size])
    else:
        step = BLOCK * element_bytes(dtype)
        for first in range(0, x.size, step):
            end = min(first + step, x.size)
            status |= _unary_block(op, dtype, saturate, x[first:end], out[first:end])
    moves.repeat(x.size, out)
    return status
