"""Topologies that the package onnx carries without weights, given seeded ones.

Its test data hold the graphs of well-known networks with every weight one constant. Those constants are replaced,
the opset is raised, and what inference does not need is dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from lpu_emu.library.networks import weights
from lpu_emu.library.networks.builder import IR_VERSION, LOGIT_GAIN, OPSET, PRODUCER

_FOLDER = Path("backend", "test", "data", "light")
_PARAMETERS = ("Conv", "Gemm", "BatchNormalization")


def light_file(name: str) -> Path | None:
    """Return the file of a topology, None when the installed onnx has none of that name."""
    found = find_spec("onnx")
    folders = found.submodule_search_locations if found is not None else None
    for folder in folders or ():
        file = Path(folder, _FOLDER, f"light_{name}.onnx")
        if file.is_file():
            return file
    return None


def light(file: Path, *, batch: int = 1, seed: int = 0) -> onnx.ModelProto:
    """Return the network of a topology file with seeded weights, for images of [batch, 3, 224, 224].

    Input and output are named ``x`` and ``probabilities``.
    """
    model = onnx.load(str(file))
    constants = _constants(model.graph)
    values = _parameters(model.graph, constants, seed)
    kept = [node for node in model.graph.node if node.op_type != "ConstantOfShape"]
    used = {name for node in kept for name in node.input}
    inputs = [value for value in model.graph.input if value.name in used and value.name not in constants]
    del model.graph.node[:], model.graph.initializer[:], model.graph.input[:], model.graph.value_info[:]
    model.graph.node.extend(kept)
    model.graph.input.extend(inputs)
    model.graph.initializer.extend(
        numpy_helper.from_array(array, name) for name, array in values.items() if name in used
    )
    return _modern(model, batch)


def _constants(graph: onnx.GraphProto) -> dict[str, NDArray[Any]]:
    """Return all constants by name; those made by ConstantOfShape are placeholders of the right shape."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "ConstantOfShape":
            shape = tuple(int(size) for size in constants[node.input[0]])
            constants[node.output[0]] = np.broadcast_to(np.float32(0), shape)
    return constants


def _parameters(
    graph: onnx.GraphProto, constants: dict[str, NDArray[Any]], seed: int
) -> dict[str, NDArray[Any]]:
    """Return the constants with seeded values for the parameters of layers."""
    values = dict(constants)
    last = next((node for node in reversed(graph.node) if node.op_type == "Gemm"), None)
    for node in graph.node:
        if node.op_type in ("Conv", "Gemm"):
            kernel, *bias = node.input[1:]
            gain = np.float32(LOGIT_GAIN if node is last else 1.0)
            values[kernel] = weights.kernel(kernel, constants[kernel].shape, seed) * gain
            values |= {name: weights.shifts(name, constants[name].size, seed) for name in bias}
        elif node.op_type == "BatchNormalization":
            values |= _normalisation(node.input[1:], constants[node.input[1]].size, seed)
    return values


def _normalisation(names: Sequence[str], channels: int, seed: int) -> dict[str, NDArray[Any]]:
    scale, shift, mean, variance = names
    return {
        scale: weights.gains(scale, channels, seed, mean=0.75),
        shift: weights.shifts(shift, channels, seed),
        mean: np.zeros(channels, dtype=np.float32),
        variance: np.ones(channels, dtype=np.float32),
    }


def _modern(model: onnx.ModelProto, batch: int) -> onnx.ModelProto:
    """Return the model in a current opset, without Dropout, Sum as Add, and with the usual names.

    Between the two opsets only Softmax changed among the operators of these networks: its axis is stated here.
    """
    _keep_batch(model, batch)
    for node in model.graph.node:
        if node.op_type == "Sum" and len(node.input) == 2:
            node.op_type = "Add"
        elif node.op_type == "Softmax" and not node.attribute:
            node.attribute.append(helper.make_attribute("axis", 1))
    _bypass_dropout(model.graph)
    model.opset_import[0].version = OPSET
    model.ir_version, model.producer_name = IR_VERSION, PRODUCER
    _rename(model.graph, model.graph.input[0].name, "x")
    _rename(model.graph, model.graph.output[0].name, "probabilities")
    for node in model.graph.node:
        node.name = node.output[0]
    onnx.checker.check_model(model)
    return model


def _keep_batch(model: onnx.ModelProto, batch: int) -> None:
    """Make the network take any number of images, and state ``batch``."""
    for value in (*model.graph.input[:1], *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = batch
    shapes = {node.input[1] for node in model.graph.node if node.op_type == "Reshape"}
    for tensor in model.graph.initializer:
        if tensor.name in shapes:
            target = numpy_helper.to_array(tensor).copy()
            target[0] = 0  # the size of the input
            tensor.CopyFrom(numpy_helper.from_array(target, tensor.name))


def _bypass_dropout(graph: onnx.GraphProto) -> None:
    sources: dict[str, str] = {}
    kept = []
    for node in graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = sources.get(name, name)
        if node.op_type == "Dropout":
            sources[node.output[0]] = node.input[0]
        else:
            kept.append(node)
    del graph.node[:]
    graph.node.extend(kept)


def _rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    for value in (*graph.input, *graph.output):
        value.name = new if value.name == old else value.name
    for node in graph.node:
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                names[index] = new if name == old else name
