"""Samples that calibrate a quantised model: from arrays or random, cut into what one run takes."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from lpu_emu.errors import InputError, ModelError, did_you_mean
from lpu_emu.graph import Graph, ValueInfo, read_onnx
from lpu_emu.library.tensors import Array, random_tensor, read_npy, read_npz

Batch = Mapping[str, Array]
# The name of an array that was stored without one; it is meant for the only input.
UNNAMED = ""


def read_samples(path: Path) -> dict[str, Array]:
    """Return the arrays of a ``.npz`` file by name, or the one of a ``.npy`` file as ``UNNAMED``.

    Raises:
        InputError: no such file, or not one of arrays.
    """
    return {UNNAMED: read_npy(path)} if path.suffix == ".npy" else read_npz(path)


def read_graph(path: Path, shapes: Mapping[str, tuple[int, ...]], data: Mapping[str, Array]) -> Graph:
    """Return the graph of a model; one sample of ``data`` at a time settles what model and ``shapes`` leave open.

    Raises:
        MissingExtraError, ModelError: as of reading a model.
    """
    try:
        return read_onnx(path, shapes)
    except ModelError:
        guess = {name: (1, *data[name].shape[1:]) for name in _input_names(path) if name in data}
        with contextlib.suppress(ModelError):
            return read_onnx(path, {**guess, **shapes})
        raise


def _input_names(path: Path) -> list[str]:
    """Return the names of a model's inputs, nothing for a file that is no model."""
    import onnx

    try:
        return [value.name for value in onnx.load(str(path), load_external_data=False).graph.input]
    except Exception:  # damage shows itself in many unrelated exceptions
        return []


def batches_of(graph: Graph, data: Mapping[str, Array]) -> list[Batch]:
    """Return the inputs of each run of a model.

    An array with one axis more than its input holds whole inputs; one of the same rank holds samples along its
    first axis, which are cut into pieces of the model's batch.

    Raises:
        InputError: an input is missing, samples have the wrong shape or are no numbers, inputs disagree in their
            number.
    """
    pieces = {name: _pieces(graph.values[name], _array_of(name, data, graph)) for name in graph.inputs}
    counts = {name: len(batches) for name, batches in pieces.items()}
    if len(set(counts.values())) > 1:
        found = ", ".join(f"{count} for {name!r}" for name, count in counts.items())
        raise InputError(f"calibration data must have equally many samples for all inputs, not {found}")
    return [dict(zip(pieces, batch, strict=True)) for batch in zip(*pieces.values(), strict=True)]


def _array_of(name: str, data: Mapping[str, Array], graph: Graph) -> Array:
    if name in data:
        return data[name]
    if UNNAMED in data and len(graph.inputs) == 1:
        return data[UNNAMED]
    hint = did_you_mean(name, data)
    raise InputError(f"calibration data have no input {name!r}; they have {_listed(data)}{hint}")


def _listed(data: Mapping[str, Array]) -> str:
    return ", ".join(repr(name) if name else "an array without a name" for name in data) or "nothing"


def _pieces(value: ValueInfo, array: Array) -> list[Array]:
    if array.dtype.kind not in "biuf":
        raise InputError(f"calibration data for {value.name!r} are {array.dtype}, not numbers")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InputError(f"calibration data for {value.name!r} hold NaN or infinity")
    whole = array.ndim == len(value.shape) + 1
    size = value.shape[0] if value.shape else 1
    if whole:
        batches = list(array)
    else:
        batches = [array[start : start + size] for start in range(0, len(array), size)] if array.ndim else []
    if not batches or any(batch.shape != value.shape for batch in batches):
        raise InputError(
            f"calibration data for {value.name!r} have the shape {list(array.shape)}; expected one or more "
            f"{list(value.shape)} along the first axis"
        )
    return [np.ascontiguousarray(batch, dtype=value.dtype) for batch in batches]


def random_batches(graph: Graph, samples: int, seed: int) -> list[Batch]:
    """Return random inputs for some runs, distributed as those that ``run`` fills in."""
    generator = np.random.default_rng(seed)
    values: Sequence[ValueInfo] = [graph.values[name] for name in graph.inputs]
    return [{v.name: random_tensor(generator, v.dtype, v.shape) for v in values} for _ in range(samples)]
