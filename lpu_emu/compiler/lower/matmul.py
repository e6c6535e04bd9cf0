"""Matrix products: weight tiles over the planes, rows through them, results through the VXM to memory.

The output's column blocks and row parts are dealt out to the planes (to pairs of planes for two-byte types). A plane
goes through the steps of its share one after the other, adding in its accumulators; while it works on one step, the
weights of the next are loaded. The last step's sums leave through the VXM. A tile that is installed already stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise, zip_longest

import numpy as np

from lpu_emu.compiler.flow.builder import FlowBuilder
from lpu_emu.compiler.flow.model import Edge
from lpu_emu.compiler.lower.deal import Share, Slab, rounds_of
from lpu_emu.compiler.lower.kernel import Kernel
from lpu_emu.compiler.lower.session import Session
from lpu_emu.compiler.lower.sources import add_rows, region_of
from lpu_emu.compiler.lower.storing import targets_of, write_fills, write_rows
from lpu_emu.compiler.lower.stream import Streamer
from lpu_emu.spec.machine import DTYPE_BYTES


def run_matmul(session: Session, kernel: Kernel, origin: int) -> None:
    """Schedule a kernel of kind ``linear``."""
    phases = [rounds_of(session, kernel, phase) for phase in range(len(kernel.series))]
    # All phases of some rows before the next rows, so that what reads them can begin.
    for rounds in zip_longest(*phases, fillvalue=[]):
        for round_ in filter(None, rounds):
            _run_round(session, kernel, origin, round_)


def _run_round(session: Session, kernel: Kernel, origin: int, round_: list[Share]) -> None:
    for k in range(max(len(share.steps) for share in round_)):
        passes = [_Pass(session, kernel, origin, s, k).steps() for s in round_ if k < len(s.steps)]
        # The planes take turns, so that none is held up by all the rows of another.
        for _ in zip_longest(*passes):
            pass


class _Pass:
    """One share and one step: load the tile, send the rows through it."""

    def __init__(self, session: Session, kernel: Kernel, origin: int, share: Share, k: int) -> None:
        assert kernel.weights is not None
        self._session = session
        self._geometry = session.geometry
        self._kernel = kernel
        self._activation = kernel.weights.activation
        self._origin = origin
        self._share = share
        self._k = k
        self._step = share.steps[k]
        self._side = session.geometry.plane_side(share.plane)
        self._last = k == len(share.steps) - 1

    def steps(self) -> Iterator[None]:
        """Schedule the load, then flow after flow."""
        fresh = self._load()
        row = 0
        for slab in self._share.slabs:
            for piece, offset in self._pieces(slab):
                self._multiply(piece, row + offset, install=fresh)
                fresh = False
                yield
            row += slab.count

    def _pieces(self, slab: Slab) -> list[tuple[Slab, int]]:
        """Cut the rows of the last step into those that one region holds and those that others hold too, these last.

        A flow that writes to a neighbour's region waits for its slice; the shorter it is, the less is held up.
        """
        if not self._last:
            return [(slab, 0)]
        edges = {0, slab.count}
        for target in targets_of(self._kernel.target, slab.first, slab.count, slab.step):
            edges |= {target.skip, target.skip + target.count}
        cuts = sorted(edges)
        pieces = [
            (replace(slab, first=slab.first + low * slab.step, count=high - low), low)
            for low, high in pairwise(cuts)
        ]
        return sorted(pieces, key=lambda piece: -piece[0].count)

    def _load(self) -> bool:
        """Load the tile unless it is installed; return whether it has to be installed."""
        tile = self._session.constants.tile(self._kernel, self._step.chunks, self._share.block, self._side)
        planes = range(self._share.plane, self._share.plane + len(tile))
        if not self._session.install(planes, tile):
            return False
        name = f"{self._kernel.target.name} weights"
        for plane, streams in zip(planes, tile, strict=True):
            builder = FlowBuilder(self._geometry, name, count=1, origin=self._origin, side=self._side)
            builder.load(plane, streams, streams[0].count)
            self._session.scheduler.place(builder.build())
        return True

    def _half(self) -> str:
        """Two-byte products over at most half of the lanes take one issue slot instead of two."""
        used = max(chunk.lane + chunk.high - chunk.low for chunk in self._step.chunks)
        narrow = 2 * used <= self._geometry.lanes
        return "low" if narrow and DTYPE_BYTES[self._activation] > 1 else "all"

    def _interval(self) -> int:
        wide = DTYPE_BYTES[self._activation] > 1 and self._half() == "all"
        return self._geometry.delay("abc", "interval_wide" if wide else "interval")

    def _multiply(self, slab: Slab, row: int, *, install: bool) -> None:
        def build(again: bool) -> FlowBuilder:
            builder = FlowBuilder(
                self._geometry,
                f"{self._kernel.target.name} rows {slab.first}+",
                count=slab.count,
                interval=self._interval(),
                origin=self._origin,
                side=self._side,
            )
            self._stages(builder, slab, row, install, again)
            return builder

        self._session.place(build)
        if self._last:
            write_fills(
                self._session,
                self._kernel.target,
                self._share.block,
                self._origin,
                first=slab.first,
                count=slab.count,
                step=slab.step,
            )

    def _source(self, builder: FlowBuilder, slab: Slab, again: bool) -> Edge:
        source = self._step.source
        rows = np.arange(slab.first, slab.first + slab.count * slab.step, slab.step, dtype=np.int32)
        if self._step.rows is not None:
            rows = self._step.rows[rows]
        position = (2 * slab.part.index + 1) / (2 * len(self._kernel.target.parts))
        region = region_of(source, rows, position, self._share.plane)
        constants = self._session.constants
        return add_rows(builder, constants, source, self._step.block, region, rows, 0.0, again=again)

    def _stages(self, builder: FlowBuilder, slab: Slab, row: int, install: bool, again: bool) -> None:
        keeps = len(self._share.steps) > 1
        acc = builder.multiply(
            self._share.plane,
            self._source(builder, slab, again),
            self._activation,
            half=self._half(),
            install=install,
            row=row if keeps else 0,
            step=1 if keeps else 0,
            mode="add" if self._k else "set",
        )
        if not self._last:
            return
        kernel = self._kernel
        streamer = Streamer(
            builder,
            self._session.tensors,
            self._session.constants,
            name=kernel.target.name,
            part=slab.part.index,
            block=self._share.block,
            turn=self._share.plane,
            repeats=kernel.target.repeats,
            rows=(slab.first, slab.step),
            product=builder.result(acc),
            again=again,
        )
        assert kernel.value is not None
        value, target = streamer.edge(kernel.value), kernel.target
        write_rows(
            builder,
            value,
            target.dtype,
            target,
            self._share.block,
            first=slab.first,
            count=slab.count,
            step=slab.step,
        )
