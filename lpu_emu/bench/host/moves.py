"""Moves: bytes change lanes and places in the SXM and by gather, and nothing is computed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lpu_emu.bench.host.score import Loops, Score
from lpu_emu.bench.host.workload import (
    CHIP,
    LANES,
    SEED,
    SUPERLANES,
    Bytes,
    Memory,
    Workload,
    count_differing,
    section,
)
from lpu_emu.program.model import DataSection
from lpu_emu.spec.machine import WEST_STREAM, load_machine

_EACH = LANES // SUPERLANES
_AMOUNT, _MASK = 7, 0xAAAAA  # a shift in every second superlane
_START = 300


@dataclass(frozen=True, kw_only=True)
class _Operands:
    """What is moved: words uint8 [n, 320], a permutation of lanes [320], gathered rows [n, 20]."""

    words: Bytes
    order: NDArray[np.uint16]
    rows: NDArray[np.uint16]

    def data(self) -> list[DataSection]:
        """Return all operands as they lie in SRAM."""
        halves = self.order.astype("<u2").view(np.uint8).reshape(LANES, 2)
        maps = np.zeros((len(self.rows), SUPERLANES, _EACH), dtype=np.uint8)
        maps[:, :, :2] = self.rows.astype("<u2").view(np.uint8).reshape(-1, SUPERLANES, 2)
        data = [section(f"E{i}", self.words) for i in (0, 1, 2, *range(20, 36))]
        data += [section(f"E{3 + half}", halves[:, half][None].copy()) for half in range(2)]
        return [*data, section("E40", maps.reshape(-1, LANES))]

    def moved(self) -> dict[str, Bytes]:
        """Return what the slices hold in the end. All 16 streams of the transposer carry the same words."""
        shifted = self.words.copy()
        chosen = np.repeat(_MASK >> np.arange(SUPERLANES) & 1, _EACH).astype(bool)
        moved = np.zeros_like(self.words)
        moved[:, _AMOUNT:] = self.words[:, :-_AMOUNT]
        np.copyto(shifted, moved, where=chosen)
        cut = self.words.reshape(-1, SUPERLANES, _EACH)
        first = np.repeat(cut[:, :, :1], _EACH, axis=2)
        gathered = cut[self.rows, np.arange(SUPERLANES)]
        return {
            "E5": shifted,
            "E6": self.words[:, self.order],
            "E7": first.reshape(-1, LANES),
            "W9": gathered.reshape(-1, LANES),
        }


def moves(vectors: int) -> Workload:
    """Return one stream each through the shifter, the permuter and a gather, and 16 through the transposer.

    Of the 16 streams that the transposer makes, the first is stored.
    """
    score = Score(load_machine(CHIP))
    rng = np.random.default_rng(SEED)
    operands = _Operands(
        words=rng.integers(0, 256, (vectors, LANES)).astype(np.uint8),
        order=rng.permutation(LANES).astype(np.uint16),
        rows=rng.integers(0, vectors, (vectors, SUPERLANES)).astype(np.uint16),
    )
    strided: Loops = [(vectors, 1, 1)]
    still: Loops = [(vectors, 1, 0)]
    sources = " ".join(f"E{20 + i}" for i in range(16))
    shift = {"amount": _AMOUNT, "mask": _MASK}
    _move(score, "sxm.E.shift_n", "shift_up", {"x": ("E0", 0, strided)}, 0, "E5", vectors, **shift)
    permuted = {"x": ("E1", 1, strided), "map": ("E3 E4", 2, still)}
    _move(score, "sxm.E.permute", "permute", permuted, 1, "E6", vectors)
    _move(score, "sxm.E.transpose0", "transpose", {"x": (sources, 16, strided)}, 16, "E7", vectors)
    _gather(score, vectors)

    def differing(memory: Memory) -> int:
        expected = operands.moved()
        return sum(count_differing(memory[name][:vectors], rows) for name, rows in expected.items())

    return Workload(
        name=f"moves of {vectors} vectors",
        program=score.program("moves", operands.data()),
        work=19 * vectors,
        unit="vector",
        goal=0,
        differing=differing,
        numpy=operands.moved,
    )


def _gather(score: Score, vectors: int) -> None:
    score.read_for(_START, "mem.E2", "mem.E40", 0, WEST_STREAM + 8, [(vectors, 1, 1)])
    time = _START - score.time("gather", "skew")
    operands = {"map": WEST_STREAM + 8, "base": 0, "limit": vectors - 1, "to": WEST_STREAM + 9}
    score.at(time, "mem.E2", "gather", [(vectors, 1, 0)], **operands)
    driven = time + score.time("gather", "func")
    score.write_from(driven, "mem.E2", "mem.W9", 0, WEST_STREAM + 9, [(vectors, 1, 1)])


def _move(
    score: Score,
    queue: str,
    mnemonic: str,
    operands: dict[str, tuple[str, int, Loops]],
    to: int,
    target: str,
    vectors: int,
    **others: int,
) -> None:
    """Send operands (slices, first stream, loops) through an SXM unit and store the first stream of the result."""
    layout = score.machine.isa[mnemonic].layout
    for name, (slices, stream, loops) in operands.items():
        others[name] = stream
        sampled = _START + score.time(mnemonic, layout.operands[layout.index[name]].skew)
        for i, where in enumerate(slices.split()):
            score.read_for(sampled, queue, f"mem.{where}", 0, stream + i, loops)
    others["to"] = WEST_STREAM + to
    score.at(_START, queue, mnemonic, [(vectors, 1, 0)], **others)
    driven = _START + score.time(mnemonic, "func")
    score.write_from(driven, queue, f"mem.{target}", 0, others["to"], [(vectors, 1, 1)])
