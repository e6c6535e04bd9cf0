"""Hazards in words: which two instructions, where they stand in the source, and what to do."""

from __future__ import annotations

from collections.abc import Sequence

from lpu_emu.analysis.core import Analysis
from lpu_emu.analysis.suspects import suspect_of
from lpu_emu.errors import HazardError
from lpu_emu.program.hazard import Hazard, Site
from lpu_emu.program.model import Program

LISTED = 20  # hazards that the message of an error spells out


def describe(hazard: Hazard, analysis: Analysis) -> str:
    """Return a hazard as lines of text: kind, resource and cycle, then each instruction, then advice.

    For an operand that is not there, the dispatch that misses it by the fewest cycles is named too.
    """
    program = analysis.program
    level = "warning" if hazard.is_warning else "error"
    often = f", {hazard.count} times in all" if hazard.count > 1 else ""
    lines = [f"{level}: {hazard.kind}: {hazard.resource} in cycle {hazard.cycle}{often}"]
    lines += [f"  {_place(site, program)}" for site in (hazard.first, hazard.second) if site]
    if suspect := suspect_of(hazard, analysis):
        lines.append(f"  {suspect}: {_place(suspect.site, program)}")
    return "\n".join([*lines, f"  advice: {hazard.advice}"])


def require_no_hazards(analysis: Analysis) -> None:
    """Do nothing for a program without hazards; warnings are allowed.

    Raises:
        HazardError: there are hazards that are not warnings; the first twenty are spelled out, and it holds
        all.
    """
    broken = [hazard for hazard in analysis.hazards if not hazard.is_warning]
    if broken:
        raise HazardError(_message(broken, analysis), analysis.hazards)


def _message(broken: Sequence[Hazard], analysis: Analysis) -> str:
    program = analysis.program
    number = f"{len(broken)} hazard{'s' if len(broken) > 1 else ''}"
    head = f"program {program.name!r} breaks the timing rules of chip {program.machine.chip.name}: {number}"
    more = [f"... and {len(broken) - LISTED} more"] if len(broken) > LISTED else []
    return "\n".join([head, *(describe(hazard, analysis) for hazard in broken[:LISTED]), *more])


def _place(site: Site, program: Program) -> str:
    """Return queue, index, cycle and what stands there: the source line, or else the mnemonic."""
    where = f"{site.queue}[{site.index}], dispatched in cycle {site.cycle}"
    file = f"{program.source.name}:" if program.source.name else "line "
    source = f", {file}{site.line}" if site.line else ""
    lines = program.source.text.splitlines()
    if 0 < site.line <= len(lines):
        return f"{where}{source}: {' '.join(lines[site.line - 1].split())}"
    opcode = int(program.queues[site.queue].opcodes[site.index])
    return f"{where}{source}: {program.machine.isa.by_opcode[opcode].mnemonic}"
