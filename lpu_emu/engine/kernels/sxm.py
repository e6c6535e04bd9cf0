"""Moves between lanes: bytes change places, and nothing else.

Vectors are rows of ``uint8[rows, lanes]``: vector i of an argument is its row ``first + i * step``. A step of 0
uses one row for all vectors. Wide elements move plane by plane. Results may not overlap operands.
"""

from __future__ import annotations

import numpy as np

from lpu_emu.engine._jit import inner, jit
from lpu_emu.engine.kernels import moves
from lpu_emu.engine.kernels.bits import Array, stack_bytes
from lpu_emu.engine.kernels.transpose import BYTE_EDGE, byte_square

# Tables on the stack: chips may have this many lanes.
MAX_LANES = 8192
_BYTES = MAX_LANES
_PADDED_BYTES = 3 * MAX_LANES
_ORDER_BYTES = 2 * MAX_LANES
_SQUARE_BYTES = BYTE_EDGE * BYTE_EDGE


@inner
def _clear(out: Array) -> None:
    for i in range(out.size):
        out[i] = 0


@jit
def shift(
    x: Array,
    x_first: int,
    x_step: int,
    distance: int,
    mask: int,
    superlane: int,
    out: Array,
    out_first: int,
    out_step: int,
    vectors: int,
) -> None:
    """Shift lanes: lane i takes lane i - ``distance``, or zero where there is none.

    ``distance`` is positive upwards and negative downwards. Superlanes of ``superlane`` lanes whose bit of ``mask``
    is clear keep their lanes.
    """
    lanes = x.shape[1]
    up, down = min(max(distance, 0), lanes), min(max(-distance, 0), lanes)
    for i in range(vectors):
        row, result = x[x_first + i * x_step], out[out_first + i * out_step]
        _clear(result[:up])
        moves.copy(row[down : lanes - up], result[up : lanes - down])
        _clear(result[lanes - down :])
        for first in range(0, lanes, superlane):
            if not (mask >> (first // superlane)) & 1:
                moves.copy(row[first : first + superlane], result[first : first + superlane])


@inner
def _order(low: Array, high: Array, order: Array) -> int:
    """Read a map into ``order``; return 1 when it is a bijection, else put the identity there and return 0."""
    lanes = order.size
    seen = stack_bytes(_BYTES)[:lanes]
    _clear(seen)
    found = 0
    for lane in range(lanes):
        source = np.uint16(np.int32(low[lane]) | (np.int32(high[lane]) << np.int32(8)))
        order[lane] = source
        if source < lanes and seen[source] == 0:
            seen[source] = 1
            found += 1
    if found != lanes:
        for lane in range(lanes):
            order[lane] = lane
    return int(found == lanes)


@inner
def _take(x: Array, order: Array, out: Array) -> None:
    for lane in range(out.size):
        out[lane] = x[order[lane]]


@jit
def permute(
    x: Array,
    x_first: int,
    x_step: int,
    low: Array,
    low_first: int,
    low_step: int,
    high: Array,
    high_first: int,
    high_step: int,
    out: Array,
    out_first: int,
    out_step: int,
    vectors: int,
) -> int:
    """Permute lanes: lane i takes lane map[i], the map having a plane of low and one of high bytes.

    Returns the first vector whose map is not a bijection of the lanes, or -1. Such a vector moves unpermuted.
    """
    order = stack_bytes(_ORDER_BYTES).view(np.uint16)[: x.shape[1]]
    faulty = -1
    for i in range(vectors):
        if i == 0 or low_step != 0 or high_step != 0:
            good = _order(low[low_first + i * low_step], high[high_first + i * high_step], order)
            faulty = i if faulty < 0 and not good else faulty
        _take(x[x_first + i * x_step], order, out[out_first + i * out_step])
    return faulty


@inner
def _distribute(x: Array, map_: Array, out: Array) -> None:
    for lane in range(out.size):
        source = map_[lane]
        out[lane] = x[source] if source < x.size else np.uint8(0)


@jit
def distribute(
    x: Array,
    x_first: int,
    x_step: int,
    map_: Array,
    map_first: int,
    map_step: int,
    superlane: int,
    out: Array,
    out_first: int,
    out_step: int,
    vectors: int,
) -> None:
    """Distribute one stream: in each superlane lane l takes lane map[l], or zero where there is no such lane."""
    for i in range(vectors):
        row, sources, result = (
            x[x_first + i * x_step],
            map_[map_first + i * map_step],
            out[out_first + i * out_step],
        )
        for first in range(0, row.size, superlane):
            end = first + superlane
            _distribute(row[first:end], sources[first:end], result[first:end])


@inner
def _choose(wraps: Array, behind: Array, ahead: Array, out: Array) -> None:
    for lane in range(out.size):
        out[lane] = behind[lane] if wraps[lane] != 0 else ahead[lane]


@jit
def rotate(
    x: Array,
    x_first: int,
    x_step: int,
    step: int,
    superlane: int,
    out: Array,
    out_first: int,
    out_step: int,
    vectors: int,
) -> None:
    """Turn one stream: in each superlane lane l takes lane l + ``step``, modulo the superlane."""
    lanes, turn = x.shape[1], step % superlane
    wraps = stack_bytes(_BYTES)[:lanes]
    for lane in range(lanes):
        wraps[lane] = int(lane % superlane + turn >= superlane)
    padded = stack_bytes(_PADDED_BYTES)[: lanes + 2 * superlane]
    _clear(padded)
    for i in range(vectors):
        moves.copy(x[x_first + i * x_step], padded[superlane : superlane + lanes])
        _choose(wraps, padded[turn:], padded[superlane + turn :], out[out_first + i * out_step])


@inner
def _transpose_bytes(x: Array, x_rows: Array, out: Array, out_rows: Array, t: int, lanes: int) -> None:
    """Transpose the superlanes of one vector of each stream; superlanes have 16 lanes."""
    before, after = stack_bytes(_SQUARE_BYTES), stack_bytes(_SQUARE_BYTES)
    edge, none = np.int64(BYTE_EDGE), np.int64(0)
    for first in range(0, lanes, BYTE_EDGE):
        for i in range(BYTE_EDGE):
            moves.copy16(x, (x_rows[i] + t) * lanes + first, before, i * BYTE_EDGE)
        byte_square(before, none, edge, after, none, edge)
        for i in range(BYTE_EDGE):
            moves.copy16(after, i * BYTE_EDGE, out, (out_rows[i] + t) * lanes + first)


@jit
def transpose(x: Array, x_rows: Array, out: Array, out_rows: Array, vectors: int) -> None:
    """Transpose each superlane: stream i lane j goes to stream j lane i.

    Vector t of stream i is row ``x_rows[i] + t`` of ``x`` and ``out_rows[i] + t`` of ``out``: int64 arrays with an entry
    for each lane of a superlane.
    """
    lanes, superlane = x.shape[1], x_rows.size
    for t in range(vectors):
        if superlane == BYTE_EDGE:
            _transpose_bytes(x, x_rows, out, out_rows, t, lanes)
        else:
            for first in range(0, lanes, superlane):
                for i in range(superlane):
                    for j in range(superlane):
                        out[out_rows[j] + t, first + i] = x[x_rows[i] + t, first + j]
