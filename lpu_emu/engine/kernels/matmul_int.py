"""Integer products of the MXM: int8 or uint8 activations with int8 weights, exact sums in int32.

Activations are rows of lanes, ``uint8[rows, K]`` holding int8 or uint8: vector i is row ``a_first + i * a_step``.
Weights are rows of K bytes holding int8, one for each of N output lanes, anywhere in flat ``memory``: ``rows``
(int64[N]) says where. Results are rows ``out`` int32[vectors, N]: the products, or with ``add`` 1 their wrapping sums
with the rows ``i * before_step`` of ``before``. K and N are multiples of 4.

Weights that meet more than ``FEW`` vectors are best packed once for all of them (``pack_int``, then
``matmul_int``); for fewer, ``stream_int`` reads every weight once, as it lies. A packed panel ends after the last k for
which it has a weight that is not zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lpu_emu.engine._jit import inner, jit
from lpu_emu.engine.kernels import moves
from lpu_emu.engine.kernels.bits import Array, stack_bytes, whole
from lpu_emu.engine.kernels.blocks import make_block, padded
from lpu_emu.engine.kernels.codes import DONE, UNSUPPORTED
from lpu_emu.engine.kernels.int_tiles import (
    HALF_ROWS,
    PITCH,
    RAISED,
    ROWS,
    STAGED,
    STAGED_BYTES,
    WIDTH,
    half,
    tall,
)
from lpu_emu.engine.kernels.stage import stage_row
from lpu_emu.engine.kernels.transpose import transpose_words

_BLOCK_ROWS = 48
_STAGED_BYTES = STAGED_BYTES * _BLOCK_ROWS * PITCH
_GROUP = 8
_GROUP_BYTES = _GROUP * PITCH


@inner
def _plus(before: int, result: int) -> Any:
    return np.int32(before + result)


_block = make_block(tall, half, ROWS, HALF_ROWS, WIDTH, PITCH, _plus)


@inner
def _sum(weights: Array) -> Any:
    total = np.int32(0)
    for i in range(weights.size):
        total = np.int32(total + np.int32(weights[i]))
    return total


@inner
def _panels(n: int) -> int:
    return (n + WIDTH - 1) // WIDTH


@jit
def int_panels(n: int) -> int:
    """Return the number of panels of weights of N rows."""
    return _panels(n)


@jit
def packed_int_words(n: int, k: int) -> int:
    """Return the length of the int32 array that holds packed weights of N rows over K lanes.

    It begins with the panels; then come what int8 sums start from, as many zeros for uint8, and the ends of panels.
    """
    return _panels(n) * (WIDTH * (k // 4 + 2) + 1)


@inner
def _pack_panel(memory: Array, rows: Array, first: int, k: int, packed: Array, starts: int) -> int:
    """Pack the panel of the rows from ``first`` on, and what their sums start from; return where it ends."""
    words, place = k // 4, first * (k // 4)
    joined, count = stack_bytes(_GROUP_BYTES), min(WIDTH, rows.size - first)
    if count < WIDTH:
        packed[place : place + WIDTH * words] = 0
        packed[starts + first : starts + first + WIDTH] = 0
    for group in range(0, count, _GROUP):
        number = min(_GROUP, count - group)
        for i in range(number):
            row = rows[first + group + i]
            moves.copy(memory[row : row + k], joined[i * k : (i + 1) * k])
            if RAISED:
                packed[starts + first + group + i] = -128 * _sum(joined[i * k : (i + 1) * k].view(np.int8))
            else:
                packed[starts + first + group + i] = 0
        transpose_words(joined.view(np.int32), whole(0), number, words, packed, place + group, whole(WIDTH))
    end = place + WIDTH * words
    while end > place and packed[end - 1] == 0:
        end -= 1
    return int((end - place + WIDTH - 1) // WIDTH)


@jit
def pack_int(memory: Array, rows: Array, k: int, first: int, panels: int, packed: Array) -> int:
    """Pack some panels of weights for ``matmul_int`` into ``packed``, ``int32[packed_int_words(N, K)]``.

    Returns ``DONE``, or ``UNSUPPORTED`` when a row is too long.
    """
    if k > PITCH:
        return UNSUPPORTED
    columns = _panels(rows.size) * WIDTH
    starts = columns * (k // 4)
    zeros, ends = starts + columns, starts + 2 * columns
    for panel in range(first, first + panels):
        packed[ends + panel] = _pack_panel(memory, rows, panel * WIDTH, k, packed, starts)
        packed[zeros + panel * WIDTH : zeros + (panel + 1) * WIDTH] = 0
    return DONE


@jit
def matmul_int(
    a: Array,
    a_first: int,
    a_step: int,
    signed: int,
    packed: Array,
    before: Array,
    before_step: int,
    out: Array,
    add: int,
) -> int:
    """Multiply as many activation rows as ``out`` has with packed weights; ``signed`` 1 for int8, 0 for uint8.

    Returns ``DONE``, or ``UNSUPPORTED`` when K or N is no multiple of 4 or a row is too long to be staged.
    """
    k, vectors, n = a.shape[1], out.shape[0], out.shape[1]
    if k % 4 or n % 4 or k > PITCH:
        return UNSUPPORTED
    staged, panels = stack_bytes(_STAGED_BYTES).view(STAGED), _panels(n)
    starts = panels * WIDTH * (k // 4) + (0 if signed else panels * WIDTH)
    ends = panels * WIDTH * (k // 4 + 2)
    flat, old = out.reshape(out.size), before.reshape(before.size)
    for done in range(0, vectors, _BLOCK_ROWS):
        rows = min(_BLOCK_ROWS, vectors - done)
        for row in range(padded(rows, HALF_ROWS)):
            values = staged[row * PITCH : row * PITCH + k]
            if row < rows:
                stage_row(a[a_first + (done + row) * a_step], signed, values)
            else:
                values[:] = 0
        for panel in range(panels):
            first, steps = panel * WIDTH, max(np.int64(packed[ends + panel]), 1)
            _block(
                staged, rows, packed, first * (k // 4), steps, starts + first, min(WIDTH, n - first),
                old, done * before_step * n + first, before_step * n, flat, done * n + first, n, add,
            )  # fmt: skip
    return DONE
