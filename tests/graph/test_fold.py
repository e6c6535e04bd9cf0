from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lpu_emu.errors import ModelError
from lpu_emu.graph import fold_constants
from lpu_emu.graph.fold import remove_copies
from lpu_emu.graph.ir import Graph, ValueInfo

from .builders import Array, float_graph, float_node

ONES = np.ones((2, 3), dtype=np.float32)


def described(graph: Graph, **arrays: Array) -> Graph:
    """Return the graph with tensors described as the given arrays are."""
    return graph.with_values([ValueInfo(name=n, dtype=a.dtype, shape=a.shape) for n, a in arrays.items()])


def kinds(graph: Graph) -> list[str]:
    return [node.op_type for node in graph.verify().nodes]


def test_constant_chains_become_one_constant() -> None:
    nodes = [
        float_node("a", "Add", ["c", "c"], ["p"]),
        float_node("b", "Mul", ["p", "p"], ["q"]),
        float_node("d", "Sub", ["x", "q"], ["y"]),
    ]
    graph = fold_constants(float_graph(nodes, constants={"c": ONES}))
    assert kinds(graph) == ["Sub"]
    assert {name: array.tolist() for name, array in graph.constants.items()} == {"q": (4 * ONES).tolist()}


def test_folding_does_not_change_its_input() -> None:
    before = float_graph([float_node("a", "Add", ["c", "c"], ["y"])], constants={"c": ONES})
    fold_constants(before)
    assert kinds(before) == ["Add"]
    assert list(before.constants) == ["c"]


def test_constant_outputs_stay_outputs() -> None:
    graph = fold_constants(float_graph([float_node("a", "Add", ["c", "c"], ["y"])], constants={"c": ONES}))
    assert kinds(graph) == []
    assert graph.constants["y"].tolist() == (2 * ONES).tolist()
    assert graph.outputs == ("y",)


def test_shapes_of_variable_tensors_are_known() -> None:
    nodes = [
        float_node("s", "Shape", ["x"], ["shape"]),
        float_node("n", "Size", ["x"], ["size"]),
        float_node("c", "Concat", ["shape", "shape"], ["both"], axis=0),
    ]
    graph = float_graph(nodes, outputs=["both", "size"])
    graph = described(graph, shape=np.zeros(2, np.int64), size=np.asarray(0), both=np.zeros(4, np.int64))
    folded = fold_constants(graph)
    assert kinds(folded) == []
    assert folded.constants["both"].tolist() == [2, 3, 2, 3]
    assert folded.constants["size"].tolist() == 6


def quantised_weights() -> Graph:
    nodes = [
        float_node("q", "QuantizeLinear", ["w", "scale", "zero"], ["whole"]),
        float_node("d", "DequantizeLinear", ["whole", "scale", "zero"], ["real"]),
        float_node("a", "Add", ["x", "real"], ["y"]),
    ]
    constants: dict[str, Array] = {
        "w": ONES,
        "scale": np.asarray(0.5, dtype=np.float32),
        "zero": np.asarray(0, dtype=np.int8),
    }
    return described(float_graph(nodes, constants=constants), whole=np.zeros((2, 3), np.int8))


def test_dequantised_weights_keep_their_integers() -> None:
    graph = fold_constants(quantised_weights())
    assert kinds(graph) == ["DequantizeLinear", "Add"]
    assert graph.constants["whole"].tolist() == [[2, 2, 2], [2, 2, 2]]


def test_the_kept_operators_can_be_chosen() -> None:
    graph = fold_constants(quantised_weights(), keep=())
    assert kinds(graph) == ["Add"]
    assert graph.constants["real"].tolist() == ONES.tolist()


def test_unreasonable_growth_is_not_folded() -> None:
    node = float_node("e", "Expand", ["c", "shape"], ["big"])
    graph = float_graph(
        [node, float_node("a", "Add", ["x", "big"], ["y"])],
        constants={"c": np.ones(1, dtype=np.float32), "shape": np.asarray([1 << 40, 3])},
    )
    big = ValueInfo(name="big", dtype=np.dtype(np.float32), shape=(1 << 40, 3))
    assert kinds(fold_constants(graph.with_values([big]))) == ["Expand", "Add"]


def test_variants_that_are_not_evaluated_stay() -> None:
    node = float_node("e", "EyeLike", ["c"], ["y"], dtype=6)
    graph = described(float_graph([node], constants={"c": ONES}), y=np.zeros((2, 3), np.int32))
    assert kinds(fold_constants(graph)) == ["EyeLike"]


def test_invalid_constant_nodes_are_refused() -> None:
    nodes = [float_node("g", "Gather", ["c", "i"], ["y"])]
    graph = float_graph(nodes, constants={"c": ONES, "i": np.asarray([9])})
    with pytest.raises(ModelError, match=r"^node 'g' \(Gather\): an index lies outside the 2 elements"):
        fold_constants(graph)


def test_a_result_against_its_description_is_refused() -> None:
    nodes = [float_node("t", "Transpose", ["c"], ["y"])]
    with pytest.raises(ModelError) as caught:
        fold_constants(float_graph(nodes, constants={"c": ONES}))
    assert str(caught.value) == (
        "test.onnx: node 't' (Transpose) evaluates to float32[3,2], but was inferred as float32[2,3]"
    )


def test_identity_and_dropout_disappear() -> None:
    nodes = [
        float_node("i", "Identity", ["x"], ["p"]),
        float_node("d", "Dropout", ["p", "ratio", "off"], ["q", "mask"]),
        float_node("r", "Relu", ["q"], ["y"]),
    ]
    constants: dict[str, Array] = {"ratio": np.asarray(0.5, np.float32), "off": np.asarray(False)}
    graph = remove_copies(float_graph(nodes, constants=constants))
    assert kinds(graph) == ["Relu"]
    assert graph.nodes[0].inputs == ("x",)


def test_dropout_that_works_stays() -> None:
    training = float_node("d", "Dropout", ["x", "", "on"], ["y"])
    assert kinds(remove_copies(float_graph([training], constants={"on": np.asarray(True)}))) == ["Dropout"]
    masked = float_node("d", "Dropout", ["x"], ["y", "mask"])
    assert kinds(remove_copies(replace(float_graph([masked]), outputs=("y", "mask")))) == ["Dropout"]
