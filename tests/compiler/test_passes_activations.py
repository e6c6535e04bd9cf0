"""Activation functions, divisions and normalisations written in simpler operators keep their values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from compiler.models import ModelMaker
from compiler.passes_check import kinds, same_value
from lpu_emu.compiler.passes import FP16, run_passes
from lpu_emu.errors import ModelError
from lpu_emu.graph.evaluate import run_graph

F32 = np.float32
SIMPLE: list[tuple[str, dict[str, Any]]] = [
    ("LeakyRelu", {}),
    ("LeakyRelu", {"alpha": 1.5}),
    ("LeakyRelu", {"alpha": -0.5}),
    ("HardSigmoid", {}),
    ("HardSigmoid", {"alpha": 0.3, "beta": 0.1}),
    ("HardSwish", {}),
    ("Elu", {}),
    ("Elu", {"alpha": 0.7}),
    ("Celu", {"alpha": 2.0}),
    ("Selu", {}),
    ("Swish", {}),
    ("Swish", {"alpha": 1.3}),
    ("Mish", {}),
    ("Softsign", {}),
    ("Gelu", {"approximate": "tanh"}),
    ("Gelu", {}),
    ("Erf", {}),
    ("Softplus", {}),
    ("LogSoftmax", {}),
    ("LogSoftmax", {"axis": 1}),
    ("ThresholdedRelu", {"alpha": 0.0}),
    ("ThresholdedRelu", {"alpha": 0.7}),
    ("Sign", {}),
    ("Reciprocal", {}),
]


@pytest.mark.parametrize(("op_type", "attributes"), SIMPLE)
@pytest.mark.parametrize("rank", [2, 4])
def test_activations(op_type: str, attributes: dict[str, Any], rank: int) -> None:
    maker = ModelMaker()
    x = maker.input("x", (2, 5, 4, 3)[:rank])
    if rank == 4:
        x = maker.node("MaxPool", [x], "pooled", kernel_shape=(2, 2))
    y = maker.node("Mul", [x, maker.constant("three", F32(3))], "y")
    same_value(maker.graph(maker.node(op_type, [y], "z", **attributes)), op_type, tolerance=2e-6)


@pytest.mark.parametrize("slope", [0.25, 1.5, "mixed"])
def test_prelu(slope: Any) -> None:
    maker = ModelMaker()
    x = maker.input("x", (2, 4, 3, 3))
    values = (
        np.linspace(-0.5, 2, 4).astype(F32).reshape(4, 1, 1)
        if slope == "mixed"
        else np.full((1,), slope, F32)
    )
    y = maker.node("PRelu", [x, maker.constant("slope", values)], "y")
    same_value(maker.graph(y), f"slope {slope}")


def test_prelu_with_a_computed_slope() -> None:
    maker = ModelMaker()
    x, slope = maker.input("x", (2, 4)), maker.input("slope", (4,))
    same_value(maker.graph(maker.node("PRelu", [x, slope], "y")), "computed slope")


def test_division() -> None:
    maker = ModelMaker()
    x, z = maker.input("x", (2, 4)), maker.input("z", (2, 4))
    a = maker.node("Div", [x, maker.constant("k", np.array([3, 0.7, -5, 1e-3], F32))], "a")
    positive = maker.node("Add", [maker.node("Abs", [z], "abs"), maker.constant("one", F32(0.1))], "positive")
    b = maker.node("Div", [x, positive], "b")
    c = maker.node("Div", [x, z], "c")
    d = maker.node("Div", [maker.constant("two", F32(2)), maker.node("Exp", [z], "exp")], "d")
    graph = same_value(maker.graph(a, b, c, d), "division", tolerance=2e-6)
    assert kinds(graph).count("Rsqrt") == 3


def test_powers_and_roots() -> None:
    maker = ModelMaker()
    x = maker.node("Abs", [maker.input("x", (3, 4))], "p")
    outputs = [maker.node("Sqrt", [x], "root")]
    for i, exponent in enumerate((-1.0, -0.5, 0.5, 1.0, 2.0, 3.0)):
        outputs.append(maker.node("Pow", [x, maker.constant(f"e{i}", F32(exponent))], f"y{i}"))
    same_value(maker.graph(*outputs), "powers", tolerance=2e-6)


def test_logarithms_of_all_magnitudes() -> None:
    maker = ModelMaker()
    y = maker.node("Log", [maker.input("x", (200,))], "y")
    prepared = run_passes(maker.graph(y), FP16)
    x = np.geomspace(2e-37, 1e38, 200, dtype=np.float64).astype(F32)
    found = run_graph(prepared, {"x": x})["y"]
    np.testing.assert_allclose(found, np.log(x.astype(np.float64)), rtol=1e-6, atol=2e-6)


def test_sum_and_mean_of_several() -> None:
    maker = ModelMaker()
    x, row = maker.input("x", (2, 3, 4)), maker.input("row", (4,))
    y = maker.node("Sum", [row, x, x], "y")
    z = maker.node("Mean", [x, row], "z")
    same_value(maker.graph(y, z, maker.node("Sum", [x], "s")), "sum")


@pytest.mark.parametrize("beta", [0.5, 0.75, 1.0])
@pytest.mark.parametrize("size", [1, 4, 5])
def test_local_response(beta: float, size: int) -> None:
    maker = ModelMaker()
    x = maker.input("x", (1, 7, 3, 3))
    y = maker.node("LRN", [x], "y", size=size, alpha=0.5, beta=beta, bias=2.0)
    same_value(maker.graph(y), f"beta {beta} size {size}")


@pytest.mark.parametrize("spatial", [(5,), (4, 3)])
def test_instance_and_group_normalisation(spatial: tuple[int, ...]) -> None:
    rng, maker = np.random.default_rng(0), ModelMaker()
    x = maker.input("x", (2, 6, *spatial))
    names = [maker.constant(name, rng.standard_normal(6).astype(F32)) for name in ("s", "b")]
    y = maker.node("InstanceNormalization", [x, *names], "y")
    z = maker.node("GroupNormalization", [y, *names], "z", opset=21, num_groups=3)
    same_value(maker.graph(y, z), f"{spatial}", tolerance=1e-4)


@pytest.mark.parametrize("before", ["Conv", "ConvTranspose", "Gemm", "nothing", "an activation"])
def test_batch_normalisation(before: str) -> None:
    rng, maker = np.random.default_rng(0), ModelMaker()
    x = maker.input("x", (2, 4) if before == "Gemm" else (2, 4, 5, 5))
    channels = 4
    if before == "Conv":
        w = maker.constant("w", rng.standard_normal((6, 2, 3, 3)).astype(F32))
        x, channels = maker.node("Conv", [x, w, maker.constant("cb", np.ones(6, F32))], "c", group=2), 6
    elif before == "ConvTranspose":
        w = maker.constant("w", rng.standard_normal((4, 3, 2, 2)).astype(F32))
        x, channels = maker.node("ConvTranspose", [x, w], "c", group=2), 6
    elif before == "Gemm":
        w = maker.constant("w", rng.standard_normal((3, 4)).astype(F32))
        x, channels = maker.node("Gemm", [x, w], "c", transB=1), 3
    elif before == "an activation":
        x = maker.node("Relu", [x], "r")
    values = [*rng.standard_normal((3, channels)).astype(F32), rng.uniform(0.5, 2, channels).astype(F32)]
    names = [maker.constant(f"bn{i}", value) for i, value in enumerate(values)]
    y = maker.node("BatchNormalization", [x, *names], "y", epsilon=1e-3)
    graph = same_value(maker.graph(maker.node("Relu", [y], "z")), before, tolerance=1e-4)
    folded = before in ("Conv", "ConvTranspose", "Gemm")
    assert ("Mul" in kinds(graph)) == (not folded)


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("LRN", {"size": 3, "beta": 0.6}, "supported with beta 0.5, 0.75 or 1"),
    ("Floor", {}, "not supported; docs/compiler.md lists the operators that are"),
    ("LpPool", {"kernel_shape": (2, 2)}, "use AveragePool of squares and Sqrt"),
]


def test_what_has_no_rule_is_refused_all_at_once() -> None:
    maker = ModelMaker()
    x = maker.input("x", (1, 3, 8, 8))
    for i, (op_type, attributes, _) in enumerate(REFUSED):
        x = maker.node(op_type, [x], f"y{i}", **attributes)
    with pytest.raises(ModelError) as caught:
        run_passes(maker.graph(x), FP16)
    lines = str(caught.value).splitlines()
    assert len(lines) == len(REFUSED)
    for line, (op_type, _, reason) in zip(lines, REFUSED, strict=True):
        assert f"({op_type}, domain ai.onnx, opset 17)" in line
        assert reason in line


def test_reasons_found_while_laying_out_are_told_with_the_others() -> None:
    maker = ModelMaker()
    x, w = maker.input("x", (1, 3, 8, 8)), maker.input("w", (4, 3, 3, 3))
    y = maker.node("Conv", [x, w], "y")
    y = maker.node("Pow", [y, y], "m")
    y = maker.node("Round", [y], "l")
    with pytest.raises(ModelError) as caught:
        run_passes(maker.graph(y), FP16)
    conv, largest, log = str(caught.value).splitlines()
    assert (
        "node 'n_y' (Conv, domain ai.onnx, opset 17): not supported: its weights 'w' are no constant" in conv
    )
    assert "(Pow, domain ai.onnx, opset 17): supported for floats with one of the exponents" in largest
    assert "(Round, domain ai.onnx, opset 17): not supported" in log


def test_a_wrong_node_is_told_with_its_file() -> None:
    maker = ModelMaker()
    x = maker.input("x", (1, 3, 8, 8))
    y = maker.foreign("Pad", [x, maker.constant("p", np.zeros(8, np.int64))], "y", mode="round")
    z = maker.foreign("Resize", [y, "", maker.constant("s", np.array([1, 1, 2, 2], F32))], "z", mode="sharp")
    with pytest.raises(ModelError) as caught:
        run_passes(maker.graph(z), FP16)
    pad, resize = str(caught.value).splitlines()
    assert pad.startswith(
        "model.onnx: node 'n_y' (Pad, domain ai.onnx, opset 17): not supported: padding mode 'round'"
    )
    assert "(Resize, domain ai.onnx, opset 17): supported with constant scales or sizes" in resize
