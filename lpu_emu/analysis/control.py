"""When each instruction of each queue is reached: gaps, loops, barriers and alignment, in closed form."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field

import numpy as np

from lpu_emu.analysis.lattice import Ints
from lpu_emu.analysis.listing import Listing
from lpu_emu.analysis.tables import Role, Tables
from lpu_emu.spec.machine import Machine

LOOPS = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Timeline:
    """Where every instruction that is not a ``repeat`` stands in time.

    int64 columns [m]: ``row`` in the listing, ``start`` (cycle, -1 if never reached), and [m, 3] ``number``
    of iterations (1 without a loop), ``interval`` and ``stride`` of its loops, innermost first. ``parked``
    [k, 2] holds listing row and cycle of each ``sync`` that waits for ever; ``end`` is the largest cycle at
    which a queue ends.
    """

    row: Ints
    start: Ints
    number: Ints
    interval: Ints
    stride: Ints
    parked: Ints
    end: int


def timeline_of(listing: Listing, machine: Machine, tables: Tables) -> Timeline:
    """Resolve the control flow of all queues."""
    role = tables.role[listing.opcode]
    row = np.flatnonzero(role != Role.REPEAT)
    number, interval, stride = _loops(listing, tables, role, row)
    lead = role[row]
    cycles = 1 + ((number - 1) * interval).sum(axis=1)
    waits = lead == Role.WAIT
    cycles[waits] = listing.args[row[waits], 0]
    cycles[(lead == Role.SYNC) | (lead == Role.DESKEW)] = 0
    flow = _Flow.of(machine, listing.queue[row], lead, cycles)
    flow.run()
    parked = np.array([(row[at], cycle) for at, cycle in flow.parked()], dtype=np.int64).reshape(-1, 2)
    return Timeline(
        row=row,
        start=flow.start,
        number=number,
        interval=interval,
        stride=stride,
        parked=parked,
        end=flow.end,
    )


def _loops(listing: Listing, tables: Tables, role: Ints, row: Ints) -> tuple[Ints, Ints, Ints]:
    number = np.ones((len(row), LOOPS), dtype=np.int64)
    interval, stride = np.zeros((2, len(row), LOOPS), dtype=np.int64)
    repeat = np.flatnonzero(role == Role.REPEAT)
    if len(repeat):
        lead = np.searchsorted(row, repeat) - 1
        at = (lead, repeat - row[lead] - 1)
        args, opcode = listing.args[repeat], listing.opcode[repeat[0]]
        number[at] = 1 + args[:, tables.columns["count"][opcode]]
        interval[at] = args[:, tables.columns["interval"][opcode]]
        stride[at] = args[:, tables.columns["stride"][opcode]]
    return number, interval, stride


@dataclass(kw_only=True, eq=False)
class _Cursor:
    """How far one queue has come: rows ``[at, last)`` lie ahead, ``shift`` is what waiting has added."""

    at: int
    last: int
    stops: list[int]
    shift: int = 0
    parked_at: int | None = None


@dataclass(kw_only=True, eq=False)
class _Flow:
    """The queues advancing from stop to stop; ``sofar`` is the start of each row if nothing ever waited."""

    lead: Ints
    cycles: Ints
    sofar: Ints
    start: Ints
    cursors: list[_Cursor]
    notifies: Ints
    barrier: int
    epoch: int
    arrivals: list[int] = field(default_factory=list)
    end: int = 0

    @classmethod
    def of(cls, machine: Machine, queue: Ints, lead: Ints, cycles: Ints) -> _Flow:
        """Set every queue to its beginning."""
        total = np.cumsum(cycles) - cycles
        first = np.flatnonzero(np.append(True, queue[1:] != queue[:-1])[: len(queue)])
        last = np.append(first[1:], len(queue)) if len(first) else first
        stops = np.flatnonzero((lead == Role.SYNC) | (lead == Role.DESKEW))
        low, high = np.searchsorted(stops, first), np.searchsorted(stops, last)
        return cls(
            lead=lead,
            cycles=cycles,
            sofar=total - np.repeat(total[first], last - first),
            start=np.full(len(queue), -1, dtype=np.int64),
            cursors=[
                _Cursor(at=a, last=b, stops=stops[i:j].tolist()[::-1])
                for a, b, i, j in zip(first.tolist(), last.tolist(), low.tolist(), high.tolist(), strict=True)
            ],
            notifies=np.flatnonzero(lead == Role.NOTIFY),
            barrier=int(machine.chip["icu.barrier_cycles"]),
            epoch=int(machine.chip["c2c.epoch_cycles"]),
        )

    def run(self) -> None:
        """Advance all queues until each has ended or waits for a notify that never comes.

        A release frees the queues with the earliest arrival; notifies that follow from it arrive later still.
        """
        moving = self.cursors
        while moving:
            for cursor in moving:
                self._advance(cursor)
            waiting = [(r, c) for c in self.cursors if (r := self._release(c)) is not None]
            first = min((r for r, _ in waiting), default=0)
            moving = [cursor for r, cursor in waiting if r == first]
            for cursor in moving:
                parked_at = self._parked(cursor)
                cursor.shift += max(first, parked_at + 1) - parked_at
                cursor.parked_at = None

    def parked(self) -> list[tuple[int, int]]:
        """Return row and cycle of every sync that still waits."""
        return [(c.at - 1, self._parked(c)) for c in self.cursors if c.parked_at is not None]

    def _parked(self, cursor: _Cursor) -> int:
        return cursor.parked_at or 0

    def _release(self, cursor: _Cursor) -> int | None:
        """Return the earliest known arrival for a parked queue."""
        if cursor.parked_at is None:
            return None
        place = bisect_left(self.arrivals, cursor.parked_at)
        return self.arrivals[place] if place < len(self.arrivals) else None

    def _advance(self, cursor: _Cursor) -> None:
        """Go on to the next sync or to the end."""
        while cursor.stops:
            stop = cursor.stops.pop()
            self._pass(cursor, stop + 1)
            cycle = int(self.start[stop])
            if self.lead[stop] == Role.SYNC:
                cursor.parked_at = cycle
                self.end = max(self.end, cycle + 1)
                return
            cursor.shift += (cycle // self.epoch + 1) * self.epoch - cycle
        self._pass(cursor, cursor.last)
        last = cursor.last - 1
        self.end = max(self.end, int(self.sofar[last] + self.cycles[last]) + cursor.shift)

    def _pass(self, cursor: _Cursor, until: int) -> None:
        """Fix the cycles of the rows up to ``until`` and note what they release."""
        rows = slice(cursor.at, until)
        self.start[rows] = self.sofar[rows] + cursor.shift
        low, high = np.searchsorted(self.notifies, (cursor.at, until))
        for cycle in self.start[self.notifies[low:high]].tolist():
            insort(self.arrivals, cycle + self.barrier)
        cursor.at = until
