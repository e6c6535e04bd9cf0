"""Small models for tests, built as graphs without a file."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.graph.evaluate import evaluate
from lpu_emu.graph.ir import Graph, Node, ValueInfo

OPSET = 17


class ModelMaker:
    """Collects inputs, constants and nodes; shapes of results follow from NumPy evaluation on zeros."""

    def __init__(self, name: str = "model") -> None:
        self._name = name
        self._values: dict[str, ValueInfo] = {}
        self._constants: dict[str, NDArray[Any]] = {}
        self._nodes: list[Node] = []
        self._inputs: list[str] = []
        self._samples: dict[str, NDArray[Any]] = {}

    def input(self, name: str, shape: Sequence[int], dtype: str = "float32") -> str:
        self._inputs.append(name)
        return self._describe(name, np.zeros(tuple(shape), dtype=dtype))

    def constant(self, name: str, values: Any) -> str:
        array = np.asarray(values)
        self._constants[name] = array
        return self._describe(name, array)

    def _describe(self, name: str, sample: NDArray[Any]) -> str:
        self._samples[name] = sample
        self._values[name] = ValueInfo(name=name, dtype=sample.dtype, shape=sample.shape)
        return name

    def node(
        self, op_type: str, inputs: Sequence[str], output: str, *, opset: int = OPSET, **attributes: Any
    ) -> str:
        node = Node(
            name=f"n_{output}",
            op_type=op_type,
            domain="",
            opset=opset,
            inputs=tuple(inputs),
            outputs=(output,),
            attributes=attributes,
        )
        self._nodes.append(node)
        values = [self._samples[name] if name else None for name in inputs]
        result = evaluate(node, values, ordered=False)[0]
        return self._describe(output, result)

    def foreign(
        self, op_type: str, inputs: Sequence[str], output: str, *, domain: str = "", **attributes: Any
    ) -> str:
        """Add a node that NumPy evaluation does not know; its result is described like its first input."""
        node = Node(
            name=f"n_{output}",
            op_type=op_type,
            domain=domain,
            opset=OPSET,
            inputs=tuple(inputs),
            outputs=(output,),
            attributes=attributes,
        )
        self._nodes.append(node)
        return self._describe(output, self._samples[inputs[0]])

    def graph(self, *outputs: str) -> Graph:
        return Graph(
            name=self._name,
            inputs=tuple(self._inputs),
            outputs=outputs,
            values=self._values,
            constants=self._constants,
            nodes=tuple(self._nodes),
            source="model.onnx",
        ).verify()


def float_mlp(rng: np.random.Generator, batch: int, sizes: Sequence[int], *, relu: bool = True) -> Graph:
    """x -> (Gemm -> Relu) ... -> Gemm, with weights that keep the values near one."""
    maker = ModelMaker("float_mlp")
    x = maker.input("x", (batch, sizes[0]))
    for i, (k, n) in enumerate(pairwise(sizes)):
        w = maker.constant(f"w{i}", (rng.standard_normal((k, n)) / np.sqrt(k)).astype(np.float32))
        b = maker.constant(f"b{i}", rng.standard_normal(n).astype(np.float32))
        x = maker.node("Gemm", [x, w, b], f"y{i}")
        if relu and i + 2 < len(sizes):
            x = maker.node("Relu", [x], f"r{i}")
    return maker.graph(x)


def integer_mlp(
    rng: np.random.Generator,
    batch: int,
    sizes: Sequence[int],
    *,
    per_channel: bool = True,
    float_output: bool = False,
    integer_input: bool = False,
) -> Graph:
    """x -> Q -> DQ -> (Gemm -> Relu -> Q -> DQ) ... in the form that quantisers write; int8, zero points zero."""
    maker = ModelMaker("integer_mlp")
    zero = maker.constant("zero", np.int8(0))
    x = maker.input("x", (batch, sizes[0]), "int8" if integer_input else "float32")
    scale = np.float32(0.05)
    maker.constant("s_in", scale)
    q = x if integer_input else maker.node("QuantizeLinear", [x, "s_in", zero], "q_in")
    x = maker.node("DequantizeLinear", [q, "s_in", zero], "d_in")
    for i, (k, n) in enumerate(pairwise(sizes)):
        x, q, scale = _integer_layer(maker, rng, x, i, k, n, scale, per_channel)
    return maker.graph(x if float_output else q)


def _integer_layer(
    maker: ModelMaker,
    rng: np.random.Generator,
    x: str,
    i: int,
    k: int,
    n: int,
    scale: np.float32,
    per_channel: bool,
) -> tuple[str, str, np.float32]:
    scales = rng.uniform(0.005, 0.02, n if per_channel else 1).astype(np.float32)
    if not per_channel:
        scales = scales.reshape(())
    maker.constant(f"w{i}", rng.integers(-127, 128, (k, n)).astype(np.int8))
    maker.constant(f"ws{i}", scales)
    maker.constant(f"wz{i}", np.zeros(scales.shape, np.int8))
    maker.constant(f"b{i}", rng.integers(-3000, 3000, n).astype(np.int32))
    maker.constant(f"bs{i}", (scale * scales).astype(np.float32))
    maker.constant(f"bz{i}", np.zeros(scales.shape, np.int32))
    maker.constant(f"s{i}", np.float32(0.03 * np.sqrt(k)))
    w = maker.node("DequantizeLinear", [f"w{i}", f"ws{i}", f"wz{i}"], f"wd{i}", axis=1)
    b = maker.node("DequantizeLinear", [f"b{i}", f"bs{i}", f"bz{i}"], f"bd{i}", axis=0)
    y = maker.node("Gemm", [x, w, b], f"y{i}")
    y = maker.node("Relu", [y], f"r{i}")
    q = maker.node("QuantizeLinear", [y, f"s{i}", "zero"], f"q{i}")
    return maker.node("DequantizeLinear", [q, f"s{i}", "zero"], f"d{i}"), q, np.float32(0.03 * np.sqrt(k))
