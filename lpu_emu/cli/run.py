"""``lpu-emu run``: execute a model, a kernel or a program file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpu_emu.cli.failure import FAILED
from lpu_emu.cli.layers import CheckCommand
from lpu_emu.cli.options import (
    EngineType,
    file_argument,
    input_options,
    output_option,
    program_options,
    size_option,
)
from lpu_emu.cli.settings import json_option

if TYPE_CHECKING:
    from lpu_emu.cli.execution import Ran
    from lpu_emu.library.tensors import Array

SCHEMA = "lpu-emu/run/1"
SHOWN_ELEMENTS = 6


@click.command("run", cls=CheckCommand)
@file_argument
@program_options
@size_option
@input_options
@click.option(
    "--engine",
    type=EngineType(),
    default="auto",
    show_default=True,
    metavar="auto|fast|reference",
    help="Executor; the results are the same.",
)
@click.option(
    "--no-verify",
    is_flag=True,
    help="Trust a program that the fast engine has verified before; any other is verified all the same.",
)
@click.option(
    "--check",
    is_flag=True,
    help="Compare with an independent result; exit 1 when it differs. --check=layers: every layer of a model.",
)
@click.option("--check-layers", is_flag=True, hidden=True)
@output_option("Write the outputs to this .npz file.")
@json_option
def command(
    file: Path,
    chip: str | None,
    precision: str | None,
    shapes: Sequence[tuple[str, tuple[int, ...]]],
    size: str,
    inputs: Sequence[str],
    seed: int,
    engine: str,
    no_verify: bool,
    check: bool,
    check_layers: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """Run FILE: a model (.onnx), a kernel (.lpu, .py), a program (.h5), or a bundled kernel's name.

    A model is compiled and a text assembled first. --check compares the outputs of a model with ONNX
    Runtime (with the package's own NumPy evaluation when that is not installed), those of a kernel with
    expected() of its own or the Python file beside it, and the cycles and hazards of any other program with the static
    analysis. --check=layers also compares the result of every layer of a model and names the first that departs.

    \b
    Examples:
      lpu-emu run model.onnx --input x=x.npy --check
      lpu-emu run kernel.lpu --seed 7 --output outputs.npz
      lpu-emu run kernel.py --size large --check
    """
    from lpu_emu.cli.execution import execute
    from lpu_emu.cli.files import require_writable, write_bytes
    from lpu_emu.cli.inputs import read_inputs
    from lpu_emu.cli.layers import checked_layers, layers_json, layers_text, require_model
    from lpu_emu.cli.output import Progress, note, print_json
    from lpu_emu.cli.target import Request
    from lpu_emu.library import tensors

    require_writable(output, device=True)
    if check_layers:
        require_model(file)
    given = read_inputs(inputs)
    request = Request(
        file=file, chip=chip, precision=precision, shapes=shapes, size=size, fallback_shapes=given.shapes
    )
    ran = execute(
        request, given, seed=seed, check=check, engine=engine, verify=not no_verify, progress=Progress()
    )
    layers = checked_layers(ran, Progress()) if check_layers else None
    for line in ran.notes:
        note(line)
    if output is not None:
        write_bytes(output, tensors.npz_bytes(ran.result.outputs))
    if as_json:
        print_json(as_document(ran) | ({} if layers is None else {"layers": layers_json(layers)}))
    else:
        click.echo("\n".join([as_text(ran), *([] if layers is None else [layers_text(layers)])]))
    if any(judged is not None and not judged.passed for judged in (ran.verdict, layers)):
        raise click.exceptions.Exit(FAILED)


def as_document(ran: Ran) -> dict[str, Any]:
    """Return the JSON document of a run."""
    from lpu_emu.cli.output import document

    executable = ran.target.executable
    content: dict[str, Any] = {
        "program": executable.summary(),
        "engine": ran.engine,
        "cycles": ran.result.cycles,
        "time_us": ran.time_us,
        "host": ran.host,
        "inputs": {name: tensor_json(array) for name, array in ran.filled.arrays.items()},
        "outputs": {name: tensor_json(array) for name, array in ran.result.outputs.items()},
        "warnings": len(ran.result.hazards),
    }
    if ran.verdict is not None:
        content["check"] = ran.verdict.as_json()
    return document(SCHEMA, **content)


def tensor_json(array: Array) -> dict[str, Any]:
    """Return shape, type and digest of a tensor."""
    from lpu_emu.library.tensors import digest

    return {"shape": list(array.shape), "dtype": array.dtype.name, "sha256": digest(array)}


def as_text(ran: Ran) -> str:
    """Return a run as text: program, cycles, outputs, warnings, check."""
    from lpu_emu.cli import text

    lines = [text.program_text(ran.target.executable)]
    lines += [
        f"{ran.result.cycles:,} cycles, {text.time_text(ran.time_us)} (host: {text.host_text(ran.host)})"
    ]
    lines += [f"output {name}: {_tensor_text(array)}" for name, array in ran.result.outputs.items()]
    if ran.result.hazards:
        lines.append(f"{text.count(len(ran.result.hazards), 'warning')}; lpu-emu verify shows them")
    if ran.verdict is not None:
        lines.append(text.verdict_text(ran.verdict))
    return "\n".join(lines)


def _tensor_text(array: Array) -> str:
    from lpu_emu.library.tensors import digest

    shape = "x".join(str(size) for size in array.shape) or "scalar"
    shown = " ".join(f"{value:.6g}" for value in array.reshape(-1)[:SHOWN_ELEMENTS].tolist())
    more = " ..." if array.size > SHOWN_ELEMENTS else ""
    return f"{array.dtype.name}[{shape}] sha256 {digest(array)[:12]}: {shown}{more}"
