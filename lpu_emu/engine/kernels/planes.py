"""Byte planes, one vector per row, to and from packed little-endian elements.

Planes are ``uint8[rows, lanes]``. Vector i of a plane is the row ``first + i * step``; every plane of a group
has its own array, first row and step. Packed elements are ``uint8[vectors * lanes * bytes]``, and
their length says how many vectors there are. Plane 0 is the lowest byte.
"""

from __future__ import annotations

import numpy as np

from lpu_emu.engine._jit import inner, jit
from lpu_emu.engine.kernels import moves
from lpu_emu.engine.kernels.bits import Array


@inner
def join2(low: Array, high: Array, out: Array) -> None:
    """Fill ``out`` (int16) with the elements of a low and a high byte plane."""
    for i in range(out.size):
        out[i] = np.int16(low[i]) | np.int16(np.int16(high[i]) << np.int16(8))


@inner
def _join4(a: Array, b: Array, c: Array, d: Array, out: Array) -> None:
    for i in range(out.size):
        low = np.int32(a[i]) | (np.int32(b[i]) << np.int32(8))
        high = np.int32(c[i]) | (np.int32(d[i]) << np.int32(8))
        out[i] = np.int32(low | (high << np.int32(16)))


@inner
def _split2(x: Array, low: Array, high: Array) -> None:
    for i in range(x.size):
        low[i] = np.uint8(x[i])
        high[i] = np.uint8(x[i] >> np.int16(8))


@inner
def _split4(x: Array, a: Array, b: Array, c: Array, d: Array) -> None:
    for i in range(x.size):
        a[i] = np.uint8(x[i])
        b[i] = np.uint8(x[i] >> np.int32(8))
        c[i] = np.uint8(x[i] >> np.int32(16))
        d[i] = np.uint8(x[i] >> np.int32(24))


@jit
def copy_rows(
    x: Array, x_first: int, x_step: int, out: Array, out_first: int, out_step: int, vectors: int
) -> None:
    """Copy rows of one plane to rows of another, in ascending order."""
    for i in range(vectors):
        moves.copy(x[x_first + i * x_step], out[out_first + i * out_step])


@jit
def pack1(a: Array, a_first: int, a_step: int, out: Array) -> None:
    """Pack one plane: its rows, one after the other."""
    lanes = a.shape[1]
    for i in range(out.size // lanes):
        moves.copy(a[a_first + i * a_step], out[i * lanes : (i + 1) * lanes])


@jit
def pack2(a: Array, a_first: int, a_step: int, b: Array, b_first: int, b_step: int, out: Array) -> None:
    """Pack two planes to elements of two bytes."""
    lanes, elements = a.shape[1], out.view(np.int16)
    for i in range(elements.size // lanes):
        join2(a[a_first + i * a_step], b[b_first + i * b_step], elements[i * lanes : (i + 1) * lanes])


@jit
def pack4(
    a: Array,
    a_first: int,
    a_step: int,
    b: Array,
    b_first: int,
    b_step: int,
    c: Array,
    c_first: int,
    c_step: int,
    d: Array,
    d_first: int,
    d_step: int,
    out: Array,
) -> None:
    """Pack four planes to elements of four bytes."""
    lanes, elements = a.shape[1], out.view(np.int32)
    for i in range(elements.size // lanes):
        _join4(
            a[a_first + i * a_step],
            b[b_first + i * b_step],
            c[c_first + i * c_step],
            d[d_first + i * d_step],
            elements[i * lanes : (i + 1) * lanes],
        )


@jit
def unpack1(x: Array, a: Array, a_first: int, a_step: int) -> None:
    """Unpack elements of one byte to rows of a plane."""
    lanes = a.shape[1]
    for i in range(x.size // lanes):
        moves.copy(x[i * lanes : (i + 1) * lanes], a[a_first + i * a_step])


@jit
def unpack2(x: Array, a: Array, a_first: int, a_step: int, b: Array, b_first: int, b_step: int) -> None:
    """Unpack elements of two bytes to two planes."""
    lanes, elements = a.shape[1], x.view(np.int16)
    for i in range(elements.size // lanes):
        _split2(elements[i * lanes : (i + 1) * lanes], a[a_first + i * a_step], b[b_first + i * b_step])


@jit
def unpack4(
    x: Array,
    a: Array,
    a_first: int,
    a_step: int,
    b: Array,
    b_first: int,
    b_step: int,
    c: Array,
    c_first: int,
    c_step: int,
    d: Array,
    d_first: int,
    d_step: int,
) -> None:
    """Unpack elements of four bytes to four planes."""
    lanes, elements = a.shape[1], x.view(np.int32)
    for i in range(elements.size // lanes):
        _split4(
            elements[i * lanes : (i + 1) * lanes],
            a[a_first + i * a_step],
            b[b_first + i * b_step],
            c[c_first + i * c_step],
            d[d_first + i * d_step],
        )
