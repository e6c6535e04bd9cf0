"""Quantising a float model by ONNX Runtime's static quantiser, and how far that takes it from the original.

The result is in QDQ form: int8 activations and weights, int32 biases, all zero points 0, which is what the compiler
runs as integers. Tensors that a Concat joins share one scale, so that joining them only moves integers.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lpu_emu.errors import MissingExtraError, ModelError
from lpu_emu.library.calibration import Batch, batches_of, random_batches, read_graph, read_samples
from lpu_emu.library.tensors import Array

if TYPE_CHECKING:
    import onnx

RANDOM_SAMPLES = 8
# What is quantised: operators that the chip computes on integers, and those that only move them.
_COMPUTING = ("Conv", "ConvTranspose", "Gemm", "MatMul", "Add", "Mul")
_MOVING = (
    "AveragePool", "Clip", "Concat", "Flatten", "GlobalAveragePool", "MaxPool", "Pad", "Relu", "Reshape", "Resize",
    "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze",
)  # fmt: skip
# Their results are quantised where a reader wants integers: behind a Relu, not before it.
_WITHOUT_OWN_OUTPUT = (*_COMPUTING, "Clip", "Relu")
_QUANTISING = ("QuantizeLinear", "DequantizeLinear")
_FATAL_ONLY = 4  # of ONNX Runtime's levels of messages


@dataclass(frozen=True, kw_only=True)
class OutputError:
    """How an output of the quantised model differs from the original's, over all calibration samples.

    ``cosine`` is that of the angle between the two as vectors; ``largest`` the original's largest magnitude.
    """

    name: str
    cosine: float
    max_abs_err: float
    largest: float


def require_quantiser() -> None:
    """Raise MissingExtraError when onnx or ONNX Runtime is not installed."""
    for package in ("onnx", "onnxruntime"):
        if find_spec(package) is None:
            raise MissingExtraError(package, "verify", "quantising a model")


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """A float model with its weights inside, and the inputs of each run that calibrates it."""

    model: onnx.ModelProto
    batches: list[Batch]


def open_model(
    path: Path,
    shapes: Mapping[str, tuple[int, ...]],
    *,
    data: Path | None = None,
    seed: int = 0,
    samples: int | None = None,
) -> Calibrated:
    """Return the model of a file and what calibrates it.

    Args:
        path: file of the model.
        shapes: sizes for inputs with open dimensions; those that are still open are taken from ``data``.
        data: a file of samples; random ones without it.
        seed: of random samples.
        samples: the number of runs, at most; ``RANDOM_SAMPLES`` random ones without it.

    Raises:
        ModelError: the model cannot be read.
        InputError: the samples cannot be read or do not fit.
    """
    arrays = {} if data is None else read_samples(data)
    graph = read_graph(path, shapes, arrays)
    if data is None:
        return Calibrated(model=_loaded(path), batches=random_batches(graph, samples or RANDOM_SAMPLES, seed))
    return Calibrated(model=_loaded(path), batches=batches_of(graph, arrays)[:samples])


def _loaded(path: Path) -> onnx.ModelProto:
    """Return the model of a file with all weights inside, also those kept in other files."""
    import onnx

    try:
        return onnx.load(str(path))
    except Exception as error:  # its exceptions share no base class
        raise ModelError(f"{path}: cannot be read: {_first_line(error)}") from error


def quantise_model(
    model: onnx.ModelProto, batches: Sequence[Batch], *, per_channel: bool = True
) -> onnx.ModelProto:
    """Return the quantised form of a float model.

    Args:
        model: an ONNX model in float32, with its weights inside.
        batches: the inputs of each calibration run.
        per_channel: one scale per output channel of the weights, else one per tensor.

    Raises:
        MissingExtraError: onnx or ONNX Runtime is not installed.
        ModelError: the model is quantised already or has nothing to quantise; the quantiser refuses it, or leaves
            a zero point that is not 0.
    """
    require_quantiser()
    _require_quantisable(model)
    with tempfile.TemporaryDirectory(prefix="lpu-emu-") as folder:
        prepared = _prepared(model, Path(folder))
        result = _quantised(prepared, batches, Path(folder), per_channel, {})
        shared = _shared_scales(result)
        if shared:
            result = _quantised(prepared, batches, Path(folder), per_channel, shared)
    require_symmetric(result)
    return result


def _require_quantisable(model: onnx.ModelProto) -> None:
    kinds = {node.op_type for node in model.graph.node}
    if kinds & {*_QUANTISING, "QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger"}:
        raise ModelError("the model is quantised already; give the float model that it was made of")
    if not kinds & set(_COMPUTING):
        raise ModelError(f"the model has nothing to quantise: none of {', '.join(_COMPUTING)}")


def _prepared(model: onnx.ModelProto, folder: Path) -> onnx.ModelProto:
    """Return the model with normalisations folded into layers, constants computed and shapes inferred."""
    import onnx
    import onnxruntime

    source, target = folder / "model.onnx", folder / "prepared.onnx"
    onnx.save(model, str(source))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(target)
    options.log_severity_level = _FATAL_ONLY
    try:
        onnxruntime.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])
        prepared = onnx.shape_inference.infer_shapes(onnx.load(str(target)))
    except Exception as error:  # its exceptions share no base class
        raise ModelError(f"ONNX Runtime cannot prepare the model: {_first_line(error)}") from error
    used = {node.domain for node in prepared.graph.node}
    kept = [entry for entry in prepared.opset_import if not entry.domain or entry.domain in used]
    del prepared.opset_import[:]
    prepared.opset_import.extend(kept)
    # The quantiser asks for its own preparation unless it finds this mark.
    prepared.metadata_props.add(key="onnx.infer", value="onnxruntime.quant")
    return prepared


def _quantised(
    model: onnx.ModelProto,
    batches: Sequence[Batch],
    folder: Path,
    per_channel: bool,
    scales: Mapping[str, np.float32],
) -> onnx.ModelProto:
    """Run the quantiser; ``scales`` overrides what calibration finds for some tensors."""
    import onnx
    from onnxruntime import quantization

    zero = np.array(0, dtype=np.int8)
    overrides = {name: [{"scale": np.array(s), "zero_point": zero}] for name, s in scales.items()}
    source, target = onnx.ModelProto(), folder / "quantised.onnx"
    source.CopyFrom(model)  # the quantiser changes what it is given
    with _quiet():
        try:
            quantization.quantize_static(
                source,
                str(target),
                _reader(batches),
                quant_format=quantization.QuantFormat.QDQ,
                op_types_to_quantize=[*_COMPUTING, *_MOVING],
                per_channel=per_channel,
                activation_type=quantization.QuantType.QInt8,
                weight_type=quantization.QuantType.QInt8,
                extra_options={
                    "ActivationSymmetric": True,
                    "WeightSymmetric": True,
                    "ForceQuantizeNoInputCheck": True,
                    "OpTypesToExcludeOutputQuantization": list(_WITHOUT_OWN_OUTPUT),
                    "TensorQuantOverrides": overrides,
                },
            )
            return onnx.load(str(target))
        except Exception as error:  # its exceptions share no base class
            raise ModelError(f"ONNX Runtime cannot quantise the model: {_first_line(error)}") from error


def _reader(batches: Sequence[Batch]) -> Any:
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.rest = iter(batches)

        def get_next(self) -> Batch | None:
            return next(self.rest, None)

    return Reader()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the quantiser from logging advice."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _shared_scales(model: onnx.ModelProto) -> dict[str, np.float32]:
    """Return one scale, the largest, for all tensors that Concat nodes join, directly or through one another."""
    from onnx import numpy_helper

    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    scales: dict[str, np.float32] = {}
    sources: dict[str, str] = {}  # of dequantised tensors: the tensor as it was
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear" and node.input[1] in constants:
            scales[node.input[0]] = np.float32(numpy_helper.to_array(constants[node.input[1]]))
            sources[node.output[0]] = node.input[0]
        elif node.op_type == "DequantizeLinear" and node.input[0] in sources:
            sources[node.output[0]] = sources[node.input[0]]
    groups: list[set[str]] = []
    for node in model.graph.node:
        if node.op_type == "Concat":
            joined = {sources.get(name, name) for name in (*node.input, *node.output)} & set(scales)
            touching = [group for group in groups if group & joined]
            groups = [group for group in groups if not group & joined]
            groups.append(joined.union(*touching))
    return {name: max(scales[n] for n in group) for group in groups for name in sorted(group)}


def require_symmetric(model: onnx.ModelProto) -> None:
    """Raise ModelError when a QuantizeLinear or DequantizeLinear has a zero point that is not 0."""
    from onnx import numpy_helper

    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type in _QUANTISING and len(node.input) > 2:
            zero = constants.get(node.input[2])
            if zero is None or numpy_helper.to_array(zero).any():
                raise ModelError(
                    f"the quantiser left a zero point that is not 0 at node {node.name!r}; the chip computes on "
                    f"symmetric integers only"
                )


def output_errors(
    original: onnx.ModelProto, quantised: onnx.ModelProto, batches: Sequence[Batch]
) -> list[OutputError]:
    """Run both models on all batches, as they are written, and return how far apart each output is.

    Raises:
        ModelError: ONNX Runtime cannot run one of them.
    """
    wanted, found = _results(original, batches), _results(quantised, batches)
    return [_error(name, wanted[name], found[name]) for name in wanted]


def _results(model: onnx.ModelProto, batches: Sequence[Batch]) -> dict[str, Array]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Fused 8-bit kernels saturate on some hosts, so nothing is fused.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = _FATAL_ONLY
    try:
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        runs = [session.run(None, dict(batch)) for batch in batches]
    except Exception as error:  # its exceptions share no base class
        raise ModelError(f"ONNX Runtime cannot run the model: {_first_line(error)}") from error
    names = [value.name for value in model.graph.output]
    return {name: np.stack([run[i] for run in runs]) for i, name in enumerate(names)}


def _error(name: str, wanted: Array, found: Array) -> OutputError:
    a, b = (array.astype(np.float64).reshape(-1) for array in (wanted, found))
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    same = 1.0 if np.array_equal(a, b) else 0.0
    return OutputError(
        name=name,
        cosine=float(a @ b) / length if length else same,
        max_abs_err=float(np.abs(a - b).max(initial=0.0)),
        largest=float(np.abs(a).max(initial=0.0)),
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
