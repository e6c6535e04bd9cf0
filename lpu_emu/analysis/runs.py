"""The run table: every dispatch of a program, as progressions of dispatches of one instruction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpu_emu.analysis.control import LOOPS, Timeline
from lpu_emu.analysis.lattice import Ints, ramp
from lpu_emu.analysis.listing import Listing
from lpu_emu.analysis.tables import Role, Tables
from lpu_emu.spec.machine import Machine

# The innermost loop is the one that stays together, unless another one is longer by more than this factor.
_MUCH_LONGER = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class RunTable:
    """Dispatch k of a run is in cycle ``start + k * interval``, for ``0 <= k < count``.

    int64 columns [r], sorted by queue (the machine's index), instruction index and outer iteration. ``args``
    [r, widest] are the arguments of dispatch 0; strided ones move by ``stride`` from one dispatch to the
    next. ``row`` is the row in the listing of all queues, ``superlanes`` how many superlanes ``config`` has
    left on.
    """

    row: Ints
    queue: Ints
    index: Ints
    opcode: Ints
    start: Ints
    interval: Ints
    count: Ints
    stride: Ints
    args: Ints
    superlanes: Ints
    line: Ints
    origin: Ints

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.row)

    def cycle(self, run: Ints, k: Ints) -> Ints:
        """Return the dispatch cycles of elements ``k`` of runs."""
        return np.asarray(self.start[run] + k * self.interval[run])


def runs_of(listing: Listing, timeline: Timeline, machine: Machine, tables: Tables) -> RunTable:
    """Expand loops into runs: one loop of each nest stays a run, the others are written out."""
    opcode = listing.opcode[timeline.row]
    reached = np.flatnonzero(tables.dispatches[opcode] & (timeline.start >= 0))
    opcode = opcode[reached]
    stride = np.where(np.any(tables.strided[opcode], axis=1, keepdims=True), timeline.stride[reached], 0)
    nest = _merged(timeline.number[reached], timeline.interval[reached], stride)
    lead, late, shift, inner = _unrolled(*nest)
    number, interval, stride = (table[lead, inner] for table in nest)
    row = timeline.row[reached][lead]
    args = listing.args[row]
    args = args + np.where(tables.strided[opcode[lead]], shift[:, None], 0)
    return RunTable(
        row=row,
        queue=listing.queue[row],
        index=listing.index[row],
        opcode=opcode[lead],
        start=timeline.start[reached][lead] + late,
        interval=np.maximum(interval, 1),
        count=number,
        stride=stride,
        args=args,
        superlanes=_superlanes(listing, machine, tables)[row],
        line=listing.line[row],
        origin=listing.origin[row],
    )


def argument_of(runs: RunTable, tables: Tables, name: str) -> Ints:
    """Return an argument of every run by operand name, 0 where it has none of that name."""
    column = tables.columns[name][runs.opcode]
    value = np.take_along_axis(runs.args, np.maximum(column, 0)[:, None], axis=1)[:, 0]
    return np.where(column >= 0, value, 0)


def _merged(number: Ints, interval: Ints, stride: Ints) -> tuple[Ints, Ints, Ints]:
    """Join loops where the outer one goes on as the inner one began, and move the others inward."""
    number, interval, stride = number.copy(), interval.copy(), stride.copy()
    for inner in (0, 1, 0):
        outer = inner + 1
        empty = (number[:, inner] == 1) & (number[:, outer] > 1)
        for table in (number, interval, stride):
            table[empty, inner] = table[empty, outer]
        goes_on = (interval[:, outer] == number[:, inner] * interval[:, inner]) & (
            stride[:, outer] == number[:, inner] * stride[:, inner]
        )
        joined = goes_on & (number[:, outer] > 1)
        number[joined, inner] *= number[joined, outer]
        number[empty | joined, outer] = 1
    once = number == 1
    interval[once] = 0
    stride[once] = 0
    return number, interval, stride


def _unrolled(number: Ints, interval: Ints, stride: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Return, per run: its nest, how much later it starts, how far operands moved, and the loop it keeps."""
    if not np.any(number[:, 1:] > 1):
        rows = np.arange(len(number))
        return rows, np.zeros_like(rows), np.zeros_like(rows), np.zeros_like(rows)
    longest = np.argmax(number, axis=1)
    rows = np.arange(len(number))
    kept = np.where(number[rows, longest] > _MUCH_LONGER * number[:, 0], longest, 0)
    others = number.copy()
    others[rows, kept] = 1
    lead, left = ramp(others.prod(axis=1))
    late, shift = np.zeros((2, len(lead)), dtype=np.int64)
    for loop in range(LOOPS):
        left, iteration = np.divmod(left, others[lead, loop])
        late += iteration * interval[lead, loop]
        shift += iteration * stride[lead, loop]
    return lead, late, shift, kept[lead]


def _superlanes(listing: Listing, machine: Machine, tables: Tables) -> Ints:
    """Return the superlanes that are on, for every row of the listing."""
    power = np.full(len(listing), machine.chip.superlanes, dtype=np.int64)
    rows = np.arange(len(listing))
    config = np.flatnonzero(tables.role[listing.opcode] == Role.CONFIG)
    if len(config):
        begin = np.searchsorted(listing.queue, listing.queue)
        last = np.searchsorted(config, rows) - 1
        known = (last >= 0) & (config[last] >= begin)
        power[known] = listing.args[config[last[known]], 0]
    return power
