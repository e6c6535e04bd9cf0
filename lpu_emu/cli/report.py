"""``lpu-emu report``: where the cycles go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from lpu_emu.cli.options import file_argument, output_option, program_options
from lpu_emu.cli.settings import json_option

FORMATS = ("text", "json", "csv")


@click.command("report")
@file_argument
@program_options
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="Form.")
@output_option("Write the report to this file instead of stdout.")
@json_option
def command(
    file: Path,
    chip: str | None,
    precision: str | None,
    shapes: Sequence[tuple[str, tuple[int, ...]]],
    form: str,
    output: Path | None,
    as_json: bool,
) -> None:
    """Say where the cycles of FILE go: a text (.lpu), a program (.h5) or a model (.onnx).

    Nothing is executed.

    \b
    Examples:
      lpu-emu report model.onnx
      lpu-emu report program.h5 --format csv -o report.csv
    """
    from lpu_emu.cli.files import require_writable, write_text
    from lpu_emu.cli.output import Progress, json_text
    from lpu_emu.cli.target import Request, open_target
    from lpu_emu.report import csv_report, json_report, text_report

    require_writable(output, text=True, device=True)
    progress = Progress()
    executable = open_target(
        Request(file=file, chip=chip, precision=precision, shapes=shapes), progress
    ).executable
    progress("analysing")
    program, analysis = executable.program, executable.analysis
    progress.clear()
    if as_json or form == "json":
        write_text(output, json_text(json_report(program, analysis)))
    else:
        write_text(output, (csv_report if form == "csv" else text_report)(program, analysis))
