"""The model of a GPU beside measurements: what was published, what the model says, and their ratio."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from pathlib import Path
from typing import Any

from lpu_emu import _resources
from lpu_emu.errors import InputError, did_you_mean
from lpu_emu.gpu.decode import Placement, generate
from lpu_emu.gpu.models import load_model
from lpu_emu.gpu.operators import Heads, attention_decode, attention_prefill, elementwise
from lpu_emu.gpu.spec import Gpu, load_gpu, with_values
from lpu_emu.gpu.stages import Load
from lpu_emu.gpu.tiles import Duration, gemm, grouped_gemm
from lpu_emu.spec.isa import read_toml

Shape = Mapping[str, Any]
LATENT_WIDTH, LATENT_RANK = 576, 512  # keys and values of DeepSeek-V3, for which FlashMLA is written


@dataclass(frozen=True, kw_only=True)
class Row:
    """One comparison. ``predicted`` and ``measured`` are in ``unit``; above 1 the ratio says that the model is too quick."""

    title: str
    operator: str
    gpu: str
    shape: Shape
    unit: str
    measured: float
    predicted: float
    bound_by: str
    source: str

    @property
    def ratio(self) -> float:
        """Predicted over measured."""
        return self.predicted / self.measured


def published() -> Path:
    """Return the file of the measurements that ship with the package."""
    return _resources.isa_folder() / "gpu_measurements.toml"


def compare(files: Sequence[Path] = ()) -> list[Row]:
    """Return every measurement of the files (by default the published ones) beside what the model says.

    Raises:
        SpecError: a file is no TOML, or names an unknown GPU.
        InputError: a set lacks an entry, or names an unknown operator.
    """
    return [row for file in files or (published(),) for row in _rows(file)]


def geometric_mean(rows: Sequence[Row]) -> float:
    """Return the geometric mean of the ratios."""
    return exp(sum(log(row.ratio) for row in rows) / len(rows))


def mean_error(rows: Sequence[Row]) -> float:
    """Return how far, as a factor above 1, the model is off: the geometric mean of the larger of ratio and its inverse."""
    return exp(sum(abs(log(row.ratio)) for row in rows) / len(rows))


def _rows(file: Path) -> Iterator[Row]:
    for entry in read_toml(file).get("set", []):
        if missing := {"title", "operator", "gpu", "dtype", "columns", "unit", "source", "rows"} - set(entry):
            raise InputError(f"{file}: a set of measurements lacks {', '.join(sorted(missing))}")
        if entry["operator"] not in _OPERATORS:
            hint = did_you_mean(entry["operator"], _OPERATORS)
            raise InputError(f"{file}: unknown operator {entry['operator']!r}{hint}")
        gpu = with_values(load_gpu(entry["gpu"]), entry.get("change", {}))
        for *shape, measured in entry["rows"]:
            yield _row(entry, gpu, dict(zip(entry["columns"], shape, strict=True)), float(measured))


def _row(entry: Mapping[str, Any], gpu: Gpu, shape: Shape, measured: float) -> Row:
    duration = _OPERATORS[entry["operator"]](gpu, shape, entry["dtype"])
    # A kernel is measured from its start; what passes between two of them is no part of it.
    alone = duration.seconds - (0 if entry["operator"] == "generate" else gpu["launch.seconds"])
    amount = {"TFLOP/s": duration.flops / 1e12, "GB/s": duration.bytes / 1e9, "us": 0.0}
    predicted = amount.get(entry["unit"], duration.bytes) / alone if entry["unit"] != "us" else alone * 1e6
    return Row(
        title=entry["title"],
        operator=entry["operator"],
        gpu=entry["gpu"],
        shape=shape,
        unit=entry["unit"],
        measured=measured,
        predicted=predicted,
        bound_by=duration.bound_by,
        source=entry["source"],
    )


def _gemm(gpu: Gpu, shape: Shape, dtype: str) -> Duration:
    return gemm(gpu, shape["m"], shape["n"], shape["k"], dtype)


def _grouped(gpu: Gpu, shape: Shape, dtype: str) -> Duration:
    return grouped_gemm(gpu, [shape["m"]] * shape["groups"], shape["n"], shape["k"], dtype)


def _prefill(gpu: Gpu, shape: Shape, dtype: str) -> Duration:
    heads = Heads(queries=shape["heads"], keys=shape["heads"], width=shape["width"])
    return attention_prefill(gpu, heads, shape["tokens"], batch=shape["batch"], causal=False, dtype=dtype)


def _decode(gpu: Gpu, shape: Shape, dtype: str) -> Duration:
    heads = Heads(queries=shape["heads"], keys=shape["keys"], width=shape["width"])
    return attention_decode(gpu, heads, shape["context"], batch=shape["batch"], kv_dtype=dtype)


def _latent(gpu: Gpu, shape: Shape, dtype: str) -> Duration:
    heads = Heads(queries=shape["heads"], keys=1, width=LATENT_WIDTH, value_width=LATENT_RANK, latent=True)
    return attention_decode(gpu, heads, shape["context"], batch=shape["batch"], kv_dtype=dtype)


def _copy(gpu: Gpu, shape: Shape, dtype: str) -> Duration:
    return elementwise(gpu, shape["elements"], dtype=dtype)


def _generate(gpu: Gpu, shape: Shape, dtype: str) -> Duration:
    """Seconds of a whole answer; its ``bytes`` are the tokens."""
    split = Placement(gpus=shape["gpus"], split=shape["gpus"])
    load = Load(sequences=shape["batch"], context=0, dtype=dtype, kv_dtype=dtype)
    seconds = generate(
        gpu, load_model(shape["model"]), load, split, prompt=shape["input"], output=shape["output"]
    )
    return Duration(seconds=seconds, bytes=shape["batch"] * shape["output"])


_OPERATORS: Mapping[str, Callable[[Gpu, Shape, str], Duration]] = {
    "gemm": _gemm,
    "grouped_gemm": _grouped,
    "prefill": _prefill,
    "decode": _decode,
    "decode_latent": _latent,
    "copy": _copy,
    "generate": _generate,
}
