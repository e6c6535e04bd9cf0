"""``lpu-emu asm``: an assembly text becomes a program file."""

from __future__ import annotations

from pathlib import Path

import click

from lpu_emu.cli.options import ChipType, file_argument, output_option
from lpu_emu.cli.settings import json_option

SCHEMA = "lpu-emu/asm/1"


@click.command("asm")
@file_argument
@click.option("--chip", type=ChipType(), help="Chip name or chip file, instead of the text's own .chip line.")
@output_option("Write the program to this file (.h5).", required=True)
@json_option
def command(file: Path, chip: str | None, output: Path, as_json: bool) -> None:
    """Assemble the text FILE (.lpu) to a program file. All errors of the text are listed.

    Timing is not checked here: see lpu-emu verify.

    \b
    Example:
      lpu-emu asm kernel.lpu -o kernel.h5
    """
    from lpu_emu.cli.files import require_writable
    from lpu_emu.cli.output import Progress, document, print_json
    from lpu_emu.cli.target import KERNEL, Request, locate, open_target
    from lpu_emu.cli.text import program_text
    from lpu_emu.errors import UsageError

    require_writable(output)
    kind, _ = locate(file)
    if kind != KERNEL:
        raise UsageError(f"{file} is no assembly text (.lpu)")
    executable = open_target(Request(file=file, chip=chip), Progress()).executable
    executable.save(output)
    size = output.stat().st_size
    if as_json:
        print_json(document(SCHEMA, program=executable.summary(), file={"path": str(output), "bytes": size}))
    else:
        click.echo(f"{program_text(executable)}\nwrote {output} ({size:,} bytes)")
