"""Quantised graphs: products become integer operators, movements move integers, values stay exactly the same.

The oracle of a product is its definition in integers: the exact sum times one fp32 factor, rounded to nearest even. The
original graph computes the same in floats; it may differ only where the true value lies within rounding of a half.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from compiler.models import ModelMaker
from compiler.passes_check import kinds, random_inputs, same_value
from compiler.quantised_models import QuantisedMaker
from lpu_emu.compiler.passes import INT8, choose_precision, run_passes
from lpu_emu.errors import ModelError
from lpu_emu.graph.evaluate import run_graph
from lpu_emu.graph.ir import Graph

Rng = np.random.Generator
BYTES: tuple[Any, ...] = (np.int8, np.uint8)


def exact(graph: Graph, where: str, seed: int = 0) -> Graph:
    """Check an integer graph: equal but for ties, of which there are few."""
    return same_value(graph, where, seed=seed, ties=2, tolerance=1e-4)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("op_type", ["Conv", "ConvTranspose"])
def test_convolutions_become_integer_operators(seed: int, op_type: str) -> None:
    rng = np.random.default_rng(seed)
    maker = QuantisedMaker(rng)
    groups = int(rng.choice([1, 1, 2, 4]))
    channels, outputs = groups * int(rng.integers(1, 4)), groups * int(rng.integers(1, 4))
    kernel = rng.integers(1, 4, 2).tolist()
    attributes: dict[str, Any] = {"group": groups, "strides": tuple(rng.integers(1, 3, 2).tolist())}
    attributes["pads"] = tuple(int(rng.integers(0, (k + 1) // 2)) for k in kernel * 2)
    x = maker.input("x", (int(rng.integers(1, 3)), channels, 7, 6))
    x = maker.qdq(x, 0.02, BYTES[int(rng.integers(2))])
    shape = (
        (channels, outputs // groups, *kernel)
        if op_type == "ConvTranspose"
        else (outputs, channels // groups, *kernel)
    )
    y = maker.conv(x, shape, "c", op_type=op_type, per_channel=bool(rng.integers(2)), **attributes)
    if rng.integers(2):
        y = maker.node("Relu", [y], "r")
    if rng.integers(2):
        y = maker.qdq(y, 0.1, BYTES[int(rng.integers(2))])
    graph = exact(maker.graph(y), f"seed {seed}", seed)
    assert any(kind.startswith("Quantised") for kind in kinds(graph))
    assert "Relu" not in kinds(graph)
    assert len(kinds(graph)) <= 6


def test_a_residual_block_stays_in_integers() -> None:
    maker = QuantisedMaker(np.random.default_rng(0))
    x = maker.qdq(maker.input("x", (1, 4, 8, 8)), 0.02)
    a = maker.node("Relu", [maker.conv(x, (8, 4, 3, 3), "a", pads=(1, 1, 1, 1))], "ar")
    a = maker.node("MaxPool", [a], "m", kernel_shape=(2, 2), strides=(2, 2))
    a = maker.qdq(a, 0.05)
    b = maker.qdq(maker.conv(a, (8, 8, 3, 3), "b", pads=(1, 1, 1, 1)), 0.05)
    y = maker.node("Relu", [maker.node("Add", [a, b], "s")], "sr")
    y = maker.qdq(maker.node("GlobalAveragePool", [maker.qdq(y, 0.05)], "g"), 0.02)
    flat = maker.node("Flatten", [y], "f")
    weights = maker.dequantised(np.arange(-12, 12, dtype=np.int8).reshape(3, 8), 0.01)
    y = maker.qdq(maker.node("Gemm", [flat, weights], "y", transB=1), 0.01)
    graph = exact(maker.graph(y), "residual")
    types = [graph.values[node.outputs[0]].dtype.name for node in graph.nodes if node.domain == "lpu"]
    assert types[1:] == ["int8"] * (len(types) - 1)
    assert kinds(graph).count("QuantisedWindowLinear") == 3
    assert kinds(graph).count("QuantisedLinear") == 1


def test_concatenation_of_equal_scales_moves_integers() -> None:
    maker = QuantisedMaker(np.random.default_rng(0))
    x = maker.qdq(maker.input("x", (1, 4, 5, 5)), 0.02)
    a = maker.qdq(maker.node("Relu", [maker.conv(x, (3, 4, 1, 1), "a")], "ar"), 0.05)
    b = maker.qdq(maker.node("Relu", [maker.conv(x, (5, 4, 3, 3), "b", pads=(1, 1, 1, 1))], "br"), 0.05)
    y = maker.qdq(maker.node("Concat", [a, b], "c", axis=1), 0.05)
    graph = exact(maker.graph(y), "concat")
    assert kinds(graph)[1:] == [
        "QuantizeLinear", "QuantisedLinear", "QuantisedWindowLinear", "LaneMap", "Order", "DequantizeLinear",
    ] or "LaneMap" in kinds(graph)  # fmt: skip
    (joined,) = [node for node in graph.nodes if node.op_type == "LaneMap"]
    assert graph.values[joined.outputs[0]].dtype == np.int8


def test_concatenation_of_other_scales_requantises() -> None:
    maker = QuantisedMaker(np.random.default_rng(0))
    x = maker.qdq(maker.input("x", (1, 4, 5, 5)), 0.02)
    a = maker.qdq(maker.conv(x, (3, 4, 1, 1), "a"), 0.05)
    b = maker.qdq(maker.conv(x, (5, 4, 1, 1), "b"), 0.03)
    y = maker.qdq(maker.node("Concat", [a, b], "c", axis=1), 0.05)
    graph = exact(maker.graph(y), "concat")
    (joined,) = [node for node in graph.nodes if node.op_type == "LaneMap"]
    assert graph.values[joined.outputs[0]].dtype == np.int8
    assert kinds(graph).count("QuantizeLinear") == 2


@pytest.mark.parametrize(("high", "limited"), [(6.0, False), (2.0, True)])
def test_limits_are_taken_before_or_after_quantisation(high: float, limited: bool) -> None:
    maker = QuantisedMaker(np.random.default_rng(0))
    x = maker.qdq(maker.input("x", (1, 4, 5, 5)), 0.02)
    y = maker.conv(x, (8, 4, 3, 3), "c")
    y = maker.node("Clip", [y, maker.new(np.float32(0)), maker.new(np.float32(high))], "l")
    graph = exact(maker.graph(maker.qdq(y, 0.04)), f"limit {high}")
    (product,) = [node for node in graph.nodes if node.op_type == "QuantisedWindowLinear"]
    assert product.attributes["relu"] == 1
    assert ("Clip" in kinds(graph)) == limited


@pytest.mark.parametrize("op_type", ["AveragePool", "MaxPool"])
def test_pools_of_integers(op_type: str) -> None:
    for pad, include in ((0, 0), (1, 1), (1, 0)):
        maker = QuantisedMaker(np.random.default_rng(0))
        x = maker.qdq(maker.input("x", (1, 4, 7, 7)), 0.02)
        attributes: dict[str, Any] = {"kernel_shape": (3, 3), "strides": (2, 2), "pads": (pad,) * 4}
        if op_type == "AveragePool":
            attributes["count_include_pad"] = include
        y = maker.qdq(
            maker.node(op_type, [x], "p", **attributes), 0.015 if op_type == "AveragePool" else 0.02
        )
        graph = exact(maker.graph(y), f"{op_type} {pad} {include}")
        kind = "WindowMax" if op_type == "MaxPool" else "QuantisedWindowLinear"
        assert kind in kinds(graph)


def _bytes(rng: Rng, *shape: int) -> Any:
    return rng.integers(-127, 128, shape).astype(np.int8)


@pytest.mark.parametrize("x_zero", [0, 3])
@pytest.mark.parametrize("bias", [True, False])
def test_qlinear_conv(x_zero: int, bias: bool) -> None:
    rng, maker = np.random.default_rng(5), ModelMaker()
    x = maker.input("x", (2, 6, 5, 5), "uint8")
    values = [
        np.float32(0.02), np.uint8(x_zero), _bytes(rng, 4, 3, 3, 3),
        rng.uniform(0.002, 0.01, 4).astype(np.float32), np.zeros(4, np.int8), np.float32(0.1), np.int8(0),
    ]  # fmt: skip
    inputs = [x, *(maker.constant(f"c{i}", value) for i, value in enumerate(values))]
    if bias:
        inputs.append(maker.constant("b", rng.integers(-900, 900, 4).astype(np.int32)))
    y = maker.node("QLinearConv", inputs, "y", group=2, strides=(2, 1))
    graph = exact(maker.graph(y), "QLinearConv")
    assert kinds(graph) == ["Order", "QuantisedWindowLinear", "Order"]


def test_qlinear_matmul_and_matmul_integer() -> None:
    rng, maker = np.random.default_rng(5), ModelMaker()
    x = maker.input("x", (3, 7), "int8")
    w = maker.constant("w", _bytes(rng, 7, 4))
    s, z = maker.constant("s", np.float32(0.02)), maker.constant("z", np.int8(0))
    q = maker.node("QLinearMatMul", [x, s, z, w, s, z, s, z], "q")
    a = maker.constant("a", np.int8(-5))
    t = maker.node("MatMulInteger", [x, w, a, z], "t")
    graph = exact(maker.graph(q, t), "matmul")
    assert kinds(graph) == ["QuantisedLinear", "QuantisedLinear"]
    assert graph.values["t"].dtype == np.int32


@pytest.mark.parametrize("zero", [0, 7])
def test_conv_integer(zero: int) -> None:
    rng, maker = np.random.default_rng(5), ModelMaker()
    x = maker.input("x", (1, 3, 6, 6), "uint8")
    w = maker.constant("w", rng.integers(1, 255, (4, 3, 3, 3)).astype(np.uint8))
    inputs = [x, w, maker.constant("xz", np.uint8(zero)), maker.constant("wz", np.uint8(128))]
    y = maker.node("ConvInteger", inputs, "y")
    z = maker.node("Mul", [maker.node("Cast", [y], "f", to=1), maker.constant("m", np.float32(0.125))], "z")
    graph = exact(maker.graph(y, z), "ConvInteger")
    assert "QuantisedWindowLinear" in kinds(graph)


def test_a_zero_point_under_padding_is_refused() -> None:
    rng, maker = np.random.default_rng(5), ModelMaker()
    x = maker.input("x", (1, 3, 6, 6), "uint8")
    w = maker.constant("w", _bytes(rng, 4, 3, 3, 3))
    y = maker.node("ConvInteger", [x, w, maker.constant("xz", np.uint8(7))], "y", pads=(1, 1, 1, 1))
    with pytest.raises(ModelError, match=r"zero point that is not zero.*quantise symmetrically"):
        run_passes(maker.graph(y), INT8)


@pytest.mark.parametrize(("dtype", "zero"), [(np.uint8, 128), (np.int8, -128)])
def test_zero_points_in_the_middle_are_centred(dtype: Any, zero: int) -> None:
    rng = np.random.default_rng(1)
    maker = QuantisedMaker(rng)
    x = maker.input("x", (1, 3, 6, 6))
    s, z = maker.new(np.float32(0.02)), maker.new(dtype(zero))
    q = maker.node("QuantizeLinear", [x, s, z], "q")
    d = maker.node("DequantizeLinear", [q, s, z], "d")
    w = maker.dequantised(_bytes(rng, 4, 3, 3, 3), np.float32(0.01))
    y = maker.qdq(maker.node("Conv", [d, w], "c", pads=(1, 1, 1, 1)), 0.1)
    graph = exact(maker.graph(y), "centred")
    assert "QuantisedWindowLinear" in kinds(graph)


def test_other_zero_points_of_results_are_refused() -> None:
    maker = QuantisedMaker(np.random.default_rng(1))
    x = maker.qdq(maker.input("x", (1, 3, 6, 6)), 0.02)
    y = maker.conv(x, (4, 3, 1, 1), "c")
    y = maker.node("QuantizeLinear", [y, maker.new(np.float32(0.1)), maker.new(np.uint8(7))], "q")
    with pytest.raises(ModelError, match="its zero point is not zero; quantise symmetrically"):
        run_passes(maker.graph(y), INT8)


def test_integer_operators_need_no_float_between_them() -> None:
    maker = QuantisedMaker(np.random.default_rng(3))
    x = maker.qdq(maker.input("x", (2, 3, 9, 9)), 0.02)
    for i, groups in enumerate((1, 4, 4)):
        shape = (4, (3 if i == 0 else 4) // groups, 3, 3)
        y = maker.conv(x, shape, f"c{i}", group=groups, pads=(1, 1, 1, 1))
        x = maker.qdq(maker.node("Relu", [y], f"r{i}"), 0.05)
    prepared = run_passes(maker.graph(x), INT8)
    floats = [n for n in prepared.nodes if prepared.values[n.outputs[0]].dtype == np.float32]
    assert [node.op_type for node in floats] == ["Order", "DequantizeLinear"] or len(floats) <= 3


def test_models_of_integer_operators_are_int8_models() -> None:
    maker = ModelMaker()
    x = maker.input("x", (3, 7), "int8")
    graph = maker.graph(maker.node("MatMulInteger", [x, maker.constant("w", np.ones((7, 2), np.int8))], "y"))
    assert choose_precision(graph, "auto") == INT8
    inputs = random_inputs(graph, np.random.default_rng(0))
    assert np.array_equal(run_graph(run_passes(graph, INT8), inputs)["y"], run_graph(graph, inputs)["y"])


@pytest.mark.parametrize("per_channel", [True, False])
def test_weights_that_are_transposed_after_dequantisation_stay_integers(per_channel: bool) -> None:
    rng = np.random.default_rng(2)
    maker = QuantisedMaker(rng)
    x = maker.qdq(maker.input("x", (3, 7)), 0.02)
    scale = rng.uniform(0.002, 0.01, 4).astype(np.float32) if per_channel else np.float32(0.01)
    w = maker.node("Transpose", [maker.dequantised(_bytes(rng, 4, 7), scale)], "turned")
    y = maker.qdq(maker.node("MatMul", [x, w], "y"), 0.05)
    graph = exact(maker.graph(y), "transposed weights")
    assert kinds(graph) == ["QuantizeLinear", "QuantisedLinear", "DequantizeLinear"]


def test_reshaped_weights_of_one_scale_stay_integers() -> None:
    rng = np.random.default_rng(2)
    maker = QuantisedMaker(rng)
    x = maker.qdq(maker.input("x", (3, 6)), 0.02)
    flat = maker.dequantised(_bytes(rng, 24), np.float32(0.01))
    w = maker.node("Reshape", [flat, maker.new(np.array([6, 4]))], "shaped")
    y = maker.qdq(maker.node("MatMul", [x, w], "y"), 0.05)
    assert "QuantisedLinear" in kinds(exact(maker.graph(y), "reshaped weights"))
