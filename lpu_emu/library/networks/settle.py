"""Statistics from data: activations of a network with random weights are brought to unit scale.

A batch of seeded pictures goes through the network once, every normalisation measuring its own input. A network
without normalisations gets one behind each convolution and fully connected layer for the time of the
measurement, which is then multiplied into the layer's weights and bias.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from lpu_emu.errors import MissingExtraError
from lpu_emu.library.networks import weights
from lpu_emu.library.networks.images import images

Floats = NDArray[np.float32]
_PIXELS = 4 * 224 * 224
_NORM = "BatchNormalization"
_EPSILON = 1e-5
# Statistics are kept to 8 bits, so that the last bits of the host's arithmetic do not show in them.
_KEPT_BITS = 8


def settle(model: onnx.ModelProto, seed: int) -> onnx.ModelProto:
    """Return the model with measured statistics.

    Raises:
        MissingExtraError: ONNX Runtime, which does the measurement, is not installed.
    """
    if any(node.op_type == _NORM for node in model.graph.node):
        return _with_statistics(model, _measured(model, seed))
    return _folded(model, seed)


def _with_statistics(
    model: onnx.ModelProto, statistics: Mapping[str, tuple[Floats, Floats]]
) -> onnx.ModelProto:
    found = {
        name: array
        for node in model.graph.node
        if node.output[0] in statistics
        for name, array in zip(node.input[3:5], statistics[node.output[0]], strict=True)
    }
    for tensor in model.graph.initializer:
        if tensor.name in found:
            tensor.CopyFrom(numpy_helper.from_array(found[tensor.name], tensor.name))
    return model


def _folded(model: onnx.ModelProto, seed: int) -> onnx.ModelProto:
    """Measure behind every layer with weights but the last, and scale its weights and bias instead."""
    layers = [node for node in model.graph.node if node.op_type in ("Conv", "Gemm")][:-1]
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    shifts = {
        node.output[0]: weights.shifts(f"{node.output[0]}.shift", constants[node.input[1]].dims[0], seed)
        for node in layers
    }
    statistics = _measured(_normalised(model, shifts), seed)
    for node in layers:
        mean, variance = statistics[f"{node.output[0]}:norm"]
        if node.op_type == "Gemm":
            # A handful of vectors says too little about each feature: all get the scale of the whole layer.
            mean, variance = np.zeros_like(mean), np.full_like(variance, np.mean(variance + mean**2))
        factor = (1.0 / np.sqrt(variance + _EPSILON)).astype(np.float32)
        kernel, bias = (numpy_helper.to_array(constants[name]) for name in node.input[1:3])
        spread = factor.reshape(-1, *(1,) * (kernel.ndim - 1))
        for name, array in zip(
            node.input[1:3],
            (kernel * spread, (bias - mean) * factor + shifts[node.output[0]]),
            strict=True,
        ):
            constants[name].CopyFrom(numpy_helper.from_array(array.astype(np.float32), name))
    return model


def _normalised(model: onnx.ModelProto, shifts: Mapping[str, Floats]) -> onnx.ModelProto:
    """Return a copy with a normalisation behind each of some tensors, which keep their names."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    nodes = []
    for node in copy.graph.node:
        nodes.append(node)
        name = node.output[0]
        if name in shifts:
            node.output[0] = f"{name}:raw"
            nodes.append(_norm_node(copy, name, shifts[name]))
    for node in nodes:
        for index, name in enumerate(node.input):
            node.input[index] = f"{name}:norm" if name in shifts else name
    del copy.graph.node[:]
    copy.graph.node.extend(nodes)
    return copy


def _norm_node(model: onnx.ModelProto, tensor: str, shift: Floats) -> onnx.NodeProto:
    ones, zeros = np.ones_like(shift), np.zeros_like(shift)
    values = {"scale": ones, "shift": shift, "mean": zeros, "variance": ones}
    names = [f"{tensor}:{what}" for what in values]
    model.graph.initializer.extend(
        numpy_helper.from_array(array, name) for name, array in zip(names, values.values(), strict=True)
    )
    return helper.make_node(_NORM, [f"{tensor}:raw", *names], [f"{tensor}:norm"], epsilon=_EPSILON)


def _measured(model: onnx.ModelProto, seed: int) -> dict[str, tuple[Floats, Floats]]:
    """Return mean and variance per channel of the input of every normalisation, by the name of its output."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    wanted: dict[str, tuple[str, str]] = {}
    for node in copy.graph.node:
        if node.op_type == _NORM:
            name = node.output[0]
            wanted[name] = (f"{name}:measured_mean", f"{name}:measured_variance")
            node.output.extend(wanted[name])
            node.attribute.extend(
                [helper.make_attribute("training_mode", 1), helper.make_attribute("momentum", 0.0)]
            )
    names = [name for pair in wanted.values() for name in pair]
    del copy.graph.output[:]
    copy.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    shape = _free_batch(copy)
    count = max(1, _PIXELS // (shape[2] * shape[3]))
    pictures = images((min(count, 64), *shape[1:]), seed + 1)
    results = dict(zip(names, _run(copy, names, {copy.graph.input[0].name: pictures}), strict=True))
    return {name: (_rounded(results[m]), _rounded(results[v])) for name, (m, v) in wanted.items()}


def _free_batch(model: onnx.ModelProto) -> list[int]:
    """Leave the number of images open and return the shape of the input."""
    dimensions = model.graph.input[0].type.tensor_type.shape.dim
    shape = [dimension.dim_value for dimension in dimensions]
    dimensions[0].dim_param = "images"
    return shape


def _run(model: onnx.ModelProto, names: Sequence[str], inputs: Mapping[str, Floats]) -> list[Any]:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError("onnxruntime", "verify", "building a network") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return list(session.run(list(names), dict(inputs)))


def _rounded(values: NDArray[Any]) -> Floats:
    """Return values with few significant bits."""
    fraction, exponent = np.frexp(values.astype(np.float64))
    kept = float(1 << _KEPT_BITS)
    return np.ldexp(np.rint(fraction * kept) / kept, exponent).astype(np.float32)
