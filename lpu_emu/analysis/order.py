"""Who came last before: the latest earlier event for whole progressions of events, in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpu_emu.analysis.lattice import Bools, Ints, Pieces, Progressions, windows


@dataclass(frozen=True, kw_only=True, eq=False)
class Links:
    """Reader element ``first + j * step`` sees writer element ``writer_first + j * writer_step``.

    int64 columns [n], for ``0 <= j < count``. ``reader`` and ``writer`` are rows of the caller's table;
    ``writer`` is -1 where there is none, and ``writer_step`` is 0 where one writer element serves all.
    """

    reader: Ints
    first: Ints
    step: Ints
    count: Ints
    writer: Ints
    writer_first: Ints
    writer_step: Ints

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.reader)

    def where(self, rows: Ints | Bools) -> Links:
        """Return some rows."""
        return Links(**{name: column[rows] for name, column in vars(self).items()})


def join(*parts: Links) -> Links:
    """Return the rows of several tables, one after the other."""
    return Links(**{name: np.concatenate([vars(part)[name] for part in parts]) for name in vars(parts[0])})


def in_order(links: Links) -> Links:
    """Sort by reader and its elements."""
    return links.where(np.lexsort((links.first, links.reader)))


def forward(links: Links) -> Links:
    """Turn links that go through their reader's elements downwards around."""
    down = links.step < 0
    skip: Ints = np.where(down, links.count - 1, 0)
    return Links(
        reader=links.reader,
        first=links.first + skip * links.step,
        step=np.abs(links.step),
        count=links.count,
        writer=links.writer,
        writer_first=links.writer_first + skip * links.writer_step,
        writer_step=np.where(down, -links.writer_step, links.writer_step),
    )


def closer_than(links: Links, start: Ints, interval: Ints, bound: Ints) -> Links:
    """Return the part of each link in which reader and writer are less than ``bound`` [n] cycles apart.

    ``start`` and ``interval`` say when the elements of the caller's rows happen.
    """
    known = links.where(links.writer >= 0)
    bound = bound[links.writer >= 0]
    gap = start[known.reader] + known.first * interval[known.reader]
    gap = gap - start[known.writer] - known.writer_first * interval[known.writer]
    slope = known.step * interval[known.reader] - known.writer_step * interval[known.writer]
    skip, count = _below(gap, slope, known.count, bound)
    near = Links(
        reader=known.reader,
        first=known.first + skip * known.step,
        step=known.step,
        count=count,
        writer=known.writer,
        writer_first=known.writer_first + skip * known.writer_step,
        writer_step=known.writer_step,
    )
    return near.where(count > 0)


def _below(value: Ints, slope: Ints, count: Ints, bound: Ints) -> tuple[Ints, Ints]:
    """Return the first j and the number of j in 0..count-1 with value + j * slope < bound."""
    steep = np.maximum(np.abs(slope), 1)
    falling = slope < 0
    skip = np.where(falling, np.clip((value - bound) // steep + 1, 0, count), 0)
    prefix = np.clip(-((value - bound) // steep), 0, count)
    level = np.where(value < bound, count, 0)
    return skip, np.where(slope == 0, level, np.where(falling, count - skip, prefix))


def last_before(events: Progressions, rank: Ints, reads: Bools, writes: Bools) -> Links:
    """Link every reading event to the latest writing event before it on its axis.

    Args:
        events: when each event happens; rows are numbered by the caller.
        rank: decides the order of events at the same place; an event never sees itself.
        reads, writes: what an event does; both may hold.
    """
    pieces, residue = windows(events)
    order = np.lexsort((rank[pieces.source], residue, pieces.cell))
    sorted_ = _Sorted.of(pieces, order, events.key, writes)
    readers = np.flatnonzero(reads[pieces.source[order]])
    return join(sorted_.head(readers), sorted_.tail(readers))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Sorted:
    """Pieces in order of time inside each window; ``before`` and ``around`` are rows, -1 for none.

    ``before`` is the latest earlier writer of the axis, ``around`` the last writer of the piece's own cell.
    """

    pieces: Pieces
    before: Ints
    around: Ints

    @classmethod
    def of(cls, pieces: Pieces, order: Ints, key: Ints, writes: Bools) -> _Sorted:
        """Sort pieces and find the writers that each one can see."""
        rows = np.arange(len(order))
        p = Pieces(**{name: column[order] for name, column in vars(pieces).items()})
        latest = np.maximum.accumulate(np.where(writes[p.source], rows, -1))
        before = np.append(-1, latest[:-1])[: len(order)]
        axis = key[p.source]
        before[(before >= 0) & (axis[before] != axis)] = -1
        last = np.flatnonzero(np.append(p.cell[1:] != p.cell[:-1], True)[: len(order)])
        around = latest[last[np.searchsorted(last, rows)]] if len(rows) else rows
        around[(around >= 0) & (p.cell[around] != p.cell)] = -1
        return cls(pieces=p, before=before, around=around)

    def head(self, rows: Ints) -> Links:
        """Link the first window of each piece, or all when the writer stands in every window or in none."""
        p, before = self.pieces, self.before[rows]
        same = (before >= 0) & (p.cell[before] == p.cell[rows])
        whole = same | (self.around[rows] < 0)
        skip = np.where(same, 0, p.count[before] - 1)
        return Links(
            reader=p.source[rows],
            first=p.first[rows],
            step=p.step[rows],
            count=np.where(whole, p.count[rows], 1),
            writer=np.where(before >= 0, p.source[before], -1),
            writer_first=np.where(before >= 0, p.first[before] + skip * p.step[before], 0),
            writer_step=np.where(same, p.step[before], 0),
        )

    def tail(self, rows: Ints) -> Links:
        """Link the windows after the first where the writer is the last one of the window before."""
        p, before = self.pieces, self.before[rows]
        same = (before >= 0) & (p.cell[before] == p.cell[rows])
        rows = rows[~same & (self.around[rows] >= 0) & (p.count[rows] > 1)]
        writer = self.around[rows]
        return Links(
            reader=p.source[rows],
            first=p.first[rows] + p.step[rows],
            step=p.step[rows],
            count=p.count[rows] - 1,
            writer=p.source[writer],
            writer_first=p.first[writer],
            writer_step=p.step[writer],
        )


def ordinals(events: Progressions) -> tuple[Ints, Progressions, Pieces]:
    """Number the events of each axis 0, 1, ... in order.

    Returns, per piece of the events: the event row, the numbers as progressions on the same axes, and the
    pieces.
    """
    pieces, residue = windows(events)
    order = np.lexsort((residue, pieces.cell))
    p = Pieces(**{name: column[order] for name, column in vars(pieces).items()})
    rows = np.arange(len(order))
    fresh = np.append(True, p.cell[1:] != p.cell[:-1])[: len(rows)]
    opening = np.maximum.accumulate(np.where(fresh, rows, 0))
    size = np.bincount(p.cell, minlength=1)[p.cell]
    total = np.cumsum(p.count) - p.count
    axis = events.key[p.source]
    first_of_axis = np.append(True, axis[1:] != axis[:-1])[: len(rows)]
    base = total[np.maximum.accumulate(np.where(first_of_axis, rows, 0))]
    start = total[opening] - base + (rows - opening)
    return p.source, Progressions(key=axis, start=start, step=size, count=p.count), p
