"""``lpu-emu disasm``: a program as assembly text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from lpu_emu.cli.options import file_argument, output_option, program_options, size_option
from lpu_emu.cli.settings import json_option

SCHEMA = "lpu-emu/disasm/1"


@click.command("disasm")
@file_argument
@program_options
@size_option
@output_option("Write the text to this file instead of stdout.")
@json_option
def command(
    file: Path,
    chip: str | None,
    precision: str | None,
    shapes: Sequence[tuple[str, tuple[int, ...]]],
    size: str,
    output: Path | None,
    as_json: bool,
) -> None:
    """Write FILE (a program, a model or a Python kernel) as assembly text. Assembling it gives the same program.

    \b
    Example:
      lpu-emu disasm program.h5 -o program.lpu
    """
    from lpu_emu.asm import disassemble
    from lpu_emu.cli.files import require_writable, write_text
    from lpu_emu.cli.output import Progress, document, print_json
    from lpu_emu.cli.target import Request, open_target

    require_writable(output, text=True, device=True)
    progress = Progress()
    executable = open_target(
        Request(file=file, chip=chip, precision=precision, shapes=shapes, size=size), progress
    ).executable
    progress("writing the text")
    text = disassemble(executable.program)
    progress.clear()
    if output is not None or not as_json:
        write_text(output, text)
    if as_json:
        print_json(document(SCHEMA, program=executable.summary(), text=text))
