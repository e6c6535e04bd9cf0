"""Trains the digit classifier that ships with lpu-emu and writes it as float32 and as int8 ONNX.

    pip install "lpu-emu[train]"
    python kernels/models/train_digits.py --output kernels/models

Data: the 8 x 8 handwritten digits of scikit-learn (UCI "Optical Recognition of Handwritten Digits"),
pixels 0..16 scaled to 0..1, 1,437 samples to train with and 360 held out. Model: 64-128-64-10 with ReLU.
The int8 model is the float32 one after post-training quantisation, in the QuantizeLinear /
DequantizeLinear form that ONNX Runtime's quantiser writes.

Seeds are fixed, but the last bits of the weights depend on the host's matrix library, so the files are
checked in and tests read those.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

SEED = 0
HELD_OUT_SAMPLES = 360
HIDDEN_UNITS = (128, 64)
OPSET = 17
IR_VERSION = 8
LARGEST = 127
NEGLIGIBLE_WEIGHT = 1e-6

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Digits:
    """Samples, float32 ``[N, 64]`` in 0..1, and their labels, split for training and for judging."""

    x: Floats
    labels: Labels
    held_x: Floats
    held_labels: Labels


@dataclass(frozen=True, kw_only=True)
class Layer:
    """Weights ``[outputs, inputs]`` and bias ``[outputs]`` of one fully connected layer."""

    weights: Floats
    bias: Floats


def load_digits() -> Digits:
    """Return the digits in a fixed random order, the last samples held out."""
    from sklearn.datasets import load_digits as load

    bunch = load()
    order = np.random.default_rng(SEED).permutation(len(bunch.target))
    x = (bunch.data[order] / 16.0).astype(np.float32)
    labels = bunch.target[order].astype(np.int64)
    cut = len(order) - HELD_OUT_SAMPLES
    return Digits(x=x[:cut], labels=labels[:cut], held_x=x[cut:], held_labels=labels[cut:])


def train(digits: Digits) -> list[Layer]:
    """Return the trained layers; weights that decay has driven towards zero are set to zero."""
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(HIDDEN_UNITS, alpha=1e-3, batch_size=64, max_iter=400, random_state=SEED)
    model.fit(digits.x.astype(np.float64), digits.labels)
    return [
        Layer(weights=_cleaned(np.ascontiguousarray(w.T, dtype=np.float32)), bias=b.astype(np.float32))
        for w, b in zip(model.coefs_, model.intercepts_, strict=True)
    ]


def _cleaned(weights: Floats) -> Floats:
    return np.where(np.abs(weights) < NEGLIGIBLE_WEIGHT, np.float32(0), weights)


def activations(layers: Sequence[Layer], x: Floats) -> list[Floats]:
    """Return the input and what every layer puts out (the last one without softmax)."""
    values = [x]
    for index, layer in enumerate(layers):
        y = values[-1] @ layer.weights.T + layer.bias
        values.append(np.maximum(y, 0) if index + 1 < len(layers) else y)
    return values


def float_model(layers: Sequence[Layer]) -> onnx.ModelProto:
    """Return x -> (Gemm -> Relu) x 2 -> Gemm -> Softmax."""
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []
    source = "x"
    for index, layer in enumerate(layers, start=1):
        last = index == len(layers)
        weights, bias, name = f"fc{index}.weight", f"fc{index}.bias", f"fc{index}"
        constants += [_tensor(weights, layer.weights), _tensor(bias, layer.bias)]
        result = "logits" if last else f"{name}_out"
        nodes.append(helper.make_node("Gemm", [source, weights, bias], [result], name=name, transB=1))
        if not last:
            nodes.append(helper.make_node("Relu", [result], [f"relu{index}_out"], name=f"relu{index}"))
            result = f"relu{index}_out"
        source = result
    nodes.append(helper.make_node("Softmax", [source], ["probabilities"], name="softmax", axis=-1))
    return _model("digits_mlp", nodes, constants)


class QuantisedNetwork:
    """Collects the nodes and constants of the int8 model."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def activation(self, tensor: str, scale: np.float32) -> str:
        """Quantise a tensor to int8 and back with one scale; return the name of the result."""
        parameters = [f"{tensor}_scale", f"{tensor}_zero_point"]
        self.constants += [
            _tensor(parameters[0], np.asarray(scale)),
            _tensor(parameters[1], np.asarray(0, dtype=np.int8)),
        ]
        quantised, result = f"{tensor}_QuantizeLinear_Output", f"{tensor}_DequantizeLinear_Output"
        self.node("QuantizeLinear", [tensor, *parameters], quantised, f"{tensor}_QuantizeLinear")
        self.node("DequantizeLinear", [quantised, *parameters], result, f"{tensor}_DequantizeLinear")
        return result

    def parameter(self, tensor: str, whole: npt.NDArray[Any], scale: Floats) -> str:
        """Add integers with one scale per output channel (axis 0); return the name of the real tensor."""
        names = [f"{tensor}_quantized", f"{tensor}_scale", f"{tensor}_zero_point"]
        self.constants += [
            _tensor(names[0], whole),
            _tensor(names[1], scale),
            _tensor(names[2], np.zeros(len(scale), dtype=whole.dtype)),
        ]
        result = f"{tensor}_DequantizeLinear_Output"
        self.node("DequantizeLinear", names, result, f"{tensor}_DequantizeLinear", axis=0)
        return result

    def node(self, kind: str, inputs: Sequence[str], output: str, name: str, **attributes: Any) -> None:
        """Add a node with one output."""
        self.nodes.append(helper.make_node(kind, list(inputs), [output], name=name, **attributes))


