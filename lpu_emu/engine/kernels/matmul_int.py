"""Integer products of the MXM: int8 or uint8 activations with int8 weights, exact sums in int32.

Activations are rows of lanes, ``uint8[rows, K]`` holding int8 or uint8: vector i is row ``a_first + i * a_step``.
Weights are ``uint8[N, K]`` holding int8, one row for each output lane. Results are rows of ``int32[rows, N]``,
vector i in row ``out_first + i * out_step``; they replace what is there or are added to it, wrapping. The rows of
one call must be different ones. K and N are multiples of 4.

Weights that meet more than ``FEW`` vectors are best packed once for all of them (``pack_int``, then
``matmul_int``); for fewer, ``stream_int`` reads every weight once, as it lies.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from lpu_emu.engine._jit import inner, jit, parallel
from lpu_emu.engine.kernels.bits import Array, stack_bytes, whole, word
from lpu_emu.engine.kernels.codes import DONE, UNSUPPORTED
from lpu_emu.engine.kernels.int_tiles import RAISED, ROWS, STAGED, STAGED_BYTES, WIDTH, half, single, tall
from lpu_emu.engine.kernels.stage import stage_row
from lpu_emu.engine.kernels.transpose import transpose_words

SCRATCH_BYTES = 96 * 1024
_HALF_ROWS = ROWS // 3
_BLOCK_ROWS = 48
_EDGE_BYTES = 4 * _BLOCK_ROWS * WIDTH


@inner
def _sum(weights: Array) -> int:
    total = 0
    for i in range(weights.size):
        total += word(weights[i])
    return total


@jit
def packed_int_words(n: int, k: int) -> int:
    """Return the length of the int32 array that holds packed weights of N rows over K lanes."""
    panels = (n + WIDTH - 1) // WIDTH
    return panels * WIDTH * (k // 4 + 2)


@jit
def pack_int(weights: Array, packed: Array) -> None:
    """Pack weights for ``matmul_int``: panels, what int8 sums start from, and as many zeros for uint8.

    ``packed`` is ``int32[packed_int_words(N, K)]``.
    """
    n, words = weights.shape[0], weights.shape[1] // 4
    columns = (n + WIDTH - 1) // WIDTH * WIDTH
    starts = packed[columns * words :]
    starts[:] = 0
    if n != columns:
        packed[(columns - WIDTH) * words : columns * words] = 0
    flat, width = weights.reshape(weights.size).view(np.int32), whole(WIDTH)
    for first in range(0, n, WIDTH):
        transpose_words(flat, first * words, min(WIDTH, n - first), words, packed, first * words, width)
    if RAISED:
        for row in range(n):
            starts[row] = -128 * _sum(weights[row].view(np.int8))


@inner
def _tiles(
    staged: Array,
    k: int,
    rows: int,
    packed: Array,
    panel: int,
    start: int,
    c: Array,
    c_first: int,
    c_step: int,
    add: int,
) -> None:
    """Multiply all rows of a block with one panel; results go to flat places of ``c``."""
    words, row = k // 4, 0
    while row + ROWS <= rows:
        tall(staged, row * k, k, packed, panel, words, packed, start, c, c_first + row * c_step, c_step, add)
        row += ROWS
    while row + _HALF_ROWS <= rows:
        half(staged, row * k, k, packed, panel, words, packed, start, c, c_first + row * c_step, c_step, add)
        row += _HALF_ROWS
    while row < rows:
        single(
            staged, row * k, k, packed, panel, words, packed, start, c, c_first + row * c_step, c_step, add
        )
        row += 1


@inner
def _merge(scratch: Array, rows: int, columns: int, c: Array, c_first: int, c_step: int, add: int) -> None:
    """Move the first columns of a panel that is only partly there."""
    for row in range(rows):
        for column in range(columns):
            before = c[c_first + row * c_step + column] if add else np.int32(0)
            c[c_first + row * c_step + column] = np.int32(scratch[row * WIDTH + column] + before)


@inner
def _block(
    staged: Array,
    k: int,
    rows: int,
    packed: Array,
    signed: int,
    n: int,
    c: Array,
    c_first: int,
    c_step: int,
    add: int,
) -> None:
    """Multiply a block of staged rows with all panels."""
    words, columns = k // 4, (n + WIDTH - 1) // WIDTH * WIDTH
    starts = columns * words + (0 if signed else columns)
    scratch = stack_bytes(_EDGE_BYTES).view(np.int32)
    full = n // WIDTH * WIDTH
    for first in range(0, full, WIDTH):
        _tiles(staged, k, rows, packed, first * words, starts + first, c, c_first + first, c_step, add)
    if full != n:
        none, width = whole(0), whole(WIDTH)
        _tiles(staged, k, rows, packed, full * words, starts + full, scratch, none, width, none)
        _merge(scratch, rows, n - full, c, c_first + full, c_step, add)


@jit
def matmul_int(
    a: Array,
    a_first: int,
    a_step: int,
    vectors: int,
    signed: int,
    packed: Array,
    out: Array,
    out_first: int,
    out_step: int,
    add: int,
) -> int:
    """Multiply ``vectors`` activation rows with packed weights; ``signed`` 1 for int8, 0 for uint8.

    ``add`` 1 adds to the rows of ``out``, 0 replaces them. Returns ``DONE``, or ``UNSUPPORTED`` when K or N is no
    multiple of 4 or a row is too long to be staged.
    """
    k, n = a.shape[1], out.shape[1]
    block = min(_BLOCK_ROWS, SCRATCH_BYTES // (STAGED_BYTES * max(k, 1)))
    if k % 4 or n % 4 or block == 0:
        return UNSUPPORTED
    staged = stack_bytes(SCRATCH_BYTES).view(STAGED)
    flat = out.reshape(out.size)
    for done in range(0, vectors, block):
        rows = min(block, vectors - done)
        for row in range(rows):
            stage_row(a[a_first + (done + row) * a_step], signed, staged[row * k : (row + 1) * k])
        _block(staged, k, rows, packed, signed, n, flat, (out_first + done * out_step) * n, out_step * n, add)
    return DONE


@parallel
def matmul_int_parallel(
    a: Array,
    a_first: int,
    a_step: int,
    vectors: int,
    signed: int,
    packed: Array,
    out: Array,
    out_first: int,
    out_step: int,
    add: int,
) -> int:
    """Do what ``matmul_int`` does, on all threads: each takes blocks of rows of its own."""
    tasks = (vectors + _BLOCK_ROWS - 1) // _BLOCK_ROWS
    status = 0
    for task in prange(tasks):
        done = task * _BLOCK_ROWS
        rows = min(_BLOCK_ROWS, vectors - done)
        first, place = a_first + done * a_step, out_first + done * out_step
        status += matmul_int(a, first, a_step, rows, signed, packed, out, place, out_step, add)
    return UNSUPPORTED if status else DONE
