"""What cannot be compiled is refused by name, with the reason, all at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from compiler.models import ModelMaker, float_mlp
from lpu_emu.compiler import CompileOptions, compile_graph
from lpu_emu.errors import CompileError, LpuError, ModelError, UsageError
from lpu_emu.graph.ir import Graph
from lpu_emu.spec.machine import load_machine

TINY = load_machine("tiny")


def refusal(graph: Graph, precision: str = "auto") -> str:
    with pytest.raises(LpuError) as caught:
        compile_graph(graph, machine=TINY, options=CompileOptions(precision=precision))
    return str(caught.value)


def test_all_unknown_operators_are_named_at_once() -> None:
    maker = ModelMaker()
    x = maker.input("x", (2, 4))
    y = maker.node("Relu", [x], "y")
    a = maker.node("Floor", [y], "a")
    b = maker.foreign("TopK", [a], "b")
    c = maker.foreign("FancyOp", [b], "c", domain="com.example")
    d = maker.foreign("Reluu", [c], "d")
    assert refusal(maker.graph(d)).splitlines() == [
        "model.onnx: node 'n_a' (Floor, domain ai.onnx, opset 17): not supported; docs/compiler.md lists the operators "
        "that are",
        "model.onnx: node 'n_b' (TopK, domain ai.onnx, opset 17): not supported: indices are not computed; sort outside",
        "model.onnx: node 'n_c' (FancyOp, domain com.example, opset 17): operators of this domain are not supported; "
        "docs/compiler.md lists the operators that are",
        "model.onnx: node 'n_d' (Reluu, domain ai.onnx, opset 17): not supported; did you mean 'Relu'?; "
        "docs/compiler.md lists the operators that are",
    ]


def _two_activations(maker: ModelMaker) -> str:
    return maker.node("MatMul", [maker.input("x", (2, 3)), maker.input("z", (3, 4))], "y")


def _double(maker: ModelMaker) -> str:
    return maker.node("Relu", [maker.input("x", (2, 3), "float64")], "y")


def _zero_point(maker: ModelMaker) -> str:
    x = maker.input("x", (2, 3))
    return maker.node(
        "QuantizeLinear", [x, maker.constant("s", np.float32(1)), maker.constant("z", np.uint8(7))], "y"
    )


def _channel_scale(maker: ModelMaker) -> str:
    x = maker.input("x", (2, 3))
    scale, zero = maker.constant("s", np.ones(3, np.float32)), maker.constant("z", np.zeros(3, np.int8))
    return maker.node("QuantizeLinear", [x, scale, zero], "y")


def _whole_numbers(maker: ModelMaker) -> str:
    return maker.node("Cast", [maker.input("x", (2, 3))], "y", to=6)


def _integer_tanh(maker: ModelMaker) -> str:
    return maker.foreign("Tanh", [maker.input("x", (2, 3), "int32")], "y")


def _wrong_view(maker: ModelMaker) -> str:
    x = maker.input("x", (4, 6))
    y = maker.node("MatMul", [x, maker.constant("w", np.ones((6, 8), np.float32))], "y")
    z = maker.node("Reshape", [y, maker.constant("shape", np.array([8, 4]))], "z")
    return maker.node("MatMul", [z, maker.constant("v", np.ones((4, 3), np.float32))], "o")


def _wrong_output_view(maker: ModelMaker) -> str:
    x = maker.input("x", (4, 6))
    y = maker.node("MatMul", [x, maker.constant("w", np.ones((6, 8), np.float32))], "y")
    return maker.node("Reshape", [y, maker.constant("shape", np.array([2, 16]))], "z")


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (_two_activations, "its right operand 'z' is no constant; products of two activations are planned"),
        (_double, "the chip has no float64 (float64[2,3]); export the model with float32"),
        (_zero_point, "its zero point is not zero; quantise symmetrically (zero point 0)"),
        (
            _channel_scale,
            "it has one scale per channel; only constant weights of a Gemm or MatMul may have that",
        ),
        (_whole_numbers, "from float32 to int32: only casts between floats"),
        (_integer_tanh, "its operand is int32; the chip computes it for floats only"),
        (
            _wrong_view,
            "needs rows of 8 elements and node 'n_o' (lpu::Linear) rows of 4, but only reshapes and",
        ),
        (
            _wrong_output_view,
            "needs rows of 8 elements, but float32[2,16] of 'z' has no trailing axes that make 8",
        ),
    ],
)
def test_limits_are_stated(build: Callable[[ModelMaker], str], reason: str) -> None:
    maker = ModelMaker()
    message = refusal(maker.graph(build(maker)))
    assert message.startswith("model.onnx: ")
    assert reason in message


def test_int8_needs_a_quantised_model() -> None:
    with pytest.raises(
        CompileError, match="precision int8 needs a quantised model, and this one has no QuantizeLinear"
    ):
        compile_graph(
            float_mlp(np.random.default_rng(0), 1, [2, 2]),
            machine=TINY,
            options=CompileOptions(precision="int8"),
        )


def test_an_unknown_precision_is_wrong_usage() -> None:
    with pytest.raises(
        UsageError,
        match="unknown precision 'fp61'; choose one of auto, fp16, fp32, int8; did you mean 'fp16'",
    ):
        CompileOptions(precision="fp61")


def test_a_model_that_is_too_large_is_refused_with_numbers() -> None:
    graph = float_mlp(np.random.default_rng(0), 1, [160, 160])
    message = refusal(graph)
    assert "its weights take 51,200 bytes as fp16" in message
    assert "the 32,768 bytes of memory of chip tiny" in message


def test_an_integer_output_that_the_chip_does_not_have() -> None:
    maker = ModelMaker()
    maker.input("x", (2, 3))
    maker.constant("k", np.arange(3))
    with pytest.raises(
        ModelError, match=r"tensor 'k': the chip has no int64 \(int64\[3\]\); make it a constant"
    ):
        compile_graph(maker.graph("k"), machine=TINY)
