"""Trains the small convolutional digit classifier that ships with lpu-emu; writes it as float32 and as int8 ONNX.

    pip install "lpu-emu[train]"
    python kernels/models/train_digits_cnn.py --output kernels/models

Data as of ``train_digits.py``, as images [1, 8, 8]. Model: two 3x3 convolutions (16 and 32 channels), each with
ReLU and a 2x2 max pooling, then one fully connected layer and a softmax. Trained in NumPy by Adam; quantised by
``lpu-emu quantise``'s own function with the training samples.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from numpy.lib.stride_tricks import sliding_window_view
from onnx import TensorProto, helper, numpy_helper
from train_digits import (
    HELD_OUT_SAMPLES,
    IR_VERSION,
    OPSET,
    SEED,
    Digits,
    Floats,
    correct_samples,
    load_digits,
)

from lpu_emu.library.quantise import quantise_model

CHANNELS = (16, 32)
CLASSES = 10
EPOCHS, BATCH, RATE, DECAY = 40, 64, 2e-3, 1e-3
CALIBRATION_SAMPLES = 512
Parameters = dict[str, Floats]


def windows(x: Floats) -> Floats:
    """Return the 3x3 windows of images [N, C, H, W], zeros around, as [N, H, W, C * 9]."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    found = sliding_window_view(padded, (3, 3), axis=(2, 3)).transpose(0, 2, 3, 1, 4, 5)
    return found.reshape(*found.shape[:3], -1)


def from_windows(grad: Floats, channels: int) -> Floats:
    """Return the gradient of images from that of their windows."""
    count, height, width, _ = grad.shape
    parts = grad.reshape(count, height, width, channels, 3, 3)
    padded = np.zeros((count, channels, height + 2, width + 2), dtype=np.float32)
    for dy in range(3):
        for dx in range(3):
            padded[:, :, dy : dy + height, dx : dx + width] += parts[..., dy, dx].transpose(0, 3, 1, 2)
    return padded[:, :, 1:-1, 1:-1]


def initial() -> Parameters:
    """Return weights after He and zero biases."""
    generator = np.random.default_rng(SEED)
    shapes = {
        "conv1": (CHANNELS[0], 1, 3, 3),
        "conv2": (CHANNELS[1], CHANNELS[0], 3, 3),
        "fc": (CLASSES, 4 * CHANNELS[1]),
    }
    parameters: Parameters = {}
    for name, shape in shapes.items():
        deviation = np.sqrt(2 / np.prod(shape[1:]))
        parameters[f"{name}.weight"] = generator.normal(0, deviation, size=shape).astype(np.float32)
        parameters[f"{name}.bias"] = np.zeros(shape[0], dtype=np.float32)
    return parameters


def gradients(parameters: Parameters, x: Floats, labels: np.ndarray) -> Parameters:
    """Return the gradient of the mean cross entropy."""
    kept, y = [], x
    for name in ("conv1", "conv2"):
        w = parameters[f"{name}.weight"].reshape(parameters[f"{name}.weight"].shape[0], -1)
        seen = windows(y)
        z = (seen @ w.T + parameters[f"{name}.bias"]).transpose(0, 3, 1, 2)
        n, c, h, v = z.shape
        fours = (
            np.maximum(z, 0)
            .reshape(n, c, h // 2, 2, v // 2, 2)
            .transpose(0, 1, 2, 4, 3, 5)
            .reshape(n, c, h // 2, v // 2, 4)
        )
        kept.append((name, y, seen, z, fours.argmax(axis=-1)))
        y = fours.max(axis=-1)
    flat = y.reshape(len(y), -1)
    logits = flat @ parameters["fc.weight"].T + parameters["fc.bias"]
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(p)), labels] -= 1
    p = (p / len(p)).astype(np.float32)
    found: Parameters = {"fc.weight": p.T @ flat, "fc.bias": p.sum(axis=0)}
    grad = (p @ parameters["fc.weight"]).reshape(y.shape)
    for name, before, seen, z, chosen in reversed(kept):
        n, c, h, v = z.shape
        spread = np.zeros((*grad.shape, 4), dtype=np.float32)
        np.put_along_axis(spread, chosen[..., np.newaxis], grad[..., np.newaxis], axis=-1)
        whole = spread.reshape(n, c, h // 2, v // 2, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(z.shape) * (
            z > 0
        )
        rows = whole.transpose(0, 2, 3, 1).reshape(-1, c)
        weights = parameters[f"{name}.weight"]
        found[f"{name}.weight"] = (rows.T @ seen.reshape(len(rows), -1)).reshape(weights.shape)
        found[f"{name}.bias"] = rows.sum(axis=0)
        grad = from_windows((rows @ weights.reshape(c, -1)).reshape(seen.shape), before.shape[1])
    return found


