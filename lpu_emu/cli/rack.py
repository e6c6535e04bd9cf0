"""``lpu-emu rack``: racks of GPUs and LPUs, how fast and for how many."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lpu_emu.cli.settings import json_option

if TYPE_CHECKING:
    from lpu_emu.system.evaluate import Outcome

SCHEMA = "lpu-emu/rack/1"
LIST_SCHEMA = "lpu-emu/rack-list/1"
CLAIMS_SCHEMA = "lpu-emu/rack-claims/1"
CLAIMS = "claims"
PICTURES = ("png", "svg", "pdf")


@click.command("rack")
@click.argument("scenarios", metavar="SCENARIO.toml | NAME ... | claims", nargs=-1)
@click.option(
    "--list", "listed", is_flag=True, help="List the scenarios, racks and models that ship with the package."
)
@click.option("--markdown", is_flag=True, help="With claims: print the page docs/claims.md.")
@click.option(
    "--plot",
    metavar="F.png|.svg|.pdf",
    type=click.Path(path_type=Path),
    help="Draw the curves of all scenarios.",
)
@json_option
def command(
    scenarios: tuple[str, ...], listed: bool, markdown: bool, plot: Path | None, as_json: bool
) -> None:
    """Say how fast a model runs on racks of GPUs and LPUs, for how many, at what power, and what bounds it.

    A scenario is a file or the name of a bundled one. The word claims prints published claims beside what the
    model gives.

    \b
    Examples:
      lpu-emu rack --list
      lpu-emu rack gpt-oss-lpx
      lpu-emu rack moe-2t-gb200 moe-2t-vr moe-2t-lpx --plot curves.png
      lpu-emu rack claims --json
    """
    from lpu_emu.errors import UsageError

    if listed:
        _print_list(as_json)
    elif scenarios == (CLAIMS,):
        if plot or (markdown and as_json):
            raise UsageError("claims has no --plot, and prints either --markdown or --json")
        _print_claims(markdown, as_json)
    elif not scenarios or markdown:
        raise UsageError(
            "give a scenario (lpu-emu rack --list shows them), or claims; --markdown goes with claims"
        )
    else:
        _evaluate(scenarios, plot, as_json)


def _evaluate(names: tuple[str, ...], plot: Path | None, as_json: bool) -> None:
    from lpu_emu.cli.files import require_writable
    from lpu_emu.cli.output import Progress, clear_line, document, print_json
    from lpu_emu.errors import UsageError
    from lpu_emu.system import evaluate, pages
    from lpu_emu.system.cycles import Cycles
    from lpu_emu.system.scenario import load_scenario

    require_writable(plot, device=True)
    if plot and plot.suffix.removeprefix(".") not in PICTURES:
        raise UsageError(f"{plot}: pictures are written as .png, .svg or .pdf")
    loaded = [load_scenario(name) for name in names]
    shown, outcomes = Progress(), []
    for scenario in loaded:
        rack = scenario.site.lpu_rack
        cycles = Cycles(rack["lpu.name"] if rack else "lp30", progress=shown)
        outcomes.append(evaluate.evaluate(scenario, cycles))
    clear_line()
    if plot:
        _draw(outcomes, plot)
    if as_json:
        print_json(document(SCHEMA, scenarios=[evaluate.document(outcome) for outcome in outcomes]))
    else:
        click.echo("\n\n".join(pages.report(outcome) for outcome in outcomes))


def _draw(outcomes: list[Outcome], plot: Path) -> None:
    import io

    from lpu_emu.cli.files import write_bytes
    from lpu_emu.system.plots import figure

    picture = io.BytesIO()
    figure(outcomes).savefig(picture, format=plot.suffix.removeprefix("."))
    write_bytes(plot, picture.getvalue())


def _print_list(as_json: bool) -> None:
    from lpu_emu.cli.output import document, print_json, table
    from lpu_emu.gpu.models import load_model, model_names
    from lpu_emu.system.racks import load_rack, rack_names
    from lpu_emu.system.scenario import load_scenario, scenario_names

    loaded = [load_scenario(name) for name in scenario_names()]
    racks = [load_rack(name) for name in rack_names()]
    models = [load_model(name) for name in model_names()]
    if as_json:
        print_json(
            document(
                LIST_SCHEMA,
                scenarios=[{"name": s.name, "title": s.title, "mode": s.mode} for s in loaded],
                racks=[{"name": r.name, "title": r.title} for r in racks],
                models=[{"name": m.name, "title": m.title} for m in models],
            )
        )
        return
    click.echo(table(("scenario", "mode", "title"), [(s.name, s.mode, s.title) for s in loaded]))
    click.echo("\n" + table(("rack", "title"), [(r.name, r.title) for r in racks]))
    click.echo("\n" + table(("model", "title"), [(m.name, m.title) for m in models]))


def _print_claims(markdown: bool, as_json: bool) -> None:
    from lpu_emu.cli.output import Progress, clear_line, document, print_json, table
    from lpu_emu.system.claims import claims
    from lpu_emu.system.pages import claims_page, number

    rows = claims(Progress())
    clear_line()
    if markdown:
        click.echo(claims_page(rows), nl=False)
    elif as_json:
        print_json(document(CLAIMS_SCHEMA, rows=[asdict(row) for row in rows]))
    else:
        cells = [(r.id, r.claim, *map(number, (r.value, r.model, r.low, r.high)), r.verdict) for r in rows]
        header = ("row", "claim", "claimed", "model", "low", "high", "verdict")
        click.echo(table(header, cells, right="cdef"))
