"""``lpu-emu compile``: an ONNX model becomes a program file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from lpu_emu.cli.options import file_argument, output_option, program_options
from lpu_emu.cli.settings import json_option

SCHEMA = "lpu-emu/compile/1"


@click.command("compile")
@file_argument
@program_options
@output_option("Write the program to this file (.h5).", required=True)
@json_option
def command(
    file: Path,
    chip: str | None,
    precision: str | None,
    shapes: Sequence[tuple[str, tuple[int, ...]]],
    output: Path,
    as_json: bool,
) -> None:
    """Compile the ONNX model FILE to a program file, which run, verify, report and disasm take.

    \b
    Example:
      lpu-emu compile model.onnx --chip tsp1 -o model.h5
    """
    from lpu_emu.cli.files import require_writable
    from lpu_emu.cli.output import Progress, document, print_json
    from lpu_emu.cli.target import MODEL, Request, locate, open_target
    from lpu_emu.cli.text import cycles_text, program_text
    from lpu_emu.errors import UsageError

    require_writable(output)
    kind, _ = locate(file)
    if kind != MODEL:
        raise UsageError(f"{file} is no model (.onnx); assemble a text with: lpu-emu asm {file} -o {output}")
    progress = Progress()
    target = open_target(Request(file=file, chip=chip, precision=precision, shapes=shapes), progress)
    target.executable.save(output)
    progress.clear()
    if as_json:
        print_json(
            document(
                SCHEMA,
                program=target.executable.summary(),
                cycles=target.executable.cycles,
                time_us=target.executable.time_us,
                host={"compile_s": target.compile_s},
                file={"path": str(output), "bytes": output.stat().st_size},
            )
        )
    else:
        size = output.stat().st_size
        click.echo(
            f"{program_text(target.executable)}\n{cycles_text(target.executable)}\nwrote {output} ({size:,} bytes)"
        )
