"""From the accounts of an analysis to the figures of a report."""

from __future__ import annotations

from collections import Counter

import numpy as np

from lpu_emu import timing
from lpu_emu.analysis import Analysis
from lpu_emu.program.hazard import Hazard
from lpu_emu.program.model import Program
from lpu_emu.report.figures import (
    SCHEMA,
    Figures,
    HazardFigures,
    MemoryFigures,
    OperatorFigures,
    ProgramFigures,
    QueueFigures,
    RooflineFigures,
    StreamFigures,
    TextFigures,
    UnitFigures,
)
from lpu_emu.report.losses import loss_figures
from lpu_emu.report.operators import LATENCY, NOTHING, operator_figures
from lpu_emu.report.picture.blocks import blocks_of, peak_words
from lpu_emu.spec.machine import Machine

UNITS = ("mxm", "vxm", "mem", "sxm", "c2c", "icu")
_MICROSECONDS = 1_000_000


def measure(program: Program, analysis: Analysis) -> Figures:
    """Return all figures of a program."""
    ops = operator_figures(program, analysis)
    roofline = _roofline(program.machine, analysis, ops)
    return Figures(
        schema=SCHEMA,
        program=_program(program),
        cycles=analysis.cycles,
        time_us=timing.seconds(program.machine, analysis.cycles) * _MICROSECONDS,
        units=_units(analysis),
        memory=_memory(program, analysis),
        streams=_streams(program.machine, analysis),
        text=_text(program.machine, analysis),
        ops=ops,
        queues=_queues(program.machine, analysis),
        roofline=roofline,
        losses=loss_figures(program.machine, analysis, roofline),
        hazards=_hazards(analysis.hazards),
    )


def _program(program: Program) -> ProgramFigures:
    return ProgramFigures(
        name=program.name,
        chip=program.machine.chip.name,
        precision=program.attributes.get("precision", ""),
        instructions=program.instruction_count(),
        text_bytes=program.text_bytes(),
    )


def _units(analysis: Analysis) -> dict[str, UnitFigures]:
    found = analysis.accounts.units
    return {
        name: UnitFigures(
            dispatches=found[name].dispatches,
            busy_cycles=found[name].busy_cycles,
            utilization=found[name].utilization,
        )
        for name in UNITS
    }


def sram_limit(machine: Machine) -> int:
    """Return the most bytes per cycle that SRAM moves: one vector per bank."""
    chip = machine.chip
    return 2 * chip.slices * chip.banks * chip.lanes


def _memory(program: Program, analysis: Analysis) -> MemoryFigures:
    machine = program.machine
    account, chip = analysis.accounts.memory, machine.chip
    live, cycle = peak_words(blocks_of(program, analysis), analysis.cycles)
    return MemoryFigures(
        sram_bytes_used=account.words * chip.lanes,
        sram_bytes=2 * chip.slices * chip.words * chip.lanes,
        slices_used=len(account.slices),
        slices=2 * chip.slices,
        read_bytes=account.reads * chip.lanes,
        written_bytes=account.writes * chip.lanes,
        bytes_per_cycle=account.moved_bytes / max(analysis.cycles, 1),
        peak_bytes_per_cycle=account.peak_bytes_per_cycle,
        limit_bytes_per_cycle=sram_limit(machine),
        peak_live_bytes=live * chip.lanes,
        peak_live_cycle=cycle,
    )


def _streams(machine: Machine, analysis: Analysis) -> StreamFigures:
    account = analysis.accounts.streams
    return StreamFigures(
        peak_live=max(account.peak_live_east, account.peak_live_west),
        peak_live_east=account.peak_live_east,
        peak_live_west=account.peak_live_west,
        per_direction=machine.chip.streams,
        used=len(account.busy_slots),
        slots_driven=sum(account.busy_slots.values()),
    )