def channel_scales(weights: Floats) -> Floats:
    """Return one scale per output; an output without weights takes the largest scale of the layer."""
    largest = np.abs(weights).max(axis=1)
    scales: Floats = np.where(largest > 0, largest, largest.max()) / np.float32(LARGEST)
    return scales


def int8_model(layers: Sequence[Layer], calibration: Floats) -> onnx.ModelProto:
    """Return the quantised model; scales of activations come from the largest calibration value."""
    scales = [np.float32(np.abs(value).max() / LARGEST) for value in activations(layers, calibration)]
    network = QuantisedNetwork()
    source, source_scale = network.activation("x", scales[0]), scales[0]
    for index, layer in enumerate(layers, start=1):
        name, last = f"fc{index}", index == len(layers)
        weight_scale = channel_scales(layer.weights)
        bias_scale = (source_scale * weight_scale).astype(np.float32)
        whole_weights = np.rint(layer.weights / weight_scale[:, np.newaxis]).astype(np.int8)
        whole_bias = np.rint(layer.bias / bias_scale).astype(np.int32)
        weights = network.parameter(f"{name}.weight", whole_weights, weight_scale)
        bias = network.parameter(f"{name}.bias", whole_bias, bias_scale)
        result = "logits" if last else f"{name}_out"
        network.node("Gemm", [source, weights, bias], result, name, transB=1)
        if not last:
            network.node("Relu", [result], f"relu{index}_out", f"relu{index}")
            result = f"relu{index}_out"
        source, source_scale = network.activation(result, scales[index]), scales[index]
    network.node("Softmax", [source], "probabilities", "softmax", axis=-1)
    return _model("digits_mlp_int8", network.nodes, network.constants)


def _tensor(name: str, array: npt.NDArray[Any]) -> onnx.TensorProto:
    return numpy_helper.from_array(array, name)


def _model(
    name: str, nodes: Sequence[onnx.NodeProto], constants: Sequence[onnx.TensorProto]
) -> onnx.ModelProto:
    graph = helper.make_graph(
        list(nodes),
        name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 64])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 10])],
        list(constants),
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="lpu-emu train_digits.py",
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def correct_samples(model: onnx.ModelProto, digits: Digits) -> int:
    """Return how many held-out samples ONNX Runtime classifies correctly."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (probabilities,) = session.run(["probabilities"], {"x": digits.held_x})
    return int((probabilities.argmax(axis=1) == digits.held_labels).sum())


def main() -> None:
    """Train, quantise, write the files and print the accuracies."""
    parser = argparse.ArgumentParser(description="Train the digit classifier and write its ONNX files.")
    parser.add_argument("--output", type=Path, required=True, help="folder for the files")
    folder: Path = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    digits = load_digits()
    layers = train(digits)
    models = {
        "digits_mlp.onnx": float_model(layers),
        "digits_mlp_int8.onnx": int8_model(layers, digits.x),
    }
    for name, model in models.items():
        data = model.SerializeToString(deterministic=True)
        (folder / name).write_bytes(data)
        correct = correct_samples(model, digits)
        share = 100 * correct / HELD_OUT_SAMPLES
        print(
            f"{name}: {len(data):,} bytes, {correct} of {HELD_OUT_SAMPLES} held-out correct ({share:.2f} %)"
        )
    np.savez_compressed(folder / "digits_heldout.npz", x=digits.held_x, labels=digits.held_labels)


if __name__ == "__main__":
    main()
