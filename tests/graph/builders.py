"""Small ONNX models and graphs for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from lpu_emu.graph.ir import Graph, Node, ValueInfo

Array = npt.NDArray[Any]
Shape = Sequence[int | str] | None
FLOAT = np.dtype(np.float32)


def onnx_model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Shape],
    outputs: Mapping[str, Shape],
    constants: Mapping[str, Array] | None = None,
    *,
    opset: int = 17,
    types: Mapping[str, int] | None = None,
    domains: Mapping[str, int] | None = None,
    functions: Sequence[onnx.FunctionProto] = (),
    value_info: Mapping[str, Shape] | None = None,
) -> onnx.ModelProto:
    """Return a model; tensors are float32 unless ``types`` gives another ONNX type code."""

    def described(shapes: Mapping[str, Shape]) -> list[onnx.ValueInfoProto]:
        codes = types or {}
        return [helper.make_tensor_value_info(n, codes.get(n, 1), s) for n, s in shapes.items()]

    graph = helper.make_graph(
        list(nodes),
        "test",
        described(inputs),
        described(outputs),
        [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()],
        value_info=described(value_info or {}),
    )
    imports = {"": opset, **(domains or {})}
    return helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid(d, v) for d, v in imports.items()],
        functions=list(functions),
        ir_version=10,
    )


def float_node(
    name: str, op_type: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any
) -> Node:
    """Return a node of the standard domain, opset 17."""
    return Node(
        name=name,
        op_type=op_type,
        domain="",
        opset=17,
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        attributes=attributes,
    )


def float_graph(
    nodes: Sequence[Node],
    inputs: Sequence[str] = ("x",),
    outputs: Sequence[str] = ("y",),
    constants: Mapping[str, Array] | None = None,
    shape: tuple[int, ...] = (2, 3),
) -> Graph:
    """Return a graph whose inputs and node outputs are all float32 of one shape."""
    made = [*inputs, *(name for node in nodes for name in node.outputs if name)]
    values = {name: ValueInfo(name=name, dtype=FLOAT, shape=shape) for name in made}
    graph = Graph(
        name="test",
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        values=values,
        constants={},
        nodes=tuple(nodes),
        source="test.onnx",
    )
    return graph.with_constants(constants or {})
