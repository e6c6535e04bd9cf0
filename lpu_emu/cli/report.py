"""``lpu-emu report``: where the cycles go."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lpu_emu.cli.options import file_argument, output_option, program_options, size_option
from lpu_emu.cli.settings import json_option
from lpu_emu.errors import UsageError

if TYPE_CHECKING:
    from lpu_emu.api import Executable

FORMATS = ("text", "json", "csv", "html")
TABLES = (
    "ops", "queues", "units", "figures", "instructions", "runs", "issues", "vectors", "samples", "blocks",
)  # fmt: skip


@click.command("report")
@file_argument
@program_options
@size_option
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="Form.")
@click.option("--table", type=click.Choice(TABLES), help="The table of a CSV (default: ops, or queues).")
@click.option("--detail", is_flag=True, help="JSON: also every run, vector and block, as the page has them.")
@click.option(
    "--energy", is_flag=True, help="Text and JSON: also an estimate of energy, with its uncertainty."
)
@output_option("Write the report to this file instead of stdout.")
@json_option
def command(
    file: Path,
    chip: str | None,
    precision: str | None,
    shapes: Sequence[tuple[str, tuple[int, ...]]],
    size: str,
    form: str,
    table: str | None,
    detail: bool,
    energy: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """Say where the cycles of FILE go: a kernel (.lpu, .py), a program (.h5) or a model (.onnx).

    Nothing is executed.

    \b
    Examples:
      lpu-emu report model.onnx
      lpu-emu report program.h5 --format csv -o report.csv
      lpu-emu report program.h5 --format html -o report.html
    """
    from lpu_emu.cli.files import require_writable, write_text
    from lpu_emu.cli.output import Progress
    from lpu_emu.cli.target import Request, open_target

    form = "json" if as_json else form
    _require_matching(form, table, detail)
    if energy and form not in ("text", "json"):
        raise UsageError(f"--energy goes with text and JSON, not with --format {form}")
    require_writable(output, text=True, device=True)
    progress = Progress()
    executable = open_target(
        Request(file=file, chip=chip, precision=precision, shapes=shapes, size=size), progress
    ).executable
    progress("analysing")
    text = _text(executable, form, table or "", detail, energy, colour=output is None and wants_colour())
    progress.clear()
    write_text(output, text)


def _require_matching(form: str, table: str | None, detail: bool) -> None:
    for option, given, wanted in (("--table", table, "csv"), ("--detail", detail, "json")):
        if given and form != wanted:
            raise UsageError(f"{option} goes with --format {wanted}, not with {form}")


def _text(executable: Executable, form: str, table: str, detail: bool, energy: bool, *, colour: bool) -> str:
    """Return the report in a form of the command line."""
    from lpu_emu import __version__, report
    from lpu_emu.cli.output import json_text

    program, analysis = executable.program, executable.analysis
    estimate = report.estimate(program, analysis) if energy else None
    if form == "json":
        data = report.json_report(program, analysis, detail=detail)
        return json_text(data | ({"energy": estimate.as_json()} if estimate else {}))
    if form == "csv":
        return report.csv_report(program, analysis, table)
    if form == "html":
        return report.html_report(program, analysis, version=__version__)
    text = report.text_report(program, analysis, colour=colour)
    return f"{text}\n{report.energy_text(estimate)}" if estimate else text


def wants_colour() -> bool:
    """Whether stdout is a terminal that shows colours, and its user has nothing against them (NO_COLOR)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
