"""Programs that load one part of the emulator each, on the chip ``tsp1``, and the same work in NumPy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lpu_emu.program.model import DataSection, Program
from lpu_emu.spec.machine import IMMEDIATE, WEST_STREAM, load_machine

from .score import Score

LANES = 320
GROUP = 16
BLOCK = 512  # rows of a pass: as many as there are accumulator rows
Bytes = NDArray[np.uint8]


def section(where: str, words: Bytes, address: int = 0) -> DataSection:
    """Return a data section named after its place."""
    return DataSection(name=f"{where}.{address}", slice=where, address=address, words=words)


def _padded(matrix: NDArray[np.int8], rows: int, columns: int) -> NDArray[np.int8]:
    out = np.zeros((rows, columns), dtype=matrix.dtype)
    out[: matrix.shape[0], : matrix.shape[1]] = matrix
    return out


def _blocks(size: int) -> int:
    return -(-size // LANES)


def product(a: NDArray[np.int8], b: NDArray[np.int8], *, name: str = "product") -> Program:
    """Return a program that multiplies int8 [M, K] by [K, N] on one plane: a pass for each block of M, N and K.

    Weights come from W20..W35, activations from W0.. and results go to W40..W43, one byte plane each, the
    blocks of M in the order of passes over each other.
    """
    machine = load_machine("tsp1")
    score = Score(machine)
    (m, k), n = a.shape, b.shape[1]
    kb, nb = _blocks(k), _blocks(n)
    left = _padded(a, m, kb * LANES).reshape(m, kb, LANES).transpose(1, 0, 2)
    right = _padded(b, kb * LANES, nb * LANES).reshape(kb, LANES, nb, LANES).transpose(2, 0, 3, 1)
    per_slice = machine.chip.words // m
    data = [section(f"W{i // per_slice}", left[i].view(np.uint8), i % per_slice * m) for i in range(kb)]
    rows = right.reshape(nb * kb, LANES // GROUP, GROUP, LANES).view(np.uint8)
    data += [
        section(f"W{20 + g}", np.ascontiguousarray(rows[:, :, g].reshape(-1, LANES))) for g in range(GROUP)
    ]
    time = 400
    for column in range(nb):
        for first in range(0, m, BLOCK):
            count = min(BLOCK, m - first)
            for inner in range(kb):
                _pass(
                    score,
                    time,
                    column * kb + inner,
                    inner,
                    inner // per_slice,
                    inner % per_slice * m + first,
                    count,
                )
                if inner == kb - 1:
                    _store(score, time, first, count)
                time += max(count, LANES // GROUP + 4) + score.time("iw", "land")
    return score.program(name, data)


def _pass(score: Score, time: int, weights: int, inner: int, part: int, address: int, count: int) -> None:
    """Load and install weights so that they are there at ``time``, then send activations through them."""
    plane, groups = "mxm.0", LANES // GROUP
    installed = time - score.time("iw", "land")
    loaded = installed - score.time("lw", "land") - groups
    score.at(loaded, f"{plane}.weights", "lw", [(groups, 1, 1)], rows=WEST_STREAM)
    for g in range(GROUP):
        score.read_for(
            loaded + score.time("lw", "skew"), f"{plane}.weights", f"mem.W{20 + g}", weights * groups, WEST_STREAM + g,
            [(groups, 1, 1)],
        )  # fmt: skip
    score.at(installed, f"{plane}.weights", "iw")
    score.at(time, f"{plane}.activations", "abc", [(count, 1, 0)], x=WEST_STREAM + GROUP)
    score.read_for(
        time + score.time("abc", "skew"), f"{plane}.activations", f"mem.W{part}", address, WEST_STREAM + GROUP,
        [(count, 1, 1)],
    )  # fmt: skip
    taken = time + score.time("abc", "product") - score.time("acc", "skew")
    score.at(taken, f"{plane}.accumulate", "acc", [(count, 1, 1)], mode=int(inner > 0), to=0)


def _store(score: Score, time: int, first: int, count: int) -> None:
    driven = time + score.time("abc", "product") - score.time("acc", "skew") + score.time("acc", "func")
    for part in range(4):
        score.write_from(driven, "mxm.0.accumulate", f"mem.W{40 + part}", first, part, [(count, 1, 1)])


def small_instructions(number: int) -> Program:
    """Return a program of about ``number`` runs of length 1: read, add, write, read, ... in many queues."""
    machine = load_machine("tsp1")
    score = Score(machine)
    rng = np.random.default_rng(1)
    lines = 8
    data = [section(f"W{i}", rng.integers(0, 256, (4096, LANES)).astype(np.uint8)) for i in range(lines)]
    alus = [q.number for q in machine.queues if q.unit == "vxm"][:lines]
    for step in range(number // (3 * lines)):
        for line in range(lines):
            alu = alus[line]
            stream = 4 * min(machine.reach(alu)) + line % 4
            time = 200 + step
            address = (step * 977 + 13 * line) % 4096
            score.read_for(time, f"vxm.{alu}", f"mem.W{line}", address, stream)
            score.at(
                time, f"vxm.{alu}", "add", x=stream, y=IMMEDIATE, immediate=step % 7, to=stream, overflow=1
            )
            driven = time + score.time("add", "func")
            score.write_from(driven, f"vxm.{alu}", f"mem.E{line}", 4096 + step % 4096, stream)
    return score.program("small", data)
