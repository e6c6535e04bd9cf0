"""The vector operations: packed elements in, packed elements out.

Operands and results are flat ``uint8`` arrays of little-endian elements. The result decides how many there
are. An operand may be shorter: one vector (a latch) or one element (an immediate), whose length divides
that of the result; it is used again and again and never written out in full. ``out`` may be an operand
itself, but may not overlap one otherwise. Work goes block by block through buffers that stay in the
nearest cache, in int32, float32 or float64 lanes.
"""

from __future__ import annotations

import numpy as np

from lpu_emu.engine._jit import inner, jit
from lpu_emu.engine.kernels import byte_sums, floats, integers, moves, special
from lpu_emu.engine.kernels.bits import Array, stack_bytes, whole
from lpu_emu.engine.kernels.codes import DONE, FP32, INT32, OPCODES, element_bytes, is_float
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
# Not powers of two: buffers a multiple of 4 KiB apart would hinder each other's loads and stores.
BLOCK_BYTES = 4 * BLOCK + 192
DOUBLE_BYTES = 8 * BLOCK + 448


@inner
def _binary_integers(op: int, dtype: int, saturate: int, x: Array, y: Array, out: Array) -> int:
    if byte_sums.has(op, dtype):
        byte_sums.binary(op, dtype, saturate, x, y, out)
        return DONE
    count, direct = out.size // element_bytes(dtype), dtype == INT32
    a = (x if direct else stack_bytes(BLOCK_BYTES)).view(np.int32)[:count]
    b = (y if direct else stack_bytes(BLOCK_BYTES)).view(np.int32)[:count]
    values = (out if direct else stack_bytes(BLOCK_BYTES)).view(np.int32)[:count]
    if direct:
        return integers.binary(op, saturate, a, b, whole(31), values)
    widen_integers(dtype, x, a)
    widen_integers(dtype, y, b)
    status = integers.binary(op, whole(0), a, b, 8 * element_bytes(dtype) - 1, values)
    narrow_integers(dtype, saturate, values, out)
    return status


@inner
def _binary_floats(op: int, dtype: int, saturate: int, x: Array, y: Array, out: Array) -> int:
    count, direct = out.size // element_bytes(dtype), dtype == FP32
    a = (x if direct else stack_bytes(BLOCK_BYTES)).view(np.float32)[:count]
    b = (y if direct else stack_bytes(BLOCK_BYTES)).view(np.float32)[:count]
    values = stack_bytes(BLOCK_BYTES).view(np.float32)[:count]
    if not direct:
        widen_floats(dtype, x, a)
        widen_floats(dtype, y, b)
    status = floats.binary(op, a, b, values)
    narrow_floats(dtype, float_limit(dtype, saturate), values, out)
    return status


@inner
def _repeated_bytes(size: int, room: int) -> int:
    """Return how many bytes of repetitions of an operand fit into ``room``: its own size if less than two."""
    return room // size * size if 0 < 2 * size <= room else size


@jit
def binary(op: int, dtype: int, saturate: int, x: Array, y: Array, out: Array) -> int:
    """Compute ``out = x op y`` of packed elements of ``dtype`` (all ``uint8``, flat).

    ``op`` is an opcode (``codes.OPCODES``), ``dtype`` a type code (``codes.TYPES``), ``saturate`` 0 or 1.
    Returns ``DONE``, or ``UNSUPPORTED`` when the type has no such operation.
    """
    size = max(x.size, y.size)
    block = BLOCK * element_bytes(dtype)
    x_bytes = _repeated_bytes(x.size, min(size, block))
    y_bytes = _repeated_bytes(y.size, min(size, block))
    a = x if x_bytes == x.size else stack_bytes(BLOCK_BYTES)[:x_bytes]
    b = y if y_bytes == y.size else stack_bytes(BLOCK_BYTES)[:y_bytes]
    if x_bytes != x.size:
        moves.fill(x, a)
    if y_bytes != y.size:
        moves.fill(y, b)
    status, first, a_first, b_first = DONE, 0, 0, 0
    while first < size:
        count = min(block, size - first, a.size - a_first, b.size - b_first)
        left, right = a[a_first : a_first + count], b[b_first : b_first + count]
        result = out[first : first + count]
        if op == _MASK:
            moves.mask(element_bytes(dtype), left, right, result)
        elif is_float(dtype):
            status |= _binary_floats(op, dtype, saturate, left, right, result)
        elif op == _AND or op == _OR or op == _XOR:  # noqa: SIM109 (a tuple compiles to a loop)
            moves.logic(op, left, right, result)
        else:
            status |= _binary_integers(op, dtype, saturate, left, right, result)
        first, a_first, b_first = first + count, a_first + count, b_first + count
        a_first = 0 if a_first == a.size else a_first
        b_first = 0 if b_first == b.size else b_first
    moves.repeat(size, out)
    return status


@inner
def _special_block(op: int, dtype: int, saturate: int, x: Array, out: Array) -> int:
    count = out.size // element_bytes(dtype)
    doubles = stack_bytes(DOUBLE_BYTES).view(np.float64)[:count]
    values = stack_bytes(BLOCK_BYTES).view(np.float32)[:count]
    widen_floats(dtype, x, values)
    status = special.unary(op, values, doubles)
    if dtype == FP32:
        round_doubles(doubles, values)
    else:
        round_doubles_to_odd(doubles, values.view(np.int32))
    narrow_floats(dtype, float_limit(dtype, saturate), values, out)
    return status


@inner
def _unary_floats(op: int, dtype: int, saturate: int, x: Array, out: Array) -> int:
    count = out.size // element_bytes(dtype)
    a = stack_bytes(BLOCK_BYTES).view(np.float32)[:count]
    values = stack_bytes(BLOCK_BYTES).view(np.float32)[:count]
    widen_floats(dtype, x, a)
    status = floats.unary(op, a, values)
    narrow_floats(dtype, float_limit(dtype, saturate), values, out)
    return status


@inner
def _unary_integers(op: int, dtype: int, saturate: int, x: Array, out: Array) -> int:
    count, direct = out.size // element_bytes(dtype), dtype == INT32
    a = (x if direct else stack_bytes(BLOCK_BYTES)).view(np.int32)[:count]
    values = (out if direct else stack_bytes(BLOCK_BYTES)).view(np.int32)[:count]
    if direct:
        return integers.unary(op, saturate, a, values)
    widen_integers(dtype, x, a)
    status = integers.unary(op, whole(0), a, values)
    narrow_integers(dtype, saturate, values, out)
    return status


@jit
def unary(op: int, dtype: int, saturate: int, x: Array, out: Array) -> int:
    """Compute ``out = op x`` of packed elements of ``dtype`` (``uint8``, flat); arguments as for ``binary``.

    Returns ``DONE``, or ``UNSUPPORTED`` when the type has no such operation.
    """
    block = BLOCK * element_bytes(dtype)
    status = DONE
    for first in range(0, x.size, block):
        end = min(first + block, x.size)
        values, result = x[first:end], out[first:end]
        if op == _COPY:
            moves.copy(values, result)
        elif is_float(dtype):
            if op == _EXP or op == _TANH or op == _RSQRT:  # noqa: SIM109 (a tuple compiles to a loop)
                status |= _special_block(op, dtype, saturate, values, result)
            else:
                status |= _unary_floats(op, dtype, saturate, values, result)
        elif op == _NOT:
            moves.invert(values, result)
        else:
            status |= _unary_integers(op, dtype, saturate, values, result)
    moves.repeat(x.size, out)
    return status
