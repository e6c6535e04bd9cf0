"""Matrix products on the MXM: int8 on one plane, fp16 on two in tandem, and few vectors against many weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lpu_emu.bench.host.score import Score
from lpu_emu.bench.host.workload import (
    CHIP,
    LANES,
    SEED,
    WORDS,
    Bytes,
    Memory,
    Workload,
    count_differing,
    joined,
    section,
)
from lpu_emu.program.model import DataSection, Program
from lpu_emu.spec.machine import WEST_STREAM, load_machine

GROUP = 16  # weight streams
GROUPS = LANES // GROUP
BLOCK = 512  # rows of a pass: as many as there are accumulator rows
ACTIVATIONS = WEST_STREAM + GROUP
OUTPUT = ("W40", "W41", "W42", "W43")
INT8, FP16 = 0, 4


def blocks(size: int) -> int:
    """Return how many blocks of 320 cover a size."""
    return -(-size // LANES)


def _tiles(b: NDArray[np.generic]) -> Bytes:
    """Return the weights [K, N] as bytes [column block, inner block, row, lane, byte], padded with zeros."""
    kb, nb = blocks(b.shape[0]), blocks(b.shape[1])
    whole = np.zeros((kb * LANES, nb * LANES), dtype=b.dtype)
    whole[: b.shape[0], : b.shape[1]] = b
    tiles = np.ascontiguousarray(whole.reshape(kb, LANES, nb, LANES).transpose(2, 0, 3, 1))
    return tiles.view(np.uint8).reshape(nb, kb, LANES, LANES, b.dtype.itemsize)


def _rows(a: NDArray[np.generic]) -> Bytes:
    """Return the activations [M, K] as bytes [inner block, row, lane, byte], padded with zeros."""
    kb = blocks(a.shape[1])
    whole = np.zeros((a.shape[0], kb * LANES), dtype=a.dtype)
    whole[:, : a.shape[1]] = a
    rows = np.ascontiguousarray(whole.reshape(a.shape[0], kb, LANES).transpose(1, 0, 2))
    return rows.view(np.uint8).reshape(kb, a.shape[0], LANES, a.dtype.itemsize)


class _Product:
    """A matrix product on plane 0 (and 1 in tandem): where everything lies, and the passes that go over it.

    Weights of byte plane p lie in slices W0..W15, and from tile ``per_slice`` on in W16..W31; activations from
    W32 on; results go to W40..W43, those of a block of columns over those of the one before.
    """

    def __init__(self, a: NDArray[np.generic], b: NDArray[np.generic]) -> None:
        self.score = Score(load_machine(CHIP))
        self.rows, self.tiles = _rows(a), _tiles(b)
        self.size = a.dtype.itemsize
        self.tile_words = self.size * GROUPS
        self.per_slice = WORDS // self.tile_words
        self.blocks_per_slice = WORDS // len(a)

    def data(self) -> list[DataSection]:
        """Return all operands as they lie in SRAM."""
        flat = self.tiles.reshape(-1, GROUPS, GROUP, LANES, self.size)
        words = flat.transpose(2, 0, 4, 1, 3).reshape(GROUP, -1, LANES)
        limit = self.per_slice * self.tile_words
        found = []
        for number in range(GROUP):
            for part, first in enumerate(range(0, words.shape[1], limit)):
                piece = np.ascontiguousarray(words[number, first : first + limit])
                found.append(section(f"W{number + GROUP * part}", piece))
        for block, rows in enumerate(self.rows):
            for byte in range(self.size):
                where, address = self._place(block, byte)
                found.append(section(where, np.ascontiguousarray(rows[:, :, byte]), address))
        return found

    def _place(self, block: int, byte: int) -> tuple[str, int]:
        """Return slice and address of the activations of an inner block."""
        row, column = divmod(block, self.blocks_per_slice)
        return f"W{32 + self.size * row + byte}", column * self.rows.shape[1]

    def program(self, name: str, dtype: int) -> Program:
        """Return the program: column by column, block of rows by block of rows, along K."""
        nb, kb, m = len(self.tiles), len(self.rows), self.rows.shape[1]
        land = self.score.time("iw", "land")
        time = 400
        for column in range(nb):
            for first in range(0, m, BLOCK):
                count = min(BLOCK, m - first)
                for block in range(kb):
                    self._load(time, column * kb + block)
                    self._issue(time, block, first, count, dtype, to=block == kb - 1)
                    time += max(count * self.size, GROUPS * self.size + 6) + land
                for part in range(4):
                    self._store(part, first, count)
        return self.score.program(name, self.data())

    def _load(self, time: int, tile: int) -> None:
        """Load and install weights so that they may be used at ``time``."""
        score, groups = self.score, [(GROUPS, 1, 1)]
        installed = time - score.time("iw", "land")
        part, place = divmod(tile, self.per_slice)
        for plane in range(self.size):
            queue = f"mxm.{plane}.weights"
            loaded = installed - score.time("lw", "land") - (self.size - plane) * GROUPS
            score.at(loaded, queue, "lw", groups, rows=WEST_STREAM)
            score.at(installed, queue, "iw")
            for number in range(GROUP):
                address = (place * self.size + plane) * GROUPS
                where = f"mem.W{GROUP * part + number}"
                sampled = loaded + score.time("lw", "skew")
                score.read_for(sampled, queue, where, address, WEST_STREAM + number, groups)

    def _issue(self, time: int, block: int, first: int, count: int, dtype: int, *, to: bool) -> None:
        """Send activations through the weights, and take the products into rows."""
        score, loop, queue = self.score, [(count, self.size, 1)], "mxm.0.activations"
        score.at(time, queue, "abc", [(count, self.size, 0)], x=ACTIVATIONS, dtype=dtype)
        for byte in range(self.size):
            where, address = self._place(block, byte)
            sampled = time + score.time("abc", "skew")
            score.read_for(sampled, queue, f"mem.{where}", address + first, ACTIVATIONS + byte, loop)
        self.taken = time + score.time("abc", "product") - score.time("acc", "skew")
        drives = {"to": 0} if to else {}
        score.at(self.taken, "mxm.0.accumulate", "acc", loop, mode=int(block > 0), row=0, **drives)

    def _store(self, part: int, first: int, count: int) -> None:
        driven = self.taken + self.score.time("acc", "func")
        loop = [(count, self.size, 1)]
        self.score.write_from(driven, "mxm.0.accumulate", f"mem.{OUTPUT[part]}", first % WORDS, part, loop)


def _last_columns(n: int) -> slice:
    """Return the columns of the last block: those whose results stay in memory."""
    return slice((blocks(n) - 1) * LANES, n)


def int8_product(m: int, k: int, n: int) -> Workload:
    """Return an int8 matrix product [M, K] by [K, N]; NumPy does it in float32."""
    rng = np.random.default_rng(SEED)
    a, b = (rng.integers(-128, 128, shape).astype(np.int8) for shape in ((m, k), (k, n)))
    left, right = a.astype(np.float32), b.astype(np.float32)

    def differing(memory: Memory) -> int:
        last = b[:, _last_columns(n)]
        found = joined(memory, OUTPUT, m).view("<i4")[:, : last.shape[1], 0]
        # every partial sum is a whole number below 2**53
        return count_differing(found, (a.astype(np.float64) @ last.astype(np.float64)).astype(np.int32))

    return Workload(
        name=f"int8 product {m}x{k} by {k}x{n}",
        program=_Product(a, b).program("int8 product", INT8),
        work=m * k * n,
        unit="MAC",
        goal=1.3,
        differing=differing,
        numpy=lambda: left @ right,
    )


def fp16_product(m: int, k: int, n: int) -> Workload:
    """Return an fp16 matrix product with sums of 320 rounded once; NumPy does it in float64."""
    rng = np.random.default_rng(SEED)
    a, b = (rng.standard_normal(shape).astype(np.float16) for shape in ((m, k), (k, n)))
    left, right = a.astype(np.float64), b.astype(np.float64)

    def differing(memory: Memory) -> int:
        """Count what is farther from the float64 result than one rounding to float32 for each block allows."""
        last = right[:, _last_columns(n)]
        found = joined(memory, OUTPUT, m).view("<f4")[:, : last.shape[1], 0]
        room = blocks(k) * 2.0**-23 * (np.abs(left) @ np.abs(last))
        return int(np.count_nonzero(~(np.abs(found - left @ last) <= room)))

    return Workload(
        name=f"fp16 product {m}x{k} by {k}x{n}",
        program=_Product(a, b).program("fp16 product", FP16),
        work=m * k * n,
        unit="MAC",
        goal=0.8,
        differing=differing,
        numpy=lambda: left @ right,
    )


def decode(vectors: int, *, inner: int = 8000, outer: int = 8320) -> Workload:
    """Return a few vectors against 64 MiB of int8 weights; NumPy does it in float32."""
    found = int8_product(vectors, inner, outer)
    return Workload(
        name=f"decode {vectors} x {inner * outer / 1e6:.1f} MB",
        program=found.program,
        work=found.work,
        unit="MAC",
        goal=1.0,
        differing=found.differing,
        numpy=found.numpy,
    )
