"""Where the cycles, the instruction text, the SRAM accesses and the streams of a program went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lpu_emu.analysis.control import Timeline
from lpu_emu.analysis.flows import Flows
from lpu_emu.analysis.lattice import Ints, Progressions, covered
from lpu_emu.analysis.listing import Listing
from lpu_emu.analysis.planes import wide_issues
from lpu_emu.analysis.runs import RunTable
from lpu_emu.analysis.tables import OPCODES, Tables, tables_of
from lpu_emu.analysis.usage import (
    MemoryAccount,
    PlaneAccount,
    StreamAccount,
    memory_account,
    plane_accounts,
    stream_account,
)
from lpu_emu.program.model import Program
from lpu_emu.spec.machine import Machine


@dataclass(frozen=True, kw_only=True)
class QueueAccount:
    """One queue: cycles with a dispatch, their share of all cycles, and its bytes of instruction text."""

    name: str
    busy_cycles: int
    utilization: float
    text_bytes: int


@dataclass(frozen=True, kw_only=True)
class UnitAccount:
    """One unit.

    ``busy_cycles`` are those in which any of its queues dispatches (of the MXM: any plane is occupied).
    ``utilization`` is the share of its queues' cycles with a dispatch (of its planes' cycles that are
    occupied).
    """

    dispatches: int
    busy_cycles: int
    utilization: float


@dataclass(frozen=True, kw_only=True)
class TextAccount:
    """Instruction text in bytes: all of it, the most that is taken up in one cycle, the average per cycle."""

    total_bytes: int
    peak_bytes_per_cycle: int
    bytes_per_cycle: float


@dataclass(frozen=True, kw_only=True)
class OperatorAccount:
    """One operator of the source: first dispatch, cycle in which its last effect is over, dispatches by unit.

    ``start`` and ``end`` are 0 for an operator without instructions.
    """

    name: str
    op_type: str
    start: int
    end: int
    dispatches: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """Everything that reports count. Units are keyed by name in the order of the instruction set."""

    cycles: int
    units: Mapping[str, UnitAccount]
    queues: tuple[QueueAccount, ...]
    text: TextAccount
    memory: MemoryAccount
    streams: StreamAccount
    planes: tuple[PlaneAccount, ...]
    operators: tuple[OperatorAccount, ...]


def accounts_of(
    program: Program, cycles: int, listing: Listing, timeline: Timeline, runs: RunTable, flows: Flows
) -> Accounts:
    """Count everything; ``flows`` are those of the program's analysis."""
    machine, tables = program.machine, tables_of(program.machine)
    planes, occupied = plane_accounts(flows.planes, machine, runs, tables, cycles)
    units = _units(machine, cycles, runs)
    units["mxm"] = UnitAccount(
        dispatches=units["mxm"].dispatches,
        busy_cycles=occupied,
        utilization=sum(plane.utilization for plane in planes) / len(planes),
    )
    return Accounts(
        cycles=cycles,
        units=units,
        queues=_queues(machine, cycles, listing, runs, tables),
        text=_text(listing, timeline, tables, cycles),
        memory=memory_account(flows, machine),
        streams=stream_account(flows.streams, runs),
        planes=planes,
        operators=_operators(program, runs, tables),
    )


def _unit_numbers(machine: Machine) -> Ints:
    """Return the number of the unit of each opcode, in the order of the instruction set."""
    names = list(machine.isa.units)
    table = np.zeros(OPCODES, dtype=np.int64)
    for instruction in machine.isa.instructions.values():
        table[instruction.opcode] = names.index(instruction.unit)
    return table


def _units(machine: Machine, cycles: int, runs: RunTable) -> dict[str, UnitAccount]:
    unit = _unit_numbers(machine)[runs.opcode]
    names = list(machine.isa.units)
    dispatches = np.bincount(unit, weights=runs.count, minlength=len(names)).astype(np.int64).tolist()
    busy = np.zeros(len(names), dtype=np.int64)
    axes, points = covered(Progressions(key=unit, start=runs.start, step=runs.interval, count=runs.count))
    busy[axes] = points
    return {
        name: UnitAccount(
            dispatches=dispatches[i],
            busy_cycles=int(busy[i]),
            utilization=dispatches[i] / max(cycles * _queue_count(machine, name), 1),
        )
        for i, name in enumerate(names)
    }


def _queue_count(machine: Machine, unit: str) -> int:
    """Return how many queues run a unit's instructions; those of the ICU run on all."""
    own = sum(queue.unit == unit for queue in machine.queues)
    return own or len(machine.queues)


def _queues(
    machine: Machine, cycles: int, listing: Listing, runs: RunTable, tables: Tables
) -> tuple[QueueAccount, ...]:
    number = len(machine.queues)
    busy = np.bincount(runs.queue, weights=runs.count, minlength=number).astype(np.int64).tolist()
    sizes = np.bincount(listing.queue, weights=tables.size_bytes[listing.opcode], minlength=number)
    return tuple(
        QueueAccount(
            name=machine.queues[q].name,
            busy_cycles=busy[q],
            utilization=busy[q] / max(cycles, 1),
            text_bytes=int(sizes[q]),
        )
        for q in np.unique(listing.queue).tolist()
    )


def _text(listing: Listing, timeline: Timeline, tables: Tables, cycles: int) -> TextAccount:
    """An instruction is taken up, with its repeats, in the cycle in which its queue reaches it."""
    sizes = tables.size_bytes[listing.opcode]
    total = int(sizes.sum())
    if not total:
        return TextAccount(total_bytes=0, peak_bytes_per_cycle=0, bytes_per_cycle=0.0)
    taken = np.add.reduceat(sizes, timeline.row)
    _, number = np.unique(timeline.start, return_inverse=True)
    by_cycle = np.bincount(number[timeline.start >= 0], weights=taken[timeline.start >= 0])
    return TextAccount(
        total_bytes=total,
        peak_bytes_per_cycle=int(by_cycle.max(initial=0)),
        bytes_per_cycle=total / max(cycles, 1),
    )


def _operators(program: Program, runs: RunTable, tables: Tables) -> tuple[OperatorAccount, ...]:
    machine = program.machine
    number, units = len(program.operators), list(machine.isa.units)
    owned = np.flatnonzero(runs.origin >= 0)
    origin, opcode = runs.origin[owned], runs.opcode[owned]
    _, wide = wide_issues(runs, machine, tables)
    finish = np.where(wide[owned], tables.finish_wide[opcode], tables.finish[opcode])
    start, end = np.full(number, 1 << 60), np.zeros(number, dtype=np.int64)
    np.minimum.at(start, origin, runs.start[owned])
    last = runs.start[owned] + (runs.count[owned] - 1) * runs.interval[owned]
    np.maximum.at(end, origin, last + finish + 1)
    key = origin * len(units) + _unit_numbers(machine)[opcode]
    counts = np.bincount(key, weights=runs.count[owned], minlength=number * len(units)).astype(np.int64)
    table = counts.reshape(number, len(units))
    return tuple(
        OperatorAccount(
            name=operator.name,
            op_type=operator.op_type,
            start=int(start[i]) if end[i] else 0,
            end=int(end[i]),
            dispatches={unit: int(n) for unit, n in zip(units, table[i].tolist(), strict=True) if n},
        )
        for i, operator in enumerate(program.operators)
    )
