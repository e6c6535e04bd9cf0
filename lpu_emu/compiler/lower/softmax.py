"""Softmax over the columns of a row: exp(x - max) / sum.

Lanes only exchange values in the SXM, so maximum and sum over a row are trees of rounds ``y = op(y, rotated y)``, after
which every lane holds the result. A round reads two copies of y: one goes through the permuter, the other meets it in
the VXM; a row that fits a superlane goes through a distributor instead. The window that rotates is the smallest power
of two that holds the row; if that is wider than the chip, or a row takes several blocks (which are combined first), it
is the whole vector.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler.flow.builder import FlowBuilder, Reading
from lpu_emu.compiler.flow.model import Edge
from lpu_emu.compiler.lower import expression as ex
from lpu_emu.compiler.lower.kernel import Kernel
from lpu_emu.compiler.lower.session import Session
from lpu_emu.compiler.lower.stream import Streamer
from lpu_emu.compiler.lower.tensors import Part, Tensor, side_of
from lpu_emu.compiler.memory.words import ACTIVATIONS, Words
from lpu_emu.spec.machine import DTYPE_BYTES

Stages = Callable[[FlowBuilder, int, bool], Edge]

WORKING = "fp32"
# A round works on two copies, their results and a map at once. A chip with fewer slices than that takes few rows at a
# time, so that reading is over before writing begins.
COMFORTABLE_SLICES = 24
FEW_ROWS = 4


@dataclass(frozen=True, kw_only=True)
class Round:
    """``result = op(latest, other rotated by shift)``; other is the latest value, or with ``from_base`` the base.

    The base is the value that the round with ``is_base`` starts from.
    """

    shift: int
    is_base: bool = False
    from_base: bool = False


def maximum_rounds(window: int) -> list[Round]:
    """Rounds after which every lane holds the maximum of the window: overlaps do no harm."""
    return [Round(shift=1 << i) for i in range((window - 1).bit_length())]


def sum_rounds(window: int) -> list[Round]:
    """Rounds after which every lane holds the sum of the window, each lane counted once.

    Doubling covers the power of two in the window. An odd factor q takes doubling and adding along its binary digits.
    """
    power = window & -window
    rounds = [Round(shift=1 << i) for i in range(power.bit_length() - 1)]
    factor, count = window // power, 1
    for digit in bin(factor)[3:]:
        rounds.append(Round(shift=count * power, is_base=count == 1))
        count *= 2
        if digit == "1":
            rounds.append(Round(shift=count * power, from_base=True))
            count += 1
    return rounds


def rotation(lanes: int, window: int, shift: int) -> NDArray[np.uint16]:
    """Return the map that rotates the first ``window`` lanes by ``shift`` and leaves the others, [lanes]."""
    lane = np.arange(lanes)
    return np.where(lane < window, (lane + shift) % window, lane).astype(np.uint16)


@dataclass(frozen=True, kw_only=True, eq=False)
class Copies:
    """The same values in memory twice (or once): words per byte plane."""

    copies: tuple[tuple[Words, ...], ...]

    @property
    def first(self) -> tuple[Words, ...]:
        """The copy that goes straight to the VXM."""
        return self.copies[0]

    @property
    def last(self) -> tuple[Words, ...]:
        """The copy that goes through the permuter."""
        return self.copies[-1]

    def words(self) -> list[Words]:
        """All words."""
        return [words for copy in self.copies for words in copy]


def run_softmax(session: Session, kernel: Kernel, origin: int) -> None:
    """Schedule a kernel of kind ``softmax``. The parts take turns, so that one fills the gaps of another."""
    assert kernel.x is not None
    turns = [_Softmax(session, kernel.x, kernel.target, origin, part).steps() for part in kernel.target.parts]
    for _ in zip_longest(*turns):
        pass


class _Softmax:
    """Softmax of one part of the rows."""

    def __init__(self, session: Session, x: Tensor, target: Tensor, origin: int, part: Part) -> None:
        self._session = session
        self._x = x
        self._target = target
        self._origin = origin
        self._part = part
        self._lanes = session.geometry.lanes
        self._window = self._find_window()
        narrow = 2 * session.geometry.chip.slices < COMFORTABLE_SLICES
        self._chunk = min(part.rows, FEW_ROWS) if narrow else part.rows
        self._count = 0
        self._rounds = 0

    def _find_window(self) -> int:
        if self._x.blocks > 1:
            return self._lanes
        return min(max(2, 1 << (self._x.columns - 1).bit_length()), self._lanes)

    def steps(self) -> Iterator[None]:
        """Schedule step after step."""
        twice = 2 if self._x.blocks == 1 else 1
        inputs: list[Copies] = []
        for block in range(self._x.blocks):
            inputs.append(self._load(block, self._blocks_words(inputs, twice)))
        yield
        top = yield from self._reduce("max", inputs, maximum_rounds(self._window))
        powers: list[Copies] = []
        for x in inputs:
            powers.append(self._exponential(x, top, self._blocks_words(powers, twice)))
        self._release(top, *inputs)
        yield
        total = yield from self._reduce("add", powers, sum_rounds(self._window))
        for block, power in enumerate(powers):
            self._divide(block, power, total)
        self._release(total, *powers)

    # --- steps

    def _load(self, block: int, result: Copies) -> Copies:
        """Bring a block to fp32, unused lanes of the window to -infinity."""
        leaf = ex.Leaf(tensor=self._x.name, dtype=self._x.dtype, pad=self._x.pad)
        value = ex.convert(leaf, WORKING)
        width = self._x.width(block)
        if width < self._window:
            limits = np.full(self._window, -np.inf, dtype=np.float32)
            limits[:width] = np.inf
            # Lanes beyond the window stay as they are: -infinity there would become NaN in the difference.
            value = ex.op("min", value, ex.Vector(dtype=WORKING, values=limits, pad=float("inf")))
        if not isinstance(value, ex.Op):
            value = ex.op("copy", value)

        def stages(builder: FlowBuilder, first: int, again: bool) -> Edge:
            whole = self._x.reading(self._part.index, block)
            reading = Reading(words=whole.words, first=whole.first + first)
            streamer = self._streamer(
                builder, f"{self._target.name}.mask{width}", {id(leaf): builder.read(reading)}, again
            )
            return streamer.edge(value)

        self._run(stages, result)
        return result

    def _reduce(
        self, mnemonic: str, blocks: Sequence[Copies], rounds: Sequence[Round]
    ) -> Generator[None, None, Copies]:
        """Combine blocks, then lanes; every lane of the result holds the outcome. The blocks stay."""
        latest = blocks[0]
        for i, block in enumerate(blocks[1:], start=2):
            final = i == len(blocks)
            combined = self._new(2 if final else 1, apart=() if final else blocks[i].first)
            self._combine(mnemonic, latest, block, combined)
            self._release(*(c for c in [latest] if c not in blocks))
            latest = combined
            yield
        base, kept = latest, list(blocks)
        for i, step in enumerate(rounds):
            if step.is_base:
                base = latest
                kept.append(base)
            final = i == len(rounds) - 1
            apart = [words for block in blocks for words in block.first] if final else []
            result = self._new(1 if final else 2, apart=apart)
            self._rotate(mnemonic, latest, base if step.from_base else latest, step.shift, result)
            self._release(*(c for c in [latest] if c not in kept))
            latest = result
            yield
        self._release(*(c for c in kept if c not in blocks))
        return latest

    def _combine(self, mnemonic: str, first: Copies, second: Copies, result: Copies) -> None:
        def stages(builder: FlowBuilder, row: int, again: bool) -> Edge:
            x = builder.read(Reading(words=first.first, first=row))
            y = builder.read(Reading(words=second.first, first=row))
            return builder.alu(mnemonic, WORKING, {"x": x, "y": y})

        self._run(stages, result)

    def _rotate(self, mnemonic: str, straight: Copies, rotated: Copies, shift: int, result: Copies) -> None:
        lanes_from = rotation(self._lanes, self._window, shift)
        if self._window <= self._session.geometry.chip.lanes_per_superlane:
            self._distribute(mnemonic, straight, rotated, lanes_from, result)
            return

        def stages(builder: FlowBuilder, row: int, again: bool) -> Edge:
            y = builder.read(Reading(words=rotated.last, first=row))
            side = side_of(self._part)
            y = builder.permute(y, self._session.constants.permutation(lanes_from, side, again=again), side)
            x = builder.read(Reading(words=straight.first, first=row))
            return builder.alu(mnemonic, WORKING, {"x": x, "y": y})

        self._run(stages, result)

    def _distribute(
        self, mnemonic: str, straight: Copies, rotated: Copies, lanes_from: NDArray[np.uint16], result: Copies
    ) -> None:
        """A round inside a superlane: both copies go through a distributor, which is much quicker than the permuter.

        The rounds take the distributors in turn, so that one round can begin before the last one is over.
        """
        per_superlane = self._session.geometry.chip.lanes_per_superlane
        local = (lanes_from % per_superlane).astype(np.uint8)
        self._rounds += 1
        queue = self._session.geometry.distributor(side_of(self._part), self._rounds + self._part.index)

        def stages(builder: FlowBuilder, row: int, again: bool) -> Edge:
            lanes = self._session.constants.superlane_map(local, queue, again=again)
            y, x = builder.distribute(
                Reading(words=rotated.last, first=row), Reading(words=straight.first, first=row), lanes, queue
            )
            return builder.alu(mnemonic, WORKING, {"x": x, "y": y})

        self._run(stages, result)

    def _exponential(self, x: Copies, top: Copies, result: Copies) -> Copies:
        def stages(builder: FlowBuilder, row: int, again: bool) -> Edge:
            value = builder.read(Reading(words=x.first, first=row))
            least = builder.read(Reading(words=top.first, first=row))
            return builder.alu("exp", WORKING, {"x": builder.alu("sub", WORKING, {"x": value, "y": least})})

        self._run(stages, result)
        return result

    def _divide(self, block: int, power: Copies, total: Copies) -> None:
        """Multiply by 1 / sum, as rsqrt squared: the sum is at least 1."""
        dtype = self._target.dtype
        words = self._target.words(self._part.index, block)

        def stages(builder: FlowBuilder, row: int, again: bool) -> Edge:
            root = builder.alu("rsqrt", WORKING, {"x": builder.read(Reading(words=total.first, first=row))})
            inverse = builder.alu("mul", WORKING, {"x": root, "y": root})
            value = builder.read(Reading(words=power.first, first=row))
            value = builder.alu("mul", WORKING, {"x": inverse, "y": value})
            return value if dtype == WORKING else builder.alu("convert", WORKING, {"x": value}, result=dtype)

        self._run(stages, Copies(copies=(words,)))

    # --- helpers

    def _new(self, copies: int, *, apart: Sequence[Words] = ()) -> Copies:
        """Return unplaced words for fp32 rows, the copies apart from each other and from ``apart``."""
        self._count += 1
        name = f"{self._target.name}[{self._part.index}] step {self._count}"
        groups = tuple(
            tuple(Words(f"{name}.{c}.{i}", self._part.rows, ACTIVATIONS) for i in range(DTYPE_BYTES[WORKING]))
            for c in range(copies)
        )
        for c, group in enumerate(groups):
            others = [w for d, other in enumerate(groups) if d != c for w in other]
            for words in group:
                words.apart += [*others, *apart]
        return Copies(copies=groups)

    def _blocks_words(self, earlier: Sequence[Copies], copies: int) -> Copies:
        """Return words for the next of several blocks.

        However many blocks there are, they share two sets of slices in turn, so that neighbours can be combined.
        """
        apart = earlier[-1].first if earlier else ()
        result = self._new(copies, apart=apart)
        if len(earlier) >= 2:
            for words, home in zip(result.words(), earlier[-2].words(), strict=True):
                words.home = home
        return result

    def _release(self, *released: Copies) -> None:
        for copies in released:
            for words in copies.words():
                self._session.scheduler.board.memory.release(words)

    def _streamer(self, builder: FlowBuilder, name: str, known: dict[int, Edge], again: bool) -> Streamer:
        return Streamer(
            builder,
            self._session.tensors,
            self._session.constants,
            name=name,
            part=self._part.index,
            block=0,
            again=again,
            known=known,
        )

    def _run(self, stages: Stages, result: Copies) -> None:
        """Schedule a step, a chunk of rows at a time, and write its value to all copies of the result."""
        for first in range(0, self._part.rows, self._chunk):
            rows = min(self._chunk, self._part.rows - first)

            def build(again: bool, first: int = first, rows: int = rows) -> FlowBuilder:
                builder = FlowBuilder(
                    self._session.geometry,
                    f"{self._target.name} rows {self._part.first + first}+",
                    count=rows,
                    origin=self._origin,
                    side=side_of(self._part),
                )
                edge = stages(builder, first, again)
                outputs = [edge, *(builder.fork(edge) for _ in result.copies[1:])]
                for output, copy in zip(outputs, result.copies, strict=True):
                    builder.write(output, copy, first=first)
                return builder

            self._session.place(build)
