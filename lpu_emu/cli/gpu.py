"""``lpu-emu gpu``: the numbers of GPUs, and how far their model is from measurements."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from lpu_emu.cli.group import Group
from lpu_emu.cli.settings import json_option

LIST_SCHEMA = "lpu-emu/gpu-list/1"
SHOW_SCHEMA = "lpu-emu/gpu-show/1"
CALIBRATE_SCHEMA = "lpu-emu/gpu-calibrate/1"


@click.group("gpu", cls=Group)
def command() -> None:
    """Show and list GPUs, and compare their model with measurements.

    \b
    Example:
      lpu-emu gpu calibrate
    """


@command.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """List the GPUs that ship with the package.

    \b
    Example:
      lpu-emu gpu list
    """
    from lpu_emu.cli.output import document, print_json, table
    from lpu_emu.gpu.spec import gpu_names, load_gpu

    gpus = [load_gpu(name) for name in gpu_names()]
    if as_json:
        print_json(
            document(LIST_SCHEMA, gpus=[{"name": g.name, "title": g.title, "sms": g.sms} for g in gpus])
        )
        return
    cells = [
        (g.name, g.sms, f"{g['tensor.fp8_flops'] / 1e15:.3g}", f"{g['hbm.rate'] / 1e12:.3g}", g.title)
        for g in gpus
    ]
    click.echo(table(("name", "SMs", "FP8 PFLOPS", "HBM TB/s", "title"), cells, right="bcd"))


@command.command("show")
@click.argument("gpu", metavar="GPU")
@json_option
def show_command(gpu: str, as_json: bool) -> None:
    """Show every number of GPU (a name or a .toml file) with unit, tag and source.

    \b
    Example:
      lpu-emu gpu show h100
    """
    from lpu_emu.cli.output import document, print_json, table
    from lpu_emu.gpu.facts import keys
    from lpu_emu.gpu.spec import load_gpu

    loaded = load_gpu(gpu)
    if as_json:
        numbers = {
            key: {**asdict(fact), "unit": keys("gpu")[key]["unit"]} for key, fact in loaded.facts.items()
        }
        print_json(document(SHOW_SCHEMA, name=loaded.name, title=loaded.title, numbers=numbers))
        return
    click.echo(f"{loaded.name}: {loaded.title}\n")
    cells = [
        (key, _shown(fact.value), keys("gpu")[key]["unit"], fact.tag, fact.source)
        for key, fact in loaded.facts.items()
    ]
    click.echo(table(("key", "value", "unit", "tag", "source"), cells))


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)


@command.command("calibrate")
@click.argument("measurements", metavar="[FILE.toml]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--markdown", is_flag=True, help="Print the page docs/gpu.md.")
@json_option
def calibrate_command(measurements: tuple[Path, ...], markdown: bool, as_json: bool) -> None:
    """Print measurements beside what the model says; without a file those that were published.

    \b
    Examples:
      lpu-emu gpu calibrate
      lpu-emu gpu calibrate mine.toml --json
    """
    from lpu_emu.cli.output import document, print_json, table
    from lpu_emu.errors import UsageError
    from lpu_emu.gpu.calibration import compare, geometric_mean, mean_error

    if markdown:
        if measurements or as_json:
            raise UsageError("--markdown prints the page of the published measurements; give nothing else")
        from lpu_emu.gpu.pages import page

        click.echo(page(), nl=False)
        return
    rows = compare(measurements)
    if not rows:
        raise UsageError("there are no measurements in these files")
    if as_json:
        print_json(document(CALIBRATE_SCHEMA, rows=[{**asdict(row), "ratio": row.ratio} for row in rows]))
        return
    cells = [
        (
            row.gpu,
            row.operator,
            " ".join(f"{k}={v}" for k, v in row.shape.items()),
            row.unit,
            f"{row.measured:,.0f}",
            f"{row.predicted:,.0f}",
            f"{row.ratio:.2f}",
            row.bound_by,
        )
        for row in rows
    ]
    header = ("gpu", "operator", "shape", "unit", "measured", "predicted", "ratio", "bound by")
    click.echo(table(header, cells, right="efg"))
    click.echo(f"mean ratio {geometric_mean(rows):.2f}, off by a factor of {mean_error(rows):.2f} on average")
