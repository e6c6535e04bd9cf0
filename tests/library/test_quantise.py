"""Quantising: the form of the result, its distance from the original, and what is refused."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lpu_emu.errors import InputError, MissingExtraError, ModelError
from lpu_emu.graph import read_onnx_bytes
from lpu_emu.library import quantise
from lpu_emu.library.calibration import UNNAMED, batches_of, random_batches, read_graph, read_samples
from lpu_emu.library.networks.images import images
from lpu_emu.library.networks.plain import tiny_cnn
from lpu_emu.library.networks.settle import settle

SEED = 11
BATCHES = [{"x": images((1, 3, 16, 16), SEED + i)} for i in range(3)]
MODEL = settle(tiny_cnn(size=16), SEED)


def constants(model: onnx.ModelProto) -> dict[str, Any]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


@pytest.fixture(scope="module")
def quantised() -> onnx.ModelProto:
    return quantise.quantise_model(MODEL, BATCHES)


def test_everything_is_symmetric(quantised: onnx.ModelProto) -> None:
    quantise.require_symmetric(quantised)
    values = constants(quantised)
    zeros = [
        values[n.input[2]]
        for n in quantised.graph.node
        if n.op_type in ("QuantizeLinear", "DequantizeLinear")
    ]
    assert zeros
    assert not any(zero.any() for zero in zeros)
    assert {zero.dtype.name for zero in zeros} == {"int8", "int32"}


def test_weights_have_one_scale_per_output_channel(quantised: onnx.ModelProto) -> None:
    values, producers = constants(quantised), {n.output[0]: n for n in quantised.graph.node}
    for node in quantised.graph.node:
        if node.op_type in ("Conv", "Gemm"):
            weights = producers[node.input[1]]
            assert values[weights.input[0]].dtype == np.int8
            assert values[weights.input[1]].shape == values[weights.input[0]].shape[:1]
            assert np.abs(values[weights.input[0]].astype(int)).max() <= 127


def test_one_scale_per_tensor_on_request() -> None:
    model = quantise.quantise_model(MODEL, BATCHES, per_channel=False)
    values = constants(model)
    assert {values[n.input[1]].size for n in model.graph.node if n.op_type == "DequantizeLinear"} == {1}


def test_normalisations_are_folded(quantised: onnx.ModelProto) -> None:
    assert not any(node.op_type == "BatchNormalization" for node in quantised.graph.node)


def test_the_model_that_is_given_stays_as_it_is() -> None:
    before = MODEL.SerializeToString(deterministic=True)
    quantise.quantise_model(MODEL, BATCHES[:1])
    assert MODEL.SerializeToString(deterministic=True) == before


def test_the_result_is_near_and_repeatable(quantised: onnx.ModelProto) -> None:
    (error,) = quantise.output_errors(MODEL, quantised, BATCHES)
    assert error.name == "probabilities"
    assert error.cosine > 0.999
    assert 0 < error.max_abs_err < 0.05
    assert 0 < error.largest <= 1
    again = quantise.quantise_model(MODEL, BATCHES)
    assert again.SerializeToString(deterministic=True) == quantised.SerializeToString(deterministic=True)


def test_joined_tensors_share_one_scale() -> None:
    w = np.linspace(-1, 1, 4 * 3 * 9, dtype=np.float32).reshape(4, 3, 3, 3)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], name="a", pads=[1] * 4),
        helper.make_node("Conv", ["x", "v"], ["b"], name="b", pads=[1] * 4),
        helper.make_node("Concat", ["a", "b"], ["c"], name="c", axis=1),
        helper.make_node("Concat", ["c", "a"], ["d"], name="d", axis=1),
        helper.make_node("Conv", ["d", "u"], ["y"], name="y"),
    ]
    u = np.linspace(-1, 1, 2 * 12, dtype=np.float32).reshape(2, 12, 1, 1)
    graph = helper.make_graph(
        nodes, "joined",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2, 8, 8])],
        [numpy_helper.from_array(array, name) for name, array in {"w": w, "v": 5 * w, "u": u}.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    result = quantise.quantise_model(model, [{"x": images((1, 3, 8, 8), SEED)}])
    values = constants(result)
    scales = {
        n.input[0]: float(values[n.input[1]]) for n in result.graph.node if n.op_type == "QuantizeLinear"
    }
    assert len({scales[name] for name in "abcd"}) == 1
    assert scales["x"] != scales["a"]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: quantise.quantise_model(MODEL, BATCHES[:1]), "is quantised already"),
        (lambda: only("Relu"), "has nothing to quantise: none of Conv"),
    ],
)
def test_models_that_cannot_be_quantised(model: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        quantise.quantise_model(model(), BATCHES)


def only(op_type: str) -> onnx.ModelProto:
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, 16, 16]) for n in "xy"]
    graph = helper.make_graph([helper.make_node(op_type, ["x"], ["y"])], "m", values[:1], values[1:])
    model: onnx.ModelProto = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    return model


def test_other_zero_points_are_refused(quantised: onnx.ModelProto) -> None:
    changed = onnx.ModelProto()
    changed.CopyFrom(quantised)
    node = next(n for n in changed.graph.node if n.op_type == "QuantizeLinear")
    for tensor in changed.graph.initializer:
        if tensor.name == node.input[2]:
            tensor.CopyFrom(numpy_helper.from_array(np.asarray(3, dtype=np.int8), tensor.name))
    with pytest.raises(ModelError, match=f"zero point that is not 0 at node '{node.name}'"):
        quantise.require_symmetric(changed)


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"'onnxruntime'.*lpu-emu\[verify\]"):
        quantise.require_quantiser()


GRAPH = read_onnx_bytes(tiny_cnn(size=16, batch=2).SerializeToString())


def test_samples_are_cut_into_batches() -> None:
    samples = images((6, 3, 16, 16), SEED)
    batches = batches_of(GRAPH, {"x": samples, "labels": np.zeros(6)})
    assert [batch["x"].shape for batch in batches] == [(2, 3, 16, 16)] * 3
    np.testing.assert_array_equal(np.concatenate([batch["x"] for batch in batches]), samples)
    whole = batches_of(GRAPH, {UNNAMED: samples.reshape(3, 2, 3, 16, 16).astype(np.float64)})
    np.testing.assert_array_equal(whole[2]["x"], batches[2]["x"])
    assert whole[0]["x"].dtype == np.float32


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"X": np.zeros((2, 3, 16, 16))}, "have no input 'x'; they have 'X'"),
        ({}, "have no input 'x'; they have nothing"),
        (
            {"x": np.zeros((3, 3, 16, 16))},
            r"have the shape \[3, 3, 16, 16\]; expected one or more \[2, 3, 16, 16\]",
        ),
        ({"x": np.zeros((0, 3, 16, 16))}, "expected one or more"),
        ({"x": np.zeros(())}, "expected one or more"),
        ({"x": np.full((2, 3, 16, 16), np.nan)}, "hold NaN or infinity"),
        ({"x": np.full((2, 3, 16, 16), "a")}, "not numbers"),
    ],
)
def test_wrong_samples_are_refused(data: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        batches_of(GRAPH, data)


def test_random_samples_follow_the_seed() -> None:
    one, same, other = (random_batches(GRAPH, 2, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one[1]["x"], same[1]["x"])
    assert not np.array_equal(one[0]["x"], other[0]["x"])
    assert not np.array_equal(one[0]["x"], one[1]["x"])


def test_samples_settle_open_dimensions(tmp_path: Path) -> None:
    model = tiny_cnn(size=16)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    path = tmp_path / "m.onnx"
    path.write_bytes(model.SerializeToString())
    data: dict[str, Any] = {"x": np.zeros((5, 3, 16, 16), dtype=np.float32), "labels": np.zeros(5)}
    assert read_graph(path, {}, data).values["x"].shape == (1, 3, 16, 16)
    assert read_graph(path, {"x": (5, 3, 16, 16)}, data).values["x"].shape == (5, 3, 16, 16)
    with pytest.raises(ModelError, match="open dimension batch"):
        read_graph(path, {}, {})
    np.save(tmp_path / "x.npy", data["x"])
    assert list(read_samples(tmp_path / "x.npy")) == [UNNAMED]
