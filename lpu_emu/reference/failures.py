"""The message of a run that met hazards."""

from __future__ import annotations

from collections.abc import Sequence

from lpu_emu.errors import HazardError
from lpu_emu.program.hazard import Hazard, Site
from lpu_emu.program.model import Program
from lpu_emu.program.text import unpack_row

LISTED = 5


def hazard_error(program: Program, hazards: Sequence[Hazard]) -> HazardError:
    """Return the error for a run with hazards; the message spells out the first few that are not warnings."""
    serious = [hazard for hazard in hazards if not hazard.is_warning]
    more = len(serious) - LISTED
    lines = [
        f"program {program.name!r} breaks the timing rules of chip {program.machine.chip.name}: "
        f"{len(serious)} hazard{'s' if len(serious) > 1 else ''}",
        *(_line(program, hazard) for hazard in serious[:LISTED]),
        *([f"... and {more} more"] if more > 0 else []),
    ]
    return HazardError("\n  ".join(lines), hazards)


def _line(program: Program, hazard: Hazard) -> str:
    sites = [_place(program, site) for site in (hazard.first, hazard.second) if site]
    times = f" ({hazard.count} times)" if hazard.count > 1 else ""
    place = f": {' and '.join(sites)}" if sites else ""
    return f"cycle {hazard.cycle}: {hazard.kind} on {hazard.resource}{times}{place}; {hazard.advice}"


def _place(program: Program, site: Site) -> str:
    mnemonic = unpack_row(program.machine.isa, program.queues[site.queue], site.index).instruction.mnemonic
    line = f" in line {site.line}" if site.line else ""
    return f"{site.queue}[{site.index}] {mnemonic}{line}, dispatched in cycle {site.cycle}"
