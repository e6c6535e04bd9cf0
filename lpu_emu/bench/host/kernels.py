"""The matrix-product kernels of the engine without an engine around them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.bench.host.products import BLOCK, blocks
from lpu_emu.bench.host.workload import LANES, SEED
from lpu_emu.engine.kernels.codes import TYPES
from lpu_emu.engine.kernels.matmul_float import float_panels, matmul_float, pack_float, packed_float_words
from lpu_emu.engine.kernels.matmul_int import int_panels, matmul_int, pack_int, packed_int_words
from lpu_emu.engine.kernels.stream_int import stream_int

_FEW_ROWS = 64
_CACHE_LINE = 64
_ROWS = np.arange(LANES, dtype=np.int64) * LANES


@dataclass(frozen=True, kw_only=True)
class KernelWork:
    """The calls of a kernel for a product of the same shape as a program's, padded to tiles as that is.

    ``work`` takes the number of threads. ``pack`` brings all tiles into the form that the kernel reads; None where they
    are used as they lie in SRAM. ``out`` int32 [column block, row, 320] has the sums.
    """

    macs: int
    out: NDArray[np.int32]
    work: Callable[[int], None]
    pack: Callable[[], None] | None


def int8_kernel(m: int, k: int, n: int) -> KernelWork:
    """Return the kernel calls of an int8 product: packed tiles for many rows, streamed ones for few."""
    rng = np.random.default_rng(SEED)
    kb, nb = blocks(k), blocks(n)
    rows = rng.integers(0, 256, (kb, m, LANES), dtype=np.uint8)
    tiles = rng.integers(0, 256, (nb, kb, LANES, LANES), dtype=np.uint8)
    out = np.zeros((nb, m, LANES), dtype=np.int32)
    if m < 5:

        def stream(column: int, block: int, first: int, count: int) -> None:
            sums = out[column, first : first + count]
            memory = tiles[column, block].reshape(-1)
            stream_int(rows[block], first, 1, 1, memory, _ROWS, sums, 1, sums, int(block > 0))

        return KernelWork(macs=m * kb * nb * LANES**2, out=out, work=_passes(m, kb, nb, stream), pack=None)
    packed = _aligned(nb, kb, packed_int_words(LANES, LANES), np.dtype(np.int32))

    def multiply(column: int, block: int, first: int, count: int) -> None:
        sums = out[column, first : first + count]
        matmul_int(rows[block], first, 1, 1, packed[column, block], sums, 1, sums, int(block > 0))

    def pack_tile(column: int, block: int) -> None:
        memory = tiles[column, block].reshape(-1)
        pack_int(memory, _ROWS, LANES, 0, int_panels(LANES), packed[column, block])

    def pack() -> None:
        _each(nb, kb, pack_tile)

    pack()
    return KernelWork(macs=m * kb * nb * LANES**2, out=out, work=_passes(m, kb, nb, multiply), pack=pack)


def fp16_kernel(m: int, k: int, n: int) -> KernelWork:
    """Return the kernel calls of an fp16 product."""
    rng = np.random.default_rng(SEED)
    kb, nb, dtype = blocks(k), blocks(n), TYPES["fp16"]
    rows = rng.standard_normal((kb, m, LANES)).astype(np.float16).view(np.uint8)
    weights = rng.standard_normal((nb, kb, LANES, LANES)).astype(np.float16).view(np.uint8)
    low, high = (np.ascontiguousarray(weights[..., byte::2]) for byte in (0, 1))
    packed = _aligned(nb, kb, packed_float_words(LANES, LANES), np.dtype(np.float64))
    high_rows = _ROWS + LANES * LANES
    out = np.zeros((nb, m, LANES), dtype=np.int32)

    def multiply(column: int, block: int, first: int, count: int) -> None:
        sums = out[column, first : first + count]
        matmul_float(
            dtype, rows[block], first, 1, 0, LANES, packed[column, block], sums, 1, sums, int(block > 0)
        )

    def pack_tile(column: int, block: int) -> None:
        memory = np.concatenate([low[column, block].reshape(-1), high[column, block].reshape(-1)])
        pack_float(dtype, memory, _ROWS, high_rows, LANES, 0, float_panels(LANES), packed[column, block])

    def pack() -> None:
        _each(nb, kb, pack_tile)

    pack()
    return KernelWork(macs=m * kb * nb * LANES**2, out=out, work=_passes(m, kb, nb, multiply), pack=pack)


def _aligned(nb: int, kb: int, words: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return room for packed tiles [column block, inner block, words], each at the start of a cache line."""
    pitch = -(-words * dtype.itemsize // _CACHE_LINE) * _CACHE_LINE
    room = np.zeros(nb * kb * pitch + _CACHE_LINE, dtype=np.uint8)
    skip = -room.ctypes.data % _CACHE_LINE
    whole = room[skip : skip + nb * kb * pitch].view(dtype)
    return whole.reshape(nb, kb, -1)[..., :words]


def _each(nb: int, kb: int, call: Callable[[int, int], object]) -> None:
    for column in range(nb):
        for block in range(kb):
            call(column, block)


def _passes(m: int, kb: int, nb: int, call: Callable[[int, int, int, int], None]) -> Callable[[int], None]:
    """Return what makes all calls in the order of the program: columns, blocks of rows, inner blocks.

    Threads share the rows of a pass, or the columns where there are few rows.
    """

    def part(thread: int, threads: int) -> None:
        by_columns = m < _FEW_ROWS
        for column in range(thread, nb, threads) if by_columns else range(nb):
            for first in range(0, m, BLOCK):
                begin, end = 0, min(BLOCK, m - first)
                if not by_columns:
                    begin, end = (end * t // threads for t in (thread, thread + 1))
                for block in range(kb):
                    call(column, block, first + begin, end - begin)

    def work(threads: int) -> None:
        if threads == 1:
            part(0, 1)
            return
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(part, range(threads), [threads] * threads))

    return work
