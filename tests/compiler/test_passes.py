"""Graph passes: what each turns a small model into, and that the value stays."""

from __future__ import annotations

import numpy as np
import pytest

from compiler.models import ModelMaker, float_mlp, integer_mlp
from lpu_emu.compiler.passes import FP16, INT8, PASSES, choose_precision, run_passes
from lpu_emu.compiler.passes.operators import LINEAR, QUANTISED_LINEAR
from lpu_emu.graph.ir import Graph


def kinds(graph: Graph) -> list[str]:
    return [node.op_type for node in graph.nodes]


def test_every_pass_has_a_name_and_says_what_it_does() -> None:
    assert [step.name for step in PASSES] == [
        "fold", "forms", "norm", "expand", "layout", "linear", "bias", "affine", "integers",
        "quantise", "relu",
        "dequantise", "bake", "support",
    ]  # fmt: skip
    assert all(step.description and not step.description.endswith(".") for step in PASSES)


def test_passes_report_their_names() -> None:
    seen: list[str] = []
    run_passes(float_mlp(np.random.default_rng(0), 1, [3, 2]), FP16, after=seen.append)
    assert seen == [step.name for step in PASSES if step.name not in ("integers", "quantise")]


def test_gemm_attributes_are_multiplied_into_the_constants() -> None:
    maker = ModelMaker()
    x = maker.input("x", (2, 3))
    w = maker.constant("w", np.arange(12, dtype=np.float32).reshape(4, 3))
    b = maker.constant("b", np.arange(4, dtype=np.float32).reshape(1, 4))
    graph = maker.graph(maker.node("Gemm", [x, w, b], "y", transB=1, alpha=0.5, beta=2.0))
    (node,) = run_passes(graph, FP16).nodes
    prepared = run_passes(graph, FP16)
    assert np.array_equal(prepared.constants[node.inputs[1]], 0.5 * np.arange(12).reshape(4, 3).T)
    assert np.array_equal(prepared.constants[node.inputs[2]], 2.0 * np.arange(4))
    assert set(node.attributes) == {"relu", "kinds"}


def test_matmul_add_and_relu_become_one_operator() -> None:
    maker = ModelMaker()
    x = maker.input("x", (2, 3))
    y = maker.node("MatMul", [x, maker.constant("w", np.ones((3, 5), np.float32))], "y")
    z = maker.node("Add", [maker.constant("b", np.ones(5, np.float32)), y], "z")
    graph = run_passes(maker.graph(maker.node("Relu", [z], "r")), FP16)
    (node,) = graph.nodes
    assert (node.op_type, node.attributes["relu"], node.attributes["kinds"]) == (LINEAR, 1, "MatMul+Add+Relu")
    assert node.outputs == ("r",)


def test_what_others_read_is_not_taken_in() -> None:
    maker = ModelMaker()
    x = maker.input("x", (2, 3))
    y = maker.node("MatMul", [x, maker.constant("w", np.ones((3, 5), np.float32))], "y")
    relu = maker.node("Relu", [y], "r")
    graph = run_passes(maker.graph(relu, maker.node("Neg", [y], "n")), FP16)
    assert kinds(graph) == [LINEAR, "Relu", "Neg"]


def test_a_bias_that_is_no_row_becomes_an_add() -> None:
    maker = ModelMaker()
    x = maker.input("x", (2, 3))
    w = maker.constant("w", np.ones((3, 5), np.float32))
    graph = run_passes(
        maker.graph(maker.node("Gemm", [x, w, maker.constant("b", np.ones((2, 5), np.float32))], "y")), FP16
    )
    assert kinds(graph) == [LINEAR, "Add"]


@pytest.mark.parametrize("per_channel", [True, False])
def test_quantised_layers_become_integer_operators(per_channel: bool) -> None:
    source = integer_mlp(np.random.default_rng(1), 2, [5, 4, 3], per_channel=per_channel)
    graph = run_passes(source, INT8)
    assert kinds(graph) == ["QuantizeLinear", QUANTISED_LINEAR, QUANTISED_LINEAR]
    for i, node in enumerate(graph.nodes[1:]):
        weights, bias, factors = (graph.constants[name] for name in node.inputs[1:])
        assert np.array_equal(weights, source.constants[f"w{i}"])
        assert np.array_equal(bias, source.constants[f"b{i}"])
        before = source.constants["s_in" if i == 0 else "s0"].astype(np.float64)
        scale = (
            before
            * source.constants[f"ws{i}"].astype(np.float64)
            / source.constants[f"s{i}"].astype(np.float64)
        )
        assert np.array_equal(factors, np.atleast_1d(scale.astype(np.float32)))
        assert node.attributes["relu"] == 1


def test_a_float_bias_is_rounded_to_units_of_the_product() -> None:
    maker = ModelMaker()
    zero, scale = maker.constant("zero", np.int8(0)), maker.constant("s", np.float32(0.5))
    q = maker.input("q", (1, 2), "int8")
    x = maker.node("DequantizeLinear", [q, scale, zero], "x")
    w = maker.constant("w", np.array([[1, 2], [3, 4]], np.int8))
    wd = maker.node("DequantizeLinear", [w, maker.constant("ws", np.float32(0.25)), zero], "wd")
    b = maker.constant("b", np.array([1.0, -0.3], np.float32))
    graph = run_passes(maker.graph(maker.node("Gemm", [x, wd, b], "y")), INT8)
    (node,) = graph.nodes
    assert graph.constants[node.inputs[2]].tolist() == [8, -2]
    assert graph.constants[node.inputs[3]].tolist() == [0.125]


def test_int8_leaves_what_is_not_quantised_to_fp16() -> None:
    maker = ModelMaker()
    x = maker.input("x", (1, 2))
    w = maker.constant("w", np.array([[1, 2], [3, 4]], np.int8))
    zero, scale = maker.constant("zero", np.int8(0)), maker.constant("s", np.float32(0.5))
    wd = maker.node("DequantizeLinear", [w, scale, zero], "wd")
    graph = run_passes(maker.graph(maker.node("MatMul", [x, wd], "y")), INT8)
    (node,) = graph.nodes
    assert node.op_type == LINEAR
    assert graph.constants[node.inputs[1]].tolist() == [[0.5, 1.0], [1.5, 2.0]]


def test_auto_precision_looks_for_quantisation() -> None:
    rng = np.random.default_rng(0)
    assert choose_precision(float_mlp(rng, 1, [2, 2]), "auto") == FP16
    assert choose_precision(integer_mlp(rng, 1, [2, 2]), "auto") == INT8
    assert choose_precision(integer_mlp(rng, 1, [2, 2]), "fp16") == FP16
