"""``lpu-emu sweep plot`` and ``lpu-emu sweep ranges``: looking at the results of a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpu_emu.cli.settings import json_option

if TYPE_CHECKING:
    from lpu_emu.sweep.ranges import Range

PLOT_SCHEMA = "lpu-emu/sweep-plot/1"
RANGES_SCHEMA = "lpu-emu/sweep-ranges/1"
KINDS = ("pareto", "tornado", "heatmap")
SHOWN_KEYS = 4


@click.command("plot")
@click.argument("results", metavar="RESULTS", type=click.Path(path_type=Path))
@click.option("--kind", type=click.Choice(KINDS), default="pareto", show_default=True, help="Picture.")
@click.option("--x", default="cycles", show_default=True, help="Column across (a setting in a heat map).")
@click.option("--y", default="sram_bytes", show_default=True, help="Column up (a setting in a heat map).")
@click.option("--value", default="cycles", show_default=True, help="Column that a tornado or heat map shows.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="F.png, F.svg or F.pdf.")
@json_option
def plot(results: Path, kind: str, x: str, y: str, value: str, output: Path, as_json: bool) -> None:
    """Draw results: a Pareto curve, a tornado of the settings, or a heat map of two of them.

    \b
    Examples:
      lpu-emu sweep plot results.csv --kind pareto --x cycles --y sram_bytes -o pareto.png
      lpu-emu sweep plot results.csv --kind tornado --value time_us -o tornado.svg
      lpu-emu sweep plot results.csv --kind heatmap --x chip.mxm.planes --y shape.x -o map.pdf
    """
    import io

    from lpu_emu.cli.files import require_writable, write_bytes
    from lpu_emu.cli.output import document, print_json
    from lpu_emu.errors import UsageError
    from lpu_emu.sweep.plots import figure
    from lpu_emu.sweep.results import load_results

    require_writable(output)
    form = output.suffix.removeprefix(".")
    if form not in ("png", "svg", "pdf"):
        raise UsageError(f"{output}: pictures are written as .png, .svg or .pdf")
    picture = io.BytesIO()
    figure(load_results(results), kind, x=x, y=y, value=value).savefig(picture, format=form)
    write_bytes(output, picture.getvalue())
    if as_json:
        written = {"path": str(output), "bytes": len(picture.getvalue())}
        print_json(document(PLOT_SCHEMA, kind=kind, file=written))
    else:
        click.echo(f"{kind} -> {output}")


@click.command("ranges")
@click.argument("results", metavar="RESULTS", type=click.Path(path_type=Path))
@click.option("--by", default="target", show_default=True, help="Setting with one range for each value.")
@click.option("--value", default="emulated", show_default=True, help="Column whose range is shown.")
@json_option
def ranges(results: Path, by: str, value: str, as_json: bool) -> None:
    """Show how far a result moves when one setting at a time is changed, and which settings move it.

    RESULTS are those of a sweep whose axes are alone.

    \b
    Examples:
      lpu-emu sweep ranges sensitivity.csv
      lpu-emu sweep ranges results.csv --value cycles --json
    """
    from lpu_emu.cli.output import document, print_json
    from lpu_emu.sweep import ranges as spans
    from lpu_emu.sweep.results import load_results

    found = spans.ranges(load_results(results), by=by, value=value)
    if as_json:
        print_json(document(RANGES_SCHEMA, by=by, value=value, rows=[_range_json(span) for span in found]))
    else:
        click.echo(_ranges_text(found, by, value))


def _range_json(span: Range) -> dict[str, Any]:
    moved = [{"key": e.key, "value": e.value, "result": e.result} for e in span.effects]
    return {"name": span.name, "base": span.base, "low": span.low, "high": span.high, "moved_by": moved}


def _ranges_text(found: Sequence[Range], by: str, value: str) -> str:
    from lpu_emu.cli.output import table

    rows = []
    for span in found:
        by_key = ", ".join(list(dict.fromkeys(e.key for e in span.effects))[:SHOWN_KEYS])
        reach = "" if span.low == span.high else f"{span.low:.6g} .. {span.high:.6g}"
        rows.append((span.name, f"{span.base:.6g}", reach, by_key))
    return table((by, value, "range", "moved by"), rows, right="b")