def train(digits: Digits) -> Parameters:
    """Return trained parameters (Adam, decaying rate)."""
    parameters, generator = initial(), np.random.default_rng(SEED + 1)
    first = {name: np.zeros_like(value) for name, value in parameters.items()}
    second = {name: np.zeros_like(value) for name, value in parameters.items()}
    x, step = digits.x.reshape(-1, 1, 8, 8), 0
    for epoch in range(EPOCHS):
        order, rate = generator.permutation(len(x)), RATE * (1 - epoch / EPOCHS)
        for start in range(0, len(x), BATCH):
            step += 1
            chosen = order[start : start + BATCH]
            for name, grad in gradients(parameters, x[chosen], digits.labels[chosen]).items():
                grad = grad + DECAY * parameters[name]
                first[name] = 0.9 * first[name] + 0.1 * grad
                second[name] = 0.999 * second[name] + 0.001 * grad**2
                rise = first[name] / (1 - 0.9**step) / (np.sqrt(second[name] / (1 - 0.999**step)) + 1e-8)
                parameters[name] = (parameters[name] - rate * rise).astype(np.float32)
    return parameters


def float_model(parameters: Mapping[str, Floats]) -> onnx.ModelProto:
    """Return x -> (Conv -> Relu -> MaxPool) x 2 -> Flatten -> Gemm -> Softmax."""
    nodes, y = [], "x"
    for index in (1, 2):
        name = f"conv{index}"
        nodes += [
            helper.make_node(
                "Conv", [y, f"{name}.weight", f"{name}.bias"], [f"{name}_out"], name=name, pads=[1] * 4
            ),
            helper.make_node("Relu", [f"{name}_out"], [f"relu{index}_out"], name=f"relu{index}"),
            helper.make_node(
                "MaxPool",
                [f"relu{index}_out"],
                [f"pool{index}_out"],
                name=f"pool{index}",
                kernel_shape=[2, 2],
                strides=[2, 2],
            ),
        ]
        y = f"pool{index}_out"
    nodes += [
        helper.make_node("Flatten", [y], ["flat"], name="flatten"),
        helper.make_node("Gemm", ["flat", "fc.weight", "fc.bias"], ["logits"], name="fc", transB=1),
        helper.make_node("Softmax", ["logits"], ["probabilities"], name="softmax", axis=-1),
    ]
    graph = helper.make_graph(
        nodes,
        "digits_cnn",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 1, 8, 8])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", CLASSES])],
        [numpy_helper.from_array(value, name) for name, value in parameters.items()],
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="lpu-emu train_digits_cnn.py",
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def main() -> None:
    """Train, quantise, write the files and print the accuracies."""
    parser = argparse.ArgumentParser(
        description="Train the convolutional digit classifier and write its ONNX files."
    )
    parser.add_argument("--output", type=Path, required=True, help="folder for the files")
    folder: Path = parser.parse_args().output
    digits = load_digits()
    images = Digits(
        x=digits.x.reshape(-1, 1, 8, 8), labels=digits.labels,
        held_x=digits.held_x.reshape(-1, 1, 8, 8), held_labels=digits.held_labels,
    )  # fmt: skip
    model = float_model(train(digits))
    quantised = quantise_model(model, [{"x": images.x[:CALIBRATION_SAMPLES]}])
    quantised.graph.name = "digits_cnn_int8"
    for name, made in {"digits_cnn.onnx": model, "digits_cnn_int8.onnx": quantised}.items():
        data = made.SerializeToString(deterministic=True)
        (folder / name).write_bytes(data)
        correct = correct_samples(made, images)
        share = 100 * correct / HELD_OUT_SAMPLES
        print(
            f"{name}: {len(data):,} bytes, {correct} of {HELD_OUT_SAMPLES} held-out correct ({share:.2f} %)"
        )


if __name__ == "__main__":
    main()
