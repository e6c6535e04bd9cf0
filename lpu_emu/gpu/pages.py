"""``docs/gpu.md``: the calibration as a table, and what the model is and is not."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from lpu_emu.gpu import facts as files
from lpu_emu.gpu.calibration import Row, compare, geometric_mean, mean_error
from lpu_emu.gpu.spec import gpu_names, load_gpu
from lpu_emu.spec.markdown import number, table

_INTRODUCTION = """# GPUs beside LPUs

*Written by `lpu-emu gpu calibrate --markdown`; edit `lpu_emu/gpu` and `isa/gpus`, not this file.*

`lpu_emu.gpu` says how long the operators of a transformer take on a GPU, and computes what they give in NumPy.
It is coarse on purpose: an operator is a grid of tiles of published shapes. A wave has as many tiles as the
GPU has SMs. A kernel takes

    launch + ramp + max(HBM, written results + max(waves x tile on tensor cores, waves x tile on vector units, L2))

where all waves share HBM and L2, tiles of a cluster share the load of one operand, small tiles reach less of
the peak, K is split where a grid has too few tiles, and a share of the results is written while nothing is
multiplied. Decode attention deals the keys of a sequence out to the SMs and adds the parts in a second kernel.
Collectives take the better of one shot and a ring. Not modelled: clocks that fall under load, contention
between kernels, kernels that run at the same time, cache hits between kernels.

Numbers are in `isa/gpus/*.toml`, each with a tag and a source (`lpu-emu gpu show h100`). Efficiencies are
*choices*: fitted once per family to the rows below and used everywhere, also in the [claims](claims.md). Rubin
has no measurements; its efficiencies are Blackwell's.
"""
_MEASURE = """## More rows

On a machine with an NVIDIA GPU and PyTorch, `python benchmarks/gpu/measure.py --gpu h100 -o mine.toml`
measures products, attention and copies, and `lpu-emu gpu calibrate mine.toml` prints them beside the model. No
such machine was at hand when this table was written: all rows are other people's measurements.
"""


def page() -> str:
    """Return the text of ``docs/gpu.md``."""
    rows = compare()
    parts = [
        _INTRODUCTION,
        "## Predicted and published\n\nA ratio above 1: the model is too quick.\n",
        *(_section(list(group)) for _, group in groupby(rows, key=lambda row: (row.title, row.gpu))),
        _summary(rows),
        _choices(),
        _MEASURE,
    ]
    return "\n".join(parts)


def _section(rows: Sequence[Row]) -> str:
    first = rows[0]
    cells = [(*row.shape.values(), *_numbers(row)) for row in rows]
    lines = table((*first.shape, "published", "predicted", "ratio", "bound by"), cells)
    head = f"### {first.title}, {first.gpu}, {first.unit}\n\nSource: {first.source}.\n"
    return "\n".join((head, *lines, ""))


def _numbers(row: Row) -> tuple[str, ...]:
    return (number(round(row.measured)), number(round(row.predicted)), f"{row.ratio:.2f}", row.bound_by)


def _summary(rows: Sequence[Row]) -> str:
    kinds = {"products and attention": "generate", "whole models": "kernel"}
    cells = []
    for name, other in kinds.items():
        chosen = [row for row in rows if (row.operator == "generate") != (other == "generate")]
        worst = max(chosen, key=lambda row: max(row.ratio, 1 / row.ratio))
        cells.append(
            (
                name,
                len(chosen),
                f"{geometric_mean(chosen):.2f}",
                f"{mean_error(chosen):.2f}",
                f"{worst.ratio:.2f}",
            )
        )
    lines = table(("rows", "number", "mean ratio", "mean factor off", "worst ratio"), cells)
    note = (
        "\nWhole models come out too quick against software of 2023. The ratio carries what a serving system adds "
        "between kernels, which is not modelled; systems in the claims are compared with each other through the same "
        "model, where most of it cancels.\n"
    )
    return "\n".join(("### All rows\n", *lines, note))


def _choices() -> str:
    """Every number that is a choice, by GPU."""
    gpus = [load_gpu(name) for name in gpu_names()]
    keys = [key for key in files.keys("gpu") if any(gpu.facts[key].tag == "choice" for gpu in gpus)]
    cells = [
        (f"`{key}`", *(f"{gpu[key]:g}" + ("" if gpu.facts[key].tag == "choice" else " *") for gpu in gpus))
        for key in keys
    ]
    lines = table(("key", *(gpu.name for gpu in gpus)), cells)
    return "\n".join(
        (
            "## Choices\n\nNumbers that nobody publishes (those with * are not choices for that GPU).\n",
            *lines,
            "",
        )
    )
