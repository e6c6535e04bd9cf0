"""Operators one by one: bit for bit where the chip computes what the standard says, else within a stated distance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from compiler import oracle
from compiler.models import ModelMaker
from lpu_emu.compiler import compile_graph
from lpu_emu.graph.evaluate import run_graph
from lpu_emu.graph.ir import Graph
from lpu_emu.reference.numerics import vxm
from lpu_emu.spec.machine import load_machine

TINY = load_machine("tiny")
Build = Callable[[ModelMaker, str, np.random.Generator], str]
F32 = np.float32


def inputs_of(graph: Graph, rng: np.random.Generator) -> dict[str, Any]:
    found = {}
    for name in graph.inputs:
        value = graph.values[name]
        if value.dtype.kind == "f":
            found[name] = (3 * rng.standard_normal(value.shape)).astype(value.dtype)
        else:
            found[name] = rng.integers(-100, 100, value.shape).astype(value.dtype)
    return found


def check(graph: Graph, where: str, tolerance: float = 0.0) -> None:
    inputs = inputs_of(graph, np.random.default_rng(7))
    outputs = oracle.compile_and_run(graph, TINY, inputs, where)
    expected = run_graph(graph, inputs)
    for name in graph.outputs:
        if tolerance:
            assert outputs[name].shape == expected[name].shape
            np.testing.assert_allclose(
                outputs[name], expected[name], rtol=tolerance, atol=tolerance, err_msg=where
            )
        else:
            oracle.same_bits(outputs[name], expected[name], f"{where} {name}")


EXACT: dict[str, tuple[tuple[int, ...], str, Build]] = {
    "Relu": ((5, 11), "float32", lambda m, x, r: m.node("Relu", [x], "y")),
    "Neg": ((5, 11), "float32", lambda m, x, r: m.node("Neg", [x], "y")),
    "Abs": ((3, 8), "float32", lambda m, x, r: m.node("Abs", [x], "y")),
    "Add scalar": ((5, 11), "float32", lambda m, x, r: m.node("Add", [x, m.constant("c", F32(2.5))], "y")),
    "scalar Sub": ((5, 11), "float32", lambda m, x, r: m.node("Sub", [m.constant("c", F32(2.5)), x], "y")),
    "Mul column": (
        (5, 19),
        "float32",
        lambda m, x, r: m.node("Mul", [x, m.constant("c", r.standard_normal(19).astype(F32))], "y"),
    ),
    "Sub matrix": (
        (5, 11),
        "float32",
        lambda m, x, r: m.node("Sub", [x, m.constant("c", r.standard_normal((5, 11)).astype(F32))], "y"),
    ),
    "Add one per row": (
        (5, 11),
        "float32",
        lambda m, x, r: m.node("Add", [x, m.constant("c", r.standard_normal((5, 1)).astype(F32))], "y"),
    ),
    "Add itself": ((5, 11), "float32", lambda m, x, r: m.node("Add", [x, x], "y")),
    "Add other": ((50, 20), "float32", lambda m, x, r: m.node("Add", [x, m.input("z", (50, 20))], "y")),
    "Max of three": (
        (5, 11),
        "float32",
        lambda m, x, r: m.node("Max", [x, m.input("z", (5, 11)), m.input("v", (5, 11))], "y"),
    ),
    "Min constant": ((5, 11), "float32", lambda m, x, r: m.node("Min", [x, m.constant("c", F32(-0.5))], "y")),
    "Clip": (
        (5, 11),
        "float32",
        lambda m, x, r: m.node("Clip", [x, m.constant("lo", F32(-0.5)), m.constant("hi", F32(0.7))], "y"),
    ),
    "Clip nothing": ((5, 11), "float32", lambda m, x, r: m.node("Clip", [x], "y")),
    "int32 Add": ((5, 11), "int32", lambda m, x, r: m.node("Add", [x, m.constant("c", np.int32(-7))], "y")),
    "int8 Relu": ((5, 11), "int8", lambda m, x, r: m.node("Relu", [x], "y")),
    "Cast down": ((5, 11), "float32", lambda m, x, r: m.node("Cast", [x], "y", to=10)),
    "Cast twice": (
        (5, 11),
        "float32",
        lambda m, x, r: m.node("Cast", [m.node("Cast", [x], "t", to=10)], "y", to=1),
    ),
    "Identity": ((5, 11), "float32", lambda m, x, r: m.node("Identity", [x], "y")),
    "Dropout": ((5, 11), "float32", lambda m, x, r: m.node("Neg", [m.node("Dropout", [x], "t")], "y")),
    "Flatten of an input": ((4, 1, 3, 3), "float32", lambda m, x, r: m.node("Flatten", [x], "y")),
    "Flatten then Relu": (
        (4, 1, 3, 3),
        "float32",
        lambda m, x, r: m.node("Relu", [m.node("Flatten", [x], "t")], "y"),
    ),
    "Reshape of an output": (
        (5, 12),
        "float32",
        lambda m, x, r: m.node(
            "Reshape", [m.node("Relu", [x], "t"), m.constant("s", np.array([5, 3, 4]))], "y"
        ),
    ),
    "Squeeze and Unsqueeze": (
        (5, 1, 11),
        "float32",
        lambda m, x, r: m.node(
            "Unsqueeze",
            [m.node("Squeeze", [x, m.constant("a", np.array([1]))], "t"), m.constant("b", np.array([0]))],
            "y",
        ),
    ),
    "one element": ((), "float32", lambda m, x, r: m.node("Neg", [x], "y")),
    "one row": ((30,), "float32", lambda m, x, r: m.node("Neg", [x], "y")),
    "QuantizeLinear": (
        (5, 11),
        "float32",
        lambda m, x, r: m.node(
            "QuantizeLinear", [x, m.constant("s", F32(0.0625)), m.constant("z", np.int8(0))], "y"
        ),
    ),
    "DequantizeLinear": (
        (5, 11),
        "int8",
        lambda m, x, r: m.node(
            "DequantizeLinear", [x, m.constant("s", F32(0.3)), m.constant("z", np.int8(0))], "y"
        ),
    ),
}


@pytest.mark.parametrize("case", EXACT)
def test_exact_operators(case: str) -> None:
    shape, dtype, build = EXACT[case]
    maker = ModelMaker()
    check(maker.graph(build(maker, maker.input("x", shape, dtype), np.random.default_rng(3))), case)


def _linear(maker: ModelMaker, rng: np.random.Generator, x: str, k: int, n: int, name: str) -> str:
    w = maker.constant(f"w_{name}", (rng.standard_normal((k, n)) / np.sqrt(k)).astype(F32))
    return maker.node("Gemm", [x, w, maker.constant(f"b_{name}", rng.standard_normal(n).astype(F32))], name)


def _residual(m: ModelMaker, x: str, r: np.random.Generator) -> str:
    hidden = m.node("Relu", [_linear(m, r, x, 20, 20, "first")], "hidden")
    return m.node("Add", [_linear(m, r, hidden, 20, 20, "second"), hidden], "y")


def _gated(m: ModelMaker, x: str, r: np.random.Generator) -> str:
    hidden = m.node("Relu", [_linear(m, r, x, 20, 20, "first")], "hidden")
    left = m.node("Tanh", [_linear(m, r, hidden, 20, 12, "left")], "l")
    return m.node("Mul", [left, m.node("Sigmoid", [_linear(m, r, hidden, 20, 12, "right")], "s")], "y")


def _lanes_that_overflow(m: ModelMaker, x: str, r: np.random.Generator) -> str:
    """Unused lanes hold exp(exp(exp(exp(0)))), which fp16 cannot: they must not reach the planes."""
    small = m.node("Mul", [x, m.constant("tenth", F32(0.01))], "t")
    value = m.node("Add", [small, m.constant("c", np.full(20, -5, F32))], "a")
    for i in range(4):
        value = m.node("Exp", [value], f"e{i}")
    return _linear(m, r, value, 20, 5, "y")


NEAR: dict[str, tuple[tuple[int, ...], Build]] = {
    "Sigmoid": ((5, 11), lambda m, x, r: m.node("Sigmoid", [x], "y")),
    "Tanh": ((5, 11), lambda m, x, r: m.node("Tanh", [x], "y")),
    "Exp": ((5, 11), lambda m, x, r: m.node("Exp", [x], "y")),
    "x * Sigmoid(x)": ((5, 11), lambda m, x, r: m.node("Mul", [x, m.node("Sigmoid", [x], "t")], "y")),
    "batched MatMul": (
        (3, 4, 9),
        lambda m, x, r: m.node(
            "MatMul", [x, m.constant("w", (r.standard_normal((9, 7)) / 4).astype(F32))], "y"
        ),
    ),
    "vector MatMul": (
        (9,),
        lambda m, x, r: m.node(
            "MatMul", [x, m.constant("w", (r.standard_normal((9, 7)) / 4).astype(F32))], "y"
        ),
    ),
    "Flatten before Gemm": (
        (4, 3, 4),
        lambda m, x, r: _linear(m, r, m.node("Flatten", [m.node("Relu", [x], "t")], "f"), 12, 7, "y"),
    ),
    "residual": ((50, 20), _residual),
    "gated": ((50, 20), _gated),
    "overflowing lanes": ((5, 20), _lanes_that_overflow),
}


@pytest.mark.parametrize("case", NEAR)
def test_near_operators(case: str) -> None:
    shape, build = NEAR[case]
    maker = ModelMaker()
    graph = maker.graph(build(maker, maker.input("x", shape), np.random.default_rng(3)))
    check(graph, case, tolerance=1e-2)


def test_sigmoid_is_the_square_of_rsqrt() -> None:
    maker = ModelMaker()
    graph = maker.graph(maker.node("Sigmoid", [maker.input("x", (1, 400))], "y"))
    x = np.linspace(-110, 110, 400, dtype=F32).reshape(1, 400)
    y = oracle.compile_and_run(graph, TINY, {"x": x}, "sigmoid")["y"]
    root = vxm.UNARY["rsqrt"](vxm.UNARY["exp"](-x, "fp32", False) + F32(1), "fp32", False)
    oracle.same_bits(y, root * root, "sigmoid")
    np.testing.assert_allclose(y, 1 / (1 + np.exp(-x.astype(np.float64))), rtol=3e-7, atol=1e-38)


def test_outputs_that_are_constants_inputs_or_read_again() -> None:
    maker = ModelMaker()
    x = maker.input("x", (3, 9))
    maker.input("unused", (2, 2))
    constant = maker.constant("k", np.arange(6, dtype=F32).reshape(2, 3))
    y = maker.node("Neg", [x], "y")
    z = maker.node("Abs", [y], "z")
    copy = maker.node("Identity", [x], "copy")
    check(maker.graph(constant, y, z, copy), "outputs")


def test_a_model_of_constants_only_is_an_empty_program() -> None:
    maker = ModelMaker()
    maker.constant("k", np.arange(6, dtype=F32).reshape(2, 3))
    program = compile_graph(maker.graph("k"), machine=TINY)
    assert (program.instruction_count(), program.attributes["predicted_cycles"]) == (0, "0")
    outputs = oracle.run(program, {}, "constants")
    assert outputs["k"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_an_input_that_is_the_output() -> None:
    maker = ModelMaker()
    x = maker.input("x", (3, 9))
    check(maker.graph(x), "input is output")
