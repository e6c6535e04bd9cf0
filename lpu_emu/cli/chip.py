"""``lpu-emu chip``: the numbers of the chips, each with its source."""

from __future__ import annotations

import click

from lpu_emu.cli.group import Group
from lpu_emu.cli.options import ChipType
from lpu_emu.cli.settings import json_option

LIST_SCHEMA = "lpu-emu/chip-list/1"
SHOW_SCHEMA = "lpu-emu/chip-show/1"
DIFF_SCHEMA = "lpu-emu/chip-diff/1"


@click.group("chip", cls=Group)
def command() -> None:
    """Show, list and compare chips.

    \b
    Example:
      lpu-emu chip diff tsp1 lp30
    """


@command.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """List the chips that ship with the package.

    \b
    Example:
      lpu-emu chip list
    """
    from lpu_emu.cli.output import document, print_json, table
    from lpu_emu.spec.chip import chip_names, load_chip

    chips = [load_chip(name) for name in chip_names()]
    if as_json:
        rows = [
            {"name": c.name, "title": c.title, "lanes": c.lanes, "clock_hz": c.clock_hz, "digest": c.digest}
            for c in chips
        ]
        print_json(document(LIST_SCHEMA, chips=rows))
    else:
        cells = [(c.name, c.lanes, f"{c.clock_hz / 1e6:,.0f}", c.title) for c in chips]
        click.echo(table(("name", "lanes", "MHz", "title"), cells, right="bc"))


@command.command("show")
@click.argument("chip", type=ChipType())
@json_option
def show_command(chip: str, as_json: bool) -> None:
    """Show every number of CHIP (a name or a .toml file) with unit, tag and source, and what follows.

    \b
    Example:
      lpu-emu chip show tsp1
    """
    from lpu_emu.cli.output import document, print_json
    from lpu_emu.spec.chip_pages import chip_page, chip_table
    from lpu_emu.spec.machine import load_machine

    machine = load_machine(chip)
    if as_json:
        print_json(
            document(
                SHOW_SCHEMA,
                chip={"name": machine.chip.name, "title": machine.chip.title, "digest": machine.chip.digest},
                numbers=chip_table(machine),
                sources=machine.chip.sources,
            )
        )
    else:
        click.echo(chip_page(machine))


@command.command("diff")
@click.argument("a", type=ChipType())
@click.argument("b", type=ChipType())
@json_option
def diff_command(a: str, b: str, as_json: bool) -> None:
    """Show the numbers in which the chips A and B differ. The exit code is 0 either way.

    \b
    Example:
      lpu-emu chip diff tsp1 my_chip.toml
    """
    from lpu_emu.cli.output import document, print_json
    from lpu_emu.spec.chip_pages import chip_diff, chip_diff_text
    from lpu_emu.spec.machine import load_machine

    first, second = load_machine(a), load_machine(b)
    if as_json:
        names = {"a": first.chip.name, "b": second.chip.name}
        print_json(document(DIFF_SCHEMA, **names, differences=chip_diff(first, second)))
    else:
        click.echo(chip_diff_text(first, second), nl=False)
