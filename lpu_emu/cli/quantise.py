"""``lpu-emu quantise``: a float model becomes an int8 model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpu_emu.cli.options import ShapeType, output_option
from lpu_emu.cli.settings import json_option

if TYPE_CHECKING:
    from lpu_emu.library.quantise import OutputError

SCHEMA = "lpu-emu/quantise/1"
Shapes = Sequence[tuple[str, tuple[int, ...]]]


@click.command("quantise")
@click.argument("model", metavar="MODEL", type=click.Path(path_type=Path))
@click.option(
    "--data", metavar="F.npz", type=click.Path(path_type=Path), help="Calibration samples (.npz or .npy)."
)
@click.option("--seed", type=click.IntRange(min=0), help="Seed of random samples, used without --data.")
@click.option("--samples", type=click.IntRange(min=1), help="How many samples (random ones: 8).")
@click.option(
    "--per-channel/--per-tensor",
    "per_channel",
    default=True,
    show_default=True,
    help="One scale per output channel of the weights, or one per tensor.",
)
@click.option(
    "--shape",
    "shapes",
    metavar="NAME=1x128",
    type=ShapeType(),
    multiple=True,
    help="Sizes of an input that has open dimensions. Repeatable.",
)
@output_option("Write the quantised model to this file (.onnx).", required=True)
@json_option
def command(
    model: Path,
    data: Path | None,
    seed: int | None,
    samples: int | None,
    per_channel: bool,
    shapes: Shapes,
    output: Path,
    as_json: bool,
) -> None:
    """Quantise the float model MODEL (.onnx) to int8 with calibration samples.

    ONNX Runtime's static quantiser does the work: activations and weights int8, biases int32, all zero points 0, in
    the form of QuantizeLinear and DequantizeLinear nodes. Normalisations are folded into layers first. The
    outputs of both models on the samples are compared.

    --data holds one array per input, samples along the first axis. Without it samples are random, which suits
    a test and not a trained model.

    \b
    Examples:
      lpu-emu quantise model.onnx --data samples.npz -o model_int8.onnx
      lpu-emu quantise model.onnx --seed 1 --samples 16 -o model_int8.onnx
    """
    from lpu_emu.cli.files import require_writable, write_bytes
    from lpu_emu.cli.output import Progress, document, print_json
    from lpu_emu.errors import UsageError
    from lpu_emu.library.quantise import open_model, output_errors, quantise_model, require_quantiser

    require_writable(output)
    if data is not None and seed is not None:
        raise UsageError("--data and --seed exclude each other; give one of them")
    require_quantiser()
    progress = Progress()
    progress("reading the model")
    job = open_model(model, dict(shapes), data=data, seed=seed or 0, samples=samples)
    progress("quantising")
    quantised = quantise_model(job.model, job.batches, per_channel=per_channel)
    progress("comparing")
    errors = output_errors(job.model, quantised, job.batches)
    write_bytes(output, quantised.SerializeToString(deterministic=True))
    progress.clear()
    file = {"path": str(output), "bytes": output.stat().st_size}
    if as_json:
        calibration = {
            "data": None if data is None else str(data),
            "seed": None if data is not None else seed or 0,
            "runs": len(job.batches),
        }
        outputs = [_error_json(error) for error in errors]
        rest = {"per_channel": per_channel, "outputs": outputs, "file": file}
        print_json(document(SCHEMA, model=str(model), calibration=calibration, **rest))
    else:
        lines = [_source_text(data, seed or 0, len(job.batches)), *map(_error_text, errors)]
        click.echo("\n".join([*lines, f"wrote {output} ({file['bytes']:,} bytes)"]))


def _source_text(data: Path | None, seed: int, runs: int) -> str:
    source = f"random samples (seed {seed})" if data is None else f"samples of {data}"
    return f"calibrated by {runs} run{'s' if runs != 1 else ''} on {source}"


def _error_text(error: OutputError) -> str:
    return (
        f"output {error.name}: cosine {error.cosine:.6f}, largest error {error.max_abs_err:.6g} "
        f"(largest element {error.largest:.6g})"
    )


def _error_json(error: OutputError) -> dict[str, Any]:
    return {
        "name": error.name,
        "cosine": error.cosine,
        "max_abs_err": error.max_abs_err,
        "largest": error.largest,
    }
