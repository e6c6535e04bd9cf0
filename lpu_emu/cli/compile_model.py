"""``lpu-emu compile``: an ONNX model or a Python kernel becomes a program file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from lpu_emu.cli.options import file_argument, output_option, program_options, size_option
from lpu_emu.cli.settings import json_option

SCHEMA = "lpu-emu/compile/1"


@click.command("compile")
@file_argument
@program_options
@size_option
@output_option("Write the program to this file (.h5).", required=True)
@json_option
def command(
    file: Path,
    chip: str | None,
    precision: str | None,
    shapes: Sequence[tuple[str, tuple[int, ...]]],
    size: str,
    output: Path,
    as_json: bool,
) -> None:
    """Compile FILE, an ONNX model or a Python kernel, to a program file for run, verify, report and disasm.

    \b
    Examples:
      lpu-emu compile model.onnx --chip tsp1 -o model.h5
      lpu-emu compile kernel.py --size large -o kernel.h5
    """
    from lpu_emu.cli.files import require_writable
    from lpu_emu.cli.output import Progress, document, print_json
    from lpu_emu.cli.target import MODEL, PYTHON, Request, locate, open_target
    from lpu_emu.cli.text import cycles_text, program_text
    from lpu_emu.errors import UsageError

    require_writable(output)
    kind, _ = locate(file)
    if kind not in (MODEL, PYTHON):
        raise UsageError(
            f"{file} is no model (.onnx) and no Python kernel (.py); assemble a text with: lpu-emu asm {file} -o {output}"
        )
    progress = Progress()
    target = open_target(
        Request(file=file, chip=chip, precision=precision, shapes=shapes, size=size), progress
    )
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
        head = f"{program_text(target.executable)}\n{cycles_text(target.executable)}"
        click.echo(f"{head}\nwrote {output} ({output.stat().st_size:,} bytes)")
