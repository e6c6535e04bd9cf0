"""Faults: what is said when a value breaks a rule at run time, whichever executor meets it."""

from __future__ import annotations

from lpu_emu.errors import FaultError
from lpu_emu.program.hazard import Site
from lpu_emu.program.model import Program
from lpu_emu.program.text import unpack_row


def outside_region(superlane: int, address: int, base: int, limit: int) -> str:
    """Return what is wrong with an address outside the region of a gather or scatter."""
    return f"superlane {superlane}: address 0x{address:03x} is outside 0x{base:03x}..0x{limit:03x}"


def not_a_bijection(lane: int, times: int, lanes_per_superlane: int) -> str:
    """Return what is wrong with a map that names a lane not at all or several times."""
    return (
        f"superlane {lane // lanes_per_superlane}: lane {lane} is named {times} times by the map, "
        "which must name every lane once"
    )


def fault_error(program: Program, site: Site, message: str) -> FaultError:
    """Return the error for a fault of a dispatch."""
    text = program.queues[site.queue]
    mnemonic = unpack_row(program.machine.isa, text, site.index).instruction.mnemonic
    line = f" (line {site.line})" if site.line else ""
    return FaultError(
        f"program {program.name!r}: {site.queue}[{site.index}]{line}: "
        f"{mnemonic} dispatched in cycle {site.cycle}: {message}"
    )
