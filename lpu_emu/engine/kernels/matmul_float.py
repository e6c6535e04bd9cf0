"""Float products of the MXM: exact products, float64 sums in ascending k, one rounding to float32.

Activations are rows of packed elements, ``uint8[rows, K * bytes]`` of fp16, bf16 or fp8: vector i is row
``a_first + i * a_step``, of which ``k_count`` lanes from ``k_first`` on take part. Weights are byte rows,
``uint8[N, K]``, one for each output lane: the low bytes and the high bytes, for fp8 the same array twice. Results are
rows of float32 patterns, ``int32[rows, N]``, vector i in row ``out_first + i * out_step``; they replace what is
there or are added to it in float32. The rows of one call must be different ones.

Weights that meet more than ``FEW`` vectors are best packed once for all of them (``pack_float``, then
``matmul_float``); ``stream_float`` packs panel by panel, in the nearest cache.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from lpu_emu.engine._jit import inner, jit, parallel
from lpu_emu.engine.kernels.accumulate import sum_of_patterns
from lpu_emu.engine.kernels.bits import Array, stack_bytes, whole, word
from lpu_emu.engine.kernels.codes import DONE, UNSUPPORTED, element_bytes
from lpu_emu.engine.kernels.float_tiles import ROWS, WIDTH, half, single, tall
from lpu_emu.engine.kernels.planes import join2
from lpu_emu.engine.kernels.transpose import transpose_words
from lpu_emu.engine.kernels.widen import widen_floats

FEW = 24
SCRATCH_BYTES = 96 * 1024
_BLOCK_ROWS = 24
_HALF_ROWS = ROWS // 3
_EDGE_BYTES = 4 * _BLOCK_ROWS * WIDTH
_GROUP = 8


@inner
def _widen_row(dtype: int, low: Array, high: Array, out: Array) -> None:
    """Fill ``out`` (float32) with the weights of one row."""
    if element_bytes(dtype) == 1:
        widen_floats(dtype, low, out)
    else:
        joined = stack_bytes(SCRATCH_BYTES)[: 2 * low.size]
        join2(low, high, joined.view(np.int16))
        widen_floats(dtype, joined, out)


@inner
def _pack_panel(
    dtype: int, low: Array, high: Array, first: int, count: int, panel: Array, place: int
) -> None:
    """Widen the weights of ``count`` rows and turn them into a panel at a place of ``panel`` (int32 patterns)."""
    k = low.shape[1]
    widened = stack_bytes(SCRATCH_BYTES).view(np.int32)
    for group in range(0, count, _GROUP):
        rows = min(_GROUP, count - group)
        for i in range(rows):
            row = first + group + i
            _widen_row(dtype, low[row], high[row], widened[i * k : (i + 1) * k].view(np.float32))
        transpose_words(widened, whole(0), rows, k, panel, place + group, whole(WIDTH))


@jit
def packed_float_words(n: int, k: int) -> int:
    """Return the length of the float32 array that holds packed weights of N rows over K lanes."""
    return (n + WIDTH - 1) // WIDTH * WIDTH * k


@jit
def pack_float(dtype: int, low: Array, high: Array, packed: Array) -> int:
    """Pack weights for ``matmul_float`` into ``packed``, ``float32[packed_float_words(N, K)]``.

    Returns ``DONE``, or ``UNSUPPORTED`` when a row is too long.
    """
    n, k = low.shape
    if 4 * _GROUP * k > SCRATCH_BYTES:
        return UNSUPPORTED
    patterns = packed.view(np.int32)
    if n % WIDTH:
        patterns[n // WIDTH * WIDTH * k :] = 0
    for first in range(0, n, WIDTH):
        _pack_panel(dtype, low, high, first, min(WIDTH, n - first), patterns, first * k)
    return DONE


@inner
def _stage(dtype: int, row: Array, k_first: int, k_count: int, out: Array) -> None:
    """Widen the lanes of an activation row that take part to float64."""
    size = element_bytes(dtype)
    values = stack_bytes(SCRATCH_BYTES).view(np.float32)[:k_count]
    widen_floats(dtype, row[k_first * size : (k_first + k_count) * size], values)
    for i in range(k_count):
        out[i] = values[i]


@inner
def _tiles(
    staged: Array, k: int, rows: int, panel: Array, place: int, c: Array, c_first: int, c_step: int, add: int
) -> None:
    """Multiply all rows of a block with one panel; results go to flat places of ``c``."""
    row, none = 0, whole(0)
    while row + ROWS <= rows:
        tall(staged, row * k, k, panel, place, k, panel, none, c, c_first + row * c_step, c_step, add)
        row += ROWS
    while row + _HALF_ROWS <= rows:
        half(staged, row * k, k, panel, place, k, panel, none, c, c_first + row * c_step, c_step, add)
        row += _HALF_ROWS
    while row < rows:
        single(staged, row * k, k, panel, place, k, panel, none, c, c_first + row * c_step, c_step, add)
        row += 1


@inner
def _panel(
    staged: Array,
    k: int,
    rows: int,
    panel: Array,
    place: int,
    columns: int,
    c: Array,
    c_first: int,
    c_step: int,
    add: int,
) -> None:
    """Multiply a block with one panel, of which the first columns are there."""
    if columns == WIDTH:
        _tiles(staged, k, rows, panel, place, c, c_first, c_step, add)
        return
    scratch, none = stack_bytes(_EDGE_BYTES).view(np.int32), whole(0)
    _tiles(staged, k, rows, panel, place, scratch, none, whole(WIDTH), none)
    for row in range(rows):
        for column in range(columns):
            new, there = scratch[row * WIDTH + column], c_first + row * c_step + column
            c[there] = sum_of_patterns(c[there], new) if add else new


@inner
def _clear(rows: int, n: int, c: Array, c_first: int, c_step: int, add: int) -> None:
    """Write the sums of no products: +0, or +0 added."""
    for row in range(rows):
        for column in range(n):
            there = c_first + row * c_step + column
            c[there] = sum_of_patterns(c[there], word(0)) if add else np.int32(0)


@inner
def _block_rows(k_count: int, vectors: int) -> int:
    """Return how many rows to stage at a time; 0 when not even one fits."""
    return min(_BLOCK_ROWS, vectors, SCRATCH_BYTES // (8 * max(k_count, 1)))


@jit
def matmul_float(
    dtype: int,
    a: Array,
    a_first: int,
    a_step: int,
    vectors: int,
    k_first: int,
    k_count: int,
    packed: Array,
    out: Array,
    out_first: int,
    out_step: int,
    add: int,
) -> int:
    """Multiply ``vectors`` activation rows of type ``dtype`` with packed weights.

    ``add`` 1 adds to the rows of ``out``, 0 replaces them. Returns ``DONE``, or ``UNSUPPORTED`` when a row is too long.
    """
    n, k = out.shape[1], a.shape[1] // element_bytes(dtype)
    block = _block_rows(k_count, vectors)
    if vectors and block == 0:
        return UNSUPPORTED
    staged = stack_bytes(SCRATCH_BYTES).view(np.float64)
    flat, patterns = out.reshape(out.size), packed.view(np.int32)
    for done in range(0, vectors, max(block, 1)):
        rows, c_first = min(block, vectors - done), (out_first + done * out_step) * n
        for row in range(rows):
            _stage(
                dtype,
                a[a_first + (done + row) * a_step],
                k_first,
                k_count,
                staged[row * k_count : (row + 1) * k_count],
            )
        if k_count == 0:
            _clear(rows, n, flat, c_first, out_step * n, add)
            continue
        for first in range(0, n, WIDTH):
            columns, place = min(WIDTH, n - first), first * k + k_first * WIDTH
            _panel(staged, k_count, rows, patterns, place, columns, flat, c_first + first, out_step * n, add)
    return DONE


@jit
def stream_float(
    dtype: int,
    a: Array,
    a_first: int,
    a_step: int,
    vectors: int,
    k_first: int,
    k_count: int,
    low: Array,
    high: Array,
    out: Array,
    out_first: int,
    out_step: int,
    add: int,
) -> int:
    """Multiply at most ``FEW`` activation rows with weights that lie in byte rows; else as ``matmul_float``.

    Returns ``DONE``, or ``UNSUPPORTED`` when there are more rows, or a row is too long.
    """
    n, k = low.shape
    if vectors > FEW or _block_rows(k_count, vectors) < vectors or 4 * max(WIDTH, _GROUP) * k > SCRATCH_BYTES:
        return UNSUPPORTED
    staged = stack_bytes(SCRATCH_BYTES).view(np.float64)
    panel = stack_bytes(SCRATCH_BYTES).view(np.int32)
    flat, c_first, c_step = out.reshape(out.size), out_first * n, out_step * n
    for row in range(vectors):
        _stage(
            dtype, a[a_first + row * a_step], k_first, k_count, staged[row * k_count : (row + 1) * k_count]
        )
    if k_count == 0:
        _clear(vectors, n, flat, c_first, c_step, add)
        return DONE
    place, none = k_first * WIDTH, whole(0)
    for first in range(0, n, WIDTH):
        columns = min(WIDTH, n - first)
        _pack_panel(dtype, low, high, first, columns, panel, none)
        _panel(staged, k_count, vectors, panel, place, columns, flat, c_first + first, c_step, add)
    return DONE


@parallel
def matmul_float_parallel(
    dtype: int,
    a: Array,
    a_first: int,
    a_step: int,
    vectors: int,
    k_first: int,
    k_count: int,
    packed: Array,
    out: Array,
    out_first: int,
    out_step: int,
    add: int,
) -> int:
    """Do what ``matmul_float`` does, on all threads: each takes blocks of rows of its own."""
    tasks = (vectors + _BLOCK_ROWS - 1) // _BLOCK_ROWS
    status = 0
    for task in prange(tasks):
        done = task * _BLOCK_ROWS
        rows = min(_BLOCK_ROWS, vectors - done)
        first, place = a_first + done * a_step, out_first + done * out_step
        status += matmul_float(
            dtype, a, first, a_step, rows, k_first, k_count, packed, out, place, out_step, add
        )
    return UNSUPPORTED if status else DONE
