"""What a model should compute: by ONNX Runtime when it is installed, else by NumPy evaluation."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lpu_emu.errors import ModelError
from lpu_emu.library.tensors import Array

if TYPE_CHECKING:
    from lpu_emu.graph import Graph

ONNX_RUNTIME = "ONNX Runtime"
NUMPY = "NumPy evaluation of the model"
_ERRORS_ONLY = 3  # ONNX Runtime: 3 errors, 4 fatal


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """Outputs of a model by name and who computed them; ``note`` says why it was not ONNX Runtime."""

    by: str
    outputs: Mapping[str, Array]
    note: str = ""


def has_onnxruntime() -> bool:
    """Say whether ONNX Runtime is installed, without importing it."""
    return importlib.util.find_spec("onnxruntime") is not None


def expected_outputs(path: Path, graph: Graph, inputs: Mapping[str, Array]) -> Expectation:
    """Return what the model of a file computes for some inputs.

    Raises:
        ModelError: neither ONNX Runtime nor the NumPy evaluation can run the model.
        InputError: an input has the wrong name, shape or type.
    """
    if not has_onnxruntime():
        note = 'ONNX Runtime is not installed (pip install "lpu-emu[verify]")'
        return Expectation(by=NUMPY, outputs=_by_numpy(graph, inputs), note=note)
    try:
        return Expectation(by=ONNX_RUNTIME, outputs=_by_onnxruntime(path, graph, inputs))
    except ModelError as error:
        return Expectation(by=NUMPY, outputs=_by_numpy(graph, inputs), note=str(error))


def _by_numpy(graph: Graph, inputs: Mapping[str, Array]) -> dict[str, Array]:
    from lpu_emu.graph import run_graph

    return run_graph(graph, inputs)


def _by_onnxruntime(path: Path, graph: Graph, inputs: Mapping[str, Array]) -> dict[str, Array]:
    return run_onnxruntime(str(path), str(path), graph.outputs, inputs)


def run_onnxruntime(
    model: str | bytes, where: str, outputs: Sequence[str], inputs: Mapping[str, Array]
) -> dict[str, Array]:
    """Run a model as written: fused 8-bit kernels saturate on some hosts, so graph rewriting is off.

    Args:
        model: path of the file, or its content.
        where: what messages begin with.
        outputs: names of the wanted outputs.
        inputs: one array per input.

    Raises:
        ModelError: ONNX Runtime cannot run it.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY + 1
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        found: list[Any] = session.run(list(outputs), dict(inputs))
    except Exception as error:  # its exceptions share no base class
        first = (str(error).splitlines() or [""])[0]
        raise ModelError(f"{where}: ONNX Runtime cannot run it: {first}") from error
    return {name: np.asarray(array) for name, array in zip(outputs, found, strict=True)}


def onnxruntime_seconds(path: Path, inputs: Mapping[str, Array], *, threads: int, tries: int = 5) -> float:
    """Return what ONNX Runtime takes for a model with everything it has for speed: the fastest of several runs.

    Raises:
        ModelError: ONNX Runtime cannot run it.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = _ERRORS_ONLY + 1
    seconds = []
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        session.run(None, dict(inputs))
        for _ in range(tries):
            started = time.perf_counter()
            session.run(None, dict(inputs))
            seconds.append(time.perf_counter() - started)
    except Exception as error:  # its exceptions share no base class
        first = (str(error).splitlines() or [""])[0]
        raise ModelError(f"{path}: ONNX Runtime cannot run it: {first}") from error
    return min(seconds)
