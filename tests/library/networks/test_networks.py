"""Networks by name: their size, their weights, and activations of unit scale."""

from __future__ import annotations

from collections import Counter
from math import prod
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from lpu_emu.errors import UsageError
from lpu_emu.library.networks import catalogue, settle
from lpu_emu.library.networks.images import images
from lpu_emu.library.networks.light import light_file
from lpu_emu.library.networks.mobilenet import mobilenet_v1, mobilenet_v2
from lpu_emu.library.networks.plain import squeezenet, tiny_cnn, vgg19
from lpu_emu.library.networks.resnet import resnet

SEED = 3


def parameters(model: onnx.ModelProto) -> int:
    """Return the elements of all weights and biases that training would change."""
    running = {name for n in model.graph.node if n.op_type == "BatchNormalization" for name in n.input[3:5]}
    sizes = {t.name: prod(t.dims) for t in model.graph.initializer if t.data_type == TensorProto.FLOAT}
    return sum(size for name, size in sizes.items() if name not in running and not name.startswith("relu6"))


def tensors(
    model: onnx.ModelProto, names: list[str], x: np.ndarray[Any, Any]
) -> dict[str, np.ndarray[Any, Any]]:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.output.extend(helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in names)
    session = onnxruntime.InferenceSession(copy.SerializeToString(), providers=["CPUExecutionProvider"])
    return dict(zip(names, session.run(names, {"x": x}), strict=True))


@pytest.mark.parametrize(
    ("model", "count"),
    [
        (lambda: resnet(50), 25_557_032),
        (lambda: resnet(101), 44_549_160),
        (lambda: mobilenet_v1(), 4_231_976),
        (lambda: mobilenet_v2(), 3_504_872),
        (lambda: squeezenet(), 1_235_496),
    ],
    ids=["resnet50", "resnet101", "mobilenet_v1", "mobilenet_v2", "squeezenet"],
)
def test_parameters_are_as_many_as_published(model: Any, count: int) -> None:
    assert parameters(model()) == count


def test_the_stride_of_a_resnet_is_in_its_3x3_convolution() -> None:
    model = resnet(50, size=32, classes=4)
    strided = [n for n in model.graph.node if n.op_type == "Conv" and list(_of(n, "strides")) == [2, 2]]
    sizes = Counter(tuple(_of(n, "kernel_shape")) for n in strided)
    assert sizes == {(7, 7): 1, (3, 3): 3, (1, 1): 3}
    assert all("skip" in n.name for n in strided if list(_of(n, "kernel_shape")) == [1, 1])


def _of(node: onnx.NodeProto, name: str) -> Any:
    return next(helper.get_attribute_value(a) for a in node.attribute if a.name == name)


def test_depthwise_convolutions_have_as_many_groups_as_channels() -> None:
    for model in (mobilenet_v1(size=32), mobilenet_v2(size=32)):
        weights = {t.name: t.dims for t in model.graph.initializer}
        grouped = [n for n in model.graph.node if n.op_type == "Conv" and _of(n, "group") > 1]
        assert len(grouped) in (13, 17)
        assert all(weights[n.input[1]][:2] == [_of(n, "group"), 1] for n in grouped)


@pytest.mark.parametrize("build", [tiny_cnn, squeezenet, mobilenet_v2], ids=lambda build: build.__name__)
def test_settled_activations_have_unit_scale(build: Any) -> None:
    model = settle.settle(build(size=64, seed=SEED), SEED)
    layers = [n.output[0] for n in model.graph.node if n.op_type in ("Conv", "BatchNormalization")]
    folded = not any(n.op_type == "BatchNormalization" for n in model.graph.node)
    names = [
        n for n in layers if folded or any(n in m.output for m in model.graph.node if m.op_type[0] == "B")
    ]
    found = tensors(model, names[:-1], images((4, 3, 64, 64), SEED + 9)[:1])
    deviations = {name: float(array.std()) for name, array in found.items()}
    assert all(0.15 < deviation < 3 for deviation in deviations.values()), (SEED, deviations)


def test_outputs_are_neither_constant_nor_saturated() -> None:
    model = catalogue.make("tiny_cnn", seed=SEED)
    x = images((6, 3, 32, 32), SEED + 9)
    found = [tensors(model, ["probabilities"], x[i : i + 1])["probabilities"] for i in range(len(x))]
    rows = np.concatenate(found)
    assert rows.max() < 0.999, SEED
    assert rows.std(axis=1).min() > 0.01, SEED
    assert rows.std(axis=0).max() > 0.01, SEED


def test_the_same_seed_gives_the_same_file() -> None:
    first, again, other = (
        catalogue.make("tiny_cnn", seed=s).SerializeToString(deterministic=True) for s in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_the_topology_of_the_package_onnx_gets_weights() -> None:
    assert light_file("resnet50") is not None
    assert light_file("nothing") is None
    model = catalogue.make("resnet50", batch=2)
    kinds = Counter(node.op_type for node in model.graph.node)
    assert kinds == {
        "Conv": 53, "BatchNormalization": 53, "Relu": 49, "Add": 16, "MaxPool": 1, "AveragePool": 1, "Reshape": 1,
        "Gemm": 1, "Softmax": 1,
    }  # fmt: skip
    assert [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim] == [2, 3, 224, 224]
    constants = [numpy_helper.to_array(t) for t in model.graph.initializer]
    assert all(np.unique(array).size > 1 for array in constants if array.size > 100)
    assert parameters(model) == 25_557_032


def test_quantised_networks_have_the_stated_form() -> None:
    model = catalogue.make("tiny_cnn", precision="int8", batch=2)
    producers = {name: node for node in model.graph.node for name in node.output}
    for node in model.graph.node:
        if node.op_type in ("Conv", "Gemm"):
            assert [producers[name].op_type for name in node.input] == ["DequantizeLinear"] * 3
        if node.op_type == "Relu":
            assert producers[node.input[0]].op_type in ("Conv", "Add")
    assert [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim] == [2, 3, 32, 32]


def test_a_wrong_name_is_refused_with_a_hint() -> None:
    with pytest.raises(UsageError, match=r"no network 'resnet5'; .*did you mean 'resnet50'"):
        catalogue.find("resnet5")
    with pytest.raises(UsageError, match="no precision 'fp8'"):
        catalogue.make("tiny_cnn", precision="fp8")


def test_images_are_normalised_and_repeatable() -> None:
    x = images((3, 3, 40, 56), 5)
    assert x.dtype == np.float32
    assert x.shape == (3, 3, 40, 56)
    np.testing.assert_allclose(x.mean(axis=(1, 2, 3)), 0, atol=1e-6)
    np.testing.assert_allclose(x.std(axis=(1, 2, 3)), 1, rtol=1e-5)
    np.testing.assert_array_equal(x, images((3, 3, 40, 56), 5))
    assert not np.array_equal(x, images((3, 3, 40, 56), 6))


def test_vgg_has_its_layers() -> None:
    model = vgg19(size=32, classes=10)
    kinds = Counter(node.op_type for node in model.graph.node)
    assert kinds == {"Conv": 16, "Relu": 18, "MaxPool": 5, "Flatten": 1, "Gemm": 3, "Softmax": 1}
