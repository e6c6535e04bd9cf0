"""Float products of the MXM: exact products, float64 sums in ascending k, one rounding to float32.

Activations are rows of packed elements, ``uint8[rows, K * bytes]`` of fp16, bf16 or fp8: vector i is row
``a_first + i * a_step``, of which ``k_count`` lanes from ``k_first`` on take part. Weights are byte rows of K lanes,
one for each of N output lanes, anywhere in flat ``memory``: ``low`` and ``high`` (int64[N]) say where the low and the
high bytes lie, for fp8 both the same. Results are rows of float32 patterns, ``out`` int32[vectors, N]: the products, or
with ``add`` 1 their float32 sums with the rows ``i * before_step`` of ``before``.

Weights that meet more than ``FEW`` vectors are best packed once for all of them (``pack_float``, then
``matmul_float``); ``stream_float`` packs panel by panel, in the nearest cache. A panel ends after the last k for which it
has a weight that is not zero: what follows adds zeros, unless an activation is infinite or NaN.
"""

from __future__ import annotations

import numpy as np

from lpu_emu.engine._jit import inner, jit
from lpu_emu.engine.kernels.accumulate import sum_of_patterns
from lpu_emu.engine.kernels.bits import Array, stack_bytes, whole, word
from lpu_emu.engine.kernels.blocks import make_block, padded
from lpu_emu.engine.kernels.codes import DONE, UNSUPPORTED, element_bytes
from lpu_emu.engine.kernels.float_tiles import HALF_ROWS, PITCH, ROWS, WIDTH, half, tall
from lpu_emu.engine.kernels.planes import join2
from lpu_emu.engine.kernels.transpose import transpose_words
from lpu_emu.engine.kernels.widen import widen_floats

FEW = 12
SCRATCH_BYTES = 96 * 1024
_BLOCK_ROWS = 12
_STAGED_BYTES = 8 * _BLOCK_ROWS * PITCH
_PANEL_BYTES = 8 * WIDTH * PITCH
_GROUP = 8
_INFINITE = 0x7FF0 << 48
_MAGNITUDE = (1 << 63) - 1

