"""``lpu-emu run --check=layers``: the option's two forms, the comparison, and how it is shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpu_emu.cli.output import Progress, table

if TYPE_CHECKING:
    from lpu_emu.cli.execution import Ran
    from lpu_emu.library.checks import Verdict
    from lpu_emu.library.layers import Layer, LayerCheck

_FLAGS = {"--check=outputs": ("--check",), "--check=layers": ("--check", "--check-layers")}
_HEADER = ("layer", "operators", "type", "largest error", "relative", "out of tolerance", "since the inputs")


class CheckCommand(click.Command):
    """A command whose flag ``--check`` may also be written ``--check=outputs`` or ``--check=layers``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put flags in place of the written form. Raises click.UsageError for any other value."""
        for argument in args:
            if argument.startswith("--check=") and argument not in _FLAGS:
                value = argument.partition("=")[2]
                raise click.UsageError(f"--check takes 'outputs' or 'layers', not {value!r}", ctx)
        return super().parse_args(ctx, [flag for a in args for flag in _FLAGS.get(a, (a,))])


def require_model(file: Path) -> None:
    """Raise UsageError when a file is no model."""
    from lpu_emu.cli.target import MODEL, locate
    from lpu_emu.errors import UsageError

    if locate(file)[0] != MODEL:
        raise UsageError(f"--check=layers goes with a model (.onnx); {file} is none")


def checked_layers(ran: Ran, progress: Progress) -> LayerCheck:
    """Compare every layer of the model that ran."""
    from lpu_emu import api
    from lpu_emu.library.layers import check_layers

    target, program = ran.target, ran.target.executable.program
    assert target.graph is not None
    progress("checking every layer")
    result = check_layers(
        target.path,
        target.graph,
        ran.filled.arrays,
        machine=program.machine,
        precision=target.executable.precision,
        run=lambda extended, inputs: api.Executable(extended).run(dict(inputs), engine=ran.engine),
    )
    progress.clear()
    return result


def layers_text(check: LayerCheck) -> str:
    """Return the table of layers and the first one that departs."""
    rows = [_row(layer) for layer in check.layers]
    lines = [f"layers against {check.against}:", table(_HEADER, rows, right="defg")]
    if check.unseen:
        lines.append(f"no room to look at: {', '.join(check.unseen)}")
    first = check.first
    if first is None:
        lines.append("no layer departs")
    else:
        detail = "; ".join(first.local.details)
        lines.append(f"the first layer that departs: {first.tensor} ({first.kinds}): {detail}")
    return "\n".join(lines)


def _row(layer: Layer) -> tuple[str, ...]:
    shape = "x".join(str(size) for size in layer.shape)
    local = layer.local
    return (
        layer.tensor,
        layer.kinds,
        f"{layer.dtype}[{shape}]",
        f"{local.max_abs_err:.3g}",
        f"{local.max_rel_err:.3g}",
        f"{local.mismatches:,} of {local.compared:,}",
        f"{layer.whole.max_abs_err:.3g}",
    )


def layers_json(check: LayerCheck) -> dict[str, Any]:
    """Return the ``layers`` object of ``run --json``."""
    first = check.first
    return {
        "against": check.against,
        "first_departing": None if first is None else first.tensor,
        "passed": check.passed,
        "unseen": list(check.unseen),
        "layers": [
            {
                "tensor": layer.tensor,
                "operators": layer.kinds,
                "dtype": layer.dtype,
                "shape": list(layer.shape),
                "departs": layer.departs,
                "local": _errors(layer.local),
                "whole": _errors(layer.whole),
            }
            for layer in check.layers
        ],
    }


def _errors(verdict: Verdict) -> dict[str, Any]:
    return {
        "max_abs_err": verdict.max_abs_err,
        "max_rel_err": verdict.max_rel_err,
        "mismatches": verdict.mismatches,
        "compared": verdict.compared,
    }
