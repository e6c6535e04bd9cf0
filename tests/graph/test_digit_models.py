"""The trained models that ship with the package keep their form and their accuracy."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from lpu_emu._resources import kernels_folder
from lpu_emu.graph import Graph, fold_constants, read_onnx, run_graph

from .builders import Array

FOLDER = kernels_folder() / "models"
HELD_OUT = 360
# Sums in another order may move a value across the middle between two int8 steps.
LARGEST_DIFFERENCE = {"digits_mlp.onnx": 1e-6, "digits_mlp_int8.onnx": 1e-3}
CORRECT = {"digits_mlp.onnx": 356, "digits_mlp_int8.onnx": 356}


def held_out() -> tuple[Array, Array]:
    with np.load(FOLDER / "digits_heldout.npz") as file:
        return file["x"], file["labels"]


def graph_of(name: str, batch: int = HELD_OUT) -> Graph:
    return fold_constants(read_onnx(FOLDER / name, {"x": (batch, 64)})).verify()


def test_held_out_samples() -> None:
    x, labels = held_out()
    assert (x.dtype.name, x.shape) == ("float32", (HELD_OUT, 64))
    assert (labels.dtype.name, labels.shape) == ("int64", (HELD_OUT,))
    assert np.array_equal(np.rint(x * 16) / 16, x)
    assert (x.min(), x.max()) == (0.0, 1.0)
    assert sorted(set(labels.tolist())) == list(range(10))


@pytest.mark.parametrize("name", CORRECT)
def test_accuracy_in_numpy(name: str) -> None:
    x, labels = held_out()
    probabilities = run_graph(graph_of(name), {"x": x}, ordered=True)["probabilities"]
    assert int((probabilities.argmax(axis=1) == labels).sum()) == CORRECT[name]


@pytest.mark.parametrize("name", CORRECT)
def test_agreement_with_onnx_runtime(name: str) -> None:
    x, labels = held_out()
    session = onnxruntime.InferenceSession(FOLDER / name, providers=["CPUExecutionProvider"])
    expected: Array = np.asarray(session.run(["probabilities"], {"x": x})[0])
    found = run_graph(graph_of(name), {"x": x}, ordered=True)["probabilities"]
    assert int((expected.argmax(axis=1) == labels).sum()) == CORRECT[name]
    assert np.array_equal(found.argmax(axis=1), expected.argmax(axis=1))
    np.testing.assert_allclose(found, expected, rtol=0, atol=LARGEST_DIFFERENCE[name])


def test_form_of_the_float_model() -> None:
    graph = graph_of("digits_mlp.onnx", batch=1)
    assert [node.op_type for node in graph.nodes] == ["Gemm", "Relu", "Gemm", "Relu", "Gemm", "Softmax"]
    assert (graph.inputs, graph.outputs) == (("x",), ("probabilities",))
    assert [graph.constants[f"fc{i}.weight"].shape for i in (1, 2, 3)] == [(128, 64), (64, 128), (10, 64)]


def test_form_of_the_int8_model() -> None:
    graph = graph_of("digits_mlp_int8.onnx", batch=1)
    layer = ["DequantizeLinear", "DequantizeLinear", "Gemm"]
    requantise = ["QuantizeLinear", "DequantizeLinear"]
    hidden = [*layer, "Relu", *requantise]
    expected = [*requantise, *hidden, *hidden, *layer, *requantise, "Softmax"]
    assert [node.op_type for node in graph.nodes] == expected
    for index in (1, 2, 3):
        weights, bias = (graph.constants[f"fc{index}.{kind}_quantized"] for kind in ("weight", "bias"))
        assert (weights.dtype.name, bias.dtype.name) == ("int8", "int32")
        assert int(np.abs(weights.astype(np.int32)).max()) == 127
        assert graph.constants[f"fc{index}.weight_scale"].shape == bias.shape
    assert all(not array.any() for name, array in graph.constants.items() if name.endswith("zero_point"))


def test_bias_scale_is_the_product_of_the_other_scales() -> None:
    constants = graph_of("digits_mlp_int8.onnx").constants
    for index, source in ((1, "x"), (2, "relu1_out"), (3, "relu2_out")):
        product = constants[f"{source}_scale"] * constants[f"fc{index}.weight_scale"]
        assert np.array_equal(constants[f"fc{index}.bias_scale"], product)