def _text(machine: Machine, analysis: Analysis) -> TextFigures:
    account, queues = analysis.accounts.text, analysis.accounts.queues
    capacity, fetch = int(machine.chip["icu.queue_bytes"]), int(machine.chip["icu.fetch_bytes"])
    longest = max(layout.size_bytes for layout in machine.isa.layouts.values())
    fullest = max(queues, key=lambda queue: queue.text_bytes, default=None)
    return TextFigures(
        bytes=account.total_bytes,
        bytes_per_cycle=account.bytes_per_cycle,
        peak_bytes_per_cycle=account.peak_bytes_per_cycle,
        limit_bytes_per_cycle=longest * len(machine.queues),
        queues_used=len(queues),
        queues=len(machine.queues),
        queue_bytes=capacity,
        fullest_queue=fullest.name if fullest else "",
        fullest_queue_bytes=fullest.text_bytes if fullest else 0,
        queues_over_capacity=sum(queue.text_bytes > capacity for queue in queues),
        refills=sum(-(-max(queue.text_bytes - capacity, 0) // fetch) for queue in queues),
    )


def _queues(machine: Machine, analysis: Analysis) -> tuple[QueueFigures, ...]:
    runs, number = analysis.runs, len(machine.queues)
    first, last = np.full(number, np.iinfo(np.int64).max), np.zeros(number, dtype=np.int64)
    np.minimum.at(first, runs.queue, runs.start)
    np.maximum.at(last, runs.queue, runs.start + (runs.count - 1) * runs.interval)
    found = []
    for account in analysis.accounts.queues:
        queue = machine.queue_by_name[account.name]
        active = account.busy_cycles > 0
        found.append(
            QueueFigures(
                name=account.name,
                unit=queue.unit,
                dispatches=account.busy_cycles,
                first=int(first[queue.index]) if active else None,
                last=int(last[queue.index]) if active else None,
                utilization=account.utilization,
                text_bytes=account.text_bytes,
            )
        )
    return tuple(found)


def _roofline(machine: Machine, analysis: Analysis, ops: tuple[OperatorFigures, ...]) -> RooflineFigures:
    cycles = max(analysis.cycles, 1)
    issued = sum(plane.macs for plane in analysis.accounts.planes)
    useful = sum(op.macs for op in ops) or issued
    peak, limit = peak_macs(machine, analysis), sram_limit(machine)
    moved = analysis.accounts.memory.moved_bytes
    compute, memory = useful / cycles / peak, moved / cycles / limit
    return RooflineFigures(
        macs=useful,
        issued_macs=issued,
        peak_macs_per_cycle=peak,
        achieved_macs_per_cycle=useful / cycles,
        sram_bytes=moved,
        peak_sram_bytes_per_cycle=limit,
        achieved_sram_bytes_per_cycle=moved / cycles,
        intensity=useful / moved if moved else 0.0,
        ridge=peak / limit,
        bound=_bound(compute, memory),
    )


def _bound(compute: float, memory: float) -> str:
    """Return the roof that is nearer, if the program comes at least half-way to it."""
    if not compute and not memory:
        return NOTHING
    if max(compute, memory) < 1 / 2:
        return LATENCY
    return "compute" if compute >= memory else "memory"


def peak_macs(machine: Machine, analysis: Analysis) -> float:
    """Return the multiply-accumulates per cycle of all planes at work on the program's own mix of types.

    Without an issue it is the peak of one-byte types.
    """
    planes, lanes = analysis.accounts.planes, machine.chip.lanes
    occupied = sum(plane.busy_cycles for plane in planes)
    if not occupied:
        return float(len(planes) * lanes * lanes)
    return sum(plane.macs for plane in planes) * len(planes) / occupied


def _hazards(hazards: tuple[Hazard, ...]) -> HazardFigures:
    warnings = sum(hazard.is_warning for hazard in hazards)
    kinds = Counter(hazard.kind for hazard in hazards)
    return HazardFigures(
        errors=len(hazards) - warnings, warnings=warnings, kinds={kind: kinds[kind] for kind in sorted(kinds)}
    )
