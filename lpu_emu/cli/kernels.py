"""``lpu-emu kernels``: what ships with the package."""

from __future__ import annotations

import click

from lpu_emu.cli.group import Group
from lpu_emu.cli.settings import json_option

LIST_SCHEMA = "lpu-emu/kernels-list/1"
SHOW_SCHEMA = "lpu-emu/kernels-show/1"


@click.group("kernels", cls=Group)
def command() -> None:
    """List and show the bundled kernels and models.

    \b
    Example:
      lpu-emu kernels list
    """


@command.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """List the bundled kernels and models.

    \b
    Example:
      lpu-emu kernels list
    """
    from lpu_emu.cli.output import document, print_json, table
    from lpu_emu.library.kernels import bundled

    entries = bundled()
    if as_json:
        rows = [
            {"name": e.name, "kind": e.kind, "title": e.title, "chip": e.chip or None, "path": str(e.path)}
            for e in entries
        ]
        print_json(document(LIST_SCHEMA, kernels=rows))
    else:
        rows_text = [(e.name, e.kind, e.chip or "any", e.title) for e in entries]
        click.echo(table(("name", "kind", "chip", "title"), rows_text))


@command.command("show")
@click.argument("name")
@json_option
def show_command(name: str, as_json: bool) -> None:
    """Print the text of the bundled kernel NAME.

    \b
    Example:
      lpu-emu kernels show copy
    """
    from lpu_emu.cli.output import document, print_json
    from lpu_emu.errors import InputError
    from lpu_emu.library.kernels import find

    entry = find(name)
    if entry.kind == "model":
        raise InputError(f"{name} is a model, which has no text; its file is {entry.path}")
    text = entry.path.read_text(encoding="utf-8")
    if as_json:
        print_json(
            document(
                SHOW_SCHEMA,
                name=entry.name,
                title=entry.title,
                chip=entry.chip,
                path=str(entry.path),
                text=text,
            )
        )
    else:
        click.echo(text, nl=False)