_block = make_block(tall, half, ROWS, HALF_ROWS, WIDTH, PITCH, sum_of_patterns)


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
    dtype: int, memory: Array, low: Array, high: Array, first: int, k: int, panel: Array, place: int
) -> int:
    """Widen the weights of rows from ``first`` on and turn them into a panel; return where it ends."""
    widened = stack_bytes(SCRATCH_BYTES).view(np.float32)
    count = min(WIDTH, low.size - first)
    if count < WIDTH:
        panel[place : place + WIDTH * k] = 0.0
    for group in range(0, count, _GROUP):
        rows = min(_GROUP, count - group)
        for i in range(rows):
            lower, upper = low[first + group + i], high[first + group + i]
            _widen_row(
                dtype, memory[lower : lower + k], memory[upper : upper + k], widened[i * k : (i + 1) * k]
            )
        transpose_words(widened, whole(0), rows, k, panel, place + group, whole(WIDTH))
    end = place + WIDTH * k
    while end > place and panel[end - 1] == 0.0:
        end -= 1
    return int((end - place + WIDTH - 1) // WIDTH)


@inner
def _panels(n: int) -> int:
    return (n + WIDTH - 1) // WIDTH


@jit
def float_panels(n: int) -> int:
    """Return the number of panels of weights of N rows."""
    return _panels(n)


@jit
def packed_float_words(n: int, k: int) -> int:
    """Return the length of the float64 array that holds packed weights of N rows over K lanes."""
    return _panels(n) * (WIDTH * k + 1)


@jit
def pack_float(
    dtype: int, memory: Array, low: Array, high: Array, k: int, first: int, panels: int, packed: Array
) -> int:
    """Pack some panels of weights for ``matmul_float`` into ``packed``, ``float64[packed_float_words(N, K)]``.

    Returns ``DONE``, or ``UNSUPPORTED`` when a row is too long.
    """
    if k > PITCH:
        return UNSUPPORTED
    ends = packed[_panels(low.size) * WIDTH * k :].view(np.int64)
    for panel in range(first, first + panels):
        ends[panel] = _pack_panel(dtype, memory, low, high, panel * WIDTH, k, packed, panel * WIDTH * k)
    return DONE


@inner
def _stage_row(dtype: int, row: Array, k_first: int, k_count: int, out: Array) -> None:
    """Widen the lanes of an activation row that take part to float64."""
    size = element_bytes(dtype)
    values = stack_bytes(SCRATCH_BYTES).view(np.float32)[:k_count]
    widen_floats(dtype, row[k_first * size : (k_first + k_count) * size], values)
    for i in range(k_count):
        out[i] = values[i]


@inner
def _stage(
    dtype: int, a: Array, a_first: int, a_step: int, rows: int, k_first: int, k_count: int, staged: Array
) -> bool:
    """Stage rows, and rows of zeros as tiles want them; return whether all values are finite."""
    largest = whole(0)
    for row in range(padded(rows, HALF_ROWS)):
        values = staged[row * PITCH : row * PITCH + k_count]
        if row >= rows:
            values[:] = 0.0
            continue
        _stage_row(dtype, a[a_first + row * a_step], k_first, k_count, values)
        largest = max(largest, _largest(values.view(np.int64)))
    return bool(largest < _INFINITE)


@inner
def _largest(patterns: Array) -> int:
    found = whole(0)
    for i in range(patterns.size):
        found = max(found, patterns[i] & whole(_MAGNITUDE))
    return found


@inner
def _steps(end: int, k_first: int, k_count: int, is_finite: bool) -> int:
    """Return over how many k a panel has to be multiplied, at least one."""
    return min(max(end - k_first, 1), k_count) if is_finite else k_count


@inner
def _clear(before: Array, before_step: int, out: Array, first: int, rows: int, add: int) -> None:
    """Write the sums of no products: +0, or +0 added."""
    for row in range(first, first + rows):
        for column in range(out.shape[1]):
            old = before[row * before_step, column]
            out[row, column] = sum_of_patterns(old, word(0)) if add else np.int32(0)


@jit
def matmul_float(
    dtype: int,
    a: Array,
    a_first: int,
    a_step: int,
    k_first: int,
    k_count: int,
    packed: Array,
    before: Array,
    before_step: int,
    out: Array,
    add: int,
) -> int:
    """Multiply as many activation rows of type ``dtype`` as ``out`` has with packed weights.

    Returns ``DONE``, or ``UNSUPPORTED`` when a row is too long.
    """
    vectors, n, k = out.shape[0], out.shape[1], a.shape[1] // element_bytes(dtype)
    panels = _panels(n)
    if k_count > PITCH:
        return UNSUPPORTED
    staged = stack_bytes(_STAGED_BYTES).view(np.float64)
    flat, old, ends = out.reshape(out.size), before.reshape(before.size), packed.view(np.int64)
    for done in range(0, vectors, _BLOCK_ROWS):
        rows = min(_BLOCK_ROWS, vectors - done)
        is_finite = _stage(dtype, a, a_first + done * a_step, a_step, rows, k_first, k_count, staged)
        if k_count == 0:
            _clear(before, before_step, out, done, rows, add)
            continue
        for panel in range(panels):
            first, place = panel * WIDTH, panel * WIDTH * k + k_first * WIDTH
            steps = _steps(ends[panels * WIDTH * k + panel], k_first, k_count, is_finite)
            _block(
                staged, rows, packed, place, steps, place, min(WIDTH, n - first),
                old, done * before_step * n + first, before_step * n, flat, done * n + first, n, add,
            )  # fmt: skip
    return DONE


@jit
def stream_float(
    dtype: int,
    a: Array,
    a_first: int,
    a_step: int,
    k_first: int,
    k_count: int,
    memory: Array,
    low: Array,
    high: Array,
    before: Array,
    before_step: int,
    out: Array,
    add: int,
) -> int:
    """Multiply at most ``FEW`` activation rows, as many as ``out`` has, with weights as they lie.

    Returns ``DONE``, or ``UNSUPPORTED`` when there are more rows, or a row is too long.
    """
    vectors, n, k = out.shape[0], out.shape[1], a.shape[1] // element_bytes(dtype)
    if vectors > FEW or k > PITCH:
        return UNSUPPORTED
    staged = stack_bytes(_STAGED_BYTES).view(np.float64)
    panel = stack_bytes(_PANEL_BYTES).view(np.float64)
    flat, old, place = out.reshape(out.size), before.reshape(before.size), k_first * WIDTH
    is_finite = _stage(dtype, a, a_first, a_step, vectors, k_first, k_count, staged)
    if k_count == 0:
        _clear(before, before_step, out, whole(0), vectors, add)
        return DONE
    for first in range(0, n, WIDTH):
        end = _pack_panel(dtype, memory, low, high, first, k, panel, whole(0))
        steps = _steps(end, k_first, k_count, is_finite)
        _block(
            staged, vectors, panel, place, steps, place, min(WIDTH, n - first),
            old, first, before_step * n, flat, first, n, add,
        )  # fmt: skip
    return DONE
