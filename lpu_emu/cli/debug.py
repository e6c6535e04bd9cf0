"""``lpu-emu debug``: step through a program."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpu_emu.cli.options import file_argument, input_options, program_options, size_option
from lpu_emu.cli.settings import json_option

if TYPE_CHECKING:
    from lpu_emu.debugger.console import Console

SCHEMA = "lpu-emu/debug/1"
PROMPT = "(lpu) "


@click.command("debug")
@file_argument
@program_options
@size_option
@input_options
@click.option(
    "-c", "--command", "commands", multiple=True, help="Run this command instead of asking. Repeatable."
)
@json_option
def command(
    file: Path,
    chip: str | None,
    precision: str | None,
    shapes: Sequence[tuple[str, tuple[int, ...]]],
    size: str,
    inputs: Sequence[str],
    seed: int,
    commands: Sequence[str],
    as_json: bool,
) -> None:
    """Step through FILE cycle by cycle: break on instructions, hazards and addresses, look at streams and units.

    Commands come from the terminal, from -c, or from a pipe, one per line; help lists them. Going back is
    possible: the program starts again.

    \b
    Examples:
      lpu-emu debug vector_add
      lpu-emu debug vector_add -c "break E0:0x10" -c continue -c "queue E0"
      lpu-emu debug program.h5 < commands.txt
    """
    from lpu_emu.cli.inspect import open_debugger
    from lpu_emu.cli.output import document, print_json
    from lpu_emu.cli.target import Request
    from lpu_emu.debugger.console import Console

    request = Request(file=file, chip=chip, precision=precision, shapes=shapes, size=size)
    console = Console(open_debugger(request, inputs, seed))
    asking = not commands and not as_json and sys.stdin.isatty()
    lines = _asked() if asking else iter(commands or (line.rstrip("\n") for line in sys.stdin))
    answers = _run(console, lines, echo=asking)
    if as_json:
        print_json(document(SCHEMA, program=console.debugger.program.name, answers=list(answers)))
        return
    for answer in answers:
        if not asking:
            click.echo(f"{PROMPT}{answer['command']}")
        for text in answer["lines"]:
            click.echo(text)


def _run(console: Console, lines: Iterator[str], *, echo: bool) -> Iterator[dict[str, Any]]:
    if echo:
        click.echo("\n".join([*console.where(), "help lists the commands"]))
    for line in lines:
        yield {"command": line, "lines": console.execute(line), "cycle": console.debugger.cycle}
        if console.done:
            return


def _asked() -> Iterator[str]:
    """Yield what the user types until the end of input; an empty line repeats the last one."""
    import contextlib

    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  (line editing and history)

    last = ""
    while True:
        try:
            line = input(PROMPT).strip() or last
        except EOFError:
            click.echo()
            return
        last = line
        yield line
