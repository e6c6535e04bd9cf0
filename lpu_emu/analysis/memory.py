"""SRAM accesses of a program, and bank conflicts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpu_emu.analysis.lattice import Bools, Ints, Progressions, cells, ramp
from lpu_emu.analysis.occurrences import Occurrences, double
from lpu_emu.analysis.runs import RunTable
from lpu_emu.analysis.tables import Role, Tables


@dataclass(frozen=True, kw_only=True, eq=False)
class Accesses:
    """Reads and writes of single words, int64 columns [n].

    Dispatch k of ``run`` accesses ``address + k * stride`` in ``time + k * interval``; ``queue`` is the
    slice's queue; ``operand`` the argument column of the address.
    """

    run: Ints
    queue: Ints
    operand: Ints
    address: Ints
    stride: Ints
    time: Ints
    interval: Ints
    count: Ints
    writes: Bools

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.run)


@dataclass(frozen=True, kw_only=True, eq=False)
class Regions:
    """Gathers and scatters: dispatch k of ``run`` may touch ``base..limit`` in ``time + k * interval``."""

    run: Ints
    queue: Ints
    base: Ints
    limit: Ints
    time: Ints
    interval: Ints
    count: Ints
    scatters: Bools

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.run)


def accesses_of(runs: RunTable, tables: Tables) -> Accesses:
    """List the single-word accesses of all runs, sorted by run."""
    column = tables.accesses.column[runs.opcode]
    run, number = np.nonzero(column >= 0)
    opcode = runs.opcode[run]
    operand = column[run, number]
    return Accesses(
        run=run,
        queue=runs.queue[run],
        operand=operand,
        address=runs.args[run, operand],
        stride=runs.stride[run],
        time=runs.start[run] + tables.accesses.delay[opcode, number],
        interval=runs.interval[run],
        count=runs.count[run],
        writes=tables.accesses.writes[opcode, number],
    )


def regions_of(runs: RunTable, tables: Tables) -> Regions:
    """List the gathers and scatters of all runs, sorted by run."""
    columns = tables.accesses.region[runs.opcode]
    run = np.flatnonzero(columns[:, 0] >= 0)
    opcode = runs.opcode[run]
    base, limit = runs.args[run[:, None], columns[run]].T
    return Regions(
        run=run,
        queue=runs.queue[run],
        base=base,
        limit=limit,
        time=runs.start[run] + tables.delays["access"][opcode],
        interval=runs.interval[run],
        count=runs.count[run],
        scatters=tables.role[opcode] == Role.SCATTER,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class BankUse:
    """Accesses cut at bank borders: elements from ``first`` on use ``bank`` of ``queue`` from ``time`` on."""

    run: Ints
    queue: Ints
    bank: Ints
    first: Ints
    time: Ints
    interval: Ints
    count: Ints
    writes: Bools


def bank_use(accesses: Accesses, regions: Regions, words_per_bank: int) -> BankUse:
    """Return which bank each part of each access uses."""
    return _stacked(_by_bank(accesses, words_per_bank), _region_banks(regions, words_per_bank))


def bank_hazards(use: BankUse, runs: RunTable, banks: int) -> Occurrences:
    """Find cycles in which a bank serves more than one access."""
    key = use.queue * banks + use.bank
    cut = cells(Progressions(key=key, start=use.time, step=use.interval, count=use.count))
    number = use.first[cut.source] + cut.first
    dispatch = runs.cycle(use.run[cut.source], number)
    order = np.lexsort((use.run[cut.source], dispatch, cut.cell))
    cell, source = cut.cell[order], cut.source[order]
    pair = np.flatnonzero(cell[1:] == cell[:-1])
    one, other = order[pair], order[pair + 1]
    at = source[pair]
    return double(
        "bank_conflict",
        use.time[at] + cut.first[one] * use.interval[at],
        cut.count[one],
        (use.queue[at], use.bank[at]),
        (use.run[at], dispatch[one]),
        (use.run[cut.source[other]], dispatch[other]),
    )


def _by_bank(a: Accesses, words_per_bank: int) -> BankUse:
    """Cut each access where its addresses cross into another bank."""
    last = (a.address + (a.count - 1) * a.stride) // words_per_bank
    low = np.minimum(a.address // words_per_bank, last)
    row, i = ramp(np.maximum(a.address // words_per_bank, last) - low + 1)
    bank = low[row] + i
    first, end = _elements_between(a, row, bank * words_per_bank, (bank + 1) * words_per_bank - 1)
    kept = first < end
    row, first = row[kept], first[kept]
    return BankUse(
        run=a.run[row],
        queue=a.queue[row],
        bank=bank[kept],
        first=first,
        time=a.time[row] + first * a.interval[row],
        interval=a.interval[row],
        count=end[kept] - first,
        writes=a.writes[row],
    )


def _elements_between(a: Accesses, row: Ints, low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """Return the first element with an address in low..high, and the one after the last (stride 0: all)."""
    stride, address = a.stride[row], a.address[row]
    size = np.maximum(np.abs(stride), 1)
    up = stride >= 0
    enter = np.where(up, low - address, address - high)
    leave = np.where(up, high - address, address - low)
    first = np.where(stride == 0, 0, np.maximum(-(-enter // size), 0))
    end = np.where(stride == 0, a.count[row], np.minimum(leave // size + 1, a.count[row]))
    return first, end


def _region_banks(r: Regions, words_per_bank: int) -> BankUse:
    low = r.base // words_per_bank
    row, i = ramp(np.where(r.limit >= r.base, r.limit // words_per_bank - low + 1, 0))
    return BankUse(
        run=r.run[row],
        queue=r.queue[row],
        bank=low[row] + i,
        first=np.zeros(len(row), dtype=np.int64),
        time=r.time[row],
        interval=r.interval[row],
        count=r.count[row],
        writes=r.scatters[row],
    )


def _stacked(one: BankUse, other: BankUse) -> BankUse:
    return BankUse(
        **{name: np.concatenate((column, vars(other)[name])) for name, column in vars(one).items()}
    )
