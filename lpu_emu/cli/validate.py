"""``lpu-emu validate``: published figures beside what the emulator does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpu_emu.cli.failure import FAILED
from lpu_emu.cli.options import output_option
from lpu_emu.cli.settings import json_option

if TYPE_CHECKING:
    from lpu_emu.bench.micro.lab import Lab
    from lpu_emu.bench.validate.claim import Outcome

SCHEMA = "lpu-emu/validate/1"


@click.command("validate")
@click.option("--only", metavar="ID", multiple=True, help="Only this row; * and ? are patterns. Repeatable.")
@click.option("--networks", is_flag=True, help="Also compile and measure whole networks; takes minutes.")
@click.option(
    "--sensitivity", is_flag=True, help="Also change every number that nobody published; takes minutes."
)
@click.option(
    "--picture", metavar="FILE.svg", type=click.Path(path_type=Path), help="Also draw the table as SVG."
)
@click.option(
    "--programs",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Also write the measured programs here.",
)
@click.option(
    "--no-run", is_flag=True, help="Verify programs, and leave out the execution that checks their values."
)
@click.option("--markdown", is_flag=True, help="Write Markdown tables.")
@output_option("Write to this file instead of stdout.")
@json_option
def command(
    only: Sequence[str],
    networks: bool,
    sensitivity: bool,
    picture: Path | None,
    programs: Path | None,
    no_run: bool,
    markdown: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """Compare published figures with the emulator, row by row.

    Every emulated number is read off programs that are assembled or compiled, verified, and run to check their
    values. The exit code is 1 when a row is out of its tolerance; rows that are out of reach or wait for a program
    say why. Whole networks are measured with --networks, or when --only names them.

    \b
    Examples:
      lpu-emu validate
      lpu-emu validate --only path.matmul --programs programs
      lpu-emu validate --networks --markdown
      lpu-emu validate --sensitivity --picture validation.svg
    """
    from lpu_emu.bench.validate import evaluate, tables
    from lpu_emu.cli.files import require_writable, write_text
    from lpu_emu.cli.output import Progress, document, json_text
    from lpu_emu.errors import UsageError

    if markdown and as_json:
        raise UsageError("--markdown and --json exclude each other; give one of them")
    for place in (output, picture):
        require_writable(place, text=True, device=True)
    progress = Progress()
    wanted = evaluate.chosen(only)
    labs = evaluate.laboratories(wanted, values=not no_run)
    outcomes = evaluate.evaluate(wanted, labs, progress, slow=networks or bool(only))
    rows = _rows(outcomes, labs, sensitivity, progress)
    progress.clear()
    if programs:
        write_programs(programs, labs)
    if picture:
        _draw(picture, rows)
    if as_json:
        write_text(output, json_text(document(SCHEMA, rows=rows, **_summary(outcomes), executed=not no_run)))
    else:
        render = tables.markdown if markdown else tables.text
        write_text(output, render(rows, outcomes, sensitive=sensitivity))
    if not evaluate.summary(outcomes).passed:
        raise click.exceptions.Exit(FAILED)


def _rows(
    outcomes: Sequence[Outcome], labs: Mapping[str, Lab], sensitivity: bool, progress: Any
) -> list[dict[str, Any]]:
    from lpu_emu.bench.validate import tables

    if not sensitivity:
        return tables.rows(outcomes)
    from lpu_emu.bench.validate.sensitivity import spreads

    return tables.rows(outcomes, spreads(outcomes, labs, progress))


def _summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    from lpu_emu.bench.validate.evaluate import summary

    found = summary(outcomes)
    return {
        "counts": dict(found.counts),
        "networks": dict(found.networks),
        "median_error": found.median_error,
        "largest_error": found.largest_error,
        "largest_id": found.largest_id,
        "passed": found.passed,
    }


def _draw(place: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    from lpu_emu.bench.validate.picture import picture
    from lpu_emu.cli.files import write_text

    write_text(place, picture(rows))


def write_programs(folder: Path, labs: Mapping[str, Lab]) -> None:
    """Write the measured programs: assembled ones as text, compiled ones as program files.

    Raises:
        OSError: the folder or a file in it cannot be written.
        ProgramFileError: a program file cannot be written.
    """
    from lpu_emu.cli.files import write_text
    from lpu_emu.program.file import save

    for chip, lab in labs.items():
        place = folder / chip
        place.mkdir(parents=True, exist_ok=True)
        for name, trial in lab.programs.items():
            stem = name.replace(" ", "_").replace("/", "_")
            if name in lab.texts:
                write_text(place / f"{stem}.lpu", lab.texts[name])
            else:
                save(trial.program, place / f"{stem}.h5")
