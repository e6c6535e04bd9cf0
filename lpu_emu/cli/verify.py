"""``lpu-emu verify``: every timing hazard, without executing the program."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpu_emu.cli.failure import FAILED
from lpu_emu.cli.options import file_argument, program_options, size_option
from lpu_emu.cli.settings import json_option

if TYPE_CHECKING:
    from lpu_emu.analysis import Analysis
    from lpu_emu.program.hazard import Hazard, Site
    from lpu_emu.program.model import Program

SCHEMA = "lpu-emu/verify/1"


@click.command("verify")
@file_argument
@program_options
@size_option
@json_option
def command(
    file: Path,
    chip: str | None,
    precision: str | None,
    shapes: Sequence[tuple[str, tuple[int, ...]]],
    size: str,
    as_json: bool,
) -> None:
    """Find every timing hazard of FILE: a kernel (.lpu, .py), a program (.h5) or a model (.onnx).

    Nothing is executed. Each hazard names both instructions and what to do. The exit code is 1 when there is
    one that is not just a warning.

    \b
    Examples:
      lpu-emu verify kernel.lpu
      lpu-emu verify program.h5 --json
    """
    from lpu_emu.cli.output import Progress, document, print_json
    from lpu_emu.cli.target import Request, open_target
    from lpu_emu.cli.text import hazard_text

    progress = Progress()
    target = open_target(
        Request(file=file, chip=chip, precision=precision, shapes=shapes, size=size), progress
    )
    progress.clear()
    executable = target.executable
    errors = [hazard for hazard in executable.hazards if not hazard.is_warning]
    if as_json:
        print_json(
            document(
                SCHEMA,
                program=executable.summary(),
                cycles=executable.cycles,
                hazards=[hazard_json(hazard, executable.analysis) for hazard in executable.hazards],
                errors=len(errors),
                warnings=len(executable.hazards) - len(errors),
                passed=not errors,
            )
        )
    else:
        click.echo(hazard_text(executable))
    if errors:
        raise click.exceptions.Exit(FAILED)


def hazard_json(hazard: Hazard, analysis: Analysis) -> dict[str, Any]:
    """Return a hazard as JSON-like data; ``nearest`` is the dispatch that just misses a missing operand."""
    from lpu_emu.analysis import suspect_of

    program, suspect = analysis.program, suspect_of(hazard, analysis)
    near = suspect and {**(_site_json(suspect.site, program) or {}), "late_cycles": suspect.late_cycles}
    return {
        "kind": hazard.kind,
        "severity": "warning" if hazard.is_warning else "error",
        "resource": hazard.resource,
        "cycle": hazard.cycle,
        "count": hazard.count,
        "first": _site_json(hazard.first, program),
        "second": _site_json(hazard.second, program),
        "nearest": near,
        "advice": hazard.advice,
    }


def _site_json(site: Site | None, program: Program) -> dict[str, Any] | None:
    if site is None:
        return None
    opcode = int(program.queues[site.queue].opcodes[site.index])
    mnemonic = program.machine.isa.by_opcode[opcode].mnemonic
    return {
        "queue": site.queue,
        "index": site.index,
        "line": site.line,
        "cycle": site.cycle,
        "instruction": mnemonic,
    }
