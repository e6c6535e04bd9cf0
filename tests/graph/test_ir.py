from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lpu_emu.errors import ModelError
from lpu_emu.graph.ir import Graph, Node, ValueInfo

from .builders import FLOAT, float_graph, float_node


def chain() -> Graph:
    nodes = [float_node("a", "Relu", ["x"], ["h"]), float_node("b", "Add", ["h", "h"], ["y"])]
    return float_graph(nodes)


def findings(graph: Graph) -> list[str]:
    with pytest.raises(ModelError) as caught:
        graph.verify()
    return [line.removeprefix("test.onnx: ") for line in str(caught.value).splitlines()]


def test_value_sizes() -> None:
    value = ValueInfo(name="v", dtype=np.dtype(np.float16), shape=(2, 3, 4))
    assert (value.size, value.size_bytes, str(value)) == (24, 48, "float16[2,3,4]")
    scalar = ValueInfo(name="s", dtype=FLOAT, shape=())
    assert (scalar.size, scalar.size_bytes, str(scalar)) == (1, 4, "float32[]")


def test_optional_operands() -> None:
    node = float_node("clip", "Clip", ["x", "", "top"], ["y"])
    assert [node.input_at(i) for i in range(4)] == ["x", "", "top", ""]
    assert [node.output_at(i) for i in range(2)] == ["y", ""]


def test_attributes_have_types() -> None:
    table = np.arange(3)
    node = float_node("n", "Op", [], [], i=3, f=0.5, t="same", l=(1, 2), a=table)
    assert node.int_attribute("i", 0) == 3
    assert node.int_attribute("missing", 7) == 7
    assert node.float_attribute("f", 0.0) == 0.5
    assert node.float_attribute("i", 0.0) == 3.0
    assert node.text_attribute("t", "") == "same"
    assert node.ints_attribute("l") == (1, 2)
    assert node.ints_attribute("missing") is None
    assert node.tensor_attribute("a") is table
    assert node.tensor_attribute("missing") is None


@pytest.mark.parametrize(
    ("getter", "expected"),
    [
        (lambda n: n.int_attribute("bad", 0), "an integer"),
        (lambda n: n.float_attribute("bad", 0.0), "a number"),
        (lambda n: n.text_attribute("bad", ""), "a text"),
        (lambda n: n.ints_attribute("bad"), "a list of integers"),
        (lambda n: n.tensor_attribute("bad"), "a tensor"),
    ],
)
def test_attribute_of_another_type_is_refused(getter: object, expected: str) -> None:
    node = float_node("n", "Op", [], [], bad=("x", 1))
    with pytest.raises(ModelError) as caught:
        getter(node)  # type: ignore[operator]
    assert str(caught.value) == f"node 'n' (Op): attribute 'bad' must be {expected}, not ('x', 1)"


def test_producers_and_consumers() -> None:
    graph = chain().verify()
    a, b = graph.nodes
    assert graph.producers == {"h": a, "y": b}
    assert graph.consumers == {"x": (a,), "h": (b,), "y": ()}
    assert graph.nodes_by_name == {"a": a, "b": b}


def test_constants_cannot_be_written() -> None:
    graph = chain().with_constants({"c": np.zeros(4, dtype=np.int8)})
    assert graph.values["c"] == ValueInfo(name="c", dtype=np.dtype(np.int8), shape=(4,))
    with pytest.raises(ValueError, match="read-only"):
        graph.constants["c"][0] = 1


def test_node_text_shows_its_domain() -> None:
    node = Node(name="n", op_type="Op", domain="my", opset=1, inputs=(), outputs=())
    assert str(node) == "node 'n' (my::Op)"


def test_verify_lists_all_definition_errors() -> None:
    graph = chain().with_constants({"x": np.zeros((2, 3), dtype=np.float32)})
    twice = graph.with_nodes([*graph.nodes, float_node("a", "Neg", ["x"], ["h"])])
    assert findings(twice) == [
        "tensor 'x' is defined twice: by a graph input and by a constant",
        "tensor 'h' is defined twice: by node 'a' (Relu) and by node 'a' (Neg)",
        "two nodes are named 'a'",
    ]


def test_verify_checks_the_order() -> None:
    graph = chain()
    assert findings(graph.with_nodes(graph.nodes[::-1])) == [
        "node 'b' (Add) reads tensor 'h' before it is produced"
    ]
    assert findings(graph.with_nodes(graph.nodes[1:])) == [
        "node 'b' (Add) reads tensor 'h' but nothing produces it",
        "tensor 'h' is described but nothing defines it",
    ]


def test_verify_checks_outputs() -> None:
    assert findings(replace(chain(), outputs=("z",))) == ["graph output 'z' is produced by no node"]
    assert findings(replace(chain(), outputs=())) == ["the graph has no outputs"]


def test_verify_checks_descriptions() -> None:
    graph = chain()
    values = dict(graph.values)
    del values["h"]
    values["y"] = ValueInfo(name="z", dtype=FLOAT, shape=(-1, 3))
    assert findings(replace(graph, values=values)) == [
        "tensor 'h' (node 'a' (Relu)) has no shape and type",
        "tensor 'y' is described under the name 'z'",
        "tensor 'y' has a negative dimension: float32[-1,3]",
    ]


def test_verify_checks_constants() -> None:
    graph = chain().with_constants({"c": np.zeros(2, dtype=np.int8)})
    wrong = graph.with_values([ValueInfo(name="c", dtype=FLOAT, shape=(2,))])
    assert findings(wrong) == ["constant 'c' is int8[2] but described as float32[2]"]


def test_verify_wants_node_names() -> None:
    nameless = float_graph([float_node("", "Relu", ["x"], ["y"])])
    assert findings(nameless) == ["node 0 (Relu) has no name"]
