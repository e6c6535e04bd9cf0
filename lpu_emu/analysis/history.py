"""Who wrote a cell last: reads and writes that walk through addresses while time goes on.

An access touches ``address + k * stride`` at ``time + k * interval`` for ``0 <= k < count``. Addresses are
cut into cells of the lattice; inside a cell of many addresses all accesses move through them one by one, so
their order in time at the first and at the last address tells whether it is the same at all of them. Where it
is not, the cell falls apart into its addresses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpu_emu.analysis.lattice import Bools, Ints, Progressions, cells, ramp
from lpu_emu.analysis.order import Links, forward, last_before


@dataclass(frozen=True, kw_only=True, eq=False)
class Walks:
    """Accesses to several memories (``key``), int64 columns [n]; ``interval`` may be 0 for an image."""

    key: Ints
    address: Ints
    stride: Ints
    time: Ints
    interval: Ints
    count: Ints
    reads: Bools
    writes: Bools


@dataclass(frozen=True, kw_only=True, eq=False)
class Steps:
    """Walks in cells: at address j of its cell a piece stands at element ``first + j * step`` of its walk.

    ``repeats`` is more than 1 for a walk that stays at one address: its elements 0, 1, ... all touch the
    cell's only address.
    """

    walk: Ints
    first: Ints
    step: Ints
    count: Ints
    cell: Ints
    repeats: Ints

    def where(self, rows: Bools) -> Steps:
        """Return some rows."""
        return Steps(**{name: column[rows] for name, column in vars(self).items()})


def steps_of(walks: Walks) -> Steps:
    """Cut walks into cells of addresses."""
    size = np.abs(walks.stride)
    still = size == 0
    span = np.where(still, 1, walks.count)
    down = walks.stride < 0
    lowest = walks.address + np.where(down, (span - 1) * walks.stride, 0)
    cut = cells(Progressions(key=walks.key, start=lowest, step=np.maximum(size, 1), count=span))
    source = cut.source
    turned = down[source]
    return Steps(
        walk=source,
        first=np.where(turned, span[source] - 1 - cut.first, cut.first),
        step=np.where(turned, -cut.step, cut.step),
        count=cut.count,
        cell=cut.cell,
        repeats=np.where(still, walks.count, 1)[source],
    )


def untangled(walks: Walks, steps: Steps) -> Steps:
    """Split the cells in which the order of writes and reads changes from the first address to the last."""
    acts = walks.reads | walks.writes
    wide = np.flatnonzero((steps.count > 1) & acts[steps.walk])
    if not len(wide):
        return steps
    begin = _writes_before(walks, steps, wide, steps.first[wide])
    end = _writes_before(walks, steps, wide, steps.first[wide] + (steps.count[wide] - 1) * steps.step[wide])
    cells_ = steps.cell[wide[begin != end]]
    crossed = np.isin(steps.cell, cells_)
    if not np.any(crossed):
        return steps
    return _burst(steps, crossed)


def _writes_before(walks: Walks, steps: Steps, rows: Ints, element: Ints) -> Ints:
    """Count, for some pieces at one address of their cells, the writes of the cell that come before."""
    walk = steps.walk[rows]
    time = walks.time[walk] + element * walks.interval[walk]
    writes = walks.writes[walk]
    order = np.lexsort((walk, writes, time, steps.cell[rows]))
    cell = steps.cell[rows][order]
    before: Ints = np.cumsum(writes[order]) - writes[order]
    lead = np.append(True, cell[1:] != cell[:-1])
    base: Ints = before[lead][np.cumsum(lead) - 1]
    count = np.empty(len(rows), dtype=np.int64)
    count[order] = before - base
    return count


def _burst(steps: Steps, crossed: Bools) -> Steps:
    """Give every address of the crossed cells a cell of its own."""
    row, j = ramp(np.where(crossed, steps.count, 1))
    split = crossed[row]
    widest = int(steps.count[crossed].max())
    return Steps(
        walk=steps.walk[row],
        first=steps.first[row] + j * steps.step[row],
        step=steps.step[row],
        count=np.where(split, 1, steps.count[row]),
        cell=steps.cell[row] * widest + j,
        repeats=steps.repeats[row],
    )


def last_writes(walks: Walks, steps: Steps) -> Links:
    """Link every reading element to the element that wrote its cell last before; rows are those of ``walks``.

    ``steps`` are the walks cut into cells and untangled. A walk that neither reads nor writes has no part in
    it.
    """
    steps = steps.where(walks.reads[steps.walk] | walks.writes[steps.walk])
    walk = steps.walk
    reads, writes = walks.reads[walk], walks.writes[walk]
    events = Progressions(
        key=steps.cell,
        start=walks.time[walk] + steps.first * walks.interval[walk],
        step=np.maximum(walks.interval[walk], 1),
        count=steps.repeats,
    )
    return _as_walks(steps, last_before(events, writes * len(walks.key) + walk, reads, writes))


def _as_walks(steps: Steps, links: Links) -> Links:
    """Turn links between pieces, at the first address of their cells, into links of walks at all."""
    known = links.writer >= 0
    wide = steps.count[links.reader] > 1
    still = steps.repeats[links.reader] > 1
    held = steps.repeats[links.writer] > 1
    turned = Links(
        reader=steps.walk[links.reader],
        first=np.where(still, links.first, steps.first[links.reader]),
        step=np.where(still, links.step, steps.step[links.reader]),
        count=np.where(wide, steps.count[links.reader], links.count),
        writer=np.where(known, steps.walk[links.writer], -1),
        writer_first=np.where(known, np.where(held, links.writer_first, steps.first[links.writer]), 0),
        writer_step=np.where(
            known & wide, steps.step[links.writer], np.where(known & held, links.writer_step, 0)
        ),
    )
    return forward(turned)
