"""Where the cycles, the instruction text, the SRAM accesses and the streams of a program went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lpu_emu.analysis._account_parts import (
    MemoryAccount,
    PlaneAccount,
    StreamAccount,
    memory_account,
    plane_accounts,
    stream_account,
)
from lpu_emu.analysis.control import Timeline
from lpu_emu.analysis.flows import Flows
from lpu_emu.analysis.lattice import Ints, Progressions, covered
from lpu_emu.analysis.listing import Listing
from lpu_emu.analysis.runs import RunTable
from lpu_emu.analysis.tables import Tables, tables_of
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
    """One unit. ``busy_cycles`` are those in which any of its queues dispatches (of the MXM: in which any plane is occupied).

    ``utilization`` is the share of its queues' cycles with a dispatch (of its planes' cycles that are occupied).
    """

    dispatches: int
    busy_cycles: int
    utilization: float


@dataclass(frozen=True, kw_only=True)
class TextAccount:
    """Instruction text: bytes in all, the most that queues take up in one cycle, and the average per cycle."""

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
    planes = plane_accounts(flows.planes, machine, cycles, runs, tables)
    return Accounts(
        cycles=cycles,
        units=_units(machine, cycles, runs, planes),
        queues=_queues(machine, cycles, listing, runs, tables),
        text=_text(listing, timeline, tables, cycles),
        memory=memory_account(flows, runs, machine),
        streams=stream_account(flows.streams, runs),
        planes=planes.planes,
        operators=_operators(program, runs, tables),
    )
