"""Matrix products: weight tiles over the planes, rows through them, results through the VXM to memory.

The output's column blocks and row parts are dealt out to the planes (to pairs of planes for two-byte types). A plane
goes through the K blocks of its share one after the other, adding in its accumulators; while it works on one block, the
weights of the next are loaded. The last block's sums leave through the VXM.
"""

from __future__ import annotations

from dataclasses import dataclass

from lpu_emu.compiler.flow.builder import FlowBuilder, Reading
from lpu_emu.compiler.lower.kernels import Kernel, Weights
from lpu_emu.compiler.lower.session import Session
from lpu_emu.compiler.lower.stream import Streamer
from lpu_emu.compiler.lower.tensors import Part, Tensor
from lpu_emu.errors import CompileError
from lpu_emu.spec.machine import DTYPE_BYTES


@dataclass(frozen=True, kw_only=True)
class Share:
    """Work of one plane: some row parts of one column block."""

    block: int
    parts: tuple[Part, ...]
    plane: int

    @property
    def rows(self) -> int:
        """Rows of all parts."""
        return sum(part.rows for part in self.parts)


def run_matmul(session: Session, kernel: Kernel, origin: int) -> None:
    """Schedule a kernel of kind ``linear``."""
    assert kernel.x is not None
    assert kernel.weights is not None
    for round_ in _rounds(session, kernel):
        for k in range(kernel.x.blocks):
            for share in round_:
                _Pass(session, kernel, kernel.x, kernel.weights, origin, share, k).run()


def _rounds(session: Session, kernel: Kernel) -> list[list[Share]]:
    """Deal the work out; the shares of a round are on different planes."""
    assert kernel.weights is not None
    planes = _free_planes(session, kernel.weights)
    groups = _groups(session, kernel, min(len(planes), len(kernel.target.parts)))
    pieces = [(block, parts) for block in range(kernel.target.blocks) for parts in groups]
    rounds = []
    for first in range(0, len(pieces), len(planes)):
        turns: dict[tuple[Part, ...], int] = {}
        round_ = []
        for plane, (block, parts) in zip(planes, pieces[first:], strict=False):
            turns[parts] = turns.get(parts, -1) + 1
            round_.append(Share(block=block, parts=_rotated(parts, turns[parts]), plane=plane))
        rounds.append(round_)
    return rounds


def _free_planes(session: Session, weights: Weights) -> list[int]:
    """Planes that take ``abc`` for a type, the least busy first.

    Raises:
        CompileError: the planes of the chip do not multiply the type.
    """
    chip, dtype = session.geometry.chip, weights.activation
    if dtype not in chip["mxm.dtypes"]:
        known = ", ".join(chip["mxm.dtypes"])
        raise CompileError(f"{weights.name}: the planes of chip {chip.name} multiply {known}, not {dtype}")
    step = DTYPE_BYTES[dtype]
    each = [range(side * chip.planes, (side + 1) * chip.planes + 1 - step, step) for side in (0, 1)]
    state = session.scheduler.board.planes
    return sorted((p for planes in each for p in planes), key=lambda p: (state.busy_until(p), p))


def _groups(session: Session, kernel: Kernel, count: int) -> list[tuple[Part, ...]]:
    """Cut the row parts into ``count`` groups or more, so that each fits the accumulators if it has to.

    Planes with different rows read different words, so they do not wait for each other.
    """
    assert kernel.x is not None
    parts = kernel.target.parts
    limit = session.geometry.chip.accumulator_rows if kernel.x.blocks > 1 else 1 << 30
    groups: list[tuple[Part, ...]] = []
    for i in range(count):
        group: list[Part] = []
        for part in parts[len(parts) * i // count : len(parts) * (i + 1) // count]:
            if sum(p.rows for p in group) + part.rows > limit:
                groups.append(tuple(group))
                group = []
            group.append(part)
        groups.append(tuple(group))
    return groups


def _rotated(parts: tuple[Part, ...], turn: int) -> tuple[Part, ...]:
    """Let planes begin with different parts, so that they do not want the same words at the same time."""
    turn %= len(parts)
    return parts[turn:] + parts[:turn]


class _Pass:
    """One share and one K block: load the tile, send the rows through it."""

    def __init__(
        self, session: Session, kernel: Kernel, x: Tensor, weights: Weights, origin: int, share: Share, k: int
    ) -> None:
        self._session = session
        self._geometry = session.geometry
        self._kernel = kernel
        self._x = x
        self._weights = weights
        self._origin = origin
        self._share = share
        self._k = k
        self._side = session.geometry.plane_side(share.plane)
        self._last = k == x.blocks - 1

    def run(self) -> None:
        self._load()
        row = 0
        for i, part in enumerate(self._share.parts):
            self._multiply(part, row, install=i == 0)
            row += part.rows

    def _load(self) -> None:
        tile = self._session.constants.tile(self._weights, self._k, self._share.block, self._side)
        name = f"{self._kernel.target.name} weights"
        for i, streams in enumerate(tile):
            builder = FlowBuilder(self._geometry, name, count=1, origin=self._origin, side=self._side)
            builder.load(self._share.plane + i, streams, streams[0].count)
            self._session.scheduler.place(builder.build())

    def _half(self) -> str:
        """Two-byte products over at most half of the lanes take one issue slot instead of two."""
        narrow = 2 * self._x.width(self._k) <= self._geometry.lanes
        return "low" if narrow and DTYPE_BYTES[self._weights.activation] > 1 else "all"

    def _interval(self) -> int:
        wide = DTYPE_BYTES[self._weights.activation] > 1 and self._half() == "all"
        return self._geometry.delay("abc", "interval_wide" if wide else "interval")

    def _multiply(self, part: Part, row: int, *, install: bool) -> None:
        def build(again: bool) -> FlowBuilder:
            builder = FlowBuilder(
                self._geometry,
                f"{self._kernel.target.name} rows {part.first}+",
                count=part.rows,
                interval=self._interval(),
                origin=self._origin,
                side=self._side,
            )
            self._stages(builder, part, row, install, again)
            return builder

        self._session.place(build)

    def _stages(self, builder: FlowBuilder, part: Part, row: int, install: bool, again: bool) -> None:
        keeps = self._x.blocks > 1
        acc = builder.multiply(
            self._share.plane,
            builder.read(Reading(words=self._x.words(part.index, self._k))),
            self._weights.activation,
            half=self._half(),
            install=install,
            row=row if keeps else 0,
            step=1 if keeps else 0,
            mode="add" if self._k else "set",
        )
        if not self._last:
            return
        streamer = Streamer(
            builder,
            self._session.tensors,
            self._session.constants,
            name=self._kernel.target.name,
            part=part.index,
            block=self._share.block,
            product=builder.result(acc),
            again=again,
        )
        assert self._kernel.value is not None
        value = streamer.edge(self._kernel.value)
        builder.write(value, self._kernel.target.words(part.index, self._share.block))
