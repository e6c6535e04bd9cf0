"""``lpu-emu compare``: what changed between two programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpu_emu.cli.failure import FAILED
from lpu_emu.cli.options import ChipType, ShapeType, size_option
from lpu_emu.cli.settings import json_option

if TYPE_CHECKING:
    from lpu_emu.cli.target import Request, Shapes
    from lpu_emu.report.compare import Change, Comparison

LISTED = 20
SAVED = ".json"


@dataclass(frozen=True, kw_only=True)
class Limit:
    """How much more of a figure is allowed, in percent."""

    metric: str
    percent: float


@dataclass(frozen=True, kw_only=True)
class Options:
    """What is said about both files; shapes are for models, a size for Python kernels."""

    chip: str | None
    shapes: Shapes
    size: str

    def request(self, file: Path) -> Request:
        """Return the request for one file, with the options that go with its kind."""
        from lpu_emu.cli.target import MODEL, PYTHON, Request, locate

        kind, _ = locate(file)
        return Request(
            file=file,
            chip=self.chip,
            shapes=self.shapes if kind == MODEL else (),
            size=self.size if kind == PYTHON else "",
        )


@click.command("compare")
@click.argument("before", metavar="A", type=click.Path(path_type=Path))
@click.argument("after", metavar="B", type=click.Path(path_type=Path))
@click.option("--chip", type=ChipType(), help="Chip of both, where a file does not say.")
@click.option(
    "--shape", "shapes", metavar="NAME=1x128", type=ShapeType(), multiple=True,
    help="Sizes of a model input that has open dimensions. Repeatable.",
)  # fmt: skip
@size_option
@click.option(
    "--fail-on", "limits", metavar="FIGURE:N%", multiple=True,
    help="Exit 1 when B has more than N percent more of a figure than A. Repeatable.",
)  # fmt: skip
@json_option
def command(
    before: Path,
    after: Path,
    chip: str | None,
    shapes: Sequence[tuple[str, tuple[int, ...]]],
    size: str,
    limits: Sequence[str],
    as_json: bool,
) -> None:
    """Compare A with B: each a model, a kernel, a program, or a report saved with report --json.

    Shows the figures of the whole program, and the operators whose cycles or causes changed. --shape is for those of
    the two that are models, --size for Python kernels.

    \b
    Examples:
      lpu-emu compare old.h5 new.h5
      lpu-emu compare baseline.json model.onnx --fail-on cycles:0% --fail-on sram_bytes:5%
    """
    from lpu_emu.cli.output import document, print_json
    from lpu_emu.report.compare import SCHEMA, compare

    wanted = [_limit(text) for text in limits]
    _require_python(size, before, after)
    options = Options(chip=chip, shapes=shapes, size=size)
    found = compare(*(_report(file, options) for file in (before, after)))
    broken = [limit for limit in wanted if _exceeds(found.figure(limit.metric), limit)]
    if as_json:
        print_json(document(SCHEMA, **_as_json(found), failed=[limit.metric for limit in broken]))
    else:
        click.echo(_as_text(found, broken))
    if broken:
        raise click.exceptions.Exit(FAILED)


def _require_python(size: str, *files: Path) -> None:
    """Refuse a size that none of the files can have."""
    from lpu_emu.cli.target import PYTHON, locate
    from lpu_emu.errors import UsageError

    if size and not any(file.suffix != SAVED and locate(file)[0] == PYTHON for file in files):
        raise UsageError("--size goes with a kernel written in Python (.py); neither A nor B is one")


def _limit(text: str) -> Limit:
    """Read ``cycles:0%``."""
    from lpu_emu.errors import UsageError, did_you_mean
    from lpu_emu.report.compare import METRICS

    metric, _, percent = text.partition(":")
    if metric not in METRICS:
        raise UsageError(
            f"--fail-on {text}: there is no figure {metric!r}{did_you_mean(metric, METRICS)}; figures: {', '.join(METRICS)}"
        )
    try:
        return Limit(metric=metric, percent=float(percent.removesuffix("%")))
    except ValueError:
        raise UsageError(f"--fail-on {text}: write a percentage behind the colon, as in cycles:0%") from None


def _exceeds(change: Change, limit: Limit) -> bool:
    return change.difference > (change.before or 0) * limit.percent / 100


def _report(file: Path, options: Options) -> Mapping[str, Any]:
    from lpu_emu.cli.output import Progress
    from lpu_emu.cli.target import open_target
    from lpu_emu.report import json_report

    if file.suffix == SAVED:
        return _saved(file)
    progress = Progress()
    executable = open_target(options.request(file), progress).executable
    progress.clear()
    return json_report(executable.program, executable.analysis)


def _saved(file: Path) -> Mapping[str, Any]:
    from lpu_emu.errors import InputError

    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read as a JSON report: {error}") from error
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema != "lpu-emu/report/1":
        raise InputError(
            f"{file}: is no report (schema {schema!r}); write one with lpu-emu report FILE --json -o {file}"
        )
    found: Mapping[str, Any] = content
    return found


def _as_json(found: Comparison) -> dict[str, Any]:
    return {
        "figures": [change.as_json() for change in found.figures],
        "operators": [change.as_json() for change in found.operators],
        "unchanged_operators": found.unchanged,
    }


def _as_text(found: Comparison, broken: Sequence[Limit]) -> str:
    from lpu_emu.cli.output import table

    lines = [table(("figure", "A", "B", "B - A", "%"), map(_row, found.figures), right="bcde"), ""]
    if found.operators:
        rows = [(*_row(change), change.cause) for change in found.operators[:LISTED]]
        lines.append(table(("operator", "A", "B", "B - A", "%", "cause"), rows, right="bcde"))
    if len(found.operators) > LISTED:
        lines.append(f"... and {len(found.operators) - LISTED} more changed")
    lines.append(f"{found.unchanged} operators unchanged")
    for limit in broken:
        change = found.figure(limit.metric)
        lines.append(
            f"FAILED: {limit.metric} grew from {_number(change.before)} to {_number(change.after)}, "
            f"more than {limit.percent:g}%"
        )
    return "\n".join(lines)


def _row(change: Change) -> tuple[str, str, str, str, str]:
    percent = "" if change.percent is None else f"{change.percent:+.1f}"
    return (
        change.name,
        _number(change.before),
        _number(change.after),
        f"{_number(change.difference)}",
        percent,
    )


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.3f}"
