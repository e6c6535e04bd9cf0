"""Programs that load one part of the emulator each, on the chip ``tsp1``, and the same work in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lpu_emu.program.model import DataSection, Program
from lpu_emu.spec.machine import IMMEDIATE, LATCH, WEST_STREAM, load_machine

from .score import Score

LANES = 320
GROUP = 16  # weight streams
GROUPS = LANES // GROUP
BLOCK = 512  # rows of a pass: as many as there are accumulator rows
WORDS = 8192  # of a slice
ACTIVATIONS = WEST_STREAM + GROUP
SEED = 5
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A program, the useful operations in it (multiply-accumulates, elements or instructions), and the same in NumPy."""

    name: str
    program: Program
    work: int
    unit: str
    goal: float
    numpy: Callable[[], object] | None = None


def section(where: str, words: Bytes, address: int = 0) -> DataSection:
    """Return a data section named after its place."""
    return DataSection(name=f"{where}.{address}", slice=where, address=address, words=words)


def _blocks(size: int) -> int:
    return -(-size // LANES)


def _tiles(b: NDArray[np.generic]) -> Bytes:
    """Return the weights [K, N] as bytes [column block, inner block, row, lane, byte], padded with zeros."""
    kb, nb = _blocks(b.shape[0]), _blocks(b.shape[1])
    whole = np.zeros((kb * LANES, nb * LANES), dtype=b.dtype)
    whole[: b.shape[0], : b.shape[1]] = b
    tiles = np.ascontiguousarray(whole.reshape(kb, LANES, nb, LANES).transpose(2, 0, 3, 1))
    return tiles.view(np.uint8).reshape(nb, kb, LANES, LANES, b.dtype.itemsize)


def _rows(a: NDArray[np.generic]) -> Bytes:
    """Return the activations [M, K] as bytes [inner block, row, lane, byte], padded with zeros."""
    kb = _blocks(a.shape[1])
    whole = np.zeros((a.shape[0], kb * LANES), dtype=a.dtype)
    whole[:, : a.shape[1]] = a
    rows = np.ascontiguousarray(whole.reshape(a.shape[0], kb, LANES).transpose(1, 0, 2))
    return rows.view(np.uint8).reshape(kb, a.shape[0], LANES, a.dtype.itemsize)


class _Product:
    """A matrix product on plane 0 (and 1 in tandem): where everything lies, and the passes that go over it.

    Weights of byte plane p lie in slices W0..W15, and from tile ``per_slice`` on in W16..W31; activations from
    W32 on; results go to W40..W43.
    """

    def __init__(self, a: NDArray[np.generic], b: NDArray[np.generic]) -> None:
        self.score = Score(load_machine("tsp1"))
        self.rows, self.tiles = _rows(a), _tiles(b)
        self.size = a.dtype.itemsize
        self.tile_words = self.size * GROUPS
        self.per_slice = WORDS // self.tile_words
        self.blocks_per_slice = WORDS // (len(a) * 1)

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
                    self._store(time, part, first, count, land)
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
                score.read_for(
                    loaded + score.time("lw", "skew"), queue, where, address, WEST_STREAM + number, groups
                )

    def _issue(self, time: int, block: int, first: int, count: int, dtype: int, *, to: bool) -> None:
        """Send activations through the weights, and take the products into rows."""
        score, loop = self.score, [(count, self.size, 1)]
        queue = "mxm.0.activations"
        score.at(time, queue, "abc", [(count, self.size, 0)], x=ACTIVATIONS, dtype=dtype)
        for byte in range(self.size):
            where, address = self._place(block, byte)
            score.read_for(
                time + score.time("abc", "skew"),
                queue,
                f"mem.{where}",
                address + first,
                ACTIVATIONS + byte,
                loop,
            )
        self.taken = time + score.time("abc", "product") - score.time("acc", "skew")
        drives = {"to": 0} if to else {}
        score.at(self.taken, "mxm.0.accumulate", "acc", loop, mode=int(block > 0), row=0, **drives)

    def _store(self, time: int, part: int, first: int, count: int, land: int) -> None:
        driven = self.taken + self.score.time("acc", "func")
        address = first % WORDS
        self.score.write_from(
            driven, "mxm.0.accumulate", f"mem.W{40 + part}", address, part, [(count, self.size, 1)]
        )


def int8_product(m: int, k: int, n: int) -> Workload:
    """Return an int8 matrix product [M, K] by [K, N]; NumPy does it in float32."""
    rng = np.random.default_rng(SEED)
    a, b = (rng.integers(-128, 128, shape).astype(np.int8) for shape in ((m, k), (k, n)))
    left, right = a.astype(np.float32), b.astype(np.float32)
    return Workload(
        name=f"int8 product {m}x{k} by {k}x{n}",
        program=_Product(a, b).program("int8 product", 0),
        work=m * k * n,
        unit="MAC",
        goal=1.3,
        numpy=lambda: left @ right,
    )


def fp16_product(m: int, k: int, n: int) -> Workload:
    """Return an fp16 matrix product with sums rounded once; NumPy does it in float64."""
    rng = np.random.default_rng(SEED)
    a, b = (rng.standard_normal(shape).astype(np.float16) for shape in ((m, k), (k, n)))
    left, right = a.astype(np.float64), b.astype(np.float64)
    return Workload(
        name=f"fp16 product {m}x{k} by {k}x{n}",
        program=_Product(a, b).program("fp16 product", 4),
        work=m * k * n,
        unit="MAC",
        goal=0.8,
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
        numpy=found.numpy,
    )


def point_wise(segments: int) -> Workload:
    """Return bias, requantise, ReLU and residual over ``segments`` times 8192 vectors.

    int32 values go east through four ALUs of row 0, come back as int8 and meet the residual in row 3.
    """
    score = Score(load_machine("tsp1"))
    rng = np.random.default_rng(SEED)
    values = rng.integers(-(1 << 20), 1 << 20, (segments * WORDS, LANES)).astype("<i4")
    residual = rng.integers(-128, 128, (segments * WORDS, LANES)).astype(np.int8)
    bias = rng.integers(-1000, 1000, LANES).astype("<i4")
    planes = values.view(np.uint8).reshape(segments, WORDS, LANES, 4)
    data = [
        section(f"W{4 * s + p}", np.ascontiguousarray(planes[s, :, :, p]))
        for s in range(segments)
        for p in range(4)
    ]
    data += [section(f"E{s}", residual[s * WORDS :][:WORDS].view(np.uint8)) for s in range(segments)]
    data += [
        section(f"W{40 + p}", bias.view(np.uint8).reshape(1, LANES, 4)[:, :, p].copy()) for p in range(4)
    ]
    scale = np.float32(127 / (1 << 20))
    _fill_bias(score)
    for number in range(segments):
        _requantise(score, 400 + number * (WORDS + 10), number, int(scale.view(np.uint32)))

    def chain() -> object:
        scaled = (values + bias).astype(np.float32) * scale
        rounded = np.clip(np.rint(scaled), -128, 127).astype(np.int8)
        summed = np.maximum(rounded, 0).astype(np.int16) + residual
        return np.clip(summed, -128, 127).astype(np.int8)

    return Workload(
        name=f"point-wise, {values.size / 1e6:.1f} M elements",
        program=score.program("point-wise", data),
        work=values.size,
        unit="element",
        goal=0.5,
        numpy=chain,
    )


def _fill_bias(score: Score) -> None:
    for part in range(4):
        score.read_for(200 + score.time("copy", "skew"), "vxm.0", f"mem.W{40 + part}", 0, part)
    score.at(200, "vxm.0", "copy", x=0, to=LATCH, dtype=3)


def _requantise(score: Score, time: int, number: int, scale: int) -> None:
    """Dispatch the chain of a segment so that its values meet ALU 0 at ``time``."""
    loop, strided = [(WORDS, 1, 0)], [(WORDS, 1, 1)]
    int8, int32, fp32, west = 0, 3, 5, WEST_STREAM
    for part in range(4):
        score.read_for(
            time + score.time("add", "skew"), "vxm.0", f"mem.W{4 * number + part}", 0, part, strided
        )
    score.at(time, "vxm.0", "add", loop, dtype=int32, x=0, y=LATCH, to=4)
    time = _after(score, time, "vxm.0", "add", "vxm.1", 4)
    score.at(time, "vxm.1", "convert", loop, dtype=int32, result=fp32, x=4, to=8)
    time = _after(score, time, "vxm.1", "convert", "vxm.2", 8)
    score.at(time, "vxm.2", "mul", loop, dtype=fp32, x=8, y=IMMEDIATE, immediate=scale, to=12)
    time = _after(score, time, "vxm.2", "mul", "vxm.3", 12)
    score.at(time, "vxm.3", "convert", loop, dtype=fp32, result=int8, overflow=1, x=12, to=west)
    time = _after(score, time, "vxm.3", "convert", "vxm.14", west)
    score.at(time, "vxm.14", "relu", loop, dtype=int8, x=west, to=west + 1)
    time = _after(score, time, "vxm.14", "relu", "vxm.13", west + 1)
    score.at(time, "vxm.13", "add", loop, dtype=int8, overflow=1, x=west + 1, y=west + 2, to=west + 4)
    score.read_for(time + score.time("add", "skew"), "vxm.13", f"mem.E{number}", 0, west + 2, strided)
    score.write_from(time + score.time("add", "func"), "vxm.13", f"mem.W{20 + number}", 0, west + 4, strided)


def _after(score: Score, time: int, producer: str, mnemonic: str, consumer: str, stream: int) -> int:
    """Return when a consumer is dispatched that takes what a producer makes."""
    return (
        time
        + score.time(mnemonic, "func")
        + score.hops(producer, consumer, stream)
        - score.time("add", "skew")
    )


def small_instructions(number: int) -> Workload:
    """Return about ``number`` runs of length 1: read, add, write, read, ... in many queues."""
    machine = load_machine("tsp1")
    score = Score(machine)
    rng = np.random.default_rng(SEED)
    lines = 8
    data = [section(f"W{i}", rng.integers(0, 256, (4096, LANES)).astype(np.uint8)) for i in range(lines)]
    alus = [q.number for q in machine.queues if q.unit == "vxm"][:lines]
    steps = number // (3 * lines)
    for step in range(steps):
        for line, alu in enumerate(alus):
            stream = 4 * min(machine.reach(alu)) + line % 4
            score.read_for(200 + step, f"vxm.{alu}", f"mem.W{line}", (step * 977 + 13 * line) % 4096, stream)
            score.at(
                200 + step,
                f"vxm.{alu}",
                "add",
                x=stream,
                y=IMMEDIATE,
                immediate=step % 7,
                to=stream,
                overflow=1,
            )
            driven = 200 + step + score.time("add", "func")
            score.write_from(driven, f"vxm.{alu}", f"mem.E{line}", 4096 + step % 4096, stream)
    return Workload(
        name=f"{3 * lines * steps} runs of length 1",
        program=score.program("small instructions", data),
        work=3 * lines * steps,
        unit="instruction",
        goal=2e6,
    )


def moves(vectors: int) -> Workload:
    """Return one stream each through the shifter, the permuter, the transposer and a gather."""
    score = Score(load_machine("tsp1"))
    rng = np.random.default_rng(SEED)
    strided = [(vectors, 1, 1)]
    words = rng.integers(0, 256, (vectors, LANES)).astype(np.uint8)
    order = rng.permutation(LANES).astype("<u2").view(np.uint8).reshape(LANES, 2)
    maps = np.zeros((vectors, 20, 16), dtype=np.uint8)
    maps[:, :, :2] = (
        rng.integers(0, vectors, (vectors, 20)).astype("<u2").view(np.uint8).reshape(vectors, 20, 2)
    )
    data = [section(f"E{i}", words) for i in range(3)] + [section(f"E{20 + i}", words) for i in range(16)]
    data += [section("E40", maps.reshape(vectors, LANES)), section("E3", order[:, 0][None].copy())]
    data += [section("E4", order[:, 1][None].copy())]
    _move(
        score,
        300,
        "sxm.E.shift_n",
        "shift_up",
        {"x": ("E0", 0, strided)},
        "E5",
        vectors,
        amount=7,
        mask=0xAAAAA,
    )
    still = [(vectors, 1, 0)]
    _move(
        score,
        300,
        "sxm.E.permute",
        "permute",
        {"x": ("E1", 1, strided), "map": ("E3 E4", 2, still)},
        "E6",
        vectors,
    )
    sources = " ".join(f"E{20 + i}" for i in range(16))
    _move(score, 300, "sxm.E.transpose0", "transpose", {"x": (sources, 16, strided)}, "E7", vectors)
    score.read_for(300, "mem.E2", "mem.E40", 0, WEST_STREAM + 8, strided)
    dispatched = 300 - score.time("gather", "skew")
    score.at(
        dispatched,
        "mem.E2",
        "gather",
        still,
        map=WEST_STREAM + 8,
        base=0,
        limit=vectors - 1,
        to=WEST_STREAM + 9,
    )
    driven = dispatched + score.time("gather", "func")
    score.write_from(driven, "mem.E2", "mem.W9", 0, WEST_STREAM + 9, strided)
    return Workload(
        name=f"moves of {vectors} vectors",
        program=score.program("moves", data),
        work=19 * vectors,
        unit="vector",
        goal=0,
    )


def _move(
    score: Score,
    time: int,
    queue: str,
    mnemonic: str,
    operands: dict[str, tuple[str, int, list[tuple[int, int, int]]]],
    target: str,
    vectors: int,
    **others: int,
) -> None:
    """Send operands (slices, first stream, loops) through an SXM unit and store the first stream of the result."""
    layout = score.machine.isa[mnemonic].layout
    for name, (slices, stream, loops) in operands.items():
        others[name] = stream
        sampled = time + score.time(mnemonic, layout.operands[layout.index[name]].skew)
        for i, where in enumerate(slices.split()):
            score.read_for(sampled, queue, f"mem.{where}", 0, stream + i, loops)
    others["to"] = WEST_STREAM + {"shift_up": 0, "permute": 1}.get(mnemonic, 16)
    score.at(time, queue, mnemonic, [(vectors, 1, 0)], **others)
    driven = time + score.time(mnemonic, "func")
    score.write_from(driven, queue, f"mem.{target}", 0, others["to"], [(vectors, 1, 1)])
