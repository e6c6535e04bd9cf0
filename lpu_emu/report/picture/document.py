"""The whole picture: figures, names, and the tables of what happens when and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lpu_emu.analysis import Analysis, describe
from lpu_emu.program.model import Program
from lpu_emu.report.picture.blocks import KINDS, blocks_of
from lpu_emu.report.picture.chip import chip_data, isa_data
from lpu_emu.report.picture.dispatches import instructions_of, issues_of, runs_of
from lpu_emu.report.picture.table import Table
from lpu_emu.report.picture.vectors import vectors_of

TABLES = ("instructions", "runs", "issues", "vectors", "samples", "blocks")
LISTED_HAZARDS = 200


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """``facts`` are plain data about chip, instruction set and names; ``tables`` hold everything that moves."""

    facts: Mapping[str, Any]
    tables: Mapping[str, Table]


def picture_of(program: Program, analysis: Analysis) -> Picture:
    """Return everything that a picture of a program shows."""
    vectors, samples = vectors_of(program.machine, analysis)
    found = (
        instructions_of(program.machine, analysis),
        runs_of(program.machine, analysis),
        issues_of(analysis),
        vectors,
        samples,
        blocks_of(program, analysis),
    )
    return Picture(facts=_facts(program, analysis), tables=dict(zip(TABLES, found, strict=True)))


def _facts(program: Program, analysis: Analysis) -> dict[str, Any]:
    return {
        "chip": chip_data(program.machine),
        "isa": isa_data(program.machine),
        "block_kinds": list(KINDS),
        "constants": [section.name for section in program.data],
        "inputs": [binding.name for binding in program.inputs],
        "outputs": [binding.name for binding in program.outputs],
        "hazards": [
            {"cycle": hazard.cycle, "text": describe(hazard, analysis)}
            for hazard in analysis.hazards[:LISTED_HAZARDS]
        ],
    }
