"""``lpu-emu run``: execute a model, a kernel or a program file."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpu_emu.cli.failure import FAILED
from lpu_emu.cli.options import ShapeType, file_argument, output_option, program_options
from lpu_emu.cli.settings import json_option

if TYPE_CHECKING:
    from lpu_emu.cli.inputs import Filled
    from lpu_emu.cli.target import Request, Target
    from lpu_emu.library.checks import Verdict
    from lpu_emu.program.result import RunResult

SCHEMA = "lpu-emu/run/1"
ENGINES = ("reference",)


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A finished run: what ran, on what, what came out, how it was judged, and host seconds."""

    target: Target
    filled: Filled
    result: RunResult
    run_s: float
    verdict: Verdict | None


@click.command("run")
@file_argument
@program_options
@click.option("--input", "inputs", metavar="F.npz | NAME=F.npy", multiple=True, help="Input tensors. Repeatable.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of inputs not given.")
@click.option("--engine", type=click.Choice(ENGINES), default="reference", show_default=True, help="Executor.")
@click.option("--check", is_flag=True, help="Compare with an independent result; exit 1 when it differs.")
@output_option("Write the outputs to this .npz file.")
@json_option
def command(
    file: Path,
    chip: str | None,
    precision: str | None,
    shapes: Sequence[tuple[str, tuple[int, ...]]],
    inputs: Sequence[str],
    seed: int,
    engine: str,
    check: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """Run FILE: a model (.onnx), an assembly text (.lpu), a program (.h5), or a bundled kernel's name.

    A model is compiled and a text assembled first. --check compares the outputs of a model with ONNX Runtime (with
    the package's own NumPy evaluation when that is not installed), those of a kernel with expected() of the Python
    file beside it, and the cycles and hazards of any other program with the static analysis.

    \b
    Examples:
      lpu-emu run model.onnx --input x=x.npy --check
      lpu-emu run kernel.lpu --seed 7 --output outputs.npz
    """
    from lpu_emu.cli.files import require_writable, written_beside
    from lpu_emu.cli.output import note, print_json
    from lpu_emu.cli.target import Request
    from lpu_emu.library import tensors

    require_writable(output)
    ran = execute(Request(file=file, chip=chip, precision=precision, shapes=shapes), inputs, seed, check)
    for line in ran.filled.notes:
        note(line)
    if output is not None:
        with written_beside(output) as beside, beside.open("wb") as handle:
            tensors.write_npz(handle, ran.result.outputs)
    if as_json:
        print_json(as_document(ran, engine))
    else:
        click.echo(as_text(ran))
    if ran.verdict is not None and not ran.verdict.passed:
        raise click.exceptions.Exit(FAILED)


def execute(request: Request, inputs: Sequence[str], seed: int, check: bool) -> Ran:
    """Do what the command asks, without printing."""
    from lpu_emu.cli.inputs import fill, read_inputs
    from lpu_emu.cli.output import Progress
    from lpu_emu.cli.target import KERNEL, open_target
    from lpu_emu.library import kernels
    from lpu_emu.library.judge import judge, signature

    progress = Progress()
    given = read_inputs(inputs)
    target = open_target(request, progress)
    beside = kernels.companion(target.path) if target.kind == KERNEL else None
    filled = fill(signature(target.executable.program), given, seed, beside)
    progress("running")
    started = time.perf_counter()
    result = target.executable.run(filled.arrays)
    run_s = time.perf_counter() - started
    progress("checking")
    verdict = judge(target, filled.arrays, result, beside) if check else None
    progress.clear()
    return Ran(target=target, filled=filled, result=result, run_s=run_s, verdict=verdict)
