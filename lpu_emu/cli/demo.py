"""``lpu-emu demo``: the trained models that ship with the package, compiled, run and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from lpu_emu.cli.failure import FAILED
from lpu_emu.cli.options import ChipType
from lpu_emu.cli.settings import json_option

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lpu_emu.cli.execution import Ran
    from lpu_emu.cli.output import Progress

SCHEMA = "lpu-emu/demo/1"
MODELS = (("digits_mlp", "fp16"), ("digits_mlp_int8", "int8"))
HELD_OUT = "digits_heldout.npz"
SAMPLES = 32


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One model on one batch: the checked run, and correct answers of emulator and independent result."""

    ran: Ran
    correct: int
    correct_expected: int
    samples: int


@click.command("demo")
@click.option("--chip", type=ChipType(), default="tsp1", show_default=True, help="Chip name or chip file.")
@click.option("--samples", type=click.IntRange(1, 360), default=SAMPLES, show_default=True, help="Batch.")
@json_option
def command(chip: str, samples: int, as_json: bool) -> None:
    """Compile the bundled digit classifier (fp16 and int8), run held-out samples, check, report.

    The answers are compared with the true labels and with ONNX Runtime (the package's own NumPy evaluation
    when that is not installed). Needs the package onnx.

    \b
    Example:
      lpu-emu demo
    """
    from lpu_emu.cli.output import Progress, document, note, print_json

    progress = Progress()
    outcomes = [_outcome(name, precision, chip, samples, progress) for name, precision in MODELS]
    progress.clear()
    for line in dict.fromkeys(line for outcome in outcomes for line in outcome.ran.notes):
        note(line)
    passed = all(outcome.ran.verdict is not None and outcome.ran.verdict.passed for outcome in outcomes)
    if as_json:
        print_json(document(SCHEMA, models=[_outcome_json(o) for o in outcomes], passed=passed))
    else:
        click.echo("\n\n".join(_outcome_text(outcome) for outcome in outcomes))
    if not passed:
        raise click.exceptions.Exit(FAILED)


def _outcome(name: str, precision: str, chip: str, samples: int, progress: Progress) -> Outcome:
    from lpu_emu.cli.execution import execute
    from lpu_emu.cli.inputs import Given
    from lpu_emu.cli.target import Request
    from lpu_emu.library import kernels, tensors

    entry = kernels.find(name)
    held_out = tensors.read_npz(entry.path.with_name(HELD_OUT))
    x, labels = held_out["x"][:samples], held_out["labels"][:samples]
    request = Request(file=entry.path, chip=chip, precision=precision, shapes=[("x", x.shape)])
    ran = execute(request, Given(named={"x": x}), seed=0, check=True, progress=progress)
    assert ran.verdict is not None
    return Outcome(
        ran=ran,
        correct=_correct(ran.result.outputs, labels),
        correct_expected=_correct(ran.verdict.expected, labels),
        samples=len(labels),
    )


def _correct(outputs: Mapping[str, NDArray[np.generic]], labels: NDArray[np.generic]) -> int:
    (probabilities,) = outputs.values()
    return int((probabilities.argmax(axis=-1) == labels).sum())


def _outcome_json(outcome: Outcome) -> dict[str, Any]:
    ran = outcome.ran
    assert ran.verdict is not None
    return {
        "program": ran.target.executable.summary(),
        "cycles": ran.result.cycles,
        "time_us": ran.time_us,
        "host": ran.host,
        "samples": outcome.samples,
        "accuracy": outcome.correct / outcome.samples,
        "accuracy_expected": outcome.correct_expected / outcome.samples,
        "ops": ran.target.executable.report().data["ops"],
        "check": ran.verdict.as_json(),
    }


def _outcome_text(outcome: Outcome) -> str:
    from lpu_emu.cli import text

    ran = outcome.ran
    assert ran.verdict is not None
    per_second = outcome.samples / (ran.time_us / 1e6)
    lines = [
        text.program_text(ran.target.executable),
        f"  {outcome.samples} held-out digits in {ran.result.cycles:,} cycles, {text.time_text(ran.time_us)}"
        f" ({per_second:,.0f} digits/s)",
        f"  correct: {_share(outcome.correct, outcome)}; {ran.verdict.against}: "
        f"{_share(outcome.correct_expected, outcome)}",
        *(f"  {line}" for line in text.verdict_text(ran.verdict).splitlines()),
        *(f"  {line}" for line in _operator_table(ran).splitlines()),
        f"  host: {text.host_text(ran.host)}",
    ]
    return "\n".join(lines)


def _share(correct: int, outcome: Outcome) -> str:
    return f"{correct} of {outcome.samples} ({correct / outcome.samples:.2%})"


def _operator_table(ran: Ran) -> str:
    from lpu_emu.cli.output import table

    ops: Sequence[Mapping[str, Any]] = ran.target.executable.report().data["ops"]
    rows = [
        (o["name"], o["op_type"], *(f"{o[key]:,}" for key in ("start", "end", "added_cycles")), o["bound_by"])
        for o in ops
    ]
    rest = ran.result.cycles - sum(o["added_cycles"] for o in ops)
    rows.append(("(end of the program)", "", "", "", f"{rest:,}", ""))
    return table(("operator", "type", "from", "to", "adds cycles", "bound by"), rows, right="cde")
